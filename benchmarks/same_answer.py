"""Compare a message's answers in any surroundings, and from each runtime.

    python benchmarks/same_answer.py [BUNDLE]

Scores the same messages of all languages (authored rows, none of the final part) under several
conditions and compares each with the first: every message in a separate call. Scores are not
rounded. Writes ``same_answer.json`` and ``same_answer.md``. int8 against fp32 is in the bundle's
card.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import Bundle
from scamdetect.errors import BundleError, MissingExtraError
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.reports.pages import table, write_results
from scamdetect.train.data.authored import load_authored
from scamdetect.train.data.scores import commit, machine, today

ROOT = Path(__file__).resolve().parent.parent
SEED = 5
ALONE = "alone"
WITHIN, BETWEEN = 0.001, 0.02  # bars: within a runtime, between runtimes and precisions
_SCAM = VERDICTS.index(Verdict.SCAM)

Probabilities = NDArray[np.float32]


def main() -> None:
    """Score, compare, write the results and print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    bundle = Bundle.load(asked.bundle)
    texts, languages = messages(asked.authored, asked.texts)
    rows, skipped, reference = [], {}, np.empty(0, np.float32)
    for name, score in conditions(bundle.folder):
        sys.stderr.write(f"{name}\n")
        try:
            found = score(texts)
        except (MissingExtraError, BundleError) as problem:
            skipped[name] = type(problem).__name__
            continue
        reference = found if name == ALONE else reference
        rows.append(compare(name, reference, found, bundle))
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "model_id": bundle.model_id,
        "texts": len(texts), "languages": languages, "skipped": skipped, "conditions": rows,
    }  # fmt: skip
    path = asked.out / "same_answer.json"
    sys.stdout.write(write_results(path, record, page(record)))


def messages(authored: Path, most: int) -> tuple[list[str], int]:
    """Return up to ``most`` distinct messages, evenly from all languages, and how many these are.

    Their order is shuffled by a fixed seed.
    """
    rows = [row for row in load_authored(authored) if row.part != "final"]
    languages = sorted({row.lang for row in rows})
    each = -(-most // len(languages))
    random = np.random.default_rng(SEED)
    texts: list[str] = []
    for language in languages:
        own = sorted({row.text for row in rows if row.lang == language})
        texts += [own[place] for place in random.permutation(len(own))[:each]]
    return [texts[place] for place in random.permutation(len(texts))[:most]], len(languages)


def conditions(
    folder: Path,
) -> Iterator[tuple[str, Callable[[Sequence[str]], Probabilities]]]:
    """Yield names and ways to score, the reference first."""

    def loaded(**options: Any) -> Callable[[Sequence[str]], Probabilities]:  # noqa: ANN401
        def score(texts: Sequence[str]) -> Probabilities:
            with ScamDetector.load(folder, cache_size=0, **options) as detector:
                return detector.predict_proba(texts)

        return score

    def alone(texts: Sequence[str]) -> Probabilities:
        with ScamDetector.load(folder, cache_size=0) as detector:
            return np.concatenate([detector.predict_proba([text]) for text in texts])

    def shuffled(texts: Sequence[str]) -> Probabilities:
        order = np.random.default_rng(SEED).permutation(len(texts))
        found = np.empty((len(texts), len(VERDICTS)), np.float32)
        found[order] = loaded()([texts[place] for place in order])
        return found

    def with_long_neighbours(texts: Sequence[str]) -> Probabilities:
        long = [" ".join(texts[start : start + 60]) for start in range(0, len(texts), 500)]
        return loaded()([*texts, *long])[: len(texts)]

    yield ALONE, alone
    yield "all in one call", loaded()
    yield "shuffled", shuffled
    yield "beside long texts", with_long_neighbours
    yield "threads=1", loaded(threads=1)
    yield "workers=3", loaded(workers=3)
    yield "runtime=openvino", loaded(runtime="openvino")


def compare(
    name: str, reference: Probabilities, found: Probabilities, bundle: Bundle
) -> dict[str, Any]:
    """Return how far the scores are from the reference, and how many decisions differ."""
    change = np.abs(found[:, _SCAM].astype(np.float64) - reference[:, _SCAM])
    flag, review = bundle.thresholds.flag, bundle.thresholds.review
    sides = [np.digitize(scores[:, _SCAM], (review, flag)) for scores in (reference, found)]
    return {
        "condition": name,
        "largest_change": round(float(change.max()), 6),
        "mean_change": round(float(change.mean()), 7),
        "over_0.001": int((change > WITHIN).sum()),
        "over_0.02": int((change > BETWEEN).sum()),
        "verdict_flips": int((found.argmax(axis=1) != reference.argmax(axis=1)).sum()),
        "decision_flips": int((sides[0] != sides[1]).sum()),
    }


def page(record: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""
    skipped = "; ".join(f"{name} ({why})" for name, why in record["skipped"].items())
    return [
        "# The same answer",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        f"{record['texts']:,} authored messages in {record['languages']} languages; each condition "
        "against every message in a call of its own. Bars: within a runtime no change of the scam "
        f"probability over {WITHIN} and no flip, between runtimes {BETWEEN} and 0.1 % flips. "
        "What each condition is: `benchmarks/same_answer.py`."
        + (f" Not measured: {skipped}." if skipped else ""),
        "",
        *table(
            ["condition", "largest change", "mean", "over 0.001", "over 0.02", "verdict flips",
             "decision flips"],
            [[str(value) for value in row.values()] for row in record["conditions"]],
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
