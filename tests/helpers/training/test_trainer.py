"""The trainer against the open loop of chapter 5, and what it does around that loop."""

import numpy as np
import pytest

from helpers.corpora.batches import contiguous_batches
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD, Adam, clip_grad_norm, clip_scale
from helpers.training import Trainer, evaluate, perplexity
from helpers.training.trainer import train_step

V, D, H = 9, 5, 6
OPTIMIZERS = {"sgd": lambda params: SGD(params, 0.7), "adam": lambda params: Adam(params, 0.02)}


def make(seed=0, **options):
    return LanguageModel(V, D, H, rng=np.random.default_rng(seed), **options)


def stream(seed, tokens=260):
    """Ids with something to learn: each is the one before plus 1 or 2."""
    return np.cumsum(np.random.default_rng(seed).integers(1, 3, tokens)) % V


@pytest.fixture
def train():
    return contiguous_batches(stream(1), 4, 7)   # the last window is shorter


@pytest.fixture
def valid():
    return contiguous_batches(stream(2, 90), 3, 7)


def weights(model):
    return {name: param.copy() for name, param in model.params.items()}


def assert_same(got, wanted):
    assert got.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(got[name], wanted[name], err_msg=name)


def without_seconds(curve):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in curve]


def open_loop(model, optimizer, train, valid, max_norm, rates):
    """As chapter 5 writes it, with the best weights on validation kept."""
    curve, best, lowest = [], None, np.inf
    for rate in rates:
        optimizer.lr = rate
        model.reset_state()
        nats = tokens = 0
        for inputs, targets in train:
            loss = model.loss(inputs, targets, train=True)
            model.backward()
            _, scale = clip_scale(model.grads, max_norm)
            optimizer.step(model.grads, scale)
            nats += loss * targets.size
            tokens += targets.size
        state = model.get_state()
        model.reset_state()
        losses, sizes = zip(*((model.loss(x, y), y.size) for x, y in valid), strict=True)
        model.set_state(state)
        mean = np.dot(losses, sizes) / sum(sizes)
        if mean < lowest:
            best, lowest = weights(model), mean
        curve.append((np.exp(nats / tokens), np.exp(mean)))
    return curve, best


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("options", [{}, {"cell": "gru", "num_layers": 2, "dropout": 0.3}], ids=str)
def test_equals_the_open_loop_to_the_last_bit(train, valid, optimizer, options):
    rates = [0.5, 0.3, 0.1] if optimizer == "sgd" else [0.02, 0.01, 0.005]
    plain = make(**options)
    curve, best = open_loop(plain, OPTIMIZERS[optimizer](plain.params), train, valid, 0.3, rates)
    model = make(**options)
    trainer = Trainer(
        model,
        OPTIMIZERS[optimizer](model.params),
        max_norm=0.3,
        learning_rate=rates.__getitem__,
        report=None,
    )
    rows = trainer.fit(train, valid, 3)
    assert_same(weights(model), best)
    assert [row["lr"] for row in rows] == rates
    got = [(row["train_perplexity"], row["valid_perplexity"]) for row in rows]
    np.testing.assert_allclose(got, curve, rtol=1e-12)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[0]["seconds"] < rows[1]["seconds"] < rows[2]["seconds"]


def test_learning_happens(train, valid):
    model = make()
    curve = Trainer(model, Adam(model.params, 0.02), max_norm=1.0, report=None).fit(train, valid, 12)
    assert curve[-1]["valid_perplexity"] < 3.2 < 6 < curve[0]["valid_perplexity"]   # 2 is the best possible


def test_clipping_bounds_a_step(train):
    inputs, targets = next(iter(train))
    for max_norm, wanted in [(0.01, 0.01), (1e9, None)]:
        model = make(dtype=np.float64)
        before = weights(model)
        train_step(model, SGD(model.params, 1.0), inputs, targets, max_norm)
        norm = np.sqrt(sum(((model.params[name] - before[name]) ** 2).sum() for name in before))
        if wanted is None:
            assert norm > 0.1   # so the other case was clipped
        else:
            assert norm == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_is_that_of_gradients_clipped_in_place(train, optimizer):
    inputs, targets = next(iter(train))
    model, plain = make(dtype=np.float64), make(dtype=np.float64)
    train_step(model, OPTIMIZERS[optimizer](model.params), inputs, targets, 0.05)
    plain.loss(inputs, targets, train=True)
    plain.backward()
    assert clip_grad_norm(plain.grads, 0.05) > 0.1
    OPTIMIZERS[optimizer](plain.params).step(plain.grads)
    for name, param in plain.params.items():
        np.testing.assert_allclose(model.params[name], param, rtol=1e-12, atol=1e-15)


def test_learning_rate_is_asked_once_an_epoch_and_obeyed(train, valid):
    model, asked, seen = make(), [], []
    trainer = Trainer(
        model,
        SGD(model.params, 9.0),
        learning_rate=lambda epoch: asked.append(epoch) or [0.5, 0.0, 0.5][epoch],
        report=lambda line: seen.append(weights(model)),
    )
    trainer.fit(train, valid, 3)
    assert asked == [0, 1, 2]
    assert_same(seen[1], seen[0])   # a rate of 0 changes nothing
    assert not np.array_equal(seen[2]["output.W"], seen[1]["output.W"])


def worsening(train, valid, checkpoint=None):
    """A run whose second epoch is its best on validation: then the learning rate is absurd."""
    model, seen = make(), []
    trainer = Trainer(
        model,
        SGD(model.params, 1.0),
        max_norm=5.0,
        learning_rate=[1.0, 0.5, 30.0, 20.0, 0.1].__getitem__,
        checkpoint=checkpoint,
        report=lambda line: seen.append(weights(model)),
        bar=False,
    )
    return model, trainer, seen


def test_the_best_weights_on_validation_are_what_remains(train, valid):
    model, trainer, seen = worsening(train, valid)
    curve = [row["valid_perplexity"] for row in trainer.fit(train, valid, 4)]
    assert np.argmin(curve) == 1 and curve[3] > 1.05 * curve[1]
    assert_same(weights(model), seen[1])
    assert trainer.best_valid_perplexity == min(curve) == perplexity(evaluate(model, valid))


def test_fit_again_goes_on_from_the_last_weights_not_from_the_best(train, valid, tmp_path):
    whole, trainer, _ = worsening(train, valid)
    wanted = without_seconds(trainer.fit(train, valid, 5))
    for resumes in (False, True):
        model, trainer, _ = worsening(train, valid, tmp_path / "run.npz")
        trainer.fit(train, valid, 4)
        if resumes:
            trainer.save()   # the model holds the best now, the file must hold the last as well
            model, trainer, _ = worsening(train, valid, tmp_path / "run.npz")
            assert trainer.resume()
        assert without_seconds(trainer.fit(train, valid, 5)) == wanted
        assert_same(weights(model), weights(whole))


@pytest.mark.parametrize("at", [0, 3, 13])   # at once; in the first epoch; in the second
def test_interrupt_leaves_a_usable_model_and_fit_goes_on(train, valid, at, interrupted):
    whole = make(dropout=0.2)
    plain = Trainer(whole, Adam(whole.params, 0.02), report=None)
    wanted = plain.fit(train, valid, 3)

    model, lines = make(dropout=0.2), []
    trainer = Trainer(model, Adam(model.params, 0.02), report=lines.append)
    stopping = interrupted(train, at)
    curve = trainer.fit(stopping, valid, 3)
    assert trainer.interrupted and len(curve) == at // len(train) == trainer.epoch
    assert lines[-1].startswith(f"stopped in epoch {trainer.epoch + 1}, step {at % len(train)}")
    assert np.isfinite(evaluate(model, valid))
    assert without_seconds(trainer.fit(stopping, valid, 3)) == without_seconds(wanted)
    assert not trainer.interrupted
    assert_same(weights(model), weights(whole))


def test_interrupt_during_validation(train, valid, interrupted):
    whole = make()
    wanted = Trainer(whole, Adam(whole.params, 0.02), report=None).fit(train, valid, 2)
    model = make()
    trainer = Trainer(model, Adam(model.params, 0.02), report=None)
    stopping = interrupted(valid, 2)
    assert trainer.fit(train, stopping, 2) == [] and trainer.interrupted
    assert without_seconds(trainer.fit(train, stopping, 2)) == without_seconds(wanted)
    assert_same(weights(model), weights(whole))


class Spoiled:
    """Makes the model's output not finite before a batch."""

    def __init__(self, batches, at, model, value):
        self.batches, self.at, self.seen = batches, at, 0
        self.model, self.value = model, value

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        for batch in self.batches:
            if self.seen == self.at:
                self.model.params["output.b"][0] = self.value
            self.seen += 1
            yield batch


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(train, valid, tmp_path, value):
    whole = make()
    wanted = Trainer(whole, Adam(whole.params, 0.02), report=None).fit(train, valid, 2)
    path = tmp_path / "run.npz"
    model = make()
    options = dict(checkpoint=path, save_every=2, report=None)
    trainer = Trainer(model, Adam(model.params, 0.02), **options)
    steps = len(train)
    with pytest.raises(FloatingPointError, match=r"^epoch 2, step 4: loss: got nan, wanted .* learning rate"):
        trainer.fit(Spoiled(train, steps + 3, model, value), valid, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]

    model = make(3)
    trainer = Trainer(model, Adam(model.params, 0.02), **options)
    assert trainer.resume() and (trainer.epoch, trainer.step) == (1, 2)
    assert without_seconds(trainer.fit(train, valid, 2)) == without_seconds(wanted)
    assert_same(weights(model), weights(whole))


def test_a_gradient_that_is_not_finite_is_named_and_not_applied(train, valid, monkeypatch):
    model = make()
    backward = model.backward

    def broken():
        backward()
        model.grads["output.b"][2] = np.inf

    monkeypatch.setattr(model, "backward", broken)
    before = weights(model)
    with pytest.raises(FloatingPointError, match=r"^epoch 1, step 1: grads\['output.b'\].*learning rate"):
        Trainer(model, SGD(model.params, 1.0), report=None).fit(train, valid, 1)
    assert_same(weights(model), before)


def test_arguments_are_checked(train, valid):
    model = make()
    optimizer = SGD(model.params, 1.0)
    for options in ({"max_norm": 0}, {"max_norm": np.nan}, {"save_every": 0}, {"save_every": 2.5}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Trainer(model, optimizer, **options)
    with pytest.raises(ValueError, match="epochs: got 0"):
        Trainer(model, optimizer).fit(train, valid, 0)


def test_the_report_has_a_line_an_epoch(train, valid, capsys):
    model = make()
    Trainer(model, SGD(model.params, 0.5)).fit(train, valid, 2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert all("training perplexity" in line and "validation" in line for line in lines)
