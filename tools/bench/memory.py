"""``python -m tools.bench.memory float32|bfloat16|plain``: MiB that ten training steps add to this process
at their peak."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def peak_kib() -> int:
    """Largest resident size of this process so far, KiB."""
    status = Path("/proc/self/status")
    if status.exists():   # Linux's getrusage begins with the size of the process that started this one
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1])
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size // 1024 if sys.platform == "darwin" else size


def main(precision: str) -> None:
    import helpers.models.torch_language_model
    import helpers.torch_training.language_modelling  # noqa: F401 (libraries are not counted)
    from tools.bench.cases import torch_step

    before = peak_kib()
    step = torch_step(precision)
    for _ in range(10):
        step()
    print(round((peak_kib() - before) / 1024, 1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.bench.memory", description=__doc__)
    parser.add_argument("precision", choices=("float32", "bfloat16", "plain"))
    main(parser.parse_args().precision)
