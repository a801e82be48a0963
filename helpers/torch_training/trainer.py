"""One training loop for torch models: a bar, the best weights on validation, resume, several processes.

The loop itself is `TorchTrainer._step`, the lines that chapter 6 writes in the open. Everything else is what
a run of minutes or hours needs around it.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from helpers.processes import undisturbed
from helpers.tensors import require_module
from helpers.torch_training import checkpoints
from helpers.torch_training.averaging import WeightAverage, averaged
from helpers.torch_training.distributed import Processes, SameBatches, to_device, watch_others
from helpers.torch_training.hardware import PRECISIONS, computed_in, pick_device, pick_precision
from helpers.torch_training.meeting import join_processes
from helpers.torch_training.states import (
    copy_weights,
    first_tensor,
    generators,
    join,
    plain_values,
    set_generators,
    to_cpu,
)
from helpers.torch_training.steps import Objective, StepLoss, Undo, clip, update
from helpers.training.checkpoints import CheckpointError
from helpers.training.finite import require_finite
from helpers.training.loop import (
    TrainingLoop,
    finite_numbers,
    in_words,
    require_batches,
    require_callable,
)
from helpers.validation import require, require_flag, require_int, require_number

MUST_BE_FINITE = ("model", "best", "optimizer", "average", "state")
"""Parts of a checkpoint."""

COUNTED = {
    "epoch": "epoch", "step": "step", "total": "_total", "count": "_count", "seconds": "seconds",
    "best_score": "best_score", "curve": "curve",
}
"""Name in a checkpoint → attribute of the trainer."""

__all__ = ["StepLoss", "TorchTrainer"]


class TorchTrainer(TrainingLoop):
    """Trains a torch model; under ``torchrun`` together with the other processes.

    Args:
        model: any module; after `fit` it holds the weights that were best on validation.
        optimizer: a torch optimizer over its parameters.
        loss: ``loss(model, batch, state) → StepLoss``.
        evaluate: ``evaluate(model) → {name: number}``, called after each epoch in evaluation mode.
        monitor: the name among them that decides which weights are best.
        higher_is_better: whether the best `monitor` is the highest.
        scheduler: a torch learning-rate scheduler, moved on after every step; or None.
        max_norm: threshold of the global gradient norm, or None.
        average: a `WeightAverage`, whose weights are then the ones validated and kept; or None.
        checkpoint: file to save to and resume from, or None.
        settings: what else must be the same when a run is resumed, as plain values.
        save_every: steps between two checkpoints; one is also saved at the end of every epoch, and, by
            one process, where it is stopped. (If the disk is full that is reported, or warned of, and
            training goes on.)
        device: "auto", "cpu", "cuda", …
        precision: "float32", "bfloat16" (matrix products only), or "auto": bfloat16 where it is fast.
        summary: mean training loss of an epoch → the numbers that stand in the curve.
        report: called with a line of text after each epoch; None for silence.
        bar: draw a progress bar (never drawn while the course is built or graded).
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Callable[[nn.Module, Any, Any], StepLoss],
        evaluate: Callable[[nn.Module], Mapping[str, float]],
        *,
        monitor: str,
        higher_is_better: bool = False,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        max_norm: float | None = None,
        average: WeightAverage | None = None,
        checkpoint: str | os.PathLike | None = None,
        settings: Mapping[str, Any] | None = None,
        save_every: int = 500,
        device: str = "auto",
        precision: str = "float32",
        summary: Callable[[float], Mapping[str, float]] = lambda mean: {"train_loss": mean},
        report: Callable[[str], Any] | None = print,
        bar: bool = True,
    ) -> None:
        self.higher_is_better = require_flag("higher_is_better", higher_is_better)
        super().__init__(
            max_norm=max_norm, checkpoint=checkpoint, settings=settings, save_every=save_every,
            report=report, bar=bar,
        )
        require_callable("loss", loss, "a function loss(model, batch, state) → StepLoss")
        require_callable("evaluate", evaluate, "a function evaluate(model) → {name: number}")
        require_callable("summary", summary, "a function of the mean loss → {name: number}")
        require(isinstance(monitor, str), "monitor", repr(monitor), "the name of one of evaluate's numbers")
        require_module("model", model)
        for name, given, kind in (
            ("optimizer", optimizer, torch.optim.Optimizer),
            ("scheduler", scheduler, torch.optim.lr_scheduler.LRScheduler | None),
            ("average", average, WeightAverage | None),
        ):
            require(isinstance(given, kind), name, repr(given), getattr(kind, "__name__", f"{kind}"))
        stepwise = not isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
        require(stepwise, "scheduler", type(scheduler).__name__, "one that is moved on after every step")
        fits = getattr(scheduler, "optimizer", optimizer) is optimizer
        require(fits, "scheduler", "one of another optimizer", "one of this optimizer")
        ours = {id(parameter) for parameter in model.parameters()}
        held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        require(bool(ours & held), "optimizer", "one of other parameters", "one over model.parameters()")
        self.device = pick_device(device)
        self.precision = pick_precision(precision, self.device)
        self._any_precision = precision == "auto"
        self.model = model.to(self.device)
        self.optimizer, self.scheduler, self.average = optimizer, scheduler, average
        self.loss, self.evaluate, self.summary, self.monitor = loss, evaluate, summary, monitor
        self.group = Processes()
        self._objective: nn.Module
        self._undo = Undo(self.model, optimizer)
        self._state: Any = None

    @property
    def first(self) -> bool:
        """Whether this process validates, reports and writes files."""
        return self.group.first

    @property
    def alone(self) -> bool:
        """Whether no other process trains this model, too."""
        return self.group.count == 1

    # -- the loop --------------------------------------------------------------------------------------

    def fit(self, batches: Any, epochs: int) -> list[dict[str, float]]:
        """Train until `epochs` epochs are done in all and return the curve, one dict per epoch.

        `batches` is iterable and has a length; or a function epoch (from 0) → such an iterable, the same
        whenever it is called with the same epoch (for a new order every epoch). A batch is a tuple of
        arrays or tensors whose first dimension is the batch. The state is None at the start of an epoch.
        Called again, or after `resume`, it goes on where it stopped, to the last bit (but three processes or
        more sum in another order at first). Ctrl-C stops it: the model keeps its weights and the curve so far
        is returned, with `interrupted` set. Either way the model is left in evaluation mode.

        Raises FloatingPointError when a loss, a gradient, a weight or a score is not finite: weights,
        optimizer and the last checkpoint are those of before. Raises ProcessLost when another process of the
        run has ended or falls silent, ValueError when processes do not train the same (see `join`).
        """
        require_int("epochs", epochs)
        if not callable(batches):
            require_batches("batches", batches)

        def of_epoch(epoch: int) -> Any:
            found = require_batches(f"batches({epoch})", batches(epoch)) if callable(batches) else batches
            return found if self.alone else SameBatches(found, self.group)

        self.join(epochs=epochs, done=f"{self.epoch} epochs and {self.step} steps")
        with self._watched():
            self._objective = Objective(self.model, self.loss)
            if not self.alone:
                if not self.curve and not self.step:   # other dropout masks for other rows
                    torch.manual_seed(torch.initial_seed() + self.group.rank)
                self._objective = nn.parallel.DistributedDataParallel(self._objective)
            try:
                return self._fit(of_epoch, epochs)
            finally:
                self.model.eval()

    def join(self, **same: Any) -> Processes:
        """Join the other processes of this run, if torchrun has started some, and compare what must be the
        same in all: settings, kinds and shapes of the weights, and `same`, further plain values by name.
        (`fit` and `resume` do it as well; at every epoch `fit` compares the first batch, too.)

        Raises ConnectionError when they cannot meet, ValueError that names what differs and where.
        """
        self.group = join_processes(self.device)
        weights = {name: f"{list(p.shape)} {p.dtype}" for name, p in self.model.named_parameters()}
        ours = {"optimizer": type(self.optimizer).__name__, "save_every": self.save_every, "weights": weights}
        with self._watched():
            self.group.require_same({**self._all_settings(), **ours, **same})
        return self.group

    def _watched(self) -> contextlib.AbstractContextManager:
        where = self.checkpoint if self.first else "the first process's file"
        remains = f"The same command, everywhere, goes on from the last checkpoint in {where}, if any."
        return watch_others(self.group, remains if self.checkpoint else "No checkpoint was asked for.")

    def train_step(self, batch: Any) -> float:
        """One step on a batch, the state carried from the step before → its mean loss. For a loop of your
        own, in one process; nothing is saved or counted. Raises FloatingPointError as `fit`."""
        self.model.train()
        self._objective = Objective(self.model, self.loss)
        losses: list[float] = []
        self._step(batch, lambda loss, count: losses.append(loss))
        return losses[0]

    def _begin_epoch(self) -> None:
        self.model.train()
        if self.step == 0:
            self._state = None

    def _step_on(self, batch: Any) -> None:
        self._step(batch, self._done)

    def _step(self, batch: Any, done: Callable[[float, int], None]) -> None:
        """One step on a batch, the state carried; ``done(mean loss, its count)``. All is as it was when
        something is not finite, or on Ctrl-C before the update."""
        for group in self.optimizer.param_groups:
            require_number("learning rate", float(group["lr"]), minimum=0)
        rows = None if self.alone else self.group.rows(len(batch[0]))
        tensors = to_device(batch, self.device, rows)
        updated, drawn = False, generators(self.device)
        self._undo.remember()
        try:
            with computed_in(self.precision, self.device):
                objective, value, count, state = self._objective(tensors, self._state)
            # Shards are equal, so the mean of the processes' means is the mean of the batch.
            loss, aim = self.group.means([float(value), float(objective.detach())], self.device)
            require_finite("loss", loss)
            require_finite("objective", aim)   # its gradient may be finite where it is not
            self.optimizer.zero_grad()
            objective.backward()   # averages the gradients of all processes
            clip(self.model, self.max_norm)
            with undisturbed():   # all of it, or nothing
                update(self.model, self.optimizer)
                if self.scheduler is not None:
                    self.scheduler.step()
                if self.average is not None:
                    self.average.update(self.model)
                self._state = state
                done(loss, count)
                updated = True
        except BaseException:
            if not updated:
                self._undo.undo()
                set_generators(drawn, self.device)
            raise

    def _align(self) -> None:
        """All processes take the first one's numbers, as when they resume: unlike processors round unlike."""
        tensors = [*self._undo.tensors(), *(self.average.tensors() if self.average else [])]
        self.group.align(each for each in tensors if each.device.type == self.device.type)

    def _validate(self) -> tuple[dict[str, float], float]:
        self._align()
        scores = self.group.share(self._scores() if self.first else None)
        return scores, scores[self.monitor]

    def _scores(self) -> dict[str, float]:
        self.model.eval()
        try:
            with torch.no_grad(), averaged(self.model, self.average):
                scores = finite_numbers("evaluate", self.evaluate(self.model))
        finally:
            self.model.train()
        require(self.monitor in scores, "monitor", repr(self.monitor), f"one of {', '.join(scores)}")
        return scores

    def _summary(self, mean: float) -> Mapping[str, float]:
        return self.summary(mean)

    def _rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _weights(self, validated: bool = False) -> dict[str, Tensor]:
        with averaged(self.model, self.average if validated else None):
            return copy_weights(self.model)

    def _end_epoch(self, score: float) -> None:
        if self.average is not None:
            self.average.end_epoch(self.model, -score if self.higher_is_better else score)
        self._state = None

    def _line(self, row: Mapping[str, float]) -> str:
        return in_words({name: row[name] for name in row if name not in ("epoch", "lr", "seconds")})

    # -- checkpoints -----------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the checkpoint (does nothing without one): all that is needed to go on bit for bit.

        With several processes all of them must call it; the first writes. Raises OSError that names the
        file, and FloatingPointError rather than keep what is not finite; the checkpoint of before is then as
        it was.
        """
        self._align()
        if self.checkpoint is None:
            return
        states = self.group.collect(to_cpu(self._state))
        drawn = self.group.collect(generators(self.device))
        if not self.group.first:
            return
        content = {
            # After `fit` the model holds the best weights; training goes on from the last.
            "model": self.model.state_dict() if self._last is None else self._last,
            "best": self._best,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else plain_values(self.scheduler.state_dict()),
            "average": None if self.average is None else self.average.state_dict(),
            "state": join(states),
            "generators": drawn,
            **{name: getattr(self, attribute) for name, attribute in COUNTED.items()},
            "settings": self._all_settings(),
        }
        require_finite("checkpoint", {name: content[name] for name in MUST_BE_FINITE})
        checkpoints.save(self.checkpoint, content)

    def resume(self) -> bool:
        """Go on from the checkpoint if there is one; returns whether there was.

        With several processes the first one's file counts. Raises CheckpointError when it is damaged or was
        made with another model, another optimizer or other settings; model and optimizer are then as they
        were. With precision "auto" a run goes on in the one it was begun in.
        """
        return self._resume()

    def _read(self) -> dict[str, Any] | None:
        group = self.join()
        content, problem = None, None
        with self._watched():
            there = group.collect(self.checkpoint.exists())
            if group.first and any(there):
                try:
                    checkpoints.require_first(there, self.checkpoint)
                    content = checkpoints.load(self.checkpoint)
                    self._require_same_settings(content.get("settings"))
                except CheckpointError as error:
                    problem = str(error)
            content, problem = group.share((content, problem))
        if problem:
            raise CheckpointError(problem)
        return content

    def _as_now(self) -> Callable[[], None]:
        parts = [part for part in (self.model, self.optimizer, self.scheduler) if part is not None]
        states, drawn = [copy.deepcopy(part.state_dict()) for part in parts], generators(self.device)

        def put_back() -> None:
            for part, state in zip(parts, states, strict=True):
                part.load_state_dict(state)
            set_generators(drawn, self.device)

        return put_back

    def _all_settings(self) -> dict[str, Any]:
        return {**super()._all_settings(), "precision": self.precision}

    def _require_same_settings(self, saved: Any) -> None:
        if isinstance(saved, Mapping) and self._any_precision and saved.get("precision") in PRECISIONS:
            saved = {**saved, "precision": self.precision}
        super()._require_same_settings(saved)

    def _restore(self, content: Mapping[str, Any]) -> None:
        for part, ours in (("scheduler", self.scheduler), ("average", self.average)):
            if (content[part] is None) != (ours is None):
                raise ValueError(f"{part}: one has it, the other has not")
        require_finite("checkpoint", {name: content[name] for name in MUST_BE_FINITE})
        wanted = self.optimizer.state_dict()["param_groups"]
        require(
            [sorted(g) for g in wanted] == [sorted(g) for g in content["optimizer"]["param_groups"]],
            "optimizer", "another kind", type(self.optimizer).__name__,
        )
        state, drawn = content["state"], content["generators"]
        if state is not None:
            state = to_device(state, self.device, self.group.rows(len(first_tensor(state))))
        counted = {attribute: content[name] for name, attribute in COUNTED.items()}
        if content["best"] is not None:   # fits as well, or nothing is taken over
            self.model.load_state_dict(content["best"])
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(content["scheduler"])
        set_generators(drawn[self.group.rank % len(drawn)], self.device)
        if self.average is not None:   # the last that may fail: it takes over all or nothing
            self.average.load_state_dict(content["average"], self.model)
        if len(drawn) != self.group.count and self.first:
            self.report(
                f"going on with {self.group.count} process(es) where {len(drawn)} were: "
                "from here on dropout draws other masks"
            )
        begun_in = content["settings"]["precision"]
        if begun_in != self.precision and self.first:   # "auto" where another precision is fast
            self.report(f"going on in {begun_in}, in which the run was begun")
        self.precision = begun_in
        self._state, self._best, self._last = state, content["best"], None
        vars(self).update(counted)
