"""What a run costs: the energy of the processors, counted by Linux (RAPL) or estimated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_COUNTERS = Path("/sys/class/powercap")
# Per core of an unknown CPU, as the calculator of Lannelongue et al. 2021 (Green Algorithms,
# doi:10.1002/advs.202100707) assumes; memory and cooling are not in it.
WATTS_PER_CORE = 12.0
_WATT_HOUR = 3600.0  # joules


class EnergyMeter:
    """Sums what the packages of this machine draw, other programs included.

    The counters wrap around within minutes to hours: read at least once a minute. ``spent`` is
    what an earlier part of the run drew; None, where that is unknown, makes the sum unknown too.
    """

    def __init__(self, spent: float | None = 0.0, folder: Path = _COUNTERS) -> None:
        zones = sorted(folder.glob("*-rapl:*"))
        packages = [zone for zone in zones if _text(zone / "name").startswith("package-")]
        self._last = {zone: value for zone in packages if (value := _counter(zone)) is not None}
        whole = packages and len(self._last) == len(packages)
        self._joules = spent if whole else None

    def read(self) -> float | None:
        """Return the joules so far, None where this machine or its rights show no counter."""
        for zone, last in self._last.items():
            now = _counter(zone)
            if now is None:
                self._joules = None
            if now is None or self._joules is None:
                return None
            wrapped = int(_text(zone / "max_energy_range_uj") or 0) if now < last else 0
            self._joules += (now - last + wrapped) / 1e6
            self._last[zone] = now
        return self._joules


def energy_line(
    run: Mapping[str, Any], *, watts: float | None = None, cores: int | None = None
) -> str:
    """Return in words what the run drew, by its record: measured, else estimated, else unknown.

    ``watts`` is the mean power of the machine, ``cores`` how many of an unknown processor were
    busy where the record does not say; both are given by who knows.
    """
    minutes = run.get("minutes")
    if (joules := run.get("joules")) is not None:
        return (
            f"{joules / _WATT_HOUR:,.1f} Wh, by the counters of the processors (RAPL), which know "
            "nothing of memory, graphics cards and cooling."
        )
    if minutes is None:
        return "not known: the run's time was not recorded."
    recorded = run.get("threads") if run.get("device") == "cpu" else None
    busy = recorded or cores
    if watts is not None:
        power, assumed = watts, f"{watts:g} W: the power given by who wrote the card"
    elif busy is not None:
        power = busy * WATTS_PER_CORE
        known = (
            "as recorded" if recorded else "by who wrote the card, for the run did not record it"
        )
        assumed = (
            f"{busy} cores, {known}, at {WATTS_PER_CORE:g} W a core, which Lannelongue et al. "
            "2021, Green Algorithms, assume of an unknown processor"
        )
    else:
        return "not measured, and not estimated: the run's processor was not recorded."
    return (
        f"not measured. An estimate: {minutes:,.1f} minutes x {power:g} W = "
        f"{minutes / 60 * power:,.1f} Wh ({assumed}; without memory and cooling)."
    )


def _counter(zone: Path) -> int | None:
    text = _text(zone / "energy_uj")
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:  # since Linux 5.10 the counters are for root alone
        return ""
