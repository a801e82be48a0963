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
    rounds=25,
)
def rnn_cost(run: Run) -> dict[str, Any]:
    """Median over interleaved rounds of forward and of forward + backward, for T from 25 to 1,600."""
    s = run.settings
    rng = np.random.default_rng(run.seed)
    lengths = [25, 50, 100, 200, 400, 800, 1600]
    # A layer for each length: one layer for all would make its buffers anew at every change of shape.
    layers = {T: RNN(s["input_size"], s["hidden_size"], rng=rng) for T in lengths}
    inputs = {T: rng.normal(size=(s["batch_size"], T, s["input_size"])).astype(np.float32) for T in lengths}
    seconds: dict[int, list[tuple[float, float]]] = {T: [] for T in lengths}
    started = time.perf_counter()
    with progress_bar(s["rounds"] * len(lengths), description="rnn-cost", show=run.bar, unit="layer") as bar:
        for number in range(s["rounds"] + 1):   # the first round warms up and is not counted
            for T, x in inputs.items():
                layers[T].forward(x)   # brings its arrays into the cache
                begin = time.perf_counter()
                h = layers[T].forward(x)
                middle = time.perf_counter()
                layers[T].backward(h)
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
        "parameters": sum(p.size for p in layers[25].params.values()),
        "seconds": time.perf_counter() - started,
    }
