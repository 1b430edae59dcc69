"""The commands of ``scamdetect data``: fetch, build and check the training corpus."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scamdetect.cli.options import Group, output_option
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
    "--raw",
    type=_FOLDER,
    default="data/raw",
    show_default=True,
    help="Folder of the original files.",
)
_SOURCES = click.option(
    "--sources",
    type=_FOLDER,
    default="data/sources",
    show_default=True,
    help="Folder of the source descriptions.",
)
_ONLY = click.option(
    "--only", metavar="SLUG", multiple=True, help="Use only this source. Repeatable."
)


@click.group(cls=Group)
def data() -> None:
    """Fetch, build and check the training corpus."""


@data.command("fetch", epilog="Example: scamdetect data fetch --only en_smishx")
@click.option("--mirror", type=_FOLDER, help="Copy from this folder instead of downloading.")
@_ONLY
@output_option(
    "Folder of the original files.",
    "raw",
    type=_FOLDER,
    default="data/raw",
    show_default=True,
    metavar="DIR",
)
@_SOURCES
def fetch_command(mirror: Path | None, only: tuple[str, ...], raw: Path, sources: Path) -> None:
    """Download the original files and verify their hashes.

    Missing files are listed with the reason.
    """
    from scamdetect.cli.console import fetched_line, progress, say_next

    with extra("train"):
        from scamdetect.train.data.fetch import fetch

    chosen = _chosen(sources, only)
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
            say(fetched_line(outcome))
    states = Counter(outcome.state for outcome in outcomes)
    say(", ".join(f"{count} {state}" for state, count in sorted(states.items())), err=True)
    available = {source.slug for source in chosen if source.status == "available"}
    if any(o.state == "missing" and o.slug in available for o in outcomes):
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
@click.option(
    "--authored",
    type=_FOLDER,
    default="data/authored",
    show_default=True,
    help="Folder of authored messages; skipped if it does not exist.",
)
@click.option(
    "--cards",
    type=_FOLDER,
    default="data/cards",
    show_default=True,
    help="Folder of campaigns.toml and notices.toml, which generate the everyday messages.",
)
@click.option(
    "--corrections",
    type=_FOLDER,
    default="data/corrections",
    show_default=True,
    help="Folder of corrections to public rows.",
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
    """Build the corpus from all readable sources.

    It also includes the authored and the everyday messages.
    """
    with extra("train"):
        from scamdetect.train.data.corpus import build_corpus
        from scamdetect.train.data.corpus_rows import is_corpus
    own = authored if authored.is_dir() else None
    output = own_destination(output, is_corpus, "corpus")
    build_corpus(
        sources, raw, output, licences, say,
        authored=own, corrections=corrections, cards=cards,
    )  # fmt: skip


@data.command("audit", epilog="Example: scamdetect data audit -o data/audit")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, dir_okay=False),
    default="data/corpus.parquet",
    show_default=True,
    help="Corpus to check.",
)
@output_option(
    "Folder of the report and its plots.",
    type=_FOLDER,
    default="data/audit",
    show_default=True,
    metavar="DIR",
)
@click.option(
    "--readme",
    type=click.Path(path_type=Path, dir_okay=False),
    default="data/README.md",
    show_default=True,
    help="Page whose audit section is updated; skipped if it does not exist.",
)
@click.option(
    "--before",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Earlier corpus, to compare the number of real scams.",
)
@click.option(
    "--form",
    type=click.Path(path_type=Path, dir_okay=False),
    default="benchmarks/results/form_parity.json",
    show_default=True,
    help="Results on how well form without content predicts scams; skipped if it does not exist.",
)
def audit_command(
    corpus: Path, output: Path, readme: Path, before: Path | None, form: Path
) -> None:
    """Report duplicates, leakage and give-aways of a corpus.

    The report is Markdown with plots.
    """
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
        say(f"updated {readme}")


@data.command("verify", epilog="Example: scamdetect data verify --reference reference")
@click.option(
    "--reference", type=_FOLDER, required=True, help="Folder of <slug>.jsonl.gz reference rows."
)
@click.option("--all", "every", is_flag=True, help="List all differences, not only the first 20.")
@_ONLY
@_RAW
@_SOURCES
def verify_command(
    reference: Path, every: bool, only: tuple[str, ...], raw: Path, sources: Path
) -> None:
    """Compare the loaded rows with reference rows.

    The exit code is 1 if less than 99.5 % of the rows are equal.
    """
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
