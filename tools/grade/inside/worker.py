"""The process in which answers run: it waits for work, forks a process for each answer, and serves its calls.

Run as `python -I -S -B worker.py SITE_PACKAGES FD [LIBRARY …]`. The course is not there. The judge sends over
the socket FD: `answer` with a socket for the new process, which then gets the answer's code and the calls;
`clear` kills what is left of it. What the judge sends is trusted, pickles included; what goes back is plain
data.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import json
import linecache
import os
import pickle
import resource
import shutil
import signal
import socket
import struct
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

MEMORY = 2 * 2**30        # bytes that an answer may take beside what is there
FILE = 16 * 2**20         # bytes of a file it may write
PROCESSOR = 90            # seconds
PROCESSES = 4             # the waiting one, the answer's, and threads of libraries
PRINTED = 20_000          # characters that are kept of what it prints
KEPT = 40                 # results of earlier calls that are looked at again


def main() -> None:
    sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
    sys.path.append(sys.argv[1])
    control = socket.socket(fileno=int(sys.argv[2]))
    for library in sys.argv[3:]:
        importlib.import_module(library)
    _alone_with_its_memory()
    own = {os.getpid()}
    control.send(b"ready")
    while True:
        try:
            data, sockets, _, _ = socket.recv_fds(control, 64, 1)
        except OSError:
            return
        if not data:
            return
        if data == b"answer":
            child = os.fork()
            if not child:
                control.close()
                _answer(socket.socket(fileno=sockets[0]))
            own.add(child)
            for each in sockets:
                os.close(each)
        elif data == b"clear":
            control.send(_clear(own).encode())
            own = {os.getpid()}


def _alone_with_its_memory() -> None:
    """No other process may read or stop this one; orphans of answers become its children."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(4, 0, 0, 0, 0)     # PR_SET_DUMPABLE
        libc.prctl(36, 1, 0, 0, 0)    # PR_SET_CHILD_SUBREAPER


def _clear(own: set[int]) -> str:
    """Kill all other processes and empty the folder; how the answer's process had ended."""
    ended = ""
    alone = os.getpid() == 1
    if alone:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    for child in own - {os.getpid()}:
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            ended = str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    with contextlib.suppress(ChildProcessError):   # orphans that have come here
        while os.waitpid(-1, 0 if alone else os.WNOHANG)[0]:
            pass
    for name in os.listdir("."):
        path = os.path.join(".", name)
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)
    return ended or "?"


# --- The process of one answer ------------------------------------------------------------------------


class Channel:
    """Messages over a socket: a length and JSON; from the judge, a pickle where it says so."""

    def __init__(self, end: socket.socket):
        self.end = end

    def read(self) -> Any:
        kind, length = struct.unpack(">cQ", self._exactly(9))
        data = self._exactly(length)
        return pickle.loads(data) if kind == b"p" else json.loads(data)

    def _exactly(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            part = self.end.recv(min(length - len(parts), 1 << 20))
            if not part:
                os._exit(0)   # the judge is done
            parts += part
        return bytes(parts)

    def write(self, message: dict[str, Any]) -> None:
        from codec import dumps

        self.end.sendall(dumps(message))


def _answer(end: socket.socket) -> None:
    """Serve one answer's calls until the judge hangs up."""
    try:
        os.setpgid(0, 0)
        _limits()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        channel = Channel(end)
        work = channel.read()
        Answer(channel, work).serve()
    except BaseException:
        import traceback

        with contextlib.suppress(BaseException):
            Channel(end).write({"broken": traceback.format_exc()[-2000:]})
    finally:
        os._exit(0)


def _fence() -> None:
    """Without bubblewrap: no file but those of Python's libraries and of the folder to work in, no process,
    no network, as far as Python itself tells. It is a fence and no wall: a report says `not isolated`.
    """
    here, inside = os.path.realpath("."), os.path.dirname(os.path.abspath(__file__))
    places = here, inside, sys.base_prefix, sys.argv[1], "/usr", "/dev/null", "/dev/urandom"
    places = tuple(os.path.realpath(each) for each in places)
    problem = PermissionError(1, "outside of the folder that an answer may use")
    ours = (here, os.path.realpath("/dev/null"))
    split, real, text, path_like = os.path.join, os.path.realpath, os.fsdecode, (str, bytes, os.PathLike)
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def below(path: Any, folders: tuple[str, ...]) -> bool:
        path = real(text(path))
        return any(path == each or path.startswith(split(each, "")) for each in folders)

    def look(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, path_like) and not below(path, ours if flags & writing else places):
                raise problem
        elif event in LISTED:
            if not below(arguments[0] if arguments[0] is not None else ".", places):
                raise problem
        elif event in CHANGED:
            if not all(below(each, ours) for each in arguments if isinstance(each, path_like)):
                raise problem
        elif event.startswith(NEVER):
            raise PermissionError(1, f"{event} is nothing for an answer")

    sys.addaudithook(look)


LISTED = {"os.listdir", "os.scandir", "glob.glob", "glob.glob/2"}
CHANGED = {
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
    *("shutil.rmtree", "shutil.move", "shutil.copyfile"),
}
NEVER = (
    *("subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "pty."),
    *("socket.", "ctypes.", "sqlite3.", "syslog.", "ftplib.", "smtplib.", "urllib.", "signal.pthread_kill"),
)
"""Events of Python's audit hooks by what they are about."""


def _limits() -> None:
    wanted = {"RLIMIT_CPU": PROCESSOR, "RLIMIT_FSIZE": FILE, "RLIMIT_CORE": 0, "RLIMIT_NOFILE": 64}
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        wanted["RLIMIT_AS"] = now + MEMORY
        if os.getppid() == 1:   # in a process namespace, where these are all there are
            wanted["RLIMIT_NPROC"] = PROCESSES
    for name, most in wanted.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))


class Answer:
    """The learner's function and what it needs, made from `work`: "code" (label, source) pieces, "name",
    "modules" {module: {attribute: object}}, "names" {alias: object}, and the course's own tools
    ("describe", "watched", "tried") to say what a call does."""

    def __init__(self, channel: Channel, work: dict[str, Any]):
        from codec import Encoder, decode

        self.channel, self.work = channel, work
        self.encoder, self.decode = Encoder, decode
        self.describe: Callable[..., str] = work["describe"]
        self.results: list[tuple[Any, Any]] = []
        self.function = None
        self.known = set(sys.modules)

    def serve(self) -> None:
        _offer(self.work["modules"])
        if os.getppid() != 1:
            _fence()
        self.channel.write({"ready": True})   # from here on the learner's code has a say
        problem = None
        with self._captured():
            try:
                self.function = self._made()
            except BaseException as error:
                problem = self._told(error)
        if problem:
            self.channel.write({"made": False, "error": problem})
        else:
            kind = "" if callable(self.function) else type(self.function).__name__
            self.channel.write({"made": True, "kind": kind})
        while True:
            message = self.channel.read()
            reply = self._outcome(message) if "case" in message else self._call(message)
            self.channel.write(reply)

    def _made(self) -> Any:
        names: dict[str, Any] = {"__name__": "__main__", **self.work["names"]}
        for label, source in self.work["code"]:
            lines = source.splitlines(keepends=True)
            linecache.cache[label] = (len(source), None, lines, label)
            exec(compile(source, label, "exec", dont_inherit=True), names)
        return names[self.work["name"]]

    def _call(self, message: dict[str, Any]) -> dict[str, Any]:
        """Call the function on plain data: what it returned or raised, what it changed."""
        arguments = [self.decode(each, self._callback) for each in message["arguments"]]
        before = [self._encoded(each) for each in arguments]
        function, noted = self.function, []
        reply: dict[str, Any]
        with self._captured() as printed:
            try:
                if message.get("watch"):
                    watched = self.work["watched"](function)
                    result = watched(*arguments)
                    noted = watched.noted
                else:
                    result = function(*arguments)
                reply = {"result": self.encoder(given=arguments).encode(result)}
            except BaseException as error:
                reply = {"error": self._told(error)}
                result = None
        after = [self._encoded(each) for each in arguments]
        reply["changed"] = {n: after[n] for n in range(len(after)) if after[n] != before[n]}
        reply["earlier"] = self._earlier()
        reply["noted"] = self._encoded(noted)
        reply["printed"] = printed.getvalue()[:PRINTED]
        reply["modules"] = sorted(name for name in sys.modules if "." not in name and name not in self.known)
        self.known |= set(reply["modules"])
        if "result" in reply:
            self.results.append((result, self._encoded(result)))
        return reply

    def _earlier(self) -> dict[int, Any]:
        """The results of earlier calls that this one has changed."""
        found = {}
        for number, (result, then) in list(enumerate(self.results))[-KEPT:]:
            now = self._encoded(result)
            if now != then:
                self.results[number] = (result, now)
                found[number] = now
        return found

    def _outcome(self, message: dict[str, Any]) -> dict[str, Any]:
        """Try the function with the course's trial, here, on a case that is no plain data."""
        trial, names, call, cases = self.work["tried"]
        case = message["case"]
        with self._captured():
            outcome = call(self.function, trial, cases[case] if isinstance(case, int) else case, names)
        reply = {
            "outputs": self._encoded(outcome.outputs), "complaint": str(outcome.complaint),
            "mutated": self._encoded(tuple(outcome.mutated)), "printed": str(outcome.printed)[:PRINTED],
            "noted": self._encoded(outcome.gradients),
        }  # fmt: skip
        if outcome.error is not None:
            reply["error"] = self._told(outcome.error)
        return reply

    def _encoded(self, value: Any) -> Any:
        return self.encoder().encode(value)

    def _callback(self, number: int) -> Callable[..., Any]:
        def asked(*arguments: Any) -> Any:
            encoded = [self._encoded(each) for each in arguments]
            self.channel.write({"call": number, "arguments": encoded})
            answer = self.channel.read()
            if "error" in answer:
                raise answer["error"]
            return self.decode(answer["result"])

        return asked

    def _told(self, error: BaseException) -> dict[str, Any]:
        """An error as data: its type, arguments, text, and how it is told to the learner."""
        try:
            if isinstance(error, SyntaxError) and self.function is None:   # it has no line of its own
                told = f"Its cell cannot be read as Python: {error.msg} (line {error.lineno})."
            else:
                told = self.describe(error, self.function)
        except BaseException:
            told = ""
        try:
            text = str(error)
        except BaseException:
            text = ""
        kind = next(each for each in type(error).__mro__ if each.__module__ != "__main__")
        return {
            "type": str(kind.__name__), "module": str(kind.__module__),
            "text": text[:4000], "told": told[:4000],
            "arguments": self._encoded(tuple(error.args)) if isinstance(error.args, tuple) else None,
            "name": str(type(error).__name__)[:80],
        }  # fmt: skip

    @staticmethod
    @contextlib.contextmanager
    def _captured() -> Iterator[io.StringIO]:
        """What is printed goes into a text that does not grow for ever."""
        printed = _Short()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(_Short()):
            yield printed


class _Short(io.StringIO):
    """The beginning of what is written to it."""

    def write(self, text: str) -> int:
        if self.tell() < PRINTED:
            super().write(str(text)[:PRINTED])
        return len(text)


def _offer(modules: dict[str, dict[str, Any]]) -> None:
    """Make the course's names importable, these and no others."""
    for name, attributes in modules.items():
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            whole = ".".join(parts[:end])
            if whole not in sys.modules:
                module = types.ModuleType(whole)
                module.__path__ = []
                sys.modules[whole] = module
                if end > 1:
                    setattr(sys.modules[".".join(parts[: end - 1])], parts[end - 1], module)
        for attribute, value in attributes.items():
            setattr(sys.modules[name], attribute, value)


if __name__ == "__main__":
    main()
