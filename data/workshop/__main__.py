"""Tools for the project's own messages and for blind readings: ``python -m data.workshop``.

Run it from the root of a checkout, with the extra ``train`` installed. Users of the library do not
need it: the corpus and the benchmark read its results in ``data/authored`` and
``data/corrections``.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq

from data.workshop.cards import brief_line, draw_cards
from data.workshop.everyday import (
    LINK_AUC_BAR,
    alike_rows,
    copied_rows,
    form_rates,
    link_auc,
    merge_everyday,
)
from data.workshop.merge import assign_parts, departures, merge
from data.workshop.reading import Item, read_answers, write_batches
from data.workshop.reading_draw import (
    draw_authored,
    draw_dev,
    draw_public,
    draw_source,
    draw_suspect,
    known_answers,
    label_doubts,
    out_of_fold,
)
from data.workshop.reading_merge import (
    figure_lines,
    figures_of,
    merge_authored,
    merge_public,
    of_present_texts,
)
from data.workshop.realism import (
    origin_figures,
    read_realism,
    realism_figures,
    set_readings,
    write_origin,
    write_realism,
)
from data.workshop.sample import draw_inbox, write_inbox
from data.workshop.stats import (
    count_lines,
    form_stats,
    near_duplicates,
    repeated_openings,
    stats_lines,
)
from scamdetect.cli.streams import say, say_json
from scamdetect.detector import ScamDetector
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.evaluate.baselines import train_baseline
from scamdetect.evaluate.comparison import DETECTOR_CODE, ScoreCache
from scamdetect.labels import Verdict
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import check_regular, file_sha256, write_text
from scamdetect.train.data.authored import (
    Part,
    check_authored,
    count_rows,
    encode_row,
    load_authored,
    write_rows,
)
from scamdetect.train.data.corpus import public_texts
from scamdetect.train.data.everyday import check_everyday, load_catalogue, load_everyday
from scamdetect.train.data.registry import load_registry
from scamdetect.train.data.scores import score_texts
from scamdetect.train.data.table import detector_texts

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_AUTHORED = click.argument("folder", type=_FOLDER, default="data/authored")
_OWN = click.option(
    "--authored", type=_FOLDER, default="data/authored", show_default=True,
    help="Folder of the project's own messages.",
)  # fmt: skip
_CARDS = click.option(
    "--cards", type=_FOLDER, default="data/cards", show_default=True,
    help="Folder of campaigns.toml and notices.toml.",
)  # fmt: skip
_MOST_SHOWN = 60
# Where everyday messages are set beside real ones: what people reported or received.
REAL_SOURCES = [
    "imc25_sample",
    "mishra_soni_smishing",
    "ko_kisa_smishing_2025",
    "th_sms_ssivakorn",
    "vi_sms_lekhang",
    "nus_sms_en",
    "nus_sms_zh",
    "uci_sms_spam",
    "scamspot_ig_comments",
    "ru_radiot_tgspam",
    "umputun_tg_spam",
    "songys_ko",
]
_FOLDS = 3
_TOP = 0.05  # of the honest dev rows, by a model, to be read
_BARRED = "GPL"  # sources under it are not read: their labels would have to be under it too
_WRONG_USE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def workshop() -> None:
    """Write, check and read the project's own messages; have public rows read."""


@workshop.command("cards")
@click.argument("lang")
@click.option("--rows", type=int, default=440, show_default=True, help="How many cards.")
@click.option("--seed", type=int, required=True, help="The same seed draws the same cards.")
@click.option("--final", is_flag=True, help="Cards of the final part.")
@click.option("--first", type=int, default=1, show_default=True, help="Number of the first id.")
@click.option(
    "--brief", is_flag=True, help="Print one line per card, for the writer, instead of JSONL."
)
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
    """Draw scenario cards for messages; they contain no text."""
    for card in draw_cards(lang, rows, seed, tables, final=final, first=first):
        if brief:
            say(brief_line(card))
        else:
            say_json(encode_row(card))


@workshop.command("merge")
@click.argument("cards", type=_FILE)
@click.argument("texts", type=_FILE)
@click.option(
    "-o", "--output", type=_FILE, required=True, help="The language's file, data/authored/th.jsonl."
)
@click.option("--writer", required=True, help="Who wrote the texts, as the model's name.")
def merge_command(cards: Path, texts: Path, output: Path, writer: str) -> None:
    """Add texts to their cards and report differences."""
    merged = merge(cards, texts, output, writer)
    if merged.problems:
        _show("problems", merged.problems)
        say(f"{output}: not written; correct the texts and merge again")
        raise click.exceptions.Exit(1)
    rows = merged.rows
    _show("differs from its card", list(departures(rows)))
    near, _ = near_duplicates(rows)
    _show("near-duplicates", [f"{one} ~ {', '.join(others)}" for one, others in near.items()])
    _show("same opening", [", ".join(ids) for ids in repeated_openings(rows).values()])
    for line in stats_lines(form_stats(rows)):
        say(line)
    say(f"{output}: {len(rows)} rows; {merged.cards_left} cards have no text yet")


@workshop.command("check")
@_AUTHORED
@click.option("--lang", "only", multiple=True, help="Only this language; repeatable.")
@click.option(
    "--by",
    type=click.Choice(["verdict", "part", "cell", "cell-verdict", "cell-part"]),
    default="verdict",
    show_default=True,
    help="What to count each language by.",
)
@click.option("--against", type=_FILE, help="A corpus; no row may resemble its public texts.")
def check_command(folder: Path, only: tuple[str, ...], by: str, against: Path | None) -> None:
    """Check and measure the project's own messages; exit with 1 if there are problems."""
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


@workshop.command("parts")
@_AUTHORED
@click.option(
    "--to",
    type=click.Choice(["train", "calibrate", "dev", "final"]),
    help="Assign all to this part, so that a later round does not change the others.",
)
def parts_command(folder: Path, to: Part | None) -> None:
    """Assign rows without a part to one: train, calibrate or dev."""
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


@workshop.command("everyday-merge")
@click.argument("texts", type=_FILE)
@click.option(
    "-o", "--output", type=_FILE, required=True,
    help="The language's file, data/authored/everyday/th.jsonl.",
)  # fmt: skip
@click.option("--writer", required=True, help="Who wrote the texts, as the model's name.")
@_CARDS
def everyday_merge_command(texts: Path, output: Path, writer: str, cards: Path) -> None:
    """Add a writer's everyday texts to their campaigns; report variants that are too similar."""
    rows, problems = merge_everyday(texts, output, load_catalogue(cards), writer)
    if problems:
        _show("problems", problems)
        say(f"{output}: not written; correct the texts and merge again")
        raise click.exceptions.Exit(1)
    _show("too similar", [f"{a} ~ {b}: {index:.2f}" for a, b, index in alike_rows(rows)])
    say(f"{output}: {len(rows)} rows")


@workshop.command("everyday")
@click.argument("folder", type=_FOLDER, default="data/authored/everyday")
@click.option("--lang", "only", multiple=True, help="Only this language; repeatable.")
@click.option("--against", type=_FILE, help="A corpus; no row may share a run of words with it.")
@_CARDS
def everyday_command(
    folder: Path, only: tuple[str, ...], against: Path | None, cards: Path
) -> None:
    """Check the everyday messages and measure their form; exit with 1 if there are problems."""
    catalogue = load_catalogue(cards)
    if problems := check_everyday(folder, catalogue, only):
        _show("problems", problems)
        raise click.exceptions.Exit(1)
    rows = load_everyday(folder, catalogue, only)
    alike = [f"{a} ~ {b}: {index:.2f}" for a, b, index in alike_rows(rows)]
    _show("too similar", alike)
    copied = {} if against is None else copied_rows(rows, public_texts(against))
    _show("words of a public row", [f"{name}: {count} rows" for name, count in copied.items()])
    for verdict in (Verdict.SCAM, Verdict.LEGIT):
        texts = [row.text for row in rows if row.verdict is verdict]
        if texts:
            rates = ", ".join(f"{name} {rate:.2f}" for name, rate in form_rates(texts).items())
            say(f"{verdict}: {len(texts)} rows; {rates}")
    say(f"only links: AUC {link_auc(rows):.3f}, limit {LINK_AUC_BAR}")
    if alike or copied:
        raise click.exceptions.Exit(1)


@workshop.command("sample")
@click.argument("folder", type=_FOLDER, default="data/samples")
@click.option("--everyday", type=_FOLDER, default="data/authored/everyday", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@_CARDS
def sample_command(folder: Path, everyday: Path, seed: int, cards: Path) -> None:
    """Draw the sample inbox from the part final, whatever any model says of it."""
    inbox = draw_inbox(load_everyday(everyday, load_catalogue(cards)), seed)
    write_inbox(folder, inbox)
    scams = sum(one.row.verdict is Verdict.SCAM for one in inbox)
    say(f"{folder}: {len(inbox)} messages, {scams} scams")


@workshop.command("realism-draw")
@click.argument("folder", type=_FOLDER)
@click.option("--corpus", type=_FILE, required=True, help="For real rows that train.")
@click.option("--everyday", type=_FOLDER, default="data/authored/everyday", show_default=True)
@click.option("--rows", type=int, default=600, show_default=True, help="Everyday rows to be read.")
@click.option("--origin", "langs", multiple=True, help="Also pairs of this language; repeatable.")
@click.option("--pairs", type=int, default=40, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@_CARDS
def realism_draw_command(
    folder: Path, corpus: Path, everyday: Path, rows: int, langs: tuple[str, ...], pairs: int,
    seed: int, cards: Path,
) -> None:  # fmt: skip
    """Write batches that mix everyday messages with real ones, and pairs to distinguish."""
    own = load_everyday(everyday, load_catalogue(cards))
    drawn = random.Random(seed).sample(own, min(rows, len(own)))
    check_regular(corpus)
    table = pq.read_table(corpus, filters=[("role", "=", "train"), ("source", "in", REAL_SOURCES)])
    real = [row for row in table.to_pylist() if not row["not_legit"]]
    names = write_realism(drawn, real, folder, 60, seed)
    if langs:
        names += write_origin(own, real, langs, folder, pairs, seed)
    say(f"{folder}: {len(names)} batches, {names[0]} to {names[-1]}")


@workshop.command("realism-merge")
@click.argument("folder", type=_FOLDER)
@click.option("--everyday", type=_FOLDER, default="data/authored/everyday", show_default=True)
@_CARDS
def realism_merge_command(folder: Path, everyday: Path, cards: Path) -> None:
    """Store readers' answers in the everyday rows; print realism and the test of origin."""
    own = load_everyday(everyday, load_catalogue(cards))
    judged = read_realism(folder)
    for name, figures in realism_figures(judged).items():
        say(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in figures.items()))
    for lang, (hits, n) in origin_figures(folder).items():
        say(f"origin identified, {lang}: {hits} of {n} ({hits / n:.0%})")
    _show("writer and reader differ", set_readings(everyday, own, judged))


@workshop.command("reading-draw")
@click.argument("folder", type=_FOLDER)
@click.option("--corpus", type=_FILE, help="Draw rows of its public sources.")
@click.option(
    "--what", type=click.Choice(["doubtful", "source", "dev", "suspect"]), default="doubtful",
    show_default=True,
    help="Which rows: train rows whose label a reading may improve; the unread rows of "
         "--source; dev scams and the honest dev rows with the highest scores; honest train "
         "rows with the highest scores.",
)  # fmt: skip
@click.option("--source", "slug", help="With --what source.")
@click.option("--rows", type=int, help="Maximum; 12,000 of doubtful, 2,000 of suspect ones.")
@click.option(
    "--twice", type=int, default=0, show_default=True, help="How many of these to read twice."
)
@click.option(
    "--kept", type=_FOLDER, help="With --what dev, the folder in which scores are cached."
)
@click.option("--batch", type=click.IntRange(10), default=60, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--name", required=True, help="The prefix of the batch names.")
@click.option(
    "--sources", type=_FOLDER, default="data/sources", show_default=True,
    help="Folder of the descriptions.",
)  # fmt: skip
@_OWN
def reading_draw_command(
    folder: Path, corpus: Path | None, what: str, slug: str | None, rows: int | None, twice: int,
    kept: Path | None, batch: int, seed: int, name: str, sources: Path, authored: Path,
) -> None:  # fmt: skip
    """Write batches for blind readers: of a corpus, or of the unread authored rows.

    FOLDER gets the messages and keys.jsonl, which no reader may see; readers put their answers into
    FOLDER/answers/<batch>.<reader>.txt. Public text must stay out of a repository, and so must
    FOLDER.
    """
    own = load_authored(authored)
    known = known_answers(own)
    if corpus is None:
        names = write_batches(draw_authored(own, seed), known, folder, batch, seed, name)
    else:
        items = _drawn(corpus, what, slug, rows, seed, sources, kept)
        if not 0 <= twice <= len(items):
            raise InputError(f"--twice {twice}: 0 to {len(items)}, the number of rows")
        names = write_batches(items, known, folder, batch, seed, name)
        if twice:
            names += write_batches(items[:twice], known, folder, batch, seed + 1, f"{name}-twice")
    say(f"{folder}: {len(names)} batches, {names[0]} to {names[-1]}")


def _drawn(
    corpus: Path, what: str, slug: str | None, rows: int | None, seed: int, sources: Path,
    kept: Path | None,
) -> list[Item]:  # fmt: skip
    check_regular(corpus)
    barred = [one.slug for one in load_registry(sources).values() if _BARRED in one.licence]
    if what == "source":
        if slug is None or slug in barred:
            raise InputError(f"--source {slug}: choose a source that may be read")
        return draw_source(pq.read_table(corpus), slug, rows, seed)
    train = pq.read_table(corpus, filters=[("role", "=", "train")])
    if what == "doubtful":
        doubts = label_doubts(train, _FOLDS, say)
        return draw_public(train, doubts, rows or 12_000, barred, seed)
    if what == "suspect":
        suspicion = out_of_fold(train, _FOLDS, say)
        return draw_suspect(train, suspicion, rows or 2_000, seed)
    dev = pq.read_table(corpus, filters=[("role", "=", "dev")])
    words = train_baseline(train, say).scam_probabilities(dev["norm"].to_pylist())
    detector, cache = ScamDetector.load(), ScoreCache(kept, file_sha256(corpus), say)
    shipped = cache.scores(
        "bundle", detector.model_id, DETECTOR_CODE, dev["row_hash"].to_pylist(),
        lambda: score_texts(detector, detector_texts(dev), "bundle", say),
    )  # fmt: skip
    return draw_dev(dev, [words, shipped.scam], _TOP, seed)


@workshop.command("reading-merge")
@click.argument("folder", type=_FOLDER)
@click.option("--corpus", type=_FILE, help="To measure the agreement with a keyword rule.")
@click.option(
    "--corrections", type=_FOLDER, default="data/corrections", show_default=True,
    help="Folder of the corrections.",
)  # fmt: skip
@click.option("--report", type=_FILE, help="Write the figures here too, as Markdown.")
@click.option("--overwrite", is_flag=True, help="Replace a report that exists.")
@_OWN
def reading_merge_command(
    folder: Path, corpus: Path | None, corrections: Path, report: Path | None, overwrite: bool,
    authored: Path,
) -> None:  # fmt: skip
    """Store readers' answers in the corrections and the authored rows; print the figures.

    Exits with 1 if an authored row's reader and writer differ, after writing everything.
    """
    if report is not None:
        read = [folder, corrections, authored, *([] if corpus is None else [corpus])]
        report = file_destination(report, overwrite=overwrite, inputs=read)
    answers = of_present_texts(read_answers(folder), authored)
    texts = {}
    if corpus is not None:
        check_regular(corpus)
        table = pq.read_table(corpus, columns=["row_hash", "norm"])
        texts = dict(zip(table["row_hash"].to_pylist(), table["norm"].to_pylist(), strict=True))
    for path in merge_public(answers, corrections):
        say(f"wrote {path}")
    differing = merge_authored(answers, authored)
    lines = figure_lines(figures_of(answers, texts))
    say(*lines)
    if report is not None:
        write_text(report, "\n".join(lines) + "\n")
    for one in differing:
        say(
            f"{one.key.id}: writer {one.key.old}, reader {one.verdict} {one.probability}: "
            f"{one.reason}"
        )
    if differing:
        raise click.exceptions.Exit(1)


def main() -> None:
    """Run the command line; every expected error becomes one line on stderr and exit code 2."""
    try:
        workshop(prog_name="python -m data.workshop")
    except (ScamDetectError, OSError, pa.ArrowException) as problem:
        say(f"workshop: {problem}", err=True)
        sys.exit(_WRONG_USE)


if __name__ == "__main__":
    main()
