"""Which of Python's codecs a file of text can be in."""

from __future__ import annotations

import codecs

# They read and write text, but that of domain names and of Python's own source, not of files.
_NOT_OF_FILES = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"}


def text_codec(name: str) -> str:
    """Return the usual name of a codec for text; raise LookupError where it is none."""
    try:
        codec = codecs.lookup(name).name
        "".encode(codec)  # refuses codecs that do not encode text
    except ValueError as problem:  # a name that can be none, or the codec that always fails
        raise LookupError(name) from problem
    if codec.replace("-", "_") in _NOT_OF_FILES:
        raise LookupError(name)
    return codec
