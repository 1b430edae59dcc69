"""The labels of a message and their one order, used by training, bundles and output."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a message is: honest, unwanted promotion without fraud, or fraud."""

    LEGIT = "legit"
    SPAM = "spam"
    SCAM = "scam"


class Kind(StrEnum):
    """What a scam is about; several may hold (pig butchering is investment and romance)."""

    INVESTMENT = "investment"
    ROMANCE = "romance"
    CRYPTO = "crypto"
    PHISHING = "phishing"
    JOB = "job"
    ADVANCE_FEE = "advance_fee"
    IMPERSONATION = "impersonation"
    LOTTERY = "lottery"
    LOAN = "loan"
    DELIVERY = "delivery"
    TECH_SUPPORT = "tech_support"
    ACCOUNT_TAKEOVER = "account_takeover"
    GAMBLING = "gambling"
    FAMILY_EMERGENCY = "family_emergency"
    ECOMMERCE = "ecommerce"
    CHARITY = "charity"
    EXTORTION = "extortion"
    OTHER = "other"


class Provenance(StrEnum):
    """Where a label comes from: the source's own, a keyword rule, a reading, or our writers."""

    SOURCE = "source"
    RULE = "rule"
    READ = "read"
    AUTHORED = "authored"


class Decision(StrEnum):
    """What to do with a message at the thresholds in force."""

    FLAG = "flag"
    REVIEW = "review"
    PASS = "pass"
    UNSCORED = "unscored"


VERDICTS: tuple[Verdict, ...] = tuple(Verdict)
KINDS: tuple[Kind, ...] = tuple(Kind)
