"""`last_valid_step`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.given import tensor
from helpers.checks.registry import Exercise


def last_valid_step_reference(states, lengths):
    import torch

    return states[torch.arange(len(states)), lengths - 1]


def _case(rng, N, T, H, lengths):
    states = rng.normal(size=(N, T, H)).astype(np.float32)   # as in the chapter: torch's default
    return {"states": tensor(states), "lengths": tensor(np.array(lengths, dtype=np.int64))}


def step_cases(rng, *, N=(3, 4), T=(7, 9), H=(10, 12)):
    # None fills its row and none has one word (see the extremes): a step too far or too early shows as such.
    lengths = rng.integers(2, T, size=N) if T > 1 else [1] * N
    return _case(rng, N, T, H, lengths)


last_valid_step = Exercise("last_valid_step", "08", last_valid_step_reference, ("h",), step_cases, rtol=1e-6)


@last_valid_step.oracle("row by row in plain Python")
def _(states, lengths):
    return np.array([row[:length][-1] for row, length in zip(states.tolist(), lengths.tolist(), strict=True)])


@last_valid_step.oracle("torch.nn.utils.rnn.unpad_sequence", needs_torch=True)
def _(states, lengths):
    import torch

    rows = torch.nn.utils.rnn.unpad_sequence(states, lengths, batch_first=True)
    return torch.stack([row[-1] for row in rows])


@last_valid_step.extreme("reviews that fill their row", "A review may fill its row: then its last step is T − 1.")
def _(rng):
    return _case(rng, 4, 6, 5, [6, 2, 6, 3])


@last_valid_step.extreme("reviews of one word", "A review may have one word: then its last step is step 0.")
def _(rng):
    return _case(rng, 3, 6, 5, [1, 4, 1])


@last_valid_step.extreme("N = T = H", "Right where N, T and H differ, wrong where they are equal: does it tell the axes by their sizes?")
def _(rng):
    return _case(rng, 4, 4, 4, [2, 4, 1, 3])


@last_valid_step.extreme("more reviews than steps", "Right for few reviews. There may be more of them than steps, some equally long.")
def _(rng):
    return _case(rng, 9, 4, 3, [2, 3, 1, 2, 4, 2, 1, 3, 3])


@last_valid_step.extreme("states of 0", "A state may be 0 at a valid step: what counts is `lengths`, not which numbers are 0.")
def _(rng):
    case = _case(rng, 3, 5, 4, [3, 5, 2])
    case["states"].parts[0][:, 1:3] = 0
    return case


ROWS, STEP = "torch.arange(len(states))", "lengths - 1"
PICK = f"[{ROWS}, {STEP}]"
MASK = "(torch.arange(states.shape[1]) < lengths[:, None])[..., None]"

last_valid_step.mistake(
    "last-padded-step",
    "You take the last step of the *row*. For a short review that is padding: the state after T − length words that are not "
    "there. Every row has a last step of its own, lengths[n] − 1.",
    (PICK, "[:, -1]"),
)
last_valid_step.mistake(
    "one-too-far",
    "One step too far: steps count from 0, so the last of `length` steps is number length − 1. Yours is the first padded step, "
    "and there is none when a review fills its row.",
    (STEP, "lengths"),
)
last_valid_step.mistake(
    "one-too-early",
    "One step too early: your state has not read the last word. With `length` words the last step is length − 1.",
    (STEP, "lengths - 2"),
)
last_valid_step.mistake("first-step", "This is the state after the *first* word.", (PICK, "[:, 0]"))
last_valid_step.mistake(
    "from-the-end",
    "You count `length` steps from the end of the row. The padding stands at the end, so count from the beginning: length − 1.",
    (STEP, "-lengths"),
)
last_valid_step.mistake(
    "longest-for-all",
    "One step for all rows, the last of the *longest* review. The others have long been padding there.",
    (PICK, "[:, lengths.max() - 1]"),
)
last_valid_step.mistake(
    "shortest-for-all",
    "One step for all rows, the last of the *shortest* review. The others go on: every row has a last step of its own.",
    (PICK, "[:, lengths.min() - 1]"),
)
last_valid_step.mistake(
    "first-rows-length",
    "One step for all rows: that of the first row's length. Every row has its own.",
    (PICK, "[:, lengths[0] - 1]"),
)
last_valid_step.mistake(
    "every-row-with-every-length",
    "`states[:, lengths - 1]` takes *all* the lengths from *every* row: (N, N, H). Row n goes with length n: index with "
    "torch.arange(N) and lengths − 1 side by side.",
    (ROWS, ":"),
)
last_valid_step.mistake(
    "rows-by-length",
    "`states[lengths - 1]` picks whole *rows* of the batch. The rows come first, so an index for them has to stand in front: "
    "torch.arange(N), and lengths − 1 behind it.",
    (f"{ROWS}, ", ""),
)
last_valid_step.mistake(
    "mean-over-the-row",
    "You average over all T steps, padding included. Wanted is one state: the one after the last word.",
    (PICK, ".mean(1)"),
)
last_valid_step.mistake(
    "sum-over-the-row",
    "You add up all T steps, padding included. Wanted is one state: the one after the last word.",
    (PICK, ".sum(1)"),
)
last_valid_step.mistake(
    "mean-over-valid-steps",
    "You average over the valid steps. That is a model of its own (mean pooling); wanted is the state after the last word.",
    (f"states{PICK}", f"(states * {MASK}).sum(1) / lengths[:, None]"),
)
last_valid_step.mistake(
    "sum-over-valid-steps",
    "You add up all valid steps. Wanted is one state of each row: the one at step length − 1.",
    (f"states{PICK}", f"(states * {MASK}).sum(1)"),
)
last_valid_step.mistake(
    "largest",
    "You take each unit's largest value over the row (max pooling). Wanted is the state after the last word.",
    (PICK, ".max(1).values"),
)
last_valid_step.mistake(
    "largest-valid",
    "You take each unit's largest value over the valid steps (max pooling). Wanted is the state after the last word.",
    (f"states{PICK}", f'states.masked_fill(~{MASK}, float("-inf")).max(1).values'),
)
last_valid_step.mistake(
    "masked-then-last",
    "You set the padded steps to zero and then take the last one, which *is* zero in every short row. Pick the step "
    "length − 1.",
    (f"states{PICK}", f"(states * {MASK})[:, -1]"),
)
last_valid_step.mistake(
    "order-lost",
    "The states are right, but they belong to other rows: sorted by length and never put back. Row n of the answer has to be "
    "row n of the batch, or it meets another review's label.",
    ("    return", "    order = lengths.argsort(descending=True, stable=True)\n    return"),
    (f"{ROWS}, {STEP}", "order, lengths[order] - 1"),
)
last_valid_step.mistake(
    "lengths-sorted",
    "You sort the lengths and leave the states as they are, so each row meets another row's length. Row n goes with "
    "lengths[n].",
    (STEP, "lengths.sort().values - 1"),
)
last_valid_step.mistake(
    "axis-kept",
    "The time axis is still there: (N, 1, H). An index takes it away, a slice or `gather` keeps it: [:, 0] behind it.",
    (PICK, f"{PICK}[:, None]"),
)
last_valid_step.mistake(
    "one-unit",
    "gather returns as many entries as its index has: with an index (N, 1, 1) one unit in place of H. Expand it to (N, 1, H) "
    "first.",
    (PICK, f"{PICK}[:, :1]"),
)
last_valid_step.mistake(
    "cut-off-from-training",
    "The values are right, but no gradient gets through: .detach(), .data, no_grad, .numpy() or torch.tensor(…) has cut the "
    "graph. The cell would never learn.",
    ("states[torch", "states.detach()[torch"),
)
last_valid_step.mistake(
    "lengths-changed",
    "The states are right, but `lengths -= 1` writes into the caller's tensor: at the next call every review is a word "
    "shorter. `lengths - 1` makes a new one.",
    ("    return", "    lengths -= 1\n    return"),
    (STEP, "lengths"),
)
last_valid_step.mistake(
    "all-valid-steps",
    "You keep *all* steps of each review, one below the other. Wanted is one step of each row, length − 1.",
    (PICK, "[torch.arange(states.shape[1]) < lengths[:, None]]"),
)
last_valid_step.mistake(
    "index-without-axes",
    "gather wants an index with as many axes as the states have: (N, 1, H), the same step for every unit.",
    (PICK, ".gather(1, (lengths - 1)[:, None])"),
)
last_valid_step.mistake(
    "as-many-rows-as-steps",
    "Your rows count up to T, the number of steps. There are N of them: `len(states)`.",
    ("len(states)", "states.shape[1]"),
)
last_valid_step.mistake(
    "one-tensor-for-all",
    "Every row is the last review's state: each round of the loop writes into all rows, or into one tensor that a list holds N "
    "times. Each review has a row of its own, `h[n] = …`.",
    (PICK, f"{PICK}[[-1] * len(states)]"),
)
last_valid_step.mistake(
    "first-review-only",
    "Only the first review's state comes out: the `return` stands inside the loop. Wanted is one state for each row, (N, H).",
    (PICK, "[0, lengths[0] - 1]"),
)
last_valid_step.mistake(
    "last-review-only",
    "Only the last review's state comes out: something is overwritten in the loop. Wanted is one state for each row, (N, H).",
    (PICK, "[-1, lengths[-1] - 1]"),
)


@last_valid_step.variant("gather")
def _(states, lengths):
    index = (lengths - 1)[:, None, None].expand(-1, 1, states.size(2))
    return states.gather(1, index)[:, 0]


@last_valid_step.variant("a loop and stack")
def _(states, lengths):
    import torch

    return torch.stack([row[int(length) - 1] for row, length in zip(states, lengths, strict=True)])


@last_valid_step.variant("an empty tensor, filled row by row")
def _(states, lengths):
    import torch

    picked = torch.empty(states.shape[0], states.shape[2])
    for n in range(len(states)):
        picked[n] = states[n, lengths[n] - 1]
    return picked


@last_valid_step.variant("a mask with a single 1")
def _(states, lengths):
    import torch

    last = torch.arange(states.shape[1])[None] == lengths[:, None] - 1
    return (states * last[:, :, None]).sum(dim=1)


@last_valid_step.variant("rows of one long matrix")
def _(states, lengths):
    import torch

    N, T, H = states.shape
    return states.reshape(N * T, H)[torch.arange(N) * T + lengths - 1]


last_valid_step.landmark("""
    states = torch.arange(24.0).reshape(2, 4, 3)
    last_valid_step(states, torch.tensor([2, 4]))   # [[3.0, 4.0, 5.0], [21.0, 22.0, 23.0]]
""")
