"""What a card says of how a bundle was made: thresholds, training, sources, int8, vocabulary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from scamdetect.calibration.statistics import BASE_RATE
from scamdetect.reports.pages import table
from scamdetect.train.bars import FLIPS_BAR
from scamdetect.train.calibration import BELIEVED, BELIEVED_LOW, FEWEST, MIN_PRECISION
from scamdetect.train.data.corpus_rows import is_own
from scamdetect.train.energy import energy_line
from scamdetect.train.plan import MIN_LANGUAGE_ROWS

Record = Mapping[str, Any]
NOT_RECORDED = "Not recorded."

_OWN = """\
The sources `authored_*` and `everyday_*` are messages that a language model wrote for this project
(CC-BY-4.0, `data/authored`). Figures on the other parts of these rows are by the same writer: they
say nothing of an unseen one. Part of the labels of the public sources are blind readings by the
same model family (`data/corrections`)."""


_BELIEVED = (
    "Calibrate scams count only where their kinds were read or authored. A kind is named from its "
    "best-F1 threshold, or from the lowest over it at which it can be believed: of the calibrate "
    f"scams that it then names, {FEWEST} or more, at least {BELIEVED:.0%} are of the kind, with "
    f"the lower end of the 95 % Wilson interval at {BELIEVED_LOW:.0%} or more. Kinds without such "
    "a threshold are never named; on a message whose scam probability reaches the review "
    "threshold, `other` stands for them."
)

_RATES = f"""\
A rate for which a single effective false alarm would be too many has no row: these messages cannot
show it; near-duplicates and the messages of a thread count as one. Probabilities are made for
scams being {BASE_RATE:.0%} of legit and scam messages; where they are rarer, fewer of the flagged
messages are scams."""

_LANGUAGES = """\
A language with 30 scam and 100 legit calibrate rows has points of its own, from its own rows
(`operating_point(fpr, lang=...)`); all others use the points above. The temperature and bias, where
given, are applied by themselves to texts in which the bundle finds that language."""

# The languages of XLM-R, whose weights the base began with (Conneau et al. 2020, table 6).
_BASE_LANGUAGES = """\
af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he hi hr
hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl no om or pa pl ps
pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh yi zh""".split()

_UNTESTED = """\
Untested: the base knows these languages too, no row of them trained this model or set a threshold.
They get scores all the same, with the calibration of all messages."""

_MEASURED = ("uk", "he", "ro", "cs", "mr")  # by benchmarks/final.py, on 40 messages each


def decisions(settings: Record, calibration: Record) -> str:
    """Return the bands and the points of all messages; ``calibration`` is the manifest's record."""
    flag, review = (_band(settings, name) for name in ("flag", "review"))
    lines = [
        f"`flag` from a scam probability of {flag}, `review` from {review}. Both were set on the "
        f"calibrate rows, a tenth of the groups of the training sources, {_mix(calibration)}. "
        "Rows of a source that the model never saw can raise more false alarms "
        "than the rate asked for: see above.",
    ]
    if whole := _points(settings):
        header = ["FPR asked", "threshold", "upper 95 % bound of the FPR", "legit rows"]
        header += ["recall (in-source, a sanity check)"]
        rows = (
            [f"{p['fpr']:.1%}", f"{p['threshold']:.4f}", f"{p['upper_bound']:.2%}", str(p["n"])]
            + [_share(p["recall"])]
            for p in whole
        )
        lines += ["", *table(header, rows), "", _RATES]
    return "\n".join(lines)


def _mix(calibration: Record) -> str:
    blocks = calibration.get("blocks")
    if not blocks:
        return "each slice and language weighing the same"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in blocks.items())
    return f"honest rows weighted by blocks ({shares}), the groups of a block alike"


def _band(settings: Record, name: str) -> str:
    rate = settings.get("thresholds_fpr", {}).get(name)
    asked = "" if rate is None else f" (FPR asked {rate:.1%})"
    return f"{settings['thresholds'][name]:.4f}{asked}"


def language_thresholds(settings: Record) -> str:
    """Return the table of languages with points of their own: the strictest rate and 5 %."""
    points = _points(settings, lang=True)
    if not points:
        return "No language had calibrate rows enough for thresholds of its own."
    rows = []
    for lang in sorted({p["lang"] for p in points}):
        own = [p for p in points if p["lang"] == lang]
        loosest, strictest = own[0], own[-1]
        pair = settings.get("language_calibration", {}).get(lang)
        rows.append(
            [lang, str(own[0]["n"]), str(own[0]["n_scam"]), _point(loosest)]
            + ["same" if strictest is loosest else _point(strictest)]
            + ["-" if pair is None else f"{pair[0]:.2f}, {pair[1]:+.2f}"]
        )
    header = ["language", "legit rows", "scams", "loosest point: FPR, threshold, bound, recall"]
    header += ["strictest that the rows support", "temperature, bias"]
    return "\n".join([_LANGUAGES, "", *table(header, rows)])


def language_gaps(settings: Record, training: Record) -> str:
    """Return the languages of which too little, or nothing, is known."""
    parts = [_without_scams(settings)]
    if "languages" in training:
        parts += [_few_rows(training["languages"]), _untested(training["languages"])]
    return "\n\n".join(parts)


def _without_scams(settings: Record) -> str:
    """Return the languages of which no calibrate row is a scam, from (legit, scam) rows."""
    counted = settings.get("calibration_rows", {}).get("languages", {})
    none = [name for name, (_, scams) in sorted(counted.items()) if not scams]
    return (
        f"Languages without a calibrate scam, so that no recall is known: {' '.join(none) or '-'}."
    )


def _few_rows(rows: Mapping[str, Sequence[int]]) -> str:
    """Return the languages of too few rows to be learnt as a language, from (train, calibrate)."""
    few = [
        f"{name} ({train}, {calibrate})"
        for name, (train, calibrate) in sorted(rows.items())
        if train < MIN_LANGUAGE_ROWS
    ]
    return (
        f"Languages with under {MIN_LANGUAGE_ROWS} training rows, which the bundle never names as "
        f"that of a text (train and calibrate rows): {', '.join(few) or 'none'}."
    )


def _untested(rows: Mapping[str, Sequence[int]]) -> str:
    names = [name for name in _BASE_LANGUAGES if name not in rows]
    measured = [name for name in _MEASURED if name in names]
    by_whom = (
        f" `benchmarks/final.py` measures {' '.join(measured)} on 40 messages each; nobody "
        "measured the others:"
        if measured
        else " Nobody measured them:"
    )
    return f"{_UNTESTED}{by_whom} {' '.join(names)}."


def kind_thresholds(settings: Record) -> str:
    """Return from which probability each kind is named."""
    rows = []
    counts = settings.get("calibration_rows", {}).get("kinds", {})
    thresholds = settings.get("kind_thresholds", {})
    recalls = {p["kind"]: p["recall"] for p in _points(settings, kind=True) if p["fpr"] == 0.01}
    for kind in settings["kinds"]:
        own = thresholds.get(kind)
        if own or kind in recalls:
            named = ["-", "-"] if own is None else [_from(own), _number(own["precision"])]
            rows.append([kind, str(counts.get(kind, "-")), *named, _share(recalls.get(kind))])
    if not rows:
        return f"Kinds are named from a probability of {settings['kind_threshold']:.4f}."
    believed = set(thresholds) == set(settings["kinds"])  # older bundles say nothing of some
    rule = (
        f"{_BELIEVED} They count as over their threshold from {settings['kind_threshold']:.4f}."
        if believed
        else "A kind is named from its best-F1 threshold, others from "
        f"{settings['kind_threshold']:.4f}."
    )
    intro = (
        "The probability of a kind is that of a scam of that kind, never over the scam "
        f"probability. {rule} F1 and precision are of the calibrate mix with scams "
        f"being {BASE_RATE:.0%} of legit and scam messages; a precision needs {FEWEST} messages "
        "named."
    )
    first = "named from" if believed else "best F1 from"
    header = ["kind", "calibrate scams", first, f"precision {MIN_PRECISION} from"]
    header += ["recall at 1 % FPR of all messages (in-source)"]
    return "\n".join([intro, "", *table(header, rows)])


def _from(own: Mapping[str, float | None]) -> str:
    return "never named" if own["f1"] is None else f"{own['f1']:.4f}"


def _points(settings: Record, *, lang: bool = False, kind: bool = False) -> list[dict[str, Any]]:
    """Return the stored points of all messages, or those by language, or by kind."""
    wanted = (lang, kind)
    points: list[dict[str, Any]] = settings["operating_points"]
    return [p for p in points if (p.get("lang") is not None, p.get("kind") is not None) == wanted]


def _point(point: Record) -> str:
    shown = f"{point['fpr']:.1%}, {point['threshold']:.4f}, {point['upper_bound']:.2%}"
    return f"{shown}, {_share(point['recall'])}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def making(training: Record, watts: float | None = None, cores: int | None = None) -> str:
    """Return recipe, corpus, size, time, machine and energy of the run."""
    if "run" not in training:
        return NOT_RECORDED
    run, recipe = training["run"], training["recipe"]
    made = (
        f"Base {base_name(training)}; recipe `{recipe['name']}` ({training['recipe_hash']}), "
        f"seed {training['seed']}, {run['rows']:,} training rows, {run['draws']:,} draws, "
        f"{run['tokens']:,} tokens, {run['steps']:,} steps; corpus sha256 "
        f"`{training['corpus_sha256'][:16]}`. Thresholds and temperatures from "
        f"{training['calibrate_rows']:,} calibrate rows. Made with scamdetect "
        f"{training['scamdetect']} and torch {run['torch']}."
    )
    on = ", ".join(
        part
        for part in (
            run.get("machine"),
            None if run.get("device") in (None, "cpu") else run["device"],
            f"{run['threads']} threads" if run.get("threads") else None,
        )
        if part
    )
    made += _weights(training) + _words(training)
    time = (
        f"Time: {run.get('minutes', 0):,.0f} minutes, on "
        f"{on or 'a machine that was not recorded'}. The runs that led to this one are not in it."
    )
    return f"{made}\n\n{time}\n\nEnergy: {energy_line(run, watts=watts, cores=cores)}"


def _weights(training: Record) -> str:
    runs: Sequence[Record] = training.get("mean_of") or ()
    if not runs:
        return ""
    named = ", ".join(
        f"seed {run['seed']}"
        + ("" if run["start"] is None else f" from {run['start']['tokens']:,} tokens")
        for run in runs
    )
    return f" The weights are the mean of {len(runs)} runs: {named}."


def _words(training: Record) -> str:
    found = training.get("words")
    if found is None:
        return ""
    join = found["join"]
    encoder = training.get("encoder")
    return (
        f" Words: {found['runs']:,} runs of one to three tokens, a logistic regression on "
        f"{found['train_rows']:,} training rows; log-odds of scam are {join['encoder']:.2f} x "
        f"those of the encoder + {join['words']:.2f} x those of the words {join['bias']:+.2f}, "
        f"fitted on {found['join_rows']:,} calibrate rows."
        + ("" if encoder is None else f" The encoder is that of `{encoder['bundle']}`.")
    )


def base_name(training: Record) -> str:
    """Return the base as the hub names it; of a folder the name alone, without its path."""
    base = str(training.get("base", "unknown"))
    return base if base.count("/") == 1 and base[0] not in "./~" else base.rpartition("/")[2]


def sources(training: Record) -> str:
    """Return the sources with their training rows, by class of licence."""
    found: Sequence[Record] = training.get("sources", ())
    if not found:
        return NOT_RECORDED
    by_licence: dict[str, list[str]] = defaultdict(list)
    for entry in found:
        by_licence[entry["licence"]].append(f"{entry['source']} ({entry['rows']:,})")
    rows = ([licence, ", ".join(names)] for licence, names in sorted(by_licence.items()))
    lines = table(["licence class", "sources (training rows)"], rows)
    own = any(is_own(entry["source"]) for entry in found)
    return "\n".join([*lines, *(["", _OWN] if own else [])])


def parity(training: Record) -> str:
    """Return what changed from fp32 to int8, by language."""
    found: Sequence[Record] = training.get("parity_int8_fp32", ())
    if not found:
        return NOT_RECORDED
    intro = (
        "Changes of the shipped int8 graph against fp32, through the public API, texts of "
        "calibrate and dev rows; 95 % intervals in brackets. Aimed at: flag flips on at most "
        f"{FLIPS_BAR:.1%} of all."
    )
    header = ["language", "n texts", "verdict flips", "flag flips", "share of flag flips"]
    header += ["largest change of p", "mean change"]
    rows = (
        [p["language"], str(p["n"]), str(p["verdict_flips"]), str(p["flag_flips"])]
        + [f"{p['flag_flips'] / p['n']:.2%} [{p['flip_share'][0]:.2%}, {p['flip_share'][1]:.2%}]"]
        + [f"{p['largest_change']:.4f}", f"{p['mean_change']:.5f}"]
        for p in found
    )
    return "\n".join([intro, "", *table(header, rows)])


def first_tier(settings: Record, training: Record) -> str:
    """Return what the first tier clears and what that costs."""
    rule, proofs = settings.get("first_tier"), training.get("first_tier")
    if rule is None or proofs is None:
        return "None: every message is read by the encoder."
    state = "on by default" if rule["proven"] else "off unless asked for (`tier='first'`)"
    header = ["dev rows", "n", "cleared", "the encoder disagrees on"]
    header += ["upper 95 % bound of their share", "scams", "flagged by the encoder"]
    rows = (
        [name, str(p["rows"]), str(p["cleared"]), str(p["disagreed"])]
        + [f"{p['disagreed_bound']:.2%}", str(p["scams"]), str(p["scams_flagged"])]
        + [str(p["scams_lost"])]
        for name, p in proofs.items()
    )
    intro = (
        "A linear score of tokens and token pairs that may clear plainly honest messages before "
        f"the encoder reads them: {state}. It counts as proven where the encoder agrees on 99.9 % "
        "of what it clears, verdict and decision, and it costs at most 0.2 points of recall, on "
        "left-out sources and on authored dev rows."
    )
    return "\n".join([intro, "", *table([*header, "of these cleared"], rows)])


def vocabulary(training: Record) -> str:
    """Return what trimming the vocabulary cost, by language."""
    found: Sequence[Record] = training.get("vocabulary", ())
    if not found:
        return NOT_RECORDED
    intro = (
        "Rise of tokens a message by trimming the base's vocabulary, on rows that had no part in "
        "choosing it."
    )
    rows = (
        [row["language"], str(row["texts"]), f"{row['token_rise']:.2%}", f"{row['unknown']:.3%}"]
        for row in found
    )
    return "\n".join([intro, "", *table(["language", "n texts", "rise", "unknown pieces"], rows)])
