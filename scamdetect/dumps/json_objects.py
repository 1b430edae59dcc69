"""Read one JSON object from its text, and say why a text is none."""

from __future__ import annotations

import json
import re
from typing import Any

# No string of JSON holds a line end, so these are blanks between its signs.
_LINE_ENDS = re.compile(r"[\r\n][ \t\r\n]*")
_NAMES = {
    list: "array", str: "string", int: "number", float: "number", bool: "boolean",
    type(None): "null",
}  # fmt: skip


def read_object(text: str) -> dict[str, Any] | str:
    """Return the object, or the reason why the text is none."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as problem:
        return f"broken JSON: {problem.msg} at character {problem.pos + 1}"
    except (ValueError, RecursionError):
        return "JSON nested too deeply or with a number too long to read"
    return value if isinstance(value, dict) else f"a JSON {_NAMES[type(value)]}, not an object"


def in_one_line(text: str) -> str:
    """Return a valid JSON text without line ends and the blanks behind them."""
    return _LINE_ENDS.sub("", text) if "\n" in text or "\r" in text else text
