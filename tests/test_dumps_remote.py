"""Sources and destinations behind URLs: an S3 server on this machine, and fsspec's memory."""

from __future__ import annotations

import gzip
import http.server
import io
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from traceback import format_exception
from typing import Any, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import command, faulty_score, score
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from test_dumps_resume import CountingDetector
from test_dumps_writers import EchoDetector

from scamdetect.dumps import remote_path as remote
from scamdetect.dumps import score_file
from scamdetect.dumps.remote_path import RemotePath, remote_path
from scamdetect.dumps.remote_url import reaching
from scamdetect.dumps.sources import find_source
from scamdetect.dumps.tally import Summary
from scamdetect.errors import InputError, MissingExtraError, OutputError

Bucket = Any  # fsspec has no types

ENDPOINT = {
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "my-secret", "AWS_DEFAULT_REGION":
    "us-east-1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
}  # fmt: skip


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    """Give fsspec's memory, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the address of an S3 server with the bucket ``dumps``."""
    moto = pytest.importorskip("moto.server")
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Give fsspec's view of the server, as processes get it from their environment."""
    for name, value in (ENDPOINT | {"AWS_ENDPOINT_URL": server}).items():
        monkeypatch.setenv(name, value)
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    if not system.exists("dumps"):
        system.mkdir("dumps")
    system.invalidate_cache()
    return system


def _score(source: str, **options: Any) -> Summary:  # noqa: ANN401
    return score_file(source, **({"detector": EchoDetector()} | options))


def _texts(path: Path) -> list[str]:
    texts: list[str] = pq.read_table(path)["text"].to_pylist()
    return texts


def _parquet(texts: list[str]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), file, row_group_size=1000)
    return file.getvalue()


@pytest.mark.network_loopback
def test_s3_in_and_out(tmp_path: Path, tiny_bundle: Path, bucket: Bucket) -> None:  # noqa: ANN401
    bucket.pipe_file("dumps/in/year=2024/ä 1.csv", b"id,text\n1,guaranteed profit\n")
    packed = gzip.compress(b"id,text\n2,lunch\n3\n")
    bucket.pipe_file("dumps/in/year=2025/b.csv.gz", packed)
    bucket.pipe_file("dumps/in/_SUCCESS", b"")
    target = "s3://dumps/out/scored.parquet"
    done = score(tmp_path, "s3://dumps/in", "-o", target, "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert f"written to {target}" in done.stderr
    assert list(tmp_path.iterdir()) == []
    bucket.invalidate_cache()
    rows = pq.read_table(io.BytesIO(bucket.cat_file("dumps/out/scored.parquet"))).to_pylist()
    assert [(row["year"], row["scamdetect_file"], row["scamdetect_decision"]) for row in rows] == [
        (2024, "year=2024/ä 1.csv", "flag"), (2025, "year=2025/b.csv.gz", "pass"),
    ]  # fmt: skip
    reject = json.loads(bucket.cat_file("dumps/out/scored.parquet.rejected.jsonl"))
    assert (reject["file"], reject["raw"]) == ("year=2025/b.csv.gz", "3\n")
    again = score(tmp_path, "s3://dumps/in", "-o", target, "--model", tiny_bundle)
    assert again.returncode == 2
    assert "already exists" in again.stderr
    globbed = score(tmp_path, "s3://dumps/in/*/*.gz", "--model", tiny_bundle)
    assert globbed.returncode == 0, globbed.stderr
    assert _texts(tmp_path / "in.scored.parquet") == ["lunch"]
    single = score(tmp_path, "s3://dumps/in/year=2025/b.csv.gz", "--model", tiny_bundle)
    assert single.returncode == 0, single.stderr
    assert (tmp_path / "b.scored.csv").read_text("utf-8").startswith("id,text,scamdetect_verdict")


@pytest.mark.network_loopback
def test_s3_is_resumed_and_a_changed_file_refused(
    tmp_path: Path,
    tiny_bundle: Path,
    bucket: Bucket,
) -> None:
    for number in range(4):
        bucket.pipe_file(f"dumps/resumed/{number}.parquet", _parquet([f"hi {number}"] * 2000))
    command = ["score", "s3://dumps/resumed", "-o", "s3://dumps/o/o.jsonl", "--threads", "1"]
    command += ["--part-rows", "2000", "--model", str(tiny_bundle)]
    killed = faulty_score(tmp_path, "SIGKILL@predict#3", *command[1:])
    assert killed.returncode < 0
    assert (tmp_path / "o.jsonl.parts" / "part-000001.jsonl").exists()
    moved = score(tmp_path, *command[1:3], "s3://dumps/o/o2.jsonl", *command[4:], "--resume")
    assert moved.returncode == 0, moved.stderr  # another name, another job
    bucket.pipe_file("dumps/resumed/3.parquet", _parquet(["hi x"] * 2000))
    refused = score(tmp_path, *command[1:], "--resume")
    assert refused.returncode == 2
    assert "s3://dumps/resumed: changed since the job started" in refused.stderr
    bucket.pipe_file("dumps/resumed/3.parquet", _parquet(["hi 3"] * 2000))
    done = score(tmp_path, *command[1:], "--resume")
    assert done.returncode == 0, done.stderr
    assert "4,000 of them in earlier runs" in done.stderr
    bucket.invalidate_cache()
    assert bucket.cat_file("dumps/o/o.jsonl") == bucket.cat_file("dumps/o/o2.jsonl")


@pytest.mark.network_loopback
@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("s3://dumps/none.csv", [], "s3://dumps/none.csv: file not found"),
        ("s3://nowhere/*.csv", [], "s3://nowhere: file not found"),
        ("in.csv", ["-o", "s3://nowhere/o.csv"], "s3://nowhere: folder not found"),
        ("nothing://x/y.csv", [], "nothing://x/y.csv: cannot be reached"),
    ],
)
def test_what_s3_lacks_is_told(
    tmp_path: Path,
    tiny_bundle: Path,
    bucket: Bucket,
    source: str,
    options: list[str],
    message: str,  # noqa: ANN401
) -> None:
    (tmp_path / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    done = score(tmp_path, source, *options, "--model", tiny_bundle)
    assert done.returncode == 2
    assert done.stderr.startswith(f"scamdetect: {message}")
    assert done.stderr.count("\n") == 1
    assert "my-secret" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


class _Breaking(socketserver.BaseRequestHandler):
    """Tells of a file of 1,000 bytes and hangs up within it."""

    def handle(self) -> None:
        asked = self.request.recv(65536)
        head = b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "x"\r\n'
        self.request.sendall(head + b"Accept-Ranges: bytes\r\nConnection: close\r\n\r\n")
        if not asked.startswith(b"HEAD"):
            self.request.sendall(b"id,text\n1,hi\n")


@pytest.mark.network_loopback
def test_a_connection_that_breaks_is_told_without_the_signature(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Breaking) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{running.server_address[1]}/in.csv"
        done = score(tmp_path, f"{url}?signature=my-secret", "--model", tiny_bundle)
        running.shutdown()
    assert done.returncode == 2
    assert done.stderr.startswith(f"scamdetect: {url}: cannot be reached (")
    assert "my-secret" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_memory_and_file_urls(here: Path, memory: MemoryFileSystem) -> None:
    memory.pipe_file("/d/a.jsonl", b'{"text": "a"}\n')
    memory.pipe_file("/d/sub/b.jsonl", b'{"text": "b"}\n')
    summary = _score("memory://d")
    assert _texts(summary.destination) == ["a", "b"]
    with pytest.raises(InputError, match="already exists"):
        _score("memory://d/a.jsonl", destination=summary.destination)
    assert summary.destination == Path("d.scored.parquet")
    _score("memory://d/**/b.*", destination=(here / "o.csv").as_uri())
    assert (here / "o.csv").read_text("utf-8").splitlines()[1].startswith("b,sub/b.jsonl,")
    with pytest.raises(InputError, match=r"memory:///d/o\.jsonl: would be read"):
        _score("memory://d", destination="memory://d/o.jsonl")
    with pytest.raises(InputError, match="the source would be overwritten"):
        _score("memory://d/a.jsonl", destination="memory://d/a.jsonl")


def test_the_record_of_a_result_that_was_removed_is_replaced(
    here: Path, memory: MemoryFileSystem
) -> None:
    (here / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    for _ in range(2):
        assert _score("in.csv", destination="memory://o.csv").rows == 1
        memory.rm_file("/o.csv")
        assert memory.exists("/o.csv.job.json")


def test_a_failed_upload_is_made_up_for(
    here: Path, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "in.csv").write_text("text\nhi\nbroken,\n", encoding="utf-8")
    real = MemoryFileSystem.put_file

    def full(self: MemoryFileSystem, local: str, path: str) -> None:
        if not path.endswith(".rejected.jsonl"):
            raise RuntimeError("no room at s3://me:my-secret@store")
        real(self, local, path)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "put_file", full)
        with pytest.raises(OutputError, match=r"o.csv.job.json: cannot be wri") as caught:
            _score("in.csv", destination="memory://o.csv")
    assert "my-secret" not in str(caught.value)
    assert "--resume" in caught.value.__notes__[0]
    assert list(memory.store) == ["/o.csv.rejected.jsonl"]
    detector = CountingDetector()
    summary = _score("in.csv", destination="memory://o.csv", resume=True, detector=detector)
    assert (detector.calls, str(summary.destination)) == (0, "memory:///o.csv")
    assert str(asdict(summary)["destination"]) == "memory:///o.csv"
    assert memory.cat_file("/o.csv").startswith(b"text,scamdetect_verdict")
    assert [path.name for path in here.iterdir()] == ["in.csv"]


def test_another_work_folder(here: Path) -> None:
    (here / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    (here / "w").mkdir()
    with pytest.raises(KeyboardInterrupt):
        _score("in.csv", work_folder="w", detector=CountingDetector(fail_at=1))
    _score("in.csv", work_folder=here / "w")
    assert sorted(path.name for path in here.rglob("*")) == [
        "in.csv", "in.scored.csv", "in.scored.csv.job.json", "w",
    ]  # fmt: skip


def test_what_is_no_store_of_objects_gets_a_file_by_its_last_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_text("new", encoding="utf-8")
    names = []
    real = LocalFileSystem.put_file

    def put(self: LocalFileSystem, local: str, path: str) -> None:
        names.append(Path(path).name)
        real(self, local, path)

    monkeypatch.setattr(LocalFileSystem, "put_file", put)
    RemotePath(LocalFileSystem(), f"{tmp_path}/out").upload(tmp_path / "in")
    assert names == ["out.part"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_reading_is_in_ranges_and_gives_every_byte(
    memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "HEAD_BYTES", 10)
    monkeypatch.setattr(remote, "BLOCK_BYTES", 64)
    content = bytes(range(256)) * 4
    memory.pipe_file("/x", content)
    asked = []
    real = MemoryFileSystem.cat_file

    def cat(self: MemoryFileSystem, path: str, start: int, end: int) -> bytes:
        asked.append(end - start)
        return cast(bytes, real(self, path, start=start, end=end))

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat)
    with remote_path("memory://x").open("rb", buffering=0) as raw:
        found = b""
        while piece := raw.read(7):
            found += piece
        assert found == content
        assert max(asked) <= 64 + 7
        assert len(asked) <= 1 + -(-(1024 - 10) // 64)
        raw.seek(-3, io.SEEK_END)
        assert raw.read(9) == content[-3:]
    memory.pipe_file("/x", content)
    path = remote_path("memory://x")
    assert path.stat().st_size == 1024
    memory.pipe_file("/x", content[:5])
    with pytest.raises(InputError, match="only 5 of 10 bytes"), path.open() as file:
        file.read()


def test_a_file_that_gets_shorter_while_it_is_read_is_told(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/x", bytes(1 << 20))
    with remote_path("memory://x").open() as file:
        assert len(file.read(1000)) == 1000
        memory.pipe_file("/x", bytes(300_000))
        with pytest.raises(InputError, match="only 37,856 of .* it changed, or its server"):
            file.read()


def test_two_who_read_a_file_keep_their_places(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/x", b"abcd")
    path = remote_path("memory://x")
    with path.open() as one, path.open() as other:
        assert (one.read(2), other.read(3), one.read(2)) == (b"ab", b"abc", b"cd")


SECRETS = ("S3K", "R3T")


@pytest.mark.network_loopback
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://KEY:S3K+CR/R3T@bucket/x.csv", "s3://***@bucket/x.csv: URLs of this storage"),
        ("S3://KEY:S3KR3T@bucket/x.csv", "s3://bucket/x.csv: URLs of this storage"),
        ("abfs://box@account/x?sig=S3KR3T", "abfs://box@account/x: URLs of this storage"),
        ("https://u:S3K/R3T@h.test/x.csv", "https://***@h.test/x.csv: malf"),
        ("https://u:p@S3KR3T@127.0.0.1:1/x.csv", "https://127.0.0.1:1/x.csv: cannot be reached"),
        ("HTTPS://u:S3KR3T@127.0.0.1:1/x.csv", "https://127.0.0.1:1/x.csv: cannot be reached"),
        ("https://S3KR3T@127.0.0.1:1/x.csv?sig=S3KR3T", "https://127.0.0.1:1/x.csv: cannot be r"),
        ("ftp://u:S3KR3T@127.0.0.1:1/x.csv", "ftp://127.0.0.1:1/x.csv: cannot be reached"),
        ("simplecache::https://u:S3KR3T@h.test/x.csv", "simplecache::https://h.test/x.csv: a URL"),
        ("zip://a.csv::https://u:S3KR3T@127.0.0.1:1/x.zip?sig=S3KR3T", "zip://a.csv::https://127"),
    ],
)
def test_credentials_are_never_told(here: Path, url: str, message: str) -> None:
    (here / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    for source, destination in ((url, None), ("in.csv", url)):
        with pytest.raises(InputError) as caught:
            _score(source, destination=destination)
        assert str(caught.value).startswith(message)
        shown = "".join(format_exception(caught.value))
        assert not [secret for secret in SECRETS if secret in shown]


def test_a_path_that_was_a_url_is_told_without_credentials(here: Path, tiny_bundle: Path) -> None:
    url = "s3://KEY:S3K/R3T@bucket/x.csv"
    (here / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    for given in (["report", url], ["score", "in.csv", "--work-folder", url], ["score", "a", url]):
        done = command(here, *given)
        assert done.returncode == 2
        assert not [secret for secret in SECRETS if secret in done.stderr]


@pytest.mark.network_loopback
def test_a_server_that_cannot_be_reached_is_no_missing_file(here: Path) -> None:
    url = "https://127.0.0.1:1/x.csv"
    (here / "in.csv").write_text("text\nhi\n", encoding="utf-8")
    for source, destination in ((url, None), ("in.csv", url)):
        with pytest.raises(InputError, match="cannot be reached .* check the address") as caught:
            _score(source, destination=destination)
        assert "no such" not in str(caught.value)


def test_an_unknown_host_is_no_missing_file() -> None:
    with pytest.raises(InputError, match="cannot be reached .Name or service not known"):
        with reaching("https://nowhere.test/x.csv"):
            raise FileNotFoundError("https://nowhere.test/x.csv") from socket.gaierror(
                socket.EAI_NONAME, "Name or service not known"
            )


class _Refusing(socketserver.BaseRequestHandler):
    """Answers every request with a status."""

    status = b"404 Not Found"

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.network_loopback
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (b"404 Not Found", "file not found"),
        (b"403 Forbidden", "access denied ("),
        (b"500 Oops", "cannot be reached ("),
    ],
)
def test_what_a_web_server_answers_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, status: bytes, message: str
) -> None:
    monkeypatch.setattr(_Refusing, "status", status)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Refusing) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{running.server_address[1]}/in.csv"
        with pytest.raises(InputError) as caught:
            _score(f"{url}?signature={''.join(SECRETS)}")
        running.shutdown()
    assert str(caught.value).startswith(f"{url}: {message}")
    assert SECRETS[0] not in "".join(format_exception(caught.value))


def test_only_folders_that_a_pattern_names_are_listed(
    here: Path, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("in-1", "in-2", "other"):
        memory.pipe_file(f"/d/{folder}/a.jsonl", f'{{"text": "{folder}"}}\n'.encode())
    asked: list[str] = []
    real = MemoryFileSystem.ls

    def ls(self: MemoryFileSystem, path: str, **options: Any) -> Any:  # noqa: ANN401
        asked.append(path)
        return real(self, path, **options)

    monkeypatch.setattr(MemoryFileSystem, "ls", ls)
    summary = _score("memory://d/in-*/a.jsonl", destination=here / "o.parquet")
    assert _texts(summary.destination) == ["in-1", "in-2"]
    assert "/d/in-2" in asked and "/d/other" not in asked


def test_a_server_that_tells_no_size_is_named(memory: MemoryFileSystem) -> None:
    path = RemotePath(memory, "/x", {"name": "/x", "type": "file", "size": None})
    with pytest.raises(InputError, match="x: the server does not report its size"):
        path.stat()


def test_a_removed_file_is_gone_and_removed_once(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/x", b"a")
    path = remote_path("memory://x")
    path.unlink()
    assert not path.exists()
    path.unlink(missing_ok=True)
    with pytest.raises(OutputError, match="memory:///x: cannot be written"):
        path.unlink()


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("s3://dumps/x.csv", MissingExtraError, "s3fs"),
        ("gs://dumps/x.csv", InputError, "gs://dumps/x.csv: cannot be reached .*gcsfs"),
    ],
)
def test_a_storage_whose_library_is_missing_is_told(
    monkeypatch: pytest.MonkeyPatch, url: str, error: type[Exception], said: str
) -> None:
    def missing(url: str) -> None:
        raise ImportError("install s3fs, gcsfs")

    monkeypatch.setattr(remote, "url_to_fs", missing)
    with pytest.raises(error, match=said):
        remote_path(url)


def test_globs_and_names_keep_their_question_marks(here: Path, memory: MemoryFileSystem) -> None:
    memory.pipe_file("/d/part-1.jsonl", b'{"text": "a"}\n')
    memory.pipe_file("/d/why?.jsonl", b'{"text": "b"}\n')
    assert _texts(_score("memory://d/part-?.jsonl").destination) == ["a"]
    assert str(remote_path("memory://d/why?.jsonl")) == "memory:///d/why?.jsonl"


class _Web(http.server.BaseHTTPRequestHandler):
    """Serves a file in ranges."""

    def do_HEAD(self) -> None:
        self._answer(whole=False)

    def do_GET(self) -> None:
        self._answer(whole=True)

    def _answer(self, *, whole: bool) -> None:
        found = b"text\nhi\nx,\n"
        size, asked = len(found), self.headers.get("Range", "")
        start, _, end = asked.removeprefix("bytes=").partition("-")
        body = found[int(start) : int(end) + 1] if asked else found
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
        self.end_headers()
        if whole:
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.mark.network_loopback
def test_a_signed_url_leaves_no_trace(here: Path, tiny_bundle: Path) -> None:
    secret = "".join(SECRETS)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Web) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        at = f"http://127.0.0.1:{running.server_address[1]}"
        url = f"{at.replace('//', f'//me:{secret}@')}/d/in.csv?sig={secret}"
        identity = find_source(url).identity()  # what the state of a job keeps
        done = score(here, url, "-o", "o.jsonl", "--model", tiny_bundle, "--log-json")
        running.shutdown()
    assert done.returncode == 0, done.stderr
    written = b"".join(file.read_bytes() for file in here.rglob("*") if file.is_file())
    assert identity["source"] == f"{at}/d/in.csv"
    assert secret not in f"{identity} {done.stderr} {written.decode()}"
