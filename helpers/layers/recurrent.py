"""What the three recurrent layers share: checking the input, and the state they start from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.layers.base import MOST, Layer, normal_weights, real_array
from helpers.validation import require, require_flag, require_int, require_shape


class Recurrent(Layer):
    """Weights `Wx` (D, gates·H) and `Wh` (H, gates·H), and a state of one or more (N, H) arrays.

    `stateful`: a forward without a given state starts from where the last one ended (truncated BPTT: the
    values are carried on, the gradient is cut); otherwise it starts from zeros.
    """

    state_names: tuple[str, ...] = ("h",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        gates: int,
        *,
        rng: np.random.Generator,
        stateful: bool,
        dtype: np.dtype | type,
    ):
        super().__init__(dtype)
        self.input_size = require_int("input_size", input_size, maximum=MOST)
        self.hidden_size = require_int("hidden_size", hidden_size, maximum=MOST)
        self.stateful = require_flag("stateful", stateful)
        self._add_parameter("Wx", normal_weights(rng, self.input_size, gates * self.hidden_size))
        self._add_parameter("Wh", normal_weights(rng, self.hidden_size, gates * self.hidden_size))
        self._cache: tuple | None = None
        self.reset_state()

    def reset_state(self) -> None:
        """Forget the state: the next forward starts from zeros."""
        for name in self.state_names:
            setattr(self, name, None)

    @property
    def state(self) -> tuple[np.ndarray, ...] | None:
        """The last state, one (N, H) array for each of `state_names`; None when fresh."""
        state = tuple(getattr(self, name) for name in self.state_names)
        return None if state[0] is None else state

    @state.setter
    def state(self, state: Sequence[np.ndarray] | None) -> None:
        if state is None:
            self.reset_state()
            return
        arrays = self.check_state(state, "N")
        for name, array in zip(self.state_names, arrays, strict=True):
            setattr(self, name, array.copy())

    def check_state(self, state: Sequence[np.ndarray], batch_size: int | str) -> list[np.ndarray]:
        """The arrays of `state`, each (batch_size, H); ValueError names the one that is not."""
        names = self.state_names
        require_several("state", state, names)
        arrays = [real_array(f"{name}0", array, self.dtype) for name, array in zip(names, state, strict=True)]
        for name, array in zip(names, arrays, strict=True):
            require_shape(f"{name}0", array, (batch_size, self.hidden_size))
            batch_size = len(array)
        return arrays

    def _start(
        self, x: np.ndarray, state: Sequence[np.ndarray] | None
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """x (N, T, D) → the same, time first (T, N, D), in memory of our own; and the state to start from."""
        x = real_array("x", x, self.dtype)
        require_shape("x", x, ("N", "T", self.input_size))
        N, T, D = x.shape
        require(N > 0 and T > 0, "x", f"shape {x.shape}", "at least one sequence and one step")
        if state is None and self.stateful and self.state is not None:
            carried = len(self.state[0])
            wanted = f"{carried}, that of the carried state (or call reset_state)"
            require(carried == N, "x", f"batch size {N}", wanted)
            state = self.state
        if state is None:
            state = [np.zeros((N, self.hidden_size), self.dtype) for _ in self.state_names]
        state = self.check_state(state, N)  # before anything that `backward` needs is overwritten
        steps = self._buffer("x", (T, N, D))
        steps[...] = x.transpose(1, 0, 2)
        return steps, state

    def _upstream(self, dh: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        """dh (N, T, H), checked and time first (T, N, H), in memory of our own."""
        T, N, H = shape
        dh = real_array("dh", dh, self.dtype)
        require_shape("dh", dh, (N, T, H))
        steps = self._buffer("dh", shape)
        steps[...] = dh.transpose(1, 0, 2)
        return steps

    def _upstream_last(self, name: str, dlast: np.ndarray | None, batch_size: int) -> np.ndarray:
        """The gradient that arrives at the last state (N, H), as a fresh array; zeros for None."""
        if dlast is None:
            return np.zeros((batch_size, self.hidden_size), self.dtype)
        dlast = real_array(name, dlast, self.dtype)
        require_shape(name, dlast, (batch_size, self.hidden_size))
        return dlast.copy()

    def _input_gradient(self, da: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        """da (T·N, gates·H), `shape` (T, N, D) → dx (N, T, D), a fresh array."""
        dx = self._buffer("dx", shape)
        np.matmul(da, self.params["Wx"].T, out=dx.reshape(-1, self.input_size))
        return batch_first(dx)


def require_several(argument: str, arrays: object, names: Sequence[str]) -> None:
    """ValueError unless `arrays` is a sequence with one entry for each of the `names`."""
    several = isinstance(arrays, Sequence) or (isinstance(arrays, np.ndarray) and arrays.ndim > 0)
    got = f"{len(arrays)} arrays" if several else type(arrays).__name__
    require(several and len(arrays) == len(names), argument, got, f"{len(names)}: {', '.join(names)}")


def batch_first(steps: np.ndarray) -> np.ndarray:
    """(T, N, H) → a fresh, contiguous (N, T, H)."""
    return np.array(steps.transpose(1, 0, 2), order="C")


def by_gate(a: np.ndarray, gates: int) -> np.ndarray:
    """(N, gates·H) seen as (gates, N, H)."""
    return a.reshape(len(a), gates, -1).transpose(1, 0, 2)
