"""What every layer shares: parameters, gradients, and memory that is allocated once."""

from __future__ import annotations

import numpy as np

from helpers.validation import as_array, require, require_rng

MOST = 2**24   # of what a layer has in one direction


class Arrays(dict):
    """Arrays by name, each filled but never replaced: optimizers and models hold on to it, and would go on
    with the old one. ``arrays["W"] = values`` is a ValueError."""

    def __setitem__(self, name: str, array: np.ndarray) -> None:
        if name in self and array is not self[name]:
            wanted = f"the same one filled: [{name!r}][...] = values"
            raise ValueError(f"{name}: got another array, wanted {wanted}")
        super().__setitem__(name, array)


class Layer:
    """Parameters and gradients under the same names.

    `backward` *overwrites* the arrays in `grads`; nothing is accumulated from call to call. The arrays in
    `params` and `grads` keep their identity, so an optimizer may hold on to them. To set a weight by hand,
    fill the array: ``layer.params["W"][...] = values``.

    A layer computes in its dtype, float32 or float64: narrower numbers and integers are widened, wider ones
    refused. nan and inf go through to the result.
    """

    def __init__(self, dtype: np.dtype | type = np.float32):
        self.dtype = _float_dtype(dtype)
        self.params: dict[str, np.ndarray] = Arrays()
        self.grads: dict[str, np.ndarray] = Arrays()
        self._buffers: dict[str, np.ndarray] = {}

    def _add_parameter(self, name: str, value: np.ndarray) -> None:
        self.params[name] = np.ascontiguousarray(value, dtype=self.dtype)
        self.grads[name] = np.zeros_like(self.params[name])

    def _column_sums(self, rows: np.ndarray, out: np.ndarray) -> None:
        """The gradient of a bias: `rows` (M, K) summed over M, as a product with ones (BLAS adds faster)."""
        ones = self._buffer("ones", (len(rows),))
        ones.fill(1)
        np.matmul(ones, rows, out=out)

    def _buffer(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Memory for inner results, kept from call to call: it is never handed to the caller."""
        buffer = self._buffers.get(name)
        if buffer is None or buffer.shape != shape:
            # Fresh pages cost the system more time than the arithmetic on them.
            buffer = self._buffers[name] = np.empty(shape, self.dtype)
        return buffer


def _float_dtype(dtype: object) -> np.dtype:
    """float32 or float64 as a dtype; ValueError for all else (np.dtype(None) would be float64)."""
    try:
        found = None if dtype is None else np.dtype(dtype)
    except (TypeError, ValueError):
        found = None
    fits = found is not None and found in (np.float32, np.float64)
    require(fits, "dtype", repr(dtype) if found is None else found, "float32 or float64")
    return found


def transposed(W: np.ndarray, out: np.ndarray) -> np.ndarray:
    """W.T, laid out anew in `out`: thin products with it take half the time of those with the view W.T."""
    for start in range(0, len(W), 32):   # as many rows at a time as stay in the cache
        out[:, start : start + 32] = W[start : start + 32].T
    return out


def normal_weights(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """(rows, columns) draws from a normal distribution of standard deviation 1 / sqrt(rows)."""
    return require_rng("rng", rng).standard_normal((rows, columns)) / np.sqrt(rows)


def real_array(argument: str, values: object, dtype: np.dtype) -> np.ndarray:
    """`values` as an array of `dtype`, not copied where it is one already.

    ValueError unless they are real numbers, and for float64 in a float32 layer: half the digits would be
    lost without a word.
    """
    array = as_array(argument, values, "real numbers")
    require(array.dtype.kind in "fiub", argument, f"dtype {array.dtype}", "real numbers")
    if array.dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize:
        remedy = " (or make the layer with dtype=np.float64)" if array.dtype.itemsize == 8 else ""
        raise ValueError(f"{argument}: got {array.dtype.name}, wanted {dtype}, the layer's{remedy}")
    return array.astype(dtype, copy=False)


def require_forward(cache: object, layer: object) -> None:
    """RuntimeError unless `forward` left something to go back through."""
    if cache is None:
        name = type(layer).__name__
        raise RuntimeError(f"{name}.backward: got no forward pass, wanted forward before backward")


def require_cache(cache: object, length: int, step: str) -> tuple:
    """`cache` if it is what `step` returned for its backward; ValueError otherwise."""
    fits = isinstance(cache, tuple) and len(cache) == length
    require(fits, "cache", type(cache).__name__, f"the cache that {step} returned")
    return cache
