"""Commands that texts of the course name: where they stand, and what is wrong with them."""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import functools
import io
import itertools
import re
import runpy
import shlex
import sys
import tokenize
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from typer.core import TyperCommand, TyperGroup

from helpers import advice

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M))
PAGES = [
    *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.md"), ROOT / "data" / "README.md",
    ROOT / "tools" / "release" / "README.template.md",
]  # fmt: skip
CHAPTERS = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py"))
CODE = [path for top in ("helpers", "tools") for path in sorted((ROOT / top).rglob("*.py"))]
SCRIPTS = [ROOT / ".ci" / "run", *(ROOT / ".github").rglob("*.yml"), *(ROOT / ".github").rglob("*.sh")]

PYTHON = r"(?:\S*python[\w.]*(?:\.exe)?|py|\$\(\w+\)|\S*…)"
STARTED = re.compile(rf"(?:{PYTHON}|torchrun\b[^`'\"]*?) -m \w[\w.]*\w")
SENTENCE = re.compile(r"\s[\[(]|[,;:](?=\s|$)|[)|]|(?:^|(?<=\w))\.(?:\s|$)| (?:and|or|says|with) |\s{2}|\n")
"""Where a command ends that stands in a sentence."""
LOOSE = {"09", "leaky_average", "FIRST_MACHINE:29500"}   # what the page for teachers has one make
PLACEHOLDER = re.compile(r"…|\.\.\.|\{|\$|^[A-Z][A-Z_/]+$|^NN|^module$|\.NAME$")

# --- Where commands stand ------------------------------------------------------------------------------


def of_markdown(text: str) -> Iterator[str]:
    """Lines of code blocks (one that goes on with a backslash is one), and what stands in backticks."""
    blocks = re.compile(r"^```\w*\n(.*?)^```$|^(?:    \S.*\n)+", re.M | re.S)
    for block in blocks.finditer(text):
        yield from re.sub(r"\\\n\s*", " ", block[1] or block[0]).splitlines()
    for code in re.findall(r"`([^`]+)`", blocks.sub("", text)):
        yield " ".join(code.split())


def strings_and_comments(source: str) -> Iterator[str]:
    """Every string of Python code, with … for what an f-string fills in, and every comment."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(each.value if isinstance(each, ast.Constant) else "…" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")


def of_python(source: str) -> Iterator[str]:
    """What the strings and comments of Python code name as a command: in backticks or quotes as it stands,
    elsewhere from `python -m` on, or `make` with something that is nearly one of its targets."""
    if not re.search(r"\bmake |-m ", source):
        return
    for text in strings_and_comments(source):
        if not re.search(r"\bmake |-m ", text):
            continue
        quoted = re.findall(r"``([^`]+)``|`([^`]+)`|'([^'\n]+)'", text)
        yield from (" ".join(max(each).split()) for each in quoted)
        open_text = re.sub(r"``[^`]+``|`[^`]+`|'(?:make|python) [^'\n]+'", " ", text)
        for found in STARTED.finditer(open_text):
            behind = open_text[found.end() :]
            rest = SENTENCE.split(behind)[0]
            yield found[0] + rest
            synopsis = re.findall(r"\[(--[^\]]+)\]", behind)
            yield from (f"{found[0]} {option}" for option in synopsis)
        for word in re.findall(r"\bmake ([a-z][a-z-]+)\b(?!-)", open_text):
            if word in TARGETS or difflib.get_close_matches(word, TARGETS, cutoff=0.8):
                yield f"make {word}"


def of_chapter(source: str) -> Iterator[str]:
    """Of a percent script: Markdown cells as Markdown, the other cells as Python."""
    cells = re.split(r"^# %%(.*)\n", source, flags=re.M)[1:]
    code = []
    for header, body in zip(cells[::2], cells[1::2], strict=True):
        if "[markdown]" in header:
            yield from of_markdown(re.sub(r"^# ?", "", body, flags=re.M))
        else:
            code.append(re.sub(r"^[%!]", "# ", body, flags=re.M))
    yield from of_python("\n".join(code))


@functools.cache
def named() -> set[tuple[str, str]]:
    """(file, command) of everything that the course's texts name."""
    return set(_named())


def _named() -> Iterator[tuple[str, str]]:
    for paths, read in ((PAGES, of_markdown), (CHAPTERS, of_chapter), (CODE, of_python)):
        for path in paths:
            for line in read(path.read_text(encoding="utf-8")):
                if re.search(r"\bmake\b|-m ", line):
                    yield path.relative_to(ROOT).as_posix(), line
    yield from (("helpers/advice.py", f"python -m {command}") for command in advice.MODULES.values())
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        for line in re.findall(rf"^[^#\n]*?((?:\bmake |{PYTHON} -m ).*)$", text, re.M):
            yield path.relative_to(ROOT).as_posix(), line


# --- What is wrong with them ---------------------------------------------------------------------------


def wrong(line: str) -> list[str]:
    """What a line of shell names that is not there: a target, variable, module, option, experiment, file."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    try:
        for word in lexer:
            if set(word) <= set("();<>|&"):
                commands.append([])
            else:
                commands[-1].append(word)
    except ValueError:   # half a quotation
        return [f"{line}: a quotation without an end"]
    return [f"{line}: {problem}" for command in commands for problem in _wrong(command)]


def _wrong(words: list[str]) -> Iterator[str]:
    while words and re.fullmatch(r"[A-Z_]+=.*|sudo|run:|-", words[0]):
        words = words[1:]
    match words:
        case ["make", *rest]:
            yield from wrong_make(rest)
        case ["torchrun", *rest]:
            yield from wrong_torchrun(rest)
        case ["bash", script, *_] if not (ROOT / script.removeprefix("course/")).is_file():
            yield f"no script {script}"
        case [python, "-m", module, *rest] if re.fullmatch(PYTHON, python):
            yield from wrong_module(module, rest)


def wrong_make(words: list[str]) -> Iterator[str]:
    targets = [word for word in words if "=" not in word and not unsaid(word) and not word.startswith("-")]
    yield from (f"no target {target}" for target in targets if target not in TARGETS and target[0] != ".")
    for target in targets:
        recipe = re.search(rf"^{re.escape(target)}:.*\n(?:\t.*\n)*", MAKEFILE, re.M)
        said = recipe[0] if recipe else MAKEFILE
        said += "".join(re.findall(r"^WORKERS = .*|^define INSTALL(?s:.*?)^endef", MAKEFILE, re.M))
        for name, value in (word.split("=", 1) for word in words if "=" in word):
            if not re.search(rf"\$[({{]?{name}\b", said):
                yield f"{target} takes no {name}"
            elif name.endswith("_OPTIONS"):
                module = re.search(r"-m ([\w.]+)", said)[1]
                yield from wrong_module(module, shlex.split(value), all_of_it=False)
            else:
                yield from (f"{name}={each}" for each in value.split() if not there(name.lower(), each))


def wrong_torchrun(words: list[str]) -> Iterator[str]:
    from torch.distributed.run import get_args_parser

    try:
        chosen = get_args_parser().parse_args(words)
    except SystemExit:
        yield "torchrun does not take this"
    else:
        yield from wrong_module(chosen.training_script, chosen.training_script_args)


def wrong_module(module: str, words: list[str], all_of_it: bool = True) -> Iterator[str]:
    """`all_of_it`: the arguments are complete, not only some options."""
    if module in ELSEWHERE:
        yield from _wrong_elsewhere(words)
        if module == "pytest" and re.fullmatch(r"\w+", words[-1]) and not (ROOT / words[-1]).exists():
            yield f"no folder {words[-1]}"
        return
    if unsaid(module):
        return
    if module.split(".")[0] not in ("helpers", "tools"):
        yield f"{module} is not known to this test"
        return
    parser = parser_of(module)
    if parser is None:
        yield f"{module} is no command"
    elif parser is NONE_NEEDED:
        yield from (f"{module} takes no {word}" for word in words)
    elif isinstance(parser, argparse.ArgumentParser):
        try:
            with mock.patch.object(argparse.ArgumentParser, "error", _refuse):
                parser.parse_args([word for word in words if not unsaid(word)] if all_of_it else [])
        except ValueError as error:
            if "are required" not in str(error):   # a sentence need not say all
                yield str(error)
    else:
        yield from _wrong_typer(parser, words)


ELSEWHERE = ("pip", "venv", "uv", "pytest", "jupyterlab", "ruff", "zizmor", "ipykernel_launcher")


def _wrong_elsewhere(words: list[str]) -> Iterator[str]:
    """Of another's command: files, and extras of ours."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = extras["optional-dependencies"].keys()
    for option, word in itertools.pairwise(["", *words]):
        asked = re.findall(r"\w+", word) if option == "-e" and word != "." else []
        yield from (f"no extra {each}" for each in asked if each not in extras)
        file = option in ("-c", "-f") or ("/" in word and word[0] not in "-.\"" and "=" not in word)
        if file and not unsaid(word) and not (ROOT / word).exists():
            yield f"no file {word}"


def _refuse(_parser: Any, message: str) -> None:
    raise ValueError(message)


def _wrong_typer(command: Any, words: list[str]) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        if words and not unsaid(words[0]):
            chosen = command.commands.get(words[0])
            yield from _wrong_typer(chosen, words[1:]) if chosen else [f"no subcommand {words[0]}"]
        return
    context = command.context_class(command)
    try:
        given, left, _ = command.make_parser(context).parse_args(list(words))
    except Exception as error:   # click's, which typer brings along under another name
        yield str(getattr(error, "message", error))
        return
    yield from (f"{word} is too much" for word in left if not unsaid(word))
    for name, values in given.items():
        values = values if isinstance(values, list | tuple) else [values]
        yield from (f"{name} {each}" for each in values if isinstance(each, str) and not there(name, each))
    if given.get("set_") and there("name", given["name"]):
        from helpers.experiments import registry

        try:
            registry.get(given["name"]).settled(dict(each.split("=", 1) for each in given["set_"]))
        except ValueError as error:
            yield str(error)


# --- What there is -------------------------------------------------------------------------------------


def unsaid(word: str) -> bool:
    """Whether a word stands for what the reader puts there."""
    return bool(PLACEHOLDER.search(word))


@functools.cache
def chapters() -> set[str]:
    return {name for path in CHAPTERS for name in (path.stem, path.stem[:2])}


def there(kind: str, value: str) -> bool:
    """Whether there is a chapter, exercise, experiment, … of this name; other values are believed."""
    if unsaid(value) or value in LOOSE:
        return True
    if kind in ("chapter", "chapters", "solutions_of"):
        return set(value.split()) <= chapters() | LOOSE
    if kind in ("exercise", "exercises", "names"):
        from helpers.checks import registry

        return any(each.name == value for each in registry.exercises())
    if kind == "name":
        from helpers.experiments import registry as experiments

        return value in {each.name for each in experiments.experiments()}
    if kind == "require":
        from tools.grade.required import parse

        with contextlib.suppress(ValueError):
            return bool(parse(value))
        return False
    return True


class Asked(BaseException):
    """A command has got as far as its parser."""


NONE_NEEDED = "a command that takes nothing"


@functools.cache
def parser_of(module: str) -> Any:
    """The parser that ``python -m module`` asks, a typer command or argparse's, `NONE_NEEDED` where it only
    says something, None where nothing happens."""
    asked, said = [], io.StringIO()

    def ask(parser: Any, *_: Any, **__: Any) -> None:
        asked.append(parser)
        raise Asked

    with (
        mock.patch.object(TyperCommand, "main", ask), mock.patch.object(TyperGroup, "main", ask),
        mock.patch.object(argparse.ArgumentParser, "parse_args", ask),
        mock.patch.object(sys, "argv", [module]), contextlib.redirect_stdout(said),
        contextlib.suppress(Asked, SystemExit, ImportError), warnings.catch_warnings(),
    ):  # fmt: skip
        warnings.simplefilter("ignore", RuntimeWarning)   # a module that runs has been imported before
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    return asked[0] if asked else NONE_NEEDED if said.getvalue() else None
