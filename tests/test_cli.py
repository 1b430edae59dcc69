"""The command line: help, what it prints and reads, errors and exit codes."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_line import environment, run
from hang import HANG

from scamdetect import ScamDetector, errors
from scamdetect.cli.commands import cli
from scamdetect.cli.options import FiniteRange
from scamdetect.cli.streams import progress, say, say_json, say_next, stop_on_interrupt

NAMES = [
    "predict", "explain", "score", "report", "chat", "campaigns", "review", "calibrate",
    "finetune", "share", "serve", "model", "data", "train", "export", "bench",
]  # fmt: skip
SECRET = "my-secret-words"


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def command_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command | None = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    return command


LEAVES = list(commands())


# -- help ------------------------------------------------------------------------------------------


def test_the_help_lists_the_commands_in_order() -> None:
    done = run("--help")
    assert done.exit_code == 0
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    assert [name for name in listed if name in NAMES] == NAMES


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_help_for_each_option_and_an_example_that_parses(
    path: tuple[str, ...],
) -> None:
    command = command_at(path)
    assert run(*path, "--help").exit_code == 0
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []
    before, _, example = (command.epilog or "").partition("Example: ")
    words = [word for word in shlex.split(example) if not word.startswith("SCAMDETECT_TOKEN")]
    assert not before and words[: len(path) + 1] == ["scamdetect", *path]
    context = click.Context(command)
    command.make_parser(context).parse_args(words[len(path) + 1 :])


@pytest.mark.parametrize("group", [(), ("model",), ("review",), ("bench",)])
def test_a_group_without_a_command_prints_its_help_as_an_error(group: tuple[str, ...]) -> None:
    done = run(*group)
    assert done.exit_code == 2 and done.stdout == "" and "Usage:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scor",), "No such command 'scor'. Did you mean 'score'?"),
        (("groups",), "No such command 'groups'."),
        (("predict",), "Missing argument 'TEXT...'."),
        (("score", "a.csv", "--frobnicate"), "No such option"),
        (("serve", "--queue", "0"), "Invalid value for '--queue'"),
        (("score", "a.csv", "--kind-flag", "romance"), "is not KIND=PROBABILITY"),
        (("score", "a.csv", *["--kind-flag", "romance=0.1"] * 2), "give each kind once"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_exit_code_2(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2 and done.stdout == "" and message in done.stderr


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_a_number_is_finite_and_within_bounds(value: str) -> None:
    with pytest.raises(click.BadParameter):
        FiniteRange(min=0).convert(value, None, None)


def test_commands_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SCAMDETECT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "scamdetect sco")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run().stdout == "plain,score\n"


# -- predict ---------------------------------------------------------------------------------------


def test_predict_prints_a_line_for_each_message(tiny_bundle: Path) -> None:
    done = run("predict", "guaranteed profit", "hello", "", "--model", tiny_bundle)
    first, second, third = done.stdout.splitlines()
    assert first.startswith("flag: scam 0.9") and "investment" in first
    assert second.startswith("pass: scam 0.0")
    assert third == "unscored: empty after normalisation"


def test_predict_prints_json_and_reads_standard_input(tiny_bundle: Path) -> None:
    options = ("--json", "--model", tiny_bundle)
    done = run("predict", "-", "hello", *options, stdin="прибыль\n прибыль")
    predictions = [json.loads(line) for line in done.stdout.splitlines()]
    assert [prediction["decision"] for prediction in predictions] == ["flag", "pass"]
    assert predictions[0]["language"] == "ru"
    done = run("predict", "-", *options, stdin=b"\xff")
    assert done.exit_code == 2 and "standard input: not utf-8 at byte 0" in done.stderr


# -- streams ---------------------------------------------------------------------------------------


def test_hidden_characters_are_printed_as_codes(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[31m\u202eb\nc\td")
    say_json('{"a": "\x1b\u202eü"}')
    assert capsys.readouterr().out.splitlines() == [
        "a⟨U+001B⟩[31m⟨U+202E⟩b⟨U+000A⟩c⟨U+0009⟩d",
        '{"a": "\\u001b\\u202e\\u00fc"}',
    ]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("my dump's.csv", "next: scamdetect report 'my dump'\"'\"'s.csv'\n"),
        ("-o.csv", "next: scamdetect report ./-o.csv\n"),
        ("a\x1b[31m.csv", ""),
        ("a\n.csv", ""),
    ],
)
def test_the_next_command_can_be_copied(
    capsys: pytest.CaptureFixture[str], name: str, printed: str
) -> None:
    say_next("report", Path(name))
    assert capsys.readouterr().err == printed


def test_progress_is_drawn_only_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress(False, "loading") as show:
        show("10 rows", 0.5)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress(False, "loading\x1b") as show:
        show("[red]10 rows\x1b", 0.5)
    assert "[red]10 rows⟨U+001B⟩" in capsys.readouterr().err


# -- errors and exit codes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (errors.InputError("a.csv: is\nempty"), 2, "scamdetect: a.csv: is empty\n"),
        (errors.BundleError("damaged"), 2, "scamdetect: damaged\n"),
        (errors.JobInterrupted("stopped"), 3, "scamdetect: stopped\n"),
        (errors.EndpointError("down"), 3, "scamdetect: down\n"),
        (errors.OutputError("full"), 4, "scamdetect: full\n"),
        (errors.NothingToResume("done"), 0, "scamdetect: done\n"),
        (OSError(28, "No space left on device"), 4, "No space left on device"),
        (KeyboardInterrupt(), 130, "scamdetect: interrupted\n"),
        (KeyError(SECRET), 1, "scamdetect: unexpected KeyError; please report this\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_each_error_is_a_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(ScamDetector, "load", fail)
    if isinstance(error, KeyError):  # which ``run`` takes for a failed test
        with pytest.raises(AssertionError) as failed:
            run("predict", "hello")
        assert message in str(failed.value) and SECRET not in str(failed.value)
        return
    done = run("predict", "hello")
    assert done.exit_code == code and done.stdout == "" and message in done.stderr


def test_a_note_is_part_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        error = errors.OutputError("out.csv: cannot be written")
        error.add_note("resume with --resume")
        raise error

    monkeypatch.setattr(ScamDetector, "load", fail)
    line = "scamdetect: out.csv: cannot be written; resume with --resume\n"
    assert run("predict", "hello").stderr == line


# -- interrupts ------------------------------------------------------------------------------------


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_interrupt_stops_after_the_part_and_the_second_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), stop_on_interrupt() as stop:
        assert not stop()
        interrupt()
        assert stop()
        interrupt()
    with pytest.raises(KeyboardInterrupt), stop_on_interrupt():
        interrupt()  # before anything is kept
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_with_notes_can_be_resumed() -> None:
    with pytest.raises(errors.JobInterrupted, match="interrupted; resume"), stop_on_interrupt():
        error = KeyboardInterrupt()
        error.add_note("resume with --resume")
        raise error


# -- a process: what a shell sees ------------------------------------------------------------------


def test_output_that_nobody_reads_or_that_is_full_ends_quietly(tiny_bundle: Path) -> None:
    line = f"{sys.executable} -m scamdetect predict --model {tiny_bundle} hello"
    pipe = f"({line}; echo $? >&2) | true; {line} > /dev/full; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", pipe], env=environment(), capture_output=True, text=True, timeout=HANG
    )
    first, message, last = done.stderr.splitlines()
    assert (first, last) == ("141", "4") and "No space left on device" in message
