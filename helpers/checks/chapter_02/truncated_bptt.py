"""`truncated_bptt`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference as rnn_forward
from helpers.checks.chapter_01.rnn_step import step_cases
from helpers.checks.chapter_02.rnn_backward import rnn_backward_reference as rnn_backward
from helpers.checks.registry import Exercise


def truncated_bptt_reference(x, h0, target, Wx, Wh, b, window):
    before, dWx, dWh, db = h0, np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for start in range(0, x.shape[1], window):
        part = slice(start, start + window)
        h = rnn_forward(x[:, part], before, Wx, Wh, b)
        grads = rnn_backward(h - target[:, part], x[:, part], before, h, Wx, Wh)
        dWx += grads[2]
        dWh += grads[3]
        db += grads[4]
        before = h[:, -1]
    return dWx, dWh, db, before


def windows_cases(rng, *, N=(2, 3), T=(10, 11), D=(5, 6), H=(7, 8), window=(3, 4)):
    """Sequences whose last window is short, unless a size is 1."""
    case = step_cases(rng, N=N, D=D, H=H)
    return {
        "x": rng.normal(size=(N, T, D)),
        "h0": case["h_prev"],
        "target": rng.uniform(-1, 1, size=(N, T, H)),
        "Wx": case["Wx"],
        "Wh": case["Wh"],
        "b": 0.5 * case["b"],
        "window": window,
    }


OUTPUTS = ("dWx", "dWh", "db", "h_last")
truncated_bptt = Exercise("truncated_bptt", "02", truncated_bptt_reference, OUTPUTS, windows_cases, rounds=3)


@truncated_bptt.extreme(
    "windows that divide T evenly", "Right with a short last window, wrong where all are of one length (no step is left over)."
)
def _(rng):
    return windows_cases(rng, N=2, T=12, D=4, H=5, window=4)


@truncated_bptt.extreme(
    "a window longer than the sequence", "Where `window` is longer than T there is one window, and nothing is cut."
)
def _(rng):
    return windows_cases(rng, N=2, T=5, D=3, H=4, window=9)


@truncated_bptt.extreme("one-hot inputs, targets far from 0", "Rows with a single 1 are inputs like any other, and states may be far from their targets.")
def _(rng):
    case = windows_cases(rng, N=2, T=7, D=4, H=4, window=3)
    return case | {"x": np.eye(4)[rng.integers(0, 4, size=(2, 7))], "target": rng.integers(-3, 4, size=(2, 7, 4)).astype(float)}


@truncated_bptt.extreme(
    "errors far above 1, from zeros", "Right for small errors, wrong for large ones. Nothing is clipped here."
)
def _(rng):
    case = windows_cases(rng, N=2, T=13, D=3, H=4, window=5)
    return case | {"h0": np.zeros((2, 4)), "target": 50 * case["target"]}


@truncated_bptt.oracle("torch autograd, the state detached at every cut", rtol=1e-8, needs_torch=True)
def _(x, h0, target, Wx, Wh, b, window):
    import torch

    weights = [torch.tensor(array, requires_grad=True) for array in (Wx, Wh, b)]
    h, inputs, wanted = torch.tensor(h0), torch.tensor(x, dtype=torch.float64), torch.tensor(target)
    for t in range(x.shape[1]):
        if t % window == 0:
            h = h.detach()
        h = torch.tanh(inputs[:, t] @ weights[0] + h @ weights[1] + weights[2])
        (0.5 * (h - wanted[:, t]) ** 2).sum().backward(retain_graph=True)
    return *(weight.grad.numpy() for weight in weights), h.detach().numpy()


@truncated_bptt.oracle("the sum over those pairs of loss and use that share a window")
def _(x, h0, target, Wx, Wh, b, window):
    return sum_over_pairs(x, h0, target, Wx, Wh, b, lambda t, k: t // window == k // window)


def sum_over_pairs(x, h0, target, Wx, Wh, b, counts):
    """Gradients over the pairs of a loss t and a use k ≤ t that `counts(t, k)`, and the last state."""
    h = rnn_forward(x, h0, Wx, Wh, b)
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for t in range(x.shape[1]):
        dh = h[:, t] - target[:, t]
        for k in range(t, -1, -1):
            if not counts(t, k):
                break
            da = dh * (1 - h[:, k] ** 2)
            dWx += np.einsum("nd,nh->dh", x[:, k], da)
            dWh += np.einsum("nj,nh->jh", before[:, k], da)
            db += da.sum(axis=0)
            dh = np.einsum("nh,jh->nj", da, Wh)
    return dWx, dWh, db, h[:, -1]


def _all_states_first(x, h0, target, Wx, Wh, b, window, started_from):
    """All states first; the window at `start` is told that it began with `started_from(states, start)`."""
    states, sums = rnn_forward(x, h0, Wx, Wh, b), [0, 0, 0]
    for start in range(0, x.shape[1], window):
        part = slice(start, start + window)
        h, before = states[:, part], started_from(states, start) if start else h0
        grads = rnn_backward(h - target[:, part], x[:, part], before, h, Wx, Wh)
        sums = [one + more for one, more in zip(sums, grads[2:], strict=True)]
    return *sums, states[:, -1]


WINDOWS, PART = "range(0, x.shape[1], window)", "slice(start, start + window)"
FORWARD, ERROR = "        h = rnn_forward(x[:, part], before, Wx, Wh, b)\n", "h - target[:, part]"
BACKWARD = "        grads = rnn_backward(h - target[:, part], x[:, part], before, h, Wx, Wh)\n"
CARRY, RETURN = "        before = h[:, -1]\n", "return dWx, dWh, db, before"

truncated_bptt.mistake(
    "mean-over-windows",
    "You take the mean over the windows. E is a sum over all steps, and so is its gradient.",
    (f"    {RETURN}", f"    windows = len({WINDOWS})\n    return dWx / windows, dWh / windows, db / windows, before"),
)
truncated_bptt.mistake(
    "mean-over-the-batch",
    "You divide by N. E is a sum over the sequences, not their mean.",
    (RETURN, "return dWx / len(x), dWh / len(x), db / len(x), before"),
)
truncated_bptt.mistake(
    "sign",
    "The gradients have the wrong sign: dh is h − target, not target − h.",
    (ERROR, "target[:, part] - h"),
)
truncated_bptt.mistake(
    "last-window-only",
    "Only the last window's gradient is left: each overwrites that of the one before (or stands after the loop). Add them "
    "up, +=, inside the loop.",
    ("dWx +=", "dWx ="),
    ("dWh +=", "dWh ="),
    ("db +=", "db ="),
)
truncated_bptt.mistake(
    "state-zeroed",
    "At every cut you start again from zeros. What is cut is the gradient; the state goes on: the next window "
    "starts from h[:, -1].",
    (CARRY, "        before = np.zeros_like(h0)\n"),
    (RETURN, "return dWx, dWh, db, h[:, -1]"),
)
truncated_bptt.mistake(
    "zeros-from-the-start",
    "Every window starts from zeros, the first one too. It starts from h0, and each later one from the state the "
    "window before left.",
    (FORWARD, f"        before = np.zeros_like(h0)\n{FORWARD}"),
)
truncated_bptt.mistake(
    "h0-at-every-cut",
    "Every window starts from h0. Only the first does; the next ones start from the state the window before left.",
    (FORWARD, f"        before = h0\n{FORWARD}"),
)
truncated_bptt.mistake(
    "h0-ignored",
    "The first window starts from zeros; it starts from h0. (The later ones are right.)",
    ("db = h0,", "db = np.zeros_like(h0),"),
)
truncated_bptt.mistake(
    "not-cut",
    "That is the full gradient: nothing is cut. Go backwards through each window by itself, and hand no gradient "
    "to the window before.",
    ("    before, dWx", "    window = x.shape[1]\n    before, dWx"),
)
truncated_bptt.mistake(
    "last-window-dropped",
    "Where T is no multiple of the window, your last, shorter window is missing. Let start run over "
    "range(0, T, window): `slice(start, start + window)` simply ends where x ends.",
    (WINDOWS, "range(0, x.shape[1] - window + 1, window)"),
)
truncated_bptt.mistake(
    "last-window-always-dropped",
    "The last window is left out, also where it is whole. Let start run over `range(0, x.shape[1], window)`.",
    (WINDOWS, "range(0, x.shape[1] - window, window)"),
)
truncated_bptt.mistake(
    "windows-overlap",
    "Your windows are one step too long: the last step of one is the first of the next. A slice start:end leaves "
    "its end out, so it is start:start + window.",
    (PART, "slice(start, start + window + 1)"),
)
truncated_bptt.mistake(
    "a-step-left-out",
    "Your windows are one step too short: the last step of each whole window is read by none. A slice "
    "start:end leaves its end out already.",
    (PART, "slice(start, start + window - 1)"),
)
truncated_bptt.mistake(
    "window-by-window-of-one",
    "A window begins at every step, and most steps are read several times. The next one begins `window` steps later: "
    "`range(0, x.shape[1], window)`.",
    (WINDOWS, "range(x.shape[1])"),
)
truncated_bptt.mistake(
    "windows-of-one-step",
    "Your windows are one step long, whatever `window` says: nothing is handed back at all.",
    (WINDOWS, "range(x.shape[1])"),
    (PART, "slice(start, start + 1)"),
)
truncated_bptt.mistake(
    "over-the-batch",
    "Your windows end at step N: axis 0 counts the sequences. The steps are axis 1: `x.shape[1]`.",
    (WINDOWS, "range(0, x.shape[0], window)"),
)


@truncated_bptt.misconception(
    "that-many-windows",
    "You cut the sequence into `window` parts. `window` is the number of *steps* in a part.",
)
def _(x, h0, target, Wx, Wh, b, window):
    before, sums = h0, [0, 0, 0]
    for steps in np.array_split(np.arange(x.shape[1]), window):
        if len(steps):
            h = rnn_forward(x[:, steps], before, Wx, Wh, b)
            grads = rnn_backward(h - target[:, steps], x[:, steps], before, h, Wx, Wh)
            sums, before = [one + more for one, more in zip(sums, grads[2:], strict=True)], h[:, -1]
    return *sums, before


@truncated_bptt.misconception(
    "looking-back-from-every-loss",
    "You look back over `window` uses from every loss. That is truncation too, but another one: here the windows do "
    "not overlap, and a loss reaches back to the start of its own.",
)
def _(x, h0, target, Wx, Wh, b, window):
    return sum_over_pairs(x, h0, target, Wx, Wh, b, lambda t, k: t - k < window)


@truncated_bptt.misconception(
    "last-steps-only",
    "You go back through the last `window` steps of the sequence and stop. Every window gets its own way back, from its "
    "end to its start, and their gradients are added up.",
)
def _(x, h0, target, Wx, Wh, b, window):
    start = max(0, x.shape[1] - window)
    before = rnn_forward(x[:, :start], h0, Wx, Wh, b)[:, -1] if start else h0
    return truncated_bptt_reference(x[:, start:], before, target[:, start:], Wx, Wh, b, window)


@truncated_bptt.misconception(
    "started-one-step-late",
    "As the state a window started from you give h[:, start], the state *after* its first step. The one before it is "
    "h[:, start − 1].",
)
def _(*case):
    return _all_states_first(*case, lambda states, start: states[:, start])


truncated_bptt.mistake(
    "loss-at-the-cuts-only",
    "Only the last step of each window sends its error back. There is a loss at every step: dh = h − target for "
    "the whole window.",
    (f"rnn_backward({ERROR}", f"rnn_backward(({ERROR}) * (np.arange(h.shape[1])[:, None] == h.shape[1] - 1)"),
)
truncated_bptt.mistake(
    "detached-to-zeros",
    "The state goes on forwards, but the backward pass of a window is told that it started from zeros. Cut means: "
    "no gradient leaves the window. Its first state keeps its value, and dWh needs it.",
    ("before, h, Wx", "np.zeros_like(h0), h, Wx"),
)
truncated_bptt.mistake(
    "h0-in-every-backward",
    "The backward pass of every window is given h0. The state it started from is the one the window before left.",
    ("before, h, Wx", "h0, h, Wx"),
)
truncated_bptt.mistake(
    "first-state-carried",
    "You carry h[:, 0] on, the state after a window's *first* step. The next window starts where this one ended: "
    "h[:, -1].",
    ("before = h[:, -1]", "before = h[:, 0]"),
    (RETURN, "return dWx, dWh, db, h[:, -1]"),
)
truncated_bptt.mistake(
    "error-for-its-derivative",
    "You send back ½ (h − target)², the error itself. What goes back is its derivative, h − target.",
    (ERROR, "0.5 * (h - target[:, part]) ** 2"),
)
truncated_bptt.mistake(
    "state-updated-too-early",
    "`before` is `h[:, -1]` already when you call `rnn_backward`. The backward pass needs the state this window *started* "
    "from: set `before = h[:, -1]` after it.",
    (BACKWARD, CARRY + BACKWARD),
)
truncated_bptt.mistake(
    "gradient-carried-as-state",
    "You carry dh0 on, a gradient, as if it were the next window's state. The state that goes on is h[:, −1]; dh0 is "
    "dropped.",
    ("before = h[:, -1]", "before = grads[1]"),
    (RETURN, "return dWx, dWh, db, h[:, -1]"),
)
truncated_bptt.mistake(
    "first-targets-always",
    "Every window is compared with target[:, :window], the targets of the first. Cut them like the inputs: "
    "`target[:, part]`.",
    (ERROR, "h - target[:, :window]"),
)
truncated_bptt.mistake(
    "all-targets-at-once",
    "A window's states are compared with the targets of the whole sequence. Cut them like the inputs: `target[:, part]`.",
    (ERROR, "h - target"),
)
truncated_bptt.mistake(
    "all-inputs-at-once",
    "Every window reads the whole sequence forwards. Cut the inputs too: `x[:, part]`.",
    ("rnn_forward(x[:, part]", "rnn_forward(x"),
)
truncated_bptt.mistake(
    "sequences-for-steps",
    "x[part] cuts the batch: the first axis counts the sequences. The steps are the second: `x[:, part]`.",
    ("rnn_forward(x[:, part]", "rnn_forward(x[part]"),
    ("x[:, part], before, h", "x[part], before, h"),
)
truncated_bptt.mistake(
    "last-inputs-as-state",
    "The state that comes last is wanted, (N, H); all states of the last window are (N, steps, H). Take `h[:, -1]`.",
    (RETURN, "return dWx, dWh, db, h"),
)
truncated_bptt.mistake(
    "h0-returned",
    "As the last state you return h0, where it all started. Wanted is where it ended: `h[:, -1]` of the last window.",
    (RETURN, "return dWx, dWh, db, h0"),
)
truncated_bptt.mistake(
    "state-gradient-returned",
    "In last place you return dh0, a gradient. Wanted is the last *state*: `h[:, -1]` of the last window.",
    (RETURN, "return dWx, dWh, db, grads[1]"),
)
truncated_bptt.mistake(
    "gradients-one-place-off",
    "`rnn_backward` returns dx, dh0, dWx, dWh, db, so the gradients of the parameters are at 2, 3 and 4.",
    ("grads[2]", "grads[1]"),
    ("grads[3]", "grads[2]"),
    ("grads[4]", "grads[3]"),
)
truncated_bptt.mistake(
    "state-zeroed-to-the-end",
    "At every cut you set the state to zeros, after the last window too. What is cut is the gradient; the state goes on, "
    "before = h[:, -1], and comes out at the end.",
    (CARRY, "        before = np.zeros_like(h0)\n"),
)
truncated_bptt.mistake(
    "h0-at-every-cut-and-at-the-end",
    "The state is not carried: every window starts from h0, and h0 comes out at the end. After each window: before = h[:, -1].",
    (CARRY, ""),
)
truncated_bptt.mistake(
    "gradient-carried-to-the-end",
    "In `before` you carry dh0, a gradient, from window to window and return it. What goes on is the state, h[:, −1].",
    ("before = h[:, -1]", "before = grads[1]"),
)
truncated_bptt.mistake(
    "an-empty-window",
    "Where T is a multiple of the window you begin one more, in which no step is left. Let start run over "
    "`range(0, x.shape[1], window)`.",
    (WINDOWS, "range(0, x.shape[1] + 1, window)"),
)
truncated_bptt.mistake(
    "length-for-end",
    "A slice is told its end, not its length: `slice(start, start + window)`.",
    (PART, "slice(start, window)"),
)
truncated_bptt.mistake(
    "an-axis-too-many",
    "`h[:, -1:]` is (N, 1, H), a slice of one step. The state of a batch is (N, H): `h[:, -1]`.",
    ("before = h[:, -1]", "before = h[:, -1:]"),
)
truncated_bptt.mistake(
    "order-of-the-outputs",
    "The last state comes last: return dWx, dWh, db, h_last.",
    (RETURN, "return before, dWx, dWh, db"),
)


@truncated_bptt.variant("all states first, then one sweep that drops what it carries at every cut")
def _(x, h0, target, Wx, Wh, b, window):
    states = np.concatenate([h0[:, None], rnn_forward(x, h0, Wx, Wh, b)], axis=1)
    da, back = np.zeros_like(states[:, 1:]), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        da[:, t] = (states[:, t + 1] - target[:, t] + back) * (1 - states[:, t + 1] ** 2)
        back = da[:, t] @ Wh.T * (t % window != 0)
    dWx, dWh = np.tensordot(x, da, [(0, 1), (0, 1)]), np.tensordot(states[:, :-1], da, [(0, 1), (0, 1)])
    return dWx, dWh, da.sum(axis=(0, 1)), states[:, -1]


@truncated_bptt.variant("the first window, then the rest by recursion")
def _(x, h0, target, Wx, Wh, b, window):
    h = rnn_forward(x[:, :window], h0, Wx, Wh, b)
    first = rnn_backward(h - target[:, :window], x[:, :window], h0, h, Wx, Wh)[2:]
    if x.shape[1] <= window:
        return *first, h[:, -1].copy()
    *rest, last = truncated_bptt_reference(x[:, window:], h[:, -1], target[:, window:], Wx, Wh, b, window)
    return *(one + other for one, other in zip(first, rest, strict=True)), last


truncated_bptt.landmark("""
    inputs, start = np.ones((1, 5, 3)), np.full((1, 2), 0.5)   # N = 1, T = 5, D = 3, H = 2
    weights = np.full((3, 2), 0.1), np.array([[0.1, 0.9], [0.5, 0.4]]), np.zeros(2)
    dWx, dWh, db, h_last = truncated_bptt(inputs, start, np.full((1, 5, 2), 0.3), *weights, 2)
    dWh[0, 1]      # ≈ 0.580
    h_last[0, 0]   # ≈ 0.654
""")
