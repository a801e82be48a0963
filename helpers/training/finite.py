"""Not a number, or infinite: noticed before it is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def require_finite(name: str, value: Any) -> None:
    """FloatingPointError that names the first number in `value` which is nan or infinite: a number, an array
    or a tensor, or these nested in dicts, lists and tuples (anything else is passed over)."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            require_finite(f"{name}[{key!r}]", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            require_finite(f"{name}[{number}]", inner)
    elif isinstance(value, float | np.floating):
        if not math.isfinite(value):
            raise FloatingPointError(f"{name}: got {value}, wanted a finite number")
    elif hasattr(value, "dtype"):
        finite = value.isfinite() if hasattr(value, "isfinite") else np.isfinite(value)   # a tensor, an array
        if not finite.all():
            raise FloatingPointError(f"{name}: got values that are not finite, wanted finite")
