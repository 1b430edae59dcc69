"""The tables that scenario cards are drawn from: checked TOML files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scamdetect.errors import SourceError
from scamdetect.train.data.authored import SCRIPTS, Cell, Stage, Unit
from scamdetect.train.data.registry import Slice
from scamdetect.train.typed import Table, read_toml


class Form(Table, frozen=True):
    """The form that scam and legit rows share: bands and shares of the rows."""

    words: list[tuple[int, int, float]]  # from, to, share of the rows
    dialogue_words: list[tuple[int, int, float]]
    links: float
    emoji: float
    amounts: float
    link_forms: list[str]


class CellTable(Table, frozen=True):
    """What a cell's cards are drawn from; weights say how often."""

    cell: Cell
    rows: int  # of 440
    stages: dict[Stage, float]
    apps: dict[str, float]  # groups of apps
    senders: list[str]
    hooks: dict[str, list[str]]  # by kinds ("romance+investment"), "plain" or "hard", or slice
    link: float = 1.0
    emoji: float = 1.0
    amount: float = 1.0
    institutional: bool = False  # an institution writes, or somebody in its name


class Contrast(Table, frozen=True):
    """Who sends the scam side of a pair, who the legit side, and the slice of the latter."""

    scam: str
    legit: str
    slice: Slice


class PairTable(Table, frozen=True):
    """What contrast pairs of one sort are drawn from; both sides share all but the sender."""

    pairs: int  # of 100
    stages: dict[Stage, float]
    apps: dict[str, float]
    topics: dict[str, list[str]]  # by the kinds of the scam side
    contrasts: list[Contrast]
    link: float = 1.0
    emoji: float = 1.0
    amount: float = 1.0
    institutional: bool = False  # an institution writes, or somebody in its name


class Scenarios(Table, frozen=True):
    """Everything that does not depend on the language."""

    settings: list[str]
    receivers: list[str]
    groups: list[str]  # receivers in a group's chat
    openings: list[str]
    registers: list[str]
    institutional_registers: list[str]
    form: Form
    cells: dict[str, CellTable]
    pairs: dict[str, PairTable]


class Language(Table, frozen=True):
    """The apps and voices of a language in one script."""

    voices: list[str]
    chat: list[str]
    group: list[str]
    dating: list[str]
    social: list[str]
    market: list[str]
    sms: tuple[str, ...] = ("SMS",)
    email: tuple[str, ...] = ("e-mail",)
    characters: float | None = None  # for one word's worth, where no blanks part the words

    @property
    def unit(self) -> Unit:
        """What a length is counted in."""
        return "words" if self.characters is None else "characters"

    def apps(self, group: str) -> Sequence[str]:
        """Return the apps of a group, such as "chat"; "dm" is what is private of "social"."""
        if group == "dm":
            return [app for app in self.social if app.endswith(("DM", "message"))]
        apps: Sequence[str] = getattr(self, group)
        return apps


GROUPS = frozenset(("sms", "chat", "group", "dating", "dm", "social", "market", "email"))


def load_tables(folder: Path) -> tuple[Scenarios, dict[str, Language]]:
    """Return the scenarios and the languages, by "th" or "zh-Hant"; raise SourceError."""
    path = folder / "scenarios.toml"
    scenarios = read_toml(path, Scenarios, SourceError)
    for name, table in (scenarios.cells | scenarios.pairs).items():
        if unknown := sorted(set(table.apps) - GROUPS):
            raise SourceError(
                f"{path}: {name}: unknown group of apps {unknown[0]!r}; known: {sorted(GROUPS)}"
            )
    return scenarios, read_toml(folder / "languages.toml", dict[str, Language], SourceError)


def languages_of(lang: str, languages: dict[str, Language]) -> dict[str, Language]:
    """Return the language's tables by script; raise SourceError if one is missing."""
    if lang not in SCRIPTS:
        raise SourceError(f"no cards for the language {lang!r}; known: {' '.join(SCRIPTS)}")
    scripts = SCRIPTS[lang]
    keys = {script: lang if len(scripts) == 1 else f"{lang}-{script}" for script in scripts}
    if missing := [key for key in keys.values() if key not in languages]:
        raise SourceError(f"languages.toml: holds no table [{missing[0]}]; add it")
    return {script: languages[key] for script, key in keys.items()}
