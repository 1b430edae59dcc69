"""Convert the HTML of a mail to the text that its reader sees.

lxml calls back for each tag and builds no tree: time and memory stay linear at any nesting. Among
the alternatives, selectolax is as fast but takes minutes for 50,000 nested elements, which anyone
can send; beautifulsoup4 is 25 times slower, inscriptis needs requests, html2text is GPL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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
_CELLS = frozenset(("td", "th"))
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
    try:
        parser.feed(html.encode("utf-8", "replace"))
        parser.close()
    except etree.LxmlError:  # no element at all; keep the text found before
        pass
    return target.text()


class _Text:
    """The target of lxml's parser, called for each tag and each piece of text."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._gap = -1  # quotation depth at which an empty line precedes the next line
        self._quotes = 0
        self._unseen = 0  # number of open elements inside one that is hidden
        # Whether the font size of each open element is zero: a nested element may be visible, as in
        # newsletters that put all text in such cells.
        self._sizeless = [False]
        self._preformatted = 0
        self._link: str | None = None
        self._link_text: list[str] = []
        self._shown_links: set[str] = set()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._unseen or tag in _UNSEEN or _is_hidden(attributes):
            self._unseen += 1
            return
        self._sizeless.append(_is_sizeless(attributes.get("style", ""), self._sizeless[-1]))
        self._break_at(tag)
        if tag == "br":
            self._end_line()
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "a":
            self._link = _BLANKS.sub("", attributes.get("href", ""))
            self._link_text = []

    def end(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= 1
            return
        self._sizeless.pop()
        if tag == "a":
            self._show_link()
        self._break_at(tag)
        if tag == "blockquote":
            self._quotes -= 1
        elif tag == "pre":
            self._preformatted -= 1

    def data(self, data: str) -> None:
        if self._unseen or self._sizeless[-1]:
            return
        if self._link is not None:
            self._link_text.append(data)
        if self._preformatted:
            first, *others = data.replace("\r\n", "\n").split("\n")
            self._line.append(first)
            for line in others:
                self._end_line()
                self._line.append(line)
        else:
            self._line.append(_BLANKS.sub(" ", data))

    def comment(self, text: str) -> None:
        """Ignore comments; without this method lxml would treat them as text."""

    def close(self) -> None:
        """Finish parsing, as lxml requires."""

    def text(self) -> str:
        if self._line:
            self._end_line()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip("\n")

    def _break_at(self, tag: str) -> None:
        if tag in _CELLS and self._line:
            self._line.append(" ")
        elif tag in _BLOCKS or tag in _PARAGRAPHS:
            if "".join(self._line).strip():
                self._end_line()
            self._line = []
            if tag in _PARAGRAPHS and self._lines:
                self._gap = self._quotes if self._gap < 0 else min(self._gap, self._quotes)

    def _end_line(self) -> None:
        line = "".join(self._line)
        self._line = []
        line = line.rstrip() if self._preformatted else _BLANKS.sub(" ", line).strip()
        if self._gap >= 0:
            self._lines.append(_marks(min(self._gap, self._quotes)).rstrip())
            self._gap = -1
        self._lines.append((_marks(self._quotes) + line).rstrip())

    def _show_link(self) -> None:
        link, self._link = self._link, None
        if not link or not _LINK.fullmatch(link) or link in self._shown_links:
            return
        self._shown_links.add(link)
        if _bare("".join(self._link_text)) != _bare(link):
            self._line.append(f" <{link}>")


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style", "")))


def _is_sizeless(style: str, outer: bool) -> bool:
    size = _FONT_SIZE.search(style)
    if size is None or (outer and size["share"]):
        return outer
    return size["zero"] is not None


def _marks(quotes: int) -> str:
    return "> " * min(quotes, _DEEPEST_QUOTE)


def _bare(link: str) -> str:
    return re.sub(r"^(?:(?:https?|ftp)://)?(?:www\.)?", "", link.strip().lower()).rstrip("/")
