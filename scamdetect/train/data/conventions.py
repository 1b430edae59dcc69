"""Label conventions that hold in every role, applied by rule to what the loader yields.

Extortion and money-mule offers are scam. Gambling is scam only with a fraud manoeuvre; where
gambling is all that a public row is known for, the row is only known to be "not legit".
"""

from __future__ import annotations

import re
from dataclasses import replace

from scamdetect.labels import Kind, Provenance, Verdict
from scamdetect.train.data.rows import Row

_EXTORTION = re.compile(
    r"(?:your|you) (?:intimate|nude|naked|private) (?:photo|video|picture)|recorded you|"
    r"(?:i|we) (?:have )?(?:hacked|infected) your (?:device|computer|webcam|phone)|"
    r"send .{0,40}(?:bitcoin|btc).{0,80}(?:or|otherwise).{0,40}(?:publish|release|share|contacts)",
    re.IGNORECASE,
)
_MULE = re.compile(
    r"money mule|(?:rent|lend|sell|use) (?:out )?your (?:bank )?account|"
    r"(?:receive|accept) (?:payments|transfers|money) (?:in|into|to|through) your (?:bank )?account"
    r".{0,80}(?:keep|%|percent|commission)|"
    r"收购?(?:银行卡|对公账户|四件套)|出租(?:银行卡|账户)|跑分|"
    r"thuê tài khoản|sewa rekening|jual beli rekening|"
    r"รับซื้อบัญชี|เช่าบัญชี|통장 ?(?:대여|매입|임대)|обнал|дроп(?:ы|ов|а)\b",
    re.IGNORECASE,
)
_MANOEUVRE = re.compile(
    r"sure (?:win|odds|bet)|guaranteed? (?:win|odds)|fixed (?:match|game)|insider|"
    r"100 ?% (?:win|sure)|(?:release|unlock|withdraw)\w* .{0,40}(?:deposit|fee|tax)|"
    r"包(?:赢|中)|稳赚|内幕|必(?:赢|中)|特码|"
    r"jackpot pasti|pasti (?:menang|jp)|bocoran|nomor jitu|angka jitu|mkeka wa uhakika|"
    r"ชนะแน่นอน|การันตี|bao (?:thắng|lô)|chắc thắng|kesin (?:kazan|maç)|банкер|договорн\w+ матч",
    re.IGNORECASE,
)


def apply_conventions(row: Row) -> Row:
    """Return the row with the project's conventions applied; what a rule decides says so."""
    text = row.text
    if row.verdict is not Verdict.LEGIT:
        if _EXTORTION.search(text):
            row = _as_scam(row, Kind.EXTORTION)
        if _MULE.search(text):
            row = _as_scam(row, Kind.JOB)
        if Kind.EXTORTION in row.kinds and row.verdict is Verdict.SPAM:
            row = _as_scam(row, Kind.EXTORTION)
        if Kind.GAMBLING in row.kinds and row.verdict is Verdict.SPAM and _MANOEUVRE.search(text):
            row = _as_scam(row, Kind.GAMBLING)
    return row


def verdict_is_open(row: Row) -> bool:
    """Whether all that is known of the row is that it is not legit."""
    if row.verdict is Verdict.LEGIT:
        return False
    only_gambling = row.kinds == (Kind.GAMBLING,) and not _MANOEUVRE.search(row.text)
    told = row.verdict_provenance in (Provenance.AUTHORED, Provenance.READ)
    return row.unsplit or (only_gambling and not told)


def _as_scam(row: Row, kind: Kind) -> Row:
    kinds = row.kinds if kind in row.kinds else (*row.kinds, kind)
    return replace(
        row,
        verdict=Verdict.SCAM,
        unsplit=False,
        kinds=kinds,
        verdict_provenance=row.verdict_provenance
        if row.verdict is Verdict.SCAM
        else Provenance.RULE,
        kinds_provenance=row.kinds_provenance if kind in row.kinds else Provenance.RULE,
    )
