"""What people read is in plain technical English: no phrase that has a usual word in its place."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from scamdetect.cli.commands import cli

ROOT = Path(__file__).resolve().parent.parent

# Each phrase by its pattern, with what to write instead.
PHRASES = {
    r"\b(?:is|are|was) none\b": "is not, has no, is missing",
    r"(?<![Tt]here )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b)\w+": "is not a, are not",
    r"\banew\b": "again, rebuilt",
    r"(?<!plus )(?<!currency )(?<!number )\bsigns?\b(?! (?:in|up)\b)": "character, delimiter",
    r"(?<!let )(?<!leave )(?<!left )(?<!leaves )\balone\b": "only, on its own",
    r"\bparts (?:the|them|it)\b|\bparted\b|\bparting\b": "split, separate",
    r"\btold\b|\btells? (?:whether|which|what|how|why|of)\b": "report, print, identify",
    r"\bsaid of\b|\bsays? so\b|\bsay (?:with|whether|which|for each)\b": "report, print, pass",
    r"\bof (?:its|their|one's|your) own\b(?! [a-z])": "its own, a separate, a threshold",
    r"\bbeside\b": "next to, compared with, and",
    r"\bstands\b(?! for\b)|\bas (?:it|they) stand\b|\bstands for what\b": "is, represents",
    r"\blies? (?:in|on|at|over|under|within|between|below|above|outside|there)\b": "is, are",
    r"\b(?:go|goes|going|went) on\b": "continue, resume",
    r"\b(?:over|under|above|below|meets?|missed?|its|their) (?:the |a |its )?bars?\b": "target",
    r"\bwhat (?:nobody|is read|is no|has no)\b": "name the thing: an empty message, the record",
    r"(?:^|[.;:]\s+)Of (?:a|an|the|each|several|all|two|its|what)\b": "The row has ...",
    r"(?:^|[.;:]\s+)[Ww]here [^.?;:\n]{3,90}, ": "if, when",
    r"\b[Rr]aises? .{0,60} where\b|\b[Nn]one where\b": "if",
    r"\bwhere (?:there|nothing|nobody|none|neither|no)\b": "if",
    r"\bas ever\b|\bto the letter\b|\bin the place of\b|\bfor want of\b": "the usual words",
    r"\bknows the writer\b|[Pp]assed: nothing to do|\bmade, and not taken\b": "name what happens",
}
_PATTERNS = [(re.compile(one.replace(" ", r"\s")), advice) for one, advice in PHRASES.items()]

# Not prose: patterns, samples and prompts, whose words decide scores or cached answers.
_NOT_PROSE = (
    "scamdetect/bench/detectors/llm.py", "scamdetect/bench/rewriting/by_model.py",
    "scamdetect/bench/rewriting/language.py", "scamdetect/bench/rewriting/rules.py",
    "scamdetect/bench/suites", "scamdetect/explain/phrases", "scamdetect/text",
    "scamdetect/train/data/adapters", "scamdetect/dumps/chats/whatsapp_bodies.py",
)  # fmt: skip
_HISTORY = ("docs/LOG.md", "docs/cli.md")  # cli.md is generated from the help below

PLACES = (
    "README.md", "docs", "help", "data/workshop", "notebooks",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "scamdetect").iterdir())
      if path.suffix == ".py" or (path.is_dir() and path.name not in ("__pycache__", "_bundles"))),
)  # fmt: skip


class Text(NamedTuple):
    """A text that people read, and where it is."""

    where: str
    line: int
    text: str


@pytest.mark.parametrize("place", PLACES)
def test_plain_words(place: str) -> None:
    found = [
        f"{text.where}:{line}: {' '.join(phrase.split())!r}: write {advice}"
        for text in _texts(place)
        for line, phrase, advice in _odd_phrases(text)
    ]
    assert not found, "\n" + "\n".join(found)


def test_an_odd_phrase_is_found_with_its_line() -> None:
    text = Text("a.py", 7, "Read the file.\nOf a row without\ntext there is none.")
    assert [found[:2] for found in _odd_phrases(text)] == [(9, "is none"), (8, "Of a")]
    assert not list(_odd_phrases(Text("a.py", 1, "There is no file. It stands for a column.")))


def _odd_phrases(text: Text) -> Iterator[tuple[int, str, str]]:
    for pattern, advice in _PATTERNS:
        for match in pattern.finditer(text.text):
            before = len(match[0]) - len(match[0].lstrip(".;: \n"))
            line = text.line + text.text.count("\n", 0, match.start() + before)
            yield line, match[0].strip(".;: \n"), advice


def _texts(place: str) -> Iterator[Text]:
    if place == "help":
        yield from _help(cli, click.Context(cli, info_name="scamdetect"))
        return
    root = ROOT / place
    for path in [root] if root.is_file() else sorted(root.rglob("*")):
        where = str(path.relative_to(ROOT))
        if where.startswith(_HISTORY):
            continue
        if path.suffix == ".py":
            yield from _of_module(where, path.read_text(encoding="utf-8"))
        elif path.suffix == ".ipynb":
            for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
                if cell["cell_type"] == "markdown":
                    yield Text(f"{where} cell {number}", 1, _prose("".join(cell["source"])))
        elif path.suffix in (".md", ".html", ".j2"):
            text = path.read_text(encoding="utf-8")
            yield Text(where, 1, _prose(text if path.suffix == ".md" else _without_jinja(text)))


def _prose(markdown: str) -> str:
    """Return the page without code, its lines in their places."""
    code = r"(?s)```.*?```|`[^`\n]*`"
    return re.sub(code, lambda match: "`" + "\n" * match[0].count("\n"), markdown)


def _without_jinja(template: str) -> str:
    """Return the template without its expressions and statements, its lines in their places."""
    jinja = r"(?s)\{([%{#]).*?[%}#]\}"
    return re.sub(jinja, lambda match: "`" + "\n" * match[0].count("\n"), template)


def _of_module(where: str, source: str) -> Iterator[Text]:
    """Yield the docstrings of what is public, and all other strings of several words."""
    docstrings = set()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node) is None:
                continue
            docstring = node.body[0].value  # type: ignore[attr-defined]
            docstrings.add(id(docstring))
            if not getattr(node, "name", "").startswith("_"):
                yield Text(where, docstring.lineno, inspect.cleandoc(docstring.value))
    if where.startswith(_NOT_PROSE):
        return
    inner = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
        for value in node.values for part in ast.walk(value)
    }  # fmt: skip
    for node in ast.walk(tree):
        if id(node) in docstrings or id(node) in inner:
            continue
        text = _string(node)
        if len(re.findall(r"[A-Za-z]{2,} ", text)) >= 2:
            yield Text(where, node.lineno, text)  # type: ignore[attr-defined]


def _string(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_string(part) or "{}" for part in node.values)
    return ""


def _help(command: click.Command, context: click.Context) -> Iterator[Text]:
    """Yield the help of a command, of its options and of all commands below it."""
    where = f"help: {context.command_path}"
    yield Text(where, 1, command.help or "")
    for parameter in command.params:
        yield Text(where, 1, getattr(parameter, "help", None) or "")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _help(below, click.Context(below, info_name=name, parent=context))
