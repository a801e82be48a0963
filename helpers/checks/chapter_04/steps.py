"""What the checks of gated cells share: cases, orders of the slices, torch's cells."""

from __future__ import annotations

from itertools import permutations

import numpy as np


def step_cases(rng, gates, *, N, D, H):
    """Arguments of one step with `gates` slices: x, h_prev, c_prev, Wx, Wh, b."""
    return {
        "x": rng.normal(size=(N, D)),
        "h_prev": np.tanh(rng.normal(size=(N, H))),
        "c_prev": rng.normal(size=(N, H)),
        "Wx": rng.normal(size=(D, gates * H)) / np.sqrt(D),
        "Wh": rng.normal(size=(H, gates * H)) / np.sqrt(H),
        "b": rng.normal(size=gates * H),
    }


def shifted(case, name, *by):
    """`case` with the slices of its bias `name` shifted by these numbers."""
    return case | {name: case[name] + np.repeat(by, len(case[name]) // len(by))}


def wrong_orders(right, origins):
    """Every other order of the letters of `right` → where it comes from; those of known `origins` first."""
    others = ("".join(order) for order in permutations(right))
    return {**origins, **{order: "" for order in others if order != right and order not in origins}}


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
