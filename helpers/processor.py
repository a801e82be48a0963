"""Which processor a run used, with what instructions and which BLAS kernel: the time that it takes depends on
them, and so do the last digits of what it finds."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WIDE = ("avx", "amx", "sve", "neon", "fma")
"""Beginnings of the names of instructions that work on many numbers at once."""


def model() -> dict[str, str]:
    """``processor``: its name; where Linux tells, ``processor_model``: family, model and stepping, since one
    name may stand for several generations."""
    told = {}
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
        rows = (row.partition(":") for row in first.splitlines())
        told = {key.strip(): value.strip() for key, _, value in rows}
    except OSError:
        pass
    found = {"processor": told.get("model name") or platform.processor() or "unknown"}
    numbers = [
        f"{short} {told[key]}"
        for short, key in (("family", "cpu family"), ("model", "model"), ("stepping", "stepping"))
        if key in told
    ]
    return found | ({"processor_model": ", ".join(numbers)} if numbers else {})


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Threads for the work on arrays: OMP_NUM_THREADS, or one a core."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else cores()


def has_avx2() -> bool:
    """Whether the processor, and the system, know AVX2 and FMA (x86-64 of 2013 and later)."""
    return not {"X86_V3", "AVX2"}.isdisjoint(instruction_sets()["numpy"])


def instruction_sets() -> dict[str, list[str]]:
    """What NumPy and, if it has been imported, torch use of the processor's wide instructions in this process
    (an environment variable may have switched some of them off)."""
    import numpy as np

    numpy_found = np.show_config(mode="dicts").get("SIMD Extensions", {})
    used = {"numpy": [*numpy_found.get("baseline", []), *numpy_found.get("found", [])]}
    torch = sys.modules.get("torch")
    if torch is not None:
        able = [name for name, has in told_by_torch().items() if has is True and name.startswith(WIDE)]
        used["torch"] = [f"kernels {torch.backends.cpu.get_cpu_capability()}", *sorted(able)]
    return used


def told_by_torch() -> Mapping[str, Any]:
    """What torch knows of the processor, as {"avx2": True, …}; older versions of it tell nothing."""
    import torch

    return torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}


def blas() -> list[dict[str, str]]:
    """Library, version and kernel of each BLAS that this process has loaded (torch's own, linked into it,
    does not show)."""
    import numpy  # noqa: F401  (its BLAS is the one to be found)
    from threadpoolctl import threadpool_info

    loaded = [each for each in threadpool_info() if each.get("user_api") == "blas"]
    return [
        {
            "library": str(each["internal_api"]),
            "version": str(each["version"]),
            "kernel": str(each.get("architecture", "not told")),
        }
        for each in loaded
    ]


def on_what(record: Mapping[str, Any]) -> str:
    """Where `record` was made, to stand beside its seconds: threads, processor, instructions, kernel."""
    hardware = record["hardware"]
    threads = f"{hardware['threads']} thread{'' if hardware['threads'] == 1 else 's'}"
    words = [threads, hardware["processor"]]
    if "processor_model" in hardware:
        words[1] += f" ({hardware['processor_model'].split(', stepping')[0]})"
    used = hardware.get("instruction_sets", {})
    kernels = sorted({each["kernel"] for each in hardware.get("blas", [])})
    if used:
        words.append(f"NumPy up to {used['numpy'][-1]}" if used.get("numpy") else "NumPy's baseline")
        tiles = " and AMX" if "amx_bf16" in used.get("torch", []) else ""   # multiplies matrices in 16 bits
        words += [f"torch's {each}{tiles}" for each in used.get("torch", [])[:1]]
    words += [f"OpenBLAS kernel {' and '.join(kernels)}"] if kernels else []
    return ", ".join(words) if used or kernels else f"{', '.join(words)} (instruction sets not recorded)"
