"""A benchmark run that nobody made: figures of every sort a report has to show."""

from __future__ import annotations

from dataclasses import replace

from scamdetect.bench.answers import Training
from scamdetect.bench.figures.changes import ALL, SIZES, Difference, Kept, Recalibrated
from scamdetect.bench.figures.measures import (
    AtThreshold,
    SuiteFigures,
)
from scamdetect.bench.figures.results import Changed, Moved, Overlap, Results
from scamdetect.bench.figures.target import Cell
from scamdetect.bench.folder import DetectorRecord, RunRecord
from scamdetect.bench.suite import Manifest
from scamdetect.calibration.reliability import Reliability, ReliabilityPoint
from scamdetect.calibration.statistics import Estimate, wilson

OWN, BASELINE, JUDGE, UNFINISHED = "scamdetect", "tfidf", "judge", "slow-model"
HOSTILE = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
_SKILL = {OWN: 0.88, BASELINE: 0.42, JUDGE: 0.81, HOSTILE: 0.63}
_LANGUAGES = {"ar": 0.0, "de": 0.08, "en": 0.1, "hi": -0.12, "pt": 0.05, "th": -0.2, "zh": -0.05}
_WRITERS = {"people": 0.05, "quill-2": 0.0, "scribe-large": -0.15}
_CHANGES = {"fullwidth": 0.01, "homoglyphs": 0.06, "leet": 0.04, "zero_width": 0.0}
_STRENGTHS = {"light": 0.5, "medium": 1.0, "heavy": 2.5}
_REASONS = {"malformed": 12, "refused": 31}


def invented_results() -> Results:
    """Return a run of five detectors, one of them unfinished, on five suites."""
    suites = ("human", "llm", "pairs", "evasion", "rewrite")
    detectors = (
        _detector(OWN, Training(frozenset({"a-source"}), frozenset({"quill-2"}), "ab" * 32)),
        _detector(BASELINE, Training(frozenset({"a-source"}), frozenset({"quill-2"}), "ab" * 32)),
        _detector(JUDGE, None, "Its prompt is in the identity."),
        _detector(HOSTILE, Training()),
        _detector(UNFINISHED, Training()),
    )
    names = tuple(_SKILL)
    return Results(
        run=RunRecord(
            benchmark="scamdetect-bench 1",
            date="2026-03-01",
            commit="0123456",
            machine="two cores",
            suites=tuple(_manifest(name) for name in ("calibrate", *suites)),
            detectors=detectors,
        ),
        thresholds={name: {"1%": 0.5, "0.1%": None if name == JUDGE else 0.9} for name in names},
        figures=tuple(_figures(suite, name) for suite in suites for name in names),
        moved=tuple(
            _moved(suite, name, writer)
            for suite in suites[:2]
            for name in names
            for writer in (None, *([] if suite == "human" else list(_WRITERS)[1:]))
        ),
        changed=tuple(
            Changed(suite, name, tuple(_kept(suite, name)))
            for suite in suites[3:]
            for name in names
        ),
        differences=(
            Difference("human", OWN, BASELINE, share(0.3, 900, 0.2), 320, 41, 1e-9),
            Difference("human", OWN, JUDGE, None, 60, 55, 0.71),
        ),
        overlaps=(Overlap("human", "0" * 64, "ab" * 32, (OWN,), "a-source", 900, 3, 640, 11),),
        missing=(("calibrate", UNFINISHED), ("pairs", HOSTILE)),
    )


def without(results: Results, *parts: str) -> Results:
    """Return the results with nothing in these parts."""
    return replace(results, **dict.fromkeys(parts, ()))


def share(value: float, n: int, spread: float | None = None) -> Estimate:
    """Return a share of n rows, with Wilson's interval where no ``spread`` is given."""
    value = min(max(value, 0.0), 1.0)
    low, high = (value - spread, value + spread) if spread else wilson(value * n, n)
    return Estimate(value, min(low, value), max(high, value), n)


def _detector(name: str, training: Training | None, note: str = "") -> DetectorRecord:
    return DetectorRecord(name, f"sha256 {len(name):016x}", note, training)


def _manifest(name: str) -> Manifest:
    return Manifest(
        name=name,
        version=1,
        about=f"Invented messages of the sort {name}.",
        final=False,
        sha256="0" * 64,
        rows=2_100,
        verdicts={"legit": 1_100, "scam": 900, "spam": 100},
        kinds={"investment": 300, "romance": 25},
        languages=dict.fromkeys(_LANGUAGES, 300),
        generators={"people": 1_000, "quill-2": 1_100},
        sources={"a-source": 2_100},
        licences={"a-source": "CC-BY-4.0"},
        made_with={"rewriter": "rules", "shorter": "Say it in fewer words. " * 9}
        if name == "rewrite"
        else {},
    )


def _figures(suite: str, name: str) -> SuiteFigures:
    skill = _SKILL[name] - {"llm": 0.12, "pairs": 0.2}.get(suite, 0.0)
    judge, trained = name == JUDGE, name in (OWN, BASELINE)
    seen = ("quill-2",) if trained and suite in ("llm", "pairs") else ()
    main = _at(0.5, skill, 0.041 if name == BASELINE else 0.012)
    headline = replace(main, recall=share(skill - 0.1, 400), fpr=share(0.013, 500))
    if seen and suite == "pairs":
        headline, n_headline = None, (0, 0)
    elif seen:
        n_headline = (400, 500)
    else:
        headline, n_headline = main, (900, 1_100)
    return SuiteFigures(
        suite=suite,
        detector=name,
        n_scam=900,
        n_legit=1_100,
        n_spam=100,
        problems=_REASONS if judge else {},
        seen=seen,
        training_known=not judge,
        headline=headline,
        n_headline=n_headline,
        frozen={"1%": main} | ({} if judge else {"0.1%": _at(0.9, skill - 0.2, 0.001)}),
        own=_at(None, skill + 0.03, 0.03) if judge else None,
        recall_at={"1%": share(skill - 0.02, 900), "0.1%": share(skill - 0.3, 900)},
        auc=share(0.5 + skill / 2, 2_000),
        auprc=share(0.45 + skill / 2, 2_000),
        reliability=_reliability(suite, skill),
        pairs_by_rank=share(skill, 300) if suite == "pairs" else None,
        pairs_at_frozen=share(skill - 0.1, 300) if suite == "pairs" else None,
        pairs_at_own=share(skill - 0.05, 300) if suite == "pairs" and judge else None,
        cells=tuple(_cells(skill, suite, trained)),
        seconds_per_1000={OWN: 3.4, BASELINE: 0.21, JUDGE: 840.0, HOSTILE: 22.0}[name],
        cost_per_1000=1.37 if judge else None,
    )


def _at(threshold: float | None, recall: float, fpr: float) -> AtThreshold:
    return AtThreshold(threshold, share(recall, 900), share(fpr, 1_100), share(0.2, 100))


def _cells(skill: float, suite: str, trained: bool) -> list[Cell]:
    cells = []
    for name, ease in _LANGUAGES.items():
        n = 12 if name == "th" else 140
        alarms, own = share(0.01, 150), None
        cells.append(
            Cell("language", name, n, 150, False, share(skill + ease, n), alarms, own, None)
        )
    for name, ease in _WRITERS.items() if suite != "human" else [("people", 0.0)]:
        seen = trained and name == "quill-2"
        found = share(skill + ease, 300)
        at = None if name == "people" else share(skill + ease - 0.03, 300)
        cells.append(Cell("generator", name, 300, 350, seen, found, share(0.02, 350), at, None))
    cells.append(
        Cell("source", "a-source", 900, 1_100, trained, share(skill, 900), None, None, None)
    )
    for name, alarms in {"bank_alert": share(0.04, 200), "dating_talk": share(0.1, 20)}.items():
        cells.append(Cell("slice", name, 0, alarms.n, False, None, alarms, None, None))
    for name, n in {"advance_fee": 300, "romance": 25}.items():
        named = share(skill - 0.3, n) if trained and n >= 30 else None
        cells.append(Cell("kind", name, n, 0, False, share(skill, n), None, None, named))
    return cells


def _reliability(suite: str, skill: float) -> Reliability:
    places = [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98]
    points = tuple(ReliabilityPoint(at, at**2 if skill < 0.5 else at, 1 / 7) for at in places)
    return Reliability(
        name=suite, base_rate=0.45, n_scam=900, n_legit=1_100, ece=share(0.2 * (1 - skill), 2_000),
        noise_floor=0.014, brier=0.09, points=points,
    )  # fmt: skip


def _moved(suite: str, name: str, writer: str | None) -> Moved:
    skill, n = _SKILL[name], 900 if writer is None else 300
    sizes = []
    for size, amount in SIZES:
        n_legit = amount * 0.55 if amount > 1 else 330.0 if writer is None else 90.0
        for rate, fewest in (("1%", 100), ("0.1%", 1_000)):
            enough = n_legit >= fewest
            found = share(skill + 0.02, n, 0.03) if enough else None
            alarms = share(0.011, n, 0.006) if enough else None
            sizes.append(Recalibrated(size, rate, n_legit, found, alarms))
    return Moved(suite, name, writer, tuple(sizes))


def _kept(suite: str, name: str) -> list[Kept]:
    if suite == "rewrite":
        strengths, changes = {"": 1.0}, {"friendlier": 0.03, "shorter": 0.12}
    else:
        strengths, changes = _STRENGTHS, _CHANGES
    skill, weakness = _SKILL[name], 5.0 if name == BASELINE else 1.0
    found = []
    for change, loss in [*changes.items(), (ALL, 0.03)]:
        for strength, force in strengths.items():
            kept = 1 - loss * force * weakness
            few = name == HOSTILE and change == "leet"
            found.append(
                Kept(
                    change=change, strength=strength, n_scam=200, n_legit=180,
                    recall=(share(skill, 200), share(skill * kept, 200)),
                    fpr=(share(0.01, 180), share(0.01 + loss / 10, 180)),
                    kept=None if few else share(kept, 160), honest_flipped=round(180 * loss / 10),
                )
            )  # fmt: skip
    return found
