from __future__ import annotations

from pathlib import Path

import pytest
from invented_authored import pair_of, row

from scamdetect.bench.answers import Material
from scamdetect.bench.rewriting.rules import CHANGES
from scamdetect.bench.suites.changed import rewrite
from scamdetect.errors import ScamDetectError
from scamdetect.train.data.authored import AuthoredRow, write_rows


class Shouting:
    name = "loud-model"
    changes = {"louder": "Write it in capitals."}

    def rewrite(self, text: str, lang: str, change: str) -> str | None:
        return None if "gold" in text else text.upper()


@pytest.fixture
def authored(tmp_path: Path) -> Path:
    rows = [
        row(1, part="dev", text="please tell me what gold costs today, thank you!"),
        row(2, part="dev", text="tonight at nine, mum", slice="affection", cell="affection"),
        row(
            3,
            part="dev",
            text="buy one get one tonight",
            verdict="spam",
            slice="marketing",
            cell="promo",
        ),
        row(4, part="train", text="see you tonight"),
        *with_part(pair_of(10), "dev"),
    ]
    write_rows(tmp_path / "en.jsonl", rows)
    return tmp_path


def with_part(rows: list[AuthoredRow], part: str) -> list[AuthoredRow]:
    return [row(int(one.id[-4:]), **{**fields_of(one), "part": part}) for one in rows]


def fields_of(one: AuthoredRow) -> dict[str, object]:
    names = ("slice", "verdict", "kinds", "cell", "pair", "text")
    return {name: getattr(one, name) for name in names}


def material(folder: Path | None, **changes: object) -> Material:
    fields = {"corpus": None, "authored": folder, "log": lambda line: None, **changes}
    return Material(**fields)  # type: ignore[arg-type]


def test_clean_rows_have_a_copy_a_change(authored: Path) -> None:
    suite = rewrite(material(authored))
    rows = suite.rows.to_pylist()
    clean = {one["id"]: one for one in rows if one["clean_id"] is None}
    assert set(clean) == {"en-0001", "en-0002", "en-0010", "en-0011"}
    for copy in (one for one in rows if one["clean_id"] is not None):
        original = clean[copy["clean_id"]]
        assert copy["id"] == f"{original['id']}/{copy['change']}"
        assert copy["text"] != original["text"] and copy["strength"] is None
        kept = ("verdict", "kinds", "lang", "source", "group", "slices", "part", "generator")
        assert [copy[name] for name in kept] == [original[name] for name in kept]
    assert {one["change"] for one in rows} - {None} == set(CHANGES)
    assert clean["en-0010"]["group"] == clean["en-0011"]["group"]
    assert suite.manifest.made_with == {"rewriter": "rules", **CHANGES}
    assert suite.manifest.licences == {"authored_en": "CC-BY-4.0"}
    assert not suite.manifest.final


def test_equal_messages_give_an_equal_suite(authored: Path) -> None:
    assert rewrite(material(authored)).manifest == rewrite(material(authored)).manifest


def test_what_a_model_wrote_is_its_own_and_what_it_refused_is_left_out(authored: Path) -> None:
    lines: list[str] = []
    suite = rewrite(material(authored, rewriter=Shouting(), log=lines.append))
    copies = [one for one in suite.rows.to_pylist() if one["clean_id"]]
    assert {one["generator"] for one in copies} == {"loud-model"}
    assert suite.name == "rewrite-loud-model"
    assert "en-0001" not in {one["clean_id"] for one in copies}
    assert lines == ["rewrite: 4 of 4 messages by loud-model"]


@pytest.mark.parametrize(
    ("folder", "said"), [(None, "data/authored"), (Path("no-such-folder"), "authored rows")]
)
def test_without_messages_the_folder_is_asked_for(folder: Path | None, said: str) -> None:
    with pytest.raises(ScamDetectError, match=said):
        rewrite(material(folder))
