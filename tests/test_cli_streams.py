"""Nothing that others wrote controls the terminal, and streams that fail end in one line."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import command, environment, on_a_terminal
from fake_hub import TOKEN, Repo, fake_hub
from hang import HANG
from hypothesis import given
from hypothesis import strategies as st

import scamdetect
from scamdetect.cli.streams import VisibleStream, say, say_json
from scamdetect.system.shown import visible

# A colour, the clipboard by OSC 52, a bell, the other direction, an 8-bit control, two line ends.
HOSTILE = "\x1b[31m\x1b]52;c;aGk=\x07\u202eb\x9b2Jc\u2028\rd"
LETTERS = HOSTILE.replace("\r", "").replace("\u2028", "")  # a bare \r ends no line of CSV
NAME = f"in{HOSTILE}\nscamdetect: all is well\t"
UNDECODABLE = os.fsdecode(b"\xff\x9b2J")


def shown(done: subprocess.CompletedProcess[str]) -> str:
    """Return what was printed, in which nothing may be hidden."""
    printed = done.stdout + done.stderr
    assert visible(printed) == printed
    assert "\nscamdetect: all is well" not in printed and "\t" not in printed
    return printed


def csv_file(folder: Path, names: str = "id,text", name: str = "in.csv") -> Path:
    path = folder / name
    path.write_text(f"{names}\n1,guaranteed bitcoin profit\n", encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_names_of_columns_are_shown_without_their_controls(
    tmp_path: Path, tiny_bundle: Path, kind: str
) -> None:
    source = tmp_path / f"in.{kind}"
    if kind == "csv":
        csv_file(tmp_path, f'id,"{LETTERS}"')
    elif kind == "jsonl":
        source.write_text(json.dumps({"id": 1, LETTERS: "hello"}), encoding="utf-8")
    else:
        pq.write_table(pa.table({"id": [1], LETTERS: ["hello"]}), source)
    done = command(tmp_path, "score", source, "--model", tiny_bundle)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert visible(LETTERS) in shown(done)
    for options in (
        ("--text-column", LETTERS, "--sender-column", LETTERS),
        ("--text-column", LETTERS, "--columns", LETTERS),
        ("--text-column", "id", "--columns", f'"{NAME}"'),
        ("--delimiter", LETTERS),
        ("--kind-flag", f"{LETTERS}=1"),
    ):
        shown(command(tmp_path, "score", source, "--model", tiny_bundle, *options, "--overwrite"))


@pytest.mark.parametrize("name", [NAME, UNDECODABLE], ids=["controls", "no UTF-8"])
def test_names_of_files_are_shown_without_their_controls(
    tmp_path: Path, tiny_bundle: Path, name: str
) -> None:
    csv_file(tmp_path, name=f"{name}.csv")
    done = command(tmp_path, "score", f"{name}.csv", "--model", tiny_bundle)
    assert done.returncode == 0 and f"written to {visible(name)[:8]}" in shown(done)
    for arguments in (
        ("score", f"{name}.csv", "--model", tiny_bundle),
        ("doctor", "--model", name),
        ("labels", name),
        ("queue", name, "--audit", name),
        ("report", name, name),
        (name,),
    ):
        done = command(tmp_path, *arguments)
        assert done.returncode in (1, 2) and shown(done)


def test_a_bundle_in_a_folder_with_a_hostile_name(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / NAME).symlink_to(tiny_bundle)
    assert "⟨U+001B⟩" in shown(command(tmp_path, "doctor", "--model", NAME))


def test_what_a_log_says_is_the_same_data(tmp_path: Path, tiny_bundle: Path) -> None:
    csv_file(tmp_path)
    name = f"out{HOSTILE}\x7fприбыль\U0001f600.csv"
    done = command(tmp_path, "score", "in.csv", "-o", name, "--log-json", "--model", tiny_bundle)
    assert json.loads(shown(done).splitlines()[-1])["destination"] == name


@pytest.mark.network_loopback
def test_what_a_hub_says_is_shown_without_its_controls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    with fake_hub(down=418, said=f"no {HOSTILE}\nscamdetect: all is well") as hub:
        hub.repos["me/x"] = Repo()
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        done = command(tmp_path, "hub", "pull", "me/x", "--revision", "v1", "--out", "out")
    assert done.returncode == 3 and "⟨U+001B⟩[31m⟨U+001B⟩]52;c" in shown(done)


def test_a_terminal_gets_progress_and_no_other_control(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv_file(tmp_path, f"id,text,{HOSTILE}".replace("\r", ""), f"{NAME}.csv")
    monkeypatch.setenv("NO_COLOR", "1")
    code, printed = on_a_terminal(tmp_path, "score", f"{NAME}.csv", "--model", str(tiny_bundle))
    assert code == 0
    assert "loading the model" in printed and "⟨U+001B⟩[31m" in printed
    # Bold, and the moves of a line that is drawn again: to its start, up, and its clearing.
    printed = re.sub(r"\r|\x1b\[(?:[01]?m|2K|1A)", "", printed)
    assert "\x1b" not in printed and "\x07" not in printed and "\u202e" not in printed


def test_a_terminal_gets_a_table_of_the_decisions(tmp_path: Path, tiny_bundle: Path) -> None:
    csv_file(tmp_path)
    _, printed = on_a_terminal(tmp_path, "score", "in.csv", "--model", str(tiny_bundle))
    lines = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", printed).replace("\r", "").split("\n")
    cells = [line.split() for line in lines]
    assert ["decision", "rows", "share"] in cells and ["flag", "1", "100%"] in cells
    assert "next: scamdetect report in.scored.csv" in lines


def test_a_terminal_gets_the_colours_of_an_explanation(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("explain", f"urgent: guaranteed profit {HOSTILE}", "--model", str(tiny_bundle))
    _, printed = on_a_terminal(tmp_path, *arguments)
    assert "\x1b[" in printed
    assert "\x1b" not in re.sub(r"\x1b\[[0147;]+m", "", printed)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in on_a_terminal(tmp_path, *arguments)[1]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _never(problem: OSError) -> None:
    raise AssertionError(problem)


@given(st.lists(st.text()))
def test_nothing_hidden_passes_a_stream(texts: list[str]) -> None:
    written = io.StringIO()
    VisibleStream(written, _never).writelines(texts)
    assert visible(written.getvalue()) == written.getvalue()


def test_bars_move_the_cursor_on_terminals_alone() -> None:
    for stream, kept in ((Terminal(), "\r5 %\x1b[A"), (io.StringIO(), "⟨U+000D⟩5 %⟨U+001B⟩[A")):
        VisibleStream(stream, _never).writelines(["\r5 %", "\x1b[A"])
        assert stream.getvalue() == kept
    stream = Terminal()
    VisibleStream(stream, _never).writelines(["\r\x1b[A\r", "\x1b[A\x1b[2J"])
    assert stream.getvalue() == "\r" + visible("\x1b[A\r\x1b[A\x1b[2J")


@given(st.lists(st.text(), min_size=1))
def test_a_line_stays_one_line_without_anything_hidden(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", io.StringIO(newline=""))
        say(*texts)
        printed = sys.stdout.getvalue()  # type: ignore[attr-defined]
    assert printed.count("\n") == len(texts)
    assert visible(printed) == printed and not set(printed) & set("\t\r")


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_json_is_one_plain_line_of_the_same_data(data: dict[str, object]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", io.StringIO(newline=""))
        say_json(json.dumps(data, ensure_ascii=False))
        printed = sys.stdout.getvalue()  # type: ignore[attr-defined]
    assert json.loads(printed) == json.loads(json.dumps(data))
    assert printed.isascii() and printed[:-1].isprintable()


def test_only_the_streams_print() -> None:
    package = Path(scamdetect.__file__).parent
    prints = re.compile(r"click\.s?echo|sys\.(std(out|err)|__std\w+__)\.write|DrawingStream\(")
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if prints.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"cli/streams.py", "cli/display.py"}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "urgent: guaranteed profit прибыль \u202e" + "…" * 90),
        ("explain", "--json", "urgent profit прибыль"),
        ("predict", "прибыль \ud800", "--json"),
        ("doctor", "--model", "прибыль"),
        ("прибыль",),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_an_encoding_that_lacks_letters_shows_their_codes(
    tmp_path: Path, tiny_bundle: Path, encoding: str, arguments: tuple[str, ...]
) -> None:
    if arguments[0] in ("predict", "explain"):
        arguments = (*arguments, "--model", str(tiny_bundle))
    done = _process(tmp_path, *map(os.fsdecode, map(os.fsencode, _passable(arguments))),
                    PYTHONIOENCODING=encoding)  # fmt: skip
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr
    (done.stdout + done.stderr).decode(encoding)
    if "--json" in arguments:
        assert json.loads(done.stdout)


def _passable(arguments: tuple[str, ...]) -> list[str]:
    return [argument.replace("\ud800", "\udcff") for argument in arguments]


def _process(
    folder: Path,
    *arguments: str | Path,
    before: Callable[[], object] | None = None,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    **variables: str,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "scamdetect.cli", *map(str, arguments)],
        cwd=folder, env=environment() | variables, stdin=subprocess.DEVNULL, stdout=stdout,
        stderr=stderr, timeout=HANG, preexec_fn=before,
    )  # fmt: skip


def test_a_closed_standard_input_is_one_line(tmp_path: Path) -> None:
    for command_name in ("predict", "explain"):
        done = _process(tmp_path, command_name, "-", before=lambda: os.close(0))
        assert done.returncode == 2
        assert re.fullmatch(rb"scamdetect: standard input: it is closed; .+\n", done.stderr)


def test_a_closed_standard_output_is_one_line(tmp_path: Path, tiny_bundle: Path) -> None:
    for arguments in (("predict", "hello", "--model", tiny_bundle), ("--help",)):
        done = _process(tmp_path, *arguments, before=lambda: os.close(1))
        assert done.returncode == 4
        assert re.fullmatch(rb"scamdetect: standard output: cannot be written .+\n", done.stderr)


def test_a_command_that_prints_nothing_needs_no_stream(tmp_path: Path, tiny_bundle: Path) -> None:
    csv_file(tmp_path)
    for closed in ((0,), (1,), (2,), (0, 1, 2)):
        done = _process(
            tmp_path, "score", "in.csv", "--overwrite", "--workers", "1", "--model", tiny_bundle,
            before=lambda closed=closed: [os.close(number) for number in closed],
        )  # fmt: skip
        assert done.returncode == 0 and b"Traceback" not in done.stderr
        assert (tmp_path / "in.scored.csv").read_bytes().startswith(b"id,text,scamdetect_verdict")


def test_a_reader_that_ends_first_is_no_error(tmp_path: Path, tiny_bundle: Path) -> None:
    for arguments in (("predict", "hello", "--model", tiny_bundle), ("--help",)):
        theirs, ours = os.pipe()
        os.close(theirs)
        done = _process(tmp_path, *arguments, stdout=ours)
        os.close(ours)
        assert (done.returncode, done.stderr) == (141, b"")


def test_notes_that_nobody_can_read_end_no_job(tmp_path: Path, tiny_bundle: Path) -> None:
    csv_file(tmp_path)
    theirs, ours = os.pipe()
    os.close(theirs)
    done = _process(tmp_path, "score", "in.csv", "--log-json", "--model", tiny_bundle, stderr=ours)
    os.close(ours)
    assert done.returncode == 0 and (tmp_path / "in.scored.csv").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_standard_output_that_is_full_is_one_line(tmp_path: Path, tiny_bundle: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = _process(tmp_path, "predict", "hello", "--model", tiny_bundle, stdout=full)
    os.close(full)
    assert done.returncode == 4
    assert done.stderr.startswith(b"scamdetect: standard output: cannot be written (No space left")
    assert done.stderr.count(b"\n") == 1
