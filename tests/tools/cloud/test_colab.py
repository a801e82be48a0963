"""Colab's notebooks: what they get, and the first cell run against a repository of this machine."""

import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers.checks import CHAPTERS
from tools.cloud import colab
from tools.cloud.cli import app

ROOT = Path(__file__).resolve().parents[3]
COMMIT = "1234567890" * 4


def test_every_chapter_gets_the_cell_in_front_and_stays_as_it_is(tmp_path):
    options = ["--repository", "some-one/unrolled.fork", "--commit", COMMIT, "--out", str(tmp_path / "new")]
    assert CliRunner().invoke(app, options).exit_code == 0
    root = ROOT / "notebooks"
    chapters = [path for each in ("", "ko") for path in sorted((root / each).glob("[0-9][0-9]_*.ipynb"))]
    assert len(chapters) == 2 * len(CHAPTERS)
    made = {path.relative_to(tmp_path / "new") for path in (tmp_path / "new").rglob("*.ipynb")}
    assert made == {path.relative_to(root) for path in chapters}
    for path in chapters:
        text = (tmp_path / "new" / path.relative_to(root)).read_text(encoding="utf-8")
        first, *others = json.loads(text)["cells"]
        code = next(cell for cell in others if cell["cell_type"] == "code")
        korean = path.parent.name == "ko"
        assert ('use("ko")' in "".join(code["source"])) == korean
        where = f"/{path.parent.relative_to(ROOT).as_posix()}"
        assert f'os.chdir(f"{{FOLDER}}{where}")' in "".join(first["source"])
        assert others == json.loads(path.read_text(encoding="utf-8"))["cells"]
        source = "".join(first["source"])
        assert "https://github.com/some-one/unrolled.fork" in source and COMMIT in source
        assert "OWNER" not in source and "google.colab" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("repository", "commit", "named"),
    [("unrolled", COMMIT, "repository"), ("a/b", "main", "commit"), ('a/b"\nx', COMMIT, "repository")],
)
def test_what_is_no_address_is_refused(repository, commit, named, tmp_path):
    with pytest.raises(ValueError, match=named):
        colab.first_cell(repository, commit)
    options = ["--repository", repository, "--commit", commit, "--out", str(tmp_path / "new")]
    run = CliRunner().invoke(app, options)
    assert run.exit_code == 2 and named in run.output and not (tmp_path / "new").exists()


def test_elsewhere_the_cell_does_nothing():
    namespace = {}
    exec(colab.first_cell("some-one/unrolled", COMMIT), namespace)
    assert "fetch_course" in namespace


git = pytest.mark.skipif(not shutil.which("git"), reason="git is not here")


@pytest.fixture
def lent(tmp_path, monkeypatch):
    """(run the cell in a machine like Colab's, the commands of pip that it gave)."""
    given, real = [], subprocess.run
    upstream, folder = tmp_path / "upstream", tmp_path / "content" / "unrolled"
    (upstream / "notebooks" / "ko").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", upstream)
    (upstream / "notebooks" / "00.ipynb").write_text("first", encoding="utf-8")
    (upstream / "notebooks" / "ko" / "00.ipynb").write_text("처음", encoding="utf-8")

    def in_upstream(*command):
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "uploadpack.allowAnySHA1InWant=true"]
        done = real(["git", *who, *command], cwd=upstream, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit():
        in_upstream("add", ".")
        in_upstream("commit", "-qm", "a version")
        return in_upstream("rev-parse", "HEAD")

    in_upstream("init", "-q")

    def run(command, **options):
        if "pip" in command:
            given.append(list(command))
            return types.SimpleNamespace(returncode=0, stdout="", stderr="")
        return real(command, **options)

    def cell(sha, *place):
        source = colab.first_cell("some-one/unrolled", sha, *place).replace("/content/unrolled", str(folder))
        source = re.sub(r"https://github\S+?(?=\")", upstream.as_uri(), source)
        exec(source, {})
        return folder

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return types.SimpleNamespace(cell=cell, commit=commit, upstream=upstream, given=given)


@git
def test_on_colab_it_fetches_the_commit_and_leaves_colabs_packages_alone(lent, capsys):
    sha = lent.commit()
    (lent.upstream / "notebooks" / "00.ipynb").write_text("second", encoding="utf-8")
    newer = lent.commit()
    folder = lent.cell(newer)
    assert Path.cwd() == folder / "notebooks" and str(folder) in sys.path
    assert Path("00.ipynb").read_text(encoding="utf-8") == "second"
    asked, course = lent.given
    assert any(each.startswith("filelock") for each in asked) and "--no-deps" in course
    assert not [each for each in asked if re.match("ipy|jupyterlab|numpy|torch|matplotlib", each)]
    assert "Ready" in capsys.readouterr().out
    Path("00.ipynb").write_text("a run again keeps what was changed", encoding="utf-8")
    lent.cell(newer)
    assert "a run again" in Path("00.ipynb").read_text(encoding="utf-8")
    lent.cell(sha)   # a notebook of another version
    assert Path("00.ipynb").read_text(encoding="utf-8") == "first"


@git
def test_a_notebook_of_another_edition_goes_on_in_its_own_folder(lent):
    folder = lent.cell(lent.commit(), "notebooks/ko")
    assert Path.cwd() == folder / "notebooks" / "ko" and str(folder) in sys.path


@git
def test_a_commit_that_is_not_there_is_told_in_words(lent):
    lent.commit()
    with pytest.raises(RuntimeError, match="Fetching failed; run this cell again"):
        lent.cell(COMMIT)


def test_the_environment_report_leaves_colabs_jupyter_to_colab(monkeypatch):
    from helpers import environment

    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    names = {entry.name for entry in environment._requirements()}
    assert "tqdm" in names and not names & {"ipykernel", "ipywidgets", "jupyterlab"}
    assert "first cell" in environment.reinstall()
