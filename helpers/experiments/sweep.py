"""Many small runs in one experiment, each kept as soon as it is done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from helpers.experiments.registry import Run
from helpers.files import write_text
from helpers.training.bar import progress_bar
from helpers.training.checkpoints import CheckpointError

Row = dict[str, Any]


def sweep(
    run: Run, cases: Sequence[Mapping[str, Any]], measure: Callable[..., Sequence[Row]]
) -> dict[str, Any]:
    """``measure(**case)`` → rows, for every case. Returns two fields of a record: `curve`, all rows in the
    order of the cases, and `seconds`, what they took together.

    A stopped sweep goes on with the case it was at: what is done stands in a file beside the run's
    checkpoint. When all is done the file goes. ValueError when it belongs to other cases.
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
        for case in wanted[len(done) :]:
            bar.set_postfix(case)
            started = time.perf_counter()
            done.append([dict(row) for row in measure(**case)])
            seconds += time.perf_counter() - started
            write_text(path, json.dumps({"cases": wanted, "done": done, "seconds": seconds}))
            bar.update()
    path.unlink(missing_ok=True)
    return {"curve": [row for rows in done for row in rows], "seconds": seconds}


def _read(path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {"cases": list(kept["cases"]), "done": list(kept["done"]), "seconds": float(kept["seconds"])}
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: got no rows ({error}), wanted those kept before") from error
