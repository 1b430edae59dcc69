"""Bodies of requests: what is read, and refusals that name the place and no text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="needs the extra serve")

from scamdetect.serve.body import parse_conversation, parse_texts
from scamdetect.serve.request import Limits, Refusal

SECRET = "my-secret-words"
LIMITS = Limits(texts=4, characters=100)


def refusal(body: bytes | dict[str, Any]) -> Refusal:
    """Return the refusal of a body: of a conversation if it has messages, else of texts."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Refusal) as raised:
        if b'"messages"' in content:
            parse_conversation(content, LIMITS)
        else:
            parse_texts(content, LIMITS, presets=["sweep"])
    assert SECRET not in raised.value.message
    return raised.value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"texts": ["my-secret-words"',
        b'{"texts": ["my-secret-words", NaN]}',
        b'{"texts": [-Infinity]}',
        b'{"texts": [' + b"9" * 5000 + b"]}",
        b"[" * 100_000,
        b'{"texts": ["my-secret-words \xff"]}',
        '{"texts": ["my-secret-words"]}'.encode("utf-16"),
        b'{"texts": ["hi"], "texts": ["my-secret-words"]}',
        b'{"messages": [{"text": "my-secret-words", "text": "hi"}]}',
    ],
)
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    assert (refusal(body).status, refusal(body).code) == (400, "not_json")


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        (b"null", "wrong_members", '"texts"'),
        (b'["my-secret-words"]', "wrong_members", '"texts"'),
        ({}, "wrong_members", '"texts"'),
        ({"text": SECRET}, "wrong_members", 'key "text"'),
        ({"texts": ["hi"], SECRET: 1}, "wrong_members", "Unknown key."),
        ({"texts": ["hi"], "x" * 33: 1}, "wrong_members", "Unknown key."),
        ({"texts": ["hi"], "senders": ["a"]}, "wrong_members", 'key "senders"'),
        ({"texts": SECRET}, "wrong_members", '"texts" is a string'),
        ({"texts": [SECRET, 1.5]}, "not_text", "texts[1] is a number"),
        ({"texts": [True]}, "not_text", "texts[0] is true or false"),
        ({"texts": [{SECRET: 1}]}, "not_text", "texts[0] is an object"),
        ({"texts": ["x"] * 5}, "too_many_texts", "5 entries. Send at most 4"),
        ({"texts": ["x", SECRET * 10]}, "text_too_long", "texts[1] has 150 characters"),
        ({"texts": ["x"], "ids": None}, "wrong_members", '"ids" is null'),
        ({"texts": ["x"], "ids": []}, "wrong_members", '"ids" has 0 entries'),
        ({"texts": ["x", "y"], "ids": [1, None]}, "wrong_value", "ids[1]"),
        ({"texts": ["x"], "ids": [True]}, "wrong_value", "ids[0]"),
        ({"texts": ["x"], "ids": [1.5]}, "wrong_value", "ids[0]"),
        ({"texts": ["x"], "ids": [2**63]}, "wrong_value", "ids[0]"),
        ({"texts": ["x"], "ids": [SECRET * 20]}, "wrong_value", "ids[0]"),
        ({"texts": ["x"], "preset": SECRET}, "unknown_preset", "sweep"),
        ({"texts": ["x"], "preset": "strict"}, "unknown_preset", "sweep"),
        ({"texts": ["x"], "preset": None}, "unknown_preset", "sweep"),
        ({"texts": ["x"], "preset": ["sweep"]}, "unknown_preset", "sweep"),
        ({"messages": {}}, "wrong_members", '"messages" is an object'),
        ({"messages": [], "texts": []}, "wrong_members", 'key "texts"'),
        ({"messages": [], "preset": "sweep"}, "wrong_members", 'key "preset"'),
        ({"messages": ["a", 5]}, "not_text", "messages[1] is a number"),
        ({"messages": ["a", {"sender": SECRET}]}, "wrong_members", "messages[1]"),
        ({"messages": [{"text": "a", "name": SECRET}]}, "wrong_members", 'key "name"'),
        ({"messages": [{"text": 5}]}, "not_text", "messages[0].text is a number"),
        ({"messages": [{"text": "a", "sender": [SECRET]}]}, "wrong_value", "messages[0].sender"),
        ({"messages": [{"text": "a", "time": {SECRET: 1}}]}, "wrong_value", "messages[0].time"),
        ({"messages": ["a"] * 5}, "too_many_texts", '"messages" has 5'),
        ({"messages": [{"text": SECRET * 10}]}, "text_too_long", "messages[0] has 150"),
        ({"messages": [], "me": " \u3000"}, "wrong_value", '"me" is blank'),
        ({"messages": [], "me": None}, "wrong_value", "me"),
        ({"messages": [], "id": [SECRET]}, "wrong_value", "id"),
    ],
)
def test_another_content_is_refused_by_name(
    body: bytes | dict[str, Any], code: str, named: str
) -> None:
    found = refusal(body)
    assert (found.status, found.code) == (422, code)
    assert named in found.message


def test_what_is_asked_is_read() -> None:
    body = json.dumps({"texts": ["a", None], "ids": ["m", 27.0], "preset": "sweep"}).encode()
    found = parse_texts(b"\xef\xbb\xbf" + body, LIMITS, presets=["sweep"])
    assert (found.texts, found.ids, found.preset) == (["a", None], ["m", 27], "sweep")
    body = json.dumps({"texts": ["a"], "senders": [None]}).encode()
    assert parse_texts(body, LIMITS, with_senders=True).senders == [None]
    messages = ["a", None, {"text": None}, {"text": "b", "sender": 5, "time": 1e999}]
    body = json.dumps({"messages": messages, "me": 5, "id": 1}).replace("Infinity", "1e999")
    conversation = parse_conversation(body.encode(), LIMITS)
    assert (conversation.messages, conversation.me, conversation.id) == (messages, 5, 1)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["texts", "a"]), inner),
    max_leaves=20,
)


@given(values | st.builds(lambda value: {"texts": value}, values))
@settings(max_examples=300, deadline=None)
def test_any_json_is_texts_or_a_refusal(value: object) -> None:
    try:
        found = parse_texts(json.dumps(value).encode(), Limits(characters=5)).texts
    except Refusal as refused:
        assert refused.status in (400, 422)
    else:
        assert value == {"texts": found}
        assert all(text is None or len(text) <= 5 for text in found)


names = st.none() | st.integers() | st.floats() | st.text() | st.booleans()


@given(
    st.lists(
        st.none()
        | st.text()
        | st.fixed_dictionaries(
            {"text": st.none() | st.text()}, optional={"sender": names, "time": names}
        )
    ),
    names,
)
@settings(max_examples=100, deadline=None)
def test_any_messages_are_a_conversation_or_a_refusal(messages: list[Any], me: object) -> None:
    body = json.dumps({"messages": messages, "me": me}).encode()
    try:
        found = parse_conversation(body, LIMITS)
    except Refusal as refused:
        assert refused.status in (400, 422)
    else:
        assert found.messages == messages and found.me == me
