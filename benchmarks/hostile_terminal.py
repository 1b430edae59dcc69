"""What an attacker writes into names, and a terminal must not obey."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.hostile_scene import QuietHandler, Ran, Scene, faults, listening

CONTROLS = (
    "\x1b[31m", "\x1b]52;c;aGk=\x07", "\x07", "\x08\x08", "\u202e", "\u2066", "\x9b31m", "\x7f",
    "\x1b]0;a\x1b\\", "\u200e", "\x85", "\u2028", "\x0b", "\rFORGED", "\nFORGED", "\x1b[2J", "\x0e",
)  # fmt: skip
_ANY = (0, 1, 2, 3, 4, 10)
# A file name may hold neither of these.
_IN_FILES = tuple(one for one in CONTROLS if "/" not in one and "\0" not in one)


def _name(rnd: random.Random, pool: tuple[str, ...] = CONTROLS) -> str:
    return f"a{rnd.choice(pool)}b{rnd.choice(pool)}c"


def _judged(ran: Ran) -> Iterator[str]:
    yield from faults(ran, _ANY)
    # A line that begins with the name's own words looks as if the program had written it.
    if any(line.startswith("FORGED") for line in ran.printed.splitlines()):
        yield "a name that goes on in a line of its own"


def _dump(scene: Scene, rnd: random.Random, name: str, stem: str = "in") -> Path:
    """Write a small dump with a column of that name."""
    rows = [{"text": f"guaranteed profit {n}", name: rnd.choice(CONTROLS)} for n in range(4)]
    extension = rnd.choice(("csv", "jsonl", "parquet"))
    path = scene.folder / f"{stem}.{extension}"
    if extension == "parquet":
        with path.open("wb") as binary:  # Arrow opens no path that is not UTF-8
            pq.write_table(pa.Table.from_pylist(rows), binary)
    elif extension == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, ["text", name])
            table.writeheader()
            table.writerows(rows)
    return path


def column_names(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Name columns so that they control the terminal, in errors and summaries."""
    name = _name(rnd)
    dump = _dump(scene, rnd, name)
    target = scene.folder / f"out.{rnd.choice(('csv', 'jsonl', 'parquet'))}"
    options = rnd.choice(
        (
            ("--text-column", "body"), ("--columns", "nothing"), (), ("--log-json",),
            ("--text-column", name), ("--sender-column", name), ("--text-column", f"{name}.x"),
        )
    )  # fmt: skip
    yield from _judged(scene.model_cli("score", dump, "-o", target, *options))
    if target.exists():
        for command in (
            ("report", target, "--text-column", "nothing"), ("report", target),
            ("queue", target, "-o", scene.folder / "q.csv", "--key-column", name),
            ("drift", target, target), ("score", target, "-o", scene.folder / "again.csv"),
        ):  # fmt: skip
            yield from _judged(scene.cli(*command))


def file_names(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Name files and folders so that they control the terminal or are not UTF-8."""
    stem = _name(rnd, (*_IN_FILES, "\udcff", "\udcc3("))
    dump = _dump(scene, rnd, "x", stem)
    target = scene.folder / f"{stem}.out.{rnd.choice(('csv', 'parquet', 'jsonl'))}"
    folder = scene.folder / f"{stem}.d"
    folder.mkdir()
    commands = (
        ("score", dump, "-o", target), ("score", dump), ("score", dump, "-o", dump),
        ("score", dump, "-o", target, "--resume"), ("score", folder), ("score", f"{dump}.missing"),
        ("score", scene.folder / f"{stem}*", "-o", target), ("score", dump, "-o", folder / "a.csv"),
        ("score", dump, "-o", target, "--log-json"), ("score", dump, "-o", f"{target}.zip"),
        ("score", dump, "-o", target, "--allow-list", folder),
    )  # fmt: skip
    ran = scene.model_cli(*rnd.choice(commands))
    yield from _judged(ran)
    made = target if target.exists() else dump
    others = (
        ("report", made), ("queue", made, "-o", folder / "q.csv"), ("labels", made),
        ("drift", made, made), ("predict", "a", "--model", folder), ("doctor", "--model", folder),
        ("explain", "a", "--html", folder / "x" / "y.html", "--model", scene.bundle),
        ("explain", "a", "--html", folder / f"{stem}.html", "--model", scene.bundle),
        ("hub", "push", folder, "a/b"), ("card", folder), ("report", made, "-o", made),
        ("queue", made, "--label-studio", folder / f"{stem}.json"),
    )  # fmt: skip
    for arguments in rnd.sample(others, 3):
        yield from _judged(scene.cli(*arguments))


def options(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Give options, commands and values that control the terminal."""
    name = _name(rnd)
    dump = scene.write("in.csv", "id,text\n1,hello\n2,a\n3\n")
    target = scene.folder / "out.csv"
    option = rnd.choice(
        (
            "--columns", "--encoding", "--delimiter", "--format", "--runtime", "--tier",
            "--max-rejects", "--kind-flag", "--flag", "--engine", "--part-rows", f"--{name}",
            "--text-column", "--sender-column", "--work-folder", "--allow-list", "--threads",
        )
    )  # fmt: skip
    ran = scene.model_cli("score", dump, "-o", target, option, name)
    yield from _judged(ran)
    command = rnd.choice(
        (
            (name,), ("hub", name), (f"--{name}",), ("report", dump, "--title", name),
            ("data", name), ("serve", "--host", name, "--port", "0"),
            ("hub", "pull", name, "--revision", "v1", "--out", "x"), ("bench", name),
            ("queue", dump, "-n", name), ("serve", "--port", name), ("data", "verify", name),
            ("drift", dump, dump, "--fail-on", name),
        )
    )  # fmt: skip
    yield from _judged(scene.cli(*command))


def texts(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Let ``predict`` and ``explain`` print messages that control the terminal."""
    lure = f"guaranteed {rnd.choice(CONTROLS)}profit http://a{rnd.choice(CONTROLS)}.example bitcoin"
    command = rnd.choice(("predict", "explain", "explain"))
    as_json = rnd.choice(((), ("--json",)))
    given = rnd.choice(((lure,), ("-",)))
    ran = scene.model_cli(command, *as_json, *given, stdin=lure.encode())
    # What is in lines of the message may be shown in lines.
    yield from faults(ran, _ANY)


def labels(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Bring back a queue whose labels and cells control the terminal."""
    columns = ("row", "key", "text", "label", "language", "part", "inclusion_probability",
               "decision", "scam_probability", "near", "kinds")  # fmt: skip
    cells = dict.fromkeys(columns, "") | {
        "row": "1", "text": "hello", "label": _name(rnd), "part": "audit", "decision": "flag",
        "inclusion_probability": "0.5", "scam_probability": "0.9", "language": "en",
    }  # fmt: skip
    if rnd.random() < 0.7:
        cells[rnd.choice(columns)] = _name(rnd)
    if rnd.random() < 0.5:
        path = scene.write("labels.json", json.dumps([{"id": 1, **cells}]))
    else:
        file = io.StringIO(newline="")
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerow(cells)
        path = scene.write("labels.csv", file.getvalue())
    yield from _judged(scene.cli("labels", path, "-o", scene.folder / "out.csv"))


def hub_errors(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Pull from a hub whose errors and tags control the terminal."""
    with _hub(rnd.choice((400, 401, 403, 404, 409, 418, 429, 500)), _name(rnd)) as url:
        revision = rnd.choice(("v1", "main", "a" * 40))
        pull = ("hub", "pull", "me/bundle", "--revision", revision, "--out", scene.folder / "b")
        yield from _judged(scene.cli(*pull, HF_ENDPOINT=url))


def pages(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Make pages of messages, names and titles that are HTML; none may run in a browser."""
    scripts = (
        "<script>run()</script>", '"><img src=x onerror=run()>', "</script><script>run()</script>",
        "<svg/onload=run()>", "{{ 7 * 7 }}<b>run</b>", "<!--<b>run</b>", "&lt;b>run<b>run</b>",
    )  # fmt: skip
    lure = f"guaranteed profit {rnd.choice(scripts)} bitcoin {rnd.choice(CONTROLS)}"
    name = rnd.choice(scripts)
    rows = "".join(json.dumps({"text": lure, name: name, "time": name}) + "\n" for _ in range(9))
    dump = scene.write("in.jsonl", rows)
    target, page = scene.folder / "out.jsonl", scene.folder / "page.html"
    yield from _judged(scene.model_cli("score", dump, "-o", target))
    command: tuple[str | Path, ...] = rnd.choice(
        (
            ("report", target, "-o", page, "--title", name), ("report", target, "-o", page),
            ("report", target, "-o", page, "--time-column", name),
            ("explain", lure, "--html", page, "--model", scene.bundle),
        )
    )  # fmt: skip
    yield from _judged(scene.cli(*command))
    if page.exists():
        written = page.read_text("utf-8")
        if any(one in written for one in (*scripts, "<img src=x", "<svg/", "<b>run")):
            yield "a part of a message that a browser would run"
        if re.search("[\u202a-\u202e\u2066-\u2069\x1b]", written):
            yield "a character in a page that turns or controls what is shown"


@contextmanager
def _hub(status: int, said: str) -> Iterator[str]:
    """Serve an answer that says this, in its body and its headers, to every request."""
    body = json.dumps({"error": said, "tags": [{"name": said}], "sha": said}).encode()

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802
            refs = self.path.endswith("/refs") and status % 2 == 0
            ref = {"name": said, "ref": said, "targetCommit": said}
            answer = json.dumps({"branches": [ref], "tags": [ref], "converts": []}).encode()
            self.send_response_only(200 if refs else status)
            one_line = said.replace("\n", "").replace("\r", "")
            header = f"X-Error-Message: {one_line}\r\n".encode("utf-8", "replace")
            self._headers_buffer.append(header)  # the library refuses what this sends
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer if refs else body)

        do_HEAD = do_GET  # noqa: N815

    with listening(Handler) as host:
        yield f"http://{host}"


CASES = (column_names, file_names, options, texts, labels, hub_errors, pages)
