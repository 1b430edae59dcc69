"""What requests look like, and their limits."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field, StrictFloat, StrictInt

Name = Annotated[str, Field(max_length=200)] | Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]


@dataclass(frozen=True)
class Limits:
    """Limits of requests; a conversation has at most ``texts`` messages.

    ``parallel`` requests are scored at once; ``queue`` more wait, each at most ``wait_seconds``.
    """

    texts: int = 256
    explained: int = 8
    characters: int = 20_000
    body_bytes: int = 1 << 20
    parallel: int = 1
    queue: int = 64
    wait_seconds: float = 10.0


class Texts(BaseModel, extra="forbid"):
    """Texts to score; ``ids`` and, with an allow-list, ``senders`` have one entry for each."""

    texts: list[str | None]
    ids: list[Name] | None = None
    senders: list[str | None] | None = None
    preset: str | None = None


class Message(BaseModel, extra="forbid"):
    """A message of a conversation; its time is ISO 8601 text or seconds since 1970."""

    text: str | None
    sender: Name | None = None
    time: str | StrictInt | StrictFloat | None = None


class Conversation(BaseModel, extra="forbid"):
    """The messages of a conversation; those of the sender ``me`` are not judged."""

    messages: list[str | None | Message]
    me: Name | None = None
    id: Name | None = None


class Refusal(BaseModel):
    """An error with ``code`` and ``message``, which contains no text of the request."""

    error: dict[str, str]
