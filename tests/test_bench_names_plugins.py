from __future__ import annotations

import pytest

from scamdetect.bench import names
from scamdetect.errors import InputError


@pytest.mark.parametrize("group", [names.SUITES, names.DETECTORS])
def test_everything_registered_can_be_loaded(group: str) -> None:
    found = names.names(group)
    assert len(found) >= 8
    for name in found:
        assert callable(names.load(group, name))


def test_an_unknown_name_is_answered_by_the_known_ones() -> None:
    with pytest.raises(InputError, match="'nothing'.*keywords.*tfidf"):
        names.load(names.DETECTORS, "nothing")
