"""One training loop for torch models: a bar, the best weights on validation, resume, several processes.

The loop itself is `TorchTrainer._step`, the lines that chapter 6 writes in the open. Everything else is what
a run of minutes or hours needs around it.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from helpers.torch_training import checkpoints
from helpers.torch_training.averaging import WeightAverage, averaged
from helpers.torch_training.distributed import Processes, join_processes, to_device, watch_others
from helpers.torch_training.hardware import PRECISIONS, pick_device, pick_precision
from helpers.torch_training.states import (
    copy_weights,
    first_tensor,
    generators,
    join,
    plain_values,
    set_generators,
    to_cpu,
)
from helpers.training.bar import progress_bar
from helpers.training.checkpoints import CheckpointError
from helpers.validation import require, require_int


class StepLoss(NamedTuple):
    """What a loss function returns for a batch.

    `value` is the mean loss that is reported, `objective` what is minimised (the same plus penalties),
    `count` the number of things `value` is a mean over, `state` what the next batch is handed (tensors whose
    first dimension is the batch, in tuples and lists) or None.
    """

    objective: Tensor
    value: Tensor
    count: int
    state: Any = None


class _Objective(nn.Module):
    """The model together with its loss, so that all of the computation is inside one `forward` (which is
    what DistributedDataParallel wants)."""

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module, Any, Any], StepLoss]):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Any, state: Any) -> tuple:
        return tuple(self.loss(self.model, batch, state))


class TorchTrainer:
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
        save_every: steps between two checkpoints; one is also saved at the end of every epoch.
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
        if max_norm is not None:
            require(max_norm > 0, "max_norm", max_norm, "a number above 0")
        self.device = pick_device(device)
        self.precision = pick_precision(precision, self.device)
        self._any_precision = precision == "auto"
        self.model = model.to(self.device)
        self.optimizer, self.scheduler, self.average = optimizer, scheduler, average
        self.loss, self.evaluate, self.summary = loss, evaluate, summary
        self.monitor, self.higher_is_better = monitor, higher_is_better
        self.max_norm = max_norm
        self.checkpoint = Path(checkpoint) if checkpoint is not None else None
        self.settings = {**(settings or {}), "max_norm": max_norm, "precision": self.precision}
        self.save_every = require_int("save_every", save_every)
        self.report = report or (lambda line: None)
        self.bar = bar
        self.curve: list[dict[str, float]] = []
        self.step_losses: list[float] = []   # mean loss of every step since this object was made
        self.epoch = self.step = 0           # epochs finished; steps finished in the current one
        self.seconds = 0.0
        self.interrupted = False
        self.group = Processes()
        self._state: Any = None
        self._total = self._count = 0.0      # of the current epoch
        self._best: dict[str, Tensor] | None = None
        self._last: dict[str, Tensor] | None = None   # after the last epoch
        self.best_score = -math.inf if higher_is_better else math.inf

    # -- the loop --------------------------------------------------------------------------------------

    def fit(self, batches: Any, epochs: int) -> list[dict[str, float]]:
        """Train until `epochs` epochs are done in all and return the curve, one dict per epoch.

        `batches` is iterable and has a length; or a function epoch (from 0) → such an iterable, the same
        whenever it is called with the same epoch (for a new order every epoch). A batch is a tuple of
        arrays or tensors whose first dimension is the batch. The state is None at the start of an epoch.
        Called again, or after `resume`, it goes on where it stopped. Ctrl-C stops it: the model keeps its
        weights and the curve so far is returned, with `interrupted` set. Either way the model is left in
        evaluation mode, without dropout.

        Raises FloatingPointError when loss or gradient is not finite (the last checkpoint is untouched), and
        ProcessLost when another process of the run has ended.
        """
        require_int("epochs", epochs)
        self.interrupted = False
        if self._last is not None:
            self.model.load_state_dict(self._last)
            self._last = None
        remains = "No checkpoint was asked for."
        if self.checkpoint is not None:
            remains = f"The same command goes on from the last checkpoint in {self.checkpoint}, if any."
        self.group = join_processes(self.device)
        with watch_others(self.group, remains):
            objective: nn.Module = _Objective(self.model, self.loss)
            if self.group.count > 1:
                if not self.curve and not self.step:   # other dropout masks for other rows
                    torch.manual_seed(torch.initial_seed() + self.group.rank)
                objective = nn.parallel.DistributedDataParallel(objective)
            try:
                while self.epoch < epochs:
                    self._run_epoch(objective, batches, epochs)
                    self._finish_epoch(epochs)
            except KeyboardInterrupt:
                self.interrupted = True
                self.model.eval()
                saved = f"; {self.checkpoint} holds the last checkpoint" if self.checkpoint else ""
                if self.group.first:
                    self.report(f"stopped in epoch {self.epoch + 1}, step {self.step}{saved}")
                return self.curve
        self.model.eval()
        if self._best is not None:
            self._last = copy_weights(self.model)   # a further `fit` goes on from here, not from the best
            self.model.load_state_dict(self._best)
        return self.curve

    def train_step(self, batch: Any) -> float:
        """One step on a batch, the state carried from the step before → its mean loss. For a loop of your
        own, in one process; nothing is saved or counted. Raises FloatingPointError as `fit`."""
        self.model.train()
        loss, _, self._state = self._step(_Objective(self.model, self.loss), batch)
        return loss

    def _run_epoch(self, objective: nn.Module, batches: Any, epochs: int) -> None:
        self.model.train()
        if self.step == 0:
            self._state = None
        of_epoch = batches(self.epoch) if callable(batches) else batches
        steps = len(of_epoch)
        title = f"epoch {self.epoch + 1}/{epochs}"
        with progress_bar(
            steps, start=self.step, description=title, show=self.bar and self.group.first
        ) as bar:
            for number, batch in enumerate(of_epoch):
                if number < self.step:
                    continue
                tick = time.perf_counter()
                generator = torch.get_rng_state()
                try:
                    loss, count, state = self._step(objective, batch)
                except KeyboardInterrupt:   # the step will be done again, with the same masks
                    torch.set_rng_state(generator)
                    raise
                except FloatingPointError as error:
                    raise FloatingPointError(
                        f"epoch {self.epoch + 1}, step {number + 1}: {error}. "
                        "Try a lower learning rate or a smaller max_norm."
                    ) from error
                self._state, self.step = state, number + 1
                self._total += loss * count
                self._count += count
                self.step_losses.append(loss)
                self.seconds += time.perf_counter() - tick
                if self.step % 10 == 0 or self.step == steps:
                    numbers = self.summary(self._total / self._count)
                    bar.set_postfix_str(
                        ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in numbers.items()),
                        refresh=False,
                    )
                bar.update()
                if self.step % self.save_every == 0 and self.step < steps:
                    self.save()

    def _step(self, objective: nn.Module, batch: Any) -> tuple[float, int, Any]:
        """One step on a batch → (mean loss, its count, new state); weights as they were if not finite."""
        rows = self.group.rows(len(batch[0])) if self.group.count > 1 else None
        tensors = to_device(batch, self.device, rows)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            minimised, value, count, state = objective(tensors, self._state)
        # Shards are equal, so the mean of the processes' means is the mean of the batch.
        loss = self.group.mean(value.item(), self.device)
        if not math.isfinite(loss):
            raise FloatingPointError(f"loss: got {loss}, wanted a finite number")
        self.optimizer.zero_grad()
        minimised.backward()   # averages the gradients of all processes
        if self.max_norm is not None:
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.max_norm)
            if not torch.isfinite(norm):
                raise FloatingPointError(f"gradient norm: got {norm.item()}, wanted a finite number")
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        if self.average is not None:
            self.average.update(self.model)
        return loss, count, state

    def _finish_epoch(self, epochs: int) -> None:
        tick = time.perf_counter()
        scores = self.group.share(self._validate() if self.group.first else None)
        self.seconds += time.perf_counter() - tick
        row = {
            "epoch": self.epoch + 1,
            "lr": float(self.optimizer.param_groups[0]["lr"]),
            **self.summary(self._total / self._count),
            **scores,
            "seconds": self.seconds,
        }
        score = scores[self.monitor]
        if score > self.best_score if self.higher_is_better else score < self.best_score:
            self.best_score = score
            with averaged(self.model, self.average):
                self._best = copy_weights(self.model)
        if self.average is not None:
            self.average.end_epoch(self.model, -score if self.higher_is_better else score)
        self.curve.append(row)
        self.epoch, self.step, self._total, self._count = self.epoch + 1, 0, 0.0, 0.0
        self._state = None
        self.save()
        if self.group.first:
            numbers = ", ".join(
                f"{name.replace('_', ' ')} {value:.4g}"
                for name, value in row.items()
                if name not in ("epoch", "lr", "seconds")
            )
            self.report(f"epoch {row['epoch']}/{epochs}: {numbers}")

    def _validate(self) -> dict[str, float]:
        self.model.eval()
        try:
            with torch.no_grad(), averaged(self.model, self.average):
                scores = {name: float(value) for name, value in self.evaluate(self.model).items()}
        finally:
            self.model.train()
        require(self.monitor in scores, "monitor", repr(self.monitor), f"one of {', '.join(scores)}")
        return scores

    # -- checkpoints -----------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the checkpoint (does nothing without one): all that is needed to go on bit for bit.

        With several processes all of them must call it; the first writes.
        """
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
            "epoch": self.epoch,
            "step": self.step,
            "total": self._total,
            "count": self._count,
            "seconds": self.seconds,
            "best_score": self.best_score,
            "curve": self.curve,
            "settings": self.settings,
        }
        checkpoints.save(self.checkpoint, content)

    def resume(self) -> bool:
        """Go on from the checkpoint if there is one; returns whether there was.

        With several processes the first one's file counts. Raises CheckpointError when it is damaged or was
        made with another model, another optimizer or other settings; model and optimizer are then as they
        were. With precision "auto" a run goes on in the one it was begun in.
        """
        if self.checkpoint is None:
            return False
        self.group = group = join_processes(self.device)
        content, problem = None, None
        if group.first and self.checkpoint.exists():
            try:
                content = checkpoints.load(self.checkpoint)
                self._require_same_settings(content.get("settings", {}))
            except CheckpointError as error:
                problem = str(error)
        content, problem = group.share((content, problem))
        if problem:
            raise CheckpointError(problem)
        if content is None:
            return False
        begun_in = content.get("settings", {}).get("precision", self.precision)
        before = copy_weights(self.model), copy.deepcopy(self.optimizer.state_dict())
        try:
            self._restore(content)
        except (ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
            self.model.load_state_dict(before[0])
            self.optimizer.load_state_dict(before[1])
            raise CheckpointError(f"checkpoint {self.checkpoint} is of another model: {error}") from error
        if begun_in != self.precision:   # "auto" where another precision is fast
            if group.first:
                self.report(f"going on in {begun_in}, in which the run was begun")
            self.precision = self.settings["precision"] = begun_in
        return True

    def _require_same_settings(self, saved: Mapping[str, Any]) -> None:
        for name in sorted(self.settings.keys() | saved.keys()):
            got, wanted = self.settings.get(name), saved.get(name)
            if name == "precision" and self._any_precision and wanted in PRECISIONS:
                continue
            if got != wanted:
                raise CheckpointError(f"{name}: got {got!r}, wanted {wanted!r} as in {self.checkpoint}")

    def _restore(self, content: Mapping[str, Any]) -> None:
        for part, ours in (("scheduler", self.scheduler), ("average", self.average)):
            if (content[part] is None) != (ours is None):
                raise ValueError(f"{part}: one has it, the other has not")
        if content["best"] is not None:   # fits as well, or nothing is taken over
            self.model.load_state_dict(content["best"])
        self.model.load_state_dict(content["model"])
        wanted = self.optimizer.state_dict()["param_groups"]
        require(
            [sorted(g) for g in wanted] == [sorted(g) for g in content["optimizer"]["param_groups"]],
            "optimizer", "another kind", type(self.optimizer).__name__,
        )
        self.optimizer.load_state_dict(content["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(content["scheduler"])
        if self.average is not None:
            self.average.load_state_dict(content["average"], self.model)
        drawn = content["generators"]
        if len(drawn) != self.group.count and self.group.first:
            self.report(
                f"going on with {self.group.count} process(es) where {len(drawn)} were: "
                "from here on dropout draws other masks"
            )
        set_generators(drawn[self.group.rank % len(drawn)], self.device)
        state = content["state"]
        if state is not None:
            rows = self.group.rows(len(first_tensor(state)))
            state = to_device(state, self.device, rows)
        self._state = state
        self._best, self._last = content["best"], None
        self.best_score = content["best_score"]
        self.epoch, self.step, self.curve = content["epoch"], content["step"], content["curve"]
        self._total, self._count = content["total"], content["count"]
        self.seconds = content["seconds"]
