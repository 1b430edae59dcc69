"""The code blocks of a Markdown page, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

PROGRAMS = (
    "curl", "docker", "export", "git", "jq", "jupyter", "mkdocs", "mypy", "pip", "podman", "pytest",
    "python", "python3", "ruff", "scamdetect",
)  # fmt: skip
_ASSIGNED = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True)
class Block:
    """A block of code with the word behind its fence, empty where it is indented."""

    language: str
    code: str


def blocks(page: Path) -> list[Block]:
    """Return the blocks of code of the page, as CommonMark reads it, lists included."""
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    return [
        Block(token.info.strip(), token.content)
        for token in tokens
        if token.type in ("fence", "code_block")
    ]


def inline_commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of what stands as `scamdetect ...` within a paragraph or a table."""
    # Tables are no part of CommonMark, and their cells are inline text all the same.
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            if child.type == "code_inline" and child.content.startswith("scamdetect "):
                yield child.content.split()


def commands(page: Path) -> Iterator[str]:
    """Yield the command lines of the page in their order, each without its comment."""
    for block in blocks(page):
        yield from block_commands(block, page)


def block_commands(block: Block, page: Path) -> Iterator[str]:
    """Yield the command lines of a block; it has some if its fence says sh or it begins with one.

    Lines that end in a backslash are joined, and those joined by && are split.
    """
    lines = block.code.replace("\\\n", " ").splitlines()
    shown = [line.strip() for line in lines if line.strip()]
    if block.language == "sh" or (not block.language and program(shown[0]) in PROGRAMS):
        for line in shown:
            yield from filter(None, map(str.strip, re.split(r"&&(?=\s)", without_comment(line))))
    elif not block.language:
        assert not any(line.startswith("scamdetect ") for line in shown), f"{page.name}: {block}"


def program(line: str) -> str:
    """Return the first word of a line that sets no variable."""
    return next((word for word in line.split() if not _ASSIGNED.match(word)), "")


def arguments(line: str) -> list[str]:
    """Return the words of a command behind its program, as a shell parts them."""
    words = shlex.split(line)
    return words[words.index(program(line)) + 1 :]


def without_comment(line: str) -> str:
    """Return the line without what a shell takes for a comment."""
    return re.sub(r"(^|\s+)#.*", "", line) if _has_comment(line) else line


def _has_comment(line: str) -> bool:
    return shlex.split(line, comments=True) != shlex.split(line)


def paths(words: Sequence[str]) -> Iterator[str]:
    """Yield the words that a command reads: those behind no option that names what it writes."""
    written = {"-o", "--output", "--out", "--html", "--label-studio", "--model-out"}
    for before, word in zip(("", *words), words, strict=False):
        if before not in written and not word.startswith("-"):
            yield word
