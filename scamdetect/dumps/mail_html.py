"""Convert the HTML of a mail to the text that its reader sees.

lxml calls back for each tag and builds no tree: time and memory stay linear at any nesting, which
anyone can send.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from scamdetect.errors import MissingExtraError

try:
    from lxml import etree
except ImportError as error:
    raise MissingExtraError("lxml", "mail") from error

_UNSEEN = frozenset("script style title template iframe noframes noembed object applet svg".split())
_BLOCKS = frozenset(
    "address article aside body center dd details dir div dl dt fieldset figcaption figure footer "
    "form header hr legend li main menu nav option section select summary tbody textarea tfoot "
    "thead tr".split()
)
_PARAGRAPHS = frozenset("blockquote h1 h2 h3 h4 h5 h6 ol p pre table ul".split())
_ZERO = r"[0.]*+(?<=0)(?:px|pt|r?em|%)?\s*(?:[;!]|$)"
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all"
    rf"|opacity\s*:\s*{_ZERO}",
    re.IGNORECASE,
)
_FONT_SIZE = re.compile(
    rf"font-size\s*:\s*(?:(?P<zero>{_ZERO})|(?P<share>[\d.]+(?:em|%)))?", re.IGNORECASE
)
_BLANKS = re.compile(r"[ \t\r\n\f\xa0]+")
_LINK = re.compile(r"(?:https?|ftp)://\S+", re.IGNORECASE)
_DEEPEST_QUOTE = 5


def html_to_text(html: str) -> str:
    """Return the visible text, one line per block.

    The lines of a ``blockquote`` start with ``> ``. A link is followed by its target in angle
    brackets if its text is different, once per target.
    """
    target = _Text()
    # Without huge_tree a comment of 10 MB would become text.
    parser = etree.HTMLParser(target=target, encoding="utf-8", huge_tree=True)
    with suppress(etree.LxmlError):  # no element at all; keep the text before
        parser.feed(html.encode("utf-8", "replace"))
        parser.close()
    target.break_line()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(target.lines)).strip("\n")


class _Text:
    """The target of lxml's parser, called for each tag and each piece of text."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._unseen = 0  # open elements inside one that is hidden
        # Whether the font size of each open element is zero: a nested element may be visible, as in
        # newsletters that put all text in such cells.
        self._sizeless = [False]
        self._link: str | None = None
        self._link_text: list[str] = []
        self._links: set[str] = set()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        style = attributes.get("style", "")
        if self._unseen or tag in _UNSEEN or "hidden" in attributes or _HIDDEN.search(style):
            self._unseen += 1
            return
        size = _FONT_SIZE.search(style)
        is_inherited = size is None or (self._sizeless[-1] and size["share"])
        self._sizeless.append(self._sizeless[-1] if is_inherited else bool(size and size["zero"]))
        self._break_at(tag)
        if tag == "br":
            self.break_line(always=True)
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "a":
            self._link, self._link_text = _BLANKS.sub("", attributes.get("href", "")), []

    def end(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= 1
            return
        self._sizeless.pop()
        if tag == "a":
            self._show_link()
        self._break_at(tag)
        self._quotes -= tag == "blockquote"

    def data(self, data: str) -> None:
        if not (self._unseen or self._sizeless[-1]):
            self._line.append(data)
            self._link_text.append(data)

    def comment(self, text: str) -> None:
        """Ignore comments; without this method lxml would treat them as text."""

    def close(self) -> None:
        """Finish parsing, as lxml requires."""

    def break_line(self, always: bool = False) -> None:
        """End the current line; drop it if it is blank, unless ``always``."""
        line = _BLANKS.sub(" ", "".join(self._line)).strip()
        self._line = []
        if always or line:
            self.lines.append(("> " * min(self._quotes, _DEEPEST_QUOTE) + line).rstrip())

    def _break_at(self, tag: str) -> None:
        if tag in ("td", "th") and self._line:
            self._line.append(" ")
        elif tag in _BLOCKS or tag in _PARAGRAPHS:
            self.break_line()
            if tag in _PARAGRAPHS and self.lines and self.lines[-1]:
                self.lines.append("")

    def _show_link(self) -> None:
        link, self._link = self._link, None
        if link and _LINK.fullmatch(link) and link not in self._links:
            self._links.add(link)
            if _bare("".join(self._link_text)) != _bare(link):
                self._line.append(f" <{link}>")


def _bare(link: str) -> str:
    return re.sub(r"^(?:(?:https?|ftp)://)?(?:www\.)?", "", link.strip().lower()).rstrip("/")
