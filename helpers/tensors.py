"""What torch modules are handed, checked as the NumPy layers check it; they take tensors only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from helpers.layers.base import MOST
from helpers.validation import require, require_ids, require_int, require_shape

Shape = Sequence[int | str | None]

WHOLE = (
    torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64
)


def require_size(argument: str, value: object, *, minimum: int = 1) -> int:
    """Return `value` as an int, of which a module can have so many in one direction; ValueError otherwise."""
    return require_int(argument, value, minimum=minimum, maximum=MOST)


def require_module(argument: str, value: object) -> None:
    """ValueError unless `value` is a torch module."""
    require(isinstance(value, nn.Module), argument, type(value).__name__, "a torch module")


def require_parts(argument: str, batch: object, names: str) -> Sequence:
    """Return `batch` if it is a tuple or list of as many parts as there are `names`, a comma between;
    ValueError otherwise."""
    many = isinstance(batch, tuple | list)
    got = type(batch).__name__ + (f" of {len(batch)}" if many else "")
    require(many and len(batch) == len(names.split(",")), argument, got, f"({names})")
    return batch


def require_tensor(argument: str, value: object, shape: Shape | None = None) -> None:
    """ValueError unless `value` is a tensor, of this shape if one is given."""
    got = type(value).__name__
    require(isinstance(value, Tensor), argument, got, "a tensor (torch.as_tensor makes one)")
    require(value.layout == torch.strided, argument, f"layout {value.layout}", "a dense tensor (to_dense)")
    if shape is not None:
        require_shape(argument, value, shape)


def require_id_tensor(
    argument: str, ids: Tensor, size: int | None, shape: Shape | None = None, like: Tensor | None = None
) -> Tensor:
    """`ids` as int64, on the device of `like`: of this shape, at least one, all in 0 … size - 1 (`size` None:
    whatever their values).

    ValueError names the first that is not. Values on an accelerator are not looked at, which would wait for
    it in every step: its own lookup ends in an error.
    """
    require_tensor(argument, ids)
    require(ids.dtype in WHOLE, argument, f"dtype {ids.dtype}", "an integer dtype")
    if size is not None and ids.device.type == "cpu":
        require_ids(argument, ids.numpy(), size)
    require_tensor(argument, ids, shape)
    require(ids.numel() > 0, argument, f"shape {tuple(ids.shape)}", "at least one id")
    return ids.to(ids.device if like is None else like.device, torch.int64)


def require_real_tensor(
    argument: str, values: Tensor, shape: Shape | None = None, like: Tensor | None = None
) -> Tensor:
    """`values` if they are a floating tensor of this shape, widened to the dtype and on the device of `like`.

    ValueError for anything else, and for float64 where `like` is float32: half the digits would be lost
    without a word.
    """
    require_tensor(argument, values, shape)
    require(values.is_floating_point(), argument, f"dtype {values.dtype}", "a floating dtype")
    if like is None:
        return values
    wide = values.dtype.itemsize > like.dtype.itemsize
    require(not wide, argument, f"dtype {values.dtype}", f"{like.dtype}, the model's")
    return values.to(like.device, like.dtype)


def at_least_float32(values: Tensor) -> Tensor:
    """`values`, half precision widened: neither squares nor logarithms then overflow or vanish."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class CheckedModule(nn.Module):
    """A module whose weights are loaded whole, or not at all."""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False):
        """As torch's, but ValueError names the first weight that is missing, unknown (unless not `strict`) or
        does not fit, before any of them has changed.

        Does not fit: another shape, no tensor of real numbers, numbers too large for the weight's dtype, or
        two values for one matrix (tied weights).
        """
        require(isinstance(state_dict, Mapping), "state_dict", type(state_dict).__name__, "a mapping")
        own, seen = self.state_dict(keep_vars=True), {}
        for name in own if strict else ():
            label, shape = f"state_dict[{name!r}]", tuple(own[name].shape)
            require(name in state_dict, label, "nothing", f"a tensor of shape {shape}")
        for name, given in state_dict.items():
            label, weight = f"state_dict[{name!r}]", own.get(name)
            if weight is None:
                require(not strict, label, "an unknown name", "one of " + ", ".join(own))
                continue
            require_tensor(label, given)
            require(given.is_floating_point(), label, f"dtype {given.dtype}", "a floating dtype")
            require_shape(label, given, weight.shape)
            narrowed = given.to(weight.dtype)
            kept = torch.equal(narrowed.isinf(), given.to(narrowed.device).isinf())
            require(kept, label, "a number that overflows", f"numbers of {weight.dtype}")
            twin = seen.setdefault(id(weight), narrowed)
            same = torch.allclose(twin, given.to(twin), rtol=0, atol=0, equal_nan=True)
            require(same, label, "other values than those of the weights it is tied to", "the same")
        return super().load_state_dict(state_dict, strict, assign)
