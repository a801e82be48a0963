"""Experiment of chapter 2: the memory that backpropagation through time takes."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np

from helpers.experiments.registry import Run, experiment
from helpers.layers import RNN
from helpers.training.bar import progress_bar

LENGTHS = (25, 50, 100, 200, 400, 800, 1600)


@experiment(
    "bptt-memory",
    chapter="02",
    summary="Bytes that BPTT holds against the length of the sequence, full and truncated, a few seconds",
    batch_size=20,
    input_size=100,
    hidden_size=100,
    window=25,
)
def bptt_memory(run: Run) -> dict[str, Any]:
    """Peak bytes of forward and backward, for T from 25 to 1,600: in one go, and in windows.

    The NumPy layer: everything that NumPy and Python allocate from the making of the layer to the end of its
    last backward, less parameters and gradients, by tracemalloc. torch.nn.RNN: the tensors that autograd
    keeps for the backward pass, by saved_tensors_hooks, less parameters; a storage counts once, while
    anything holds it. Inputs and the gradients that arrive at the states are made before, and not counted.
    In windows the last state is handed on without its gradient. float32.
    """
    s = run.settings
    N, D, H, window = s["batch_size"], s["input_size"], s["hidden_size"], s["window"]
    rng = np.random.default_rng(run.seed)
    curve = []
    with progress_bar(len(LENGTHS), description="bptt-memory", show=run.bar, unit="length") as bar:
        for T in LENGTHS:
            x = rng.standard_normal((N, T, D), dtype=np.float32)
            dh = rng.standard_normal((N, T, H), dtype=np.float32)
            curve.append(
                {
                    "T": T,
                    "needed_bytes": needed_bytes(N, T, D, H),
                    "numpy_bytes": numpy_bytes(x, dh, T),
                    "numpy_truncated_bytes": numpy_bytes(x, dh, window),
                    "torch_bytes": torch_bytes(x, dh, T),
                    "torch_truncated_bytes": torch_bytes(x, dh, window),
                }
            )
            bar.update()
    return {"curve": curve, "data_sha256": {}, "parameters": H * (D + H + 1)}


def needed_bytes(N: int, T: int, D: int, H: int) -> int:
    """What the backward pass cannot do without, in float32: the inputs (N, T, D) and T + 1 states (N, H)."""
    return 4 * N * (T * D + (T + 1) * H)


def numpy_bytes(x: np.ndarray, dh: np.ndarray, window: int) -> int:
    """Peak of helpers.layers.RNN over x (N, T, D), dh (N, T, H), `window` steps at a time."""
    rng = np.random.default_rng(0)
    # Once beside the measurement: whatever Python and NumPy make only the first time is then there.
    _go_through(RNN(x.shape[2], dh.shape[2], rng=rng), x[:1, :2], dh[:1, :2], window=1)
    gc.collect()
    tracemalloc.start()
    try:
        layer = RNN(x.shape[2], dh.shape[2], rng=rng)
        _go_through(layer, x, dh, window)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak - 2 * sum(p.nbytes for p in layer.params.values())


def _go_through(layer: RNN, x: np.ndarray, dh: np.ndarray, window: int) -> None:
    state = None
    for start in range(0, x.shape[1], window):
        part = slice(start, start + window)
        layer.forward(x[:, part], state)
        layer.backward(dh[:, part])
        state = layer.h


def torch_bytes(x: np.ndarray, dh: np.ndarray, window: int) -> int:
    """Most bytes that torch.nn.RNN's graphs hold at a time, `window` steps to a graph."""
    import torch

    net = torch.nn.RNN(x.shape[2], dh.shape[2], batch_first=True)
    kept = _Kept(net.parameters())
    inputs, upstream, state = torch.from_numpy(x), torch.from_numpy(dh), None
    with torch.autograd.graph.saved_tensors_hooks(kept.hold, lambda held: held.tensor):
        for start in range(0, x.shape[1], window):
            part = slice(start, start + window)
            h, last = net(inputs[:, part].clone(), state)   # of its own: a view would hold all of x
            h.backward(upstream[:, part])
            state = last.detach()
    return kept.most


class _Kept:
    """Bytes of the distinct storages that autograd holds, now and at most; `without` are not counted."""

    def __init__(self, without):
        self._holders: dict[int, int] = {}
        self._without = {tensor.untyped_storage().data_ptr() for tensor in without}
        self._now = 0
        self.most = 0

    def hold(self, tensor) -> _Held:
        """What autograd keeps in place of `tensor`."""
        return _Held(self, tensor)

    def add(self, storage, number: int) -> None:
        """One more (1) or one less (-1) that holds `storage`."""
        address = storage.data_ptr()
        if address in self._without:
            return
        before = self._holders.get(address, 0)
        self._holders[address] = before + number
        if min(before, before + number) == 0:   # the first to hold it, or the last
            self._now += number * storage.nbytes()
            self.most = max(self.most, self._now)


class _Held:
    """A saved tensor; when autograd frees its graph, this goes too and is counted off."""

    def __init__(self, kept: _Kept, tensor):
        self.kept, self.tensor = kept, tensor
        kept.add(tensor.untyped_storage(), 1)

    def __del__(self):
        self.kept.add(self.tensor.untyped_storage(), -1)
