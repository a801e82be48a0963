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
