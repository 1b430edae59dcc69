"""The tables of a card on measured quality, each with its n and 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scamdetect.reports.cells import decimal, estimate, measured, percent
from scamdetect.reports.pages import table
from scamdetect.train.bars import BAR, ECE_BAR, FEWEST_ROWS
from scamdetect.train.card_results import Record, Results, cells_of

_EARLY = 4  # messages


def not_measured(command: str) -> str:
    """Return what stands where a figure would."""
    return f"Not measured yet: `{command}`, then `scamdetect card`."


def false_alarms(results: Results) -> str:
    """Return the share of honest messages flagged as shipped, by kind of talk."""
    gates = results.gates()
    if not gates:
        return not_measured("scamdetect evaluate")
    rows = [
        [gate["slice"].replace("_", " "), gate["where"], f"{gate['fpr']['n']:,}"]
        + [percent(estimate(gate["fpr"])), _verdict(gate["met"])]
        for gate in sorted(gates, key=lambda gate: gate["slice"])
    ]
    about = (
        f"Honest messages flagged as shipped, by what they are about. The bar is {BAR:.0%}: met "
        f"where the share is not over it and its upper bound not over {2 * BAR:.0%}, on "
        f"{FEWEST_ROWS} messages or more."
    )
    promos = [
        f"{name} {percent(spam)} of {spam.n:,}"
        for name, one in results.own_parts()
        if (spam := estimate(one.get("flag_spam"))) is not None
    ]
    beside = f"\n\nPromotions, counted as neither: {'; '.join(promos)}." if promos else ""
    header = ["honest messages", "rows", "n legit", "flagged, as shipped", "bar"]
    return "\n".join([about, "", *table(header, rows)]) + beside


def _verdict(met: bool | None) -> str:
    return {True: "met", False: "missed", None: f"too few (under {FEWEST_ROWS})"}[met]


def by_language(results: Results, rows: Mapping[str, Sequence[int]]) -> str:
    """Return recall and false alarms by language; ``rows`` has (train, calibrate) of each."""
    name, part = results.own_part()
    if not (part and cells_of(part, "language")):
        return not_measured("scamdetect evaluate")
    told = _language_told(results.evaluation)
    header = ["language", "training rows", "n scam", "n legit", "R@1% of all"]
    header += ["flagged scams, as shipped", "flagged legit, as shipped", "language told right"]
    lines = []
    for one in (part, results.untrained or {}):
        for cell in cells_of(one, "language"):
            lang = cell["name"]
            lines.append(
                [lang, f"{rows[lang][0]:,}" if lang in rows else "0"]
                + [f"{cell['n_scam']:,}", f"{cell['n_legit']:,}"]
                + [percent(estimate(cell["recall_at_pooled"]))]
                + [percent(estimate(cell[key])) for key in ("flag_recall", "flag_fpr")]
                + [told.get(lang, "-")]
            )
    about = (
        f"On the part {name} of the project's own messages; R@1% at the threshold that 1 % of all "
        "its honest messages reach. The cells are small, as their intervals say: a language is "
        "weaker than another only where the intervals part. Languages "
        "that next to nothing trained stand last, by a threshold of their own. "
        "The last column is on dev and calibrate rows, of the texts that are given a language."
    )
    return "\n".join([about, "", *table(header, lines)])


def _language_told(report: Record | None) -> dict[str, str]:
    if report is None or not report["languages"]:
        return {}
    found = report["languages"][0]["by_language"]
    return {
        lang: f"{percent(figure)} of {figure.n:,}"
        for lang, one in found.items()
        if (figure := estimate(one["accuracy"])) is not None
    }


def kinds(results: Results) -> str:
    """Return how many scams of each kind are flagged and how rightly kinds are named."""
    if results.evaluation is None:
        return not_measured("scamdetect evaluate")
    told = {
        one["kind"]: one
        for one in results.evaluation["kinds_told"]["kinds"]
        if one["rows"] == "all"
    }
    rows = []
    for one in results.evaluation["detectors"][0]["kinds"]:
        named = told.get(one["kind"], {})
        precision = estimate(named.get("precision"))
        rows.append(
            [one["kind"], f"{one['n']:,}", measured(estimate(one["flagged"]["flag"]))]
            + [measured(estimate(named.get("recall"))), measured(precision)]
            + [f"{precision.n:,}" if precision else "-"]
        )
    about = (
        "Among scams of the dev rows whose kinds were read or authored: how many are flagged, how "
        "many are given the kind that they have, and how often a kind that is given is right. "
        "Under 30 such scams nothing is said."
    )
    header = ["kind", "n scam", "flagged, as shipped", "kind found", "kind right", "n named"]
    return "\n".join([about, "", *table(header, rows)])


def disguises(results: Results) -> str:
    """Return what each evasion costs at medium strength."""
    found = results.evasions()
    if not found:
        return not_measured("scamdetect evaluate")
    rows = []
    for one in found:
        rates, kept = one["rates"]["flag"], estimate(one["kept"]["flag"])
        rows.append(
            [one["evasion"].replace("_", " "), f"{one['n_scam']:,}", f"{one['n_legit']:,}"]
            + [percent(estimate(side)) for side in rates["recall"]]
            + [measured(kept)]
            + [percent(estimate(side)) for side in rates["fpr"]]
        )
    about = (
        "The same dev messages of this project, clean and with three words in five disguised, as "
        "shipped; only messages that a disguise changes."
    )
    header = ["disguise", "n scam", "n legit", "flagged scams, clean", "disguised"]
    header += ["share kept", "flagged legit, clean", "legit, disguised"]
    return "\n".join([about, "", *table(header, rows)])


def conversations(results: Results) -> str:
    """Return what of conversations is flagged, early and at their end."""
    record = results.conversations
    if record is None:
        return not_measured("python benchmarks/conversations.py")
    rows = []
    for where, found in record["sets"].items():
        for source, own in found["by_source"].items():
            for side in ("scam", "honest"):
                if not own[side]:
                    continue
                early = next(one for one in own[side] if one["turn"] == _EARLY)
                ends = estimate(own[side][-1]["flagged"])
                rows.append(
                    [where, source, side, f"{ends.n if ends else 0:,}"]
                    + [percent(estimate(early["flagged"])), percent(ends)]
                )
    rule = record["rule"]
    about = (
        f"A conversation is flagged from a risk of {rule['thresholds']['flag']:.4f}, which "
        f"{rule['thresholds_fpr']['flag']:.0%} of the honest ones of the calibrate rows reach. "
        "`dev` are dialogues by the writer that the model knows, `threads` calibrate rows, each "
        "judged by a rule fitted on others, `left out` sources that trained nothing. What is not "
        "flagged early is mostly answered with `needs context`."
    )
    header = ["set", "source", "side", "n", f"flagged by message {_EARLY}", "flagged at the end"]
    return "\n".join([about, "", *table(header, rows)])


def unseen_writers(results: Results) -> str:
    """Return what is lost where a writer of model-written text was not trained on."""
    gaps = results.bench["gaps"] if results.bench is not None else []
    if not gaps:
        return not_measured("scamdetect bench generators")
    rows = []
    for gap in gaps:
        sides = (("with it", gap["with_it"]), ("without it", gap["without_it"]))
        for name, side in sides:
            rows.append(
                [
                    gap["generator"],
                    gap["learner"],
                    name,
                    f"{gap['n_scam']:,}",
                    f"{gap['n_legit']:,}",
                ]
                + [percent(estimate(side[key])) for key in ("recall", "fpr", "recall_at")]
            )
    about = (
        "Two trainings by one recipe (`default`) or baseline, with the rows of a writer and "
        "without any, measured on rows of that writer that neither learnt from: at the threshold "
        "for 1 % on other data, and R@1%. Of a writer that it never met, expect `without it`."
    )
    header = ["writer", "learner", "trained", "n scam", "n legit", "T@1%", "FPR of T@1%", "R@1%"]
    return "\n".join([about, "", *table(header, rows)])


def calibration(results: Results) -> str:
    """Return whether probabilities are what they say, as shipped."""
    found: list[Record] = []
    if results.evaluation is not None:
        name = results.evaluation["detectors"][0]["detector"]
        found += results.evaluation["reliability"].get(name, [])
    if results.final is not None:
        found += results.final["reliability"]
    if not found:
        return not_measured("scamdetect evaluate")
    rows = [
        [one["name"], f"{one['n_scam']:,}", f"{one['n_legit']:,}", f"{one['base_rate'] * 100:.1f}"]
        + [decimal(estimate(one["ece"])), f"{one['noise_floor']:.3f}", f"{one['brier']:.4f}"]
        for one in found
    ]
    about = (
        "The expected calibration error (ECE) is the mean gap between probability and share of "
        f"scams; the bar is {ECE_BAR} on the reference mix at 20 % scams. The noise floor is what "
        "as few rows show where every probability is right."
    )
    header = ["rows", "n scam", "n legit", "scams in 100", "ECE", "noise floor", "Brier score"]
    return "\n".join([about, "", *table(header, rows)])


def overlap(results: Results) -> str:
    """Return what the training text holds of the measured rows."""
    found: list[Record] = []
    if results.evaluation is not None:
        found += results.evaluation["contamination"]
    for part in (results.final, results.untrained):
        if part is not None and part.get("contamination"):
            found.append(part["contamination"])
    if not found:
        return not_measured("scamdetect evaluate")
    rows = [
        [one["rows"], f"{one['n']:,}", f"{one['exact']:,}", f"{one['n_long']:,}"]
        + [f"{one['contained']:,}"]
        for one in found
    ]
    about = (
        "Measured messages that stand in the training text word for word, and those of some length "
        "of which half the shingles or more do."
    )
    header = ["rows", "n", "word for word", "n long", "half or more"]
    return "\n".join([about, "", *table(header, rows)])
