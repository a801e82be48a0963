"""Many small runs in one experiment, each kept as soon as it is done."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from typing import Any

from helpers.experiments.registry import Diverged, Run
from helpers.files import write_text
from helpers.processes import undisturbed, worker
from helpers.records import hardware
from helpers.training.bar import progress_bar
from helpers.training.checkpoints import CheckpointError

Row = dict[str, Any]


def sweep(
    run: Run, cases: Sequence[Mapping[str, Any]], measure: Callable[..., Sequence[Row]], *, jobs: int = 1
) -> dict[str, Any]:
    """``measure(**case)`` → rows, for every case. Returns two fields of a record: `curve`, all rows in the
    order of the cases, and `seconds`, what they took, added up.

    With `jobs` above 1 so many cases run at a time, each in a process with its share of the cores (small
    models gain more from a core of their own than from half of two), where the system can fork.

    A stopped sweep goes on with the cases that are not done: what is done stands in a file beside the run's
    checkpoint, which goes when the record has been written (``Run.finished``). The processes end with it.

    Raises ValueError when the file belongs to other cases, and ChildProcessError when one of the processes
    was killed; the first error of a case is raised when the cases that had begun are done and kept, a
    FloatingPointError as Diverged, which makes a record of the others.
    """
    path = run.checkpoint.with_suffix(".json")
    wanted = [dict(case) for case in cases]
    done: dict[int, list[Row]] = {}
    seconds = 0.0
    if path.exists() and run.resume:
        kept = _read(path)
        if kept["cases"] != wanted:
            raise CheckpointError(f"{path}: got the rows of other cases, wanted those of this run")
        done = {number: rows for number, rows in enumerate(kept["done"]) if rows is not None}
        seconds = kept["seconds"]
    todo = {number: case for number, case in enumerate(wanted) if number not in done}
    with (
        progress_bar(len(wanted), start=len(done), description="sweep", show=run.bar, unit="model") as bar,
        closing(_results(measure, todo, jobs)) as results,
    ):
        try:
            for number, (rows, took) in results:
                with undisturbed():
                    done[number] = rows
                    seconds += took
                    in_order = [done.get(each) for each in range(max(done) + 1)]
                    write_text(path, json.dumps({"cases": wanted, "done": in_order, "seconds": seconds}))
                bar.set_postfix(wanted[number])
                bar.update()
        except BrokenProcessPool:
            raise ChildProcessError(
                f"a process of the sweep was killed, most likely for want of memory; "
                f"{len(done)} of {len(wanted)} models are kept. The same command goes on with the others; "
                "with --set jobs=1 it needs the least memory."
            ) from None
        except FloatingPointError as error:
            raise Diverged(f"diverged: {error}", _fields(done, seconds)) from error
    run.finished.append(path)
    return _fields(done, seconds)


def _fields(done: Mapping[int, Sequence[Row]], seconds: float) -> dict[str, Any]:
    """Those of a record. (A first model that diverged leaves no seconds.)"""
    curve = [row for number in sorted(done) for row in done[number]]
    return {"curve": curve, **({"seconds": seconds} if done else {})}


_measure: Callable[..., Sequence[Row]] | None = None
"""What the processes of a sweep call: they are forked, so that it may be any function."""


def _work(case: Mapping[str, Any]) -> tuple[list[Row], float]:
    started = time.perf_counter()
    rows = [dict(row) for row in _measure(**case)]
    return rows, time.perf_counter() - started


def _begin(jobs: int, parent: int) -> None:
    """In a new process: whose it is, and threads for the libraries it will load.

    A library that is here already may have computed in threads of the parent's, and would wait for them.
    """
    worker(parent)
    os.environ["OMP_NUM_THREADS"] = str(max(1, hardware()["cores"] // jobs))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _results(
    measure: Callable[..., Sequence[Row]], cases: Mapping[int, Mapping[str, Any]], jobs: int
) -> Iterator[tuple[int, tuple[list[Row], float]]]:
    """Each case's number with its rows and seconds, as they are done."""
    global _measure
    _measure = measure
    if jobs == 1 or not cases or "fork" not in multiprocessing.get_all_start_methods():
        for number, case in cases.items():
            yield number, _work(case)
        return
    others = multiprocessing.active_children()
    executor = ProcessPoolExecutor(
        min(jobs, len(cases)), multiprocessing.get_context("fork"),
        initializer=_begin, initargs=(jobs, os.getpid()),
    )  # fmt: skip
    try:
        with undisturbed():   # a new process does not know yet that signals are for its parent
            futures = {executor.submit(_work, case): number for number, case in cases.items()}
        failed: BaseException | None = None
        for future in as_completed(futures):
            if future.cancelled():
                continue
            error = future.exception()
            if error is None:
                yield futures[future], future.result()
            elif failed is None:
                failed = error
                for each in futures:   # those that have begun go on to their ends
                    each.cancel()
        if failed is not None:
            raise failed
    finally:
        for process in set(multiprocessing.active_children()) - set(others):
            process.kill()
        executor.shutdown(cancel_futures=True)


def _read(path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {"cases": list(kept["cases"]), "done": list(kept["done"]), "seconds": float(kept["seconds"])}
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: got no rows ({error}), wanted those kept before") from error
