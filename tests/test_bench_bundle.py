"""Bundles as detectors of the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from bench_setting import setting
from synthetic_corpus import row, table

from scamdetect import ScamDetector
from scamdetect.bench.detectors import bundle
from scamdetect.bench.detectors.bundle import load, training_of
from scamdetect.bench.names import checked
from scamdetect.bench.suites.rows import generator_of
from scamdetect.errors import BundleError

pytestmark = pytest.mark.slow

TEXTS = ["guaranteed bitcoin profit, darling", "", "lunch meeting tomorrow"]


def test_a_bundle_says_what_the_public_api_says(
    tiny_bundle: Path, detector: ScamDetector, tmp_path: Path
) -> None:
    ready = load(str(tiny_bundle), setting(tmp_path))
    answers = checked(ready, TEXTS)
    said = detector.predict(TEXTS)
    assert ready.identity == detector.model_id
    np.testing.assert_array_equal(
        answers.scam[[0, 2]], [said[0].scam_probability, said[2].scam_probability]
    )
    assert np.isnan(answers.scam[1]) and answers.problems == (None, "unscored", None)
    assert answers.flagged is not None
    assert answers.flagged.tolist() == [one.decision == "flag" for one in said]
    assert answers.kinds is not None
    assert answers.kinds[0] == {score.kind for score in said[0].kinds}


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="folder not found"):
        load(str(tmp_path / "none"), setting(tmp_path))


def test_generators_are_those_of_the_sources_and_of_the_corpus(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.parquet"
    pq.write_table(
        table(
            [
                row(1, "scam", role="train", source="mine", generated="my-model (stated)"),
                row(2, "scam", role="test", source="mine", generated="unseen"),
                row(3, "scam", role="train", source="not_mine", generated="another"),
            ]
        ),
        corpus,
    )
    names = ("authored_en", "mine", "hinglish_flirt_dialogues_hi", "uci_sms_spam")
    record = {"sources": [{"source": name} for name in names], "corpus_sha256": "abc"}
    known = training_of(record, None)
    assert known is not None
    assert known.sources == set(names) and known.corpus_sha256 == "abc"
    assert known.generators == {"claude", "gpt-3.5"}
    looked_up = training_of(record, corpus)
    assert looked_up is not None
    assert looked_up.generators == {"claude", "gpt-3.5", "my-model"}


def test_generators_that_were_held_out_are_taken_out() -> None:
    sources = [{"source": "authored_en"}, {"source": "pest_human_vs_llm_email"}]
    found = training_of({"sources": sources, "without_generators": ["pest-llm"]}, None)
    assert found is not None and found.generators == {"claude"}


def test_a_bundle_that_names_no_source_has_no_known_training() -> None:
    assert training_of({}, None) is None


def test_every_source_that_says_who_wrote_it_is_known_here() -> None:
    """Sources of a model's rows that no table here knows would pass for unseen."""
    pytest.importorskip("msgspec", reason="needs the extra train")
    from scamdetect.train.data.registry import load_registry

    folder = Path(bundle.__file__).parents[3] / "data" / "sources"
    for name, source in load_registry(folder).items():
        if source.read is None or source.row is None:
            continue
        said = [source.row.generated, *(part.generated for part in source.read.parts)]
        wanted = {generator_of(name, one) for one in said} - {None}
        record = {"sources": [{"source": name}]}
        found = training_of(record, None)
        assert found is not None and wanted <= found.generators, name
