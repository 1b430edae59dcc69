"""The network and its heads, the masked multi-task loss, and the number format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal, Self, cast

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from scamdetect.errors import RecipeError
from scamdetect.train.recipe import LossTable, OptimiserTable

# Words are enough to identify the language: it reads a low layer, and the trunk is left to the
# verdict.
LANGUAGE_LAYER = 2


class ScamModel(nn.Module):
    """Map token ids to the logits of verdict (n, v), kinds (n, k) and language (n, l)."""

    def __init__(
        self,
        encoder: PreTrainedModel,
        n_verdicts: int,
        n_kinds: int,
        n_languages: int,
        pooling: Literal["mean", "first"] = "mean",
    ) -> None:
        super().__init__()
        hidden = encoder.config.hidden_size
        # Plain attention is the fastest here on a CPU, and exports to standard operators.
        encoder.set_attn_implementation("eager")
        self.encoder = encoder
        self.pooling = pooling
        self.dropout = nn.Dropout(0.0)
        self.verdict = nn.Linear(hidden, n_verdicts)
        self.kinds = nn.Linear(hidden, n_kinds)
        self.language = nn.Linear(hidden, n_languages)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the three blocks of logits; ids and mask are int64 (n, tokens)."""
        return self.heads(*self.encode(input_ids, attention_mask))

    def encode(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the pooled vectors (n, hidden) of the last layer and of the language's layer."""
        return self.pool(self.states(input_ids, attention_mask), attention_mask)

    def states(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Return the token states (n, tokens, hidden) of the embeddings and after each layer."""
        added = (1.0 - attention_mask.to(torch.float32))[:, None, None, :] * -1e4
        states: tuple[torch.Tensor, ...] = self.encoder(
            input_ids=input_ids, attention_mask=added, output_hidden_states=True
        ).hidden_states
        return states

    def pool(
        self, states: tuple[torch.Tensor, ...], attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the vectors of ``encode`` from the states."""
        keep = attention_mask.to(torch.float32)
        pooled = states[-1][:, 0] if self.pooling == "first" else _mean(states[-1], keep)
        low = _mean(states[min(LANGUAGE_LAYER, len(states) - 1)], keep).detach()
        return self.dropout(pooled), low

    def heads(
        self, pooled: torch.Tensor, low: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the logits of verdict, kinds and language from the vectors of ``encode``."""
        return self.verdict(pooled), self.kinds(pooled), self.language(low)


def _mean(states: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    summed = (states * keep[:, :, None]).sum(dim=1)
    return summed / keep.sum(dim=1, keepdim=True).clamp(min=1.0)


def set_dropout(model: ScamModel, share: float) -> None:
    """Set the dropout rate of the model for training."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share


def keep_lowest_layers(encoder: PreTrainedModel, layers: int) -> None:
    """Cut the encoder (in place) to its lowest layers; raise RecipeError if it has fewer."""
    all_layers = encoder_layers(encoder)
    if layers > len(all_layers):
        raise RecipeError(f"base.layers is {layers}, but the base has {len(all_layers)} layers")
    cast(nn.Module, encoder.encoder).layer = all_layers[:layers]
    encoder.config.num_hidden_layers = layers


def parameter_groups(model: ScamModel, table: OptimiserTable) -> list[dict[str, object]]:
    """Return optimiser groups: each layer learns ``layer_decay`` times as fast as the one above."""
    layers = list(encoder_layers(model.encoder))
    rate, decay = table.learning_rate, table.weight_decay
    groups = _split_decay(model.verdict.parameters(), table.head_learning_rate, decay)
    groups += _split_decay(model.kinds.parameters(), table.kinds_learning_rate, decay)
    groups += _split_decay(model.language.parameters(), table.language_learning_rate, 0.0)
    for depth, layer in enumerate(reversed(layers)):
        groups += _split_decay(layer.parameters(), rate * table.layer_decay**depth, decay)
    lowest = rate * table.layer_decay ** len(layers)
    embeddings = cast(nn.Module, model.encoder.embeddings)
    groups += _split_decay(embeddings.parameters(), lowest, decay)
    return [group for group in groups if group["params"]]


def encoder_layers(encoder: PreTrainedModel) -> nn.ModuleList:
    """Return the encoder's layers, lowest first."""
    return cast(nn.ModuleList, cast(nn.Module, encoder.encoder).layer)


def _split_decay(
    parameters: Iterable[nn.Parameter], rate: float, weight_decay: float
) -> list[dict[str, object]]:
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "lr": rate, "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "lr": rate, "weight_decay": 0.0},
    ]


LEGIT, SPAM, SCAM = 0, 1, 2  # columns of the verdict logits, in the order of labels.VERDICTS
PAIR_MARGIN = 4.0  # margin of a scam above its twin, in log-odds of scam


@dataclass(frozen=True)
class Targets:
    """The known labels of a batch; float32 and int64 tensors with one entry per row."""

    verdict: torch.Tensor  # (n,) column, -1 if only "not legit" is known
    verdict_weight: torch.Tensor  # (n,)
    kinds: torch.Tensor  # (n, k) of 0 and 1
    kinds_weight: torch.Tensor  # (n, k), 0 if unknown
    language: torch.Tensor  # (n,) column, -1 if unknown
    soft: torch.Tensor  # (n,) a reader's probability of scam, NaN if nobody read it
    pair: torch.Tensor  # (n,) number of the pair, -1 if it has none

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

    A row known only not to be legit (``verdict`` -1) contributes -log(p_spam + p_scam) instead.
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
    """Return the cross-entropy of a row, summed over its known kinds, averaged over such rows.

    Only scams have kinds, so the sigmoid of a kind's logit is its probability given a scam.
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
    """Return the loss to minimise and its parts for the log; parts of weight 0 are left out."""
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


def autocast(
    device: torch.device, asked: Literal["auto", "fp32", "bf16"] = "auto"
) -> torch.autocast:
    """Return the autocast context of a forward pass; ``auto`` is bf16 where it is fast."""
    fast = asked == "bf16" or (asked == "auto" and _computes_bf16(device))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast)


def _computes_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


def answer_loss(
    ours: tuple[torch.Tensor, torch.Tensor],
    theirs: tuple[torch.Tensor, torch.Tensor],
    temperature: float,
) -> torch.Tensor:
    """Return the mean divergence from the other model's verdicts, and from its kinds on its scams.

    Both are pairs of verdict (n, v) and kind (n, k) logits. The verdict part is the
    Kullback-Leibler divergence at the temperature, times its square; that of a kind is the excess
    cross-entropy, summed over kinds and weighted with the other model's probability of scam.
    """
    verdict = functional.kl_div(
        functional.log_softmax(ours[0] / temperature, dim=-1),
        functional.log_softmax(theirs[0] / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    targets = torch.sigmoid(theirs[1])
    minimum = functional.binary_cross_entropy(targets, targets, reduction="none")
    excess = (
        functional.binary_cross_entropy_with_logits(ours[1], targets, reduction="none") - minimum
    )
    scam = torch.softmax(theirs[0], dim=-1)[:, SCAM]
    kinds = (excess.sum(dim=1) * scam).sum() / scam.sum().clamp(min=1e-6)
    return verdict * temperature**2 + kinds
