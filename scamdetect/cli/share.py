"""The commands on what leaves the house, and what comes in: indicators and fingerprints."""

from __future__ import annotations

from pathlib import Path

import click

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
    "--source",
    "sources",
    type=click.Path(),
    multiple=True,
    metavar="ORIGINAL",
    help="Take texts and columns from what was scored, one for each SCORED in their order.  "
    "[default: from SCORED]",
)
@click.option(
    "--work-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for unfinished work.  [default: that of the destination]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on where an interrupted or killed run of the same command stopped.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace a destination that exists; without --resume also begin anew.",
)
@click.option("--quiet", is_flag=True, help="Show no progress and no summary.")
@click.option(
    "--log-json",
    is_flag=True,
    help="Instead write one JSON line a finished step, and one at the end, to stderr.",
)
def propose(
    scored: tuple[str, ...],
    output: str,
    sender_column: str | None,
    time_column: str | None,
    recipient_column: str | None,
    types: tuple[str, ...],
    region: str | None,
    senders: bool,
    campaigns: str | None,
    labels: tuple[str, ...],
    sources: tuple[str, ...],
    work_folder: Path | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    log_json: bool,
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
        summary = write_review(
            scored,
            output,
            types=types or None,
            senders=senders,
            region=region,
            sender_column=sender_column,
            recipient_column=recipient_column,
            time_column=time_column,
            campaigns=campaigns,
            labels=labels,
            sources=sources,
            work_folder=work_folder,
            resume=resume,
            overwrite=overwrite,
            watch=watch,
            stop=stop,
        )
    if log_json:
        log_done(summary)
    elif not quiet:
        say(*proposal_lines(summary), err=True)
