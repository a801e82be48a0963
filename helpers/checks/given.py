"""Arguments of a case that are no arrays: tensors, generators, models and their optimizers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from helpers.checks.words import Message
from helpers.installed import required


class Given:
    """An argument that is made anew for every call, by `make` from copies of `parts`.

    A case of exercises in torch holds these in place of tensors, so that torch is imported when a check
    runs and not before; `text`, a Message where it has words, stands for the argument where the verdict
    describes the case.
    """

    def __init__(self, text: str, make: Callable[..., Any], *parts: Any):
        self.text, self.make, self.parts = text, make, parts

    def __deepcopy__(self, memo: dict) -> Any:
        return self.make(*(copy.deepcopy(part, memo) for part in self.parts))

    def __repr__(self) -> str:
        return self.text


def tensor(array) -> Given:
    """`array` as a torch tensor of the same dtype."""

    def make(values):
        return required("torch", "PyTorch").from_numpy(values)

    return Given(Message("a tensor {shape}", shape=array.shape), make, array)


def generator(seed: int) -> Given:
    """A torch.Generator with this seed."""

    def make():
        return required("torch", "PyTorch").Generator().manual_seed(seed)

    return Given(Message("a generator with seed {seed}", seed=seed), make)
