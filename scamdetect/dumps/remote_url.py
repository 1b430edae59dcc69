"""Describe in one line, without the secrets of URLs, why a storage cannot be reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from scamdetect.errors import InputError, ScamDetectError
from scamdetect.system.os_errors import http_status, said, shareable
from scamdetect.urls import shown_url

_GONE = (404, 410)
_REFUSED = (401, 403, 407)
_KEYED = re.compile(
    r"(?:^|::)(?:(?:s3a?|gs|gcs)://(?!arn:)[^/]*[@:]|(?:abfss?|az|adl|wasbs?)://[^/]*:)",
    re.IGNORECASE,
)
_WITH_PORT = ("http", "https", "ftp", "sftp", "ssh", "smb", "webdav", "webhdfs", "hdfs")
_SIGNED = re.compile(
    r"(?:^|::)(?!https?:)[a-z][a-z0-9+.-]*://(?:(?!::).)*[?&]"
    r"(?:sig|signature|token|access_token|key|secret|awsaccesskeyid|x-(?:amz|goog)-[a-z-]+)=",
    re.IGNORECASE,
)


def checked_url(url: str) -> str:
    """Return a URL with its scheme in lower case.

    Raises InputError, without its secrets, if it contains keys that its storage does not support or
    if the end of its user info is uncertain.
    """
    scheme, mark, rest = url.partition("://")
    url = f"{scheme.lower()}{mark}{rest}"
    if _KEYED.search(url) or _SIGNED.search(url):
        raise InputError(
            f"{shown_url(url)}: URLs of this storage do not support keys or signatures; put "
            "them in the environment (for S3 in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
        )
    if scheme.lower() in _WITH_PORT:
        try:
            _ = urlsplit(url).port
        except ValueError:
            raise InputError(
                f"{shown_url(url)}: malformed host or port; in a user name or password write / "
                "as %2F, ? as %3F, # as %23 and @ as %40"
            ) from None  # the cause quotes a possible password
    return url


def is_missing(problem: FileNotFoundError) -> bool:
    """Return True if the storage reports that the file is missing.

    fsspec's HTTP reports this for failed requests too, with the reason as the cause.
    """
    return _asked(problem) is problem


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Convert errors of a storage within the context to an InputError with the URL.

    The libraries behind fsspec raise many types of errors.
    """
    try:
        yield
    except ScamDetectError:
        raise
    except Exception as problem:
        raise _told(url, _asked(problem)) from shareable(problem, url)


def _told(url: str, problem: BaseException) -> InputError:
    at = shown_url(url)
    if isinstance(problem, FileNotFoundError):
        return InputError(f"{at}: file not found")
    if isinstance(problem, PermissionError) or http_status(problem) in _REFUSED:
        return InputError(
            f"{at}: access denied ({said(problem, url)}); pass credentials in the environment"
        )
    return InputError(
        f"{at}: cannot be reached ({said(problem, url)}); check the address and the network"
    )


def _asked(problem: Exception) -> BaseException:
    """Return why a request to a storage failed, if an error hides it."""
    reason = problem.__cause__
    if not isinstance(problem, FileNotFoundError) or reason is None:
        return problem
    # A storage's answer has a status, or a response in botocore.
    answered = http_status(reason) in _GONE or hasattr(reason, "response")
    return problem if answered or isinstance(reason, FileNotFoundError) else reason
