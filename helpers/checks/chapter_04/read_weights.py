"""`read_weights`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from helpers.checks.chapter_04.lstm_step import step_cases
from helpers.checks.registry import Exercise
from helpers.colleague import chapter_04 as colleague

FILE, OURS = "fgio", "ifgo"
"""The order of the slices in the file, and with us."""


def read_weights_reference(Wx, Wh, b):
    return tuple(_taken(array, OURS) for array in (Wx, Wh, b))


def _taken(array, order):
    """The file's slices, in `order`."""
    slices = dict(zip(FILE, np.split(array, 4, axis=-1), strict=True))
    return np.concatenate([slices[name] for name in order], axis=-1)


def _cases(rng):
    case = step_cases(rng, gates=4)
    D = rng.choice([1, 3])   # never to be split into four
    return {"Wx": case["Wx"][:D], "Wh": case["Wh"], "b": case["b"]}


read_weights = Exercise("read_weights", "04", read_weights_reference, ("Wx", "Wh", "b"), _cases)


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


read_weights.misconception(
    "unchanged",
    "The slices come out as the colleague's do. `place` says where a slice stands with *us*, and it is used to pick "
    "from the *file*. Our first slice is i: at which place of f, g, i, o does the file have it?",
)(colleague.read_weights)


# What only hides it
def _hides(name, hint):
    """A change of what the colleague's function gives."""

    def add(change):
        read_weights.misconception(name, hint)(lambda *file: change(*colleague.read_weights(*file)))

    return add


@_hides(
    "forget-gate-opened",
    "The slices are still exchanged; now the forget gate's bias is raised on top. A gate that is open makes the "
    "cell easier to train anew, so the loss falls sooner, but what the group had learned stays in the wrong places.",
)
def _(Wx, Wh, b):
    H = len(Wh)
    return Wx, Wh, b + np.repeat([0.0, 1.0, 0.0, 0.0], H)


@_hides(
    "shrunk",
    "The slices are still exchanged, but shrunk to a tenth. A cell that says next to nothing starts near ln V and "
    "not above it, and so the curve looks healthier; what the group had learned is gone all the same.",
)
def _(Wx, Wh, b):
    return Wx / 10, Wh / 10, b / 10


@_hides(
    "clipped",
    "The slices are still exchanged, and large weights are cut off. That takes the worst out of the first loss and "
    "out of what had been learned. The numbers in the file are right as they are; their places are not.",
)
def _(Wx, Wh, b):
    return tuple(np.clip(array, -0.5, 0.5) for array in (Wx, Wh, b))


@_hides(
    "zeros",
    "Everything is zero. The first loss is then no worse than a new network's, because it is one: nothing of the "
    "file is left.",
)
def _(Wx, Wh, b):
    return 0 * Wx, 0 * Wh, 0 * b


@_hides(
    "drawn-anew",
    "The weights are drawn anew. That trains like any new network, and it hides the fault by throwing the group's "
    "work away.",
)
def _(Wx, Wh, b):
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=array.shape) / np.sqrt(len(Wh)) for array in (Wx, Wh, b))


@_hides(
    "averaged",
    "All four slices are the mean of the four: no order can be wrong any more, and there are no gates either.",
)
def _(Wx, Wh, b):
    return tuple(np.concatenate([sum(np.split(a, 4, axis=-1)) / 4] * 4, axis=-1) for a in (Wx, Wh, b))


# What mends too much, or something else
def _mistake(name, hint):
    return read_weights.misconception(name, hint)


_mistake(
    "as-in-the-file",
    "The arrays come out as they are in the file, in the order f, g, i, o. Our cell reads i, f, g, o. (In the "
    "colleague's function two things have to change: what `place` says, and the order in which the loop takes the "
    "names. After one of the two alone, every slice stays where it is.)",
)(lambda Wx, Wh, b: (Wx, Wh, b))

for _order in map("".join, permutations(OURS)):
    # Right; as in the file; as the colleague has it: in the places of i, f, g, o are g, i, f, o.
    if _order not in (OURS, FILE, "gifo"):
        _wrong = ", ".join(f"{there} where {here} belongs" for here, there in zip(OURS, _order, strict=True) if here != there)
        _mistake(f"order-{_order}", f"Other slices have changed places now: there stands {_wrong}.")(
            lambda Wx, Wh, b, order=_order: tuple(_taken(array, order) for array in (Wx, Wh, b))
        )


@_mistake("bias-left", "Wx and Wh are right; b is still in the order of the file. A bias belongs to its gate.")
def _(Wx, Wh, b):
    return _taken(Wx, OURS), _taken(Wh, OURS), b


@_mistake("bias-unchanged", "Wx and Wh are right; b is still reordered as the colleague's was.")
def _(Wx, Wh, b):
    return _taken(Wx, OURS), _taken(Wh, OURS), colleague.read_weights(Wx, Wh, b)[2]


@_mistake("bias-dropped", "Wx and Wh are right, but b is zero: the group's biases are lost.")
def _(Wx, Wh, b):
    return _taken(Wx, OURS), _taken(Wh, OURS), 0 * b


@_mistake("Wh-left", "Wx and b are right; Wh is still in the order of the file.")
def _(Wx, Wh, b):
    return _taken(Wx, OURS), Wh, _taken(b, OURS)


@_mistake("Wh-unchanged", "Wx and b are right; Wh is still reordered as the colleague's was.")
def _(Wx, Wh, b):
    return _taken(Wx, OURS), colleague.read_weights(Wx, Wh, b)[1], _taken(b, OURS)


@_mistake("Wx-left", "Wh and b are right; Wx is still in the order of the file.")
def _(Wx, Wh, b):
    return Wx, _taken(Wh, OURS), _taken(b, OURS)


@_mistake("Wx-unchanged", "Wh and b are right; Wx is still reordered as the colleague's was.")
def _(Wx, Wh, b):
    return colleague.read_weights(Wx, Wh, b)[0], _taken(Wh, OURS), _taken(b, OURS)


@_mistake("only-Wx", "Wx is right; Wh and b are still in the order of the file. The same has to be done with all three.")
def _(Wx, Wh, b):
    return _taken(Wx, OURS), Wh, b


@_mistake(
    "only-Wx-mended",
    "Wx is right; Wh and b are still reordered as the colleague's were. The same has to be done with all three.",
)
def _(Wx, Wh, b):
    return _taken(Wx, OURS), *colleague.read_weights(Wx, Wh, b)[1:]


@_mistake("exchanged", "The slices are right, but Wh comes before Wx. Wanted are Wx, Wh, b, in this order.")
def _(Wx, Wh, b):
    return _taken(Wh, OURS), _taken(Wx, OURS), _taken(b, OURS)


@_mistake("squeezed", "An axis of size 1 is lost: with D = 1, Wx has to stay (1, 4H). Leave `squeeze` out.")
def _(Wx, Wh, b):
    return tuple(_taken(array, OURS).squeeze() for array in (Wx, Wh, b))


@_mistake(
    "split-along-the-rows",
    "`np.split(array, 4)` without `axis=-1` divides the rows. The slices lie side by side, along the last axis.",
)
def _(Wx, Wh, b):
    return tuple(np.concatenate([np.split(array, 4)[k] for k in (2, 0, 1, 3)]) for array in (Wx, Wh, b))


@_mistake("axis-1", "`axis=1` is right for Wx and Wh; b has one axis only, axis 0. The last axis of each of them is `axis=-1`.")
def _(Wx, Wh, b):
    return tuple(np.concatenate([np.split(array, 4, axis=1)[k] for k in (2, 0, 1, 3)], axis=1) for array in (Wx, Wh, b))


@_mistake(
    "stacked-below",
    "`np.concatenate` without `axis=-1` lays the slices below each other. They belong side by side, along the last axis.",
)
def _(Wx, Wh, b):
    return tuple(np.concatenate([np.split(array, 4, axis=-1)[k] for k in (2, 0, 1, 3)]) for array in (Wx, Wh, b))


@_mistake(
    "four-columns",
    "You take four single columns. A slice is H columns wide: split each array into four first, "
    "`np.split(array, 4, axis=-1)`.",
)
def _(Wx, Wh, b):
    return tuple(array[..., [2, 0, 1, 3]] for array in (Wx, Wh, b))


@_mistake(
    "columns-moved",
    "Only the first four columns have changed places. A slice is H columns wide: split each array into four, "
    "`np.split(array, 4, axis=-1)`.",
)
def _(Wx, Wh, b):
    return tuple(np.concatenate([array[..., [2, 0, 1, 3]], array[..., 4:]], axis=-1) for array in (Wx, Wh, b))


@_mistake(
    "overwritten",
    "A slice was written over before it was read: `np.split` and slicing give views, places in the array itself, and f "
    "is gone once i stands in its place. Read from the file's array, and write into a new one.",
)
def _(Wx, Wh, b):
    new = [array.copy() for array in (Wx, Wh, b)]
    for array in new:
        f, g, i, _ = np.split(array, 4, axis=-1)
        H = i.shape[-1]
        for k, there in enumerate((i, f, g)):
            array[..., k * H : (k + 1) * H] = there
    return tuple(new)


@_mistake("transposed", "The order is right, but Wx and Wh are transposed. The file keeps them as we do, (D, 4H) and (H, 4H).")
def _(Wx, Wh, b):
    return _taken(Wx, OURS).T, _taken(Wh, OURS).T, _taken(b, OURS)


@_mistake(
    "forget-bias-added",
    "The order is right, and then 1 was added to the forget gate's bias. That is a start for a *new* network; this "
    "one has been trained, with the biases it has.",
)
def _(Wx, Wh, b):
    return _taken(Wx, OURS), _taken(Wh, OURS), _taken(b, OURS) + np.repeat([0.0, 1.0, 0.0, 0.0], len(Wh))


@_mistake(
    "interleaved",
    "The columns are taken as if the file kept the four numbers of a unit side by side. It keeps the H columns of "
    "each slice together: split into four blocks of H columns, `np.split(array, 4, axis=-1)`.",
)
def _(Wx, Wh, b):
    def reordered(array):
        units = array.reshape(*array.shape[:-1], -1, 4)
        return units[..., [FILE.index(name) for name in OURS]].reshape(array.shape)

    return reordered(Wx), reordered(Wh), reordered(b)


@read_weights.variant("the mended line")
def _(Wx, Wh, b):
    def reordered(array):
        slices = np.split(array, 4, axis=-1)
        return np.concatenate([slices["fgio".index(name)] for name in "ifgo"], axis=-1)

    return reordered(Wx), reordered(Wh), reordered(b)


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


@read_weights.landmark("`read_weights(Wx, Wh, b)[0][0, 0]` is `4.0`")
def _(f):
    return f(np.arange(24.0).reshape(3, 8), np.arange(16.0).reshape(2, 8), np.arange(8.0))[0][0, 0]
