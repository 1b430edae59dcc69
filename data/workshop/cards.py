"""Draw scenario cards, never text, by quota and from decks: what a message is about and its form.

Scam and legit rows get the same lengths, links, emoji and amounts, dealt by quota and not by
chance, so that the form of a message reveals nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, cast, get_args

from data.workshop.card_tables import (
    CellTable,
    Language,
    PairTable,
    Scenarios,
    languages_of,
    load_tables,
)
from scamdetect.errors import InputError
from scamdetect.labels import Kind, Verdict
from scamdetect.train.data.authored import AuthoredRow, Card, Channel, Part
from scamdetect.train.data.registry import Slice

T = TypeVar("T")


class Deck(Generic[T]):
    """Cards in chance order: each is drawn once before any comes again."""

    def __init__(self, cards: Iterable[T], generator: random.Random) -> None:
        self.cards = list(cards)
        self.generator = generator
        self.rest: list[T] = []

    def draw(self) -> T:
        """Return the next card."""
        if not self.rest:
            self.rest = self.generator.sample(self.cards, len(self.cards))
        return self.rest.pop()


def apportion(weights: Sequence[float], total: int, fewest: Sequence[int]) -> list[int]:
    """Return whole numbers of this sum, in proportion to the weights but none under its fewest.

    If the minimums exceed the total, they are returned.
    """
    counts = list(fewest)
    free = [place for place, weight in enumerate(weights) if weight > 0]
    while free:
        left = total - sum(count for place, count in enumerate(counts) if place not in free)
        scale = max(left, 0) / sum(weights[place] for place in free)
        short = [place for place in free if weights[place] * scale < fewest[place]]
        if not short:
            break
        free = [place for place in free if place not in short]
    exact = {place: weights[place] * scale for place in free}
    for place in free:
        counts[place] = int(exact[place])
    by_rest = sorted(free, key=lambda place: counts[place] - exact[place])
    for place in by_rest[: max(total - sum(counts), 0)]:
        counts[place] += 1
    return counts


def sample(weights: Sequence[float], count: int, generator: random.Random) -> list[int]:
    """Return ``count`` places, drawn by positive weight without replacement."""
    keys = [generator.random() ** (1 / weight) for weight in weights]
    return sorted(range(len(weights)), key=lambda place: -keys[place])[:count]


def weighted(weights: dict[T, float], generator: random.Random) -> T:
    """Return one of the keys, drawn by weight."""
    return generator.choices(list(weights), list(weights.values()))[0]


def in_batches(items: Iterable[T], number: int) -> list[list[T]]:
    """Return the items dealt round into ``number`` batches."""
    batches: list[list[T]] = [[] for _ in range(number)]
    for place, item in enumerate(items):
        batches[place % number].append(item)
    return batches


BATCH = 22  # rows: of sixteen batches, 352 rows, ten train and three each calibrate and select
FINAL_FEWEST = 6  # rows of each honest cell and of promo in the final part
_CHANNELS: dict[str, Channel] = {
    "sms": "sms", "chat": "chat", "group": "chat", "dating": "chat", "social": "social",
    "dm": "social", "market": "chat", "email": "email",
}  # fmt: skip
# Where messages run longer; lengths are dealt by rank of this, so no quota moves.
_LONG_WINDED = {
    "sms": 0, "dating": 1, "chat": 1, "market": 1, "dm": 1, "social": 1, "group": 2, "email": 3,
}  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """One message of a unit."""

    verdict: Verdict
    kinds: tuple[Kind, ...]
    slice: Slice | None
    sender: str
    hook: str
    hard: bool


@dataclass
class _Unit:
    """A row, or the two sides of a pair, which share their form."""

    table: CellTable | PairTable
    sides: list[_Side]
    script: str = ""
    app_group: str = ""
    words: tuple[int, int] = (0, 0)
    marks: set[str] = field(default_factory=set)  # of link, emoji, amount

    @property
    def dialogue(self) -> bool:
        return isinstance(self.table, CellTable) and self.table.cell == "dialogue"

    @property
    def form_class(self) -> str:
        """Units of one class share out the quotas of form."""
        verdict = "pair" if len(self.sides) == 2 else self.sides[0].verdict.value
        return f"dialogue {verdict}" if self.dialogue else verdict


def draw_cards(
    lang: str, rows: int, seed: int, tables: Path, *, final: bool = False, first: int = 1
) -> list[AuthoredRow]:
    """Return ``rows`` cards, batch by batch, the sides of a pair side by side.

    The cells keep the proportions of the tables, but ``final`` has six rows of each honest cell and
    of promo. Ids count from ``first``. Raises InputError for impossible numbers, SourceError for an
    unknown language or tables that don't fit.
    """
    if rows < 1 or first < 1 or first + rows > 10_000:
        raise InputError(f"{rows} rows from id {first} on: ids go from 1 to 9999; choose others")
    scenarios, languages = load_tables(tables)
    scripts = languages_of(lang, languages)
    generator = random.Random(f"{lang}:{seed}:{final}")
    units = _draw_units(scenarios, rows, generator, final)
    number, names = max(1, round(rows / BATCH)), list(scripts)
    for place, unit in enumerate(units):
        # Units come cell by cell and go round the batches: neither leans to a script.
        unit.script = names[(place + place // number) % len(names)]
        unit.app_group = weighted(unit.table.apps, generator)
    for form_class in sorted({unit.form_class for unit in units}):
        _deal_form([u for u in units if u.form_class == form_class], scenarios, generator)
    filler = _Filler(lang, scripts, scenarios, generator, "final" if final else None, first)
    cards: list[AuthoredRow] = []
    for place, batch in enumerate(in_batches(units, number), 1):
        generator.shuffle(batch)
        for unit in batch:
            cards += filler.fill(unit, f"{'final' if final else 'round'}{seed}-{place:02d}")
    return cards


def brief_line(row: AuthoredRow) -> str:
    """Return the card in one line, for the writer."""
    card = row.card
    form = [f"{card.length[0]}-{card.length[1]} {card.unit}"]
    form += [f"{card.turns} lines A:/B:"] if card.turns else []
    form += [f"link: {card.link}" if card.link else "no link"]
    form += ["emoji" if card.emoji else "no emoji", "names a sum" if card.amount else "no sum"]
    what = "+".join(row.kinds) if row.kinds else str(row.slice)
    fields = [
        f"{row.id} {row.script} {card.batch}" + (f" PAIR {row.pair}" if row.pair else ""),
        f"{row.verdict.upper()} {what}" + (" (hard)" if row.hard else ""),
        f"{card.stage} on {card.app}: {card.sender} -> {card.receiver}",
        card.hook,
        f"setting: {card.setting}",
        f"{card.voice}; {card.register}; begins with {card.opening}",
        ", ".join(form),
    ]
    return " | ".join(fields)


def _draw_units(
    scenarios: Scenarios, rows: int, generator: random.Random, final: bool
) -> list[_Unit]:
    """Return the units of all tables: the pairs, sort by sort, then the rows, cell by cell."""
    sorts, cells = list(scenarios.pairs.values()), list(scenarios.cells.values())
    promised = [final and cell.cell in (*get_args(Slice), "promo") for cell in cells]
    weights = [2.0 * sum(sort.pairs for sort in sorts), *(float(cell.rows) for cell in cells)]
    fewest = [0, *(FINAL_FEWEST if promise else 0 for promise in promised)]
    in_pairs, *singles = apportion(weights, rows, fewest)
    if in_pairs % 2:
        in_pairs -= 1
        singles[singles.index(max(singles))] += 1
    shares = apportion([float(sort.pairs) for sort in sorts], in_pairs // 2, [0] * len(sorts))
    units: list[_Unit] = []
    for sort, count in zip(sorts, shares, strict=True):
        units += _draw_pairs(sort, count, generator)
    for cell, count in zip(cells, singles, strict=True):
        units += _draw_cell(cell, count, generator)
    return units


def _draw_pairs(table: PairTable, count: int, generator: random.Random) -> Iterator[_Unit]:
    topics = Deck([(key, text) for key, texts in table.topics.items() for text in texts], generator)
    contrasts = Deck(table.contrasts, generator)
    for _ in range(count):
        key, topic = topics.draw()
        contrast = contrasts.draw()
        kinds = tuple(map(Kind, key.split("+")))
        scam = _Side(Verdict.SCAM, kinds, None, contrast.scam, topic, False)
        legit = _Side(Verdict.LEGIT, (), contrast.slice, contrast.legit, topic, False)
        yield _Unit(table, [scam, legit])


def _draw_cell(table: CellTable, count: int, generator: random.Random) -> Iterator[_Unit]:
    hooks = {key: Deck(texts, generator) for key, texts in table.hooks.items()}
    halves = set(hooks) == {"plain", "hard"}
    # A key comes as often as it has hooks, but hard rows are half of an honest cell.
    copies = {key: 1 if halves else len(texts) for key, texts in table.hooks.items()}
    keys = Deck([key for key, count in copies.items() for _ in range(count)], generator)
    senders = Deck(table.senders, generator)
    for _ in range(count):
        key = keys.draw()
        names = [name for name in key.split("+") if name not in ("plain", "hard")]
        kinds: tuple[Kind, ...] = ()
        verdict, honest = Verdict.LEGIT, cast(Slice, names[0] if names else table.cell)
        if table.cell == "promo":
            verdict, honest = Verdict.SPAM, "marketing"
        elif names and (table.cell != "dialogue" or names[0] not in get_args(Slice)):
            verdict, kinds = Verdict.SCAM, tuple(map(Kind, names))
        place = None if kinds else honest
        side = _Side(verdict, kinds, place, senders.draw(), hooks[key].draw(), "hard" in key)
        yield _Unit(table, [side])


def _deal_form(units: list[_Unit], scenarios: Scenarios, generator: random.Random) -> None:
    form = scenarios.form
    for mark, share in (("link", form.links), ("emoji", form.emoji), ("amount", form.amounts)):
        weights = [
            getattr(unit.table, mark)
            * (0.4 if mark == "emoji" and unit.app_group in ("sms", "email") else 1.0)
            for unit in units
        ]
        for place in sample(weights, round(share * len(units)), generator):
            units[place].marks.add(mark)
    bands = form.dialogue_words if units[0].dialogue else form.words
    counts = apportion([share for _, _, share in bands], len(units), [0] * len(bands))
    dealt = [(low, high) for (low, high, _), n in zip(bands, counts, strict=True) for _ in range(n)]
    keys = [_LONG_WINDED[unit.app_group] + generator.gauss(0, 1.5) for unit in units]
    ranked = sorted(range(len(units)), key=keys.__getitem__)
    for place, words in zip(ranked, dealt, strict=True):
        units[place].words = words


@dataclass
class _Filler:
    """Turn units into cards with running ids; settings, people and openings come from decks."""

    lang: str
    scripts: dict[str, Language]
    scenarios: Scenarios
    generator: random.Random
    part: Part | None
    next_id: int

    def __post_init__(self) -> None:
        self.settings = Deck(self.scenarios.settings, self.generator)
        self.receivers = Deck(self.scenarios.receivers, self.generator)
        self.groups = Deck(self.scenarios.groups, self.generator)
        self.openings = Deck(self.scenarios.openings, self.generator)
        self.registers = {
            False: Deck(self.scenarios.registers, self.generator),
            True: Deck(self.scenarios.institutional_registers, self.generator),
        }
        self.voices = {s: Deck(table.voices, self.generator) for s, table in self.scripts.items()}

    def fill(self, unit: _Unit, batch: str) -> Iterator[AuthoredRow]:
        """Yield the cards of a unit; the sides of a pair differ in sender and opening only."""
        language, draw, words = self.scripts[unit.script], self.generator, unit.words
        pair = f"{self.lang}-p{self.next_id:04d}" if len(unit.sides) == 2 else None
        scale = language.characters or 1.0
        stage = weighted(unit.table.stages, draw)
        app = draw.choice(language.apps(unit.app_group))
        link = draw.choice(self.scenarios.form.link_forms) if "link" in unit.marks else None
        receivers = self.groups if unit.app_group == "group" else self.receivers
        receiver, setting = receivers.draw(), self.settings.draw()
        voice = self.voices[unit.script].draw()
        register = self.registers[unit.table.institutional].draw()
        for side in unit.sides:
            card = Card(
                batch=batch,
                stage=stage,
                app=app,
                sender=side.sender,
                receiver=receiver,
                hook=side.hook,
                setting=setting,
                voice=voice,
                register=register,
                opening=self.openings.draw(),
                length=(round(words[0] * scale), round(words[1] * scale)),
                unit=language.unit,
                link=link,
                emoji="emoji" in unit.marks,
                amount="amount" in unit.marks,
                turns=min(16, max(8, words[1] // 20)) if unit.dialogue else None,
            )
            yield AuthoredRow(
                id=f"{self.lang}-{self.next_id:04d}",
                lang=self.lang,
                script=unit.script,
                part=self.part,
                slice=side.slice,
                verdict=side.verdict,
                kinds=side.kinds,
                channel="dialogue" if unit.dialogue else _CHANNELS[unit.app_group],
                cell=unit.table.cell if isinstance(unit.table, CellTable) else "pair",
                pair=pair,
                card=card,
                hard=side.hard,
                reader=None,
            )
            self.next_id += 1
