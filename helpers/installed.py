"""Does a package work here? Found out in a process of its own: a broken build may end Python itself."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from helpers import hidden, processor
from helpers.languages import translate

PATIENCE = 180
"""Seconds that an import may take (the first after an installation, if a virus scanner looks through it)."""

_ILLEGAL = {-4: "SIGILL", 0xC000001D: "STATUS_ILLEGAL_INSTRUCTION"}   # the same on POSIX and on Windows
_TRY = """
import importlib, json, sys
path, package, use = json.loads(sys.argv[1])
sys.path[:] = path
try:
    module = importlib.import_module(package)
    exec(use, {package.partition(".")[0]: importlib.import_module(package.partition(".")[0])})
    told = ["", "", str(getattr(module, "__version__", ""))]
except ModuleNotFoundError as error:
    missing = (error.name or "") in (package, package.partition(".")[0])
    told = ["missing" if missing else "refused", str(error), ""]
except BaseException as error:   # a broken installation fails in any way, OSError on Windows
    told = ["broken", f"{type(error).__name__}: {error}", ""]
print("\\n" + json.dumps(told), flush=True)
"""


class Unusable(ImportError):
    """A package that is needed here does not work; the message says why."""


def tried(package: str, use: str = "") -> tuple[str, str]:
    """Import `package` in another Python, with this one's paths, and run `use`, code in which it is bound
    → (what is wrong or "", version)."""
    asked = json.dumps([hidden.search_path(), package, use])
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _TRY, asked], capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return translate(
            "does not come back: its import takes longer than {seconds} seconds", seconds=PATIENCE
        ), ""
    except (OSError, ValueError, TypeError):   # no other process can be had: believe that it works
        return "", ""
    if done.returncode:
        ending = _ending(done.returncode)
        return translate("ends Python when it is imported ({ending})", ending=ending), ""
    kind, error, version = json.loads(done.stdout.splitlines()[-1])
    return " ".join(_said(kind, error).split())[:500], version


def _ending(status: int) -> str:
    if status in _ILLEGAL:
        name = _ILLEGAL[status]
        return translate("{signal}: it was built for a newer processor than this one", signal=name)
    if status < 0:
        with suppress(ValueError):
            return signal.Signals(-status).name
    return translate("status {status}", status=status)


def _said(kind: str, error: str) -> str:
    """What is wrong with a package that was found "missing", "refused" or "broken"; "" for ""."""
    match kind:
        case "missing":
            return translate("is not installed")
        case "refused":
            return translate("cannot be imported: {error}", error=error)
        case "broken":
            return translate("is installed but does not work: {error}", error=error)
    return ""


_PROBLEMS: dict[str, str] = {}   # found once, a broken package stays broken here


def problem_of(package: str) -> str:
    """What keeps `package` from being imported into this process, "" when it has been imported now.

    An installation that has not been seen to work on this machine is `tried` first.
    """
    if package not in sys.modules:
        _PROBLEMS[package] = _PROBLEMS.get(package) or _tried_once(package)
        if _PROBLEMS[package]:
            return _PROBLEMS[package]
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        return _said("missing" if error.name == package else "refused", str(error))
    except Exception as error:
        return _said("broken", f"{type(error).__name__}: {error}")
    return ""


def required(package: str, name: str) -> Any:
    """The module `package`, which people call `name`. Raises Unusable if it does not work here."""
    if problem := problem_of(package):
        text = translate("This needs {name}, which {problem}.", name=name, problem=problem)
        raise Unusable(text, name=package)
    return importlib.import_module(package)


def _tried_once(package: str) -> str:
    """What is wrong with an installation, `tried` unless it has been seen to work on this machine: of that an
    empty file is kept among the temporary ones. "" as well when it is not there at all."""
    try:
        origin = importlib.util.find_spec(package).origin
        known = package, sys.executable, origin, os.stat(origin).st_mtime_ns, processor.model()
        name = hashlib.sha256(repr(known).encode("utf-8", "backslashreplace")).hexdigest()[:24]
        mark = Path(tempfile.gettempdir(), f"unrolled-{package}-works-{name}")
    except (AttributeError, ImportError, TypeError, ValueError):   # not there; no file of its own
        return ""
    except OSError:   # no folder for temporary files
        return tried(package)[0]
    if mark.exists():
        return ""
    problem = tried(package)[0]
    if not problem:
        with suppress(OSError):
            mark.touch()
    return problem
