"""The commands of ``scamdetect data``: get, build and verify the training corpus."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scamdetect.cli.streams import say
from scamdetect.cli.train import extra
from scamdetect.errors import InputError, SourceError
from scamdetect.system.destinations import followed, own_destination
from scamdetect.system.files import read_text, write_text
from scamdetect.system.os_errors import said

if TYPE_CHECKING:
    from scamdetect.train.data.registry import LicencePolicy, Source

_MOST_DIFFERENCES = 20

_FOLDER = click.Path(path_type=Path, file_okay=False)
_RAW = click.option(
    "--raw", type=_FOLDER, default="data/raw", show_default=True, help="Folder of original files."
)
_SOURCES = click.option(
    "--sources",
    type=_FOLDER,
    default="data/sources",
    show_default=True,
    help="Folder of the descriptions.",
)
_ONLY = click.option("--only", metavar="SLUG", multiple=True, help="Only this source; repeatable.")


@click.group()
def data() -> None:
    """Get, build and verify the training corpus."""


@data.command("fetch")
@click.option("--mirror", type=_FOLDER, help="Copy from this folder instead of downloading.")
@_ONLY
@_RAW
@_SOURCES
def fetch_command(mirror: Path | None, only: tuple[str, ...], raw: Path, sources: Path) -> None:
    """Get the original files, verified by hash; list what is missing and why."""
    from tqdm import tqdm

    from scamdetect.cli.console import fetched_line

    with extra("train"):
        from scamdetect.train.data.fetch import fetch

    chosen = _chosen(sources, only)
    total = sum(len(source.files) for source in chosen if source.files_of is None)
    with tqdm(total=total, unit="file", disable=None) as bar:
        outcomes = fetch(chosen, raw, mirror, progress=lambda _: bar.update())
    for outcome in outcomes:
        if outcome.state in ("missing", "unpinned"):
            say(fetched_line(outcome))
    states = Counter(outcome.state for outcome in outcomes)
    say(", ".join(f"{count} {state}" for state, count in sorted(states.items())), err=True)
    available = {source.slug for source in chosen if source.status == "available"}
    if any(o.state == "missing" and o.slug in available for o in outcomes):
        raise click.exceptions.Exit(1)


@data.command("build")
@click.option(
    "--licences",
    type=click.Choice(["permissive", "default", "all"]),
    default="default",
    show_default=True,
    help="Which sources may train, by their licence.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="data/corpus.parquet",
    show_default=True,
    help="The corpus.",
)
@click.option(
    "--authored",
    type=_FOLDER,
    default="data/authored",
    show_default=True,
    help="Folder of the project's own messages; left out where it does not exist.",
)
@click.option(
    "--cards",
    type=_FOLDER,
    default="data/cards",
    show_default=True,
    help="Folder of campaigns.toml and notices.toml, of which the everyday messages are.",
)
@click.option(
    "--corrections",
    type=_FOLDER,
    default="data/corrections",
    show_default=True,
    help="Folder of what readers say of public rows.",
)
@_RAW
@_SOURCES
def build_command(
    licences: LicencePolicy,
    output: Path,
    authored: Path,
    cards: Path,
    corrections: Path,
    raw: Path,
    sources: Path,
) -> None:
    """Make the corpus from every source that can be read and the project's own messages."""
    with extra("train"):
        from scamdetect.train.data.corpus import build_corpus
        from scamdetect.train.data.corpus_rows import is_corpus
    own = authored if authored.is_dir() else None
    output = own_destination(output, is_corpus, "corpus")
    build_corpus(
        sources, raw, output, licences, say,
        authored=own, corrections=corrections, cards=cards,
    )  # fmt: skip


@data.command("audit")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, dir_okay=False),
    default="data/corpus.parquet",
    show_default=True,
    help="The corpus.",
)
@click.option(
    "-o", "--output", type=_FOLDER, default="data/audit", show_default=True,
    help="Folder of the report and its plots.",
)  # fmt: skip
@click.option(
    "--readme",
    type=click.Path(path_type=Path, dir_okay=False),
    default="data/README.md",
    show_default=True,
    help="A page whose audit section is brought up to date; left out where it does not exist.",
)
@click.option(
    "--before",
    type=click.Path(path_type=Path, dir_okay=False),
    help="An earlier corpus, whose real scams are counted beside.",
)
@click.option(
    "--form",
    type=click.Path(path_type=Path, dir_okay=False),
    default="benchmarks/results/form_parity.json",
    show_default=True,
    help="What form alone tells; left out where it does not exist.",
)
def audit_command(
    corpus: Path, output: Path, readme: Path, before: Path | None, form: Path
) -> None:
    """Report rows, duplicates, leakage and give-aways of a corpus, as Markdown with plots."""
    with extra("train"):
        from scamdetect.reports.pages import between_markers
        from scamdetect.train.data.audit import audit_corpus, real_scams
        from scamdetect.train.data.audit_page import END, START, audit_page, is_audit, summary_lines
    with extra("report"):
        from scamdetect.train.data.audit_plots import draw_plots
    page_file = own_destination(output / "README.md", is_audit, "audit", [corpus])
    audit = audit_corpus(corpus)
    plots = draw_plots(audit, output)
    earlier = None if before is None else real_scams(before)
    measured = json.loads(read_text(form)) if form.exists() else None
    write_text(page_file, audit_page(audit, plots, real_scams(corpus), earlier, measured))
    say(f"wrote {output / 'README.md'} and {len(plots)} plots")
    if readme.exists():
        text = read_text(readme)
        page = between_markers(text, START, END, summary_lines(audit), readme)
        write_text(followed(readme), page)
        say(f"brought {readme} up to date")


@data.command("verify")
@click.option(
    "--reference", type=_FOLDER, required=True, help="Folder of <slug>.jsonl.gz reference rows."
)
@click.option("--all", "every", is_flag=True, help="List every difference, not only the first 20.")
@_ONLY
@_RAW
@_SOURCES
def verify_command(
    reference: Path, every: bool, only: tuple[str, ...], raw: Path, sources: Path
) -> None:
    """Compare what the loader reads with reference rows; exit with 1 under 99.5 % equal rows."""
    from scamdetect.cli.console import comparison_lines

    with extra("train"):
        from scamdetect.train.data.audit import compare

    failed = []
    for source in _chosen(sources, only):
        try:
            comparison = compare(source, raw, sources, reference)
        except (SourceError, OSError) as problem:
            failed.append(source.slug)
            say(f"{source.slug}: cannot be compared ({said(problem)})")
            continue
        if not comparison.passed:
            failed.append(source.slug)
        for line in comparison_lines(comparison, None if every else _MOST_DIFFERENCES):
            say(line)
    if failed:
        say(f"{len(failed)} sources failed: {', '.join(failed)}", err=True)
        raise click.exceptions.Exit(1)


def _chosen(folder: Path, only: tuple[str, ...]) -> list[Source]:
    with extra("train"):
        from scamdetect.train.data.registry import load_registry
    registry = load_registry(folder)
    if unknown := sorted(set(only) - set(registry)):
        raise InputError(
            f"--only {unknown[0]}: no such source in {folder}; known: {', '.join(registry)}"
        )
    return [source for slug, source in registry.items() if not only or slug in only]
