"""A running average of the trained weights; weights that never move need none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def running_average(model: nn.Module, decay: float) -> AveragedModel:
    """Return the exponential average of the model's trained weights, which begins at the first."""
    mean = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(_trained(model), multi_avg_fn=mean)


def update_average(average: AveragedModel, model: nn.Module) -> None:
    """Add the model's weights to the average, once a step."""
    average.update_parameters(_trained(model))


def take_average(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Give the model (in place) the averaged weights of ``AveragedModel.state_dict``."""
    average = running_average(model, 0.0)
    average.load_state_dict(state)
    with torch.no_grad():
        for own, other in zip(_trained(model), average.module.parameters(), strict=True):
            own.copy_(other)


def _trained(model: nn.Module) -> nn.ParameterList:
    return nn.ParameterList([p for p in model.parameters() if p.requires_grad])
