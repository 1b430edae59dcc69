"""Export a trained model to one ONNX graph of standard operators, fp32."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from scamdetect.train.model import ScamModel

OPSET = 17
INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("verdict_logits", "kind_logits", "language_logits")


def export_fp32(model: ScamModel, path: Path) -> None:
    """Write the model as the ONNX file ``path``.

    In: ids and mask, int64 (batch, tokens). Out: three blocks of logits, float32 (batch, classes).
    """
    model = model.eval().cpu()
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    axes = {name: {0: "batch", 1: "tokens"} for name in INPUTS}
    axes |= {name: {0: "batch"} for name in OUTPUTS}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Positional(model).eval(),  # else the exporter leaves dropout on
            (ids, mask),
            str(path),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


class _Positional(nn.Module):
    """The model with the positional signature that the exporter traces."""

    def __init__(self, model: ScamModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the three blocks of logits."""
        outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = self.model(
            input_ids, attention_mask
        )
        return outputs
