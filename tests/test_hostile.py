"""Readers, bundles and URLs against inputs that an attacker writes."""

from __future__ import annotations

import base64
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import Result, run
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import MANIFEST, MODEL
from scamdetect.errors import BundleError
from scamdetect.system.files import file_sha256

pytestmark = [pytest.mark.slow, pytest.mark.network_loopback]

PIECES = (
    "\x1b[31m", "\x1b]52;c;aGk=\x07", "\x9b31m", "\u202e", "\u200e", "\u2066", "\x00", "\x08",
    "\x0b\x0c", "\x85", "\u2028", "\ufeff", "\r", "\r=40+2", "\n", '"', '""', "=40+2", "\t=1", "@a",
    "-2+3", "＝1+1", ",", ";", "|", "a" * 5000, "e\u0301" * 40, "\U000e0041", "../../etc/passwd",
    "%s%n", "{0}", "<script>", "\\", "\\u0000", "guaranteed profit", "利润",
)  # fmt: skip
NAMES = ("id", "a\x1b[31mb", "b\u202ea", "", "=40+2", "x" * 300, 'q"q', "text.a", "id")
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
MARK = re.compile(r"zq\d{4}qz")
TEXTS = ("guaranteed profit bitcoin", "hello lunch tomorrow", "利润", "")

pieces = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)
bodies = st.lists(pieces, min_size=1, max_size=20).map(
    lambda rows: [f"zq{n:04}qz ".join(["", *row]) for n, row in enumerate(rows)]
)
formats = st.sampled_from(("csv", "tsv", "jsonl", "json", "parquet", "mbox", "whatsapp"))


@contextmanager
def new_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def check_printed(result: Result, *secrets: str) -> None:
    """Check that the terminal shows no text of a message, no control character and no secret."""
    printed = result.stdout + result.stderr
    assert not MARK.search(printed) and not CONTROL.search(printed)
    assert not any(secret in printed for secret in secrets)


def write_dump(folder: Path, form: str, texts: list[str], names: list[str]) -> Path:
    rows = [dict(zip(names, PIECES, strict=False)) | {"text": text} for text in texts]
    if form in ("csv", "tsv"):
        delimiter = "," if form == "csv" else "\t"
        lines = [["text", *names], *([text, *PIECES[: len(names)]] for text in texts)]
        content = "".join(
            delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line) + "\n"
            for line in lines
        )
    elif form == "parquet":
        table = pa.table([pa.array(texts), *[pa.array(texts)] * len(names)], ["text", *names])
        pq.write_table(table, folder / "in.parquet")
        return folder / "in.parquet"
    elif form == "mbox":
        content = "".join(
            f"From a@b.test Mon Jan  1 00:00:00 2024\nSubject: a\n\n{' '.join(text.split())}\n\n"
            for text in texts
        )
    elif form == "whatsapp":
        content = "".join(
            f"13/11/24, 09:{n:02} - Ann: {' '.join(text.split())}\n" for n, text in enumerate(texts)
        )
        (folder / "WhatsApp Chat with Ann.txt").write_text(content, encoding="utf-8")
        return folder / "WhatsApp Chat with Ann.txt"
    else:
        content = json.dumps(rows) if form == "json" else "\n".join(map(json.dumps, rows))
    path = folder / f"in.{form}"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    return path


def kept(folder: Path) -> set[str]:
    """Return the marks in the result and in the rejects."""
    text = str(pq.read_table(folder / "out.parquet").to_pylist())
    for path in folder.glob("out.parquet.rejected.jsonl"):
        for line in map(json.loads, path.read_text("utf-8").splitlines()):
            raw = line.get("raw") or base64.b64decode(line["raw_base64"]).decode("utf-8", "replace")
            text += raw
    return set(MARK.findall(text))


@given(formats, bodies, st.lists(st.sampled_from(NAMES), max_size=3))
def test_every_message_is_scored_or_rejected(
    tiny_bundle: Path, form: str, texts: list[str], names: list[str]
) -> None:
    with new_folder() as folder:
        source = write_dump(folder, form, texts, names)
        before = source.read_bytes()
        result = run("score", source, "-o", folder / "out.parquet", "--model", tiny_bundle)
        check_printed(result)
        assert result.exit_code in (0, 2) and source.read_bytes() == before
        if result.exit_code == 0:
            assert kept(folder) >= set(MARK.findall("".join(texts)))
        else:
            assert not (folder / "out.parquet").exists()


@given(formats, bodies, st.data())
def test_intact_messages_of_a_damaged_dump_are_kept(
    tiny_bundle: Path, form: str, texts: list[str], data: st.DataObject
) -> None:
    with new_folder() as folder:
        source = write_dump(folder, form, texts, ["id"])
        content = bytearray(source.read_bytes())
        for index in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
            content[index] = data.draw(st.integers(0, 255))
        source.write_bytes(content)
        result = run("score", source, "-o", folder / "out.parquet", "--model", tiny_bundle)
        check_printed(result)
        assert result.exit_code in (0, 2)
        if result.exit_code == 0 and form not in ("parquet", "json"):
            # One damaged byte may cut a JSON array or a page of Parquet; lines are kept one by one.
            assert kept(folder) >= set(MARK.findall(content.decode("utf-8", "replace")))


@pytest.fixture(scope="module")
def answers(tiny_bundle: Path) -> object:
    return ScamDetector.load(tiny_bundle, threads=1).predict(list(TEXTS))


@given(data=st.data())
def test_a_changed_bundle_is_refused(
    tiny_bundle: Path, answers: object, data: st.DataObject
) -> None:
    with new_folder() as folder:
        bundle = shutil.copytree(tiny_bundle, folder / "bundle")
        path = data.draw(st.sampled_from(sorted(bundle.iterdir())))
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        try:
            detector = ScamDetector.load(bundle, threads=1)
        except BundleError:
            return
        assert detector.predict(list(TEXTS)) == answers


def rehash(bundle: Path) -> None:
    """Write a manifest that fits the files, as a forger would."""
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    for name in manifest["files"]:
        file = bundle / name
        manifest["files"][name] = {"sha256": file_sha256(file), "bytes": file.stat().st_size}
    (bundle / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


@given(data=st.data())
def test_a_forged_bundle_is_refused_or_gives_probabilities(
    tiny_bundle: Path, data: st.DataObject
) -> None:
    with new_folder() as folder:
        bundle = shutil.copytree(tiny_bundle, folder / "bundle")
        path = bundle / data.draw(st.sampled_from(("config.json", "tokenizer.json", MODEL)))
        content = bytearray(path.read_bytes())
        for index in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=9)):
            content[index] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        rehash(bundle)
        result = run("predict", "hello", "--model", bundle)
        check_printed(result)
        assert result.exit_code in (0, 2)


@pytest.mark.parametrize("location", [".w", "w.json", "../w", "README.md"])
def test_weights_outside_of_the_graph_are_refused(
    tiny_bundle: Path, tmp_path: Path, location: str
) -> None:
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    graph = onnx.load(str(bundle / MODEL))
    bias = next(tensor for tensor in graph.graph.initializer if tensor.name == "bias")
    (bundle / location).write_bytes(bias.raw_data)
    bias.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": str(len(bias.raw_data))}.items():
        bias.external_data.add(key=key, value=value)
    bias.ClearField("raw_data")
    (bundle / MODEL).write_bytes(graph.SerializeToString())
    rehash(bundle)
    with pytest.raises(BundleError):
        ScamDetector.load(bundle)


secrets = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=14, max_size=14)
URLS = (
    "http://u:{}{}@127.0.0.1:1/x.csv", "https://127.0.0.1:1/x.csv?sig={}&b={}",
    "http://{}:{}@127.0.0.1:1/x.csv", "HTTP://u:{}/{}@127.0.0.1:1/x.csv",
    "simplecache::http://127.0.0.1:1/x.csv?sig={}&b={}",
)  # fmt: skip


@given(st.sampled_from(URLS), secrets, secrets)
def test_no_secret_of_a_url_is_shown_or_written(
    tiny_bundle: Path, url: str, first: str, second: str
) -> None:
    with new_folder() as folder:
        (folder / "in.csv").write_text("text\nhello lunch\n")
        address = url.format(first, second)
        for source, target in ((address, folder / "out.csv"), (folder / "in.csv", address)):
            result = run("score", source, "-o", target, "--model", tiny_bundle, cwd=folder)
            check_printed(result, first, second)
            assert result.exit_code in (0, 2, 3, 4)
        for path in folder.rglob("*"):
            assert not any(secret in path.name for secret in (first, second))
            assert not path.is_file() or not any(
                secret.encode() in path.read_bytes() for secret in (first, second)
            )
