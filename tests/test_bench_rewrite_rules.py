from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.bench.rewriting.language import (
    FOLDER,
    Words,
    find_problems,
    script_of,
    scripts_of,
    words_of,
)
from scamdetect.bench.rewriting.rules import CHANGES, RuleRewriter
from scamdetect.errors import InputError
from scamdetect.train.data.authored import read_rows

AUTHORED = Path(__file__).parents[1] / "data" / "authored"
LANGUAGES = sorted(path.stem for path in AUTHORED.glob("*.jsonl"))
SETS = [(lang, script) for lang in LANGUAGES for script in scripts_of(lang)]
KEPT = re.compile(
    r"https?://[!-~]+|[\w-]+(?:\.[\w-]+)*\.example(?:/[!-~]*)?|\[\w+\]|@\w+|\d+", re.ASCII
)
# Rows that are a name and a link have nothing to shorten.
FEWEST_SHORTENED = 0.5

rewriter = RuleRewriter()


@cache
def dev_texts(lang: str) -> list[str]:
    located, _ = read_rows(AUTHORED / f"{lang}.jsonl")
    return [item.row.text for item in located if item.row.part == "dev"]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("change", CHANGES)
def test_most_messages_are_changed_and_what_counts_is_kept(lang: str, change: str) -> None:
    texts = dev_texts(lang)
    changed = [(text, rewriter.rewrite(text, lang, change)) for text in texts]
    for text, new in changed:
        if new is not None:
            assert new.strip() and new != text
            assert sorted(KEPT.findall(new)) == sorted(KEPT.findall(text))
            assert markers(new) == markers(text)
            assert not re.search("[\ue000\ue001]", new)
    share = sum(new is not None for _, new in changed) / len(texts)
    assert share >= (FEWEST_SHORTENED if change == "shorter" else 0.95)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_shorter_message_is_shorter(lang: str) -> None:
    short = [(text, rewriter.rewrite(text, lang, "shorter")) for text in dev_texts(lang)]
    cut = [len(new) <= len(text) for text, new in short if new is not None]
    assert sum(cut) >= 0.98 * len(cut)


@given(
    st.text(
        st.sampled_from(
            "abc Hi please, not! ? . 😊🎉\n ok danke ครับ 请 もう नमस्ते @x [link] A: 50 https://a.example/b"
        )
    ),
    st.sampled_from(LANGUAGES),
    st.sampled_from(sorted(CHANGES)),
)
def test_any_text_is_rewritten_the_same_way_twice(text: str, lang: str, change: str) -> None:
    new = rewriter.rewrite(text, lang, change)
    assert new == RuleRewriter().rewrite(text, lang, change)
    assert new is None or new.strip()


def test_a_link_behind_a_greeting_stays_whole() -> None:
    new = rewriter.rewrite("hello https://pay.example/a?b=1", "en", "paraphrase")
    assert new is not None and "https://pay.example/a?b=1" in new


@given(
    st.lists(
        st.sampled_from(
            ["hello", "please", "pay", "now", "so,", "https://pay.example/a?b=1", "[link]", "@nora"]
            + [
                "nora@post.example",
                "1,250",
                "50%",
                "+44 7700 900123",
                "today!",
                "thanks",
                "🎉",
                "lol",
            ]
        ),
        min_size=1,
    ).map(" ".join),
    st.sampled_from(sorted(CHANGES)),
)
def test_links_and_numbers_stay(text: str, change: str) -> None:
    new = rewriter.rewrite(text, "en", change)
    assert new is None or sorted(KEPT.findall(new)) == sorted(KEPT.findall(text))


@pytest.mark.parametrize(("lang", "script"), SETS)
def test_word_lists_do_not_contradict_themselves(lang: str, script: str) -> None:
    words = words_of(lang, script)
    assert list(find_problems(words)) == []
    assert len(words.swapped) + len(words.rephrased) >= 20
    for name in ("friendly_openers", "friendly_closers", "formal_openers", "formal_closers"):
        lines = getattr(words, name)
        assert len(set(lines)) >= 3
        assert not any(re.search(r"\d|://", line) for line in lines)


def test_every_language_has_a_file_and_every_file_a_language() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.toml")) == LANGUAGES


def test_a_contradiction_is_named() -> None:
    fields = defaultdict(tuple, stop=".", swapped=(("soon", "shortly"), ("shortly", "later")))
    words = Words(**{name: fields[name] for name in Words.__struct_fields__})
    assert list(find_problems(words)) == ["paraphrase has 'shortly' twice; keep one"]


@pytest.mark.parametrize(
    ("lang", "change", "text", "expected"),
    [
        ("en", "shorter", "Hi mum, I just paid the rent. Thanks!", "Mum, I paid the rent"),
        ("en", "shorter", "Please call me tomorrow 😊", "Pls call me tmrw"),
        ("en", "paraphrase", "Perhaps MAYBE.", "Maybe PERHAPS."),
        ("en", "paraphrase", "If you agree, I sign today.", "I sign today if you agree."),
        ("de", "paraphrase", "Danke, vielen Dank!", "Vielen Dank, danke!"),
        ("tr", "shorter", "İyi günler, ben sonra geldim.", "Ben sora geldim"),
        ("th", "shorter", "สวัสดีครับ เจอกันหน้าบ้านนะครับ", "เจอกันหน้าบ้าน"),
    ],
)
def test_a_message_in_other_words(lang: str, change: str, text: str, expected: str) -> None:
    assert rewriter.rewrite(text, lang, change) == expected


def test_units_beside_numbers_are_no_slang() -> None:
    assert "4 x 4" in (rewriter.rewrite("el 4 x 4 es x mi", "es", "more_formal") or "")


def test_a_dialogue_is_greeted_once_by_each_side() -> None:
    text = "A: did you get it\nB: not yet\nA: look again\nB: here it is"
    lines = (rewriter.rewrite(text, "en", "friendlier") or "").split("\n")
    assert [line.endswith(old[3:]) for line, old in zip(lines, text.split("\n"), strict=True)]
    assert [len(line) > len(old) for line, old in zip(lines, text.split("\n"), strict=True)] == [
        True, True, False, False,
    ]  # fmt: skip


def test_what_leads_in_stands_behind_a_greeting() -> None:
    new = rewriter.rewrite("Hi Nora, the keys lie at the desk.", "en", "paraphrase") or ""
    assert new.startswith("Hi Nora, ") and new.endswith(" the keys lie at the desk.")


def test_a_signature_stays_last() -> None:
    new = rewriter.rewrite("The keys are at the desk.\n\nNora", "en", "more_formal")
    assert new is not None and new.endswith("\nNora")


def test_scripts_of_one_language_are_told_apart() -> None:
    assert script_of("kal milte hain", scripts_of("hi")) == "Latn"
    assert script_of("कल मिलते हैं", scripts_of("hi")) == "Deva"
    assert script_of("這個錢還沒給你", scripts_of("zh")) == "Hant"
    assert script_of("这个钱还没给你", scripts_of("zh")) == "Hans"


@pytest.mark.parametrize(("lang", "change"), [("xx", "shorter"), ("en", "louder")])
def test_what_has_no_rules_is_refused_with_what_has(lang: str, change: str) -> None:
    with pytest.raises(InputError, match="known: "):
        rewriter.rewrite("hello", lang, change)


def markers(text: str) -> list[str]:
    return re.findall(r"^[A-J]: ", text, re.MULTILINE)
