"""An adversary that reads the source off the pooled vector, so that the encoder forgets it.

Gradient reversal (Ganin and Lempitsky 2015, arXiv:1409.7495), conditioned on language and class:
the adversary chooses only among sources that share both, so that it unlearns neither.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

Cell = tuple[str, str, str]  # source, language, class


class SourceAdversary(nn.Module):
    """Tells the cells of one language and class apart, and turns the encoder against it."""

    peers: torch.Tensor

    def __init__(self, hidden: int, cells: list[Cell]) -> None:
        super().__init__()
        self.head = nn.Linear(hidden, len(cells))
        alike = [[one[1:] == other[1:] for other in cells] for one in cells]
        self.register_buffer("peers", torch.tensor(alike))

    def forward(self, pooled: torch.Tensor, cell: torch.Tensor) -> torch.Tensor:
        """Return the mean cross-entropy over rows (n,) whose cell has a peer; 0 without one."""
        allowed = self.peers[cell]
        logits = self.head(_Reversed.apply(pooled.float()))  # type: ignore[no-untyped-call]
        each = functional.cross_entropy(
            logits.masked_fill(~allowed, float("-inf")), cell, reduction="none"
        )
        contested = allowed.sum(dim=1) > 1
        loss: torch.Tensor = each[contested].sum() / contested.sum().clamp(min=1)
        return loss


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, vectors: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        return vectors.view_as(vectors)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        return -gradient
