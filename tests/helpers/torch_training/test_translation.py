"""The loss of a batch of pairs, the batches, and training that ends in exact translations."""

import math

import numpy as np
import pytest
import torch

from helpers.corpora.parallel import Pair, ParallelCorpus
from helpers.decoding import greedy_decode
from helpers.models.seq2seq import Seq2Seq
from helpers.torch_training import TorchTrainer, translation
from helpers.torch_training.translation import Seq2SeqLoss, ShuffledPairs, exact_match_of, translations

LETTERS = "abcdef"


def reversed_words(count, seed=0):
    """Random words and the same backwards, in capitals; all different."""
    rng = np.random.default_rng(seed)
    words = {}
    while len(words) < count:
        words["".join(rng.choice(list(LETTERS), rng.integers(1, 6)))] = None
    return [Pair(tuple(word), tuple(word[::-1].upper())) for word in words]


PAIRS = reversed_words(80)
CORPUS = ParallelCorpus.build(PAIRS[:40], PAIRS[40:60], PAIRS[60:])
SOURCES, TARGETS = CORPUS.encode(CORPUS.train)


def make(attention="additive", seed=0, size=16):
    torch.manual_seed(seed)
    sizes = len(CORPUS.source_vocabulary), len(CORPUS.target_vocabulary)
    return Seq2Seq(*sizes, embedding_size=size, hidden_size=size, attention=attention)


# ---- the loss ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", ["additive", "dot", None])
def test_the_loss_is_the_mean_over_real_tokens(attention):
    model = make(attention).double()
    batch = torch.tensor(SOURCES[:7]), torch.tensor(TARGETS[:7])
    loss = Seq2SeqLoss()(model, batch, None)
    total = count = 0
    for source, target in zip(*batch, strict=True):   # one by one, without padding
        source, target = source[source != 0], target[target != 0]
        logits, _ = model(source.unsqueeze(0), target[:-1].unsqueeze(0))
        total -= sum(logits[0].log_softmax(-1)[t, token].item() for t, token in enumerate(target[1:]))
        count += len(target) - 1
    assert loss.count == count
    assert loss.value.item() == loss.objective.item() == pytest.approx(total / count, rel=1e-10)
    assert loss.objective.requires_grad and not loss.value.requires_grad and loss.state is None


def test_more_padding_changes_neither_loss_nor_gradient():
    found = []
    for extra in (0, 3):
        model = make().double()
        batch = (torch.nn.functional.pad(torch.tensor(ids[:9]), (0, extra)) for ids in (SOURCES, TARGETS))
        loss = Seq2SeqLoss()(model, tuple(batch), None)
        loss.objective.backward()
        found.append((loss.count, loss.value, *(p.grad for p in model.parameters())))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_at_the_start_it_is_about_that_of_guessing():
    loss = Seq2SeqLoss()(make(), (torch.tensor(SOURCES), torch.tensor(TARGETS)), None)
    assert loss.value.item() == pytest.approx(math.log(len(CORPUS.target_vocabulary)), rel=0.15)


# ---- the batches ---------------------------------------------------------------------------------------


def words(batch):
    return [(tuple(s[s != 0]), tuple(t[t != 0])) for s, t in zip(*batch, strict=True)]


def test_every_pair_once_an_epoch_in_another_order():
    pairs = ShuffledPairs(SOURCES, TARGETS, 7, seed=3)
    wanted = sorted(words((SOURCES, TARGETS)))
    epochs = [[pair for batch in pairs(epoch) for pair in words(batch)] for epoch in (0, 1, 0)]
    for epoch in epochs:
        assert sorted(epoch) == wanted
    assert epochs[0] == epochs[2] != epochs[1]
    other = [pair for batch in ShuffledPairs(SOURCES, TARGETS, 7, seed=4)(0) for pair in words(batch)]
    assert other != epochs[0]
    assert sorted(len(batch[0]) for batch in pairs(0)) == [5] + [7] * 5


@pytest.mark.parametrize("pool", [50, 1])
def test_batches_are_trimmed_and_of_like_lengths(monkeypatch, pool):
    monkeypatch.setattr(translation, "POOL", pool)
    batches = ShuffledPairs(SOURCES, TARGETS, 4, seed=0)(0)
    spread = 0
    for sources, targets in batches:
        assert sources.dtype == targets.dtype == np.int64
        lengths = (sources != 0).sum(axis=1)
        assert sources.shape[1] == lengths.max()
        assert targets.shape[1] == (targets != 0).sum(axis=1).max()
        spread = max(spread, lengths.max() - lengths.min())
    assert spread <= 1 if pool == 50 else spread >= 3   # sorted all together, or each batch for itself
    widths = [batch[0].shape[1] for batch in batches]
    assert widths not in (sorted(widths), sorted(widths, reverse=True))


def test_refusals():
    with pytest.raises(ValueError, match="targets: got 5 rows, wanted those of the 40 sources"):
        ShuffledPairs(SOURCES, TARGETS[:5], 7, 0)
    with pytest.raises(ValueError, match="targets: got 0 rows"):
        ShuffledPairs(SOURCES[:0], TARGETS[:0], 7, 0)
    with pytest.raises(ValueError, match="batch_size: got 0"):
        ShuffledPairs(SOURCES, TARGETS, 0, 0)


# ---- exact match ---------------------------------------------------------------------------------------


def test_translations_are_greedy_in_evaluation_mode(monkeypatch):
    monkeypatch.setattr(translation, "EVALUATION_BATCH", 6)   # the last one is smaller
    model = make().train()
    found = translations(model, CORPUS, CORPUS.valid, 7)
    ids = greedy_decode(model, torch.from_numpy(CORPUS.encode(CORPUS.valid)[0]), max_length=7).ids
    assert found == [CORPUS.target_vocabulary.decode(each) for each in ids]
    assert model.training
    modes = []

    def watched(model, *arguments, **options):
        modes.append(model.training)
        return greedy_decode(model, *arguments, **options)

    monkeypatch.setattr(translation, "greedy_decode", watched)
    translations(model, CORPUS, CORPUS.valid, 7)
    assert modes == [False] * 4 and model.training


def test_exact_match_counts_whole_translations():
    model = make()
    found = translations(model, CORPUS, CORPUS.train, 6)
    own = [
        Pair(pair.source, tuple(tokens) or pair.target)   # a pair has tokens on both sides
        for pair, tokens in zip(CORPUS.train, found, strict=True)
    ]

    def share(pairs):
        return sum(tuple(t) == p.target for t, p in zip(found, pairs, strict=True)) / len(pairs)

    half = own[:20] + CORPUS.train[20:]
    assert share(own) > share(half) > 0
    assert exact_match_of(model, CORPUS, own, 6) == share(own)
    assert exact_match_of(model, CORPUS, half, 6) == share(half)


# ---- all together --------------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", ["additive", "dot", None])
def test_training_ends_in_exact_translations(attention):
    model = make(attention, size=32)
    trainer = TorchTrainer(
        model,
        torch.optim.Adam(model.parameters(), lr=0.02),
        Seq2SeqLoss(),
        lambda model: {"train": exact_match_of(model, CORPUS, CORPUS.train, 7)},
        monitor="train",
        higher_is_better=True,
        max_norm=1.0,
        report=None,
        bar=False,
    )
    curve = trainer.fit(ShuffledPairs(SOURCES, TARGETS, 10, seed=0), 30)
    assert curve[0]["train"] < 0.2
    assert exact_match_of(model, CORPUS, CORPUS.train, 7) == trainer.best_score > 0.95
