"""Experiments of chapter 1: what a recurrent layer costs."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from helpers.experiments.registry import Run, experiment
from helpers.layers import RNN
from helpers.training.bar import progress_bar


@experiment(
    "rnn-cost",
    chapter="01",
    summary="Seconds of a NumPy RNN layer against the length of the sequence, a few seconds",
    batch_size=20,
    input_size=100,
    hidden_size=100,
    rounds=9,
)
def rnn_cost(run: Run) -> dict[str, Any]:
    """Median over interleaved rounds of forward and of forward + backward, for T from 25 to 1,600."""
    s = run.settings
    rng = np.random.default_rng(run.seed)
    layer = RNN(s["input_size"], s["hidden_size"], rng=rng)
    lengths = [25, 50, 100, 200, 400, 800, 1600]
    inputs = {T: rng.normal(size=(s["batch_size"], T, s["input_size"])).astype(np.float32) for T in lengths}
    seconds: dict[int, list[tuple[float, float]]] = {T: [] for T in lengths}
    started = time.perf_counter()
    with progress_bar(s["rounds"] * len(lengths), description="rnn-cost", show=run.bar, unit="layer") as bar:
        for number in range(s["rounds"] + 1):   # the first round warms up and is not counted
            for T, x in inputs.items():
                begin = time.perf_counter()
                h = layer.forward(x)
                middle = time.perf_counter()
                layer.backward(h)
                end = time.perf_counter()
                if number:
                    seconds[T].append((middle - begin, end - begin))
                    bar.update()
    curve = [
        {
            "T": T,
            "forward_seconds": statistics.median(f for f, _ in pairs),
            "both_seconds": statistics.median(b for _, b in pairs),
        }
        for T, pairs in seconds.items()
    ]
    return {
        "curve": curve,
        "data_sha256": {},
        "parameters": sum(p.size for p in layer.params.values()),
        "seconds": time.perf_counter() - started,
    }
