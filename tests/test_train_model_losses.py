"""The loss uses what a row knows and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scamdetect.labels import KINDS, VERDICTS, Verdict
from scamdetect.train.model import (
    LEGIT,
    PAIR_MARGIN,
    SCAM,
    SPAM,
    Targets,
    kind_loss,
    multi_task_loss,
    pair_loss,
    scam_log_odds,
    soft_loss,
    verdict_loss,
)
from scamdetect.train.recipe import LossTable

pytestmark = pytest.mark.slow

TABLE = LossTable(label_smoothing=0.0)
LANGUAGES = 4
LOGITS = arrays(np.float32, (3, 3), elements=st.floats(-20, 20, width=32))


def _targets(rows: int) -> Targets:
    """Return targets that know nothing but a verdict."""
    return Targets(
        verdict=torch.zeros(rows, dtype=torch.int64),
        verdict_weight=torch.ones(rows),
        kinds=torch.zeros(rows, len(KINDS)),
        kinds_weight=torch.zeros(rows, len(KINDS)),
        language=torch.full((rows,), -1),
        soft=torch.full((rows,), float("nan")),
        pair=torch.full((rows,), -1),
    )


def _outputs(rows: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    widths = (len(VERDICTS), len(KINDS), LANGUAGES)
    verdict, kinds, language = (
        torch.randn(rows, width, generator=generator).requires_grad_() for width in widths
    )
    return verdict, kinds, language


def test_the_columns_are_those_of_the_labels() -> None:
    assert [VERDICTS[place] for place in (LEGIT, SPAM, SCAM)] == list(Verdict)


@given(LOGITS)
def test_known_verdicts_give_the_weighted_cross_entropy(logits: np.ndarray) -> None:
    verdict, weight = torch.tensor([0, 1, 2]), torch.tensor([1.0, 0.5, 2.0])
    found = verdict_loss(torch.from_numpy(logits), verdict, weight, 0.0)
    powers = np.exp(logits.astype(np.float64))
    each = -np.log(powers[np.arange(3), np.arange(3)] / powers.sum(axis=1))
    expected = (each * weight.numpy()).sum() / 3.5
    assert found.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(arrays(np.float32, (1, 3), elements=st.floats(-4, 4, width=32)))
def test_a_row_that_is_not_legit_pushes_spam_and_scam_up(logits: np.ndarray) -> None:
    leaf = torch.from_numpy(logits).requires_grad_()
    loss = verdict_loss(leaf, torch.tensor([-1]), torch.ones(1), 0.1)
    loss.backward()
    assert leaf.grad is not None
    legit, spam, scam = leaf.grad[0].tolist()
    assert legit > 0 > max(spam, scam)
    p = np.exp(logits[0] - logits[0].max())
    p /= p.sum()
    assert loss.item() == pytest.approx(-np.log(p[SPAM] + p[SCAM]), rel=1e-3, abs=1e-5)
    # It does not say which of the two: their odds stay as the model sees them.
    assert spam * p[SCAM] == pytest.approx(scam * p[SPAM], rel=1e-2, abs=1e-6)


def test_unknown_labels_contribute_nothing() -> None:
    targets = _targets(2)
    targets.kinds_weight[0] = 1.0
    targets.language[0] = 3
    targets.verdict_weight[1] = 0.0
    outputs = _outputs(2)
    loss, parts = multi_task_loss(outputs, targets, TABLE)
    loss.backward()
    for block in outputs:
        assert block.grad is not None
        assert block.grad[0].abs().sum() > 0
        assert block.grad[1].abs().sum() == 0
    alone = (outputs[0][:1], outputs[1][:1], outputs[2][:1])
    assert multi_task_loss(alone, targets[torch.tensor([0])], TABLE)[1] == pytest.approx(parts)


def test_one_unknown_kind_leaves_the_others_of_its_row() -> None:
    targets = _targets(1)
    targets.kinds_weight[0, :2] = 1.0
    targets.kinds[0, 0] = 1.0
    outputs = _outputs(1)
    multi_task_loss(outputs, targets, TABLE)[0].backward()
    gradient = outputs[1].grad
    assert gradient is not None
    assert gradient[0, 0] < 0 < gradient[0, 1]
    assert gradient[0, 2:].abs().sum() == 0


def test_a_batch_that_knows_nothing_is_harmless() -> None:
    targets = replace(_targets(3), verdict_weight=torch.zeros(3))
    outputs = _outputs(3)
    loss, parts = multi_task_loss(outputs, targets, TABLE)
    loss.backward()
    assert loss.item() == 0.0
    assert all(value == 0.0 for value in parts.values())
    for block in outputs:
        assert block.grad is not None
        assert torch.equal(block.grad, torch.zeros_like(block))


def test_the_parts_add_up_with_the_recipes_weights() -> None:
    targets = _targets(4)
    targets.kinds_weight[:] = 1.0
    targets.language[:] = 1
    table = LossTable(verdict=2.0, kinds=0.25, language=0.125)
    loss, parts = multi_task_loss(_outputs(4), targets, table)
    expected = 2 * parts["verdict"] + 0.25 * parts["kinds"] + 0.125 * parts["language"]
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_half_precision_outputs_are_summed_in_full_precision() -> None:
    targets = _targets(2)
    verdict, kinds, language = (block.detach().to(torch.bfloat16) for block in _outputs(2))
    assert multi_task_loss((verdict, kinds, language), targets, TABLE)[0].dtype is torch.float32


@given(LOGITS)
def test_scam_log_odds_are_those_of_the_softmax(logits: np.ndarray) -> None:
    p = torch.from_numpy(logits.astype(np.float64)).softmax(dim=-1)[:, SCAM]
    found = scam_log_odds(torch.from_numpy(logits))
    np.testing.assert_allclose(found.double().sigmoid(), p, atol=1e-6)


def test_the_kind_loss_is_a_mean_over_the_scams_that_know_kinds() -> None:
    logits, kinds, weight = torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(3, 2)
    weight[0] = 1.0
    weight[2, 0] = 1.0
    # log 2 for each of three known kinds, over two rows; the row that knows none is left out.
    assert kind_loss(logits, kinds, weight).item() == pytest.approx(1.5 * np.log(2), rel=1e-5)


def test_the_soft_loss_is_least_at_the_readers_probability() -> None:
    soft = torch.tensor([0.2, float("nan")])
    losses = [soft_loss(torch.tensor([odds, 9.0]), soft).item() for odds in (-2.0, -1.386, 0.0)]
    assert losses[1] == min(losses)
    assert soft_loss(torch.zeros(2), torch.full((2,), float("nan"))).item() == 0.0


def test_the_pair_loss_moves_the_scam_up_and_its_own_twin_down() -> None:
    targets = _targets(5)
    targets.verdict[:] = torch.tensor([SCAM, LEGIT, LEGIT, SCAM, SPAM])
    targets.pair[:] = torch.tensor([7, 7, 8, -1, 7])
    odds = torch.zeros(5, requires_grad=True)
    loss = pair_loss(odds, targets)
    loss.backward()
    assert loss.item() == pytest.approx(np.log1p(np.exp(PAIR_MARGIN)), rel=1e-5)
    assert odds.grad is not None
    scam, twin, *others = odds.grad.tolist()
    assert scam < 0 < twin and others == [0.0, 0.0, 0.0]


def test_parts_of_weight_zero_are_left_out_and_others_count() -> None:
    targets = _targets(2)
    targets.verdict[0], targets.pair[:] = SCAM, 1
    plain = multi_task_loss(_outputs(2), targets, TABLE)[1]
    loss, parts = multi_task_loss(
        _outputs(2),
        targets,
        LossTable(label_smoothing=0.0, pair=0.5, soft=2.0),
    )
    assert set(parts) - set(plain) == {"pair", "soft"}
    expected = parts["verdict"] + 0.5 * parts["pair"] + 2 * parts["soft"]
    assert loss.item() == pytest.approx(expected, rel=1e-5)
