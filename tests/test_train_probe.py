"""Scores and vectors of a model before its export."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from tiny_base import tiny_encoder, tiny_tokenizer

import scamdetect.train.probe as probe_module
from scamdetect.train.base import Base
from scamdetect.train.model import ScamModel
from scamdetect.train.probe import pooled_vectors, probe, untrained

pytestmark = pytest.mark.slow


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute vectors in fp32 on machines with bf16 too."""
    monkeypatch.setattr(probe_module, "autocast", lambda device: nullcontext())


TEXTS = ["hello", "hello " * 300, "", "lunch tomorrow"]


def test_scores_do_not_depend_on_the_company_or_the_order() -> None:
    torch.manual_seed(0)
    model, tokenizer = ScamModel(tiny_encoder(), 3, 18, 5), tiny_tokenizer()
    together = probe(model, tokenizer, TEXTS, 64)
    assert [block.shape for block in together] == [(4,), (4, 18)]
    for block, place in zip(together, (0, 1), strict=True):
        assert ((block > 0) & (block < 1)).all()
        alone = [probe(model, tokenizer, [text], 64)[place][0] for text in TEXTS]
        np.testing.assert_allclose(block, alone, atol=1e-5)


def test_vectors_are_what_the_heads_see(full_precision: None) -> None:
    torch.manual_seed(0)
    model, tokenizer = ScamModel(tiny_encoder(), 3, 18, 5), tiny_tokenizer()
    vectors = pooled_vectors(model, tokenizer, TEXTS, 64)
    assert vectors.shape == (4, 32)
    with torch.inference_mode():
        logits = model.verdict(torch.from_numpy(vectors))
    scores = probe(model, tokenizer, TEXTS, 64)[0]
    np.testing.assert_allclose(logits.softmax(dim=1)[:, 2], scores, atol=1e-5)


def test_vectors_of_a_base_are_its_own_means(full_precision: None) -> None:
    base = Base(tiny_encoder(), tiny_tokenizer(), "tiny")
    vectors = pooled_vectors(untrained(base), base.tokenizer, ["hello lunch"], 64)
    ids = torch.tensor([base.tokenizer.encode("hello lunch").ids])
    with torch.inference_mode():
        expected = tiny_encoder()(ids).last_hidden_state.mean(dim=1)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
