"""Scores of a model before its export."""

from __future__ import annotations

import numpy as np
import torch
from tiny_base import tiny_encoder, tiny_tokenizer

from scamdetect.training.model import ScamModel
from scamdetect.training.probe import probe


def test_scores_do_not_depend_on_the_company_or_the_order() -> None:
    torch.manual_seed(0)
    model, tokenizer = ScamModel(tiny_encoder(), 3, 18, 5), tiny_tokenizer()
    texts = ["hello", "hello " * 300, "", "lunch tomorrow"]
    together = probe(model, tokenizer, texts, 64)
    assert [block.shape for block in together] == [(4,), (4, 18)]
    for block, place in zip(together, (0, 1), strict=True):
        assert ((block > 0) & (block < 1)).all()
        alone = [probe(model, tokenizer, [text], 64)[place][0] for text in texts]
        np.testing.assert_allclose(block, alone, atol=1e-5)
