"""Say in one line, and without what is secret in URLs, why a storage cannot be reached."""

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

    Raises InputError, without its secrets, where keys are in it that its storage does not take or
    where the border of its user info is not certain.
    """
    scheme, mark, rest = url.partition("://")
    url = f"{scheme.lower()}{mark}{rest}"
    if _KEYED.search(url) or _SIGNED.search(url):
        raise InputError(
            f"{shown_url(url)}: a URL of this storage takes no keys and no signature; give them "
            "in the environment (for S3 in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
        )
    if scheme.lower() in _WITH_PORT:
        try:
            _ = urlsplit(url).port
        except ValueError:
            raise InputError(
                f"{shown_url(url)}: its host or port is malformed; in a user name or password "
                "write / as %2F, ? as %3F, # as %23 and @ as %40"
            ) from None  # the cause quotes what may be the password
    return url


def is_missing(problem: FileNotFoundError) -> bool:
    """Tell whether the storage knows that there is no such file.

    fsspec's HTTP says so too where it could not ask, and keeps the reason as the cause.
    """
    return _asked(problem) is problem


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn what a storage raises within the context into an InputError that names the URL.

    The libraries behind fsspec raise errors of their own, of many kinds.
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
        return InputError(f"{at}: cannot be read (no such file)")
    if isinstance(problem, PermissionError) or http_status(problem) in _REFUSED:
        return InputError(
            f"{at}: access denied ({said(problem, url)}); give credentials in the environment"
        )
    return InputError(
        f"{at}: cannot be reached ({said(problem, url)}); check the address and the network"
    )


def _asked(problem: Exception) -> BaseException:
    """Return why a storage could not be asked, where an error says so less plainly."""
    reason = problem.__cause__
    if not isinstance(problem, FileNotFoundError) or reason is None:
        return problem
    # What a storage answers has a status, or a response in botocore.
    answered = http_status(reason) in _GONE or hasattr(reason, "response")
    return problem if answered or isinstance(reason, FileNotFoundError) else reason
