"""What is timed: three recurrent layers in two sizes, and whole training steps of two language models."""

from __future__ import annotations

from collections.abc import Callable

from tools.bench.memory import added
from tools.bench.steps import SIZE, STEPS, VOCAB, N, NumPyStep, PlainTorch, T
from tools.bench.timing import Aim, Case

# numpy and torch are imported inside the functions: --help does not wait for them.


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
        [Aim("torch", "ours", at_least, True), *([Aim("ours", "products", 1.12, False)] if H > 200 else [])],
        calls=10 if H < 200 else 2,
    )


def language_model_case() -> Case:
    """A training step of the small language model."""
    import numpy as np

    ours, peer = NumPyStep(), PlainTorch(SIZE)
    ours()   # makes its buffers
    layer_products = recurrent_products(4, SIZE, SIZE)
    rng = np.random.default_rng(2)
    h = rng.standard_normal((N * T, SIZE)).astype(np.float32)
    dh = np.empty_like(h)
    # The model's own arrays: where in memory an array lies may cost as much as what is to be measured.
    W, dW = ours.model.params["output.W"], ours.model.grads["output.W"]
    logits = ours.model._logits.reshape(N * T, VOCAB)

    def products() -> None:
        np.matmul(h, W, out=logits)
        np.matmul(h.T, logits, out=dW)
        np.matmul(logits, W.T, out=dh)
        layer_products()

    return Case(
        "LM step",
        {"ours": ours, "torch": peer, "products": products},
        [Aim("torch", "ours", 1.5, True), Aim("ours", "products", 1.3, False)],
        calls=2,
        memory=added({"ours": "numpy", "torch": "plain"}),
    )


def torch_language_model_case() -> Case:
    """Chapter 6's training step beside a plain one, float32 and, where the processor has it, bfloat16."""
    import torch

    from helpers.torch_training.hardware import has_fast_bfloat16

    steps = {"ours": "float32", "torch": "plain-large"}
    aims = [Aim("torch", "ours", 1.0, True)]
    if has_fast_bfloat16(torch.device("cpu")):
        steps["bf16"] = "bfloat16"
        aims.append(Aim("torch", "bf16", 1.3, True))
    contenders = {name: STEPS[step]() for name, step in steps.items()}
    return Case("LM 2x320", contenders, aims, calls=2, memory=added(steps))


CASES: dict[str, Callable[[], Case]] = {
    "lm": language_model_case,
    "torchlm": torch_language_model_case,
    "lstm100": lambda: layer_case("LSTM", 100, 0.7),
    "lstm650": lambda: layer_case("LSTM", 650, 0.7),
    "rnn100": lambda: layer_case("RNN", 100, 1.2),
    "rnn650": lambda: layer_case("RNN", 650, 1.2),
    "gru100": lambda: layer_case("GRU", 100, 1.2),
    "gru650": lambda: layer_case("GRU", 650, 1.2),
}
