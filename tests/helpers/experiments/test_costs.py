"""What a layer costs: the right things are timed, and both sides of a comparison compute the same."""

import time

import numpy as np
import pytest

from helpers.experiments import costs, get


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(costs, "CELL_SIZES", (3, 5))
    monkeypatch.setattr(costs, "AFFINE_SIZES", (3, 4))


def run(name, tmp_path, **overrides):
    record = get(name).run(overrides={"rounds": 1} | overrides, checkpoints=tmp_path, bar=False)
    assert not list(tmp_path.iterdir()) and record["chapter"] == "04"
    return record["curve"]


# ---- the stopwatch -------------------------------------------------------------------------------------


def test_medians_of_interleaved_rounds(monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def work(name, forward, backward):
        """Takes `forward` and `backward` seconds; in the round in the middle a thousand times as many."""

        def go(seconds, *what):
            calls.append((name, *what))
            slow = sum(call[:2] == (name, "forward") for call in calls) in (5, 6)
            clock[0] += seconds * (1000 if slow else 1)
            return name

        return costs.Work(lambda: go(forward, "forward"), lambda result: go(backward, "backward", result))

    works = {"a": work("a", 1, 2), "b": work("b", 10, 30)}
    found = costs.median_seconds(works, 3, show=False)
    assert found == {
        "a": {"forward_seconds": 1, "both_seconds": 3},
        "b": {"forward_seconds": 10, "both_seconds": 40},
    }
    a_round = [
        (name, *what) for name in "ab" for what in [("forward",), ("forward",), ("backward", name)]
    ]
    assert calls == 4 * a_round   # the first warms up


def test_the_first_round_is_not_counted(monkeypatch):
    clock, steps = [0.0], iter([100.0] * 3 + [1.0] * 3)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def tick(*_):
        clock[0] += next(steps)

    found = costs.median_seconds({"a": costs.Work(tick, tick)}, 1, show=False)
    assert found == {"a": {"forward_seconds": 1, "both_seconds": 2}}


# ---- three cells ---------------------------------------------------------------------------------------


def test_cells_and_libraries(small, tmp_path):
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    curve = run("cell-cost", tmp_path, batch_size=2, seq_len=4)
    assert torch.get_num_threads() == threads
    assert len(curve) == 2 * 2 * 3
    biases = {("numpy", "rnn"): 1, ("numpy", "gru"): 2, ("numpy", "lstm"): 1}
    seen = set()
    for row in curve:
        library, cell, H = row["library"], row["cell"], row["hidden_size"]
        seen.add((library, cell, H))
        gates = {"rnn": 1, "gru": 3, "lstm": 4}[cell]
        assert row["parameters"] == gates * H * (2 * H + biases.get((library, cell), 2))
        assert 0 < row["forward_seconds"] < row["both_seconds"] < 1
    assert seen == {(lib, cell, H) for lib in ("numpy", "torch") for cell in costs.LAYERS for H in (3, 5)}


def test_the_cells_cost_is_per_time_step(small, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    seconds = {"forward_seconds": 8.0, "both_seconds": 20.0}
    monkeypatch.setattr(costs, "median_seconds", lambda works, *_, **__: dict.fromkeys(works, seconds))
    for row in run("cell-cost", tmp_path, batch_size=2, seq_len=4):
        assert (row["forward_seconds"], row["both_seconds"]) == (2, 5)


def test_torch_is_measured_on_one_thread_and_gets_its_threads_back(small, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    seen = []

    def fail(*_, **__):
        seen.append(torch.get_num_threads())
        raise KeyboardInterrupt

    monkeypatch.setattr(costs, "median_seconds", fail)
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyboardInterrupt):
            run("cell-cost", tmp_path)
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("cell", costs.LAYERS)
def test_torch_makes_the_gradients_that_our_layer_makes(cell, monkeypatch):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 4), dtype=np.float32)
    net = getattr(torch.nn, cell.upper())(4, 5, batch_first=True)
    made, tensor = [], torch.tensor
    monkeypatch.setattr(torch, "tensor", lambda *a, **k: made.append(tensor(*a, **k)) or made[-1])
    work = costs._torch_work(net, x)
    [inputs] = made
    rounds = []
    for _ in range(2):   # the second time like the first: nothing adds up
        h = work.forward()
        assert h.shape == (2, 3, 5) and inputs.grad is None and all(p.grad is None for p in net.parameters())
        work.backward(h)
        rounds.append([inputs.grad.clone(), *(p.grad.clone() for p in net.parameters())])
    for first, second in zip(*rounds, strict=True):
        assert first.any() and torch.equal(first, second)


# ---- four products or one ------------------------------------------------------------------------------


def test_batches_and_sizes(small, tmp_path):
    curve = run("fused-affine", tmp_path)
    assert [(row["batch_size"], row["hidden_size"]) for row in curve] == [(1, 3), (1, 4), (20, 3), (20, 4)]
    for row in curve:
        for way in ("separate", "fused"):
            assert 0 < row[f"{way}_seconds"] < row[f"{way}_both_seconds"]


def test_one_product_computes_what_four_compute():
    rng = np.random.default_rng(0)
    N, D, H = 2, 3, 4
    x, h = rng.normal(size=(N, D)), rng.normal(size=(N, H))
    Wx, Wh, b, da = (
        [rng.normal(size=shape) for _ in range(4)] for shape in [(D, H), (H, H), (H,), (N, H)]
    )
    joined = [np.concatenate(parts, axis=-1) for parts in (Wx, Wh, b)]
    separate = costs.separate_forward(x, h, Wx, Wh, b)
    np.testing.assert_allclose(costs.fused_forward(x, h, *joined), separate, rtol=1e-12)
    dx, dh, *weights = costs.separate_backward(da, x, h, Wx, Wh)
    found = costs.fused_backward(da, x, h, *joined[:2])
    for got, wanted in zip(found, [dx, dh, *(np.concatenate(w, axis=-1) for w in weights)], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)
    gradients = [(x, dx), (h, dh), (Wx[1], weights[0][1]), (Wh[2], weights[1][2]), (b[3], weights[2][3])]
    for values, gradient in gradients:   # of the sum of a · da, which is linear: any step will do
        at, sums = tuple(rng.integers(size) for size in values.shape), []
        kept = values[at]
        for values[at] in (kept + 0.5, kept - 0.5):
            a = costs.separate_forward(x, h, Wx, Wh, b)
            sums.append(sum(np.sum(a_k * da_k) for a_k, da_k in zip(a, da, strict=True)))
        values[at] = kept
        assert gradient[at] == pytest.approx(sums[0] - sums[1])


def test_both_ways_are_given_the_same_numbers():
    works = costs._affine_works(3, 4, np.random.default_rng(0))
    separate, fused = (works[name].forward() for name in ("separate", "fused"))
    np.testing.assert_allclose(fused, separate, rtol=1e-4, atol=1e-5)
    assert {a.dtype for a in (*separate, *fused)} == {np.dtype(np.float32)}
    separate, fused = (works[name].backward(None) for name in ("separate", "fused"))
    for one, other in zip(separate[:2], fused[:2], strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)
