"""How many messages are unlike all of an earlier dump."""

from __future__ import annotations

from collections.abc import Sequence

from scamdetect.adapt.rates import Rate, Share
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import AlikeIndex, sketch

NOVEL = "without a near-duplicate"


def novelty(reference: Sequence[str], current: Sequence[str]) -> Rate:
    """Return the share of messages whose masked text has no near-duplicate in the reference.

    A sample finds fewer near-duplicates than the whole would. So every other text of the reference
    makes the index and the others are looked up in it as the current ones are: what matters is the
    difference of the two shares. A fall is no shift: dumps that share messages have one.
    """
    index = AlikeIndex()
    for text in reference[::2]:
        index.add(sketch(template_key(text)))
    before, after = _novel(index, reference[1::2]), _novel(index, current)
    return Rate(NOVEL, before, after, comparable=True, may_fall=True)


def _novel(index: AlikeIndex, texts: Sequence[str]) -> Share:
    found = sum(index.nearest(sketch(template_key(text))) is None for text in texts)
    return Share(found, len(texts))
