import numpy as np
import pytest
import torch
from torch import nn

from helpers.torch_training import TorchTrainer
from helpers.torch_training.classification import (
    ClassifierLoss,
    ShuffledExamples,
    accuracy,
    logits_of,
    predicted,
)
from tests.hostile import assert_refused

N, T = 7, 4
RNG = np.random.default_rng(0)
IDS, LENGTHS = RNG.integers(0, 9, (N, T)), RNG.integers(1, T + 1, N)
LABELS = np.array([0, 1, 1, 0, 1, 1, 1])


class FirstId(nn.Module):
    """Logits that can be read off: the first id minus 4; with classes, large at class ids[0] % classes."""

    def __init__(self, classes=2):
        super().__init__()
        self.classes, self.scale = classes, nn.Parameter(torch.ones(()))
        self.seen, self.modes = [], []

    def forward(self, ids, lengths):
        assert len(ids) == len(lengths)
        self.seen.append(len(ids))
        self.modes.append(self.training)
        if self.classes == 2:
            return self.scale * (ids[:, 0] - 4.0)
        return self.scale * nn.functional.one_hot(ids[:, 0] % self.classes, self.classes).float()


def with_first(firsts):
    ids = np.zeros((len(firsts), T), np.int64)
    ids[:, 0] = firsts
    return ids


def test_the_loss_of_two_classes():
    ids = with_first([0, 3, 6, 9])
    labels = np.array([0, 1, 1, 0])
    model = FirstId()
    batch = tuple(map(torch.from_numpy, (ids, LENGTHS[:4], labels)))
    loss = ClassifierLoss()(model, batch, None)
    p = 1 / (1 + np.exp(-(ids[:, 0] - 4.0)))
    wanted = -np.mean(np.where(labels == 1, np.log(p), np.log(1 - p)))
    assert loss.value.item() == pytest.approx(wanted, rel=1e-5)
    assert loss.objective.item() == loss.value.item()
    assert loss.count == 4 and loss.state is None
    loss.objective.backward()
    assert model.scale.grad is not None and not loss.value.requires_grad


def test_the_loss_of_three_classes():
    ids, labels = with_first([0, 1, 5]), np.array([0, 2, 2])
    loss = ClassifierLoss()(FirstId(3), tuple(map(torch.from_numpy, (ids, LENGTHS[:3], labels))), None)
    right, wrong = np.log(np.e / (np.e + 2)), np.log(1 / (np.e + 2))
    assert loss.value.item() == pytest.approx(-(right + wrong + right) / 3, rel=1e-5)


def test_accuracy_counts_texts_not_batches():
    ids = with_first([0, 0, 0, 0, 9])   # four right, then one wrong in a batch of its own
    labels = np.array([0, 0, 0, 0, 0])
    model = FirstId()
    assert accuracy(model, ids, LENGTHS[:5], labels, batch_size=4) == 0.8   # the batches' mean would be 0.5
    assert model.seen == [4, 1]
    assert accuracy(model, ids, LENGTHS[:5], labels, batch_size=100) == 0.8


def test_accuracy_of_several_classes():
    ids, labels = with_first([0, 1, 2, 3, 4, 5]), np.array([0, 1, 2, 0, 1, 0])
    assert accuracy(FirstId(3), ids, LENGTHS[:6], labels, 4) == pytest.approx(5 / 6)


def test_predicted():
    assert predicted(np.array([-1.0, 0.5, 3.0])).tolist() == [0, 1, 1]
    assert predicted(np.array([[0.0, 2.0, 1.0], [5.0, 0.0, 0.0]])).tolist() == [1, 0]


@pytest.mark.parametrize("mode", [True, False])
def test_logits_come_from_evaluation_mode_and_the_mode_is_restored(mode):
    model = FirstId().train(mode)
    got = logits_of(model, IDS, LENGTHS, 3)
    np.testing.assert_array_equal(got, IDS[:, 0] - 4.0)
    assert got.dtype == np.float32
    assert model.training == mode and not any(model.modes)
    assert logits_of(FirstId(3), IDS, LENGTHS, 3).shape == (N, 3)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"labels: got shape \(3,\), wanted \(7,\)"):
        accuracy(FirstId(), IDS, LENGTHS, LABELS[:3])
    with pytest.raises(ValueError, match="ids, lengths: got 0 and 0 texts"):
        logits_of(FirstId(), IDS[:0], LENGTHS[:0])
    with pytest.raises(ValueError, match="ids, lengths: got 7 and 2 texts"):
        logits_of(FirstId(), IDS, LENGTHS[:2])
    with pytest.raises(ValueError, match="batch_size: got 0"):
        accuracy(FirstId(), IDS, LENGTHS, LABELS, 0)
    with pytest.raises(ValueError, match=r"ids, lengths, labels: got \[7, 7, 2\] rows"):
        ShuffledExamples(IDS, LENGTHS, LABELS[:2], 3, 0)


def test_every_text_once_an_epoch_with_its_own_length_and_label():
    numbers = np.arange(N)
    examples = ShuffledExamples(np.repeat(numbers[:, None], T, 1), numbers + 10, numbers + 20, 3, seed=1)
    orders = []
    for epoch in (0, 1, 0):
        batches = list(examples(epoch))
        assert len(batches) == len(examples(epoch)) == 3
        assert [len(labels) for _, _, labels in batches] == [3, 3, 1]
        ids, lengths, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        np.testing.assert_array_equal(ids[:, 0] + 10, lengths)
        np.testing.assert_array_equal(ids[:, 0] + 20, labels)
        assert sorted(ids[:, 0]) == list(range(N))
        orders.append(tuple(labels))
    assert orders[0] == orders[2] != orders[1]
    other = ShuffledExamples(IDS, LENGTHS, numbers, 7, seed=2)
    assert tuple(next(iter(other(0)))[2] + 20) != orders[0]


def test_in_the_trainer_an_epochs_loss_is_the_mean_over_texts():
    model = FirstId()
    trainer = TorchTrainer(
        model,
        torch.optim.SGD(model.parameters(), lr=0.0),
        ClassifierLoss(),
        lambda model: {"accuracy": accuracy(model, IDS, LENGTHS, LABELS)},
        monitor="accuracy",
        higher_is_better=True,
        device="cpu",
        report=None,
        bar=False,
    )
    [row] = trainer.fit(ShuffledExamples(IDS, LENGTHS, LABELS, 3, seed=0), 1)
    a = IDS[:, 0] - 4.0
    wanted = np.mean(np.log1p(np.exp(-np.where(LABELS == 1, a, -a))))
    assert row["train_loss"] == pytest.approx(wanted, rel=1e-5)


def test_a_model_that_is_no_longer_finite_predicts_nothing():
    model = FirstId()
    with torch.no_grad():
        model.scale.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="logits"):
        accuracy(model, IDS, LENGTHS, LABELS)


def test_examples_are_checked():
    for seed in (None, -1, 0.5, "0"):
        assert_refused(ShuffledExamples, IDS, LENGTHS, LABELS, 2, seed, names="seed")
    assert_refused(ShuffledExamples, IDS[:0], LENGTHS[:0], LABELS[:0], 2, 0, names="ids")
