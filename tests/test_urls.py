"""URLs are shown without what is secret in them, and other text as it is."""

from __future__ import annotations

import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import InputError
from scamdetect.urls import SecretsFilter, is_url, shown_url, tells_secrets, without_secrets

FIRST, LAST = "Kx7", "Zq9"  # of a secret, so that no half of it is overlooked

RAW = st.text("ab09:@/?#%=&+!$'()*,;~-._\\\"<>|[]{}", max_size=12)
PLAIN = st.text("abAB09+=!$*~-._", max_size=12)  # what needs no encoding before an @
SCHEMES = st.sampled_from(["s3", "S3", "https", "HTTPS", "http", "ftp", "sftp", "gs", "hdfs"])
HOSTS = st.sampled_from(["bucket", "h.example", "127.0.0.1:9000", "[::1]:80", "localhost"])
PATHS = st.sampled_from(["", "/", "/x.csv", "/a/b c.csv.gz", "/year=2024/x.csv"])
CHAINS = st.sampled_from(["", "simplecache::", "zip://a.csv::", "zip://a.csv::filecache::"])
AROUND = st.sampled_from([
    "{}", "'{}'", "cannot reach {}: refused", "url={!r}", "see ({}), or ask", "見{}", "\x1b{}\n2",
])  # fmt: skip


def _secret(body: str) -> str:
    return f"{FIRST}{body}{LAST}"


def _is_hidden(shown: str) -> bool:
    return FIRST.casefold() not in shown.casefold() and LAST.casefold() not in shown.casefold()


@given(SCHEMES, RAW, HOSTS, PATHS, CHAINS)
def test_a_password_is_hidden_whatever_is_in_it(
    scheme: str, body: str, host: str, path: str, chain: str
) -> None:
    shown = shown_url(f"{chain}{scheme}://user:{_secret(body)}@{host}{path}")
    assert _is_hidden(shown)
    assert shown.startswith(f"{chain}{scheme}://")


@given(SCHEMES, RAW, HOSTS, PATHS, CHAINS, AROUND)
def test_a_password_is_hidden_within_a_text(
    scheme: str, body: str, host: str, path: str, chain: str, around: str
) -> None:
    url = f"{chain}{scheme}://user:{_secret(body)}@{host}{path}"
    assert _is_hidden(without_secrets(around.format(url)))


@given(SCHEMES, PLAIN, HOSTS, PATHS, CHAINS, AROUND)
def test_a_token_without_a_password_is_hidden(
    scheme: str, body: str, host: str, path: str, chain: str, around: str
) -> None:
    url = f"{chain}{scheme}://{_secret(body)}@{host}{path}"
    assert _is_hidden(without_secrets(around.format(url)))


@given(SCHEMES, st.text(max_size=12), HOSTS, st.booleans())
def test_an_encoded_password_is_hidden(scheme: str, body: str, host: str, at: bool) -> None:
    body = body.encode("utf-8", "ignore").decode()
    url = f"{scheme}://user:{quote(_secret(body), safe='')}{'%40' if at else '@'}{host}/x.csv"
    assert _is_hidden(without_secrets(f"at {url}: refused"))
    assert _is_hidden(without_secrets(f"https://proxy.example/{quote(url, safe='')}"))


@given(
    st.sampled_from(["https://h.example/x", "abfs://box@a.example/x", "s3://b/part-?.csv"]),
    st.sampled_from(["?sig=", "?sv=1&sig=", "?X-Amz-Signature=", "#token=", "?a=b@c&token="]),
    RAW, AROUND,
)  # fmt: skip
def test_signatures_are_hidden(url: str, query: str, body: str, around: str) -> None:
    shown = without_secrets(around.format(f"{url}{query}{_secret(body)}"))
    assert _is_hidden(shown)
    assert url in shown


@given(st.text())
def test_text_without_a_url_is_unchanged(text: str) -> None:
    text = text.replace("/", "|").replace("%", "|")
    assert without_secrets(text) == text


@given(SCHEMES, HOSTS, PATHS, CHAINS, AROUND)
def test_urls_without_secrets_are_unchanged(
    scheme: str, host: str, path: str, chain: str, around: str
) -> None:
    text = around.format(f"{chain}{scheme}://{host}{path}")
    assert without_secrets(text) == text


@given(st.text("abc:/@?#&=%3F40. S3"))
def test_shown_once_is_shown_for_good(text: str) -> None:
    assert without_secrets(without_secrets(text)) == without_secrets(text)


@given(SCHEMES, RAW, HOSTS, PATHS)
def test_what_was_hidden_keeps_its_mark(scheme: str, body: str, host: str, path: str) -> None:
    shown = shown_url(f"{scheme}://user:{_secret(body)}@{host}{path}")
    assert shown_url(shown) == shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://me:secret@host/a.csv", "ftp://host/a.csv"),
        ("s3://KEY:S3+CR/ET@bucket/x.csv", "s3://***@bucket/x.csv"),
        ("https://u:p@SECRET@h/x", "https://h/x"),
        ("S3://k:SECRET@b/x", "S3://b/x"),
        ("S3:/k:SECRET@b/x", "S3:/b/x"),  # what a Path leaves of it
        (r"https:\/\/u:SECRET@h/x", r"https:\/\/h/x"),  # as JSON may write it
        ("https://ghp_TOKEN@h/x", "https://h/x"),
        ("https://h/x?SECRET", "https://h/x"),
        ("https://h/x#SECRET", "https://h/x"),
        ("https://h/x;jsessionid=SECRET", "https://h/x"),
        ("abfs://box@account.example/a?sig=SECRET", "abfs://box@account.example/a"),
        ("abfs://box:SECRET@account.example/a", "abfs://account.example/a"),
        ("s3://KEY:SECRET", "s3://***"),  # the @ was left out, or cut off
    ],
)
def test_what_is_secret_in_a_url_is_not_shown(url: str, expected: str) -> None:
    assert shown_url(url) == without_secrets(url) == expected


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/part-?.csv",
        "s3://bucket/a#1@b/year=202?/*.csv",
        "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/name/x@y.csv",
        "abfs://box@account.example/a@b.csv",
        "https://h.example/@user/x.csv",
        "hf://datasets/one/two@main/x.csv",
        "write it as http://host:port/path or https://[::1]:80.",
        "on http://127.0.0.1:8000; stop with Ctrl-C",
        "C:/Users/me:you@home/x.csv and file:///C:/a@b/x.csv",
        "http:https://host.example/v1#m@1, llm:https://host.example/v1#some/model:8b or llm://127.0.0.1:80/v1#MODEL",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@given(st.sampled_from(["?key=", "?", "#token="]), RAW)
def test_the_model_of_an_address_stays_without_its_secrets(query: str, body: str) -> None:
    assert _is_hidden(without_secrets(f"x=llm:https://user:{_secret(body)}@h.example/v1#some"))
    shown = without_secrets(f"x=llm:https://h.example/v1{query}{FIRST}S{LAST}#some")
    assert _is_hidden(shown)
    assert shown.endswith("#some") == query.startswith("?")


@pytest.mark.parametrize("blank", [" ", "\n", "\t"])
@pytest.mark.parametrize("slashes", ["//", "/"])
def test_a_password_with_a_blank_is_hidden_up_to_its_end(slashes: str, blank: str) -> None:
    text = f"https:{slashes}u:one{blank}SECRET{blank}two@h.example/x: no such folder"
    assert without_secrets(text) == f"https:{slashes}***@h.example/x: no such folder"
    plain = "see https://h.example:80/x and write to a@b.example"
    assert without_secrets(plain) == plain


def test_words_of_a_secret_are_found_without_the_url() -> None:
    url = "s3://KEY:S3+CR/ETERNAL%20x@bucket/x.csv"
    assert tells_secrets('Invalid bucket name "KEY:S3+CR"', url)
    assert tells_secrets("no such key: eternal", url)
    assert not tells_secrets("Invalid bucket in x.csv", url)


def test_log_records_are_written_without_secrets() -> None:
    record = logging.LogRecord(
        "x", logging.WARNING, "", 0, "%s at %s", ("no", "s3://k:S@b/x"), None
    )
    assert SecretsFilter().filter(record)
    assert record.getMessage() == "no at s3://b/x"


def test_errors_show_no_secret_either_way() -> None:
    error = InputError("s3://k:S@b/x: missing")
    assert str(error) == "s3://b/x: missing"
    assert repr(error) == "InputError('s3://b/x: missing')"


def test_upper_case_is_a_url_too() -> None:
    assert is_url("HTTPS://h/x")
    assert not is_url("C:/x")
