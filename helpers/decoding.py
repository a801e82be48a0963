"""Writing the target: the likeliest token at every step, or the best of several that are kept."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.corpora.parallel import BOS_ID, EOS_ID
from helpers.tensors import require_id_tensor
from helpers.validation import require, require_ids, require_int, require_number


class Decoded(NamedTuple):
    """What was written: `ids`, a list for each sentence, without ``<bos>`` and ``<eos>``.

    `weights` (N, T, S) are the attention's, one row a token written (``<eos>`` too), 0 after a sentence's
    end; None for a model without attention.
    """

    ids: list[list[int]]
    weights: Tensor | None


class Hypothesis(NamedTuple):
    """One translation: ids without ``<bos>`` and ``<eos>``, and how good it is.

    `log_prob` is log P(tokens, ``<eos>`` | source) in nats; of one that was cut off at `max_length`, that of
    its tokens (`finished` is False). `score` is what hypotheses are ordered by.
    """

    tokens: list[int]
    log_prob: float
    score: float
    finished: bool = True


@torch.no_grad()
def greedy_decode(
    model, source: Tensor, *, max_length: int, bos: int = BOS_ID, eos: int = EOS_ID
) -> Decoded:
    """source (N, S) → the likeliest token at every step, given those before, until ``<eos>`` or `max_length`
    tokens, ``<eos>`` counted.

    `model` has `encode` and `step` like `helpers.models.seq2seq.Seq2Seq`; it is used in the mode it is in.
    ValueError for logits that are not finite (-inf is, of a token that must not be written).
    """
    _require_model(model, bos=bos, eos=eos)
    require_int("max_length", max_length)
    source = _ids(source)
    require(source.ndim == 2, "source", f"shape {tuple(source.shape)}", "(N, S)")
    memory, state = model.encode(source), None
    token = source.new_full((len(source),), bos)
    running = torch.ones(len(source), dtype=torch.bool, device=source.device)
    written, attended, best = [], [], []
    while len(written) < max_length and bool(running.any()):
        logits, state, weights = model.step(token, state, memory)
        if weights is not None:
            attended.append(weights * running.unsqueeze(1))
        likeliest = logits.max(dim=-1)
        best.append(likeliest.values)
        token = torch.where(running, likeliest.indices, eos)
        running = token != eos
        written.append(token)
    _require_finite(torch.cat(best))   # once: an accelerator is not asked at every step
    rows = torch.stack(written, dim=1).tolist()
    ids = [row[: row.index(eos)] if eos in row else row for row in rows]
    return Decoded(ids, torch.stack(attended, dim=1) if attended else None)


@torch.no_grad()
def beam_search(
    model,
    source: Tensor,
    *,
    beam_size: int,
    max_length: int,
    length_penalty: float = 1.0,
    bos: int = BOS_ID,
    eos: int = EOS_ID,
) -> list[Hypothesis]:
    """source (S,), one sentence → at most `beam_size` hypotheses, the best first.

    At every step each of those kept is continued by every token, and the likeliest are kept; one that ends
    with ``<eos>`` leaves the beam with its place (Sutskever, Vinyals & Le 2014). score = log_prob /
    length**`length_penalty`, ``<eos>`` counted: 0 compares probabilities, which favours short ones; 1 the
    mean per token. With a beam of 1 this is `greedy_decode`; it need not find the best there is. What has
    probability 0 is not among them. ValueError as in `greedy_decode`.
    """
    _require_model(model, bos=bos, eos=eos)
    require_int("beam_size", beam_size)
    require_int("max_length", max_length)
    require_number("length_penalty", length_penalty, minimum=0, maximum=100)
    source = _ids(source)
    require(source.ndim == 1, "source", f"shape {tuple(source.shape)}", "one sentence, (S,)")
    memory, state = model.encode(source.unsqueeze(0)), None
    beams: list[list[int]] = [[]]
    log_probs = torch.zeros(1, dtype=torch.float64)
    done: list[Hypothesis] = []

    def finish(tokens: list[int], log_prob: float, ended: bool) -> None:
        length = len(tokens) + ended
        done.append(Hypothesis(tokens, log_prob, log_prob / length**length_penalty, ended))

    for _ in range(max_length):
        last = source.new_tensor([tokens[-1] if tokens else bos for tokens in beams])
        logits, state, _ = model.step(last, state, memory.rows(torch.zeros_like(last)))
        _require_finite(logits.amax(dim=-1))
        total = log_probs.unsqueeze(1) + logits.double().log_softmax(dim=-1).cpu()   # (beams, V)
        kept = total.flatten().topk(min(beam_size - len(done), total.numel()))
        open_beams = []
        for log_prob, place in zip(kept.values.tolist(), kept.indices.tolist(), strict=True):
            row, token = divmod(place, total.shape[1])
            if log_prob == -math.inf:
                continue
            if token == eos:
                finish(beams[row], log_prob, True)
            else:
                open_beams.append((row, [*beams[row], token], log_prob))
        if not open_beams:
            break
        rows, beams, values = (list(column) for column in zip(*open_beams, strict=True))
        state = tuple(part[rows] for part in state)
        log_probs = torch.tensor(values, dtype=torch.float64)
    else:
        for tokens, log_prob in zip(beams, log_probs.tolist(), strict=True):
            finish(tokens, log_prob, False)
    return sorted(done, key=lambda hypothesis: -hypothesis.score)


def _ids(source: Tensor) -> Tensor:
    if not isinstance(source, Tensor):   # a list will do
        source = torch.from_numpy(np.array(require_ids("source", source, 2**62), np.int64))
    return require_id_tensor("source", source, None)


def _require_model(model, **special: int) -> None:
    """ValueError unless `model` can encode and step, and has these ids."""
    able = callable(getattr(model, "encode", None)) and callable(getattr(model, "step", None))
    require(able and not isinstance(model, type), "model", type(model).__name__, "one with encode and step")
    size = getattr(model, "target_size", None)
    for name, value in special.items():
        require_int(name, value, minimum=0, maximum=None if size is None else size - 1)


def _require_finite(best: Tensor) -> None:
    """ValueError unless these largest logits of all rows are finite: nan is the largest of its row."""
    bad = best[~best.isfinite()].tolist()
    wanted = "a finite number (has its training diverged?)"
    require(not bad, "model", f"{bad[:1]} as the largest of a row of logits", wanted)
