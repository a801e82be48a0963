"""A release of chapters 0 and 1, unpacked into a path with a blank."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


class Release:
    """`made`: the contents; `data`: the zip file's bytes; `folder`: where it is unpacked;
    `environment`: in which nothing but it is found."""

    def __init__(self, made, data, folder):
        self.made, self.data, self.folder = made, data, folder
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.environment["OMP_NUM_THREADS"] = "1"

    def python(self, *arguments, **options):
        """Run Python in the folder, where only the release's helpers are found first."""
        return subprocess.run([sys.executable, *map(str, arguments)], cwd=self.folder, capture_output=True,
                              text=True, env=self.environment, **options)  # fmt: skip


def release(into, chapters, solved=()):
    """A release of `chapters` (full names) unpacked below the folder `into`."""
    from tools.release.cli import write_zip
    from tools.release.contents import contents

    made, file = contents(ROOT, set(chapters), set(solved)), io.BytesIO()
    write_zip(file, made.files)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(into)
    return Release(made, file.getvalue(), into / "unrolled")


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Chapters 0 and 1."""
    return release(tmp_path_factory.mktemp("release") / "my class", ["00_start_here", "01_rnn_recap"])


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """All chapters."""
    names = [path.stem for path in (ROOT / "solutions").glob("[0-9][0-9]_*.py")]
    return release(tmp_path_factory.mktemp("release") / "my class", names)
