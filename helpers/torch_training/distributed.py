"""Several processes that train one model together, started by ``torchrun``.

Each takes its rows of every batch; the gradients are averaged, so all hold the same weights at every step.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from helpers.processes import SIGNALS, end_with_parent
from helpers.validation import require


class ProcessLost(ConnectionError):
    """Another process of the same run has ended."""


@dataclass(frozen=True)
class Processes:
    """This process's number (`rank`) among `count`; alone without torchrun."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that validates, reports and writes files."""
        return self.rank == 0

    def rows(self, size: int) -> slice:
        """This process's rows of a batch of `size`. ValueError unless all get the same number."""
        wanted = f"a multiple of the {self.count} processes (equal shards)"
        require(size % self.count == 0, "batch_size", size, wanted)
        each = size // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def mean(self, value: float, device: torch.device) -> float:
        """The mean of every process's `value`."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=device)
        dist.all_reduce(total)
        return total.item() / self.count

    def share(self, value: Any) -> Any:
        """The first process's `value`, on all of them."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def collect(self, value: Any) -> list[Any]:
        """Every process's `value`, in order, on all of them."""
        if self.count == 1:
            return [value]
        box: list[Any] = [None] * self.count
        dist.all_gather_object(box, value)
        return box


def started_by_torchrun() -> bool:
    """Whether this is one of several processes of a run."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def join_processes(device: torch.device) -> Processes:
    """Join the other processes of this run: gloo on the CPU, nccl on GPUs. Alone outside of torchrun.

    Once for a process: they part when it ends. (Joined a second time they would meet at the addresses of the
    first, and wait for ever.) It ends at once when torchrun is killed.

    Raises ConnectionError when they cannot meet.
    """
    if not started_by_torchrun():
        return Processes()
    if not dist.is_initialized():
        end_with_parent()
        if device.type == "cuda":
            torch.cuda.set_device(device)
        try:
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        except dist.DistError as error:
            place = ":".join(os.environ.get(name, "?") for name in ("MASTER_ADDR", "MASTER_PORT"))
            why = str(error).split(". ")[0].splitlines()[0]
            raise ConnectionError(
                f"the processes cannot meet at {place} ({why}); torchrun --standalone chooses a free port"
            ) from error
        atexit.register(dist.destroy_process_group)
    return Processes(dist.get_rank(), dist.get_world_size())


@contextlib.contextmanager
def watch_others(group: Processes, what_remains: str) -> Iterator[None]:
    """Turn the end of another process into one clear message, `what_remains` saying how to go on."""
    if group.count == 1:
        yield
        return
    text = f"another process of this run has ended, so process {group.rank} stops too. {what_remains}"

    def stop(number: int, frame: Any) -> None:
        # Torchrun ends those that are left, or was asked to end. Whoever cleaned up here, slowly, would keep
        # the others waiting in the middle of a step.
        sys.stderr.write(f"Stopped: torchrun ends this run, or {text}\n")
        sys.stderr.flush()
        os._exit(128 + number)

    old = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    except RuntimeError as error:   # what gloo and nccl raise
        if not _is_of_the_connection(error):
            raise
        raise ProcessLost(text) from error
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _is_of_the_connection(error: RuntimeError) -> bool:
    words = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe")
    return isinstance(error, dist.DistError) or any(word in str(error).lower() for word in words)


def to_device(batch: Any, device: torch.device, rows: slice | None = None) -> Any:
    """Arrays or tensors, nested in tuples and lists, as tensors on `device`; `rows` of each if given."""
    if isinstance(batch, tuple | list):
        return type(batch)(to_device(part, device, rows) for part in batch)
    try:
        tensor = batch if isinstance(batch, Tensor) else torch.as_tensor(batch)
    except (TypeError, ValueError, RuntimeError) as error:
        got = f"{type(batch).__name__} ({error})"
        require(False, "batches", got, "arrays or tensors of numbers, in a tuple")
    return (tensor if rows is None else tensor[rows]).to(device)
