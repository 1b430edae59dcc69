"""The data card of a released benchmark: counts of its suites, and what is to be known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from scamdetect.bench.suite import Suite
from scamdetect.labels import VERDICTS
from scamdetect.train.cells import tally
from scamdetect.train.data.registry import Source
from scamdetect.train.pages import table

_OWN = "authored_"
_OWN_NAME = "own messages"
_LISTED = 20  # sources of a suite, at most; a larger one is shown by language
_VERDICTS = [verdict.value for verdict in sorted(VERDICTS)]

_ABOUT = """\
A benchmark for detectors of scam messages, in suites that each ask one question. It holds no text
of others: it is a recipe with checksums. `scamdetect data fetch` gets the public files from their
owners, `scamdetect data build` makes the corpus, and the suites choose from that and from this
project's own messages (`data/authored`). A suite whose sha256 is the one below has the same rows,
texts, labels and groups as here; figures on another one are not comparable, and are reported so.
What `llm` and `calibrate` can choose from depends on every source that trains, for the build
balances them against one another: fetch all of them. A corpus without two of those sources gave
the other suites unchanged."""

_SUITES = {
    "human": """\
Four sources in Korean, Portuguese and Vietnamese that no model of this project trains on, but on
which models are chosen: figures here flatter this project's models a little. The Korean scams are
transcripts of phone calls and their honest side is other talk, so style parts them; look at
Portuguese and Vietnamese apart.""",
    "human-final": """\
Four sources that only release figures are taken on. Chinese has an honest side only (its spam may
hold scams, so it is left out); the posts in English are mostly about crypto.""",
    "llm": """\
Model-written scams and honest text of the same writers, at most 500 rows a verdict, source and
writer. Rows of every part of the corpus are in, those that this project trains on too: a detector
that has learnt from a source is to be shown as having seen it. `pest_human_vs_llm_email` has both
people's mails and models' rewrites of them: the one place where only the writer differs.
Two sources give honest text alone, one gives almost none: a writer whose honest side is
missing has recall, but no false alarms of its own.""",
    "llm-final": """\
DeepSeek-R1 wrote the public scams; nothing here trains on that generator. Its honest side is
missing, so false alarms are those on this project's own messages, by another writer.""",
    "pairs": """\
Each pair has a scam and an honest message that share topic, words and form. A detector that goes by
topic gets half a pair right.""",
    "pairs-final": "As `pairs`, of another round of writing, for release figures alone.",
    "evasion": """\
Eight scams and eight honest messages of each language, then each of them under every evasion of
`scamdetect.train.perturb` at three strengths (a fifth, three fifths, all of the words). Link
tricks, dropped diacritics, romanisation and the other Chinese script do not depend on it. What is
lost is to be read against the clean rows. The copies called re-encoded are disguised in nothing
(decomposed letters, the line ends of Windows, a last blank): a decision that they change is a
fault.""",
    "rewrite": """\
The clean rows of `evasion`, put in other words by rules: friendlier, more formal, shorter,
paraphrased. Rules are mild: they swap set phrases, frame a message or drop its courtesies, and
where no phrase fits, `paraphrase` only puts a lead-in first (in Khmer, Turkish and French in half
of the rows). `shorter` leaves a fifth to two fifths of the rows of eleven languages as they are.
Khmer, Burmese, Tamil, Nepali, Swahili and Tagalog read least natural. A model rewrites more freely:
pass `--rewriter`, and the suite has that model's name and is not of the release.""",
    "calibrate": """\
What thresholds are set on, for detectors that bring none: never scored for a figure. Drawn evenly
by verdict, slice or kind, and language.""",
}

_LABELS = """\
Public rows have the labels of their source, mapped to scam, spam and legit by the description of
the source (`data/sources`), and the conventions of `data/LABELS.md`. "Provenance" means that the
label follows from where the row comes from, "human" that people labelled the rows, "source" that
the source gives labels without saying how, "mixed" that an AI proposed and people checked. Rows of
the training sources in `llm` and `calibrate` carry the corrections of blind readers (a language
model) where there are any; rows of the dev and test sources are as the source has them. Rows known
only not to be legit are in no suite. Kinds of scam are given where the source, a reader or the
writer named them, and left open where a keyword rule did.

The project's own messages were written by one language model (`claude`) to a scenario card that
fixed the label, then read blind by a second instance; rows on which the two differed were written
anew."""

_CANNOT = """\
- How often scams occur: the share of scams is that of the sources, not of any inbox.
- How a detector does on a writer that is in no suite: each suite holds a handful of generators,
  and one of them wrote all of this project's own messages.
- Whether people would agree with the labels of the own messages: writer and reader are of one model
  family.
- How often honest text by the same model is flagged, for every writer: some have no honest side.
- That a detector is better on phone calls: public transcripts of honest calls come from elsewhere.
- Much about small cells: one language of the own messages has some thirty scams in a suite, so
  its intervals are wide.
- Whether a detector learnt from the public files: they are public, and some are years old. What it
  is known to have learnt from is shown; what is not known cannot be."""

_PERSONAL = """\
Some public sources hold messages of real people, with names and numbers ("personal data: yes"
below). This repository holds none of those texts, only counts, row hashes and checksums; who
fetches the files answers for their use. The project's own messages name no real person and no
working address or number."""

_USE = """\
For comparing detectors, for finding where one fails, and for release figures. `human-final`,
`llm-final` and `pairs-final` are opened for release figures alone: whoever tunes on them has
no benchmark left. Not for training, not for ranking people or countries, not as evidence that a
message is or is not a scam. Licences bind: one source forbids commercial use, many state no
licence, which permits nothing by itself."""


def card(
    name: str, checksum: str, suites: Sequence[Suite], registry: Mapping[str, Source]
) -> list[str]:
    """Return the lines of the card; ``registry`` describes the public sources of the suites."""
    used = sorted({source for suite in suites for source in suite.manifest.sources})
    main = {
        source
        for suite in suites
        if len(_names(suite)) <= _LISTED
        for source in suite.manifest.sources
    }
    public = [registry[source] for source in used if not source.startswith(_OWN)]
    listed = [source for source in public if source.slug in main]
    rest = [source for source in public if source.slug not in main]
    return [
        f"# {name}: data card",
        "",
        "Made by `benchmarks/bench_release.py`; counts come from the suites, sources and their "
        "faults from `data/sources`.",
        "",
        _ABOUT,
        "",
        f"Version 1, sha256 over those of the suites: `{checksum}`.",
        "",
        *table(
            ["suite", "rows", *_VERDICTS, "languages", "writers", "for releases only", "sha256"],
            map(_suite_line, suites),
        ),
        *(line for suite in suites for line in _suite_section(suite)),
        "",
        "## How rows were labelled",
        "",
        _LABELS,
        "",
        "## What the suites cannot say",
        "",
        _CANNOT,
        "",
        "## Personal data",
        "",
        _PERSONAL,
        "",
        "## Intended use",
        "",
        _USE,
        "",
        "## Sources, licences and attribution",
        "",
        f"The project's own messages: CC-BY-4.0, this repository (`{_OWN}` and the language as "
        "their source).",
        "",
        *table(
            ["source", "what", "from", "licence", "by", "texts", "labels", "personal data"],
            map(_source_line, listed),
        ),
        "",
        *_licence_notes(listed),
        "",
        "Further sources of `calibrate` alone:",
        "",
        *table(
            ["source", "from", "licence", "by"],
            ([one.slug, _address(one), one.licence, _cell(one.citation)] for one in rest),
        ),
        "",
        "## Known faults, source by source",
        "",
        *(
            f"- **{one.slug}**: {_cell(one.quality)} Leaks: {_lower(_cell(one.leaks))}"
            for one in listed
        ),
        f"- **{_OWN_NAME}**: one writer model, and a reader of its family: easier for detectors "
        "that learnt from the part `train` of them than any real inbox. No message was ever sent.",
    ]


def _suite_line(suite: Suite) -> list[str]:
    manifest = suite.manifest
    return [
        f"`{manifest.name}`",
        f"{manifest.rows:,}",
        *(f"{manifest.verdicts.get(verdict, 0):,}" for verdict in _VERDICTS),
        str(len(manifest.languages)),
        ", ".join(manifest.generators),
        "yes" if manifest.final else "no",
        f"`{manifest.sha256[:12]}`",
    ]


def _suite_section(suite: Suite) -> list[str]:
    manifest = suite.manifest
    parts = Counter(suite.rows["part"].to_pylist())
    lines = ["", f"## `{manifest.name}`", "", manifest.about, "", _SUITES[manifest.name], ""]
    if len(_names(suite)) <= _LISTED:
        columns = {"source": _sources(suite), "written by": _writers(suite)}
        lines += _counts(suite, columns)
    else:
        columns = {"language": suite.rows["lang"].to_pylist()}
        lines += _counts(suite, columns)
        lines += ["", f"Writers: {_listed(manifest.generators)}."]
    lines += ["", f"Languages: {_listed(manifest.languages)}."]
    lines += ["", f"Parts of the corpus: {_listed(parts)}."]
    if manifest.kinds:
        lines += ["", f"Kinds, where they are known: {_listed(manifest.kinds)}."]
    if manifest.name == "evasion":
        changed = (change or "clean" for change in suite.rows["change"].to_pylist())
        lines += ["", f"Evasions: {_listed(Counter(changed))}."]
    groups = len(set(suite.rows["group"].to_pylist()))
    return [*lines, "", f"Groups that are resampled together: {groups:,}."]


def _counts(suite: Suite, columns: Mapping[str, Sequence[str]]) -> list[str]:
    counts = Counter(zip(*columns.values(), suite.rows["verdict"].to_pylist(), strict=True))
    keys = sorted({key[:-1] for key in counts})
    return table(
        [*columns, *_VERDICTS],
        ([*key, *(f"{counts[*key, verdict]:,}" for verdict in _VERDICTS)] for key in keys),
    )


def _sources(suite: Suite) -> list[str]:
    names = suite.rows["source"].to_pylist()
    return [_OWN_NAME if name.startswith(_OWN) else name for name in names]


def _names(suite: Suite) -> set[str]:
    return set(_sources(suite))


def _writers(suite: Suite) -> list[str]:
    return [one or "people" for one in suite.rows["generator"].to_pylist()]


def _source_line(one: Source) -> list[str]:
    return [
        one.slug,
        _cell(one.title),
        _address(one),
        one.licence,
        _cell(one.citation),
        one.real,
        one.label_source,
        "yes" if one.personal_data else "no",
    ]


def _address(one: Source) -> str:
    return f"[{one.repository}](https://github.com/{one.repository}/tree/{one.commit})"


def _licence_notes(sources: Iterable[Source]) -> list[str]:
    return [f"- {one.slug}: {_cell(one.licence_note)}" for one in sources if one.licence_note]


def _listed(counts: Mapping[str, int]) -> str:
    return tally(dict(sorted(counts.items())))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
