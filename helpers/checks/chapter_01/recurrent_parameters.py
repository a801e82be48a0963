"""`recurrent_parameters`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools

import numpy as np

from helpers.checks.registry import Exercise

HERE = "hidden_size * (input_size + hidden_size + biases)"
WHOLE = f"blocks * {HERE}"


def recurrent_parameters_reference(input_size, hidden_size, blocks, biases):
    return blocks * hidden_size * (input_size + hidden_size + biases)


def _cases(rng, *, D=(5, 39), H=(41, 89)):
    return {
        "input_size": D,
        "hidden_size": H,
        "blocks": int(rng.choice([1, 3, 4])),
        "biases": int(rng.choice([1, 2])),
    }


recurrent_parameters = Exercise(
    "recurrent_parameters", "01", recurrent_parameters_reference, ("count",), _cases, rounds=12
)


@recurrent_parameters.oracle("counting torch's own parameters", needs_torch=True)
def _(input_size, hidden_size, blocks, biases):
    import torch

    if biases != 2:
        return NotImplemented
    layer = {1: torch.nn.RNN, 3: torch.nn.GRU, 4: torch.nn.LSTM}[blocks](input_size, hidden_size)
    return sum(p.numel() for p in layer.parameters())


@recurrent_parameters.oracle("building the arrays")
def _(input_size, hidden_size, blocks, biases):
    shapes = [(input_size, hidden_size), (hidden_size, hidden_size), *[(hidden_size,)] * biases]
    arrays = [np.broadcast_to(0.0, shape) for shape in shapes]   # no memory of their own
    return sum(array.size for _ in range(blocks) for array in arrays)


recurrent_parameters.landmark("""
    recurrent_parameters(40, 50, 4, 1)   # 18200
    recurrent_parameters(40, 50, 3, 2)   # 13800
""")


@recurrent_parameters.extreme("as many inputs as units", "Right where D and H differ, wrong where they are equal.")
def _(rng):
    return {"input_size": 50, "hidden_size": 50, "blocks": 3, "biases": 1}


@recurrent_parameters.extreme(
    "more inputs than units", "Right for D below H, wrong for D above it. The larger one is not always the state."
)
def _(rng):
    return {"input_size": 300, "hidden_size": 100, "blocks": 4, "biases": 2}


recurrent_parameters.mistake(
    "no-recurrence",
    "The matrix from state to state is missing: H × H for each block. It is what makes the layer recurrent.",
    ("input_size + hidden_size", "input_size"),
)

TERMS = {
    "the matrix from the input": "input_size * hidden_size",
    "the matrix from state to state": "hidden_size * hidden_size",
    "the biases": "biases * hidden_size",
}
for once in [*itertools.combinations(TERMS, 1), *itertools.combinations(TERMS, 2)]:
    formula = " + ".join(part if name in once else f"blocks * {part}" for name, part in TERMS.items())
    recurrent_parameters.mistake(
        f"only once: {', '.join(once)}",
        f"You count {' and '.join(once)} once for all blocks. Every block has its own: the factor `blocks` goes over the whole "
        "sum.",
        (WHOLE, formula),
    )
recurrent_parameters.mistake(
    "one-bias",
    "You count one bias whatever `biases` says. PyTorch's layers have two, Keras' mostly one.",
    (" + biases)", " + 1)"),
)
recurrent_parameters.mistake(
    "two-biases", "You count two biases whatever `biases` says. It is 1 or 2.", (" + biases)", " + 2)")
)
recurrent_parameters.mistake(
    "always-four", "You count four blocks whatever `blocks` says. A plain layer has 1, a GRU 3.", ("blocks * ", "4 * ")
)
recurrent_parameters.mistake(
    "input-squared",
    "The recurrent matrix goes from H to H, not from D to D: H × H.",
    (HERE, "(input_size * (hidden_size + input_size) + biases * hidden_size)"),
)
recurrent_parameters.mistake(
    "sizes-exchanged",
    "D and H are exchanged: the matrices are D × H and H × H, and a bias has H numbers.",
    ("hidden_size * (input_size + hidden_size", "input_size * (input_size + hidden_size"),
)
recurrent_parameters.mistake(
    "bias-of-one",
    "A bias is a vector with one number for each unit: biases · H.",
    (HERE, "(hidden_size * (input_size + hidden_size) + biases)"),
)
recurrent_parameters.mistake(
    "bias-of-the-input",
    "A bias is added to the state, so it has H numbers, not D.",
    (HERE, "(hidden_size * (input_size + hidden_size) + biases * input_size)"),
)
recurrent_parameters.mistake(
    "biases-multiply",
    "You multiply by the number of biases. They are summands: each adds H numbers to a block.",
    (" + biases)", ") * biases"),
)
recurrent_parameters.mistake(
    "biases-multiply-all",
    "You count everything once for each bias. Only the bias vectors come once or twice; of each matrix a block has one.",
    (HERE, "biases * hidden_size * (input_size + hidden_size + 1)"),
)
recurrent_parameters.mistake(
    "square-of-the-sum",
    "Input and state side by side are D + H, but what comes out are H numbers: (D + H) × H, not (D + H) × (D + H).",
    (HERE, "((input_size + hidden_size) ** 2 + biases * hidden_size)"),
)
recurrent_parameters.mistake(
    "matrices-added",
    "A matrix from D to H has D × H numbers, not D + H: a product, not a sum.",
    (HERE, "(input_size + hidden_size + 2 * hidden_size + biases * hidden_size)"),
)
recurrent_parameters.mistake(
    "output-counted",
    "You count a matrix or a bias more than the layer has: it ends with its state. A block has D × H, H × H and its biases.",
    (WHOLE, WHOLE + " + hidden_size"),
)
recurrent_parameters.mistake(
    "brackets-missing",
    "The brackets are missing: `*` binds before `+`, so only the first summand is multiplied.",
    ("(input_size + hidden_size + biases)", "input_size + hidden_size + biases"),
)
recurrent_parameters.mistake(
    "input-matrix-square",
    "The matrix from the input goes from D to H: D × H, not D × D.",
    (HERE, "(input_size * input_size + hidden_size * hidden_size + biases * hidden_size)"),
)
recurrent_parameters.mistake(
    "state-matrix-like-the-input's",
    "Both matrices are D × H here. The second goes from state to state: H × H.",
    ("input_size + hidden_size + biases", "input_size + input_size + biases"),
)
recurrent_parameters.mistake(
    "doubled-for-squared",
    "The matrix from state to state is H × H: the square of H, not twice H.",
    (HERE, "(input_size * hidden_size + 2 * hidden_size + biases * hidden_size)"),
)
recurrent_parameters.mistake(
    "matrices-multiplied",
    "You multiply the numbers of the two matrices. A layer has both, so they are added: D × H + H × H.",
    (HERE, "(input_size * hidden_size * hidden_size * hidden_size + biases * hidden_size)"),
)
recurrent_parameters.mistake(
    "output-matrix-counted",
    "You count an output matrix too, H × D. It is a layer of its own; the recurrent layer ends with its state.",
    (WHOLE, WHOLE + " + hidden_size * input_size"),
)
recurrent_parameters.mistake(
    "one-block-too-few",
    "You count one block too few. range(1, n) has n − 1 numbers.",
    ("blocks * ", "(blocks - 1) * "),
)


@recurrent_parameters.variant("matrix by matrix")
def _(input_size, hidden_size, blocks, biases):
    Wx, Wh, b = input_size * blocks * hidden_size, hidden_size * blocks * hidden_size, blocks * hidden_size
    return Wx + Wh + biases * b


@recurrent_parameters.variant("one block, repeated")
def _(input_size, hidden_size, blocks, biases):
    one = 0
    for rows in (input_size, hidden_size, biases):
        one += rows * hidden_size
    return sum(one for _ in range(blocks))


@recurrent_parameters.variant("by the size of an array")
def _(input_size, hidden_size, blocks, biases):
    return np.zeros((input_size + hidden_size + biases, blocks * hidden_size)).size
