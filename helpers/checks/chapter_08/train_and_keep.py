"""`train_and_keep`: the colleague's loop, mended. It is tried on a model whose weights move by given steps."""

from __future__ import annotations

import copy

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import Given
from helpers.checks.registry import Exercise
from helpers.colleague import chapter_08 as colleague


def _train_and_keep(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy > max(accuracies):
            kept = copy.deepcopy(model.state_dict())
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies


def _accuracies(rng, passes):
    """Up, a small setback, up to the best; down, up again (now and then as high, or nearly), and down. As
    shares of 1997 examples, now and then all below one half, or the first the best."""
    levels = np.sort(rng.choice(np.arange(500, 900), size=passes - 3, replace=False))
    levels[1] = levels[0] - 20
    if len(levels) > 3:
        levels[-2] = levels[-1] - 1
    after = levels[-1] - np.array([80, rng.choice([0, 1]), 60])
    every = np.array([*levels, *after]) + rng.choice([0, 900])
    if rng.random() < 0.2:
        every[0] = every.max() + 1
    return [int(level) / 1997 for level in every]


def _cases(rng):
    passes, (R, S) = int(rng.integers(6, 10)), (int(rng.integers(2, 4)), int(rng.integers(4, 6)))
    shapes = {"weight": (R, S), "bias": (R,), "running_mean": (S,)}
    start = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    steps = [{name: rng.normal(size=shape) for name, shape in shapes.items()} for _ in range(passes)]
    accuracies = _accuracies(rng, passes)
    best = 1 + accuracies.index(max(accuracies))

    def make_model(start):
        from helpers.checks.chapter_08.watched_model import WatchedModel

        return WatchedModel(*start.values())

    def make_pass(steps):
        from helpers.checks.chapter_08.watched_model import TrainPass

        return TrainPass(steps)

    def make_evaluate(start, steps, accuracies):
        from helpers.checks.chapter_08.watched_model import Evaluate

        return Evaluate(start, steps, accuracies)

    return {
        "model": Given("a small model with a buffer", make_model, start),
        "train_pass": Given("steps known beforehand", make_pass, steps),
        "evaluate": Given(f"best after pass {best}", make_evaluate, start, steps, accuracies),
        "passes": passes,
    }


OUTPUTS = ("accuracies", "number of passes trained", "accuracy of the model that comes back", "its weights")


def _trial(function, model, train_pass, evaluate, passes):
    """What was returned, and what the model is like afterwards."""
    train_pass.model = model
    told = function(model, train_pass, evaluate, passes)
    if told is None:
        raise Complaint("It returned nothing (None); wanted the list of accuracies. Is the return line missing?")
    if isinstance(told, tuple) or np.ndim(told) != 1:
        kind = f"a tuple of {len(told)}" if isinstance(told, tuple) else type(told).__name__
        raise Complaint(f"The function should return the list of accuracies, one for each pass; it returned {kind}.")
    if train_pass.in_evaluation:
        raise Complaint("A pass is trained in evaluation mode: `eval()` needs a `train()` before the next pass, or leave both out.")
    return list(told), train_pass.done, evaluate(model), model.numbers()


train_and_keep = Exercise(
    "train_and_keep", "08", _train_and_keep, OUTPUTS, _cases, rounds=8, trial=_trial
)


@train_and_keep.oracle("the sum of all steps up to the best pass", needs_torch=True)
def _(model, train_pass, evaluate, passes):
    best = int(np.argmax(evaluate.accuracies))
    start, steps = model.numbers(), train_pass.steps[: best + 1]
    weights = {name: start[name] + sum(step[name] for step in steps) for name in start}
    return evaluate.accuracies, passes, max(evaluate.accuracies), weights


@train_and_keep.oracle("a file for every pass, the best one read at the end", needs_torch=True)
def _(model, train_pass, evaluate, passes):
    import io

    files, found = [], []
    for _ in range(passes):
        train_pass(model)
        found.append(evaluate(model))
        files.append(io.BytesIO())
        np.savez(files[-1], **model.numbers())
    best = found.index(max(found))
    files[best].seek(0)
    with np.load(files[best]) as weights:
        return found, passes, found[best], dict(weights)


# ---- the colleague's, and what amounts to the same ---------------------------------------------------

train_and_keep.misconception(
    "unchanged",
    "The model comes back as the last pass left it. `state_dict()` hands out the weights *themselves*, and the next pass goes "
    "on changing them in place; `dict(…)`, `.copy()` of the dict and `detach()` still share the numbers. Keep a copy of every "
    "tensor at the moment it is best, and load it into *this* model at the end.",
)(colleague.train_and_keep)


# ---- repairs that only hide it -----------------------------------------------------------------------


@train_and_keep.misconception(
    "stops-at-the-first-drop",
    "You stop as soon as a pass is not better. So the last pass is never far from the best *so far*, and the symptom is gone; "
    "but training ends at the first setback, before it got anywhere, and what comes back is still the last pass's model.",
)
def _(model, train_pass, evaluate, passes):
    accuracies = []
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        if len(accuracies) > 1 and accuracies[-1] <= max(accuracies[:-1]):
            break
    return accuracies


@train_and_keep.misconception(
    "stops-at-the-first-drop-with-a-copy",
    "The copy is right. But you also stop as soon as a pass is not better, and the first setback is not the end: train for all "
    "`passes`.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        if len(accuracies) > 1 and accuracies[-1] <= max(accuracies[:-1]):
            break
        kept = copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "half-as-many-passes",
    "You train for fewer passes, so the end is nearer to the best pass. The model that comes back is still the last one; "
    "another text, and the best pass is somewhere else.",
)
def _(model, train_pass, evaluate, passes):
    return colleague.train_and_keep(model, train_pass, evaluate, passes // 2)


@train_and_keep.misconception(
    "report-made-to-agree",
    "Report and model agree now, because you have lowered the *report*: the best pass's accuracy is overwritten by what the "
    "model scores at the end. The model is no better for it.",
)
def _(model, train_pass, evaluate, passes):
    accuracies = colleague.train_and_keep(model, train_pass, evaluate, passes)
    accuracies[accuracies.index(max(accuracies))] = evaluate(model)
    return accuracies


@train_and_keep.misconception(
    "report-cut-at-the-best",
    "You return the accuracies up to the best pass, so the report ends with it. The model that comes back is still the last "
    "pass's: it is the weights that have to go back, not the list.",
)
def _(model, train_pass, evaluate, passes):
    accuracies = colleague.train_and_keep(model, train_pass, evaluate, passes)
    return accuracies[: 1 + accuracies.index(max(accuracies))]


@train_and_keep.misconception(
    "mean-of-all-passes",
    "You hand back the mean of the weights of all passes. That can be a good model (chapter 6 has a use for it), but it is "
    "none whose accuracy you have seen: wanted are the weights of the best pass.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, total = [], None
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        now = {name: value.clone() for name, value in model.state_dict().items()}
        total = now if total is None else {name: total[name] + now[name] for name in now}
    model.load_state_dict({name: value / passes for name, value in total.items()})
    return accuracies


# ---- repairs that overshoot, or mend something else --------------------------------------------------


@train_and_keep.misconception(
    "back-to-the-best-each-time",
    "The copy is right, but you load it after *every* pass that is worse, so the next pass starts from there and the training "
    "is another one. Load once, behind the loop.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy > max(accuracies):
            kept = copy.deepcopy(model.state_dict())
        else:
            model.load_state_dict(kept)
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "later-of-equals",
    "The copy is right. But of two passes with the same accuracy you keep the later one: >= in place of >. That was not the "
    "fault, and the first is as good with less training.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy >= max(accuracies):
            kept = copy.deepcopy(model.state_dict())
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "better-than-the-pass-before",
    "The copy is right, but now it is made whenever a pass is better than the one *before* it. Compare with the best so far, as "
    "the colleague did.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy > accuracies[-1]:
            kept = copy.deepcopy(model.state_dict())
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "compared-with-itself",
    "The copy is right, but it is made once only: the accuracy is appended *before* it is compared, and then it is never "
    "greater than the list's maximum.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        if len(accuracies) == 1 or accuracies[-1] > max(accuracies):
            kept = copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "lowest",
    "The copy is right, but it is made where the accuracy is *lowest*. That is for losses; of accuracies the highest is best.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy < min(accuracies):
            kept = copy.deepcopy(model.state_dict())
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "untrained-model-counted",
    "The copy is right, but the model as it was before the first pass takes part in the comparison. Wanted is the best of the "
    "*passes*.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, best, kept = [], evaluate(model), copy.deepcopy(model.state_dict())
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        if accuracies[-1] > best:
            best, kept = accuracies[-1], copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "best-begins-at-one-half",
    "The copy is right, but `best` begins at 0.5, and a pass below that is never kept. Nothing is known of the accuracies: "
    "begin at −∞, or with the first.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, best, kept = [], 0.5, None
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        if accuracies[-1] > best:
            best, kept = accuracies[-1], copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "measured-before-the-pass",
    "You measure before you train, so every accuracy is that of the pass before. First `train_pass`, then `evaluate`.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        accuracy = evaluate(model)
        train_pass(model)
        if not accuracies or accuracy > max(accuracies):
            kept = copy.deepcopy(model.state_dict())
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies


def _passes_missed(range_of, name, hint):
    @train_and_keep.misconception(name, hint)
    def _(model, train_pass, evaluate, passes):
        return _train_and_keep(model, train_pass, evaluate, range_of(passes))


_passes_missed(lambda passes: passes - 1, "one-pass-too-few", "The copy is right, but one pass is missing: `range(passes)`.")
_passes_missed(lambda passes: passes + 1, "one-pass-too-many", "The copy is right, but there is a pass too many: `range(passes)`.")
_passes_missed(
    lambda passes: 1, "returns-after-the-first-pass", "There is one pass only: `return` stands inside the loop. One level less."
)


@train_and_keep.misconception(
    "best-so-far-reported",
    "The model is right, but the list holds the best accuracy *so far*. Wanted is what was measured after each pass.",
)
def _(model, train_pass, evaluate, passes):
    return np.maximum.accumulate(_train_and_keep(model, train_pass, evaluate, passes))


@train_and_keep.misconception(
    "a-copy-trained",
    "You train a copy. The optimizer inside `train_pass` changes the weights of *this* model only, so nothing is learned.",
)
def _(model, train_pass, evaluate, passes):
    net = copy.deepcopy(model)
    accuracies = _train_and_keep(net, train_pass, evaluate, passes)
    model.load_state_dict(net.state_dict())
    return accuracies


@train_and_keep.misconception(
    "copied-a-pass-early",
    "Your copy is one pass too old: it is made before `train_pass`, and the accuracy after it decides. Copy the weights that "
    "were measured.",
)
def _(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        before = copy.deepcopy(model.state_dict())
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy > max(accuracies):
            kept = before
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.misconception(
    "buffers-forgotten",
    "The parameters come back, the buffers do not: what a model keeps without learning it (a running mean, say) is in "
    "`state_dict()` but not in `parameters()`. Copy the whole state_dict.",
)
def _(model, train_pass, evaluate, passes):
    import torch

    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy > max(accuracies):
            kept = [parameter.detach().clone() for parameter in model.parameters()]
        accuracies.append(accuracy)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), kept, strict=True):
            parameter.copy_(value)
    return accuracies


@train_and_keep.misconception(
    "trained-again",
    "You train once more, up to the best pass, but from where the model stands by then: its first weights are long gone. "
    "Keep a copy of the best weights instead.",
)
def _(model, train_pass, evaluate, passes):
    accuracies = []
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
    for _ in range(1 + accuracies.index(max(accuracies))):
        train_pass(model)
    return accuracies


# ---- right ------------------------------------------------------------------------------------------


@train_and_keep.variant("a clone of every tensor")
def _(model, train_pass, evaluate, passes):
    accuracies, best = [], float("-inf")
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        if accuracies[-1] > best:
            best = accuracies[-1]
            kept = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    return accuracies


@train_and_keep.variant("copies of the whole model")
def _(model, train_pass, evaluate, passes):
    accuracies, models = [], []
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        models.append(copy.deepcopy(model))
    model.load_state_dict(models[int(np.argmax(accuracies))].state_dict())
    return np.array(accuracies)


@train_and_keep.variant("saved in memory")
def _(model, train_pass, evaluate, passes):
    import io

    import torch

    accuracies = []
    for n in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        if n == accuracies.index(max(accuracies)):
            file = io.BytesIO()
            torch.save(model.state_dict(), file)
    file.seek(0)
    model.load_state_dict(torch.load(file))
    return accuracies


@train_and_keep.variant("written back in place")
def _(model, train_pass, evaluate, passes):
    import torch

    found = []
    for _ in range(passes):
        train_pass(model)
        state = [value.detach().clone() for value in model.state_dict().values()]
        found.append((evaluate(model), state))
    _, best = max(found, key=lambda pair: pair[0])
    with torch.no_grad():
        for value, wanted in zip(model.state_dict().values(), best, strict=True):
            value.copy_(wanted)
    return [accuracy for accuracy, _ in found]


@train_and_keep.landmark("comes back with `0.9`")
def _(f):
    from helpers.checks.chapter_08.watched_model import Evaluate, TrainPass, WatchedModel

    start = {"weight": np.ones((1, 2)), "bias": np.ones(1), "running_mean": np.ones(2)}
    steps = [{name: np.full(value.shape, n + 1.0) for name, value in start.items()} for n in range(3)]
    model, evaluate = WatchedModel(*start.values()), Evaluate(start, steps, [0.5, 0.9, 0.7])
    f(model, TrainPass(steps), evaluate, 3)
    return evaluate(model)
