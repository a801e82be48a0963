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


def _torch_train_step(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    return _learn(model, optimizer, _cross_entropy(logits, targets), max_norm), _detached(state)


def _cross_entropy(logits, targets, **options):
    from torch.nn import functional

    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), **options)


def _learn(model, optimizer, loss, max_norm):
    """One step down `loss`; its value."""
    from torch import nn

    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item()


def _detached(state):
    return [(h.detach(), c.detach()) for h, c in state]


def _cases(rng):
    N, T = int(rng.integers(2, 4)), int(rng.integers(4, 6))
    D, H, V = int(rng.integers(6, 8)), int(rng.integers(8, 10)), int(rng.integers(10, 13))
    seed, lr = int(rng.integers(10**6)), float(rng.uniform(0.5, 2))
    clipped, carried = rng.random() < 0.6, rng.random() < 0.7
    layers = int(rng.integers(1, 4))

    def make_model():
        from helpers.checks.chapter_06.small_model import SmallModel, random_weights

        return SmallModel(random_weights(np.random.default_rng(seed), V, D, H, layers))

    def make_optimizer(model):
        from helpers.checks.chapter_06.small_model import SGD

        return SGD(model.parameters(), lr)

    def make_state(arrays):
        import torch

        return [tuple(map(torch.from_numpy, layer)) for layer in arrays]

    model = Given(f"{layers} LSTM layer{'s' * (layers > 1)} with V = {V}", make_model)
    arrays = [list(rng.normal(size=(2, N, H))) for _ in range(layers)]
    state = Given(f"{layers} × (h, c), each {(N, H)}", make_state, arrays)
    return {
        "model": model,
        "optimizer": Given(f"SGD(lr={lr:.3g})", make_optimizer, model),
        "inputs": tensor(rng.integers(0, V, size=(N, T))),
        "targets": tensor(rng.integers(0, V, size=(N, T))),
        "state": state if carried else None,
        "max_norm": float(rng.uniform(0.05, 0.2)) if clipped else 20.0,
    }


OUTPUTS = (
    "loss", "new state", "new state has a history", "weights", "model is in training mode",
    "loss of the next window", "weights after the next window", "state after the next window",
)  # fmt: skip


def _trial(function, model, optimizer, inputs, targets, state, max_norm):
    """Two windows, the second going on from the state that the first returned."""
    answer = function(model, optimizer, inputs, targets, state, max_norm)
    loss, state, values, history = _parts(answer)
    first = loss, values, history, model.numbers(), model.training
    if history:   # the next backward would stop with torch's message on it
        return *first, None, None, None
    answer = function(model, optimizer, targets, inputs, state, max_norm)
    next_loss, _, next_values, _ = _parts(answer)
    return *first, next_loss, model.numbers(), next_values


def _parts(answer):
    """loss, new state, its values as one array, whether it has a history."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        got = "None" if answer is None else f"one {type(answer).__name__}"
        got = f"{len(answer)} values" if isinstance(answer, tuple | list) else got
        raise Complaint(f"The function should return two things, loss and new state; it returned {got}.")
    loss, state = answer
    if hasattr(loss, "detach"):
        loss = loss.detach()
    if state is None:
        return loss, None, None, False
    wanted = "The new state should be a list with a pair (h, c) for each layer, each a tensor (N, H)"
    if not isinstance(state, list | tuple):
        raise Complaint(f"{wanted}; it is a {type(state).__name__}.")
    try:
        pairs = [tuple(layer) for layer in state]
        fits = all(len(pair) == 2 and pair[0].ndim == pair[1].ndim == 2 for pair in pairs)
    except (TypeError, AttributeError):
        fits = False
    if not fits:
        raise Complaint(f"{wanted}; something else is in it.")
    if not all(hasattr(each, "requires_grad") for pair in pairs for each in pair):
        raise Complaint(f"{wanted}; it holds a {type(pairs[0][0]).__name__} in place of a tensor.")
    from helpers.checks.chapter_06.small_model import stacked

    return loss, state, stacked(pairs), any(s.requires_grad for pair in pairs for s in pair)


torch_train_step = Exercise(
    "torch_train_step",
    "06",
    _torch_train_step,
    OUTPUTS,
    _cases,
    rounds=4,
    rtol=1e-6,
    float32_rtol=1e-6,
    trial=_trial,
)


def _told(steps):
    """Two steps of an oracle as the outputs of a trial."""
    (loss, weights, state), (next_loss, next_weights, next_state) = steps
    return loss, state, False, weights, True, next_loss, next_weights, next_state


@torch_train_step.oracle("every equation written out, with torch.autograd.grad", needs_torch=True)
def _(model, optimizer, inputs, targets, state, max_norm):
    from helpers.checks.chapter_06.small_model import open_steps

    windows = [(inputs, targets), (targets, inputs)]
    return _told(open_steps(model.numbers(), optimizer.defaults["lr"], windows, state, max_norm))


@torch_train_step.oracle("the NumPy model and its train_step", needs_torch=True)
def _(model, optimizer, inputs, targets, state, max_norm):
    from helpers.checks.chapter_06.small_model import numpy_steps

    windows = [(inputs, targets), (targets, inputs)]
    return _told(numpy_steps(model.numbers(), optimizer.defaults["lr"], windows, state, max_norm))


@torch_train_step.misconception(
    "no-zero-grad",
    "The first step is right, the second is not: its gradient still has the first one's in it. torch adds to .grad, so "
    "`optimizer.zero_grad()` has to come before every `backward()`.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch import nn

    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), _detached(state)


@torch_train_step.misconception(
    "not-detached",
    "The new state drags its history along: the next window's `backward()` would go on into this window, whose graph is gone. "
    "Return `h.detach()` and `c.detach()`, both of them, for every layer.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    return _learn(model, optimizer, _cross_entropy(logits, targets), max_norm), state


@torch_train_step.misconception(
    "not-clipped",
    "The weights move as if nothing had been clipped. `clip_grad_norm_` works on the gradients that are there: after "
    "`backward()`, which makes them, and before `optimizer.step()`, which uses them.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch import nn

    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    return loss.item(), _detached(state)


@torch_train_step.misconception(
    "nothing-learned",
    "The weights have not moved. Either `optimizer.step()` is missing, or it comes before `backward()`, or `zero_grad()` comes "
    "after `backward()` and wipes the gradient away.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets)
    optimizer.zero_grad()
    loss.backward()
    return loss.item(), _detached(state)


@torch_train_step.misconception(
    "a-norm-for-each-parameter",
    "Every parameter is clipped by its own norm, which turns the step. Hand `clip_grad_norm_` all of them at once: "
    "`model.parameters()`.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch import nn

    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets)
    optimizer.zero_grad()
    loss.backward()
    for parameter in model.parameters():
        nn.utils.clip_grad_norm_([parameter], max_norm)
    optimizer.step()
    return loss.item(), _detached(state)


@torch_train_step.misconception(
    "by-value", "You cut off every entry at ± max_norm (clip_grad_value_). Wanted is `clip_grad_norm_`: one factor for all."
)
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch import nn

    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), _detached(state)


@torch_train_step.misconception(
    "short-ones-lengthened",
    "Every gradient is scaled to the length max_norm, short ones too. Clipping only shortens: the factor is at most 1.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    import torch

    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets)
    optimizer.zero_grad()
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    for p in model.parameters():
        p.grad *= max_norm / norm
    optimizer.step()
    return loss.item(), _detached(state)


@torch_train_step.misconception(
    "no-root",
    "Your norm is the sum of the squares; the root is missing. `torch.nn.utils.clip_grad_norm_` does all of it.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets)
    optimizer.zero_grad()
    loss.backward()
    norm = sum((p.grad**2).sum() for p in model.parameters())
    for p in model.parameters():
        p.grad *= min(1.0, max_norm / (norm + 1e-6))
    optimizer.step()
    return loss.item(), _detached(state)


@torch_train_step.misconception(
    "no-graph",
    "The loss has no history, so there is nothing to differentiate: a `torch.no_grad()` around the model, or a `detach()` on "
    "the logits. Detach the *state* only, and only on its way out.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits.detach(), targets)
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "sum",
    "Your loss is the *sum* over the N·T places. Wanted is the mean, cross_entropy's default; threshold and learning rate "
    "are meant for it.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets, reduction="sum")
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "sum-over-steps",
    "Your loss is a sum over the T steps and a mean over the N rows only. Divide by N·T: the mean over all places.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets, reduction="sum") / len(inputs)
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "targets-transposed",
    "Logits and targets are flattened in different orders: the targets run step by step, the logits row by row. No "
    "transpose: logits (N, T, V) and targets (N, T), both flattened as they are.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets.T)
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "logits-transposed",
    "Logits and targets are flattened in different orders: the logits run step by step, the targets row by row. They come "
    "as (N, T, V): flatten(0, 1) without a transpose.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits.transpose(0, 1), targets)
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "reshaped-for-transposed",
    "You reshape logits (N, T, V) to (N, V, T). That mixes the scores of different places: cross_entropy wants the classes as "
    "the second axis, which is `logits.transpose(1, 2)`, or a row of scores for each target, `logits.flatten(0, 1)`.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch.nn import functional

    logits, state = model(inputs, state)
    N, T, V = logits.shape
    loss = functional.cross_entropy(logits.reshape(N, V, T), targets)
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "not-flattened",
    "cross_entropy takes the *second* axis for the classes, and in (N, T, V) that is time. Flatten to (N·T, V) and (N·T,).",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch.nn import functional

    logits, state = model(inputs, state)
    loss = functional.cross_entropy(logits, targets)
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "view",
    "`view` wants numbers that lie in memory in the order of the axes, and the logits are a transposed view. `reshape` and "
    "`flatten` copy where they have to.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch.nn import functional

    logits, state = model(inputs, state)
    loss = functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.flatten())
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "last-step-only",
    "Your loss is that of the last step alone. A language model predicts a word at every one of the T steps.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch.nn import functional

    logits, state = model(inputs, state)
    loss = functional.cross_entropy(logits[:, -1], targets[:, -1])
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "softmax-first",
    "You take the softmax first, and cross_entropy takes it again. Hand it the logits themselves.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits.softmax(-1), targets)
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "predicts-its-input", "You compare with the inputs: the network would learn to repeat a word. Compare with `targets`."
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, inputs)
    return _learn(model, optimizer, loss, max_norm), _detached(state)


@torch_train_step.misconception(
    "state-not-handed-in",
    "The model starts from zeros in every window: hand it the state, `model(inputs, state)`.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, None)
    return _learn(model, optimizer, _cross_entropy(logits, targets), max_norm), _detached(state)


@torch_train_step.misconception(
    "old-state",
    "You return the state you were given. The model's second value is the new one: `logits, state = model(inputs, state)`.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, _ = model(inputs, state)
    return _learn(model, optimizer, _cross_entropy(logits, targets), max_norm), state


@torch_train_step.misconception(
    "state-thrown-away",
    "You return None for the state, so the next window starts from zeros. Return the model's new state, detached.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    return _learn(model, optimizer, _cross_entropy(logits, targets), max_norm), None


@torch_train_step.misconception(
    "state-of-the-new-weights",
    "You run the model once more, after the step, and return that state. Wanted is the one from before the step, which came "
    "out together with the logits.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, _ = model(inputs, state)
    loss = _learn(model, optimizer, _cross_entropy(logits, targets), max_norm)
    return loss, _detached(model(inputs, state)[1])


@torch_train_step.misconception(
    "evaluation-mode",
    "Your step leaves the model in evaluation mode: after `model.eval()` no dropout acts any more. A training step leaves the "
    "mode alone, or calls `model.train()`.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    return _torch_train_step(model.eval(), optimizer, inputs, targets, state, max_norm)


@torch_train_step.misconception(
    "zeroed",
    "You set the state to zero. Truncated BPTT cuts the *gradient*; the values go on: `h.detach()`, not zeros.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    import torch

    logits, state = model(inputs, state)
    loss = _learn(model, optimizer, _cross_entropy(logits, targets), max_norm)
    return loss, [tuple(map(torch.zeros_like, layer)) for layer in state]


@torch_train_step.misconception("c-before-h", "Your pairs are (c, h). Each layer's state is (h, c), in this order.")
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _learn(model, optimizer, _cross_entropy(logits, targets), max_norm)
    return loss, [(c.detach(), h.detach()) for h, c in state]


@torch_train_step.misconception(
    "loss-is-a-tensor",
    "The loss is returned as a tensor. With its graph it would keep the window in memory: return the number, `loss.item()`.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    loss = _cross_entropy(logits, targets)
    _learn(model, optimizer, loss, max_norm)
    return loss, _detached(state)


@torch_train_step.misconception(
    "loss-after-the-step",
    "You compute the loss once more, after the step. Wanted is the loss that this step went down from.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, new = model(inputs, state)
    _learn(model, optimizer, _cross_entropy(logits, targets), max_norm)
    return _cross_entropy(model(inputs, state)[0], targets).item(), _detached(new)


@torch_train_step.misconception("perplexity", "This is the perplexity, exp of the loss. Return the loss itself, in nats.")
def _(model, optimizer, inputs, targets, state, max_norm):
    loss, state = _torch_train_step(model, optimizer, inputs, targets, state, max_norm)
    return math.exp(loss), state


@torch_train_step.misconception("bits", "You turned the loss into bits. Return it in nats, as cross_entropy gives it.")
def _(model, optimizer, inputs, targets, state, max_norm):
    loss, state = _torch_train_step(model, optimizer, inputs, targets, state, max_norm)
    return loss / math.log(2), state


@torch_train_step.misconception(
    "loss-of-the-window",
    "The step is right, but you return the loss times the number of tokens. Return the mean, `loss.item()`.",
)
def _(model, optimizer, inputs, targets, state, max_norm):
    loss, state = _torch_train_step(model, optimizer, inputs, targets, state, max_norm)
    return loss * targets.numel(), state


@torch_train_step.misconception(
    "uphill", "The weights move *up* the loss: there is a sign too many. optimizer.step() subtracts the gradient by itself."
)
def _(model, optimizer, inputs, targets, state, max_norm):
    logits, state = model(inputs, state)
    return -_learn(model, optimizer, -_cross_entropy(logits, targets), max_norm), _detached(state)


@torch_train_step.variant("everything by hand")
def _(model, optimizer, inputs, targets, state, max_norm):
    import torch

    logits, state = model(inputs, state)
    log_p = logits.log_softmax(-1)
    loss = -log_p.gather(-1, targets[..., None]).mean()
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    norm = math.sqrt(sum(float((g * g).sum()) for g in gradients))
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient * min(1.0, max_norm / norm)
    optimizer.step()
    return float(loss), [tuple(s.detach().clone() for s in layer) for layer in state]


@torch_train_step.variant("classes as the second axis, gradients zeroed at the end")
def _(model, optimizer, inputs, targets, state, max_norm):
    from torch import nn

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


@torch_train_step.landmark("`moved_by(torch_train_step, 0.25)` gives `0.250`")
def _(f):
    import torch

    from helpers.checks.chapter_06.small_model import SGD, SmallModel, random_weights

    model = SmallModel(random_weights(np.random.default_rng(0), 11, 5, 7, 2))
    before = [p.detach().clone() for p in model.parameters()]
    ids = torch.arange(6).reshape(2, 3)
    f(model, SGD(model.parameters(), 1.0), ids, ids + 1, None, 0.25)
    moved = [p.detach() - old for p, old in zip(model.parameters(), before, strict=True)]
    return torch.cat([m.flatten() for m in moved]).norm()
