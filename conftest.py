"""nbval runs the chapters under the very environment that the build runs them under."""

import os
from pathlib import Path


def pytest_configure(config):
    if config.getoption("nbval", False) or config.getoption("nbval_lax", False):
        from tools.build.execute import kernel_environment

        folder = Path(__file__).parent / "build" / "ipython"
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(kernel_environment(str(folder)))
