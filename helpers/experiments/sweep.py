"""Many small runs in one experiment, each kept as soon as it is done."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from helpers.experiments.registry import Run
from helpers.files import write_text
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

    A stopped sweep goes on with the case it was at: what is done stands in a file beside the run's
    checkpoint. The file goes when the record has been written (``Run.finished``). ValueError when it belongs to other cases.
    """
    path = run.checkpoint.with_suffix(".json")
    wanted = [dict(case) for case in cases]
    done: list[list[Row]] = []
    seconds = 0.0
    if path.exists() and run.resume:
        kept = _read(path)
        if kept["cases"] != wanted:
            raise CheckpointError(f"{path}: got the rows of other cases, wanted those of this run")
        done, seconds = kept["done"], kept["seconds"]
    with progress_bar(len(wanted), start=len(done), description="sweep", show=run.bar, unit="model") as bar:
        for case, (rows, took) in _results(measure, wanted[len(done) :], jobs):
            bar.set_postfix(case)
            done.append(rows)
            seconds += took
            write_text(path, json.dumps({"cases": wanted, "done": done, "seconds": seconds}))
            bar.update()
    run.finished.append(path)
    return {"curve": [row for rows in done for row in rows], "seconds": seconds}


_measure: Callable[..., Sequence[Row]] | None = None
"""What the processes of a sweep call: they are forked, so that it may be any function."""


def _work(case: Mapping[str, Any]) -> tuple[list[Row], float]:
    started = time.perf_counter()
    rows = [dict(row) for row in _measure(**case)]
    return rows, time.perf_counter() - started


def _share_of_cores(jobs: int) -> None:
    """In a new process: threads for the libraries it will load."""
    os.environ["OMP_NUM_THREADS"] = str(max(1, hardware()["cores"] // jobs))


def _results(measure, cases: Sequence[Mapping[str, Any]], jobs: int) -> Iterator[tuple[Mapping, tuple]]:
    """Each case with its rows and seconds, in order."""
    global _measure
    _measure = measure
    if jobs == 1 or "fork" not in multiprocessing.get_all_start_methods():
        for case in cases:
            yield case, _work(case)
        return
    executor = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("fork"), initializer=_share_of_cores, initargs=(jobs,)
    )
    try:
        yield from zip(cases, executor.map(_work, cases), strict=True)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _read(path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {"cases": list(kept["cases"]), "done": list(kept["done"]), "seconds": float(kept["seconds"])}
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: got no rows ({error}), wanted those kept before") from error
