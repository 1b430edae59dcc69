"""Read the lines of a text file one by one, in any encoding, with the place of each."""

from __future__ import annotations

import codecs
import io
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from scamdetect.dumps.streams import opened
from scamdetect.errors import InputError

MAX_RECORD_BYTES = 64 << 20
_EXAMPLES = "utf-8, utf-16, cp1252, cp1251, gb18030, big5, shift_jis, euc-kr, tis-620"


class Line(NamedTuple):
    """One physical line with its line end; ``problem`` tells why its bytes do not decode."""

    number: int
    text: str
    raw: bytes
    end: int  # bytes of the file read so far
    problem: str | None


def check_encoding(name: str | None) -> str:
    """Return the encoding's usual name, UTF-8 without one; raise InputError for an unknown one."""
    try:
        encoding = codecs.lookup(name or "utf-8").name
        "".encode(encoding)  # refuses codecs that do not encode text
    except (LookupError, ValueError) as problem:
        raise InputError(f"unknown encoding {name!r}; known are {_EXAMPLES}, ...") from problem
    return "utf-8" if encoding == "utf-8-sig" else encoding


def read_lines(path: Path, encoding: str) -> Generator[Line]:
    """Yield the lines, split at newline characters only.

    A line that does not decode is yielded with the problem and a rough text. Encodings of two or
    four bytes a unit leave no next line to go on from: they raise InputError at the first bad byte,
    as does a line of more than 64 MiB.
    """
    if "\n".encode(encoding) == b"\n":
        yield from _byte_lines(path, encoding)
    else:
        yield from _wide_lines(path, encoding)


def _byte_lines(path: Path, encoding: str) -> Generator[Line]:
    with opened(path) as file:
        end = file.skip_bom() if encoding == "utf-8" else 0
        number = 0
        while raw := file.readline(MAX_RECORD_BYTES + 1):
            number += 1
            _check_length(path, number, len(raw))
            start, end = end, end + len(raw)
            try:
                yield Line(number, raw.decode(encoding), raw, file.on_disk(end), None)
            except UnicodeDecodeError as error:
                byte, offset = raw[error.start], start + error.start
                problem = f"not {encoding}: byte 0x{byte:02x} at offset {offset}"
                yield Line(number, raw.decode(encoding, "replace"), raw, file.on_disk(end), problem)


def _wide_lines(path: Path, encoding: str) -> Generator[Line]:
    with opened(path) as file, io.TextIOWrapper(file, encoding, newline="\n") as lines:
        number = 0
        while True:
            try:
                text = lines.readline(MAX_RECORD_BYTES + 1)
            except UnicodeError as error:
                raise InputError(
                    f"{path}: not {encoding} near line {number + 1}; give the right --encoding"
                ) from error
            if not text:
                return
            number += 1
            _check_length(path, number, len(text))
            raw = text.encode("utf-8", "surrogatepass")
            yield Line(number, text, raw, file.on_disk(file.tell()), None)


def _check_length(path: Path, number: int, length: int) -> None:
    if length > MAX_RECORD_BYTES:
        raise InputError(
            f"{path}:{number}: a line of more than {MAX_RECORD_BYTES >> 20} MiB; "
            "one message must fit in a record"
        )
