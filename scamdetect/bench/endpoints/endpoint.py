"""Send JSON to an HTTP endpoint: retries, a rate limit and a budget of calls, shared by threads."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from scamdetect.errors import BudgetSpent, EndpointError, InputError, MissingExtraError

try:
    import httpx
except ImportError as error:
    raise MissingExtraError("httpx", "bench") from error
try:
    from tenacity import (
        RetryCallState,
        Retrying,
        retry_if_exception_type,
        stop_after_attempt,
        wait_random_exponential,
    )
except ImportError as error:
    raise MissingExtraError("tenacity", "bench") from error

KEY_VARIABLE = "SCAMDETECT_API_KEY"
MAX_ANSWER_BYTES = 8 << 20
MAX_WAIT = 60.0  # seconds between two attempts, whatever the server requests
MAX_TIMEOUT = 86_400.0
ATTEMPTS = 6
# The endpoint works and rejects this body, for instance a text that is too long or filtered.
UNWANTED = frozenset({400, 413, 422})
# Sent to check whether the text was the cause.
HARMLESS = "See you at six. I will bring the bread."
_BACKOFF = wait_random_exponential(multiplier=1, max=MAX_WAIT, min=0.5)


@dataclass(frozen=True)
class Reply:
    """The JSON of an answer, None if invalid or too long; ``seconds`` of its attempt."""

    body: Any
    seconds: float


class Endpoint:
    """An address that accepts JSON by POST and answers with JSON; thread-safe.

    ``timeout`` is in seconds and for a whole answer; ``per_second`` and ``max_calls`` count every
    attempt. Raises InputError for an invalid URL, key or number.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 60.0,
        key: str | None = None,
        per_second: float | None = None,
        max_calls: int | None = None,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = checked_url(url)
        self.shown = shown(url)
        if not 0 < timeout <= MAX_TIMEOUT or attempts < 1:
            raise InputError(
                f"the timeout must be above 0 and at most {MAX_TIMEOUT:,.0f} seconds, not "
                f"{timeout:g}, and attempts at least 1"
            )
        self._timeout, self._attempts, self._sleep = timeout, attempts, sleep
        self._gate = _Gate(self.shown, per_second, max_calls, sleep)
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key:
            headers["Authorization"] = f"Bearer {_checked_key(key)}"
        # Messages and the key go only to the named host: proxies and .netrc in the environment are
        # ignored, and redirects are not followed. There are as many connections as callers: waiting
        # for one would count as the endpoint's time.
        self._client = httpx.Client(
            headers=headers,
            timeout=timeout,
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
            follow_redirects=False,
        )

    def post(self, payload: object) -> Reply:
        """Send the JSON and return the answer; retry after temporary failures.

        Raises EndpointError if no attempt is answered or the status is permanent, BudgetSpent if no
        call is left. Neither quotes the request or the answer.
        """
        # JSON escapes allow a lone surrogate, which UTF-8 does not.
        body = json.dumps(payload).encode("ascii")
        retrying = Retrying(
            stop=stop_after_attempt(self._attempts),
            wait=_wait,
            retry=retry_if_exception_type(_Passing),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._attempt, body)
        except _Passing as problem:
            times = "once" if self._attempts == 1 else f"{self._attempts} times"
            raise EndpointError(
                f"{self.shown}: tried {times}, and the last time it {problem.said}. Earlier "
                "answers are kept: run the same command when it works again",
                problem.status,
            ) from None  # the cause may quote what the server sent

    def _attempt(self, body: bytes) -> Reply:
        self._gate.enter()
        began = time.perf_counter()
        try:
            with self._client.stream("POST", self._url, content=body) as response:
                self._check_status(response)
                content = self._content(response, began)
        except httpx.TimeoutException:
            raise _Passing(f"did not answer within {self._timeout:g} s") from None
        except httpx.RequestError as problem:
            # Only the name of the error: its text may quote the server.
            raise _Passing(f"failed ({type(problem).__name__})") from None
        return Reply(_parsed(content), time.perf_counter() - began)

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if response.is_success:
            return
        if status in (408, 429) or status >= 500:
            raise _Passing(f"answered HTTP {status}", status, _retry_after(response.headers))
        cure = "see the service's documentation"
        if status in (401, 403):
            cure = f"set the environment variable {KEY_VARIABLE} to a valid key"
        elif status in (404, 405):
            cure = "check the address"
        elif response.is_redirect:
            cure = "pass the address that it redirects to"
        raise EndpointError(f"{self.shown}: answered HTTP {status}; {cure}", status)

    def _content(self, response: httpx.Response, began: float) -> bytes:
        """Return the bytes of the answer, empty if there are too many."""
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                return b""
            # The client's own timeout restarts with every piece.
            if time.perf_counter() - began > self._timeout:
                raise _Passing(f"did not finish its answer within {self._timeout:g} s")
        return bytes(content)


def address(target: str) -> str:
    """Return the URL of a target after its scheme: "//host/path" means http."""
    return f"http:{target}" if target.startswith("//") else target


def checked_url(url: str) -> str:
    """Return the URL; raise InputError if it is not http or https, or contains a password."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise InputError("an endpoint is not a URL; write it as http://host:port/path") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(
            f"an endpoint has the scheme {parsed.scheme!r} and the host {parsed.host!r}; write it "
            "as http://host:port/path or https://host/path"
        )
    if parsed.userinfo:
        raise InputError(
            f"{shown(url)}: do not put user and password in a URL, because results contain it; "
            f"set the environment variable {KEY_VARIABLE}"
        )
    if parsed.fragment:
        raise InputError(f"{shown(url)}: remove everything from the '#' of the URL on")
    return url


def shown(url: str) -> str:
    """Return the URL without user, password and query, for messages and results."""
    return str(httpx.URL(url).copy_with(userinfo=b"", query=None, fragment=None))


def url_identity(url: str) -> str:
    """Return the shown URL, and a hash of its query if it has one (it may contain a key)."""
    query = httpx.URL(url).query
    return shown(url) + (f"?{hashlib.sha256(query).hexdigest()[:12]}" if query else "")


def key_for(url: str) -> str | None:
    """Return the key for an endpoint from the environment, or None.

    SCAMDETECT_API_KEY is sent to any named endpoint; OPENAI_API_KEY, which many people have set for
    other programs, only to that company. Raises InputError if it is not one word.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    parsed = httpx.URL(url)
    if not key and parsed.scheme == "https" and f".{parsed.host}".endswith(".openai.com"):
        key = os.environ.get("OPENAI_API_KEY", "")
    return _checked_key(key) if key else None


def _checked_key(key: str) -> str:
    # Here and not in the HTTP library, whose error quotes an invalid header.
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(
            f"the key in {KEY_VARIABLE} (or OPENAI_API_KEY) is not a single word of ASCII "
            "characters"
        )
    return key


class _Passing(Exception):
    """A temporary failure: ``said`` continues a sentence that starts with "it"."""

    def __init__(
        self, said: str, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(said)
        self.said, self.status, self.retry_after = said, status, retry_after


class _Gate:
    """Pass calls one by one, at a limited rate and up to a maximum."""

    def __init__(
        self,
        shown_url: str,
        per_second: float | None,
        max_calls: int | None,
        sleep: Callable[[float], None],
    ) -> None:
        if per_second is not None and not per_second > 0:
            raise InputError(f"calls per second must be above 0, not {per_second:g}")
        if max_calls is not None and max_calls < 0:
            raise InputError(f"the maximum number of calls must be at least 0, not {max_calls}")
        self._shown, self._max, self._sleep = shown_url, max_calls, sleep
        self._gap = 0.0 if per_second is None else 1 / per_second
        self._lock = threading.Lock()
        self._calls, self._next = 0, 0.0

    def enter(self) -> None:
        """Wait for a turn; raise BudgetSpent if the budget is used up."""
        with self._lock:
            if self._max is not None and self._calls >= self._max:
                raise BudgetSpent(
                    f"{self._shown}: the budget of {self._max:,} calls is used up. Answers are "
                    "kept: run the same command again, or with more (--max-calls)"
                )
            self._calls += 1
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            self._sleep(turn - now)


def _wait(state: RetryCallState) -> float:
    problem = state.outcome.exception() if state.outcome else None
    asked = problem.retry_after if isinstance(problem, _Passing) else None
    # Wait even if the server requests no wait, or its clock is wrong.
    return min(asked, MAX_WAIT) if asked is not None and asked > 0 else _BACKOFF(state)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds that the server asks to wait, or None."""
    said = headers.get("Retry-After", "")
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        return parsedate_to_datetime(said).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None


def _parsed(content: bytes) -> Any:  # noqa: ANN401
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
