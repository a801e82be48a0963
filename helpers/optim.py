"""Optimizers, and clipping by the global norm."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from helpers.validation import (
    require,
    require_fraction,
    require_int,
    require_number,
    require_real,
    require_shape,
)

Arrays = Mapping[str, np.ndarray]

CHUNK = 64 * 1024  # entries: the scratch of one chunk stays in the cache

LONGEST = {np.dtype(kind): math.sqrt(np.finfo(kind).max) for kind in (np.float16, np.float32, np.float64)}
"""The longest step in a dtype: the squares of longer ones overflow, and soon the weights."""


def clip_scale(grads: Arrays, max_norm: float) -> tuple[float, float]:
    """The global L2 norm of all gradients, and the factor ≤ 1 that brings it down to `max_norm`.

    The factor is min(1, max_norm / (norm + 1e-6)), as in torch.nn.utils.clip_grad_norm_ (Pascanu et al.,
    2013). Handing it to an optimizer's `step` saves the pass over the gradients that `clip_grad_norm` makes.
    Raises FloatingPointError naming the first gradient that is not finite; ValueError for max_norm ≤ 0 and
    for gradients that are no arrays of floating-point numbers.
    """
    max_norm = require_number("max_norm", max_norm, above=0, infinite=True)
    _require_floats("grads", grads)
    norm = _norm(grads)
    return norm, min(1.0, max_norm / (norm + 1e-6))


def _require_floats(argument: str, arrays: Arrays) -> None:
    """ValueError unless `arrays` are NumPy arrays of floating-point numbers, by name."""
    require(isinstance(arrays, Mapping), argument, type(arrays).__name__, "a dict of arrays")
    for name, array in arrays.items():
        is_array = isinstance(array, np.ndarray)
        got = f"dtype {array.dtype}" if is_array else type(array).__name__
        fits = is_array and array.dtype.kind == "f"
        require(fits, f"{argument}[{name!r}]", got, "a NumPy array of floating-point numbers")


def _require_writable(argument: str, array: np.ndarray) -> None:
    require(array.flags.writeable, argument, "a read-only array", "one that can be changed in place")


def _norm(grads: Arrays) -> float:
    """The global L2 norm, in float64 where float32 would not hold the squares; FloatingPointError names the
    first gradient that is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        norm = _norm_in(grads, 1.0)
    if not math.isfinite(norm):
        for name, gradient in grads.items():
            if not np.isfinite(gradient).all():
                raise FloatingPointError(f"grads[{name!r}]: got values that are not finite, wanted finite")
        # All are finite, only their squares overflowed.
        largest = max(float(np.abs(gradient).max()) for gradient in grads.values() if gradient.size)
        norm = _norm_in(grads, largest)
    return norm


def _norm_in(grads: Arrays, unit: float) -> float:
    """The global L2 norm, the squares being taken in multiples of `unit`; those of float16 in float32."""
    flats = (gradient.reshape(-1) for gradient in grads.values())
    wide = (flat.astype(np.float32) if flat.dtype == np.float16 else flat for flat in flats)
    parts = (flat if unit == 1 else flat / unit for flat in wide)
    return unit * math.sqrt(sum(float(np.dot(part, part)) for part in parts))


def clip_grad_norm(grads: Arrays, max_norm: float) -> float:
    """Scale all gradients in place so that their global L2 norm is at most `max_norm`; the norm before.

    Raises as `clip_scale`; the gradients are then as they were.
    """
    norm, scale = clip_scale(grads, max_norm)
    if scale < 1:
        for name, gradient in grads.items():
            _require_writable(f"grads[{name!r}]", gradient)
        for gradient in {id(gradient): gradient for gradient in grads.values()}.values():   # tied: once
            gradient *= scale
    return norm


class Optimizer:
    """Holds the parameters and updates them in place; `lr` may be changed at any time."""

    def __init__(self, params: Arrays, lr: float):
        _require_floats("params", params)
        self.params = dict(params)
        for name, param in self.params.items():
            argument = f"params[{name!r}]"
            # reshape(-1) of anything else is a copy
            wanted = "a C-contiguous one (it is updated in place)"
            require(param.flags.c_contiguous, argument, "a strided array", wanted)
            _require_writable(argument, param)
        self.lr = lr

    @property
    def lr(self) -> float:
        """The learning rate, a finite number of at least 0."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = require_number("lr", value, minimum=0)

    def _check(self, grads: Arrays, scale: float) -> None:
        """ValueError unless `grads` fit the parameters; FloatingPointError when a gradient is not finite, or
        so long that a step would not be: nothing has been changed then."""
        _require_floats("grads", grads)
        require(grads.keys() == self.params.keys(), "grads", sorted(grads, key=str), f"{sorted(self.params)}")
        for name, gradient in grads.items():
            require_shape(f"grads[{name!r}]", gradient, self.params[name].shape)
        norm = _norm(grads) * require_number("scale", scale, minimum=0)
        largest = min((LONGEST.get(p.dtype, math.inf) for p in self.params.values()), default=math.inf)
        for what, length in (("gradient", norm), ("learning rate times gradient", self.lr * norm)):
            if not length <= largest:
                raise FloatingPointError(f"{what}: got length {length:.3g}, wanted at most {largest:.3g}")


class SGD(Optimizer):
    """params -= lr · grads."""

    def step(self, grads: Arrays, scale: float = 1.0) -> None:
        """One step against `scale` · grads (see `clip_scale`); the gradients are left as they are.

        Raises FloatingPointError, with all as it was, when the step would not be finite."""
        self._check(grads, scale)
        rate = self.lr * float(scale)
        for name, param in self.params.items():
            p, g = param.reshape(-1), grads[name].reshape(-1)
            scratch = np.empty(min(CHUNK, p.size), p.dtype)
            for start in range(0, p.size, CHUNK):
                part = p[start : start + CHUNK]
                part -= np.multiply(g[start : start + CHUNK], rate, out=scratch[: part.size])

    def state_dict(self) -> dict:
        """{"lr": float}."""
        return {"lr": self.lr}

    def load_state_dict(self, state: Mapping) -> None:
        """Continue from `state_dict()`."""
        _require_keys(state, ("lr",))
        self.lr = state["lr"]


class Adam(Optimizer):
    """Adam (Kingma & Ba, 2015): the running mean of the gradient over the root of that of its square."""

    def __init__(
        self, params: Arrays, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ):
        super().__init__(params, lr)
        two = isinstance(betas, tuple | list) and len(betas) == 2
        require(two, "betas", repr(betas), "two numbers in [0, 1)")
        self.betas = (require_fraction("betas[0]", betas[0]), require_fraction("betas[1]", betas[1]))
        self.eps = require_number("eps", eps, above=0)
        for name, param in self.params.items():   # 0 / (0 + 0) where a gradient is 0
            wanted = f"more than 0 in {param.dtype}, the dtype of params[{name!r}]"
            require(param.dtype.type(self.eps) > 0, "eps", eps, wanted)
        self.steps = 0
        self.m = {name: np.zeros_like(p) for name, p in self.params.items()}
        self.v = {name: np.zeros_like(p) for name, p in self.params.items()}

    def step(self, grads: Arrays, scale: float = 1.0) -> None:
        """One step with `scale` · grads (see `clip_scale`); the gradients are left as they are.

        Raises FloatingPointError, with all as it was, when the step would not be finite."""
        self._check(grads, scale)
        beta1, beta2 = self.betas
        self.steps += 1
        rate = float(self.lr) / (1 - beta1**self.steps)
        root = math.sqrt(1 - beta2**self.steps)
        for name, param in self.params.items():
            flats = (a.reshape(-1) for a in (param, grads[name], self.m[name], self.v[name]))
            p, g, m, v = flats
            for start in range(0, p.size, CHUNK):
                part = slice(start, start + CHUNK)
                gradient = g[part] * float(scale)
                m[part] += (1 - beta1) * (gradient - m[part])
                v[part] *= beta2
                v[part] += (1 - beta2) * gradient * gradient
                p[part] -= rate * m[part] / (np.sqrt(v[part]) / root + self.eps)

    def state_dict(self) -> dict:
        """{"lr", "steps", "m": {name: array}, "v": {name: array}}; the arrays are copies."""
        copies = {key: {name: a.copy() for name, a in getattr(self, key).items()} for key in ("m", "v")}
        return {"lr": self.lr, "steps": self.steps, **copies}

    def load_state_dict(self, state: Mapping) -> None:
        """Continue from `state_dict()`, to the last bit. ValueError, with all as it was, for other names,
        shapes and dtypes, and for what is not finite."""
        _require_keys(state, ("lr", "steps", "m", "v"))
        steps = require_int("steps", state["steps"], minimum=0)
        for key in ("m", "v"):
            _require_keys(state[key], self.params, key)
            for name, array in state[key].items():
                argument, param = f"{key}[{name!r}]", self.params[name]
                require_shape(argument, array, param.shape)
                array = require_real(argument, array, finite=True)
                require(array.dtype == param.dtype, argument, f"dtype {array.dtype}", f"{param.dtype}")
                require(key == "m" or not (array < 0).any(), argument, "negative values", "squares")
        self.lr = state["lr"]
        self.steps = steps
        for key in ("m", "v"):
            for name, array in state[key].items():
                getattr(self, key)[name][...] = array


def _require_keys(state: Mapping, keys: Iterable[str], argument: str = "state") -> None:
    wanted = sorted(keys)
    got = sorted(state, key=str) if isinstance(state, Mapping) else type(state).__name__
    require(got == wanted, argument, got, f"{wanted}")
