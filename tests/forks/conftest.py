"""A course in a bare repository, and working copies of it."""

import shutil
import sys

import pytest

from tests.forks.repositories import ROOT, commit, git


@pytest.fixture
def upstream(tmp_path):
    """The course as a bare repository, in small: the scripts, one chapter, one notebook."""
    if sys.platform != "linux" or not all(map(shutil.which, ("git", "bash"))):
        pytest.skip("the scripts run on Linux, with git and bash")
    work = tmp_path / "maintainers"
    git(tmp_path, "init", "--quiet", str(work))
    shutil.copytree(ROOT / ".github", work / ".github")
    commit(work, **{"solutions/01.py": "1", "notebooks/01_one.ipynb": "unsolved", "helpers/a.py": "1"})
    git(tmp_path, "clone", "--quiet", "--bare", str(work), str(tmp_path / "course.git"))
    git(work, "remote", "add", "origin", str(tmp_path / "course.git"))
    return tmp_path / "course.git"


@pytest.fixture
def clone(tmp_path):
    """clone(repository, name): a working copy."""

    def cloned(repository, name):
        git(tmp_path, "clone", "--quiet", str(repository), str(tmp_path / name))
        return tmp_path / name

    return cloned
