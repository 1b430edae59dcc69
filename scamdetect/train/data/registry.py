"""The registry of public sources: one checked TOML file per source, which is also its data card."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from scamdetect.errors import SourceError
from scamdetect.labels import Kind, Provenance, Verdict
from scamdetect.train.typed import Table, read_toml, utf8_text

Role = Literal["train", "dev", "test", "exclude"]
LicenceClass = Literal[
    "permissive", "share-alike", "none-stated", "non-commercial", "gpl", "research-only"
]
LabelTarget = Literal["legit", "spam", "scam", "drop"]
LicencePolicy = Literal["permissive", "default", "all"]
Slice = Literal[
    "transactional", "affection", "finance", "money_requests", "awareness", "marketing",
    "group_chat", "everyday", "gambling",
]  # fmt: skip

# The only source whose rows were read one by one and divided by near-duplicate group.
ROLES_BY_ROW = frozenset({"imc25_sample"})

LICENCE_POLICIES: dict[LicencePolicy, frozenset[str]] = {
    "permissive": frozenset({"permissive"}),
    "default": frozenset({"permissive", "share-alike", "none-stated"}),
    "all": frozenset(LicenceClass.__args__),  # type: ignore[attr-defined]
}


class File(Table, frozen=True):
    """One file of the source: its path below ``source_dir`` and its hash."""

    path: str
    sha256: str
    bytes: int
    source_path: str | None = None  # path in the repository if it is not source_dir + path
    role: Literal["data", "licence"] = "data"
    public: bool = True  # otherwise an extract that only a mirror has


class Part(Table, frozen=True):
    """A group of files read the same way; parts are read in the given order."""

    files: str  # a glob over the data files, matched in the order in which they are listed
    label: str | None = None
    lang: str | None = None
    split: str | None = None
    channel: str | None = None
    generated: str | None = None


class Read(Table, frozen=True):
    """How bytes become records."""

    format: Literal["csv", "jsonl", "json", "xlsx", "lines", "adapter"]
    parts: list[Part]
    adapter: str | None = None
    encoding: str = "utf-8-sig"  # "utf-8|cp1252": by line, the second if the first fails
    errors: Literal["strict", "replace"] = "strict"
    delimiter: str = ","
    quoted: bool = True
    header: bool = True
    columns: list[str] | None = None  # names, if the file has no header
    members: str | None = None  # a glob over a ZIP's members


class RowMap(Table, frozen=True):
    """How a record becomes a row; fields in braces are the record's, plus {file} and {stem}."""

    text: list[str]  # record fields, joined by ``join``; empty ones are left out
    channel: str
    lang: str | None = None  # if no part sets it
    join: str = "\n"
    label: str | None = None  # a record field; without one the part's label is used
    orig_label: str | None = None  # a format string; the default is the label
    thread_id: str | None = None
    generated: str | None = None


class KindRule(Table, frozen=True):
    """Give ``kinds`` to rows whose text matches; by default to scam rows."""

    kinds: list[Kind]
    any: list[str] | None = None  # regular expressions on the lower-cased text; one is enough
    also: list[str] | None = None  # and one of these
    labels: list[str] | None = None  # and the original label is one of these
    verdicts: tuple[Verdict, ...] = (Verdict.SCAM,)
    provenance: Provenance = Provenance.RULE
    replace: bool = False  # forget the kinds that earlier rules gave
    unless: list[Kind] | None = None  # not if an earlier rule gave one of these
    fallback: bool = False  # only if nothing else matches


class SliceRule(Table, frozen=True):
    """Put legit (or promo) rows into an honest slice of the evaluation."""

    slice: Slice
    any: list[str] | None = None
    labels: list[str] | None = None
    langs: list[str] | None = None


class Clean(Table, frozen=True):
    """How the texts are cleaned, in this order, and which rows are dropped."""

    unescape_html: bool = False
    substitute: list[tuple[str, str]] = []  # regular expression, replacement
    dedupe: Literal["plain", "fold"] = "plain"
    min_chars: int = 0
    drop: list[str] = []  # regular expressions, case ignored: such rows are not honest examples
    drop_hashes: list[str] = []  # row hashes
    cap_per_language: int | None = None  # random.Random(0), a sorted sample


class Source(Table, frozen=True):
    """One public source."""

    slug: str
    title: str
    repository: str
    commit: str
    source_dir: str
    licence: str
    licence_class: LicenceClass
    citation: str
    role: Role
    languages: list[str]
    quality: str
    leaks: str
    personal_data: bool
    label_source: str
    real: str
    read: Read | None = None  # absent: the files are not available, or nobody has read them yet
    row: RowMap | None = None
    files: list[File] = []
    file_list: str | None = None  # a TSV next to the TOML files, if there are many files
    files_of: str | None = None  # another source whose files this one reads
    status: Literal["available", "unobtainable", "unverified"] = "available"
    note: str = ""
    licence_note: str = ""
    weight: float = 1.0
    leak_group: str | None = None  # sources that share texts: their rows stay together
    reference: Literal["equal", "subset"] = "equal"  # subset: the reference is a sample of ours
    reference_note: str = ""
    labels: dict[str, LabelTarget] = {}  # stripped, lower-cased label; "*" is the rest
    unsplit: list[Verdict] = []  # verdicts not separated by the source: spam may contain scams
    role_file: str | None = None  # row number, part, verdict, row hash: roles by row
    verdict_file: str | None = None  # row hash, language, verdict: where a detector took part
    placeholders: dict[str, str] = {}  # the source's own masks and their meaning
    clean: Clean = Clean()
    kinds: list[KindRule] = []
    slices: list[SliceRule] = []
    verdict_provenance: Provenance = Provenance.SOURCE

    @property
    def raw_folder(self) -> str:
        """The folder below the raw folder with the files."""
        return self.files_of or self.slug


def load_source(path: Path) -> Source:
    """Return the source in the file; raise SourceError if it is invalid."""
    source = read_toml(path, Source, SourceError)
    if source.file_list is not None:
        files = _read_file_list(path.parent / source.file_list)
        source = msgspec.structs.replace(source, files=source.files + files)
    if source.slug != path.stem:
        raise SourceError(f"{path}: slug is {source.slug!r}, but the file is named {path.stem!r}")
    if source.role_file is not None and source.slug not in ROLES_BY_ROW:
        raise SourceError(
            f"{path}: role_file gives roles by row, which only {', '.join(ROLES_BY_ROW)} has; "
            "delete the key and give the source one role"
        )
    if source.role_file is None and source.slug in ROLES_BY_ROW:
        raise SourceError(f"{path}: role_file is missing; roles are set by row in this source")
    if source.status == "available" and (source.read is None or source.row is None):
        raise SourceError(f"{path}: an available source needs the tables [read] and [row]")
    if source.read is not None and (source.read.format == "adapter") != bool(source.read.adapter):
        raise SourceError(
            f"{path}: read.adapter belongs to read.format = 'adapter', and only there"
        )
    return source


def _read_file_list(path: Path) -> list[File]:
    lines = utf8_text(path, SourceError).splitlines()
    files = []
    for number, line in enumerate(lines, 1):
        try:
            name, sha256, size, role, source_path = line.split("\t")
            entry = {"path": name, "sha256": sha256, "bytes": int(size), "role": role}
            files.append(msgspec.convert(entry | {"source_path": source_path or None}, File))
        except (ValueError, msgspec.ValidationError) as problem:
            raise SourceError(
                f"{path}:{number}: expected path, sha256, bytes, role, source path ({problem})"
            ) from problem
    return files


def load_registry(folder: Path) -> dict[str, Source]:
    """Return every source of the folder by slug, in the order of the names."""
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise SourceError(f"{folder}: contains no source (*.toml)")
    return {path.stem: load_source(path) for path in paths}
