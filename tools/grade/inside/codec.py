"""Values as JSON and back: what crosses between the judge and a learner's function.

Only plain data crosses: numbers, text, containers, NumPy arrays, tensors, generators' states, and functions
as numbers that the other side can ask to be called. Decoding runs nothing of the other side's; whatever is
no plain data arrives as an `Opaque` that knows the name of its type. Nothing of the course is imported: the
file also runs where the course is not.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

DEEP = 60          # containers in containers
LONG = 2_000_000   # entries of all containers of a message
DIGITS = 3000      # of an integer, in base 16: Python prints 4300 in base 10
KINDS = "biufcUS"  # of NumPy's types: truths, integers, floats, complex, text, bytes

_PLAIN = (str, int, float, type(None), np.generic)


class Unplain(Exception):
    """What was to be encoded is no plain data; the text is its type."""


class Garbled(Exception):
    """What was to be decoded is nothing that `encode` writes."""


class Opaque:
    """Something of the other side that is no plain data; its class bears the name of the thing's type."""

    text = ""

    def __repr__(self) -> str:
        return self.text or f"<{type(self).__name__}>"


class Encoder:
    """Values → JSON. `functions` collects the functions that it met, where they may cross (`calls`);
    `strict` raises Unplain for what is no plain data, instead of sending its name. Arrays, tensors and
    containers that are themselves among `given` cross as which of them they are."""

    def __init__(self, *, calls: bool = False, strict: bool = False, given: Sequence[Any] = ()):
        self.functions: list[Callable[..., Any]] = []
        self.calls, self.strict, self.entries = calls, strict, 0
        self.given = {id(each): n for n, each in enumerate(given) if not isinstance(each, _PLAIN)}

    def encode(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if id(value) in self.given:
            return {"t": "given", "v": self.given[id(value)]}
        if value is None or kind in (bool, str, float):
            return value
        if kind is int:
            return value if abs(value) < 2**53 else {"t": "int", "v": hex(value)}
        if isinstance(value, np.ma.MaskedArray | np.matrix):   # they calculate otherwise
            return self._other(value)
        if isinstance(value, np.ndarray):
            return self._array(np.asarray(value), depth)
        if isinstance(value, np.generic):
            return {"t": "number", **self._numbers(np.asarray(value))} if value.dtype.kind in KINDS else \
                self._other(value)
        self.entries += len(value) if isinstance(value, list | tuple | dict | set | frozenset) else 1
        if depth > DEEP or self.entries > LONG:
            return self._other(value)
        if isinstance(value, list | tuple | set | frozenset):
            name = next(each for each in (list, tuple, set, frozenset) if isinstance(value, each)).__name__
            return {"t": name, "v": [self.encode(each, depth + 1) for each in value]}
        if isinstance(value, dict):
            both = [[self.encode(part, depth + 1) for part in pair] for pair in value.items()]
            return {"t": "dict", "v": both}
        return self._rarer(value)

    def _rarer(self, value: Any) -> Any:
        if isinstance(value, bool | int | float | str):   # a subclass: what it is beneath
            base = next(each for each in (int, float, str) if isinstance(value, each))
            return self.encode({int: lambda: int.__index__(value), float: lambda: float.__float__(value),
                                str: lambda: str.__str__(value) + ""}[base]())  # fmt: skip
        if isinstance(value, complex):
            return {"t": "complex", "v": [value.real, value.imag]}
        if isinstance(value, bytes):
            return {"t": "bytes", "v": base64.b64encode(value).decode()}
        if isinstance(value, np.random.Generator):
            return {"t": "rng", "v": _plain_state(value.bit_generator.state)}
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return self._tensor(torch, value)
        if torch is not None and isinstance(value, torch.Generator):
            return {"t": "torch rng", "v": base64.b64encode(value.get_state().numpy().tobytes()).decode()}
        if self.calls and callable(value) and _only_called(value):
            self.functions.append(value)
            return {"t": "function", "v": len(self.functions) - 1}
        return self._other(value)

    def _array(self, value: np.ndarray, depth: int) -> Any:
        if value.dtype == object:
            self.entries += value.size
            if depth > DEEP or self.entries > LONG:
                return self._other(value)
            entries = [self.encode(each, depth + 1) for each in value.ravel()]
            return {"t": "objects", "s": list(value.shape), "v": entries}
        if value.dtype.kind not in KINDS:
            return self._other(value)
        gaps = not value.flags.c_contiguous
        return {"t": "array", **self._numbers(value), "g": gaps, "w": bool(value.flags.writeable)}

    @staticmethod
    def _numbers(value: np.ndarray) -> dict[str, Any]:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"d": value.dtype.str, "s": list(value.shape), "b": data}

    def _tensor(self, torch: Any, value: Any) -> Any:
        flat = value.detach().cpu()
        name = str(flat.dtype).removeprefix("torch.")
        if flat.is_sparse or flat.is_quantized:
            return self._other(value)
        if name == "bfloat16":
            flat = flat.view(torch.int16)
        numbers = self._numbers(flat.contiguous().numpy())
        history = bool(value.requires_grad)
        return {"t": "tensor", "n": name, **numbers, "g": not value.is_contiguous(), "h": history}

    def _other(self, value: Any) -> Any:
        if self.strict:
            raise Unplain(type(value).__name__)
        return {"t": "other", "v": str(type(value).__name__)[:80]}


def _only_called(value: Any) -> bool:
    """Whether a callable has nothing to it but being called: no class, no model with methods."""
    if isinstance(value, type) or hasattr(value, "state_dict"):
        return False
    if hasattr(value, "__code__"):
        return True
    methods = (name for name in vars(type(value)) if not name.startswith("_"))
    return not any(callable(getattr(value, name, None)) for name in methods)


def _plain_state(state: dict[str, Any]) -> Any:
    """A bit generator's state with its large integers as text."""
    if isinstance(state, dict):
        return {key: _plain_state(each) for key, each in state.items()}
    if isinstance(state, np.ndarray):
        return [int(each) for each in state]
    return hex(state) if isinstance(state, int) and abs(state) >= 2**53 else state


def decode(
    value: Any, function: Callable[[int], Callable] | None = None, given: Sequence[Any] | None = None
) -> Any:
    """The value that `encode` wrote; `function(n)` gives what stands for the other side's function n, `given`
    are the objects of ours that may be meant.

    Raises Garbled for anything else."""
    try:
        return _decode(value, function, given, 0)
    except Garbled:
        raise
    except RecursionError:
        raise Garbled("nested too deeply") from None
    except Exception as error:
        raise Garbled(f"{type(error).__name__}: {error}"[:200]) from None


def _decode(value: Any, function: Any, given: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if not isinstance(value, dict) or depth > DEEP + 2:
        raise Garbled(f"a {type(value).__name__} in a message")
    kind = value.get("t")
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](_decode(each, function, given, depth + 1) for each in value["v"])
    if kind == "dict":
        return {key: each for key, each in ([_decode(part, function, given, depth + 1) for part in pair]
                                            for pair in value["v"])}  # fmt: skip
    if kind in ("array", "number"):
        return _numbers(value)
    if kind == "objects":
        array = np.empty(len(value["v"]), dtype=object)
        for number, each in enumerate(value["v"]):
            array[number] = _decode(each, function, given, depth + 1)
        return array.reshape(value["s"])
    if kind == "given" and given is not None:
        return given[int(value["v"])]
    if kind == "function" and function is not None:
        return function(int(value["v"]))
    if kind in _RARER:
        return _RARER[kind](value)
    raise Garbled(f"{kind!r} in a message")


def _numbers(value: dict[str, Any]) -> Any:
    dtype = np.dtype(str(value["d"]))
    if dtype.kind not in KINDS:
        raise Garbled(f"an array of {dtype}")
    array = np.frombuffer(base64.b64decode(value["b"]), dtype).reshape(value["s"]).copy()
    if value["t"] == "number":
        return array[()]
    if value["g"]:
        array = _with_gaps(array)
    array.flags.writeable = bool(value["w"])
    return array


def _with_gaps(array: Any) -> Any:
    """The same values as a view with gaps along the last axis."""
    if not array.ndim or 0 in array.shape:
        return array
    wide = np.repeat(array, 2, axis=-1) if isinstance(array, np.ndarray) else array.repeat_interleave(2, -1)
    return wide[..., ::2]


def _tensor(value: dict[str, Any]) -> Any:
    import torch

    dtype = getattr(torch, str(value["n"]))
    if not isinstance(dtype, torch.dtype):
        raise Garbled("a tensor of no known type")
    numbers = _numbers({**value, "t": "array", "g": False, "w": True})
    tensor = torch.from_numpy(numbers)
    tensor = tensor.view(dtype) if str(value["n"]) == "bfloat16" else tensor
    if tensor.dtype != dtype:
        raise Garbled("a tensor of two types")
    tensor = _with_gaps(tensor) if value["g"] else tensor
    return tensor.requires_grad_() if value["h"] else tensor


def _rng(value: dict[str, Any]) -> np.random.Generator:
    state = value["v"]
    kind = getattr(np.random, str(state["bit_generator"]))
    if not issubclass(kind, np.random.BitGenerator):
        raise Garbled("a generator of no known kind")
    generator = kind(0)
    generator.state = _whole_state(state)
    return np.random.Generator(generator)


def _whole_state(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _whole_state(each) for key, each in state.items()}
    if isinstance(state, list):
        return np.array(state, dtype=np.uint64)
    return int(state, 16) if isinstance(state, str) and state[:2] == "0x" else state


def _torch_rng(value: dict[str, Any]) -> Any:
    import torch

    generator = torch.Generator()
    state = np.frombuffer(base64.b64decode(value["v"]), np.uint8).copy()
    generator.set_state(torch.from_numpy(state))
    return generator


def _integer(text: str) -> Any:
    """An integer; one that Python would not even print is none to compare with."""
    return int(text, 16) if len(text) <= DIGITS else type("int", (Opaque,), {})()


def _opaque(value: dict[str, Any]) -> Opaque:
    name = "".join(each for each in str(value["v"])[:80] if each.isprintable())
    return type(name or "object", (Opaque,), {})()


_CONTAINERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_RARER = {
    "int": lambda value: _integer(str(value["v"])),
    "complex": lambda value: complex(*map(float, value["v"])),
    "bytes": lambda value: base64.b64decode(value["v"]),
    "rng": _rng,
    "torch rng": _torch_rng,
    "tensor": _tensor,
    "other": _opaque,
}


def dumps(message: Any) -> bytes:
    """A message as bytes, its length first."""
    data = json.dumps(message, separators=(",", ":")).encode()
    return len(data).to_bytes(8, "big") + data


def _plain(value: Any) -> bool:
    return isinstance(value, _PLAIN)


def update(old: Any, new: Any) -> None:
    """Make `old`, which may be changed in place, hold what `new` holds, as far as their kinds agree."""
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        if old.shape == new.shape and old.flags.writeable:
            old[...] = new
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) == len(new) and not any(map(_plain, old)):
            for mine, theirs in zip(old, new, strict=True):
                update(mine, theirs)
        else:
            old[:] = new
    elif isinstance(old, dict) and isinstance(new, dict):
        if old.keys() == new.keys() and not any(map(_plain, old.values())):
            for key in old:
                update(old[key], new[key])
        else:
            old.clear()
            old.update(new)
    elif isinstance(old, tuple) and isinstance(new, tuple):
        for mine, theirs in zip(old, new, strict=False):
            update(mine, theirs)
    elif isinstance(old, set) and isinstance(new, set):
        old.clear()
        old.update(new)
    elif isinstance(old, np.random.Generator) and isinstance(new, np.random.Generator):
        old.bit_generator.state = new.bit_generator.state
    elif hasattr(old, "set_state") and hasattr(new, "get_state"):
        old.set_state(new.get_state())
    elif hasattr(old, "copy_") and hasattr(new, "detach") and old.shape == new.shape:
        with sys.modules["torch"].no_grad():
            old.copy_(new)
