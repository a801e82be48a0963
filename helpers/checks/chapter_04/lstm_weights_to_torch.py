"""`lstm_weights_to_torch`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_04.lstm_step import step_cases
from helpers.checks.registry import Exercise


def lstm_weights_to_torch_reference(Wx, Wh, b):
    return {
        "weight_ih_l0": Wx.T.copy(),
        "weight_hh_l0": Wh.T.copy(),
        "bias_ih_l0": b.copy(),
        "bias_hh_l0": np.zeros_like(b),
    }


def _cases(rng):
    case = step_cases(rng, gates=4)
    return {name: case[name] for name in ("Wx", "Wh", "b")}


lstm_weights_to_torch = Exercise(
    "lstm_weights_to_torch", "04", lstm_weights_to_torch_reference, ("state",), _cases
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


def _mistake(name, hint, change):
    """`change(Wx, Wh, b)` returns the entries that differ from the right ones; None takes an entry out."""

    @lstm_weights_to_torch.misconception(name, hint)
    def _(Wx, Wh, b):
        state = lstm_weights_to_torch_reference(Wx, Wh, b) | change(Wx, Wh, b)
        return {key: value for key, value in state.items() if value is not None}


def _weights(change):
    return lambda Wx, Wh, b: {"weight_ih_l0": change(Wx), "weight_hh_l0": change(Wh)}


def _blocks(W):
    return np.split(W, 4, axis=1)


# Transposing
_mistake(
    "reshape-for-transpose",
    "The shapes are right, the numbers stand in the wrong places: reshape reads row by row and refills row by "
    "row. The transpose is `.T`.",
    _weights(lambda W: W.reshape(W.shape[::-1])),
)
_mistake(
    "not-transposed",
    "The weights go over as they are. PyTorch keeps them the other way round, (4H, D) and (4H, H), because it "
    "multiplies columns from the left: `Wx.T`, `Wh.T`.",
    _weights(lambda W: W),
)
_mistake(
    "Wh-not-transposed",
    "weight_ih_l0 is right, weight_hh_l0 is not transposed. It is (4H, H): `Wh.T`.",
    lambda Wx, Wh, b: {"weight_hh_l0": Wh},
)
_mistake(
    "Wx-not-transposed",
    "weight_hh_l0 is right, weight_ih_l0 is not transposed. It is (4H, D): `Wx.T`.",
    lambda Wx, Wh, b: {"weight_ih_l0": Wx},
)
_mistake(
    "blocks-beside-each-other",
    "Each gate's block is transposed, but they are glued side by side, (H, 4D). In PyTorch they stand on top "
    "of each other: concatenate along axis 0, or transpose the whole at once, `Wx.T`.",
    _weights(lambda W: np.concatenate([block.T for block in _blocks(W)], axis=1)),
)
_mistake(
    "blocks-reshaped",
    "Each gate's block is reshaped to (H, D) where it has to be transposed. The shapes are right, the numbers "
    "stand in the wrong places: `block.T`, or the whole at once, `Wx.T`.",
    _weights(lambda W: np.concatenate([block.reshape(W.shape[1] // 4, len(W)) for block in _blocks(W)])),
)
_mistake(
    "blocks-not-transposed",
    "The blocks are stacked as they are, (4D, H). Each has to be transposed, or the whole at once: `Wx.T`.",
    _weights(lambda W: np.concatenate(_blocks(W))),
)
_mistake(
    "gates-interleaved",
    "The rows are those of `Wx.T` in another order: unit 0's four gates, then unit 1's. PyTorch keeps each "
    "gate's H rows together, as our columns are: `Wx.T` alone.",
    lambda Wx, Wh, b: {
        **_weights(lambda W: W.reshape(len(W), 4, -1).transpose(2, 1, 0).reshape(W.shape[::-1]))(Wx, Wh, b),
        "bias_ih_l0": b.reshape(4, -1).T.ravel(),
    },
)
_mistake(
    "flipped",
    "The matrices are turned by 90 degrees. A transpose mirrors along the diagonal: entry [k, d] is Wx[d, k], "
    "`Wx.T`.",
    _weights(np.rot90),
)
_mistake(
    "swapped",
    "Wx and Wh have changed places: ih is input to hidden, Wx, and hh is hidden to hidden, Wh.",
    lambda Wx, Wh, b: {"weight_ih_l0": Wh.T, "weight_hh_l0": Wx.T},
)

# Biases
_mistake(
    "bias-in-both",
    "b stands in both biases. PyTorch adds them, so every gate would get 2 b: the whole of b in bias_ih_l0, "
    "zeros in bias_hh_l0.",
    lambda Wx, Wh, b: {"bias_hh_l0": b},
)
_mistake(
    "bias-in-halves",
    "Half of b in each: this LSTM computes exactly the same, since only the sum counts. So that answers can "
    "be compared, here the whole of b goes into bias_ih_l0, and bias_hh_l0 is zero.",
    lambda Wx, Wh, b: {"bias_ih_l0": b / 2, "bias_hh_l0": b / 2},
)
_mistake(
    "bias-in-the-other",
    "b stands in bias_hh_l0: this LSTM computes exactly the same, since only the sum counts. So that answers "
    "can be compared, here the whole of b goes into bias_ih_l0, and bias_hh_l0 is zero.",
    lambda Wx, Wh, b: {"bias_ih_l0": np.zeros_like(b), "bias_hh_l0": b},
)
_mistake(
    "no-bias",
    "Both biases are zero. b has to go somewhere: into bias_ih_l0.",
    lambda Wx, Wh, b: {"bias_ih_l0": np.zeros_like(b)},
)
_mistake(
    "ones",
    "bias_hh_l0 is ones. It is added to every gate, so it must be zeros.",
    lambda Wx, Wh, b: {"bias_hh_l0": np.ones_like(b)},
)
_mistake(
    "forget-bias-added",
    "1 has been added to the forget gate's bias. That is a good start for training; copying must leave b as "
    "it is.",
    lambda Wx, Wh, b: {"bias_ih_l0": b + np.repeat([0.0, 1.0, 0.0, 0.0], len(b) // 4)},
)
_mistake(
    "second-bias-missing",
    "bias_hh_l0 is missing. PyTorch's LSTM has two biases and wants both: zeros of shape (4H,) for the second.",
    lambda Wx, Wh, b: {"bias_hh_l0": None},
)
_mistake(
    "zeros-of-one-gate",
    "bias_hh_l0 has H zeros. It is as long as the other, (4H,): np.zeros_like(b).",
    lambda Wx, Wh, b: {"bias_hh_l0": np.zeros(len(Wh))},
)
_mistake(
    "second-bias-a-number",
    "bias_hh_l0 is the number 0. PyTorch wants an array of 4H zeros: np.zeros_like(b).",
    lambda Wx, Wh, b: {"bias_hh_l0": 0.0},
)
_mistake(
    "names-without-layer",
    "The names lack the layer: an LSTM may have several, so they are weight_ih_l0, weight_hh_l0, bias_ih_l0, "
    "bias_hh_l0 (l and zero).",
    lambda Wx, Wh, b: {
        "weight_ih_l0": None, "weight_hh_l0": None, "bias_ih_l0": None, "bias_hh_l0": None,
        "weight_ih": Wx.T, "weight_hh": Wh.T, "bias_ih": b, "bias_hh": np.zeros_like(b),
    },
)  # fmt: skip

# Reordering
for _order in ("ifog", "fgio", "iofg", "igfo", "figo", "fiog"):
    _mistake(
        f"reordered-{_order}",
        f"The gates are put into the order {', '.join(_order)}. PyTorch's order is ours, i, f, g, o: nothing "
        "has to be reordered.",
        lambda Wx, Wh, b, order=_order: {
            name: np.concatenate([np.split(value, 4)["ifgo".index(gate)] for gate in order])
            for name, value in lstm_weights_to_torch_reference(Wx, Wh, b).items()
        },
    )


@lstm_weights_to_torch.variant("views instead of copies")
def _(Wx, Wh, b):
    return dict(weight_ih_l0=Wx.T, weight_hh_l0=Wh.T, bias_ih_l0=b, bias_hh_l0=0 * b)


@lstm_weights_to_torch.variant("gate by gate")
def _(Wx, Wh, b):
    return {
        "bias_ih_l0": np.concatenate(np.split(b, 4)),
        "bias_hh_l0": np.zeros(b.shape),
        "weight_ih_l0": np.vstack([block.T for block in _blocks(Wx)]),
        "weight_hh_l0": np.vstack([block.T for block in _blocks(Wh)]),
    }


@lstm_weights_to_torch.variant("an OrderedDict of transposes, one entry at a time")
def _(Wx, Wh, b):
    from collections import OrderedDict

    state = OrderedDict()
    for name, W in (("weight_ih_l0", Wx), ("weight_hh_l0", Wh)):
        state[name] = np.array([[W[d, k] for d in range(W.shape[0])] for k in range(W.shape[1])])
    state["bias_ih_l0"], state["bias_hh_l0"] = b[:], np.full_like(b, 0)
    return state


@lstm_weights_to_torch.landmark('`state["weight_ih_l0"][5, 2]` is `21.0`')
def _(f):
    return f(np.arange(24.0).reshape(3, 8), np.arange(16.0).reshape(2, 8), np.zeros(8))["weight_ih_l0"][5, 2]
