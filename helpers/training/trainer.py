"""The training loop of chapter 5 with a bar, the best model on validation, and resume.

The loop itself is `train_step`, the five lines that chapter 5 writes in the open. Everything else here is
what a run of minutes or hours needs around it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from helpers.optim import Optimizer, clip_scale
from helpers.processes import undisturbed
from helpers.training.checkpoints import load_checkpoint, save_checkpoint
from helpers.training.evaluation import evaluate, perplexity, require_pair
from helpers.training.finite import require_finite
from helpers.training.loop import TrainingLoop, finite_numbers, require_batches, require_callable
from helpers.validation import require, require_int, require_number


@np.errstate(under="ignore")
def train_step(model, optimizer, inputs: np.ndarray, targets: np.ndarray, max_norm: float) -> float:
    """One step of truncated BPTT on a window, inputs and targets (N, T) → mean loss in nats per token.

    The state is carried in from the window before, the gradient is not (Williams & Peng 1990). Raises
    FloatingPointError, with all weights as they were, when the loss, a gradient or the step is not finite.
    """
    _require_pair_of(model, optimizer)
    loss = model.loss(inputs, targets, train=True)
    require_finite("loss", loss)
    model.backward()
    _, scale = clip_scale(model.grads, max_norm)
    optimizer.step(model.grads, scale)
    return float(loss)


def _require_pair_of(model: Any, optimizer: Any) -> None:
    """ValueError unless `optimizer` is one over the model's parameters, both NumPy's."""
    params = getattr(model, "params", None)
    require(isinstance(params, Mapping), "model", type(model).__name__, "a LanguageModel of NumPy's")
    fits = isinstance(optimizer, Optimizer)
    require(fits, "optimizer", type(optimizer).__name__, "one of helpers.optim over model.params")
    for name, param in params.items():
        ours = optimizer.params.get(name) is param
        require(ours, "optimizer", f"one that does not update {name!r}", "one over model.params")


class Trainer(TrainingLoop):
    """Trains a NumPy language model on contiguous batches.

    Args:
        model: a ``LanguageModel``; after `fit` it holds the weights that were best on validation.
        optimizer: ``SGD`` or ``Adam`` over ``model.params``.
        max_norm: threshold of the global gradient norm, or None.
        learning_rate: epoch (from 0) → learning rate; None leaves the optimizer's as it is.
        checkpoint: file to save to and resume from, or None.
        settings: what else must be the same when a run is resumed (data, batch size, …), as JSON values.
        save_every: steps between two checkpoints; one is also saved at the end of every epoch, and where
            a run is stopped. (If the disk is full that is reported, or warned of, and
            training goes on.)
        report: called with a line of text after each epoch, `print` by default; None for silence.
        bar: draw a progress bar (never drawn while the course is built or graded).
    """

    batches_are = "train"

    def __init__(
        self,
        model,
        optimizer,
        *,
        max_norm: float | None = 0.25,
        learning_rate: Callable[[int], float] | None = None,
        checkpoint: str | os.PathLike | None = None,
        settings: Mapping[str, Any] | None = None,
        save_every: int = 500,
        report: Callable[[str], Any] | None = print,
        bar: bool = True,
    ) -> None:
        super().__init__(
            max_norm=max_norm, checkpoint=checkpoint, settings=settings, save_every=save_every,
            report=report, bar=bar,
        )
        if learning_rate is not None:
            wanted = "a function of the epoch (a fixed rate is the optimizer's)"
            require_callable("learning_rate", learning_rate, wanted)
        _require_pair_of(model, optimizer)
        self.model, self.optimizer, self.learning_rate = model, optimizer, learning_rate
        self._valid: Any = None

    @property
    def best_valid_perplexity(self) -> float:
        """Lowest validation perplexity so far."""
        return perplexity(self.best_score)

    def fit(self, train, valid, epochs: int) -> list[dict[str, float]]:
        """Train until `epochs` epochs are done in all and return the curve, one dict per epoch.

        `train` and `valid` are `ContiguousBatches`. The state is zero at the start of an epoch and is
        carried between windows; validation has a state of its own. Called again, or after `resume`, it
        goes on where it stopped, to the last bit. Ctrl-C stops it after the step it is in: the model keeps
        its weights and the curve so far is returned, with `interrupted` set.

        Raises FloatingPointError when a loss, a gradient, a step or a perplexity is not finite: weights,
        optimizer and the last checkpoint are those of before.
        """
        require_int("epochs", epochs)
        require_batches("train", train)
        self._valid = require_batches("valid", valid)
        return self._fit(lambda epoch: train, epochs)

    def _begin_epoch(self) -> None:
        if self.step == 0:
            self.model.reset_state()
        if self.learning_rate is not None:
            rate = self.learning_rate(self.epoch)
            self.optimizer.lr = require_number(f"learning_rate({self.epoch})", rate, minimum=0)

    def _step_on(self, batch: Any) -> None:
        inputs, targets = require_pair("train", batch)
        state, generator = self.model.get_state(), self.model.rng.bit_generator.state
        max_norm = math.inf if self.max_norm is None else self.max_norm
        with undisturbed():
            try:
                loss = train_step(self.model, self.optimizer, inputs, targets, max_norm)
            except BaseException:   # the step can be done again, from the same state
                self.model.set_state(state)
                self.model.rng.bit_generator.state = generator
                raise
            self._done(loss, targets.size)

    def _validate(self) -> tuple[dict[str, float], float]:
        require_finite("weights", self.model.params)
        nats = evaluate(self.model, self._valid)
        require_finite("validation loss", nats)
        return finite_numbers("valid", {"valid_perplexity": perplexity(nats)}), nats

    def _summary(self, mean: float) -> dict[str, float]:
        return {"train_perplexity": perplexity(mean)}

    def _rate(self) -> float:
        return self.optimizer.lr

    def _weights(self, validated: bool = False) -> dict[str, np.ndarray]:
        return self.model.state_dict()

    def _line(self, row: Mapping[str, float]) -> str:
        return "training perplexity {train_perplexity:.1f}, validation {valid_perplexity:.1f}".format_map(row)

    # -- checkpoints -------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the checkpoint (does nothing without one): all that is needed to go on bit for bit.

        Raises OSError that names the file, and FloatingPointError rather than keep what is not finite; the
        checkpoint of before is then as it was.
        """
        if self.checkpoint is None:
            return
        # After `fit` the model holds the best weights; training goes on from the last.
        weights = self.model.state_dict() if self._last is None else self._last
        arrays = {f"model/{name}": array for name, array in weights.items()}
        arrays |= {f"best/{name}": array for name, array in (self._best or {}).items()}
        numbers: dict[str, float] = {}
        for name, value in self.optimizer.state_dict().items():   # a number, or a dict of arrays
            if isinstance(value, Mapping):
                arrays |= {f"optimizer/{name}/{key}": array for key, array in value.items()}
            else:
                numbers[name] = value
        state = self.model.get_state()
        for number, layer in enumerate(state or []):
            arrays |= {f"state/{number}/{i}": array for i, array in enumerate(layer)}
        meta = {
            "epoch": self.epoch,
            "step": self.step,
            "nats": self._total,
            "tokens": self._count,
            "seconds": self.seconds,
            "best_valid": self.best_score if math.isfinite(self.best_score) else None,
            "curve": self.curve,
            "optimizer": numbers,
            "state": None if state is None else [len(layer) for layer in state],
            "rng": self.model.rng.bit_generator.state,
            "settings": self._all_settings(),
        }
        require_finite("checkpoint", arrays)
        save_checkpoint(self.checkpoint, arrays, meta)

    def resume(self) -> bool:
        """Go on from the checkpoint if there is one; returns whether there was.

        Raises CheckpointError, with model and optimizer as they were, when it is damaged or was made
        with another model, another optimizer or other settings.
        """
        return self._resume()

    def _read(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        if not self.checkpoint.exists():
            return None
        arrays, meta = load_checkpoint(self.checkpoint)
        self._require_same_settings(meta.get("settings"))
        return arrays, meta

    def _as_now(self) -> Callable[[], None]:
        weights, moments = self.model.state_dict(), self.optimizer.state_dict()
        state = self.model.get_state()

        def put_back() -> None:
            self.model.load_state_dict(weights)
            self.optimizer.load_state_dict(moments)
            self.model.set_state(state)

        return put_back

    def _restore(self, content: tuple[dict[str, np.ndarray], dict[str, Any]]) -> None:
        arrays, meta = content

        def part(prefix: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}

        require_finite("checkpoint", arrays)
        weights, best = part("model/"), part("best/")
        optimizer = meta["optimizer"] | _nested(part("optimizer/"))
        wanted = self.optimizer.state_dict().keys()
        require(optimizer.keys() == wanted, "optimizer", sorted(optimizer), f"{sorted(wanted)}")
        for name, param in self.model.params.items():
            if name in weights:
                require(weights[name].dtype == param.dtype, name, weights[name].dtype, str(param.dtype))
        if best:   # fits as well, or nothing is taken over
            self.model.load_state_dict(best)
        self.model.load_state_dict(weights)
        self.optimizer.load_state_dict(optimizer)
        sizes = meta["state"]
        self.model.set_state(
            sizes and [tuple(arrays[f"state/{n}/{i}"] for i in range(size)) for n, size in enumerate(sizes)]
        )
        best_score = math.inf if meta["best_valid"] is None else meta["best_valid"]
        epoch, step, curve = meta["epoch"], meta["step"], meta["curve"]
        total, count, seconds = meta["nats"], meta["tokens"], meta["seconds"]
        self.model.rng.bit_generator.state = meta["rng"]
        self._best, self._last, self.best_score = best or None, None, best_score
        self.epoch, self.step, self.curve = epoch, step, curve
        self._total, self._count, self.seconds = total, count, seconds


def _nested(flat: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """{"m/cells.0.Wx": a} → {"m": {"cells.0.Wx": a}}."""
    nested: dict[str, dict[str, np.ndarray]] = {}
    for path, array in flat.items():
        name, key = path.split("/", 1)
        nested.setdefault(name, {})[key] = array
    return nested
