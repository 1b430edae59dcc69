"""Write the model card of a bundle from files of results.

    python -m benchmarks.card bundle evaluation=evaluate-bundle.json pools=pools.json \
        --details details.md

The kinds of results are those of scamdetect.train.card.rewrite_card.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from scamdetect.train.card import rewrite_card


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("results", nargs="*", metavar="KIND=FILE")
    parser.add_argument("--authored", type=Path, help="authored messages, to quote errors from")
    parser.add_argument("--details", type=Path, help="Markdown file for the long tables")
    parser.add_argument("--watts", type=float, help="mean power of the training machine")
    parser.add_argument("--cores", type=int, help="cores used for training")
    options = parser.parse_args()
    pairs = (result.partition("=") for result in options.results)
    rewrite_card(
        options.bundle,
        {kind: Path(file) for kind, _, file in pairs},
        authored=options.authored,
        details=options.details,
        watts=options.watts,
        cores=options.cores,
    )


if __name__ == "__main__":
    main()
