"""Where answers run: a process with NumPy and without the course, under bubblewrap where there is one.

Under bubblewrap it has no network, sees Python and its libraries read-only and nothing else of the disk, can
write 16 MiB in a folder of memory, and ends with the grader. Without it a plain subprocess has the same
limits of time, memory and output, and Python itself refuses it other files, processes and the network: a
fence and no wall. That is said in every report.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import psutil

INSIDE = Path(__file__).resolve().parent / "inside"
BUBBLEWRAP, PLAIN = "bubblewrap", "not isolated"
SCRATCH = 16 * 2**20   # bytes that answers may write
SCRATCH_FOLDER = "/scratch"
START = 60.0           # seconds that a start may take: importing torch on a busy machine
CLEAR = 5.0            # seconds for the clearing between two answers
PROCESSES = 6          # in the sandbox at once, before it is stopped
MEMORY = 4 * 2**30     # bytes of all its processes together
LEAST = 256 * 2**20    # bytes of the machine's memory: below that whatever runs is stopped
HIDDEN = ("helpers", "tools", "solutions", "unrolled", "notebooks")
"""Never visible inside, should the course lie among the libraries."""


class SandboxBroken(Exception):
    """The sandbox itself does not work; the text says how. No answer is to blame."""


class Sandbox:
    """One waiting process, which forks another for each answer. A context manager.

    `libraries` are imported once, before the answers. Raises SandboxBroken where it does not start.
    """

    def __init__(self, libraries: tuple[str, ...] = ("numpy",), *, isolated: bool | None = None):
        self.libraries = libraries
        self.isolated = not bubblewrap_problem() if isolated is None else isolated
        self.process: subprocess.Popen | None = None
        self.control: socket.socket | None = None
        self.folder: str | None = None

    def __enter__(self) -> Sandbox:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        self.close()
        ours, theirs = socket.socketpair()
        self.control = ours
        worker = [str(INSIDE / "worker.py"), _site_packages(), str(theirs.fileno()), *self.libraries]
        try:
            if self.isolated:
                command = bubblewrap_command([_python(), "-I", "-S", "-B", *worker])
            else:
                self.folder = tempfile.mkdtemp(prefix="answer-")
                command = [_python(), "-I", "-S", "-B", *worker]
            self.process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], cwd=self.folder,
                env=_environment(self.folder or SCRATCH_FOLDER),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self.close()
            raise SandboxBroken(f"{command[0]} does not start: {error}") from None
        finally:
            theirs.close()
        ours.settimeout(START)
        try:
            ready = ours.recv(16)
        except OSError:
            ready = b""
        if ready != b"ready":
            said = self._last_words()
            self.close()
            raise SandboxBroken(f"the process for answers does not start: {said or 'it says nothing'}")

    def _last_words(self) -> str:
        assert self.process is not None
        self._kill()
        with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
            return self.process.communicate(timeout=5)[1].decode(errors="replace").strip()[-500:]
        return ""

    def answer(self) -> socket.socket:
        """A new process for an answer → the socket to it."""
        if self.control is None or self.process is None or self.process.poll() is not None:
            self._start()
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self.control, [b"answer"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise SandboxBroken("the process for answers is gone") from None
        finally:
            theirs.close()
        return ours

    def clear(self) -> str:
        """Kill whatever the answer left behind; how its process had ended ("-9", "0", …)."""
        if self.control is None:
            return "?"
        if not self.isolated:
            self._kill_descendants()
        try:
            self.control.settimeout(CLEAR)
            self.control.send(b"clear")
            return self.control.recv(64).decode(errors="replace") or self._gone()
        except OSError:
            return self._gone()

    def _gone(self) -> str:
        self.close()   # the next answer starts it again
        return "?"

    def crowded(self) -> str:
        """What runs in it that may not: a sentence for the learner; "" for nothing."""
        if self.process is None:
            return ""
        with contextlib.suppress(psutil.Error):
            there = psutil.Process(self.process.pid).children(recursive=True)
            if len(there) > PROCESSES:
                return "It started more processes than it may, and was stopped."
            if sum(_memory(each) for each in there) > MEMORY:
                return f"It took more than {MEMORY / 2**30:g} GiB of memory, and was stopped."
            if psutil.virtual_memory().available < LEAST:
                return "It was stopped: the machine had no memory left."
        return ""

    def close(self) -> None:
        """Stop it, with all that runs in it."""
        if self.control is not None:
            self.control.close()
            self.control = None
        if self.process is not None:
            self._kill()
            self.process.stderr.close()
            self.process = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def _kill(self) -> None:
        assert self.process is not None
        if not self.isolated:
            self._kill_descendants()
        self.process.kill()   # bubblewrap's first process ends with it, and all others with that
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)

    def _kill_descendants(self) -> None:
        """Of a plain process: again until there are none, for they may fork meanwhile."""
        end = time.monotonic() + CLEAR
        while self.process is not None and time.monotonic() < end:
            try:
                found = psutil.Process(self.process.pid).children(recursive=True)
            except psutil.Error:
                return
            found = [each for each in found if _alive(each)]
            if not found:
                return
            for kill in (psutil.Process.suspend, psutil.Process.kill):
                for each in found:
                    with contextlib.suppress(psutil.Error):
                        kill(each)


def _memory(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _environment(folder: str) -> dict[str, str]:
    one = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "OPENBLAS_CORETYPE") if name in os.environ}
    home = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), folder)
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **home, **kept, **dict.fromkeys(one, "1")}


def _python() -> str:
    return os.path.realpath(sys.executable)


def _site_packages() -> str:
    return sysconfig.get_paths()["purelib"]


def bubblewrap_command(command: list[str]) -> list[str]:
    """`command` under bubblewrap, with what Python needs in sight."""
    program = shutil.which("bwrap") or "bwrap"
    wrapped = [
        program, "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
        "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL",
        "--uid", "1000", "--gid", "1000", "--hostname", "answer",
    ]  # fmt: skip
    for path in ("/usr", "/bin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(path):
            wrapped += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            wrapped += ["--ro-bind", path, path]
    wrapped += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    wrapped += ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]
    wrapped += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/dev/shm", SCRATCH_FOLDER):
        wrapped += ["--size", str(SCRATCH), "--tmpfs", path]
    packages = _site_packages()
    places = [sys.base_prefix, os.path.realpath(sys.base_prefix), packages, str(INSIDE)]
    for path in dict.fromkeys(places):
        if not path.startswith("/usr/") or path.startswith("/usr/local"):
            wrapped += ["--ro-bind", path, path]
    for name in HIDDEN:
        if os.path.isdir(os.path.join(packages, name)):
            wrapped += ["--tmpfs", os.path.join(packages, name), "--remount-ro", os.path.join(packages, name)]
    return [*wrapped, "--remount-ro", "/", "--chdir", SCRATCH_FOLDER, "--", *command]


@functools.cache
def bubblewrap_problem() -> str:
    """Why bubblewrap cannot be used here, "" when it can."""
    if sys.platform != "linux":
        return "bubblewrap is for Linux"
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed (Debian, Ubuntu: sudo apt install bubblewrap)"
    command = bubblewrap_command([_python(), "-I", "-S", "-c", "print('inside')"])
    try:
        environment = _environment(SCRATCH_FOLDER)
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not run: {error}"
    if ran.stdout.strip() != "inside":
        return f"bubblewrap does not work here: {ran.stderr.strip()[-200:] or ran.returncode}"
    return ""
