"""From corpus rows to token ids and targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from synthetic_corpus import row, table
from tiny_base import PIECES, tiny_tokenizer

from scamdetect.errors import RecipeError
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.train.recipe import BaseTable, DataTable, LossTable, Recipe, ScamShares
from scamdetect.train.rows import TrainingRows, collate, prepare_rows, read_roles, seen_texts

pytestmark = pytest.mark.slow

RULE = 0.4
RECIPE = Recipe("test", data=DataTable(disguised_share=0.0), loss=LossTable(rule_weight=RULE))
LOTTERY, LOAN = (next(i for i, k in enumerate(KINDS) if k == name) for name in ("lottery", "loan"))
CLASSES = {verdict.value: number for number, verdict in enumerate(VERDICTS)}


def _prepared(*extra: dict[str, Any]) -> TrainingRows:
    """Return a legit and a scam row with the rows of the test after them."""
    scam = row(2, "scam", role="train", kinds_provenance="read")
    return prepare_rows(
        table([row(1, "legit", role="train"), scam, *extra]), tiny_tokenizer(), RECIPE
    )


def test_roles_and_licences_choose_the_rows(tmp_path: Path) -> None:
    rows = [
        row(1, "legit", role="train"),
        row(2, "scam", role="train", licence_class="none-stated"),
        row(3, "scam", role="train", licence_class="non-commercial"),
        row(4, "scam", role="calibrate", licence_class="non-commercial"),
        row(5, "scam", role="dev", licence_class="non-commercial"),
        row(6, "scam", role="test"),
    ]
    corpus = tmp_path / "corpus.parquet"
    pq.write_table(table(rows), corpus)

    def groups(roles: list[str], licences: str) -> list[int]:
        return read_roles(corpus, roles, licences)["group"].to_pylist()

    assert groups(["train"], "permissive") == [1]
    assert groups(["train"], "default") == [1, 2]
    assert groups(["train"], "all") == [1, 2, 3]
    assert groups(["train", "calibrate", "dev"], "default") == [1, 2, 5]


def test_what_is_no_corpus_is_named(tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    path.write_bytes(b"PAR1 half")
    with pytest.raises(RecipeError, match=r"corpus\.parquet: not a corpus.*scamdetect data build"):
        read_roles(path, ["train"], "all")


def test_texts_become_ids_without_special_tokens() -> None:
    rows = _prepared(row(3, "scam", norm="hello, bitcoin!"))
    names = [PIECES[number] for number in rows.ids[2]]
    assert names == ["\u2581hello", ",", "\u2581bitcoin", "!"]
    assert rows.facts.lengths[2] == 6
    assert rows.facts.cells[2] == ("en_invented", "en", "")
    assert rows.facts.cells[0][2] == "everyday"


def test_verdicts_their_weights_and_classes() -> None:
    rows = _prepared(
        row(3, "spam"),
        row(4, "spam", not_legit=True),
        row(5, "scam", not_legit=True),
        row(6, "scam", verdict_provenance="rule", weight=0.3),
    )
    verdicts = [CLASSES["legit"], CLASSES["scam"], CLASSES["spam"], -1, -1, CLASSES["scam"]]
    assert rows.targets.verdict.tolist() == verdicts
    assert rows.targets.verdict_weight.tolist() == pytest.approx([1, 1, 1, 1, 1, RULE])
    assert rows.facts.classes == ["legit", "scam", "spam", "spam", "spam", "scam"]
    assert rows.facts.weights.tolist() == pytest.approx([1, 1, 1, 1, 1, 0.3])


@pytest.mark.parametrize(
    ("changes", "lottery", "loan"),
    [
        # (target, weight) of the kind that is stated and of one that is not
        ({"verdict": "scam", "kinds_provenance": "read"}, (1, 1.0), (0, 1.0)),
        ({"verdict": "scam", "kinds_provenance": "authored"}, (1, 1.0), (0, 1.0)),
        ({"verdict": "scam", "kinds_provenance": "source"}, (0, 0.0), (0, 0.0)),
        ({"verdict": "scam", "kinds_provenance": "rule"}, (0, 0.0), (0, 0.0)),
        ({"verdict": "scam", "kinds": [], "kinds_provenance": "read"}, (0, 0.0), (0, 0.0)),
        ({"verdict": "scam", "not_legit": True, "kinds_provenance": "read"}, (0, 0.0), (0, 0.0)),
        ({"verdict": "spam"}, (0, 0.0), (0, 0.0)),
        ({"verdict": "legit"}, (0, 0.0), (0, 0.0)),
    ],
)
def test_kinds_are_learnt_only_where_somebody_saw_them(
    changes: dict[str, Any], lottery: tuple[int, float], loan: tuple[int, float]
) -> None:
    targets = _prepared(row(3, **changes)).targets
    for place, expected in ((LOTTERY, lottery), (LOAN, loan)):
        found = (targets.kinds[2, place].item(), targets.kinds_weight[2, place].item())
        assert found == pytest.approx(expected)


def test_only_languages_with_enough_rows_are_learnt() -> None:
    many = [row(100 + n, "legit", lang="th") for n in range(100)]
    unsure = [row(300 + n, "legit", lang="und") for n in range(100)]
    few = [row(500 + n, "legit", lang="km") for n in range(99)]
    rows = _prepared(*many, *unsure, *few)
    assert rows.languages == ["th"]
    assert rows.targets.language.tolist() == [-1, -1, *[0] * 100, *[-1] * 199]


@pytest.mark.parametrize(
    ("verdicts", "missing"),
    [(["legit", "spam"], "scam"), (["scam", "spam"], "legit"), ([], "legit and no scam")],
)
def test_a_missing_class_is_named(verdicts: list[str], missing: str) -> None:
    rows = [row(number, verdict) for number, verdict in enumerate(verdicts)]
    with pytest.raises(RecipeError, match=f"no {missing} rows"):
        prepare_rows(table(rows), tiny_tokenizer(), RECIPE)


@pytest.mark.parametrize(
    ("key", "lack"), [("soft", "has a reader's probability"), ("pair", "belongs to a pair")]
)
def test_a_loss_that_no_row_feeds_is_refused(key: str, lack: str) -> None:
    own = {"role": "train", "verdict_provenance": "authored", "thread_id": "en-p1", "reader": 9}
    public = {"role": "train", "thread_id": "en-p1"}
    recipe = Recipe("test", loss=LossTable(**{key: 0.5}))
    rows = [row(1, "legit", **public), row(2, "scam", **public)]
    with pytest.raises(RecipeError, match=f"loss.{key} is 0.5, .*{lack}; .*data build.*{key} to 0"):
        prepare_rows(table(rows), tiny_tokenizer(), recipe)
    fed = table([*rows, row(3, "scam", **own)])
    assert len(prepare_rows(fed, tiny_tokenizer(), recipe).ids) == 3


def test_a_batch_is_padded_between_its_edges() -> None:
    rows = _prepared(row(3, "spam", norm="hello " * 18))
    batch = np.array([2, 1])
    ids, mask, targets = collate(rows, batch, 64, np.random.default_rng(0))
    assert ids.shape == mask.shape == (2, 32)
    assert ids.dtype is mask.dtype is torch.int64
    for line, number in enumerate(batch.tolist()):
        length = len(rows.ids[number]) + 2
        assert ids[line, :length].tolist() == [0, *rows.ids[number].tolist(), 2]
        assert (ids[line, length:] == 1).all()
        assert mask[line].tolist() == [1] * length + [0] * (32 - length)
    assert targets.verdict.tolist() == [CLASSES["spam"], CLASSES["scam"]]
    assert targets.kinds[:, LOTTERY].tolist() == [0.0, 1.0]


def test_a_long_row_gives_its_start_or_some_window() -> None:
    rows = _prepared(row(3, "spam", norm=" ".join("hello profit offer sale lunch".split() * 20)))
    whole = rows.ids[2].tolist()
    starts = []
    for seed in range(60):
        ids, mask, _ = collate(rows, np.array([2]), 32, np.random.default_rng(seed))
        window = ids[0, 1:-1].tolist()
        assert (ids.shape, mask.sum().item(), len(window)) == ((1, 32), 32, 30)
        places = [n for n in range(len(whole) - 29) if whole[n : n + 30] == window]
        assert places
        starts.append(places[0])
    assert 15 < starts.count(0) < 50  # half of them, and those of the windows that begin alike
    assert len(set(starts)) == 5  # the text repeats itself after five words
    again = collate(rows, np.array([2]), 32, np.random.default_rng(7))[0]
    assert torch.equal(again, collate(rows, np.array([2]), 32, np.random.default_rng(7))[0])


def test_a_share_of_every_class_is_disguised_and_repeats_with_the_seed() -> None:
    rows = [row(n, verdict, role="train") for n in range(40) for verdict in ("legit", "scam")]
    clean = [one["norm"] for one in rows]
    made = seen_texts(table(rows), Recipe("test", data=DataTable(disguised_share=0.5)))
    changed = [new != old for new, old in zip(made, clean, strict=True)]
    assert 25 < sum(changed) < 55 and 10 < sum(changed[::2]) < 30
    assert made == seen_texts(table(rows), Recipe("test", data=DataTable(disguised_share=0.5)))
    assert seen_texts(table(rows), Recipe("test", data=DataTable(disguised_share=0.0))) == clean


def test_a_corpus_of_another_normaliser_is_refused(tmp_path: Path) -> None:
    found = table([row(1, "legit", role="train")]).replace_schema_metadata(
        {"normaliser_version": "1"}
    )
    pq.write_table(found, tmp_path / "corpus.parquet")
    with pytest.raises(
        RecipeError, match=r"built with normaliser 1, but this is 3; run: scamdetect"
    ):
        read_roles(tmp_path / "corpus.parquet", ["train"], "all")


def test_authored_rows_weigh_as_the_recipe_says() -> None:
    rows = [row(1, "legit", role="train"), row(2, "scam", role="train")]
    rows.append(row(3, "scam", role="train", verdict_provenance="authored", weight=0.5))
    recipe = Recipe("test", data=DataTable(authored_weight=3.0))
    assert prepare_rows(table(rows), tiny_tokenizer(), recipe).facts.weights.tolist() == [
        1.0, 1.0, 1.5,
    ]  # fmt: skip


def test_shares_of_scams_take_the_place_of_the_weight_of_authored_scams() -> None:
    own = {"role": "train", "verdict_provenance": "authored", "source": "authored_en"}
    rows = [row(1, "legit", **own), row(2, "scam", **own), row(3, "scam", role="train")]
    shares = ScamShares(real=0.5, riddles=0.5)
    recipe = Recipe("test", data=DataTable(authored_weight=3.0, scam_shares=shares))
    facts = prepare_rows(table(rows), tiny_tokenizer(), recipe).facts
    assert facts.weights.tolist() == [3.0, 1.0, 1.0]
    assert list(facts.groups) == ["", "riddles", "real"]


def test_readers_and_pairs_are_known_to_the_targets() -> None:
    own = {"verdict_provenance": "authored", "thread_id": "en-p1", "source": "authored_en"}
    targets = _prepared(
        row(3, "scam", reader=88, **own),
        row(4, "legit", **own),
        row(5, "scam", thread_id="en-p1"),  # a public thread is no pair
    ).targets
    assert targets.pair.tolist() == [-1, -1, 0, 0, -1]
    assert targets.soft[2].item() == pytest.approx(0.88)
    assert torch.isnan(targets.soft[[0, 1, 3, 4]]).all()


def test_a_prefix_stands_before_every_window() -> None:
    rows = [row(1, "legit", role="train"), row(2, "scam", role="train", norm="lunch " * 90)]
    recipe = Recipe("test", base=BaseTable(prefix="hello "), data=DataTable(disguised_share=0.0))
    prepared = prepare_rows(table(rows), tiny_tokenizer(), recipe)
    assert [PIECES[number] for number in prepared.prefix] == ["\u2581hello"]
    ids, mask, _ = collate(prepared, np.array([0, 1]), 32, np.random.default_rng(0))
    assert (ids[:, 1] == prepared.prefix[0]).all()
    assert mask.sum(dim=1).tolist() == [len(prepared.ids[0]) + 3, 32]
    assert prepared.facts.lengths[0] == len(prepared.ids[0]) + 3


def test_a_prefix_that_fills_the_window_is_refused() -> None:
    rows = table([row(1, "legit", role="train"), row(2, "scam", role="train")])
    base = BaseTable(prefix="hello " * 6)
    prepare_rows(rows, tiny_tokenizer(), Recipe("test", base=base, data=DataTable(max_tokens=9)))
    with pytest.raises(RecipeError, match=r"base\.prefix takes 6 tokens .*max_tokens = 8; raise"):
        prepare_rows(rows, tiny_tokenizer(), Recipe("t", base=base, data=DataTable(max_tokens=8)))
