"""Experiments of chapters 1 and 4: what a recurrent layer costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from helpers.experiments.registry import Run, experiment
from helpers.layers import GRU, LSTM, RNN
from helpers.training.bar import progress_bar

Key = TypeVar("Key", bound=Hashable)


class Work(NamedTuple):
    """``backward(forward())`` is what is timed."""

    forward: Callable[[], Any]
    backward: Callable[[Any], Any]


def median_seconds(
    works: Mapping[Key, Work], rounds: int, *, description: str = "", show: bool = True
) -> dict[Key, dict[str, float]]:
    """Of each, the median over `rounds` of the seconds of forward, and of forward and backward together."""
    return {
        key: {
            "forward_seconds": statistics.median(f for f, _ in pairs),
            "both_seconds": statistics.median(b for _, b in pairs),
        }
        for key, pairs in timed(works, rounds, description=description, show=show).items()
    }


def timed(
    works: Mapping[Key, Work], rounds: int, *, description: str = "", show: bool = True
) -> dict[Key, list[tuple[float, float]]]:
    """Of each, for every round, the seconds of forward, and of forward and backward together.

    In a round all take their turn: what disturbs the machine for a while disturbs them alike. One more round
    comes first and is not counted.
    """
    seconds: dict[Key, list[tuple[float, float]]] = {key: [] for key in works}
    with progress_bar(rounds * len(works), description=description, show=show, unit="layer") as bar:
        for number in range(rounds + 1):
            for key, work in works.items():
                work.forward()   # brings its arrays into the cache
                begin = time.perf_counter()
                result = work.forward()
                middle = time.perf_counter()
                work.backward(result)
                end = time.perf_counter()
                if number:
                    seconds[key].append((middle - begin, end - begin))
                    bar.update()
    return seconds


# ---- the length of the sequence ------------------------------------------------------------------------


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
    started = time.perf_counter()
    works = {T: _numpy_work(layers[T], inputs[T]) for T in lengths}
    medians = median_seconds(works, s["rounds"], description="rnn-cost", show=run.bar)
    return {
        "curve": [{"T": T, **seconds} for T, seconds in medians.items()],
        "data_sha256": {},
        "parameters": sum(p.size for p in layers[25].params.values()),
        "seconds": time.perf_counter() - started,
    }


def _numpy_work(layer: RNN | GRU | LSTM, x: np.ndarray) -> Work:
    return Work(lambda: layer.forward(x), layer.backward)


# ---- three cells ---------------------------------------------------------------------------------------

CELL_SIZES = (32, 100, 256, 650)
NUMPY, TORCH = "numpy", "torch"
LAYERS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


@experiment(
    "cell-cost",
    chapter="04",
    summary="Seconds a time step of RNN, GRU and LSTM in NumPy and torch (set OMP_NUM_THREADS=1): a minute",
    batch_size=20,
    seq_len=35,
    rounds=30,
)
def cell_cost(run: Run) -> dict[str, Any]:
    """Medians, divided by `seq_len`, of a layer with as many inputs as hidden units; float32, one thread.

    NumPy's threads are those of the environment: OMP_NUM_THREADS=1 makes the two comparable. `both_seconds`
    is forward and backward, with the gradients of all parameters and of the input. Parameters are counted as
    each library has them: torch has two biases everywhere, ours only in the GRU.
    """
    import torch

    s = run.settings
    rng = np.random.default_rng(run.seed)
    works: dict[tuple[str, str, int], Work] = {}
    parameters: dict[tuple[str, str, int], int] = {}
    for H in CELL_SIZES:
        x = rng.standard_normal((s["batch_size"], s["seq_len"], H), dtype=np.float32)
        for cell, kind in LAYERS.items():
            layer, net = kind(H, H, rng=rng), getattr(torch.nn, cell.upper())(H, H, batch_first=True)
            works[NUMPY, cell, H] = _numpy_work(layer, x)
            works[TORCH, cell, H] = _torch_work(net, x)
            parameters[NUMPY, cell, H] = sum(p.size for p in layer.params.values())
            parameters[TORCH, cell, H] = sum(p.numel() for p in net.parameters())
    started = time.perf_counter()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        medians = median_seconds(works, s["rounds"], description="cell-cost", show=run.bar)
    finally:
        torch.set_num_threads(threads)
    curve = [
        {
            "library": library,
            "cell": cell,
            "hidden_size": H,
            "parameters": parameters[library, cell, H],
            **{name: seconds / s["seq_len"] for name, seconds in medians[library, cell, H].items()},
        }
        for library, cell, H in works
    ]
    return {"curve": curve, "data_sha256": {}, "seconds": time.perf_counter() - started}


def _torch_work(net, x: np.ndarray) -> Work:
    """The gradient of the input is wanted, too: our layers always make it."""
    import torch

    inputs = torch.tensor(x, requires_grad=True)

    def forward():
        net.zero_grad()   # forgets the gradients; otherwise backward would add to them
        inputs.grad = None
        return net(inputs)[0]

    return Work(forward, lambda h: h.backward(h.detach()))


# ---- four products or one ------------------------------------------------------------------------------

AFFINE_SIZES = (16, 32, 64, 100, 256, 650)
BATCH_SIZES = (1, 20)


@experiment(
    "fused-affine",
    chapter="04",
    summary="Four affine maps one by one against one with four times the columns: less than half a minute",
    rounds=200,
)
def fused_affine(run: Run) -> dict[str, Any]:
    """One step's x Wx + h Wh + b for the gates and the candidate; D = H, NumPy, float32.

    A row has medians of the seconds, and how many times as fast the one product is: the quartiles
    over rounds of separate / fused, both timed in the same round.
    """
    rng = np.random.default_rng(run.seed)
    works: dict[tuple[int, int, str], Work] = {}
    for N in BATCH_SIZES:
        for H in AFFINE_SIZES:
            for name, work in _affine_works(N, H, rng).items():
                works[N, H, name] = work
    started = time.perf_counter()
    rounds = timed(works, run.settings["rounds"], description="fused-affine", show=run.bar)
    curve = [
        {"batch_size": N, "hidden_size": H, **_compared(rounds[N, H, "separate"], rounds[N, H, "fused"])}
        for N in BATCH_SIZES
        for H in AFFINE_SIZES
    ]
    return {"curve": curve, "data_sha256": {}, "seconds": time.perf_counter() - started}


def _compared(
    separate: Sequence[tuple[float, float]], fused: Sequence[tuple[float, float]]
) -> dict[str, float]:
    """Medians and quartiles of the gain, from the (forward, both) seconds of every round."""
    (slow, slow_both), (fast, fast_both) = np.transpose(separate), np.transpose(fused)
    return {
        "separate_seconds": float(np.median(slow)),
        "fused_seconds": float(np.median(fast)),
        "separate_both_seconds": float(np.median(slow_both)),
        "fused_both_seconds": float(np.median(fast_both)),
        **_quartiles("gain", slow / fast),
        **_quartiles("gain_both", slow_both / fast_both),
    }


def _quartiles(name: str, values: np.ndarray) -> dict[str, float]:
    quartiles = np.quantile(values, [0.25, 0.5, 0.75])
    return dict(zip((f"{name}_25", f"{name}_50", f"{name}_75"), map(float, quartiles), strict=True))


def _affine_works(N: int, H: int, rng: np.random.Generator) -> dict[str, Work]:
    """Both ways with the same numbers; what arrives from above is a gradient for each gate, (N, H)."""
    x, h = (rng.standard_normal((N, H), dtype=np.float32) for _ in range(2))
    Wx, Wh = ([rng.standard_normal((H, H), dtype=np.float32) for _ in range(4)] for _ in range(2))
    b = [rng.standard_normal(H, dtype=np.float32) for _ in range(4)]
    da = [rng.standard_normal((N, H), dtype=np.float32) for _ in range(4)]
    fused = [np.concatenate(parts, axis=-1) for parts in (Wx, Wh, b)]
    return {
        "separate": Work(
            lambda: separate_forward(x, h, Wx, Wh, b), lambda _: separate_backward(da, x, h, Wx, Wh)
        ),
        "fused": Work(lambda: fused_forward(x, h, *fused), lambda _: fused_backward(da, x, h, *fused[:2])),
    }


Arrays = Sequence[np.ndarray]


def separate_forward(x: np.ndarray, h: np.ndarray, Wx: Arrays, Wh: Arrays, b: Arrays) -> list[np.ndarray]:
    """x (N, D), h (N, H), four Wx (D, H), four Wh (H, H), four b (H,) → four a (N, H)."""
    return [x @ Wx_k + h @ Wh_k + b_k for Wx_k, Wh_k, b_k in zip(Wx, Wh, b, strict=True)]


def separate_backward(da: Arrays, x: np.ndarray, h: np.ndarray, Wx: Arrays, Wh: Arrays) -> tuple:
    """Four da (N, H) → dx (N, D), dh (N, H), four dWx, four dWh, four db."""
    dx = sum(da_k @ Wx_k.T for da_k, Wx_k in zip(da, Wx, strict=True))
    dh = sum(da_k @ Wh_k.T for da_k, Wh_k in zip(da, Wh, strict=True))
    return dx, dh, [x.T @ da_k for da_k in da], [h.T @ da_k for da_k in da], [da_k.sum(axis=0) for da_k in da]


def fused_forward(
    x: np.ndarray, h: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> list[np.ndarray]:
    """x (N, D), h (N, H), Wx (D, 4H), Wh (H, 4H), b (4H,) → four a (N, H), slices of one product."""
    a = x @ Wx + h @ Wh + b
    H = h.shape[1]
    return [a[:, k * H : (k + 1) * H] for k in range(4)]


def fused_backward(da: Arrays, x: np.ndarray, h: np.ndarray, Wx: np.ndarray, Wh: np.ndarray) -> tuple:
    """Four da (N, H), joined again → dx (N, D), dh (N, H), dWx (D, 4H), dWh (H, 4H), db (4H,)."""
    joined = np.concatenate(da, axis=1)
    return joined @ Wx.T, joined @ Wh.T, x.T @ joined, h.T @ joined, joined.sum(axis=0)
