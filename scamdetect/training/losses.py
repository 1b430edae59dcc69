"""The masked multi-task loss: it uses what a row knows and leaves out what it does not."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from scamdetect.training.recipe import LossTable

SPAM, SCAM = 1, 2  # columns of the verdict logits, in the order of labels.VERDICTS


@dataclass(frozen=True)
class Targets:
    """What a batch of rows knows; float32 and int64 tensors with one line a row."""

    verdict: torch.Tensor  # (n,) column, -1 where only "not legit" is known
    verdict_weight: torch.Tensor  # (n,)
    kinds: torch.Tensor  # (n, k) of 0 and 1
    kinds_weight: torch.Tensor  # (n, k), 0 where unknown
    language: torch.Tensor  # (n,) column, -1 where unknown


def verdict_loss(
    logits: torch.Tensor, verdict: torch.Tensor, weight: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Return the weighted mean of the rows' cross-entropy.

    A row known only not to be legit (``verdict`` -1) gives -log(p_spam + p_scam) instead.
    """
    known = functional.cross_entropy(
        logits, verdict.clamp(min=0), reduction="none", label_smoothing=smoothing
    )
    log_p = functional.log_softmax(logits, dim=-1)
    either = -torch.logsumexp(log_p[:, [SPAM, SCAM]], dim=-1)
    losses = torch.where(verdict >= 0, known, either)
    return (losses * weight).sum() / weight.sum().clamp(min=1e-6)


def multi_task_loss(
    outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], targets: Targets, table: LossTable
) -> tuple[torch.Tensor, dict[str, float]]:
    """Return the loss to go down on and its parts for the log."""
    verdict_logits, kind_logits, language_logits = (block.float() for block in outputs)
    verdict = verdict_loss(
        verdict_logits, targets.verdict, targets.verdict_weight, table.label_smoothing
    )
    kinds_each = functional.binary_cross_entropy_with_logits(
        kind_logits, targets.kinds, reduction="none"
    )
    kinds = (kinds_each * targets.kinds_weight).sum() / targets.kinds_weight.sum().clamp(min=1.0)
    language = functional.cross_entropy(
        language_logits, targets.language, ignore_index=-1, reduction="sum"
    ) / (targets.language >= 0).sum().clamp(min=1)
    total = table.verdict * verdict + table.kinds * kinds + table.language * language
    parts = {"verdict": verdict.item(), "kinds": kinds.item(), "language": language.item()}
    return total, parts
