"""The commands on what leaves the house, and what comes in: indicators and fingerprints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import OVERWRITE, QUIET, RESUME, SOURCES
from scamdetect.cli.streams import say


@click.group()
def indicators() -> None:
    """Share indicators: domains, links, wallets and the like, after people have reviewed them."""


@indicators.command(
    epilog="Example: scamdetect indicators propose april.parquet -o review.csv --sender-column "
    "sender --time-column sent_at"
)
@click.argument("scored", type=click.Path(), nargs=-1, required=True)
@click.option(
    "-o", "--output", type=click.Path(), required=True, metavar="FILE",
    help="The review file, a CSV.",
)  # fmt: skip
@click.option("--sender-column", metavar="COLUMN", help="Who wrote a message: counts senders.")
@click.option("--time-column", metavar="COLUMN", help="When messages were written: gives days.")
@click.option(
    "--recipient-column",
    metavar="COLUMN",
    help="Who got a message: nothing that is equal to a recipient is proposed.",
)
@click.option(
    "--types",
    "types",
    multiple=True,
    metavar="TYPE",
    help="Look for this type instead of domain, link and wallet; may be given several times: "
    "phone, email, handle, iban, account too. These are of people, so they are TLP:AMBER.",
)
@click.option(
    "--region",
    metavar="COUNTRY",
    help="Country of phone numbers without a country code (ISO 3166), such as GB.",
)
@click.option(
    "--senders",
    is_flag=True,
    help="Also propose who sent. Senders are easily forged: publish none that may be a victim.",
)
@click.option(
    "--campaigns",
    type=click.Path(),
    metavar="MEMBERS",
    help="The members file that `scamdetect campaigns` made of these dumps.  [default: messages "
    "with equal templates are one campaign]",
)
@click.option(
    "--labels",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="A queue that people labelled, one for each SCORED: what a person called a scam is "
    "proposed with its campaign, what is called legit or spam is not.",
)
@click.option(
    "--sightings",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="What others saw of the indicators that you published (CSV, MISP or STIX), for the column "
    "seen_by_others; may be given several times. Needs --organisation.",
)
@click.option("--organisation", metavar="NAME", help="The name under which you export indicators.")
@SOURCES
@click.option(
    "--work-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for unfinished work.  [default: that of the destination]",
)
@RESUME
@OVERWRITE
@QUIET
@click.option(
    "--log-json",
    is_flag=True,
    help="Instead write one JSON line a finished step, and one at the end, to stderr.",
)
def propose(
    scored: tuple[str, ...],
    output: str,
    types: tuple[str, ...],
    quiet: bool,
    log_json: bool,
    **asked: Any,  # noqa: ANN401 - what write_review takes as it is
) -> None:
    """Propose the indicators of scored dumps to people, who decide in a CSV what is published.

    SCORED is as for `scamdetect groups`. Each indicator is counted over all messages, flagged or
    not, and proposed if 80 % of them are flagged, of 3 senders, or if a person labelled its
    campaign a scam. Honest organisations are left out, and what belongs to a recipient. To publish
    a row, a person writes yes into the column publish, a reviewer and a date.

    Until all is done, the work lies in <destination>.parts; --resume goes on there.
    """
    from scamdetect.cli.console import log_done, proposal_lines, step_bar
    from scamdetect.cli.interrupts import stop_on_interrupt
    from scamdetect.share.propose import write_review

    with step_bar(quiet, log_json) as watch, stop_on_interrupt() as stop:
        summary = write_review(scored, output, types=types or None, watch=watch, stop=stop, **asked)
    if log_json:
        log_done(summary)
    elif not quiet:
        say(*proposal_lines(summary), err=True)


# -- what people decided, out --------------------------------------------------------------------

_OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
_OUTPUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="Destination.",
)  # fmt: skip
_FORMAT = click.option(
    "--format",
    "export_format",
    type=click.Choice(["csv", "jsonl", "misp", "stix"]),
    help="Format of the destination.  [default: by its extension, .csv or .jsonl]",
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
    help="Who shares. The ids of what is shared depend on it, so give the same one every time.",
)
@_FORMAT
@click.option(
    "--tlp",
    "strictest",
    metavar="LABEL",
    help="Leave out rows with a stricter label of TLP 2.0, such as GREEN.  [default: none]",
)
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    metavar="EXPORT",
    help="An earlier export in STIX, whose objects keep the time at which they were created.",
)
@_OVERWRITE
def export(
    review: Path,
    output: Path,
    **asked: Any,  # noqa: ANN401 - what write_export takes as it is
) -> None:
    """Write the rows of REVIEW that people decided to publish: CSV, JSONL, MISP or STIX.

    REVIEW is a file of `scamdetect indicators propose`, in which people have put yes into the
    column publish, a reviewer and a date. No other row is exported. Types that the format does not
    have are counted as left out.
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
    help="Take back this one only; may be given several times.  [default: all]",
)
@click.option("--organisation", metavar="NAME", help="Who shared; only for a review file.")
@_FORMAT
@_OVERWRITE
def withdraw(
    shared: Path,
    output: Path,
    **asked: Any,  # noqa: ANN401 - what write_withdrawal takes as it is
) -> None:
    """Take indicators back that were shared: send the file to all who got the export.

    The objects are those of the export, but withdrawn: revoked in STIX, deleted and no longer
    for detection in MISP, with the column withdrawn in CSV and JSONL.
    """
    from scamdetect.share.withdraw import write_withdrawal

    summary = write_withdrawal(shared, output, **asked)
    say(f"{summary.indicators:,} withdrawn indicators written to {summary.destination}", err=True)


# -- how often we saw what others published ------------------------------------------------------


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
    help="The feed whose owner gets the file; nothing is counted that it does not list.",
)
@_OUTPUT
@click.option("--organisation", required=True, metavar="NAME", help="Who saw the indicators.")
@click.option(
    "--format",
    "export_format",
    type=click.Choice(["csv", "misp", "stix"]),
    help="Format of the destination.  [default: csv, if its extension is .csv]",
)
@click.option("--time-column", metavar="COLUMN", help="When messages were written: gives days.")
@SOURCES
@_OVERWRITE
def sightings(
    scored: tuple[str, ...],
    output: Path,
    **asked: Any,  # noqa: ANN401 - what write_sightings takes as it is
) -> None:
    """Tell the owner of a feed how often you saw its indicators: counts and days, nothing else.

    SCORED are dumps that `scamdetect score --indicators` has scored. Indicators in fewer than 3
    messages are left out. The owner reads the file with `scamdetect indicators propose
    --sightings`, or loads it into MISP or a STIX platform.
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
    help="The secret key, as `scamdetect fingerprints key` makes it.",
)  # fmt: skip


@click.group()
def fingerprints() -> None:
    """Compare campaigns with another platform under a shared key, without a text."""


@fingerprints.command(epilog="Example: scamdetect fingerprints key -o fingerprints.key")
@_OUTPUT
def key(output: Path) -> None:
    """Write a new secret key, which only its owner may read.

    Give it to those who compare with you over a channel that you trust, and to nobody else: whoever
    has it can test guesses of what is in your campaigns.
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
    help="Which row is in which campaign.  [default: the file beside CAMPAIGNS]",
)
@SOURCES
@_OVERWRITE
def make(
    campaigns: Path,
    scored: tuple[str, ...],
    key_file: Path,
    output: Path,
    **asked: Any,  # noqa: ANN401 - what make_fingerprints takes as it is
) -> None:
    """Write the fingerprints of CAMPAIGNS, which `scamdetect campaigns` made of SCORED.

    Campaigns need 10 messages and 3 senders. A fingerprint stands for the wording that at least
    half of the messages share; the file has no text, no sender and no vector.
    """
    from scamdetect.share.fingerprint_files import make_fingerprints
    from scamdetect.share.fingerprint_key import read_key

    summary = make_fingerprints(campaigns, scored, output, key=read_key(key_file), **asked)
    say(
        f"{summary.fingerprints:,} fingerprints written to {summary.destination}",
        *(f"campaigns with {reason}: {n:,} left out" for reason, n in summary.left_out.items()),
        err=True,
    )


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
    help="Show pairs of this estimated similarity, 0 to 1, and more.",
)
@click.option(
    "--campaigns",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show the ids of our campaigns, of which MINE was made; needs --key.",
)
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), metavar="FILE",
    help="The secret key, for --campaigns.",
)  # fmt: skip
def match(
    mine: Path, theirs: Path, at_least: float, campaigns: Path | None, key_file: Path | None
) -> None:
    """Print the campaigns of two platforms that are near-duplicates, as CSV.

    MINE and THEIRS are files of `scamdetect fingerprints make` under the same key. The similarity
    is an estimate with a standard error of 0.03. Nobody needs the key for this.
    """
    from scamdetect.share.fingerprint_files import match_fingerprints, names_of
    from scamdetect.share.fingerprint_key import read_key

    if (campaigns is None) != (key_file is None):
        raise click.UsageError("--campaigns and --key need each other.")
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
