"""How fast are the NumPy layers? ``python -m tools.bench``: a table, and the same numbers as JSON.

Every case runs in one process, ours, torch's and the matrix products alone in turn, round after round, so
that whatever else the machine does falls on all of them. Milliseconds are medians over the rounds; a ratio is
the median of the ratios within a round. All sides use the same number of threads.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

# numpy and torch are imported inside the functions: --threads has to be set before they load.

N, T = 20, 35
VOCAB, SIZE = 10_000, 100
PAUSE = 0.05  # seconds


@dataclass
class Aim:
    """The time of one contender over that of another, and the bound it is to keep."""

    numerator: str
    denominator: str
    bound: float
    at_least: bool

    def met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator} {'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass
class Case:
    """Contenders that do the same work, and what their times are to be to one another."""

    name: str
    contenders: dict[str, Callable[[], object]]
    aims: list[Aim]
    calls: int = 1  # in a row, in each round
    times: dict[str, list[float]] = field(default_factory=dict)

    def run(self, rounds: int) -> None:
        """Time every contender once a round, in alternating order; milliseconds a call go to `times`."""
        self.times = {name: [] for name in self.contenders}
        for number in range(-1, rounds):  # round -1 warms up
            order = list(self.contenders.items())
            for name, call in order if number % 2 else reversed(order):
                # The BLAS threads of the one before go on looking for work for a while: without the pause
                # torch's small layers, measured after NumPy, seem two to four times slower than they are.
                time.sleep(PAUSE)
                for _ in range(self.calls):
                    call()
                start = time.perf_counter()
                for _ in range(self.calls):
                    call()
                if number >= 0:
                    self.times[name].append((time.perf_counter() - start) / self.calls * 1e3)

    def median(self, name: str) -> float:
        return statistics.median(self.times[name])

    def ratio(self, aim: Aim) -> float:
        pairs = zip(self.times[aim.numerator], self.times[aim.denominator], strict=True)
        return statistics.median(a / b for a, b in pairs)


def recurrent_products(cell_gates: int, D: int, H: int) -> Callable[[], None]:
    """The matrix products of a recurrent layer, forward and backward, nothing else."""
    import numpy as np

    rng = np.random.default_rng(1)
    columns = cell_gates * H
    x = rng.standard_normal((T * N, D)).astype(np.float32)
    h = rng.standard_normal((T, N, H)).astype(np.float32)
    Wx = rng.standard_normal((D, columns)).astype(np.float32)
    Wh = rng.standard_normal((H, columns)).astype(np.float32)
    WhT = np.ascontiguousarray(Wh.T)  # as in our layers: twice as fast as the view
    a = rng.standard_normal((T * N, columns)).astype(np.float32)
    step, dh = np.empty((N, columns), np.float32), np.empty((N, H), np.float32)
    gx, dx, dWx, dWh = np.empty_like(a), np.empty_like(x), np.empty_like(Wx), np.empty_like(Wh)

    def run() -> None:
        np.matmul(x, Wx, out=gx)
        for t in range(T):
            np.matmul(h[t], Wh, out=step)
        for t in range(T):
            np.matmul(a[t * N : (t + 1) * N], WhT, out=dh)
        np.matmul(x.T, a, out=dWx)
        np.matmul(h.reshape(T * N, H).T, a, out=dWh)
        np.matmul(a, Wx.T, out=dx)

    return run


def layer_case(name: str, H: int, at_least: float) -> Case:
    """Forward and backward of one recurrent layer, N=20, T=35, D=H, float32."""
    import numpy as np
    import torch

    from helpers.layers import GRU, LSTM, RNN

    rng = np.random.default_rng(0)
    gates, ours, theirs = {
        "RNN": (1, RNN, torch.nn.RNN),
        "LSTM": (4, LSTM, torch.nn.LSTM),
        "GRU": (3, GRU, torch.nn.GRU),
    }[name]
    layer = ours(H, H, rng=rng)
    peer = theirs(H, H, batch_first=True)
    x = rng.standard_normal((N, T, H), dtype=np.float32)
    dh = rng.standard_normal((N, T, H), dtype=np.float32)
    tx, tdh = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dh)

    def run() -> None:
        layer.forward(x)
        layer.backward(dh)

    def run_torch() -> None:
        peer.zero_grad()
        tx.grad = None
        peer(tx)[0].backward(tdh)

    return Case(
        f"{name} {H}",
        {"ours": run, "torch": run_torch, "products": recurrent_products(gates, H, H)},
        [Aim("torch", "ours", at_least, True)],
        calls=10 if H < 200 else 2,
    )


def language_model_case() -> Case:
    """A training step of the small language model: LSTM, V = 10,000, SGD, clipped to 0.25, state carried."""
    import numpy as np
    import torch

    from helpers.models.language_model import LanguageModel
    from helpers.optim import SGD, clip_scale

    rng = np.random.default_rng(0)
    model = LanguageModel(VOCAB, SIZE, SIZE, rng=rng)
    optimizer = SGD(model.params, lr=1.0)
    ids = rng.zipf(1.3, (64, 2, N, T)) % VOCAB  # word frequencies fall off as in a text
    batches = iter(range(10**9))

    def run() -> float:
        inputs, targets = ids[next(batches) % len(ids)]
        loss = model.loss(inputs, targets, train=True)
        model.backward()
        _, scale = clip_scale(model.grads, 0.25)
        optimizer.step(model.grads, scale)
        return loss

    peer = TorchLanguageModel(VOCAB, SIZE)
    tids = torch.from_numpy(ids)
    torch_batches = iter(range(10**9))

    def run_torch() -> float:
        inputs, targets = tids[next(torch_batches) % len(tids)]
        return peer.step(inputs, targets)

    layer_products = recurrent_products(4, SIZE, SIZE)
    h = rng.standard_normal((N * T, SIZE)).astype(np.float32)
    W = rng.standard_normal((SIZE, VOCAB)).astype(np.float32)
    dlogits = rng.standard_normal((N * T, VOCAB)).astype(np.float32)
    logits, dh, dW = np.empty_like(dlogits), np.empty_like(h), np.empty_like(W)

    def run_products() -> None:
        np.matmul(h, W, out=logits)
        np.matmul(h.T, dlogits, out=dW)
        np.matmul(dlogits, W.T, out=dh)
        layer_products()

    return Case(
        "language model",
        {"ours": run, "torch": run_torch, "products": run_products},
        [Aim("torch", "ours", 1.0, True), Aim("ours", "products", 1.5, False)],
        calls=2,
    )


class TorchLanguageModel:
    """The same model and the same step with torch's own parts."""

    def __init__(self, vocab_size: int, size: int):
        import torch
        from torch import nn

        self.embedding = nn.Embedding(vocab_size, size)
        self.lstm = nn.LSTM(size, size, batch_first=True)
        self.output = nn.Linear(size, vocab_size)
        parts = nn.ModuleList([self.embedding, self.lstm, self.output])
        self.parameters = list(parts.parameters())
        self.optimizer = torch.optim.SGD(self.parameters, lr=1.0)
        self.state = None

    def step(self, inputs, targets) -> float:
        import torch
        from torch.nn.functional import cross_entropy

        self.optimizer.zero_grad()
        h, state = self.lstm(self.embedding(inputs), self.state)
        self.state = tuple(s.detach() for s in state)
        loss = cross_entropy(self.output(h).flatten(0, 1), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 0.25)
        self.optimizer.step()
        return loss.item()


CASES: dict[str, Callable[[], Case]] = {
    "lm": language_model_case,
    "lstm100": lambda: layer_case("LSTM", 100, 0.7),
    "lstm650": lambda: layer_case("LSTM", 650, 0.7),
    "rnn100": lambda: layer_case("RNN", 100, 1.2),
    "rnn650": lambda: layer_case("RNN", 650, 1.2),
    "gru100": lambda: layer_case("GRU", 100, 1.2),
    "gru650": lambda: layer_case("GRU", 650, 1.2),
}


def processor() -> str:
    """The processor's name, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write_json(path: Path, report: dict) -> None:
    """Write `report`, first beside its place, then into it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    os.replace(beside, path)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds; medians are taken over them.")] = 9,
    quick: Annotated[bool, typer.Option("--quick", help="Three rounds, without size 650.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"Only these cases: {', '.join(CASES)}.")] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads for all sides; 0: one a core.")] = 0,
    json_path: Annotated[Path, typer.Option("--json", help="Where numbers go.")] = Path("build/bench.json"),
) -> None:
    """Time the layers and the training step against torch and against their matrix products alone."""
    unknown = sorted(set(only or ()) - CASES.keys())
    if unknown:
        raise typer.BadParameter(f"got {', '.join(unknown)}, wanted some of {', '.join(CASES)}")
    threads = threads or os.cpu_count() or 1
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    import numpy as np
    import torch
    from rich.console import Console
    from rich.table import Table

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if quick:
        rounds = min(rounds, 3)
    chosen = only or [name for name in CASES if not (quick and name.endswith("650"))]
    table = Table(
        title=f"{rounds} rounds, {threads} thread(s), float32, N={N}, T={T}",
        caption="Layers: forward and backward. Language model: a whole training step.",
    )
    for column in ("case", "ours ms", "torch ms", "products ms", "ratio", "aim", "met?"):
        table.add_column(column, justify="right" if column.endswith(("ms", "ratio")) else "left")
    results = []
    for key in chosen:
        case = CASES[key]()
        case.run(rounds)
        for aim in case.aims:
            ratio = case.ratio(aim)
            times = (f"{case.median(name):.2f}" for name in ("ours", "torch", "products"))
            table.add_row(case.name, *times, f"{ratio:.2f}", str(aim), "yes" if aim.met(ratio) else "NO")
        results.append(
            {
                "case": key,
                "name": case.name,
                "median_ms": {name: round(case.median(name), 4) for name in case.contenders},
                "min_ms": {name: round(min(case.times[name]), 4) for name in case.contenders},
                "aims": [
                    {"aim": str(aim), "ratio": round(case.ratio(aim), 4), "met": aim.met(case.ratio(aim))}
                    for aim in case.aims
                ],
            }
        )
    Console().print(table)
    report = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "hardware": {"processor": processor(), "cores": os.cpu_count(), "system": platform.system()},
        "threads": threads,
        "rounds": rounds,
        "results": results,
    }
    write_json(json_path, report)
    typer.echo(f"Written to {json_path}")


if __name__ == "__main__":
    typer.run(main)
