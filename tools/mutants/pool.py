"""Mutants judged in processes of their own, which are ended when one does not come back."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from queue import SimpleQueue

from helpers.checks import CHAPTERS, get, recognise
from helpers.checks.judge import judge
from helpers.processes import worker as works_here
from tools.mutants.code import Mutant, made

STARTING = 60.0
"""Seconds more for the first mutant of a process, which imports torch and prepares cases."""


@dataclass(frozen=True)
class Judged:
    """What became of a mutant: the verdict's parts, or `state` "stopped", or "error": of the check itself."""

    mutant: Mutant
    state: str
    misconception: str | None = None
    text: str = ""
    hint: str = ""
    seconds: float = 0.0

    @property
    def fate(self) -> str:
        """survivor, named, named by slip, unnamed, stopped or error."""
        if self.state in ("stopped", "error"):
            return self.state
        if self.state == "passed":
            return "survivor"
        if self.misconception is None:
            return "unnamed"
        return "named by slip" if self.misconception.startswith("slip") else "named"


def judged_here(mutant: Mutant) -> Judged:
    """The verdict on one mutant, in this process and without a limit."""
    exercise, started = get(mutant.exercise), time.perf_counter()
    verdict = judge(exercise, made(exercise, mutant.origin, mutant.slip.source))
    return Judged(mutant, verdict.state, verdict.misconception, verdict.text, verdict.hint,
                  round(time.perf_counter() - started, 3))  # fmt: skip


def _serve(connection, slips_named: bool) -> None:
    """Judge what comes until nothing does; after each say whether a thread was left behind."""
    works_here()
    if not slips_named:
        recognise.SECONDS = 0.0   # no search among slips and pairs of mistakes
    while (mutant := connection.recv()) is not None:
        before = threading.active_count()
        try:
            answer = judged_here(mutant)
        except Exception as error:
            text = "".join(traceback.format_exception(error)[-3:])
            answer = Judged(mutant, "error", text=text)
        connection.send((answer, threading.active_count() > before))


class Worker:
    """A process that judges one mutant after another; it is made anew where one does not come back."""

    def __init__(self, slips_named: bool = True):
        self.slips_named, self.process, self.connection, self.fresh = slips_named, None, None, True

    def judge(self, mutant: Mutant, seconds: float) -> Judged:
        """The verdict on `mutant`; state "stopped" after `seconds`, or when the process dies of it."""
        if self.process is None:
            self._start()
        allowed, self.fresh = seconds + STARTING * self.fresh, False
        started = time.perf_counter()
        self.connection.send(mutant)
        try:
            if self.connection.poll(allowed):
                answer, dirty = self.connection.recv()
                if dirty:   # a thread of it may go on for ever
                    self.close()
                return answer
            text = f"It was still running after {allowed:g} seconds."
        except (EOFError, OSError):
            text = "The process ended."
        self.close()
        return Judged(mutant, "stopped", text=text, seconds=round(time.perf_counter() - started, 3))

    def _start(self) -> None:
        context = multiprocessing.get_context("forkserver")
        checks = (f"helpers.checks.chapter_{number}" for number in CHAPTERS)
        context.set_forkserver_preload([__name__, *checks])
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.slips_named), daemon=True)
        self.process.start()
        theirs.close()
        self.fresh = True

    def kill(self) -> None:
        """Let the process's end be told to the thread that waits for its answer."""
        if (process := self.process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.connection.close()
            self.process.kill()
            self.process.join()
            self.process = None


def judge_all(
    mutants: Iterable[Mutant], *, jobs: int, seconds: float, slips_named: bool = True,
    done: Callable[[Judged], None] = lambda judged: None,
) -> list[Judged]:  # fmt: skip
    """Every mutant's verdict, in the order of `mutants`, `jobs` processes at a time; `done` hears of each."""
    workers: SimpleQueue[Worker] = SimpleQueue()
    every = [Worker(slips_named) for _ in range(jobs)]
    for worker in every:
        workers.put(worker)

    def one(mutant: Mutant) -> Judged:
        worker = workers.get()
        try:
            return worker.judge(mutant, seconds)
        finally:
            workers.put(worker)

    try:
        with ThreadPoolExecutor(jobs) as threads:
            futures = [threads.submit(one, mutant) for mutant in mutants]
            try:
                for future in as_completed(futures):
                    done(future.result())
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                for worker in every:   # or their threads would wait for them
                    worker.kill()
                raise
            return [future.result() for future in futures]
    finally:
        for worker in every:
            worker.close()
