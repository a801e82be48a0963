"""The memory of BPTT: what is measured is what the formulas count."""

import numpy as np
import pytest

from helpers.experiments import get, memory

TINY = {"batch_size": 3, "input_size": 4, "hidden_size": 5, "window": 7}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return get("bptt-memory").run(overrides=TINY, checkpoints=tmp_path_factory.mktemp("none"), bar=False)


def arrays(T, N=3, D=4, H=5):
    rng = np.random.default_rng(1)
    return (rng.standard_normal((N, T, size), dtype=np.float32) for size in (D, H))


def test_a_row_for_each_length(record):
    assert [row["T"] for row in record["curve"]] == list(memory.LENGTHS)
    assert record["parameters"] == 5 * (4 + 5 + 1)


def test_torch_keeps_exactly_what_the_formula_counts(record):
    for row in record["curve"]:
        assert row["torch_bytes"] == row["needed_bytes"] == 4 * 3 * (row["T"] * 4 + (row["T"] + 1) * 5)
        assert row["torch_truncated_bytes"] == memory.needed_bytes(3, 7, 4, 5)


def test_in_one_go_memory_grows_with_the_length_and_in_windows_it_does_not(record):
    at = {row["T"]: row for row in record["curve"]}
    for name in ("numpy_bytes", "torch_bytes"):
        slope = (at[1600][name] - at[800][name]) / (at[400][name] - at[200][name])
        assert slope == pytest.approx(4, rel=0.02)
    for row in record["curve"]:
        assert row["numpy_bytes"] > row["needed_bytes"]
        # A few kB are Python's own, and not always the same; in one go it is 600 kB.
        assert row["numpy_truncated_bytes"] < at[25]["numpy_truncated_bytes"] + 20_000


def test_the_layers_buffers_and_results_are_all_that_is_found():
    """At the end of backward there are x, h, a, dh, slope and dx, and the dx that is handed out."""
    N, T, D, H = 3, 4000, 4, 5
    found = memory.numpy_bytes(*arrays(T), T)
    steps = 4 * N * T
    assert found == pytest.approx(steps * (3 * D + 4 * H), rel=0.05)


def test_a_graph_that_is_not_freed_keeps_counting():
    torch = pytest.importorskip("torch")
    kept = memory._Kept([])
    graphs, w = [], torch.ones(4, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(kept.hold, lambda held: held.tensor):
        for number in range(1, 4):
            graphs.append((w * torch.ones(4)).sum())
            assert kept.most == number * 16
        graphs.clear()
        (w * torch.ones(4)).sum()
    assert kept.most == 3 * 16


def test_the_same_storage_counts_once():
    torch = pytest.importorskip("torch")
    kept = memory._Kept([])
    x, w = torch.ones(4), torch.ones(4, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(kept.hold, lambda held: held.tensor):
        both = w * x + w * x
    assert kept.most == 16
    del both
    assert memory._Kept([w]).most == 0
