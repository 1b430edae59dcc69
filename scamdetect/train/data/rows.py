"""Convert the records of a source to labelled rows, with roles by row if a file sets them."""

from __future__ import annotations

import hashlib
import html
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal, cast, get_args

from scamdetect.errors import SourceError
from scamdetect.labels import Kind, Provenance, Verdict
from scamdetect.train.data.adapters import ADAPTERS
from scamdetect.train.data.readers import Draft, Record, make_draft, read_of, read_records
from scamdetect.train.data.registry import Clean, KindRule, Part, RowMap, SliceRule, Source
from scamdetect.train.typed import utf8_text

RowRole = Literal["train", "dev"]
OPEN = "open"  # an opener or fragment that shows no manoeuvre: it is left out
COLUMNS = ("row", "part", "verdict", "row_hash")


@dataclass(frozen=True)
class RowReading:
    """The decision on one row; without a verdict it is left out."""

    role: RowRole
    verdict: Verdict | None
    row_hash: str
    where: str


def read_row_roles(path: Path) -> dict[str, RowReading]:
    """Return the decisions on rows by their number.

    Raises SourceError with file, line and fix for a malformed or repeated row.
    """
    lines = utf8_text(path, SourceError).splitlines()
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        raise SourceError(f"{path}:1: the columns must be {', '.join(COLUMNS)}, with tabs between")
    found: dict[str, RowReading] = {}
    for number, line in enumerate(lines[1:], 2):
        where = f"{path}:{number}"
        values = line.split("\t")
        if len(values) != len(COLUMNS):
            raise SourceError(f"{where}: not {len(COLUMNS)} fields; correct the line")
        row, part, verdict, digest = values
        if part not in get_args(RowRole):
            raise SourceError(f"{where}: part {part!r}; known: {', '.join(get_args(RowRole))}")
        if verdict not in (*Verdict, OPEN):
            raise SourceError(f"{where}: verdict {verdict!r}; known: {', '.join(Verdict)}, {OPEN}")
        if row in found:
            raise SourceError(f"{where}: row {row} occurs twice; keep one line")
        found[row] = RowReading(
            cast(RowRole, part), None if verdict == OPEN else Verdict(verdict), digest, where
        )
    if not found:
        raise SourceError(f"{path}: sets no roles; restore the file")
    return found


Decided = dict[str, tuple[str, Verdict | None]]  # by row hash: language, verdict; if known

_FIELD = re.compile(r"\{([^{}]*)\}")
_FIELDS_OF_PART = {"file", "stem", "split", "label_of_part"}


@dataclass(frozen=True)
class Row:
    """One labelled message."""

    row_hash: str
    source: str
    text: str
    verdict: Verdict
    lang: str
    channel: str
    orig_label: str
    verdict_provenance: Provenance
    unsplit: bool = False  # the source does not say whether this is spam or scam
    kinds: tuple[Kind, ...] = ()
    kinds_provenance: Provenance | None = None
    slices: tuple[str, ...] = ()
    split: str | None = None
    thread_id: str | None = None
    turn: int | None = None
    generated: str | None = None
    probability: int | None = None  # of scam, 0 to 100, by a blind reader
    role: str | None = None  # if roles are set by row
    confirmed: bool = False  # honest by its source, doubted by a model, honest by a blind reader


def row_hash(slug: str, text: str) -> str:
    """Return the first 16 hex digits of sha256 over slug, newline and text."""
    return hashlib.sha256(f"{slug}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def letters_of(text: str) -> str:
    """Return the letters and digits of a text, lower-cased: twins have the same."""
    return "".join(filter(str.isalnum, text.lower()))


def load_rows(source: Source, raw: Path, sources: Path | None = None) -> list[Row]:
    """Return the rows of one source.

    ``raw`` contains a folder per slug with the original files; ``sources`` is the folder of the
    TOML files, needed for a ``verdict_file`` or ``role_file`` next to them. Raises SourceError.
    """
    decided = _read_verdict_file(source, sources) if source.verdict_file else {}
    try:
        if source.role_file is not None:
            return _rows_by_number(source, raw, sources)
        # Dropped labels go first, so that a dropped row does not hide a repeat that is kept.
        drafts = _without_dropped(_cleaned(_drafts(source, raw), source), source, decided)
        kept = _apply_cap(_deduplicated(drafts, source.clean), source.clean)
        if source.clean.dedupe == "fold":
            kept = _drop_equal_letters(kept)
        return [
            _row(draft, verdict, source, decided)
            for draft in kept
            if (verdict := _verdict(draft, source, decided)) is not None
        ]
    except re.error as problem:
        raise SourceError(
            f"{source.slug}: {problem.pattern!r} is not a regular expression ({problem})"
        ) from problem
    except IndexError as problem:  # a group that no pattern has
        raise SourceError(f"{source.slug}: [clean] substitute: {problem}; correct it") from problem


def _rows_by_number(source: Source, raw: Path, sources: Path | None) -> list[Row]:
    """Return the rows in the role file; each must be unchanged since it was read."""
    roles = read_row_roles(_beside(source, sources, str(source.role_file)))
    drafts = {draft.number: draft for draft in _cleaned(_drafts(source, raw), source)}
    rows = []
    for number, read in roles.items():
        draft = drafts.get(number)
        if draft is None or row_hash(source.slug, draft.text) != read.row_hash:
            found = "is missing" if draft is None else "has another text"
            raise SourceError(
                f"{read.where}: row {number} {found} in the file of {source.slug}; get the file at "
                "the pinned commit, or read the row again"
            )
        if read.verdict is not None:
            rows.append(replace(_row(draft, read.verdict, source, {}), role=read.role))
    return rows


def _drafts(source: Source, raw: Path) -> Iterable[Draft]:
    folder = raw / source.raw_folder
    if read_of(source).format != "adapter":
        return _mapped_drafts(source, folder)
    name = read_of(source).adapter or ""
    if name not in ADAPTERS:
        known = ", ".join(sorted(ADAPTERS))
        raise SourceError(f"{source.slug}: unknown adapter {name!r}; known: {known}")
    return ADAPTERS[name](source, folder)


def _mapped_drafts(source: Source, folder: Path) -> Iterator[Draft]:
    row = source.row
    assert row is not None
    for part, record in _checked_records(source, row, folder):
        fields = record | {"split": part.split, "label_of_part": part.label}
        label = part.label or (_value(fields, row.label) if row.label else "")
        yield make_draft(
            source,
            part,
            row.join.join(filter(None, (_value(fields, name) for name in row.text))),
            label,
            orig_label=_fill(row.orig_label, fields) if row.orig_label else label.strip(),
            thread_id=_fill(row.thread_id, fields) if row.thread_id else None,
        )


def _checked_records(source: Source, row: RowMap, folder: Path) -> Iterator[tuple[Part, Record]]:
    """Yield the records; raise SourceError if a file lacks a field named in [row]."""
    wanted = {*row.text, *_FIELD.findall(f"{row.orig_label}{row.thread_id}")} - _FIELDS_OF_PART
    records = read_records(source, folder)
    for (part, file), group in groupby(records, lambda pair: (pair[0], pair[1]["file"])):
        of_file = [record for _, record in group]
        # A short line may lack a field; a field missing in every line is misspelt.
        known = set().union(*of_file)
        label = {row.label} if row.label and not part.label else set()
        if missing := (wanted | label) - known:
            names = ", ".join(sorted(missing))
            fields = ", ".join(sorted(known - _FIELDS_OF_PART))
            raise SourceError(
                f"{source.slug}/{file}: [row] names {names}, which no record has; known: {fields}"
            )
        yield from ((part, record) for record in of_file)


def _value(fields: Record, name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _fill(pattern: str, fields: Record) -> str:
    return _FIELD.sub(lambda match: _value(fields, match[1]), pattern)


def _cleaned(drafts: Iterable[Draft], source: Source) -> Iterator[Draft]:
    clean = source.clean
    substitutions = [(re.compile(pattern, re.MULTILINE), new) for pattern, new in clean.substitute]
    drop = re.compile("|".join(clean.drop), re.IGNORECASE) if clean.drop else None
    hashes = set(clean.drop_hashes)
    for draft in drafts:
        text = draft.text
        if clean.dedupe == "fold":
            text = text.strip().replace("\0", "")
            if re.search(r"&(amp|lt|gt|quot|#39|nbsp);", text):
                text = html.unescape(text)
        if clean.unescape_html:
            text = html.unescape(text)
        for pattern, new in substitutions:
            text = pattern.sub(new, text)
        text = text.strip()
        if not text or len(text) < clean.min_chars or (drop and drop.search(text)):
            continue
        if row_hash(source.slug, text) not in hashes:
            yield replace(draft, text=text)


def _deduplicated(drafts: Iterable[Draft], clean: Clean) -> Iterator[Draft]:
    seen = set()
    for draft in drafts:
        key = " ".join(draft.text.lower().split()) if clean.dedupe == "fold" else draft.text
        if key not in seen:
            seen.add(key)
            yield draft


def _without_dropped(drafts: Iterable[Draft], source: Source, decided: Decided) -> Iterator[Draft]:
    return (draft for draft in drafts if _verdict(draft, source, decided) is not None)


def _apply_cap(drafts: Iterable[Draft], clean: Clean) -> Iterable[Draft]:
    drafts = list(drafts)
    if clean.cap_per_language is None:
        return drafts
    generator = random.Random(0)
    kept: set[int] = set()
    for lang in sorted({draft.lang for draft in drafts}):
        places = [place for place, draft in enumerate(drafts) if draft.lang == lang]
        if len(places) > clean.cap_per_language:
            drawn = sorted(generator.sample(range(len(places)), clean.cap_per_language))
            places = [places[index] for index in drawn]
        kept.update(places)
    return [draft for place, draft in enumerate(drafts) if place in kept]


def _drop_equal_letters(drafts: Iterable[Draft]) -> Iterator[Draft]:
    seen = set()
    for draft in drafts:
        letters = letters_of(draft.text)
        if len(letters) >= 2 and (draft.lang, letters) not in seen:
            seen.add((draft.lang, letters))
            yield draft


def _beside(source: Source, sources: Path | None, name: str) -> Path:
    if sources is None:
        raise SourceError(f"{source.slug}: needs the folder that holds {name}")
    return sources / name


def _read_verdict_file(source: Source, sources: Path | None) -> Decided:
    path = _beside(source, sources, str(source.verdict_file))
    lines = utf8_text(path, SourceError).splitlines()
    decided = {}
    for number, line in enumerate(lines, 1):
        try:
            digest, lang, verdict = line.split("\t")
            decided[digest] = (lang, Verdict(verdict) if verdict else None)
        except ValueError as problem:
            raise SourceError(
                f"{path}:{number}: expected row hash, language, verdict ({problem})"
            ) from problem
    return decided


def _verdict(draft: Draft, source: Source, decided: Decided) -> Verdict | None:
    """Return the verdict, or None if the row is to be dropped by its label."""
    _, verdict = decided.get(row_hash(source.slug, draft.text), (None, None))
    if verdict is not None:
        return verdict
    key = draft.label.strip().lower()
    target = source.labels.get(key, source.labels.get("*"))
    if target is None:
        allowed = ", ".join(sorted(source.labels))
        raise SourceError(f"{source.slug}: label {key!r} is not in [labels] ({allowed})")
    return None if target == "drop" else Verdict(target)


def _row(draft: Draft, verdict: Verdict, source: Source, decided: Decided) -> Row:
    digest = row_hash(source.slug, draft.text)
    lang = decided.get(digest, ("", None))[0] or draft.lang
    kinds, provenance = _kinds(draft, verdict, source.kinds)
    return Row(
        row_hash=digest,
        source=source.slug,
        text=draft.text,
        verdict=verdict,
        lang=lang,
        channel=draft.channel,
        orig_label=draft.orig_label,
        verdict_provenance=source.verdict_provenance,
        unsplit=verdict in source.unsplit,
        kinds=kinds,
        kinds_provenance=provenance,
        slices=_slices(draft, verdict, lang, source.slices),
        split=draft.split,
        thread_id=draft.thread_id,
        turn=draft.turn,
        generated=draft.generated,
    )


def _kinds(
    draft: Draft, verdict: Verdict, rules: list[KindRule]
) -> tuple[tuple[Kind, ...], Provenance | None]:
    kinds: list[Kind] = list(draft.kinds)
    provenance = Provenance.SOURCE if kinds else None
    text = draft.text.lower()
    for rule in rules:
        if (
            verdict not in rule.verdicts
            or (rule.fallback and kinds)
            or (rule.unless and set(rule.unless) & set(kinds))
            or (rule.labels is not None and draft.orig_label not in rule.labels)
            or (rule.any and not _matches(rule.any, text))
            or (rule.also and not _matches(rule.also, text))
        ):
            continue
        kinds = ([] if rule.replace else kinds) + [k for k in rule.kinds if k not in kinds]
        provenance = rule.provenance
    return tuple(kinds), provenance


def _slices(draft: Draft, verdict: Verdict, lang: str, rules: list[SliceRule]) -> tuple[str, ...]:
    if verdict is Verdict.SCAM:
        return ()
    text = draft.text.lower()
    found = []
    for rule in rules:
        if (
            (rule.any is None or _matches(rule.any, text))
            and (rule.labels is None or draft.orig_label in rule.labels)
            and (rule.langs is None or lang in rule.langs)
            and rule.slice not in found
        ):
            found.append(rule.slice)
    return tuple(found)


def _matches(patterns: list[str], text: str) -> bool:
    return any(re.search(pattern, text) for pattern in patterns)
