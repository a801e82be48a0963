"""The command: python -m tools.bench."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from helpers import processor, records
from helpers.console import command
from helpers.files import write_text
from helpers.processes import stoppable
from tools.bench.cases import CASES
from tools.bench.steps import N, T
from tools.bench.timing import LEVEL
from tools.options import Json

FORCING = (
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA",
)
"""Environment variables by which a library does not choose its kernels by the processor."""


@stoppable("The cases that were done are kept in the file of --json.")
def main(
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds; medians are taken over them.")] = 9,
    quick: Annotated[bool, typer.Option("--quick", help="Three rounds, without size 650.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"Only these cases: {', '.join(CASES)}.")] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads; 0: OMP_NUM_THREADS, or one a core.")] = 0,
    json_path: Json = Path("build/bench.json"),
) -> None:
    """Time the layers and the training step against torch and against their matrix products alone."""
    unknown = sorted(set(only or ()) - CASES.keys())
    if unknown:
        raise typer.BadParameter(f"got {', '.join(unknown)}, wanted some of {', '.join(CASES)}")
    threads = threads or processor.threads()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)   # of the processes that memory is measured in
    import torch
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if quick:
        rounds = min(rounds, 3)
    chosen = only or [name for name in CASES if not (quick and name.endswith("650"))]
    kernels = ", ".join(f"{each['library']}'s {each['kernel']}" for each in processor.blas())
    sizes = f"float32, N={N}, T={T}"
    table = Table(
        title=f"Milliseconds: {rounds} rounds, {threads} thread(s), {sizes}; kernel {kernels}",
        caption="Layers: forward and backward. Language model: a whole training step. Below a ratio: where "
        f"the median lies with a probability of {LEVEL:.0%}, or, of fewer than 6 rounds, all ratios.",
        box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True,
    )
    for column in ("case", "ours", "torch", "products", "ratio", "aim", "met?"):
        justify = "right" if column not in ("case", "aim", "met?") else "left"
        table.add_column(column, justify=justify, no_wrap=column != "met?", min_width=4)
    results, notes = [], []
    report = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": records.versions(),
        "hardware": records.hardware(),
        "rounds": rounds,
        "results": results,
    }
    for key in chosen:
        with threadpool_limits(threads):   # NumPy has been loaded, with as many as the environment said then
            case = CASES[key]()
            case.run(rounds)
        told = case.judged()
        for aim, found in zip(case.aims, told, strict=True):
            ours = "bf16" if "bf16" in (aim.numerator, aim.denominator) else "ours"
            columns = (ours, "torch", "products")
            times = (f"{case.median(name):.3g}" if name in case.contenders else "" for name in columns)
            name = case.name if ours == "ours" else f"{case.name} {ours}"
            ratio = "{ratio:.2f}\n{low:.2f}–{high:.2f}".format(**found)
            table.add_row(name, *times, ratio, found["aim"], found["met"], end_section=aim is case.aims[-1])
        results.append(
            {
                "case": key,
                "name": case.name,
                "median_ms": {name: round(case.median(name), 4) for name in case.contenders},
                "min_ms": {name: round(min(case.times[name]), 4) for name in case.contenders},
                "aims": told,
                "peak_mib": case.memory,
            }
        )
        write_text(json_path, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        for name, mebibytes in case.memory.items():
            notes.append(
                f"{case.name}, {name}: {N * T / case.median(name) * 1e3:,.0f} tokens/s, "
                f"{mebibytes:,.0f} MiB more at the peak of ten steps"
            )
    for variable in FORCING:
        if variable in os.environ:
            forced = f"{variable}={os.environ[variable]}"
            notes.append(f"{forced} forces a kernel: without it (env -u {variable} …) times are others")
    Console().print(table)
    for note in notes:
        typer.echo(note)
    typer.echo(f"Written to {json_path}")


if __name__ == "__main__":
    command(lambda: typer.run(main))
