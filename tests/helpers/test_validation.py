"""Messages: which argument, what it got, what it wants."""

import numpy as np
import pytest

from helpers.validation import (
    as_array,
    require_array,
    require_arrays,
    require_flag,
    require_fraction,
    require_ids,
    require_int,
    require_number,
    require_real,
    require_rng,
    require_shape,
)
from tests import hostile
from tests.hostile import assert_refused

FORMULA = "x (N, D), W (D, 4H), b (4H,)"


def arrays(x=(2, 3), W=(3, 8), b=(8,)):
    return [np.zeros(shape) for shape in (x, W, b)]


@pytest.mark.parametrize(
    ("call", "values"),
    [
        (lambda value: require_int("it", value), [*hostile.NO_WHOLE_NUMBERS, 0, -1]),
        (lambda value: require_int("it", value, maximum=3), [4, 10**30]),
        (lambda value: require_number("it", value), [*hostile.NO_NUMBERS, np.inf, 10**400, np.array([1.0])]),
        (lambda value: require_number("it", value, above=0, maximum=1), [0, 1.5, -1]),
        (lambda value: require_fraction("it", value), [*hostile.NO_NUMBERS, 1, -0.1]),
        (lambda value: require_flag("it", value), hostile.NO_FLAGS),
        (lambda value: require_rng("it", value), hostile.NO_GENERATORS),
        (lambda value: require_ids("it", value, 3), [*hostile.NO_IDS, [3], [[0, -1]]]),
        (lambda value: require_real("it", value), hostile.NO_ARRAYS),
        (lambda value: require_real("it", value, finite=True), [np.nan, [[0, np.inf]]]),
        (lambda value: require_array("it", value, (2, "N")), [*hostile.NO_ARRAYS, 1.0, np.zeros((3, 1))]),
        (lambda value: require_shape("it", value, (2,)), [1, [[1]], [[1], [1, 2]], np.zeros((2, 2))]),
        (lambda value: as_array("it", value, "numbers"), [np.ma.masked_equal([0, 1], 0), [[1], [1, 2]]]),
    ],
)
def test_refused_by_name(call, values):
    for value in values:
        assert_refused(call, value, names="it: ")


def test_what_fits_comes_back_as_a_plain_number_or_array():
    assert require_int("it", np.int8(3), maximum=3) == 3 and require_flag("it", np.True_) is True
    assert type(require_number("it", np.array(0.5), above=0, maximum=1)) is float
    assert require_real("it", np.float16([1])).dtype == require_real("it", [[1]]).dtype == np.float64
    assert type(require_real("it", np.ma.masked_array([1.0]))) is np.ndarray


def test_the_arrays_of_a_formula_have_shapes_that_go_together():
    given = arrays()
    assert all(a is b for a, b in zip(require_arrays(FORMULA, *given), given, strict=True))
    for bad, message in [
        (arrays(x=(3,)), r"x: got shape \(3,\), wanted \(N, D\)"),
        (arrays(W=(2, 8)), r"W: got shape \(2, 8\), wanted \(3, 4H\)"),
        (arrays(W=(3, 7)), r"W: got shape \(3, 7\), wanted \(3, 4H\)"),
        (arrays(b=(1,)), r"b: got shape \(1,\), wanted \(8,\)"),
        ([*arrays()[:2], None], "b: got None, wanted an array of real numbers"),
    ]:
        for _ in range(2):   # also when it has been seen before
            with pytest.raises(ValueError, match=message):
                require_arrays(FORMULA, *bad)


def test_a_bound_is_said():
    with pytest.raises(ValueError, match="it: got 2, wanted a finite number above 0 and at most 1"):
        require_number("it", 2, above=0, maximum=1)
    with pytest.raises(ValueError, match=r"it: got id 5 at index \(0, 1\), wanted 0 … 4"):
        require_ids("it", [[0, 5]], 5)
