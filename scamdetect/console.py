"""What the command line shows: progress, summaries and findings as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from scamdetect.data.fetch import Fetched
    from scamdetect.data.verify import Comparison
    from scamdetect.doctor import Check
    from scamdetect.dumps.job import Progress, Summary
    from scamdetect.prediction import Prediction


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """Give a progress function that draws a bar on stderr where that is a terminal."""
    layout = "{percentage:3.0f} %|{bar}| {desc} [{elapsed}<{remaining}]"
    with tqdm(total=1.0, bar_format=layout, disable=True if quiet else None, leave=False) as bar:

        def show(rows: int, share: float) -> None:
            bar.set_description_str(f"{rows:,} rows", refresh=False)
            bar.update(share - bar.n)

        yield show


def summary_lines(summary: Summary) -> list[str]:
    """Return what became of a dump."""
    lines = [
        *summary.notes,
        f"{summary.rows:,} rows in {summary.seconds:.1f} s with {summary.model_id}",
        f"flagged {summary.flagged:,}, review {summary.review:,}, passed {summary.passed:,}, "
        f"unscored {summary.unscored:,}, rejected {summary.rejected:,}",
    ]
    if summary.cleared:
        share = summary.cleared / summary.rows
        lines.append(f"the first tier alone read {summary.cleared:,} of them ({share:.0%})")
    if summary.flagged:
        lines.append(f"flagged by kind: {_counts(summary.flagged_by_kind) or 'none over the bar'}")
        lines.append(f"flagged by language: {_counts(summary.flagged_by_language)}")
    lines.append(f"written to {summary.destination}")
    if summary.rejects is not None:
        lines.append(f"records that could not be read are in {summary.rejects}")
    return lines


def prediction_line(prediction: Prediction) -> str:
    """Return one message's answer without its text."""
    if prediction.scam_probability is None:
        return f"{prediction.decision.value}: {prediction.reason}"
    kinds = ", ".join(f"{k.kind.value} {k.probability:.2f}" for k in prediction.kinds)
    parts = [
        f"{prediction.decision.value}: scam {prediction.scam_probability:.3f}",
        f"verdict {prediction.verdict}",
        f"kinds {kinds}" if kinds else "no kind",
        f"language {prediction.language}",
    ]
    return "; ".join([*parts, prediction.reason] if prediction.reason else parts)


def check_line(check: Check) -> str:
    """Return one finding of the doctor."""
    state = {True: "ok", False: "WRONG", None: "note"}[check.ok]
    return f"{state:<6}{check.name:<12}{check.detail}"


def fetched_line(fetched: Fetched) -> str:
    """Return what became of one file."""
    reason = f": {fetched.reason}" if fetched.reason else ""
    return f"{fetched.state} {fetched.slug}/{fetched.path}{reason}"


def comparison_lines(comparison: Comparison, most: int | None) -> list[str]:
    """Return the result of one source and at most ``most`` of its differing rows, by hash."""
    if comparison.state != "compared":
        return [f"{comparison.slug}: {comparison.state} ({comparison.note})"]
    differences = [
        *(f"  missing {digest}" for digest in comparison.missing),
        *(f"  other verdict {digest}" for digest in comparison.other_verdict),
        *(f"  extra {digest}" for digest in comparison.extra),
    ]
    note = f" ({comparison.note})" if comparison.note else ""
    head = (
        f"{comparison.slug}: {comparison.rows:,} rows, reference {comparison.reference:,}, "
        f"equal {comparison.share:.2%}, {len(differences):,} differences"
    )
    if comparison.twins:
        head += f", twins {comparison.twins:,} (equal but for case and punctuation)"
    lines = [f"{head}{'' if comparison.passed else ', FAILED'}{note}", *differences[:most]]
    if most is not None and len(differences) > most:
        lines.append(f"  and {len(differences) - most:,} more: give --all")
    return lines


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
