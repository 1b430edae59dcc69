"""The service as a process of its own, over the loopback interface."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from command_line import command
from hang import HANG

import scamdetect

pytest.importorskip("uvicorn", reason="needs the extra serve")

from scamdetect.errors import InputError
from scamdetect.serve.server import listening

pytestmark = pytest.mark.network_loopback

get = partial(httpx.get, timeout=HANG)
post = partial(httpx.post, timeout=HANG)

LURE = "Guaranteed profit, darling! Buy a gift card"
_ROOT = Path(scamdetect.__file__).resolve().parent.parent
_LIMITED = """
import sys
from scamdetect import ScamDetector
from scamdetect.serve.request import Limits
from scamdetect.serve.server import serve
with ScamDetector.load({model!r}, threads=1) as detector:
    serve(detector, host="127.0.0.1", port=0, limits=Limits({limits}), token=None,
          say=lambda line: print(line, file=sys.stderr, flush=True))
"""

# The signal comes while a request is scored, and the scoring ends when nobody can connect any more.
_STOPPED_AT_WORK = """
import os, socket, time
import scamdetect.serve.server as server
from scamdetect import ScamDetector

def listening(host, port, real=server.listening):
    listener = real(host, port)
    address.extend(listener.getsockname())
    return listener

def predict(self, texts, real=ScamDetector.predict):
    os.kill(os.getpid(), 15)
    while socket.socket().connect_ex(tuple(address)) == 0:
        time.sleep(0.01)
    return real(self, texts)

address = []
server.listening, ScamDetector.predict = listening, predict
"""


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a Python process that serves, and its address; it must not end before."""
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": path} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert "http://" in line, line + process.stderr.read()
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code and what else was written to stderr."""
    _, said = process.communicate(timeout=HANG)
    return process.returncode, said


def limited(tiny_bundle: Path, limits: str = "") -> list[str]:
    return ["-c", _LIMITED.format(model=str(tiny_bundle), limits=limits)]


def connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=HANG)


def test_the_command_answers_guards_and_ends(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "known.txt").write_text("bank\n", encoding="utf-8")
    options = ("--model", str(tiny_bundle), "--port", "0", "--kind-flag", "romance=0.3")
    options += ("--allow-list", str(tmp_path / "known.txt"))
    arguments = ("-m", "scamdetect.cli", "serve", *options)
    with running(*arguments, SCAMDETECT_TOKEN="s3cret") as (process, address):
        assert address.startswith("http://127.0.0.1:")
        asked = {"json": {"texts": [LURE, "darling", LURE], "senders": [None, "b", "bank"]}}
        assert post(f"{address}/v1/predict", **asked).status_code == 401
        token = {"Authorization": "Bearer s3cret"}
        answer = post(f"{address}/v1/predict", headers=token, **asked).json()["predictions"]
        assert [one["decision"] for one in answer] == ["flag", "flag", "pass"]
        assert answer[1]["reason"] == "flagged by kind romance"
        assert get(f"{address}/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (0, "")


def test_a_request_at_hand_is_answered_before_the_end(tiny_bundle: Path) -> None:
    model = {"model": str(tiny_bundle), "limits": "stop_seconds=600"}
    with running("-c", _STOPPED_AT_WORK + _LIMITED.format(**model)) as (process, address):
        answer = post(f"{address}/v1/predict", json={"texts": [LURE]})
        assert answer.json()["predictions"][0]["decision"] == "flag"
        assert ended(process) == (0, "")
        with pytest.raises(httpx.ConnectError):
            get(f"{address}/healthz")


def test_what_takes_too_long_does_not_keep_it_from_ending(tiny_bundle: Path) -> None:
    limits = ("--max-bytes", "30000000", "--max-texts", "9999", "--stop-seconds", "1")
    options = ("--model", str(tiny_bundle), "--port", "0", "--parallel", "1", *limits)
    with running("-m", "scamdetect.cli", "serve", *options) as (process, address):
        answers: list[httpx.Response] = []

        def ask() -> None:
            texts = [f"{number} {'x y z ' * 400}" for number in range(9999)]
            answers.append(post(f"{address}/v1/predict", json={"texts": texts}))

        asking = threading.Thread(target=ask)
        asking.start()
        while "scamdetect_working_requests 1" not in get(f"{address}/metrics").text:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
        assert code == 0 and said.startswith("ERROR:    Cancel 1 running") and said.count("\n") == 1
        asking.join()
        (answer,) = answers
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "stopping")


def test_a_signal_that_comes_early_is_no_less_one(tiny_bundle: Path) -> None:
    model = {"model": str(tiny_bundle), "limits": ""}
    early = _LIMITED.format(**model).replace("print(line", "os.kill(os.getpid(), 15) or print(line")
    with running("-c", f"import os{early}") as (process, _):
        assert ended(process) == (0, "")


def test_200_clients_at_once(tiny_bundle: Path) -> None:
    limits = "parallel=2, queue=200, wait_seconds=600, head_seconds=600"
    with running(*limited(tiny_bundle, limits)) as (process, address):

        async def ask_all() -> list[httpx.Response]:
            limits = httpx.Limits(max_connections=200)
            async with httpx.AsyncClient(limits=limits, timeout=HANG) as client:
                url = f"{address}/v1/predict"
                return await asyncio.gather(
                    *(client.post(url, json={"texts": [f"hello {n}"]}) for n in range(200))
                )

        answers = asyncio.run(ask_all())
        assert [answer.status_code for answer in answers] == [200] * 200
        process.send_signal(signal.SIGINT)
        assert ended(process) == (0, "")


def test_no_answer_waits_for_the_other_half_of_it() -> None:
    with listening("127.0.0.1", 0) as listener:
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_huge_body_gets_its_413(tiny_bundle: Path) -> None:
    with running(*limited(tiny_bundle)) as (_, address):
        body = json.dumps({"texts": ["x" * 20_000_000]})
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=HANG)
        connection.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 413
        connection.close()


def is_healthy(address: str) -> bool:
    try:
        return get(f"{address}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def is_cut_off(client: socket.socket, more: bytes) -> bool:
    """Send more and wait for the client's timeout whether the connection ends."""
    try:
        client.sendall(more)
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_slow_clients_are_cut_off_and_hold_up_nobody(tiny_bundle: Path) -> None:
    head = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    endless = head + b"X-More: " + b"x" * 10_000
    with running(*limited(tiny_bundle, "head_seconds=3, body_seconds=0.5")) as (_, address):
        silent, dripping, slow_body = (connect(address) for _ in range(3))
        slow_body.sendall(head + b'Content-Length: 18\r\n\r\n{"texts"')
        dripping.settimeout(0.1)
        assert any(is_cut_off(dripping, bytes([byte])) for byte in endless)
        assert silent.recv(1) == b""
        assert slow_body.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert is_healthy(address)
        for one in (silent, dripping, slow_body):
            one.close()


def test_who_takes_no_answer_is_cut_off(tiny_bundle: Path) -> None:
    body = json.dumps({"texts": ["hello"] * 256}).encode()
    head = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    request = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with running(*limited(tiny_bundle, "head_seconds=1")) as (_, address):
        greedy = connect(address)
        greedy.settimeout(0.2)
        with pytest.raises(OSError):
            while True:
                greedy.sendall(request)
        greedy.settimeout(HANG)
        with pytest.raises(ConnectionError):
            while True:
                time.sleep(0.3)
                greedy.sendall(b"x" * 10_000_000)
        greedy.close()


def test_connections_beyond_the_limit_end_at_once_and_in_silence(tiny_bundle: Path) -> None:
    with running(*limited(tiny_bundle, "connections=3, head_seconds=600")) as (process, address):
        first = [connect(address) for _ in range(3)]
        time.sleep(0.2)
        for _ in range(50):
            more = connect(address)
            with suppress(ConnectionError):
                assert more.recv(1) == b""
            more.close()
        first[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert first[0].recv(100).startswith(b"HTTP/1.1 200")
        for one in first:
            one.close()
        while not is_healthy(address):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_files_do_not_run_out(tiny_bundle: Path) -> None:
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))\n"
    _, program = limited(tiny_bundle, "head_seconds=0.5")
    with running("-c", few + program) as (process, address):
        crowd = [socket.socket() for _ in range(200)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", urlsplit(address).port or 0))
        time.sleep(0.5)
        for one in crowd:
            one.close()
        while not is_healthy(address):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (0, "")


def test_no_text_is_logged(tiny_bundle: Path) -> None:
    with running(*limited(tiny_bundle)) as (process, address):
        raw = connect(address)
        raw.sendall(b"my-secret-words\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
        raw.close()
        get(f"{address}/v1/predict?text=my-secret-words")
        post(f"{address}/v1/predict", json={"texts": ["my-secret-words", 3]})
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
        assert code == 0 and "secret" not in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--queue", "0"], "queue=0 is invalid"),
        (["--cache-size", "-1"], "cache_size=-1 is invalid"),
        (["--kind-flag", "romanse=0.3"], "unknown kind 'romanse'"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    tmp_path: Path, tiny_bundle: Path, options: list[str], message: str
) -> None:
    done = command(tmp_path, "serve", "--model", tiny_bundle, *options)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def test_addresses_that_cannot_be_had_and_tokens_that_cannot_be_sent(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command(tmp_path, "serve", "--model", tiny_bundle, "--port", port)
    assert done.returncode == 2 and f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    done = command(tmp_path, "serve", "--model", tiny_bundle, "--host", "192.0.2.1")
    warned, refused = done.stderr.splitlines()
    assert done.returncode == 2 and "set SCAMDETECT_TOKEN" in warned
    assert "cannot listen on 192.0.2.1 port 8000" in refused
    for token in ("", "two words", "schlüssel"):
        monkeypatch.setenv("SCAMDETECT_TOKEN", token)
        done = command(tmp_path, "serve", "--model", tiny_bundle, "--port", "0")
        assert done.returncode == 2 and "SCAMDETECT_TOKEN must be ASCII" in done.stderr


@pytest.mark.parametrize("host", ["\udcff", "a" * 300, "a..b", "a\0b", "\u202e"])
def test_a_host_that_no_name_can_be_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="cannot listen on"), listening(host, 0):
        pass


def test_a_broken_request_leaves_no_traceback_in_the_log(tiny_bundle: Path) -> None:
    head = "POST /other HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with running(*limited(tiny_bundle)) as (process, address):
        with connect(address) as one, suppress(OSError):
            one.sendall(f"{head}{LURE}\r\n".encode())
            one.recv(1 << 16)
        assert httpx.get(f"{address}/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (0, "ERROR:    a request failed: LocalProtocolError\n")
