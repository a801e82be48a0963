"""Several processes that train one model together, started by ``torchrun``.

Each takes its rows of every batch; the gradients are averaged, so all hold the same weights at every step.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from helpers.processes import SIGNALS
from helpers.validation import require, require_number

PATIENCE = "UNROLLED_PEER_TIMEOUT"
"""Environment variable: seconds that a process waits for the others before it gives up."""

DEFAULT_PATIENCE = 300.0
"""More than a step or a validation takes: for those of one process the others wait, too."""


def patience() -> float:
    """Seconds to wait for the others. ValueError when the variable `PATIENCE` holds no positive number."""
    text = os.environ.get(PATIENCE, "")
    try:
        seconds = float(text) if text else DEFAULT_PATIENCE
    except ValueError:
        seconds = text
    return require_number(PATIENCE, seconds, above=0, maximum=86_400)


class ProcessLost(ConnectionError):
    """Another process of the same run has ended, or is not heard any more."""


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

    def means(self, values: Sequence[float], device: torch.device) -> list[float]:
        """The means of every process's `values`."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(total)
        return (total / self.count).tolist()

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

    def align(self, tensors: Iterable[Tensor]) -> None:
        """Fill the `tensors` with the first process's."""
        if self.count == 1:
            return
        for tensor in tensors:
            sent = tensor.contiguous()
            dist.broadcast(sent, src=0)
            tensor.copy_(sent)

    def require_same(self, values: Mapping[str, Any]) -> None:
        """ValueError, on all processes, unless these plain values, by name, are the same on all."""
        require_same(self.collect(values))


class SameBatches:
    """The batches of an epoch. ValueError unless all processes have as many, and the first is the same."""

    def __init__(self, batches: Any, group: Processes):
        self._batches, self._group = batches, group
        group.require_same({"number of batches": len(batches)})

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        for number, batch in enumerate(self._batches):
            if number == 0:
                self._group.require_same({"first batch": fingerprint(batch)})
            yield batch


def require_same(told: Sequence[Mapping[str, Any]]) -> None:
    """ValueError that names the first of the values that processes told in which one differs from the
    first's. Values may be nested by name."""
    first, *others = map(_flat, told)
    for number, theirs in enumerate(others, start=1):
        for name in [*first, *theirs]:
            got, wanted = (each.get(name, "nothing") for each in (theirs, first))
            require(got == wanted, name, f"{got!r} in process {number}", f"{wanted!r} as in process 0")


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {before + name: value}
    return flat


def fingerprint(batch: Any) -> str:
    """Shapes and a hash of the numbers of a batch as `to_device` takes it."""
    parts, found = [to_device(batch, torch.device("cpu"))], hashlib.sha256()
    shapes = []
    while parts:
        part = parts.pop()
        if isinstance(part, Tensor):
            shapes.append(str(tuple(part.shape)))
            found.update(part.contiguous().reshape(-1).view(torch.uint8).numpy())
        else:
            parts += reversed(part)
    return f"{' '.join(shapes)} {found.hexdigest()[:16]}"


@contextlib.contextmanager
def watch_others(group: Processes, what_remains: str) -> Iterator[None]:
    """Turn the end of another process, or its silence, into one clear message, `what_remains` saying how to
    go on."""
    if group.count == 1:
        yield
        return
    ends = f"so process {group.rank} stops too. {what_remains}"
    lost = f"another process of this run has ended, or the connection to it was cut, {ends}"

    def stop(number: int, frame: Any) -> None:
        # Torchrun ends those that are left, or was asked to end. Whoever cleaned up here, slowly, would keep
        # the others waiting in the middle of a step. While torch tells an error, it keeps sys.stderr back.
        why = "it was asked to, or another process of this run has ended"
        with contextlib.suppress(OSError):
            os.write(2, f"Stopped by torchrun: {why}. {what_remains}\n".encode())
        os._exit(128 + number)

    old = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    except RuntimeError as error:   # what gloo and nccl raise
        if not _is_of_the_connection(error):
            raise
        old.clear()   # `stop` stays: torchrun may end this process, too, before its error has been told
        silent = f"nothing came from another process of this run for {patience():g} s ({PATIENCE}), {ends}"
        raise ProcessLost(silent if "timed out" in str(error).lower() else lost) from error
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
