"""The average follows the weights, and leaves alone what never moves."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scamdetect.train.run import running_average, take_average, update_average

pytestmark = pytest.mark.slow


def _model() -> nn.Sequential:
    model = nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 1))
    model[0].requires_grad_(False)
    return model


def test_the_average_decays_from_the_first_weights() -> None:
    model = _model()
    average = running_average(model, 0.9)
    frozen = model[0].weight.clone()
    for value in (1.0, 2.0, 3.0):
        with torch.no_grad():
            model[1].weight.fill_(value)
        update_average(average, model)
    take_average(model, average.state_dict())
    assert model[1].weight.tolist() == [[pytest.approx(1.0 * 0.81 + 2.0 * 0.09 + 3.0 * 0.1)] * 2]
    assert torch.equal(model[0].weight, frozen)


def test_frozen_weights_are_not_copied() -> None:
    state = running_average(_model(), 0.9).state_dict()
    assert sum(tensor.numel() for name, tensor in state.items() if name != "n_averaged") == 3
