"""Series of numbers: two generated ones, whose best forecast is known, and a share price.

The price is that of Google's share, which matplotlib ships among its sample data: nothing is downloaded.
"""

from __future__ import annotations

import numpy as np

from helpers.validation import require, require_int, require_number, require_rng

PRICE_FILE = "goog.npz"


def random_walk(length: int, rng: np.random.Generator, *, start: float = 100.0, step: float = 1.0):
    """A walk with independent normal steps → values (length,), best forecasts (length,).

    Each best forecast uses the values before it: here it is the last one. The first is `start`.
    """
    length, rng = require_int("length", length), require_rng("rng", rng)
    start, step = require_number("start", start), require_number("step", step, minimum=0)
    values = start + np.cumsum(rng.normal(scale=step, size=length))
    return values, np.concatenate([[start], values[:-1]])


def seasonal(length: int, rng: np.random.Generator, *, period: int = 12, noise: float = 0.3):
    """A pattern that returns every `period` steps, plus normal noise → values (length,), best forecasts.

    The best forecast is the pattern itself, since the noise has no memory.
    """
    length, rng = require_int("length", length), require_rng("rng", rng)
    period, noise = require_int("period", period, minimum=2), require_number("noise", noise, minimum=0)
    phase = 2 * np.pi * np.arange(length) / period
    pattern = np.sin(phase) + 0.5 * np.sin(2 * phase + 1)
    return pattern + rng.normal(scale=noise, size=length), pattern


def share_price() -> tuple[np.ndarray, np.ndarray]:
    """Google's closing price in dollars → dates (1047,) datetime64[D], prices (1047,) float64.

    Trading days from 2004-08-19, the first, to 2008-10-14. FileNotFoundError where matplotlib was installed
    without its sample data.
    """
    from matplotlib.cbook import get_sample_data

    table = get_sample_data(PRICE_FILE)["price_data"]
    fields = table.dtype.names or ()
    require({"date", "close"} <= set(fields), PRICE_FILE, f"fields {fields}", "date and close among them")
    return table["date"].astype("datetime64[D]"), table["close"].astype(float)
