from __future__ import annotations

import pickle

import pytest

from scamdetect.errors import EndpointError, MissingExtraError
from scamdetect.urls import is_url, shown_url, url_of_path, without_secrets

CASES = [
    ("s3://bucket/a b.csv", "s3://bucket/a b.csv"),
    ("s3://key:secret@bucket/x.csv", "s3://***@bucket/x.csv"),
    ("s3://key:se/cr@et@bucket/x.csv", "s3://***@bucket/x.csv"),
    ("https://h.example/x?sig=secret#secret", "https://h.example/x"),
    ("https:/u:secret@h.example/x", "https:/***@h.example/x"),
    ("abfs://container@account/x", "abfs://container@account/x"),
    ("simplecache::s3://k:secret@b/x", "simplecache::s3://***@b/x"),
    ("file:///home/x?y", "file:///home/x?y"),
    ("no URL: a@b.example", "no URL: a@b.example"),
]


@pytest.mark.parametrize(("url", "expected"), CASES)
def test_secrets_are_removed(url: str, expected: str) -> None:
    assert shown_url(url) == expected
    assert without_secrets(f"at {url}") == f"at {expected}"
    assert without_secrets(expected) == expected


def test_urls_are_recognised() -> None:
    assert is_url("s3://bucket/x") and not is_url("C:/x") and not is_url("a/b")
    assert url_of_path("s3:/bucket/x") == "s3://bucket/x"
    assert url_of_path("data/x.csv") is None


@pytest.mark.parametrize(
    "error", [EndpointError("down", 503), MissingExtraError("jinja2", "report")]
)
def test_errors_can_be_sent_to_another_process(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)
