"""Files in the way, options that break a parser, and a terminal or caller that is not as usual."""

from __future__ import annotations

import csv
import encodings.aliases
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hostile_scene import ROOT, Ran, Scene, faults, printed_faults
from scamdetect import ScamDetector
from scamdetect.errors import ScamDetectError

_ANY = (0, 1, 2, 3, 4, 10, 130)
_KEPT = b"what was there before\n"
_DUMP = "id,text\n1,guaranteed profit\n2,hello lunch\n3\n4,bitcoin gift card\n"
_TARGETS = ("out.csv", "out.jsonl", "out.parquet", "out.tsv")
# A number of an error that only C programmers know.
_VAGUE = re.compile(r"\[Errno \d+\]|\[WinError")


def _judged(ran: Ran, codes: tuple[int, ...] = _ANY) -> Iterator[str]:
    yield from faults(ran, codes)
    if _VAGUE.search(ran.printed):
        yield "an error that gives no more than its number"


def _scored(scene: Scene) -> Path:
    """Return a scored dump."""
    rows = "".join(f"{n},guaranteed profit bitcoin {n}\n" for n in range(60))
    dump = scene.write("scored-in.csv", f"id,text\n{rows}")
    target = scene.folder / "scored.csv"
    scene.model_cli("score", dump, "-o", target, "--flag", "0.99", "--review", "0.5")
    return target


def _queued(scene: Scene, scored: Path) -> Path:
    """Return a queue of a scored dump with every message labelled."""
    path = scene.folder / "queue.csv"
    scene.cli("queue", scored, "-o", path, "-n", "10")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(row | {"label": "scam"} for row in rows)
    return path


def planted_in_work(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Plant links to a file of the user where a job keeps what is unfinished."""
    dump = scene.write("in.csv", _DUMP)
    victim = scene.write("victim", _KEPT)
    target = scene.folder / rnd.choice(_TARGETS)
    folder = scene.folder / rnd.choice((f"{target.name}.parts", "work"))
    named = ("--work-folder", folder.name) if folder.name == "work" else ()
    parts = folder / f"{target.name}.parts" if named else folder
    parts.mkdir(parents=True)
    ends = (target.suffix, ".rejected.jsonl", ".job.json")
    names = [f"{stem}{end}" for stem in ("part-000000", "joined") for end in ends]
    names += ["state.json"]
    names += [f"{name}.part" for name in names]
    written = [f"part-000000{target.suffix}.part", "state.json.part", f"joined{target.suffix}"]
    some = rnd.sample(*rnd.choice(((names, 4), (written, 1), (written, 2), (["lock"], 1))))
    for name in some:
        (Path.hardlink_to if rnd.random() < 0.3 else Path.symlink_to)(parts / name, victim)
    options = rnd.choice(((), ("--resume",), ("--overwrite",)))
    yield from _judged(scene.model_cli("score", dump, "-o", target, *named, *options))
    if victim.read_bytes() != _KEPT:
        yield "what a planted link leads to was written"


def planted_beside(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Plant links to a file of the user next to the output of other commands."""
    victim = scene.write("victim", _KEPT)
    scored = _scored(scene)
    queue = _queued(scene, scored) if rnd.random() < 0.3 else scored
    name = rnd.choice(("out.csv", "out.html", "out.json", "out.parquet"))
    target = scene.folder / name
    link = scene.folder / rnd.choice((f"{name}.part", f".{name}.part", "out.xml", "out.xml.part"))
    (Path.hardlink_to if rnd.random() < 0.3 else Path.symlink_to)(link, victim)
    commands: dict[str, tuple[str | Path, ...]] = {
        "out.csv": ("labels", queue, "-o", target) if queue != scored else
                   ("queue", scored, "-o", target),
        "out.html": ("explain", "a", "--html", target, "--model", scene.bundle),
        "out.json": ("queue", scored, "--label-studio", target),
        "out.parquet": ("score", scored, "--overwrite-columns", "-o", target, "--model",
                        scene.bundle),
    }  # fmt: skip
    yield from _judged(scene.cli(*commands[name]))
    if victim.read_bytes() != _KEPT:
        yield "what a planted link leads to was written"


def overwriting(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Name an output that exists, or is the input by another name; it must stay as it is."""
    scored = _scored(scene)
    queue = _queued(scene, scored)
    kind = rnd.choice(("there", "itself", "link", "hard link", "dotted"))
    command = rnd.choice(("queue", "labels", "explain", "tasks", "score", "report"))
    given = {"queue": scored, "labels": queue, "tasks": scored, "score": scored, "report": scored}
    source = given.get(command, scored)
    name = {"explain": "a.html", "tasks": "a.json", "report": "a.html"}.get(command, "a.csv")
    target = scene.folder / name
    if kind == "there":
        target.write_bytes(_KEPT)
    elif kind == "itself":
        target = source
    elif kind == "dotted":
        (scene.folder / "d").mkdir()
        target = scene.folder / "d" / ".." / source.name
    else:
        (Path.symlink_to if kind == "link" else Path.hardlink_to)(target, source)
    before = target.read_bytes()
    arguments: dict[str, tuple[str | Path, ...]] = {
        "queue": ("queue", source, "-o", target),
        "labels": ("labels", source, "-o", target),
        "explain": ("explain", "guaranteed profit", "--html", target, "--model", scene.bundle),
        "tasks": ("queue", source, "--label-studio", target),
        "score": ("score", source, "-o", target, "--overwrite-columns", "--model", scene.bundle),
        "report": ("report", source, "-o", target),
    }
    yield from _judged(scene.cli(*arguments[command]), codes=(2,))
    if target.read_bytes() != before:
        yield f"{command} overwrote a file that was there"


def pipes(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Put a named pipe, a device or a folder instead of a file; nothing may wait for it."""
    extension = rnd.choice(("json", "txt", "csv", "tsv", "jsonl", "parquet", "mbox", "eml", "gz"))
    path = scene.folder / f"in.{extension}"
    dump = scene.write("dump.csv", _DUMP)
    form = rnd.choice(("pipe", "pipe", "link", "device", "folder"))
    if form == "device":
        path.symlink_to(rnd.choice(("/dev/zero", "/dev/tty", "/dev/null", "/dev/stdin")))
    elif form == "folder":
        path.mkdir()
    else:
        os.mkfifo(scene.folder / "pipe" if form == "link" else path)
        if form == "link":
            path.symlink_to(scene.folder / "pipe")
    target = scene.folder / "out.jsonl"
    uses = (
        ("score", path, "-o", target, "--model", scene.bundle),
        ("score", path, "-o", target, "--format", "csv", "--model", scene.bundle),
        ("score", dump, "-o", target, "--allow-list", path, "--model", scene.bundle),
        ("report", path), ("queue", path, "-o", target), ("labels", path), ("drift", path, dump),
        ("predict", "a", "--model", path), ("hub", "push", path, "a/b"),
    )  # fmt: skip
    yield from _judged(scene.cli(*rnd.choice(uses)), codes=(0, 2, 4))


def private(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score a dump that only its owner may read; so must be all that is made of it."""
    dump = scene.write("in.csv", _DUMP)
    dump.chmod(rnd.choice((0o600, 0o600, 0o400)))
    target = scene.folder / rnd.choice(_TARGETS)
    stopped = rnd.choice(((), ("--max-rejects", "0")))
    yield from _judged(scene.model_cli("score", dump, "-o", target, *stopped))
    if target.exists():
        yield from _judged(scene.cli("groups", target, "--by", "id"))
        yield from _judged(scene.model_cli("threads", target, "--thread-column", "id"))
    before = {scene.folder, dump}
    for path in scene.folder.rglob("*"):
        others = path.stat().st_mode & 0o077
        # Of files in a folder that is closed to others nothing is seen.
        if path not in before and others and not path.is_dir():
            folders = [one for one in path.parents if scene.folder in one.parents]
            if all(one.stat().st_mode & 0o077 for one in folders):
                yield f"others may read {'the rejects' if 'rejected' in path.name else 'a result'}"


def names(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Name sources and destinations that are links in a circle, too long, missing or no files."""
    dump = scene.write("in.csv", _DUMP)
    loop = scene.folder / "loop.csv"
    loop.symlink_to(loop)
    scene.folder.joinpath("a.csv").symlink_to(scene.folder / "b.csv")
    scene.folder.joinpath("b.csv").symlink_to(scene.folder / "a.csv")
    odd = rnd.choice(
        (
            loop, scene.folder / "a.csv", scene.folder / f"{'a' * 300}.csv", f"{'a/' * 3000}b.csv",
            loop / "x.csv", dump / "x.csv", scene.folder / "no" / "x.csv", "", ".", "/",
            "\udcff.csv", "/dev/full", "/dev/null/x.csv", "~nobody/x.csv", "\udcff.parquet",
            "é" * 120 + ".csv",
            f"{'a' * 250}.csv", "-", "con.csv", "a.csv/", "http://127.0.0.1:1/x.csv",
        )
    )  # fmt: skip
    uses = (
        ("score", odd, "-o", scene.folder / "out.csv", "--model", scene.bundle),
        ("score", dump, "-o", odd, "--model", scene.bundle),
        ("score", dump, "-o", odd, "--overwrite", "--model", scene.bundle),
        ("score", dump, "-o", odd, "--resume", "--model", scene.bundle),
        ("score", dump, "--work-folder", odd, "--model", scene.bundle),
        ("score", odd, "--model", scene.bundle), ("report", odd), ("report", dump, "-o", odd),
        ("queue", odd), ("queue", dump, "-o", odd), ("labels", odd), ("labels", dump, "-o", odd),
        ("explain", "a", "--html", odd, "--model", scene.bundle), ("predict", "a", "--model", odd),
        ("drift", odd, dump), ("drift", dump, dump, "-o", odd),
        ("score", dump, "-o", scene.folder / "o.csv", "--allow-list", odd, "--model", scene.bundle),
    )  # fmt: skip
    ran = scene.cli(*rnd.choice(uses))
    yield from _judged(ran)
    if str(odd).startswith("http") and "no such file" in ran.printed:
        yield "a server that is not reached is called a missing file"


def odd_options(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Give options that no parser, codec or number of C expects."""
    dump = scene.write("in.csv", _DUMP)
    numbers = ("9" * 5000, "1" + "0" * 30, "-1", "nan", "inf", "1e400", "0", "", "1_0", "١", "0x1")
    codec = rnd.choice(
        (*sorted(encodings.aliases.aliases), "undefined", "idna", "punycode", "mbcs")
    )
    option, value = rnd.choice(
        (
            ("--columns", rnd.choice(("a\nb", '"', '"a', "", ",", "x" * 99_000, "id,id"))),
            ("--encoding", codec), ("--encoding", codec),
            ("--encoding", rnd.choice(("", "a b", "é"))),
            ("--max-rejects", rnd.choice((*numbers, "9" * 5000 + "%", "nan%", "1e400%"))),
            ("--delimiter", rnd.choice(("", "ab", "\n", '"', "\udcff", "\x1b", "é", "tab,"))),
            ("--part-rows", rnd.choice(numbers)), ("--flag", rnd.choice(numbers)),
            ("--review", rnd.choice(numbers)), ("--kind-flag", f"crypto={rnd.choice(numbers)}"),
            ("--kind-flag", "crypto"),
            ("--text-column", rnd.choice(("", "text.", ".text", "..", "\udcff"))),
            ("--sender-column", "\udcff"), ("--threads", rnd.choice(numbers[2:])),
            ("--threads", "9" * 30), ("--tier", "first"),
        )
    )  # fmt: skip
    yield from _judged(
        scene.model_cli("score", dump, "-o", scene.folder / "out.csv", f"{option}={value}")
    )
    number = rnd.choice(numbers)
    more = (
        ("queue", dump, f"-n{number}"), ("queue", dump, f"--seed={number}"),
        ("queue", dump, f"--audit={number}"), ("drift", dump, dump, f"--text-column={number}"),
        # None of these hosts is asked for on a network.
        ("serve", "--port=0", "--host", rnd.choice(("a..b", "a" * 300, "\udcff", "[::1", "::g"))),
        ("serve", f"--port={number}", "--host", "999.1.1.1"),
    )  # fmt: skip
    yield from _judged(scene.cli(*rnd.choice(more)))


def streams(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Run in a terminal of another encoding, and with streams that are closed or full."""
    text = rnd.choice(("guaranteed profit 利润 😀 \u202e", "Ваша прибыль", "hello", "\ud83d"))
    command = rnd.choice(("predict", "explain", "doctor", "score"))
    dump = scene.write("in.csv", _DUMP)
    given: tuple[str | Path, ...] = {
        "doctor": (), "score": (dump, "-o", scene.folder / "利润.csv"),
    }.get(command, (rnd.choice((text.encode("utf-8", "replace").decode(), "-")),))  # fmt: skip
    as_json = ("--json",) if command in ("predict", "explain") and rnd.random() < 0.3 else ()
    end = rnd.choice(("", "", "<&-", ">/dev/full", "2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full"))
    named = {
        "PYTHONIOENCODING": rnd.choice(("cp1252", "ascii", "utf-8", "latin-1", "cp1252:strict"))
    }
    if rnd.random() < 0.2:
        named = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = scene.process(command, *as_json, *given, "--model", scene.bundle, shell_end=end, **named)
    # A full or closed standard stream is a failure that Python itself may be the last to see.
    codes = (*_ANY, 120) if "full" in end or ">&-" in end else _ANY
    yield from (one for one in faults(ran, codes) if not one.startswith("a control"))


def interrupted(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Press Ctrl-C at any moment of the first second; no traceback may follow."""
    command: tuple[str | Path, ...] = rnd.choice(
        (("predict", "hello"), ("score", scene.write("in.csv", _DUMP)), ("doctor",))
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "scamdetect.cli", *command, "--model", scene.bundle],
        cwd=scene.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
        # A shell's background job ignores interrupts, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(rnd.uniform(0.05, 1.0))
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=scene.worker.seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        yield "hung after an interrupt"
        return
    said = err.decode("utf-8", "replace")
    # Before Python runs a line of the package, it prints its own.
    if "Traceback" in said and "scamdetect" in said:
        yield "a traceback"
    if process.returncode not in (*_ANY, -signal.SIGINT):
        yield f"exit code {process.returncode}"
    yield from printed_faults(out.decode("utf-8", "replace"))


def _deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(50_000):
        value = [value]
    return value


class _Broken:
    """An object that answers nothing."""

    def __iter__(self) -> Iterator[str]:
        raise OSError("no")

    def __str__(self) -> str:
        raise ValueError("no")

    __repr__ = __str__


_PROBES: dict[str, Callable[[], Any]] = {
    "0-d array": lambda: np.array("hello"), "0-d object": lambda: np.array(None, dtype=object),
    "2-d array": lambda: np.array([["a", "b"], ["c", "d"]]), "empty": lambda: np.array([]),
    "bytes": lambda: b"hello", "memoryview": lambda: memoryview(b"hello"), "number": lambda: 5,
    "nan": lambda: [float("nan"), np.nan, None], "dictionary": lambda: {"a": 1},
    "set": lambda: {"a"},
    "generator": lambda: (one for one in ("a", None)), "deep": _deep, "broken": _Broken,
    "broken in a list": lambda: [_Broken()], "surrogates": lambda: ["\ud83d", "\udcff a"],
    "long": lambda: "guaranteed profit " * 20_000, "type": lambda: str, "bare object": object,
    "masked": lambda: np.ma.array(["a", "b"], mask=[True, False]),
    "records": lambda: np.array([("a", 1)], dtype=[("x", "U5"), ("y", "i4")]),
    "datetimes": lambda: np.array(["2026-11-26"], dtype="datetime64[D]"),
    "text of numpy": lambda: np.str_("hello"), "marks": lambda: "\u0301" * 50_000,
    "joiners": lambda: "a\u200d" * 50_000, "zeros": lambda: "\0" * 50_000, "pickle": lambda: None,
}  # fmt: skip


def probe(bundle: str, name: str, method: str) -> str:
    """Give the API an object; return the class of what it raised; runs in a process."""
    detector = ScamDetector.load(bundle, threads=1)
    try:
        if name == "pickle":
            pickle.dumps(detector)
        else:
            found = getattr(detector, method)(_PROBES[name]())
            list(found) if method == "stream" else found
    except (ScamDetectError, TypeError) as problem:
        # Pickling is refused by whoever knows what to do instead.
        known = name != "pickle" or "ScamDetector" in str(problem) or "load" in str(problem)
        return "" if known else "pickling a detector is refused by a library, without a cure"
    except OSError:
        return "" if name.startswith("broken") else "OSError"
    return ""


def objects(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Give the API objects of every kind: an answer, or an error that is documented."""
    name = rnd.choice(tuple(_PROBES))
    method = rnd.choice(("predict", "predict", "predict_proba", "kind_proba", "stream", "explain"))
    if name in ("pickle", "0-d array", "0-d object"):
        method = "predict"
    ran = scene.worker.call(probe, str(scene.bundle), name, method)
    if ran.broken or ran.value:
        yield f"{ran.broken or ran.value} ({method}, {name})"


CASES = (
    planted_in_work, planted_beside, overwriting, pipes, private, names, odd_options, streams,
    interrupted, objects,
)  # fmt: skip
