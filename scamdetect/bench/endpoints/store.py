"""Store paid answers on disk, so that they are paid for once.

The file contains text: a model's output (a rewritten message, an answer that quotes one) and the
prompts. The messages in question are stored only as hashes.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scamdetect.errors import InputError, OutputError
from scamdetect.system.os_errors import said

FILE_NAME = "answers.sqlite"
_VERSION = 1
_TABLES = """
    CREATE TABLE IF NOT EXISTS prompts (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY,
        answer TEXT NOT NULL,
        model TEXT NOT NULL,
        prompt_sha256 TEXT NOT NULL REFERENCES prompts (sha256),
        answered_at TEXT NOT NULL,
        seconds REAL NOT NULL,
        tokens_in INTEGER,
        tokens_out INTEGER
    );
"""


@dataclass(frozen=True)
class Kept:
    """An answer as JSON types, and its cost; None if the server did not count tokens."""

    answer: Any
    seconds: float
    tokens_in: int | None
    tokens_out: int | None


class Store:
    """Stored answers in one file of a folder; safe against a kill, and for threads and processes.

    Raises InputError if the file is damaged or of a newer version, OutputError if it cannot be
    written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._lock = threading.Lock()
        with self._problems_named():
            folder.mkdir(parents=True, exist_ok=True)
            # SQLite's own journal and one commit per answer: a kill loses only the current one.
            self._connection = sqlite3.connect(self.path, timeout=60, check_same_thread=False)
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise InputError(
                    f"{self.path}: was written by a newer scamdetect (file version {version}); "
                    "upgrade scamdetect, or choose another folder"
                )
            if version < _VERSION:
                self._connection.executescript(f"{_TABLES} PRAGMA user_version = {_VERSION};")

    def get(self, key: str) -> Kept | None:
        """Return what is stored under the key, or None."""
        with self._problems_named(), self._lock:
            found = self._connection.execute(
                "SELECT answer, seconds, tokens_in, tokens_out FROM answers WHERE key = ?", (key,)
            ).fetchone()
            return Kept(json.loads(found[0]), *found[1:]) if found else None

    def put(self, key: str, kept: Kept, model: str, prompt: str) -> None:
        """Store the answer of a model to a prompt under the key, replacing an earlier one."""
        digest = hashlib.sha256(prompt.encode()).hexdigest()
        row = (
            key,
            json.dumps(kept.answer),
            model,
            digest,
            datetime.now(UTC).isoformat(timespec="seconds"),
            kept.seconds,
            kept.tokens_in,
            kept.tokens_out,
        )
        with self._problems_named(), self._lock, self._connection:
            self._connection.execute(
                "INSERT OR IGNORE INTO prompts VALUES (?, ?)", (digest, prompt)
            )
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _problems_named(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except (sqlite3.OperationalError, OSError) as problem:
            raise OutputError(
                f"{self.path}: cannot be used ({said(problem)}); check free space, write "
                "permission and other programs that use it"
            ) from problem
        except (sqlite3.DatabaseError, ValueError) as problem:
            raise InputError(
                f"{self.path}: is damaged or not a file of stored answers; move it away (its "
                "answers will be requested and paid for again) or repair it with: sqlite3 FILE "
                ".recover"
            ) from problem


def answer_key(*parts: object) -> str:
    """Return the sha256 of all inputs of an answer: URL, model, prompt, settings, text."""
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()
