"""Does this machine compute, to the last digit, what the notebooks' stored outputs hold?

A training run turns the last digit into the first. So outputs are compared only where the same versions of
NumPy and torch use the same instructions; elsewhere chapters have to run, and their claims to hold.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPUTED_WITH = {
    "system": "Linux x86_64",
    "BLAS kernel": "Haswell",
    "NumPy's instructions": "X86_V3",
    "torch's kernels": "AVX2",
}
"""What stored outputs are computed with, besides the versions of NumPy and torch in constraints.txt."""

_LOOK = """
import json, platform
import numpy, torch
from helpers import processor
used = processor.instruction_sets()
print(json.dumps({
    "system": f"{platform.system()} {platform.machine()}",
    "BLAS kernel": " and ".join(sorted({each["kernel"] for each in processor.blas()})) or "unknown",
    "NumPy's instructions": (used["numpy"] or ["baseline"])[-1],
    "torch's kernels": used["torch"][0].removeprefix("kernels "),
    "NumPy": numpy.__version__,
    "torch": torch.__version__.partition("+")[0],
}))
"""


def computed_with() -> dict[str, str]:
    """COMPUTED_WITH and the versions that constraints.txt pins."""
    pins = ROOT / "constraints.txt"
    text = pins.read_text(encoding="utf-8") if pins.is_file() else ""
    versions = dict(re.findall(r"^(numpy|torch)==(.+)$", text, re.MULTILINE))
    return COMPUTED_WITH | {{"numpy": "NumPy"}.get(name, name): value for name, value in versions.items()}


def differs(environment: Mapping[str, str]) -> str:
    """What of it is different in a Python with this `environment`, as "torch kernels: DEFAULT, not AVX2", ""
    when nothing is. A Python in which NumPy or torch do not work is different, too."""
    command = [sys.executable, "-c", _LOOK]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"NumPy or torch end Python ({done.returncode})"])[-1]
    here = json.loads(done.stdout.splitlines()[-1])
    wanted = {name: value for name, value in computed_with().items() if value != here[name]}
    return "; ".join(f"{name}: {here[name]}, not {value}" for name, value in wanted.items())
