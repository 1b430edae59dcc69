"""Campaigns and groups on the real command line: kills, resumption, and what stderr may say."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import NEVER, faulty_score, score
from dump_files import content

from scamdetect.cli.console import summary_lines
from scamdetect.detector import ScamDetector
from scamdetect.dumps.job import score_file

ROWS = 9000  # 5 batches, each a part


def _source(folder: Path) -> Path:
    with (folder / "in.csv").open("w", encoding="utf-8") as file:
        file.write("who,at,text\n")
        for n in range(ROWS):
            lure = f"guaranteed profit {n}, write to agent{n}@mail.example"
            text = lure if n % 7 == 3 else f"hello lunch {n}"
            file.write(f'user {n % 50},2024-01-{n % 28 + 1:02},"{text}"\n')
    return folder


def _score(
    folder: Path, model: Path, *options: str, plan: str = NEVER
) -> subprocess.CompletedProcess[str]:
    arguments = ("in.csv", "--model", model, "--threads", "1", "--part-rows", "2000")
    return faulty_score(folder, plan, *arguments, "--group-by", "who", *options)


def _told(stderr: str) -> list[str]:
    """Return the summary without what a resumed run tells otherwise."""
    return [line for line in stderr.splitlines() if "rows in" not in line]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> tuple[Path, list[str]]:
    """Return the folder of a run that nothing disturbs, and its summary."""
    folder = _source(tmp_path_factory.mktemp("whole"))
    done = _score(folder, tiny_bundle, "--time-column", "at")
    assert done.returncode == 0, done.stderr
    return folder, _told(done.stderr)


def test_the_summary_names_campaigns_but_shows_no_text(whole: tuple[Path, list[str]]) -> None:
    folder, told = whole
    (line,) = [line for line in told if "campaign " in line]
    assert line.startswith("  1,286 messages, investment, campaign ")
    assert "flagged 14.29% of the rows, rejected 0% of the records" in told
    assert "groups written to in.scored.groups.csv" in told
    assert not any("agent" in line or "write to" in line for line in told)
    assert (folder / "in.scored.groups.csv").read_text("utf-8").count("\n") == 51


@pytest.mark.parametrize(
    "plan",
    [
        "SIGKILL@os.rename:part-000001.groups#1",
        "SIGKILL@os.rename:part-000002.campaigns#1",
        "SIGKILL@os.rename:joined.groups#1",
        "SIGKILL@os.rename:joined.groups#2",  # to its final name
        "SIGKILL@os.remove:part-000003#1",
    ],
)
def test_a_killed_run_is_resumed_to_the_same_bytes(
    tmp_path: Path, tiny_bundle: Path, whole: tuple[Path, list[str]], plan: str
) -> None:
    folder, told = whole
    killed = _score(_source(tmp_path), tiny_bundle, "--time-column", "at", plan=plan)
    assert killed.returncode == -signal.SIGKILL
    other = _score(tmp_path, tiny_bundle, "--resume")
    assert other.returncode == 2
    assert "time_column then 'at', now None" in other.stderr
    done = _score(tmp_path, tiny_bundle, "--time-column", "at", "--resume")
    assert done.returncode == 0, done.stderr
    assert _told(done.stderr) == told
    assert {path.name for path in tmp_path.iterdir()} == {p.name for p in folder.iterdir()}
    for path in folder.iterdir():
        assert content(tmp_path / path.name) == content(path), path.name


def test_a_run_that_fails_leaves_no_groups(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "in.csv").write_text("who,text\na,hello\nb\n", encoding="utf-8")
    done = score(
        tmp_path, "in.csv", "--model", tiny_bundle, "--group-by", "who", "--max-rejects", "0"
    )
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_the_log_holds_ids_and_counts_alone(tmp_path: Path, tiny_bundle: Path) -> None:
    done = _score(_source(tmp_path), tiny_bundle, "--log-json", "--time-column", "at")
    end = json.loads(done.stderr.splitlines()[-1])
    assert end["groups"] == "in.scored.groups.csv"
    (campaign,) = end["campaigns"]
    assert (campaign["messages"], campaign["first_row"]) == (1286, 3)
    assert campaign["first_time"] == "2024-01-04T00:00:00+00:00"
    assert "template" not in campaign
    assert "profit" not in done.stderr


def test_a_terminal_shows_masked_text(tmp_path: Path, detector: ScamDetector) -> None:
    lure = "guaranteed profit, write to agent{}@mail.example"
    (tmp_path / "in.txt").write_text("\n".join(map(lure.format, range(3))), encoding="utf-8")
    summary = score_file(tmp_path / "in.txt", detector=detector)
    shown = summary_lines(summary, show_text=True)
    (campaign,) = summary.campaigns
    assert (
        f"  3 messages, investment, campaign {campaign.id}: "
        "guaranteed profit, write to [email]" in shown
    )
    assert not any("guaranteed" in line for line in summary_lines(summary))


def test_campaigns_of_one_message_are_not_told(tmp_path: Path, detector: ScamDetector) -> None:
    (tmp_path / "in.txt").write_text("guaranteed bitcoin profit\nhello\n", encoding="utf-8")
    assert score_file(tmp_path / "in.txt", detector=detector).campaigns == ()
