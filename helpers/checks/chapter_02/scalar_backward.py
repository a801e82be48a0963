"""`scalar_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_02.scalar_forward import scalar_case, scalar_forward_reference
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def scalar_backward_reference(x, h0, h, target, w_hh):
    dw_xh = dw_hh = db = dh_next = 0.0
    for t in reversed(range(len(x))):
        before = h[t - 1] if t > 0 else h0
        da = (h[t] - target[t] + dh_next) * (1 - h[t] ** 2)
        dw_xh += da * x[t]
        dw_hh += da * before
        db += da
        dh_next = da * w_hh
    return dw_xh, dw_hh, db


def _cases(rng, *, T=(4, 6)):
    case = scalar_case(rng, T=T)
    h = scalar_forward_reference(**case)
    error = rng.choice([-1, 1], size=T) * rng.uniform(0.2, 0.6, size=T)
    return {"x": case["x"], "h0": case["h0"], "h": h, "target": h - error, "w_hh": case["w_hh"]}


OUTPUTS = ("dw_xh", "dw_hh", "db")
scalar_backward = Exercise("scalar_backward", "02", scalar_backward_reference, OUTPUTS, _cases)


@scalar_backward.extreme("errors far above 1", "Right for small errors, wrong for large ones. Nothing is clipped here.")
def _(rng):
    return _cases(rng, T=5) | {"target": np.array([30.0, -40.0, 25.0, 60.0, -20.0])}


@scalar_backward.extreme("inputs of 0 among others, a first state of 0", "A 0 is a number like any other: where x[t] or h0 is 0, the rest of the step stays.")
def _(rng):
    case = _cases(rng, T=5)
    return case | {"x": case["x"] * [1, 0, 1, 0, 1], "h0": 0.0}


@scalar_backward.extreme(
    "whole numbers",
    "Right with fractions in x, wrong with whole numbers: an array made after x's pattern (np.zeros_like) holds whole "
    "numbers then, and cuts off what is put into it.",
)
def _(rng):
    case = _cases(rng, T=4)
    return case | {"x": np.array([1, -1, 0, 2]), "h0": 0, "target": np.array([0, 1, 1, -1]), "w_hh": 3}


@scalar_backward.extreme(
    "saturated states", "A state of exactly 1 or −1 is where tanh is flat: its slope is 0, and nothing passes."
)
def _(rng):
    case = _cases(rng, T=5)
    return case | {"h": np.array([0.3, 1.0, -0.6, -1.0, 0.2])}


@scalar_backward.extreme("twenty steps", "Right for a few steps, wrong for many. How far does your way back reach?")
def _(rng):
    case = _cases(rng, T=20)
    return case | {"h": 0.5 * case["h"]}   # not flat: the first step hears of the last loss


def _before(h0, h):
    """The state before each step (T,)."""
    return np.concatenate([[h0], h[:-1]])


def _inputs_and_bias(h0, h, w_hh):
    """w_xh x_t + b for all t (T,): what the states tell of the two weights that are not handed over."""
    return np.arctanh(h) - w_hh * _before(h0, h)


@scalar_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(x, h0, h, target, w_hh):
    if np.abs(h).max() == 1 or len(x) > 10:
        return NotImplemented   # no sum leads to a state of 1
    rest = _inputs_and_bias(h0, h, w_hh)

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

    if np.abs(h).max() == 1 or len(x) > 10:
        return NotImplemented
    change = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    state, loss = torch.tensor(h0, dtype=torch.float64), 0.0
    for t, rest in enumerate(_inputs_and_bias(h0, h, w_hh)):
        state = torch.tanh(rest + change[0] * x[t] + (w_hh + change[1]) * state + change[2])
        loss = loss + 0.5 * (state - target[t]) ** 2
    loss.backward()
    return tuple(change.grad.tolist())


LOOP, BEFORE = "reversed(range(len(x)))", "h[t - 1] if t > 0 else h0"
DA, BACK = "(h[t] - target[t] + dh_next) * (1 - h[t] ** 2)", "        dh_next = da * w_hh\n"
RETURN = "return dw_xh, dw_hh, db"

scalar_backward.mistake(
    "no-slope",
    "The way back through tanh is missing: da = dh · (1 − h_t²), and everything after uses da.",
    (" * (1 - h[t] ** 2)", ""),
)
scalar_backward.mistake(
    "h0-forgotten",
    "At the first step the state before is h0, and it is not 0. You left that share out (or took 0 for it).",
    ("else h0", "else 0.0"),
)
scalar_backward.mistake(
    "around-the-corner",
    "At the first step, t = 0, `h[t - 1]` is h[-1], and for Python that is the *last* state. There you want h0.",
    (" if t > 0 else h0", ""),
)
scalar_backward.mistake(
    "state-after-for-before",
    "In dw_hh you multiply by h_t, the state after the step. What w_hh was multiplied with is h_(t−1), the state "
    "before.",
    ("da * before", "da * h[t]"),
)
scalar_backward.mistake(
    "overwritten",
    "Only the first step's share is left: each round overwrites the gradients (or they stand after the loop). The weight "
    "is used at every step: add up with +=, inside the loop.",
    ("dw_xh +=", "dw_xh ="),
    ("dw_hh +=", "dw_hh ="),
    ("db +=", "db ="),
)
scalar_backward.mistake(
    "immediate-only",
    "Each step counts only its own loss. h_t also moves every later state: what comes back from step t + 1 has "
    "to be added, dh = (h_t − target_t) + dh_next.",
    (" + dh_next", ""),
)
scalar_backward.mistake(
    "weight-missing-on-the-way-back",
    "You hand da back as it is. Between a_t and h_(t−1) stands the weight: dh_next = da · w_hh.",
    ("da * w_hh", "da"),
)
scalar_backward.mistake(
    "slope-missing-on-the-way-back",
    "You hand back dh · w_hh. The way back to h_(t−1) leads through tanh too: dh_next = da · w_hh.",
    ("da * w_hh", "(h[t] - target[t] + dh_next) * w_hh"),
)
scalar_backward.mistake(
    "slope-on-the-own-loss-only",
    "The slope multiplies only the step's own error, and dh_next is added afterwards. dh_next arrives at h_t too: "
    "add first, then multiply by the slope.",
    (DA, "(h[t] - target[t]) * (1 - h[t] ** 2) + dh_next"),
)
scalar_backward.mistake(
    "slope-twice",
    "The slope is taken twice on the way back: da holds it already. dh_next = da · w_hh, without another 1 − h_t².",
    ("da * w_hh", "da * w_hh * (1 - h[t] ** 2)"),
)
scalar_backward.mistake(
    "first-step-left-out",
    "Your loop ends before it reaches t = 0: range(T − 1, 0, −1) leaves its end out. The first step uses the weights "
    "too; go on to range(T − 1, −1, −1), or reversed(range(T)).",
    (LOOP, "range(len(x) - 1, 0, -1)"),
)
scalar_backward.mistake(
    "target-minus-state",
    "You send back target − h, and subtract from it what comes back from later. The derivative of ½ (h − target)² is "
    "h − target, and what comes back is added to it.",
    ("h[t] - target[t]", "target[t] - h[t]"),
    ("+ dh_next", "- dh_next"),
)
scalar_backward.mistake(
    "inputs-one-step-off",
    "In dw_xh you multiply by the input of another step (with the states it is t − 1, with the inputs it is t): "
    "da_t goes with x_t.",
    ("da * x[t]", "da * x[t - 1]"),
)
scalar_backward.mistake(
    "tanh-twice",
    "You take 1 − tanh(h_t)². h_t is tanh(a_t) already, so the slope is 1 − h_t², without another tanh.",
    ("h[t] ** 2", "np.tanh(h[t]) ** 2"),
)
scalar_backward.mistake(
    "weight-in-the-sums",
    "You multiply the shares of dw_hh by w_hh. The derivative of w_hh · h_(t−1) in w_hh is h_(t−1) alone.",
    ("da * before", "da * before * w_hh"),
)
scalar_backward.mistake(
    "carried-added-up",
    "You add to dh_next (`+=`), so later steps come back again and again. dh already holds all of them: "
    "dh_next = da · w_hh replaces the old value.",
    ("dh_next = da", "dh_next += da"),
)
scalar_backward.mistake(
    "slope-at-the-state-before",
    "You take the slope at h_(t−1). tanh of step t put out h_t, so its slope is 1 − h_t².",
    ("1 - h[t] ** 2", "1 - before ** 2"),
)
scalar_backward.mistake(
    "slope-around-the-corner",
    "You take the slope at h[t − 1], the state before (at t = 0 even the last one). tanh of step t put out h_t, so its "
    "slope is 1 − h_t².",
    ("1 - h[t] ** 2", "1 - h[t - 1] ** 2"),
)
scalar_backward.mistake(
    "slope-not-squared",
    "Your slope is 1 − h_t. The derivative of tanh is 1 − tanh², that is 1 − h_t².",
    ("h[t] ** 2", "h[t]"),
)
scalar_backward.mistake(
    "slope-of-one-minus-h-squared",
    "Your slope is (1 − h_t)². The square belongs to h_t alone: 1 − h_t².",
    ("(1 - h[t] ** 2)", "(1 - h[t]) ** 2"),
)
scalar_backward.mistake(
    "slope-of-the-sigmoid",
    "h · (1 − h) is the slope of the sigmoid. That of tanh is 1 − h_t².",
    ("(1 - h[t] ** 2)", "(h[t] * (1 - h[t]))"),
)
scalar_backward.mistake(
    "next-state-for-before",
    "In dw_hh you multiply by the state after the *next* step. What w_hh was multiplied with is h_(t−1), the state before.",
    (BEFORE, "h[min(t + 1, len(x) - 1)]"),
)
scalar_backward.mistake(
    "h0-at-every-step",
    "In dw_hh you multiply by h0 at every step. It is the state before the *first* step; before step t stands h[t − 1].",
    (BEFORE, "h0"),
)
scalar_backward.mistake(
    "only-the-last-loss",
    "Only the last loss takes part: in the earlier steps what comes back replaces the step's own "
    "h_t − target_t. The two are added.",
    ("(h[t] - target[t] + dh_next)", "(h[t] - target[t] if t == len(x) - 1 else dh_next)"),
)
scalar_backward.mistake(
    "subtracted",
    "You subtract what comes back from later. It is added to the step's own h_t − target_t.",
    ("+ dh_next", "- dh_next"),
)
scalar_backward.mistake(
    "one-step-back",
    "What you hand back is the step's own loss only, so nothing reaches further than one step. Hand on all of "
    "it: dh_next = da · w_hh, with the da that already holds what came from later.",
    (BACK, "        dh_next = (h[t] - target[t]) * (1 - h[t] ** 2) * w_hh\n"),
)
scalar_backward.mistake(
    "forwards-in-time",
    "Your loop runs forwards. What step t gets back comes from step t + 1: start at the last step, "
    "reversed(range(T)).",
    (LOOP, "range(len(x))"),
)
scalar_backward.mistake(
    "slope-of-the-state-before-as-well",
    "You multiply by 1 − h_(t−1)² when you hand back, and again in the next round. Each step's slope counts once: "
    "dh_next = da · w_hh.",
    ("da * w_hh", "da * w_hh * (1 - before ** 2)"),
)
scalar_backward.mistake(
    "sign",
    "All three gradients have the wrong sign: the derivative of ½ (h − target)² is h − target.",
    (RETURN, "return -dw_xh, -dw_hh, -db"),
)
scalar_backward.mistake(
    "factor-two",
    "Twice too large: the loss is *half* the square, so its derivative is h − target without a 2.",
    (RETURN, "return 2 * dw_xh, 2 * dw_hh, 2 * db"),
)
scalar_backward.mistake(
    "error-for-its-derivative",
    "You send back ½ (h − target)², the error itself. What goes back is its derivative, h − target.",
    ("h[t] - target[t]", "0.5 * (h[t] - target[t]) ** 2"),
)
scalar_backward.mistake(
    "last-loss-left-out",
    "Your loop begins at T − 2: the last step is left out. It begins at T − 1, where nothing comes back from later.",
    (LOOP, "range(len(x) - 2, -1, -1)"),
)
scalar_backward.mistake(
    "three-steps-always",
    "Your loop goes through three steps, as many as the example has. There are `len(x)`.",
    ("range(len(x))", "range(min(3, len(x)))"),
)
scalar_backward.mistake(
    "list-one-step-off",
    "With h0 put in front of the states, the state after step t is at t + 1 and the state before it at t. You take "
    "both at t: slope and error then belong to the step before.",
    (DA, "(before - target[t] + dh_next) * (1 - before ** 2)"),
)
scalar_backward.mistake(
    "slope-on-what-comes-back-only",
    "The slope multiplies only what comes back (a pair of brackets is missing). The step's own error arrives at h_t too: "
    "add first, then multiply by the slope.",
    (DA, "h[t] - target[t] + dh_next * (1 - h[t] ** 2)"),
)
scalar_backward.mistake(
    "dh-in-the-sums",
    "The sums collect dh, what arrives at h_t. The weights stand inside tanh, so what they get has passed the slope: "
    "add da·x_t, da·h_(t−1) and da.",
    (DA, "h[t] - target[t] + dh_next"),
    ("da * w_hh", "da * (1 - h[t] ** 2) * w_hh"),
)
scalar_backward.mistake(
    "square-for-its-derivative",
    "You send back (h − target)², a square. What goes back is the derivative of its half, h − target.",
    ("h[t] - target[t]", "(h[t] - target[t]) ** 2"),
)
scalar_backward.mistake(
    "bias-without-the-slope",
    "db collects dh, what arrives at h_t. The bias stands inside tanh, so it gets da, which has passed the slope.",
    ("db += da", "db += h[t] - target[t] + dh_next"),
)
scalar_backward.mistake(
    "bias-is-first", "The three are in the wrong order: return dw_xh, dw_hh, db.", (RETURN, "return db, dw_xh, dw_hh")
)


@scalar_backward.variant("the sum over all pairs of loss and use")
def _(x, h0, h, target, w_hh):
    before, gradients = _before(h0, h), np.zeros(3)
    for t in range(len(x)):
        arriving = h[t] - target[t]
        for k in reversed(range(t + 1)):
            arriving = arriving * (1 - h[k] ** 2)
            gradients += arriving * np.array([x[k], before[k], 1.0])
            arriving = arriving * w_hh
    return gradients


@scalar_backward.variant("dh for all steps first, then three products")
def _(x, h0, h, target, w_hh):
    states = np.append(h0, h)
    dh = states[1:] - target
    for t in range(len(x) - 2, -1, -1):
        dh[t] += dh[t + 1] * (1 - states[t + 2] ** 2) * w_hh
    da = dh - dh * states[1:] ** 2
    return [da @ x, da @ states[:-1], da.sum()]


@scalar_backward.variant("a triangular system solved")
def _(x, h0, h, target, w_hh):
    slope = 1 - h**2
    way_back = np.eye(len(h)) - np.diag(w_hh * slope[1:], 1)
    da = slope * np.linalg.solve(way_back, h - target)
    return float(da.dot(x)), float(da.dot(np.r_[h0, h[:-1]])), float(np.sum(da))


scalar_backward.landmark("""
    x, target = np.array([-0.4, -1.0, -0.9]), np.array([0.2, 0.6, 0.6])
    states = np.array([0.4621, 0.3682, 0.2955])
    scalar_backward(x, 0.1, states, target, 3)[1]   # ≈ -0.725
""")
