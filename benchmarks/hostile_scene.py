"""Run hostile inputs in a separate process, and judge its output.

One process takes many inputs, since starting one costs more than most of them. It begins again
after an input that hung or crashed, has no pandas, and reaches no other machine.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.abc import MetaPathFinder
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.malformed_inputs import marks

ROOT = Path(__file__).resolve().parent.parent
HANG_SECONDS = 60.0
_MEMORY_BYTES = 12 << 30  # of addresses, of which the libraries reserve more than they use
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# Nothing listens at this address, and nothing can.
CLOSED = "127.0.0.1:1"
OFFLINE = {
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
    "AWS_ENDPOINT_URL": f"http://{CLOSED}", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    "HF_TOKEN": "hf_invented",
}  # fmt: skip
# Controls but for newline and tab, direction marks, and line ends that only some programs know.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


@dataclass(frozen=True)
class Ran:
    """What a call gave and printed; ``broken`` says how it failed, and is empty if it did not."""

    value: Any = None
    out: str = ""
    err: str = ""
    broken: str = ""
    reached: tuple[str, ...] = ()

    @property
    def printed(self) -> str:
        """Return all that reached the terminal."""
        return self.out + self.err


class Worker:
    """A process that runs one function after the other; use as a context manager."""

    def __init__(self, seconds: float = HANG_SECONDS) -> None:
        self.seconds = seconds
        self._process: Any = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def call(self, function: Callable[..., Any], *arguments: object) -> Ran:
        """Return what became of the call; the function must be importable by its name."""
        pipe = self._start()
        try:
            pipe.send((function, arguments))
            if not pipe.poll(self.seconds):
                return self._fail(f"hung for more than {self.seconds:.0f} s")
            value, out, err, broken, reached = pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            return self._fail(f"the process died with {self._process.exitcode}")
        texts = [text.decode("utf-8", "surrogateescape") for text in (out, err)]
        return Ran(value, *texts, broken, reached)

    def _start(self) -> Connection:
        if self._pipe is None:
            spawning = multiprocessing.get_context("spawn")
            self._pipe, theirs = spawning.Pipe()
            self._process = spawning.Process(target=_work, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        return self._pipe

    def _fail(self, broken: str) -> Ran:
        self._end(hung=True)
        return Ran(broken=broken)

    def _end(self, *, hung: bool = False) -> None:
        if self._pipe is not None:
            self._pipe.close()  # which ends a process that waits for the next call
            self._process.join(0 if hung else 5)
            self._process.kill()
            self._process.join()
            self._pipe = None


def _work(pipe: Connection) -> None:
    """Run what comes through the pipe until it closes."""
    sys.meta_path.insert(0, _NoPandas())
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    reached = _guard_network()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for number, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), number)
        while True:
            try:
                function, arguments = pipe.recv()
            except EOFError:
                return
            value, broken = None, ""
            try:
                value = function(*arguments)
            except BaseException as problem:  # a panic of a library in Rust is no Exception
                broken = f"{type(problem).__name__} at {_place(problem)}"
            printed = []
            for file in (out, err):
                file.seek(0)
                printed.append(file.read())
                file.seek(0)
                file.truncate()
            pipe.send((value, *printed, broken, tuple(reached)))
            reached.clear()


class _NoPandas(MetaPathFinder):
    """Keep the process as an install without extras is: Arrow does without pandas then."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _place(problem: BaseException) -> str:
    """Return the last line of the package in a traceback, or else the last line."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if f"{os.sep}scamdetect{os.sep}" in frame.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "no place"


def _guard_network() -> list[str]:
    """Refuse what is not this machine; return the list of what was tried."""
    reached: list[str] = []

    def guarded(real: Callable[..., Any], host_of: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            host = host_of(*arguments)
            if host is not None and host not in LOOPBACK:
                reached.append(str(host))
                raise ConnectionRefusedError(111, "Connection refused")
            return real(*arguments, **options)

        return call

    def of_socket(one: socket.socket, *arguments: Any) -> object:  # noqa: ANN401
        return None if one.family == socket.AF_UNIX else arguments[-1][0]

    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, guarded(getattr(socket.socket, name), of_socket))
    found = guarded(socket.getaddrinfo, lambda host, *_: _text(host))
    socket.getaddrinfo = found
    return reached


def _text(host: object) -> object:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else host


def run_cli(
    arguments: Sequence[str], folder: str, environment: Mapping[str, str], stdin: bytes
) -> object:
    """Run the command line in this process; return its exit code."""
    from scamdetect.cli import main

    streams, argv, before = (sys.stdin, sys.stdout, sys.stderr), sys.argv, dict(os.environ)
    os.chdir(folder)
    os.environ.update(environment)
    sys.argv = ["scamdetect", *arguments]
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        (sys.stdin, sys.stdout, sys.stderr), sys.argv = streams, argv
        os.environ.clear()
        os.environ.update(before)
        os.chdir("/")
    return None


@dataclass
class Scene:
    """A folder for one case, with the bundle and the process that it may use."""

    folder: Path
    bundle: Path
    worker: Worker
    environment: dict[str, str] = field(default_factory=lambda: dict(OFFLINE))

    def write(self, name: str, content: bytes | str) -> Path:
        """Write a file of the case and return its path."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def cli(self, *arguments: str | Path, stdin: bytes = b"", **environment: str) -> Ran:
        """Run the command line; the value is its exit code."""
        texts = [os.fspath(argument) for argument in arguments]
        named = self.environment | environment
        return self.worker.call(run_cli, texts, str(self.folder), named, stdin)

    def model_cli(self, *arguments: str | Path, stdin: bytes = b"", **environment: str) -> Ran:
        """Run a command that takes ``--model`` with the tiny bundle."""
        return self.cli(*arguments, "--model", self.bundle, stdin=stdin, **environment)

    def process(self, *arguments: str | Path, shell_end: str = "", **environment: str) -> Ran:
        """Run the command line as a process by a shell; ``shell_end`` may redirect its streams."""
        try:
            done = subprocess.run(
                ["sh", "-c", f'"$@" {shell_end}', "sh", sys.executable, "-m", "scamdetect.cli",
                 *map(os.fspath, arguments)],
                cwd=self.folder, capture_output=True, timeout=self.worker.seconds,
                stdin=subprocess.DEVNULL,
                env=os.environ | self.environment | {"PYTHONPATH": str(ROOT)} | environment,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Ran(broken=f"hung for more than {self.worker.seconds:.0f} s")
        out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        return Ran(done.returncode, out, err)


def faults(
    ran: Ran, codes: Collection[int] = (0, 2), secrets: Collection[str] = ()
) -> Iterator[str]:
    """Yield what does not hold of any run of the command line, never with text of a message."""
    if ran.broken:
        yield ran.broken
    elif ran.value not in codes:
        yield f"exit code {ran.value!r}"
    if "Traceback (most recent" in ran.printed:
        yield "a traceback"
    yield from printed_faults(ran.printed, secrets)
    if ran.reached:
        yield f"reached for {len(set(ran.reached))} other machines"


def printed_faults(printed: str, secrets: Collection[str] = ()) -> Iterator[str]:
    """Yield what must not be on a terminal: marks of messages, controls, secrets."""
    if marks(printed.encode("utf-8", "surrogateescape")):
        yield "a text of a message on the terminal"
    if _CONTROL.search(printed):
        yield "a control character on the terminal"
    if any(secret in printed for secret in secrets):
        yield "a secret on the terminal"


class QuietHandler(BaseHTTPRequestHandler):
    """Answers requests without a log of them."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Let the handler answer requests to this machine; give host and port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def scene(bundle: Path, worker: Worker) -> Iterator[Scene]:
    """Give a scene whose folder is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        yield Scene(Path(name), bundle, worker)
