"""`last_valid_step`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import tensor
from helpers.checks.registry import Exercise


def _last_valid_step(states, lengths):
    return states[_rows(states), lengths - 1]


def _rows(states):
    import torch

    return torch.arange(len(states))


def _mask(states, lengths):
    """(N, T, 1), 1 at the valid steps."""
    import torch

    return (torch.arange(states.shape[1]) < lengths[:, None])[..., None].to(states.dtype)


def _cases(rng):
    N, T, H = int(rng.integers(3, 5)), int(rng.integers(7, 10)), int(rng.integers(10, 13))
    lengths = 2 + rng.permutation(T - 3)[:N]      # all different, none as long as T
    if rng.random() < 0.5:
        lengths[rng.integers(N)] = T              # now and then a review fills its row
    if rng.random() < 0.5:
        lengths[rng.integers(1, N)] = lengths[0]  # and two are equally long
    states = rng.normal(size=(N, T, H)).astype(np.float32)      # as in the chapter: torch's default
    return {"states": tensor(states), "lengths": tensor(lengths.astype(np.int64))}


def _trial(function, states, lengths):
    """What was picked, where a gradient that arrives there goes, and whether `lengths` is still the same."""
    import torch

    states.requires_grad_(True)
    before = lengths.clone()
    picked = function(states, lengths)
    if picked is None:
        return None
    if not isinstance(picked, torch.Tensor):
        how = "torch.stack(…) makes one of rows" if isinstance(picked, list | tuple) else "NumPy has no gradients"
        raise Complaint(f"The function should return a torch tensor; it returned {type(picked).__name__}: {how}.")
    unchanged = torch.equal(lengths, before)
    if not picked.requires_grad:
        return picked, np.zeros(states.shape), unchanged
    return picked.detach(), torch.autograd.grad(picked.sum(), states)[0], unchanged


last_valid_step = Exercise(
    "last_valid_step",
    "08",
    _last_valid_step,
    ("h", "gradient in states", "lengths unchanged"),
    _cases,
    rounds=8,
    rtol=1e-6,
    trial=_trial,
)


@last_valid_step.oracle("row by row in plain Python", needs_torch=True)
def _(states, lengths):
    states, lengths = states.tolist(), lengths.tolist()
    picked = [steps[:length][-1] for steps, length in zip(states, lengths, strict=True)]
    gradient = np.zeros(np.shape(states))
    for n, length in enumerate(lengths):
        gradient[n, length - 1] = 1
    return np.array(picked), gradient, True


@last_valid_step.oracle("torch.nn.utils.rnn.unpad_sequence", needs_torch=True)
def _(states, lengths):
    import torch

    states = states.clone().requires_grad_(True)
    rows = torch.nn.utils.rnn.unpad_sequence(states, lengths, batch_first=True)
    picked = torch.stack([row[-1] for row in rows])
    return picked.detach(), torch.autograd.grad(picked.sum(), states)[0], True


@last_valid_step.misconception(
    "last-padded-step",
    "You take the last step of the *row*. For a short review that is padding: the state after T − length words that are not "
    "there. Every row has a last step of its own, lengths[n] − 1.",
)
def _(states, lengths):
    return states[:, -1]


@last_valid_step.misconception(
    "one-too-far",
    "One step too far: steps count from 0, so the last of `length` steps is number length − 1. Yours is the first padded step, "
    "and there is none when a review fills its row.",
)
def _(states, lengths):
    return states[_rows(states), lengths]


@last_valid_step.misconception(
    "one-too-far-by-gather",
    "Your index for gather is one too high: steps count from 0, so the last of `length` steps is number length − 1.",
)
def _(states, lengths):
    index = lengths.view(-1, 1, 1).expand(-1, 1, states.shape[2])
    return states.gather(1, index).squeeze(1)


@last_valid_step.misconception(
    "one-too-far-held-back",
    "Yours is the step *after* the last word (held back to T − 1 where there is none). The last of `length` steps is number "
    "length − 1; then nothing needs to be held back.",
)
def _(states, lengths):
    return states[_rows(states), lengths.clamp(max=states.shape[1] - 1)]


@last_valid_step.misconception(
    "one-too-early",
    "One step too early: your state has not read the last word. With `length` words the last step is length − 1.",
)
def _(states, lengths):
    return states[_rows(states), lengths - 2]


@last_valid_step.misconception(
    "first-step", "This is the state after the *first* word."
)
def _(states, lengths):
    return states[:, 0]


@last_valid_step.misconception(
    "from-the-end",
    "You count `length` steps from the end of the row. The padding stands at the end, so count from the beginning: length − 1.",
)
def _(states, lengths):
    return states[_rows(states), -lengths]


@last_valid_step.misconception(
    "longest-for-all",
    "One step for all rows, the last of the *longest* review. The others have long been padding there.",
)
def _(states, lengths):
    return states[:, lengths.max() - 1]


@last_valid_step.misconception(
    "first-rows-length",
    "One step for all rows: that of the first row's length. Every row has its own.",
)
def _(states, lengths):
    return states[:, lengths[0] - 1]


@last_valid_step.misconception(
    "every-row-with-every-length",
    "states[:, lengths − 1] takes *all* the lengths from *every* row: (N, N, H). Row n goes with length n: index with "
    "torch.arange(N) and lengths − 1 side by side.",
)
def _(states, lengths):
    return states[:, lengths - 1]


@last_valid_step.misconception(
    "axes-swapped",
    "You index time first. The states are (N, T, H): the row comes first, then the step.",
)
def _(states, lengths):
    return states[lengths - 1, _rows(states)]


@last_valid_step.misconception(
    "mean-over-the-row",
    "You average over all T steps, padding included. Wanted is one state: the one after the last word.",
)
def _(states, lengths):
    return states.mean(1)


@last_valid_step.misconception(
    "mean-over-valid-steps",
    "You average over the valid steps. That is a model of its own (mean pooling); wanted is the state after the last word.",
)
def _(states, lengths):
    return (states * _mask(states, lengths)).sum(1) / lengths[:, None]


@last_valid_step.misconception(
    "sum-over-valid-steps",
    "You add up all valid steps. The mask should be 1 at *one* step of each row, length − 1, and 0 elsewhere.",
)
def _(states, lengths):
    return (states * _mask(states, lengths)).sum(1)


@last_valid_step.misconception(
    "largest",
    "You take each unit's largest value over the row (max pooling). Wanted is the state after the last word.",
)
def _(states, lengths):
    return states.max(1).values


@last_valid_step.misconception(
    "masked-then-last",
    "You set the padded steps to zero and then take the last one, which *is* zero in every short row. Pick the step "
    "length − 1.",
)
def _(states, lengths):
    return (states * _mask(states, lengths))[:, -1]


@last_valid_step.misconception(
    "order-lost",
    "The states are right, but they belong to other rows: sorted by length and never put back. Row n of the answer has to be "
    "row n of the batch, or it meets another review's label.",
)
def _(states, lengths):
    order = lengths.argsort(descending=True, stable=True)
    return states[order, lengths[order] - 1]


@last_valid_step.misconception(
    "axis-kept",
    "The time axis is still there: (N, 1, H). squeeze(1) takes it away.",
)
def _(states, lengths):
    return _last_valid_step(states, lengths)[:, None]


@last_valid_step.misconception(
    "one-unit",
    "gather returns as many entries as its index has: with an index (N, 1, 1) one unit in place of H. Expand it to (N, 1, H) "
    "first.",
)
def _(states, lengths):
    return states.gather(1, (lengths - 1).view(-1, 1, 1)).squeeze(1)


@last_valid_step.misconception(
    "cut-off-from-training",
    "The values are right, but no gradient gets through: .detach(), .data, .numpy() or torch.tensor(…) has cut the graph. The "
    "cell would never learn.",
)
def _(states, lengths):
    return _last_valid_step(states.detach(), lengths)


@last_valid_step.misconception(
    "lengths-changed",
    "The states are right, but `lengths -= 1` writes into the caller's tensor: at the next call every review is a word "
    "shorter. `lengths - 1` makes a new one.",
)
def _(states, lengths):
    picked = _last_valid_step(states, lengths)
    lengths -= 1
    return picked


@last_valid_step.misconception(
    "first-review-only",
    "Only the first review's state comes out: the `return` stands inside the loop. Wanted is one state for each row, (N, H).",
)
def _(states, lengths):
    return states[0, lengths[0] - 1]


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
    N, T, H = states.shape
    return states.reshape(N * T, H)[_rows(states) * T + lengths - 1]


@last_valid_step.landmark("`h[0, 0] = 3`")
def _(f):
    import torch

    states = torch.arange(24.0).reshape(2, 4, 3)
    return f(states, torch.tensor([2, 4]))[0, 0]
