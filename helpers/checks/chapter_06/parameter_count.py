"""`parameter_count`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def parameter_count_reference(vocab_size, embedding_size, hidden_size, num_layers, tied):
    last = embedding_size if tied else hidden_size
    count, d = vocab_size * embedding_size + vocab_size, embedding_size
    for u in [*[hidden_size] * (num_layers - 1), last]:
        count += 4 * (d * u + u * u + 2 * u)
        d = u
    return count if tied else count + vocab_size * last


def count_cases(rng, *, V=(31, 39), D=(5, 29), H=(5, 29), layers=(2, 4)):
    return {
        "vocab_size": V,
        "embedding_size": D,
        "hidden_size": H + (H == D),
        "num_layers": layers,
        "tied": False,
    }


parameter_count = Exercise("parameter_count", "06", parameter_count_reference, ("count",), count_cases, rounds=12)


@parameter_count.oracle("TorchLanguageModel", needs_torch=True)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    import torch

    from helpers.models.torch_language_model import TorchLanguageModel

    with torch.device("meta"):   # without memory: the statement's example has 20 million numbers
        model = TorchLanguageModel(vocab_size, embedding_size, hidden_size, num_layers=num_layers, tied=tied)
    return model.parameter_count


@parameter_count.oracle("building the arrays")
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    if vocab_size > 1000:
        return NotImplemented
    arrays = [np.empty((vocab_size, embedding_size)), np.empty(vocab_size)]
    below = embedding_size
    for number in range(1, num_layers + 1):
        units = embedding_size if tied and number == num_layers else hidden_size
        arrays += [np.empty((below, units)), np.empty((units, units)), np.empty(units), np.empty(units)] * 4
        below = units
    if not tied:
        arrays.append(np.empty((below, vocab_size)))
    return sum(array.size for array in arrays)


TIED = (
    "Right untied, wrong tied. Tied, the output layer has no matrix of its own (it keeps its bias), the last LSTM layer has D "
    "units, and the ones below it keep H."
)
SINGLE = (
    "Right with more layers, wrong with a single one, tied. It is the first layer and the last: it reads D numbers and has D "
    "units."
)

for layers, D, H in [(2, 11, 17), (3, 19, 12), (4, 12, 25), (1, 17, 11), (1, 9, 20)]:   # one layer last: see SINGLE

    @parameter_count.extreme(f"tied, num_layers = {layers}, D = {D}", TIED if layers > 1 else SINGLE)
    def _(rng, layers=layers, D=D, H=H):
        return count_cases(rng, V=41, D=D, H=H, layers=layers) | {"tied": True}


@parameter_count.extreme("D = H", "With D = H tying saves V·D numbers and changes nothing else.")
def _(rng):
    return count_cases(rng, V=41, D=17, H=11, layers=3) | {"hidden_size": 17, "tied": True}


LAYER = "4 * (d * u + u * u + 2 * u)"
LAYERS = "[*[hidden_size] * (num_layers - 1), last]"
LAST = "embedding_size if tied else hidden_size"
RETURNED = "count if tied else count + vocab_size * last"

parameter_count.mistake(
    "one-bias",
    "torch's LSTM has *two* bias vectors a layer, one beside each matrix: 2·u for each of the four slices.",
    ("2 * u)", "u)"),
)
parameter_count.mistake(
    "no-bias",
    "The LSTM layers' biases are missing: two vectors of u for each of the four slices.",
    (" + 2 * u)", ")"),
)
parameter_count.mistake(
    "biases-once-a-layer",
    "The two biases are counted for one slice only. They have 4·u numbers each: the factor 4 goes over all of the sum.",
    (LAYER, "4 * (d * u + u * u) + 2 * u"),
)
parameter_count.mistake(
    "one-bias-once-a-layer",
    "A layer's bias is counted for one slice, and once. Each of the four slices has two: 4 · 2·u.",
    (LAYER, "4 * (d * u + u * u) + u"),
)
parameter_count.mistake(
    "factor-four-too-early",
    "The four slices apply to the first matrix only in yours. Brackets: 4 times the whole sum of both matrices and the biases.",
    (LAYER, "4 * d * u + u * u + 2 * u"),
)
parameter_count.mistake(
    "matrix-counted-twice",
    "Tied, the one matrix is counted twice. Embedding and output layer share it, and training adjusts it once.",
    (RETURNED, "count + vocab_size * last"),
)
parameter_count.mistake(
    "matrix-never-counted-twice",
    "Untied, the output layer's own matrix is missing: V × H. Only tying saves it.",
    (RETURNED, "count"),
)
parameter_count.mistake(
    "no-output-bias",
    "The output layer's bias is missing: one number for each word, tied or not.",
    (" + vocab_size,", ","),
)
parameter_count.mistake(
    "bias-tied-away",
    "Tied, you leave out the output's bias. Only the *matrix* is shared: the V biases stay.",
    (" + vocab_size,", " + vocab_size * (not tied),"),
)
parameter_count.mistake(
    "output-bias-of-H",
    "The output layer's bias has one number for each *word*: V of them, not one for each unit below.",
    (" + vocab_size,", " + last,"),
)
parameter_count.mistake(
    "last-layer-stays-H",
    "Tied, your last layer has H units. It has to meet the rows of the embedding, which have D numbers: D units.",
    (LAST, "hidden_size"),
)
parameter_count.mistake(
    "matrix-saved-and-nothing-else",
    "Tied, you take one matrix off the untied count and leave the rest. The last LSTM layer changes, too: it has D units, not H, "
    "and so has other matrices and biases.",
    (LAST, "hidden_size"), (RETURNED, "count + vocab_size * (last - embedding_size * tied)"),
)  # fmt: skip
parameter_count.mistake(
    "single-layer-counted-twice",
    "Right but for a single layer, tied: there you count two, one of H units and one of D. The only layer is the last one, "
    "so it has D units.",
    ("(num_layers - 1)", "max(num_layers - 1, int(tied))"),
)
parameter_count.mistake(
    "last-layer-always-D",
    "Untied, the last layer has H units, like the others. Only tying makes it D.",
    (LAST, "embedding_size"),
)
parameter_count.mistake(
    "all-layers-D",
    "Tied, you gave *every* layer D units. Only the last one must have D; the ones below it keep H.",
    (LAYERS, "[last] * num_layers"),
)
parameter_count.mistake(
    "first-layer-D",
    "Tied, either your *first* layer has D units, or the last one reads D numbers (both give this count). From bottom to top "
    "the sizes are D, H, …, H, D: each layer reads the size before its own.",
    (LAYERS, "[last, *[hidden_size] * (num_layers - 1)]"),
)
parameter_count.mistake(
    "three-gates",
    "You count three slices a layer. An LSTM has three gates *and* the candidate: four.",
    ("4 *", "3 *"),
)
parameter_count.mistake(
    "one-gate",
    "You count each layer as a plain RNN's. An LSTM has four slices, i, f, g and o: times 4.",
    ("4 * (", "("),
)
parameter_count.mistake(
    "every-layer-reads-the-embedding",
    "You let every layer read the embedding, of size D. Only the first does; the ones above read the H units below them.",
    ("        d = u\n", ""),
)
parameter_count.mistake(
    "first-layer-reads-H",
    "You let the first layer read H numbers. It reads the embedding, which has D.",
    ("+ vocab_size, embedding_size", "+ vocab_size, hidden_size"),
)
parameter_count.mistake(
    "every-layer-reads-its-own-size",
    "You let every layer read as many numbers as it has units. It reads those of the layer below, the first one D.",
    ("d * u + u * u", "u * u + u * u"),
)
parameter_count.mistake(
    "no-embedding", "The embedding is missing: V × D numbers, which are trained like all others.",
    ("vocab_size * embedding_size + ", ""),
)  # fmt: skip
parameter_count.mistake(
    "embedding-of-H", "The embedding has V × D numbers: a row of D, not of H, for each word.",
    ("vocab_size * embedding_size", "vocab_size * hidden_size"),
)  # fmt: skip
parameter_count.mistake(
    "no-recurrence",
    "The hidden-to-hidden matrices are missing: u × u for each of the four slices of a layer.",
    (" + u * u", ""),
)
parameter_count.mistake(
    "no-input-matrix",
    "The input-to-hidden matrices are missing: d × u for each of the four slices of a layer.",
    ("d * u + ", ""),
)
parameter_count.mistake(
    "recurrence-of-the-input",
    "Your hidden-to-hidden matrices are d × d. A layer's own state has u numbers: u × u.",
    ("d * u + u * u", "d * u + d * d"),
)
parameter_count.mistake(
    "one-layer-only", "You count one LSTM layer, whatever num_layers says.", (LAYERS, "[last]")
)
parameter_count.mistake(
    "one-layer-too-many",
    "You count one LSTM layer too many. The last one, of size D when tied, is one of the num_layers.",
    ("(num_layers - 1)", "num_layers"),
)
parameter_count.mistake(
    "one-layer-too-few",
    "You count one LSTM layer too few: num_layers − 1 of H units, and then the last one, of D units when tied.",
    (LAYERS, "[hidden_size] * (num_layers - 1)"),
)
parameter_count.mistake(
    "own-matrix-of-D",
    "Untied, you give the output layer V × D numbers. Its own matrix meets the H units of the layer below: V × H.",
    ("count + vocab_size * last", "count + vocab_size * embedding_size"),
)
parameter_count.mistake(
    "layers-times-the-first",
    "You multiply the first layer's count by num_layers. The layers differ: the first reads D numbers, the next ones H.",
    (f"    for u in {LAYERS}:\n", "    for u in [last if num_layers == 1 else hidden_size] * num_layers:\n"), ("        d = u\n", ""),
)  # fmt: skip



@parameter_count.misconception(
    "tied-ignored",
    "Tied or not, you count the same. Tied, the output layer has no matrix of its own, and the last LSTM layer has D units.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    return parameter_count_reference(vocab_size, embedding_size, hidden_size, num_layers, False)


@parameter_count.misconception("tied-the-other-way", "You have tied and untied the wrong way round.")
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    return parameter_count_reference(vocab_size, embedding_size, hidden_size, num_layers, not tied)


@parameter_count.misconception(
    "the-tied-matrix-goes-away",
    "Tied, you leave out the matrix altogether. One of the two stays: the embedding's V × D numbers are counted once.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    count = parameter_count_reference(vocab_size, embedding_size, hidden_size, num_layers, tied)
    return count - vocab_size * embedding_size * tied


@parameter_count.variant("part by part")
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    units = [hidden_size] * num_layers
    if tied:
        units[-1] = embedding_size
    inputs = [embedding_size, *units[:-1]]
    layers = sum(4 * u * (d + u + 2) for d, u in zip(inputs, units, strict=True))
    own_matrix = vocab_size * units[-1] * (not tied)
    return vocab_size * embedding_size + layers + own_matrix + vocab_size


@parameter_count.variant("asking nn.LSTM")
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    from torch import nn

    count, below = vocab_size * (embedding_size + 1), embedding_size
    for number in range(num_layers):
        units = embedding_size if tied and number + 1 == num_layers else hidden_size
        count += sum(p.numel() for p in nn.LSTM(below, units).parameters())
        below = units
    return count + (0 if tied else vocab_size * below)


@parameter_count.variant("from top to bottom, in NumPy's numbers")
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    total = np.int64(vocab_size)
    if not tied:
        total += hidden_size * vocab_size
    above = None
    for number in reversed(range(num_layers)):
        above = embedding_size if tied and above is None else hidden_size
        below = hidden_size if number else embedding_size
        total += 4 * above * below + 4 * above * above + 8 * above
    return total + embedding_size * vocab_size


parameter_count.landmark("""
    parameter_count(10_000, 650, 650, 2, False)   # 19780400
    parameter_count(10_000, 650, 650, 2, True)    # 13280400
    parameter_count(5, 3, 4, 2, True)             # 272
""")
