"""The training loop of chapter 5 with a bar, the best model on validation, and resume.

The loop itself is `train_step`, the five lines that chapter 5 writes in the open. Everything else here is
what a run of minutes or hours needs around it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers.optim import clip_scale
from helpers.training.bar import progress_bar
from helpers.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from helpers.training.evaluation import evaluate, perplexity
from helpers.validation import require, require_int


def train_step(model, optimizer, inputs: np.ndarray, targets: np.ndarray, max_norm: float) -> float:
    """One step of truncated BPTT on a window, inputs and targets (N, T) → mean loss in nats per token.

    The state is carried in from the window before, the gradient is not (Williams & Peng 1990). Raises
    FloatingPointError, with all weights as they were, when the loss or a gradient is not finite.
    """
    loss = model.loss(inputs, targets, train=True)
    require_finite(loss)
    model.backward()
    _, scale = clip_scale(model.grads, max_norm)
    optimizer.step(model.grads, scale)
    return float(loss)


def require_finite(loss: float) -> None:
    """FloatingPointError unless `loss` is a finite number."""
    if not math.isfinite(loss):
        raise FloatingPointError(f"loss: got {loss}, wanted a finite number")


class Trainer:
    """Trains a NumPy language model on contiguous batches.

    Args:
        model: a ``LanguageModel``; after `fit` it holds the weights that were best on validation.
        optimizer: ``SGD`` or ``Adam`` over ``model.params``.
        max_norm: threshold of the global gradient norm.
        learning_rate: epoch (from 0) → learning rate; None leaves the optimizer's as it is.
        checkpoint: file to save to and resume from, or None.
        settings: what else must be the same when a run is resumed (data, batch size, …), as JSON values.
        save_every: steps between two checkpoints; one is also saved at the end of every epoch.
        report: called with a line of text after each epoch, `print` by default; None for silence.
        bar: draw a progress bar (never drawn while the course is built or graded).
    """

    def __init__(
        self,
        model,
        optimizer,
        *,
        max_norm: float = 0.25,
        learning_rate: Callable[[int], float] | None = None,
        checkpoint: str | os.PathLike | None = None,
        settings: Mapping[str, Any] | None = None,
        save_every: int = 500,
        report: Callable[[str], Any] | None = print,
        bar: bool = True,
    ) -> None:
        require(max_norm > 0, "max_norm", max_norm, "a number above 0")
        self.model, self.optimizer = model, optimizer
        self.max_norm, self.learning_rate = float(max_norm), learning_rate
        self.checkpoint = Path(checkpoint) if checkpoint is not None else None
        self.settings = {**(settings or {}), "max_norm": self.max_norm}
        self.save_every = require_int("save_every", save_every)
        self.report = report or (lambda line: None)
        self.bar = bar
        self.curve: list[dict[str, float]] = []
        self.epoch = self.step = 0           # epochs finished; steps finished in the current one
        self.seconds = 0.0
        self.interrupted = False
        self._nats = self._tokens = 0.0      # of the current epoch
        self._best: dict[str, np.ndarray] | None = None
        self._last: dict[str, np.ndarray] | None = None   # after the last epoch
        self._best_valid = math.inf

    @property
    def best_valid_perplexity(self) -> float:
        """Lowest validation perplexity so far."""
        return perplexity(self._best_valid)

    def fit(self, train, valid, epochs: int) -> list[dict[str, float]]:
        """Train until `epochs` epochs are done in all and return the curve, one dict per epoch.

        `train` and `valid` are `ContiguousBatches`. The state is zero at the start of an epoch and is
        carried between windows; validation has a state of its own. Called again, or after `resume`, it
        goes on where it stopped. Ctrl-C stops it: the model keeps its weights and the curve so far is
        returned, with `interrupted` set. (Ctrl-C may fall into the middle of an update; what goes on to the
        last bit is `resume` from the checkpoint.)

        Raises FloatingPointError when loss or gradient is not finite; the last checkpoint is untouched.
        """
        require_int("epochs", epochs)
        self.interrupted = False
        if self._last is not None:
            self.model.load_state_dict(self._last)
            self._last = None
        try:
            while self.epoch < epochs:
                self._run_epoch(train, epochs)
                self._finish_epoch(valid, epochs)
        except KeyboardInterrupt:
            self.interrupted = True
            saved = f"; {self.checkpoint} holds the last checkpoint" if self.checkpoint else ""
            self.report(f"stopped in epoch {self.epoch + 1}, step {self.step}{saved}")
            return self.curve
        if self._best is not None:
            self._last = self.model.state_dict()   # a further `fit` goes on from here, not from the best
            self.model.load_state_dict(self._best)
        return self.curve

    def _run_epoch(self, train, epochs: int) -> None:
        if self.step == 0:
            self.model.reset_state()
        if self.learning_rate is not None:
            self.optimizer.lr = float(self.learning_rate(self.epoch))
        steps = len(train)
        title = f"epoch {self.epoch + 1}/{epochs}"
        with progress_bar(steps, start=self.step, description=title, show=self.bar) as bar:
            started, tokens_before = time.perf_counter(), self._tokens
            for number, (inputs, targets) in enumerate(train):
                if number < self.step:
                    continue
                tick = time.perf_counter()
                state, generator = self.model.get_state(), self.model.rng.bit_generator.state
                try:
                    loss = train_step(self.model, self.optimizer, inputs, targets, self.max_norm)
                except KeyboardInterrupt:   # the step will be done again, from the same state
                    self.model.set_state(state)
                    self.model.rng.bit_generator.state = generator
                    raise
                except FloatingPointError as error:
                    raise FloatingPointError(
                        f"epoch {self.epoch + 1}, step {number + 1}: {error}. "
                        "Try a lower learning rate or a smaller max_norm."
                    ) from error
                self.step = number + 1
                self._nats += loss * targets.size
                self._tokens += targets.size
                self.seconds += time.perf_counter() - tick
                if self.step % 10 == 0 or self.step == steps:
                    mean = self._nats / self._tokens
                    speed = (self._tokens - tokens_before) / (time.perf_counter() - started)
                    bar.set_postfix_str(
                        f"loss {mean:.3f}, perplexity {perplexity(mean):.1f}, {speed:,.0f} tokens/s",
                        refresh=False,
                    )
                bar.update()
                if self.step % self.save_every == 0 and self.step < steps:
                    self.save()

    def _finish_epoch(self, valid, epochs: int) -> None:
        tick = time.perf_counter()
        valid_nats = evaluate(self.model, valid)
        self.seconds += time.perf_counter() - tick
        row = {
            "epoch": self.epoch + 1,
            "lr": float(self.optimizer.lr),
            "train_perplexity": perplexity(self._nats / self._tokens),
            "valid_perplexity": perplexity(valid_nats),
            "seconds": self.seconds,
        }
        if valid_nats < self._best_valid:
            self._best_valid = valid_nats
            self._best = self.model.state_dict()
        self.curve.append(row)
        self.epoch, self.step, self._nats, self._tokens = self.epoch + 1, 0, 0.0, 0.0
        self.save()
        self.report(
            f"epoch {row['epoch']}/{epochs}: training perplexity {row['train_perplexity']:.1f}, "
            f"validation {row['valid_perplexity']:.1f}"
        )

    # -- checkpoints -------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the checkpoint (does nothing without one): all that is needed to go on bit for bit."""
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
            "nats": self._nats,
            "tokens": self._tokens,
            "seconds": self.seconds,
            "best_valid": self._best_valid if math.isfinite(self._best_valid) else None,
            "curve": self.curve,
            "optimizer": numbers,
            "state": None if state is None else [len(layer) for layer in state],
            "rng": self.model.rng.bit_generator.state,
            "settings": self.settings,
        }
        save_checkpoint(self.checkpoint, arrays, meta)

    def resume(self) -> bool:
        """Go on from the checkpoint if there is one; returns whether there was.

        Raises CheckpointError, with model and optimizer as they were, when it is damaged or was made
        with another model, another optimizer or other settings.
        """
        if self.checkpoint is None or not self.checkpoint.exists():
            return False
        arrays, meta = load_checkpoint(self.checkpoint)
        saved = meta.get("settings", {})
        for name in sorted(self.settings.keys() | saved.keys()):
            got, wanted = self.settings.get(name), saved.get(name)
            if got != wanted:
                raise CheckpointError(f"{name}: got {got!r}, wanted {wanted!r} as in {self.checkpoint}")
        before = self.model.state_dict(), self.optimizer.state_dict(), self.model.get_state()
        try:
            self._restore(arrays, meta)
        except (ValueError, KeyError, TypeError) as error:
            weights, moments, state = before
            self.model.load_state_dict(weights)
            self.optimizer.load_state_dict(moments)
            self.model.set_state(state)
            raise CheckpointError(f"checkpoint {self.checkpoint} is of another model: {error}") from error
        return True

    def _restore(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        def part(prefix: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}

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
        best_valid = math.inf if meta["best_valid"] is None else meta["best_valid"]
        epoch, step, curve = meta["epoch"], meta["step"], meta["curve"]
        nats, tokens, seconds = meta["nats"], meta["tokens"], meta["seconds"]
        self.model.rng.bit_generator.state = meta["rng"]
        self._best, self._last, self._best_valid = best or None, None, best_valid
        self.epoch, self.step, self.curve = epoch, step, curve
        self._nats, self._tokens, self.seconds = nats, tokens, seconds


def _nested(flat: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """{"m/cells.0.Wx": a} → {"m": {"cells.0.Wx": a}}."""
    nested: dict[str, dict[str, np.ndarray]] = {}
    for path, array in flat.items():
        name, key = path.split("/", 1)
        nested.setdefault(name, {})[key] = array
    return nested
