"""Optimizers, and clipping by the global norm."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from helpers.validation import require, require_shape

Arrays = Mapping[str, np.ndarray]

CHUNK = 64 * 1024  # entries: the scratch of one chunk stays in the cache


def clip_scale(grads: Arrays, max_norm: float) -> tuple[float, float]:
    """The global L2 norm of all gradients, and the factor ≤ 1 that brings it down to `max_norm`.

    The factor is min(1, max_norm / (norm + 1e-6)), as in torch.nn.utils.clip_grad_norm_ (Pascanu et al.,
    2013). Handing it to an optimizer's `step` saves the pass over the gradients that `clip_grad_norm` makes.
    Raises FloatingPointError naming the first gradient that is not finite; ValueError for max_norm ≤ 0.
    """
    require(max_norm > 0, "max_norm", max_norm, "a number above 0")
    with np.errstate(over="ignore"):
        norm = _norm(grads, 1.0)
    if not math.isfinite(norm):
        for name, gradient in grads.items():
            if not np.isfinite(gradient).all():
                raise FloatingPointError(f"grads[{name!r}]: got values that are not finite, wanted finite")
        # All are finite, only their squares overflowed.
        largest = max(float(np.abs(gradient).max()) for gradient in grads.values() if gradient.size)
        norm = _norm(grads, largest)
    return norm, min(1.0, max_norm / (norm + 1e-6))


def _norm(grads: Arrays, unit: float) -> float:
    """The global L2 norm, the squares being taken in multiples of `unit`."""
    flats = (gradient.reshape(-1) for gradient in grads.values())
    parts = (flat if unit == 1 else flat / unit for flat in flats)
    return unit * math.sqrt(sum(float(np.dot(part, part)) for part in parts))


def clip_grad_norm(grads: Arrays, max_norm: float) -> float:
    """Scale all gradients in place so that their global L2 norm is at most `max_norm`; the norm before.

    Raises as `clip_scale`; the gradients are then as they were.
    """
    norm, scale = clip_scale(grads, max_norm)
    if scale < 1:
        for gradient in grads.values():
            gradient *= scale
    return norm


class Optimizer:
    """Holds the parameters and updates them in place; `lr` may be changed at any time."""

    def __init__(self, params: Arrays, lr: float):
        require(math.isfinite(lr) and lr >= 0, "lr", lr, "a finite number of at least 0")
        self.params = dict(params)
        for name, param in self.params.items():   # reshape(-1) of anything else is a copy
            wanted = "a C-contiguous one (it is updated in place)"
            require(param.flags.c_contiguous, f"params[{name!r}]", "a strided array", wanted)
        self.lr = float(lr)

    def _check(self, grads: Arrays) -> None:
        require(grads.keys() == self.params.keys(), "grads", sorted(grads), f"{sorted(self.params)}")
        for name, gradient in grads.items():
            require_shape(f"grads[{name!r}]", gradient, self.params[name].shape)


class SGD(Optimizer):
    """params -= lr · grads."""

    def step(self, grads: Arrays, scale: float = 1.0) -> None:
        """One step against `scale` · grads (see `clip_scale`); the gradients are left as they are."""
        self._check(grads)
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
        self.lr = float(state["lr"])


class Adam(Optimizer):
    """Adam (Kingma & Ba, 2015): the running mean of the gradient over the root of that of its square."""

    def __init__(
        self, params: Arrays, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ):
        super().__init__(params, lr)
        for beta in betas:
            require(0 <= beta < 1, "betas", betas, "two numbers in [0, 1)")
        require(eps >= 0, "eps", eps, "a number of at least 0")
        self.betas = (float(betas[0]), float(betas[1]))
        self.eps = float(eps)
        self.steps = 0
        self.m = {name: np.zeros_like(p) for name, p in self.params.items()}
        self.v = {name: np.zeros_like(p) for name, p in self.params.items()}

    def step(self, grads: Arrays, scale: float = 1.0) -> None:
        """One step with `scale` · grads (see `clip_scale`); the gradients are left as they are."""
        self._check(grads)
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
        """Continue from `state_dict()`, to the last bit. ValueError for other names or shapes."""
        for key in ("m", "v"):
            got = state[key].keys()
            require(got == self.params.keys(), key, sorted(got), f"{sorted(self.params)}")
            for name, array in state[key].items():
                require_shape(f"{key}[{name!r}]", array, self.params[name].shape)
        for key in ("m", "v"):
            for name, array in state[key].items():
                getattr(self, key)[name][...] = array
        self.lr, self.steps = float(state["lr"]), int(state["steps"])
