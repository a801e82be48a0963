"""Whole training steps of language models, NumPy's and torch's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

# numpy and torch are imported inside the functions: --help does not wait for them.

N, T = 20, 35
VOCAB, SIZE, LARGE = 10_000, 100, 320


class Batches:
    """Inputs and targets (N, T) without end, ids whose frequencies fall off as those of words in a text."""

    def __init__(self, rng):
        self.ids = rng.zipf(1.3, (64, 2, N, T)) % VOCAB
        self.number = -1

    def next(self):
        self.number += 1
        return self.ids[self.number % len(self.ids)]


class NumPyStep:
    """The course's small language model: LSTM of 100, V = 10,000, SGD, clipped to 0.25, state carried."""

    def __init__(self):
        import numpy as np

        from helpers.models.language_model import LanguageModel
        from helpers.optim import SGD

        rng = np.random.default_rng(0)
        self.model = LanguageModel(VOCAB, SIZE, SIZE, rng=rng)
        self.optimizer = SGD(self.model.params, lr=1.0)
        self.batches = Batches(rng)

    def __call__(self) -> float:
        from helpers.training.trainer import train_step

        return train_step(self.model, self.optimizer, *self.batches.next(), 0.25)


class PlainTorch:
    """A language model and its step with torch's own parts, as one would write it first."""

    def __init__(self, size: int, num_layers: int = 1):
        import numpy as np
        import torch
        from torch import nn

        self.embedding = nn.Embedding(VOCAB, size)
        self.lstm = nn.LSTM(size, size, num_layers, batch_first=True)
        self.output = nn.Linear(size, VOCAB)
        parts = nn.ModuleList([self.embedding, self.lstm, self.output])
        self.parameters = list(parts.parameters())
        self.optimizer = torch.optim.SGD(self.parameters, lr=1.0)
        self.state = None
        self.batches = Batches(np.random.default_rng(0))

    def __call__(self) -> float:
        import torch
        from torch.nn.functional import cross_entropy

        inputs, targets = torch.from_numpy(self.batches.next())
        self.optimizer.zero_grad()
        h, state = self.lstm(self.embedding(inputs), self.state)
        self.state = tuple(s.detach() for s in state)
        loss = cross_entropy(self.output(h).flatten(0, 1), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 0.25)
        self.optimizer.step()
        return loss.item()


def trainer_step(precision: str) -> Callable[[], float]:
    """A step of the torch trainer on chapter 6's model, 2 x 320 with tied weights, V = 10,000, no dropout."""
    import numpy as np
    import torch

    from helpers.models.torch_language_model import TorchLanguageModel
    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.language_modelling import LanguageModelLoss

    batches = Batches(np.random.default_rng(0))
    model = TorchLanguageModel(VOCAB, LARGE, LARGE, num_layers=2, tied=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, fused=True)
    trainer = TorchTrainer(
        model, optimizer, LanguageModelLoss(), lambda model: {}, monitor="", max_norm=0.25,
        precision=precision, device="cpu",
    )
    return lambda: trainer.train_step(tuple(batches.next()))


STEPS: dict[str, Callable[[], Callable[[], float]]] = {
    "numpy": NumPyStep,
    "plain": lambda: PlainTorch(SIZE),
    "float32": partial(trainer_step, "float32"),
    "bfloat16": partial(trainer_step, "bfloat16"),
    "plain-large": lambda: PlainTorch(LARGE, num_layers=2),
}
"""By name: what makes a step."""
