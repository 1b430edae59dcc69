"""Paid answers outlive kills, threads and damage, and hold no message."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.bench.endpoints.store import FILE_NAME, Kept, Store, answer_key
from scamdetect.errors import InputError, OutputError

KEPT = Kept({"content": "hi 💰 \ud800", "problem": None}, 0.5, 10, 2)


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / FILE_NAME)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_what_was_paid_is_there_the_next_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "folder")
    assert store.get("key") is None
    store.put("key", KEPT, "model", "prompt")
    assert store.get("key") == KEPT
    assert Store(tmp_path / "deep" / "folder").get("key") == KEPT
    uncounted = Kept(None, 0.1, None, None)
    store.put("key", uncounted, "model", "prompt")
    assert store.get("key") == uncounted


def test_what_was_asked_is_kept_once_beside_the_answers(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(3):
        store.put(str(number), KEPT, "model", "first" if number < 2 else "second")
    digests = {hashlib.sha256(one.encode()).hexdigest(): one for one in ("first", "second")}
    assert dict(rows(tmp_path, "SELECT * FROM prompts")) == digests
    asked = rows(tmp_path, "SELECT model, prompt_sha256, answered_at FROM answers ORDER BY key")
    assert [digests[str(one[1])] for one in asked] == ["first", "first", "second"]
    assert {one[0] for one in asked} == {"model"} and all(one[2] for one in asked)


def test_a_kill_loses_no_answer(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from scamdetect.bench.endpoints.store import Kept, Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(10_000):\n"
        "    store.put(str(n), Kept(n, 0.1, 1, 1), 'm', 'p'); print(n, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if line == "20\n":
                os.kill(writer.pid, signal.SIGKILL)
                break
    store = Store(tmp_path)
    assert [store.get(str(n)) for n in range(21)] == [Kept(n, 0.1, 1, 1) for n in range(21)]
    store.put("20", KEPT, "m", "p")
    assert store.get("20") == KEPT


def test_threads_and_other_stores_write_side_by_side(tmp_path: Path) -> None:
    stores = [Store(tmp_path), Store(tmp_path)]

    def put(number: int) -> None:
        stores[number % 2].put(str(number), Kept(number, 0.1, 1, 1), "m", "p")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(40)))
    for number in range(40):
        found = stores[0].get(str(number))
        assert found is not None and found.answer == number


def test_a_damaged_file_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"a letter about something else " * 300)
    with pytest.raises(InputError, match=f"{FILE_NAME}.*damaged.*move it away"):
        Store(tmp_path)


def test_damage_in_the_middle_is_found_when_met(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(300):
        store.put(str(number), Kept("x" * 300, 0.1, 1, 1), "m", "p")
    store.close()
    path = tmp_path / FILE_NAME
    data = bytearray(path.read_bytes())
    data[4096 * 2 :] = b"\xff" * (len(data) - 4096 * 2)
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{FILE_NAME}.*damaged"):
        damaged = Store(tmp_path)
        for number in range(300):
            damaged.get(str(number))


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(InputError, match=r"newer scamdetect \(file version 7"):
        Store(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=FILE_NAME):
        Store(tmp_path / "file")


@settings(max_examples=50)
@given(st.lists(st.text(), min_size=2, max_size=4), st.data())
def test_keys_differ_with_every_part(parts: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(parts) - 1))
    other = data.draw(st.text().filter(lambda text: text != parts[place]))
    changed = [*parts[:place], other, *parts[place + 1 :]]
    assert answer_key(*parts) == answer_key(*parts) != answer_key(*changed)
    assert answer_key("".join(parts)) != answer_key(*parts)
