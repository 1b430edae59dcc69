"""The number format of the matrix products: bf16 where the machine computes in it."""

from __future__ import annotations

from typing import Literal

import torch


def autocast(
    device: torch.device, asked: Literal["auto", "fp32", "bf16"] = "auto"
) -> torch.autocast:
    """Return the context in which a forward pass runs; ``auto`` is bf16 where it is fast."""
    fast = asked == "bf16" or (asked == "auto" and _computes_bf16(device))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast)


def _computes_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())
