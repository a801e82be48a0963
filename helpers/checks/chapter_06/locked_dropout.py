"""`locked_dropout`: reference, oracles, and the mistakes learners make.

An answer is tried twice in a row: what it drew from the generator shows in the second mask.
"""

from __future__ import annotations

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import generator, tensor
from helpers.checks.registry import Exercise


def locked_dropout_reference(x, p, generator):
    import torch

    keep = torch.rand(x.shape[1], x.shape[2], generator=generator) >= p
    return x * keep / (1 - p)


def dropout_cases(rng, *, T=(2, 3), N=(4, 5), H=(6, 8)):
    return {
        "x": tensor(rng.normal(size=(T, N, H)).astype(np.float32)),
        "p": float(rng.choice([0.15, 0.3, 0.6])),
        "generator": generator(int(rng.integers(1000))),
    }


def _trial(function, x, p, generator):
    import torch

    if p == 0:
        own = x.clone().requires_grad_()
        if function(own, p, generator) is own:
            raise Complaint("With p = 0 you hand out x itself: whoever writes into the result changes x. Return a new tensor.")
        return function(x, p, generator), function(x, p, generator)
    again, state = x.clone(), generator.get_state()
    first = function(x, p, generator)
    if torch.equal(generator.get_state(), state):
        raise Complaint("After the call the generator stands where it stood: the numbers were not drawn from it.")
    with torch.no_grad():   # as an evaluation with dropout may run it
        second = function(again, p, generator)
    dropped = isinstance(first, torch.Tensor) and bool((first == 0).any())
    if x[0].numel() > 20 and dropped and torch.equal(first, second):
        raise Complaint("A second call with the same generator drops the very same units: it should draw new numbers.")
    return first, second


locked_dropout = Exercise(
    "locked_dropout",
    "06",
    locked_dropout_reference,
    ("dropped", "dropped by the next call"),
    dropout_cases,
    rounds=6,
    rtol=1e-5,
    float32_rtol=1e-5,
    trial=_trial,
)


@locked_dropout.oracle("unit by unit", needs_torch=True)
def _(x, p, generator):
    return tuple(_unit_by_unit(x, p, generator) for _ in range(2))


def _unit_by_unit(x, p, generator):
    import torch

    T, N, H = x.shape
    u = torch.rand(N, H, generator=generator).tolist()
    dropped = np.zeros((T, N, H))
    for t, n, j in np.ndindex(T, N, H):
        if not u[n][j] < p:
            dropped[t, n, j] = x[t, n, j].item() / (1 - p)
    return dropped


@locked_dropout.oracle("a diagonal matrix for each row", needs_torch=True)
def _(x, p, generator):
    return tuple(_by_matrices(x, p, generator) for _ in range(2))


def _by_matrices(x, p, generator):
    import torch

    u = torch.rand(x.shape[1], x.shape[2], generator=generator).numpy()
    steps = x.numpy().astype(float)
    for n, row in enumerate(u):
        steps[:, n] = steps[:, n] @ np.diag(np.where(row < p, 0.0, 1 / (1 - p)))
    return steps


@locked_dropout.extreme("p = 0", "With p = 0 nothing is dropped, and nothing scaled.")
def _(rng):
    return dropout_cases(rng, T=3, N=2, H=5) | {"p": 0.0}


@locked_dropout.extreme("p = 0.95", "With p near 1 little is left, and it is scaled by 20: 1/(1 − p).")
def _(rng):
    return dropout_cases(rng, T=2, N=5, H=23) | {"p": 0.95}


@locked_dropout.extreme("u equal to p", "Dropped is what has u < p. A unit with u = p is kept: >=, not >.")
def _(rng):
    import torch

    case = dropout_cases(rng, T=2, N=3, H=4)
    u = torch.rand(3, 4, generator=torch.Generator().manual_seed(41))
    return case | {"p": u[1, 2].item(), "generator": generator(41)}


@locked_dropout.extreme("T = N = H", "All sizes are equal here, so shapes fit that should not: which axes does the mask lie on?")
def _(rng):
    return dropout_cases(rng, T=4, N=4, H=4)


@locked_dropout.extreme(
    "x in float64",
    "The numbers are drawn as the task says, `torch.rand(N, H, generator=generator)`, whatever x is; and the result has x's dtype.",
)
def _(rng):
    return dropout_cases(rng, T=3, N=2, H=6) | {"x": tensor(rng.normal(size=(3, 2, 6)))}


@locked_dropout.extreme("zeros in x", "An entry of x may be 0. The mask does not depend on x.")
def _(rng):
    x = rng.normal(size=(3, 2, 6)).astype(np.float32)
    x[0] = 0
    return {"x": tensor(x), "p": 0.3, "generator": generator(7)}


DRAWN = "torch.rand(x.shape[1], x.shape[2], generator=generator)"
KEEP = f"{DRAWN} >= p"
RESULT = "x * keep / (1 - p)"

locked_dropout.mistake(
    "not-scaled",
    "The scaling is missing: divide what is left by 1 − p, so that the expected value stays the same.",
    (RESULT, "x * keep"),
)
locked_dropout.mistake(
    "scaled-by-1-plus-p",
    "You multiply by 1 + p. For a small p that is close to 1 / (1 − p), and not the same: divide by 1 − p.",
    (RESULT, "x * keep * (1 + p)"),
)
locked_dropout.mistake("inverted", "You keep what should be dropped: where u < p, the unit goes. Keep u >= p.", (">= p", "< p"))
locked_dropout.mistake(
    "a-mask-for-every-step",
    "Each step has another mask: that is ordinary dropout. Draw u (N, H) once, outside of any loop over time, and let "
    "broadcasting repeat it over T.",
    (DRAWN, "torch.rand(x.shape[0], x.shape[1], x.shape[2], generator=generator)"),
)
locked_dropout.mistake(
    "one-mask-for-all-rows",
    "All rows of the batch share one mask (H,). Each row gets its own: draw (N, H).",
    (DRAWN, "torch.rand(x.shape[2], generator=generator)"),
)
locked_dropout.mistake(
    "another-generator",
    "`torch.rand` without `generator=generator` and torch's own dropout draw from another generator, and a copy of this one is "
    "another, too. Draw from `generator` itself.",
    (", generator=generator", ""),
)
locked_dropout.mistake(
    "scaled-by-p", "You divide by p. A unit is kept with probability 1 − p: divide by that.", ("/ (1 - p)", "/ p")
)
locked_dropout.mistake(
    "scaled-down",
    "You multiply by 1 − p and make what is left smaller still. It has to make up for what is gone: divide.",
    (RESULT, "x * keep * (1 - p)"),
)
locked_dropout.mistake(
    "in-place",
    "The values are right, but x was changed: `*=` and `[...] =` write into the caller's tensor. `x * keep` makes a new one.",
    (f"return {RESULT}", "x *= keep / (1 - p)\n    return x"),
)
locked_dropout.mistake(
    "no-gradient",
    "The values are right, but no gradient comes back through them: `no_grad`, `detach`, `.data` or NumPy is on the way. Dropout "
    "acts while the network learns, so x needs its history.",
    ("x * keep", "x.detach() * keep"),
)
locked_dropout.mistake(
    "nothing-dropped-for-no-p",
    "With p = 0 nothing is dropped, but the result is still a *new* tensor: `x.clone()`, or no special case at all.",
    ("    keep", "    if p == 0:\n        return x\n    keep"),
)
locked_dropout.mistake(
    "a-list-of-steps",
    "A list of steps is not yet a tensor (T, N, H): torch.stack makes one of them.",
    (RESULT, "[step * keep / (1 - p) for step in x]"),
)
locked_dropout.mistake(
    "seeded",
    "You seed the generator in the function, or keep the mask from call to call. Draw anew from `generator` as it was handed "
    "in, without `manual_seed`.",
    ("    keep", "    generator.manual_seed(0)\n    keep"),
)
locked_dropout.mistake(
    "too-much-drawn",
    "This mask is right, the next one is not: you draw numbers for all T steps and use those of the first. Draw (N, H), no more, "
    "or whoever draws next gets others than agreed.",
    (DRAWN, "torch.rand(*x.shape, generator=generator)[0]"),
)
locked_dropout.mistake(
    "whole-rows",
    "You drop whole rows of the batch: your mask has one number for each of the N. It is units that drop: (N, H).",
    (DRAWN, "torch.rand(x.shape[1], 1, generator=generator)"),
)
locked_dropout.mistake(
    "locked-over-the-batch",
    "Your mask (T, H) is held over the batch and changes with time. x is (T, N, H): hold it over the *first* axis, with a "
    "mask (N, H).",
    (DRAWN, "torch.rand(x.shape[0], 1, x.shape[2], generator=generator)"),
)
locked_dropout.mistake(
    "locked-over-the-units",
    "Your mask (T, N) drops all units of a step together. It is held over time, not over the units: (N, H).",
    (DRAWN, "torch.rand(x.shape[0], x.shape[1], 1, generator=generator)"),
)
locked_dropout.mistake(
    "batch-first",
    "Your mask is drawn from the first and the last size, as if x were (N, T, H). Time comes first: x.shape is (T, N, H), and "
    "the mask (N, H).",
    (DRAWN, "torch.rand(x.shape[0], x.shape[2], generator=generator)"),
)
locked_dropout.mistake(
    "steps-and-rows-drawn",
    "You draw (T, N), the first two sizes. The mask has one number for each row and unit: (N, H), the last two.",
    (DRAWN, "torch.rand(x.shape[0], x.shape[1], generator=generator)"),
)
locked_dropout.mistake(
    "drawn-transposed",
    "You draw (H, N) and transpose it. Then the same numbers fall on other units: draw (N, H).",
    (DRAWN, "torch.rand(x.shape[2], x.shape[1], generator=generator).T"),
)
locked_dropout.mistake(
    "drawn-from-the-normal-distribution",
    "torch.randn draws from the normal distribution. A share p falls below p when numbers are uniform in [0, 1): `torch.rand`.",
    ("torch.rand(", "torch.randn("),
)
locked_dropout.mistake(
    "scaled-by-the-share-kept",
    "You divide by the share that happened to be kept in this mask. The expected value stays with 1 − p, the *probability* "
    "to be kept.",
    ("/ (1 - p)", "/ keep.float().mean()"),
)
locked_dropout.mistake(
    "added",
    "You add 1/(1 − p). What is left is scaled: a division by 1 − p.",
    ("/ (1 - p)", "+ 1 / (1 - p)"),
)
locked_dropout.mistake(
    "p-is-what-stays",
    "You read p as the probability to *keep* a unit. Here, as in torch, it is the probability to drop it.",
    (">= p", "< p"), ("/ (1 - p)", "/ p"),
)  # fmt: skip
locked_dropout.mistake("numbers-as-a-mask", "You multiply by u itself. The mask is 0 or 1: u >= p.", (" >= p", ""))
locked_dropout.mistake(
    "the-highest-dropped",
    "You keep u < 1 − p (as torch.bernoulli does inside) and so drop the *highest* u. That is as likely, but it is other units "
    "than agreed: dropped are those with u < p.",
    (KEEP, "torch.bernoulli(torch.full(x.shape[1:], 1 - float(p)), generator=generator)"),
)
locked_dropout.mistake(
    "drawn-in-float64",
    "Numbers drawn in float64 are others than those of torch.rand as it is. Draw without a `dtype`.",
    (", generator=generator)", ", generator=generator, dtype=torch.float64)"),
)
locked_dropout.mistake(
    "result-in-float64",
    "The mask is float64 (`.double()`, or NumPy's), and so is the result. Leave it as True and False, or give it x's dtype.",
    ("x * keep", "x * keep.double()"),
)
locked_dropout.mistake(
    "drawn-twice",
    "You draw twice and use the second. One torch.rand is enough, and then the numbers are those of the check.",
    ("    keep", "    torch.rand(x.shape[1], x.shape[2], generator=generator)\n    keep"),
)
locked_dropout.mistake("mask-only", "This is the mask. Multiply x by it.", ("x * keep", "keep"))
locked_dropout.mistake(
    "u-equal-to-p-dropped",
    "A unit whose u equals p is dropped in yours. Dropped is what has u < p, kept is u >= p.",
    (">= p", "> p"),
)


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


@locked_dropout.variant("masked_fill on a copy, nothing drawn for p = 0")
def _(x, p, generator):
    import torch

    if p == 0:
        return x.clone()
    u = torch.rand(x.shape[1], x.shape[2], generator=generator)
    return x.masked_fill(u < p, 0) * (1 / (1 - p))


locked_dropout.landmark("""
    x = torch.ones(2, 3, 40)
    dropped = locked_dropout(x, 0.2, torch.Generator().manual_seed(1))
    dropped.unique().tolist()               # ≈ [0.000, 1.250]
    (dropped[0] == dropped[1]).all()        # True
    (dropped[:, 0] == dropped[:, 1]).all()  # False
""")
