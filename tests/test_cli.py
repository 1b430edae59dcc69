"""The real command line as a process: what a user sees, every bad input, no tracebacks."""

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hang import HANG

import scamdetect

_ROOT = Path(scamdetect.__file__).resolve().parent.parent
_ENVIRONMENT = os.environ | {"PYTHONPATH": str(_ROOT), "PYTHONIOENCODING": "utf-8"}
_COMMAND = [sys.executable, "-m", "scamdetect.cli"]


def _run(
    *arguments: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    file_limit: int | None = None,
) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    done = subprocess.run(
        [*_COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=_ENVIRONMENT,
        input=stdin,
        capture_output=True,
        timeout=HANG,
        preexec_fn=limit,
    )
    found = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    )
    assert "Traceback" not in found.stderr
    return found


def _score(
    folder: Path, name: str, content: bytes | str, model: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return _run("score", name, "--model", model, *options, cwd=folder)


@pytest.mark.parametrize("group", [(), ("bench",), ("data",)])
def test_a_group_without_a_command_prints_its_help(group: tuple[str, ...]) -> None:
    done = _run(*group)
    assert done.returncode == 2 and "Error:" not in done.stderr
    assert done.stderr == _run(*group, "--help").stdout


def test_score_writes_beside_the_source_and_sums_up(tmp_path: Path, tiny_bundle: Path) -> None:
    content = "id,text\n007,guaranteed profit bitcoin\n2,hello lunch\n3,\n4\n"
    done = _score(tmp_path, "in.csv", content, tiny_bundle)
    assert done.returncode == 0
    assert done.stdout == ""
    lines = (tmp_path / "in.scored.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["007", "guaranteed profit bitcoin", "scam", "flag"],
        ["2", "hello lunch", "legit", "pass"],
        ["3", "", "", "unscored"],
    ]
    assert "3 rows in" in done.stderr
    assert "scamdetect-tiny@0.0.1+" in done.stderr
    assert "flagged 1, review 0, passed 1, unscored 1, rejected 1" in done.stderr
    assert "flagged by kind: investment 1, crypto 1" in done.stderr
    assert "flagged by language: en 1" in done.stderr
    assert "written to in.scored.csv" in done.stderr
    assert "in.scored.csv.rejected.jsonl" in done.stderr
    assert "loading" not in done.stderr and "\x1b" not in done.stderr  # no terminal


def test_score_quiet(tmp_path: Path, tiny_bundle: Path) -> None:
    done = _score(tmp_path, "in.csv", "text\nhello\n", tiny_bundle, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_score_options(tmp_path: Path, tiny_bundle: Path) -> None:
    done = _score(
        tmp_path, "in.tsv", "body\nпрофит\nprofit\n".encode("cp1251"), tiny_bundle,
        "-o", "out.jsonl", "--text-column", "body", "--encoding", "cp1251",
        "--flag", "0.3", "--review", "0.2", "--threads", "1", "--runtime", "onnxruntime",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["body"] for row in rows] == ["профит", "profit"]
    assert [row["scamdetect_decision"] for row in rows] == ["review", "flag"]


def test_sample_inbox_is_scored(tmp_path: Path, tiny_bundle: Path) -> None:
    sample = _ROOT / "data" / "samples" / "inbox.csv"
    done = _run("score", sample, "-o", tmp_path / "out.parquet", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    table = pq.read_table(tmp_path / "out.parquet")
    decisions = table.column("scamdetect_decision").to_pylist()
    assert table.column_names[:4] == ["id", "received_at", "sender", "text"]
    assert table.num_rows >= 40
    assert [row for row, d in enumerate(decisions) if d == "unscored"] == [
        row for row, text in enumerate(table.column("text").to_pylist()) if not text
    ]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("in.csv", "id,body\n1,x\n", (), "in.csv has no column 'text'; its columns are: id, body"),
        ("in.csv", "scamdetect_verdict,text\nx,y\n", (), "already has the columns"),
        ("in.csv", "text\nx\n", ("--encoding", "utf-99"), "unknown encoding 'utf-99'"),
        ("in.csv", "text\né\nü\n".encode("latin-1"), (), "in.csv: not UTF-8"),
        ("in.csv", "", (), "in.csv: the file is empty"),
        ("in.jsonl", "", (), "in.jsonl: the file is empty"),
        ("in.jsonl", "{\n", (), "in.jsonl: contains no JSON object; line 1: broken JSON"),
        ("in.parquet", b"PAR1 half", (), "in.parquet: not a complete Parquet file"),
        ("in.xlsx", "text\n", (), "'.xlsx' is not a known format"),
        ("in.csv", "text\nx\n", ("-o", "in.csv"), "the source would be overwritten"),
        ("in.csv", "text\nx\n", ("-o", "out.doc"), "'.doc' is not a known format"),
        ("in.csv", "text\nx\n", ("-o", "no/out.csv"), "no: folder not found"),
        ("in.csv", "text\nx\n", ("--flag", "2"), "flag"),
        ("in.csv", "text\nx\n", ("--runtime", "abacus"), "unknown runtime 'abacus'"),
        ("in.csv", "text\nx\n", ("--threads", "0"), "threads"),
        ("in.csv", "text\nx\n", ("--model", "nowhere"), "nowhere"),
        ("in.csv", "text\nx\n", ("--max-rejects", "many"), "got 'many'"),
        ("in.csv", "text\nx\n", ("--columns", 'text,"a,b"'), "no column 'a,b' to keep"),
        ("in.csv", "text,n\nx\n", ("--max-rejects", "0"), "1 of 1 records cannot be read"),
        ("in.csv", "text\nx\n", ("--max-rejects", "9" * 5000), "(--max-rejects) must be a number"),
        (
            "in.csv",
            "text\nx\n",
            ("--max-rejects", f"{'9' * 5000}%"),
            "(--max-rejects) must be a num",
        ),
        ("in.csv", "text\nx\n", ("--columns", "text\nid"), "--columns: put a name that has"),
        ("in.csv", "text\nx\n", ("--threads", str(10**25)), "use 1 to 1024"),
        ("in.csv", "text\nx\n", ("--workers", str(10**25)), "or 1 to 1024"),
        ("in.csv", "text\nx\n", ("--workers", "-1"), "or 1 to 1024"),
        ("in.csv", "text\nx\n", ("--flag", "nan"), "flag"),
        ("in.csv", "text\nx\n", ("--review", "-inf"), "review"),
        ("in.csv", "text\nx\n", ("--kind-flag", "romance=nan"), "romance"),
        ("in.csv", "text\nx\n", ("--encoding", "punycode"), "unknown encoding 'punycode'"),
        ("in.csv", "text\nx\n", ("--encoding", "unicode_escape"), "unknown encoding"),
        ("in.csv", "text\nx\n", ("--encoding", "undefined"), "unknown encoding 'undefined'"),
        ("in.csv", "text\nx\n", ("--encoding", "zlib"), "unknown encoding 'zlib'"),
        ("in.csv", "text\nx\n", ("--encoding", "\udcff\n"), "unknown encoding '\\udcff\\n'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path,
    tiny_bundle: Path,
    name: str,
    content: bytes | str,
    options: tuple[str, ...],
    message: str,
) -> None:
    done = _score(tmp_path, name, content, tiny_bundle, *options)
    assert done.returncode == 2
    assert done.stderr.startswith("scamdetect: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_messages_are_never_in_errors(tmp_path: Path, tiny_bundle: Path) -> None:
    secret = "my-secret-words"
    content = f'text,n\n"{secret}\n{secret},1,2\n{secret}\n'
    done = _score(tmp_path, "in.csv", content, tiny_bundle)
    assert "rejected 3" in done.stderr
    assert secret not in done.stderr
    done = _score(tmp_path, "in.jsonl", f'{{"body": "{secret}"}}\n{{"{secret}\n', tiny_bundle)
    assert done.returncode == 2
    assert secret not in done.stderr


def test_existing_destination_needs_overwrite(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "out.csv").write_text("mine", encoding="utf-8")
    done = _score(tmp_path, "in.csv", "text\nx\n", tiny_bundle, "-o", "out.csv")
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    assert (tmp_path / "out.csv").read_text("utf-8") == "mine"
    done = _score(tmp_path, "in.csv", "text\nx\n", tiny_bundle, "-o", "out.csv", "--overwrite")
    assert done.returncode == 0


def test_columns_are_replaced_on_demand(tmp_path: Path, tiny_bundle: Path) -> None:
    content = "scamdetect_verdict,text\nold,profit profit\n"
    done = _score(tmp_path, "in.csv", content, tiny_bundle, "--overwrite-columns")
    assert done.returncode == 0
    lines = (tmp_path / "in.scored.csv").read_text("utf-8").splitlines()
    assert lines[0].startswith("text,scamdetect_verdict,")
    assert lines[1].startswith("profit profit,scam,")


def test_odd_messages_are_scored(tmp_path: Path, tiny_bundle: Path) -> None:
    texts = ["profit " * 150_000, "a\ud83d b", "nul\0byte", "مرحبا ربح", "😀😀😀"]
    content = "\n".join(json.dumps({"text": text}) for text in texts)
    done = _score(tmp_path, "in.jsonl", content, tiny_bundle, "-o", "out.csv")
    assert done.returncode == 0, done.stderr
    assert "5 rows" in done.stderr
    assert "a\\ud83d b" in (tmp_path / "out.csv").read_text("utf-8")


def test_corrupted_bundle_names_the_file(tmp_path: Path, tiny_bundle: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_bundle, broken)
    content = bytearray((broken / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (broken / "model.onnx").write_bytes(content)
    done = _run("predict", "hello", "--model", broken)
    assert done.returncode == 2
    assert "model.onnx" in done.stderr
    done = _run("doctor", "--model", broken)
    assert done.returncode == 1
    assert "WRONG  bundle" in done.stdout
    assert "model.onnx" in done.stdout


@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.parquet"])
def test_full_disk(tmp_path: Path, tiny_bundle: Path, target: str) -> None:
    (tmp_path / "in.csv").write_text(
        "text\n" + "".join(f"{n * n * 7919}\n" for n in range(20_000)), encoding="utf-8"
    )
    done = _run(
        "score", "in.csv", "-o", target, "--model", tiny_bundle, cwd=tmp_path, file_limit=50_000
    )
    assert done.returncode == 4
    assert f"scamdetect: {target}: cannot be written (File too large)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_predict_prints_one_line_a_message(tiny_bundle: Path) -> None:
    done = _run("predict", "guaranteed profit", "hello", "", "--model", tiny_bundle)
    assert done.returncode == 0
    first, second, third = done.stdout.splitlines()
    assert first.startswith("flag: scam 0.9")
    assert "investment" in first
    assert second.startswith("pass: scam 0.0")
    assert third == "unscored: empty after normalisation"


def test_predict_json_and_standard_input(tiny_bundle: Path) -> None:
    done = _run(
        "predict",
        "-",
        "hello",
        "--json",
        "--model",
        tiny_bundle,
        stdin="прибыль\n прибыль".encode(),
    )
    first, second = [json.loads(line) for line in done.stdout.splitlines()]
    assert (first["decision"], second["decision"]) == ("flag", "pass")
    assert first["language"] == "ru"
    done = _run("predict", "-", "--model", tiny_bundle, stdin=b"\xff")
    assert done.returncode == 2
    assert "standard input" in done.stderr


def test_predict_without_a_shipped_bundle_or_text(tmp_path: Path) -> None:
    done = _run("predict")
    assert done.returncode == 2
    assert "Missing argument" in done.stderr


def test_doctor_lists_what_it_found(tiny_bundle: Path) -> None:
    done = _run("doctor", "--model", tiny_bundle)
    for name in ("python", "numpy", "onnxruntime", "tokenizers", "pyarrow", "processor", "bundle"):
        assert name in done.stdout
    assert "WRONG  bundle" not in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("queue", "in.parquet", "--audit", "nan"),
        ("card", "bundle", "--watts", "inf"),
        ("bench", "run", "pairs", "-d", "keywords", "-o", "run", "--price", "1", "nan"),
        ("bench", "run", "pairs", "-d", "keywords", "-o", "run", "--timeout", "nan"),
        ("bench", "run", "pairs", "-d", "keywords", "-o", "run", "--per-second", "0"),
    ],
)
def test_a_number_that_is_none_is_wrong_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = _run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert f"Invalid value for '{arguments[-3 if '--price' in arguments else -2]}'" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_host_that_is_no_text_is_one_line(tiny_bundle: Path) -> None:
    pytest.importorskip("uvicorn", reason="needs the extra serve")
    done = _run("serve", "--host", "\udcff", "--port", "0", "--model", tiny_bundle)
    assert done.returncode == 2 and done.stderr.count("\n") == 2  # one says that all may ask
    assert "cannot listen on" in done.stderr


def test_an_empty_name_of_a_result_is_one_line(tmp_path: Path, tiny_bundle: Path) -> None:
    _score(tmp_path, "in.csv", "text\nhello\nprofit\n", tiny_bundle, "-o", "scored.parquet")
    done = _run("queue", "scored.parquet", "--output", "", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "scamdetect: .: exists and is not a file; choose another name\n"


def test_help_is_light() -> None:
    code = "import sys; sys.argv = ['scamdetect', '--help']; import scamdetect.cli as c\n"
    code += "try: c.main()\nexcept SystemExit: print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=_ENVIRONMENT, capture_output=True, text=True, check=True
    )
    for module in ("numpy", "pyarrow", "onnxruntime", "tokenizers", "torch", "msgspec"):
        assert f"'{module}'" not in done.stdout


def test_unknown_command_and_option() -> None:
    assert _run("frobnicate").returncode == 2
    assert _run("score", "a.csv", "--frobnicate").returncode == 2


def test_data_verify_goes_on_after_a_missing_source(tmp_path: Path) -> None:
    pytest.importorskip("msgspec")
    for slug in ("one", "two", "three"):
        _write_source(tmp_path, slug)
    for slug in ("one", "three"):
        (tmp_path / "raw" / slug).mkdir(parents=True)
        (tmp_path / "raw" / slug / "a.csv").write_text(
            "label,text\nham,hi\nspam,buy\n", encoding="utf-8"
        )
    folder = ("--sources", "sources", "--raw", "raw", "--reference", "reference")
    done = _run("data", "verify", *folder, cwd=tmp_path)
    assert done.returncode == 1
    assert "one: 2 rows, reference 2, equal 100.00%, 0 differences" in done.stdout
    assert "two: cannot be compared" in done.stdout
    assert "1 sources failed: two" in done.stderr
    done = _run("data", "verify", *folder, "--only", "one", cwd=tmp_path)
    assert done.returncode == 0
    (tmp_path / "raw" / "three" / "a.csv").write_text("label,text\nspam,hi\n", encoding="utf-8")
    done = _run("data", "verify", *folder, "--only", "three", cwd=tmp_path)
    assert done.returncode == 1
    assert "equal 0.00%, 2 differences, FAILED" in done.stdout
    assert done.stdout.count("  missing ") == done.stdout.count("  other verdict ") == 1
    done = _run("data", "verify", *folder, "--only", "four", cwd=tmp_path)
    assert done.returncode == 2
    assert "--only four: no such source" in done.stderr


def test_data_fetch_lists_what_a_mirror_lacks(tmp_path: Path) -> None:
    pytest.importorskip("msgspec")
    _write_source(tmp_path, "one")
    (tmp_path / "mirror").mkdir()
    folder = ("--sources", "sources", "--raw", "raw")
    done = _run("data", "fetch", *folder, "--mirror", "mirror", cwd=tmp_path)
    assert done.returncode == 1
    assert "missing one/a.csv:" in done.stdout and "mirror/one" in done.stdout
    assert "1 missing" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "none.toml", "--out", "run"),
        ("export", "none", "--out", "bundle"),
        ("evaluate", "none"),
        ("data", "build", "--sources", "none", "-o", "corpus.parquet"),
    ],
)
def test_commands_of_the_train_extra_name_what_is_missing(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = _run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "none" in done.stderr
    assert list(tmp_path.iterdir()) == []


def _write_source(folder: Path, slug: str) -> None:
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "reference").mkdir(exist_ok=True)
    (folder / "sources" / f"{slug}.toml").write_text(
        f"""
slug = "{slug}"
title = "Invented"
repository = "example/example"
commit = "{"0" * 40}"
source_dir = ""
licence = "CC0-1.0"
licence_class = "permissive"
citation = "none"
role = "train"
languages = ["en"]
quality = "invented"
leaks = "none"
personal_data = false
label_source = "invented"
real = "invented"
files = [{{ path = "a.csv", sha256 = "", bytes = 1 }}]
labels = {{ ham = "legit", spam = "spam" }}

[read]
format = "csv"
parts = [{{ files = "*.csv" }}]

[row]
text = ["text"]
label = "label"
lang = "en"
channel = "sms"
""",
        encoding="utf-8",
    )
    rows = [
        {"text": "hi", "verdict": "legit", "lang": "en"},
        {"text": "buy", "verdict": "spam", "lang": "en"},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "reference" / f"{slug}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))


def test_parquet_source_keeps_its_types(tmp_path: Path, tiny_bundle: Path) -> None:
    table = pa.table({"text": ["profit profit", None], "n": pa.array([1, 2], pa.int8())})
    pq.write_table(table, tmp_path / "in.parquet")
    done = _run("score", "in.parquet", "--model", tiny_bundle, cwd=tmp_path)
    assert done.returncode == 0
    found = pq.read_table(tmp_path / "in.scored.parquet")
    assert found.select(["text", "n"]).equals(table)
    assert found.column("scamdetect_decision").to_pylist() == ["flag", "unscored"]


def test_mail_folder_is_scored(tmp_path: Path, tiny_bundle: Path) -> None:
    mail = (
        "From - Tue Mar  5 10:00:00 2024\nFrom: =?utf-8?q?Ann_=C3=89?= <ann@mail.example>\n"
        "Subject: Re: hello\nContent-Type: text/html; charset=utf-8\n\n"
        "<p>guaranteed <b>profit</b><br>bitcoin</p><blockquote>lunch</blockquote>\n\n"
    )
    refused = _score(tmp_path, "Inbox", mail * 2, tiny_bundle)
    assert refused.returncode == 2
    assert "no extension is not a known format" in refused.stderr
    assert "--format" in refused.stderr
    done = _score(tmp_path, "Inbox", mail * 2, tiny_bundle, "--format", "mbox")
    assert done.returncode == 0
    rows = pq.read_table(tmp_path / "Inbox.scored.parquet").to_pylist()
    assert [row["sender_name"] for row in rows] == ["Ann É"] * 2
    assert [row["scamdetect_decision"] for row in rows] == ["flag"] * 2
    done = _score(tmp_path, "a.eml", mail, tiny_bundle, "-o", "a.csv")
    assert done.returncode == 0
    assert "ann@mail.example" in (tmp_path / "a.csv").read_text("utf-8")


def test_mail_that_is_none_is_refused(tmp_path: Path, tiny_bundle: Path) -> None:
    for name in ("a.mbox", "a.eml"):
        done = _score(tmp_path, name, b"\x00\xff\n" * 99, tiny_bundle)
        assert done.returncode == 2
        assert f"{name}:1: " in done.stderr
