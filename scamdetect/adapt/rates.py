"""Shares of messages in two dumps, their intervals, and whether a rare share changed by a factor.

The index of drift hardly sees a rare share: flags that rise from 5 to 15 in 1,000 messages add 0.01
to it. So a share is also judged by the ratio of the two, where its interval leaves 1 out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

from scamdetect.adapt.psi import Level, psi, worst
from scamdetect.calibration.statistics import wilson

WATCH_RATIO, ALERT_RATIO = 1.5, 2.0
_Z = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """So many of so many messages, with the Wilson interval (95 %) of the share."""

    messages: int
    of: int

    @property
    def share(self) -> float:
        """Return the share, 0 of no messages."""
        return self.messages / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the interval of the share."""
        return wilson(self.messages, self.of)


@dataclass(frozen=True)
class Rate:
    """A share in both dumps; unless ``comparable`` its change says nothing about the messages.

    With ``may_fall`` a lower share is no shift to look at.
    """

    name: str
    reference: Share
    current: Share
    comparable: bool
    may_fall: bool = False

    @property
    def difference(self) -> tuple[float, float]:
        """Return the 95 % interval of current minus reference (Newcombe 1998, method 10)."""
        r, c = self.reference, self.current
        (r_low, r_high), (c_low, c_high) = r.interval, c.interval
        gap = c.share - r.share
        low = gap - sqrt((c.share - c_low) ** 2 + (r_high - r.share) ** 2)
        high = gap + sqrt((c_high - c.share) ** 2 + (r.share - r_low) ** 2)
        return max(low, -1.0), min(high, 1.0)

    @property
    def ratio(self) -> tuple[float, float, float]:
        """Return current by reference with its 95 % interval (Katz 1978), half a message added."""
        a, n = self.current.messages + 0.5, self.current.of + 0.5
        b, m = self.reference.messages + 0.5, self.reference.of + 0.5
        ratio = (a / n) / (b / m)
        half = _Z * sqrt(max(1 / a - 1 / n + 1 / b - 1 / m, 0.0))
        return ratio, exp(log(ratio) - half), exp(log(ratio) + half)

    @property
    def level(self) -> Level:
        """Return the level by the ratio (watch from 1.5 on, alert from 2 on) or by the index."""
        if not self.comparable:
            return Level.UNKNOWN
        r, c = self.reference, self.current
        if not (r.of and c.of) or (self.may_fall and c.share <= r.share):
            return Level.NONE
        index = psi((r.messages, r.of - r.messages), (c.messages, c.of - c.messages))
        return worst([index.level, self._level_by_ratio()])

    def _level_by_ratio(self) -> Level:
        ratio, low, high = self.ratio
        factor = 1.0 if low <= 1 <= high else max(ratio, 1 / ratio)
        if factor >= ALERT_RATIO:
            return Level.ALERT
        return Level.WATCH if factor >= WATCH_RATIO else Level.NONE
