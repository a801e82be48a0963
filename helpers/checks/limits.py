"""A limit of time and memory around a learner's function: an endless loop costs seconds, not the kernel."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import linecache
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

SLICE = 0.025   # seconds between two looks at the clock and the memory
GENTLE, GRACE = 0.3, 1.0   # seconds past the limit: until the stop insists, until the thread is left behind
LEAST_MEMORY = 256 * 2**20   # bytes always allowed: importing torch takes most of them
STACK = 64 * 2**20   # bytes: Python's recursion limit comes long before the end of such a stack

_set_async = ctypes.PYFUNCTYPE(None, ctypes.c_ulong, ctypes.py_object)(
    ("PyThreadState_SetAsyncExc", ctypes.pythonapi)
)


class Place(NamedTuple):
    """Where code stood; `source` is the line itself, "" if it cannot be had."""

    file: str
    line: int
    function: str
    source: str


class LimitExceeded(Exception):
    """Work was stopped; `places` says where it stood, the innermost frame first."""

    places: tuple[Place, ...]


class TimeLimitExceeded(LimitExceeded):
    """Work was still running after `seconds`."""

    def __init__(self, seconds: float, places: tuple[Place, ...] = ()):
        super().__init__(f"still running after {seconds:g} seconds")
        self.seconds, self.places = seconds, places


class MemoryLimitExceeded(LimitExceeded):
    """The process had grown by `grown` bytes during the work, more than `memory`."""

    def __init__(self, grown: int, memory: int, places: tuple[Place, ...] = ()):
        super().__init__(f"took {grown >> 20} MiB of memory, more than {memory >> 20}")
        self.grown, self.memory, self.places = grown, memory, places


class Stopped(BaseException):
    """Raised inside work that passed a limit. Code that catches every exception should let this one pass."""


def run_limited(work: Callable[[], Any], *, seconds: float = 10.0, memory: int = 2 * 2**30) -> Any:
    """Call `work` and return what it returns; what it raises passes through with its traceback.

    `work` runs in a thread of its own, with the caller's context variables and torch's grad mode. When it
    takes longer than `seconds` it is stopped and TimeLimitExceeded raised; when the process grows by more
    than `memory` bytes (or half of what is free, if that is less), MemoryLimitExceeded. Python code stops
    where it is. A call that waits outside Python (`time.sleep`, a huge product) is left behind about a second
    later and stops on its return. Only a single call that never lets other threads run, such as
    `sum(range(10**12))`, holds up the return itself.

    Ctrl-C stops the work and is raised again. A stop leaves the output streams and warning filters as they
    were. Inside limited work this just calls.
    """
    if isinstance(threading.current_thread(), _Worker):
        return work()
    worker, watch = _Worker(work), _MemoryWatch(memory)
    with _quiet_stops(), contextlib.ExitStack() as undo:   # what a `with` in stopped work may leave behind
        undo.enter_context(warnings.catch_warnings())
        undo.callback(setattr, sys, "stdout", sys.stdout)
        undo.callback(setattr, sys, "stderr", sys.stderr)
        try:
            worker.start()
            _wait(worker, seconds, watch)
        except BaseException:   # a limit, or Ctrl-C
            worker.stop()
            raise
        undo.pop_all()
    return worker.outcome()


@contextlib.contextmanager
def _quiet_stops() -> Iterator[None]:
    """Without Python's message about a Stopped that came up in a callback of the garbage collector."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda problem: None if issubclass(problem.exc_type, Stopped) else hook(problem)
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _wait(worker: _Worker, seconds: float, watch: _MemoryWatch) -> None:
    """Wait until the worker is done; LimitExceeded when it passes a limit first."""
    end = time.monotonic() + seconds
    while not worker.done.wait(max(0.0, min(SLICE, end - time.monotonic()))):
        if time.monotonic() >= end:
            raise TimeLimitExceeded(seconds, worker.places())
        if (grown := watch.grown()) > watch.allowed:
            raise MemoryLimitExceeded(grown, watch.allowed, worker.places())


class _MemoryWatch:
    """How much the process has grown since now, and how much it may: at most half of what is free."""

    def __init__(self, memory: int):
        self.memory, self.process = memory, psutil.Process()
        self.before = self.process.memory_info().rss

    def grown(self) -> int:
        return self.process.memory_info().rss - self.before

    @functools.cached_property   # asked for once work takes long
    def allowed(self) -> int:
        free = psutil.virtual_memory().available
        for name in ("memory.max", "memory/memory.limit_in_bytes"):   # of a container
            with contextlib.suppress(OSError, ValueError):
                free = min(free, int(Path("/sys/fs/cgroup", name).read_text()) - self.before)
        return min(self.memory, max(free // 2, LEAST_MEMORY))


class _Worker(threading.Thread):
    """The thread that calls `work`. Stopped can be raised in it while `work` runs, and never afterwards:
    what another thread raises lands only where a call begins or returns, or a loop jumps back."""

    def __init__(self, work: Callable[[], Any]):
        super().__init__(name="limited work", daemon=True)
        self.work, self.context = work, contextvars.copy_context()
        torch = sys.modules.get("torch")   # perhaps half imported
        self.grad = torch.is_grad_enabled() if hasattr(torch, "set_grad_enabled") else None
        self.done = threading.Event()
        self.value, self.error = None, None
        self.open = self.aiming = False   # Stopped may be raised; it is about to be

    def start(self) -> None:
        before = threading.stack_size(STACK)   # of the threads started from here on
        try:
            super().start()
        finally:
            threading.stack_size(before)

    def run(self) -> None:
        me, nothing = threading.get_ident(), ctypes.py_object()
        try:
            try:
                self.open = True
                if self.grad is not None:
                    sys.modules["torch"].set_grad_enabled(self.grad)
                self.value = self.context.run(self.work)
            except Stopped:   # not kept: its traceback holds all that work has made
                pass
            except BaseException as error:
                self.error = error
            self.open = False
            _set_async(me, nothing)   # takes back what has not landed; no call before it, so nothing could
            while self.aiming:
                time.sleep(0.0005)
            _set_async(me, nothing)
        except Stopped:   # the last one: it was under way at the end of `open`
            _set_async(me, nothing)
        _settle(me)
        self.done.set()

    def stop(self) -> None:
        """Raise Stopped until the work ends or GRACE is over: gently first, so that `finally` and `with` can
        clean up, then insisting: wherever it is caught the next one follows at once, outside that `try`."""
        start, insistent = time.monotonic(), _insistent(self.ident or 0)
        while not self.done.is_set() and (past := time.monotonic() - start) < GRACE:
            self.aiming = True
            try:
                if self.open:
                    _set_async(self.ident, Stopped if past < GENTLE else insistent)
            finally:
                self.aiming = False
            self.done.wait(2 * SLICE)

    def places(self) -> tuple[Place, ...]:
        """The frames of work, the innermost first."""
        frame, found = sys._current_frames().get(self.ident), []
        while frame is not None and frame.f_code is not _Worker.run.__code__:
            file, line = frame.f_code.co_filename, frame.f_lineno or 0
            found.append(Place(file, line, frame.f_code.co_name, linecache.getline(file, line).strip()))
            frame = frame.f_back
        return tuple(found)

    def outcome(self) -> Any:
        if self.error is None:
            return self.value
        try:
            raise self.error
        finally:
            self.error = None   # whose traceback holds this frame


def _settle(me: int) -> None:
    """Let a raise land here. One that is taken back leaves Python's mark that one is to come, with which
    Python 3.11 never begins a function that a debugger traces; one that lands takes the mark away."""
    try:
        while True:
            _set_async(me, Stopped)
    except Stopped:
        pass


def _insistent(thread: int) -> type[Stopped]:
    """A Stopped that raises itself again in `thread` when it lands there."""
    again = type("Stopped", (Stopped,), {})
    again.__init__ = staticmethod(functools.partial(_set_async, thread, again))   # in C, where nothing lands
    return again
