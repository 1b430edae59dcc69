"""The network: an encoder, pooling, and linear heads for verdict, kinds and language."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from scamdetect.errors import RecipeError
from scamdetect.train.recipe import OptimiserTable

# Words alone tell the language: a low layer does, and the trunk is left to the verdict.
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
    """Let training drop this share of every dropout's inputs."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share


def keep_lowest_layers(encoder: PreTrainedModel, layers: int) -> None:
    """Cut the encoder (in place) to its lowest layers; raise RecipeError where it has fewer."""
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
    """Return the encoder's layers, the lowest first."""
    return cast(nn.ModuleList, cast(nn.Module, encoder.encoder).layer)


def _split_decay(
    parameters: Iterable[nn.Parameter], rate: float, weight_decay: float
) -> list[dict[str, object]]:
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "lr": rate, "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "lr": rate, "weight_decay": 0.0},
    ]
