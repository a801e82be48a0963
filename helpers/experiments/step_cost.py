"""How the cost of a training step grows with the work, beside what three measured rates say it should be."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.experiments.cost_model import BYTES, NUMPY, TORCH, Probe, Sizes, amounts, milliseconds, probes
from helpers.experiments.costs import Work, timed
from helpers.experiments.data_parallel import in_processes
from helpers.experiments.registry import Run, experiment
from helpers.experiments.settings import whole

VALUES = {
    "N": (1, 5, 20, 40, 80),
    "T": (5, 15, 35, 70, 140),
    "H": (25, 50, 100, 200, 400),
    "V": (1_000, 3_000, 10_000, 20_000, 30_000),
}
"""What each size takes in turn, while the others are as the settings say."""

BATCHES = (10, 20, 40, 80)   # N, in one process and in two with half of it each
OFF = 0.2   # of the model


@experiment(
    "step-cost",
    chapter="05",
    summary="Milliseconds a step against N, T, H, V and processes, beside a model of cost: a minute",
    rules={"steps": whole(4)},
    batch_size=20,
    seq_len=35,
    hidden_size=100,
    vocab_size=10_000,
    rounds=9,
    steps=12,
)
def step_cost(run: Run) -> dict[str, Any]:
    """A row of the curve is one size of the work: the quartiles of its `milliseconds`, what the model of cost
    gives for `products`, `exp`, `memory` and, between processes, `exchange`, and their `sum`.

    NumPy's step (``LanguageModel``, SGD, clipped) uses the threads of the environment; it and the rates are
    timed in turn, `rounds` times. The torch trainer's takes `steps` in processes of one thread each. In
    `results` stand the rates a second, and the rows where measured and model differ by more than a fifth.
    """
    s = run.settings
    base = Sizes(s["batch_size"], s["seq_len"], s["hidden_size"], s["vocab_size"])
    started = time.perf_counter()
    rates, curve = _numpy_rows(base, s["rounds"], run)
    found = {"numpy": rates}
    for processes in (1, 2):
        settings = {"sizes": list(base), "batches": BATCHES, "rounds": s["rounds"], "steps": s["steps"]}
        measured = in_processes(processes, settings, run.seed, torch_seconds)
        found[f"torch, {processes} process{'es' * (processes > 1)}"] = measured["rates"]
        curve += _torch_rows(base, processes, measured)
    return {
        "curve": curve,
        "data_sha256": {},
        "seconds": time.perf_counter() - started,
        "results": {"rates": found, "off": [_named(row) for row in curve if _is_off(row)]},
    }


def _numpy_rows(base: Sizes, rounds: int, run: Run) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The rates, and a row for each value of each size."""
    wanted = [(name, base._replace(**{name: value})) for name, values in VALUES.items() for value in values]
    by_sizes = {sizes: numpy_step(sizes, run.seed) for _, sizes in wanted}
    measuring = probes(base)
    calls = by_sizes | {name: probe.run for name, probe in measuring.items()}
    works = {key: Work(call, lambda _: None) for key, call in calls.items()}
    seconds = {
        key: [forward for forward, _ in pairs]
        for key, pairs in timed(works, rounds, description="step-cost", show=run.bar).items()
    }
    rates = {name: probe.amount / float(np.median(seconds[name])) for name, probe in measuring.items()}
    curve = [
        _row("numpy", 1, name, getattr(sizes, name), seconds[sizes], amounts(sizes, NUMPY), rates)
        for name, sizes in wanted
    ]
    return rates, curve


def _torch_rows(base: Sizes, processes: int, measured: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for N, seconds in zip(BATCHES, measured["seconds"], strict=True):
        sizes = base._replace(N=N)
        work = amounts(sizes._replace(N=N // processes), TORCH)
        if processes > 1:
            work["exchange"] = float(BYTES * sum(sizes.parameters.values()))
        rows.append(_row("torch", processes, "N", N, seconds, work, measured["rates"]))
    return rows


def _row(
    library: str,
    processes: int,
    varied: str,
    value: int,
    seconds: Sequence[float],
    work: Mapping[str, float],
    rates: Mapping[str, float],
) -> dict[str, Any]:
    low, middle, high = (1000 * float(q) for q in np.quantile(seconds, [0.25, 0.5, 0.75]))
    return {
        "library": library, "processes": processes, "varied": varied, "value": value,
        "milliseconds": middle, "milliseconds_25": low, "milliseconds_75": high,
        **milliseconds(work, rates),
    }  # fmt: skip


def _is_off(row: Mapping[str, Any]) -> bool:
    return abs(row["milliseconds"] / row["sum"] - 1) > OFF


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """Which row it is, and the measured time over that of the model."""
    kept = ("library", "processes", "varied", "value")
    return {name: row[name] for name in kept} | {"ratio": row["milliseconds"] / row["sum"]}


def _windows(sizes: Sizes, count: int, seed: int) -> np.ndarray:
    """(count, 2, N, T) ids, whose frequencies fall off as those of words in a text."""
    return np.random.default_rng(seed).zipf(1.3, (count, 2, sizes.N, sizes.T)) % sizes.V


def numpy_step(sizes: Sizes, seed: int) -> Callable[[], float]:
    """A training step of NumPy's language model of these sizes; the state is carried on."""
    from helpers.models.language_model import LanguageModel
    from helpers.optim import SGD
    from helpers.training.trainer import train_step

    model = LanguageModel(sizes.V, sizes.H, sizes.H, rng=np.random.default_rng(seed))
    optimizer = SGD(model.params, lr=1.0)
    windows = itertools.cycle(_windows(sizes, 16, seed))
    return lambda: train_step(model, optimizer, *next(windows), 0.25)


class Ticking:
    """Batches that note when each of them is asked for."""

    def __init__(self, batches: Sequence[Any]):
        self.batches, self.asked = batches, []

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.batches:
            self.asked.append(time.perf_counter())
            yield batch

    def seconds(self) -> list[float]:
        """From one to the next, without the first two, in which buffers are made."""
        return [float(second) for second in np.diff(self.asked)[2:]]


def torch_seconds(settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The trainer's seconds a step for each of the batch sizes, as many processes as torchrun started sharing
    the rows, and the rates of this process, of one thread: of products, exp, memory and exchange."""
    import torch

    from helpers.models.torch_language_model import TorchLanguageModel
    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.language_modelling import LanguageModelLoss

    torch.set_num_threads(1)
    base, seconds = Sizes(*settings["sizes"]), []
    for N in settings["batches"]:
        torch.manual_seed(seed)
        model = TorchLanguageModel(base.V, base.H, base.H)
        batches = Ticking([tuple(window) for window in _windows(base._replace(N=N), settings["steps"], seed)])
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0, fused=True)
        trainer = TorchTrainer(
            model, optimizer, LanguageModelLoss(), lambda model: {"none": 0.0}, monitor="none", max_norm=0.25,
            device="cpu", report=None, bar=False,
        )
        trainer.fit(batches, 1)
        seconds.append(batches.seconds())
    rates = {
        name: probe.amount / float(np.median([_timed(probe.run) for _ in range(settings["rounds"])]))
        for name, probe in _torch_probes(base).items()
    }
    return {"seconds": seconds, "rates": rates}


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _torch_probes(sizes: Sizes) -> dict[str, Probe]:
    """As `cost_model.probes`, and the sum over all processes of as many numbers as the model has."""
    import torch

    N, T, H, V = sizes
    h, W, logits = torch.randn(N * T, H), torch.randn(V, H), torch.randn(N * T, V)
    out, dW, dh = torch.empty_like(logits), torch.empty_like(W), torch.empty_like(h)

    def products() -> None:
        torch.mm(h, W.T, out=out)
        torch.mm(logits.T, h, out=dW)
        torch.mm(logits, W, out=dh)

    found = {
        "products": Probe(6.0 * N * T * H * V, products),
        "exp": Probe(float(N * T * V), lambda: torch.exp(logits, out=out)),
        "memory": Probe(2.0 * BYTES * N * T * V, lambda: out.copy_(logits)),
    }
    if torch.distributed.is_initialized():
        gradients = torch.zeros(sum(sizes.parameters.values()))
        exchange = functools.partial(torch.distributed.all_reduce, gradients)
        found["exchange"] = Probe(float(BYTES * len(gradients)), exchange)
    return found
