"""What a run costs: counters that wrap around, and an estimate that says what it assumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scamdetect.train.energy import EnergyMeter, energy_line


def _zone(folder: Path, zone: str, name: str, joules: float) -> Path:
    path = folder / zone
    path.mkdir(exist_ok=True)
    (path / "name").write_text(f"{name}\n")
    (path / "max_energy_range_uj").write_text("1000000000\n")
    (path / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
    return path


def test_packages_are_summed_over_a_wrap_and_what_is_inside_them_is_not(tmp_path: Path) -> None:
    first = _zone(tmp_path, "intel-rapl:0", "package-0", 990.0)
    _zone(tmp_path, "intel-rapl:0:0", "core", 5.0)
    _zone(tmp_path, "intel-rapl:1", "package-1", 10.0)
    meter = EnergyMeter(100.0, tmp_path)
    _zone(tmp_path, "intel-rapl:0", "package-0", 4.0)
    _zone(tmp_path, "intel-rapl:0:0", "core", 500.0)
    _zone(tmp_path, "intel-rapl:1", "package-1", 16.0)
    assert meter.read() == pytest.approx(100 + 14 + 6)
    (first / "energy_uj").unlink()
    assert meter.read() is None


def test_without_a_counter_or_the_earlier_part_nothing_is_known(tmp_path: Path) -> None:
    assert EnergyMeter(0.0, tmp_path).read() is None
    _zone(tmp_path, "intel-rapl:0", "package-0", 1.0)
    assert EnergyMeter(None, tmp_path).read() is None


@pytest.mark.parametrize(
    ("run", "given", "said"),
    [
        ({"minutes": 60.0, "joules": 7200}, {"watts": 9.0}, "2.0 Wh, by the counters"),
        ({"minutes": 30.0, "threads": 2, "device": "cpu"}, {}, "30.0 minutes x 24 W = 12.0 Wh"),
        ({"minutes": 30.0, "threads": 2, "device": "cpu"}, {"watts": 50.0}, "x 50 W = 25.0 Wh"),
        ({"minutes": 30.0, "threads": 2, "device": "NVIDIA"}, {}, "not estimated"),
        ({"minutes": 30.0}, {}, "not estimated"),
        ({"minutes": 30.0}, {"cores": 2}, "2 cores, by who wrote the card"),
        ({}, {"watts": 50.0}, "not known"),
    ],
)
def test_the_line_says_measured_or_assumed(
    run: dict[str, object], given: dict[str, Any], said: str
) -> None:
    assert said in energy_line(run, **given)
