"""The commands of ``scamdetect data``: fetch the public sources and build the training corpus."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scamdetect.cli.options import Group, extra, option
from scamdetect.cli.streams import progress, say, say_next
from scamdetect.errors import InputError
from scamdetect.system.destinations import own_destination

if TYPE_CHECKING:
    from scamdetect.train.data.registry import LicencePolicy

_SOURCES = option("--sources DIR", "Folder of the source descriptions.", "data/sources")


@click.group(cls=Group)
def data() -> None:
    """Fetch the public sources and build the training corpus."""


@data.command("fetch", epilog="Example: scamdetect data fetch --only en_smishx")
@option("--mirror DIR", "Copy from this folder instead of downloading.")
@option("--only SLUG", "Fetch only this source. Repeatable.", multiple=True)
@option("-o --output raw DIR", "Folder of the original files.", "data/raw")
@_SOURCES
def fetch_command(mirror: Path | None, only: tuple[str, ...], raw: Path, sources: Path) -> None:
    """Download the original files and verify their hashes.

    Missing files are listed with the reason.
    """
    with extra("train"):
        from scamdetect.train.data.fetch import fetch
        from scamdetect.train.data.registry import load_registry

    registry = load_registry(sources)
    if unknown := sorted(set(only) - set(registry)):
        raise InputError(
            f"--only {unknown[0]}: no such source in {sources}; known: {', '.join(registry)}"
        )
    chosen = [source for slug, source in registry.items() if not only or slug in only]
    total = sum(len(source.files) for source in chosen if source.files_of is None)
    done = 0
    with progress(False, f"0 of {total:,} files") as show:

        def count(_: object) -> None:
            nonlocal done
            done += 1
            show(f"{done:,} of {total:,} files", done / max(total, 1))

        outcomes = fetch(chosen, raw, mirror, progress=count)
    for outcome in outcomes:
        if outcome.state in ("missing", "unpinned"):
            reason = f": {outcome.reason}" if outcome.reason else ""
            say(f"{outcome.state} {outcome.slug}/{outcome.path}{reason}")
    states = Counter(outcome.state for outcome in outcomes)
    say(", ".join(f"{count} {state}" for state, count in sorted(states.items())), err=True)
    available = {source.slug for source in chosen if source.status == "available"}
    if any(outcome.state == "missing" and outcome.slug in available for outcome in outcomes):
        raise click.exceptions.Exit(1)
    say_next("data", "build")


@data.command("build", epilog="Example: scamdetect data build -o data/corpus.parquet")
@option(
    "--licences",
    "Licences of the sources to train on.",
    "default",
    type=click.Choice(["permissive", "default", "all"]),
)
@option("-o --output FILE", "Parquet file to write.", "data/corpus.parquet")
@option("--authored DIR", "Folder of authored messages, if it exists.", "data/authored")
@option("--cards DIR", "Folder of the cards for the everyday messages.", "data/cards")
@option("--corrections DIR", "Folder of corrections to public rows.", "data/corrections")
@option("--raw DIR", "Folder of the original files.", "data/raw")
@_SOURCES
def build_command(
    licences: LicencePolicy, output: Path, authored: Path, sources: Path, raw: Path, **folders: Path
) -> None:
    """Build the corpus from all readable sources and check it.

    It also includes the authored and the everyday messages. The table of checks shows rows that
    leak between roles, and how well the text reveals its source.
    """
    with extra("train"):
        from scamdetect.train.data.audit import audit_corpus
        from scamdetect.train.data.corpus import build_corpus
        from scamdetect.train.data.corpus_rows import is_corpus
    own = authored if authored.is_dir() else None
    output = own_destination(output, is_corpus, "corpus")
    build_corpus(sources, raw, output, licences, say, authored=own, **folders)
    for check, result in audit_corpus(output).rows():
        say(f"{check:45}  {result}")
