"""How long a learner waits after moving a control: python -m tools.bench.controls.

Each control of each `explore` in the chapters is moved from end to end, the others staying where they start;
a move is the drawing function and the picture. Counted is the processor's time on one thread, so that a
machine with other work to do gives about the same.
"""

from __future__ import annotations

import ast
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from helpers.console import command
from helpers.files import write_text
from helpers.processes import stoppable
from tools.build.cli import ROOT, named_chapters
from tools.build.source import BuildError, Course, read_chapter
from tools.options import Json

JSON = Path("build/bench-controls.json")
MOVES = 9   # of each control
AIM = 100.0
"""Milliseconds: what the median move of every figure should stay under."""


@stoppable()
def main(
    chapters: Annotated[list[str] | None, typer.Argument(help="03, for example; none: all")] = None,
    json_path: Json = JSON,
) -> None:
    """Time the figures that move; exit status 1 when one is slower than it should be."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    course, console = Course(ROOT), Console()
    try:
        wanted = named_chapters(course, chapters)
    except BuildError as error:
        print(error)
        raise typer.Exit(1) from None
    names = [path.stem for path in course.sources() if "explore(" in path.read_text(encoding="utf-8")]
    names = [name for name in names if wanted is None or name in wanted]
    table = Table(title="Milliseconds a move, one thread")
    for column in ("chapter", "figure", "control", "median", "slowest"):
        table.add_column(column, justify="right" if column in ("median", "slowest") else "left")
    rows = []
    for name in track(names, "Moving …", transient=True):
        for figure, control, times in _measured(name):
            row = {"median": round(statistics.median(times), 1), "slowest": round(max(times), 1)}
            rows.append({"chapter": name, "figure": figure, "control": control, **row})
            table.add_row(name, figure, control, f"{row['median']:.0f}", f"{row['slowest']:.0f}")
    console.print(table)
    slow = [f"{row['figure']} ({row['control']})" for row in rows if row["median"] > AIM]
    said = f"slower than {AIM:g} ms: {', '.join(slow)}" if slow else f"all under {AIM:g} ms"
    console.print(f"{len(rows)} controls, {said}", markup=False)
    write_text(json_path, json.dumps({"milliseconds": rows}, indent=1) + "\n")
    raise typer.Exit(int(bool(slow)))


def _measured(name: str) -> list[tuple[str, str, list[float]]]:
    """(figure, control, milliseconds of its moves) for a chapter, in a process of its own."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    alone = f"from helpers.processes import end_with_parent; end_with_parent({os.getpid()})"
    code = f"{alone}; from tools.bench.controls import here; here({name!r})"
    environment = os.environ | threads | {"MPLBACKEND": "agg"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{name} does not run:\n{run.stderr.strip()[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def here(name: str) -> None:
    """Print what was measured of the figures of chapter `name`, as JSON."""
    found = [row for draw, controls in figures_of(name) for row in moves(draw, controls)]
    print("\n" + json.dumps(found))


def figures_of(name: str) -> list[tuple[Any, dict[str, Any]]]:
    """(drawing function, its controls) of every figure that moves in chapter `name`, of which no more is run
    than they need."""
    import helpers.live
    from tools.usable.chapter import steps_of
    from tools.usable.needed import needed_for

    found: list[tuple[Any, dict[str, Any]]] = []
    source = f"solutions/{name}.py"
    steps = [s for s in steps_of(read_chapter(ROOT / source, source)) if s.role not in ("check", "landmark")]
    names = [step.names for step in steps]
    figures = [n for n, each in enumerate(names) if "explore" in each.loads - each.binds]
    needed, _ = needed_for(figures, names)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    explore = helpers.live.explore
    helpers.live.explore = lambda draw, /, **controls: found.append((draw, controls))
    try:
        for step in (steps[n] for n in sorted(needed)):
            exec(compile(ast.Module(step.nodes, []), source, "exec"), namespace)
    finally:
        helpers.live.explore = explore
    return found


def moves(draw: Any, controls: dict[str, Any]) -> list[tuple[str, str, list[float]]]:
    """(figure, control, milliseconds of its moves) of one `explore`."""
    from helpers.live.picture import Camera, drawn

    camera, start = Camera(), {name: control.value for name, control in controls.items()}
    camera.png(drawn(draw, start)[0])   # no move yet
    found = []
    for name, control in controls.items():
        times = []
        for value in control.sweep(MOVES):
            began = time.process_time()
            try:
                camera.png(drawn(draw, start | {name: value})[0])
            except ValueError:   # a line that is refused
                continue
            times.append(1000 * (time.process_time() - began))
        found.append((getattr(draw, "__name__", "figure"), name, times))
    return found


if __name__ == "__main__":
    command(lambda: typer.run(main))
