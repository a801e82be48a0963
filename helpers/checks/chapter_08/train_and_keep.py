"""`train_and_keep`: the colleague's loop, mended. It is tried on a model whose weights move by given steps."""

from __future__ import annotations

import copy

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import Given
from helpers.checks.registry import Exercise
from helpers.checks.words import Message


def train_and_keep_reference(model, train_pass, evaluate, passes):
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy > max(accuracies):
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies


def _accuracies(rng, passes):
    """Up, a small setback, up to the best; down, up again (now and then as high, or nearly), and down. As
    shares of 1997 examples, now and then all below one half. A few passes: just different."""
    if passes < 6:
        return [int(level) / 1997 for level in rng.choice(np.arange(500, 900), size=passes, replace=False)]
    levels = np.sort(rng.choice(np.arange(500, 900), size=passes - 3, replace=False))
    levels[1] = levels[0] - 20
    after = levels[-1] - np.array([80, rng.choice([0, 1]), 60])
    return [int(level) / 1997 for level in np.array([*levels, *after]) + rng.choice([0, 900])]


def _case(rng, accuracies, R=2, S=4):
    """A model with a buffer (R, S), a pass for each of the accuracies, and an `evaluate` that knows them."""
    shapes = {"weight": (R, S), "bias": (R,), "running_mean": (S,)}
    start, *steps = [{name: rng.normal(size=shape) for name, shape in shapes.items()} for _ in [0, *accuracies]]
    best = 1 + accuracies.index(max(accuracies))

    def make(name):
        def made(*parts):
            from helpers.checks.chapter_08 import watched_model

            return getattr(watched_model, name)(*parts)

        return made

    return {
        "model": Given(Message("a small model with a buffer"), make("WatchedModel"), *start.values()),
        "train_pass": Given(Message("steps known beforehand"), make("TrainPass"), steps),
        "evaluate": Given(Message("best after pass {best}", best=best), make("Evaluate"), start, steps, accuracies),
        "passes": len(accuracies),
    }


def loop_cases(rng, *, passes=(6, 9), R=(2, 3), S=(4, 5)):
    return _case(rng, _accuracies(rng, passes), R, S)


def _trial(function, model, train_pass, evaluate, passes):
    """What was returned, how many passes were trained, and what the model is like afterwards."""
    import torch

    from helpers.checks.chapter_08.watched_model import numbers

    done = measured = 0
    own = [(id(each), each.requires_grad) for each in model.parameters()]

    def measure(given):
        nonlocal measured
        measured += 1
        return evaluate(given)

    def counted(given):
        nonlocal done
        done += 1
        if not torch.is_grad_enabled():
            raise Complaint(
                "A pass is trained while gradients are switched off (`no_grad`, `inference_mode`): its `loss.backward()` would fail. "
                "What only copies or reads may stand in such a `with`; the training must not."
            )
        if not given.training:
            raise Complaint(
                "A pass is trained in evaluation mode: `eval()` needs a `train()` before the next pass, or leave both out."
            )
        train_pass(given)

    train_pass.model = model
    told = function(model, counted, measure, passes)
    if measured > passes + 1:
        raise Complaint(
            "It measured {count} times in {passes} passes. An `evaluate` reads the whole validation text, and need not say the same "
            "twice: call it once a pass, and keep the number.", count=measured, passes=passes,
        )  # fmt: skip
    if own != [(id(each), each.requires_grad) for each in model.parameters()]:
        raise Complaint(
            "The parameters that come back are not those that went in, or are frozen (`assign=True`, `requires_grad_(False)`): the "
            "optimizer could not go on with them. Write the values into the model's own: `model.load_state_dict(kept)`."
        )
    if told is None:
        raise Complaint("It returned nothing (None); wanted the list of accuracies. Is the return line missing?")
    if isinstance(told, tuple | dict) or np.ndim(told) != 1:
        kind = Message("a {type}", type=type(told).__name__)
        if np.ndim(told) > 1:
            raise Complaint("The function should return the list of accuracies, one number for each pass; an entry of yours "
                            "holds several.")  # fmt: skip
        if isinstance(told, tuple | dict):
            kind = Message("a {type} of {count}", type=type(told).__name__, count=len(told))
        raise Complaint("The function should return the list of accuracies, one for each pass; it returned {kind}.",
                        kind=kind)  # fmt: skip
    return list(told), done, evaluate(model), numbers(model)


train_and_keep = Exercise(
    "train_and_keep",
    "08",
    train_and_keep_reference,
    ("accuracies", "number of passes trained", "accuracy of the model that comes back", "its weights"),
    loop_cases,
    rounds=6,
    trial=_trial,
)


@train_and_keep.oracle("the sum of all steps up to the best pass", needs_torch=True)
def _(model, train_pass, evaluate, passes):
    if not hasattr(train_pass, "steps"):
        return NotImplemented
    from helpers.checks.chapter_08.watched_model import numbers

    best = int(np.argmax(evaluate.accuracies))
    weights = {name: start + sum(step[name] for step in train_pass.steps[: best + 1]) for name, start in numbers(model).items()}
    return evaluate.accuracies, passes, max(evaluate.accuracies), weights


@train_and_keep.oracle("a file for every pass, the best one read at the end", needs_torch=True)
def _(model, train_pass, evaluate, passes):
    import io

    from helpers.checks.chapter_08.watched_model import numbers

    files, found = [], []
    for _ in range(passes):
        train_pass(model)
        found.append(evaluate(model))
        files.append(io.BytesIO())
        np.savez(files[-1], **numbers(model))
    best = found.index(max(found))
    files[best].seek(0)
    with np.load(files[best]) as weights:
        return found, passes, found[best], dict(weights)


@train_and_keep.extreme("all accuracies 0", "An accuracy may be 0, and a best that starts at 0 is never beaten by it: nothing is kept.")
def _(rng):
    return _case(rng, [0.0, 0.0, 0.0])


@train_and_keep.extreme("all passes equally good", "Of equally good passes the first is kept.")
def _(rng):
    return _case(rng, [0.625] * 4)


@train_and_keep.extreme("the first pass is the best", "The first pass may be the best of all: its weights have to be kept, too.")
def _(rng):
    return _case(rng, [0.9, 0.7, 0.8, 0.6])


@train_and_keep.extreme("better by a hair", "Better is better, by however little: no rounding, no tolerance.")
def _(rng):
    return _case(rng, [0.7, 0.7000001, 0.70000015, 0.7000001])


@train_and_keep.extreme("the last pass is the best", "Right unless the last pass is the best: it is compared like every other.")
def _(rng):
    return _case(rng, [0.6, 0.5, 0.7, 0.9])


COPY = "{name: value.clone() for name, value in model.state_dict().items()}"
BETTER = "not accuracies or accuracy > max(accuracies)"
START, LOAD = "    accuracies, kept = [], None\n", "    model.load_state_dict(kept)\n"
APPEND, PASS = "        accuracies.append(accuracy)\n", "        train_pass(model)\n"

train_and_keep.mistake(
    "unchanged",
    "The model comes back as the last pass left it. `model.state_dict()` hands out the weights *themselves*, and the next pass goes "
    "on changing them in place; `dict(…)`, `.copy()` of the dict and detach() of its tensors still share the numbers. Keep a copy of every "
    "tensor at the moment it is best, and load it into *this* model at the end (`model = best` only gives the name to another one).",
    (COPY, "model.state_dict()"),
)
train_and_keep.mistake(
    "report-made-to-agree",
    "Report and model agree now, because you have lowered the *report*: the best pass's accuracy is overwritten by what the "
    "model scores at the end. The model is no better for it.",
    (COPY, "model.state_dict()"),
    ("    return", "    accuracies[accuracies.index(max(accuracies))] = evaluate(model)\n    return"),
)
train_and_keep.mistake(
    "stops-at-the-first-drop",
    "You stop as soon as a pass is not better than the best. The first setback is not the end: train for all `passes`.",
    (APPEND, f"{APPEND}        if len(accuracies) > 1 and accuracy <= max(accuracies[:-1]):\n            break\n"),
)
train_and_keep.mistake(
    "stops-before-the-first-drop-is-noted",
    "You stop at the first pass that is not better, and its accuracy is not even in the list. Train for all `passes`, and note "
    "each.",
    (APPEND, f"        else:\n            break\n{APPEND}"),
)
train_and_keep.mistake(
    "only-better-passes-reported",
    "Only passes that are better than all before get into your list. Wanted is one accuracy for each pass.",
    (APPEND, f"    {APPEND}"),
)
train_and_keep.mistake(
    "half-as-many-passes",
    "You train for fewer passes, so the end is nearer to the best one. Elsewhere the best pass is another: train for all "
    "`passes`.",
    ("range(passes)", "range(passes // 2)"),
)
train_and_keep.mistake(
    "report-cut-at-the-best",
    "You return the accuracies up to the best pass. The report has one for each pass; it is the weights that go back, not the "
    "list.",
    ("return accuracies", "return accuracies[: 1 + accuracies.index(max(accuracies))]"),
)
train_and_keep.mistake(
    "best-so-far-reported",
    "The list holds the best accuracy *so far*. Wanted is what was measured after each pass.",
    ("return accuracies", "return [max(accuracies[: n + 1]) for n in range(passes)]"),
)
train_and_keep.mistake(
    "back-to-the-best-each-time",
    "You load the best weights inside the loop, after a pass that is worse, so the next one starts from there and the training "
    "is another one. Load once, behind the loop.",
    (APPEND, f"        else:\n            model.load_state_dict(kept)\n{APPEND}"),
)
train_and_keep.mistake(
    "later-of-equals",
    "Of two passes with the same accuracy you keep the later one: >= in place of >. The first is as good with less training.",
    ("accuracy > max", "accuracy >= max"),
)
train_and_keep.mistake(
    "better-than-the-pass-before",
    "A copy is made whenever a pass is better than the one *before* it. Compare with the best so far, as the colleague did.",
    ("max(accuracies)", "accuracies[-1]"),
)
train_and_keep.mistake(
    "compared-with-itself",
    "A copy is made once only: the accuracy is appended *before* it is compared, and then it is never greater than the list's "
    "maximum.",
    ("        accuracy = evaluate(model)\n", f"        accuracy = evaluate(model)\n{APPEND}"),
    ("not accuracies or", "len(accuracies) == 1 or"),
    (f"{APPEND}    model", "    model"),
)
train_and_keep.mistake(
    "lowest",
    "The copy is made where the accuracy is *lowest*. That is for losses; of accuracies the highest is best.",
    ("> max(accuracies)", "< min(accuracies)"),
)
train_and_keep.mistake(
    "untrained-model-counted",
    "The model as it was before the first pass takes part in the comparison. Wanted is the best of the *passes*.",
    (START, "    accuracies, best, kept = [], evaluate(model), copy.deepcopy(model.state_dict())\n"),
    (f"if {BETTER}:\n", "if accuracy > best:\n            best = accuracy\n"),
)
train_and_keep.mistake(
    "best-begins-at-one-half",
    "`best` begins at 0.5, and a pass below that is never kept. Nothing is known of the accuracies: begin at −∞, or with the "
    "first.",
    (START, "    accuracies, best, kept = [], 0.5, None\n"),
    (f"if {BETTER}:\n", "if accuracy > best:\n            best = accuracy\n"),
)
train_and_keep.mistake(
    "first-weights-kept",
    "`best` begins at 0.5, and where no pass is above it the model gets back the weights from *before* the training. Begin at "
    "−∞, or with the first pass.",
    (START, f"    accuracies, best, kept = [], 0.5, {COPY}\n"),
    (f"if {BETTER}:\n", "if accuracy > best:\n            best = accuracy\n"),
)
train_and_keep.mistake(
    "measured-before-the-pass",
    "You measure before you train, so every accuracy is that of the pass before. First `train_pass`, then `evaluate`.",
    (f"{PASS}        accuracy = evaluate(model)\n", f"        accuracy = evaluate(model)\n{PASS}"),
)
train_and_keep.mistake(
    "measured-and-copied-before-the-pass",
    "You measure and copy before you train: the first number is the untrained model's, and the last pass is never measured. First "
    "`train_pass`, then `evaluate`.",
    (f"{PASS}        accuracy = evaluate(model)\n", "        accuracy = evaluate(model)\n"),
    (APPEND, f"{APPEND}{PASS}"),
)
train_and_keep.mistake(
    "never-better",
    "The accuracy is appended *before* it is compared: it is never greater than the list's maximum, so nothing is ever kept, and "
    "None is loaded.",
    ("        accuracy = evaluate(model)\n", f"        accuracy = evaluate(model)\n{APPEND}"),
    ("not accuracies or ", ""),
    (f"{APPEND}    model", "    model"),
)
train_and_keep.mistake(
    "copied-a-pass-early",
    "Your copy is one pass too old: it is made before `train_pass`, and the accuracy after it decides. Copy the weights that "
    "were measured.",
    (f"kept = {COPY}", "kept = before"),
    (PASS, f"        before = {COPY}\n{PASS}"),
)
train_and_keep.mistake(
    "copied-a-pass-late",
    "Your copy is made at the end of the next pass: by then the weights that were measured are gone. Copy them before the next "
    "`train_pass`.",
    (PASS, f"{PASS}        if better:\n            kept, better = {COPY}, False\n"),
    (f"            kept = {COPY}\n        acc", "            better = True\n        acc"),
    (START, f"    accuracies, kept, better = [], {COPY}, False\n"),
)
train_and_keep.mistake(
    "a-copy-trained",
    "You train a copy. The optimizer inside `train_pass` changes the weights of *this* model only, so nothing is learned.",
    (START, f"{START}    original, model = model, copy.deepcopy(model)\n"),
    (LOAD, "    original.load_state_dict(kept)\n"),
)
train_and_keep.mistake(
    "buffers-forgotten",
    "The parameters come back, the buffers do not: what a model keeps without learning it (a running mean, say) is in "
    "`model.state_dict()` but not in `model.parameters()`. Copy the whole state_dict.",
    (COPY, "[value.detach().clone() for value in model.parameters()]"),
    (LOAD, "    for value, best in zip(model.parameters(), kept, strict=True):\n        value.data = best\n"),
)
train_and_keep.mistake(
    "trained-again",
    "You train once more, up to the best pass, but from where the model stands by then: its first weights are long gone. "
    "Keep a copy of the best weights instead.",
    (LOAD, "    for _ in range(1 + accuracies.index(max(accuracies))):\n        train_pass(model)\n"),
)
train_and_keep.mistake(
    "trained-again-from-the-start",
    "You go back to the first weights and train up to the best pass once more. That takes as long again, and no second training "
    "is the first (other batches, the optimizer's memory). Keep a copy of the best weights instead.",
    (START, f"{START}    first = {COPY}\n"),
    (
        LOAD,
        "    model.load_state_dict(first)\n    for _ in range(1 + accuracies.index(max(accuracies))):\n"
        "        train_pass(model)\n",
    ),
)
train_and_keep.mistake(
    "mean-of-all-passes",
    "You hand back the mean of the weights of all passes. That can be a good model (chapter 6 has a use for it), but it is "
    "none whose accuracy you have seen: wanted are the weights of the best pass.",
    (
        APPEND,
        f"{APPEND}        now = model.state_dict()\n"
        "        total = {name: value + (total[name] if _ else 0) for name, value in now.items()}\n",
    ),
    (LOAD, "    model.load_state_dict({name: value / passes for name, value in total.items()})\n"),
)
train_and_keep.mistake(
    "nothing-kept",
    "Nothing is kept of the first pass: with no accuracies there is no maximum yet, and the first pass is better than none. "
    "`not accuracies or …`",
    ("not accuracies or", "accuracies and"),
)


@train_and_keep.variant("deep copies, begun at minus infinity")
def _(model, train_pass, evaluate, passes):
    accuracies, best = [], float("-inf")
    for _ in range(passes):
        train_pass(model)
        accuracies.append(evaluate(model))
        if accuracies[-1] > best:
            best, kept = accuracies[-1], copy.deepcopy(model.state_dict())
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


train_and_keep.landmark("""
    tiny = torch.nn.Linear(1, 1)
    tiny.weight.data[:] = 0

    def one_more(model):   # after pass n the weight is n
        model.weight.data += 1

    def measured(model):
        return [0.2, 0.5, 0.9, 0.7][int(model.weight)]

    train_and_keep(tiny, one_more, measured, 3)   # [0.5, 0.9, 0.7]
    measured(tiny)   # 0.9
""")
