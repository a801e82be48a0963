"""`lstm_weights_to_torch`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from helpers.checks.chapter_04.lstm_step import ORDERS
from helpers.checks.chapter_04.steps import step_cases
from helpers.checks.compare import Complaint
from helpers.checks.registry import Exercise

NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def lstm_weights_to_torch_reference(Wx, Wh, b):
    return {
        "weight_ih_l0": Wx.T,
        "weight_hh_l0": Wh.T,
        "bias_ih_l0": b,
        "bias_hh_l0": np.zeros_like(b),
    }


def _cases(rng, *, D=(3, 4), H=(6, 7)):
    case = step_cases(rng, 4, N=1, D=D, H=H)
    return {name: case[name] for name in ("Wx", "Wh", "b")}


def _only_these_names(function, *arguments):
    state = function(*arguments)
    names = list(state) if isinstance(state, Mapping) else []
    if len(names) >= len(NAMES) and set(names) != set(NAMES):
        raise Complaint(
            "The names are {names}; PyTorch takes just {wanted} (an l and a zero at the end: the layer's number).",
            names=", ".join(map(repr, names)), wanted=", ".join(map(repr, NAMES)),
        )  # fmt: skip
    return state


lstm_weights_to_torch = Exercise(
    "lstm_weights_to_torch", "04", lstm_weights_to_torch_reference, ("state",), _cases, rounds=3, trial=_only_these_names
)


@lstm_weights_to_torch.oracle("torch.nn.LSTM, filled row by row", needs_torch=True)
def _(Wx, Wh, b):
    import torch

    lstm = torch.nn.LSTM(len(Wx), len(Wh), dtype=torch.float64)
    with torch.no_grad():
        lstm.bias_hh_l0.zero_()
        for row in range(len(b)):
            lstm.weight_ih_l0[row] = torch.tensor(Wx[:, row])
            lstm.weight_hh_l0[row] = torch.tensor(Wh[:, row])
            lstm.bias_ih_l0[row] = b[row]
    return {name: value.numpy() for name, value in lstm.state_dict().items()}


@lstm_weights_to_torch.oracle("what torch's LSTM needs so that unit inputs give our columns")
def _(Wx, Wh, b):
    # torch computes weight @ x + bias for a column x: put in unit columns, one at a time.
    D, H = len(Wx), len(Wh)
    ours_x = [np.eye(D)[d] @ Wx for d in range(D)]
    ours_h = [np.eye(H)[j] @ Wh for j in range(H)]
    columns = {"weight_ih_l0": ours_x, "weight_hh_l0": ours_h}
    biases = {"bias_ih_l0": np.zeros(D) @ Wx + b, "bias_hh_l0": b - b}
    return {name: np.stack(outputs, axis=1) for name, outputs in columns.items()} | biases


@lstm_weights_to_torch.extreme(
    "more inputs than 4H", "Wx may be tall or wide: the transpose does not depend on which of its sides is longer."
)
def _(rng):
    return _cases(rng, D=13, H=3)


@lstm_weights_to_torch.extreme("as many inputs as 4H", "A square Wx is transposed as any other.")
def _(rng):
    return _cases(rng, D=12, H=3)


mistake = lstm_weights_to_torch.mistake
WEIGHTS = ("Wx.T", "Wh.T")


def _both(form):
    """The two weights made in this way, `W` standing for each."""
    return tuple((each, form.replace("W", each[:2])) for each in WEIGHTS)


# Transposing
mistake(
    "reshape-for-transpose",
    "The shapes are right, the numbers stand in the wrong places: reshape reads row by row and refills row by row. The "
    "transpose is `.T`.",
    *_both("W.reshape(W.shape[::-1])"),
)
mistake(
    "column-by-column",
    "The weights are reshaped with order=\"F\": read column by column and refilled column by column. No reshape is a "
    "transpose; that is `.T`.",
    *_both('W.reshape(W.shape[::-1], order="F")'),
)
mistake(
    "turned-by-90",
    "The weights are turned by a quarter. The shape is right, but the rows stand upside down, the last gate's first. The "
    "transpose mirrors along the diagonal: `Wx.T`, `Wh.T`.",
    *_both("np.rot90(W)"),
)
mistake(
    "not-transposed",
    "The weights go over as they are. PyTorch keeps them the other way round, (4H, D) and (4H, H), because it multiplies "
    "columns from the left: `Wx.T`, `Wh.T`.",
    *_both("W"),
)
mistake(
    "blocks-beside-each-other",
    "Each gate's block is transposed, but they are glued side by side, (H, 4D). In PyTorch they stand on top of each "
    "other: concatenate along axis 0, or transpose the whole at once, `Wx.T`.",
    *_both("np.concatenate([block.T for block in np.split(W, 4, axis=1)], axis=1)"),
)
mistake(
    "blocks-reshaped",
    "Each gate's block is reshaped to (H, D) where it has to be transposed. The shapes are right, the numbers stand in "
    "the wrong places: `block.T`, or the whole at once, `Wx.T`.",
    *_both("np.concatenate([block.reshape(block.shape[::-1]) for block in np.split(W, 4, axis=1)])"),
)
mistake(
    "blocks-not-transposed",
    "The blocks are stacked as they are, (4D, H). Each has to be transposed, or the whole at once: `Wx.T`.",
    *_both("np.concatenate(np.split(W, 4, axis=1))"),
)
mistake(
    "gates-interleaved",
    "The rows are those of `Wx.T` in another order: unit 0's four, then unit 1's. PyTorch keeps each gate's H rows "
    "together, as our columns are: `Wx.T` alone.",
    *_both("W.reshape(len(W), 4, -1).transpose(2, 1, 0).reshape(W.shape[::-1])"),
    ('"bias_ih_l0": b', '"bias_ih_l0": b.reshape(4, -1).T.ravel()'),
)
mistake(
    "swapped",
    "Wx and Wh have changed places: ih is input to hidden, Wx, and hh is hidden to hidden, Wh.",
    ('"weight_ih_l0"', '"weight"'),
    ('"weight_hh_l0"', '"weight_ih_l0"'),
    ('"weight"', '"weight_hh_l0"'),
)

# Biases
ZEROS = "np.zeros_like(b)"
mistake(
    "bias-in-both",
    "b stands in both biases. PyTorch adds them, so every gate would get 2 b: the whole of b in bias_ih_l0, zeros in "
    "bias_hh_l0.",
    (ZEROS, "b"),
)
mistake(
    "bias-in-halves",
    "Half of b in each: this LSTM computes exactly the same, since only the sum counts. So that answers can be compared, "
    "here the whole of b goes into bias_ih_l0, and bias_hh_l0 is zero.",
    (ZEROS, "b / 2"),
    ('"bias_ih_l0": b', '"bias_ih_l0": b / 2'),
)
mistake(
    "bias-in-the-other",
    "b stands in bias_hh_l0: this LSTM computes exactly the same, since only the sum counts. So that answers can be "
    "compared, here the whole of b goes into bias_ih_l0, and bias_hh_l0 is zero.",
    (ZEROS, "b"),
    ('"bias_ih_l0": b', '"bias_ih_l0": np.zeros_like(b)'),
)
mistake(
    "no-bias",
    "Both biases are zero. b has to go somewhere: into bias_ih_l0.",
    ('"bias_ih_l0": b', '"bias_ih_l0": np.zeros_like(b)'),
)
mistake("ones", "bias_hh_l0 is ones. It is added to every gate, so it must be zeros.", (ZEROS, "np.ones_like(b)"))
mistake(
    "forget-bias-added",
    "1 has been added to the forget gate's bias. That is a good start for training; copying must leave b as it is.",
    ('"bias_ih_l0": b', '"bias_ih_l0": b + np.repeat([0.0, 1.0, 0.0, 0.0], len(b) // 4)'),
)
mistake(
    "second-bias-missing",
    "bias_hh_l0 is missing. PyTorch's LSTM has two biases and wants both: zeros of shape (4H,) for the second.",
    ('        "bias_hh_l0": np.zeros_like(b),\n', ""),
)
mistake(
    "zeros-of-one-gate",
    "bias_hh_l0 has H zeros. It is as long as the other, (4H,): `np.zeros_like(b)`.",
    (ZEROS, "np.zeros(len(Wh))"),
)

mistake(
    "second-bias-a-number",
    "bias_hh_l0 is the number 0. PyTorch wants an array of 4H zeros: `np.zeros_like(b)`.",
    (ZEROS, "0.0"),
)



@lstm_weights_to_torch.misconception(
    "zeros-written-into-b",
    "The zeros are written into b itself: both names stand for one and the same array, so bias_ih_l0 is zero too, and so "
    "is the caller's b. Make a new array: `np.zeros_like(b)`.",
)
def _(Wx, Wh, b):
    zeros = b
    zeros[:] = 0
    return {"weight_ih_l0": Wx.T, "weight_hh_l0": Wh.T, "bias_ih_l0": b, "bias_hh_l0": zeros}


# Reordering
for _order, _origin in ORDERS.items():
    _places = [("ifgo").index(gate) for gate in _order]
    _moved = "np.concatenate([np.split({}, 4)[k] for k in " + f"{_places}])"
    mistake(
        f"reordered-{_order}",
        f"The gates are put into the order {', '.join(_order)}. PyTorch's order is ours, i, f, g, o: nothing has to be "
        "reordered.",
        *((each, _moved.format(each)) for each in WEIGHTS),
        ('"bias_ih_l0": b', f'"bias_ih_l0": {_moved.format("b")}'),
    )


@lstm_weights_to_torch.variant("copies instead of views")
def _(Wx, Wh, b):
    return dict(weight_ih_l0=Wx.T.copy(), weight_hh_l0=Wh.T.copy(), bias_ih_l0=b.copy(), bias_hh_l0=0 * b)


@lstm_weights_to_torch.variant("gate by gate")
def _(Wx, Wh, b):
    return {
        "bias_ih_l0": np.concatenate(np.split(b, 4)),
        "bias_hh_l0": np.zeros(b.shape),
        "weight_ih_l0": np.vstack([block.T for block in np.split(Wx, 4, axis=1)]),
        "weight_hh_l0": np.vstack([block.T for block in np.split(Wh, 4, axis=1)]),
    }


@lstm_weights_to_torch.variant("an OrderedDict of transposes, one entry at a time")
def _(Wx, Wh, b):
    from collections import OrderedDict

    state = OrderedDict()
    for name, W in (("weight_ih_l0", Wx), ("weight_hh_l0", Wh)):
        state[name] = np.array([[W[d, k] for d in range(W.shape[0])] for k in range(W.shape[1])])
    state["bias_ih_l0"], state["bias_hh_l0"] = b[:], np.full_like(b, 0)
    return state


lstm_weights_to_torch.landmark("""
    state = lstm_weights_to_torch(np.arange(24.0).reshape(3, 8), np.arange(16.0).reshape(2, 8), np.arange(8.0))
    state["weight_ih_l0"][5, 2]   # 21.0
    state["bias_ih_l0"][5] + state["bias_hh_l0"][5]   # 5.0
""")
