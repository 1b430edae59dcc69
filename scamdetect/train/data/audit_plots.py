"""Plots of an audit: rows by language and class, form by class, how well texts reveal sources."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from scamdetect.reports.figures import Axes, png, pyplot
from scamdetect.system.files import writing
from scamdetect.train.data.audit import CLASSES, Audit

_COLOURS = dict(zip(CLASSES, ("#4c956c", "#e9c46a", "#c8553d", "#9a8c98"), strict=True))


def draw_plots(audit: Audit, folder: Path) -> list[str]:
    """Write the plots as PNG into the folder and return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for name, draw, size in (
        ("languages.png", _languages, (9.0, 8.0)),
        ("lengths.png", _lengths, (9.0, 4.0)),
        ("sources.png", _sources, (9.0, 5.0)),
    ):
        figure, axes = pyplot.subplots(figsize=size, dpi=90, layout="constrained")
        draw(audit, axes)
        with writing(folder / name) as file:
            file.write(png(figure))
        names.append(name)
    return names


def _languages(audit: Audit, axes: Axes) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for cell in audit.cells:
        counts[cell.lang, cell.label] += cell.roles.get("train", 0)
    totals = Counter({lang: 0 for lang, _ in counts})
    for (lang, _), rows in counts.items():
        totals[lang] += rows
    langs = [lang for lang, rows in totals.most_common() if rows][::-1]
    left = [0] * len(langs)
    for label in CLASSES:
        widths = [counts[lang, label] for lang in langs]
        axes.barh(langs, widths, left=left, color=_COLOURS[label], label=label)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_xlabel("train rows")
    axes.set_title("Train rows by language and class")
    axes.tick_params(axis="y", labelsize=7)
    axes.legend()


def _lengths(audit: Audit, axes: Axes) -> None:
    for label in CLASSES:
        cells = [cell for cell in audit.cells if cell.label == label and "train" in cell.roles]
        axes.scatter(
            [max(1, cell.characters[1]) for cell in cells],
            [100 * cell.links for cell in cells],
            s=[6 + cell.roles["train"] / 20 for cell in cells],
            color=_COLOURS[label], alpha=0.55, label=label, linewidths=0,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("median characters of a source, language and class")
    axes.set_ylabel("rows with a link, %")
    axes.set_title("Form of the train rows; the size of a dot is its number of rows")
    axes.legend()


def _sources(audit: Audit, axes: Axes) -> None:
    guesses = sorted(audit.guesses, key=lambda guess: guess.accuracy)
    names = [f"{guess.lang} ({guess.sources})" for guess in guesses]
    axes.barh(names, [100 * guess.accuracy for guess in guesses], color="#577590")
    axes.scatter([100 * guess.chance for guess in guesses], names, color="#c8553d", zorder=3)
    axes.set_xlabel("source identified by character n-grams, % (dot: the largest source)")
    axes.set_title("How well the text reveals the source, by language (number of sources)")
    axes.tick_params(axis="y", labelsize=7)
