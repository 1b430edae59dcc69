"""A real bundle in miniature: a word-counting graph whose scores can be worked out by hand.

Each known word adds its weights to the logits of its verdict and kinds, each letter to those of its
language, so that more lure words mean a higher scam probability, whatever stands around them.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from scamdetect.bundle.bundle import write_manifest
from scamdetect.bundle.cascade import Cascade, CascadeRule
from scamdetect.labels import KINDS, VERDICTS, Verdict

LANGUAGES = ("ar", "en", "ru", "th", "zh")
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
SCAM_WORDS = {
    "profit": "investment",
    "guaranteed": "investment",
    "bitcoin": "crypto",
    "gift": "impersonation",
    "card": "impersonation",
    "darling": "romance",
    "parcel": "delivery",
    "прибыль": "investment",
    "利润": "investment",
}
SPAM_WORDS = ("sale", "discount", "offer")
LEGIT_WORDS = ("lunch", "meeting", "tomorrow", "thanks", "hello", "обед")
SCRIPTS = {
    "ar": range(0x0621, 0x064B),
    "en": range(ord("a"), ord("z") + 1),
    "ru": range(0x0430, 0x0450),
    "th": range(0x0E01, 0x0E3B),
    "zh": tuple(map(ord, "你好我们明天见利润投资请加群")),
}


CONVERSATION = {  # a rule for conversations; give it as ``conversation=CONVERSATION``
    "weights": {"bias": -1.0, "message": 0.5, "window": 0.5},
    "window_characters": 60,
    "thresholds": {"flag": 0.9, "review": 0.6},
    "thresholds_fpr": {"flag": 0.01, "review": 0.05},
    "enough_turns": 3,
    "fitted_on": {"legit": 120, "scam": 110},
}
PRESET_POINTS = [  # one of each preset; give them as ``operating_points=PRESET_POINTS``
    {"fpr": fpr, "threshold": threshold, "upper_bound": 0.03, "n": 9000, "recall": 0.8}
    for fpr, threshold in ((0.001, 0.99), (0.005, 0.9), (0.02, 0.65))
]
CLEARING = {
    "tensor": "seen", "words_below": -1.0, "words_scaling": [1.0, 0.0], "exit_below": -2.5,
    "exit_scaling": [1.0, 0.0], "spam_share": 0.01,
}  # fmt: skip


def write_tiny_bundle(folder: Path, *, proven: bool | None = None, **settings: object) -> Path:
    """Write the bundle; keywords replace entries of its scamdetect.json.

    With ``proven`` true or false it has a cascade, which clears texts that are mostly "lunch".
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = _pieces()
    _write_tokenizer(folder / "tokenizer.json", list(pieces))
    onnx.save(_graph(np.stack(list(pieces.values()))), str(folder / "model.onnx"))
    if proven is not None:
        settings = {"cascade": CLEARING | {"proven": proven}} | settings
        tiny_cascade().save(folder / "cascade.arrow")
    _write_json(folder / "scamdetect.json", tiny_settings() | settings)
    labels = [verdict.value for verdict in VERDICTS]
    config = {
        "model_type": "tiny",
        "id2label": {str(place): label for place, label in enumerate(labels)},
        "label2id": {label: place for place, label in enumerate(labels)},
        "vocab_size": len(pieces),
    }
    _write_json(folder / "config.json", config)
    (folder / "README.md").write_text("# A tiny bundle for tests\n", encoding="utf-8")
    write_manifest(folder, {"recipe": "tests/tiny_bundle.py"})
    return folder


def tiny_settings() -> dict[str, object]:
    """Return the scamdetect.json of the tiny bundle."""
    return {
        "schema_version": 1,
        "name": "scamdetect-tiny",
        "version": "0.0.1",
        "normaliser_version": 3,
        "classes": [verdict.value for verdict in VERDICTS],
        "kinds": [kind.value for kind in KINDS],
        "languages": list(LANGUAGES),
        "prefix": "",
        "max_tokens": 32,
        "stride": 8,
        "max_windows": None,
        "temperature": 1.0,
        "kind_temperature": 1.0,
        "kind_threshold": 0.5,
        "language_threshold": 0.5,
        "thresholds": {"flag": 0.9, "review": 0.6},
        "operating_points": [
            {"fpr": 0.005, "threshold": 0.9, "upper_bound": 0.02, "n": 500, "recall": 0.8}
        ],
    }


def tiny_cascade() -> Cascade:
    """Return a cascade by the mean of what words add to the logits: below -2.5 where it is honest.

    Any piece of "lunch" votes for English.
    """
    names = [*VERDICTS, *KINDS, *LANGUAGES]
    hidden = np.zeros((len(names) + 2, 2))
    hidden[names.index(Verdict.LEGIT), 0] = 4.0
    for verdict in (Verdict.SCAM, Verdict.SPAM):
        hidden[names.index(verdict), 1] = 8.0
    one, english = np.array([list(_pieces()).index("\u2581lunch")]), np.array([1])
    rule = msgspec.convert(CLEARING | {"proven": False}, CascadeRule)
    return Cascade(rule, hidden, np.array([-1.0, 1.0, 0.0]), one, english, np.array([1]))


def _pieces() -> dict[str, np.ndarray]:
    """Return each piece of the vocabulary with what it adds to (verdict, kind, language) logits."""
    verdicts, kinds = [v.value for v in VERDICTS], [k.value for k in KINDS]
    names = [*verdicts, *kinds, *LANGUAGES]

    def adds(**logits: float) -> np.ndarray:
        return np.array([logits.get(name, 0.0) for name in names], dtype=np.float32)

    pieces = {name: adds() for name in SPECIAL} | {"\u2581": adds()}
    for language, letters in SCRIPTS.items():
        pieces |= {chr(letter): adds(**{language: 0.5}) for letter in letters}
    pieces |= {character: adds() for character in "0123456789.,!?$%:/[]-'\""}
    for word, kind in SCAM_WORDS.items():
        spoken = {language: 2.0 for language, chars in SCRIPTS.items() if ord(word[0]) in chars}
        spoken = spoken or {"zh": 2.0}
        for piece in (word, f"\u2581{word}"):
            pieces[piece] = adds(scam=2.0, **{kind: 4.0}, **spoken)
    for verdict, words in (("spam", SPAM_WORDS), ("legit", LEGIT_WORDS)):
        for word in words:
            language = "en" if word.isascii() else "ru"
            pieces[f"\u2581{word}"] = adds(**{verdict: 2.0, language: 2.0})
    return pieces


def _write_tokenizer(path: Path, pieces: list[str]) -> None:
    # A longer piece always beats the letters that it is made of.
    scores = [(piece, -1.0 if len(piece) > 1 else -10.0) for piece in pieces]
    tokenizer = Tokenizer(Unigram(scores, unk_id=SPECIAL.index("<unk>")))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(path))


def _graph(table: np.ndarray) -> onnx.ModelProto:
    widths = [len(VERDICTS), len(KINDS), len(LANGUAGES)]
    outputs = ["verdict_logits", "kind_logits", "language_logits"]
    bias = np.concatenate([[1.0, 0.0, 0.0], np.full(len(KINDS), -3.0), np.zeros(len(LANGUAGES))])
    constants = {
        "table": table,
        "bias": bias.astype(np.float32),
        "last": np.array([2]),
        "tokens": np.array([1]),
        "none": np.array([0]),
        "widths": np.array(widths[:2]),
        "spoken": np.array([sum(widths[:2])]),
        "end": np.array([sum(widths)]),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["weights"]),
        helper.make_node("Cast", ["attention_mask"], ["float_mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float_mask", "last"], ["mask"]),
        helper.make_node("Mul", ["weights", "mask"], ["kept"]),
        # What is known below "seen", and what only above it.
        helper.make_node("ReduceSum", ["kept", "tokens"], ["sums"], keepdims=0),
        helper.make_node("Slice", ["sums", "spoken", "end", "tokens"], outputs[2:]),
        helper.make_node("Identity", ["kept"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "tokens"], ["seen_sums"], keepdims=0),
        helper.make_node("Add", ["seen_sums", "bias"], ["logits"]),
        helper.make_node("Slice", ["logits", "none", "spoken", "tokens"], ["told"]),
        helper.make_node("Split", ["told", "widths"], outputs[:2], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
            for name, width in zip(outputs, widths, strict=True)
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
