"""Allow-lists and listed indicators."""

from __future__ import annotations

from pathlib import Path

import pytest
from sum_detector import SumDetector

from scamdetect.dumps.decide import AllowList, Listed, listed_key, template_hash
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.prediction import Prediction
from scamdetect.text.indicators import IndicatorType

CODE = "Your code is 123456"


def predicted(text: str, decision: Decision) -> Prediction:
    """Return a prediction of that decision."""
    detector = SumDetector()
    letters = (text + chr(33 + n) for n in range(97))
    return next(p for p in detector.predict(list(letters)) if p.decision is decision)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", f"sender,text,note\nBANK,,ours\n,{CODE},\nSHOP,{CODE},\n"),
        ("list.jsonl", f'{{"sender":"BANK"}}\n{{"text":"{CODE}"}}\n'
                       f'{{"sender":"SHOP","template":"{template_hash(CODE)}"}}\n'),
        ("list.txt", f"# ours\n\nBANK\ntemplate:{template_hash(CODE)}\n"),
    ],
)  # fmt: skip
def test_lists_in_every_format(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    allowed = AllowList.load(tmp_path / name)
    assert {("BANK", None), (None, template_hash(CODE))} <= allowed.entries
    assert (("SHOP", template_hash(CODE)) in allowed.entries) == (name != "list.txt")
    assert allowed.needs_senders
    texts = ["anything", "Your code is 987", "x", None]
    assert allowed.allows(texts, [" BANK ", None, "bank", ""]) == [True, True, False, False]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", "name,age\na,1\n", "no column sender, template or text"),
        ("list.csv", "sender,text\na,b,c\n", "list.csv:2: 3 cells"),
        ("list.jsonl", '{"sender":"a"}\n[1]\n', "list.jsonl:2: a JSON array"),
        ("list.csv", "sender,template\na,xyz\n", "no sha256"),
        ("list.txt", "# nothing\n", "the list is empty"),
    ],
)
def test_lists_that_are_wrong(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        AllowList.load(tmp_path / name)


def test_allowed_messages_pass_with_the_reason() -> None:
    flagged, passing = predicted("a", Decision.FLAG), predicted("a", Decision.PASS)
    pair = AllowList(frozenset({("SHOP", template_hash(CODE))}))
    first, second, third = pair.apply(
        [flagged, flagged, passing], [CODE] * 3, ["SHOP", "x", "SHOP"]
    )
    assert (first.decision, first.reason) == (Decision.PASS, "allowed by sender and template")
    assert first.scam_probability == flagged.scam_probability
    assert (second, third) == (flagged, passing)
    with pytest.raises(InputError, match="got 1 texts for 2 predictions"):
        pair.apply([flagged, passing], [CODE])
    assert pair.digest == AllowList(frozenset({("SHOP", template_hash(CODE))})).digest


LINK = "https://www.pay.example/track/*/now"
FEEDS = {
    "domain:evil.example": ("one", "two"),
    listed_key(IndicatorType.LINK, "http://www.shop.example/a"): ("one",),
    listed_key(IndicatorType.LINK, LINK): ("two",),
    "email:boss@mail.example": ("one",),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go to evil.example now", "domain:evil.example"),
        ("see hxxps://sub.evil[.]example/x?y", "domain:evil.example"),
        ("https://shop.example/a", "link:https://shop.example/a"),
        ("https://shop.example/b", None),
        ("http://pay.example/track/77/now", listed_key(IndicatorType.LINK, LINK)),
        ("http://pay.example/track/7/8/now", None),
        ("write to boss@mail.example", "email:boss@mail.example"),
        ("notevil.example", None),
        ("", None),
        (None, None),
    ],
)
def test_listed_indicators_are_found(text: str | None, expected: str | None) -> None:
    passing = predicted("a", Decision.PASS)
    (decided,), (names,), feeds = Listed(FEEDS).apply([passing], [text])
    assert names == expected
    assert decided.decision is (Decision.PASS if expected is None else Decision.REVIEW)
    assert bool(feeds) == (expected is not None)
    assert decided.reason == (None if expected is None else "review by indicator")


def test_what_is_flagged_stays_flagged_and_feeds_are_counted_once() -> None:
    flagged = predicted("a", Decision.FLAG)
    text = "evil.example and https://shop.example/a"
    decided, _, feeds = Listed(FEEDS).apply([flagged], [text])
    assert decided == [flagged]
    assert feeds == {"one": 1, "two": 1}
    assert Listed(FEEDS).digest != Listed({}).digest
