"""What the checks of gated cells share: slices of gates, the sigmoid's slope, torch's cells."""

from __future__ import annotations

import numpy as np

from helpers.layers import sigmoid


def split_as(order: str, wanted: str, a: np.ndarray) -> list[np.ndarray]:
    """The slices of `a` (N, gates·H) for the gates `wanted`, when they are believed to stand in `order`."""
    slices = np.split(a, len(order), axis=1)
    return [slices[order.index(gate)] for gate in wanted]


def slope_of_sigmoid(a: np.ndarray) -> np.ndarray:
    """The derivative of the sigmoid at `a`, the value *before* squashing."""
    return sigmoid(a) * (1 - sigmoid(a))


def torch_module(kind: str, Wx, Wh, bx, bh, **options):
    """`torch.nn.<kind>` in float64 with the course's weights."""
    import torch

    module = getattr(torch.nn, kind)(len(Wx), len(Wh), dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), (Wx.T, Wh.T, bx, bh), strict=True):
            parameter.copy_(torch.tensor(value))
    return module


def torch_gradients(module) -> tuple[np.ndarray, ...]:
    """dWx, dWh, dbx, dbh in the course's shapes, after torch's backward."""
    dWx, dWh, dbx, dbh = (parameter.grad.numpy() for parameter in module.parameters())
    return dWx.T, dWh.T, dbx, dbh
