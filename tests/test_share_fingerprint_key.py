"""Keys of fingerprints: made, read, and refused where they are weak or others can read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scamdetect.errors import InputError
from scamdetect.share.fingerprint_key import Key, read_key, write_key

GOOD = bytes(range(16)).hex()


def written(folder: Path, content: str, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(content, encoding="ascii")
    path.chmod(mode)
    return path


def test_a_new_key_is_its_owners_and_no_two_are_alike(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        one, other = write_key(tmp_path / "one"), write_key(tmp_path / "other")
    finally:
        os.umask(before)
    assert one.stat().st_mode & 0o777 == 0o600
    assert len(read_key(one).secret) == 32
    assert read_key(one).secret != read_key(other).secret
    with pytest.raises(InputError, match="already exists"):
        write_key(one)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD[:30], "120 bits"),
        ("", "not a key in hexadecimal"),
        (GOOD + "0", "not a key in hexadecimal"),
        ("secret words of ours", "not a key in hexadecimal"),
        ("00" * 32, "not random"),
        ("0123" * 16, "not random"),
    ],
)
def test_a_weak_key_is_refused_and_not_shown(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_key(written(tmp_path, content))
    assert not content or content not in str(raised.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(InputError, match=f"mode {mode:04o}.*chmod 600"):
        read_key(written(tmp_path, GOOD, mode))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key: cannot be read"):
        read_key(tmp_path / "key")


def test_a_key_shows_neither_itself_nor_one_purpose_by_another(tmp_path: Path) -> None:
    key = read_key(written(tmp_path, f"{GOOD}\n"))
    assert GOOD not in repr(key) and repr(key.secret) not in repr(key)
    assert key.digest("shingle", b"x") != key.digest("campaign", b"x")
    assert key.id == Key(key.secret).id != Key(key.secret + b"x").id
