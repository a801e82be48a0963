"""Processes that end when they are asked to, and with the process that started them.

A command is asked by Ctrl-C, by SIGTERM (``kill``, a batch system), by SIGHUP (its terminal was closed), on
Windows by Ctrl-Break. `stoppable` makes all of them the KeyboardInterrupt that trainers and sweeps know. What
a command starts (`worker`, `python_command`) ends with it, even if it is killed and can tell nobody.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from helpers.languages import translate

T = TypeVar("T")

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
"""What asks a process to end, as far as this system has it."""

GRACE = 2.0
"""Seconds after a signal in which others are not heard: the process is stopping already."""

DEADLINE = 1.5
"""Seconds that a command has from a signal to its end: a library may swallow the KeyboardInterrupt."""

PATIENCE = 30.0
"""Seconds that it has for `saving`."""

LAUNCHER = "UNROLLED_LAUNCHER"
"""Environment variable: the number of the last process that `python_command` made."""

_asked: tuple[int, float] | None = None   # the signal that this process stops for, and when it came
_told = False   # whether it has said so
_saving = threading.Lock()


def stoppable(remark: str = "") -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Decorator of a command's function: a signal of `SIGNALS` raises KeyboardInterrupt in it, which ends the
    process with ``Stopped.``, the `remark` (in the language in use) and status 128 + the signal's number.

    Signals that the process was started to ignore (``nohup``) are ignored.
    """

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(command)
        def stoppable_command(*args: Any, **kwargs: Any) -> T:
            if "TORCHELASTIC_RUN_ID" in os.environ:
                end_with_parent()   # torchrun's other processes are told by it, which a killed one cannot do

            def stop() -> None:
                late = threading.Timer(DEADLINE, _leave_late, [_stopped(remark)])
                late.daemon = True
                late.start()
                raise KeyboardInterrupt

            with _handling(_hear(stop)):
                try:
                    return command(*args, **kwargs)
                except BaseException as error:   # once asked, what libraries make of it is no news
                    if _asked is None and not isinstance(error, KeyboardInterrupt):
                        raise
                    if _asked is not None:
                        _leave(_stopped(remark))
                    _say(_stopped(remark))
                    raise SystemExit(128 + signal.SIGINT) from None

        return stoppable_command

    return decorate


def _stopped(remark: str) -> str:
    return f"{translate('Stopped.')} {remark}"


def run_coroutine(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` that a signal cancels: KeyboardInterrupt, when the coroutine has cleaned up."""
    import asyncio

    async def heard() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        with _handling(_hear(lambda: loop.call_soon_threadsafe(task.cancel))):
            return await work

    try:
        return asyncio.run(heard())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that come while the block runs (a file is written) are heard at its end."""
    came: list[int] = []
    try:
        with _handling(lambda number, frame: came.append(number), only_handled=True) as before:
            yield
    finally:
        for number in came[:1]:
            before[number](number, None)


@contextmanager
def saving() -> Iterator[None]:
    """A command that was asked to end waits for the end of the block (for `PATIENCE` seconds at most), which
    saves what has been done."""
    with _saving:
        yield


def worker(parent: int | None = None) -> None:
    """At the start of a process that works for the process `parent`: end with it, and leave Ctrl-C, which a
    terminal sends to both, to it. None: whoever asked multiprocessing's fork server for this one."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    if parent is None:
        threading.Thread(target=_end_after_the_asking_one, name="parent", daemon=True).start()
    else:
        end_with_parent(parent)


@functools.cache
def end_with_parent(parent: int | None = None) -> None:
    """From now on this process ends at once when the process that started it does (`parent`, its number, lest
    it has ended by now). The thread that started it must last as long."""
    parent = os.getppid() if parent is None else parent
    if sys.platform == "linux":   # the kernel's own way, which needs no turn of the interpreter
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)   # PR_SET_PDEATHSIG
    threading.Thread(target=_end_after, args=(parent,), name="parent", daemon=True).start()


def python_command(module: str, *arguments: str) -> list[str]:
    """Command line of ``python -m module arguments`` in a process that ends with this one."""
    return [sys.executable, "-m", *ending_with(str(os.getpid()), module), *arguments]


def ending_with(parent: str, module: str) -> list[str]:
    """What stands for `module` after ``python -m``, so that it ends with the process `parent`: a number, or
    ``launcher``, a process made by `python_command`."""
    return ["helpers.processes", parent, module]


def _end_after(parent: int) -> None:
    if os.name == "nt":
        import psutil

        with suppress(psutil.Error):
            psutil.Process(parent).wait()
    else:   # a process that has lost its parent is given another one at once
        while os.getppid() == parent:
            time.sleep(0.2)
    os._exit(1)


def _end_after_the_asking_one() -> None:
    import multiprocessing

    multiprocessing.parent_process().join()
    os._exit(1)


def _hear(stop: Callable[[], object]) -> Callable[[int, Any], None]:
    """A handler that notes which signal came, and when, and calls `stop`."""

    def hear(number: int, frame: Any) -> None:
        global _asked
        if _asked is None or time.monotonic() - _asked[1] > GRACE:
            _asked = number, time.monotonic()
            stop()

    return hear


@contextmanager
def _handling(handler: Callable[[int, Any], object], only_handled: bool = False) -> Iterator[dict[int, Any]]:
    """Handle the signals by `handler` while the block runs → the handlers of before; with `only_handled` not
    those that would end the process."""
    before = {number: old for number, old in _heard().items() if callable(old) or not only_handled}
    try:
        for number in before:
            signal.signal(number, handler)
        yield before
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _heard() -> dict[int, Any]:
    """The signals that are not ignored, and what handles them; only the main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    return {number: old for number, old in handlers.items() if callable(old) or old is signal.SIG_DFL}


def _say(text: str) -> None:
    """Print `text` once, if there is still anybody to read it."""
    global _told
    try:
        if not _told:
            print(text.rstrip(), flush=True)
        _told = _asked is not None
    except OSError:   # the terminal has been closed; what is left in the buffers has no place to go
        sys.stdout = sys.stderr = open(os.devnull, "w")   # noqa: SIM115 (until the end of the process)


def _leave(text: str, orderly: bool = True) -> None:
    """End this process: with what was to be done at its end (if `orderly`), without waiting for threads, and
    without the seconds that Python takes to clear up large libraries, in which a second Ctrl-C would kill it.
    """
    _say(text)
    if orderly:
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(128 + _asked[0])


def _leave_late(text: str) -> None:
    _saving.acquire(timeout=PATIENCE)
    _leave(text, orderly=False)


def _main(parent: str, module: str, *arguments: str) -> None:
    import runpy

    end_with_parent(int(os.environ[LAUNCHER] if parent == "launcher" else parent))
    os.environ[LAUNCHER] = str(os.getpid())
    if SIGNALS[0] in _heard():   # Ctrl-C: no traceback of a module that is being imported
        signal.signal(SIGNALS[0], signal.SIG_DFL)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
