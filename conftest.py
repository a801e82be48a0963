"""What all tests share: hypothesis without a deadline, nobody's own settings, and nbval in the build's own
environment, which compares digits only where they can be the same."""

import os
import re
import signal
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import settings

from helpers.building import SETTINGS, own_folder, without
from helpers.processes import SIGNALS

ROOT = Path(__file__).resolve().parent

# A busy machine is no failure; and a failure found once is found again.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")

NOT_COMPARED = (
    "The stored outputs were not compared: the chapters ran, and their claims hold, but digits come out "
    "otherwise here ({difference})."
)


LONG = (
    "test_mutants", "test_accepted_is_usable", "test_distributed", "test_student_notebooks", "test_exercises",
    "test_command", "test_memory", "test_bench", "test_build", "test_claims", "test_registry",
    "08_", "07_", "03_", "05_", "06_", "04_", "01_", "02_",
)  # fmt: skip
"""Files and chapters that take longest: begun first, so that no worker waits for another at the end."""


@pytest.hookimpl(tryfirst=True)   # before xdist reads the marks
def pytest_collection_modifyitems(config, items):
    """What `--dist loadgroup` keeps on one worker: the tests of a file, or of a chapter in it."""
    for item in items:
        group = f"{item.path.stem}-{_chapter(item)}"
        item.add_marker(pytest.mark.xdist_group(group))
        if getattr(config.option, "loadgroup", False) and hasattr(item, "_id"):
            item._id = item._id.parse(f"{item.nodeid}@{group}")   # pytest 9.2: not where xdist 3.8 writes it
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
    for number in SIGNALS:   # tests send them; in the background of a script, and by nohup, they are ignored
        if signal.getsignal(number) is signal.SIG_IGN:
            heard = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if heard else signal.SIG_DFL)
    nbval = config.getoption("nbval", False)
    folder = own_folder("ipython")
    if nbval or config.getoption("nbval_lax", False):
        from tools.build.execute import kernel_environment

        environment = kernel_environment(folder)
    else:
        data = {name: value for name, value in os.environ.items() if re.fullmatch(r"UNROLLED_\w+_DIR", name)}
        data.pop("UNROLLED_DATA_DIR", None)   # corpora may be read, nothing written
        environment = without(SETTINGS, os.environ) | data | {
            "MPLBACKEND": "agg",
            "MPLCONFIGDIR": own_folder("matplotlib"),
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
        }
    os.environ.clear()
    os.environ.update(environment)
    if sys.warnoptions and not config.getoption("pythonwarnings"):   # PYTHONWARNINGS
        sys.warnoptions.clear()
        warnings.resetwarnings()
    if nbval and not hasattr(config, "workerinput"):   # xdist's workers hear of it
        from tools.build.arithmetic import differs

        config.not_compared = differs(environment)
        if config.not_compared:
            config.option.nbval, config.option.nbval_lax = False, True


def pytest_terminal_summary(terminalreporter, config):
    if difference := getattr(config, "not_compared", ""):
        terminalreporter.section("digits", yellow=True)
        terminalreporter.line(NOT_COMPARED.format(difference=difference))
