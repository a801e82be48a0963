"""The update: small courses with git and without it, with answers, in the states that folders get into."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from helpers import notebooks
from helpers.checks.box import MIME
from helpers.checks.sources import fingerprint
from helpers.files import lock, write_text
from helpers.progress import progress
from tools.update import plan as planning
from tools.update.cli import app
from tools.update.merge import merge, without_solutions

NAME = "notebooks/01_first.ipynb"
ANSWER = '    """Twice x."""\n    return x + x   # mine'
GIT = {
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip
pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not here")


# --- small courses


def exercise(name, line, arguments="x", solved=False):
    body = f"    ### BEGIN SOLUTION\n    {line}\n    ### END SOLUTION"
    cell = nbformat.v4.new_code_cell(f'def {name}({arguments}):\n    """Twice x."""\n{body}', id=name)
    cell.metadata = {"unrolled": {"exercise": name, "difficulty": 1, "minutes": 5, "number": "1.1"}}
    check = nbformat.v4.new_code_cell(f'{name} = check("{name}", {name})', id=f"{name}_check")
    check.metadata = {"unrolled": {"check": name}}
    return [cell, check]


def text(source, id):
    return nbformat.v4.new_markdown_cell(source, id=id)


def version(folder, *, intro="# First", demo="w = 1", arguments="x", more=(), helper="a = 1\n", packages="1"):
    """Write a version of a course of one chapter; `more` are exercises besides `double`."""
    cells = [text(intro, f"intro-{len(intro)}"), *exercise("double", "return 2 * x", arguments)]
    cells += [nbformat.v4.new_code_cell(demo, id=f"demo-{len(demo)}")]
    for name in more:
        cells += exercise(name, "return x / 2")
    solution = nbformat.v4.new_notebook(cells=cells)
    student = without_solutions(json.loads(nbformat.writes(solution)) | {"cells": [
        dict(cell) | {"source": cell.source} for cell in solution.cells]})  # fmt: skip
    write_text(folder / "solutions" / "01_first.ipynb", notebooks.dumps(solution))
    write_text(folder / NAME, notebooks.dumps(nbformat.from_dict(student)))
    write_text(folder / "helpers" / "layers.py", helper)
    write_text(folder / "tools" / "build" / "cli.py", helper)   # no machine's folder, other than build/
    write_text(folder / "pyproject.toml", f'name = "unrolled"\nversion = "{packages}"\n')
    write_text(folder / ".gitignore", "/build/\nnotebooks/replaced/\n")
    return folder


NEW = {"intro": "# First, better", "more": ["half"], "helper": "a = 2\n"}


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder, message="change"):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The first version, committed; for all tests of this file, with what a git of one's own would want."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in GIT.items():
            patch.setenv(name, value)
        folder = version(tmp_path_factory.mktemp("first") / "upstream")
        git(folder, "init", "-q", "-b", "main")
        commit(folder)
        yield folder


@pytest.fixture
def upstream(first, tmp_path):
    return Path(shutil.copytree(first, tmp_path / "upstream"))


@pytest.fixture
def clone(upstream, tmp_path):
    folder = tmp_path / "my Kürs"
    git(tmp_path, "clone", "-q", str(upstream), str(folder))
    return folder


@pytest.fixture
def unpacked(tmp_path):
    return version(tmp_path / "unrolled-main")


def release(upstream, **changes):
    version(upstream, **(NEW | changes))
    commit(upstream, "new version")


def zipped(tmp_path, **changes):
    version(tmp_path / "new" / "unrolled-main", **(NEW | changes))
    return Path(shutil.make_archive(str(tmp_path / "new"), "zip", tmp_path / "new"))


def solve(folder, name="double", answer=ANSWER, checked=True):
    """Answer an exercise and run its check, as a learner does; add a cell; change one."""
    notebook = nbformat.read(folder / NAME, as_version=4)
    for cell in notebook.cells:
        if cell.id == name:
            cell.source = cell.source.partition("\n")[0] + "\n" + answer
            data = {"exercise": name, "state": "passed", "fingerprint": fingerprint(cell.source, name)}
        elif cell.id == f"{name}_check" and checked:
            cell.outputs = [nbformat.v4.new_output("display_data", {MIME: data})]
            cell.execution_count = 3
    notebook.cells.insert(2, nbformat.v4.new_markdown_cell("A note of mine."))
    nbformat.write(notebook, folder / NAME)


def update(folder, *arguments):
    result = CliRunner().invoke(app, ["--course", str(folder), *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


def sources(folder, name=NAME):
    return [cell["source"] for cell in notebooks.read(folder / name)["cells"]]


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*") if path.is_file() and ".git/" not in path.as_posix() + "/"
    }  # fmt: skip


def assert_updated(folder, output):
    """The new version is there with the answer in it, and the old file is kept and named."""
    assert "Updated" in output
    found = sources(folder)
    assert found[0] == "# First, better" and any("def half" in source for source in found)
    assert found[1] == f"def double(x):\n{ANSWER}" and "A note of mine." in found
    nbformat.validate(nbformat.read(folder / NAME, as_version=4))
    for path in ("helpers/layers.py", "tools/build/cli.py"):
        assert (folder / path).read_text(encoding="utf-8") == "a = 2\n"
    states = {row.exercise: row.state for row in progress(folder / "notebooks")}
    assert states == {"double": "passed", "half": "not run"}
    assert "replaced/01_first-1.ipynb" in output and "double" in output
    assert "# First" in sources(folder, "notebooks/replaced/01_first-1.ipynb")


# --- with git


def test_answers_and_own_cells_come_along(upstream, clone):
    solve(clone)
    release(upstream)
    code, output = update(clone)
    assert code == 0, output
    assert_updated(clone, output)
    assert git(clone, "rev-parse", "HEAD") == git(upstream, "rev-parse", "HEAD")
    assert git(clone, "status", "--porcelain") == f"M {NAME}"
    before = files(clone)
    assert update(clone) == (0, "Up to date: the course has nothing newer.\n")
    assert files(clone) == before


def test_what_the_course_did_not_change_stays_to_the_byte(upstream, clone):
    solve(clone)
    write_text(clone / "helpers" / "layers.py", "a = 'mine'\n")
    before = (clone / NAME).read_bytes()
    release(upstream, intro="# First", more=(), helper="a = 1\n", packages="2")
    code, output = update(clone)
    assert code == 0 and (clone / NAME).read_bytes() == before
    assert (clone / "helpers" / "layers.py").read_text(encoding="utf-8") == "a = 'mine'\n"
    assert f"{NAME}: yours stays" in output and "make lab" in output
    assert not (clone / "notebooks" / "replaced").exists()


def test_a_dry_run_says_it_and_writes_nothing(upstream, clone):
    solve(clone)
    release(upstream)
    before, head = files(clone), git(clone, "rev-parse", "HEAD")
    code, output = update(clone, "--dry-run")
    assert code == 0 and "double" in output and "Updated" not in output
    assert (files(clone), git(clone, "rev-parse", "HEAD")) == (before, head)


def commit_answer(upstream, clone):
    commit(clone, "my answers")


def other_branch(upstream, clone):
    git(clone, "switch", "-q", "-c", "my-work")
    commit(clone, "my answers")


def no_branch(upstream, clone):
    git(clone, "checkout", "-q", "--detach")


def staged(upstream, clone):
    git(clone, "add", "-A")


def fork(upstream, clone):
    git(clone, "remote", "rename", "origin", "upstream")
    git(clone, "remote", "add", "origin", "/nowhere/my-fork.git")


def older_clone(upstream, clone):
    """The course has been worked on since, and the clone knows the beginning only."""
    for number in range(3):
        write_text(upstream / "helpers" / "other.py", f"{number}\n")
        commit(upstream)


def git_config(upstream, clone):
    git(clone, "config", "core.autocrlf", "true")
    git(clone, "config", "merge.ff", "no")
    git(clone, "config", "commit.gpgsign", "true")
    git(clone, "config", "fetch.prune", "true")


STATES = [commit_answer, other_branch, no_branch, staged, fork, older_clone, git_config]


@pytest.mark.parametrize("state", STATES)
def test_states_of_a_clone(upstream, clone, state):
    solve(clone)
    write_text(clone / "my notes.txt", "mine")
    branch = git(clone, "branch", "--show-current")
    state(upstream, clone)
    head = git(clone, "rev-parse", "HEAD")
    branch = git(clone, "branch", "--show-current")
    release(upstream)
    code, output = update(clone)
    assert code == 0, output
    assert_updated(clone, output)
    assert git(clone, "branch", "--show-current") == branch
    ancestors = git(clone, "rev-list", "HEAD").split()
    assert head in ancestors and git(upstream, "rev-parse", "HEAD") in ancestors
    assert (clone / "my notes.txt").read_text(encoding="utf-8") == "mine"
    assert git(clone, "diff", "--stat", "HEAD", "--", "helpers", "solutions") == ""
    git(clone, "pull", "-q") if state is older_clone else None
    assert update(clone)[1].startswith("Up to date")


def test_a_notebook_that_was_deleted_comes_back(upstream, clone):
    """Also without a new version, and what is staged stays so."""
    (clone / NAME).unlink()
    write_text(clone / "mine.py", "1")
    git(clone, "add", "mine.py")
    assert "01_first.ipynb: missing" in update(clone, "--dry-run")[1] and not (clone / NAME).exists()
    code, output = update(clone)
    assert (code, output.splitlines()[1:]) == (0, [f"  {NAME}: missing, brought back"])
    assert git(clone, "status", "--porcelain") == "A  mine.py"
    solve(clone)
    assert update(clone)[1] == "Up to date: the course has nothing newer.\n" and ANSWER in sources(clone)[1]


def test_another_owners_clone_is_refused_with_gits_own_remedy(upstream, clone, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    code, output = update(clone)
    assert code == 1 and "(`git config --global --add safe.directory" in output


def test_variables_of_another_repository_are_not_meant(upstream, clone, monkeypatch):
    solve(clone)
    release(upstream)
    head = git(upstream, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    code, _ = update(clone)
    monkeypatch.delenv("GIT_DIR")
    assert code == 0 and git(clone, "rev-parse", "HEAD") == head


def test_other_files_of_the_learner_are_kept_before_they_are_replaced(upstream, clone):
    """Edited, in the way of new ones, deleted; and what the course drops."""
    write_text(clone / "helpers" / "layers.py", "a = 'mine'\n")
    write_text(clone / "helpers" / "new.py", "untracked\n")
    write_text(upstream / "helpers" / "old.py", "1\n")
    write_text(upstream / "helpers" / "dropped.py", "1\n")
    commit(upstream)
    update(clone)
    write_text(clone / "helpers" / "old.py", "mine\n")
    (clone / "solutions" / "01_first.ipynb").unlink()
    for name in ("old", "dropped"):
        (upstream / "helpers" / f"{name}.py").unlink()
    write_text(upstream / "helpers" / "new.py", "the course's\n")
    release(upstream)
    code, output = update(clone)
    assert code == 0, output
    assert (clone / "helpers" / "layers.py").read_text(encoding="utf-8") == "a = 2\n"
    assert (clone / "helpers" / "new.py").read_text(encoding="utf-8") == "the course's\n"
    kept = clone / "notebooks" / "replaced" / "helpers"
    assert (kept / "layers-1.py").read_text(encoding="utf-8") == "a = 'mine'\n"
    assert (kept / "new-1.py").read_text(encoding="utf-8") == "untracked\n"
    assert "replaced/helpers/layers-1.py" in output and "replaced/helpers/new-1.py" in output
    assert (clone / "helpers" / "old.py").read_text(encoding="utf-8") == "mine\n" and "old.py" in output
    assert not (clone / "helpers" / "dropped.py").exists()
    assert (clone / "solutions" / "01_first.ipynb").exists()


def test_a_committed_change_of_a_helper_is_in_the_history_and_beside(upstream, clone):
    write_text(clone / "helpers" / "layers.py", "a = 'mine'\n")
    write_text(clone / "helpers" / "mine.py", "b\n")
    commit(clone, "mine")
    release(upstream)
    assert update(clone)[0] == 0
    assert git(clone, "status", "--porcelain") == ""
    assert "mine.py" in git(clone, "ls-files", "helpers")
    assert "mine" in (clone / "notebooks/replaced/helpers/layers-1.py").read_text(encoding="utf-8")


# --- in the middle of something: refused in words, nothing changed; the remedy works


def merging(clone):
    solve(clone)
    commit(clone, "mine")
    subprocess.run(["git", "pull", "-q", "--no-rebase"], cwd=clone, capture_output=True, check=False)
    return "git merge --abort"


def rebasing(clone):
    solve(clone)
    commit(clone, "mine")
    subprocess.run(["git", "pull", "-q", "--rebase"], cwd=clone, capture_output=True, check=False)
    return "git rebase --abort"


def popping(clone):
    solve(clone)
    git(clone, "stash")
    git(clone, "pull", "-q")
    subprocess.run(["git", "stash", "pop"], cwd=clone, capture_output=True, check=False)
    return f"git checkout --theirs -- {NAME} && git add {NAME}"


@pytest.mark.parametrize("begin", [merging, rebasing, popping])
def test_an_unfinished_merge_is_refused_and_the_advice_works(upstream, clone, begin):
    release(upstream, intro="# Second", demo="w = 2")
    version(upstream, intro="# First, better", more=["half"], helper="a = 2\n")
    (nb := nbformat.read(upstream / NAME, as_version=4)).cells[1].source += "   # changed"
    nbformat.write(nb, upstream / NAME)
    commit(upstream)
    remedy = begin(clone)
    before = files(clone)
    code, output = update(clone)
    assert code == 1 and output.startswith("Not updated")
    said = remedy.replace(NAME, "FILE").split(" && ")
    assert all(part in output for part in said), output
    assert files(clone) == before
    assert subprocess.run(remedy, shell=True, cwd=clone, capture_output=True, check=False).returncode == 0
    if begin is popping:   # what the stash could not bring together is in the file that was taken
        assert update(clone)[0] == 0
        assert f"def double(x):\n{ANSWER}" in sources(clone)
    else:
        assert update(clone)[0] == 0
        assert f"{ANSWER}" in "\n".join(sources(clone))


@pytest.mark.parametrize("damage, said", [
    (lambda clone: git(clone, "remote", "set-url", "origin", "/nowhere"), "make update FROM=unrolled.zip"),
    (lambda clone: git(clone, "remote", "remove", "origin"), "no remote"),
    (lambda clone: shutil.rmtree(clone / "helpers"), "no folder of the course"),
    (lambda clone: (clone / "pyproject.toml").write_bytes(b"\xff\xfe"), "no folder of the course"),
    (lambda clone: git(clone, "symbolic-ref", "HEAD", "refs/heads/empty"), "shares no history"),
])  # fmt: skip
def test_no_update_to_be_had(upstream, clone, damage, said):
    solve(clone)
    release(upstream)
    damage(clone)
    before = files(clone)
    code, output = update(clone)
    assert code == 1 and said in output and output.count("\n") == 1
    assert files(clone) == before


@pytest.mark.parametrize("source", ["nowhere.zip", "~/nowhere.zip", "--upload-pack=x"])
def test_a_source_that_is_not_there(upstream, clone, source):
    code, output = update(clone, f"--from={source}")
    assert code == 1 and output.startswith(f"Not updated: got {source}, wanted a file or folder")


def test_without_git_the_message_says_so(clone, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, output = update(clone)
    assert code == 1 and "git is not installed" in output and "unrolled.zip" in output


# --- from a zip file or a folder


def test_from_a_zip_without_git(unpacked, tmp_path):
    solve(unpacked)
    new = zipped(tmp_path)
    code, output = update(unpacked, "--from", new)
    assert code == 0, output
    assert_updated(unpacked, output)
    before = files(unpacked)
    code, output = update(unpacked, "--from", new)
    assert code == 0 and files(unpacked) == before and output.startswith("Up to date")
    shutil.rmtree(tmp_path / "new")   # the next one knows what this one brought: only the notebook is kept
    code, output = update(unpacked, "--from", zipped(tmp_path, helper="a = 3\n", intro="# Third"))
    assert code == 0, output
    kept = sorted(path.name for path in (unpacked / "notebooks" / "replaced").rglob("*.*"))
    assert [name for name in kept if "layers" in name] == ["layers-1.py"]
    assert sources(unpacked)[0] == "# Third" and f"def double(x):\n{ANSWER}" in sources(unpacked)


def test_many_replaced_helpers_do_not_hide_the_notebooks(unpacked, tmp_path):
    solve(unpacked)
    for number in range(20):
        write_text(unpacked / "helpers" / f"{number}.py", "1")
        write_text(tmp_path / "new" / "unrolled-main" / "helpers" / f"{number}.py", "2")
    code, output = update(unpacked, "--from", zipped(tmp_path))
    assert code == 0 and "23 files outside notebooks/" in output and output.count("\n") == 4
    assert (unpacked / "notebooks" / "replaced" / "helpers" / "19-1.py").exists()
    assert_updated(unpacked, output)


def test_from_a_zip_the_unchanged_chapter_stays(unpacked, tmp_path):
    solve(unpacked)
    before = (unpacked / NAME).read_bytes()
    code, _ = update(unpacked, "--from", zipped(tmp_path, intro="# First", more=()))
    assert code == 0 and (unpacked / NAME).read_bytes() == before


def test_a_clone_takes_a_zip_and_then_git(upstream, clone, tmp_path):
    solve(clone)
    git(clone, "remote", "set-url", "origin", "/nowhere")
    code, output = update(clone, "--from", zipped(tmp_path))
    assert code == 0, output
    assert_updated(clone, output)
    assert not (clone / "notebooks" / "replaced" / "helpers").exists()
    release(upstream)
    git(clone, "remote", "set-url", "origin", str(upstream))
    code, output = update(clone)
    assert code == 0 and f"def double(x):\n{ANSWER}" in sources(clone)
    assert git(clone, "rev-parse", "HEAD") == git(upstream, "rev-parse", "HEAD")


def test_from_a_folder_and_from_another_clone(upstream, clone, unpacked, tmp_path):
    solve(clone)
    solve(unpacked)
    release(upstream)
    code, output = update(clone, "--from", upstream)
    assert code == 0, output
    assert_updated(clone, output)
    code, output = update(unpacked, "--from", upstream)
    assert code == 0, output
    assert_updated(unpacked, output)


def cut(path):
    path.write_bytes(path.read_bytes()[:-60])
    return path


@pytest.mark.parametrize("source, said", [
    (lambda tmp: cut(zipped(tmp)), "download it again"),
    (lambda tmp: write_text(tmp / "a.zip", "<html>") or tmp / "a.zip", "download it again"),
    (lambda tmp: tmp / "nowhere.zip", "no file or folder"),
    (lambda tmp: (tmp / "empty").mkdir() or tmp / "empty", "no version of the course"),
    (lambda tmp: tmp / "unrolled-main", "is the folder that is to be updated"),
])  # fmt: skip
def test_downloads_that_are_none(unpacked, tmp_path, source, said):
    solve(unpacked)
    before = files(unpacked)
    code, output = update(unpacked, "--from", source(tmp_path))
    assert code == 1 and said in " ".join(output.split()), output
    assert files(unpacked) == before
    code, output = update(unpacked)
    assert code == 1 and "Download the course as a zip file" in output


def test_the_two_folders_confused(unpacked, tmp_path):
    """Someone in the new folder names the old one, with their answers, as the new version."""
    solve(unpacked)
    new = version(tmp_path / "new version", **NEW)
    before = files(new)
    code, output = update(new, "--from", unpacked)
    assert code == 1 and files(new) == before
    assert f"--course {unpacked}" in output
    code, output = update(unpacked, "--from", new)
    assert code == 0
    assert_updated(unpacked, output)


def test_a_zip_that_climbs_out_writes_inside(unpacked, tmp_path):
    archive = zipped(tmp_path)
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("../../climbed.txt", "x")
    update(unpacked, "--from", archive)
    assert not list(tmp_path.parent.rglob("climbed.txt"))


# --- failures half-way


def test_a_second_update_waits_for_the_first(upstream, clone):
    release(upstream)
    began, owned = threading.Event(), []

    def first():
        with lock(clone / "build" / "update"):
            began.set()
            time.sleep(0.3)
            owned.append((clone / "helpers" / "layers.py").read_text(encoding="utf-8"))

    thread = threading.Thread(target=first)
    thread.start()
    began.wait()
    code, output = update(clone)
    thread.join()
    assert code == 0 and owned == ["a = 1\n"] and "Another process is at work on update" in output


@pytest.mark.torture
def test_two_updates_at_once(upstream, clone):
    solve(clone)
    release(upstream)
    command = [sys.executable, "-m", "tools.update", "--course", str(clone)]
    options = {"stdout": subprocess.PIPE, "text": True, "encoding": "utf-8", "cwd": Path(__file__).parents[2]}
    both = [subprocess.Popen(command, **options) for _ in range(2)]
    outputs = [process.communicate(timeout=100)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("Updated" in output for output in outputs) == 1
    assert sum("Up to date" in output for output in outputs) == 1
    assert f"def double(x):\n{ANSWER}" in sources(clone)


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_full_disk_loses_nothing_and_the_same_command_goes_on(upstream, clone, monkeypatch, fails_at):
    solve(clone)
    release(upstream)
    mine = (clone / NAME).read_bytes()
    done, real = [], planning.writing

    def writing(path, mode):
        done.append(path)
        if len(done) == fails_at:
            raise OSError(28, "No space left on device", str(path))
        return real(path, mode)

    monkeypatch.setattr(planning, "writing", writing)
    code, output = update(clone)
    assert code == 1 and "No space left" in output and "goes on" in output
    kept = clone / "notebooks" / "replaced" / "01_first-1.ipynb"
    assert mine in (kept.read_bytes(), (clone / NAME).read_bytes())
    monkeypatch.setattr(planning, "writing", real)
    code, output = update(clone)
    assert code == 0, output
    assert git(clone, "rev-parse", "HEAD") == git(upstream, "rev-parse", "HEAD")
    assert f"def double(x):\n{ANSWER}" in sources(clone) and "A note of mine." in sources(clone)
    assert mine in [path.read_bytes() for path in kept.parent.iterdir()]


@pytest.mark.parametrize("begins", ["before", "at the end"])
def test_git_that_is_busy(upstream, clone, monkeypatch, begins):
    solve(clone)
    release(upstream)
    before, busy = files(clone), (clone / ".git" / "index.lock").touch
    if begins == "before":
        busy()
    else:
        monkeypatch.setattr("tools.update.cli.carry_out", lambda *a: (planning.carry_out(*a), busy())[0])
    code, output = update(clone)
    assert code == 1 and "index.lock" in output
    assert files(clone) == before if begins == "before" else "goes on" in output
    monkeypatch.undo()
    (clone / ".git" / "index.lock").unlink()
    code, output = update(clone)
    assert code == 0 and git(clone, "rev-parse", "HEAD") == git(upstream, "rev-parse", "HEAD")
    assert f"def double(x):\n{ANSWER}" in sources(clone)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(upstream, clone):
    release(upstream)
    (clone / "helpers").chmod(0o500)
    code, output = update(clone)
    (clone / "helpers").chmod(0o700)
    assert code == 1 and "cannot be written" in output


def test_a_folder_in_the_way(upstream, clone):
    solve(clone)
    write_text(clone / "helpers" / "new.py" / "mine.txt", "mine")
    write_text(upstream / "helpers" / "new.py", "1")
    release(upstream)
    before = files(clone)
    code, output = update(clone)
    assert code == 1 and "helpers/new.py is in the way" in output and files(clone) == before
    (clone / "helpers" / "new.py").rename(clone / "helpers" / "mine")
    assert update(clone)[0] == 0


# --- notebooks


def stubs(folder):
    return notebooks.read(folder / NAME)


def test_a_changed_beginning_stands_above_the_answer(upstream, clone):
    solve(clone)
    release(upstream, arguments="x, scale=1")
    code, output = update(clone)
    assert code == 0 and "another beginning" in output
    source = sources(clone)[1]
    assert "# def double(x, scale=1):" in source and source.endswith(f"def double(x):\n{ANSWER}")
    compile(source, "cell", "exec")
    assert {row.exercise: row.state for row in progress(clone / "notebooks")}["double"] == "not run"


def test_an_exercise_that_was_not_begun_is_the_new_one(upstream, clone):
    nbformat.write(nbformat.read(clone / NAME, as_version=4), clone / NAME, version=4)
    notebook = nbformat.read(clone / NAME, as_version=4)
    notebook.cells[0].source += "\nunderlined"
    nbformat.write(notebook, clone / NAME)
    release(upstream, arguments="x, scale=1")
    assert update(clone)[0] == 0
    assert sources(clone)[1].startswith("def double(x, scale=1):") and "answer" not in sources(clone)[1]


def test_a_notebook_without_metadata_gets_them_back(upstream, clone):
    solve(clone)
    notebook = json.loads((clone / NAME).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    (clone / NAME).write_text(json.dumps(notebook | {"nbformat_minor": 4}), encoding="utf-8")
    release(upstream)
    code, output = update(clone)
    assert code == 0
    assert_updated(clone, output)
    assert nbformat.read(clone / NAME, as_version=4).cells[1].metadata.unrolled.exercise == "double"


@pytest.mark.parametrize("text", ["", "{", "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> b\n"])
def test_a_notebook_that_cannot_be_read_is_kept(upstream, clone, text):
    write_text(clone / NAME, text)
    release(upstream)
    code, output = update(clone)
    assert code == 0 and "cannot be read" in output and "replaced/01_first-1.ipynb" in output
    assert (clone / "notebooks/replaced/01_first-1.ipynb").read_text(encoding="utf-8") == text
    assert sources(clone)[0] == "# First, better"


def test_own_and_changed_cells(tmp_path):
    """What is whose: cells added, changed by the learner, by the course, by both, copied, moved, deleted."""
    base = stubs(version(tmp_path / "old"))
    new = stubs(version(tmp_path / "new", intro="# New"))
    mine = json.loads(json.dumps(base))
    _, double, check, demo = mine["cells"]
    demo["source"] = "w = -1.5"
    copied = {**demo, "source": "w = 3"}
    own = {"cell_type": "code", "source": "print(1)", "metadata": {"tags": 3}, "outputs": [{"x": 1}]}
    own["id"] = "no id"
    odd = {"cell_type": "sql", "source": "select 1", "metadata": {}, "outputs": []}
    double["source"] = f"def double(x):\n{ANSWER}"
    blank = {**own, "source": " \n"}
    mine["cells"] = [own, demo, copied, double, check, dict(check), dict(double), odd, blank]
    merged = merge(mine, new, base)
    found = [cell["source"] for cell in merged.notebook["cells"]]
    assert found == ["print(1)", "# New", double["source"], check["source"], "select 1", "w = -1.5", "w = 3"]
    assert merged.carried == ["double"] and merged.own == 3 and not merged.left
    nbformat.validate(nbformat.from_dict(merged.notebook))
    newer = stubs(version(tmp_path / "newer", demo="w = 1   # the weight"))
    merged = merge(mine, newer, base)
    assert "w = 1   # the weight" in [cell["source"] for cell in merged.notebook["cells"]]
    assert merged.left == 2


def test_an_old_stub_is_no_answer_even_if_nobody_knows_the_old_version(tmp_path):
    mine = stubs(version(tmp_path / "old"))
    new = stubs(version(tmp_path / "new", arguments="x, scale=1"))
    assert not merge(mine, new).carried
    mine["cells"][1]["source"] += "\n    return 2 * x"
    assert merge(mine, new).carried == ["double"]


def test_a_cell_magic_stays_first(tmp_path):
    base, new = stubs(version(tmp_path / "old")), stubs(version(tmp_path / "new", arguments="x, y"))
    mine = json.loads(json.dumps(base))
    mine["cells"][1]["source"] = f"%%time\ndef double(x):\n{ANSWER}"
    source = merge(mine, new, base).notebook["cells"][1]["source"]
    assert source.startswith("%%time\ndef double(x)") and "# def double(x, y):" in source


def test_help_and_usage():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0 and "--dry-run" in result.output
    assert CliRunner().invoke(app, ["--nonsense"]).exit_code == 2


# --- editions


KOREAN = "notebooks/ko/01_first.ipynb"


def translated(folder, words):
    """The Korean edition of the version in `folder`: the same cells and ids, its texts in other words."""
    for place in ("solutions", "notebooks"):
        notebook = nbformat.read(folder / place / "01_first.ipynb", as_version=4)
        for cell in notebook.cells:
            for english, korean in words.items():
                cell.source = cell.source.replace(english, korean)
        write_text(folder / place / "ko" / "01_first.ipynb", notebooks.dumps(notebook))
    return folder


@pytest.mark.parametrize("solutions", [True, False], ids=["with solutions", "a class's copy"])
def test_answers_stay_in_the_edition_in_which_they_stood(tmp_path, unpacked, solutions):
    translated(unpacked, {"# First": "# 처음", "Twice x.": "x의 두 배."})
    notebook = nbformat.read(unpacked / KOREAN, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("return 2 * x", "").replace(
            "# YOUR CODE HERE\n    raise NotImplementedError", "return x + x   # 내 답"
        )
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("내 메모"))
    nbformat.write(notebook, unpacked / KOREAN)
    if not solutions:
        shutil.rmtree(unpacked / "solutions")
    new = version(tmp_path / "new" / "unrolled-main", more=["half"], helper="a = 2\n")
    translated(new, {"# First": "# 첫걸음", "Twice x.": "x의 두 배."})
    code, output = update(unpacked, "--from", new)
    assert code == 0 and f"{KOREAN}: your answers are in it: double" in output, output
    korean, english = sources(unpacked, KOREAN), sources(unpacked)
    assert [source for source in korean if "내 답" in source] == [
        'def double(x):\n    """x의 두 배."""\n    return x + x   # 내 답'
    ]
    assert "내 메모" in korean and any("def half" in source for source in korean)
    if solutions:
        assert korean[0] == "# 첫걸음" and "# 처음" not in korean
    assert "내 답" not in "".join(english) and any("def half" in source for source in english)
    assert "내 메모" in sources(unpacked, "notebooks/replaced/ko/01_first-1.ipynb")


def test_a_download_whose_other_edition_has_been_worked_in_is_no_version(tmp_path, unpacked):
    new = translated(version(tmp_path / "new"), {"# First": "# 처음"})
    path = new / KOREAN
    text = path.read_text(encoding="utf-8").replace("raise NotImplementedError", "return 2 * x")
    path.write_text(text, encoding="utf-8")
    code, output = update(unpacked, "--from", new)
    assert code == 1 and "ko/01_first.ipynb in " in output and "has been worked in" in output
