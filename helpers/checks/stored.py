"""Arguments and outcomes of an exercise as data: numbers, text, arrays, tensors and what holds them.

`Store.put` makes JSON of a value, its arrays in one pool for each dtype; `Store.get` gives the value back.
Nothing that comes out is code.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from helpers.checks import given
from helpers.checks.given import Given
from helpers.installed import required

Tree = Any
"""JSON: a number, text, True, False or None as it is, everything else as [kind, …]."""


class CannotStore(ValueError):
    """A value that is no data: a function, a model, a generator that is being drawn from."""


class Store:
    """Pools of arrays by dtype; `put` fills them, `get` reads them."""

    def __init__(self, pools: Mapping[str, np.ndarray] | None = None):
        self.pools = dict(pools or {})
        self._parts: dict[str, list[np.ndarray]] = {}
        self._length: dict[str, int] = {}
        self._known: dict[tuple, Tree] = {}

    def put(self, value: Any) -> Tree:
        """`value` as JSON; CannotStore where it is no data."""
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind in (list, tuple):
            return [kind.__name__, *map(self.put, value)]
        if kind is dict:
            return ["dict", *([self.put(key), self.put(each)] for key, each in value.items())]
        if kind is np.ndarray and value.dtype.kind in "biufUS":
            order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
            return ["array", *self._pooled(value.ravel(order)), list(value.shape), order]
        if isinstance(value, np.generic) and value.dtype.kind in "biufU":
            return ["number", *self._pooled(np.atleast_1d(value))]
        if kind is Given and value.make.__qualname__ == given.tensor.__name__ + ".<locals>.make":
            return ["given", self.put(*value.parts)]
        if hasattr(value, "is_contiguous") and hasattr(value, "detach"):
            return ["tensor", self.put(value.detach().numpy())]
        raise CannotStore(f"value: got {kind.__name__}, wanted data")

    def _pooled(self, flat: np.ndarray) -> tuple[str, int]:
        name, key = flat.dtype.str, (flat.dtype.str, flat.tobytes())
        if key not in self._known:
            self._known[key] = name, self._length.get(name, 0)
            self._parts.setdefault(name, []).append(np.array(flat))
            self._length[name] = self._known[key][1] + flat.size
        return self._known[key]

    def get(self, tree: Tree) -> Any:
        """The value that `put` made `tree` of."""
        if not isinstance(tree, list):
            return tree
        kind, *rest = tree
        if kind in ("list", "tuple"):
            return (list if kind == "list" else tuple)(map(self.get, rest))
        if kind == "dict":
            return {self.get(key): self.get(each) for key, each in rest}
        if kind == "number":
            return self.pools[rest[0]][rest[1]]
        if kind == "given":
            return given.tensor(self.get(rest[0]))
        if kind == "tensor":
            return required("torch", "PyTorch").from_numpy(self.get(rest[0]))
        name, start, shape, order = rest
        end = start + int(np.prod(shape, dtype=int))
        return self.pools[name][start:end].reshape(shape, order=order).copy(order)


def save(file: IO[bytes], head: Any, body: Any, store: Store) -> None:
    """Write what is asked for at once (`head`), the rest (`body`), both JSON, and the pools of `store`."""
    texts = {name: np.frombuffer(json.dumps(each).encode(), np.uint8) for name, each in
             (("head", head), ("body", body))}  # fmt: skip
    pools = {f"pool {name}": np.concatenate(parts) for name, parts in sorted(store._parts.items())}
    np.savez_compressed(file, **texts, **pools)


def load_head(path: Path) -> Any:
    """The head of a file that `save` wrote; ImportError when it is damaged."""
    return _load(path, lambda file: _json(file["head"]))


def load_body(path: Path) -> tuple[Any, Store]:
    """The body and the pools; ImportError when the file is damaged."""

    def read(file):
        pools = {name.removeprefix("pool "): file[name] for name in file if name.startswith("pool ")}
        return _json(file["body"]), Store(pools)

    return _load(path, read)


def _json(array: np.ndarray) -> Any:
    return json.loads(array.tobytes())


def _load(path: Path, read) -> Any:
    try:
        with np.load(path, allow_pickle=False) as file:
            return read(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        text = f"{path} is damaged ({error}): unpack the zip file of the course once more"
        raise ImportError(text) from None
