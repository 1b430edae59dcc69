"""The registry: every shipped description loads, and a wrong one is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from invented_source import description, write_toml

from scamdetect.errors import SourceError
from scamdetect.train.data.adapters import ADAPTERS
from scamdetect.train.data.registry import LICENCE_POLICIES, Source, load_registry, load_source

SOURCES = Path(__file__).parent.parent / "data" / "sources"
FILES = {"a.csv": b"text,label\n"}


@pytest.fixture(scope="module")
def registry() -> dict[str, Source]:
    return load_registry(SOURCES)


def test_roles_are_those_of_the_protocol(registry: dict[str, Source]) -> None:
    def of(role: str) -> set[str]:
        return {slug for slug, source in registry.items() if source.role == role}

    assert of("dev") == {
        "vi_sms_ie403", "pt_mz_mpesa_smishing", "ko_korccvi_vishing", "fss_phishing_cases_ko",
        "en_smishx", "th_sms_punchpatcha", "ko_messenger_phishing_kim2024", "ph_sms_yissuh",
        "ph_spam_sms_bwandowando",
        # honest rows for thresholds
        "tr_sms_collection", "exais_sms_nigeria", "xdailydialog", "banemo_bn", "mysentence_my",
        "khpos_km", "hinglishnorm_hi", "vihsd_vi", "financial_phrasebank_en_ko",
        "reddit_valueinvesting_en", "fireant_stock_comments_vi",
    }  # fmt: skip
    assert of("test") == {
        "id_sms_spam", "bn_banglabarta", "fraud_r1_base", "janitr_x_posts", "zh_sms_mudou_test",
        "smishing_imc25",
    }  # fmt: skip
    # The last translates dialogues of xdailydialog, on which thresholds are measured.
    assert of("exclude") == {"indian_bank_sms_en", "quora_answers_en", "dailydialog_bn_mt"}


def test_files_are_pinned(registry: dict[str, Source]) -> None:
    for source in registry.values():
        assert re.fullmatch("[0-9a-f]{40}", source.commit), source.slug
        if source.status == "available" and source.files_of is None:
            assert source.files, source.slug
            if source.role_file is not None:  # its rows are pinned one by one
                assert (SOURCES / source.role_file).exists()
                continue
            for file in source.files:
                assert re.fullmatch("[0-9a-f]{64}", file.sha256), f"{source.slug}/{file.path}"
        if source.files_of is not None:
            assert source.files_of in registry
        if source.status != "available":
            assert source.note, source.slug


def test_rules_can_be_used(registry: dict[str, Source]) -> None:
    for source in registry.values():
        if source.read is not None and source.read.adapter is not None:
            assert source.read.adapter in ADAPTERS, source.slug
        clean = source.clean
        patterns = [pattern for pattern, _ in clean.substitute] + clean.drop
        for rule in source.kinds:
            patterns += [*(rule.any or ()), *(rule.also or ())]
        for honest in source.slices:
            patterns += honest.any or []
        for pattern in patterns:
            re.compile(pattern)
        if source.verdict_file is not None:
            assert (SOURCES / source.verdict_file).exists(), source.slug


def test_the_shipped_model_trains_on_no_restricted_licence(registry: dict[str, Source]) -> None:
    assert LICENCE_POLICIES["permissive"] < LICENCE_POLICIES["default"] < LICENCE_POLICIES["all"]
    assert LICENCE_POLICIES["default"] == {"permissive", "share-alike", "none-stated"}
    restricted = re.compile(r"\bNC\b|non.?commercial|GPL|research", re.IGNORECASE)
    for source in registry.values():
        if source.licence_class in LICENCE_POLICIES["default"]:
            assert not restricted.search(source.licence), source.slug
        if source.licence_class == "permissive":
            assert re.match(r"MIT|Apache|BSD|CC0|CC.BY(?!.*SA)", source.licence), source.slug
        if source.licence_class == "none-stated":
            assert "none" in source.licence, source.slug


def test_an_invented_source_loads(tmp_path: Path) -> None:
    path = write_toml(tmp_path / "one.toml", description("one", FILES))
    source = load_source(path)
    assert source.labels == {"ham": "legit", "promo": "spam", "scam": "scam", "skip": "drop"}
    assert source.raw_folder == "one"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, ["colour"]),
        ({"read": {"format": "csv", "parts": [{"files": "*", "langs": "en"}]}}, ["langs", "parts"]),
        ({"personal_data": "no"}, ["personal_data", "bool"]),
        ({"weight": "much"}, ["weight", "float"]),
        ({"role": "practice"}, ["role", "practice"]),
        ({"labels": {"ham": "honest"}}, ["labels", "honest"]),
        ({"kinds": [{"kinds": ["alchemy"]}]}, ["kinds", "alchemy"]),
        ({"title": None}, ["title"]),
        ({"slug": "two"}, ["slug", "two", "one"]),
        ({"read": None}, ["[read]"]),
        ({"read": {"format": "adapter", "parts": []}}, ["read.adapter"]),
        ({"read": {"format": "csv", "adapter": "x", "parts": []}}, ["read.adapter"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], words: list[str]) -> None:
    path = write_toml(tmp_path / "one.toml", description("one", FILES) | changes)
    with pytest.raises(SourceError) as caught:
        load_source(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_bytes(b"slug = \n")
    with pytest.raises(SourceError, match="one.toml: not valid TOML"):
        load_registry(tmp_path)
    with pytest.raises(SourceError, match="two.toml: cannot be read"):
        load_source(tmp_path / "two.toml")
    with pytest.raises(SourceError, match="contains no source"):
        load_registry(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["x = " + "[" * 20_000, "x = " + "9" * 5_000])
def test_what_is_beyond_the_limits_of_python_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.toml").write_text(text)
    with pytest.raises(SourceError, match=r"one\.toml: not valid TOML"):
        load_source(tmp_path / "one.toml")


def test_a_list_of_files_lies_beside_the_description(tmp_path: Path) -> None:
    path = write_toml(tmp_path / "one.toml", description("one", {}, file_list="one.tsv"))
    line = f"sub/a.csv\t{'0' * 64}\t12\tdata\t"
    (tmp_path / "one.tsv").write_text(f"{line}\n", encoding="utf-8")
    (file,) = load_source(path).files
    assert (file.path, file.bytes, file.role, file.source_path) == ("sub/a.csv", 12, "data", None)
    (tmp_path / "one.tsv").write_text(f"{line}\nsub/b.csv\t12\n", encoding="utf-8")
    with pytest.raises(SourceError, match="one.tsv:2"):
        load_source(path)
    (tmp_path / "one.tsv").unlink()
    with pytest.raises(SourceError, match="one.tsv: cannot be read"):
        load_source(path)
