"""``python -m tools.bench.memory STEP``: MiB that ten training steps add to this process at their peak."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from helpers.processes import python_command
from tools.bench.steps import STEPS


def added(steps: Mapping[str, str]) -> dict[str, float]:
    """{name: step of `STEPS`} → {name: MiB that ten of its steps add to a process at their peak}, each in a
    process of its own. Empty where the system does not tell (Windows)."""
    found = {}
    for name, step in steps.items():
        command = python_command("tools.bench.memory", step)
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode == 0:
            found[name] = float(finished.stdout)
    return found


def peak_kib() -> int:
    """Largest resident size of this process so far, KiB."""
    status = Path("/proc/self/status")
    if status.exists():   # Linux's getrusage begins with the size of the process that started this one
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1])
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size // 1024 if sys.platform == "darwin" else size


def main(name: str) -> None:
    import helpers.models.language_model
    import helpers.training.trainer

    if name != "numpy":
        import helpers.models.torch_language_model
        import helpers.torch_training.language_modelling  # noqa: F401 (libraries are not counted)

    before = peak_kib()
    step = STEPS[name]()
    for _ in range(10):
        step()
    print(round((peak_kib() - before) / 1024, 1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.bench.memory", description=__doc__)
    parser.add_argument("step", choices=STEPS)
    main(parser.parse_args().step)
