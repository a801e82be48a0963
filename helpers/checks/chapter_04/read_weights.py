"""`read_weights`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_04.steps import step_cases, wrong_orders
from helpers.checks.registry import Exercise
from helpers.colleague import chapter_04 as colleague


def read_weights_reference(Wx, Wh, b):
    def reordered(array):
        slices = np.split(array, 4, axis=-1)
        return np.concatenate([slices["fgio".index(name)] for name in "ifgo"], axis=-1)

    return reordered(Wx), reordered(Wh), reordered(b)


def _cases(rng, *, D=(5, 5), H=(6, 7)):
    case = step_cases(rng, 4, N=1, D=D, H=H)
    return {name: case[name] for name in ("Wx", "Wh", "b")}


read_weights = Exercise("read_weights", "04", read_weights_reference, ("Wx", "Wh", "b"), _cases, rounds=3)


@read_weights.oracle("one column after the other")
def _(Wx, Wh, b):
    H = len(Wh)
    new = [np.full_like(array, np.nan) for array in (Wx, Wh, b)]
    for old, array in zip((Wx, Wh, b), new, strict=True):
        for k in range(H):
            array[..., H + k] = old[..., k]              # f
            array[..., 2 * H + k] = old[..., H + k]      # g
            array[..., k] = old[..., 2 * H + k]          # i
            array[..., 3 * H + k] = old[..., 3 * H + k]  # o
    return tuple(new)


@read_weights.oracle("the matrix that puts the group's units into our order")
def _(Wx, Wh, b):
    H = len(Wh)
    order = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])   # rows f, g, i, o; columns ours
    P = np.kron(order, np.eye(H))
    return Wx @ P, Wh @ P, b @ P


@read_weights.extreme("large weights at the group's width", "48 units, and large weights: nothing is clipped.")
def _(rng):
    return {name: 20 * value for name, value in _cases(rng, D=16, H=48).items()}


mistake = read_weights.mistake
PICKED = 'slices["fgio".index(name)] for name in "ifgo"'
COLLEAGUES = 'slices["ifgo".index(name)] for name in "fgio"'
RETURNED = "return reordered(Wx), reordered(Wh), reordered(b)"
UNCHANGED = (PICKED, COLLEAGUES)

mistake(
    "unchanged",
    "The slices come out as the colleague's do. `place` says where a slice stands with *us*, and it is used to pick from "
    "the *file*. Our first slice is i: at which place of f, g, i, o does the file have it?",
    UNCHANGED,
)

# What only hides it
mistake(
    "forget-gate-opened",
    "The slices are still exchanged; now the forget gate's bias is raised on top. That bias helps a "
    "*new* network to remember; here what the group had learned stays in the wrong places.",
    UNCHANGED,
    (RETURNED, f"{RETURNED} + np.repeat([0.0, 1.0, 0.0, 0.0], len(Wh))"),
)
mistake(
    "zeros",
    "Everything is zero. The first loss is then no worse than a new network's, because it is one: nothing of the file is "
    "left.",
    (RETURNED, "return 0 * Wx, 0 * Wh, 0 * b"),
)
mistake(
    "drawn-anew",
    "The weights are drawn anew. Nothing of the file's is left: that hides the fault by throwing the group's work away.",
    (RETURNED, "return [np.random.default_rng(0).normal(size=each.shape) for each in (Wx, Wh, b)]"),
)
mistake(
    "averaged",
    "All four slices are the mean of the four: no order can be wrong any more, and there are no gates either.",
    (PICKED, "sum(slices) / 4 for name in 'ifgo'"),
)
mistake(
    "shrunk",
    "The slices are still exchanged, but shrunk to a tenth. A cell that says next to nothing starts near ln V and not "
    "above it, and so the curve looks healthier; what the group had learned is gone all the same.",
    UNCHANGED,
    (RETURNED, "return reordered(Wx) / 10, reordered(Wh) / 10, reordered(b) / 10"),
)
mistake(
    "clipped",
    "The slices are still exchanged, and large weights are cut off. That takes the worst out of the first loss and out "
    "of what had been learned. The numbers in the file are right as they are; their places are not.",
    UNCHANGED,
    (RETURNED, "return [np.clip(reordered(each), -0.5, 0.5) for each in (Wx, Wh, b)]"),
)

# What mends too much, or something else
mistake(
    "as-in-the-file",
    "The arrays come out as they are in the file, in the order f, g, i, o. Our cell reads i, f, g, o. (In the "
    "colleague's function two things have to change: what `place` says, and the order in which the loop takes the names. "
    "After one of the two alone, every slice stays where it is.)",
    (PICKED, 'slices["fgio".index(name)] for name in "fgio"'),
)
for _order in wrong_orders("ifgo", {}):
    # In the places of i, f, g, o: the file has f, g, i, o, the colleague's function gives g, i, f, o.
    if _order not in ("fgio", "gifo"):
        _wrong = ", ".join(f"{there} where {here} belongs" for here, there in zip("ifgo", _order, strict=True) if here != there)
        mistake(
            f"order-{_order}",
            f"Other slices have changed places now: there stands {_wrong}.",
            ('"ifgo"', f'"{_order}"'),
        )
for _left, _right, _was in (
    ("b", "Wx and Wh are right; b is", "was"),
    ("Wh", "Wx and b are right; Wh is", "was"),
    ("Wx", "Wh and b are right; Wx is", "was"),
    ("Wh-and-b", "Wx is right; Wh and b are", "were"),
):
    _names = _left.split("-and-")
    mistake(
        f"{_left}-left",
        f"{_right} still in the order of the file. The same has to be done with all three.",
        *((f"reordered({name})", name) for name in _names),
    )
    mistake(
        f"{_left}-unchanged",
        f"{_right} still reordered as the colleague's {_was}. The same has to be done with all three.",
        (RETURNED, "theirs = colleague.read_weights(Wx, Wh, b)\n    " + RETURNED),
        *((f"reordered({name})", f"theirs[{('Wx', 'Wh', 'b').index(name)}]") for name in _names),
    )
mistake(
    "bias-dropped", "Wx and Wh are right, but b is zero: the group's biases are lost.", ("reordered(b)", "0 * b")
)
mistake(
    "squeezed",
    "An axis of size 1 is lost: with D = 1, Wx has to stay (1, 4H). Leave `squeeze` out.",
    (RETURNED, "return [reordered(each).squeeze() for each in (Wx, Wh, b)]"),
)
mistake(
    "split-along-the-rows",
    "The rows are divided: `np.split` and `np.concatenate` take axis 0 where nothing else is said. The slices lie side by "
    "side, along the last axis: `np.split(array, 4, axis=-1)`.",
    ("np.split(array, 4, axis=-1)", "np.split(array, 4)"),
    ('"ifgo"], axis=-1)', '"ifgo"])'),
)
mistake(
    "axis-1",
    "`axis=1` is right for Wx and Wh; b has one axis only, axis 0. The last axis of each of them is `axis=-1`.",
    ("np.split(array, 4, axis=-1)", "np.split(array, 4, axis=1)"),
    ('"ifgo"], axis=-1)', '"ifgo"], axis=1)'),
)
mistake(
    "four-columns",
    "You take four single columns. A slice is H columns wide: split each array into four first, `np.split(array, 4, "
    "axis=-1)`.",
    (RETURNED, "return [array[..., [2, 0, 1, 3]] for array in (Wx, Wh, b)]"),
)
mistake(
    "columns-moved",
    "Only the first four columns have changed places. A slice is H columns wide: split each array into four, "
    "`np.split(array, 4, axis=-1)`.",
    (RETURNED, "return [np.concatenate([array[..., [2, 0, 1, 3]], array[..., 4:]], -1) for array in (Wx, Wh, b)]"),
)
for _name, _axis in (("", 0), ("-last", -1)):
    mistake(
        f"stacked{_name}",
        f"np.stack lays the four slices along a new axis, the {'last' if _axis else 'first'} one. They belong side by side "
        "along the axis that is there: np.concatenate with `axis=-1`.",
        ("np.concatenate", "np.stack"),
        ('"ifgo"], axis=-1)', f'"ifgo"], axis={_axis})'),
    )
mistake(
    "slices-of-D",
    "Each slice is taken D columns wide, D being the rows of Wx. A slice has a column for each of the H units: H is "
    "`len(Wh)`, or let `np.split(array, 4, axis=-1)` count.",
    (RETURNED, "D = len(Wx); columns = [k * D + j for k in (2, 0, 1, 3) for j in range(D)]; "
     "return Wx[:, columns], Wh[:, columns], b[columns]"),
)  # fmt: skip
mistake(
    "columns-of-the-example",
    "The eight columns of the example, with H = 2, are written out. Here H is another: split each array into four, "
    "whatever its width, with `np.split(array, 4, axis=-1)`.",
    (RETURNED, "columns = [4, 5, 0, 1, 2, 3, 6, 7]; return Wx[:, columns], Wh[:, columns], b[columns]"),
)
mistake(
    "interleaved",
    "The columns are taken as if the file kept the four numbers of a unit side by side. It keeps the H columns of each "
    "slice together: split into four blocks of H columns, `np.split(array, 4, axis=-1)`.",
    (RETURNED, "return [array.reshape(*array.shape[:-1], -1, 4)[..., [2, 0, 1, 3]].reshape(array.shape) "
     "for array in (Wx, Wh, b)]"),
)  # fmt: skip
mistake(
    "overwritten",
    "A slice was written over before it was read: `np.split` and slicing give views, places in the array itself, and f is "
    "gone once i stands in its place. Read from the file's array, and write into a new one.",
    ("slices = np.split(array, 4, axis=-1)", "array = array.copy(); slices = f, g, i, o = np.split(array, 4, axis=-1)"),
    ("return np.concatenate", "f[...] = i; g[...] = f; i[...] = g; return array; np.concatenate"),
)
mistake(
    "transposed",
    "The order is right, but Wx and Wh are transposed. The file keeps them as we do, (D, 4H) and (H, 4H).",
    ("reordered(Wx)", "reordered(Wx).T"),
    ("reordered(Wh)", "reordered(Wh).T"),
)
mistake(
    "forget-bias-added",
    "The order is right, and then 1 was added to the forget gate's bias. That is a start for a *new* network; this one "
    "has been trained, with the biases it has.",
    (RETURNED, f"{RETURNED} + np.repeat([0.0, 1.0, 0.0, 0.0], len(Wh))"),
)


@read_weights.variant("four names")
def _(Wx, Wh, b):
    new = []
    for array in (Wx.T, Wh.T, b):
        f, g, i, o = np.array_split(array, 4)
        new.append(np.concatenate([i, f, g, o]).T)
    return new


@read_weights.variant("three slices go round: the colleague's way, twice")
def _(Wx, Wh, b):
    return colleague.read_weights(*colleague.read_weights(Wx, Wh, b))


@read_weights.variant("an array of columns")
def _(Wx, Wh, b):
    H = len(Wh)
    columns = np.r_[2 * H : 3 * H, : 2 * H, 3 * H : 4 * H]
    return Wx[:, columns], Wh[:, columns], b[columns]


read_weights.landmark("""
    in_order = read_weights(np.arange(24.0).reshape(3, 8), np.arange(16.0).reshape(2, 8), np.arange(8.0))
    in_order[0][0, 0]   # 4.0
    in_order[2]   # [4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 6.0, 7.0]
""")
