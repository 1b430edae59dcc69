"""Score with a text classifier of transformers that is stored on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect.bench.answers import Answers, Detector, Setting
from scamdetect.bench.detectors.sklearn import Places, scam_places
from scamdetect.errors import InputError, MissingExtraError
from scamdetect.system.files import file_sha256

try:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
except ImportError as error:
    raise MissingExtraError(error.name or "transformers", "bench") from error

_BATCH_TOKENS = 8_192
_NO_LIMIT = 1_000_000  # tokenizers without their own limit state a far larger one
_OFFSET_POSITIONS = {
    "camembert", "data2vec-text", "esm", "ibert", "lilt", "longformer", "luke", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip
_DEFAULT_TOKENS = 512


def load(target: str, setting: Setting) -> Detector:
    """Return the sequence classifier in a folder, or by name in the cache of transformers.

    Nothing is downloaded and no code of the model runs. ``setting.label_map`` or the model's own
    labels define which mean scam; their probabilities are summed if labels exclude each other, else
    the highest counts. Raises InputError if the model cannot be loaded this way, has no trained
    classifier or no scam label.
    """
    tokenizer, model = _loaded(target)
    config = model.config
    if config.problem_type == "regression":
        raise InputError(f"{target} returns a single number, not a probability per label")
    labels = [config.id2label[place] for place in range(config.num_labels)]
    scam = scam_places(labels, setting.label_map)
    tokens = _longest(tokenizer, config)
    exclusive = config.problem_type != "multi_label_classification" and len(labels) > 1
    named = ",".join(labels[place] for place in scam)
    return Detector(
        name=Path(target).name,
        identity=f"{_fingerprint(target, config)} scam={named}",
        score=_Scoring(tokenizer, model, scam, tokens, exclusive),
        note=f"Texts are truncated to {tokens} tokens, so the ends of longer ones are not read.",
    )


def _loaded(target: str) -> tuple[Any, Any]:
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            target, local_files_only=True, trust_remote_code=False
        )
        model, found = AutoModelForSequenceClassification.from_pretrained(
            target,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as problem:  # the libraries below raise many types of errors for a broken file
        cure = (
            "the folder must contain config.json, a tokenizer and model.safetensors"
            if Path(target).is_dir()
            else f"nothing is downloaded here; download it first: hf download {target}"
        )
        raise InputError(
            f"{target!r} is not a text classifier that can be loaded "
            f"({type(problem).__name__}); {cure}; only safetensors without custom code are "
            "loaded"
        ) from problem
    if missing := sorted(found["missing_keys"]):
        raise InputError(
            f"{target!r} has no trained weights for {', '.join(missing[:3])}, so it is not a "
            "text classifier; pass a model that was fine-tuned to classify"
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return tokenizer, model.float().eval().to(device)


def _longest(tokenizer: Any, config: Any) -> int:  # noqa: ANN401
    """Return how many tokens the model reads, including special ones."""
    limits = [tokenizer.model_max_length]
    if (positions := getattr(config, "max_position_embeddings", None)) is not None:
        # These models count positions from after the padding token's.
        offset = config.pad_token_id + 1 if config.model_type in _OFFSET_POSITIONS else 0
        limits.append(positions - offset)
    longest = min(limits)
    return int(longest) if longest < _NO_LIMIT else _DEFAULT_TOKENS


def _fingerprint(target: str, config: Any) -> str:  # noqa: ANN401
    """Return the commit of a model in the cache, or a hash of the files in a folder."""
    folder = Path(target)
    if not folder.is_dir():
        return f"{target}@{config._commit_hash}"
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file():
            digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Scoring:
    tokenizer: Any
    model: Any
    scam: Places
    tokens: int
    exclusive: bool  # exactly one label applies, so all add up to 1

    def __call__(self, texts: Sequence[str], /) -> Answers:
        """Return the scam probability of each text, flagged if a scam label is predicted."""
        scores, flagged = np.zeros(len(texts)), np.zeros(len(texts), dtype=bool)
        for rows, batch in self._batches(texts):
            with torch.inference_mode():
                logits = self.model(**batch.to(self.model.device)).logits.double().cpu()
            if self.exclusive:
                found = logits.softmax(dim=1).numpy()
                # Rounding can make a sum exceed 1.
                scores[rows] = np.minimum(found[:, self.scam].sum(axis=1), 1.0)
                flagged[rows] = np.isin(found.argmax(axis=1), self.scam)
            else:
                scores[rows] = logits.sigmoid().numpy()[:, self.scam].max(axis=1)
                flagged[rows] = scores[rows] >= 0.5
        return Answers(scam=scores, flagged=flagged)

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Any]]:
        """Yield row numbers and padded tokens of texts of similar length."""
        if not texts:
            return
        ids = self._tokens(texts)["input_ids"]
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        # Without a padding token, only one text fits into a batch.
        padding = self.tokenizer.pad_token_id
        known = padding is not None and padding == self.model.config.pad_token_id
        room = _BATCH_TOKENS if known else 1
        while order:
            rows = [order.pop(0)]
            while order and (len(rows) + 1) * len(ids[order[0]]) <= room:
                rows.append(order.pop(0))
            yield rows, self._tokens([texts[row] for row in rows], tensors="pt")

    def _tokens(self, texts: Sequence[str], tensors: str | None = None) -> Any:  # noqa: ANN401
        return self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.tokens,
            padding=tensors is not None and len(texts) > 1,
            return_tensors=tensors,
        )
