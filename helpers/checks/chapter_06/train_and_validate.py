"""`train_and_validate`, "Find the fault": reference, oracles, and repairs that hide it or mend something else."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import Given
from helpers.checks.registry import Exercise

D, H = 6, 8


def _window_loss(model, window, state):
    from torch.nn import functional

    inputs, targets = window
    logits, state = model(inputs, state)
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten()), state


def _train_pass(model, optimizer, train, before_step=lambda model: None, max_norm=1.0):
    """One pass of training; its mean loss."""
    from torch import nn

    state, losses = None, []
    for window in train:
        before_step(model)
        loss, state = _window_loss(model, window, state)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def _read(model, windows):
    """Mean loss over `windows`, in whatever mode the model is."""
    import torch

    state, losses = None, []
    with torch.no_grad():
        for window in windows:
            loss, state = _window_loss(model, window, state)
            losses.append(loss.item())
    return sum(losses) / len(losses)


def _mended(model, optimizer, train, valid, passes):
    curve = []
    for _ in range(passes):
        model.train()
        training = _train_pass(model, optimizer, train)
        model.eval()
        curve.append((training, _read(model, valid)))
    return curve


def _unchanged(model, optimizer, train, valid, passes):
    from helpers.colleague.chapter_06 import train_and_validate

    return train_and_validate(model, optimizer, train, valid, passes)


def _cases(rng):
    N, T, V = int(rng.integers(2, 4)), int(rng.integers(4, 6)), int(rng.integers(9, 12))
    seed, p, lr = int(rng.integers(10**6)), float(rng.choice([0.3, 0.5])), float(rng.uniform(2, 3))

    def make_model():
        from helpers.checks.chapter_06.noisy_model import NoisyModel
        from helpers.checks.chapter_06.small_model import random_weights

        weights = random_weights(np.random.default_rng(seed), V, D, H, 1)
        weights["output"] *= 3      # gradients longer than the threshold, now and then
        model = NoisyModel(weights, p)
        for parameter in model.parameters():
            parameter.grad = parameter.detach().clone()     # something is left from before
        return model

    def make_optimizer(model):
        from helpers.checks.chapter_06.small_model import SGD

        return SGD(model.parameters(), lr, momentum=0.3)

    def make_windows(array):
        import torch

        return [tuple(map(torch.from_numpy, pair)) for pair in array]

    def windows(count):
        array = rng.integers(0, V, size=(count, 2, N, T))
        return Given(f"{count} windows, each {N} × {T}", make_windows, array)

    model = Given(f"an LSTM with dropout {p} and V = {V}", make_model)
    return {
        "model": model,
        "optimizer": Given(f"SGD(lr={lr:.3g}, momentum=0.3)", make_optimizer, model),
        "train": windows(3),
        "valid": windows(2),
        "passes": int(rng.integers(4, 6)),
    }


OUTPUTS = ("training", "validation", "weights")


def _trial(function, model, optimizer, train, valid, passes):
    import torch

    settings = _settings(optimizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271)
        curve = function(model, optimizer, train, valid, passes)
    if _settings(optimizer) != settings:
        raise Complaint("The optimizer's settings (lr, weight_decay, …) are not what they were: leave them alone.")
    wanted = "The function should return a list with a pair (training, validation) for each pass"
    if not isinstance(curve, list | tuple | np.ndarray):
        raise Complaint(f"{wanted}; it returned {'nothing' if curve is None else f'one {type(curve).__name__}'}.")
    if len(curve) != passes:
        raise Complaint(f"{wanted}; it returned {len(curve)} for {passes} passes.")
    try:
        pairs = [list(pair) for pair in curve]
        if any(getattr(number, "requires_grad", False) for pair in pairs for number in pair):
            raise Complaint("Some losses are tensors with a history, which NumPy refuses: collect `loss.item()`.")
        training, validation = np.array([[float(number) for number in pair] for pair in pairs]).T
    except (TypeError, ValueError):
        raise Complaint(f"{wanted}, two numbers each; something else is in it.") from None
    return training, validation, _flat(model.weights)


def _settings(optimizer):
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


def _flat(weights):
    return np.concatenate([each.detach().numpy().ravel() for each in weights])


train_and_validate = Exercise(
    "train_and_validate", "06", _mended, OUTPUTS, _cases, rounds=3, rtol=1e-6, float32_rtol=1e-6, trial=_trial
)


def _told(curve, weights):
    return *np.array(curve).T, _flat(weights)


@train_and_validate.oracle("every equation written out", needs_torch=True)
def _(model, optimizer, train, valid, passes):
    import torch

    from helpers.checks.chapter_06.noisy_model import open_passes

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271)
        return _told(*open_passes(model, optimizer.defaults["lr"], 0.3, train, valid, passes))


@train_and_validate.oracle("the course's TorchTrainer", needs_torch=True)
def _(model, optimizer, train, valid, passes):
    import torch

    from helpers.checks.chapter_06.noisy_model import trainer_passes

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271)
        return _told(*trainer_passes(model, optimizer, train, valid, passes))


train_and_validate.misconception(
    "unchanged",
    "After the first validation the model is still in evaluation mode when the second pass begins: nothing is dropped any "
    "more. `model.train()` has to come again before every pass, not once before them all.",
)(_unchanged)


@train_and_validate.misconception(
    "validates-with-dropout",
    "Without `model.eval()` (or with `model.train()` after it) the masks stay on while you validate. Training is mended, but "
    "validation now tests a network with holes, and gives another number each time. Keep it, and switch back afterwards.",
)
def _(model, optimizer, train, valid, passes):
    model.train()
    return [(_train_pass(model, optimizer, train), _read(model, valid)) for _ in range(passes)]


@train_and_validate.misconception(
    "smaller-rate",
    "A smaller rate or some weight decay only puts the turn off: the text is learned by heart more slowly, and still nothing "
    "is dropped after the first pass.",
)
def _(model, optimizer, train, valid, passes):
    for group in optimizer.param_groups:
        group["lr"] /= 10
    return _unchanged(model, optimizer, train, valid, passes)


@train_and_validate.misconception(
    "lowest-so-far",
    "You report the lowest validation loss *so far*. The curve cannot turn any more, but the model does: it is trained as "
    "before.",
)
def _(model, optimizer, train, valid, passes):
    curve = _unchanged(model, optimizer, train, valid, passes)
    lowest = np.minimum.accumulate([unseen for _, unseen in curve])
    return [(training, low) for (training, _), low in zip(curve, lowest, strict=True)]


@train_and_validate.misconception(
    "best-weights-kept",
    "Keeping the weights that were best on validation is wise, and no repair: they are the best of a training without "
    "dropout. What differs is the mode in which passes 2, 3, … are trained.",
)
def _(model, optimizer, train, valid, passes):
    curve, best, kept = [], math.inf, None
    model.train()
    for _ in range(passes):
        training = _train_pass(model, optimizer, train)
        model.eval()
        curve.append((training, _read(model, valid)))
        if curve[-1][1] < best:
            best, kept = curve[-1][1], copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return curve


@train_and_validate.misconception(
    "validated-at-the-end-only",
    "You validate once, after the last pass. Dropout then stays on in training, but there is no curve to choose by: "
    "validate after every pass, and switch back to training mode.",
)
def _(model, optimizer, train, valid, passes):
    model.train()
    training = [_train_pass(model, optimizer, train) for _ in range(passes)]
    model.eval()
    unseen = _read(model, valid)
    return [(loss, unseen) for loss in training]


@train_and_validate.misconception(
    "stops-when-it-turns",
    "You stop at the first pass that is worse than the one before. That hides the turn, and the passes that dropout would "
    "have made worth while are not made. It has to act in all of them.",
)
def _(model, optimizer, train, valid, passes):
    model.train()
    curve = []
    for _ in range(passes):
        training = _train_pass(model, optimizer, train)
        model.eval()
        curve.append((training, _read(model, valid)))
        if len(curve) > 1 and curve[-1][1] > curve[-2][1]:
            break
    return curve


@train_and_validate.misconception(
    "longer-steps-clipped",
    "Another threshold of clipping changes the length of the steps. Nothing is dropped after the first pass all the same.",
)
def _(model, optimizer, train, valid, passes):
    model.train()
    curve = []
    for _ in range(passes):
        training = _train_pass(model, optimizer, train, max_norm=0.25)
        model.eval()
        curve.append((training, _read(model, valid)))
    return curve


@train_and_validate.misconception(
    "not-clipped",
    "The loop is mended, but the gradient is no longer clipped at 1: `clip_grad_norm_` between `backward` and `step`.",
)
def _(model, optimizer, train, valid, passes):
    curve = []
    for _ in range(passes):
        model.train()
        training = _train_pass(model, optimizer, train, max_norm=math.inf)
        model.eval()
        curve.append((training, _read(model, valid)))
    return curve


@train_and_validate.misconception(
    "never-in-training-mode",
    "You moved or removed the wrong line: now the model is in evaluation mode in the first pass, too. It is `model.train()` "
    "that has to come before every pass.",
)
def _(model, optimizer, train, valid, passes):
    model.eval()
    return [(_train_pass(model, optimizer, train), _read(model, valid)) for _ in range(passes)]


@train_and_validate.misconception(
    "first-window-only",
    "The first window of every pass is trained with dropout, the others without: `model.eval()` comes too early. It belongs "
    "before the validation, after the last window of the pass.",
)
def _(model, optimizer, train, valid, passes):
    curve = []
    for _ in range(passes):
        model.train()
        training = _train_pass(model, _ThenEval(optimizer, model), train)
        curve.append((training, _read(model, valid)))
    return curve


class _ThenEval:
    """An optimizer after whose every step the model is in evaluation mode."""

    def __init__(self, optimizer, model):
        self.optimizer, self.model = optimizer, model

    def zero_grad(self):
        self.optimizer.zero_grad()

    def step(self):
        self.optimizer.step()
        self.model.eval()


class _States:
    """A model that pays no heed to the state it is handed: it goes on from its last one, or always from zeros."""

    def __init__(self, model, goes_on=True):
        self.model, self.goes_on, self.state, self.parameters = model, goes_on, None, model.parameters

    def __call__(self, inputs, state):
        logits, state = self.model(inputs, self.state)
        self.state = state if self.goes_on else None
        return logits, state


def _mended_with(name, hint, *, model=lambda m: (m, m), optimizer=lambda o: o, told=lambda pair, train, valid: pair):
    """Register: right but for the two models (trained, read) of a pass, the optimizer, or the pair reported."""

    @train_and_validate.misconception(name, hint)
    def _(net, optim, train, valid, passes):
        curve = []
        for _ in range(passes):
            trained, read = model(net)
            net.train()
            training = _train_pass(trained, optimizer(optim), train)
            net.eval()
            curve.append(told((training, _read(read, valid)), train, valid))
        return curve


@train_and_validate.misconception(
    "state-anew-for-every-window",
    "Dropout is as it should be, but the state now starts from zeros in every window. It goes on from window to window: "
    "`state = None` once before each pass, as in the loop you were shown.",
)
def _(model, optimizer, train, valid, passes):
    curve = []
    for _ in range(passes):
        model.train()
        training = _train_pass(_States(model, False), optimizer, train)
        model.eval()
        curve.append((training, _read(_States(model, False), valid)))
    return curve


_mended_with(
    "state-anew-in-validation",
    "Dropout is as it should be, but in validation the state now starts from zeros in every window. It goes on from window to "
    "window.",
    model=lambda model: (model, _States(model, False)),
)
_mended_with(
    "state-from-training",
    "Dropout is as it should be, but validation begins with the state training ended with. Another text begins: "
    "`state = None` before its first window, too.",
    model=lambda model: (_States(model),) * 2,
)
_mended_with(
    "gradients-pile-up",
    "Dropout is as it should be, but the gradients are no longer set to zero, so every step uses those of all before: "
    "`optimizer.zero_grad()` before `backward`.",
    optimizer=lambda optimizer: SimpleNamespace(zero_grad=lambda: None, step=optimizer.step),
)
_mended_with(
    "nothing-learned",
    "The weights stay what they were: `optimizer.step()` belongs behind `backward` and the clipping, with the gradients still "
    "there, and it is *this* model that is to be trained.",
    optimizer=lambda optimizer: SimpleNamespace(zero_grad=optimizer.zero_grad, step=lambda: None),
)
_mended_with(
    "sums",
    "Dropout is as it should be, but you return the sums over the windows. Divide by their number.",
    told=lambda pair, train, valid: (pair[0] * len(train), pair[1] * len(valid)),
)


@train_and_validate.misconception(
    "state-goes-on-over-passes",
    "Dropout is as it should be, but each pass begins with the state the last one ended with. The text begins anew: "
    "`state = None` before the first window of every pass.",
)
def _(model, optimizer, train, valid, passes):
    curve, going_on = [], _States(model)
    for _ in range(passes):
        model.train()
        training = _train_pass(going_on, optimizer, train)
        model.eval()
        going_on.state = None
        curve.append((training, _read(going_on, valid)))
    return curve


@train_and_validate.misconception(
    "mean-of-all-passes",
    "Dropout is as it should be, but the means go over all passes so far: empty both lists when a pass begins.",
)
def _(model, optimizer, train, valid, passes):
    curve = np.array(_mended(model, optimizer, train, valid, passes))
    return curve.cumsum(axis=0) / np.arange(1, passes + 1)[:, None]


@train_and_validate.misconception(
    "training-read-again",
    "Your training loss is read again after the pass, without dropout. The mean of the losses *during* the pass is wanted, as "
    "it was.",
)
def _(model, optimizer, train, valid, passes):
    curve = []
    for _ in range(passes):
        model.train()
        _train_pass(model, optimizer, train)
        model.eval()
        curve.append((_read(model, train), _read(model, valid)))
    return curve


@train_and_validate.misconception(
    "old-gradients",
    "The first step uses gradients that were left over from before the call: `optimizer.zero_grad()` has to come before the "
    "first `backward`, too.",
)
def _(model, optimizer, train, valid, passes):
    class ZeroesAfterwards:
        def zero_grad(self):
            pass

        def step(self):
            optimizer.step()
            optimizer.zero_grad()

    return _mended(model, ZeroesAfterwards(), train, valid, passes)


@train_and_validate.misconception(
    "seeded",
    "You set the seed inside the function, so every call draws the same masks. Whoever calls decides on the seed.",
)
def _(model, optimizer, train, valid, passes):
    import torch

    torch.manual_seed(0)
    return _mended(model, optimizer, train, valid, passes)


@train_and_validate.misconception(
    "another-optimizer",
    "You make an optimizer of your own. Use the one that is handed in: it keeps more than the rate from step to step.",
)
def _(model, optimizer, train, valid, passes):
    from torch.optim import SGD

    curve = []
    for _ in range(passes):
        optimizer = SGD(model.parameters(), lr=optimizer.param_groups[0]["lr"])
        curve += _mended(model, optimizer, train, valid, 1)
    return curve


@train_and_validate.misconception(
    "learns-from-validation",
    "Your validation makes steps, too: the model learns the text it is tested on. Only the training windows have "
    "`backward` and `step`.",
)
def _(model, optimizer, train, valid, passes):
    curve = []
    for _ in range(passes):
        model.train()
        training = _train_pass(model, optimizer, train)
        model.eval()
        curve.append((training, _train_pass(model, optimizer, valid)))
    return curve


@train_and_validate.misconception(
    "perplexities", "The loop is mended, but you return perplexities. Return the mean losses, in nats."
)
def _(model, optimizer, train, valid, passes):
    return [tuple(map(math.exp, pair)) for pair in _mended(model, optimizer, train, valid, passes)]


@train_and_validate.misconception(
    "validation-first", "Your pairs are (validation, training). Training comes first."
)
def _(model, optimizer, train, valid, passes):
    return [pair[::-1] for pair in _mended(model, optimizer, train, valid, passes)]


@train_and_validate.variant("back to training mode right after the validation")
def _(model, optimizer, train, valid, passes):
    model.train()
    curve = []
    for _ in range(passes):
        training = _train_pass(model, optimizer, train)
        was_training = model.training
        model.eval()
        unseen = _read(model, valid)
        model.train(was_training)
        curve.append([training, unseen])
    return curve


@train_and_validate.variant("a copy is validated")
def _(model, optimizer, train, valid, passes):
    model.train()
    curve = []
    for _ in range(passes):
        training = _train_pass(model, optimizer, train)
        curve.append((training, _read(copy.deepcopy(model).eval(), valid)))
    return curve


@train_and_validate.variant("the mode set before every step")
def _(model, optimizer, train, valid, passes):
    import torch

    losses = torch.zeros(passes, 2, dtype=torch.float64)
    for number in range(passes):
        losses[number, 0] = _train_pass(model, optimizer, train, before_step=lambda model: model.train())
        losses[number, 1] = _read(model.train(False), valid)
    return losses.numpy()


@train_and_validate.landmark("reports `3` different training losses")
def _(f):
    import torch

    from helpers.checks.chapter_06.noisy_model import NoisyModel
    from helpers.checks.chapter_06.small_model import SGD, random_weights

    model = NoisyModel(random_weights(np.random.default_rng(0), 11, D, H, 1), 0.5)
    windows = [tuple(torch.arange(12).reshape(2, 2, 3) % 11)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        curve = f(model, SGD(model.parameters(), 0.0), windows, windows, 3)
    return len({training for training, _ in curve})
