"""Statements of a chapter, run where they stand, and forks of the chapter in which answers are tried."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from helpers.processes import worker
from tools.usable.needed import Names

CLOCK = 10   # a trial's limit is in seconds of its processor time; by the clock, this many times as long


@dataclass
class Step:
    """A statement of a chapter or more, or a place in it: a check, or the landmarks of an exercise."""

    nodes: list[ast.stmt]
    line: int
    role: str = ""   # that of its cell: "exercise", "check", "landmark", "draws" or ""
    exercise: str = ""
    text: str = ""   # of landmarks
    names: Names = field(default_factory=Names)


class CutShort(BaseException):
    """A statement has had its time."""


class Failed(Exception):
    """A statement raised, or warned, in `line` of its file; `rough`: it worked with what was cut short."""

    def __init__(self, line: int, text: str, *, rough: bool):
        super().__init__(" ".join(text.split())[:300])
        self.line, self.rough = line, rough


class Session:
    """Runs statements of `file`, and keeps what they print and display to itself.

    One that has taken `limit` seconds of processor time is cut short. What it leaves is `rough` in a chapter:
    a model half trained, and what is made of it, can be worked with, only no claim counts. In a `trial`,
    where answers are cut in different places, such names are `missing`, as are those of statements that were
    left out because they read one.
    """

    def __init__(self, file: str, limit: float | None):
        from IPython.display import display

        self.file, self.limit, self.trial = file, limit, False
        self.names: dict[str, Any] = {"__name__": "__main__", "display": display}
        self.missing: set[str] = set()
        self.rough: set[str] = set()
        self.cut: list[int] = []   # lines of what was cut short, or left out
        self.begun = 0   # statements that were not left out

    def run(self, step: Step) -> None:
        """Run `step`; Failed for an error or a warning."""
        names, before = step.names, dict(self.names)
        results, rough = names.binds | names.changes, bool(names.reads & self.rough)
        if names.reads & self.missing:
            self.cut.append(step.line)
            self.missing |= results
            return
        self.begun += 1
        with quiet() as caught, cutting(self.limit) as cuts:
            try:
                for node in step.nodes:
                    self._run(node)
            except BaseException as error:
                if not cuts and not (rough and (isinstance(error, AssertionError) or not self.trial)):
                    text = f"{type(error).__name__}: {error}"
                    raise Failed(self._line(error), text, rough=rough) from error
                cuts.append(True)
        self.missing -= names.binds
        self.rough -= names.binds
        if cuts:
            self.cut.append(step.line)
            undone = {name for name in names.binds if self.names.get(name) is before.get(name)}
            self.missing |= results if self.trial else undone
        elif caught:
            raise Failed(step.line, f"{caught[0].category.__name__}: {caught[0].message}", rough=rough)
        if cuts or rough:
            self.rough |= results

    def _run(self, node: ast.stmt) -> None:
        shown = isinstance(node, ast.Expr)
        tree = ast.Expression(node.value) if shown else ast.Module([node], [])
        code = compile(tree, self.file, "eval" if shown else "exec", dont_inherit=True)
        repr(eval(code, self.names))

    def _line(self, error: BaseException) -> int:
        """The line of the chapter in which `error` went through first."""
        found, traceback = 0, error.__traceback__
        while traceback is not None and not found:
            found = traceback.tb_lineno * (traceback.tb_frame.f_code.co_filename == self.file)
            traceback = traceback.tb_next
        return found


@contextlib.contextmanager
def cutting(limit: float | None) -> Iterator[list[bool]]:
    """Raise CutShort in what runs longer than `limit` seconds of processor time → whether it was."""
    cuts: list[bool] = []

    def cut(*signal_and_frame: object) -> None:
        cuts.append(True)
        raise CutShort

    if limit is not None:
        signal.signal(signal.SIGPROF, cut)
        signal.setitimer(signal.ITIMER_PROF, limit, 1.0)   # and again, should it be swallowed
    try:
        yield cuts
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextlib.contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Nothing is printed, and warnings that a reader would see are kept."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(record=True) as caught,
    ):
        yield caught


def in_a_fork(work: Callable[[], Iterable[dict[str, Any]]], seconds: float) -> dict[str, Any]:
    """Run ``work()``, which tells what happens in dicts, in a fork with `seconds` of processor time → all of
    them in one; what it raises is told as ``error``, ``line`` and ``rough``."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    parent, pid = os.getpid(), os.fork()
    if not pid:
        try:   # nothing of the parent's goes on in here
            worker(parent)
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
            signal.alarm(int(CLOCK * seconds) + 1)
            with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                try:
                    for event in work():
                        print(json.dumps(event), file=pipe, flush=True)
                except Failed as error:
                    told = {"error": str(error), "rough": error.rough}
                    print(json.dumps(told | ({"line": error.line} if error.line else {})), file=pipe)
                except BaseException as error:
                    print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=pipe)
        finally:
            os._exit(0)
    os.close(writing)
    told: dict[str, Any] = {}
    try:
        with os.fdopen(reading, encoding="utf-8") as pipe:
            for line in pipe:
                told |= json.loads(line)
    except BaseException:   # Ctrl-C
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status in (-signal.SIGVTALRM, -signal.SIGALRM):
        told["error"] = f"not through after {seconds:g} s"
    elif status:
        told["error"] = f"ended with status {status}"
    return told
