"""The entry of the command line: light, so that Ctrl-C ends it well from the beginning."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line; see ``commands.exit_code`` for the exit codes."""
    try:
        from scamdetect.cli.commands import cli
        from scamdetect.cli.streams import prepare_streams

        prepare_streams()
        cli()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
