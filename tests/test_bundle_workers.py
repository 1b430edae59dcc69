"""Worker processes: only on demand, same answers, ended by close."""

from __future__ import annotations

import multiprocessing
import shutil
import threading
from pathlib import Path

import pytest
from tiny_bundle import write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import MODEL, write_manifest
from scamdetect.errors import BundleError, InputError, ScamDetectError


def test_workers_give_the_same_answers_and_end(detector: ScamDetector, tiny_bundle: Path) -> None:
    texts = [f"{'profit ' * (number % 7)}hello {number}" for number in range(600)] + [None]
    before = set(multiprocessing.active_children())
    with ScamDetector.load(tiny_bundle, threads=1, workers=2) as pooled:
        pooled.predict("hello")
        assert set(multiprocessing.active_children()) == before
        assert pooled.predict(texts) == detector.predict(texts)
        assert len(set(multiprocessing.active_children()) - before) == 2
        assert list(pooled.with_thresholds(flag=0.99).stream(texts[:3]))
    assert set(multiprocessing.active_children()) == before


def test_a_dead_worker_is_reported_and_replaced(detector: ScamDetector, tiny_bundle: Path) -> None:
    texts = [f"hello {number}" for number in range(100)]
    before = set(multiprocessing.active_children())
    with ScamDetector.load(tiny_bundle, threads=1, workers=1, cache_size=0) as pooled:
        pooled.predict(texts)
        for child in set(multiprocessing.active_children()) - before:
            child.kill()
            child.join()
        with pytest.raises(ScamDetectError, match="fewer workers"):
            pooled.predict(texts)
        assert pooled.predict(texts) == detector.predict(texts)


def test_a_worker_killed_in_mid_batch_loses_no_row_in_silence(tiny_bundle: Path) -> None:
    texts = [f"{'profit ' * 9}hello {number}" for number in range(40_000)]
    before = set(multiprocessing.active_children())
    with ScamDetector.load(tiny_bundle, threads=1, workers=2, cache_size=0) as pooled:
        pooled.predict(texts[:600])
        victim = next(iter(set(multiprocessing.active_children()) - before))
        timer = threading.Timer(0.2, victim.kill)
        timer.start()
        with pytest.raises(ScamDetectError, match="worker process ended before its work did"):
            while True:  # until the kill falls into a call
                assert len(pooled.predict(texts)) == len(texts)


def test_workers_score_with_the_bundle_that_was_loaded_or_not_at_all(
    tmp_path: Path, detector: ScamDetector
) -> None:
    folder = write_tiny_bundle(tmp_path / "bundle")
    texts = [f"profit {number}" for number in range(100)]
    with ScamDetector.load(folder, threads=1, workers=1) as pooled:
        shutil.rmtree(folder)
        write_tiny_bundle(folder, prefix="lunch lunch", version="6.6.6")
        assert pooled.predict_proba(texts) == pytest.approx(detector.predict_proba(texts))
    with ScamDetector.load(folder, threads=1, workers=1) as pooled:
        (folder / MODEL).write_bytes((folder / MODEL).read_bytes() + b"\xa2\x06\0")
        write_manifest(folder, {})
        with pytest.raises(BundleError, match=r"model\.onnx: changed since"):
            pooled.predict(texts)


def test_a_negative_number_of_workers_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="workers=-1"):
        ScamDetector.load(tiny_bundle, workers=-1)
