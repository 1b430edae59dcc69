"""What a card says of a bundle's making."""

from __future__ import annotations

from scamdetect.bundle.bundle import Bundle
from scamdetect.labels import KINDS
from scamdetect.train.card_made import kind_thresholds, making


def test_a_kind_that_is_never_named_is_said_to_be() -> None:
    never = {"f1": None, "precision": None}
    own = {kind.value: never for kind in KINDS} | {"romance": {"f1": 0.25, "precision": 0.7}}
    settings = {"kinds": list(own), "kind_threshold": 0.2, "operating_points": []}
    page = kind_thresholds(settings | {"kind_thresholds": own})
    assert (
        "| romance | - | 0.2500 | 0.7000 |" in page and "| job | - | never named | none |" in page
    )
    assert "at least 60% are of the kind" in page and "`other` stands for them" in page


def test_an_older_bundle_names_kinds_without_proof() -> None:
    own = {"romance": {"f1": 0.25, "precision": None}}
    settings = {"kinds": [kind.value for kind in KINDS], "kind_threshold": 0.2}
    page = kind_thresholds(settings | {"kind_thresholds": own, "operating_points": []})
    assert "best-F1 threshold, others from 0.2000." in page and "never named" not in page


def test_a_mean_of_runs_is_said_with_its_runs() -> None:
    training = dict(Bundle.load().training) | {"mean_of": None}
    assert "mean of" not in making(training)
    runs = [{"seed": 0, "start": {"tokens": 6_000_000}}, {"seed": 1, "start": None}]
    said = " The weights are the mean of 2 runs: seed 0 from 6,000,000 tokens, seed 1."
    assert said in making(training | {"mean_of": runs})
