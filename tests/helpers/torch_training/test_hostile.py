"""Whatever stands where ids, labels and batches of a torch loss or evaluation belong: the right result, or an
error that names it."""

import numpy as np
import pytest
import torch

from helpers.models.language_model import LanguageModel
from helpers.models.seq2seq import Seq2Seq
from helpers.models.text_classifier import TextClassifier
from helpers.models.torch_language_model import TorchLanguageModel
from helpers.torch_training.classification import (
    ClassifierLoss,
    ShuffledExamples,
    accuracy,
    logits_of,
    predicted,
)
from helpers.torch_training.language_modelling import LanguageModelLoss, RandomWindows, mean_nats
from helpers.torch_training.translation import Seq2SeqLoss, ShuffledPairs
from helpers.training import evaluate, evaluate_with_context, perplexity
from tests.hostile import NO_FLAGS, NO_NUMBERS, NO_WHOLE_NUMBERS, assert_refused

V, N, T = 7, 3, 4
RNG = np.random.default_rng(0)
IDS = RNG.integers(1, V, (N, T))
LENGTHS, LABELS = np.full(N, T), np.array([0, 1, 1])
NO_BATCHES = [None, 5, "ab", IDS, {"a": 1}, (IDS,), (IDS, IDS, IDS, IDS)]

NO_TARGETS = {
    "as PyTorch marks padding": np.where(IDS > 3, -100, IDS), "negative": IDS - V, "too large": IDS + 1,
    "float": IDS / 1, "bool": IDS > 3, "text": IDS.astype(str), "objects": IDS.astype(object),
    "turned": IDS.T, "shorter": IDS[:, :-1], "one row": IDS[:1], "flat": IDS.ravel(), "None": None,
}  # fmt: skip


def tensors(batch):
    """Arrays of numbers as tensors."""
    if isinstance(batch, tuple):
        return tuple(map(tensors, batch))
    return torch.tensor(batch) if isinstance(batch, np.ndarray) and batch.dtype.kind in "iufb" else batch


@pytest.mark.parametrize("kind", NO_TARGETS)
def test_all_evaluations_of_a_language_model_refuse_the_same_targets(kind):
    torch.manual_seed(0)
    module, targets = TorchLanguageModel(V, 2, 3), NO_TARGETS[kind]
    for call in (
        lambda: evaluate(LanguageModel(V, 2, 3, rng=np.random.default_rng(0)), [(IDS, targets)]),
        lambda: mean_nats(module, [(IDS, targets)]),
        lambda: LanguageModelLoss()(module, tensors((IDS, targets)), None),
    ):
        if kind in ("text", "objects", "None"):   # which no batch of arrays is made of
            assert_refused(call)
        else:
            assert_refused(call, names="targets")


@pytest.mark.parametrize("batch", NO_BATCHES, ids=repr)
def test_batches(batch):
    model, module = LanguageModel(V, 2, 3, rng=np.random.default_rng(0)), TorchLanguageModel(V, 2, 3)
    for call in (LanguageModelLoss(), ClassifierLoss(), Seq2SeqLoss()):
        assert_refused(call, module, tensors(batch), None, names="batch")
    for batches in (batch, [batch]) if not isinstance(batch, tuple) else [[batch]]:
        assert_refused(evaluate, model, batches)
        assert_refused(mean_nats, module, batches)
        assert_refused(RandomWindows, batches, 5, 0)
    for other in (None, batch, module):
        assert_refused(evaluate, other, [(IDS, IDS)], names="model")
        assert_refused(mean_nats, model if other is module else other, [(IDS, IDS)], names="model")


def test_what_else_evaluations_are_given():
    model = LanguageModel(V, 2, 3, rng=np.random.default_rng(0))
    for value in NO_FLAGS:
        assert_refused(evaluate, model, [(IDS, IDS)], carry_state=value, names="carry_state")
    for value in [each for each in NO_NUMBERS if each == each]:
        assert_refused(perplexity, value, names="mean_nats")
    assert np.isnan(perplexity(float("nan")))
    ids, positions = np.tile(IDS.ravel(), 3), np.arange(5, 30)
    wanted = evaluate_with_context(model, ids, 5, positions)
    for kind in ("uint8", "int8", "uint64"):
        assert evaluate_with_context(model, ids, 5, positions.astype(kind)) == wanted
    model.params["output.W"][0] = np.nan
    with pytest.raises(FloatingPointError, match="logits"):
        evaluate_with_context(model, ids, 5, positions)


def test_losses_of_half_precision_do_not_overflow():
    torch.manual_seed(0)
    translator = Seq2Seq(V, V, embedding_size=2, hidden_size=3).half()
    translator.output.bias.data[:2] = torch.tensor([60_000, -60_000])
    value = Seq2SeqLoss()(translator, tensors((IDS, np.ones((N, T), int))), None).value
    assert value.dtype == torch.float32 and value == pytest.approx(120_000, rel=1e-3)
    classifier = TextClassifier(V, num_classes=3).half()
    assert ClassifierLoss()(classifier, tensors((IDS, LENGTHS, LABELS)), None).value.dtype == torch.float32


def test_a_second_backward_through_the_loss_is_not_nothing():
    model = TorchLanguageModel(V, 2, 3)
    objective = LanguageModelLoss()(model, tensors((IDS, IDS)), None).objective
    objective.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="second backward"):
        objective.backward()


NO_LABELS = {
    "-1 and 1": 2 * LABELS - 1, "float": LABELS / 1, "a column": LABELS[:, None], "text": LABELS.astype(str),
    "objects": LABELS.astype(object), "complex": LABELS * 1j, "one less": LABELS[:2], "None": None, "one": 1,
}  # fmt: skip


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", [*NO_LABELS, "from 1"])
def test_losses_and_accuracies_refuse_the_same_labels(kind, classes):
    torch.manual_seed(0)
    model = TextClassifier(V, num_classes=classes)
    labels = NO_LABELS[kind] if kind != "from 1" else LABELS + classes - 1
    assert_refused(ClassifierLoss(), model, tensors((IDS, LENGTHS, labels)), None, names="labels")
    assert_refused(accuracy, model, IDS, LENGTHS, labels, names="labels")
    assert accuracy(model, IDS.tolist(), LENGTHS.tolist(), LABELS.tolist()) <= 1


def test_logits_and_classes():
    model = TextClassifier(V)
    for bad in (None, "abc", 3, [[1], [1, 2]]):
        assert_refused(logits_of, model, bad, LENGTHS, names="ids")
        assert_refused(logits_of, model, IDS, bad, names="lengths")
    for bad in ([0.0, np.nan], [[0.0, np.inf]], None, "abc", 0.5, IDS[:, :0], IDS[None], [1j]):
        assert_refused(predicted, bad, names="logits")
    assert predicted(np.float16([-1, 2])).tolist() == predicted([[1, 0], [0, 1]]).tolist() == [0, 1]


@pytest.mark.parametrize("targets", [IDS + 1, IDS - V, IDS / 1, IDS[0], IDS[:, :1], IDS[:2], None])
def test_targets_of_a_translator(targets):
    model = Seq2Seq(V, V, embedding_size=2, hidden_size=3)
    assert_refused(Seq2SeqLoss(), model, tensors((IDS, targets)), None)


def test_orders():
    for epoch in (-1, *NO_WHOLE_NUMBERS):
        for maker in (
            ShuffledExamples(IDS, LENGTHS, LABELS, 2, 0), ShuffledPairs(IDS, IDS, 2, 0),
            RandomWindows([(IDS, IDS)], 5, 0),
        ):
            assert_refused(maker, epoch, names="epoch")
    for bad in (None, "abc", 3, [[1], [1, 2]]):
        for place, name in enumerate(("ids", "lengths", "labels")):
            given = [IDS, LENGTHS, LABELS]
            given[place] = bad
            assert_refused(ShuffledExamples, *given, 2, 0, names=name)
        assert_refused(ShuffledPairs, bad, IDS, 2, 0, names="sources")
        assert_refused(ShuffledPairs, IDS, bad, 2, 0, names="targets")
