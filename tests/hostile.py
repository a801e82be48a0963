"""What a learner may hand a function by mistake. What has to come of it: the right result, or a ValueError or
TypeError that names the argument, what it got and what it wants."""

import copy
import importlib.util
import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest


class Thing:
    """An object that is nothing in particular, and called the same in every process."""

    def __repr__(self):
        return "thing"


THING = Thing()

NO_NUMBERS = [None, "3", "abc", True, 1 + 2j, [], {}, THING, float("nan")]
"""None of them is a number."""

NO_WHOLE_NUMBERS = [*NO_NUMBERS, 2.5, float("inf"), [3], np.array([1, 2])]

NO_ARRAYS = [None, "abc", THING, [[1.0, 2.0], [3.0]], ["a", "b"], np.array([1 + 2j]), {"a": 1}]
"""None of them is an array of real numbers."""

NO_SIZES = [*NO_WHOLE_NUMBERS, 0, -1, 10**12, 10**30]

NO_FLAGS = [None, "no", 0, 1, 2.0, [], np.array([True, False])]

NO_IDS = [*NO_ARRAYS, 1.0, True, [0.0, 1.0], [True, False], ["0"]]

NO_DTYPES = [None, "abc", THING, int, np.float16, np.longdouble, np.complex128, ">f4", "f4, f4", 3, []]

NO_GENERATORS = [None, 0, "seed", np.random, np.random.RandomState(0)]

RIGHT = (ValueError, TypeError)


def assert_refused(call: Callable, *arguments, names: str = "", **options) -> str:
    """`call` raises a ValueError or TypeError whose message says `names`, "got" and "wanted"; the message."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")   # a RuntimeWarning of NumPy's is no message to a learner
        with pytest.raises(RIGHT) as caught:
            call(*arguments, **options)
    message = str(caught.value)
    assert "got" in message and "want" in message, message
    assert names in message, f"{names!r} is not named: {message}"
    return message


class Alike(NamedTuple):
    """For `fuzz`: a value that means the same as the valid one. Taken, it has to give the same result."""

    value: object


def disguises(array: np.ndarray) -> list[Alike]:
    """The same numbers in other clothes: other dtypes, memory and types. Multiples of 1/8, so that float16
    holds them too."""
    array = np.asarray(array)
    kinds = "float16 float32 float64 longdouble" if array.dtype.kind == "f" else "uint8 int8 int32 int64"
    forms = [array.astype(kind) for kind in kinds.split() if (array == array.astype(kind)).all()]
    forms += [array.astype(array.dtype.newbyteorder(">")), array.tolist(), np.ma.masked_array(array)]
    read_only = array.copy()
    read_only.flags.writeable = False
    forms += [read_only, memoryview(np.ascontiguousarray(array))]
    forms += [np.repeat(array, 2, axis=-1)[..., ::2], np.asfortranarray(array)] if array.ndim else []
    forms += [array.view(np.matrix)] if array.ndim == 2 else []
    if importlib.util.find_spec("torch"):
        import torch

        forms += [torch.tensor(array), torch.tensor(array, requires_grad=array.dtype.kind == "f")]
    return [Alike(each) for each in forms]


def misshapen(array: np.ndarray) -> list[np.ndarray]:
    """The array in shapes that do not fit where its own does."""
    array = np.asarray(array)
    shapes = [array[None], array[..., None], array[..., :-1], array[..., :0], array[:-1], np.float64(1.0)]
    return [each for each in (*shapes, array.T) if each.shape != array.shape]


def hostile_arrays(array: np.ndarray) -> list:
    """All that may come in place of an array of real numbers of one certain shape."""
    masked = np.ma.masked_array(array, np.arange(np.size(array)).reshape(np.shape(array)) == 0)
    return [*NO_ARRAYS, masked, np.array(array, object), *misshapen(array), *disguises(array)]


def fuzz(
    call: Callable, valid: Mapping[str, Any], hostile: Mapping[str, Sequence], *,
    names: Mapping[str, Sequence[str]] | None = None, rtol: float = 1e-5,
) -> None:
    """Call `call(**valid)` with one argument at a time replaced by each value that `hostile` has for it.

    A value has to be refused as `assert_refused` says, naming its argument, or one of ``names[argument]``
    (a wrong size is first seen at what it meets). An
    `Alike` value may instead give what the valid arguments give, to `rtol`. Nor may a call change its
    arguments or warn. `call` is called often: what remembers (a layer) is made anew inside it. All faults
    are reported at once.
    """
    wanted, faults = call(**copy.deepcopy(dict(valid))), []
    for argument, value in ((a, v) for a, values in hostile.items() for v in values):
        alike, value = isinstance(value, Alike), value.value if isinstance(value, Alike) else value
        given = {**copy.deepcopy(dict(valid)), argument: value}
        named = (names or {}).get(argument, [argument])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")   # a RuntimeWarning of NumPy's is no message to a learner
                result = call(**given)
        except RIGHT as error:
            text = str(error)
            told = any(name in text for name in named) and "got" in text and "want" in text
            fault = "" if told else f"{type(error).__name__}: {text}"
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        else:
            fault = "" if alike and _same(result, wanted, rtol) else f"gave {result!r}"
        if not all(_same(given[other], valid[other], 0) for other in valid if other != argument):
            fault += " and changed another argument"
        if fault:
            kind = f"{type(value).__name__} {getattr(value, 'dtype', '')}"
            faults.append(f"{argument} = {kind} {value!r:.80}: {fault:.200}")
    assert not faults, f"{len(faults)} of them:\n" + "\n".join(faults)


def _same(one: Any, other: Any, rtol: float) -> bool:
    """Whether two results hold the same numbers: arrays, tensors, numbers, and what holds such."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key], rtol) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = itertools.zip_longest(one, other)
        return len(one) == len(other) and all(_same(a, b, rtol) for a, b in pairs)
    try:
        a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    except (TypeError, ValueError, RuntimeError):
        return type(one) is type(other)
    return a.shape == b.shape and np.allclose(a, b, rtol=rtol, atol=rtol / 10, equal_nan=True)
