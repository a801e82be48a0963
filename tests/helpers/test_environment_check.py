"""The environment check finds what is really wrong, and says the same everywhere when nothing is."""

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest

from helpers import environment
from helpers.environment import Report, chapters_using, check_environment, show_environment

ROOT = Path(__file__).resolve().parents[2]


def finding(name):
    return next(found for found in check_environment() if found.name == name)


def hide(monkeypatch, package):
    """Make `import package` fail as if it were not installed."""
    real = environment.importlib.import_module

    def without(name, *rest):
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(environment.importlib, "import_module", without)


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


def test_missing_torch_says_which_chapters_need_it(monkeypatch):
    hide(monkeypatch, "torch")
    monkeypatch.setattr(environment, "chapters_using", lambda package, folder: ["02", "04"])
    found = finding("PyTorch")
    assert not found.ok
    assert "is not installed; chapters that need it: 02, 04" in found.text and "make lab" in found.advice
    assert finding("NumPy").ok


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


def test_missing_numpy_stops_every_chapter(monkeypatch):
    hide(monkeypatch, "numpy")
    assert "no chapter runs without it" in finding("NumPy").text


def test_a_package_that_breaks_on_import(monkeypatch):
    def broken(name, *rest):
        raise OSError("[WinError 126] The specified module could not be found")

    monkeypatch.setattr(environment.importlib, "import_module", broken)
    found = finding("PyTorch")
    assert not found.ok and "does not work: OSError: [WinError 126]" in found.text


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


def test_build_mode_shows_no_version_and_no_core_count(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_BUILD", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    show_environment()
    built = capsys.readouterr().out
    assert sys.version.split()[0] not in built and "cores:" not in built
    monkeypatch.delenv("UNROLLED_BUILD")
    show_environment()
    shown = capsys.readouterr().out
    assert ".".join(map(str, sys.version_info[:3])) in shown and "cores:" in shown


def test_build_mode_still_checks(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_BUILD", "1")
    hide(monkeypatch, "torch")
    show_environment()
    assert "✗ PyTorch: is not installed" in capsys.readouterr().out


def test_report_is_safe_html():
    report = Report([environment.Finding("F", False, "cannot write into `<b>`", "Ask.")])
    assert "<code>&lt;b&gt;</code>" in report._repr_html_()
    assert repr(report) == "1 of 1 points to look at.\n✗ F: cannot write into `<b>`. Ask."
