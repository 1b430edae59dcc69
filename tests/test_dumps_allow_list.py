"""Allow-lists: what they let pass, what they leave alone, and lines that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import faulty_score, score
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect import Decision, ScamDetector
from scamdetect.dumps.allow_list import AllowList, template_hash
from scamdetect.errors import InputError

LURE = "guaranteed profit, pay 5 to https://one.example"
SAME = "guaranteed profit, pay 77 to https://two.test/x"
OTHER = "guaranteed profit in bitcoin, darling"
HASH = template_hash(LURE)


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_template_is_the_whole_message_but_for_what_is_masked() -> None:
    assert template_hash(SAME) == HASH != template_hash(OTHER)
    long = "hello there " * 400
    assert template_hash(long) != template_hash(long + OTHER)
    assert len(template_hash("\ud800")) == 64


@pytest.mark.parametrize("unit", ["-", "xn--", "a", "[number]", "_"])
def test_a_message_of_one_sign_is_masked_in_one_pass(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # searched from each letter on, this would take hours
    assert template_hash(f"{text} a_b [x] 1") == template_hash(f"{text} a_b [x] 2")


@pytest.mark.parametrize(
    ("entry", "reasons"),
    [
        (("bank", None), ["allowed by sender", None, "allowed by sender"]),
        ((None, HASH), ["allowed by template", "allowed by template", None]),
        (("bank", HASH), ["allowed by sender and template", None, None]),
    ],
)
def test_what_fits_passes_with_its_scores(
    detector: ScamDetector, entry: tuple[str | None, str | None], reasons: list[str | None]
) -> None:
    texts = [LURE, SAME, OTHER]
    before = detector.predict(texts)
    after = AllowList(frozenset([entry])).apply(before, texts, [" bank ", "Bank", "bank"])
    assert [one.reason for one in after] == reasons
    for old, new in zip(before, after, strict=True):
        assert new.decision is (Decision.PASS if new.reason else Decision.FLAG)
        assert (new.probabilities, new.verdict, new.kinds) == (
            old.probabilities, old.verdict, old.kinds,
        )  # fmt: skip


def test_what_is_neither_to_flag_nor_to_review_stays(detector: ScamDetector) -> None:
    texts = ["hello lunch", None, ""]
    found = detector.predict(texts)
    assert AllowList(frozenset([("7", None)])).apply(found, texts, [7, 7, 7]) == found


def test_an_earlier_reason_stays_behind_it(detector: ScamDetector) -> None:
    flagged = detector.with_thresholds(kind_flags={"romance": 0.3}).predict(["darling"])
    (found,) = AllowList(frozenset([("7", None)])).apply(flagged, ["darling"], [7])
    assert found.reason == "allowed by sender; flagged by kind romance"


@given(st.lists(st.sampled_from([None, "", " ", "nan", 0, "someone"]), max_size=6))
@settings(max_examples=50, deadline=None)
def test_who_is_not_in_it_is_never_allowed(detector, senders) -> None:  # noqa: ANN001
    texts = [OTHER] * len(senders)
    found = detector.predict(texts)
    assert AllowList(frozenset([("bank", None)])).apply(found, texts, senders) == found


@pytest.mark.parametrize(
    ("listed", "given", "allowed"),
    [("7", 7.0, True), ("7.5", 7.5, True), ("7", 7.5, False), ("nan", float("nan"), False)],
)
def test_numbers_are_compared_as_they_are_written(
    detector: ScamDetector, listed: str, given: float, allowed: bool
) -> None:
    (found,) = AllowList(frozenset([(listed, None)])).apply(
        detector.predict([LURE]), [LURE], [given]
    )
    assert (found.decision is Decision.PASS) == allowed


def test_counts_that_differ_are_refused(detector: ScamDetector) -> None:
    with pytest.raises(InputError, match="1 senders for 2 predictions"):
        AllowList(frozenset([("a", None)])).apply(detector.predict(["a", "b"]), ["a", "b"], ["a"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", f"# known\nbank\n\ntemplate:{HASH}\r\n"),
        ("a.csv", f"note,template,sender\nours,,bank\n,{HASH.upper()},\n,,\n"),
        ("a.jsonl", f'{{"sender": "bank", "template": null}}\n\n{{"template": "{HASH}"}}\n'),
        ("a.csv", f'scamdetect_reason,text,sender\r\n,"{SAME}",\r\n"a\r\nb",,bank\r\n'),
        ("a.jsonl", json.dumps({"text": LURE}) + '\n{"sender": "bank", "text": ""}'),
    ],
)
def test_all_formats_say_the_same(tmp_path: Path, name: str, content: str) -> None:
    found = AllowList.load(written(tmp_path, name, "\ufeff" + content))
    assert found.entries == {("bank", None), (None, HASH)} and found.needs_senders
    assert found.digest == AllowList(frozenset([(None, HASH), ("bank", None)])).digest


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "bank\ntemplate:my-secret", r"a\.txt:2: the template is not a hash"),
        ("a.txt", "# nobody\n", r"a.txt: the list is empty"),
        (
            "a.csv",
            "name\nmy-secret\n",
            r"a\.csv:1: the first line must name at least one column sender",
        ),
        (
            "a.csv",
            f"text,template\nmy-secret,{HASH}\n",
            r"a\.csv:2: has both a template and a text",
        ),
        ("a.csv", "sender,note\nbank,x\nmy-secret\n", r"a\.csv:3: has 1 cells"),
        ("a.csv", "sender,note\n,my-secret\n", r"a\.csv:2: has no sender, template"),
        ("a.csv", 'sender\n"bank\n', r"a\.csv:\d: .*correct the CSV"),
        ("a.jsonl", '{"sender": "bank"}\n{"sender": my-secret}', r"a.jsonl:2: not JSON"),
        ("a.jsonl", '["my-secret"]', r"a.jsonl:1: not a JSON object"),
        ("a.jsonl", '{"sender": ["my-secret"]}', r"a\.jsonl:1: the sender is not a string"),
        ("a.jsonl", '{"who": "my-secret"}', r"a\.jsonl:1: has no sender"),
    ],
)
def test_a_wrong_line_is_named_and_not_shown(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as raised:
        AllowList.load(written(tmp_path, name, content))
    assert "secret" not in str(raised.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"bank\n\xff\n")
    with pytest.raises(InputError, match=r"a\.txt:2: not UTF-8"):
        AllowList.load(tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"none\.txt: cannot be read"):
        AllowList.load(tmp_path / "none.txt")


def test_a_dump_is_scored_with_it(tmp_path: Path, tiny_bundle: Path) -> None:
    rows = [{"by": {"id": 7}, "text": LURE}, {"by": {"id": 8}, "text": OTHER}, {"text": SAME}]
    written(tmp_path, "in.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    written(tmp_path, "allow.txt", "8\n")
    options = ("--model", tiny_bundle, "--allow-list", "allow.txt")
    done = score(tmp_path, "in.jsonl", *options, "--sender-column", "by.id")
    assert done.returncode == 0, done.stderr
    assert "flagged 2, review 0, passed 1" in done.stderr
    assert "the allow-list passed 1 that would be flagged or reviewed" in done.stderr
    found = [json.loads(line) for line in (tmp_path / "in.scored.jsonl").open(encoding="utf-8")]
    assert [row["scamdetect_decision"] for row in found] == ["flag", "pass", "flag"]
    assert [row["scamdetect_reason"] for row in found] == [None, "allowed by sender", None]
    assert found[1]["scamdetect_verdict"] == "scam"


def test_a_changed_list_does_not_go_on(tmp_path: Path, tiny_bundle: Path) -> None:
    written(tmp_path, "in.txt", f"{LURE}\n" * 5000)
    written(tmp_path, "allow.jsonl", json.dumps({"text": OTHER}))
    options = ("in.txt", "--model", tiny_bundle, "--allow-list", "allow.jsonl", "--part-rows", "1")
    stopped = faulty_score(tmp_path, "SIGKILL@predict#2", *map(str, options))
    assert stopped.returncode < 0
    written(tmp_path, "allow.jsonl", json.dumps({"text": LURE}))
    done = score(tmp_path, *options, "--resume")
    assert done.returncode == 2 and "allow_list" in done.stderr
    written(tmp_path, "allow.jsonl", json.dumps({"template": template_hash(OTHER), "note": 1}))
    done = score(tmp_path, *options, "--resume")
    assert done.returncode == 0 and "flagged 5,000" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--allow-list", "allow.txt"], "the allow-list contains senders"),
        (["--sender-column", "by"], "sender_column (--sender-column) needs an allow-list"),
        (["--allow-list", "allow.txt", "--sender-column", "who"], "has no column 'who'"),
        (["--allow-list", "none.txt"], "none.txt: cannot be read"),
        (
            ["--allow-list", "allow.txt", "--engine", "ray"],
            "--allow-list does not work with --engine ray",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line(
    tmp_path: Path, tiny_bundle: Path, options: list[str], message: str
) -> None:
    written(tmp_path, "in.csv", "by,text\n8,hi\n")
    written(tmp_path, "allow.txt", "8\n")
    done = score(tmp_path, "in.csv", "--model", tiny_bundle, *options)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1
