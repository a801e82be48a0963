"""Encoder and decoder: against torch's own layers on packed sentences, blind to padding, step by step."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from helpers.models.seq2seq import Encoder, Seq2Seq

V, W, D, H = 11, 9, 5, 6   # source and target vocabulary
SOURCE = torch.tensor([[4, 7, 3, 10, 5, 8], [9, 3, 6, 0, 0, 0], [5, 0, 0, 0, 0, 0], [8, 8, 4, 3, 0, 0]])
INPUTS = torch.tensor([[1, 4, 8, 3, 5], [1, 3, 3, 2, 0], [1, 7, 2, 0, 0], [1, 5, 6, 4, 8]])
LENGTHS = (SOURCE != 0).sum(dim=1)
N, S, T = *SOURCE.shape, INPUTS.shape[1]

KINDS = ("additive", "dot", None)
EVERY = list(itertools.product(KINDS, ("gru", "lstm"), (True, False)))
every_model = pytest.mark.parametrize(("attention", "cell", "bidirectional"), EVERY)
every_kind = pytest.mark.parametrize("attention", KINDS)


def make(attention="additive", cell="gru", bidirectional=True, seed=0):
    torch.manual_seed(seed)
    return Seq2Seq(
        V, W, embedding_size=D, hidden_size=H, attention=attention, bidirectional=bidirectional, cell=cell
    ).double()


def close(one, other, tolerance=1e-12):
    torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


# ---- the encoder ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_encoder_is_torchs_layer_on_packed_sentences(cell, bidirectional):
    torch.manual_seed(3)
    encoder = Encoder(V, D, H, bidirectional=bidirectional, cell=cell).double()
    kind = nn.GRU if cell == "gru" else nn.LSTM
    layer = kind(D, H, batch_first=True, bidirectional=bidirectional).double()
    with torch.no_grad():
        for end, part in (("", encoder.forwards), ("_reverse", encoder.backwards)):
            for name, values in part.named_parameters() if part is not None else ():
                getattr(layer, name + end).copy_(values)
    packed = pack_padded_sequence(encoder.embedding(SOURCE), LENGTHS, True, enforce_sorted=False)
    out, last = layer(packed)
    wanted, _ = pad_packed_sequence(out, batch_first=True)
    last = last if cell == "gru" else last[0]
    states, summary = encoder(SOURCE)
    assert encoder.state_size == (2 * H if bidirectional else H)
    assert states.shape == (N, S, encoder.state_size)
    close(states, wanted)
    close(summary, torch.tanh(encoder.summary(torch.cat(list(last), dim=-1))))


def test_no_state_depends_on_other_sentences_or_padding():
    model = make()
    states, summary = model.encoder(SOURCE)
    for n, length in enumerate(LENGTHS.tolist()):
        alone, alone_summary = model.encoder(SOURCE[n : n + 1, :length])
        close(states[n, :length], alone[0])
        close(summary[n], alone_summary[0])
        assert (states[n, length:] == 0).all()


# ---- the whole model -----------------------------------------------------------------------------------


@every_model
def test_shapes_and_weights(attention, cell, bidirectional):
    logits, weights = make(attention, cell, bidirectional)(SOURCE, INPUTS)
    assert logits.shape == (N, T, W)
    if attention is None:
        assert weights is None
        return
    assert weights.shape == (N, T, S)
    close(weights.sum(-1), torch.ones(N, T).double())
    assert (weights.transpose(1, 2)[SOURCE == 0] == 0).all()
    assert weights[0].std(dim=0).max() > 1e-4   # not the same at every step


@every_model
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_padding_changes_nothing(attention, cell, bidirectional, dtype):
    model = make(attention, cell, bidirectional).to(dtype)
    logits, weights = model(SOURCE, INPUTS)
    longer = torch.cat([SOURCE, torch.zeros(N, 4, dtype=torch.int64)], dim=1)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    more, more_weights = model(longer, INPUTS)
    close(more, logits, tolerance)
    with torch.no_grad():
        model.encoder.embedding.weight[0] = 100.0   # what padding is embedded as
    close(model(longer, INPUTS)[0], logits, tolerance)
    if weights is not None:
        close(more_weights[:, :, :S], weights, tolerance)
        assert (more_weights[:, :, S:] == 0).all()


@every_kind
def test_a_sentence_alone_gives_what_it_gives_in_a_batch(attention):
    model = make(attention)
    logits, _ = model(SOURCE, INPUTS)
    for n, length in enumerate(LENGTHS.tolist()):
        close(model(SOURCE[n : n + 1, :length], INPUTS[n : n + 1])[0][0], logits[n])


@every_model
def test_step_by_step_is_the_forward_pass(attention, cell, bidirectional):
    model = make(attention, cell, bidirectional)
    logits, weights = model(SOURCE, INPUTS)
    memory, state = model.encode(SOURCE), None
    for t in range(T):
        one, state, weight = model.step(INPUTS[:, t], state, memory)
        close(one, logits[:, t])
        assert len(state) == (1 if cell == "gru" else 2) and all(part.shape == (N, H) for part in state)
        if attention is None:
            assert weight is None
        else:
            close(weight, weights[:, t])


@every_kind
def test_a_step_sees_the_tokens_before_it_only(attention):
    model = make(attention)
    logits, _ = model(SOURCE, INPUTS)
    changed = INPUTS.clone()
    changed[:, 3] = 6
    other, _ = model(SOURCE, changed)
    close(other[:, :3], logits[:, :3])
    assert ((other - logits)[:, 3:].abs().amax(dim=(1, 2)) > 1e-3)[[0, 1, 2, 3]].all()


def test_where_the_scores_come_from():
    """Additive: from the state before the step, which does not know its token. Dot: from the one after."""
    changed = INPUTS.clone()
    changed[:, 0] = 6
    for attention, same in (("additive", True), ("dot", False)):
        model = make(attention)
        _, weights = model(SOURCE, INPUTS)
        _, other = model(SOURCE, changed)
        assert torch.equal(weights[:, 0], other[:, 0]) == same
        assert not torch.equal(weights[:, 1], other[:, 1])


@pytest.mark.parametrize("attention", ["additive", "dot"])
def test_weights_change_with_the_encoders_states(attention):
    model = make(attention)
    memory = model.encode(SOURCE)
    states = memory.states.clone()
    states[:, 0] += 0.5
    changed = memory._replace(states=states, projected=model.attention.project(states))
    token = INPUTS[:, 0]
    logits, _, weights = model.step(token, None, memory)
    other_logits, _, other = model.step(token, None, changed)
    many = LENGTHS > 1   # of one token the weight is 1
    assert ((weights - other).abs().amax(dim=1) > 1e-4)[many].all()
    assert ((logits - other_logits).abs().amax(dim=1) > 1e-4).all()


def test_the_additive_decoder_written_out():
    model = make("additive")
    logits, _ = model(SOURCE, INPUTS)
    states, s = model.encoder(SOURCE)
    mask = SOURCE != 0
    for t in range(T):
        context, _ = model.attention(s, states, mask)
        s = model.cell(torch.cat([model.embedding(INPUTS[:, t]), context], dim=-1), s)
        close(logits[:, t], model.output(torch.cat([s, context], dim=-1)))


def test_the_dot_decoder_written_out():
    model = make("dot")
    logits, _ = model(SOURCE, INPUTS)
    states, summary = model.encoder(SOURCE)
    h, _ = model.cell(model.embedding(INPUTS), summary.unsqueeze(0))
    scores = h @ model.attention.key(states).transpose(1, 2)
    weights = scores.masked_fill((SOURCE == 0).unsqueeze(1), -torch.inf).softmax(-1)
    close(logits, model.output(torch.tanh(model.combine(torch.cat([h, weights @ states], dim=-1)))))


def test_without_attention_nothing_but_the_summary_is_known():
    model = make(None)
    memory = model.encode(SOURCE)
    assert memory.states is None and memory.projected is None
    logits, _ = model(SOURCE, INPUTS)
    summary = memory.summary
    h, given = summary.unsqueeze(0), summary.unsqueeze(1).expand(-1, T, -1)
    h, _ = model.cell(torch.cat([model.embedding(INPUTS), given], dim=-1), h)   # at every step, and first
    close(logits, model.output(h))


@every_model
def test_gradients_reach_every_parameter(attention, cell, bidirectional):
    model = make(attention, cell, bidirectional)
    logits, _ = model(SOURCE, INPUTS)
    (logits**2).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for _, p in model.named_parameters())


@every_kind
def test_parameters(attention):
    def gru(d, h):
        return 3 * h * (d + h + 2)

    K = 2 * H
    both = V * D + 2 * gru(D, H) + (K + 1) * H + W * D
    own = {
        "additive": gru(D + K, H) + H * H + (K + 1) * H + H + (H + K + 1) * W,
        "dot": gru(D, H) + K * H + (H + K + 1) * H + (H + 1) * W,
        None: gru(D + H, H) + (H + 1) * W,
    }
    assert make(attention).parameter_count == both + own[attention]


@every_kind
def test_some_rows_of_a_memory(attention):
    model = make(attention, cell="lstm")
    memory = model.encode(SOURCE)
    rows = torch.tensor([3, 0, 3])
    some, of_some = memory.rows(rows), model.encode(SOURCE[rows])
    tokens = torch.tensor([1, 4, 5])
    close(model.step(tokens, None, some)[0], model.step(tokens, None, of_some)[0])
    close(model.step(tokens[:2], None, memory.rows(slice(1, 3)))[0], model.step(
        tokens[:2], None, model.encode(SOURCE[1:3]))[0])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([[0, 4, 5]], r"source: got padding \(0\) before a token, at index \(0, 0\)"),
        ([[3, 4, 5], [0, 0, 0]], "source: got a sentence without a token"),
        ([[3, 0, 5]], r"source: got padding \(0\) before a token"),
        ([3, 4], r"source: got shape \(2,\), wanted \(N, S\)"),
        ([[]], r"source: got shape \(1, 0\), wanted at least one id"),
    ],
)
def test_sources_that_are_refused(source, message):
    with pytest.raises(ValueError, match=message):
        make().encode(torch.tensor(source, dtype=torch.int64))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "luong"}, "attention: got 'luong', wanted one of 'additive', 'dot', None"),
        ({"cell": "rnn"}, "cell: got 'rnn', wanted one of 'gru', 'lstm'"),
        ({"hidden_size": 0}, "hidden_size: got 0"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        Seq2Seq(V, W, **{"embedding_size": D, "hidden_size": H, **options})
