"""The masks and penalties of chapter 6 under wrong arguments."""

import pytest

torch = pytest.importorskip("torch")

from helpers.regularization import (  # noqa: E402
    activation_penalty,
    embedding_dropout,
    locked_dropout,
    slowness_penalty,
    weight_dropout,
)
from tests import hostile  # noqa: E402
from tests.hostile import Alike, fuzz  # noqa: E402

H = torch.arange(24.0).reshape(2, 3, 4) / 8
NO_TENSORS = [None, "abc", object(), {"a": 1}, H.to(torch.complex64), H.bool()]
OPTIONS = {"p": [*hostile.NO_NUMBERS, 1, -0.1], "training": hostile.NO_FLAGS}


@pytest.mark.parametrize("penalty", [activation_penalty, slowness_penalty])
def test_penalties(penalty):
    alike = [Alike(H.to(kind)) for kind in (torch.float64, torch.float16, torch.bfloat16)]
    fuzz(penalty, {"h": H}, {"h": [*NO_TENSORS, H[0], H[None], H[:0], H[:, :0], *alike]})


def test_penalties_keep_double_precision():
    h = torch.tensor([0.0, 1e30], dtype=torch.float64).reshape(2, 1, 1)
    assert activation_penalty(h).item() == slowness_penalty(h).item() / 2 == pytest.approx(5e59)


def test_dropouts():
    ids, weight = torch.tensor([[0, 1], [3, 2]]), torch.arange(12.0).reshape(4, 3)
    off = {"p": 0.0, "training": False}
    fuzz(locked_dropout, {"x": H, **off}, {"x": [*NO_TENSORS, H[0], H[None]], **OPTIONS})
    fuzz(weight_dropout, {"weight": weight, **off}, {"weight": NO_TENSORS, **OPTIONS})
    bad = [*hostile.NO_IDS, ids + 1, ids - 1, ids[:0], *map(Alike, (ids.int(), ids.numpy(), ids.tolist()))]
    values = {"ids": bad, "weight": [*NO_TENSORS, weight[0], weight[None]], **OPTIONS}
    fuzz(embedding_dropout, {"ids": ids, "weight": weight, **off}, values)


@pytest.mark.parametrize("p", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("size", [(1,), (7, 3), (301, 403)])
def test_dropped_weights_are_the_share_that_was_asked_for_and_the_rest_keeps_the_mean(p, size):
    torch.manual_seed(0)
    draws = torch.stack([weight_dropout(torch.ones(size), p).flatten() for _ in range(40)])
    kept = draws != 0
    assert torch.allclose(draws[kept], torch.tensor(1 / (1 - p)), rtol=1e-4)
    off = 4 * (p * (1 - p) / kept.numel()) ** 0.5   # four standard deviations
    assert abs((~kept).double().mean() - p) < off + 2**-16


def test_the_four_decisions_of_one_random_number_have_nothing_to_do_with_each_other():
    torch.manual_seed(0)
    kept = (weight_dropout(torch.ones(40_000), 0.5) != 0).double().reshape(-1, 4)
    together = torch.corrcoef(kept.T) - torch.eye(4, dtype=torch.double)
    assert together.abs().max() < 0.04
    assert ((kept.mean(dim=0) - 0.5).abs() < 0.02).all()


def test_masks_of_weights_are_drawn_anew_and_by_torchs_seed():
    def two(seed):
        torch.manual_seed(seed)
        return [weight_dropout(torch.ones(64, dtype=torch.double), 0.5) for _ in range(2)]

    (a, b), (again, _), (other, _) = two(1), two(1), two(2)
    assert torch.equal(a, again) and not torch.equal(a, b) and not torch.equal(a, other)
    assert a.dtype == torch.double


def test_gradients_reach_the_kept_weights_alone():
    torch.manual_seed(0)
    weight = torch.ones(50, requires_grad=True)
    dropped = weight_dropout(weight, 0.4)
    dropped.sum().backward()
    assert torch.equal(weight.grad, dropped.detach())
