"""`train_and_validate`, "Find the fault": reference, oracles, and repairs that hide it or mend something else."""

from __future__ import annotations

import copy

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import Given
from helpers.checks.registry import Exercise
from helpers.checks.words import Message


def train_and_validate_reference(model, optimizer, train, valid, passes):
    import torch
    from torch import nn
    from torch.nn import functional

    curve = []
    for _ in range(passes):
        model.train()
        state, losses = None, []
        for inputs, targets in train:
            logits, state = model(inputs, state)
            loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())

        model.eval()
        state, unseen = None, []
        with torch.no_grad():
            for inputs, targets in valid:
                logits, state = model(inputs, state)
                loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
                unseen.append(loss.item())
        curve.append((sum(losses) / len(losses), sum(unseen) / len(unseen)))
    return curve


def loop_cases(rng, training=True, optimizer="SGD", *, N=(2, 3), T=(3, 4), passes=(3, 4), windows=(3, 4), unread=(2, 2)):
    V, D, H = int(rng.integers(9, 12)), 6, 8
    seed, p = int(rng.integers(10**6)), float(rng.choice([0.3, 0.5]))
    options = {"lr": float(rng.uniform(2, 3)), "momentum": 0.3} if optimizer == "SGD" else {"lr": 0.05}

    def make_model():
        from helpers.checks.chapter_06.noisy_model import NoisyModel
        from helpers.checks.chapter_06.small_model import random_weights

        weights = random_weights(np.random.default_rng(seed), V, D, H, 1)
        weights["output"] *= 3      # gradients longer than the threshold, now and then
        return NoisyModel(weights, p).train(training)

    def make_optimizer(model):
        import torch

        return getattr(torch.optim, optimizer)(model.parameters(), **options)

    def make_windows(array):
        import torch

        return [tuple(map(torch.from_numpy, pair)) for pair in array]

    def some(count):
        array = rng.integers(0, V, size=(count, 2, N, T))
        text = Message("{count} windows, each {N} × {T}", count=count, N=N, T=T)
        return Given(text, make_windows, array)

    settings = ", ".join(f"{name}={value:.3g}" for name, value in options.items())
    text = Message("an LSTM with dropout {p} and V = {V}", p=p, V=V)
    model = Given(text if training else Message("{model}, in evaluation mode", model=text), make_model)
    return {
        "model": model,
        "optimizer": Given(f"{optimizer}({settings})", make_optimizer, model),
        "train": some(windows),
        "valid": some(unread),
        "passes": passes,
    }


def _trial(function, model, optimizer, train, valid, passes):
    import torch

    from helpers.checks.chapter_06.small_model import numbers

    settings = _settings(optimizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271)
        curve = function(model, optimizer, train, valid, passes)
    if _settings(optimizer) != settings:
        raise Complaint("The optimizer's settings (lr, weight_decay, …) are not what they were: leave them alone.")
    wanted = Message("The function should return a list with a pair (training, validation) for each pass")
    if curve is None:
        raise Complaint("{wanted}; it returned nothing.", wanted=wanted)
    if not isinstance(curve, list | tuple | np.ndarray):
        raise Complaint("{wanted}; it returned one {type}.", wanted=wanted, type=type(curve).__name__)
    if len(curve) != passes:
        raise Complaint("{wanted}; it returned {count} for {passes} passes.",
                        wanted=wanted, count=len(curve), passes=passes)  # fmt: skip
    try:
        pairs = [list(pair) for pair in curve]
        if any(getattr(number, "requires_grad", False) for pair in pairs for number in pair):
            raise Complaint("Some losses are tensors with a history, which NumPy refuses: collect `loss.item()`.")
        training, validation = np.array([[float(number) for number in pair] for pair in pairs]).T
    except (TypeError, ValueError):
        raise Complaint("{wanted}, two numbers each; something else is in it.", wanted=wanted) from None
    return training, validation, numbers(model)


def _settings(optimizer):
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


train_and_validate = Exercise(
    "train_and_validate", "06", train_and_validate_reference, ("training", "validation", "weights"), loop_cases,
    rounds=3, rtol=1e-6, float32_rtol=1e-6, trial=_trial,
)  # fmt: skip


def _oracle(way, model, optimizer, train, valid, passes):
    import torch

    from helpers.checks.chapter_06 import noisy_model

    if not isinstance(model, noisy_model.NoisyModel) or "momentum" not in optimizer.defaults:
        return NotImplemented
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271)
        curve, weights = getattr(noisy_model, way)(model, optimizer, train, valid, passes)
    return *np.array(curve).T, weights


@train_and_validate.oracle("every equation written out", needs_torch=True)
def _(*arguments):
    return _oracle("open_passes", *arguments)


@train_and_validate.oracle("the course's TorchTrainer", needs_torch=True)
def _(*arguments):
    return _oracle("trainer_passes", *arguments)


@train_and_validate.extreme(
    "a model handed over in evaluation mode",
    "Here the model comes in evaluation mode. His loop began with `model.train()`: before the first pass, too.",
)
def _(rng):
    return loop_cases(rng, training=False, N=2, T=3, passes=2, windows=2, unread=1)


@train_and_validate.extreme("Adam", "Use the optimizer that is handed in, all through: it remembers more than its rate.")
def _(rng):
    return loop_cases(rng, optimizer="Adam", N=2, T=3, passes=3, windows=3, unread=2)


FIRST = "    curve = []\n    for _ in range(passes):\n        model.train()\n"
PASS = "        state, losses = None, []\n"
READ = "        state, unseen = None, []\n"
EVAL = "        model.eval()\n"
ZERO, STEP = "            optimizer.zero_grad()\n", "            optimizer.step()\n"
CLIP = "            nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
PAIR = "(sum(losses) / len(losses), sum(unseen) / len(unseen))"
LAST = f"        curve.append({PAIR})\n    return curve"
HIS = FIRST, "    model.train()\n    curve = []\n    for _ in range(passes):\n"
NEW_LOSS = "                loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())\n"

train_and_validate.mistake(
    "unchanged",
    "After the first validation the model is still in evaluation mode when the second pass begins: nothing is dropped any "
    "more. `model.train()` has to come again before every pass, not once before them all.",
    HIS,
)
train_and_validate.mistake(
    "validates-with-dropout",
    "Without `model.eval()` (or with `model.train()` after it) the masks stay on while you validate. Training is mended, but "
    "validation now tests a network with holes, and gives another number each time. Keep it, and switch back afterwards.",
    (EVAL, ""),
)
train_and_validate.mistake(
    "train-for-eval",
    "Validation runs in training mode and training in evaluation mode: you have exchanged `model.train()` and `model.eval()`.",
    ("        model.train()\n", EVAL), (EVAL + READ, "        model.train()\n" + READ),
)  # fmt: skip
train_and_validate.mistake(
    "switched-back-too-late",
    "The model goes back to training mode after each validation only. If it comes in evaluation mode, the first pass drops "
    "nothing: `model.train()` before the first pass, too.",
    ("        model.train()\n", ""), (LAST, f"        model.train()\n{LAST}"),
)  # fmt: skip
train_and_validate.mistake(
    "training-set-by-hand",
    "`model.training = True` reaches the model alone, not the modules inside it. The model of this case drops in one of "
    "those, an nn.Dropout. `model.train()` goes through all.",
    ("        model.train()\n", "        model.training = True\n"),
)
train_and_validate.mistake(
    "both-modes-set-by-hand",
    "`model.training = …` reaches the model alone, not the modules inside it. The model of this case drops in one of those, "
    "an nn.Dropout. Switch with `model.train()` and `model.eval()`, which go through all.",
    ("        model.train()\n", "        model.training = True\n"), (EVAL + READ, f"        model.training = False\n{READ}"),
)  # fmt: skip
train_and_validate.mistake(
    "smaller-rate",
    "A smaller rate or some weight decay only puts the turn off: the text is learned by heart more slowly, and still nothing "
    "is dropped after the first pass.",
    HIS, (PASS, PASS + '        optimizer.param_groups[0]["lr"] /= 2\n'),
)  # fmt: skip
train_and_validate.mistake(
    "lowest-so-far",
    "You report the lowest validation loss *so far*. The curve cannot turn any more, but the model does: it is trained as "
    "before.",
    HIS,
    ("sum(unseen) / len(unseen)", "min([sum(unseen) / len(unseen), *(low for _, low in curve)])"),
)
train_and_validate.mistake(
    "best-weights-kept",
    "Keeping the weights that were best on validation is wise, and no repair: they are the best of a training without "
    "dropout. What differs is the mode in which passes 2, 3, … are trained.",
    HIS,
    (
        LAST,
        f"{LAST.removesuffix('    return curve')}        if curve[-1][1] == min(low for _, low in curve):\n"
        "            kept = copy.deepcopy(model.state_dict())\n    model.load_state_dict(kept)\n    return curve",
    ),
)
train_and_validate.mistake(
    "best-weights-kept-and-mended",
    "Dropout is as it should be, but you put the weights of the best pass back in. The loop leaves the model with those of the "
    "last one, as it did.",
    (
        LAST,
        f"{LAST.removesuffix('    return curve')}        if curve[-1][1] == min(low for _, low in curve):\n"
        "            kept = copy.deepcopy(model.state_dict())\n    model.load_state_dict(kept)\n    return curve",
    ),
)
train_and_validate.mistake(
    "validated-at-the-end-only",
    "You validate once, after the last pass. Dropout then stays on in training, but there is no curve to choose by: "
    "validate after every pass, and switch back to training mode.",
    (LAST, f"{LAST.removesuffix('    return curve')}    return [(training, curve[-1][1]) for training, _ in curve]"),
)
train_and_validate.mistake(
    "stops-when-it-turns",
    "You stop at the first pass that is worse than the one before. That hides the turn, and the passes that dropout would "
    "have made worth while are not made. It has to act in all of them.",
    HIS,
    (
        LAST,
        f"{LAST.removesuffix('    return curve')}        if len(curve) > 1 and curve[-1][1] > curve[-2][1]:\n"
        "            break\n    return curve",
    ),
)
train_and_validate.mistake(
    "mended-and-stopped-early",
    "Dropout is as it should be, but you stop at the first pass that is no better than the best so far. The loop makes all "
    "`passes`, and whoever reads the curve chooses.",
    (
        LAST,
        f"{LAST.removesuffix('    return curve')}        if len(curve) > 1 and curve[-1][1] >= curve[-2][1]:\n"
        "            break\n    return curve",
    ),
)
train_and_validate.mistake(
    "curve-begun-anew",
    "One pass alone is in your curve. Either `return curve` stands inside the loop over the passes and ends it after the first, "
    "or `curve = []` does and begins it anew: both belong outside.",
    (FIRST, "    for _ in range(passes):\n        curve = []\n        model.train()\n"),
)
train_and_validate.mistake(
    "longer-steps-clipped",
    "Another threshold of clipping changes the length of the steps. Nothing is dropped after the first pass all the same.",
    HIS, ("parameters(), 1.0)", "parameters(), 0.25)"),
)  # fmt: skip
train_and_validate.mistake(
    "not-clipped",
    "The loop is mended, but the gradient is no longer clipped at 1: `clip_grad_norm_` between `loss.backward()` and "
    "`optimizer.step()`.",
    (CLIP, ""),
)
train_and_validate.mistake(
    "never-in-training-mode",
    "You moved or removed the wrong line: now the model is in evaluation mode in the first pass, too. It is `model.train()` "
    "that has to come before every pass.",
    ("        model.train()\n", "        model.train(False)\n"),
)
train_and_validate.mistake(
    "no-train-at-all",
    "Nothing switches the model to training mode any more: after the first validation it stays in evaluation mode. "
    "`model.train()` has to come before every pass.",
    ("        model.train()\n", ""),
)
train_and_validate.mistake(
    "first-window-only",
    "The first window of every pass is trained with dropout, the others without: `model.eval()` comes too early. It belongs "
    "before the validation, after the last window of the pass.",
    (STEP, f"{STEP}    {EVAL}"),
)
train_and_validate.mistake(
    "state-anew-for-every-window",
    "Dropout is as it should be, but the state now starts from zeros in every window. It goes on from window to window: "
    "`state = None` once before each pass, as in the loop you were shown.",
    (
        "            logits, state = model(inputs, state)\n            loss = functional.cross_entropy(logits.flatten(0, 1), "
        "targets.flatten())\n            optimizer",
        "            logits, state = model(inputs)\n            loss = functional.cross_entropy(logits.flatten(0, 1), "
        "targets.flatten())\n            optimizer",
    ),
    (f"                logits, state = model(inputs, state)\n{NEW_LOSS}", f"                logits, _ = model(inputs)\n{NEW_LOSS}"),
)
train_and_validate.mistake(
    "state-anew-in-validation",
    "Dropout is as it should be, but in validation the state now starts from zeros in every window. It goes on from window to "
    "window.",
    (f"                logits, state = model(inputs, state)\n{NEW_LOSS}", f"                logits, _ = model(inputs)\n{NEW_LOSS}"),
)
train_and_validate.mistake(
    "state-from-training",
    "Dropout is as it should be, but validation begins with the state training ended with. Another text begins: "
    "`state = None` before its first window, too.",
    (READ, "        unseen = []\n"),
)
train_and_validate.mistake(
    "state-goes-on-over-passes",
    "Dropout is as it should be, but each pass begins with the state that the last window of training left. The text begins "
    "anew: `state = None` before the first window of every pass.",
    (FIRST, f"    going_on = None\n{FIRST}"), (PASS, "        state, losses = going_on, []\n"),
    (f"\n{EVAL}", f"\n        going_on = state\n{EVAL}"),
)  # fmt: skip
train_and_validate.mistake(
    "state-goes-on-from-validation",
    "Dropout is as it should be, but each pass begins with the state that validation ended with. The text begins anew: "
    "`state = None` before the first window of every pass.",
    (FIRST, f"    state = None\n{FIRST}"), (PASS, "        losses = []\n"),
)  # fmt: skip
train_and_validate.mistake(
    "gradients-pile-up",
    "Dropout is as it should be, but the gradients are no longer set to zero, so every step uses those of all before: "
    "`optimizer.zero_grad()` before `loss.backward()`.",
    (ZERO, ""),
)
train_and_validate.mistake(
    "gradients-pile-up-within-a-pass",
    "Dropout is as it should be, but the gradients are set to zero once a pass, so every step uses those of all windows before "
    "it: `optimizer.zero_grad()` for every window, before `loss.backward()`.",
    (FIRST, f"{FIRST}        optimizer.zero_grad()\n"), (ZERO, ""),
)  # fmt: skip
train_and_validate.mistake(
    "old-gradients",
    "The first step uses gradients that were left over from before the call: `optimizer.zero_grad()` has to come before the "
    "first `loss.backward()`, too.",
    (ZERO, ""), (STEP, STEP + ZERO),
)  # fmt: skip
train_and_validate.mistake(
    "nothing-learned",
    "The weights stay what they were: `optimizer.step()` belongs behind `loss.backward()` and the clipping, with the gradients "
    "still there, and it is *this* model that is to be trained.",
    (STEP, ""),
)
train_and_validate.mistake(
    "sums",
    "Dropout is as it should be, but you return the sums over the windows. Divide by their number.",
    (PAIR, "(sum(losses), sum(unseen))"),
)
train_and_validate.mistake(
    "last-losses",
    "You return the loss of the last window. The mean over all windows of the pass is wanted.",
    (PAIR, "(losses[-1], unseen[-1])"),
)
train_and_validate.mistake(
    "mean-of-all-passes",
    "Dropout is as it should be, but the means go over all passes so far: empty both lists when a pass begins.",
    (FIRST, f"    losses, unseen = [], []\n{FIRST}"), (PASS, "        state = None\n"), (READ, "        state = None\n"),
)  # fmt: skip
train_and_validate.mistake(
    "training-read-again",
    "Your training loss is read again after the pass, without dropout. The mean of the losses *during* the pass is wanted, as "
    "it was.",
    (
        f"\n{EVAL}",
        f"\n{EVAL}        state, losses = None, []\n        with torch.no_grad():\n            for inputs, targets in train:\n"
        f"                logits, state = model(inputs, state)\n{NEW_LOSS.replace('loss =', 'again =')}"
        "                losses.append(again.item())\n",
    ),
)
train_and_validate.mistake(
    "seeded",
    "You set the seed inside the function, so every call draws the same masks. Whoever calls decides on the seed.",
    ("    curve = []\n", "    torch.manual_seed(0)\n    curve = []\n"),
)
train_and_validate.mistake(
    "another-optimizer",
    "You make an optimizer of your own. Use the one that is handed in: it keeps more than the rate from step to step.",
    (PASS, f'{PASS}        optimizer = torch.optim.SGD(model.parameters(), lr=optimizer.param_groups[0]["lr"])\n'),
)
train_and_validate.mistake(
    "learns-from-validation",
    "Your validation makes steps, too: the model learns the text it is tested on. Only the training windows have "
    "`loss.backward()` and `optimizer.step()`.",
    ("        with torch.no_grad():\n", "        with torch.enable_grad():\n"),
    (
        "                unseen.append(loss.item())\n",
        "                optimizer.zero_grad()\n                loss.backward()\n"
        "                nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n                optimizer.step()\n"
        "                unseen.append(loss.item())\n",
    ),
)
train_and_validate.mistake(
    "validated-on-the-training-text",
    "You validate on the windows of training. Validation is about unseen words: loop over `valid`.",
    ("for inputs, targets in valid:", "for inputs, targets in train:"),
)
train_and_validate.mistake(
    "perplexities",
    "The loop is mended, but you return perplexities. Return the mean losses, in nats.",
    (PAIR, "(np.exp(sum(losses) / len(losses)), np.exp(sum(unseen) / len(unseen)))"),
)
train_and_validate.mistake(
    "validation-first",
    "Your pairs are (validation, training). Training comes first.",
    (PAIR, "(sum(unseen) / len(unseen), sum(losses) / len(losses))"),
)


def _train_pass(model, optimizer, train, before_step=lambda model: None):
    from torch import nn
    from torch.nn import functional

    state, losses = None, []
    for inputs, targets in train:
        before_step(model)
        logits, state = model(inputs, state)
        loss = functional.cross_entropy(logits.transpose(1, 2), targets)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return np.mean(losses)


def _read(model, windows):
    from helpers.torch_training.language_modelling import mean_nats

    return mean_nats(model, windows)


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


train_and_validate.landmark("""
    from helpers.models.torch_language_model import TorchLanguageModel

    torch.manual_seed(0)
    model = TorchLanguageModel(11, 20, 30, dropout=0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    windows = [tuple(torch.arange(12).reshape(2, 2, 3) % 11)]
    curve = train_and_validate(model, optimizer, windows, windows, 4)
    len({training for training, validation in curve})     # 4
    len({validation for training, validation in curve})   # 1
""")
