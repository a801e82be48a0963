"""What all tests share: hypothesis without a deadline, and nbval in the build's own environment."""

import os
from pathlib import Path

from hypothesis import settings

# A busy machine is no failure; and a failure found once is found again.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")


def pytest_configure(config):
    if config.getoption("nbval", False) or config.getoption("nbval_lax", False):
        from tools.build.execute import kernel_environment

        folder = Path(__file__).parent / "build" / "ipython"
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(kernel_environment(str(folder)))
