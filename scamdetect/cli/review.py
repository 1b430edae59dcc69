"""The group ``scamdetect review``: choose messages to label, and read the labels."""

from __future__ import annotations

import click

from scamdetect.cli.adapt import labels, queue
from scamdetect.cli.options import Group


@click.group(cls=Group)
def review() -> None:
    """Review messages: choose a queue, label it, and read the labels."""


review.add_command(queue)
review.add_command(labels)
