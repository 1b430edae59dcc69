"""The masked multi-task loss: it uses what a row knows and leaves out what it does not."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch.nn import functional

from scamdetect.train.recipe import LossTable

LEGIT, SPAM, SCAM = 0, 1, 2  # columns of the verdict logits, in the order of labels.VERDICTS
PAIR_MARGIN = 4.0  # how far a scam should stand over its twin, in log-odds of scam


@dataclass(frozen=True)
class Targets:
    """What a batch of rows knows; float32 and int64 tensors with one line a row."""

    verdict: torch.Tensor  # (n,) column, -1 where only "not legit" is known
    verdict_weight: torch.Tensor  # (n,)
    kinds: torch.Tensor  # (n, k) of 0 and 1
    kinds_weight: torch.Tensor  # (n, k), 0 where unknown
    language: torch.Tensor  # (n,) column, -1 where unknown
    soft: torch.Tensor  # (n,) a reader's probability of scam, NaN where nobody read
    pair: torch.Tensor  # (n,) number of the pair, -1 where there is none

    def __getitem__(self, rows: torch.Tensor) -> Self:
        """Return the targets of these rows."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to(self, device: torch.device) -> Self:
        """Return the targets on a device."""
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))


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


def scam_log_odds(logits: torch.Tensor) -> torch.Tensor:
    """Return log(p / (1 - p)) of scam (n,) from verdict logits (n, 3)."""
    return logits[:, SCAM] - torch.logsumexp(logits[:, [LEGIT, SPAM]], dim=-1)


def kind_loss(logits: torch.Tensor, kinds: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of a row, summed over its known kinds, mean over such rows.

    Only scams know kinds, so the sigmoid of a kind's logit is its probability given a scam.
    """
    each = functional.binary_cross_entropy_with_logits(logits, kinds, reduction="none") * weight
    return each.sum() / (weight.sum(dim=1) > 0).sum().clamp(min=1)


def soft_loss(log_odds: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy to the readers' probabilities (n,), over the rows that were read."""
    known = ~torch.isnan(soft)
    each = functional.binary_cross_entropy_with_logits(
        log_odds, torch.nan_to_num(soft), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def pair_loss(log_odds: torch.Tensor, targets: Targets) -> torch.Tensor:
    """Return the mean of softplus(margin - (scam - twin)) over the pairs within the batch."""
    scam = (targets.verdict == SCAM) & (targets.pair >= 0)
    legit = targets.verdict == LEGIT
    twins = (targets.pair[:, None] == targets.pair[None, :]) & scam[:, None] & legit[None, :]
    short = functional.softplus(PAIR_MARGIN - (log_odds[:, None] - log_odds[None, :]))
    return (short * twins).sum() / twins.sum().clamp(min=1)


def multi_task_loss(
    outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    targets: Targets,
    table: LossTable,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Return the loss to go down on and its parts for the log; parts of weight 0 are left out."""
    verdict_logits, kind_logits, language_logits = (block.float() for block in outputs)
    log_odds = scam_log_odds(verdict_logits)
    parts = {
        "verdict": verdict_loss(
            verdict_logits, targets.verdict, targets.verdict_weight, table.label_smoothing
        ),
        "kinds": kind_loss(kind_logits, targets.kinds, targets.kinds_weight),
        "language": functional.cross_entropy(
            language_logits, targets.language, ignore_index=-1, reduction="sum"
        )
        / (targets.language >= 0).sum().clamp(min=1),
    }
    if table.soft:
        parts["soft"] = soft_loss(log_odds, targets.soft)
    if table.pair:
        parts["pair"] = pair_loss(log_odds, targets)
    total = torch.stack([getattr(table, name) * part for name, part in parts.items()]).sum()
    return total, {name: part.item() for name, part in parts.items()}
