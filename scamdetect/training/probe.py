"""Score texts with a trained model before any export: for experiments, not for release."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from scamdetect.labels import KINDS, VERDICTS, Verdict
from scamdetect.training.model import ScamModel

_BATCH_TOKENS = 4_096


def probe(
    model: ScamModel,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    max_tokens: int = 256,
    prefix: str = "",
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return scam (n,) and kind (n, kinds) probabilities of the texts' beginnings, uncalibrated."""
    first = tokenizer.encode(prefix.strip(), add_special_tokens=False).ids
    ids = [
        [*first, *encoding.ids][: max_tokens - 2]
        for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)
    ]
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    scores, kinds = np.zeros(len(ids)), np.zeros((len(ids), len(KINDS)))
    scam = list(VERDICTS).index(Verdict.SCAM)
    model.eval()
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
        with torch.inference_mode():
            verdict, kind, _ = model(tokens, mask)
        scores[batch] = verdict.float().softmax(dim=1)[:, scam].numpy()
        kinds[batch] = kind.float().sigmoid().numpy()
        start = end
    return scores, kinds
