"""The adversary learns the source; the encoder is turned against it, within language and class."""

from __future__ import annotations

import torch

from scamdetect.training.adversary import SourceAdversary

CELLS = [("a", "th", "scam"), ("b", "th", "scam"), ("c", "th", "legit"), ("a", "vi", "scam")]


def test_the_gradient_of_the_encoder_is_reversed() -> None:
    torch.manual_seed(0)
    adversary = SourceAdversary(4, CELLS)
    pooled = torch.randn(2, 4, requires_grad=True)
    cell = torch.tensor([0, 1])
    before = adversary(pooled, cell)
    before.backward()
    assert pooled.grad is not None and adversary.head.weight.grad is not None
    with torch.no_grad():
        assert adversary(pooled - 0.1 * pooled.grad, cell) > before
        adversary.head.weight -= 0.1 * adversary.head.weight.grad
        assert adversary(pooled, cell) < before


def test_rows_without_a_rival_of_their_language_and_class_count_for_nothing() -> None:
    adversary = SourceAdversary(4, CELLS)
    pooled = torch.randn(2, 4, requires_grad=True)
    loss = adversary(pooled, torch.tensor([2, 3]))
    loss.backward()
    assert loss.item() == 0.0
    assert pooled.grad is not None and pooled.grad.abs().sum() == 0
