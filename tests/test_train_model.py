"""The network: padding changes nothing, the language head leaves the encoder alone."""

from __future__ import annotations

import pytest
import torch
from tiny_base import tiny_encoder

from scamdetect.errors import RecipeError
from scamdetect.train.model import ScamModel, keep_lowest_layers, parameter_groups
from scamdetect.train.recipe import OptimiserTable

pytestmark = pytest.mark.slow

IDS = torch.tensor([[0, 9, 12, 30, 2], [0, 20, 2, 1, 1]])
MASK = (IDS != 1).to(torch.int64)


def _model(layers: int = 3) -> ScamModel:
    torch.manual_seed(0)
    return ScamModel(tiny_encoder(layers), 3, 18, 5).eval()


def test_padding_changes_no_logit() -> None:
    model = _model()
    padded = torch.nn.functional.pad(IDS, (0, 11), value=1)
    with torch.no_grad():
        together = model(padded, torch.nn.functional.pad(MASK, (0, 11)))
        for row, length in enumerate((5, 3)):
            alone = model(IDS[row : row + 1, :length], MASK[row : row + 1, :length])
            for block, single in zip(together, alone, strict=True):
                torch.testing.assert_close(block[row], single[0], atol=1e-5, rtol=1e-4)
    assert [block.shape for block in together] == [(2, 3), (2, 18), (2, 5)]


def test_pooling_takes_the_mean_or_the_first_state() -> None:
    torch.manual_seed(0)
    model = ScamModel(tiny_encoder(2), 3, 18, 5, "first").eval()
    with torch.no_grad():
        states = model.encoder(IDS[:1]).last_hidden_state
        torch.testing.assert_close(model.encode(IDS[:1], MASK[:1])[0], states[:, 0])
        model.pooling = "mean"
        torch.testing.assert_close(model.encode(IDS[:1], MASK[:1])[0], states.mean(dim=1))


def test_the_language_head_does_not_move_the_encoder() -> None:
    model = _model()
    model(IDS, MASK)[2].sum().backward()
    assert model.language.weight.grad is not None
    assert all(parameter.grad is None for parameter in model.encoder.parameters())
    model(IDS, MASK)[0].sum().backward()
    assert model.encoder.encoder.layer[0].attention.self.query.weight.grad.abs().sum() > 0


def test_the_lowest_layers_are_kept() -> None:
    model, cut = _model(), tiny_encoder(3)
    keep_lowest_layers(cut, 2)
    assert cut.config.num_hidden_layers == 2
    with torch.no_grad():
        states = model.encoder(IDS, output_hidden_states=True).hidden_states
        torch.testing.assert_close(cut(IDS).last_hidden_state, states[2])
    with pytest.raises(RecipeError, match="base.layers is 3, but the base has 2 layers"):
        keep_lowest_layers(cut, 3)


def test_lower_layers_learn_slower_and_frozen_ones_not_at_all() -> None:
    model = _model()
    model.encoder.get_input_embeddings().requires_grad_(False)
    table = OptimiserTable(
        learning_rate=1e-3,
        head_learning_rate=1e-2,
        kinds_learning_rate=2e-2,
        language_learning_rate=3e-2,
        layer_decay=0.5,
        weight_decay=0.1,
    )
    groups = parameter_groups(model, table)
    rates = {
        id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]
    }
    layers = model.encoder.encoder.layer
    queries = [layer.attention.self.query for layer in layers]
    assert [rates[id(query.weight)] for query in queries] == [
        (pytest.approx(1e-3 * 0.5**depth), 0.1) for depth in (2, 1, 0)
    ]
    assert rates[id(queries[2].bias)] == (1e-3, 0.0)
    assert rates[id(model.verdict.weight)] == (1e-2, 0.1)
    assert rates[id(model.kinds.weight)] == (2e-2, 0.1)
    assert rates[id(model.language.weight)] == (3e-2, 0.0)
    positions = model.encoder.embeddings.position_embeddings.weight
    assert rates[id(positions)][0] == pytest.approx(1e-3 * 0.5**3)
    trained = {id(p) for name, p in model.named_parameters() if p.requires_grad}
    # The pooler is not used.
    assert set(rates) == trained - {id(p) for p in model.encoder.pooler.parameters()}
