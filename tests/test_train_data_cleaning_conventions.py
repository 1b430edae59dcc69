"""The project's conventions hold whatever a source calls its rows."""

from __future__ import annotations

import pytest

from scamdetect.labels import Kind, Provenance, Verdict
from scamdetect.train.data.cleaning import apply_conventions, verdict_is_open
from scamdetect.train.data.rows import Row


def row(text: str, verdict: Verdict, *kinds: Kind, unsplit: bool = False) -> Row:
    return Row(
        row_hash="0" * 16,
        source="one",
        text=text,
        verdict=verdict,
        lang="en",
        channel="sms",
        orig_label="",
        verdict_provenance=Provenance.SOURCE,
        unsplit=unsplit,
        kinds=kinds,
        kinds_provenance=Provenance.SOURCE if kinds else None,
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I have hacked your device and recorded you", Kind.EXTORTION),
        ("Send 900 in bitcoin now or I publish it to your contacts", Kind.EXTORTION),
        ("Rent out your bank account, easy weekly pay", Kind.JOB),
        ("You receive money into your account and keep 5 percent", Kind.JOB),
        ("收银行卡，日结", Kind.JOB),
        ("รับซื้อบัญชี ทุกธนาคาร", Kind.JOB),
    ],
)
@pytest.mark.parametrize("verdict", [Verdict.SPAM, Verdict.SCAM])
def test_extortion_and_mule_offers_are_scam(text: str, kind: Kind, verdict: Verdict) -> None:
    found = apply_conventions(row(text, verdict, unsplit=verdict is Verdict.SPAM))
    assert found.verdict is Verdict.SCAM
    assert found.kinds == (kind,)
    assert found.kinds_provenance is Provenance.RULE
    assert not found.unsplit
    changed = verdict is Verdict.SPAM
    assert found.verdict_provenance is (Provenance.RULE if changed else Provenance.SOURCE)


def test_a_kind_that_the_source_knows_keeps_its_provenance() -> None:
    found = apply_conventions(row("pay or else", Verdict.SPAM, Kind.EXTORTION))
    assert (found.verdict, found.kinds_provenance) == (Verdict.SCAM, Provenance.SOURCE)


def test_honest_rows_never_change() -> None:
    honest = row("They said: I have hacked your device. Is that a scam?", Verdict.LEGIT)
    assert apply_conventions(honest) == honest
    assert not verdict_is_open(honest)


@pytest.mark.parametrize(
    "text",
    ["Sure win tips tonight", "内幕消息，稳赚", "Withdraw is blocked: pay the deposit fee first",
     "แทงบอล การันตี", "bocoran slot malam ini"],
)  # fmt: skip
def test_gambling_with_a_manoeuvre_is_scam(text: str) -> None:
    found = apply_conventions(row(text, Verdict.SPAM, Kind.GAMBLING))
    assert found.verdict is Verdict.SCAM
    assert not verdict_is_open(found)


def test_gambling_alone_is_only_not_legit() -> None:
    for verdict in (Verdict.SPAM, Verdict.SCAM):
        found = apply_conventions(row("Join our casino, 50 free spins", verdict, Kind.GAMBLING))
        assert found.verdict is verdict
        assert verdict_is_open(found)
    both = row("casino and loan", Verdict.SCAM, Kind.GAMBLING, Kind.LOAN)
    assert not verdict_is_open(apply_conventions(both))


def test_unsplit_spam_is_only_not_legit() -> None:
    assert verdict_is_open(row("sale", Verdict.SPAM, unsplit=True))
    assert not verdict_is_open(row("sale", Verdict.SPAM))
