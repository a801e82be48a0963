"""Running a notebook so that a second run gives the same bytes."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from helpers import processor
from helpers.building import ARITHMETIC, SETTINGS, own_folder, without
from helpers.processes import ending_with
from tools.build.notebook import set_notebook_metadata

ROOT = Path(__file__).resolve().parents[2]
CELL_TIMEOUT = 300
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
# The same arithmetic on every x86-64 processor with AVX2: wider instructions sum in another order, and a
# training run turns the last digit into the first. Elsewhere these names mean nothing.
SAME_ARITHMETIC = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2",
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class CellFailed(Exception):
    """A cell of the notebook did not run to its end: its position, the line in it (from 0), what happened."""

    def __init__(self, position: int, line: int, message: str):
        super().__init__(message)
        self.position, self.line, self.message = position, line, message


class _Client(NotebookClient):
    """A client that leaves signals alone: Ctrl-C stops the build, and each kernel with it. A kernel ends even
    when the build is killed."""

    @asynccontextmanager
    async def async_setup_kernel(self, **kwargs) -> AsyncIterator[None]:
        self.km = manager = self.create_kernel_manager()
        python, _, module, *arguments = manager.kernel_spec.argv   # python -m ipykernel_launcher …
        manager.kernel_spec.argv = [python, "-m", *ending_with(str(os.getpid()), module), *arguments]
        finished = False
        try:
            await self.async_start_new_kernel(**kwargs)
            await self.async_start_new_kernel_client()
            yield
            finished = True
        finally:
            if manager.has_kernel:
                await manager.shutdown_kernel(now=not finished)
            if self.kc is not None:
                self.kc.stop_channels()


def kernel_environment(ipython_folder: str, own_arithmetic: bool = False) -> dict[str, str]:
    """What a chapter's kernel runs under, in the build and when nbval compares: one thread, the same
    arithmetic, fixed hashes, strict checks, UTF-8, nobody's own settings of Python, Jupyter and Matplotlib.

    With `own_arithmetic` it is what a learner has: whatever instructions the processor knows, and a claim
    that does not hold is told, not raised. So it is on processors that lack the instructions of
    SAME_ARITHMETIC: libraries that are told to use them would end the process.
    """
    jupyter = str(Path(ipython_folder, "jupyter"))
    fixed = {
        "IPYTHONDIR": ipython_folder,
        "JUPYTER_CONFIG_DIR": jupyter,
        "JUPYTER_DATA_DIR": jupyter,
        "JUPYTER_RUNTIME_DIR": str(Path(jupyter, "runtime")),
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": own_folder("matplotlib"),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "UNROLLED_BUILD": "1",
        "UNROLLED_STRICT": "1",
    }
    if own_arithmetic:
        del fixed["UNROLLED_BUILD"]
    same = {} if own_arithmetic or not processor.has_avx2() else SAME_ARITHMETIC
    return without(SETTINGS + ARITHMETIC, os.environ) | ONE_THREAD | same | fixed


async def execute(
    notebook: nbformat.NotebookNode,
    folder: Path,
    on_cell: Callable[[int], None] = lambda position: None,
    timeout: int = CELL_TIMEOUT,
    own_arithmetic: bool = False,
) -> None:
    """Execute in place, with `folder` as working directory; `on_cell` hears which cell begins.

    Raises CellFailed at the first error, timeout or dead kernel.
    """
    current = 0

    def begins(cell: nbformat.NotebookNode, cell_index: int) -> None:
        nonlocal current
        current = cell_index
        on_cell(cell_index)

    client = _Client(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=begins,
    )
    with tempfile.TemporaryDirectory(prefix="unrolled-", ignore_cleanup_errors=True) as ipython_folder:
        try:
            await client.async_execute(env=kernel_environment(ipython_folder, own_arithmetic))
        except CellExecutionError as error:
            line = _failing_line(error.traceback, notebook.cells[current].get("execution_count"))
            raise CellFailed(current, line, f"{error.ename}: {_one_line(error.evalue)}") from None
        except CellTimeoutError:
            raise CellFailed(current, 0, f"still running after {timeout} s") from None
        except DeadKernelError:
            if asyncio.current_task().cancelling():  # nbclient takes Ctrl-C for the kernel's death
                raise asyncio.CancelledError from None
            raise CellFailed(current, 0, "the kernel died") from None
    set_notebook_metadata(notebook)  # nbclient adds the kernel's version and the widgets' state


def _failing_line(traceback: str, count: int | None) -> int:
    """The line (from 0) of the failing cell in IPython's traceback, 0 if it does not say."""
    found = re.search(rf"Cell In\[{count}\], line (\d+)", ANSI.sub("", traceback))
    return int(found[1]) - 1 if found else 0


def _one_line(text: str) -> str:
    return " ".join(ANSI.sub("", text).split())
