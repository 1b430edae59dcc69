"""The commands of ``scamdetect data``: fetch the public sources and build the training corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scamdetect.cli.options import Group, extra, output_option
from scamdetect.cli.streams import say
from scamdetect.errors import InputError
from scamdetect.system.destinations import own_destination

if TYPE_CHECKING:
    from scamdetect.train.data.registry import LicencePolicy

_FOLDER = click.Path(path_type=Path, file_okay=False)


def _folder(name: str, default: str, help_text: str) -> Callable[[Any], Any]:
    return click.option(name, type=_FOLDER, default=default, show_default=True, help=help_text)


_SOURCES = _folder("--sources", "data/sources", "Folder of the source descriptions.")


@click.group(cls=Group)
def data() -> None:
    """Fetch the public sources and build the training corpus."""


@data.command("fetch", epilog="Example: scamdetect data fetch --only en_smishx")
@click.option("--mirror", type=_FOLDER, help="Copy from this folder instead of downloading.")
@click.option("--only", metavar="SLUG", multiple=True, help="Fetch only this source. Repeatable.")
@output_option(
    "Folder of the original files.",
    "raw", type=_FOLDER, default="data/raw", show_default=True, metavar="DIR",
)  # fmt: skip
@_SOURCES
def fetch_command(mirror: Path | None, only: tuple[str, ...], raw: Path, sources: Path) -> None:
    """Download the original files and verify their hashes.

    Missing files are listed with the reason.
    """
    from scamdetect.cli.console import progress, say_next

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
@click.option(
    "--licences",
    type=click.Choice(["permissive", "default", "all"]),
    default="default",
    show_default=True,
    help="Licences of the sources to train on.",
)
@output_option(
    "Parquet file to write.",
    type=click.Path(path_type=Path, dir_okay=False),
    default="data/corpus.parquet",
    show_default=True,
    metavar="FILE",
)
@_folder("--authored", "data/authored", "Folder of authored messages, if it exists.")
@_folder("--cards", "data/cards", "Folder of the cards that generate the everyday messages.")
@_folder("--corrections", "data/corrections", "Folder of corrections to public rows.")
@_folder("--raw", "data/raw", "Folder of the original files.")
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
