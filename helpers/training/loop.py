"""What the NumPy trainer and the torch trainer share: all that is around a step.

Epochs and steps are counted, the best weights on validation kept, checkpoints written; a run that is
interrupted or no longer finite stops, such that nothing wrong is kept and nothing right is lost.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers import files
from helpers.processes import saving, undisturbed
from helpers.training.bar import progress_bar
from helpers.training.checkpoints import CheckpointError, unreadable
from helpers.validation import require, require_flag, require_int, require_number

REMEDY = (
    "Try a lower learning rate or a smaller max_norm; if it comes back at the same place, look at the data "
    "and at the loss there."
)


class TrainingLoop:
    """The base of both trainers, which say what a step, a validation and a checkpoint are.

    Public attributes: `curve`, one dict an epoch; `epoch` and `step`, epochs finished and steps finished in
    the current one; `seconds`, spent in both; `best_score`, of validation; `interrupted`, by Ctrl-C.
    """

    model: Any
    batches_are = "batches"   # what `fit` calls them
    higher_is_better = False
    first = alone = True      # among processes that train one model together

    def __init__(
        self,
        *,
        max_norm: float | None,
        checkpoint: str | os.PathLike | None,
        settings: Mapping[str, Any] | None,
        save_every: int,
        report: Callable[[str], Any] | None,
        bar: bool,
    ) -> None:
        if max_norm is not None:
            max_norm = require_number("max_norm", max_norm, above=0, infinite=True)
        is_path = isinstance(checkpoint, str | os.PathLike | None)
        require(is_path, "checkpoint", repr(checkpoint), "the name of a file, or None")
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        folder = self.checkpoint is not None and self.checkpoint.is_dir()
        require(not folder, "checkpoint", f"the folder {checkpoint}", "the name of a file")
        self.max_norm = max_norm
        self.settings = plain_settings(settings or {})
        self.save_every = require_int("save_every", save_every)
        if report is not None:
            require_callable("report", report, "a function of a line of text, or None")
        self.report = report or (lambda line: None)
        self._warn = report or (lambda line: warnings.warn(line, RuntimeWarning, stacklevel=2))
        self.bar = require_flag("bar", bar)
        self.curve: list[dict[str, float]] = []
        self.epoch = self.step = 0
        self.step_losses: list[float] = []   # mean loss of every step since this object was made
        self.seconds = 0.0
        self.interrupted = False
        self.best_score = -math.inf if self.higher_is_better else math.inf
        self._total = self._count = 0.0      # of the current epoch
        self._tick = 0.0
        self._best: dict[str, Any] | None = None
        self._last: dict[str, Any] | None = None   # after the last epoch
        self._saved = 0, 0                   # epoch and step of the last checkpoint

    # -- what a trainer fills in ---------------------------------------------------------------------------

    def save(self) -> None:
        """Write the checkpoint, if there is to be one."""
        raise NotImplementedError

    def _read(self) -> Any:
        """What the checkpoint holds, of a run with the same settings; None if there is no file."""
        raise NotImplementedError

    def _as_now(self) -> Callable[[], None]:
        """A function that puts back all that `_restore` may have changed when it fails."""
        raise NotImplementedError

    def _restore(self, content: Any) -> None:
        """Go on from what `_read` returned."""
        raise NotImplementedError

    def _begin_epoch(self) -> None:
        """Before the first step of an epoch, and when one is gone on with."""

    def _step_on(self, batch: Any) -> None:
        """One step, and `_done` together with the update of the weights. Raises FloatingPointError, with all
        as it was, when something is not finite."""
        raise NotImplementedError

    def _validate(self) -> tuple[dict[str, float], float]:
        """Numbers for the curve, and the one that decides which weights are best."""
        raise NotImplementedError

    def _summary(self, mean: float) -> Mapping[str, float]:
        """The mean training loss as numbers for the curve and the bar."""
        raise NotImplementedError

    def _rate(self) -> float:
        """The learning rate."""
        raise NotImplementedError

    def _weights(self, validated: bool = False) -> dict[str, Any]:
        """A copy of the weights, or of those that are validated."""
        raise NotImplementedError

    def _line(self, row: Mapping[str, float]) -> str:
        """What is reported of an epoch."""
        raise NotImplementedError

    def _end_epoch(self, score: float) -> None:
        """After the validation of an epoch."""

    # -- the loop ------------------------------------------------------------------------------------------

    def _fit(self, batches: Callable[[int], Any], epochs: int) -> list[dict[str, float]]:
        """Train until `epochs` epochs are done in all, on ``batches(epoch)``."""
        self.interrupted = False
        if self.checkpoint is not None and self.first and self.epoch < epochs:
            files.check_writable(self.checkpoint)   # not after an epoch of hours
        try:
            if self._last is not None:
                self.model.load_state_dict(self._last)
                self._last = None
            while self.epoch < epochs:
                self._run_epoch(batches(self.epoch), epochs)
                self._finish_epoch(epochs)
            if self._best is not None:
                with undisturbed():
                    self._last = self._weights()   # a further `fit` goes on from here, not from the best
                    self.model.load_state_dict(self._best)
        except KeyboardInterrupt:
            self.interrupted = True
            with saving():
                if self.alone and self._saved != (self.epoch, self.step):   # several save at the same step
                    self._save()
                saved = f"; {self.checkpoint} holds the last checkpoint" if self.checkpoint else ""
                if self.first:
                    self.report(f"stopped in epoch {self.epoch + 1}, step {self.step}{saved}")
        return self.curve

    def _run_epoch(self, batches: Any, epochs: int) -> None:
        self._begin_epoch()
        steps, title = len(batches), f"epoch {self.epoch + 1}/{epochs}"
        with progress_bar(
            steps, start=self.step, description=title, show=self.bar and self.first
        ) as bar:
            for batch in itertools.islice(batches, self.step, None):
                self._tick = time.perf_counter()
                with self._told(f", step {self.step + 1}"):
                    self._step_on(batch)
                if self.step % 10 == 0 or self.step == steps:
                    with self._told(f", step {self.step}"):
                        bar.set_postfix_str(in_words(self._means()), refresh=False)
                bar.update()
                if self.step % self.save_every == 0 and self.step < steps:
                    self._save()
        require(self.step == steps, self.batches_are, f"{self.step} batches", f"{steps}, their length")

    def _done(self, loss: float, count: int) -> None:
        """Count a step of mean loss `loss` over `count` things."""
        self.step += 1
        self.step_losses.append(loss)
        self._total += loss * count
        self._count += count
        self.seconds += time.perf_counter() - self._tick

    def _finish_epoch(self, epochs: int) -> None:
        tick = time.perf_counter()
        try:
            with self._told(""):
                means, (scores, score) = self._means(), self._validate()
        except (FloatingPointError, KeyboardInterrupt):
            raise
        except Exception:   # the epoch is not lost with it
            if self.alone:
                self._save()
            raise
        self.seconds += time.perf_counter() - tick
        better = score > self.best_score if self.higher_is_better else score < self.best_score
        best = self._weights(validated=True) if better else self._best
        row = {"epoch": self.epoch + 1, "lr": self._rate(), **means, **scores, "seconds": self.seconds}
        with undisturbed():
            if better:
                self.best_score, self._best = score, best
            self._end_epoch(score)
            self.curve.append(row)
            self.epoch, self.step, self._total, self._count = self.epoch + 1, 0, 0.0, 0.0
        self._save()
        if self.first:
            self.report(f"epoch {row['epoch']}/{epochs}: {self._line(row)}")

    def _means(self) -> dict[str, float]:
        return finite_numbers("summary", self._summary(self._total / self._count))

    @contextmanager
    def _told(self, where: str) -> Iterator[None]:
        try:
            yield
        except FloatingPointError as error:
            raise FloatingPointError(f"epoch {self.epoch + 1}{where}: {error}. {REMEDY}") from error

    # -- checkpoints ---------------------------------------------------------------------------------------

    def _save(self) -> None:
        """`save`; but a full disk does not end a run of hours."""
        try:
            with self._told(f", step {self.step}"):
                self.save()
            self._saved = self.epoch, self.step
        except OSError as error:
            self._warn(f"The checkpoint was not written, training goes on and tries again later: {error}")

    def _resume(self) -> bool:
        content = None if self.checkpoint is None else self._read()
        if content is None:
            return False
        put_back = self._as_now()
        try:
            self._restore(content)
        except (ValueError, KeyError, TypeError, RuntimeError, AttributeError, ArithmeticError) as error:
            put_back()
            raise CheckpointError(f"checkpoint {self.checkpoint} is of another model: {error}") from error
        self._saved = self.epoch, self.step
        return True

    def _all_settings(self) -> dict[str, Any]:
        return {**self.settings, "max_norm": self.max_norm}

    def _require_same_settings(self, saved: Any) -> None:
        if not isinstance(saved, Mapping):
            raise unreadable(self.checkpoint, "it holds no settings")
        ours, saved = self._all_settings(), plain_settings(saved)
        for name in sorted(ours.keys() | saved.keys()):
            if ours.get(name) != saved.get(name):
                raise CheckpointError(
                    f"{name}: got {ours.get(name)!r}, wanted {saved.get(name)!r} as in {self.checkpoint}"
                )


def require_callable(argument: str, value: object, wanted: str) -> None:
    """ValueError unless `value` can be called."""
    require(callable(value), argument, repr(value), wanted)


def require_batches(argument: str, batches: Any) -> Any:
    """Return `batches` if there are some, as many as their length and again in every epoch."""
    again = isinstance(batches, Iterable) and not isinstance(batches, Iterator | str | bytes | Mapping)
    wanted = "batches that have a length and can be gone through again, such as a list"
    try:
        len(batches)
    except TypeError:   # a DataLoader of a stream has __len__, and no length
        again = False
    require(again, argument, type(batches).__name__, wanted)
    require(len(batches) > 0, argument, "no batch", "at least one")
    return batches


def finite_numbers(argument: str, scores: Any) -> dict[str, float]:
    """`scores`, numbers by name, as floats. FloatingPointError names the first that is not finite."""
    require(isinstance(scores, Mapping), argument, repr(scores), "a dict of numbers by name")
    numbers = {}
    for name, value in scores.items():
        try:
            numbers[name] = float(value)   # a tensor of one number, too
            require(not isinstance(value, str), name, repr(value), "a number")
        except (TypeError, ValueError, RuntimeError):   # None, an array
            raise ValueError(f"{argument}[{name!r}]: got {value!r}, wanted a number") from None
        if not math.isfinite(numbers[name]):
            raise FloatingPointError(f"{name}: got {value}, wanted a finite number")
    return numbers


def plain_settings(settings: Any) -> dict[str, Any]:
    """`settings` as JSON gives them back, so that those of a checkpoint can equal them; ValueError for what
    JSON has not, and for nan, which equals nothing."""
    try:
        text = json.dumps(dict(settings), default=lambda value: value.item())   # NumPy's numbers
        return json.loads(text, parse_constant=_infinity)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        wanted = "numbers, text, lists and dicts by name"
        raise ValueError(f"settings: got {settings!r} ({error}), wanted {wanted}") from None


def _infinity(name: str) -> float:
    require(name != "NaN", "a value", name, "something that equals itself")
    return float(name)


def in_words(numbers: Mapping[str, float]) -> str:
    """{"train_loss": 0.5} → "train loss 0.5"."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in numbers.items())
