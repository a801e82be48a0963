"""Where to compute, and in which precision."""

from __future__ import annotations

import contextlib
import functools
import os
import warnings
from collections.abc import Iterator

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


@contextlib.contextmanager
def computed_in(precision: str, device: torch.device) -> Iterator[None]:
    """Inside, matrix products of float32 are computed in `precision`, "float32" or "bfloat16".

    torch hands an LSTM in bfloat16 to oneDNN on every processor, and oneDNN has none where the processor
    lacks AVX-512 (torch 2.13: "could not create a primitive descriptor"). There it is kept from doing so.
    """
    with contextlib.ExitStack() as stack:
        rough = precision == "bfloat16"
        stack.enter_context(torch.autocast(device.type, torch.bfloat16, enabled=rough))
        if rough and device.type == "cpu" and not _lstm_runs_in_bfloat16():
            stack.enter_context(_without_onednn())
        yield


@functools.cache
def _lstm_runs_in_bfloat16() -> bool:
    with torch.random.fork_rng([]), torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        try:
            torch.nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
        except RuntimeError:
            return False
    return True


@contextlib.contextmanager
def _without_onednn() -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with warnings.catch_warnings():   # of another setting, which `flags` sets to what it was
            warnings.simplefilter("ignore")
            stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        yield
