"""Before a cell checks a function that is not there: say why, in place of a NameError or of an old version.

A cell with a syntax error defines nothing: its name stays unknown, or goes on meaning what ran before it.
"""

from __future__ import annotations

import ast
import logging
import re
import warnings
from collections.abc import Callable
from typing import Any

from helpers.checks.words import Message, told
from helpers.languages import translate

PLACEHOLDER = "__unrolled_problem__"   # the attribute that holds the sentence for the learner
BROKEN = "__unrolled_broken__"   # and this, whether its cell has a syntax error
CODE_BELOW = re.compile(r"\A(\s*)%%(?:time|timeit|capture|prun)\b[^\n]*")   # cell magics that run the rest

PLAIN_WORDS = {   # Python's message (and its groups) → what to look for
    r"'(?P<code>.)' was never closed": Message("a bracket `{code}` opened in {place} is never closed"),
    r"unmatched '(?P<code>.)'": Message("a `{code}` in {place} closes no bracket"),
    r"closing parenthesis '(?P<code>.)' does not match .* '(?P<other>.)'": Message(
        "a bracket `{other}` is closed with `{code}` in {place}"
    ),
    r"unterminated triple-quoted": Message("a text in triple quotes begun in {place} is never closed"),
    r"unterminated (?:f-string|string)": Message("a text has no closing quote in {place}"),
    r"expected ':'": Message("a colon is missing in {place}"),
    r"'(?P<code>return|await|yield|break|continue)\b.*' .*function": Message(
        "`{code}` is outside any function in {place}"
    ),
    r"'(?P<code>return|await|yield|break|continue)\b.*' .*loop": Message(
        "`{code}` is outside any loop in {place}"
    ),
    r"expected an indented block after function definition on line": Message(
        "nothing is indented below the function definition in {place}"
    ),
    r"expected an indented block after class definition on line": Message(
        "nothing is indented below the class definition in {place}"
    ),
    r"expected an indented block after '(?P<code>\S+)' statement on line": Message(
        "nothing is indented below the '{code}' statement in {place}"
    ),
    r"unexpected indent": Message("deeper indentation than the line above allows, in {place}"),
    r"unindent does not match": Message("an indentation that fits no line above it, in {place}"),
    r"inconsistent use of tabs": Message("tabs and blanks mixed in the indentation of {place}"),
}


def unwritten(name: str, problem: str, broken: bool = False) -> Callable[..., Any]:
    """A stand-in for the missing function `name`: its ``__unrolled_problem__`` is `problem`, a sentence for
    the learner, and calling it raises NotImplementedError. `broken`: its cell has a syntax error."""

    def placeholder(*arguments: Any, **named: Any) -> Any:
        raise NotImplementedError(problem)

    placeholder.__name__ = placeholder.__qualname__ = name
    setattr(placeholder, PLACEHOLDER, problem)
    setattr(placeholder, BROKEN, broken)
    return placeholder


def watch(shell: Any) -> None:
    """Let `explain` see every cell of the IPython `shell` before it runs; a second call changes nothing."""
    if shell is None:
        return

    def before_cell(info: Any) -> None:
        try:
            explain(shell, info.raw_cell)
        except Exception:   # the learner's cell has no part in it
            logging.getLogger(__name__).debug("a cell could not be looked through", exc_info=True)

    for earlier in list(shell.events.callbacks["pre_run_cell"]):   # also that of a module reloaded since
        if getattr(earlier, "__module__", None) == __name__:
            shell.events.unregister("pre_run_cell", earlier)
    shell.events.register("pre_run_cell", before_cell)


def explain(shell: Any, raw_cell: str) -> None:
    """Bind a placeholder to every name that `raw_cell` checks and that its own cell failed to define."""
    if "check" not in raw_cell or _syntax_error(shell, raw_cell):
        return
    for name in _checked(ast.parse(_python(shell, raw_cell)[0])):
        history = reversed(shell.history_manager.input_hist_raw)
        error = _syntax_error(shell, next((cell for cell in history if _defines(cell, name)), ""))
        if error or name not in shell.user_ns or hasattr(shell.user_ns[name], PLACEHOLDER):
            shell.user_ns[name] = unwritten(name, _why(name, error), broken=bool(error))


def _why(name: str, error: dict[str, str] | None) -> str:
    """The sentence on a function that is not there."""
    if error is None:
        return translate(
            "There is no `{name}` yet: run the cell above it, which defines it, then this one.", name=name
        )
    if "problem" in error:
        return translate(
            "Its cell has a syntax error: {problem}. Mend it, run the cell, then this one.", **error
        )
    return translate(
        "Its cell has a syntax error in {place} ({message}). Mend it, run the cell, then this one.", **error
    )


def syntax_problem(shell: Any, raw_cell: str) -> str:
    """What keeps a cell from compiling, "a syntax error" and where, in plain words; "" when it compiles."""
    error = _syntax_error(shell, raw_cell)
    if error is None:
        return ""
    if "problem" in error:
        return translate("a syntax error: {problem}", **error)
    return translate("a syntax error in {place} ({message})", **error)


def _syntax_error(shell: Any, raw_cell: str) -> dict[str, str] | None:
    """Of a cell that does not compile the `problem` in plain words, or its `place` and Python's `message`."""
    source, skipped = _python(shell, raw_cell)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")   # an invalid escape and the like
            compile(source, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        opened = re.search(r"indented block after .* on line (\d+)", error.msg)
        number = int(opened[1]) if opened else error.lineno or 1
        code = "".join(source.splitlines()[number - 1 : number]).strip()
        place = translate("line {number}: `{code}`", number=number + skipped, code=code)
        for message, words in PLAIN_WORDS.items():
            if found := re.match(message, error.msg):
                return {"problem": told(words, **found.groupdict(), place=place)}
        return {"place": place, "message": error.msg}
    return None


def _python(shell: Any, raw_cell: str) -> tuple[str, int]:
    """(the cell without IPython's own syntax, how many blank lines at its top that leaves out)."""
    raw_cell = CODE_BELOW.sub(r"\1#", raw_cell)
    try:
        source = shell.transform_cell(raw_cell)
    except SyntaxError:   # compile says it again
        return raw_cell, 0
    return source, raw_cell[: len(raw_cell) - len(raw_cell.lstrip())].count("\n")


def _defines(raw_cell: str, name: str) -> bool:
    """Whether a cell, which need not parse, binds `name`, by a top-level def or an `=` not its check's."""
    for found in re.finditer(rf"^([ \t]*)(?:async[ \t]+)?def[ \t]+{name}\b", raw_cell, re.MULTILINE):
        if not (found[1] and re.search(r"^(?:class|def|async)\b", raw_cell[: found.start()], re.MULTILINE)):
            return True
    return bool(re.search(rf"^{name}[ \t]*=(?!=|\s*(?:\w+\.)*check\()", raw_cell, re.MULTILINE))


def _checked(tree: ast.Module) -> list[str]:
    """Names in calls ``check("name", name)``. Where the cell itself binds one before, that replaces ours."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name("check") | ast.Attribute(attr="check"),
                          [ast.Constant(name), ast.Name(same)]) if name == same:
                found.append(name)
    return found
