"""`parameter_count`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from helpers.checks.registry import Exercise


def _count(
    V, D, H, sizes, *, tied, gates=4, biases=2, embedding=True, output=None, output_bias=None, recurrent=True
):
    """Embedding, LSTM layers between neighbours of `sizes`, output; keywords leave parts out or change them."""
    count = V * D if embedding else 0
    for d, u in pairwise(sizes):
        count += gates * (d * u + (u * u if recurrent else 0) + biases * u)
    if output is None:
        output = 0 if tied else V * sizes[-1]
    return count + output + (V if output_bias is None else output_bias)


def _sizes(D, H, num_layers, tied):
    return [D, *[H] * (num_layers - 1), D if tied else H]


def _parameter_count(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied)


def _cases(rng):
    sizes = rng.choice(np.arange(5, 40), size=3, replace=False)
    V, D, H = (int(size) for size in sizes)
    num_layers, tied = int(rng.integers(1, 4)), bool(rng.random() < 0.6)
    return {
        "vocab_size": V,
        "embedding_size": D,
        "hidden_size": H,
        "num_layers": num_layers,
        "tied": tied,
    }


parameter_count = Exercise("parameter_count", "06", _parameter_count, ("count",), _cases, rounds=16)


@parameter_count.oracle("TorchLanguageModel", needs_torch=True)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    from helpers.models.torch_language_model import TorchLanguageModel

    return TorchLanguageModel(
        vocab_size, embedding_size, hidden_size, num_layers=num_layers, tied=tied
    ).parameter_count


@parameter_count.oracle("building the arrays")
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    arrays = [np.empty((vocab_size, embedding_size)), np.empty(vocab_size)]
    below = embedding_size
    for number in range(1, num_layers + 1):
        units = embedding_size if tied and number == num_layers else hidden_size
        arrays += [np.empty((below, units)), np.empty((units, units)), np.empty(units), np.empty(units)] * 4
        below = units
    if not tied:
        arrays.append(np.empty((below, vocab_size)))
    return sum(array.size for array in arrays)


@parameter_count.misconception(
    "one-bias", "torch's LSTM has *two* bias vectors a layer, one beside each matrix: 2·u for each of the four slices."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, biases=1)


@parameter_count.misconception(
    "no-bias", "The LSTM layers' biases are missing: two vectors of u for each of the four slices."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, biases=0)


@parameter_count.misconception(
    "biases-once-a-layer",
    "The two biases are counted for one slice only. They have 4·u numbers each: the factor 4 goes over all of the sum.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    sizes = _sizes(D, H, num_layers, tied)
    return _count(V, D, H, sizes, tied=tied, biases=0) + 2 * sum(sizes[1:])


@parameter_count.misconception(
    "matrix-counted-twice",
    "Tied, the one matrix is counted twice. Embedding and output layer share it, and training adjusts it once.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    sizes = _sizes(D, H, num_layers, tied)
    return _count(V, D, H, sizes, tied=tied, output=V * sizes[-1])


@parameter_count.misconception(
    "matrix-never-counted-twice",
    "Untied, the output layer's own matrix is missing: V × H. Only tying saves it.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, output=0)


@parameter_count.misconception(
    "no-output-bias", "The output layer's bias is missing: one number for each word, tied or not."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, output_bias=0)


@parameter_count.misconception(
    "bias-tied-away",
    "Tied, you leave out the output's bias. Only the *matrix* is shared: the V biases stay.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, output_bias=0 if tied else V)


@parameter_count.misconception(
    "output-bias-of-H", "The output layer's bias has one number for each *word*: V of them, not one for each unit below."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    sizes = _sizes(D, H, num_layers, tied)
    return _count(V, D, H, sizes, tied=tied, output_bias=sizes[-1])


@parameter_count.misconception(
    "last-layer-stays-H",
    "Tied, your last layer has H units. It has to meet the rows of the embedding, which have D numbers: D units.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, False), tied=tied)


@parameter_count.misconception(
    "all-layers-D",
    "Tied, you gave *every* layer D units. Only the last one must have D; the ones below it keep H.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, [D] + [D if tied else H] * num_layers, tied=tied)


@parameter_count.misconception(
    "three-gates", "You count three slices a layer. An LSTM has three gates *and* the candidate: four."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, gates=3)


@parameter_count.misconception(
    "one-gate", "You count each layer as a plain RNN's. An LSTM has four slices, i, f, g and o: times 4."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, gates=1)


@parameter_count.misconception(
    "every-layer-reads-the-embedding",
    "You let every layer read the embedding, of size D. Only the first does; the ones above read the H units below them.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    sizes = _sizes(D, H, num_layers, tied)
    extra = sum(4 * (D - d) * u for d, u in pairwise(sizes))
    return _count(V, D, H, sizes, tied=tied) + extra


@parameter_count.misconception(
    "first-layer-reads-H",
    "You let the first layer read H numbers. It reads the embedding, which has D.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    sizes = _sizes(D, H, num_layers, tied)
    return _count(V, D, H, sizes, tied=tied) + 4 * (H - D) * sizes[1]


@parameter_count.misconception(
    "no-embedding", "The embedding is missing: V × D numbers, which are trained like all others."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, embedding=False)


@parameter_count.misconception(
    "no-recurrence", "The hidden-to-hidden matrices are missing: u × u for each of the four slices of a layer."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, recurrent=False)


@parameter_count.misconception(
    "one-layer-only", "You count one LSTM layer, whatever num_layers says."
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, 1, tied), tied=tied)


@parameter_count.misconception(
    "one-layer-too-many",
    "You count one LSTM layer too many. The last one, of size D when tied, is one of the num_layers.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers + 1, tied), tied=tied)


@parameter_count.misconception(
    "one-layer-too-few",
    "You count one LSTM layer too few: num_layers − 1 of H units, and then the last one, of D units when tied.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    sizes = _sizes(D, H, num_layers, tied)
    return _count(V, D, H, sizes[:-1], tied=tied, output=0 if tied else V * H)


@parameter_count.misconception(
    "tied-ignored",
    "Tied or not, you count the same. Tied, the output layer has no matrix of its own, and the last LSTM layer has D units.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    return _parameter_count(vocab_size, embedding_size, hidden_size, num_layers, False)


@parameter_count.misconception("tied-the-other-way", "You have tied and untied the wrong way round.")
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    return _parameter_count(vocab_size, embedding_size, hidden_size, num_layers, not tied)


@parameter_count.misconception(
    "own-matrix-of-D",
    "Untied, you give the output layer V × D numbers. Its own matrix meets the H units of the layer below: V × H.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    return _count(V, D, H, _sizes(D, H, num_layers, tied), tied=tied, output=0 if tied else V * D)


@parameter_count.misconception(
    "layers-times-the-first",
    "You multiply the first layer's count by num_layers. The layers differ: the first reads D numbers, the next ones H.",
)
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    V, D, H = vocab_size, embedding_size, hidden_size
    sizes = _sizes(D, H, num_layers, tied)
    first = 4 * (D * sizes[1] + sizes[1] ** 2 + 2 * sizes[1])
    return V * D + V + num_layers * first + (0 if tied else V * sizes[-1])


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


@parameter_count.variant("from top to bottom")
def _(vocab_size, embedding_size, hidden_size, num_layers, tied):
    total = vocab_size
    if not tied:
        total += hidden_size * vocab_size
    above = None
    for number in reversed(range(num_layers)):
        above = embedding_size if tied and above is None else hidden_size
        below = hidden_size if number else embedding_size
        total += 4 * above * below + 4 * above * above + 8 * above
    return total + embedding_size * vocab_size


@parameter_count.landmark("two layers have `19780400` numbers untied")
def _(f):
    return f(10000, 650, 650, 2, False)


@parameter_count.landmark("and tied `13280400`")
def _(f):
    return f(10000, 650, 650, 2, True)
