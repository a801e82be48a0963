"""A copy of the course, as a learner has it, and JupyterLab on it, begun as `make lab` begins it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import venv
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil

from helpers.building import SETTINGS, without

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "build", "__pycache__", ".ipynb_checkpoints", ".*_cache", ".hypothesis", "*.egg-info",
    "cache", "checkpoints", "own", "replaced",
)  # fmt: skip
EXTENSIONS = ("@jupyter-widgets", "jupyterlab_pygments")   # a learner's; the tests' environment has more
SERVER_EXTENSIONS = ("jupyter-lsp-jupyter-server", "jupyter_server_terminals", "jupyterlab", "notebook_shim")
BROWSER = """#!/bin/sh
printf %s "$1" > "$HOME/new" && mv "$HOME/new" "$HOME/opened"
"""


class Course:
    """The course copied into `folder`; its .venv borrows the packages of the environment that tests run in.

    So everything but the installation is the learner's: the Makefile's recipe, the course's own `helpers` and
    settings of JupyterLab, none of the extensions that only authors have, and a home folder of its own.
    """

    def __init__(self, folder: Path):
        self.folder, self.home = folder / "my course", folder / "home"
        self.home.mkdir()
        shutil.copytree(ROOT, self.folder, ignore=LEFT_OUT)
        self.given = Path(shutil.copytree(self.folder / "notebooks", folder / "given"))
        self._borrow_packages()

    def notebook(self, name: str) -> Path:
        """The path of notebooks/`name`.ipynb, which is again as the course gives it out; `name` is
        "01_rnn_recap", or "ko/01_rnn_recap" in the Korean edition."""
        path = self.folder / "notebooks" / f"{name}.ipynb"
        shutil.copy(self.given / f"{name}.ipynb", path)
        return path

    def _borrow_packages(self) -> None:
        own = self.folder / ".venv"
        venv.EnvBuilder(symlinks=True).create(own)
        [packages] = own.glob("lib/python*/site-packages")
        lines = f"{self.folder}\n{sysconfig.get_path('purelib')}\n"
        (packages / "borrowed.pth").write_text(lines, encoding="utf-8")
        wanted = ["share/jupyter/lab", "share/jupyter/kernels"]
        wanted += [f"share/jupyter/labextensions/{name}" for name in EXTENSIONS]
        wanted += [f"etc/jupyter/jupyter_server_config.d/{name}.json" for name in SERVER_EXTENSIONS]
        for name in wanted:
            (own / name).parent.mkdir(parents=True, exist_ok=True)
            (own / name).symlink_to(Path(sys.prefix, name))
        (own / "installed").write_text(f"{self.folder}\n", encoding="utf-8")   # what make looks at

    def environment(self) -> dict[str, str]:
        """A learner's variables: none of the tests' own, none of make's. One thread, as in all tests: on a
        busy machine NumPy's threads wait for each other, and training takes many times as long."""
        foreign = (*SETTINGS, "MAKE", "MFLAGS", "XDG_", "VIRTUAL_ENV")
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return without(foreign, os.environ) | threads | {"HOME": str(self.home)}


class Server:
    """`make lab` in a course's folder. `address` is what it has handed to the learner's browser: a page on
    disk that leads to the start page. RuntimeError with the server's log when it does not come up."""

    def __init__(self, course: Course):
        self.log, self.opened = course.home / "lab.log", course.home / "opened"
        program = course.home / "browser"
        program.write_text(BROWSER, encoding="utf-8")
        program.chmod(0o755)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"--port {port} --ServerApp.port_retries=0 --LabApp.expose_app_in_browser=True"
        if os.geteuid() == 0:
            options += " --allow-root"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["make", "lab", f"LAB_OPTIONS={options}"],
                cwd=course.folder, env=course.environment() | {"BROWSER": f"{program} %s"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self.address = self._address()
        except BaseException:
            self.stop()
            raise

    def _address(self, seconds: float = 120) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if self.opened.exists():
                return self.opened.read_text(encoding="utf-8")
            time.sleep(0.2)
        raise RuntimeError("make lab does not come up:\n" + self.log.read_text(encoding="utf-8")[-3000:])

    @property
    def notebooks(self) -> tuple[str, str]:
        """The address of the folder of notebooks in JupyterLab, and the token that it asks for."""
        page = Path(unquote(urlsplit(self.address).path)).read_text(encoding="utf-8")
        return re.search(r"(http://[^\"]+/notebooks/)[^\"]+[?&](token=\w+)", unescape(page)).groups()

    def stop(self) -> None:
        """End the server, which ends its kernels; by force whatever is left of them after a while."""
        if self.process.poll() is not None:
            return
        family = psutil.Process(self.process.pid).children(recursive=True)
        os.killpg(self.process.pid, signal.SIGTERM)
        for left in psutil.wait_procs(family, timeout=20)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        self.process.wait()
