"""Text for any console: one that lacks some of our marks (a code page, ASCII), one that is gone, or none."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import unicodedata
from collections.abc import Callable
from typing import Any, TextIO

STAND_INS = {
    "✓": "ok", "✗": "no", "○": "--", "↻": "~", "★": "*", "☆": ".", "⌘": "Cmd-",
    "–": "-", "—": "-", "−": "-", "·": "-", "…": "...", "×": "x", "→": "->", "←": "<-",
    "²": "^2", "³": "^3", "≥": ">=", "≤": "<=", "≠": "!=", "≈": "~", "±": "+-", "∞": "inf", "√": "sqrt",
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "λ": "lambda", "μ": "mu",
    "σ": "sigma",
}  # fmt: skip
"""What stands for a mark where the console's character set lacks it."""

ERRORS = "unrolled"
"""The name of the error handler (``errors=``) that writes stand-ins."""


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(mark: str) -> str:
    """`mark` in ASCII: its stand-in, the letter without its accent, or its number as Python writes it."""
    if mark in STAND_INS:
        return STAND_INS[mark]
    parts = unicodedata.normalize("NFKD", mark) if mark.isalpha() else ""   # 10² is not 102
    return parts.encode("ascii", "ignore").decode() or mark.encode("ascii", "backslashreplace").decode()


codecs.register_error(ERRORS, _stand_in)


def fitting(text: str, stream: Any) -> str:
    """`text` as `stream` can write it."""
    encoding = getattr(stream, "encoding", None) or "utf-8"   # a StringIO has none
    try:
        return text.encode(encoding, ERRORS).decode(encoding)
    except (LookupError, TypeError):   # an encoding that Python does not know, or no name of one
        return text


def say(thing: object) -> None:
    """``print(thing)`` in what standard output can write; where there is none, or nobody reads it any more,
    nothing is said, and the caller goes on."""
    stream = sys.stdout
    if stream is None or getattr(stream, "closed", False):
        return
    try:
        print(fitting(str(thing), stream), file=stream)
    except BrokenPipeError:
        _to_nobody(stream)


def shell() -> Any:
    """The IPython shell that this runs in, None in plain Python. IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if hasattr(ipython, "get_ipython") else None


def in_notebook() -> bool:
    """Whether output goes into a notebook, which shows pictures."""
    return hasattr(shell(), "kernel")


def show(thing: object) -> None:
    """Display `thing` in a notebook; elsewhere `say` it."""
    if shell() is None:
        say(thing)
    else:
        from IPython.display import display

        display(thing)


def command(run: Callable[[], object]) -> None:
    """Call `run`, a command line's main function, and end with its exit status. It may print what it likes:
    marks get stand-ins, and a reader that leaves early (``| head``) ends it without a traceback."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:   # pythonw, a service
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))   # noqa: SIM115 (until the end)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ERRORS)
    status: object = 1
    try:
        status = run()
    except BrokenPipeError:
        pass
    except SystemExit as ended:
        status = ended.code
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:   # ValueError: closed
            _to_nobody(stream)
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                status = f"What was printed could not be written: {error.strerror}."   # to standard error
    raise SystemExit(status)


def _to_nobody(stream: TextIO) -> None:
    """Let what `stream` still holds go nowhere, so that Python does not complain of it at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
