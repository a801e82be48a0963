"""Forks of a chapter as it stands after a cell: one for each answer that the check accepts."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple

from tools.usable.needed import Names

CLOCK = 10   # a trial's limit is in seconds of its processor time; by the clock, this many times as long


class Warned(NamedTuple):
    """A warning that the cell at `position` gave."""

    position: int
    category: str
    message: str


class CellFailed(Exception):
    """The cell at `position` raised `error`, in its line `line` (from 1; 0 when it is not known)."""

    def __init__(self, position: int, line: int, error: BaseException):
        message = " ".join(str(error).split())
        super().__init__(f"{type(error).__name__}: {message[:300]}")
        self.position, self.line = position, line


class CutShort(BaseException):
    """A cell has had its time."""


class Shell:
    """IPython without a notebook: runs cells, keeps what they display and print to itself.

    A cell that has taken `limit` seconds of processor time is cut short; `unfinished` are the names that such
    cells still owe, and those of the cells that were left out because they read one of them.
    """

    def __init__(self, limit: float | None):
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        config = Config()
        config.HistoryManager.enabled = False   # no database of what was typed
        self.shell = InteractiveShell.instance(config=config)
        self.shell.showtraceback = self.shell.showsyntaxerror = lambda *args, **kwargs: None
        self.names: dict[str, Any] = self.shell.user_ns
        self.limit, self.unfinished = limit, set()
        self.cut: list[int] = []
        self.left_out: list[int] = []

    def run(self, position: int, source: str, names: Names) -> list[Warned]:
        """Run the cell at `position` → its warnings. Raises CellFailed."""
        if names.reads & self.unfinished:
            self.left_out.append(position)
            self.unfinished |= names.binds | names.changes
            return []
        before = {name: self.names.get(name) for name in names.binds}
        with quiet() as caught, cutting(self.limit):
            result = self.shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        self.unfinished -= names.binds
        if isinstance(error, CutShort):
            self.cut.append(position)
            missing = {name for name in names.binds if self.names.get(name) is before[name]}
            self.unfinished |= missing | names.changes
        elif error is not None:
            raise CellFailed(position, _line_of_cell(error.__traceback__), error)
        return [Warned(position, each.category.__name__, str(each.message)) for each in caught]


@contextlib.contextmanager
def cutting(limit: float | None) -> Iterator[None]:
    """Raise CutShort in what runs longer than `limit` seconds of processor time."""

    def cut(*signal_and_frame: object) -> None:
        raise CutShort

    if limit is not None:
        signal.signal(signal.SIGPROF, cut)
        signal.setitimer(signal.ITIMER_PROF, limit, 1.0)   # and again, should it be swallowed
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextlib.contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Nothing is printed, every warning is kept."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        yield caught


def _line_of_cell(traceback: TracebackType | None) -> int:
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name == "<module>":
            return traceback.tb_lineno
        traceback = traceback.tb_next
    return 0


@dataclass
class Trial:
    """A fork and the pipe on which it tells what happens, a line of JSON each."""

    exercise: str
    label: str
    pid: int
    pipe: int
    deadline: float
    told: bytes = b""
    problem: str = ""   # how it ended, if not well
    seconds: float = 0.0   # of processor time
    events: list[dict] = field(default_factory=list)

    def last(self, key: str, default: Any = None) -> Any:
        """What was told last of `key`."""
        return next((event[key] for event in reversed(self.events) if key in event), default)


class Trials:
    """At most `jobs` forks at a time, each with `seconds` of processor time."""

    def __init__(self, jobs: int, seconds: float):
        self.jobs, self.seconds = jobs, seconds
        self.running: list[Trial] = []
        self.done: list[Trial] = []

    def start(self, exercise: str, label: str, work: Callable[[Callable[..., None]], None]) -> None:
        """Run ``work(tell)`` in a fork as soon as there is room; ``tell(key=value)`` is how it reports, and
        what it raises is told as ``error``."""
        while len(self.running) >= self.jobs:
            self._listen()
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            os.close(writing)
            deadline = time.monotonic() + CLOCK * self.seconds
            self.running.append(Trial(exercise, label, pid, reading, deadline))
            return
        status = 1
        try:   # nothing of the parent's goes on in here
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_VIRTUAL, self.seconds)

            def tell(**event: Any) -> None:
                os.write(writing, json.dumps(event).encode() + b"\n")

            try:
                work(tell)
            except BaseException as error:
                tell(error=str(error) or type(error).__name__, line=getattr(error, "line", 0))
            tell(ended=True)
            status = 0
        finally:
            os._exit(status)

    def finish(self) -> list[Trial]:
        """Wait for all → every trial so far."""
        while self.running:
            self._listen()
        return self.done

    def _listen(self) -> None:
        """Wait until a fork says something or its time is over."""
        nearest = min(trial.deadline for trial in self.running)
        pipes = [trial.pipe for trial in self.running]
        readable = select.select(pipes, [], [], max(0.0, nearest - time.monotonic()))[0]
        for trial in list(self.running):
            late = time.monotonic() > trial.deadline
            if late:
                os.kill(trial.pid, signal.SIGKILL)
            text = os.read(trial.pipe, 65536) if trial.pipe in readable and not late else b""
            trial.told += text
            if late or (trial.pipe in readable and not text):
                self._ended(trial)

    def _ended(self, trial: Trial) -> None:
        os.close(trial.pipe)
        _, status, used = os.wait4(trial.pid, 0)
        status, trial.seconds = os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
        trial.events = [json.loads(line) for line in trial.told.splitlines() if line.endswith(b"}")]
        if status in (-signal.SIGVTALRM, -signal.SIGKILL):
            trial.problem = f"not through after {self.seconds:g} s"
        elif status or not trial.last("ended"):
            trial.problem = f"ended with status {status}"
        self.running.remove(trial)
        self.done.append(trial)
