"""The cases an exercise is judged on: drawn ones, each size at 1, examples, extremes, odd memory."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import inspect
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks.given import Given
from helpers.checks.gradients import with_gaps
from helpers.checks.landmarks import recorded_calls
from helpers.checks.words import Message, told
from helpers.installed import required
from helpers.languages import translate

if TYPE_CHECKING:
    from helpers.checks.registry import Exercise

GAPS, READ_ONLY = Message("arrays with gaps in memory"), Message("read-only arrays")
EXAMPLE = Message("the statement's example")


@dataclass(frozen=True)
class Case:
    """Arguments by name, in the signature's order; `tag` says what is special about them ("" if nothing).

    `sizes` are the drawn sizes by name, `hint` goes to an answer that is right in all drawn cases and wrong
    here; `prepare` is applied to every array and tensor of the arguments right before a call.
    """

    arguments: Mapping[str, Any]
    tag: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    hint: str = ""
    prepare: Callable[[Any], Any] | None = None

    def fresh(self) -> dict[str, Any]:
        """A copy of the arguments, to be handed to one call."""
        given = copy.deepcopy(dict(self.arguments))
        return given if self.prepare is None else _mapped(given, self.prepare)

    def told_tag(self) -> str:
        """What is special, in the language in use."""
        return self.tag if is_size(self.tag) else told(self.tag)

    def told_hint(self) -> str:
        """The hint in the language in use."""
        return told(self.hint, tag=self.tag) if self.hint == ALONE else told(self.hint)

    def __str__(self) -> str:
        return describe(self.arguments)


def cases_of(exercise: Exercise, dtype: type = np.float64, secret: bytes = b"") -> list[Case]:
    """All cases of an exercise, the same at every run, floating numbers and arrays as `dtype`.

    With a `secret` they are others, which only its owner knows; the statement's examples are left out."""
    seed = zlib.crc32(exercise.name.encode()) if not secret else _secret_seed(exercise.name, secret)
    drawn = [_drawn(exercise, [seed, number], dtype) for number in range(exercise.rounds)]
    alone = [
        _drawn(exercise, [seed, 1000 + number], dtype, **{size: 1})
        for number, size in enumerate(exercise.sizes())
        if f"{size} = 1" not in exercise.skip
    ]
    extremes = [
        Case(_cast(dict(each.draw(np.random.default_rng([seed, number]))), dtype), each.name, hint=each.hint)
        for number, each in enumerate(exercise.extremes, start=2000)
    ]
    # The statement's examples keep their own dtypes: they are shown to the learner as they are.
    examples = [Case(arguments, EXAMPLE) for arguments in _examples(exercise)] if not secret else []
    return [*drawn, *alone, *examples, *extremes, *_odd_memory(exercise, drawn[0])]


def _secret_seed(name: str, secret: bytes) -> int:
    return int.from_bytes(hashlib.sha256(secret + name.encode()).digest()[:16], "big")


def _drawn(exercise: Exercise, seed: list[int], dtype: type, **fixed: int) -> Case:
    rng = np.random.default_rng(seed)
    sizes = {name: int(rng.integers(low, high + 1)) for name, (low, high) in exercise.sizes().items()} | fixed
    tag = ", ".join(f"{name} = {size}" for name, size in fixed.items())
    hint = ALONE if fixed else ""
    return Case(_cast(dict(exercise.cases(rng, **sizes)), dtype), tag, sizes, hint)


def is_size(tag: str) -> bool:
    """Whether a tag is that of a size, N = 1, which is said alike in all languages."""
    return bool(re.fullmatch(r"\w+ = 1", tag))


ALONE = Message(
    "Right in the ordinary sizes, wrong with {tag}. Does something drop an axis of size 1 (`squeeze`, an "
    "index), or a loop begin or end where there is just one?"
)


def _examples(exercise: Exercise) -> list[dict[str, Any]]:
    names = list(inspect.signature(exercise.reference).parameters)
    with contextlib.ExitStack() as undo:
        if any("torch" in snippet for snippet in exercise.landmarks):   # a model's weights are drawn
            torch = required("torch", "PyTorch")
            undo.enter_context(torch.random.fork_rng(devices=[]))
            torch.manual_seed(0)
        return [
            dict(zip(names, call, strict=True))
            for snippet in exercise.landmarks
            for call in recorded_calls(snippet, exercise.name, exercise.reference)
        ]


def _odd_memory(exercise: Exercise, case: Case) -> list[Case]:
    """The first drawn case once more, with arrays that are views with gaps, and with read-only ones."""
    odd = []
    for tag, prepare, hint in ((GAPS, with_gaps, _GAPS), (READ_ONLY, read_only, _READ_ONLY)):
        if tag not in exercise.skip and _has_arrays(case.arguments):
            odd.append(Case(case.arguments, tag, case.sizes, hint, prepare))
    return odd


_GAPS = Message(
    "Right with arrays that lie in memory without gaps, wrong with a view such as `a[:, ::2]`. `view`, "
    "`ravel` with writing, and tricks with strides depend on the layout; `reshape` does not."
)
_READ_ONLY = Message("It writes into its argument. Work on a copy of it, made with `.copy()`.")


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """`change` applied to every array and tensor in lists, tuples and dicts."""
    if isinstance(value, np.ndarray) or _is_tensor(value):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(entry, change) for key, entry in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_mapped(entry, change) for entry in value)
    return value


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "is_contiguous") and hasattr(value, "repeat_interleave")


def read_only(value: Any) -> Any:
    """`value`, an array of which cannot be written into any more."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    return value


def _has_arrays(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_arrays, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_arrays, value))
    return isinstance(value, np.ndarray) or (isinstance(value, Given) and "tensor" in value.text)


def precise(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the arguments with all floating numbers in float64, for the oracles."""
    return copy.deepcopy({name: _cast(value, np.float64) for name, value in arguments.items()})


def _cast(value: Any, dtype: type) -> Any:
    if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
        return value.astype(dtype)
    if isinstance(value, float | np.floating):
        return float(value) if dtype == np.float64 else dtype(value)
    if type(value) in (list, tuple):
        return type(value)(_cast(entry, dtype) for entry in value)
    if type(value) is dict:
        return {key: _cast(entry, dtype) for key, entry in value.items()}
    return value


def describe(arguments: Mapping[str, Any], room: int = 300) -> str:
    """The arguments in a few words: short values whole, otherwise shapes and lengths."""
    whole, short = (
        ", ".join(f"{name}{_described(value, most)}" for name, value in arguments.items())
        for most in (90, 40)
    )
    return whole if len(whole) <= room else short


def _described(value: Any, room: int) -> str:
    if isinstance(value, np.ndarray):
        text = np.array2string(value, separator=", ", precision=4, suppress_small=True, threshold=20)
        text = text.replace("\n", "")
        return f" = {text}" if value.size <= 8 and len(text) <= room else f" {value.shape}"
    if isinstance(value, float | np.floating):
        return f" = {_rounded(value)}"
    if isinstance(value, dict | list | tuple) and len(value) > MANY:
        return _counted(value)
    if isinstance(value, dict):
        entries = {key: _described(entry, 20).replace(" =", ":", 1) for key, entry in value.items()}
        inner = ", ".join(f"{key!r}{text}" for key, text in entries.items())
        return f" = {{{inner}}}" if len(inner) <= room else _counted(value)
    if isinstance(value, list | tuple):
        text = repr(_plain(value))
        return f" = {text}" if len(text) <= room else _counted(value)
    if _is_tensor(value):
        return " = " + translate("a tensor {shape}", shape=tuple(value.shape))
    text = told(value.text) if isinstance(value, Given) else _ADDRESS.sub("", repr(value))
    text = f"{type(value).__name__}(…)" if "\n" in text else text   # a model, an optimizer
    return f" = {text if len(text) <= room else text[: room - 1] + '…'}"


MANY = 100   # so many entries are not even looked at: a notebook's list may hold a corpus
_ADDRESS = re.compile(r"(?: object)? at 0x[0-9A-Fa-f]+")


def _counted(value: Any) -> str:
    return " " + translate("({type} of {count})", type=type(value).__name__, count=len(value))


def _rounded(value: float) -> str:
    """Eight digits; with all of them where fewer would tell another story, as with 0.9999999999."""
    short = f"{value:.8g}"
    near = abs(float(short) - value) <= 1e-6 * min(abs(value), abs(1 - value) + 1e-12)
    return short if near else repr(float(value))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.round(4).tolist()
    if type(value) in (list, tuple):
        return type(value)(_plain(entry) for entry in value)
    return value.item() if isinstance(value, np.generic) else value
