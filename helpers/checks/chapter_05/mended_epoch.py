"""`mended_epoch`, "Find the fault": reference, oracles, and repairs that mend something else."""

from __future__ import annotations

import numbers

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import Given
from helpers.checks.registry import Exercise
from helpers.colleague.chapter_05 import train_epoch as unchanged
from helpers.corpora.batches import contiguous_batches
from helpers.corpora.pronouns import PronounGrammar
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD, Adam, clip_scale
from helpers.training.evaluation import evaluate
from helpers.training.trainer import train_step

V, D, H = 7, 3, 4
RATE = 0.8


def _weights(model):
    return np.concatenate([parameter.ravel() for parameter in model.params.values()])


class _Model(LanguageModel):
    """Trains like any other; without dropout nothing else shows whether a loss was computed with train=True."""

    def loss(self, ids, targets, train=False):
        self.train = train
        return super().loss(ids, targets, train=train)

    def backward(self):
        if not self.train:
            raise Complaint("The loss that is trained on was computed without `train=True`.")
        super().backward()


def _model(seed, N):
    """A model that has read something before: its state is not zero."""
    rng = np.random.default_rng(seed)
    model = _Model(V, D, H, rng=rng, dtype=np.float64)
    model.set_state([tuple(rng.normal(size=(2, N, H)))])
    return model


def _trial(function, model, optimizer, batches, max_norm, rng):
    """Two epochs: a state that is left over from the first would show in the second."""
    found = []
    for _ in range(2):
        perplexity = function(model, optimizer, batches, max_norm, rng)
        if perplexity is None:
            raise Complaint("It returned nothing (None); wanted the training perplexity. Is the return line missing?")
        if not isinstance(perplexity, numbers.Real | np.ndarray):
            kind = type(perplexity).__name__
            raise Complaint(f"The function should return the training perplexity, a number; it returned a {kind}.")
        found.append(perplexity)
    return *found, _weights(model)


def _steps(model, optimizer, windows, max_norm):
    """(loss, size) of each window, trained on in this order."""
    return [(train_step(model, optimizer, x, y, max_norm), y.size) for x, y in windows]


def _perplexity(steps):
    losses, sizes = np.array(steps).T
    return float(np.exp(np.dot(losses, sizes) / sizes.sum()))


def _mended(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    return _perplexity(_steps(model, optimizer, batches, max_norm))


def _cases(rng):
    N, T = int(rng.integers(3, 5)), int(rng.integers(5, 8))
    ids = rng.integers(0, V, size=N * (7 * T + 2) + 1)   # eight windows, the last of them short
    seed = int(rng.integers(1000))
    model = Given(
        f"an LSTM with V = {V}, D = {D}, H = {H} and a state left over",
        lambda: _model(seed, N),
    )
    return {
        "model": model,
        "optimizer": Given(f"SGD(lr={RATE})", lambda model: SGD(model.params, RATE), model),
        "batches": contiguous_batches(ids, N, T),
        "max_norm": 0.3,
        "rng": Given("a generator", lambda: np.random.default_rng(seed)),
    }


mended_epoch = Exercise(
    "mended_epoch",
    "05",
    _mended,
    ("perplexity of the first epoch", "perplexity of the second epoch", "weights"),
    _cases,
    rounds=3,
    trial=_trial,
)


@mended_epoch.oracle("every window cut out of the rows anew, in order")
def _(model, optimizer, batches, max_norm, rng):
    rows = [np.concatenate(parts, axis=1) for parts in zip(*batches, strict=True)]
    L, T = rows[0].shape[1], batches.seq_len
    found = []
    for _ in range(2):
        model.reset_state()
        steps = []
        for t in range(0, L, T):
            inputs, targets = (each[:, t : t + T] for each in rows)
            steps.append((train_step(model, optimizer, inputs, targets, max_norm), targets.size))
        found.append(_perplexity(steps))
    return *found, _weights(model)


@mended_epoch.oracle("torch's autograd through an LSTM written out, the state detached", needs_torch=True)
def _(model, optimizer, batches, max_norm, rng):
    import torch

    p = {name: torch.tensor(value, requires_grad=True) for name, value in model.params.items()}
    found = []
    for _ in range(2):
        h = c = torch.zeros(batches.batch_size, H, dtype=torch.float64)
        nats = tokens = 0
        for inputs, targets in batches:
            h, c, total = h.detach(), c.detach(), 0.0
            for x, y in zip(inputs.T, targets.T, strict=True):
                a = p["embedding.W"][torch.tensor(x)] @ p["cells.0.Wx"] + h @ p["cells.0.Wh"] + p["cells.0.b"]
                i, f, g, o = a.chunk(4, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                logits = h @ p["output.W"] + p["output.b"]
                total = total + torch.nn.functional.cross_entropy(logits, torch.tensor(y), reduction="sum")
            gradients = torch.autograd.grad(total / targets.size, list(p.values()))
            norm = torch.sqrt(sum((gradient**2).sum() for gradient in gradients))
            scale = min(1.0, max_norm / (norm.item() + 1e-6))
            with torch.no_grad():
                for parameter, gradient in zip(p.values(), gradients, strict=True):
                    parameter -= RATE * scale * gradient
            nats, tokens = nats + total.item(), tokens + targets.size
        found.append(float(np.exp(nats / tokens)))
    return *found, np.concatenate([value.detach().numpy().ravel() for value in p.values()])


mended_epoch.misconception(
    "unchanged",
    "This is the colleague's function as it was. Ask of every window: what was read just before it, and whose state does "
    "it therefore start from?",
)(unchanged)


@mended_epoch.misconception(
    "forgetting-instead",
    "You start every window from zero and leave the order as it is. The wrong state is gone, and the right one with it: "
    "the model never learns to use what stands before a window, so the number for carried state stays where it was. Put "
    "the text back in order instead.",
)
def _(model, optimizer, batches, max_norm, rng):
    steps = []
    for index in rng.permutation(len(batches)):
        model.reset_state()
        steps += _steps(model, optimizer, [list(batches)[index]], max_norm)
    return _perplexity(steps)


@mended_epoch.misconception(
    "in-order-but-forgetting",
    "The order is mended. But you reset the state at every window: once, at the beginning of the epoch, is enough, or "
    "nothing is carried.",
)
def _(model, optimizer, batches, max_norm, rng):
    steps = []
    for window in batches:
        model.reset_state()
        steps += _steps(model, optimizer, [window], max_norm)
    return _perplexity(steps)


@mended_epoch.misconception(
    "reset-after-each-window",
    "The order is mended. But you reset the state after every window, so nothing is carried: once, before the loop, is enough.",
)
def _(model, optimizer, batches, max_norm, rng):
    steps = []
    for window in batches:
        steps += _steps(model, optimizer, [window], max_norm)
        model.reset_state()
    return _perplexity(steps)


@mended_epoch.misconception(
    "smaller-rate",
    "A smaller rate makes the curve smoother and leaves its cause alone: every window still starts from a stranger's "
    "state.",
)
def _(model, optimizer, batches, max_norm, rng):
    rate, optimizer.lr = optimizer.lr, optimizer.lr / 10
    perplexity = unchanged(model, optimizer, batches, max_norm, rng)
    optimizer.lr = rate
    return perplexity


@mended_epoch.misconception(
    "tighter-clipping",
    "A tighter threshold shortens the steps and leaves their cause alone. The gradients are right for what the model is "
    "shown; what it is shown is not right.",
)
def _(model, optimizer, batches, max_norm, rng):
    return unchanged(model, optimizer, batches, max_norm / 10, rng)


@mended_epoch.misconception(
    "one-wrong-order-for-all",
    "You shuffle in the same way in every epoch. A wrong order that stays the same is a wrong order: the state still "
    "comes from another place in the text.",
)
def _(model, optimizer, batches, max_norm, rng):
    return unchanged(model, optimizer, batches, max_norm, np.random.default_rng(0))


@mended_epoch.misconception(
    "measured-afterwards",
    "You train as before and report a perplexity that is measured after the epoch, in order. The number is nicer, the "
    "model is the same.",
)
def _(model, optimizer, batches, max_norm, rng):
    unchanged(model, optimizer, batches, max_norm, rng)
    model.reset_state()
    return _perplexity([(model.loss(x, y), y.size) for x, y in batches])


@mended_epoch.misconception(
    "rows-shuffled",
    "The windows are in order, but in each the rows are mixed: row 3 then starts from the state that row 7 left. Rows "
    "may be mixed once, before they are cut, never from window to window.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    steps = []
    for inputs, targets in batches:
        order = rng.permutation(len(inputs))
        steps += _steps(model, optimizer, [(inputs[order], targets[order])], max_norm)
    return _perplexity(steps)


@mended_epoch.misconception(
    "never-reset",
    "The order is mended. But without reset_state() at its beginning an epoch starts from the state that the model is left "
    "with: that of the end of the text, or of whatever else it has read.",
)
def _(model, optimizer, batches, max_norm, rng):
    return _perplexity(_steps(model, optimizer, batches, max_norm))


@mended_epoch.misconception(
    "reset-at-the-end",
    "The order is mended. But reset_state() has gone to the end of the epoch: the first epoch then starts from what the "
    "model has read before. Reset before the loop.",
)
def _(model, optimizer, batches, max_norm, rng):
    perplexity = _perplexity(_steps(model, optimizer, batches, max_norm))
    model.reset_state()
    return perplexity


@mended_epoch.misconception(
    "shuffled-and-never-reset",
    "The order is still the colleague's, and now the epoch starts from a state that is left over as well. Put "
    "reset_state() back before the loop, and go through `batches` as it is.",
)
def _(model, optimizer, batches, max_norm, rng):
    windows = list(batches)
    return _perplexity(_steps(model, optimizer, [windows[k] for k in rng.permutation(len(windows))], max_norm))


@mended_epoch.misconception(
    "train-lost",
    "The loss is computed without `train=True`, which was right: a model with dropout would be trained without it.",
)
def _(model, optimizer, batches, max_norm, rng):
    for inputs, targets in batches:
        model.loss(inputs, targets)
        model.backward()


@mended_epoch.misconception(
    "last-window-lost",
    "The order is mended, and one window too few is read: the last, short one belongs to the text as well.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    return _perplexity(_steps(model, optimizer, list(batches)[:-1], max_norm))


@mended_epoch.misconception(
    "first-window-lost",
    "The order is mended, and one window too few is read: the first one. Indices begin at 0.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    return _perplexity(_steps(model, optimizer, list(batches)[1:], max_norm))


@mended_epoch.misconception(
    "one-window-only",
    "Only one window is read. Is the return line inside the loop? It belongs after it.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    return _perplexity(_steps(model, optimizer, list(batches)[:1], max_norm))


@mended_epoch.misconception(
    "not-clipped",
    "The order is mended. But the gradients are not clipped: step takes `scale`, the factor that clip_scale finds with "
    "`max_norm`. That was right.",
)
def _(model, optimizer, batches, max_norm, rng):
    return _mended(model, optimizer, batches, np.inf, rng)


@mended_epoch.misconception(
    "norm-for-scale",
    "clip_scale gives the norm first, then the factor; step wants the factor, `_, scale = clip_scale(…)`. Yours gets the norm.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    steps = []
    for inputs, targets in batches:
        steps.append((model.loss(inputs, targets, train=True), targets.size))
        model.backward()
        optimizer.step(model.grads, clip_scale(model.grads, max_norm)[0])
    return _perplexity(steps)


@mended_epoch.misconception(
    "clipped-too-soon",
    "The factor is found before model.backward(): from the gradients of the window before. The order of the four lines was right.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    steps = []
    for inputs, targets in batches:
        steps.append((model.loss(inputs, targets, train=True), targets.size))
        scale = clip_scale(model.grads, max_norm)[1]
        model.backward()
        optimizer.step(model.grads, scale)
    return _perplexity(steps)


@mended_epoch.misconception(
    "step-too-soon",
    "The step comes before model.backward(), with the gradients of the window before. The order of the four lines was right.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    steps = []
    for inputs, targets in batches:
        steps.append((model.loss(inputs, targets, train=True), targets.size))
        optimizer.step(model.grads, clip_scale(model.grads, max_norm)[1])
        model.backward()
    return _perplexity(steps)


@mended_epoch.misconception(
    "no-step",
    "Within the epoch nothing is learned. Every window needs model.backward(), and then optimizer.step(…), inside the loop.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    return _perplexity([(model.loss(x, y, train=True), y.size) for x, y in batches])


@mended_epoch.misconception(
    "measured-afterwards-in-order",
    "The training is mended. But the perplexity is measured after it; the training perplexity is made of the losses of the epoch itself.",
)
def _(model, optimizer, batches, max_norm, rng):
    _mended(model, optimizer, batches, max_norm, rng)
    model.reset_state()
    return _perplexity([(model.loss(x, y), y.size) for x, y in batches])


def _returned(name, hint):
    """Trained as it should be, another number returned, of losses and sizes."""

    def add(number):
        def answer(model, optimizer, batches, max_norm, rng):
            model.reset_state()
            return float(number(*np.array(_steps(model, optimizer, batches, max_norm)).T))

        mended_epoch.misconception(name, f"The training is mended. {hint}")(answer)

    return add


_returned("mean-of-perplexities", "But you take the mean of perplexities; exp comes last, once.")(
    lambda losses, sizes: np.mean(np.exp(losses))
)
_returned("last-loss", "But you return the perplexity of the last window, not that of all tokens.")(
    lambda losses, sizes: np.exp(losses[-1])
)
_returned("sum-returned", "But you return all nats of the epoch: exp of the nats *a token* is wanted.")(
    lambda losses, sizes: losses @ sizes
)


@mended_epoch.misconception(
    "mean-of-windows",
    "The training is mended. But your perplexity weighs all windows alike; they have different sizes (exercise 5.1). "
    "That line was right.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    return float(np.exp(np.mean([loss for loss, _ in _steps(model, optimizer, batches, max_norm)])))


@mended_epoch.misconception(
    "loss-returned",
    "The training is mended. But you return the mean loss; the perplexity is exp of it, as in the colleague's last line.",
)
def _(model, optimizer, batches, max_norm, rng):
    return float(np.log(_mended(model, optimizer, batches, max_norm, rng)))


@mended_epoch.misconception(
    "backwards",
    "Your order runs from the end of the text to its beginning: each window starts from what comes *after* it.",
)
def _(model, optimizer, batches, max_norm, rng):
    model.reset_state()
    return _perplexity(_steps(model, optimizer, list(batches)[::-1], max_norm))


@mended_epoch.variant("an index that counts upwards")
def _(model, optimizer, batches, max_norm, rng):
    windows = list(batches)
    model.reset_state()
    nats = tokens = 0
    for index in range(len(windows)):
        inputs, targets = windows[index]
        nats += train_step(model, optimizer, inputs, targets, max_norm) * targets.size
        tokens += targets.size
    return np.exp(nats / tokens)


@mended_epoch.variant("the rows mixed once, all windows alike")
def _(model, optimizer, batches, max_norm, rng):
    windows = list(batches)
    rows = rng.permutation(len(windows[0][0]))
    model.reset_state()
    return _perplexity(_steps(model, optimizer, [(x[rows], y[rows]) for x, y in windows], max_norm))


@mended_epoch.variant("the state taken along by hand")
def _(model, optimizer, batches, max_norm, rng):
    state, steps = None, []
    for window in batches:
        model.set_state(state)
        steps += _steps(model, optimizer, [window], max_norm)
        state = model.get_state()
    return _perplexity(steps)


@mended_epoch.landmark("two epochs give a validation perplexity of `2.8`")
def _(f):
    grammar = PronounGrammar(distance=(0, 8), greetings=0.0)
    rng = np.random.default_rng(0)
    train, valid = (
        contiguous_batches(grammar.vocabulary.encode(grammar.corpus(size, rng)[0]), 20, 20)
        for size in (100_000, 20_000)
    )
    model = LanguageModel(len(grammar.vocabulary), 32, 64, rng=np.random.default_rng(2))
    optimizer = Adam(model.params, lr=0.03)
    for _ in range(2):
        f(model, optimizer, train, 1.0, rng)
        optimizer.lr = 0.025
    return np.exp(evaluate(model, valid))
