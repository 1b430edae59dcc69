"""The head of the kinds is fitted anew on what the encoder sees, where enough kinds are known."""

from __future__ import annotations

import pytest
import synthetic_corpus
import torch
from tiny_base import tiny_encoder, tiny_tokenizer

from scamdetect.labels import KINDS, Kind
from scamdetect.train.kinds_head import FEWEST, refit_kinds
from scamdetect.train.model import ScamModel
from scamdetect.train.probe import probe

pytestmark = pytest.mark.slow

ROMANCE, JOB = (list(KINDS).index(kind) for kind in (Kind.ROMANCE, Kind.JOB))
TEXTS = {"romance": "hello darling near bridge", "job": "release meeting sale offer"}


def scams(n: int, provenance: str = "read") -> list[dict[str, object]]:
    return [
        synthetic_corpus.row(
            number, "scam", role="train", norm=f"{TEXTS[kind]} {number}", kinds=[kind],
            kinds_provenance=provenance, source=f"en_{number % 3}",
        )
        for number in range(n)
        for kind in TEXTS
    ]  # fmt: skip


@pytest.fixture
def model() -> ScamModel:
    torch.manual_seed(0)
    return ScamModel(tiny_encoder(), 3, len(KINDS), 2)


def test_kinds_are_told_apart_and_the_rest_stays(model: ScamModel) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    table = synthetic_corpus.table(scams(FEWEST + 10))
    lines: list[str] = []
    record = refit_kinds(model, tiny_tokenizer(), table, "", 32, lines.append)
    assert record == {"rows": 2 * (FEWEST + 10), "kinds": 2} and "2 kinds" in lines[0]
    _, kinds = probe(model, tiny_tokenizer(), list(TEXTS.values()), 32)
    assert kinds[0, ROMANCE] > 0.6 > 0.4 > kinds[1, ROMANCE]
    assert kinds[1, JOB] > 0.6 > 0.4 > kinds[0, JOB]
    others = [place for place in range(len(KINDS)) if place not in (ROMANCE, JOB)]
    for name, value in model.state_dict().items():
        same = value if not name.startswith("kinds.") else value[others]
        old = before[name] if not name.startswith("kinds.") else before[name][others]
        torch.testing.assert_close(same, old)


@pytest.mark.parametrize(("n", "provenance"), [(FEWEST - 1, "read"), (FEWEST + 10, "source")])
def test_the_head_stays_where_too_few_kinds_are_known(
    model: ScamModel, n: int, provenance: str
) -> None:
    before = model.kinds.weight.clone()
    lines: list[str] = []
    table = synthetic_corpus.table(scams(n, provenance))
    record = refit_kinds(model, tiny_tokenizer(), table, "", 32, lines.append)
    assert record["kinds"] == 0 and "keep their head" in lines[0]
    torch.testing.assert_close(model.kinds.weight, before)
