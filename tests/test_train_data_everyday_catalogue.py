"""The catalogue of everyday messages: the shipped one, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from invented_everyday import write_catalogue

from scamdetect.errors import SourceError
from scamdetect.train.data.everyday import load_catalogue

CARDS = Path(__file__).resolve().parent.parent / "data" / "cards"
LARGE = {"bank", "task", "toll", "invest", "romance", "vendor"}


def test_the_shipped_catalogue_has_what_the_plan_asks_for() -> None:
    catalogue = load_catalogue(CARDS)
    of_type = Counter(one.type for one in catalogue.campaigns.values())
    assert set(of_type) == set(catalogue.types) and len(of_type) == 28
    assert min(of_type.values()) >= 6 and min(of_type[name] for name in LARGE) >= 12
    assert len(catalogue.campaigns) >= 200 and len(catalogue.families) >= 170
    for entries in (catalogue.campaigns.values(), catalogue.families.values()):
        shares = Counter(one.part for one in entries)
        for part, share in {"train": 0.55, "calibrate": 0.15, "dev": 0.15, "final": 0.15}.items():
            assert shares[part] / len(entries) == pytest.approx(share, abs=0.03), part
    assert {family.mirrors for family in catalogue.families.values()} <= set(of_type)


def test_an_entry_is_found_by_its_id(tmp_path: Path) -> None:
    catalogue = load_catalogue(write_catalogue(tmp_path))
    assert catalogue.entry("parcel-dev") is catalogue.campaigns["parcel-dev"]
    assert catalogue.slices("n-dev") == ("transactional",) and catalogue.slices("parcel-dev") == ()
    assert catalogue.entry("nothing") is None
    assert catalogue.families["n-final"].part == "final"


@pytest.mark.parametrize(
    ("replaced", "words"),
    [
        ({'type = "parcel"': 'type = "letter"'}, "unknown type 'letter'; known: parcel"),
        ({'mirrors = "parcel"': 'mirrors = "letter"'}, "unknown type 'letter'; of parcel"),
        ({'id = "parcel-dev"': 'id = "parcel-train"'}, "the id 'parcel-train' occurs 2 times"),
        ({'part = "dev"': 'part = "train"'}, "type parcel has no campaign of the part dev"),
        ({'kinds = ["delivery", "phishing"]': "kinds = []"}, "parcel-train: no kinds"),
        ({'"delivery", ': '"parcels", '}, r"campaigns\.toml: .*parcels"),
        ({"says =": "told ="}, r"campaigns\.toml: .*told"),
    ],
)
def test_a_wrong_catalogue_is_named(tmp_path: Path, replaced: dict[str, str], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        load_catalogue(write_catalogue(tmp_path, replaced=replaced))
