"""Where to compute, and in which precision."""

from __future__ import annotations

import os

import torch

from helpers import processor
from helpers.validation import require

PRECISIONS = ("auto", "float32", "bfloat16")


def pick_device(name: str = "auto") -> torch.device:
    """The device `name`; "auto" is a CUDA device if there is one, else the CPU. ValueError for one that
    is not there.

    (Apple's "mps" can be asked for by name; it is not chosen by itself, since no run here was tried on it.)
    """
    if name != "auto":
        try:
            torch.empty(0, device=name)
            return torch.device(name)
        except (RuntimeError, TypeError, AssertionError):   # an unknown name; a device that is not there
            wanted = "'auto', 'cpu', or another device that this torch can use"
            raise ValueError(f"device: got {name!r}, wanted {wanted}") from None
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))   # a GPU for each of torchrun's


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 matrices itself. Where it does not, they are slower than
    float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = processor.told_by_torch()
    return device.type == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def pick_precision(name: str, device: torch.device) -> str:
    """"float32" or "bfloat16"; "auto" takes bfloat16 where `has_fast_bfloat16`.

    In bfloat16 the matrix products are computed in 16 bits; weights, sums of gradients and the optimizer
    stay in float32.
    """
    require(name in PRECISIONS, "precision", repr(name), "one of " + ", ".join(map(repr, PRECISIONS)))
    if name != "auto":
        return name
    return "bfloat16" if has_fast_bfloat16(device) else "float32"
