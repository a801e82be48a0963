"""`scalar_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_02.scalar_forward import TOY, scalar_case, scalar_states
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def _scalar_backward(x, h0, h, target, w_hh):
    dw_xh, dw_hh, db, dh_next = 0.0, 0.0, 0.0, 0.0
    for t in reversed(range(len(x))):
        before = h[t - 1] if t > 0 else h0
        da = (h[t] - target[t] + dh_next) * (1 - h[t] ** 2)
        dw_xh += da * x[t]
        dw_hh += da * before
        db += da
        dh_next = da * w_hh
    return dw_xh, dw_hh, db


def _before(h0, h):
    """The state before each step (T,)."""
    return np.concatenate([[h0], h[:-1]])


def _sweep(x, before, h, error, w_hh, *, slope=None, carry=None, steps=None):
    """The backward sweep with its parts exchangeable: `carry(da, dh, dh_next)` is the next dh_next."""
    slope = 1 - h**2 if slope is None else slope
    carry = carry or (lambda da, dh, dh_next: da * w_hh)
    da_all, dh_next = np.zeros(len(x)), 0.0
    for t in reversed(range(len(x))) if steps is None else steps:
        dh = error[t] + dh_next
        da_all[t] = dh * slope[t]
        dh_next = carry(da_all[t], dh, dh_next)
    return da_all


def _sums(da, x, before):
    return float(np.dot(da, x)), float(np.dot(da, before)), float(da.sum())


def _cases(rng):
    case = scalar_case(rng)
    h = scalar_states(**case)
    error = rng.choice([-1, 1], size=len(h)) * rng.uniform(0.2, 0.6, size=len(h))
    return {"x": case["x"], "h0": case["h0"], "h": h, "target": h - error, "w_hh": case["w_hh"]}


scalar_backward = Exercise("scalar_backward", "02", _scalar_backward, ("dw_xh", "dw_hh", "db"), _cases)


def _inputs_and_bias(x, h0, h, w_hh):
    """w_xh x_t + b for all t (T,): what the states tell of the two weights that are not handed over."""
    return np.arctanh(h) - w_hh * _before(h0, h)


@scalar_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(x, h0, h, target, w_hh):
    rest = _inputs_and_bias(x, h0, h, w_hh)

    def loss(change):   # of w_xh, w_hh and b
        state, total = h0, 0.0
        for t in range(len(x)):
            state = np.tanh(rest[t] + change[0] * x[t] + (w_hh + change[1]) * state + change[2])
            total += 0.5 * (state - target[t]) ** 2
        return total

    return tuple(numerical_gradient(loss, np.zeros(3)).tolist())


@scalar_backward.oracle("forward in time: total derivatives of every state")
def _(x, h0, h, target, w_hh):
    total, gradient = np.zeros(3), np.zeros(3)
    for t, before in enumerate(_before(h0, h)):
        total = (1 - h[t] ** 2) * (np.array([x[t], before, 1.0]) + w_hh * total)
        gradient += (h[t] - target[t]) * total
    return tuple(gradient.tolist())


@scalar_backward.oracle("torch autograd", rtol=1e-8, needs_torch=True)
def _(x, h0, h, target, w_hh):
    import torch

    change = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    state, loss = torch.tensor(h0, dtype=torch.float64), 0.0
    for t, rest in enumerate(_inputs_and_bias(x, h0, h, w_hh)):
        state = torch.tanh(rest + change[0] * x[t] + (w_hh + change[1]) * state + change[2])
        loss = loss + 0.5 * (state - target[t]) ** 2
    loss.backward()
    return tuple(change.grad.tolist())


@scalar_backward.misconception(
    "no-slope", "The way back through tanh is missing: da = dh · (1 − h_t²), and everything after uses da."
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh, slope=np.ones(len(h))), x, before)


@scalar_backward.misconception(
    "slope-at-the-state-before",
    "You take the slope at h_(t−1). tanh of step t put out h_t, so its slope is 1 − h_t².",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh, slope=1 - before**2), x, before)


@scalar_backward.misconception(
    "tanh-twice",
    "You take 1 − tanh(h_t)². h_t is tanh(a_t) already, so the slope is 1 − h_t², without another tanh.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh, slope=1 - np.tanh(h) ** 2), x, before)


@scalar_backward.misconception(
    "slope-not-squared", "Your slope is 1 − h_t. The derivative of tanh is 1 − tanh², that is 1 − h_t²."
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh, slope=1 - h), x, before)


@scalar_backward.misconception(
    "overwritten",
    "Each round overwrites the gradients, and the first step's remain. The weight is used at every step: add "
    "up with +=.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    da = _sweep(x, before, h, h - target, w_hh)
    return float(da[0] * x[0]), float(da[0] * before[0]), float(da[0])


@scalar_backward.misconception(
    "last-step-only",
    "You return after the first round of the loop, with the last step's share alone. `return` stands after the loop.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    da = _sweep(x, before, h, h - target, w_hh)
    return float(da[-1] * x[-1]), float(da[-1] * before[-1]), float(da[-1])


@scalar_backward.misconception(
    "state-after-for-before",
    "In dw_hh you multiply by h_t, the state after the step. What w_hh was multiplied with is h_(t−1), the state "
    "before.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh), x, h)


@scalar_backward.misconception(
    "h0-forgotten",
    "At the first step the state before is h0, and it is not 0. You left that share out (or took 0 for it).",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh), x, _before(0.0, h))


@scalar_backward.misconception(
    "around-the-corner",
    "At the first step, t = 0, `h[t - 1]` is h[-1], and for Python that is the *last* state. There you want h0.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh), x, np.roll(h, 1))


@scalar_backward.misconception(
    "immediate-only",
    "Each step counts only its own loss. h_t also moves every later state: what comes back from step t + 1 has "
    "to be added, dh = (h_t − target_t) + dh_next.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums((h - target) * (1 - h**2), x, before)


@scalar_backward.misconception(
    "only-the-last-loss",
    "Only the last loss takes part: in the earlier steps what comes back replaces the step's own "
    "h_t − target_t. The two are added.",
)
def _(x, h0, h, target, w_hh):
    error = np.where(np.arange(len(h)) == len(h) - 1, h - target, 0.0)
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, error, w_hh), x, before)


@scalar_backward.misconception(
    "one-step-back",
    "What you hand back is the step's own loss only, so nothing reaches further than one step. Hand on all of "
    "it: dh_next = da · w_hh, with the da that already holds what came from later.",
)
def _(x, h0, h, target, w_hh):
    error, slope, before = h - target, 1 - h**2, _before(h0, h)
    later = np.append(w_hh * (error * slope)[1:], 0.0)
    return _sums((error + later) * slope, x, before)


@scalar_backward.misconception(
    "forwards-in-time",
    "Your loop runs forwards. What step t gets back comes from step t + 1: start at the last step, "
    "reversed(range(T)).",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh, steps=range(len(x))), x, before)


@scalar_backward.misconception(
    "weight-missing-on-the-way-back",
    "You hand da back as it is. Between a_t and h_(t−1) stands the weight: dh_next = da · w_hh.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh, carry=lambda da, dh, dh_next: da), x, before)


@scalar_backward.misconception(
    "slope-missing-on-the-way-back",
    "You hand back dh · w_hh. The way back to h_(t−1) leads through tanh too: dh_next = da · w_hh.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh, carry=lambda da, dh, dh_next: dh * w_hh), x, before)


@scalar_backward.misconception(
    "carried-added-up",
    "You add to dh_next (`+=`), so later steps come back again and again. dh already holds all of them: "
    "dh_next = da · w_hh replaces the old value.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    da = _sweep(x, before, h, h - target, w_hh, carry=lambda da, dh, dh_next: dh_next + da * w_hh)
    return _sums(da, x, before)


@scalar_backward.misconception(
    "sign", "All three gradients have the wrong sign: the derivative of ½ (h − target)² is h − target."
)
def _(x, h0, h, target, w_hh):
    return tuple(-g for g in _scalar_backward(x, h0, h, target, w_hh))


@scalar_backward.misconception(
    "factor-two", "Twice too large: the loss is *half* the square, so its derivative is h − target without a 2."
)
def _(x, h0, h, target, w_hh):
    return tuple(2 * g for g in _scalar_backward(x, h0, h, target, w_hh))


@scalar_backward.misconception(
    "mean-over-time", "You divide by T. E is the sum of the losses, not their mean."
)
def _(x, h0, h, target, w_hh):
    return tuple(g / len(x) for g in _scalar_backward(x, h0, h, target, w_hh))


@scalar_backward.misconception(
    "inputs-one-step-off",
    "In dw_xh you multiply by the input of another step (with the states it is t − 1, with the inputs it is t): "
    "da_t goes with x_t.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh), np.roll(x, 1), before)


@scalar_backward.misconception(
    "first-step-left-out",
    "Your loop ends before it reaches t = 0: range(T − 1, 0, −1) leaves its end out. The first step uses the weights "
    "too; go on to range(T − 1, −1, −1), or reversed(range(T)).",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    da = _sweep(x, before, h, h - target, w_hh)
    return _sums(da[1:], x[1:], before[1:])


@scalar_backward.misconception(
    "h0-at-every-step",
    "In dw_hh you multiply by h0 at every step. It is the state before the *first* step; before step t stands h[t − 1].",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh), x, np.full(len(h), h0))


@scalar_backward.misconception(
    "list-one-step-off",
    "With h0 put in front of the states, the state after step t is at t + 1 and the state before it at t. You take "
    "both at t: slope and error then belong to the step before.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, before - target, w_hh, slope=1 - before**2), x, before)


@scalar_backward.misconception(
    "error-for-its-derivative",
    "You send back ½ (h − target)², the error itself. What goes back is its derivative, h − target.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, 0.5 * (h - target) ** 2, w_hh), x, before)


@scalar_backward.misconception(
    "order-of-the-outputs", "The first two are swapped: return dw_xh, dw_hh, db, in this order."
)
def _(x, h0, h, target, w_hh):
    dw_xh, dw_hh, db = _scalar_backward(x, h0, h, target, w_hh)
    return dw_hh, dw_xh, db


@scalar_backward.misconception(
    "slope-on-the-own-loss-only",
    "The slope multiplies only the step's own error, and dh_next is added afterwards. dh_next arrives at h_t too: "
    "add first, then multiply by the slope.",
)
def _(x, h0, h, target, w_hh):
    da, dh_next = np.zeros(len(x)), 0.0
    for t in reversed(range(len(x))):
        da[t] = (h[t] - target[t]) * (1 - h[t] ** 2) + dh_next
        dh_next = da[t] * w_hh
    return _sums(da, x, _before(h0, h))


@scalar_backward.misconception(
    "dh-in-the-sums",
    "The sums collect dh, what arrives at h_t. The weights stand inside tanh, so what they get has passed the slope: "
    "add da·x_t, da·h_(t−1) and da.",
)
def _(x, h0, h, target, w_hh):
    before = _before(h0, h)
    return _sums(_sweep(x, before, h, h - target, w_hh) / (1 - h**2), x, before)


@scalar_backward.misconception(
    "slope-twice",
    "The slope is taken twice on the way back: da holds it already. dh_next = da · w_hh, without another 1 − h_t².",
)
def _(x, h0, h, target, w_hh):
    da, dh_next = np.zeros(len(x)), 0.0
    for t in reversed(range(len(x))):
        da[t] = (h[t] - target[t] + dh_next) * (1 - h[t] ** 2)
        dh_next = da[t] * w_hh * (1 - h[t] ** 2)
    return _sums(da, x, _before(h0, h))


@scalar_backward.variant("the sum over all pairs of loss and use")
def _(x, h0, h, target, w_hh):
    before, gradients = _before(h0, h), np.zeros(3)
    for t in range(len(x)):
        arriving = h[t] - target[t]
        for k in reversed(range(t + 1)):
            arriving = arriving * (1 - h[k] ** 2)
            gradients += arriving * np.array([x[k], before[k], 1.0])
            arriving = arriving * w_hh
    return tuple(gradients)


@scalar_backward.variant("dh for all steps first, then three products")
def _(x, h0, h, target, w_hh):
    states = np.append(h0, h)
    dh = states[1:] - target
    for t in range(len(x) - 2, -1, -1):
        dh[t] += dh[t + 1] * (1 - states[t + 2] ** 2) * w_hh
    da = dh - dh * states[1:] ** 2
    return da @ x, da @ states[:-1], da.sum()


@scalar_backward.variant("a triangular system solved")
def _(x, h0, h, target, w_hh):
    slope = 1 - h**2
    way_back = np.eye(len(h)) - np.diag(w_hh * slope[1:], 1)
    da = slope * np.linalg.solve(way_back, h - target)
    return float(da.dot(x)), float(da.dot(np.r_[h0, h[:-1]])), float(np.sum(da))


@scalar_backward.landmark("`dw_hh ≈ −0.725`")
def _(f):
    h = scalar_states(**TOY, w_xh=2.0, w_hh=3.0, b=1.0)
    return f(TOY["x"], TOY["h0"], h, np.array([0.2, 0.6, 0.6]), 3.0)[1]
