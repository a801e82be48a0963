"""How long a learner waits for a box: python -m tools.bench.checks.

Each exercise is judged in a process of its own, one thread, torch imported beforehand: the solution at the
first check (cases and oracles are made) and at the second, and an answer that is wrong in a way nobody knows,
for which every explanation is tried in vain.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from helpers.checks import Exercise, exercises, get
from helpers.console import command
from helpers.files import write_text
from helpers.processes import stoppable
from tools.options import Json

JSON = Path("build/bench-checks.json")
MEDIAN, MOST = 1.0, 3.0
"""Seconds: what the median over all exercises and the slowest of them should stay under."""


@stoppable()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Only these exercises.")] = None,
    json_path: Json = JSON,
) -> None:
    """Time the checks of all exercises; exit status 1 when they are slower than they should be."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    names = names or [each.name for each in exercises() if isinstance(each, Exercise)]
    for name in names:
        try:
            get(name)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    times = {name: _measured(name) for name in track(names, "Checking …", transient=True)}
    table = Table(title="Seconds until the box: one thread, torch imported beforehand")
    for column in ("exercise", "right, first", "right, again", "wrong, unknown"):
        table.add_column(column, justify="left" if column == "exercise" else "right")
    for name, row in sorted(times.items(), key=lambda item: -max(item[1])):
        table.add_row(name, *(f"{seconds:.2f}" for seconds in row))
    slowest = [max(row) for row in times.values()]
    median, most = statistics.median(slowest), max(slowest)
    console = Console()
    console.print(table)
    aims = f"median {median:.2f} s (aim {MEDIAN:g}), most {most:.2f} s (aim {MOST:g})"
    console.print(f"The slowest of the three: {aims}")
    write_text(json_path, json.dumps({"seconds": times, "median": median, "most": most}, indent=1) + "\n")
    raise typer.Exit(int(median > MEDIAN or most > MOST))


def _measured(name: str) -> list[float]:
    """Seconds of the three checks of an exercise, in a process of its own."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    alone = f"from helpers.processes import end_with_parent; end_with_parent({os.getpid()})"
    code = f"{alone}; from tools.bench.checks import here; here({name!r})"
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | threads, capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout.splitlines()[-1])


def here(name: str) -> None:
    """Print the seconds of the three checks as a JSON list."""
    import torch  # noqa: F401

    from helpers.checks.judge import judge

    exercise = get(name)
    answers = [
        lambda *arguments: exercise.reference(*arguments),
        lambda *arguments: exercise.reference(*arguments),
        lambda *arguments: spoilt(exercise.reference(*arguments)),
    ]
    seconds = []
    for answer in answers:
        start = time.perf_counter()
        judge(exercise, answer)
        seconds.append(round(time.perf_counter() - start, 3))
    print(json.dumps(seconds))


def spoilt(value: Any, place: int = 1) -> Any:
    """A result of the same kind, wrong throughout and without a rule."""
    import numpy as np

    if isinstance(value, dict):
        return {key: spoilt(each, place + n) for n, (key, each) in enumerate(value.items())}
    if isinstance(value, list | tuple):
        return type(value)(spoilt(each, place + n) for n, each in enumerate(value))
    if isinstance(value, bool | np.bool_):
        return not value
    if isinstance(value, int | np.integer):
        return int(value) + place % 3
    if isinstance(value, float | np.floating):
        return float(value) + np.sin(place)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value + np.sin(place + np.arange(value.size) ** 2).reshape(value.shape)
    if hasattr(value, "detach") and value.is_floating_point():
        noise = spoilt(np.zeros(tuple(value.shape)), place)
        return value + value.new_tensor(noise)
    return value


if __name__ == "__main__":
    command(lambda: typer.run(main))
