"""The card and its details: pattern, origin of the figures, quotations, metadata for the hub."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path
from typing import Any

import pytest
from card_pattern import MEASURED, check_details, check_pattern, quotes, sections, tables
from command_line import command
from huggingface_hub import ModelCard
from invented_authored import SCAM, row
from tiny_bundle import tiny_settings, write_tiny_bundle

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import Bundle, write_manifest
from scamdetect.errors import InputError, OutputError
from scamdetect.labels import KINDS
from scamdetect.train import card as card_module
from scamdetect.train.card import (
    LONGEST,
    card_text,
    details_text,
    energy_line,
    rewrite_card,
)
from scamdetect.train.card_results import EACH, Results, find_failures, read_results
from scamdetect.train.data.authored import load_authored, write_rows

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SHIPPED = json.loads((RESULTS / "evaluate-scamdetect-small.json").read_text("utf-8"))["model_id"]
STEM = SHIPPED.replace("@", "-").replace("+", "-")
FILES = {
    "evaluation": RESULTS / "evaluate-scamdetect-small.json",
    "pools": RESULTS / "pools-check.json",
    "final": RESULTS / f"final-{STEM}.json",
    "everyday": RESULTS / f"everyday-{STEM}.json",
    "untrained": RESULTS / f"untrained-{STEM}.json",
    "evasion": RESULTS / "evasion-scamdetect-small.json",
    "bench": RESULTS / "bench-1" / "results.json",
    "conversations": RESULTS / "conversations-scamdetect-small.json",
}
DETAILS = RESULTS / "details-scamdetect-small.md"
CONVERSATIONS = json.loads(FILES["conversations"].read_text("utf-8"))
(BENCHED,) = set(re.findall(r"scamdetect-small@[\w.+]+", FILES["bench"].read_text("utf-8")))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "bundle", conversation=CONVERSATIONS["rule"])


@pytest.fixture
def files(tmp_path: Path, bundle: Path) -> dict[str, Path]:
    """Return the shipped bundle's results as if the tiny bundle had been measured."""
    found = {kind: tmp_path / f"{kind}.json" for kind in FILES}
    _measured_of(found, Bundle.load(bundle).model_id)
    return found


def _measured_of(files: dict[str, Path], model_id: str) -> None:
    for kind, path in FILES.items():
        text = path.read_text("utf-8")
        for measured in (SHIPPED, CONVERSATIONS["model_id"], BENCHED):
            text = text.replace(measured, model_id)
        files[kind].write_text(text, encoding="utf-8")


@pytest.fixture
def authored(tmp_path: Path) -> Path:
    folder = tmp_path / "authored"
    folder.mkdir()
    for lang in ("en", "de", "it"):
        rows = []
        for number in range(1, 9, 2):
            part = ("dev", "train", "final", "dev")[number // 2]
            words = " profit" * number
            rows.append(row(number, lang=lang, part=part, text=f"lunch {lang} {number} *{words}*"))
            text = f"lunch <b> {lang} {number} " + "tomorrow " * 60
            rows.append(row(number + 1, lang=lang, part=part, text=text.strip(), **SCAM))
        write_rows(folder / f"{lang}.jsonl", rows)
    return folder


def _options(files: dict[str, Path]) -> list[str | Path]:
    return [word for kind, path in files.items() for word in (f"--{kind}", path)]


def test_a_source_of_which_other_rows_trained_is_marked(files: dict[str, Path]) -> None:
    evaluation = json.loads(files["evaluation"].read_text("utf-8"))
    name = evaluation["detectors"][0]["sources"][0]["source"]
    training = {"sources": [{"source": name, "licence": "permissive", "rows": 2}]}
    page = details_text(tiny_settings(), training, Results(evaluation=evaluation))
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {name}") and " † " in line)
    assert line and "† marks sources of which other rows trained the model." in page
    assert "†" not in details_text(tiny_settings(), {}, Results(evaluation=evaluation))


def test_a_card_without_results_has_the_pattern_and_says_so(tmp_path: Path) -> None:
    card = card_text(tiny_settings(), {"base": str(tmp_path / "base")})
    check_pattern(card)
    assert "Not measured yet" in sections(card)["Results"]
    page = details_text(tiny_settings(), {})
    check_details(page)
    assert all("Not measured yet" in sections(page)[title] for title in MEASURED)


def test_the_command_writes_the_card_and_the_id_stays(
    bundle: Path, files: dict[str, Path], authored: Path, tmp_path: Path
) -> None:
    before = Bundle.load(bundle)
    card = bundle / "README.md"
    old = card.read_bytes()
    done = command(tmp_path, "card", bundle, *_options(files), "--authored", authored)
    assert done.returncode == 0, done.stderr
    after = Bundle.load(bundle)
    assert card.read_bytes() != old and after.sha256["README.md"] != before.sha256["README.md"]
    assert after.model_id == before.model_id
    assert f"the id is still {before.model_id}" in done.stdout
    results = sections(card.read_text(encoding="utf-8"))["Results"]
    assert f"as `{before.model_id}`." in results
    assert not list(tmp_path.glob("*.md"))


def test_details_replace_only_a_page_of_details(
    bundle: Path, files: dict[str, Path], authored: Path, tmp_path: Path
) -> None:
    page = tmp_path / "details.md"
    for _ in range(2):
        rewrite_card(bundle, files, authored=authored, details=page)
        check_details(page.read_text(encoding="utf-8"))
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert "`details.md`" in sections(card)["More"]
    for wrong in (files["final"], bundle / "README.md"):
        before = wrong.read_bytes()
        with pytest.raises(InputError, match=re.escape(wrong.name)):
            rewrite_card(bundle, files, details=wrong)
        assert wrong.read_bytes() == before
    page.write_text("# Mine\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"details\.md"):
        rewrite_card(bundle, files, details=page)


def test_where_the_id_covers_the_card_it_changes(
    bundle: Path, files: dict[str, Path], authored: Path, tmp_path: Path
) -> None:
    write_manifest(bundle, {}, 1)
    before = Bundle.load(bundle)
    _measured_of(files, before.model_id)
    options = (*_options(files), "--authored", authored, "--details", "details.md")
    done = command(tmp_path, "card", bundle, *options)
    assert done.returncode == 0, done.stderr
    after = Bundle.load(bundle)
    assert f"{before.model_id} is now {after.model_id}" in done.stdout
    assert after.manifest_version == 1
    for name in ("model.onnx", "scamdetect.json", "tokenizer.json", "config.json"):
        assert (bundle / name).read_bytes() == (before.folder / name).read_bytes()
    card = (bundle / "README.md").read_text(encoding="utf-8")
    check_pattern(card)
    page = (tmp_path / "details.md").read_text(encoding="utf-8")
    check_details(page)
    assert "Not measured yet" not in card and "Not measured yet" not in page
    assert f"`{before.model_id}`" in sections(card)["Results"]
    with pytest.raises(InputError, match=re.escape(f"this bundle is {after.model_id}")):
        rewrite_card(bundle, files, authored=authored)


def test_results_of_another_bundle_leave_the_card_as_it_was(bundle: Path, tmp_path: Path) -> None:
    before = Bundle.load(bundle).model_id
    options = ("--evaluation", FILES["evaluation"], "--authored", "none")
    done = command(tmp_path, "card", bundle, *options)
    assert done.returncode == 2 and f"measured {SHIPPED}, this bundle is" in done.stderr
    assert Bundle.load(bundle).model_id == before


def test_without_own_messages_no_failure_is_shown(bundle: Path, files: dict[str, Path]) -> None:
    written = rewrite_card(bundle, files, details=bundle.parent / "details.md")
    assert written.measured and written.before == written.after
    page = (bundle.parent / "details.md").read_text(encoding="utf-8")
    assert "Not measured yet" in sections(page)["Known failures"] and not quotes(page)
    assert "Not measured yet" not in sections(page)["Results"]


def test_a_folder_of_own_messages_that_is_not_there_is_named(bundle: Path, tmp_path: Path) -> None:
    before = _contents(bundle)
    with pytest.raises(InputError, match="nowhere: .* folder; pass --authored"):
        rewrite_card(bundle, {}, authored=tmp_path / "nowhere")
    assert _contents(bundle) == before


@pytest.mark.parametrize(
    ("problem", "raised", "said"),
    [
        (OSError(errno.ENOSPC, "no space"), OutputError, "change a copy in another place"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
    ],
)
def test_a_card_that_cannot_be_finished_leaves_the_bundle_as_it_was(
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: BaseException,
    raised: type[BaseException],
    said: str,
) -> None:
    before = _contents(bundle)

    def fail(folder: Path, *_: object) -> None:
        assert (folder / "README.md").read_bytes() != before["README.md"]
        raise problem

    monkeypatch.setattr(card_module, "write_manifest", fail)
    with pytest.raises(raised, match=said):
        rewrite_card(bundle, {})
    assert _contents(bundle) == before


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_conversations_by_another_rule_are_refused(bundle: Path, files: dict[str, Path]) -> None:
    record = json.loads(files["conversations"].read_text("utf-8"))
    record["rule"]["enough_turns"] += 1
    files["conversations"].write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match="another rule"):
        read_results(Bundle.load(bundle), files)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("evaluation", "final", "not the results for --evaluation, it has no detectors"),
        ("final", "untrained", "measured the untrained rows; not for --final"),
        ("everyday", "final", "measured the final rows; not for --everyday"),
        ("bench", "evasion", "not the results for --bench"),
        ("pools", "evasion", "not the results for --pools"),
    ],
)
def test_a_file_that_is_something_else_is_named(
    bundle: Path, files: dict[str, Path], kind: str, given: str, said: str
) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        read_results(Bundle.load(bundle), {kind: files[given]})


def test_a_bundle_with_own_thresholds_keeps_its_card(bundle: Path) -> None:
    write_manifest(bundle, {"own_thresholds": {}})
    with pytest.raises(InputError, match="scamdetect calibrate again"):
        rewrite_card(bundle, {})


def test_failures_are_the_worst_dev_rows_one_a_language(
    detector: ScamDetector, authored: Path
) -> None:
    found = find_failures(detector, authored)
    assert (found.n_legit, found.n_scam) == (6, 6)
    # More lure words, more scam: the second dev row is the worse false alarm.
    assert {one.id for one in found.alarms} == {"en-0007", "de-0007", "it-0007"}
    assert sorted(one.lang for one in found.missed) == ["de", "en", "it"]
    assert len(found.alarms) <= EACH
    texts = [" ".join(one.text.split()) for one in load_authored(authored) if one.part == "dev"]
    page = details_text(tiny_settings(), {}, Results(failures=found))
    quoted = quotes(page)
    assert len(quoted) == 6
    assert all(any(text.startswith(one) for text in texts) for one in quoted)
    assert any(len(one) <= LONGEST < len(text) for one in quoted for text in texts)
    assert "<b>" not in page.replace(r"\<b\>", "")


def test_the_metadata_is_valid_for_the_hub(files: dict[str, Path], bundle: Path) -> None:
    results = read_results(Bundle.load(bundle), files)
    sources = [
        {"source": name, "licence": "permissive", "rows": 2} for name in ("xsid", "authored_en")
    ]
    training = {"base": "intfloat/multilingual-e5-small", "sources": sources}
    text = card_text(tiny_settings() | {"languages": ["no", "en"]}, training, results)
    data = ModelCard(text, ignore_metadata_errors=False).data
    assert (data.license, data.library_name) == ("apache-2.0", "scamdetect")
    assert (data.base_model, data.language) == (training["base"], ["no", "en"])
    assert data.datasets == ["xsid"]
    found = {(one.dataset_type, one.metric_type) for one in data.eval_results}
    assert len(found) == len(data.eval_results) == 8
    assert ("scamdetect-pools", "recall") in found and ("scamdetect-everyday", "roc_auc") in found
    assert all(0 <= one.metric_value <= 1 for one in data.eval_results)


def test_an_endpoint_that_is_no_url_is_named(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://[bad")
    done = command(tmp_path, "card", bundle, "--authored", "none")
    assert done.returncode == 2 and "HF_ENDPOINT is not the URL of a hub" in done.stderr


def test_the_committed_results_give_the_shipped_bundle_a_whole_card() -> None:
    bundle = Bundle.load()
    settings = json.loads((bundle.folder / "scamdetect.json").read_text(encoding="utf-8"))
    # The benchmark of this bundle without its writer's messages needs a training run of its own.
    own = {kind: path for kind, path in FILES.items() if kind != "bench"}
    results = read_results(bundle, own)
    check_pattern(card_text(settings, bundle.training, results))
    page = details_text(settings, bundle.training, results)
    check_details(page)
    left = [header for header, _ in tables(sections(page)["Results"])]
    assert [header[0] for header in left] == ["left-out source", "own messages"]
    for title in ("How it was made", "Training sources by licence", "int8 against fp32"):
        assert "Not recorded" not in sections(page)[title]


def test_the_shipped_card_has_all_results() -> None:
    bundle = Bundle.load()
    card = (bundle.folder / "README.md").read_text(encoding="utf-8")
    check_pattern(card)
    assert "Not measured yet" not in card and "pip install ." in card
    assert DETAILS.relative_to(ROOT).as_posix() in sections(card)["More"]


def test_the_shipped_details_quote_only_messages_of_this_project() -> None:
    card = DETAILS.read_text(encoding="utf-8")
    check_details(card)
    unmeasured = [title for title in MEASURED if "Not measured yet" in sections(card)[title]]
    assert unmeasured == ["Writers without training rows"]
    dev = [one for one in load_authored(ROOT / "data" / "authored") if one.part == "dev"]
    texts = [" ".join(one.text.split()) for one in dev]
    assert len(quotes(card)) == 2 * EACH
    assert all(any(text.startswith(one) for text in texts) for one in quotes(card))


def test_results_are_optional_one_by_one() -> None:
    final = json.loads(FILES["final"].read_text(encoding="utf-8"))
    card = card_text(tiny_settings(), {}, Results(final=final, model_id=SHIPPED))
    check_pattern(card)
    assert "scams to scenario cards (final part" in sections(card)["Results"]
    page = details_text(tiny_settings(), {}, Results(final=final, model_id=SHIPPED))
    check_details(page)
    assert "final (release figures only)" in sections(page)["Results"]
    assert "Not measured yet" in sections(page)["Kinds of scam"]


def test_a_kind_that_is_never_named_is_said_to_be() -> None:
    never = {"f1": None, "precision": None}
    own = {kind.value: never for kind in KINDS} | {"romance": {"f1": 0.25, "precision": 0.7}}
    settings = {"kinds": list(own), "kind_threshold": 0.2, "operating_points": []}
    card, details = (
        text(tiny_settings() | settings | {"kind_thresholds": own}, {})
        for text in (card_text, details_text)
    )
    assert "can name romance; it gives `other` for the rest" in sections(card)["Kinds of scam"]
    page = sections(details)["Thresholds by kind"]
    assert (
        "| romance | - | 0.2500 | 0.7000 |" in page and "| job | - | never named | none |" in page
    )
    assert "at least 60% are of the kind" in page


def test_a_point_of_a_language_and_a_kind_is_in_no_table() -> None:
    point = {"fpr": 0.01, "threshold": 0.123, "upper_bound": 0.02, "n": 500, "n_scam": 40}
    cards = [
        details_text(tiny_settings() | {"operating_points": [point | {"recall": 0.8} | scope]}, {})
        for scope in ({"lang": "en"}, {"lang": "en", "kind": "romance"})
    ]
    assert ["0.1230" in card for card in cards] == [True, False]


def test_an_older_bundle_names_kinds_without_proof() -> None:
    own = {"romance": {"f1": 0.25, "precision": None}}
    settings = tiny_settings() | {"kind_threshold": 0.2, "operating_points": []}
    page = sections(details_text(settings | {"kind_thresholds": own}, {}))["Thresholds by kind"]
    assert "best-F1 threshold, others from 0.2000." in page and "never named" not in page


def test_a_mean_of_runs_is_said_with_its_runs() -> None:
    training = dict(Bundle.load().training) | {"mean_of": None}
    assert "mean of" not in card_text(tiny_settings(), training)
    runs = [{"seed": 0, "start": {"tokens": 6_000_000}}, {"seed": 1, "start": None}]
    said = " The weights are the mean of 2 runs: seed 0 from 6,000,000 tokens, seed 1."
    assert said in card_text(tiny_settings(), training | {"mean_of": runs})


@pytest.mark.parametrize(
    ("run", "given", "said"),
    [
        ({"minutes": 30.0, "threads": 2, "device": "cpu"}, {}, "30.0 minutes x 24 W = 12.0 Wh"),
        ({"minutes": 30.0, "threads": 2, "device": "cpu"}, {"watts": 50.0}, "x 50 W = 25.0 Wh"),
        ({"minutes": 30.0, "threads": 2, "device": "NVIDIA"}, {}, "not estimated"),
        ({"minutes": 30.0}, {}, "not estimated"),
        ({"minutes": 30.0}, {"cores": 2}, "2 cores, given by the author of the card"),
        ({}, {"watts": 50.0}, "not known"),
    ],
)
def test_the_energy_is_an_estimate_that_says_what_it_assumes(
    run: dict[str, object], given: dict[str, Any], said: str
) -> None:
    assert said in energy_line(run, **given)
