"""The TF-IDF baseline."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_corpus import row, table

from scamdetect.errors import InputError
from scamdetect.evaluate.baselines import Baseline, train_baseline

pytestmark = pytest.mark.slow


def _ignore(line: str) -> None:
    del line


def test_baseline_ranks_scams_first_and_is_deterministic() -> None:
    train = table(row(i, verdict) for i in range(20) for verdict in ("legit", "spam", "scam"))
    texts = ["lunch near the bridge?", "pay the release fee of your bitcoin", ""]
    first, second = (train_baseline(train, _ignore).scam_probabilities(texts) for _ in range(2))
    assert first[1] > 0.5 > first[0]
    assert np.isnan(first[2])
    np.testing.assert_array_equal(first, second)


def test_open_verdicts_teach_nothing() -> None:
    rows = [row(i, verdict) for i in range(20) for verdict in ("legit", "scam")]
    rows += [row(i, "spam", not_legit=True) for i in range(20)]
    fitted = train_baseline(table(rows), _ignore)
    assert list(fitted.model.classes_) == ["legit", "scam"]


def test_one_class_is_refused() -> None:
    with pytest.raises(InputError, match="legit and scam"):
        train_baseline(table([row(1, "legit"), row(2, "spam")]), _ignore)


def test_a_baseline_says_the_same_after_it_was_taken_apart() -> None:
    train = table(row(i, verdict) for i in range(20) for verdict in ("legit", "scam"))
    texts = ["lunch near the bridge?", "pay the release fee of your bitcoin", ""]
    fitted = train_baseline(train, _ignore)
    again = Baseline.from_parts(fitted.to_parts())
    np.testing.assert_array_equal(again.scam_probabilities(texts), fitted.scam_probabilities(texts))
