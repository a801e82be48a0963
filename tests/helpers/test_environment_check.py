"""The environment check finds what is really wrong, and says the same everywhere when nothing is."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from helpers import environment, hidden, installed
from helpers.environment import Report, chapters_using, check_environment, show_environment

ROOT = Path(__file__).resolve().parents[2]


def finding(name):
    return environment.LOOKS[name]()


@pytest.fixture
def broken(monkeypatch, tmp_path):
    """A function that puts a package with this code before the real one."""
    def put(package, code):
        folder = tmp_path / "site-packages" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(code, encoding="utf-8")
        monkeypatch.syspath_prepend(str(folder.parent))

    return put


def missing(package):
    return f"raise ModuleNotFoundError('gone', name={package!r})"


@pytest.fixture
def quick(monkeypatch):
    """Nothing is imported to try it: {package: what is wrong with it}."""
    problems = {}
    monkeypatch.setattr(installed, "tried", lambda package, use="": (problems.get(package, ""), "9.9"))
    return problems


def test_all_is_well_here():
    pytest.importorskip("torch")
    found = check_environment()
    assert [f.name for f in found] == ["Python", "NumPy", "PyTorch", "Other packages", "Threads", "Folders"]
    assert all(f.ok for f in found), Report(found)
    assert Report(found).headline == "Ready: all 6 points are in order."


def test_old_python(monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", (3, 10, 14, "final", 0))
    found = finding("Python")
    assert not found.ok and "3.10.14 is too old" in found.text and "3.11" in found.advice


def test_the_python_asked_for_is_the_one_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=" + ".".join(map(str, environment.PYTHON))


def test_missing_torch_says_which_chapters_need_it(monkeypatch, broken):
    broken("torch", missing("torch"))
    monkeypatch.setattr(environment, "chapters_using", lambda package, folder: ["02", "04"])
    found = finding("PyTorch")
    assert not found.ok
    assert "is not installed; chapters that need it: 02, 04" in found.text and "make lab" in found.advice



def test_chapters_are_found_by_the_lines_that_import(tmp_path):
    cell = '{"cells": [{"source": [\n "import numpy as np\\n",\n %s\n]}]}'
    for name, line in {
        "01_a": '"import torch\\n"',
        "02_b": '"    from torch import nn"',
        "03_c": '"import torchvision"',
        "04_d": '"We do not import torch here."',
    }.items():
        (tmp_path / f"{name}.ipynb").write_text(cell % line, encoding="utf-8")
    assert chapters_using("torch", tmp_path) == ["01", "02"]
    assert chapters_using("torch", tmp_path / "nowhere") == []


def test_missing_numpy_stops_every_chapter(broken):
    broken("numpy", missing("numpy"))
    assert "no chapter runs without it" in finding("NumPy").text


@pytest.mark.parametrize(("package", "code", "told"), [
    ("torch", "raise OSError('[WinError 126]')", "does not work: OSError: [WinError 126]; chapters"),
    ("numpy", "print('on the way'); import no_such_module", "cannot be imported: No module named 'no_"),
    ("torch", "__version__ = '2.9'; ones = None", "does not work: TypeError: 'NoneType'"),
    ("torch", "raise SystemExit(3)", "does not work: SystemExit: 3"),
    pytest.param("torch", "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
                 "ends Python when it is imported (SIGILL: it was built for a newer processor",
                 marks=pytest.mark.skipif(os.name == "nt", reason="a signal")),
    ("torch", "import os; os._exit(7)", "ends Python when it is imported (status 7)"),
])  # fmt: skip
def test_a_package_that_breaks_on_import(broken, package, code, told):
    broken(package, code)
    found = finding({"torch": "PyTorch", "numpy": "NumPy"}[package])
    assert not found.ok and told in found.text


def test_matplotlib_that_breaks_is_told_with_the_other_packages(broken):
    broken("matplotlib", "raise ImportError('DLL load failed')")
    assert "matplotlib is installed but does not work: ImportError: DLL" in finding("Other packages").text


def test_a_look_that_fails_is_a_finding(monkeypatch, quick):
    monkeypatch.setitem(environment.LOOKS, "Threads", lambda: 1 / 0)
    found = check_environment()[4]
    assert (found.name, found.ok) == ("Threads", False)
    assert found.text == "could not be looked at: ZeroDivisionError: division by zero"


def test_a_version_file_that_cannot_be_read(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: None)
    assert "rich has lost the file that tells its version" in finding("Other packages").text


@pytest.mark.parametrize("system", ["win32", "linux"])
def test_the_advice_is_the_one_of_the_pages_for_this_system(system, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(environment, "find_spec", lambda name: True)
    advice, pages = environment.reinstall(), [ROOT / "README.md", ROOT / "docs/install.md"]
    readme, installing = (page.read_text(encoding="utf-8") for page in pages)
    [command] = re.findall(r"`([^`]+)`", advice)
    if system == "linux":
        assert command == "make lab" and command in readme
    else:
        assert command.endswith(" -m pip install -c constraints.txt -e .") and "make" not in advice
        assert command.partition(" -m ")[2] in installing


def test_a_package_found_to_work_is_imported_and_a_broken_one_is_not(broken, monkeypatch, tmp_path):
    monkeypatch.setattr(installed, "_PROBLEMS", {})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    broken("unrolled_a", "import sys\nif __name__ in sys.modules: seen = True")
    broken("unrolled_b", "import os; os._exit(9)")
    assert installed.problem_of("unrolled_a") == "" and sys.modules.pop("unrolled_a").seen
    assert len(list(tmp_path.glob("unrolled-unrolled_a-works-*"))) == 1
    assert installed.problem_of("unrolled_b") == "ends Python when it is imported (status 9)"
    monkeypatch.setattr(installed, "tried", lambda *_: pytest.fail("tried again"))
    assert installed.problem_of("unrolled_a") == "" and "unrolled_b" not in sys.modules




def test_wrong_version_and_missing_package(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "pooch":
            raise importlib.metadata.PackageNotFoundError(name)
        return {"numpy": "1.26.4", "matplotlib": "2.0"}.get(name) or real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert re.match(r"is version 1\.26\.4, the course wants .*>=2\.0", finding("NumPy").text)
    found = finding("Other packages")
    assert not found.ok
    assert "matplotlib is version 2.0" in found.text and "pooch is not installed" in found.text
    assert "requests" not in found.text


def test_a_kernel_that_does_not_know_the_course(monkeypatch):
    monkeypatch.setattr(environment, "COURSE", "no-such-course")
    found = finding("Other packages")
    assert not found.ok and "another Python" in found.text and "Change Kernel" in found.advice


@pytest.mark.parametrize("value", ["100000", "0", "many"])
def test_thread_variable_that_makes_no_sense(monkeypatch, value):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    found = finding("Threads")
    assert not found.ok and f"`OMP_NUM_THREADS` is '{value}'" in found.text


def test_folder_that_cannot_be_written(monkeypatch, tmp_path):
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(blocked))
    found = finding("Folders")
    assert not found.ok and str(blocked) in found.text


def test_checking_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(tmp_path / "data"))
    assert finding("Folders").ok
    assert list(tmp_path.iterdir()) == []


def test_build_mode_shows_no_version_and_no_core_count(monkeypatch, capsys, quick):
    monkeypatch.setenv("UNROLLED_BUILD", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    show_environment()
    built = capsys.readouterr().out
    assert sys.version.split()[0] not in built and "cores:" not in built
    monkeypatch.delenv("UNROLLED_BUILD")
    show_environment()
    shown = capsys.readouterr().out
    assert ".".join(map(str, sys.version_info[:3])) in shown and "cores:" in shown


def test_build_mode_still_checks(monkeypatch, capsys, quick):
    monkeypatch.setenv("UNROLLED_BUILD", "1")
    quick["torch"] = "is not installed"
    show_environment()
    assert "✗ PyTorch: is not installed" in capsys.readouterr().out


def test_report_is_safe_html():
    report = Report([environment.Finding("F", False, "cannot write into `<b>`", "Ask.")])
    assert "<code>&lt;b&gt;</code>" in report._repr_html_()
    assert repr(report) == "1 of 1 points to look at.\n✗ F: cannot write into `<b>`. Ask."


@pytest.mark.parametrize("name", ["random", "typing", "numpy"])
def test_a_file_that_hides_a_module_is_told_and_ends_nothing(name, tmp_path):
    """In a process of its own, in whose folder the file lies: the check itself imports such modules."""
    (tmp_path / f"{name}.py").write_text("", encoding="utf-8")
    (tmp_path / "mine.py").write_text("", encoding="utf-8")
    code = (
        "from helpers import environment, installed\n"
        "installed.tried = lambda package, use='': ('', '9.9')\n"
        "environment.show_environment()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("✗")]
    assert len(told) == 1 and f"{name}.py` hides the module `{name}`. Rename `{name}.py`, then" in told[0]


def test_what_hides_nothing(monkeypatch, tmp_path):
    for name in ("test.py", "mine.py", "random.txt", "torch-2.9.dist-info/METADATA", "torch/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "json").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert hidden.hiding_files() == []
    (tmp_path / "json" / "__init__.py").write_text("", encoding="utf-8")
    assert hidden.hiding_files() == [str(tmp_path / "json")]


CHECKS = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
from helpers.checks import check

def rnn_step(x, h_prev, Wx, Wh, b):
    return np.tanh(x @ Wx + h_prev @ Wh + b)

check("rnn_step", rnn_step)
sys.modules["torch"] = None
check("look_back", rnn_step)
"""


def test_checks_go_on_with_a_torch_that_ends_python(broken, tmp_path):
    broken("torch", "import os; os._exit(9)")
    done = subprocess.run(
        [sys.executable, "-c", CHECKS.format(folder=str(tmp_path / "site-packages"))],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "✓ rnn_step: passed" in done.stdout and "torch.nn.RNNCell" not in done.stdout
    assert "○ look_back: not checked\n  It could not be checked: its cases need PyTorch, which" in done.stdout
