"""The commands that share indicators and fingerprints with others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import (
    LOG_JSON,
    OVERWRITE,
    OVERWRITE_FILE,
    QUIET,
    RESUME,
    SOURCES,
    WORK_FOLDER,
    Group,
    output_option,
)
from scamdetect.cli.streams import say


@click.group(cls=Group)
def indicators() -> None:
    """Share indicators such as domains, links and wallets.

    Nothing is shared before a person has reviewed it.
    """


@indicators.command(
    epilog="Example: scamdetect indicators propose april.parquet -o review.csv --sender-column "
    "sender --time-column sent_at"
)
@click.argument("scored", type=click.Path(), nargs=-1, required=True)
@output_option("CSV file to review.", type=click.Path(), required=True, metavar="FILE")
@click.option("--sender-column", metavar="COLUMN", help="Column with the sender, to count.")
@click.option("--time-column", metavar="COLUMN", help="Column with the time, for the days.")
@click.option(
    "--recipient-column",
    metavar="COLUMN",
    help="Column with the recipient; a recipient is never proposed.",
)
@click.option(
    "--types",
    "types",
    multiple=True,
    metavar="TYPE",
    help="Type to look for. Repeatable: domain, link, wallet, phone, email, handle, iban, "
    "account. The last five identify people and are marked TLP:AMBER.  [default: domain, link, "
    "wallet]",
)
@click.option(
    "--region",
    metavar="CC",
    help="Country (ISO 3166) of phone numbers without a country code, such as GB.",
)
@click.option(
    "--senders",
    is_flag=True,
    help="Also propose senders. They are easily forged: do not publish a possible victim.",
)
@click.option(
    "--campaigns",
    type=click.Path(),
    metavar="MEMBERS",
    help="Members file that `scamdetect campaigns` wrote for SCORED.  [default: messages with the "
    "same template are one campaign]",
)
@click.option(
    "--labels",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="Labelled queue, one for each SCORED. Campaigns labelled scam are proposed, those "
    "labelled legit or spam are not.",
)
@click.option(
    "--sightings",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="Sightings by others of the indicators that you published (CSV, MISP or STIX), for the "
    "column seen_by_others. Repeatable. Requires --organisation.",
)
@click.option("--organisation", metavar="NAME", help="Name under which you export indicators.")
@SOURCES
@WORK_FOLDER
@RESUME
@OVERWRITE
@QUIET
@LOG_JSON
def propose(
    scored: tuple[str, ...],
    output: str,
    types: tuple[str, ...],
    quiet: bool,
    log_json: bool,
    **asked: Any,  # noqa: ANN401 - what write_review takes as it is
) -> None:
    """Propose indicators for review in a CSV file.

    SCORED is as for `scamdetect groups`. An indicator is proposed if at least 80 % of the messages
    that contain it are flagged, from at least 3 senders, or if its campaign is labelled scam.
    Indicators of honest organisations and of recipients are left out. To publish a row, write yes
    in the column publish, and fill in the reviewer and the date.

    Unfinished work is kept in <destination>.parts; --resume continues it.
    """
    from scamdetect.cli.console import log_done, proposal_lines, say_next, step_bar
    from scamdetect.cli.interrupts import stop_on_interrupt

    with step_bar(quiet, log_json) as watch, stop_on_interrupt() as stop:
        from scamdetect.share.propose import write_review

        summary = write_review(scored, output, types=types or None, watch=watch, stop=stop, **asked)
    if log_json:
        log_done(summary)
    elif not quiet:
        say(*proposal_lines(summary), err=True)
        name = asked["organisation"] or "Our Bank"
        say_next("indicators", "export", output, "-o", "ours.csv", "--organisation", name)


# -- publish what people decided -----------------------------------------------------------------

_OUTPUT = output_option(
    "File to write.", type=click.Path(path_type=Path), required=True, metavar="FILE"
)
_FORMAT = click.option(
    "--format",
    "export_format",
    type=click.Choice(["csv", "jsonl", "misp", "stix"]),
    help="Format of the file to write.  [default: by its extension, .csv or .jsonl]",
)


@indicators.command(
    epilog="Example: scamdetect indicators export reviewed.csv -o ours.csv --organisation "
    "'Our Bank'"
)
@click.argument("review", type=click.Path(path_type=Path))
@_OUTPUT
@click.option(
    "--organisation",
    required=True,
    metavar="NAME",
    help="Your name as the publisher. Use the same one every time: the ids depend on it.",
)
@_FORMAT
@click.option(
    "--tlp",
    "strictest",
    metavar="LABEL",
    help="Strictest TLP 2.0 label to export, such as GREEN.  [default: all labels]",
)
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    metavar="EXPORT",
    help="Earlier STIX export, to keep the creation times of its objects.",
)
@OVERWRITE_FILE
def export(
    review: Path,
    output: Path,
    **asked: Any,  # noqa: ANN401 - what write_export takes as it is
) -> None:
    """Export reviewed indicators as CSV, JSONL, MISP or STIX.

    REVIEW is a file of `scamdetect indicators propose`. Only rows with yes in the column publish, a
    reviewer and a date are exported. Types that the format does not have are counted as left out.
    """
    from scamdetect.share.export import write_export

    summary = write_export(review, output, **asked)
    total = sum(summary.exported.values())
    types = ", ".join(f"{name} {count:,}" for name, count in summary.exported.items())
    say(
        f"{total:,} indicators written to {summary.destination}: {types}",
        *(f"left out {one.count:,}: {one.reason}" for one in summary.left_out),
        err=True,
    )


@indicators.command(
    epilog="Example: scamdetect indicators withdraw ours.csv -o withdrawn.csv --value "
    "parcel-fee.example"
)
@click.argument("shared", type=click.Path(path_type=Path), metavar="REVIEW_OR_EXPORT")
@_OUTPUT
@click.option(
    "--value",
    "values",
    multiple=True,
    help="Indicator to withdraw. Repeatable.  [default: all]",
)
@click.option(
    "--organisation", metavar="NAME", help="Your name as the publisher; only for a review file."
)
@_FORMAT
@OVERWRITE_FILE
def withdraw(
    shared: Path,
    output: Path,
    **asked: Any,  # noqa: ANN401 - what write_withdrawal takes as it is
) -> None:
    """Withdraw indicators that you shared.

    Send the file to everyone who got the export. It has the same objects, marked as withdrawn:
    revoked in STIX, deleted and not for detection in MISP, with the column withdrawn in CSV and
    JSONL.
    """
    from scamdetect.share.withdraw import write_withdrawal

    summary = write_withdrawal(shared, output, **asked)
    say(f"{summary.indicators:,} withdrawn indicators written to {summary.destination}", err=True)


# -- report sightings of indicators of others ----------------------------------------------------


@indicators.command(
    epilog="Example: scamdetect indicators sightings may.parquet --feed theirs.csv -o for-them.csv "
    "--organisation 'Our Bank' --time-column sent_at"
)
@click.argument("scored", type=click.Path(), nargs=-1, required=True)
@click.option(
    "--feed",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Feed whose owner gets the file. Only its indicators are counted.",
)
@_OUTPUT
@click.option("--organisation", required=True, metavar="NAME", help="Your name.")
@click.option(
    "--format",
    "export_format",
    type=click.Choice(["csv", "misp", "stix"]),
    help="Format of the file to write.  [default: csv if its extension is .csv]",
)
@click.option("--time-column", metavar="COLUMN", help="When messages were written: gives days.")
@SOURCES
@OVERWRITE_FILE
def sightings(
    scored: tuple[str, ...],
    output: Path,
    **asked: Any,  # noqa: ANN401 - what write_sightings takes as it is
) -> None:
    """Report how often you saw the indicators of a feed.

    SCORED are files of `scamdetect score --indicators`. The report has counts and days only.
    Indicators in fewer than 3 messages are left out. The owner of the feed reads the file with
    `scamdetect indicators propose --sightings`, or loads it into MISP or a STIX platform.
    """
    from scamdetect.share.count_sightings import write_sightings

    summary = write_sightings(scored, output, **asked)
    total = sum(summary.written.values())
    types = ", ".join(f"{name} {count:,}" for name, count in summary.written.items())
    say(
        f"{total:,} sightings written to {summary.destination}: {types}",
        *(f"left out {one.count:,}: {one.reason}" for one in summary.left_out),
        err=True,
    )


# -- fingerprints --------------------------------------------------------------------------------

_KEY = click.option(
    "--key", "key_file", type=click.Path(path_type=Path), metavar="FILE", required=True,
    help="Secret key of `scamdetect fingerprints key`.",
)  # fmt: skip


@click.group(cls=Group)
def fingerprints() -> None:
    """Compare campaigns with another platform, without texts.

    Both platforms use the same secret key.
    """


@fingerprints.command(epilog="Example: scamdetect fingerprints key -o fingerprints.key")
@_OUTPUT
def key(output: Path) -> None:
    """Create a secret key.

    Send it over a trusted channel to the platforms that you compare with, and to nobody else: with
    the key one can test guesses about the texts of your campaigns. Only you may read the file.
    """
    from scamdetect.share.fingerprint_key import write_key

    say(f"key written to {write_key(output)}", err=True)


@fingerprints.command(
    epilog="Example: scamdetect fingerprints make april.campaigns.parquet april.parquet "
    "--key fingerprints.key -o april.fingerprints"
)
@click.argument("campaigns", type=click.Path(path_type=Path))
@click.argument("scored", type=click.Path(), nargs=-1, required=True)
@_KEY
@_OUTPUT
@click.option(
    "--members",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Members file of CAMPAIGNS.  [default: the file next to CAMPAIGNS]",
)
@SOURCES
@OVERWRITE_FILE
def make(
    campaigns: Path,
    scored: tuple[str, ...],
    key_file: Path,
    output: Path,
    **asked: Any,  # noqa: ANN401 - what make_fingerprints takes as it is
) -> None:
    """Compute the fingerprints of campaigns.

    CAMPAIGNS is the file that `scamdetect campaigns` wrote for SCORED. Campaigns need at least 10
    messages and 3 senders. A fingerprint represents the wording that at least half of the messages
    share; the file has no text, no sender and no vector.
    """
    from scamdetect.cli.console import say_next
    from scamdetect.share.fingerprint_files import make_fingerprints
    from scamdetect.share.fingerprint_key import read_key

    summary = make_fingerprints(campaigns, scored, output, key=read_key(key_file), **asked)
    say(
        f"{summary.fingerprints:,} fingerprints written to {summary.destination}",
        *(f"campaigns with {reason}: {n:,} left out" for reason, n in summary.left_out.items()),
        err=True,
    )
    say_next("fingerprints", "match", output, "theirs.fingerprints")


@fingerprints.command(
    epilog="Example: scamdetect fingerprints match april.fingerprints theirs.fingerprints"
)
@click.argument("mine", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.option(
    "--at-least",
    type=click.FloatRange(0, 1),
    default=0.7,
    show_default=True,
    metavar="SIMILARITY",
    help="Smallest estimated similarity of a pair, 0 to 1.",
)
@click.option(
    "--campaigns",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Campaigns file of MINE, to print its campaign ids; requires --key.",
)
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), metavar="FILE",
    help="Secret key, for --campaigns.",
)  # fmt: skip
def match(
    mine: Path, theirs: Path, at_least: float, campaigns: Path | None, key_file: Path | None
) -> None:
    """Print the campaigns that two platforms share, as CSV.

    MINE and THEIRS are files of `scamdetect fingerprints make` with the same key. The similarity is
    an estimate with a standard error of 0.03. This does not require the key.
    """
    from scamdetect.share.fingerprint_files import match_fingerprints, names_of
    from scamdetect.share.fingerprint_key import read_key

    if (campaigns is None) != (key_file is None):
        raise click.UsageError("--campaigns and --key must be given together.")
    names = {}
    if campaigns is not None and key_file is not None:
        names = names_of(campaigns, read_key(key_file))
    pairs = match_fingerprints(mine, theirs, at_least=at_least)
    say("similarity,mine,theirs,my_messages,their_messages,their_first_day,their_last_day")
    for one in pairs:
        found = one.theirs
        say(
            f"{one.similarity:.2f},{names.get(one.mine.name, one.mine.name)},{found.name},"
            f"{one.mine.size}+,{found.size}+,{found.first_day or ''},{found.last_day or ''}"
        )
    say(f"{len(pairs):,} pairs of campaigns are alike", err=True)
