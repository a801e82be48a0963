"""`torch_train_step`: reference, oracles, and the mistakes learners make.

An answer is tried for two windows in a row: what it did to the weights, and what it carries on, shows in the
second.
"""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import Given, tensor
from helpers.checks.registry import Exercise
from helpers.checks.words import Message


def torch_train_step_reference(model, optimizer, inputs, targets, state, max_norm):
    import torch
    from torch.nn import functional

    logits, state = model(inputs, state)
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), [(h.detach(), c.detach()) for h, c in state]


def step_cases(rng, optimizer="SGD", frozen=(), dropout=0.0, groups=1, *, N=(2, 3), T=(4, 5), D=(6, 7), H=(8, 9), layers=(2, 3), **options):
    V, seed = int(rng.integers(10, 13)), int(rng.integers(10**6))
    options = {"lr": float(rng.uniform(0.5, 2)), **options}

    def make_model():
        from helpers.checks.chapter_06.noisy_model import NoisyModel
        from helpers.checks.chapter_06.small_model import SmallModel, random_weights

        weights = random_weights(np.random.default_rng(seed), V, D, H, layers)
        model = NoisyModel(weights, dropout) if dropout else SmallModel(weights)
        for name in frozen:
            model.get_parameter(name).requires_grad_(False).grad = None
        return model

    def make_optimizer(model):
        import torch

        parameters = list(model.parameters())
        parts = [{"params": parameters[part::groups]} for part in range(groups)]
        return getattr(torch.optim, optimizer)(parts, **options)

    def make_state(arrays):
        import torch

        return [tuple(map(torch.from_numpy, layer)) for layer in arrays]

    text = Message("{layers} LSTM layers with V = {V}", layers=layers, V=V)
    if layers == 1:
        text = Message("1 LSTM layer with V = {V}", V=V)
    if dropout:
        text = Message("{model} and dropout {p}", model=text, p=dropout)
    if frozen:
        text = Message("{model}, {names} frozen", model=text, names=", ".join(frozen))
    model = Given(text, make_model)
    settings = ", ".join(f"{name}={value:.3g}" for name, value in options.items())
    arrays = [list(rng.normal(size=(2, N, H))) for _ in range(layers)]
    state = Given(Message("{layers} × (h, c), each {shape}", layers=layers, shape=(N, H)), make_state, arrays)
    return {
        "model": model,
        "optimizer": Given(f"{optimizer}({settings})", make_optimizer, model),
        "inputs": tensor(rng.integers(0, V, size=(N, T))),
        "targets": tensor(rng.integers(0, V, size=(N, T))),
        "state": state,
        "max_norm": float(rng.uniform(0.05, 0.2)),
    }


def _trial(function, model, optimizer, inputs, targets, state, max_norm):
    """Two windows, the second going on from the state that the first returned."""
    import torch

    from helpers.checks.chapter_06.small_model import numbers

    with torch.no_grad():
        shapes = [[tuple(s.shape) for s in layer] for layer in model(inputs)[1]]
    told = []
    for window in ((inputs, targets), (targets, inputs)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(271)
            answer = function(model, optimizer, *window, state, max_norm)
        loss, state, values = _parts(answer, shapes)
        if not model.training:
            raise Complaint("The model comes back in evaluation mode: a step of training leaves the mode alone.")
        told += [loss, values, numbers(model)]
    return tuple(told)


def _parts(answer, shapes):
    """loss, new state, its values as one array."""
    from helpers.checks.chapter_06.small_model import stacked

    if not isinstance(answer, tuple | list) or len(answer) != 2:
        if isinstance(answer, tuple | list):
            raise Complaint("The function should return two things, loss and new state; it returned {count} values.",
                            count=len(answer))  # fmt: skip
        if answer is None:
            raise Complaint("The function should return two things, loss and new state; it returned None.")
        raise Complaint("The function should return two things, loss and new state; it returned one {type}.",
                        type=type(answer).__name__)  # fmt: skip
    loss, state = answer
    if state is None:
        return loss, None, None
    wanted = Message("The new state should be a list with a pair (h, c) for each layer, each a tensor (N, H)")
    if not isinstance(state, list | tuple):
        raise Complaint("{wanted}; it is a {type}.", wanted=wanted, type=type(state).__name__)
    try:
        flat = [each for layer in state for each in layer]
        found = [[tuple(each.shape) for each in layer] for layer in state]
    except (TypeError, AttributeError):
        raise Complaint("{wanted}; something else is in it.", wanted=wanted) from None
    if not all(hasattr(each, "requires_grad") for each in flat):
        odd = next(each for each in flat if not hasattr(each, "requires_grad"))
        raise Complaint("{wanted}; it holds a {type} in place of a tensor.",
                        wanted=wanted, type=type(odd).__name__)  # fmt: skip
    if found != shapes:
        raise Complaint("{wanted}: {shapes}. Yours has {found}.",
                        wanted=wanted, shapes=_shown(shapes), found=_shown(found))  # fmt: skip
    if any(each.requires_grad for each in flat):   # the next backward would stop with torch's message on it
        raise Complaint("The new state drags its history along: it is not detached.")
    return loss, state, stacked(state)


def _shown(shapes):
    return ", ".join(f"({', '.join(map(str, layer))})" for layer in shapes)


torch_train_step = Exercise(
    "torch_train_step",
    "06",
    torch_train_step_reference,
    ("loss", "new state", "weights", "loss of the next window", "state after the next window",
     "weights after the next window"),
    step_cases,
    rounds=4,
    rtol=1e-6,
    float32_rtol=1e-6,
    trial=_trial,
    skip={"nearly": "a step moves the weights a little, so wrong ones are nearly right, too"},
)  # fmt: skip


def _told(steps):
    """Two steps of an oracle as the outputs of a trial."""
    return tuple(each for step in steps for each in step)


@torch_train_step.oracle("every equation written out, with torch.autograd.grad", needs_torch=True)
def _(model, optimizer, inputs, targets, state, max_norm):
    from helpers.checks.chapter_06.small_model import SmallModel, open_steps

    if type(model) is not SmallModel or "momentum" not in optimizer.defaults:
        return NotImplemented
    return _told(open_steps(model, optimizer, [(inputs, targets), (targets, inputs)], state, max_norm))


@torch_train_step.oracle("the NumPy model and its train_step", needs_torch=True)
def _(model, optimizer, inputs, targets, state, max_norm):
    from helpers.checks.chapter_06.small_model import SmallModel, numpy_steps

    plain = optimizer.defaults.get("momentum") == 0 and all(p.requires_grad for p in model.parameters())
    if not plain or type(model) is not SmallModel:
        return NotImplemented
    return _told(numpy_steps(model, optimizer, [(inputs, targets), (targets, inputs)], state, max_norm))


@torch_train_step.extreme("no state yet", "The first window has no state: None goes into the model as it is.")
def _(rng):
    return step_cases(rng, N=2, T=3, D=5, H=4, layers=2) | {"state": None}


@torch_train_step.extreme("a gradient shorter than max_norm", "Clipping only shortens: a gradient below `max_norm` stays as it is.")
def _(rng):
    return step_cases(rng, N=2, T=5, D=5, H=4, layers=2) | {"max_norm": 20.0}


@torch_train_step.extreme(
    "SGD with momentum", "An optimizer remembers more than its rate. Let `optimizer.step()` make the step, with the one handed in."
)
def _(rng):
    return step_cases(rng, N=2, T=3, D=5, H=4, layers=1, momentum=0.9)


@torch_train_step.extreme("Adam", "Adam's step is not rate times gradient. Let `optimizer.step()` make it, whatever the optimizer.")
def _(rng):
    return step_cases(rng, N=2, T=3, D=5, H=4, layers=1, optimizer="Adam", lr=0.05)


@torch_train_step.extreme(
    "a frozen parameter",
    "A parameter may have no gradient, its `.grad` is None: before the first step, or frozen, as in the cell after this one. "
    "`optimizer.zero_grad()`, and `clip_grad_norm_` over all of `model.parameters()`, cope with that.",
)
def _(rng):
    return step_cases(rng, N=2, T=3, D=5, H=4, layers=2, frozen=("b of layer 0",))


@torch_train_step.extreme(
    "a model with dropout",
    "Right without dropout. The model is called once, in the mode it is in: logits and state belong together.",
)
def _(rng):
    return step_cases(rng, N=2, T=3, D=5, H=4, layers=1, dropout=0.4)


@torch_train_step.extreme(
    "two groups of parameters", "An optimizer may hold its parameters in groups. Clip all of them together: `model.parameters()`."
)
def _(rng):
    return step_cases(rng, N=2, T=3, D=5, H=4, layers=1, groups=2)


@torch_train_step.extreme("N = T", "Here N = T, so inputs and logits fit when they are transposed, too: check the axes.")
def _(rng):
    return step_cases(rng, N=4, T=4, D=5, H=6, layers=1)


LOSS = "functional.cross_entropy(logits.flatten(0, 1), targets.flatten())"
ZERO, STEP = "    optimizer.zero_grad()\n", "    optimizer.step()\n"
CLIP = "    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
STATE = "[(h.detach(), c.detach()) for h, c in state]"
FORWARDS = "logits, state = model(inputs, state)"

torch_train_step.mistake(
    "no-zero-grad",
    "The gradient still has an older one in it. torch adds to `.grad`, so `optimizer.zero_grad()` has to come before every "
    "`loss.backward()`.",
    (ZERO, ""),
)
torch_train_step.mistake(
    "not-clipped",
    "The weights move as if nothing had been clipped. `clip_grad_norm_` takes the parameters (not their gradients), and works on "
    "the gradients that are there: after `loss.backward()`, which makes them, and before `optimizer.step()`, which uses them.",
    (CLIP, ""),
)
torch_train_step.mistake(
    "sum",
    "Your loss is the *sum* over the N·T places. Wanted is the mean, cross_entropy's default; threshold and learning rate "
    "are meant for it.",
    ("targets.flatten())", 'targets.flatten(), reduction="sum")'),
)
torch_train_step.mistake(
    "state-not-handed-in",
    "The model starts from zeros in every window: hand it the state, `model(inputs, state)`.",
    ("model(inputs, state)", "model(inputs)"),
)
torch_train_step.mistake(
    "sum-over-steps",
    "Your loss is a sum over the T steps and a mean over the N rows only. Divide by N·T: the mean over all places.",
    (LOSS, f"{LOSS} * inputs.shape[1]"),
)
torch_train_step.mistake(
    "targets-transposed",
    "Logits and targets are flattened in different orders: the targets run step by step, the logits row by row. No "
    "transpose: logits (N, T, V) and targets (N, T), both flattened as they are.",
    ("targets.flatten()", "targets.T.flatten()"),
)
torch_train_step.mistake(
    "softmax-first",
    "You take the softmax first, and cross_entropy takes it again. Hand it the logits themselves.",
    ("logits.flatten", "logits.softmax(-1).flatten"),
)
torch_train_step.mistake(
    "no-logarithm",
    "nll_loss takes log-probabilities, and gets probabilities: the logarithm is missing. cross_entropy takes the logits themselves.",
    (LOSS, "functional.nll_loss(logits.softmax(-1).flatten(0, 1), targets.flatten())"),
)
torch_train_step.mistake(
    "logits-for-log-probabilities",
    "nll_loss takes log-probabilities, and gets logits: their log_softmax is missing. cross_entropy takes the logits themselves.",
    ("functional.cross_entropy", "functional.nll_loss"),
)
torch_train_step.mistake(
    "arguments-exchanged",
    "cross_entropy takes the scores first and the targets second; yours are exchanged.",
    (LOSS, "functional.cross_entropy(targets.flatten(), logits.flatten(0, 1))"),
)
torch_train_step.mistake(
    "zeroed-at-the-end",
    "`optimizer.zero_grad()` comes at the end only, so the first step still has in it what was in `.grad` before the call. It has "
    "to come before `loss.backward()`.",
    (ZERO, ""), (STEP, STEP + ZERO),
)  # fmt: skip
torch_train_step.mistake(
    "not-detached",
    "The next window's `loss.backward()` would go on into this window, whose graph is gone. Return `h.detach()` and `c.detach()`, "
    "both of them, for every layer.",
    (STATE, "state"),
)
torch_train_step.mistake(
    "clipped-at-one", "You clip at 1, whatever is asked for. The threshold is the argument `max_norm`.",
    ("parameters(), max_norm)", "parameters(), 1.0)"),
)
torch_train_step.mistake(
    "nothing-learned",
    "The weights have not moved. Either `loss.backward()` or `optimizer.step()` is missing, or the step comes before the "
    "backward, or `optimizer.zero_grad()` comes between them and wipes the gradient away.",
    (STEP, ""),
)
torch_train_step.mistake(
    "a-norm-for-each-parameter",
    "Every parameter is clipped by its own norm, which turns the step. Hand `clip_grad_norm_` all of them at once: "
    "`model.parameters()`.",
    (
        CLIP,
        "    for parameter in model.parameters():\n        torch.nn.utils.clip_grad_norm_([parameter], max_norm)\n",
    ),
)
torch_train_step.mistake(
    "by-value",
    "You cut off every entry at ± max_norm (clip_grad_value_). Wanted is `clip_grad_norm_`: one factor for all.",
    ("clip_grad_norm_", "clip_grad_value_"),
)
torch_train_step.mistake(
    "short-ones-lengthened",
    "Every gradient is scaled to the length max_norm, short ones too. Clipping only shortens: the factor is at most 1.",
    (
        CLIP,
        "    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf)\n"
        "    for p in model.parameters():\n        if p.grad is not None:\n            p.grad *= max_norm / norm\n",
    ),
)
torch_train_step.mistake(
    "no-root",
    "Your norm is the sum of the squares; the root is missing. `clip_grad_norm_` does all of it.",
    (
        CLIP,
        "    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf) ** 2\n"
        "    for p in model.parameters():\n        if p.grad is not None:\n            p.grad *= min(1.0, max_norm / (norm + 1e-6))\n",
    ),
)
for _norm, _words in (("math.inf", "the largest entry"), ("1", "the sum of all sizes")):
    torch_train_step.mistake(
        f"norm-of-type-{_norm}",
        f"Your norm is {_words} (norm_type={_norm}). Leave norm_type out: the length, the root of the sum of all squares.",
        ("parameters(), max_norm)", f"parameters(), max_norm, {_norm})"),
    )
torch_train_step.mistake(
    "sgd-by-hand",
    "You subtract lr times gradient by hand (or make an SGD of your own). That is plain SGD; the optimizer handed in may have "
    "momentum, or be Adam: `optimizer.step()`.",
    (
        STEP,
        "    with torch.no_grad():\n        for p in model.parameters():\n            if p.grad is not None:\n"
        '                p -= optimizer.param_groups[0]["lr"] * p.grad\n',
    ),
)
torch_train_step.mistake(
    "no-graph",
    "The loss has no history, so there is nothing to differentiate: a no_grad around the model, or a detach on "
    "the logits. Detach the *state* only, and only on its way out.",
    (LOSS, LOSS.replace("logits", "logits.detach()")),
)
torch_train_step.mistake(
    "sum-over-rows",
    "Your loss is a sum over the N rows and a mean over the T steps only. Divide by N·T: the mean over all places.",
    (LOSS, f"{LOSS} * len(inputs)"),
)
torch_train_step.mistake(
    "logits-transposed",
    "Logits and targets are flattened in different orders: the logits run step by step, the targets row by row. They come "
    "as (N, T, V): flatten(0, 1) without a transpose.",
    ("logits.flatten(0, 1)", "logits.transpose(0, 1).flatten(0, 1)"),
)
torch_train_step.mistake(
    "reshaped-for-transposed",
    "You reshape logits (N, T, V) to (N, V, T). That mixes the scores of different places: cross_entropy wants the classes as "
    "the second axis, which is `logits.transpose(1, 2)`, or a row of scores for each target, `logits.flatten(0, 1)`.",
    (LOSS, "functional.cross_entropy(logits.reshape(len(logits), -1, logits.shape[1]), targets)"),
)
torch_train_step.mistake(
    "not-flattened",
    "cross_entropy takes the *second* axis for the classes, and in (N, T, V) that is time. Flatten to (N·T, V) and (N·T,).",
    (LOSS, "functional.cross_entropy(logits, targets)"),
)
torch_train_step.mistake(
    "view",
    "`view` wants numbers that lie in memory in the order of the axes, and the logits are a transposed view. `reshape` and "
    "`flatten` copy where they have to.",
    ("logits.flatten(0, 1)", "logits.view(-1, logits.shape[-1])"),
)
torch_train_step.mistake(
    "last-step-only",
    "Your loss is that of the last step alone. A language model predicts a word at every one of the T steps.",
    (LOSS, "functional.cross_entropy(logits[:, -1], targets[:, -1])"),
)
torch_train_step.mistake(
    "predicts-its-input",
    "You compare with the inputs: the network would learn to repeat a word. Compare with `targets`.",
    ("targets.flatten()", "inputs.flatten()"),
)
torch_train_step.mistake(
    "old-state",
    "You return the state you were given. The model's second value is the new one: `logits, state = model(inputs, state)`.",
    (FORWARDS, "logits, _ = model(inputs, state)"), (STATE, "state"),
)  # fmt: skip
torch_train_step.mistake(
    "state-thrown-away",
    "You return None for the state, so the next window starts from zeros. Return the model's new state, detached.",
    (STATE, "None"),
)
torch_train_step.mistake(
    "state-of-the-new-weights",
    "You run the model once more, after the step, and return that state. Wanted is the one from before the step, which came "
    "out together with the logits.",
    (FORWARDS, "logits, _ = model(inputs, state)"), (STATE, STATE.replace("in state", "in model(inputs, state)[1]")),
)  # fmt: skip
torch_train_step.mistake(
    "evaluation-mode",
    "After `model.eval()` no dropout acts any more. A training step leaves the mode alone, or calls `model.train()`.",
    (FORWARDS, f"model.eval()\n    {FORWARDS}"),
)
torch_train_step.mistake(
    "zeroed",
    "You set the state to zero. Truncated BPTT cuts the *gradient*; the values go on: `h.detach()`, not zeros.",
    (STATE, "[(torch.zeros_like(h), torch.zeros_like(c)) for h, c in state]"),
)
torch_train_step.mistake(
    "c-before-h",
    "Your pairs are (c, h). Each layer's state is (h, c), in this order.",
    ("(h.detach(), c.detach())", "(c.detach(), h.detach())"),
)
torch_train_step.mistake(
    "loss-after-the-step",
    "You compute the loss once more, after the step. Wanted is the loss that this step went down from.",
    ("    logits, state", "    old = state\n    logits, state"),
    ("    return", f"    loss = {LOSS.replace('logits', 'model(inputs, old)[0]')}\n    return"),
)
torch_train_step.mistake(
    "loss-and-state-after-the-step",
    "You run the model once more, after the step, and return that loss and that state. Wanted are those from before the step: "
    "the loss it went down from, and the state that came out together with the logits.",
    (FORWARDS, "logits, _ = model(inputs, state)"),
    ("    return", f"    {FORWARDS}\n    loss = {LOSS}\n    return"),
)
torch_train_step.mistake(
    "perplexity",
    "This is the perplexity, exp of the loss. Return the loss itself, in nats.",
    ("loss.item()", "math.exp(loss.item())"),
)
torch_train_step.mistake(
    "loss-of-the-window",
    "The step is right, but you return the loss times the number of tokens. Return the mean, `loss.item()`.",
    ("loss.item()", "loss.item() * targets.numel()"),
)
torch_train_step.mistake(
    "uphill",
    "The weights move *up* the loss: there is a sign too many. optimizer.step() subtracts the gradient by itself.",
    ("loss.backward()", "(-loss).backward()"),
)



@torch_train_step.variant("everything by hand but the step")
def _(model, optimizer, inputs, targets, state, max_norm):
    import torch

    logits, state = model(inputs, state)
    log_p = logits.log_softmax(-1)
    loss = -log_p.gather(-1, targets[..., None]).mean()
    optimizer.zero_grad()
    parameters = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, parameters)
    norm = math.sqrt(sum(float((g * g).sum()) for g in gradients))
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient * min(1.0, max_norm / norm)
    optimizer.step()
    return float(loss.detach()), [tuple(s.detach().clone() for s in layer) for layer in state]


@torch_train_step.variant("classes as the second axis, gradients zeroed first and last")
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch import nn

    model.zero_grad()
    logits, state = model(inputs, state)
    loss = nn.CrossEntropyLoss()(logits.transpose(1, 2), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(list(model.parameters()), max_norm)
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach().item(), [[h.data, c.data] for h, c in state]


@torch_train_step.variant("state detached on the way in as well, model.zero_grad")
def _(model, optimizer, inputs, targets, state, max_norm):
    import torch
    from torch import nn

    model.train()
    model.zero_grad(set_to_none=False)
    if state is not None:
        state = tuple((h.detach(), c.detach()) for h, c in state)
    logits, state = model(inputs, state)
    V = logits.shape[-1]
    loss = nn.functional.nll_loss(logits.reshape(-1, V).log_softmax(1), targets.reshape(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), [torch.stack(layer).detach() for layer in state]


torch_train_step.landmark("""
    from helpers.models.torch_language_model import TorchLanguageModel

    torch.manual_seed(0)
    model = TorchLanguageModel(11, 5, 7, num_layers=2)
    before = torch.nn.utils.parameters_to_vector(model.parameters())
    ids = torch.arange(6).reshape(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    loss, state = torch_train_step(model, optimizer, ids, ids + 1, None, 0.25)
    after = torch.nn.utils.parameters_to_vector(model.parameters())
    (after - before).norm()                 # ≈ 0.250
    [tuple(h.shape) for h, c in state]      # [(2, 7), (2, 7)]
    loss                                    # ≈ 2.4
""")
