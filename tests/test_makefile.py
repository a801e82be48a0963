"""The Makefile: its help, how it finds Python and installs, what `clean` leaves. Nothing is downloaded."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M))

needs_make = pytest.mark.skipif(
    os.name != "posix" or not shutil.which("make"), reason="make is not here; plain pip lines serve instead"
)

FAKE_PYTHON = """#!/bin/sh
# A Python {version} for the Makefile to find; `pip install` and `venv` are counted, not done.
case "$*" in
    *"print("*) echo {version} ;;
    *"sys.exit(sys.version_info"*) exit {too_old} ;;
    *"import ensurepip"*) exit {bare} ;;
    "-m venv --clear "*)
        echo venv >> calls
        mkdir -p "$4/bin" && rm -f "$4/installed" && cp "$0" "$4/bin/python" ;;
    "-m pip --version") exit 0 ;;
    "-m pip install"*) echo install >> calls; exit {pip} ;;
    *) echo "unexpected: $*" >&2; exit 9 ;;
esac
"""


@pytest.fixture
def course(tmp_path):
    """A folder, with a space in its name, that holds what the Makefile needs to install."""
    folder = tmp_path / "my course"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def fake_python(folder, version="3.12.1", *, bare=0, pip=0, name="a python"):
    path = folder / name
    too_old = int(Version(version) < Version("3.11"))
    script = FAKE_PYTHON.format(version=version, too_old=too_old, bare=bare, pip=pip)
    path.write_text(script, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def make(folder, *arguments, **environment):
    foreign = ("MAKE", "MFLAGS", "PYTHON")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=env | environment, capture_output=True, text=True, timeout=60
    )


def calls(folder):
    path = folder / "calls"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def test_help_lists_the_targets():
    listed = set(re.findall(r'@echo "  make ([a-z][a-z-]*)', MAKEFILE))
    assert listed == TARGETS - {"help"}
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.M)
    assert set(phony.split()) == TARGETS | {"FORCE"}


@needs_make
def test_help_is_the_default(course):
    assert "make lab" in make(course).stdout
    assert not calls(course)


@needs_make
def test_a_python_that_is_too_old_gets_one_clear_line(course):
    run = make(course, ".venv/installed", f"PYTHON={fake_python(course, '3.10.4')}")
    assert run.returncode != 0
    [line, from_make] = run.stderr.strip().splitlines()
    assert "Python 3.11 or newer" in line and "3.10.4" in line and from_make.startswith("make")
    assert not (course / ".venv").exists()


@needs_make
def test_a_python_that_does_not_exist_gets_the_same_line(course):
    run = make(course, ".venv/installed", "PYTHON=/nowhere/python3")
    assert run.returncode != 0
    assert "Python 3.11 or newer" in run.stderr and "/nowhere/python3" in run.stderr


@needs_make
def test_a_python_without_venv_gets_a_clear_line(course):
    run = make(course, ".venv/installed", f"PYTHON={fake_python(course, bare=1)}")
    assert run.returncode != 0
    assert "python3-venv" in run.stderr.splitlines()[0]
    assert not (course / ".venv").exists()


@needs_make
def test_a_newer_python_is_found_behind_an_old_one(course):
    folder = course / "bin"
    folder.mkdir()
    fake_python(folder, "3.9.2", name="python3")
    fake_python(folder, bare=1, name="python3.13")
    fake_python(folder, "3.12.9", name="python3.12")
    run = make(course, ".venv/installed", PATH=f"{folder}:/usr/bin:/bin")
    assert run.returncode == 0, run.stderr
    assert "python3.12 (3.12.9)" in run.stdout


@needs_make
def test_a_second_call_installs_nothing_and_changed_pins_install_again(course):
    python = f"PYTHON={fake_python(course)}"
    assert make(course, ".venv/installed", python).returncode == 0
    assert make(course, ".venv/installed", python).returncode == 0
    assert calls(course) == ["venv", "install"]
    for name in ("constraints.txt", "pyproject.toml"):
        later = (course / ".venv" / "installed").stat().st_mtime + 5
        os.utime(course / name, (later, later))
        assert make(course, ".venv/installed", python).returncode == 0
        os.utime(course / name, (0, 0))
    assert calls(course) == ["venv", "install", "install", "install"]


@needs_make
def test_a_failed_installation_counts_as_none(course):
    assert make(course, ".venv/installed", f"PYTHON={fake_python(course, pip=1)}").returncode != 0
    assert not (course / ".venv" / "installed").exists()
    (course / ".venv" / "bin" / "python").unlink()   # whose pip would fail again
    assert make(course, ".venv/installed", f"PYTHON={fake_python(course)}").returncode == 0
    assert calls(course) == ["venv", "install", "venv", "install"]


@needs_make
def test_a_failed_update_counts_as_none(course):
    python = f"PYTHON={fake_python(course)}"
    assert make(course, ".venv/installed", python).returncode == 0
    fake_python(course / ".venv" / "bin", pip=1, name="python")
    later = (course / ".venv" / "installed").stat().st_mtime + 5
    os.utime(course / "constraints.txt", (later, later))
    assert make(course, ".venv/installed", python).returncode != 0
    assert not (course / ".venv" / "installed").exists()


@needs_make
def test_a_moved_course_is_installed_afresh(course):
    fake_python(course)
    assert make(course, ".venv/installed", "PYTHON=./a python").returncode == 0
    moved = course.rename(course.with_name("elsewhere"))
    assert make(moved, ".venv/installed", "PYTHON=./a python").returncode == 0
    assert calls(moved) == ["venv", "install", "venv", "install"]


@needs_make
def test_a_run_without_tests_fails_in_words(course):
    """pytest's exit status 5: nothing collected."""
    fake_python(course)
    assert make(course, ".venv-test/installed", "PYTHON=./a python").returncode == 0
    silent = '#!/bin/sh\ncase "$*" in *pytest*) exit 5 ;; *) exit 0 ;; esac\n'
    (course / ".venv-test" / "bin" / "python").write_text(silent, encoding="utf-8")
    run = make(course, "test")
    assert run.returncode != 0
    assert "No tests found in tests/" in run.stderr
    assert "All passed" not in run.stdout


@needs_make
def test_the_first_failure_stops_the_tests(course):
    fake_python(course)
    assert make(course, ".venv-test/installed", "PYTHON=./a python").returncode == 0
    broken = '#!/bin/sh\necho "$*" >> calls\ncase "$*" in *tools.build*) exit 1 ;; *) exit 0 ;; esac\n'
    (course / ".venv-test" / "bin" / "python").write_text(broken, encoding="utf-8")
    assert make(course, "test").returncode != 0
    ran = (course / "calls").read_text(encoding="utf-8")
    assert "ruff" in ran and "tools.build --check" in ran and "pytest" not in ran


@needs_make
def test_train_wants_a_name_from_the_command_line(course):
    fake_python(course)
    assert make(course, ".venv/installed", "PYTHON=./a python").returncode == 0
    run = make(course, "train", NAME="the-computer's-own-name")   # some systems set it
    assert run.returncode != 0 and "make train NAME=" in run.stderr


@needs_make
def test_train_and_update_hand_over_what_they_are_given(course):
    """Names with spaces, quotes and Hangul; `update` installs nothing where there is a Python already."""
    (course / ".venv" / "bin").mkdir(parents=True)
    python = course / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf "%s|" "$@" >> said\n', encoding="utf-8")
    python.chmod(0o755)
    for name in ("new version.zip", "a 'b' \"c\" 새 버전.zip"):
        assert make(course, "update", f"FROM={name}", FROM="the-computer's-own").returncode == 0
        assert (course / "said").read_text(encoding="utf-8") == f"-m|tools.update|--from|{name}|"
        (course / "said").unlink()
    assert make(course, "update", "UPDATE_OPTIONS=--dry-run", FROM="the-computer's-own").returncode == 0
    assert (course / "said").read_text(encoding="utf-8") == "-m|tools.update|--dry-run|"


@needs_make
def test_an_installation_without_a_network_ends_in_a_sentence(course):
    run = make(course, ".venv/installed", f"PYTHON={fake_python(course, pip=1)}")
    assert run.returncode != 0
    assert "It needs a network" in run.stderr and "Run the same command again" in run.stderr


@needs_make
def test_clean_keeps_notebooks_and_data(course):
    backup = "notebooks/.ipynb_checkpoints/a.ipynb"
    for name in ("notebooks/a.ipynb", backup, "data/cache/a", "data/runs/a.json"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text("mine", encoding="utf-8")
    kept = sorted(path for path in course.rglob("*") if path.name.startswith("a.") or path.name == "a")
    for name in ("helpers/__pycache__", "tools", "tests", ".venv/bin", ".venv-test/bin", "build"):
        (course / name).mkdir(parents=True)
    assert make(course, "clean").returncode == 0
    assert len(kept) == 4 and all(path.exists() for path in kept)
    for name in (".venv", ".venv-test", "build", "helpers/__pycache__"):
        assert not (course / name).exists()
