"""The mean of the weights over many steps, validated and kept instead of the last weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from helpers.processes import undisturbed
from helpers.torch_training.states import copy_weights
from helpers.torch_training.steps import require_finite_weights
from helpers.training.loop import finite_numbers
from helpers.validation import require, require_int


class WeightAverage:
    """Averages the weights after every step (Polyak & Juditsky 1992), once it is time to.

    NT-ASGD's rule says when (Merity, Keskar & Socher 2018, as in their code): at the first epoch whose
    validation score is worse than the best of all epochs more than `patience` epochs ago. `patience` is in
    epochs.
    """

    def __init__(self, patience: int = 5):
        self.patience = require_int("patience", patience, minimum=0)
        self.scores: list[float] = []
        self._averaged: AveragedModel | None = None

    @property
    def active(self) -> bool:
        """Whether there is an average."""
        return self._averaged is not None

    def update(self, model: nn.Module) -> None:
        """Add the model's weights to the mean, if averaging has begun. FloatingPointError, with the mean as
        it was, when they are not finite."""
        if self._averaged is not None:
            require_finite_weights(model)
            self._averaged.update_parameters(model)

    def end_epoch(self, model: nn.Module, score: float) -> None:
        """Begin with the model's weights if it is time to; `score` is lower when better. FloatingPointError
        when it, or a weight, is not finite."""
        score = finite_numbers("score", {"score": score})["score"]
        old = self.scores[: max(0, len(self.scores) - self.patience)]
        if self._averaged is None and old and score > min(old):
            self._begin(model)
        self.scores.append(score)

    def _begin(self, model: nn.Module) -> None:
        require_finite_weights(model)
        begun = AveragedModel(model)
        begun.update_parameters(model)
        self._averaged = begun

    def copy_to(self, model: nn.Module) -> None:
        """Fill the model with the averaged weights. ValueError when there are none yet."""
        require(self._averaged is not None, "average", "none yet", "one that is active")
        model.load_state_dict(self._averaged.module.state_dict())

    def tensors(self) -> list[Tensor]:
        """The averaged weights, none before there are any."""
        return [] if self._averaged is None else list(self._averaged.state_dict().values())

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        averaged = None if self._averaged is None else self._averaged.state_dict()
        return {"scores": list(self.scores), "averaged": averaged}

    def load_state_dict(self, state: Mapping[str, Any], model: nn.Module) -> None:
        """Go on from `state_dict()`; `model` is of the same kind. When it is not, all is as it was."""
        scores, loaded = [float(score) for score in state["scores"]], None
        if state["averaged"] is not None:
            loaded = AveragedModel(model)
            loaded.load_state_dict(state["averaged"])
            require_finite_weights(loaded)
        self.scores, self._averaged = scores, loaded


@contextlib.contextmanager
def averaged(model: nn.Module, average: WeightAverage | None) -> Iterator[None]:
    """Inside the block the model holds the averaged weights, if there are any."""
    if average is None or not average.active:
        yield
        return
    kept = copy_weights(model)
    try:
        average.copy_to(model)
        yield
    finally:
        with undisturbed():
            model.load_state_dict(kept)
