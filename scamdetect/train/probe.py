"""Score texts with a model without export: for experiments, not for release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from scamdetect.labels import KINDS, VERDICTS, Verdict
from scamdetect.train.base import Base
from scamdetect.train.model import ScamModel, autocast

_BATCH_TOKENS = 4_096
_Batch = tuple[list[int], torch.Tensor, torch.Tensor]


def probe(
    model: ScamModel,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    max_tokens: int = 256,
    prefix: str = "",
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return scam (n,) and kind (n, kinds) probabilities of the texts' beginnings, uncalibrated."""
    scores, kinds = np.zeros(len(texts)), np.zeros((len(texts), len(KINDS)))
    scam = list(VERDICTS).index(Verdict.SCAM)
    model.eval()
    for rows, tokens, mask in _batches(tokenizer, texts, max_tokens, prefix):
        with torch.inference_mode():
            verdict, kind, _ = model(tokens, mask)
        scores[rows] = verdict.float().softmax(dim=1)[:, scam].numpy()
        kinds[rows] = kind.float().sigmoid().numpy()
    return scores, kinds


def pooled_vectors(
    model: ScamModel,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    max_tokens: int = 256,
    prefix: str = "",
) -> npt.NDArray[np.float32]:
    """Return the pooled vectors (n, hidden) of the texts' beginnings: the input of the heads.

    In bf16 if the machine supports it: for baselines and probes that are fitted only on these.
    """
    vectors = np.zeros((len(texts), model.verdict.in_features), dtype=np.float32)
    model.eval()
    for rows, tokens, mask in _batches(tokenizer, texts, max_tokens, prefix):
        with torch.inference_mode(), autocast(tokens.device):
            vectors[rows] = model.encode(tokens, mask)[0].float().numpy()
    return vectors


def untrained(base: Base) -> ScamModel:
    """Return the base with untrained heads, for ``pooled_vectors``."""
    return ScamModel(base.encoder, len(VERDICTS), len(KINDS), 1)


def _batches(
    tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int, prefix: str
) -> Iterator[_Batch]:
    """Yield row numbers, ids and mask (rows, tokens) of texts of similar length."""
    first = tokenizer.encode(prefix.strip(), add_special_tokens=False).ids
    ids = [
        [*first, *encoding.ids][: max_tokens - 2]
        for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)
    ]
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    start = 0
    while start < len(order):
        end, width = start + 1, len(ids[order[start]]) + 2
        while end < len(order) and (end + 1 - start) * (len(ids[order[end]]) + 2) <= _BATCH_TOKENS:
            width = len(ids[order[end]]) + 2
            end += 1
        batch = order[start:end]
        tokens = torch.ones((len(batch), width), dtype=torch.long)
        mask = torch.zeros_like(tokens)
        for line, row in enumerate(batch):
            tokens[line, : len(ids[row]) + 2] = torch.tensor([0, *ids[row], 2])
            mask[line, : len(ids[row]) + 2] = 1
        yield batch, tokens, mask
        start = end
