"""Attention in torch: scores written out, one step or many, blind to padding, not to anything else."""

import math

import pytest
import torch

from helpers.models.attention import AdditiveAttention, DotProductAttention

N, S, T, Q, K, A = 3, 5, 4, 6, 7, 8
MASK = torch.arange(S) < torch.tensor([[5], [2], [1]])


def make(kind):
    torch.manual_seed(1)
    if kind == "additive":
        module = AdditiveAttention(Q, K, A)
    else:
        module = DotProductAttention(Q, K if kind == "general" else Q)
    return module.double()


def case(kind, seed=0):
    """query (N, T, Q) and keys (N, S, K), or (N, S, Q)."""
    rng = torch.Generator().manual_seed(seed)
    size = Q if kind == "dot" else K
    return (torch.randn(shape, generator=rng, dtype=torch.float64) for shape in ((N, T, Q), (N, S, size)))


every_kind = pytest.mark.parametrize("kind", ["additive", "general", "dot"])


def score(module, kind, s, h):
    """One score from one query (Q,) and one key."""
    if kind == "additive":
        hidden = torch.tanh(module.query.weight @ s + module.key.weight @ h + module.key.bias)
        return (module.v.weight[0] @ hidden).item()
    return (s @ (h if kind == "dot" else module.key.weight @ h)).item()


@every_kind
def test_written_out_in_loops(kind):
    module, (query, keys) = make(kind), case(kind)
    context, weights = module(query, keys, MASK)
    assert context.shape == (N, T, keys.shape[-1]) and weights.shape == (N, T, S)
    for n in range(N):
        real = [i for i in range(S) if MASK[n, i]]
        for t in range(T):
            exps = {i: math.exp(score(module, kind, query[n, t], keys[n, i])) for i in real}
            wanted = torch.tensor([exps.get(i, 0.0) / sum(exps.values()) for i in range(S)]).double()
            torch.testing.assert_close(weights[n, t].detach(), wanted, rtol=1e-6, atol=1e-7)
            mean = sum(weights[n, t, i] * keys[n, i] for i in real)
            torch.testing.assert_close(context[n, t], mean, rtol=1e-12, atol=1e-12)


@every_kind
def test_one_step_is_a_step_of_many(kind):
    module, (query, keys) = make(kind), case(kind)
    context, weights = module(query, keys, MASK)
    projected = module.project(keys)
    for t in range(T):
        for given in (None, projected):
            one_context, one_weights = module(query[:, t], keys, MASK, given)
            torch.testing.assert_close(one_context, context[:, t], rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(one_weights, weights[:, t], rtol=1e-12, atol=1e-12)


@every_kind
def test_weights_are_a_distribution_over_real_tokens(kind):
    module, (query, keys) = make(kind), case(kind)
    _, weights = module(30 * query, 30 * keys, MASK)
    torch.testing.assert_close(weights.sum(-1), torch.ones(N, T).double(), rtol=1e-12, atol=0)
    assert (weights[~MASK.unsqueeze(1).expand_as(weights)] == 0).all() and (weights >= 0).all()


@every_kind
def test_padding_is_not_seen(kind):
    module, (query, keys) = make(kind), case(kind)
    wanted = module(query, keys, MASK)
    changed = torch.where(MASK.unsqueeze(-1), keys, torch.full_like(keys, 1e3))
    longer = torch.cat([changed, torch.full_like(keys[:, :2], -7.0)], dim=1)
    mask = torch.cat([MASK, torch.zeros(N, 2, dtype=torch.bool)], dim=1)
    for got in (module(query, changed, MASK), module(query, longer, mask)):
        torch.testing.assert_close(got[0], wanted[0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(got[1][:, :, :S], wanted[1], rtol=1e-12, atol=1e-12)


@every_kind
@pytest.mark.parametrize("what", ["query", "keys"])
def test_weights_depend_on_both(kind, what):
    module, (query, keys) = make(kind), case(kind)
    other_query, other_keys = case(kind, seed=9)
    _, weights = module(query, keys, MASK)
    _, other = module(other_query, keys, MASK) if what == "query" else module(query, other_keys, MASK)
    change = (weights - other).abs().amax(dim=(1, 2))
    assert (change[:2] > 0.01).all()
    assert change[2] == 0   # one token: its weight is 1


@every_kind
def test_gradients_reach_every_parameter_and_no_padding(kind):
    module, (query, keys) = make(kind), case(kind)
    keys.requires_grad_()
    context, _ = module(query, keys, MASK)
    (context**2).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in module.parameters())
    assert (keys.grad[~MASK] == 0).all() and (keys.grad[MASK] != 0).all()


def test_sizes():
    assert sum(p.numel() for p in make("additive").parameters()) == Q * A + (K + 1) * A + A
    assert sum(p.numel() for p in make("general").parameters()) == K * Q
    assert not list(make("dot").parameters())


@every_kind
def test_refusals(kind):
    module, (query, keys) = make(kind), case(kind)
    empty = MASK.clone()
    empty[1] = False
    with pytest.raises(ValueError, match="mask: got a row without a real token"):
        module(query, keys, empty)
    with pytest.raises(ValueError, match="key_size: got 0"):
        DotProductAttention(3, 0)
    with pytest.raises(ValueError, match=r"hidden_size: got 2\.5"):
        AdditiveAttention(3, 4, 2.5)
