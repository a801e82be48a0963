"""Modules without readable source: in a class's copy of the course, the versions that answer its exercises.

A chapter goes on with the course's version of a function until the learner's has passed, and that version has
to come from somewhere. `install` lets Python import such modules from one compressed file, so that nobody
meets an answer by searching files, opening one, or reading a traceback. It keeps no secret from somebody who
wants it.
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
import sys
import zlib
from collections.abc import Callable, Mapping
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

FILE = Path(__file__).with_suffix(".bin")
MARK = b"unrolled 1\n"


def packed(sources: Mapping[str, str]) -> bytes:
    """The file that holds `sources`, module's name → source."""
    return MARK + zlib.compress(json.dumps(dict(sorted(sources.items()))).encode(), 9)


def unpacked(data: bytes) -> dict[str, str]:
    """The sources that `packed` has put into `data`; ImportError when it is damaged."""
    try:
        if not data.startswith(MARK):
            raise ValueError("another beginning")
        return json.loads(zlib.decompress(data[len(MARK) :]))
    except (ValueError, zlib.error) as error:
        text = f"{FILE} is damaged ({error}): unpack the zip file of the course once more"
        raise ImportError(text) from None


class _Finder(MetaPathFinder, Loader):
    def __init__(self, sources: Mapping[str, str]):
        self.sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, origin="sealed") if name in self.sources else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        file = FILE.parent.joinpath(*name.split(".")[1:])   # not there; tells an error's place
        exec(compile(self.sources[name], f"{file} (sealed)", "exec", dont_inherit=True), module.__dict__)


def install(file: Path = FILE) -> None:
    """Let the modules in `file` be imported; without such a file, as in the whole course, nothing happens."""
    if file.exists() and not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder(unpacked(file.read_bytes())))


def source(function: Callable[..., Any]) -> str | None:
    """The source of a function of a sealed module, None for every other."""
    finder = next((each for each in sys.meta_path if isinstance(each, _Finder)), None)
    function = inspect.unwrap(function)
    text = finder and finder.sources.get(getattr(function, "__module__", None) or "")
    return _definitions(text).get(getattr(function, "__qualname__", "")) if text else None


@functools.cache
def _definitions(text: str) -> dict[str, str]:
    functions = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    return {node.name: f"{ast.get_source_segment(text, node)}\n" for node in functions}
