"""Commands that messages advise: make where it serves, python -m elsewhere."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from helpers import advice

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def prefix(monkeypatch, tmp_path):
    """An environment of one's own, made by nobody in particular."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return tmp_path


def test_make_where_make_installed_and_where_nothing_did(prefix, monkeypatch):
    (prefix / "installed").touch()
    assert advice.command("install") == "make lab"
    assert advice.command("train", "ptb-small") == "make train NAME=ptb-small"
    assert advice.command("update", "new.zip") == "make update FROM=new.zip"
    (prefix / "installed").unlink()
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    assert advice.command("progress") == "make progress"
    (prefix / "conda-meta").mkdir()
    assert advice.command("progress") == "python -m tools.progress"


def test_windows_has_no_make(prefix, monkeypatch):
    (prefix / "installed").touch()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("os.name", "nt")
    for target in advice.MODULES:
        assert advice.command(target).startswith("python -m ") and "make" not in advice.command(target)
    assert advice.command("train", "ptb-small") == "python -m helpers.experiments run ptb-small"
    assert advice.command("update", "new.zip") == "python -m tools.update --from new.zip"


def test_an_environment_of_uv_has_no_pip(prefix):
    (prefix / "pyvenv.cfg").write_text("home = /usr/bin\nuv = 0.9\n", encoding="utf-8")
    assert advice.command("install") == "uv pip install -c constraints.txt -e ."


def test_targets_and_modules_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    assert set(advice.MODULES) - {"install"} <= targets
    # Looking for pip would switch off what setuptools does to distutils, for all later tests of this process.
    modules = {line.split()[0] for line in advice.MODULES.values()} - {"pip"}
    assert all(importlib.util.find_spec(module) for module in modules)
