"""Scores of a model before its export."""

from __future__ import annotations

import numpy as np
import torch
from tiny_base import tiny_encoder, tiny_tokenizer

from scamdetect.training.model import ScamModel
from scamdetect.training.probe import scam_probabilities


def test_scores_do_not_depend_on_the_company_or_the_order() -> None:
    torch.manual_seed(0)
    model, tokenizer = ScamModel(tiny_encoder(), 3, 18, 5), tiny_tokenizer()
    texts = ["hello", "hello " * 300, "", "lunch tomorrow"]
    together = scam_probabilities(model, tokenizer, texts, 64)
    alone = [scam_probabilities(model, tokenizer, [text], 64)[0] for text in texts]
    assert together.shape == (4,) and ((together > 0) & (together < 1)).all()
    np.testing.assert_allclose(together, alone, atol=1e-5)
