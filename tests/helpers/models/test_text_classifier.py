"""The classifier against torch's own layers on packed sequences, and what its options do."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from helpers.corpora import reviews
from helpers.corpora.classification import encode, vocabulary
from helpers.models.text_classifier import CELLS, POOLINGS, RECURRENT, TextClassifier
from helpers.torch_training import TorchTrainer
from helpers.torch_training.classification import ClassifierLoss, ShuffledExamples, accuracy

V, D, H, N, T = 13, 5, 4, 6, 7
LENGTHS = torch.tensor([3, 7, 1, 5, 7, 2])
IDS = torch.randint(1, V, (N, T), generator=torch.Generator().manual_seed(0))
MASK = torch.arange(T) < LENGTHS[:, None]
PADDED = IDS * MASK


def make(**options):
    torch.manual_seed(1)
    sizes = {"embedding_size": D, "hidden_size": H, "dense_size": 9, "max_length": T}
    model = TextClassifier(V, **{**sizes, **options})
    with torch.no_grad():   # no bias at zero, and everything large enough to matter
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return model.double()


def torchs_own(model, kind, layers):
    """torch's stacked bidirectional layer with the model's weights."""
    both = RECURRENT[kind](D, H, layers, bidirectional=True, batch_first=True).double()
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    with torch.no_grad():
        for number, layer in enumerate(model.layers):
            for name in names:
                getattr(both, f"{name}_l{number}").copy_(getattr(layer.forwards, f"{name}_l0"))
                getattr(both, f"{name}_l{number}_reverse").copy_(getattr(layer.backwards, f"{name}_l0"))
    return both


@pytest.mark.parametrize("kind", RECURRENT)
def test_both_directions_are_torchs_own_on_packed_sequences(kind):
    model = make(cell=kind, num_layers=2, bidirectional=True)
    embedded = model.embedding(PADDED)
    packed = nn.utils.rnn.pack_padded_sequence(embedded, LENGTHS, batch_first=True, enforce_sorted=False)
    states, last = torchs_own(model, kind, 2)(packed)
    wanted, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
    got = model.states(embedded, LENGTHS)
    assert got.shape == (N, T, 2 * H)
    torch.testing.assert_close(got * MASK[..., None], wanted * MASK[..., None])
    h = last[0] if kind == "lstm" else last
    torch.testing.assert_close(model.summary(PADDED, LENGTHS), torch.cat([h[-2], h[-1]], 1))
    # The two halves are the ends of the two readings: the last word's step, and the first word's.
    torch.testing.assert_close(model.summary(PADDED, LENGTHS)[2, H:], got[2, 0, H:])
    torch.testing.assert_close(model.summary(PADDED, LENGTHS)[2, :H], got[2, 0, :H])   # length 1


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("layers", [1, 2])
def test_last_is_the_step_of_the_last_word(kind, layers):
    model = make(cell=kind, num_layers=layers)
    got = model.summary(PADDED, LENGTHS)
    for n, length in enumerate(LENGTHS.tolist()):
        x = model.embedding(PADDED[n : n + 1, :length])   # as if there were no padding
        for layer in model.layers:
            x, _ = layer.forwards(x)
        torch.testing.assert_close(got[n], x[0, -1])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_max_and_mean_go_over_the_words_only(bidirectional):
    options = {"cell": "gru", "bidirectional": bidirectional}
    states = make(**options).states(make(**options).embedding(PADDED), LENGTHS)
    for pooling, function in (("max", lambda x: x.max(0).values), ("mean", lambda x: x.mean(0))):
        got = make(pooling=pooling, **options).summary(PADDED, LENGTHS)
        wanted = torch.stack([function(states[n, : LENGTHS[n]]) for n in range(N)])
        torch.testing.assert_close(got, wanted)
    assert (make(pooling="max", **options).summary(PADDED, LENGTHS) < 0).any()   # zeros would have won


EVERY = [
    *({"cell": kind, "pooling": pooling, "bidirectional": both, "num_layers": 2}
      for kind in RECURRENT for pooling in POOLINGS for both in (False, True)),
    {"cell": "flat"}, {"cell": "mean"}, {"cell": "gru", "num_classes": 3},
]


@pytest.mark.parametrize("options", EVERY, ids=lambda o: "-".join(map(str, o.values())))
def test_padding_never_counts(options):
    model = make(**options)
    wanted = model(PADDED, LENGTHS)
    assert wanted.shape == ((N, 3) if "num_classes" in options else (N,))
    torch.testing.assert_close(model(IDS, LENGTHS), wanted)   # other ids where padding was
    assert not torch.allclose(model(IDS, torch.full((N,), T)), wanted)   # which would change a lot as words
    if options["cell"] != "flat":
        wider = torch.cat([PADDED, torch.ones(N, 3, dtype=torch.long)], 1)
        torch.testing.assert_close(model(wider, LENGTHS), wanted)
    wanted.sum().backward()
    assert not model.embedding.weight.grad[0].any()   # nor is anything learned from it
    assert model.embedding.weight.grad[PADDED[0, 0]].any()


@pytest.mark.parametrize("options", EVERY, ids=lambda o: "-".join(map(str, o.values())))
def test_texts_do_not_see_each_other(options):
    model = make(**options)
    wanted = model(PADDED, LENGTHS)
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    torch.testing.assert_close(model(PADDED[order], LENGTHS[order]), wanted[order])
    torch.testing.assert_close(model(PADDED[3:4], LENGTHS[3:4]), wanted[3:4])


def test_a_bag_of_words_has_no_order_the_others_have():
    full = torch.full((N,), T)
    turned = IDS.flip(1)
    for cell in CELLS:
        model = make(cell=cell)
        same = torch.allclose(model(IDS, full), model(turned, full))
        assert same == (cell == "mean"), cell
    model = make(cell="mean")
    torch.testing.assert_close(model.summary(PADDED, LENGTHS)[0], model.embedding(IDS[0, :3]).mean(0))


def test_flat_is_the_embeddings_side_by_side():
    model = make(cell="flat")
    got = model.summary(PADDED, LENGTHS)
    assert got.shape == (N, T * D)
    torch.testing.assert_close(got[0, : 3 * D], model.embedding(IDS[0, :3]).flatten())
    assert not got[0, 3 * D :].any()
    with pytest.raises(ValueError, match="ids: got 5 steps, wanted max_length = 7"):
        model(PADDED[:, :5], LENGTHS.clamp(max=5))


def test_the_head():
    model = make(cell="mean")
    summary = model.summary(PADDED, LENGTHS)
    hidden = torch.clamp(summary @ model.dense.weight.T + model.dense.bias, min=0)
    wanted = (hidden @ model.output.weight.T + model.output.bias)[:, 0]
    torch.testing.assert_close(model(PADDED, LENGTHS), wanted)


# ---- parameters ------------------------------------------------------------------------------------

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
KERAS = {"rnn": 506_715, "lstm": 521_865, "gru": 516_965}   # the lecture's totals; its GRU has two biases


@pytest.mark.parametrize("kind", RECURRENT)
def test_parameter_counts_of_the_lectures_models(kind):
    model = TextClassifier(10_000, cell=kind)
    g, size = GATES[kind], 50
    assert model.parameter_counts == {
        "embedding": 500_000,
        "cell": g * (size * size + size * size + 2 * size),
        "dense": 1_632,
        "output": 33,
    }
    # Keras has one bias vector a layer, and two for its GRU; PyTorch always has two.
    second_bias = 0 if kind == "gru" else g * size
    assert model.parameter_count == KERAS[kind] + second_bias


def test_parameter_counts_of_the_others():
    counts = TextClassifier(10_000, cell="flat", max_length=20).parameter_counts
    assert counts == {"embedding": 500_000, "cell": 0, "dense": 20 * 50 * 32 + 32, "output": 33}
    two = TextClassifier(100, cell="gru", num_layers=2, bidirectional=True, hidden_size=7, num_classes=3)
    layers = 2 * 3 * (50 * 7 + 7 * 7 + 14) + 2 * 3 * (14 * 7 + 7 * 7 + 14)
    assert two.parameter_counts["cell"] == layers
    assert two.parameter_counts["dense"] == 14 * 32 + 32 and two.parameter_counts["output"] == 32 * 3 + 3
    frozen = TextClassifier(100, cell="mean", embeddings=np.ones((100, 8)), freeze=True)
    assert frozen.parameter_counts["embedding"] == 800
    assert frozen.parameter_count == 8 * 32 + 32 + 33


def test_the_weights_start_as_in_keras():
    model = TextClassifier(1000, cell="lstm", bidirectional=True)
    assert model.embedding.weight.abs().max() <= 0.05 and model.embedding.weight.std() > 0.02
    for layer in model.layers:
        for cell in (layer.forwards, layer.backwards):
            W = cell.weight_hh_l0
            torch.testing.assert_close(W.T @ W, torch.eye(50), atol=1e-4, rtol=0)
            limit = math.sqrt(6 / (50 + 200))
            assert 0.9 * limit < cell.weight_ih_l0.abs().max() <= limit
            i, f, g, o = (cell.bias_ih_l0 + cell.bias_hh_l0).chunk(4)
            assert (f == 1).all() and not torch.cat([i, g, o]).any()
    assert not model.dense.bias.any() and not model.output.bias.any()


# ---- embeddings, dropout, training -----------------------------------------------------------------


def trained(model, steps=3):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    labels = torch.tensor([0, 1, 1, 0, 1, 0])
    for _ in range(steps):
        optimizer.zero_grad()
        ClassifierLoss()(model, (PADDED, LENGTHS, labels), None).objective.backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("cell", CELLS)
def test_frozen_embeddings_do_not_move_and_others_do(cell):
    vectors = np.random.default_rng(0).normal(size=(V, 8))
    start = torch.tensor(vectors, dtype=torch.float32)
    for freeze in (True, False):
        torch.manual_seed(0)
        model = TextClassifier(V, cell=cell, embeddings=vectors, freeze=freeze, max_length=T)
        torch.testing.assert_close(model.embedding.weight.detach(), start)
        dense = model.dense.weight.detach().clone()
        trained(model)
        assert torch.equal(model.embedding.weight, start) == freeze
        assert not torch.equal(model.dense.weight, dense)
    np.testing.assert_array_equal(vectors, np.random.default_rng(0).normal(size=(V, 8)))


def test_dropout_acts_in_training_only():
    model = make(cell="lstm", num_layers=2, dropout=0.5)
    plain = make(cell="lstm", num_layers=2)
    assert not torch.allclose(model(PADDED, LENGTHS), model(PADDED, LENGTHS))
    model.eval()
    torch.testing.assert_close(model(PADDED, LENGTHS), plain(PADDED, LENGTHS))


def test_order_can_be_learned_and_a_bag_of_words_stays_below_its_ceiling():
    splits = reviews.splits(train=4000, valid=1000, test=0)
    words = vocabulary(text for text, _ in splits.train)
    data = {
        name: (*encode([text for text, _ in part], words, 20), np.array([label for _, label in part]))
        for name, part in splits._asdict().items()
    }
    best = {}
    for cell in ("mean", "rnn"):
        torch.manual_seed(0)
        model = TextClassifier(len(words), cell=cell, embedding_size=16, hidden_size=24)
        trainer = TorchTrainer(
            model,
            torch.optim.Adam(model.parameters(), lr=0.01),
            ClassifierLoss(),
            lambda model: {"valid_accuracy": accuracy(model, *data["valid"])},
            monitor="valid_accuracy",
            higher_is_better=True,
            device="cpu",
            report=None,
            bar=False,
        )
        trainer.fit(ShuffledExamples(*data["train"], 40, seed=0), {"mean": 8, "rnn": 3}[cell])
        best[cell] = trainer.best_score
    noise = 4 * math.sqrt(0.2 / 1000)
    assert 0.65 < best["mean"] < reviews.bag_of_words_ceiling() + noise
    assert 0.9 < best["rnn"] < reviews.BEST_ACCURACY + noise


# ---- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "tanh"}, "cell: got 'tanh', wanted one of 'rnn', 'gru', 'lstm', 'flat', 'mean'"),
        ({"pooling": "first"}, "pooling: got 'first'"),
        ({"num_classes": 1}, "num_classes: got 1, wanted at least 2"),
        ({"num_layers": 0}, "num_layers: got 0"),
        ({"hidden_size": 2.5}, "hidden_size: got 2"),
        ({"dense_size": 0}, "dense_size: got 0"),
        ({"dropout": 1.0}, "dropout: got 1"),
        ({"cell": "flat", "max_length": None}, "max_length: got None"),
        ({"embeddings": np.zeros((V + 1, 4))}, r"embeddings: got shape \(14, 4\), wanted \(13, D\)"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        TextClassifier(V, **options)


@pytest.mark.parametrize(
    ("ids", "lengths", "message"),
    [
        (IDS[0], LENGTHS[:1], r"ids: got shape \(7,\), wanted \(N, T\)"),
        (IDS, LENGTHS[:3], r"lengths: got shape \(3,\), wanted \(6,\)"),
        (IDS, LENGTHS - 1, r"lengths: got \[2, 6, 0, .*wanted 1 … 7"),
        (IDS, LENGTHS + 1, r"lengths: got .*wanted 1 … 7"),
    ],
)
def test_bad_input_is_named(ids, lengths, message):
    with pytest.raises(ValueError, match=message):
        make()(ids, lengths)
