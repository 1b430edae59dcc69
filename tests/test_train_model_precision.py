"""In which numbers a forward pass computes."""

from __future__ import annotations

import pytest
import torch

from scamdetect.train.model import autocast

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.mark.parametrize(("asked", "computed"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_are_in_the_precision_asked_for(asked: str, computed: torch.dtype) -> None:
    with autocast(CPU, asked):  # type: ignore[arg-type]
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == computed


def test_auto_is_bf16_only_where_the_cpu_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, computed in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has, raising=False
        )
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
        with autocast(CPU):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == computed
