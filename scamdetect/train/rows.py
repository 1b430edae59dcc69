"""The training rows of a corpus as arrays, with marks of collection and padding on all classes."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer

from scamdetect.errors import RecipeError
from scamdetect.labels import KINDS, VERDICTS, Provenance
from scamdetect.system.files import check_regular
from scamdetect.system.os_errors import of_system, unreadable
from scamdetect.text.normalise import find_links, fold, normalise
from scamdetect.train.data.registry import LICENCE_POLICIES
from scamdetect.train.data.table import has_seen_kinds, is_authored, normaliser_problem
from scamdetect.train.form import honest_factors
from scamdetect.train.model import Targets
from scamdetect.train.perturb import PERTURBATIONS, perturb
from scamdetect.train.plan import MIN_LANGUAGE_ROWS, RowFacts, draw_shares, padded, scam_groups
from scamdetect.train.recipe import Recipe

# Words that look honest to a filter hide a message from it (Lowd and Meek 2005, good word attacks).


_SHORTEST, _LONGEST = 10, 45  # approximate number of added tokens
_MOST = 70  # of a text that gets some, so that both fit a training window of 128


def pad(
    texts: list[str],
    rows: Sequence[int],
    honest: Sequence[int],
    languages: Sequence[str],
    generator: random.Random,
) -> list[int]:
    """Add words of an honest row of the same language before or after each of these rows, in place.

    Returns the changed rows: not long ones, and not those of a language without honest rows.
    """
    of_language: dict[str, list[str]] = defaultdict(list)
    for row in honest:
        of_language[languages[row]].append(texts[row])
    changed = []
    for row in rows:
        candidates = of_language[languages[row]]
        if sum(map(_tokens, texts[row])) > _MOST or not candidates:
            continue
        added = _excerpt(generator.choice(candidates), generator)
        parts = [texts[row], added] if generator.random() < 0.5 else [added, texts[row]]
        texts[row] = generator.choice((" ", ". ", "\n")).join(parts)
        changed.append(row)
    return changed


def _excerpt(text: str, generator: random.Random) -> str:
    """Return the start of a text, cut at a blank if there is one."""
    left = generator.uniform(_SHORTEST, _LONGEST)
    length = 0
    while length < len(text) and left > 0:
        left -= _tokens(text[length])
        length += 1
    if length == len(text):
        return text
    start = text[:length]
    return start[: start.rfind(" ")] if " " in start.strip() else start


def _tokens(character: str) -> float:
    """Return the approximate number of tokens per character of its script, rather too many."""
    if character < "\u0370":  # Latin
        return 0.35
    return 0.5 if character < "\u1100" else 1.0  # Thai, Burmese and earlier; Hangul and later


# OCR of screenshots, taggers and scrapers lower the case, remove punctuation, put X for digits,
# lose words and strip links. Only sources of scams have such marks, so a model would learn the
# collection instead of the fraud.


# Tokens that the model must see: masks, and the speakers of a thread.
_KEPT = re.compile(r"\[[a-z]+[^\]\n]*\]|^[A-J]: ", re.MULTILINE)
_PUNCTUATION = re.compile(r"(?<!\d)[.,;:!?'\"()\[\]-](?!\d)")
_DIGITS = re.compile(r"\d+")
_FEWEST_WORDS = 6  # minimum length of a text that can lose one


def lower_case(text: str, generator: random.Random) -> str:
    """Return the text in lower case."""
    return text.lower()


def thin_punctuation(text: str, generator: random.Random) -> str:
    """Return the text without most of its punctuation, except in links, masks and speakers."""
    kept = generator.uniform(0.0, 0.4)
    links = [*find_links(text), *(match.span() for match in _KEPT.finditer(text))]

    def thinned(match: re.Match[str]) -> str:
        inside = any(start <= match.start() < end for start, end in links)
        return match[0] if inside or generator.random() < kept else ""

    return _PUNCTUATION.sub(thinned, text)


def digits_to_x(text: str, generator: random.Random) -> str:
    """Return the text with X for the digits of most of its numbers."""
    return _DIGITS.sub(
        lambda match: "X" * len(match[0]) if generator.random() < 0.8 else match[0], text
    )


def lose_words(text: str, generator: random.Random) -> str:
    """Return the text without one or two of its words."""
    words = re.split(r"(\s+)", text)
    places = [place for place in range(0, len(words), 2) if words[place]]
    if len(places) < _FEWEST_WORDS:
        return text
    for place in generator.sample(places, generator.choice((1, 1, 2))):
        words[place] = ""
    return "".join(words)


def strip_links(text: str, generator: random.Random) -> str:
    """Return the text with its links as a plain [link], or without them."""
    folded = fold(text)
    bare = generator.choice(("[link]", ""))
    for start, end in reversed(find_links(folded)):
        folded = folded[:start] + bare + folded[end:]
    return folded


STYLES: dict[str, Callable[[str, random.Random], str]] = {
    "links": strip_links,  # before those that would break them
    "words": lose_words,
    "digits": digits_to_x,
    "punctuation": thin_punctuation,
    "case": lower_case,
}


def restyle(text: str, generator: random.Random) -> str:
    """Return the text as if it was collected: one to three marks, drawn at random.

    A text that would become empty is returned unchanged.
    """
    drawn = set(generator.sample(list(STYLES), generator.choice((1, 1, 2, 2, 3))))
    styled = text
    for name, style in STYLES.items():
        if name in drawn:
            styled = style(styled, generator)
    return styled if styled.strip() else text


@dataclass(frozen=True)
class TrainingRows:
    """Token ids (without special tokens) and targets of n rows."""

    ids: list[npt.NDArray[np.int32]]
    facts: RowFacts
    targets: Targets
    languages: list[str]
    prefix: list[int]  # token ids before every window


def read_roles(corpus: Path, roles: list[str], licences: str) -> pa.Table:
    """Return the corpus rows of these roles; licences restrict only train and calibrate rows."""
    try:
        check_regular(corpus)
        table = pq.read_table(corpus)
    except (pa.ArrowException, OSError) as problem:
        if of_system(problem):
            cure = "run: scamdetect data build"
            raise unreadable(corpus, problem, error=RecipeError, cure=cure) from problem
        cause = str(problem).partition("\n")[0]
        raise RecipeError(
            f"{corpus}: not a corpus ({cause}); run: scamdetect data build"
        ) from problem
    table = table.filter(pc.is_in(table["role"], pa.array(roles)))
    if another := normaliser_problem(corpus, table.schema):
        raise RecipeError(another)
    bound = pc.is_in(table["role"], pa.array(["train", "calibrate"]))
    allowed = pc.is_in(table["licence_class"], pa.array(sorted(LICENCE_POLICIES[licences])))  # type: ignore[index]
    return table.filter(pc.or_(pc.invert(bound), allowed))


def prepare_rows(
    table: pa.Table,
    tokenizer: Tokenizer,
    recipe: Recipe,
    languages: Sequence[str] | None = None,
) -> TrainingRows:
    """Return the rows of the table ready to train on.

    ``languages`` are those that the model distinguishes, by default those with enough rows. Raises
    RecipeError without legit or scam rows, if the table has no rows for a loss term of the recipe,
    and if the prefix fills a training window.
    """
    prefix = tokenizer.encode(recipe.base.prefix.strip(), add_special_tokens=False).ids
    if len(prefix) + 2 >= recipe.data.max_tokens:
        raise RecipeError(
            f"base.prefix takes {len(prefix)} tokens and the ends 2, which leaves no room for "
            f"text in data.max_tokens = {recipe.data.max_tokens}; raise that or shorten the "
            "prefix"
        )
    texts = seen_texts(table, recipe)
    ids = [
        np.asarray(encoding.ids, dtype=np.int32)
        for start in range(0, len(texts), 5_000)
        for encoding in tokenizer.encode_batch(
            texts[start : start + 5_000], add_special_tokens=False
        )
    ]
    if missing := {"legit", "scam"} - set(_classes(table)):
        raise RecipeError(
            f"the corpus contains no {' and no '.join(sorted(missing))} rows to train on"
        )
    _check_loss_is_fed(table, recipe)
    lengths = np.array([len(row) + len(prefix) + 2 for row in ids], dtype=np.int64)
    facts = facts_of(table, texts, lengths, recipe)
    classes, langs = facts.classes, table["lang"].to_pylist()
    if languages is None:
        languages = sorted(
            lang for lang in set(langs) if lang != "und" and langs.count(lang) >= MIN_LANGUAGE_ROWS
        )
    targets = _targets(table, classes, list(languages), recipe)
    return TrainingRows(ids, facts, targets, list(languages), prefix)


def facts_of(
    table: pa.Table, texts: Sequence[str], lengths: npt.NDArray[np.int64], recipe: Recipe
) -> RowFacts:
    """Return what sets how often each row is drawn; ``texts`` are those that the run sees."""
    slices = [names[0] if names else "" for names in table["slices"].to_pylist()]
    classes = np.array(_classes(table))
    # The shares of the scams' groups set the number of authored scams, if there are shares.
    weighed = is_authored(table) & ~((classes == "scam") & bool(recipe.data.scam_shares.given))
    facts = RowFacts(
        lengths=lengths,
        classes=classes.tolist(),
        cells=list(
            zip(table["source"].to_pylist(), table["lang"].to_pylist(), slices, strict=True)
        ),
        weights=table["weight"].to_numpy().astype(np.float64)
        * np.where(weighed, recipe.data.authored_weight, 1.0),
        groups=scam_groups(table),
    )
    if not recipe.data.form_parity:
        return facts
    factors = honest_factors(
        texts,
        classes == "scam",
        classes == "legit",
        draw_shares(facts, recipe.data),
        table["group"].to_numpy(),
        recipe.data.form_parity,
    )
    return replace(facts, weights=facts.weights * factors)


def _classes(table: pa.Table) -> list[str]:
    """Return the class of each row; rows known only not to be legit count as spam."""
    rows = zip(table["verdict"].to_pylist(), table["not_legit"].to_pylist(), strict=True)
    return ["spam" if is_open else verdict for verdict, is_open in rows]


def _check_loss_is_fed(table: pa.Table, recipe: Recipe) -> None:
    # A corpus built without the project's own messages can train too, with a worse result.
    for key, weight, fed, lack in (
        (
            "soft",
            recipe.loss.soft,
            table["reader"].null_count < table.num_rows,
            "has a reader's probability",
        ),
        ("pair", recipe.loss.pair, max(_pairs(table), default=-1) >= 0, "belongs to a pair"),
    ):
        if weight and not fed:
            raise RecipeError(
                f"loss.{key} is {weight:g}, but no train row of the corpus {lack}; run: "
                "scamdetect data build with the folder of the authored messages, or set "
                f"loss.{key} to 0"
            )


def seen_texts(table: pa.Table, recipe: Recipe) -> list[str]:
    """Return the normalised texts that a run sees.

    In every source and class a share of the rows gets the marks of collection, another one honest
    words before or after it, and one is under an evasion that survives the normaliser.
    """
    texts: list[str] = table["norm"].to_pylist()
    inputs: list[str] = table["input"].to_pylist()
    restyling = random.Random(f"restyle {recipe.seed}")
    styled = share_of_rows(table, recipe.data.restyled_share, restyling)
    for row in styled:
        inputs[row] = restyle(inputs[row], restyling)
    padding = random.Random(f"pad {recipe.seed}")
    if chosen := share_of_rows(table, recipe.data.padded_share, padding):
        honest = np.flatnonzero(np.array(_classes(table)) == "legit").tolist()
        styled += pad(inputs, chosen, honest, table["lang"].to_pylist(), padding)
    for row in styled:
        texts[row] = normalise(inputs[row]) or texts[row]
    generator = random.Random(recipe.seed)
    for row, text in enumerate(inputs):
        if generator.random() >= recipe.data.disguised_share:
            continue
        names = generator.sample(list(PERTURBATIONS), len(PERTURBATIONS))
        changed = (perturb(text, [n], row, generator.uniform(0.2, 1.0)) for n in names)
        found = (normalise(one) for one in changed if one != text)
        texts[row] = next((one for one in found if one and one != texts[row]), texts[row])
    return texts


def share_of_rows(table: pa.Table, share: float, generator: random.Random) -> list[int]:
    """Return the indices of this share of the rows of each source and verdict, in order."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    pairs = zip(table["source"].to_pylist(), table["verdict"].to_pylist(), strict=True)
    for row, pair in enumerate(pairs):
        places[pair].append(row)
    drawn = (generator.sample(rows, round(share * len(rows))) for rows in places.values())
    return sorted(row for rows in drawn for row in rows)


def _targets(table: pa.Table, classes: list[str], languages: list[str], recipe: Recipe) -> Targets:
    n = table.num_rows
    rule = recipe.loss.rule_weight
    is_open = table["not_legit"].to_pylist()
    made_by_rule = [p == Provenance.RULE for p in table["verdict_provenance"].to_pylist()]
    columns = {verdict.value: number for number, verdict in enumerate(VERDICTS)}
    verdict = [-1 if o else columns[c] for c, o in zip(classes, is_open, strict=True)]
    kinds = np.zeros((n, len(KINDS)), dtype=np.float32)
    weights = np.zeros((n, len(KINDS)), dtype=np.float32)
    names = {kind.value: number for number, kind in enumerate(KINDS)}
    stated = table["kinds"].to_pylist()
    for row in np.flatnonzero(has_seen_kinds(table)).tolist():
        if stated[row]:
            weights[row] = 1.0
            kinds[row, [names[kind] for kind in stated[row]]] = 1.0
    places = {lang: number for number, lang in enumerate(languages)}
    pairs = _pairs(table)
    reader = [np.nan if p is None else p / 100 for p in table["reader"].to_pylist()]
    return Targets(
        verdict=torch.tensor(verdict),
        verdict_weight=torch.tensor([rule if r else 1.0 for r in made_by_rule]),
        kinds=torch.from_numpy(kinds),
        kinds_weight=torch.from_numpy(weights),
        language=torch.tensor([places.get(lang, -1) for lang in table["lang"].to_pylist()]),
        soft=torch.tensor(reader, dtype=torch.float32),
        pair=torch.tensor(pairs),
    )


def _pairs(table: pa.Table) -> list[int]:
    """Return the number of each authored row's pair, -1 for every other row."""
    names = [
        name if own else None
        for name, own in zip(table["thread_id"].to_pylist(), is_authored(table), strict=True)
    ]
    numbers = {name: number for number, name in enumerate(sorted({n for n in names if n}))}
    return [-1 if name is None else numbers[name] for name in names]


def collate(
    rows: TrainingRows,
    batch: npt.NDArray[np.int64],
    max_tokens: int,
    generator: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor, Targets]:
    """Return ids and mask, int64 (n, padded tokens), and targets of a batch.

    A row longer than ``max_tokens`` gives its start or a random window, with equal probability.
    """
    windows = []
    room = max_tokens - 2 - len(rows.prefix)
    for row in batch.tolist():
        ids = rows.ids[row]
        start = 0
        if len(ids) > room and generator.random() < 0.5:
            start = int(generator.integers(0, len(ids) - room + 1))
        windows.append([*rows.prefix, *ids[start : start + room]])
    width = padded(max(len(window) for window in windows) + 2)
    input_ids = np.full((len(windows), width), 1, dtype=np.int64)
    mask = np.zeros((len(windows), width), dtype=np.int64)
    for line, window in enumerate(windows):
        end = len(window) + 2
        input_ids[line, :end] = [0, *window, 2]
        mask[line, :end] = 1
    targets = rows.targets[torch.from_numpy(batch)]
    return torch.from_numpy(input_ids), torch.from_numpy(mask), targets
