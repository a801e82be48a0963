"""Nobody's own settings reach the build and the tests, and digits are compared only where they can agree."""

import asyncio
import importlib.util
import os
import platform
import re
import types
from pathlib import Path

import nbformat
import pytest

from helpers import building, processor
from tools.build import arithmetic, execute

ROOT = Path(__file__).resolve().parents[2]
OWN = {
    "MATPLOTLIBRC": "there", "MPLBACKEND": "TkAgg", "PYTHONSTARTUP": "a.py", "PYTHONWARNINGS": "error",
    "PYTHONPATH": "there", "JUPYTER_PATH": "there", "JUPYTER_CONFIG_DIR": "there", "IPYTHONDIR": "there",
    "LC_ALL": "ko_KR.EUC-KR", "LANG": "ko", "COLUMNS": "40", "TQDM_DISABLE": "1", "UNROLLED_X": "there",
    "OMP_NUM_THREADS": "7", "OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "TORCH_LOGS": "all", "ATEN_CPU_CAPABILITY": "default", "FORCE_COLOR": "1",
}  # fmt: skip


@pytest.mark.parametrize("own_arithmetic", [False, True])
def test_no_variable_of_ones_own_reaches_a_kernel(own_arithmetic, monkeypatch, tmp_path):
    for name, value in OWN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONHOME", "kept")
    monkeypatch.setattr(processor, "has_avx2", lambda: True)
    given = execute.kernel_environment(str(tmp_path), own_arithmetic)
    assert not {name for name, value in OWN.items() if given.get(name) == value}
    assert given["PYTHONHOME"] == "kept" and given["PATH"] == os.environ["PATH"]
    assert ("OPENBLAS_CORETYPE" in given) != own_arithmetic


def test_a_processor_without_the_instructions_is_not_told_to_use_them(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "instruction_sets", lambda: {"numpy": ["SSE", "SSE42", "AVX"]})
    assert not execute.SAME_ARITHMETIC.keys() & execute.kernel_environment(str(tmp_path)).keys()
    monkeypatch.setattr(processor, "instruction_sets", lambda: {"numpy": ["SSE", "FMA3", "AVX2"]})
    assert execute.SAME_ARITHMETIC.items() <= execute.kernel_environment(str(tmp_path)).items()


def test_a_folder_that_cannot_be_written_is_replaced(monkeypatch, tmp_path):
    (tmp_path / "build").write_text("a file")
    monkeypatch.setattr(building, "__file__", str(tmp_path / "helpers" / "building.py"))
    folder = Path(building.own_folder("matplotlib"))
    assert folder.is_dir() and tmp_path not in folder.parents
    folder.rmdir()


CELL = """
import sys, matplotlib
print(matplotlib.rcParams["font.family"], matplotlib.rcParams["lines.linewidth"], sys.warnoptions)
print("startup" in globals(), sys.flags.utf8_mode)
"""


def test_files_of_ones_own_reach_no_chapter(monkeypatch, tmp_path):
    home = tmp_path / "home"
    for name, text in {
        ".config/matplotlib/matplotlibrc": "lines.linewidth: 7",
        "rc/matplotlibrc": "font.family: NanumGothic",
        ".ipython/profile_default/startup/a.py": "startup = 1",
        "startup.py": "startup = 1",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MATPLOTLIBRC", str(home / "rc"))
    monkeypatch.setenv("PYTHONSTARTUP", str(home / "startup.py"))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    asyncio.run(execute.execute(notebook, tmp_path))
    [output] = notebook.cells[0].outputs
    assert output.text == "['sans-serif'] 1.5 []\nFalse 1\n"


# --- Digits -------------------------------------------------------------------------------------------


def test_what_outputs_were_computed_with_is_what_the_build_asks_for():
    pins = dict(re.findall(r"^(numpy|torch)==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    wanted = arithmetic.computed_with()
    assert (wanted["NumPy"], wanted["torch"]) == (pins["numpy"], pins["torch"])
    assert wanted["BLAS kernel"] == execute.SAME_ARITHMETIC["OPENBLAS_CORETYPE"]
    assert wanted["torch's kernels"].lower() == execute.SAME_ARITHMETIC["ATEN_CPU_CAPABILITY"]


@pytest.mark.skipif(platform.machine() != "x86_64" or platform.system() != "Linux", reason="its own kernels")
def test_older_instructions_are_noticed(tmp_path):
    older = execute.kernel_environment(str(tmp_path)) | {
        "OPENBLAS_CORETYPE": "Nehalem",
        "ATEN_CPU_CAPABILITY": "default",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    }
    told = arithmetic.differs(older)
    assert "BLAS kernel: Nehalem, not Haswell" in told
    assert re.search(r"torch's kernels: (DEFAULT|NO AVX), not AVX2", told)


def test_a_python_that_ends_is_different_too(monkeypatch):
    monkeypatch.setattr(arithmetic, "_LOOK", "raise SystemExit('no torch')")
    assert arithmetic.differs(dict(os.environ)) == "no torch"


@pytest.mark.parametrize("difference", ["", "torch: 2.6.0, not 2.13.0"])
def test_outputs_are_compared_only_where_digits_agree(difference, monkeypatch):
    spec = importlib.util.spec_from_file_location("the_conftest", ROOT / "conftest.py")
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    monkeypatch.setattr(conftest, "os", types.SimpleNamespace(environ=dict(OWN)))
    monkeypatch.setattr(arithmetic, "differs", lambda environment: difference)
    option = types.SimpleNamespace(nbval=True, nbval_lax=False, pythonwarnings=[])
    config = types.SimpleNamespace(option=option, getoption=lambda name, default=None: getattr(option, name))
    conftest.pytest_configure(config)
    assert (option.nbval, option.nbval_lax) == ((False, True) if difference else (True, False))
    said = []
    reporter = types.SimpleNamespace(section=lambda *a, **k: None, line=said.append)
    conftest.pytest_terminal_summary(reporter, config)
    assert [difference in line for line in said] == ([True] if difference else [])


def test_what_belongs_together_stays_on_one_worker(request):
    """xdist groups by what stands behind the last @ of a test's name, if pytest lets it write there."""
    if not request.config.getoption("loadgroup", False):
        pytest.skip("without xdist")
    assert request.node.nodeid.endswith("@test_own_settings-")
