from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from invented_dialogues import dialogue_table

from scamdetect import Decision, ScamDetector
from scamdetect.bundle.bundle import MODEL, Bundle, write_manifest
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.conversation.predict import Judged, Reading, judge, read_conversations
from scamdetect.conversation.rule import DISCOUNT, ConversationRule, Weights
from scamdetect.errors import BundleError, InputError, RecipeError
from scamdetect.system.files import file_sha256
from scamdetect.text.normalise import NORMALISER_VERSION
from scamdetect.train.conversations import (
    FEWEST,
    LONG_FPR,
    LONG_TURNS,
    MOST_LENGTH,
    WINDOW,
    add_conversation_rule,
    drawn,
    fit_conversation_rule,
    fit_length,
    joined,
    of_turns,
    source_masses,
)
from scamdetect.train.data.table import dialogues
from tests.tiny_bundle import write_tiny_bundle

pytestmark = pytest.mark.slow


def fitted(detector: ScamDetector) -> ConversationRule:
    rule = fit_conversation_rule(detector, dialogue_table(FEWEST))
    assert rule is not None
    return rule


def test_the_rule_parts_scams_from_honest_conversations(detector: ScamDetector) -> None:
    rule = fitted(detector)
    assert rule.weights.message + rule.weights.window > 0
    assert rule.fitted_on == {"legit": FEWEST, "scam": FEWEST}
    assert 1 <= rule.enough_turns <= 3
    assert 0 < rule.thresholds.review <= rule.thresholds.flag <= 1
    assert rule.weights.length >= DISCOUNT


def test_no_more_honest_conversations_are_flagged_than_asked_for(detector: ScamDetector) -> None:
    rule = fitted(detector)
    found = drawn(dialogues(dialogue_table(FEWEST)))
    readings = read_conversations(detector, WINDOW, [one.messages for one in found])
    flagged = np.array([judge(r, rule, "").decision is Decision.FLAG for r in readings])
    scam = np.array([one.scam for one in found])
    masses = source_masses(found)
    assert masses[flagged & ~scam].sum() <= rule.thresholds_fpr["flag"] + 1e-9
    assert masses[scam].sum() == pytest.approx(1)


def turns(*scores: float) -> Reading:
    return of_turns([Judged(0, None, score, score, 0.5, ()) for score in scores])


def flagged(honest: list[Reading], weights: Weights, flag: float) -> float:
    rule = ConversationRule(weights, WINDOW, Thresholds(flag, flag), {}, 1, {})
    generator = np.random.default_rng(7)
    threads = [joined(honest, LONG_TURNS, generator) for _ in range(60)]
    return float(np.mean([judge(one, rule, "").decision is Decision.FLAG for one in threads]))


def test_long_honest_threads_are_rarely_flagged() -> None:
    honest = [turns(*[-4.0] * 20)] * 120 + [turns(-4.0, bad) for bad in (2.6, 3.0)]
    weights = Weights(0.0, 0.5, 0.5)
    assert flagged(honest, weights, 0.9) > 2 * LONG_FPR
    length = fit_length(honest, weights, 0.9)
    assert DISCOUNT < length < MOST_LENGTH
    assert flagged(honest, replace(weights, length=length), 0.9) <= 1.5 * LONG_FPR


def test_threads_that_need_no_more_get_no_more() -> None:
    assert fit_length([turns(-4.0, -3.0)], Weights(0.0, 0.5, 0.5), 0.9) == DISCOUNT


def test_what_length_cannot_mend_stays_bounded() -> None:
    assert 0 < fit_length([turns(4.0, 4.0)], Weights(0.0, 0.5, 0.5), 0.9) <= MOST_LENGTH


def test_too_few_conversations_give_no_rule(detector: ScamDetector) -> None:
    assert fit_conversation_rule(detector, dialogue_table(FEWEST - 1)) is None


def test_drawing_is_bounded_and_repeatable() -> None:
    rows = list(dialogues(dialogue_table(900)))
    some = drawn(rows)
    assert some == drawn(rows)
    assert len(some) == 600  # of two sources and two verdicts, 150 each


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    corpus = tmp_path / "corpus.parquet"
    table = dialogue_table(FEWEST)
    table = table.append_column("licence_class", pa.array(["permissive"] * table.num_rows))
    built_with = {"normaliser_version": str(NORMALISER_VERSION)}
    pq.write_table(table.replace_schema_metadata(built_with), corpus)
    folder = write_tiny_bundle(tmp_path / "bundle")
    made_from(folder, corpus)
    return folder, corpus


def made_from(folder: Path, corpus: Path) -> None:
    training = {
        "corpus_sha256": file_sha256(corpus),
        "recipe": {"data": {"licences": "default"}},
    }
    write_manifest(folder, training)


def test_a_bundle_gets_a_rule_and_keeps_all_else(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder, corpus = made
    told: list[str] = []
    add_conversation_rule(folder, corpus, tmp_path / "out", "0.0.2", told.append)
    before, after = Bundle.load(folder), Bundle.load(tmp_path / "out")
    assert before.conversation is None and after.conversation is not None
    assert after.conversation.fitted_on == {"legit": FEWEST, "scam": FEWEST}
    assert (after.version, after.thresholds) == ("0.0.2", before.thresholds)
    assert file_sha256(after.folder / MODEL) == file_sha256(before.folder / MODEL)
    assert "conversations are flagged at a risk of" in told[0]
    assert after.training == before.training


def test_a_bundle_of_another_corpus_is_refused(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder, corpus = made
    pq.write_table(pq.read_table(corpus).slice(1), corpus)
    with pytest.raises(RecipeError, match="is not the corpus"):
        add_conversation_rule(folder, corpus, tmp_path / "out", None, print)


def test_an_existing_bundle_is_not_replaced(made: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BundleError, match="exists"):
        add_conversation_rule(*made, tmp_path / "out", None, print)


def test_too_few_conversations_are_an_error(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder, corpus = made
    pq.write_table(pq.read_table(corpus).slice(0, 20), corpus)
    made_from(folder, corpus)
    with pytest.raises(InputError, match="fewer than 100"):
        add_conversation_rule(folder, corpus, tmp_path / "out", None, print)
    assert not (tmp_path / "out").exists()
