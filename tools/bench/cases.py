"""What is timed: three recurrent layers in two sizes, and whole training steps of two language models."""

from __future__ import annotations

from collections.abc import Callable

from tools.bench.timing import Aim, Case

# numpy and torch are imported inside the functions: the number of threads has to be set before they load.

N, T = 20, 35
VOCAB, SIZE, LARGE = 10_000, 100, 320


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
    from helpers.optim import SGD
    from helpers.training.trainer import train_step

    rng = np.random.default_rng(0)
    model = LanguageModel(VOCAB, SIZE, SIZE, rng=rng)
    optimizer = SGD(model.params, lr=1.0)
    ids = rng.zipf(1.3, (64, 2, N, T)) % VOCAB  # word frequencies fall off as in a text
    batches = iter(range(10**9))

    def run() -> float:
        inputs, targets = ids[next(batches) % len(ids)]
        return train_step(model, optimizer, inputs, targets, 0.25)

    peer = PlainTorch(VOCAB, SIZE)
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
        "LM step",
        {"ours": run, "torch": run_torch, "products": run_products},
        [Aim("torch", "ours", 1.0, True), Aim("ours", "products", 1.5, False)],
        calls=2,
    )


class PlainTorch:
    """The same model and the same step with torch's own parts, as one would write it first."""

    def __init__(self, vocab_size: int, size: int, num_layers: int = 1):
        import torch
        from torch import nn

        self.embedding = nn.Embedding(vocab_size, size)
        self.lstm = nn.LSTM(size, size, num_layers, batch_first=True)
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


def torch_step(precision: str) -> Callable[[], float]:
    """A step of the torch trainer on chapter 6's model, 2 x 320 with tied weights, V = 10,000, no dropout.
    "plain": of `PlainTorch` in the same shape, in float32."""
    import numpy as np
    import torch

    from helpers.models.torch_language_model import TorchLanguageModel
    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.language_modelling import LanguageModelLoss

    ids = np.random.default_rng(0).zipf(1.3, (64, 2, N, T)) % VOCAB
    numbers = iter(range(10**9))
    if precision == "plain":
        peer = PlainTorch(VOCAB, LARGE, num_layers=2)
        tensors = torch.from_numpy(ids)
        return lambda: peer.step(*tensors[next(numbers) % len(tensors)])
    model = TorchLanguageModel(VOCAB, LARGE, LARGE, num_layers=2, tied=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, fused=True)
    trainer = TorchTrainer(
        model, optimizer, LanguageModelLoss(), lambda model: {}, monitor="", max_norm=0.25,
        precision=precision, device="cpu",
    )
    return lambda: trainer.train_step(tuple(ids[next(numbers) % len(ids)]))


def torch_language_model_case() -> Case:
    """Chapter 6's training step beside a plain one, float32 and, where the processor has it, bfloat16."""
    import torch

    from helpers.torch_training.hardware import has_fast_bfloat16

    contenders = {"ours": torch_step("float32"), "torch": torch_step("plain")}
    aims = [Aim("torch", "ours", 1.0, True)]
    if has_fast_bfloat16(torch.device("cpu")):
        contenders["bf16"] = torch_step("bfloat16")
        aims.append(Aim("torch", "bf16", 1.3, True))
    return Case("LM 2x320", contenders, aims, calls=2, memory=torch_step_memory(list(contenders)))


def torch_step_memory(names: list[str]) -> dict[str, float]:
    """Contender → MiB that ten of its steps add to a process at their peak, each in a process of its own.

    Empty where the system does not tell (Windows).
    """
    import subprocess

    from helpers.processes import python_command

    precisions = {"ours": "float32", "torch": "plain", "bf16": "bfloat16"}
    found = {}
    for name in names:
        finished = subprocess.run(
            python_command("tools.bench.memory", precisions[name]),
            capture_output=True, text=True, check=False,
        )
        if finished.returncode == 0:
            found[name] = float(finished.stdout)
    return found


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
