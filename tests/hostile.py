"""What a learner may hand a function by mistake. What has to come of it: the right result, or a ValueError or
TypeError that names the argument, what it got and what it wants."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest

NO_NUMBERS = [None, "3", "abc", True, 1 + 2j, [], {}, object(), float("nan")]
"""None of them is a number."""

NO_WHOLE_NUMBERS = [*NO_NUMBERS, 2.5, float("inf"), [3], np.array([1, 2])]

NO_ARRAYS = [None, "abc", object(), [[1.0, 2.0], [3.0]], ["a", "b"], np.array([1 + 2j]), {"a": 1}]
"""None of them is an array of real numbers."""

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
