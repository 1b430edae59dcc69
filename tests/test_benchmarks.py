"""The benchmark scripts as processes, on a tiny bundle and invented rows."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import invented_everyday
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_corpus
from hang import HANG
from invented_authored import SCAM, row
from invented_everyday import write_catalogue
from msgspec.structs import replace
from tiny_bundle import write_tiny_bundle
from tokenizers import Tokenizer

from benchmarks import throughput_peers as peers
from benchmarks.finetune_left_out import first_half
from benchmarks.throughput_workloads import build, count_tokens, read_messages
from scamdetect.bundle.bundle import Bundle
from scamdetect.errors import InputError
from scamdetect.evaluate.protocol import SELECTING_SOURCES
from scamdetect.labels import Verdict
from scamdetect.text.normalise import normalise
from scamdetect.train.data.authored import AuthoredRow, write_rows
from scamdetect.train.data.everyday import write_everyday

_ROOT = Path(__file__).resolve().parent.parent


def _run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, _ROOT / "benchmarks" / script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True, text=True, encoding="utf-8", timeout=HANG,
    )  # fmt: skip


@pytest.fixture
def authored(tmp_path: Path) -> Path:
    """Return a folder of authored rows with dev and final parts, and an empty one for results."""
    rows = []
    for number in range(1, 41, 2):
        part = "final" if number % 3 else "dev"
        rows.append(row(number, part=part, text=f"gold cost me {number} dollars at the shop"))
        rows.append(row(number + 1, **SCAM, part=part, text=f"invest {number} coins, get double"))
    promo = {"verdict": "spam", "slice": "marketing", "cell": "promo"}
    rows.append(row(42, **promo, part="final", text="sale of gold rings"))
    rows.append(row(41, part="train", text="the gold shop was closed on sunday"))
    write_rows(tmp_path / "authored" / "en.jsonl", rows)
    final = [one for one in rows if one.part == "final"]
    write_rows(tmp_path / "authored" / "untrained" / "en.jsonl", final[:6])
    write_catalogue(tmp_path / "cards")
    everyday = [
        replace(one, id=f"en-e{number:04}", part="final", campaign=campaign, text=text)
        for number, (one, campaign, text) in enumerate([
            (invented_everyday.SCAM, "parcel-final", "pkg held. fee 1.20 go.example/a"),
            (invented_everyday.SCAM, "parcel-final", "customs fee is open: go.example/b"),
            (invented_everyday.HONEST, "n-final", "out for delivery today, 2 to 4 pm"),
        ], start=1)
    ]  # fmt: skip
    write_everyday(tmp_path / "authored" / "everyday" / "en.jsonl", everyday, "a tester")
    (tmp_path / "results").mkdir()
    return tmp_path


def _parts(folder: Path) -> tuple[str | Path, ...]:
    return (
        "--authored", folder / "authored", "--cards", folder / "cards", "--out", folder / "results",
    )  # fmt: skip


def test_the_final_part_is_opened_once_per_bundle(authored: Path, tiny_bundle: Path) -> None:
    corpus = authored / "corpus.parquet"
    copied = synthetic_corpus.row(
        1, "legit", role="train", norm="gold cost me 1 dollars at the shop"
    )
    pq.write_table(synthetic_corpus.table([copied]), corpus)
    options = _parts(authored)
    options += ("--corpus", corpus)
    first = _run("final.py", tiny_bundle, *options)
    assert first.returncode == 0, first.stderr
    assert "not a generator-held-out result" in first.stdout and "coins" not in first.stdout
    assert "; also 1 promos " in first.stdout
    with (authored / "results" / "final_log.csv").open(encoding="utf-8") as file:
        line, untrained, everyday = csv.DictReader(file)
    assert (line["n_scam"], line["n_legit"], line["writers"]) == ("13", "13", "a tester")
    assert (untrained["rows"], untrained["n_scam"]) == ("untrained", "3")
    assert (everyday["rows"], everyday["n_scam"], everyday["n_legit"]) == ("everyday", "2", "1")
    assert "  type parcel: R@1% " in first.stdout and "  family n-final: " in first.stdout
    (path,) = (authored / "results").glob("final-*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    (gate,) = record["gates"]
    assert (record["contamination"]["n"], record["contamination"]["exact"]) == (27, 1)
    assert "contamination of untrained by 1 train rows: 1 of 6" in first.stdout
    assert (gate["slice"], gate["fpr"]["n"], gate["met"]) == ("finance", 13, None)
    assert gate["verdict"].startswith("too few")
    assert "target of 2% on finance" in first.stdout
    second = _run("final.py", tiny_bundle, *options)
    assert second.returncode == 1 and "opened once per bundle" in second.stderr
    log = (authored / "results" / "final_log.csv").read_text(encoding="utf-8")
    assert log.count("\n") == 4


def test_the_release_before_is_compared_on_the_same_rows(authored: Path, tiny_bundle: Path) -> None:
    later = write_tiny_bundle(authored / "later", version="0.0.2")
    done = _run("final.py", later, *_parts(authored), "--before", tiny_bundle)
    assert done.returncode == 0, done.stderr
    (path,) = (authored / "results").glob("final-*.json")
    before = json.loads(path.read_text(encoding="utf-8"))["before"]
    assert before["model_id"] == Bundle.load(tiny_bundle).model_id
    assert (before["change"]["value"], before["change"]["n"]) == (0.0, 13)
    assert before["figures"]["n_legit"] == 13
    log = (authored / "results" / "final_log.csv").read_text(encoding="utf-8")
    assert before["model_id"] not in log


def test_without_a_corpus_the_final_part_is_not_audited(authored: Path, tiny_bundle: Path) -> None:
    options = _parts(authored)
    done = _run("final.py", tiny_bundle, *options, "--corpus", authored / "none.parquet")
    assert done.returncode == 0, done.stderr
    assert "contamination: not audited" in done.stdout
    (path,) = (authored / "results").glob("final-*.json")
    assert json.loads(path.read_text(encoding="utf-8"))["contamination"] is None


def test_nothing_is_opened_beside_a_corpus_of_another_normaliser(
    authored: Path, tiny_bundle: Path
) -> None:
    corpus = authored / "corpus.parquet"
    built = synthetic_corpus.table([synthetic_corpus.row(1, "legit", role="train")])
    pq.write_table(built.replace_schema_metadata({"normaliser_version": "1"}), corpus)
    options = _parts(authored)
    done = _run("final.py", tiny_bundle, *options, "--corpus", corpus)
    assert done.returncode == 1 and "built with normaliser 1" in done.stderr
    assert list((authored / "results").iterdir()) == []


def test_nothing_is_opened_where_a_part_is_missing(authored: Path, tiny_bundle: Path) -> None:
    options = _parts(authored)
    (authored / "authored" / "untrained" / "en.jsonl").unlink()
    done = _run("final.py", tiny_bundle, *options)
    assert done.returncode == 1 and done.stderr.startswith("final: ")
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert list((authored / "results").iterdir()) == []


def test_a_damaged_bundle_is_named_and_opens_nothing(authored: Path, tmp_path: Path) -> None:
    options = _parts(authored)
    done = _run("final.py", tmp_path / "no-bundle", *options)
    assert done.returncode == 1 and "no-bundle" in done.stderr
    assert "Traceback" not in done.stderr and list((authored / "results").iterdir()) == []


def test_evasion_reports_what_each_disguise_changes(authored: Path, tiny_bundle: Path) -> None:
    options = ("--authored", authored / "authored", "--out", authored / "results")
    done = _run("evasion.py", tiny_bundle, *options)
    assert done.returncode == 0, done.stderr
    (path,) = (authored / "results").glob("evasion-*.json")
    found = {one["evasion"]: one for one in json.loads(path.read_text("utf-8"))["evasions"]}
    assert found["spaced"]["n_scam"] > 0 and found["other_chinese"]["n_scam"] == 0
    # What the normaliser undoes changes no score.
    before, after = found["full_width"]["auc"]
    assert before == after
    assert found["all together"]["n_scam"] >= found["spaced"]["n_scam"]
    page = next((authored / "results").glob("evasion-*.md")).read_text("utf-8")
    assert "| spaced |" in page and "| evasion | Latn |" in page and "coins" not in page


@pytest.fixture
def tiny_run(tmp_path: Path) -> Path:
    """Return a finished run; its corpus of three train sources and dev rows lies beside it."""
    from tiny_base import TINY_TEXTS, write_tiny_base

    from scamdetect.train.fit import train

    rows = [
        synthetic_corpus.row(
            1000 * source + n, verdict, source=f"s{source}", role="train", norm=text
        )
        for source in range(3)
        for n in range(100)
        for verdict, text in TINY_TEXTS.items()
    ]
    own = {"verdict_provenance": "authored", "generated": "a tester"}
    for n in range(5000, 5010):
        for verdict in ("legit", "scam"):
            for source in SELECTING_SOURCES:
                rows.append(synthetic_corpus.row(n, verdict, source=source))
            pair = {"source": "authored_en", "thread_id": f"en-p{n}"}
            rows.append(synthetic_corpus.row(n, verdict, **own, **pair))
    pq.write_table(synthetic_corpus.table(rows), tmp_path / "corpus.parquet")
    base = write_tiny_base(tmp_path / "base")
    recipe = tmp_path / "tiny.toml"
    tables = f'[base]\nname = "{base}"\n[data]\ntokens = 600\n[optimiser]\nprecision = "fp32"\n'
    recipe.write_text(f'name = "tiny"\nseed = 0\n{tables}', "utf-8")
    train(recipe, tmp_path / "corpus.parquet", tmp_path / "run", True, list[str]().append)
    return tmp_path / "run"


def test_an_experiment_gets_a_line_once_and_a_finished_run_is_scored(
    tiny_run: Path, tmp_path: Path
) -> None:
    corpus, log, runs = (tmp_path / name for name in ("corpus.parquet", "log.csv", "runs"))
    options = ("--corpus", corpus, "--runs", runs, "--log", log)
    # The recipe and corpus of the fixture's run under another seed.
    first = _run("experiment.py", tmp_path / "tiny.toml", "--seeds", "1", *options)
    assert first.returncode == 0, first.stderr
    (made,) = runs.iterdir()
    changed = (made / "model.safetensors").stat().st_mtime_ns
    again = _run("experiment.py", tmp_path / "tiny.toml", tiny_run, "--seeds", "1", *options)
    assert again.returncode == 0, again.stderr
    assert "tiny, seed 1: is in" in again.stdout
    assert list(runs.iterdir()) == [made]
    assert (made / "model.safetensors").stat().st_mtime_ns == changed
    with log.open(encoding="utf-8") as file:
        line, scored = csv.DictReader(file)
    assert (line["recipe"], line["seed"], scored["seed"]) == ("tiny", "1", "0")
    assert line["recipe_hash"] in made.name and line["recipe_hash"] != scored["recipe_hash"]
    assert line["corpus"] == scored["corpus"]
    for figure in ("selection", "authored_auc", "pairs_by_rank", "disguised_auc"):
        assert 0 <= float(line[figure]) <= 1 and 0 <= float(scored[figure]) <= 1


@pytest.fixture
def spoken() -> list[AuthoredRow]:
    """Return rows in two languages, made of words that the tiny bundle knows."""
    words = {
        "en": "hello lunch meeting tomorrow thanks gift card profit sale gold shop week".split(),
        "ru": "обед привет завтра прибыль магазин неделя золото друг".split(),
    }
    scripts = {"en": "Latn", "ru": "Cyrl"}
    rows = []
    for lang, known in words.items():
        for number in range(1, 81):
            labels = SCAM if number % 2 else {}
            part = "train" if number % 8 else "final"
            chosen = np.random.default_rng(number).choice(known, 12)
            text = " ".join([*chosen, str(number), "closed" if part == "final" else "open"])
            rows.append(
                row(number, lang=lang, script=scripts[lang], part=part, text=text, **labels)
            )
    return rows


def _tiny_tokenizer(bundle: Path) -> Tokenizer:
    return Tokenizer.from_file(str(bundle / "tokenizer.json"))


@pytest.fixture
def sorts(tmp_path: Path) -> Path:
    """Return a folder of messages of every group in two languages and all parts."""
    words = {
        "en": "hello lunch meeting tomorrow thanks gift card profit sale gold shop week".split(),
        "ru": "обед привет завтра прибыль магазин неделя золото друг".split(),
    }
    scripts = {"en": "Latn", "ru": "Cyrl"}
    groups: list[dict[str, Any]] = [
        {}, {"slice": "transactional", "cell": "transactional"},
        {"slice": "awareness", "cell": "awareness"}, SCAM,
        {"verdict": "spam", "slice": "marketing", "cell": "promo"},
    ]  # fmt: skip
    for lang, known in words.items():
        rows = []
        for number in range(1, 601):
            part = ("train", "calibrate", "dev", "final")[number % 4]
            chosen = np.random.default_rng(number).choice(known, 8)
            text = f"{' '.join(chosen[:5])}. {' '.join(chosen[5:])}, {number} {part}"
            form = {"lang": lang, "script": scripts[lang]}
            rows.append(row(number, part=part, text=text, **form, **groups[number // 4 % 5]))
        write_rows(tmp_path / "authored" / f"{lang}.jsonl", rows)
    return tmp_path / "authored"


def test_workloads_have_their_shares_copies_and_no_final_row(
    sorts: Path, tiny_bundle: Path
) -> None:
    parts = read_messages(sorts, sorts)
    assert set(parts) == {"train", "calibrate", "dev"}
    tokenizer = _tiny_tokenizer(tiny_bundle)
    built = build(parts["dev"], tokenizer, normalise, 50, 4)
    by_name = {workload.name: workload for workload in built}
    assert list(by_name) == ["chat", "sms", "reports", "duplicates", "long"]
    shares = {name: Counter(workload.groups) for name, workload in by_name.items()}
    assert shares["chat"] == {"talk": 36, "notice": 14} and len(by_name["sms"].texts) == 20
    assert shares["sms"] == {"notice": 13, "talk": 5, "advert": 1, "scam": 1}
    assert shares["reports"]["scam"] == 10 and shares["long"] == {"talk": 3, "scam": 1}
    for name, workload in by_name.items():
        normal = [normalise(text) for text in workload.texts]
        distinct = 10 if name == "duplicates" else len(normal)
        assert len(set(normal)) == len(workload.firsts) == distinct
        assert {normal[place] for place in workload.firsts} == set(normal)
        assert workload.figures["distinct after normalisation"] == distinct
        words = set(" ".join(workload.texts).split())
        assert "dev" in words and not words & {"train", "calibrate", "final"}
    copied = by_name["duplicates"]
    assert len(copied.texts) == 100 and 10 < len(set(copied.texts)) < 100
    assert all(count_tokens(tokenizer, normalise(text)) > 300 for text in by_name["long"].texts)
    again = build(parts["dev"], tokenizer, normalise, 50, 4)
    assert [one.texts for one in again] == [one.texts for one in built]


def test_everyday_messages_are_notices_talk_and_scams(authored: Path) -> None:
    dev = [replace(one, part="dev") for one in (invented_everyday.SCAM, invented_everyday.HONEST)]
    rows = [replace(one, campaign=one.campaign.replace("train", "dev")) for one in dev]
    write_everyday(authored / "authored" / "everyday" / "en.jsonl", rows, "a tester")
    found = read_messages(authored / "authored", authored / "cards")["dev"]
    groups = {message.text: message.group for message in found}
    assert groups["pkg held. fee 1.20 go.example/a"] == "scam"
    assert groups["out for delivery today, 2 to 4 pm"] == "notice"


def test_too_few_rows_for_a_workload_are_named(sorts: Path, tiny_bundle: Path) -> None:
    dev = read_messages(sorts, sorts)["dev"]
    with pytest.raises(InputError, match="chat: 1400 messages of the group 'talk' are wanted and"):
        build(dev, _tiny_tokenizer(tiny_bundle), normalise, 2000, 1)


def test_peers_answer_alike_in_any_order(trained: tuple[Path, Path], tmp_path: Path) -> None:
    from tiny_base import TINY_TEXTS, write_tiny_base

    from scamdetect.train.base import load_base

    name = str(write_tiny_base(tmp_path / "base"))
    what, *classifier = peers.load_classifier(Bundle.load(trained[0]), None)
    assert what == "the bundle's weights, 2 layers"
    texts = [f"{text} {'so ' * n}" for n in range(12) for text in TINY_TEXTS.values()]
    verdicts = [Verdict(verdict) for verdict in TINY_TEXTS] * 12
    model, tokenizer = classifier
    base = load_base(name)
    for score, close in (
        (peers.pipeline(model, tokenizer), 1e-5),
        # Its scales are those of all texts of a batch.
        (peers.pipeline(peers.quantised(model), tokenizer), 0.05),
        (peers.with_head(peers.sentence_vectors(base, 64), texts, verdicts), 1e-4),
        (peers.with_head(peers.static_vectors(base), texts, verdicts), 1e-6),
    ):
        expected = np.concatenate([score([text]) for text in texts])
        assert expected.shape == (36,) and 0 <= expected.min() < expected.max() <= 1
        assert np.allclose(score(texts), expected, atol=close)
        assert np.allclose(score(texts[::-1]), expected[::-1], atol=close)


def test_throughput_scores_every_text_under_every_condition(
    sorts: Path, tiny_bundle: Path, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    from tiny_base import write_tiny_base

    sizes = "--rounds 1 --texts 70 --long-texts 2 --single 6 --workers 1 --memory-rows 20".split()
    places = ("--authored", sorts, "--cards", sorts, "--out", tmp_path / "results")
    cleared = write_tiny_bundle(tmp_path / "tiered", proven=True)
    model_id = Bundle.load(tiny_bundle).model_id
    models = ("--base", write_tiny_base(tmp_path / "base"), "--also", tiny_bundle)
    models += ("--run", trained[0].with_name("run"))
    done = _run("throughput.py", cleared, *models, "--slow-texts", "9", *sizes, *places)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results" / "throughput.json").read_text("utf-8"))
    every = {"ONNX Runtime, sorted", "TF-IDF", "scamdetect", "scamdetect, threads=1", model_id}
    every |= {"scamdetect, workers=1", "scamdetect, tier=full"}
    every |= {"sentence vectors", "static vectors"}
    fp32, int8 = (f"transformers pipeline {form} (run run, 2 layers)" for form in ("fp32", "int8"))
    slow = {fp32, int8, "sentence vectors"}
    by_workload = {
        name: {one["condition"] for one in found["throughput"] if one["workload"] == name}
        for name in found["workloads"]
    }
    assert by_workload["chat"] >= every | slow and by_workload["long"] == by_workload["chat"]
    streams = {"scamdetect, stream", "scamdetect, stream, cache_size=0"}
    assert by_workload["duplicates"] == by_workload["chat"] | streams
    for one in found["throughput"]:
        texts = found["workloads"][one["workload"]]["texts"]
        assert one["texts"] == (min(texts, 9) if one["condition"] in slow else texts)
        assert len(one["per_second"]) == 1 and min(one["per_second"]) > 0
        assert one["ratios"].keys() == {fp32}
        assert 0 <= one["recall"]["value"] <= 1
        assert 0 <= one["false_alarms"]["value"] <= 1 and one["false_alarms"]["n"]
    assert {one["n"] for one in found["latency"]} == {6}
    assert all(0 < one["p50_ms"] <= one["p99_ms"] for one in found["latency"])
    total = found["cold_start_seconds"]["total"]
    assert 0 < total["lowest"] <= total["median"] <= total["highest"]
    (memory,) = found["peak_memory"]
    assert memory["rows"] == memory["scored"] == 20 and memory["MB"] > 0
    assert "torch" not in found["skipped"] and found["bundle_MB"] > 0
    assert set(found["cleared"]) == set(found["workloads"])
    page = (tmp_path / "results" / "throughput.md").read_text("utf-8")
    assert (
        page == done.stdout and "## Duplicates" in page and "| scamdetect, stream | 140 |" in page
    )
    assert str(tmp_path) not in page + json.dumps(found)


def test_same_answer_compares_each_condition_with_messages_alone(
    spoken: list[AuthoredRow], tiny_bundle: Path, tmp_path: Path
) -> None:
    for lang in ("en", "ru"):
        rows = [one for one in spoken if one.lang == lang]
        write_rows(tmp_path / "authored" / f"{lang}.jsonl", rows)
    places = ("--authored", tmp_path / "authored", "--out", tmp_path / "results")
    done = _run("same_answer.py", tiny_bundle, "--texts", "20", *places)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results" / "same_answer.json").read_text("utf-8"))
    assert (found["texts"], found["languages"]) == (20, 2)
    names = [one["condition"] for one in found["conditions"]]
    within = ["alone", "all in one call", "shuffled", "beside long texts", "threads=1", "workers=3"]
    assert names[:6] == within
    for one in found["conditions"][:6]:
        assert one["decision_flips"] == one["verdict_flips"] == one["over_0.001"] == 0
    assert (tmp_path / "results" / "same_answer.md").read_text("utf-8") == done.stdout


def test_half_of_a_left_out_source_is_given_and_test_sources_never() -> None:
    rows = synthetic_corpus.corpus()
    dev = rows.filter(pa.array([role == "dev" for role in rows["role"].to_pylist()]))
    given = first_half(dev, "pt_mz_mpesa_smishing", 0)
    groups, sources = (np.array(dev[name].to_pylist()) for name in ("group", "source"))
    assert set(sources[given]) == {"pt_mz_mpesa_smishing"}
    of = sources == "pt_mz_mpesa_smishing"
    assert given.sum() == of.sum() / 2
    assert not set(groups[given]) & set(groups[of & ~given])
    with pytest.raises(InputError, match="'id_sms_spam' has no dev rows here; choose one of pt_mz"):
        first_half(dev, "id_sms_spam", 0)


def test_throughput_names_impossible_sizes_and_missing_folders(tmp_path: Path) -> None:
    done = _run("throughput.py", "--rounds", "0")
    assert done.returncode == 2 and "'0' is not an integer" in done.stderr
    done = _run("throughput.py", tmp_path / "no-bundle")
    assert done.returncode == 1 and "no-bundle: folder not found" in done.stderr
    assert "Traceback" not in done.stderr


def test_engines_are_compared(authored: Path, tmp_path: Path) -> None:
    where = ["--authored", authored / "authored", "--out", tmp_path]
    jobs = ["--rows", "300", "--engines", "local", "--workers", "0", "1"]
    done = _run("dumps.py", "--tiny", *jobs, *where)
    assert done.returncode == 0, done.stderr
    runs = json.loads((tmp_path / "engines-tiny.json").read_text("utf-8"))["runs"]
    assert [(run["engine"], run["workers"]) for run in runs] == [("local", 0), ("local", 1)]
    assert all(run["rows_per_second"] > 0 for run in runs)
    assert done.stdout == (tmp_path / "engines-tiny.md").read_text("utf-8")


@pytest.mark.parametrize("script", ["dumps.py", "faults.py"])
def test_dumps_are_made_and_scored(script: str, authored: Path, tmp_path: Path) -> None:
    rows = ["--rows", "3000", *(["6000"] if script == "dumps.py" else ["--kills", "1"])]
    where = ["--authored", authored / "authored", "--out", tmp_path / "results"]
    done = _run(script, "--tiny", *rows, *where)
    assert done.returncode == 0, done.stderr
    name = "dumps-tiny" if script == "dumps.py" else "faults"
    found = json.loads((tmp_path / "results" / f"{name}.json").read_text("utf-8"))
    if script == "dumps.py":
        assert [run["rows"] for run in found["runs"]] == [3000, 6000]
        assert all(run["peak_MB"] > 0 and run["rejected"] == 0 for run in found["runs"])
    else:
        assert [job["format"] for job in found["jobs"]] == ["csv", "jsonl", "parquet"]
        assert all(job["identical"] and len(job["kills"]) == 1 for job in found["jobs"])
        assert [job["rejected"] for job in found["jobs"]] == [4, 0, 0]
    assert done.stdout == (tmp_path / "results" / f"{name}.md").read_text("utf-8")
