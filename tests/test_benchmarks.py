"""The benchmark scripts as processes, on a tiny bundle and invented rows."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

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
from benchmarks.throughput_workloads import build, count_tokens
from scamdetect.bundle.bundle import Bundle
from scamdetect.errors import InputError
from scamdetect.evaluate.protocol import SELECTING_SOURCES
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
    assert "no generator-held-out result" in first.stdout and "coins" not in first.stdout
    assert "; beside them 1 promos " in first.stdout
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
    assert "bar of 2% on finance" in first.stdout
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


def test_workloads_have_their_lengths_copies_and_no_final_row(
    spoken: list[AuthoredRow], tiny_bundle: Path
) -> None:
    tokenizer = _tiny_tokenizer(tiny_bundle)
    short, mix, long = build(spoken, tokenizer, normalise, 60, 2)
    assert [len(workload.texts) for workload in (short, mix, long)] == [60, 60, 2]
    assert all(count_tokens(tokenizer, normalise(text)) <= 38 for text in short.texts)
    assert min(len(text) for text in long.texts) > max(len(text) for text in short.texts)
    assert "closed" not in " ".join(short.texts + mix.texts + long.texts)
    everything = [normalise(text) for text in short.texts + mix.texts + long.texts]
    assert len(set(everything)) == len(everything)
    assert mix.copied is not None and short.copied is None
    changed = [place for place in range(60) if mix.copied[place] != mix.texts[place]]
    figures = mix.figures
    assert len(changed) == figures["exact copies"] + figures["near copies"] == 18
    assert len(set(mix.copied)) == 60 - figures["exact copies"]
    again = build(reversed(spoken), tokenizer, normalise, 60, 2)
    assert [(one.texts, one.copied) for one in again] == [
        (one.texts, one.copied) for one in (short, mix, long)
    ]


def test_too_few_rows_for_a_workload_are_named(
    spoken: list[AuthoredRow], tiny_bundle: Path
) -> None:
    with pytest.raises(InputError, match="'en' give no more distinct texts"):
        build(spoken[:4], _tiny_tokenizer(tiny_bundle), normalise, 2000, 1)


def test_peers_answer_alike_in_any_order(tiny_bundle: Path, tmp_path: Path) -> None:
    from tiny_base import TINY_TEXTS, write_tiny_base

    base = str(write_tiny_base(tmp_path / "base"))
    what, *classifier = peers.load_classifier(Bundle.load(tiny_bundle), None, base)
    assert what == "base, random heads, 2 layers"
    texts = [f"{text} {'so ' * n}" for n in range(12) for text in TINY_TEXTS.values()]
    runner = peers.plain_torch(*classifier)
    expected = np.concatenate([runner([text]) for text in texts])
    for score in (
        peers.pipeline(*classifier),
        peers.in_arrival_order(runner),
        peers.sorted_by_length(runner),
    ):
        assert np.allclose(score(texts), expected, atol=1e-5)


def test_throughput_scores_every_text_under_every_condition(
    spoken: list[AuthoredRow], tiny_bundle: Path, tmp_path: Path
) -> None:
    for lang in ("en", "ru"):
        rows = [one for one in spoken if one.lang == lang]
        write_rows(tmp_path / "authored" / f"{lang}.jsonl", rows)
    sizes = "--rounds 1 --texts 70 --long-texts 2 --single 6 --workers 1 --memory-rows 20".split()
    places = ("--authored", tmp_path / "authored", "--out", tmp_path / "results")
    tiered = write_tiny_bundle(tmp_path / "tiered", proven=False)
    model_id = Bundle.load(tiny_bundle).model_id
    also = ("--also", tiny_bundle)
    done = _run("throughput.py", tiered, "--no-torch", *also, *sizes, *places)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results" / "throughput.json").read_text("utf-8"))
    own = {"scamdetect", "scamdetect, threads=1", "scamdetect, workers=1"}
    plain = {"ONNX Runtime, arrival", "ONNX Runtime, sorted", "TF-IDF"}
    own |= {"scamdetect, tier=first", model_id}
    folding = {"scamdetect, folding", "scamdetect, folding, stream", f"{model_id}, folding"}
    folding |= {"scamdetect, folding, tier=first"}
    by_workload = {
        name: {one["condition"] for one in found["throughput"] if one["workload"] == name}
        for name in found["workloads"]
    }
    assert by_workload["40 tokens"] == by_workload["long texts"] >= own | plain
    assert by_workload["realistic mix"] == by_workload["40 tokens"] | folding
    for one in found["throughput"]:
        assert one["texts"] == one["scored"] == found["workloads"][one["workload"]]["texts"]
        assert len(one["per_second"]) == 1 and min(one["per_second"]) > 0
        assert one["ratios"].keys() == {"ONNX Runtime, arrival"}
    assert {one["n"] for one in found["latency"]} == {6}
    assert all(0 < one["p50_ms"] <= one["p99_ms"] for one in found["latency"])
    total = found["cold_start_seconds"]["total"]
    assert 0 < total["lowest"] <= total["median"] <= total["highest"]
    (memory,) = found["peak_memory"]
    assert memory["rows"] == memory["scored"] == 20 and memory["MB"] > 0
    assert found["skipped"]["torch"] and found["bundle_MB"] > 0 and 0 <= found["cleared"] <= 1
    page = (tmp_path / "results" / "throughput.md").read_text("utf-8")
    assert page == done.stdout and "| scamdetect, folding | 70 |" in page
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
    assert done.returncode == 2 and "'0' is no whole number from 1" in done.stderr
    done = _run("throughput.py", tmp_path / "no-bundle")
    assert done.returncode == 1 and "no-bundle: no such folder" in done.stderr
    assert "Traceback" not in done.stderr


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
