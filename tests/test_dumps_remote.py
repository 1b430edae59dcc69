"""Dumps behind URLs: fsspec's memory, and S3 as a slow test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sum_detector import SumDetector

from scamdetect.dumps.score import ScoreOptions, score_file
from scamdetect.dumps.source import find_source, open_dump
from scamdetect.errors import InputError, MissingExtraError, OutputError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

fsspec = pytest.importorskip("fsspec", reason="needs the extra remote")
CSV = b"id,text\n" + b"".join(b"%d,message %d\n" % (n, n) for n in range(3000))


@pytest.fixture
def memory() -> Iterator[AbstractFileSystem]:
    """Return fsspec's memory, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def test_files_and_folders_are_read(memory: AbstractFileSystem) -> None:
    for name in ("a10.csv", "a9.csv", "_hidden.csv"):
        memory.pipe(f"/dumps/day=1/{name}", CSV)
    assert open_dump("memory://dumps/day=1/a9.csv").schema.names == ["id", "text"]
    for text in ("memory://dumps", "memory://dumps/*/a*.csv"):
        dump = open_dump(text)
        names = [n for b in dump.batches() for n in b.table.column("scamdetect_file").unique()]
        assert [str(name) for name in dict.fromkeys(map(str, names))] == [
            "day=1/a9.csv", "day=1/a10.csv",
        ]  # fmt: skip
        assert sum(batch.records for batch in dump.batches()) == 6000
    with pytest.raises(InputError, match="memory://dumps/no.csv: file not found"):
        find_source("memory://dumps/no.csv")


def test_a_complete_result_is_uploaded(
    memory: AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    memory.pipe("/dumps/a.csv", CSV + b"broken\n")
    options = ScoreOptions(part_rows=1)
    local = score_file("memory://dumps/a.csv", detector=SumDetector(), options=options)
    assert str(local.destination) == "a.scored.csv"
    summary = score_file(
        "memory://dumps/a.csv", "memory://out/a.csv", detector=SumDetector(), options=options
    )
    assert (str(summary.destination), summary.rows) == ("memory://out/a.csv", 3000)
    assert memory.cat("/out/a.csv") == Path("a.scored.csv").read_bytes()
    assert sorted(memory.find("/out")) == [
        "/out/a.csv", "/out/a.csv.job.json", "/out/a.csv.rejected.jsonl",
    ]  # fmt: skip
    with pytest.raises(InputError, match="already exists"):
        score_file("memory://dumps/a.csv", "memory://out/a.csv", detector=SumDetector())
    with pytest.raises(InputError, match="the source would be overwritten"):
        score_file(
            "memory://dumps/a.csv",
            "memory://dumps/a.csv",
            detector=SumDetector(),
            options=ScoreOptions(overwrite=True),
        )


def test_a_failed_upload_keeps_the_parts(
    memory: AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise RuntimeError("503 for https://user:hunter2@storage.example/x?sig=secret")

    monkeypatch.chdir(tmp_path)
    memory.pipe("/dumps/a.csv", CSV)
    source, target = "memory://dumps/a.csv", "memory://out/a.csv"
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "put_file", refuse)
        with pytest.raises(OutputError, match="memory://out/a.csv.* cannot be written") as caught:
            score_file(source, target, detector=SumDetector())
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert "secret" not in str(caught.value)
    detector = SumDetector()
    score_file(source, target, detector=detector, options=ScoreOptions(resume=True))
    assert not detector.texts
    assert memory.exists("/out/a.csv")


def test_secrets_of_a_url_are_not_shown(
    memory: AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError("no access to /dumps/a.csv?sig=hunter2")

    monkeypatch.setattr(type(memory), "info", refuse)
    with pytest.raises(InputError) as caught:
        find_source("memory://key:hunter2@dumps/a.csv?sig=hunter2")
    assert caught.value.__cause__ is None


def test_a_file_that_becomes_shorter_is_noticed(memory: AbstractFileSystem) -> None:
    memory.pipe("/dumps/a.txt", b"message\n" * 9)
    dump = open_dump("memory://dumps/a.txt")
    (entry,) = find_source("memory://dumps/a.txt").files
    stream = entry.path.open()  # type: ignore[union-attr]
    stream.close()
    memory.pipe("/dumps/a.txt", b"message\n")
    with pytest.raises(InputError, match="ends early|contains"):
        list(dump.batches())


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match="remote"):
        find_source("s3://bucket/a.csv")


@pytest.mark.slow
@pytest.mark.network_loopback
def test_s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    try:
        system = fsspec.filesystem("s3", skip_instance_cache=True)
        system.mkdir("dumps")
        system.pipe("dumps/in/a.csv", CSV)
        options = ScoreOptions(part_rows=1)
        for source in ("s3://dumps/in/a.csv", "s3://dumps/in", "s3://dumps/in/*.csv"):
            score_file(source, "s3://dumps/out.csv", detector=SumDetector(), options=options)
            assert system.cat("dumps/out.csv").count(b"\n") == 3001
            system.rm("dumps/out.csv")
    finally:
        server.stop()
