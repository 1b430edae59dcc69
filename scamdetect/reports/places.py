"""Where a report reads from and where its page goes."""

from __future__ import annotations

from pathlib import Path

from scamdetect.dumps.formats import destination_format, unpacked
from scamdetect.dumps.lines import reading
from scamdetect.dumps.patterns import is_pattern
from scamdetect.errors import InputError
from scamdetect.system.destinations import check_parent, own_destination
from scamdetect.system.files import open_regular
from scamdetect.system.os_errors import written
from scamdetect.urls import shown_url, url_of_path

GENERATOR = "scamdetect report"  # by which a page is known again
_TAG = f'<meta name="generator" content="{GENERATOR}'.encode()
_HEAD_BYTES = 1024


def local_source(scored: str | Path) -> Path:
    """Return the path of what was scored, of a folder such as ``..`` by its name.

    Raises InputError for a URL, and for a glob.
    """
    if url := url_of_path(scored):
        raise InputError(f"{shown_url(url)}: a report reads local files; download it first")
    path = Path(scored)
    with reading(path):
        if is_pattern(str(scored)) and not path.exists():
            raise InputError(f"{scored}: a report reads one file or one folder, no glob")
        return path.resolve() if path.name in ("", "..") else path


def page_path(source: Path, given: str | Path | None) -> Path:
    """Return where the page goes, ``<stem>.report.html`` beside the source if none is given.

    Raises InputError where another file is, where the folder is missing, and for a URL.
    """
    if given is not None and (url := url_of_path(given)):
        raise InputError(
            f"{shown_url(url)}: a report is written to a local file; upload it afterwards"
        )
    target = source.with_name(f"{_stem(source)}.report.html") if given is None else Path(given)
    with written(target):
        check_parent(target)
        return own_destination(target, _is_page, "report", [source])


def _stem(source: Path) -> str:
    """Return the name without the extension, which a folder has only where it names a format."""
    if not source.name:
        raise InputError(f"{source}: no name follows from it; name the page with -o")
    stem = unpacked(source).stem
    if source.is_dir():
        try:
            destination_format(source)
        except InputError:
            stem = source.name
    return stem.removesuffix(".scored")


def _is_page(path: Path) -> bool:
    with open_regular(path) as file:
        head = file.read(_HEAD_BYTES)
    return head.startswith(b"<") and _TAG in head
