"""Turn the records of a source into labelled rows, as its TOML file says."""

from __future__ import annotations

import hashlib
import html
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from scamdetect.data.adapters import ADAPTERS
from scamdetect.data.drafts import Draft
from scamdetect.data.readers import Record, read_records
from scamdetect.data.registry import Clean, KindRule, Part, SliceRule, Source
from scamdetect.errors import SourceError
from scamdetect.labels import Kind, Provenance, Verdict


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


def row_hash(slug: str, text: str) -> str:
    """Return the first 16 hex digits of sha256 over slug, newline and text."""
    return hashlib.sha256(f"{slug}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def load_rows(source: Source, raw: Path, sources: Path | None = None) -> list[Row]:
    """Return the rows of one source.

    ``raw`` holds a folder a slug with the original files; ``sources`` is the folder of the TOML files, needed
    where a ``verdict_file`` lies beside them. Raises SourceError.
    """
    folder = raw / source.raw_folder
    if source.read is not None and source.read.format == "adapter":
        name = source.read.adapter or ""
        if name not in ADAPTERS:
            known = ", ".join(sorted(ADAPTERS))
            raise SourceError(f"{source.slug}: unknown adapter {name!r}; known: {known}")
        drafts: Iterable[Draft] = ADAPTERS[name](source, folder)
    else:
        drafts = _drafts(source, folder)
    kept = list(_apply_cap(_deduplicated(_cleaned(drafts, source), source.clean), source.clean))
    if source.clean.dedupe == "fold":
        kept = list(_drop_equal_letters(kept))
    decided = _read_verdict_file(source, sources) if source.verdict_file else None
    rows = (_label(draft, source, decided) for draft in kept)
    return [row for row in rows if row is not None]


def _drafts(source: Source, folder: Path) -> Iterator[Draft]:
    row = source.row
    assert row is not None
    for part, record in read_records(source, folder):
        text = row.join.join(value for name in row.text if (value := _get(record, name, source)))
        label = part.label or (_get(record, row.label, source) if row.label else "")
        fields = {name: "" if value is None else value for name, value in record.items()}
        yield Draft(
            text=text,
            label=label,
            lang=part.lang or row.lang or "und",
            channel=part.channel or row.channel,
            orig_label=_fill(row.orig_label, fields, part) if row.orig_label else label.strip(),
            split=part.split,
            thread_id=_fill(row.thread_id, fields, part) if row.thread_id else None,
            generated=part.generated or row.generated,
        )


def _get(record: Record, name: str, source: Source) -> str:
    value = record.get(name)
    if value is None and name not in record and len(record) > 2:
        return ""
    return "" if value is None else str(value)


def _fill(pattern: str, fields: Record, part: Part) -> str:
    return pattern.format_map(fields | {"split": part.split, "label_of_part": part.label})


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


def _apply_cap(drafts: Iterable[Draft], clean: Clean) -> list[Draft]:
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
        letters = "".join(filter(str.isalnum, draft.text.lower()))
        if len(letters) >= 2 and (draft.lang, letters) not in seen:
            seen.add((draft.lang, letters))
            yield draft


def _read_verdict_file(source: Source, sources: Path | None) -> dict[str, tuple[str, str]]:
    if sources is None:
        raise SourceError(f"{source.slug}: needs the folder that holds {source.verdict_file}")
    path = sources / str(source.verdict_file)
    decided = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        parts = line.split("\t")
        if len(parts) != 3:
            raise SourceError(f"{path}:{number}: expected row hash, language, verdict")
        decided[parts[0]] = (parts[1], parts[2])
    return decided


def _label(draft: Draft, source: Source, decided: dict[str, tuple[str, str]] | None) -> Row | None:
    key = draft.label.strip().lower()
    verdict = source.labels.get(key, source.labels.get("*"))
    lang = draft.lang
    digest = row_hash(source.slug, draft.text)
    if decided is not None and digest in decided:
        decided_lang, decided_verdict = decided[digest]
        lang = decided_lang or lang
        verdict = Verdict(decided_verdict) if decided_verdict else verdict
    if verdict is None:
        allowed = ", ".join(sorted(source.labels))
        raise SourceError(f"{source.slug}: label {key!r} is not in [labels] ({allowed})")
    if verdict == "drop":
        return None
    verdict = Verdict(verdict)
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
