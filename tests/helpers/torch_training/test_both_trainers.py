"""What both trainers refuse, notice and survive: one table, run against the NumPy and the torch trainer."""

import errno
import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

from helpers.models.language_model import LanguageModel
from helpers.optim import SGD, Adam
from helpers.torch_training import StepLoss, TorchTrainer, checkpoints
from helpers.torch_training.averaging import WeightAverage
from helpers.torch_training.schedules import cosine
from helpers.training import Trainer
from helpers.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from helpers.training.trainer import train_step
from tests.hostile import NO_NUMBERS, NO_WHOLE_NUMBERS, assert_refused

IDS = np.random.default_rng(0).integers(0, 6, (2, 5))
NUMPY_BATCHES = [(IDS, IDS), (IDS + 0, (IDS + 1) % 6), (IDS, IDS)]
X = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
TORCH_BATCHES = [(X,), (X + 1,), (X - 1,)]


class NumPy:
    """The NumPy trainer of a small model."""

    batches, batches_name, suffix = NUMPY_BATCHES, "train", ".npz"

    @staticmethod
    def trainer(optimizer=lambda params: Adam(params, 0.02), **options):
        model = LanguageModel(6, 3, 4, dropout=0.2, rng=np.random.default_rng(0))
        return Trainer(model, optimizer(model.params), **{"report": None, "bar": False, **options})

    @staticmethod
    def fit(trainer, batches=NUMPY_BATCHES, epochs=2):
        return trainer.fit(batches, NUMPY_BATCHES, epochs)

    @staticmethod
    def everything(trainer):
        state = trainer.optimizer.state_dict()
        moments = {key: state[key] for key in state if key != "lr"}   # the rate may have been set by hand
        hidden = [tuple(array.tobytes() for array in layer) for layer in trainer.model.get_state() or []]
        weights = {name: param.tobytes() for name, param in trainer.model.params.items()}
        return repr((weights, moments, hidden, trainer.model.rng.bit_generator.state))

    @staticmethod
    def spoil(trainer):
        next(iter(trainer.model.params.values()))[0] = np.nan

    @staticmethod
    def set_rate(trainer, rate):
        trainer.optimizer.lr = rate

    @staticmethod
    def validation(trainer, monkeypatch, values):
        from helpers.training import trainer as module

        monkeypatch.setattr(module, "evaluate", lambda model, batches: next(values))

    @staticmethod
    def optimizer(name):
        return lambda params: {"sgd": SGD, "adam": Adam}[name](params, 0.02)


class Torch:
    """The torch trainer of a small model with buffers and dropout."""

    batches, batches_name, suffix = TORCH_BATCHES, "batches", ".pt"

    @staticmethod
    def trainer(optimizer=lambda params: torch.optim.Adam(params, lr=0.02), scheduler=None, **options):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.2), nn.Linear(3, 1))
        chosen = optimizer(model.parameters())

        def loss(model, batch, state):
            value = (model(batch[0]) - 1).pow(2).mean()
            carried = batch[0].sum(1, keepdim=True) if state is None else state + 1
            return StepLoss(value, value.detach(), len(batch[0]), carried)

        options = {"report": None, "bar": False, "device": "cpu", "loss": loss, **options}
        options.setdefault("evaluate", lambda model: {"score": model(X).pow(2).mean()})
        return TorchTrainer(
            model, chosen, options.pop("loss"), options.pop("evaluate"),
            **{"monitor": "score", "scheduler": scheduler and scheduler(chosen), **options},
        )

    @staticmethod
    def fit(trainer, batches=TORCH_BATCHES, epochs=2):
        return trainer.fit(batches, epochs)

    @staticmethod
    def everything(trainer):
        weights = {name: tensor.tolist() for name, tensor in trainer.model.state_dict().items()}
        state = trainer.optimizer.state_dict()["state"]
        moments = {
            number: {name: value.tolist() for name, value in each.items() if isinstance(value, torch.Tensor)}
            for number, each in state.items()
        }
        return repr((weights, moments, trainer._state, torch.get_rng_state().sum()))

    @staticmethod
    def spoil(trainer):
        with torch.no_grad():
            next(trainer.model.parameters())[0] = torch.nan

    @staticmethod
    def set_rate(trainer, rate):
        trainer.optimizer.param_groups[0]["lr"] = rate

    @staticmethod
    def validation(trainer, monkeypatch, values):
        trainer.evaluate = lambda model: {"score": next(values)}

    @staticmethod
    def optimizer(name):
        options = {"lr": 0.02, "momentum": 0.9} if name == "sgd" else {"lr": 0.02}
        return lambda params: {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name](params, **options)


both = pytest.mark.parametrize("kind", [NumPy, Torch], ids=["numpy", "torch"])


def rows(trainer):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in trainer.curve]


# ---- what is refused -----------------------------------------------------------------------------------


@both
def test_arguments_are_refused_by_name(kind, tmp_path):
    refused = {
        "max_norm": [0, -1, *(each for each in NO_NUMBERS if each is not None)],
        "save_every": [0, -3, *NO_WHOLE_NUMBERS],
        "checkpoint": [tmp_path, str(tmp_path), "", 5, True],
        "settings": [5, "abc", {"a": object()}, {"a": float("nan")}, {"a": X}],
        "report": [5, "print", True], "bar": [None, "no", 0],
    }
    for name, values in refused.items():
        for value in values:
            assert_refused(kind.trainer, names=name, **{name: value})
    for epochs in (0, -1, *NO_WHOLE_NUMBERS):
        assert_refused(kind.fit, kind.trainer(), epochs=epochs, names="epochs")


@both
def test_batches_are_refused_by_name(kind):
    class Shorter(list):
        def __len__(self):
            return 5

    for batches in (None, 5, [], (), {}, {"a": 1}, "abc", iter(kind.batches), (b for b in kind.batches)):
        assert_refused(kind.fit, kind.trainer(), batches, names=kind.batches_name)

    class Stream(torch.utils.data.IterableDataset):   # of no length
        __iter__ = None

    loader = torch.utils.data.DataLoader(Stream())
    assert_refused(kind.fit, kind.trainer(), loader, names=kind.batches_name)
    short = Shorter(kind.batches)
    assert_refused(kind.fit, kind.trainer(), short, names=f"{kind.batches_name}: got 3 batches")


def test_what_only_the_numpy_trainer_is_given():
    for rate in (0.1, "0.1", [0.1]):
        assert_refused(NumPy.trainer, learning_rate=rate, names="learning_rate")
    for value in (-0.1, float("inf"), *NO_NUMBERS):
        trainer = NumPy.trainer(learning_rate=lambda epoch, value=value: value)
        assert_refused(NumPy.fit, trainer, names="learning_rate(0)")
    other = LanguageModel(6, 3, 4, rng=np.random.default_rng(0))
    module = nn.Linear(2, 1)
    for optimizer in (None, "sgd", torch.optim.SGD(module.parameters(), lr=0.1)):
        assert_refused(Trainer, other, optimizer, names="optimizer: got")
        assert_refused(train_step, other, optimizer, IDS, IDS, 1.0, names="optimizer: got")
    foreign = SGD(NumPy.trainer().model.params, 0.1)
    assert_refused(train_step, other, foreign, IDS, IDS, 1.0, names="optimizer: got")
    for model in (None, module):
        assert_refused(Trainer, model, SGD(other.params, 0.1), names="model")
    assert_refused(NumPy.trainer, lambda params: SGD(other.params, 0.1), names="optimizer")
    for batch in (IDS, (IDS,), (IDS, IDS, IDS), (IDS.tolist(), IDS.tolist()), None):
        assert_refused(NumPy.fit, NumPy.trainer(), [batch], names="train")
        assert_refused(NumPy.trainer().fit, NUMPY_BATCHES, [batch], 1, names="batches")
    assert_refused(NumPy.trainer().fit, NUMPY_BATCHES, iter(NUMPY_BATCHES), 1, names="valid")


def test_what_only_the_torch_trainer_is_given():
    for name in ("loss", "evaluate", "summary", "monitor"):
        assert_refused(Torch.trainer, **{name: 5}, names=name)
    for device in ("gpu", "cuda:99", 5.5, "meta2"):
        assert_refused(Torch.trainer, device=device, names="device")
    other = nn.Linear(2, 1)
    elsewhere = torch.optim.SGD(other.parameters(), lr=1.0)
    assert_refused(Torch.trainer, lambda p: SGD({}, 1.0), names="optimizer: got")
    for model in (None, LanguageModel(6, 3, 4, rng=np.random.default_rng(0))):
        assert_refused(TorchTrainer, model, elsewhere, len, len, monitor="a", names="model: got")
    for scheduler in (cosine(9), "cosine", torch.optim.lr_scheduler.LambdaLR(elsewhere, cosine(9))):
        assert_refused(Torch.trainer, scheduler=lambda o, it=scheduler: it, names="scheduler: got")
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
    assert_refused(Torch.trainer, scheduler=plateau, names="after every step")
    for value in (None, "no", 0):
        assert_refused(Torch.trainer, higher_is_better=value, names="higher_is_better")
    assert_refused(Torch.trainer, average=3, names="average: got")
    assert_refused(Torch.trainer, lambda p: torch.optim.SGD(other.parameters(), lr=1.0), names="optimizer")

    def gives(**changed):
        def loss(model, batch, state):
            value = model(batch[0]).mean()
            return StepLoss(value, value.detach(), 4)._replace(**changed)

        return Torch.trainer(loss=loss)

    assert_refused(Torch.fit, Torch.trainer(loss=lambda m, b, s: m(b[0]).mean()), names="loss: got Tensor")
    assert_refused(Torch.fit, gives(objective=torch.ones(())), names="loss.objective")
    assert_refused(Torch.fit, gives(objective=torch.ones(2, requires_grad=True)), names="loss.objective")
    for value in (None, "3", torch.ones(2), [1.0]):
        assert_refused(Torch.fit, gives(value=value), names="loss.value")
    for count in (0, None, float("nan")):
        assert_refused(Torch.fit, gives(count=count), names="loss.count")
    assert_refused(Torch.fit, Torch.trainer(), lambda epoch: [], names="batches(0)")
    assert_refused(Torch.fit, Torch.trainer(summary=lambda mean: mean), names="summary")
    falling = Torch.trainer(scheduler=lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: 1 - step))
    assert_refused(Torch.fit, falling, names="learning rate: got -0.02")


@pytest.mark.parametrize("scores", [0.5, None, {"other": 1.0}, {"score": None}, {"score": X}, {"score": "1"}])
def test_scores_of_another_kind_do_not_cost_the_epoch(scores, tmp_path):
    options = {"checkpoint": tmp_path / "run.pt", "save_every": 50}
    whole = Torch.trainer()
    Torch.fit(whole)
    trainer = Torch.trainer(**options, evaluate=lambda model: scores)
    assert_refused(Torch.fit, trainer)
    again = Torch.trainer(**options)   # another process
    assert again.resume() and (again.epoch, again.step) == (0, 3)
    Torch.fit(again)
    assert rows(again) == rows(whole) and Torch.everything(again) == Torch.everything(whole)


def test_a_state_that_no_checkpoint_can_hold_is_refused(tmp_path):
    def loss(model, batch, state):
        value = model(batch[0]).mean()
        return StepLoss(value, value.detach(), 4, np.ones((4, 1)))

    trainer = Torch.trainer(loss=loss, checkpoint=tmp_path / "run.pt", save_every=1)
    assert_refused(Torch.fit, trainer, names="state: got ndarray")


# ---- not finite ----------------------------------------------------------------------------------------


class Meddled(list):
    """Batches that call `act` before the second one, once."""

    def __init__(self, batches, act):
        super().__init__(batches)
        self.act = act

    def __iter__(self):
        for number, batch in enumerate(super().__iter__()):
            if number == 1 and self.act:
                act, self.act = self.act, None
                act()
            yield batch


def stops_and_goes_on(kind, trainer, path, spoil, mend, match):
    """`spoil` before the second step stops the run; nothing has changed; after `mend` it goes on."""
    before, told = [], rf"^epoch 1, step 2: {match}.*Try a lower learning rate"

    def act():
        before.append((kind.everything(trainer), path.read_bytes()))
        spoil()

    for _ in range(2):   # and it stops again as long as nothing is mended
        with pytest.raises(FloatingPointError, match=told):
            kind.fit(trainer, Meddled(kind.batches, act))
        assert (kind.everything(trainer), path.read_bytes()) == before[0]
        assert (trainer.epoch, trainer.step, trainer.curve) == (0, 1, [])
    mend()
    kind.fit(trainer)


@both
@pytest.mark.parametrize("max_norm", [None, 1e15], ids=str)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_past_all_bounds_changes_nothing_and_a_lower_one_goes_on(kind, optimizer, max_norm, tmp_path):
    path = tmp_path / f"run{kind.suffix}"
    options = {"optimizer": kind.optimizer(optimizer), "max_norm": max_norm}
    whole = kind.trainer(**options)
    kind.fit(whole)
    trainer = kind.trainer(**options, checkpoint=path, save_every=1)
    stops_and_goes_on(
        kind, trainer, path, lambda: kind.set_rate(trainer, 1e41), lambda: kind.set_rate(trainer, 0.02),
        "learning rate times gradient: got length" if kind is NumPy else "weights",
    )
    assert rows(trainer) == rows(whole) and kind.everything(trainer) == kind.everything(whole)


def nan_gradient(model, batch, state):
    value = (model(batch[0]) - 1).pow(2).mean()
    return StepLoss(value + torch.sqrt(value - value.detach()), value.detach(), 4, batch[0][:, :1])


def nan_loss(model, batch, state):
    value = (model(batch[0] * float("nan")) - 1).pow(2).mean()   # and BatchNorm remembers it
    return StepLoss(value, value.detach(), 4)


def infinite_objective(model, batch, state):   # with a finite gradient
    value = (model(batch[0]) - 1).pow(2).mean()
    return StepLoss(value + np.inf, value.detach(), 4)


@pytest.mark.parametrize("max_norm", [None, 0.25])
@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (nan_gradient, "gradient norm: got nan .first in "), (nan_loss, "loss: got nan"),
        (infinite_objective, "objective: got"),
    ],
)
def test_no_path_to_the_weights_is_left_open(bad, match, max_norm, tmp_path):
    whole = Torch.trainer(max_norm=max_norm)
    Torch.fit(whole)
    trainer = Torch.trainer(max_norm=max_norm, checkpoint=tmp_path / "run.pt", save_every=1)
    good = trainer.loss

    chosen = [good]
    trainer.loss = lambda *arguments: chosen[-1](*arguments)
    stops_and_goes_on(
        Torch, trainer, tmp_path / "run.pt",
        lambda: chosen.append(bad), lambda: chosen.append(good), match,
    )
    assert rows(trainer) == rows(whole) and Torch.everything(trainer) == Torch.everything(whole)


def test_finite_gradients_whose_squares_overflow_are_clipped():
    found = []
    for factor in (1.0, 1e25):
        def loss(model, batch, state, factor=factor):
            value = (model(batch[0]) - 1).pow(2).mean()
            return StepLoss(value * factor, value.detach(), 4)

        trainer = Torch.trainer(lambda params: torch.optim.SGD(params, lr=1.0), loss=loss, max_norm=1e-3)
        Torch.fit(trainer)
        found.append(torch.cat([p.detach().flatten() for p in trainer.model.parameters()]))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


def test_sparse_gradients_are_clipped_as_well():
    model = nn.Sequential(nn.Embedding(5, 1, sparse=True))
    kept = model[0].weight.detach().clone()

    def loss(model, batch, state):
        value = 100 * model(batch[0]).sum()
        return StepLoss(value, value.detach(), 1)

    trainer = TorchTrainer(
        model, torch.optim.SGD(model.parameters(), lr=1.0), loss, len, monitor="a", max_norm=1.0, device="cpu"
    )
    trainer.train_step((torch.tensor([1, 1]),))
    torch.testing.assert_close(kept - model[0].weight, torch.tensor([[0.0], [1], [0], [0], [0]]))


def test_an_optimizer_that_makes_nan_of_nothing_is_undone():
    """0 / 0: the gradient of an unused column is 0, and eps is not there to help."""
    trainer = Torch.trainer(lambda params: torch.optim.Adam(params, lr=0.1, eps=0.0))
    before = Torch.everything(trainer)
    with pytest.raises(FloatingPointError, match="weights"):
        Torch.fit(trainer, [(torch.zeros(4, 2),)])
    assert Torch.everything(trainer) == before


def test_a_scheduler_that_gives_no_number_is_noticed_and_not_saved(tmp_path):
    path = tmp_path / "run.pt"
    trainer = Torch.trainer(
        scheduler=lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: 1.0 if step < 2 else np.nan),
        checkpoint=path, save_every=1,
    )
    with pytest.raises(FloatingPointError, match=r"epoch 1, step 2: checkpoint\['optimizer'\].*'lr'.*nan"):
        Torch.fit(trainer)
    assert checkpoints.load(path)["step"] == 1


@pytest.mark.parametrize(
    ("kind", "value"),   # 1e6 nats a token are a perplexity that overflows
    [(NumPy, np.nan), (NumPy, np.inf), (NumPy, 1e6), (Torch, np.nan), (Torch, np.inf), (Torch, -np.inf)],
)
def test_a_validation_that_is_not_finite_stops_and_is_never_the_best(kind, value, tmp_path, monkeypatch):
    path = tmp_path / f"run{kind.suffix}"
    trainer = kind.trainer(checkpoint=path)
    kind.validation(trainer, monkeypatch, iter([2.0, value, 1.0]))
    with pytest.raises(FloatingPointError, match=r"^epoch 2: .*got (nan|-?inf)"):
        kind.fit(trainer)
    assert trainer.best_score == 2.0 and len(trainer.curve) == 1
    again = kind.trainer(checkpoint=path)
    assert again.resume() and again.epoch == 1
    assert len(kind.fit(trainer)) == 2 and trainer.best_score == 1.0   # a validation that is mended


@both
def test_what_is_not_finite_is_neither_saved_nor_resumed(kind, tmp_path):
    path = tmp_path / f"run{kind.suffix}"
    trainer = kind.trainer(checkpoint=path)
    kind.fit(trainer)
    content = path.read_bytes()
    trainer._last = None
    kind.spoil(trainer)
    with pytest.raises(FloatingPointError, match="checkpoint"):
        trainer.save()
    with pytest.raises(FloatingPointError, match="epoch 3"):
        kind.fit(trainer, epochs=3)
    assert path.read_bytes() == content
    if kind is NumPy:   # as a version without the check would have left it
        arrays, meta = load_checkpoint(path)
        arrays["optimizer/v/output.b"][:] = np.inf
        save_checkpoint(path, arrays, meta)
    else:
        spoiled = checkpoints.load(path)
        spoiled["optimizer"]["state"][0]["exp_avg_sq"][:] = torch.inf
        checkpoints.save(path, spoiled)
    fresh = kind.trainer(checkpoint=path)
    before = kind.everything(fresh)
    with pytest.raises(CheckpointError, match="not finite"):
        fresh.resume()
    assert kind.everything(fresh) == before


def test_an_average_takes_only_numbers():
    model, average = nn.Linear(2, 1), WeightAverage(0)
    assert_refused(average.copy_to, model, names="average")
    average.end_epoch(model, 1.0)
    with pytest.raises(FloatingPointError, match="score: got nan"):
        average.end_epoch(model, float("nan"))
    average.end_epoch(model, 2.0)
    before = repr(average.state_dict())
    with torch.no_grad():
        model.weight[0, 1] = torch.inf
    spoiled = {name: tensor * np.nan for name, tensor in average.state_dict()["averaged"].items()}
    spoiled = {"scores": [9.0], "averaged": spoiled}
    for call in (average.update, lambda model: average.load_state_dict(spoiled, model)):
        with pytest.raises(FloatingPointError, match=r"weights.*not finite"):
            call(model)
        assert repr(average.state_dict()) == before


# ---- Ctrl-C and full disks -----------------------------------------------------------------------------


def at_call(original, number, before=False):
    """`original` with a Ctrl-C after (or before) its call `number`."""
    calls = [0]

    def call(*arguments, **options):
        calls[0] += 1
        if before and calls[0] == number:
            signal.raise_signal(signal.SIGINT)
        result = original(*arguments, **options)
        if not before and calls[0] == number:
            signal.raise_signal(signal.SIGINT)
        return result

    return call


@both
@pytest.mark.parametrize("place", ["step", "save", "validate", "end"])
def test_ctrl_c_anywhere_leaves_a_run_that_goes_on_to_the_last_bit(kind, place, tmp_path, monkeypatch):
    whole = kind.trainer()
    kind.fit(whole)
    options = {"checkpoint": tmp_path / f"run{kind.suffix}", "save_every": 1}
    trainer = kind.trainer(**options)
    if place == "step":
        trainer.optimizer.step = at_call(trainer.optimizer.step, 2)
    elif place == "save":
        monkeypatch.setattr(os, "fsync", at_call(os.fsync, 2, before=True))
    elif place == "validate":
        monkeypatch.setattr(trainer, "_validate", at_call(trainer._validate, 1))
    else:
        trainer.model.load_state_dict = at_call(trainer.model.load_state_dict, 1)
    curve = kind.fit(trainer)
    assert trainer.interrupted and len(curve) == trainer.epoch == (2 if place == "end" else 0)
    drawn = torch.get_rng_state()   # torch has one generator for all
    again = kind.trainer(**options)
    assert again.resume()
    kind.fit(again)
    assert rows(again) == rows(whole) and kind.everything(again) == kind.everything(whole)
    torch.set_rng_state(drawn)
    kind.fit(trainer)
    assert rows(trainer) == rows(whole) and kind.everything(trainer) == kind.everything(whole)


@both
def test_a_full_disk_ends_no_run(kind, tmp_path, monkeypatch):
    path, lines = tmp_path / f"run{kind.suffix}", []
    trainer = kind.trainer(checkpoint=path, report=lines.append)
    kind.fit(trainer, epochs=1)
    content = path.read_bytes()
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", lambda *a: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(OSError, match=f"No space left: '{path}'"):
            trainer.save()
        assert len(kind.fit(trainer)) == 2
    told = [line for line in lines if "training goes on" in line]
    assert len(told) == 1 and str(path) in told[0]
    assert path.read_bytes() == content and [each.name for each in tmp_path.iterdir()] == [path.name]
    trainer.save()
    again = kind.trainer(checkpoint=path)
    assert again.resume() and rows(again) == rows(trainer)
    path.unlink()
    path.mkdir()   # before an epoch is spent
    with pytest.raises(OSError, match="folder"):
        kind.fit(trainer, epochs=3)
    assert trainer.epoch == 2


def test_ctrl_c_while_torch_writes(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    checkpoints.save(path, {"epoch": 1})
    content = path.read_bytes()
    monkeypatch.setattr(torch, "save", at_call(torch.save, 1, before=True))
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(path, {"epoch": 2})
    assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


def test_ctrl_c_between_the_step_and_what_follows_it():
    """Weights, rate and the count of steps move on together."""
    options = {"scheduler": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: 0.7**step)}
    whole = Torch.trainer(**options)
    Torch.fit(whole)
    trainer = Torch.trainer(**options)
    trainer.scheduler.step = at_call(trainer.scheduler.step, 2)
    Torch.fit(trainer)
    assert trainer.interrupted and trainer.step == 2 == len(trainer.step_losses)
    Torch.fit(trainer)
    assert rows(trainer) == rows(whole) and Torch.everything(trainer) == Torch.everything(whole)


def test_an_interrupted_exchange_of_weights_is_put_back(monkeypatch):
    from helpers.torch_training.averaging import averaged

    model, average = nn.Linear(2, 1), WeightAverage(0)
    average.end_epoch(model, 1.0)
    average.end_epoch(model, 2.0)
    with torch.no_grad():
        model.weight += 1
    before = model.weight.clone()
    monkeypatch.setattr(average, "copy_to", at_call(average.copy_to, 1))
    with pytest.raises(KeyboardInterrupt), averaged(model, average):
        pass
    assert torch.equal(model.weight, before)
