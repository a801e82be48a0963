"""What all tests share: hypothesis without a deadline, and nbval in the build's own environment."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure; and a failure found once is found again.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")


LONG = (
    "test_accepted_is_usable", "test_student_notebooks", "test_exercises",
    "06_", "05_", "08_", "07_", "04_", "03_", "02_", "01_",
)  # fmt: skip
"""Files and chapters that take longest: begun first, so that no worker waits for another at the end."""


def pytest_collection_modifyitems(items):
    """What `--dist loadgroup` keeps on one worker: the tests of a file, or of a chapter in it."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{_chapter(item)}"))
    items.sort(key=lambda item: [long not in item.nodeid for long in LONG])   # stable


def _chapter(item):
    """The chapter that a test is a case of, "" where it is of none."""
    cases = getattr(item, "callspec", None)
    for value in cases.params.values() if cases else ():
        found = getattr(value, "chapter", getattr(value, "stem", value))
        if isinstance(found, str) and re.match(r"\d\d(_|$)", found):
            return found
    return ""


def pytest_configure(config):
    if config.getoption("nbval", False) or config.getoption("nbval_lax", False):
        from tools.build.execute import kernel_environment

        folder = Path(__file__).parent / "build" / "ipython"
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(kernel_environment(str(folder)))
