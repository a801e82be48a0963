"""The torch trainer against an open loop, and what it does around that loop."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from helpers.corpora.batches import contiguous_batches
from helpers.models.torch_language_model import TorchLanguageModel
from helpers.torch_training import StepLoss, TorchTrainer, checkpoints, load_weights
from helpers.torch_training.averaging import WeightAverage
from helpers.torch_training.language_modelling import LanguageModelLoss, RandomWindows, mean_nats
from helpers.torch_training.schedules import cosine
from helpers.training.checkpoints import CheckpointError
from tests.hostile import NO_NUMBERS, assert_refused

V, D, H = 9, 5, 6


def stream(seed, tokens=260):
    """Ids with something to learn: each is the one before plus 1 or 2."""
    return np.cumsum(np.random.default_rng(seed).integers(1, 3, tokens)) % V


TRAIN = contiguous_batches(stream(1), 4, 7)   # the last window is shorter
VALID = contiguous_batches(stream(2, 90), 3, 7)


def make(checkpoint=None, *, seed=0, loss=None, optimizer="adam", average=None, **options):
    torch.manual_seed(seed)
    model = TorchLanguageModel(
        V, D, H, num_layers=2, tied=True, dropout=0.3, embedding_dropout=0.1, weight_dropout=0.2
    )
    kinds = {
        "adam": lambda p: torch.optim.AdamW(p, lr=0.02),
        "sgd": lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.5),
    }
    chosen = kinds[optimizer](model.parameters())
    return TorchTrainer(
        model,
        chosen,
        loss or LanguageModelLoss(activation=0.5, slowness=0.5),
        lambda model: {"valid_loss": mean_nats(model, VALID)},
        monitor="valid_loss",
        scheduler=torch.optim.lr_scheduler.LambdaLR(chosen, cosine(40)),
        max_norm=0.25,
        average=average,
        checkpoint=checkpoint,
        report=None,
        bar=False,
        **{"save_every": 3, "device": "cpu", **options},
    )


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_same(got, wanted):
    assert got.keys() == wanted.keys()
    for name in wanted:
        assert torch.equal(got[name], wanted[name]), name


def without_seconds(curve):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in curve]


def open_loop(epochs):
    """As chapter 6 writes it."""
    torch.manual_seed(0)
    model = TorchLanguageModel(V, D, H, num_layers=2, tied=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.7)
    losses = []
    for _ in range(epochs):
        state = None
        for inputs, targets in TRAIN:
            logits, state = model(torch.from_numpy(inputs), state)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets).flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            optimizer.step()
            losses.append(loss.item())
    return model, losses


def test_it_is_the_open_loop():
    wanted, losses = open_loop(2)
    torch.manual_seed(0)
    model = TorchLanguageModel(V, D, H, num_layers=2, tied=True)
    trainer = TorchTrainer(
        model,
        torch.optim.SGD(model.parameters(), lr=0.7),
        LanguageModelLoss(),
        lambda model: {"valid_loss": mean_nats(model, VALID)},
        monitor="valid_loss",
        max_norm=0.25,
        device="cpu",
        report=None,
        bar=False,
    )
    curve = trainer.fit(TRAIN, 2)
    np.testing.assert_allclose(trainer.step_losses, losses, rtol=1e-6)
    assert [row["epoch"] for row in curve] == [1, 2]
    for name, tensor in wanted.state_dict().items():
        torch.testing.assert_close(trainer._last[name], tensor, msg=name)
    tokens = [targets.size for _, targets in TRAIN]
    mean = np.average(losses[: len(TRAIN)], weights=tokens)
    assert curve[0]["train_loss"] == pytest.approx(mean, rel=1e-6)
    assert mean_nats(model, VALID) == min(row["valid_loss"] for row in curve)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("at", [1, 5, 14, 16])
def test_resume_is_as_if_nothing_had_happened(tmp_path, at, optimizer, interrupted):
    whole = make(optimizer=optimizer, average=WeightAverage(0))
    whole.fit(TRAIN, 3)
    path = tmp_path / "run.pt"
    first = make(path, optimizer=optimizer, average=WeightAverage(0))
    first.fit(interrupted(TRAIN, at), 3)
    assert first.interrupted
    torch.manual_seed(77)   # whatever was drawn in between
    second = make(path, seed=5, optimizer=optimizer, average=WeightAverage(0))
    assert second.resume() and second.epoch * len(TRAIN) + second.step == at   # not a step is lost
    second.fit(TRAIN, 3)
    assert without_seconds(second.curve) == without_seconds(whole.curve)
    assert_same(weights(second.model), weights(whole.model))
    # and the same again after both have ended
    whole.fit(TRAIN, 4)
    third = make(path, optimizer=optimizer, average=WeightAverage(0))
    assert third.resume()
    third.fit(TRAIN, 4)
    assert_same(weights(third.model), weights(whole.model))


def test_interrupted_in_this_process_it_goes_on(interrupted):
    whole = make()
    whole.fit(TRAIN, 2)
    stopped = make()   # seeds the one generator anew
    batches = interrupted(TRAIN, 6)
    stopped.fit(batches, 2)
    assert stopped.interrupted and stopped.step == 6
    logits, _ = stopped.model(torch.zeros(2, 3, dtype=torch.long))   # a usable model
    assert torch.isfinite(logits).all()
    stopped.fit(batches, 2)
    assert not stopped.interrupted
    assert without_seconds(stopped.curve) == without_seconds(whole.curve)


def test_ctrl_c_inside_a_step_draws_the_same_masks_again():
    def loss(model, batch, state, calls=[0]):  # noqa: B006
        result = LanguageModelLoss()(model, batch, state)
        calls[0] += 1
        if calls[0] == 5:
            raise KeyboardInterrupt
        return result

    whole = make(loss=LanguageModelLoss())
    whole.fit(TRAIN, 1)
    stopped = make(loss=loss)
    stopped.fit(TRAIN, 1)
    assert stopped.interrupted and stopped.step == 4
    stopped.fit(TRAIN, 1)
    assert stopped.step_losses == whole.step_losses


def test_the_best_weights_are_kept_and_training_goes_on_from_the_last(tmp_path):
    scores = iter([3.0, 1.0, 2.0, 5.0])
    seen = []

    def evaluate(model):
        seen.append(weights(model))
        return {"valid_loss": next(scores)}

    trainer = make(tmp_path / "run.pt")
    trainer.evaluate = evaluate
    trainer.fit(TRAIN, 3)
    assert trainer.best_score == 1.0
    assert_same(weights(trainer.model), seen[1])
    trainer.fit(TRAIN, 4)
    plain = make()
    plain.evaluate = lambda model: {"valid_loss": 0.0}
    plain.fit(TRAIN, 4)
    assert trainer.step_losses == plain.step_losses
    other = make(seed=3)
    load_weights(other.model, tmp_path / "run.pt")
    assert_same(weights(other.model), seen[1])
    with pytest.raises(CheckpointError, match="of another model"):
        load_weights(nn.Linear(2, 3), tmp_path / "run.pt")


def test_higher_can_be_better():
    scores = iter([0.2, 0.9, 0.4])
    trainer = make(higher_is_better=True)
    trainer.evaluate = lambda model: {"valid_loss": next(scores)}
    trainer.fit(TRAIN, 3)
    assert trainer.best_score == 0.9


def test_averaging_begins_when_a_score_that_should_rise_falls():
    scores = iter([0.2, 0.3, 0.9, 0.4])
    average = WeightAverage(patience=0)
    trainer = make(higher_is_better=True, average=average)
    trainer.evaluate = lambda model: {"valid_loss": next(scores)}
    trainer.fit(TRAIN, 3)
    assert not average.active
    trainer.fit(TRAIN, 4)
    assert average.active


def test_a_loss_that_is_not_finite_stops_and_leaves_all_as_it_was(tmp_path):
    path = tmp_path / "run.pt"

    def loss(model, batch, state, calls=[0]):  # noqa: B006
        result = LanguageModelLoss()(model, batch, state)
        calls[0] += 1
        return result._replace(value=result.value * math.nan) if calls[0] == 5 else result

    trainer = make(path, loss=loss)
    with pytest.raises(FloatingPointError, match=r"epoch 1, step 5: loss: got nan.*lower learning rate"):
        trainer.fit(TRAIN, 1)
    assert all(torch.isfinite(tensor).all() for tensor in trainer.model.state_dict().values())
    fresh = make(path)
    assert fresh.resume() and fresh.step == 3


def test_a_gradient_that_is_not_finite_stops_before_the_step():
    def loss(model, batch, state):
        result = LanguageModelLoss()(model, batch, state)
        return result._replace(objective=result.objective * math.inf)

    trainer = make(loss=loss)
    before = weights(trainer.model)
    with pytest.raises(FloatingPointError, match=r"step 1: (objective|gradient norm): got"):
        trainer.fit(TRAIN, 1)
    assert_same(weights(trainer.model), before)


def test_other_settings_and_other_models_are_refused_by_name(tmp_path):
    path = tmp_path / "run.pt"
    make(path, settings={"hidden_size": 6}).fit(TRAIN, 1)
    with pytest.raises(CheckpointError, match="hidden_size: got 7, wanted 6"):
        make(path, settings={"hidden_size": 7}).resume()
    with pytest.raises(CheckpointError, match="precision"):
        make(path, settings={"hidden_size": 6}, precision="bfloat16").resume()
    other = make(path, settings={"hidden_size": 6}, optimizer="sgd")
    before = weights(other.model)
    with pytest.raises(CheckpointError, match="optimizer"):
        other.resume()
    assert_same(weights(other.model), before)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cannot be read"):
        make(path, settings={"hidden_size": 6}).resume()


def test_a_checkpoint_cannot_run_code(tmp_path):
    path = tmp_path / "evil.pt"

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "hacked"), "w"))

    torch.save({"model": Evil()}, path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_weights(nn.Linear(1, 1), path)
    assert not (tmp_path / "hacked").exists()


def test_one_bit_anywhere_or_a_byte_less_is_noticed(tmp_path):
    path = tmp_path / "run.pt"
    checkpoints.save(path, {"model": {"w": torch.arange(5.0)}, "text": "ü", "none": None})
    content = path.read_bytes()
    assert torch.equal(torch.load(path)["model"]["w"], torch.arange(5.0))   # torch itself reads it, too
    for place in range(0, len(content), 3):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        for changed in (flipped, *([content[:place]] if place % 9 == 1 else [])):
            path.write_bytes(changed)
            with pytest.raises(CheckpointError, match=r"run.pt: cannot be read .*Delete it, or move it away"):
                checkpoints.load(path)
    path.write_bytes(content)
    assert checkpoints.load(path)["text"] == "ü"


def test_a_checkpoint_of_an_older_version_is_read(tmp_path):
    path = tmp_path / "run.pt"
    torch.save({"model": {"w": torch.zeros(500)}}, path)
    assert checkpoints.load(path).keys() == {"model"}
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):   # torch would have read another weight
        checkpoints.load(path)


@pytest.mark.parametrize("content", [[1, 2], {"model": np.ones(1)}, {"model": {}, "best": None}, {"a": 1}])
def test_what_another_wrote_with_torch_is_refused(tmp_path, content):
    path, model = tmp_path / "run.pt", nn.Linear(1, 1)
    before = weights(model)
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"run.pt") as told:
        load_weights(model, path)
    assert not any(word in str(told.value) for word in ("pickle", "weights_only", "trust"))
    assert_same(weights(model), before)


def test_weights_that_are_not_finite_are_not_loaded(tmp_path):
    model = nn.Linear(1, 1)
    before = weights(model)
    spoiled = {name: tensor * math.nan for name, tensor in before.items()}
    checkpoints.save(tmp_path / "run.pt", {"best": None, "model": spoiled})
    with pytest.raises(CheckpointError, match="not finite"):
        load_weights(model, tmp_path / "run.pt")
    assert_same(weights(model), before)


def test_bfloat16_changes_little_and_weights_stay_float32():
    exact, rough = make(), make(precision="bfloat16")
    exact.fit(TRAIN, 1)
    rough.fit(TRAIN, 1)
    assert all(tensor.dtype == torch.float32 for tensor in rough.model.state_dict().values())
    assert rough.step_losses != exact.step_losses
    np.testing.assert_allclose(rough.step_losses, exact.step_losses, rtol=0.02)


def test_batches_may_depend_on_the_epoch(tmp_path, interrupted):
    windows = RandomWindows(TRAIN, 12, seed=4)
    lengths = [[targets.shape[1] for _, targets in windows(epoch)] for epoch in range(2)]
    assert lengths[0] != lengths[1] and lengths[0] == [t.shape[1] for _, t in windows(0)]
    joined = np.concatenate([targets for _, targets in windows(1)], axis=1)
    np.testing.assert_array_equal(joined, np.concatenate([targets for _, targets in TRAIN], axis=1))
    assert len(windows(0)) == len(lengths[0])
    whole, path = make(), tmp_path / "run.pt"
    whole.fit(windows, 3)
    first = make(path, save_every=2)
    seen = []

    def until(epoch):
        seen.append(epoch)
        return interrupted(list(windows(epoch)), 3) if epoch == 1 else windows(epoch)

    first.fit(until, 3)
    second = make(path)
    assert second.resume() and second.step == 3
    second.fit(windows, 3)
    assert without_seconds(second.curve) == without_seconds(whole.curve)


def test_a_model_without_state_and_other_batches():
    """Chapters 7 and 8: shuffled examples, an accuracy to be maximised."""
    torch.manual_seed(0)
    x = torch.randn(60, 3)
    y = (x.sum(1) > 0).long()
    model = nn.Sequential(nn.Linear(3, 2))

    def loss(model, batch, state):
        assert state is None
        value = nn.functional.cross_entropy(model(batch[0]), batch[1])
        return StepLoss(value, value.detach(), len(batch[1]))

    def batches(epoch):
        order = torch.randperm(60, generator=torch.Generator().manual_seed(epoch))
        return [(x[part], y[part]) for part in order.split(8)]

    trainer = TorchTrainer(
        model,
        torch.optim.SGD(model.parameters(), lr=0.5),
        loss,
        lambda model: {"accuracy": (model(x).argmax(1) == y).float().mean()},
        monitor="accuracy",
        higher_is_better=True,
        device="cpu",
        report=None,
        bar=False,
    )
    curve = trainer.fit(batches, 8)
    assert trainer.best_score > 0.95
    assert curve[0].keys() == {"epoch", "lr", "train_loss", "accuracy", "seconds"}


def test_an_unknown_monitor_is_named():
    trainer = make()
    trainer.monitor = "accuracy"
    with pytest.raises(ValueError, match="monitor: got 'accuracy', wanted one of valid_loss"):
        trainer.fit(TRAIN, 1)


def test_the_averaged_weights_are_the_mean_of_all_steps_since():
    average = WeightAverage(patience=1)
    trainer = make(average=average, optimizer="sgd")
    scores = iter([5.0, 4.0, 4.5, 6.0, 1.0, 1.0])
    kept, validated = [], []

    def evaluate(model):
        validated.append(weights(model))
        return {"valid_loss": next(scores)}

    trainer.evaluate = evaluate
    trainer.fit(TRAIN, 3)          # 4.5 is not worse than 5.0, the best more than one epoch ago
    assert not average.active
    trainer.fit(TRAIN, 4)          # 6.0 is worse than 4.0
    assert average.active
    update = average.update

    def remember(model):
        kept.append(weights(model))
        update(model)

    kept.append(trainer._last)
    average.update = remember
    trainer.fit(TRAIN, 5)
    for name, tensor in validated[4].items():
        mean = torch.stack([each[name] for each in kept]).mean(0)
        torch.testing.assert_close(tensor, mean, msg=name)
    assert_same(weights(trainer.model), validated[4])
    assert_same(trainer._last, kept[-1])


@pytest.mark.parametrize(
    ("scores", "patience", "begins"),
    [
        ([5, 4, 3, 6, 2], 5, None),       # nothing lies more than five epochs back
        ([5, 4, 6, 3, 2, 7, 4.5], 5, None),
        ([5, 4, 6, 3, 2, 7, 5.5], 5, 6),
        ([2, 3], 0, 1),
        ([3, 3, 3], 0, None),
        ([90, 80, 85, 79, 81, 70], 1, 4),
    ],
)
def test_when_averaging_begins(scores, patience, begins):
    average, model = WeightAverage(patience), nn.Linear(1, 1)
    active = []
    for score in scores:
        average.end_epoch(model, score)
        active.append(average.active)
    assert (active.index(True) if any(active) else None) == begins


def test_a_language_models_loss_and_windows_are_checked():
    for name in ("activation", "slowness"):
        for value in (-1.0, math.inf, *NO_NUMBERS):
            assert_refused(LanguageModelLoss, **{name: value}, names=name)
    for seq_len in (0, 2.5, "3"):
        assert_refused(LanguageModelLoss, seq_len=seq_len, names="seq_len")
        assert_refused(RandomWindows, TRAIN, seq_len, 0, names="seq_len")
    for seed in (-1, 0.5, None):
        assert_refused(RandomWindows, TRAIN, 7, seed, names="seed")
    assert_refused(RandomWindows, [], 7, 0, names="batches")
    model = make().model
    assert_refused(mean_nats, model, [], names="batches")
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(FloatingPointError, match="loss: got nan"):
        mean_nats(model, VALID)


def test_a_restored_part_of_another_kind_leaves_all_as_it_was(tmp_path):
    path = tmp_path / "run.pt"
    make(path, average=WeightAverage(0)).fit(TRAIN, 2)
    for average in (None, WeightAverage(0)):
        other = make(path, seed=3, average=average)
        if average is not None:
            other.scheduler = None
        drawn, before = torch.get_rng_state(), weights(other.model)
        with pytest.raises(CheckpointError, match=r"average|scheduler"):
            other.resume()
        assert_same(weights(other.model), before)
        assert torch.equal(torch.get_rng_state(), drawn) and (other.epoch, other.curve) == (0, [])
