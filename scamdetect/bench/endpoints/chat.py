"""Query a model behind an OpenAI-compatible chat endpoint about a message, and pay only once."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from scamdetect.bench.answers import Setting
from scamdetect.bench.endpoints.endpoint import (
    HARMLESS,
    UNWANTED,
    Endpoint,
    Reply,
    address,
    checked_url,
    key_for,
    url_identity,
)
from scamdetect.bench.endpoints.store import Kept, Store, answer_key
from scamdetect.errors import EndpointError, InputError

REFUSED = "refused"
MALFORMED = "malformed"
_PATH = "/chat/completions"
_THOUGHTS = re.compile(r"<think>(?:.*?</think>|.*\Z)|\A.*?</think>", re.DOTALL)
# Tokens that a reasoning model may use before its answer.
_REASONING_TOKENS = 4096


@dataclass(frozen=True)
class Prompt:
    """A model's task for a message; its text is stored with the answers.

    ``system`` is the whole instruction; the message follows, fenced.
    """

    system: str
    max_tokens: int


@dataclass(frozen=True)
class Said:
    """A model's answer: ``content``, or None and a ``problem`` ("refused", "malformed").

    ``answered`` is False if the server answered instead of the model; ``seconds`` and tokens are
    for all answers to the question.
    """

    content: str | None
    problem: str | None
    seconds: float
    tokens_in: int | None = None
    tokens_out: int | None = None
    answered: bool = True


class Chat:
    """A model behind an endpoint, with stored answers; thread-safe."""

    def __init__(self, url: str, model: str, endpoint: Endpoint, store: Store, json: bool) -> None:
        self.url, self.model = url, model
        self._endpoint, self._store, self._json = endpoint, store, json
        self._form: int | None = None  # the form of request that the server accepts

    @classmethod
    def of(cls, url: str, model: str, setting: Setting, *, json: bool) -> Self:
        """Return the chat with a model; answers are stored in the folder of the setting.

        ``url`` is the base of an OpenAI-compatible service ("https://host/v1"); ``json`` requests
        JSON if supported. Raises InputError, and the errors of Store.
        """
        full = chat_url(url)
        endpoint = Endpoint(
            full, setting.timeout, key_for(full), setting.per_second, setting.max_calls
        )
        return cls(full, model, endpoint, Store(setting.folder), json)

    def ask(
        self, prompt: Prompt, text: str, usable: Callable[[Said], bool] = lambda said: True
    ) -> Said:
        """Return the model's answer for the text; an unusable one is requested once more.

        It is stored, usable or not, and so is a missing answer, once a harmless text got one:
        otherwise later runs would have other rows. Raises EndpointError if that one is missing too,
        BudgetSpent, and InputError or OutputError of the store.
        """
        key = answer_key(
            url_identity(self.url), self.model, prompt.system, prompt.max_tokens, self._json, text
        )
        if (kept := self._store.get(key)) is not None:
            return Said(
                kept.answer["content"],
                kept.answer["problem"],
                kept.seconds,
                kept.tokens_in,
                kept.tokens_out,
            )
        said = self._ask(prompt, text)
        if _lost(said) or not usable(said):
            again = self._ask(prompt, text)
            better = said if said.answered and not again.answered else again
            said = replace(
                better,
                seconds=said.seconds + again.seconds,
                tokens_in=_sum(said.tokens_in, again.tokens_in),
                tokens_out=_sum(said.tokens_out, again.tokens_out),
            )
        if not said.answered:
            self._prove_that_it_works()
        answer = {"content": said.content, "problem": said.problem}
        paid = Kept(answer, said.seconds, said.tokens_in, said.tokens_out)
        self._store.put(key, paid, self.model, prompt.system)
        return said

    def _ask(self, prompt: Prompt, text: str) -> Said:
        messages = [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": fenced(text)},
        ]
        began = time.perf_counter()
        try:
            return _said(self._post(messages, prompt.max_tokens))
        except EndpointError as problem:
            if problem.status not in UNWANTED:
                raise
            return Said(None, REFUSED, time.perf_counter() - began, answered=False)

    def _prove_that_it_works(self) -> None:
        """Raise EndpointError if a harmless text has no answer either: the text is not the cause.

        Each time, because a service may start to refuse everything, for example when the credit is
        used up.
        """
        reply = self._post([{"role": "user", "content": f"Answer in JSON. {HARMLESS}"}], 64)
        if not _said(reply).answered:
            raise EndpointError(
                f"{self._endpoint.shown}: does not answer like a chat endpoint; check the address"
            )

    def _post(self, messages: list[dict[str, str]], max_tokens: int) -> Reply:
        forms = list(_forms(max_tokens, self._json))
        known = self._form
        for number in range(len(forms)) if known is None else (known,):
            try:
                reply = self._endpoint.post(
                    {"model": self.model, "messages": messages, **forms[number]}
                )
            except EndpointError as problem:
                if problem.status not in UNWANTED:
                    raise
                refusal = problem
            else:
                if self._form is None:
                    self._form = number
                return reply
        raise refusal


def base_and_model(target: str) -> tuple[str, str]:
    """Return the URL and the model of "URL#MODEL"; raise InputError if one is missing."""
    url, _, model = target.partition("#")
    if not url or not model:
        raise InputError(
            "a language model needs the address of its service and its name: "
            "llm:https://host/v1#MODEL"
        )
    return address(url), model


def chat_url(url: str) -> str:
    """Return the address of chat completions below the base, or the base if it is that already."""
    base, mark, query = checked_url(url).partition("?")
    base = base.rstrip("/")
    return base + ("" if base.endswith(_PATH) else _PATH) + mark + query


def without_thoughts(content: str) -> str:
    """Return a model's text without its reasoning before the answer; drafts are not answers."""
    return _THOUGHTS.sub("", content)


def fenced(text: str) -> str:
    """Return the text between unique marks, so that it cannot close them itself."""
    mark = f"message-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    return f"<{mark}>\n{text}\n</{mark}>"


def _forms(max_tokens: int, json: bool) -> Iterator[dict[str, Any]]:
    """Yield the settings of a request, from the preferred ones to those that any server accepts."""
    wanted = {"temperature": 0, "max_tokens": max_tokens}
    if json:
        yield wanted | {"response_format": {"type": "json_object"}}
    yield wanted
    # Reasoning models support neither of these two.
    yield {"max_completion_tokens": max_tokens + _REASONING_TOKENS}


def _lost(said: Said) -> bool:
    """Return True if the answer may have been lost in transit; a refusal was not."""
    return not said.answered and said.problem == MALFORMED


def _said(reply: Reply) -> Said:
    body = reply.body if isinstance(reply.body, Mapping) else {}
    usage = body.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    said = Said(
        None,
        MALFORMED,
        reply.seconds,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
    )
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        return replace(said, answered=False)
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        return replace(said, problem=REFUSED)
    content = _text(message.get("content"))
    if choice.get("finish_reason") == "length" or not content:
        return said
    return replace(said, content=content, problem=None)


def _text(content: object) -> str | None:
    """Return the content of a message, which some servers send in parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _count(value: object) -> int | None:
    valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40
    return value if valid and isinstance(value, int) else None


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
