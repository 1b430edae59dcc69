"""The command that writes the card of a bundle again, with what was measured."""

from __future__ import annotations

from pathlib import Path

import click

from scamdetect.cli.options import FiniteRange
from scamdetect.cli.streams import say
from scamdetect.cli.train import extra

_PATH = click.Path(path_type=Path)


@click.command(
    epilog="Example: scamdetect card bundle --evaluation benchmarks/results/evaluate-bundle.json"
)
@click.argument("bundle", type=_PATH)
@click.option("--evaluation", type=_PATH, help="JSON that scamdetect evaluate wrote.")
@click.option("--final", type=_PATH, help="JSON that benchmarks/final.py wrote.")
@click.option("--untrained", type=_PATH, help="JSON of the same on languages that nothing trains.")
@click.option("--evasion", type=_PATH, help="JSON that benchmarks/evasion.py wrote.")
@click.option("--bench", type=_PATH, help="results.json of scamdetect bench report.")
@click.option("--conversations", type=_PATH, help="JSON that benchmarks/conversations.py wrote.")
@click.option(
    "--measured",
    type=_PATH,
    multiple=True,
    help="Folder of this bundle as it was when it was measured, where its manifest does not know "
    "that id yet; may be given several times.",
)
@click.option(
    "--authored",
    default="data/authored",
    show_default=True,
    help="The project's own messages, whose worst errors are quoted; 'none' leaves them out.",
)
@click.option(
    "--watts",
    type=FiniteRange(min=0, min_open=True),
    help="Mean power of the machine that trained, for the estimate of energy.",
)
@click.option(
    "--cores",
    type=click.IntRange(min=1),
    help="Cores that trained, for the same, where the run did not record them.",
)
def card(
    bundle: Path,
    evaluation: Path | None,
    final: Path | None,
    untrained: Path | None,
    evasion: Path | None,
    bench: Path | None,
    conversations: Path | None,
    measured: tuple[Path, ...],
    authored: str,
    watts: float | None,
    cores: int | None,
) -> None:
    """Write README.md of BUNDLE again: what it is for, its figures, its limits and how it was made.

    Weights, tokenizer and settings stay as they are, and so does the id, which does not cover the
    card. If the manifest is of schema version 1, the id covers the card and changes. Results of
    another bundle are refused; those of an earlier id of this one are taken, and the manifest
    records that id. Sections without a file say "not measured".
    """
    with extra("train"):
        from scamdetect.train.card_rewrite import rewrite_card
    files = {"evaluation": evaluation, "final": final, "untrained": untrained}
    done = rewrite_card(
        bundle,
        files | {"evasion": evasion, "bench": bench, "conversations": conversations},
        measured=measured,
        authored=None if authored == "none" else Path(authored),
        watts=watts,
        cores=cores,
    )
    same = done.after == done.before
    ids = f"the id is still {done.after}" if same else f"{done.before} is now {done.after}"
    say(f"{bundle / 'README.md'}: written; {ids}")
    if done.measured_as:
        say(f"measured as {', '.join(done.measured_as)}")
