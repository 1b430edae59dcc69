"""Files come from a mirror or a server, are verified, and what is missing says why."""

from __future__ import annotations

import gzip
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from invented_source import make_source, write_files

from scamdetect.train.data import fetch as fetch_module
from scamdetect.train.data.fetch import Fetched, address, fetch

FILES = {"a.csv": b"plain" * 100, "b.csv": b"packed", "deep/c.csv": b"three", "deep/er/d.csv": b"4"}
WORDS = [f"{n:03}" for n in range(300)]


def states(outcomes: list[Fetched]) -> dict[str, str]:
    return {outcome.path: outcome.state for outcome in outcomes}


def tar_gz(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Return a mirror that holds FILES of the source "one" in its three ways."""
    packed = tar_gz({"./c.csv": FILES["deep/c.csv"], "deep/er/d.csv": FILES["deep/er/d.csv"]})
    held = {"a.csv": FILES["a.csv"], "b.csv.gz": gzip.compress(FILES["b.csv"])}
    write_files(tmp_path / "mirror", "one", held | {"deep.tar.gz": packed})
    return tmp_path / "mirror"


def test_a_mirror_holds_files_plain_packed_and_in_archives(tmp_path: Path, mirror: Path) -> None:
    source, raw = make_source("one", FILES), tmp_path / "raw"
    seen: list[Fetched] = []
    assert set(states(fetch([source], raw, mirror, seen.append)).values()) == {"fetched"}
    assert [outcome.path for outcome in seen] == list(FILES)
    for path, data in FILES.items():
        assert (raw / "one" / path).read_bytes() == data
    assert not list(raw.rglob("*.part"))
    (mirror / "one" / "deep.tar.gz").unlink()
    assert set(states(fetch([source], raw, mirror)).values()) == {"present"}


def test_an_archive_is_opened_once(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"deep/{n}.csv": str(n).encode() for n in range(50)}
    packed = tar_gz({path: files[path] for path in reversed(files)})
    (mirror / "one" / "deep.tar.gz").write_bytes(packed)
    opened: list[Path] = []
    real = gzip.open

    def counting(path: Path) -> gzip.GzipFile:
        opened.append(path)
        return real(path)

    monkeypatch.setattr(fetch_module.gzip, "open", counting)
    found = fetch([make_source("one", files)], tmp_path / "raw", mirror)
    assert set(states(found).values()) == {"fetched"}
    assert len(opened) == 1


def test_what_cannot_be_had_does_not_stop_the_rest(tmp_path: Path, mirror: Path) -> None:
    changed = FILES | {"b.csv": b"other", "deep/x.csv": b"", "gone.csv": b"", "none/y.csv": b""}
    found = fetch([make_source("one", changed)], tmp_path / "raw", mirror)
    reasons = {outcome.path: outcome.reason for outcome in found if outcome.state == "missing"}
    assert list(reasons) == ["b.csv", "deep/x.csv", "gone.csv", "none/y.csv"]
    assert "the file has changed" in reasons["b.csv"]
    assert "deep.tar.gz holds no deep/x.csv" in reasons["deep/x.csv"]
    assert "not in the mirror" in reasons["gone.csv"]
    assert states(found)["deep/er/d.csv"] == "fetched"
    assert not (tmp_path / "raw" / "one" / "b.csv").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_a_damaged_mirror_is_named(tmp_path: Path, mirror: Path) -> None:
    (mirror / "one" / "b.csv.gz").write_bytes(gzip.compress(b"packed")[:-5])
    (mirror / "one" / "deep.tar.gz").write_bytes(b"no archive")
    found = fetch([make_source("one", FILES)], tmp_path / "raw", mirror)
    assert states(found) == {
        "a.csv": "fetched", "b.csv": "missing", "deep/c.csv": "missing", "deep/er/d.csv": "missing",
    }  # fmt: skip
    assert all(outcome.reason for outcome in found[1:])


def test_a_file_that_cannot_be_written_is_reported(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raw" / "one").mkdir(parents=True)
    (tmp_path / "raw" / "one" / "deep").write_text("a file where a folder should be")
    real = fetch_module.shutil.copyfileobj

    def full_disk(source: io.BufferedIOBase, out: io.BufferedIOBase, size: int) -> None:
        if "b.csv" in str(out.name):  # type: ignore[attr-defined]
            raise OSError(28, "No space left on device")
        real(source, out, size)

    monkeypatch.setattr(fetch_module.shutil, "copyfileobj", full_disk)
    found = fetch([make_source("one", FILES)], tmp_path / "raw", mirror)
    assert states(found) == {
        "a.csv": "fetched", "b.csv": "missing", "deep/c.csv": "missing", "deep/er/d.csv": "missing",
    }  # fmt: skip
    assert "No space left" in found[1].reason
    assert "deep" in found[2].reason


def test_a_file_without_a_hash_is_kept_and_its_hash_told(tmp_path: Path, mirror: Path) -> None:
    sha256 = make_source("one", FILES).files[0].sha256
    source = make_source("one", {}, files=[{"path": "a.csv", "sha256": "", "bytes": 0}])
    for folder in (mirror, tmp_path / "nowhere"):  # the second time it is there already
        (found,) = fetch([source], tmp_path / "raw", folder)
        assert (found.state, found.reason) == ("unpinned", f'pin sha256 = "{sha256}"')
    assert (tmp_path / "raw" / "one" / "a.csv").read_bytes() == FILES["a.csv"]


def test_sources_without_files_of_their_own(tmp_path: Path, mirror: Path) -> None:
    gone = make_source("two", {"a.csv": b""}, status="unobtainable", note="withdrawn in 2024")
    guest = make_source("three", FILES, files_of="one")
    (found,) = fetch([gone, guest], tmp_path / "raw", mirror)
    assert (found.slug, found.state) == ("two", "missing")
    assert "withdrawn in 2024" in found.reason


def test_the_address_is_that_of_the_pinned_commit() -> None:
    source = make_source("one", {"a b.csv": b""}, source_dir="data/")
    commit = "0" * 40
    root = f"https://raw.githubusercontent.com/example/example/{commit}"
    assert address(source, source.files[0]) == f"{root}/data/a%20b.csv"
    source = make_source(
        "one", {}, files=[{"path": "a", "sha256": "", "bytes": 0, "source_path": "x/LICENSE"}]
    )
    assert address(source, source.files[0]) == f"{root}/x/LICENSE"


class _Handler(BaseHTTPRequestHandler):
    content = "".join(WORDS).encode()
    ranges: ClassVar[list[str | None]] = []
    break_off = False

    def do_GET(self) -> None:  # noqa: N802
        asked = self.headers["Range"]
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if not self.path.endswith("/a.csv"):
            self.send_error(404)
        elif asked and start >= len(self.content):
            self.send_error(416)
        else:
            rest = self.content[start:]
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: len(rest) // 2] if self.break_off else rest)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Handler]]:
    class Handler(_Handler):
        ranges: ClassVar[list[str | None]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(
            fetch_module, "PUBLIC_ADDRESS", f"http://127.0.0.1:{running.server_port}/{{path}}"
        )
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield Handler
        running.shutdown()


@pytest.mark.network_loopback
def test_a_download_that_broke_off_is_resumed(tmp_path: Path, server: type[_Handler]) -> None:
    source, target = make_source("one", {"a.csv": server.content}), tmp_path / "one" / "a.csv"
    server.break_off = True
    (found,) = fetch([source], tmp_path)
    assert found.state == "missing"
    assert "interrupted after 450 of 900 bytes" in found.reason
    assert not target.exists()
    server.break_off = False
    (found,) = fetch([source], tmp_path)
    assert found.state == "fetched"
    assert target.read_bytes() == server.content
    assert server.ranges == [None, "bytes=450-"]
    (found,) = fetch([source], tmp_path)
    assert found.state == "present"
    assert len(server.ranges) == 2


@pytest.mark.network_loopback
def test_a_part_that_is_whole_is_taken(tmp_path: Path, server: type[_Handler]) -> None:
    write_files(tmp_path, "one", {"a.csv.part": server.content})
    (found,) = fetch([make_source("one", {"a.csv": server.content})], tmp_path)
    assert found.state == "fetched"


@pytest.mark.network_loopback
def test_a_wrong_part_does_not_last(tmp_path: Path, server: type[_Handler]) -> None:
    source = make_source("one", {"a.csv": server.content})
    write_files(tmp_path, "one", {"a.csv.part": b"of an older version", "a.csv": b"damaged"})
    (found,) = fetch([source], tmp_path)
    assert (found.state, "sha256" in found.reason) == ("missing", True)
    (found,) = fetch([source], tmp_path)
    assert found.state == "fetched"


@pytest.mark.network_loopback
def test_what_the_server_lacks_is_told(tmp_path: Path, server: type[_Handler]) -> None:
    found = fetch([make_source("one", {"b.csv": b"", "a.csv": server.content})], tmp_path)
    assert [outcome.state for outcome in found] == ["missing", "fetched"]
    assert "HTTP 404" in found[0].reason


@pytest.mark.network_loopback
def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_module, "PUBLIC_ADDRESS", "http://127.0.0.1:9/{path}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (found,) = fetch([make_source("one", {"a.csv": b""})], tmp_path)
    assert found.state == "missing"
    assert "--mirror DIR" in found.reason
