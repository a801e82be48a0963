"""A learner's function that runs in the sandbox, as the judge sees it: it is called, and answers."""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import json
import select
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers.checks.cases import Case
from helpers.checks.compare import Elsewhere, Outcome, call
from helpers.checks.errors import describe_error
from helpers.checks.gradients import Watched
from helpers.checks.limits import LimitExceeded, run_limited
from helpers.checks.registry import Exercise, Quiz
from tools.grade import parcels
from tools.grade.inside.codec import Encoder, Garbled, decode, dumps, update
from tools.grade.sandbox import Sandbox, SandboxBroken

LARGEST = 64 * 2**20   # bytes of a message from an answer
DEFINING = 10.0        # seconds that defining it may take
ENDED = "Its process ended before the function returned. Does it call an exit?"
GARBLED = "Its process wrote something into the line that carries results."
SLICE = 0.05           # seconds between two looks at how many processes there are


class AnswerStopped(Exception):
    """The answer's process is gone or sends what is no answer; a sentence for the learner is `told`."""

    def __init__(self, told: str):
        super().__init__(told)
        self.told = told


class Connection:
    """Messages to and from the process of one answer."""

    def __init__(self, sandbox: Sandbox, work: dict[str, Any]):
        self.sandbox = sandbox
        self.end: socket.socket | None = sandbox.answer()
        self.end.setblocking(False)
        self.ended = ""        # why there is nothing more to be had
        self.modules: set[str] = set()
        self.cleared = self.begun = False
        self.send(work)
        if not self.reply().get("ready"):
            raise SandboxBroken("the process for an answer did not begin")
        self.begun = True

    def send(self, message: dict[str, Any]) -> None:
        """Hand over a message of ours, pickled."""
        data = parcels.dumps(message)
        self._write(b"p" + struct.pack(">Q", len(data)) + data)

    def made(self, seconds: float | None = None) -> str:
        """Wait until the answer's code has run; what went wrong in it, "" when the function is there."""
        try:
            reply = run_limited(self.reply, seconds=seconds or DEFINING)
        except LimitExceeded:
            return "Its cell did not come to an end, before the function was called at all."
        except AnswerStopped as stopped:
            return stopped.told
        if not reply.get("made"):
            error = reply.get("error")
            return rebuilt(error).told if isinstance(error, dict) else "It cannot be defined."
        kind = str(reply.get("kind", ""))[:80]
        return f"The check wants the function itself; it got {kind}." if kind else ""

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message of plain data and wait for the reply; AnswerStopped when there is none."""
        self._write(b"j" + dumps(message))
        return self.reply()

    def reply(self) -> dict[str, Any]:
        """The next message; AnswerStopped when there is none."""
        length = int.from_bytes(self._read(8), "big")
        if length > LARGEST:
            self.stop(f"Its result takes more than {LARGEST >> 20} MiB and was not looked at.")
        try:
            found = json.loads(self._read(length))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self.stop(GARBLED)
        if "broken" in found and not self.begun:   # afterwards an answer may say what it likes
            raise SandboxBroken(str(found["broken"])[-1000:])
        return found

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._wait(writing=True)
            try:
                view = view[self.end.send(view):]
            except BlockingIOError:
                continue
            except OSError:
                self.stop()

    def _read(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            self._wait(writing=False)
            try:
                part = self.end.recv(min(length - len(parts), 1 << 20))
            except BlockingIOError:
                continue
            except OSError:
                part = b""
            if not part:
                self.stop()
            parts += part
        return bytes(parts)

    def _wait(self, *, writing: bool) -> None:
        """Until the socket is ready. A limit (`limits.Stopped`) raised in here ends the process, too."""
        if self.end is None:
            raise AnswerStopped(self.ended)
        mine = [self.end]
        try:
            while not any(select.select([] if writing else mine, mine if writing else [], [], SLICE)):
                if told := self.sandbox.crowded():
                    self.stop(told)
        except AnswerStopped:
            raise
        except BaseException:   # whoever stopped it clears up
            self.end.close()
            self.end, self.ended = None, "It was stopped before."
            raise

    def stop(self, told: str = "") -> None:
        """End the process and raise AnswerStopped, with how it had ended where nothing else is told."""
        status = self.close(told or "Its process ended.")
        if not told:
            told = _ENDINGS.get(status, ENDED)
        self.ended = told
        raise AnswerStopped(told)

    def close(self, ended: str = "It is over.") -> str:
        """Hang up and clear away; how the process had ended."""
        if self.end is not None:
            self.end.close()
            self.end, self.ended = None, ended
        if self.cleared:
            return "?"
        self.cleared = True
        return self.sandbox.clear()


_ENDINGS = {
    "-9": "Its process was killed: it took more memory than there is, or something in it ended it.",
    "-11": "Its process crashed (a segmentation fault).",
    "-24": "Its process was stopped: it took more than its time of the processor.",
    "-25": "Its process was stopped: it wrote too large a file.",
}


class RemoteFunction:
    """A learner's function in the sandbox. Calls raise what it raised, change arguments as it changed them,
    and print what it printed. `source` is its cell, `form` a function of the same signature."""

    def __init__(self, connection: Connection, name: str, source: str):
        self.connection, self.__name__, self.source = connection, name, source
        self.form = form_of(source, name)
        self._results: list[Any] = []

    def __call__(self, *arguments: Any) -> Any:
        return self._called(arguments, watch=False)[0]

    def watched(self, *arguments: Any) -> tuple[Any, list]:
        """Call it with `gradients.Watched` around it, there → (result, what was noted)."""
        return self._called(arguments, watch=True)

    def _called(self, arguments: tuple, *, watch: bool) -> tuple[Any, list]:
        encoder = Encoder(calls=True, strict=True)
        sent = [encoder.encode(each) for each in arguments]
        reply = self.connection.ask({"arguments": sent, "watch": watch})
        while "call" in reply:
            self.connection.send(_called_back(encoder.functions, reply))
            reply = self.connection.reply()
        with self._understood():
            for number, value in dict(reply.get("changed", {})).items():
                update(arguments[int(number)], decode(value))
            for number, value in dict(reply.get("earlier", {})).items():
                update(self._results[int(number)], decode(value))
            print(str(reply.get("printed", "")), end="")
            self.connection.modules |= set(map(str, reply.get("modules", ())))
            if "error" in reply:
                error = rebuilt(reply["error"])
            else:
                error = None
                result, noted = decode(reply["result"], given=arguments), _gradients(reply["noted"])
                self._results.append(result)
        if error is not None:
            raise error
        return result, noted

    @contextlib.contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (Garbled, LookupError, TypeError, ValueError, AttributeError):
            self.connection.stop(GARBLED)


class RemoteTrial(Elsewhere):
    """A learner's function whose trial runs in the sandbox, too: its arguments are no plain data.
    `cases` are those that went there with it; it takes others as well."""

    def __init__(self, connection: Connection, name: str, source: str, cases: list[Case]):
        self.connection, self.__name__, self.source, self.cases = connection, name, source, cases
        self.form = form_of(source, name)

    def outcome(self, case: Case) -> Outcome:
        known = next((number for number, each in enumerate(self.cases) if each is case), None)
        try:
            self.connection.send({"case": case if known is None else known})
            reply = self.connection.reply()
        except AnswerStopped as stopped:
            return Outcome(error=stopped)
        try:
            outcome = Outcome(
                decode(reply["outputs"]), rebuilt(reply["error"]) if "error" in reply else None,
                str(reply["complaint"]), tuple(decode(reply["mutated"])), str(reply["printed"]),
                _gradients(reply["noted"]),
            )  # fmt: skip
            if not isinstance(outcome.outputs, dict) or not set(outcome.mutated) <= set(case.arguments):
                raise Garbled("no outputs")
        except (Garbled, LookupError, TypeError, ValueError):
            return Outcome(error=AnswerStopped(GARBLED))
        return outcome


def _gradients(found: Any) -> list[Any]:
    """What `gradients.Watched` notes: for each call, of each output, None or an entry an argument.
    Garbled for anything else."""
    noted = decode(found)
    entries = [each for call in _listed(noted) for output in _listed(call) for each in _listed(output or [])]
    if not all(each is None or isinstance(each, np.ndarray) for each in entries):
        raise Garbled("no gradients")
    return noted


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Garbled(f"a {type(value).__name__} in gradients")
    return value


def _called_back(functions: list[Callable], reply: dict[str, Any]) -> dict[str, Any]:
    """Call one of our functions for the answer → the message with what came of it."""
    try:
        function = functions[int(reply["call"])]
        arguments = [decode(each) for each in reply["arguments"]]
    except (Garbled, LookupError, TypeError, ValueError):
        return {"error": TypeError("arguments that are no plain data")}
    try:
        return {"result": Encoder(strict=True).encode(function(*arguments))}
    except Exception as error:
        plain = type(error).__module__ == "builtins"
        return {"error": type(error)(*error.args) if plain else ValueError(str(error))}


def rebuilt(found: dict[str, Any]) -> BaseException:
    """An error of the other side as one of the same type here; how it is told comes along as `told`."""
    if not isinstance(found, dict):
        raise Garbled("no error")
    text, told = str(found.get("text", "")), str(found.get("told", ""))
    kind = _error_type(str(found.get("module")), str(found.get("type")))
    try:
        arguments = decode(found["arguments"])
        error = kind.__new__(kind, *arguments)
        error.args = arguments
        if str(error) != text:
            raise ValueError
    except Exception:
        error = type(str(found.get("name"))[:80] or "Exception", (Exception,), {})(text)
    error.told = told or f"It raised {type(error).__name__}: {text}"
    return error


def _error_type(module: str, name: str) -> type[BaseException]:
    """The exception class of Python, NumPy or torch of that name; RuntimeError where none can be raised."""
    kind: Any = None
    if module == "builtins":
        kind = getattr(builtins, name, None)
    elif module.partition(".")[0] in ("numpy", "torch") and module in sys.modules:
        with contextlib.suppress(Exception):
            kind = getattr(importlib.import_module(module), name, None)
    stops = (KeyboardInterrupt, GeneratorExit)
    fine = isinstance(kind, type) and issubclass(kind, BaseException) and not issubclass(kind, stops)
    return kind if fine else RuntimeError


def form_of(source: str, name: str) -> Any:
    """A function of the same signature and kind as `name` in `source` that does nothing; None where it is no
    `def` or lambda. Nothing of the source is run."""
    try:
        return _form(ast.parse(source), name)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _form(tree: ast.Module, name: str) -> Any:
    nodes, found = list(ast.walk(tree)), None
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            found = None if node.decorator_list else node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            found = node.value if name in [getattr(each, "id", "") for each in node.targets] else found
    if found is None:
        return None
    arguments = found.args
    for each in ast.walk(arguments):
        if isinstance(each, ast.arg):
            each.annotation = None
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
    arguments.kw_defaults = [each and ast.Constant(None) for each in arguments.kw_defaults]
    body: list[ast.stmt] = [ast.Pass()]
    if not isinstance(found, ast.Lambda) and _yields(found):
        body = [ast.Expr(ast.Yield())]
    kind = ast.AsyncFunctionDef if isinstance(found, ast.AsyncFunctionDef) else ast.FunctionDef
    made = kind(name=name, args=arguments, body=body, decorator_list=[], type_params=[])
    module = ast.fix_missing_locations(ast.Module([made], []))
    names: dict[str, Any] = {}
    exec(compile(module, "<form>", "exec"), {}, names)
    return names[name]


def _yields(function: ast.AST) -> bool:
    """Whether a function's own body has a `yield`."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return False


def tools_for(exercise: Exercise | Quiz, cases: list[Case]) -> dict[str, Any]:
    """The course's own tools that an answer's process needs, by value; `cases` where it is tried there."""
    tried = (exercise.trial, exercise.outputs, call, cases) if cases else None
    return {"describe": describe_error, "watched": Watched, "tried": tried}

