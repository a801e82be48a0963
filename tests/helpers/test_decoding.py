"""Greedy and beam search against all sequences there are, and against a search that keeps no state."""

import itertools
import math

import pytest
import torch

from helpers.decoding import Hypothesis, beam_search, greedy_decode
from helpers.models.seq2seq import Memory, Seq2Seq
from tests.hostile import NO_NUMBERS, NO_WHOLE_NUMBERS, Alike, assert_refused, fuzz

V, W = 7, 5
BOS, EOS = 1, 2
SOURCES = torch.tensor([[3, 6, 4, 5], [4, 3, 0, 0], [6, 0, 0, 0], [5, 5, 3, 0], [3, 3, 3, 6], [6, 4, 0, 0]])
KINDS = ("additive", "dot", None)
every_kind = pytest.mark.parametrize("attention", KINDS)


def make(attention="additive", seed=0, sharp=3.0):
    torch.manual_seed(seed)
    model = Seq2Seq(V, W, embedding_size=4, hidden_size=5, attention=attention).double()
    with torch.no_grad():
        model.output.weight *= sharp   # or all tokens are about equally likely
        model.embedding.weight *= 2
    return model.eval()


def log_prob(model, source, tokens, ended):
    """log P(tokens, and <eos> if it ended | source), with teacher forcing."""
    target = [BOS, *tokens, *([EOS] if ended else [])]
    inputs = torch.tensor([target[:-1]])
    logits, _ = model(source[source != 0].unsqueeze(0), inputs)
    found = logits[0].double().log_softmax(-1)
    return sum(found[t, token].item() for t, token in enumerate(target[1:]))


# ---- greedy --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attention", "seed"), [("additive", 7), ("dot", 6), (None, 9)])
def test_greedy_is_the_likeliest_token_after_the_true_prefix(attention, seed):
    model = make(attention, seed)
    decoded = greedy_decode(model, SOURCES, max_length=6)
    lengths = set()
    for row, ids in enumerate(decoded.ids):
        written = []
        while len(written) < 6:
            inputs = torch.tensor([[BOS, *written]])
            logits, weights = model(SOURCES[row : row + 1], inputs)
            token = logits[0, -1].argmax().item()
            if attention is not None:
                torch.testing.assert_close(decoded.weights[row, : len(written) + 1], weights[0])
            if token == EOS:
                break
            written.append(token)
        assert ids == written
        lengths.add(len(ids))
        if attention is not None:
            used = min(len(ids) + 1, 6)
            assert (decoded.weights[row, used:] == 0).all()
    assert (decoded.weights is None) == (attention is None)
    assert len(lengths) > 1   # some end before others


def test_greedy_stops_when_all_have_ended_or_at_the_limit():
    model = make()
    decoded = greedy_decode(model, SOURCES, max_length=50)
    longest = max(len(ids) for ids in decoded.ids)
    assert decoded.weights.shape[1] == min(50, longest + 1)
    assert all(len(ids) <= 2 for ids in greedy_decode(model, SOURCES, max_length=2).ids)
    with torch.no_grad():
        model.output.bias[EOS] = 1e6
    ended = greedy_decode(model, SOURCES, max_length=50)
    assert ended.ids == [[]] * len(SOURCES) and ended.weights.shape[1] == 1


def test_nothing_is_left_for_backward():
    assert not greedy_decode(make(), SOURCES, max_length=3).weights.requires_grad


# ---- beam search ---------------------------------------------------------------------------------------


def everything(model, source, max_length, length_penalty):
    """All sequences of up to `max_length` tokens, <eos> counted, the best first."""
    others = [token for token in range(W) if token != EOS]
    found = []
    for length in range(max_length + 1):
        for tokens in itertools.product(others, repeat=length):
            ended = length < max_length
            total = log_prob(model, source, tokens, ended)
            found.append((total / (length + ended) ** length_penalty, list(tokens), total, ended))
    return sorted(found, key=lambda each: -each[0])


@every_kind
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 0.6])
def test_a_beam_wide_enough_finds_everything(attention, length_penalty):
    model, source = make(attention), SOURCES[0]
    wanted = everything(model, source, 3, length_penalty)
    assert len(wanted) == 1 + 4 + 16 + 64
    found = beam_search(model, source, beam_size=200, max_length=3, length_penalty=length_penalty)
    assert [h.tokens for h in found] == [tokens for _, tokens, _, _ in wanted]
    assert [h.score for h in found] == pytest.approx([score for score, *_ in wanted], abs=1e-9)
    assert [h.log_prob for h in found] == pytest.approx([total for _, _, total, _ in wanted], abs=1e-9)
    assert [h.finished for h in found] == [ended for *_, ended in wanted]
    if length_penalty == 0:
        assert sum(math.exp(h.log_prob) for h in found) == pytest.approx(1)


def by_hand(model, source, beam_size, max_length, length_penalty):
    """Beam search on whole prefixes."""
    beams, done = [((), 0.0)], []
    for _ in range(max_length):
        grown = []
        for tokens, total in beams:
            logits, _ = model(source.unsqueeze(0), torch.tensor([[BOS, *tokens]]))
            scores = logits[0, -1].double().log_softmax(-1).tolist()
            grown += [((*tokens, token), total + score) for token, score in enumerate(scores)]
        grown.sort(key=lambda each: -each[1])
        kept = grown[: beam_size - len(done)]
        done += [each for each in kept if each[0][-1] == EOS]
        beams = [each for each in kept if each[0][-1] != EOS]
    rank = [(total / len(tokens) ** length_penalty, tokens) for tokens, total in done + beams]
    return [[token for token in tokens if token != EOS] for _, tokens in sorted(rank, reverse=True)]


@every_kind
@pytest.mark.parametrize("beam_size", [1, 2, 3, 5])
def test_narrow_beams_against_whole_prefixes(attention, beam_size):
    model = make(attention, seed=1)
    for source, length_penalty in itertools.product(SOURCES[[0, 4]], (0.0, 1.0)):
        options = {"beam_size": beam_size, "max_length": 5, "length_penalty": length_penalty}
        found = beam_search(model, source, **options)
        assert [h.tokens for h in found] == by_hand(model, source, **options)
        assert len(found) == beam_size


@every_kind
def test_the_numbers_are_those_of_the_whole_sequence(attention):
    model = make(attention, seed=2)
    for source in SOURCES:
        for h in beam_search(model, source, beam_size=4, max_length=5, length_penalty=0.8):
            total = log_prob(model, source, h.tokens, h.finished)
            assert h.log_prob == pytest.approx(total, abs=1e-9)
            assert h.score == pytest.approx(total / (len(h.tokens) + h.finished) ** 0.8, abs=1e-9)


@every_kind
@pytest.mark.parametrize("seed", [0, 6, 7, 9])
def test_a_beam_of_one_is_greedy(attention, seed):
    model = make(attention, seed=seed)
    greedy = greedy_decode(model, SOURCES, max_length=6).ids
    for source, ids in zip(SOURCES, greedy, strict=True):
        for length_penalty in (0.0, 1.0):
            [found] = beam_search(model, source, beam_size=1, max_length=6, length_penalty=length_penalty)
            assert found.tokens == ids
            assert found.finished == (len(ids) < 6)


def test_padding_changes_nothing():
    model = make()
    short, padded = SOURCES[1][:2], SOURCES[1]
    found = (beam_search(model, source, beam_size=3, max_length=4) for source in (short, padded))
    for one, other in zip(*found, strict=True):
        assert one.tokens == other.tokens and one.score == pytest.approx(other.score, abs=1e-12)


# ---- a model whose probabilities are written down ------------------------------------------------------


class Table:
    """P(next | prefix) from a dict; tokens 3 and 4 are "a" and "b"."""

    def __init__(self, table):
        self.table = table

    def encode(self, source):
        start = torch.zeros(len(source), 1, dtype=torch.int64)   # the prefix, as digits
        return Memory(start, (start,), source != 0, None, None)

    def step(self, token, state, memory):
        codes = (memory.state[0] if state is None else state[0])[:, 0] * 10
        codes = codes + torch.where(token == BOS, 0, token)
        probabilities = [self.table.get(code, {EOS: 1.0}) for code in codes.tolist()]
        logits = torch.tensor([[math.log(p.get(i, 1e-9)) for i in range(W)] for p in probabilities])
        return logits, (codes.unsqueeze(1),), None


GARDEN_PATH = Table({
    0: {3: 0.6, 4: 0.4},
    3: {3: 0.4, 4: 0.35, EOS: 0.25},   # whoever begins with a has no good way on
    4: {4: 0.9, EOS: 0.1},
})  # fmt: skip
SOURCE = torch.tensor([3])


def test_two_beams_find_what_greedy_misses():
    assert greedy_decode(GARDEN_PATH, SOURCE.unsqueeze(0), max_length=9).ids == [[3, 3]]
    best = beam_search(GARDEN_PATH, SOURCE, beam_size=2, max_length=9)[0]
    assert best.tokens == [4, 4] and math.exp(best.log_prob) == pytest.approx(0.36, rel=1e-5)
    assert best.score == pytest.approx(math.log(0.36) / 3, rel=1e-5)


def test_the_length_penalty_decides_between_short_and_long():
    """P = 0.3 for <eos> at once and 0.7 · 0.36 for three tokens: less, but more a token."""
    on = dict.fromkeys((0, 1, 3, 4), 0.16)
    model = Table({0: {EOS: 0.3, 3: 0.7}, 3: {3: 1.0}, 33: {EOS: 0.36, **on}})

    def best(length_penalty):
        options = {"beam_size": 3, "max_length": 5, "length_penalty": length_penalty}
        return beam_search(model, SOURCE, **options)[0].tokens

    assert best(0.0) == []
    assert best(1.0) == [3, 3]


def test_a_finished_hypothesis_keeps_its_place():
    model = Table({0: {EOS: 0.5, 3: 0.3, 4: 0.2}, 3: {3: 1.0}, 4: {4: 1.0}})
    found = beam_search(model, SOURCE, beam_size=2, max_length=4, length_penalty=0.0)
    assert [h.tokens for h in found] == [[], [3, 3]]
    assert found[0] == Hypothesis([], pytest.approx(math.log(0.5)), pytest.approx(math.log(0.5)), True)


def test_what_does_not_end_is_cut_off():
    model = Table({0: {3: 1.0}, **{int("3" * n): {3: 1.0} for n in range(1, 9)}})
    [found] = beam_search(model, SOURCE, beam_size=1, max_length=4)
    assert (found.tokens, found.finished) == ([3, 3, 3, 3], False)
    assert greedy_decode(model, SOURCE.unsqueeze(0), max_length=4).ids == [[3, 3, 3, 3]]


def test_other_ids_for_the_ends():
    model = Table({4: {3: 1.0}})
    assert greedy_decode(model, SOURCE.unsqueeze(0), max_length=4, bos=4, eos=3).ids == [[]]
    model = Table({4: {EOS: 1.0}, 42: {3: 1.0}})
    assert greedy_decode(model, SOURCE.unsqueeze(0), max_length=4, bos=4, eos=3).ids == [[2]]
    assert beam_search(model, SOURCE, beam_size=1, max_length=4, bos=4, eos=3)[0].tokens == [2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beam_size": 0}, "beam_size: got 0"),
        ({"max_length": 0}, "max_length: got 0"),
        ({"source": SOURCES}, r"source: got shape \(6, 4\), wanted one sentence, \(S,\)"),
    ],
)
def test_refusals(change, message):
    arguments = {"source": SOURCES[0], "beam_size": 2, "max_length": 3, **change}
    with pytest.raises(ValueError, match=message):
        beam_search(make(), **arguments)
    with pytest.raises(ValueError, match="max_length: got 0"):
        greedy_decode(make(), SOURCES, max_length=0)
    with pytest.raises(ValueError, match=r"source: got shape \(4,\), wanted \(N, S\)"):
        greedy_decode(make(), SOURCES[0], max_length=2)


HOSTILE = {
    "model": [None, 3, "model", object(), torch.nn.Linear(2, 3), Seq2Seq],
    "max_length": [*NO_WHOLE_NUMBERS, 0, -1],
    "bos": [*NO_WHOLE_NUMBERS, -1, W],
    "eos": [*NO_WHOLE_NUMBERS, -1, W],
}
NO_SOURCES = [
    None, "abc", 3, object(), [], [[1], [2, 3]], SOURCES.float(), SOURCES > 3, SOURCES + V, -SOURCES,
    SOURCES.flip(1), SOURCES[:, :0], SOURCES[:0], SOURCES[None], SOURCES * 1j, torch.zeros_like(SOURCES),
]  # fmt: skip


def test_hostile_arguments():
    valid = {"model": make(), "source": SOURCES, "max_length": 3, "bos": BOS, "eos": EOS}
    alike = [Alike(SOURCES.tolist()), Alike(SOURCES.numpy()), Alike(SOURCES.int())]
    fuzz(lambda **a: greedy_decode(**a).ids, valid, {**HOSTILE, "source": [*NO_SOURCES, *alike, SOURCES[0]]})
    one = [Alike(SOURCES[0].tolist()), Alike(SOURCES[0].numpy()), SOURCES[:1]]
    more = {"beam_size": [*NO_WHOLE_NUMBERS, 0, -2], "length_penalty": [*NO_NUMBERS, -1, float("inf"), 1e9]}
    of_one = [each[1] if isinstance(each, torch.Tensor) and len(each) > 1 else each for each in NO_SOURCES]
    fuzz(
        lambda **a: [h.tokens for h in beam_search(**a)],
        {**valid, "source": SOURCES[0], "beam_size": 2, "length_penalty": 1.0},
        {**HOSTILE, **more, "source": [*of_one, *one]},
    )


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_model_that_has_diverged_writes_nothing(value):
    model = make()
    with torch.no_grad():
        model.output.bias[3] = value
    assert_refused(greedy_decode, model, SOURCES, max_length=4, names="model: got [")
    assert_refused(beam_search, model, SOURCES[0], beam_size=2, max_length=4, names="model: got [")
    with torch.no_grad():
        model.output.bias[:] = -math.inf   # nothing may be written
    assert_refused(greedy_decode, model, SOURCES, max_length=4, names="model: got [-inf]")
    assert_refused(beam_search, model, SOURCES[0], beam_size=2, max_length=4, names="model: got [-inf]")


def test_what_may_not_be_written_is_in_no_hypothesis():
    model = make()
    with torch.no_grad():
        model.output.bias[[0, BOS, 3]] = -math.inf
    found = beam_search(model, SOURCES[0], beam_size=50, max_length=3)
    assert sorted(len(h.tokens) for h in found) == [0, 1, 2, 3]   # of token 4, and <eos>
    assert all(set(h.tokens) <= {4} and math.isfinite(h.score) for h in found)
    assert all(set(ids) <= {4} for ids in greedy_decode(model, SOURCES, max_length=3).ids)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_stays_what_it_is_also_after_a_refusal(training):
    model = make().train(training)
    greedy_decode(model, SOURCES, max_length=2)
    assert_refused(greedy_decode, model, SOURCES + V, max_length=2)
    beam_search(model, SOURCES[0], beam_size=2, max_length=2)
    assert model.training == training and torch.is_grad_enabled()
