"""Labels of foreign models."""

from __future__ import annotations

import numpy as np
import pytest

from scamdetect.bench.detectors.sklearn import scam_places
from scamdetect.errors import InputError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("labels", "label_map", "expected"),
    [
        (["legit", "Scam", "spam"], None, [1]),
        ([0, 1], None, [1]),
        (np.array([False, True]), None, [1]),
        (["ham", "phishing", "fraud"], {"phishing": "scam", "fraud": "scam"}, [1, 2]),
        (["ham", "scam"], {"ham": "scam"}, [0]),
        ([0, 1, 2], {"2": "scam"}, [2]),
        (["scam"], None, [0]),
    ],
)
def test_scam_is_what_is_mapped_to_it_or_named_so(labels, label_map, expected) -> None:
    assert scam_places(labels, label_map).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "label_map", "message"),
    [
        (["LABEL_0", "LABEL_1"], None, "LABEL_0, LABEL_1; .*--label-map LABEL=scam"),
        (["ham", "phishing"], None, "no label"),
        ([1, 2], None, "no label"),
        ([0, 1, 2], None, "no label"),
        (["ham", "fraud"], {"froud": "scam"}, "no label 'froud'; its labels are: ham, fraud"),
        (["ham", "fraud"], {"fraud": "bad"}, "'bad'; use legit, spam, scam"),
        (["ham", "fraud"], {"ham": "legit"}, "no label"),
        (["a", "b"], {"a": "scam", "b": "scam"}, "all of"),
    ],
)
def test_labels_that_leave_scam_open_are_refused(labels, label_map, message) -> None:
    with pytest.raises(InputError, match=message):
        scam_places(labels, label_map)
