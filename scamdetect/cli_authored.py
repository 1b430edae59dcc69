"""The commands of ``scamdetect data`` for the project's own messages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scamdetect.cli_streams import say, say_json
from scamdetect.cli_train import extra

if TYPE_CHECKING:
    from scamdetect.data.authored import Part

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_AUTHORED = click.argument("folder", type=_FOLDER, default="data/authored")
_MOST_SHOWN = 60


@click.command("cards")
@click.argument("lang")
@click.option("--rows", type=int, default=440, show_default=True, help="How many cards.")
@click.option("--seed", type=int, required=True, help="The same seed draws the same cards.")
@click.option("--final", is_flag=True, help="Cards of the final part.")
@click.option("--first", type=int, default=1, show_default=True, help="Number of the first id.")
@click.option("--brief", is_flag=True, help="One line a card, for the writer, instead of JSONL.")
@click.option(
    "--tables",
    type=_FOLDER,
    default="data/cards",
    show_default=True,
    help="Folder of scenarios.toml and languages.toml.",
)
def cards_command(
    lang: str, rows: int, seed: int, final: bool, first: int, brief: bool, tables: Path
) -> None:
    """Draw scenario cards to write messages to; never text."""
    with extra("train"):
        from scamdetect.data.authored import encode_row
        from scamdetect.data.cards import brief_line, draw_cards
    for card in draw_cards(lang, rows, seed, tables, final=final, first=first):
        if brief:
            say(brief_line(card))
        else:
            say_json(encode_row(card))


@click.command("authored-merge")
@click.argument("cards", type=_FILE)
@click.argument("texts", type=_FILE)
@click.option(
    "-o", "--output", type=_FILE, required=True, help="The language's file, data/authored/th.jsonl."
)
@click.option("--writer", required=True, help="Who wrote the texts, as the model's name.")
def merge_command(cards: Path, texts: Path, output: Path, writer: str) -> None:
    """Put texts onto their cards and show where they depart from them."""
    with extra("train"):
        from scamdetect.data.authored_merge import departures, merge
        from scamdetect.data.authored_stats import (
            form_stats,
            near_duplicates,
            repeated_openings,
            stats_lines,
        )
    merged = merge(cards, texts, output, writer)
    if merged.problems:
        _show("problems", merged.problems)
        say(f"{output}: not written; correct the texts and merge again")
        raise click.exceptions.Exit(1)
    rows = merged.rows
    _show("not as the card says", list(departures(rows)))
    near, _ = near_duplicates(rows)
    _show("near-duplicates", [f"{one} ~ {', '.join(others)}" for one, others in near.items()])
    _show("same opening", [", ".join(ids) for ids in repeated_openings(rows).values()])
    for line in stats_lines(form_stats(rows)):
        say(line)
    say(f"{output}: {len(rows)} rows; {merged.cards_left} cards have no text yet")


@click.command("authored")
@_AUTHORED
@click.option("--lang", "only", multiple=True, help="Only this language; repeatable.")
@click.option(
    "--by",
    type=click.Choice(["verdict", "part", "cell", "cell-verdict", "cell-part"]),
    default="verdict",
    show_default=True,
    help="What to count each language by.",
)
@click.option("--against", type=_FILE, help="A corpus whose public texts no row should resemble.")
def authored_command(folder: Path, only: tuple[str, ...], by: str, against: Path | None) -> None:
    """Check the project's own messages and measure them; exit with 1 where something is wrong."""
    with extra("train"):
        from scamdetect.data.authored import check_authored, count_rows, load_authored
        from scamdetect.data.authored_stats import count_lines, form_stats, stats_lines
        from scamdetect.data.corpus import public_texts
    if problems := check_authored(folder, only):
        _show("problems", problems)
        raise click.exceptions.Exit(1)
    rows = load_authored(folder, only)
    keys = ["lang", *by.split("-")]
    counts = count_rows(rows, *keys)
    for line in count_lines(counts, sorted({key[-1] for key in counts})):
        say(line)
    public = None if against is None else public_texts(against)
    for line in stats_lines(form_stats(rows, public)):
        say(line)


@click.command("authored-parts")
@_AUTHORED
@click.option(
    "--to",
    type=click.Choice(["train", "calibrate", "dev", "final"]),
    help="Give them all this part, so that a later round leaves the other parts as they are.",
)
def parts_command(folder: Path, to: Part | None) -> None:
    """Give every row that has no part yet its part: train, calibrate or dev."""
    with extra("train"):
        from scamdetect.data.authored import count_rows, load_authored, write_rows
        from scamdetect.data.authored_parts import assign_parts
        from scamdetect.data.authored_stats import count_lines
    rows = assign_parts(load_authored(folder), to)
    for lang in sorted({row.lang for row in rows}):
        write_rows(folder / f"{lang}.jsonl", [row for row in rows if row.lang == lang])
    counts = count_rows(rows, "lang", "part")
    for line in count_lines(counts, ("train", "calibrate", "dev", "final")):
        say(line)


def _show(title: str, lines: list[str]) -> None:
    if lines:
        say(f"{title}: {len(lines)}")
        for line in lines[:_MOST_SHOWN]:
            say(f"  {line}")
        if len(lines) > _MOST_SHOWN:
            say(f"  and {len(lines) - _MOST_SHOWN} more")


COMMANDS = (cards_command, merge_command, authored_command, parts_command)
