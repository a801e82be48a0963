"""`locked_dropout`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.given import generator, tensor
from helpers.checks.registry import Exercise


def _uniform(x, generator):
    import torch

    return torch.rand(x.shape[1], x.shape[2], generator=generator)


def _locked_dropout(x, p, generator):
    return x * (_uniform(x, generator) >= p) / (1 - p)


def _cases(rng):
    T, N, H = rng.integers(2, 4), rng.integers(4, 6), rng.integers(6, 10)
    return {
        "x": tensor(rng.normal(size=(T, N, H)).astype(np.float32)),
        "p": float(rng.choice([0.15, 0.3, 0.6])),
        "generator": generator(int(rng.integers(1000))),
    }


def _trial(function, x, p, generator):
    import torch

    before, state = x.clone(), generator.get_state()
    dropped = function(x, p, generator)
    kind = "Tensor" if isinstance(dropped, torch.Tensor) else type(dropped).__name__
    used = not torch.equal(generator.get_state(), state)
    return kind, used, dropped if kind == "Tensor" else None, bool((x == before).all())


locked_dropout = Exercise(
    "locked_dropout",
    "06",
    _locked_dropout,
    ("type of the result", "numbers drawn from the generator", "dropped", "x is as it was"),
    _cases,
    rtol=1e-5,
    float32_rtol=1e-5,
    trial=_trial,
)


def _told(dropped):
    """An oracle's answer as the outputs of a trial."""
    return "Tensor", True, dropped, True


@locked_dropout.oracle("unit by unit", needs_torch=True)
def _(x, p, generator):
    u = _uniform(x, generator).tolist()
    T, N, H = x.shape
    dropped = np.zeros((T, N, H))
    for t, n, j in np.ndindex(T, N, H):
        if not u[n][j] < p:
            dropped[t, n, j] = x[t, n, j].item() / (1 - p)
    return _told(dropped)


@locked_dropout.oracle("a diagonal matrix for each row", needs_torch=True)
def _(x, p, generator):
    u = _uniform(x, generator).numpy()
    steps = x.numpy().astype(float)
    for n, row in enumerate(u):
        steps[:, n] = steps[:, n] @ np.diag(np.where(row < p, 0.0, 1 / (1 - p)))
    return _told(steps)


@locked_dropout.misconception(
    "nothing-returned",
    "Nothing comes out of the function: `return` is missing, or what is returned is None. It should hand out a new tensor "
    "(T, N, H).",
)
def _(x, p, generator):
    _locked_dropout(x, p, generator)


@locked_dropout.misconception(
    "a-list-of-steps", "A list of steps is not yet a tensor (T, N, H): `torch.stack(steps)` makes one."
)
def _(x, p, generator):
    keep = _uniform(x, generator) >= p
    return [step * keep / (1 - p) for step in x]


@locked_dropout.misconception(
    "another-generator",
    "The numbers do not come from the generator as it was handed in. `torch.rand` without `generator=generator` and torch's "
    "own dropout draw from another one, and `manual_seed` sets this one back.",
)
def _(x, p, generator):
    import torch

    return _locked_dropout(x, p, torch.Generator().manual_seed(0))


@locked_dropout.misconception(
    "a-mask-for-every-step",
    "Each step has another mask: that is ordinary dropout. Draw u (N, H) once, outside of any loop over time, and let "
    "broadcasting repeat it over T.",
)
def _(x, p, generator):
    import torch

    return x * (torch.rand(*x.shape, generator=generator) >= p) / (1 - p)


@locked_dropout.misconception(
    "one-mask-for-all-rows",
    "All rows of the batch share one mask (H,). Each row gets its own: draw (N, H).",
)
def _(x, p, generator):
    import torch

    return x * (torch.rand(x.shape[2], generator=generator) >= p) / (1 - p)


@locked_dropout.misconception(
    "whole-rows", "You drop whole rows of the batch: your mask has one number for each of the N. It is units that drop: (N, H)."
)
def _(x, p, generator):
    import torch

    return x * (torch.rand(x.shape[1], 1, generator=generator) >= p) / (1 - p)


@locked_dropout.misconception(
    "locked-over-the-batch",
    "Your mask (T, H) is held over the batch and changes with time. x is (T, N, H): hold it over the *first* axis, with a "
    "mask (N, H).",
)
def _(x, p, generator):
    import torch

    return x * (torch.rand(x.shape[0], 1, x.shape[2], generator=generator) >= p) / (1 - p)


@locked_dropout.misconception(
    "locked-over-the-units",
    "Your mask (T, N) drops all units of a step together. It is held over time, not over the units: (N, H).",
)
def _(x, p, generator):
    import torch

    return x * (torch.rand(x.shape[0], x.shape[1], 1, generator=generator) >= p) / (1 - p)


@locked_dropout.misconception(
    "drawn-transposed", "You draw (H, N) and transpose it. Then the same numbers fall on other units: draw (N, H)."
)
def _(x, p, generator):
    import torch

    return x * (p <= torch.rand(x.shape[2], x.shape[1], generator=generator).T) / (1 - p)


@locked_dropout.misconception(
    "not-scaled", "The scaling is missing: divide what is left by 1 − p, so that the expected value stays the same."
)
def _(x, p, generator):
    return x * (_uniform(x, generator) >= p)


@locked_dropout.misconception(
    "scaled-down",
    "You multiply by 1 − p and make what is left smaller still. It has to make up for what is gone: divide.",
)
def _(x, p, generator):
    return x * (_uniform(x, generator) >= p) * (1 - p)


@locked_dropout.misconception(
    "scaled-by-p", "You divide by p. A unit is kept with probability 1 − p: divide by that."
)
def _(x, p, generator):
    return x * (_uniform(x, generator) >= p) / p


@locked_dropout.misconception(
    "inverted",
    "You keep what should be dropped: where u < p, the unit goes. Keep u >= p.",
)
def _(x, p, generator):
    return x * (_uniform(x, generator) < p) / (1 - p)


@locked_dropout.misconception(
    "p-is-what-stays",
    "You read p as the probability to *keep* a unit. Here, as in torch, it is the probability to drop it.",
)
def _(x, p, generator):
    return x * (_uniform(x, generator) < p) / p


@locked_dropout.misconception(
    "inverted-and-not-scaled",
    "Two things: where u < p the unit is *dropped*, and what is left is divided by 1 − p.",
)
def _(x, p, generator):
    return x * (_uniform(x, generator) < p)


@locked_dropout.misconception(
    "numbers-as-a-mask", "You multiply by u itself. The mask is 0 or 1: u >= p."
)
def _(x, p, generator):
    return x * _uniform(x, generator) / (1 - p)


@locked_dropout.misconception(
    "the-highest-dropped",
    "You keep u < 1 − p (as torch.bernoulli does inside) and so drop the *highest* u. That is as likely, but it is other units "
    "than agreed: dropped are those with u < p.",
)
def _(x, p, generator):
    import torch

    keep = torch.bernoulli(torch.full(x.shape[1:], 1 - float(p)), generator=generator)
    return x * keep / (1 - p)


@locked_dropout.misconception(
    "drawn-twice", "You draw twice and use the second. One torch.rand is enough, and then the numbers are those of the check."
)
def _(x, p, generator):
    _uniform(x, generator)
    return _locked_dropout(x, p, generator)


@locked_dropout.misconception(
    "mask-only", "This is the mask. Multiply x by it."
)
def _(x, p, generator):
    return (_uniform(x, generator) >= p).float() / (1 - p)


@locked_dropout.misconception(
    "in-place",
    "The values are right, but x was changed: `*=` and `[...] =` write into the caller's tensor. `x * keep` makes a new one.",
)
def _(x, p, generator):
    x *= (_uniform(x, generator) >= p) / (1 - p)
    return x


@locked_dropout.variant("torch.where")
def _(x, p, generator):
    import torch

    u = torch.rand(x.shape[1:], generator=generator)
    return torch.where(u < p, 0.0, x / (1 - p))


@locked_dropout.variant("a mask of three axes, scaled first")
def _(x, p, generator):
    import torch

    _, N, H = x.size()
    mask = torch.rand(N, H, generator=generator).ge(p).to(x.dtype).div_(1 - p).unsqueeze(0)
    return mask.expand_as(x) * x


@locked_dropout.variant("step by step")
def _(x, p, generator):
    import torch

    keep = 1.0 - (torch.rand(x[0].shape, generator=generator) < p).float()
    return torch.stack([step * keep / (1 - p) for step in x])


@locked_dropout.variant("masked_fill on a copy")
def _(x, p, generator):
    import torch

    u = torch.rand(x.shape[1], x.shape[2], generator=generator)
    return x.masked_fill(u < p, 0) * (1 / (1 - p))


@locked_dropout.landmark("a unit of value 1 that is kept becomes `1.25`")
def _(f):
    import torch

    return f(torch.ones(2, 3, 40), 0.2, torch.Generator().manual_seed(1)).max()
