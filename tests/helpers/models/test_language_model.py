import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.gradients import numerical_gradient, relative_error
from helpers.layers import LSTM, Affine
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD, Adam, clip_grad_norm

V, D, H, N, T = 11, 3, 4, 2, 5
every_cell = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])


def make(cell="lstm", seed=0, dtype=np.float64, **options):
    rng = np.random.default_rng(seed)
    model = LanguageModel(V, D, H, cell=cell, rng=rng, dtype=dtype, **options)
    for param in model.params.values():
        param[...] = rng.uniform(-0.8, 0.8, param.shape)
    return model


def batch(seed=1, n=N, t=T):
    return np.random.default_rng(seed).integers(0, V, (2, n, t))


def through_torch(model, ids, targets, state):
    """Loss, logits and gradients of the same model with torch."""
    torch = pytest.importorskip("torch")
    cell = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[model.cell]
    leaves = {name: torch.tensor(p, requires_grad=True) for name, p in model.params.items()}
    x = torch.nn.functional.embedding(torch.from_numpy(ids), leaves["embedding.W"])
    for index, arrays in enumerate(state):
        w = {key.rsplit(".", 1)[1]: leaf for key, leaf in leaves.items() if key.startswith(f"cells.{index}.")}
        peer = getattr(torch.nn, cell)(x.shape[-1], H, batch_first=True, dtype=torch.float64)
        biases = (w["bx"], w["bh"]) if cell == "GRU" else (w["b"], torch.zeros_like(w["b"]))
        initial = tuple(torch.from_numpy(a[None]) for a in arrays)
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights = dict(zip(names, (w["Wx"].T, w["Wh"].T, *biases), strict=True))
        x, _ = torch.func.functional_call(peer, weights, (x, initial if cell == "LSTM" else initial[0]))
    logits = x @ leaves["output.W"] + leaves["output.b"]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets).flatten())
    loss.backward()
    return loss.item(), logits.detach().numpy(), {name: leaf.grad.numpy() for name, leaf in leaves.items()}


@every_cell
@pytest.mark.parametrize("num_layers", [1, 3])
def test_equals_torch(cell, num_layers):
    model = make(cell, num_layers=num_layers)
    ids, targets = batch()
    model.loss(*batch(9))  # a state that is not zero
    state = model.get_state()
    wanted, logits, grads = through_torch(model, ids, targets, state)
    assert model.loss(ids, targets, train=True) == pytest.approx(wanted, rel=1e-12)
    model.backward()
    assert grads.keys() == model.grads.keys()
    for name, gradient in grads.items():
        np.testing.assert_allclose(model.grads[name], gradient, rtol=1e-10, atol=1e-10, err_msg=name)
    model.set_state(state)
    np.testing.assert_allclose(model.forward(ids), logits, rtol=1e-10, atol=1e-10)


@every_cell
def test_gradients_by_central_differences_with_dropout(cell):
    model = make(cell, num_layers=2, dropout=0.3)
    ids, targets = batch()
    masks = model.rng.bit_generator.state

    def loss(_=None):
        model.rng.bit_generator.state = masks
        model.reset_state()
        return model.loss(ids, targets, train=True)

    loss()
    model.backward()
    grads = {name: g.copy() for name, g in model.grads.items()}
    for name, param in model.params.items():
        assert relative_error(grads[name], numerical_gradient(loss, param)) < 1e-7, name


def test_forward_and_loss_agree_and_logits_are_not_overwritten():
    model = make()
    ids, targets = batch()
    logits = model.forward(ids)
    kept = logits.copy()
    logp = kept - np.log(np.exp(kept).sum(axis=-1, keepdims=True))
    wanted = -np.take_along_axis(logp, targets[..., None], axis=-1).mean()
    model.reset_state()
    assert model.loss(ids, targets) == pytest.approx(wanted, rel=1e-12)
    model.backward()
    model.forward(ids)
    np.testing.assert_array_equal(logits, kept)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_whose_exp_overflows(dtype):
    model = make(dtype=dtype)
    model.params["output.W"] *= 1000
    ids, targets = batch()
    state = [tuple(np.zeros((N, H)) for _ in "hc")]
    twin = make()
    twin.load_state_dict(model.state_dict())
    wanted, _, grads = through_torch(twin, ids, targets, state)
    tolerance = {"rtol": 1e-4, "atol": 1e-3} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-12}
    assert model.loss(ids, targets) == pytest.approx(wanted, rel=1e-5)
    model.backward()
    for name, gradient in grads.items():
        np.testing.assert_allclose(model.grads[name], gradient, err_msg=name, **tolerance)


def test_dropout_acts_in_training_only():
    model = make(dropout=0.5)
    losses = []
    for train in (False, False, True, True):
        model.reset_state()
        losses.append(model.loss(*batch(), train=train))
    assert losses[0] == losses[1]
    assert len(set(losses)) == 3


@every_cell
def test_state_is_carried_taken_away_and_put_back(cell):
    model = make(cell, num_layers=2)
    assert model.get_state() is None
    ids, _ = batch()
    whole = model.forward(ids)
    model.reset_state()
    assert model.get_state() is None
    halves = [model.forward(ids[:, :2])]
    state = model.get_state()
    assert len(state) == 2 and {a.shape for layer in state for a in layer} == {(N, H)}
    halves.append(model.forward(ids[:, 2:]))
    np.testing.assert_allclose(np.concatenate(halves, axis=1), whole, rtol=1e-12)
    kept = [tuple(a.copy() for a in layer) for layer in state]
    model.set_state(state)
    np.testing.assert_array_equal(model.forward(ids[:, 2:]), halves[1])
    for layer, wanted in zip(state, kept, strict=True):
        np.testing.assert_array_equal(layer, wanted)
    taken = model.get_state()
    wanted = model.forward(ids)
    model.set_state(taken)
    for layer in (*taken, *model.get_state()):  # copies both ways: the model keeps its own
        for array in layer:
            array[...] = 7
    np.testing.assert_array_equal(model.forward(ids), wanted)
    model.set_state(None)
    assert model.get_state() is None


@every_cell
def test_float32_from_end_to_end(cell):
    model = make(cell, dtype=np.float32, num_layers=2, dropout=0.2)
    optimizer = Adam(model.params, lr=np.float64(0.01))
    loss = model.loss(*batch(), train=True)
    model.backward()
    norm = clip_grad_norm(model.grads, 0.25)
    optimizer.step(model.grads)
    arrays = [*model.params.values(), *model.grads.values(), *optimizer.m.values(), *optimizer.v.values()]
    arrays += [model.forward(batch()[0]), *(a for layer in model.get_state() for a in layer)]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}
    assert type(loss) is float and type(norm) is float


@every_cell
def test_learns_a_pattern(cell):
    model = LanguageModel(V, 8, 16, cell=cell, rng=np.random.default_rng(0))
    optimizer = Adam(model.params, lr=0.02)
    stream = np.tile([1, 2, 1, 3, 5], 7)[None]  # what follows a 1 depends on what came before it
    for _ in range(150):
        model.reset_state()
        loss = model.loss(stream[:, :-1], stream[:, 1:], train=True)
        model.backward()
        clip_grad_norm(model.grads, 1.0)
        optimizer.step(model.grads)
    assert loss < 0.1


def train(model, optimizer, seeds):
    losses = []
    for seed in seeds:
        losses.append(model.loss(*batch(seed), train=True))
        model.backward()
        clip_grad_norm(model.grads, 0.25)
        optimizer.step(model.grads)
    return losses


@every_cell
def test_a_restored_model_continues_to_the_last_bit(cell):
    options = {"num_layers": 2, "dropout": 0.4, "dtype": np.float32}
    model = make(cell, **options)
    optimizer = Adam(model.params, lr=0.01)
    train(model, optimizer, range(3))
    saved = model.state_dict(), optimizer.state_dict(), model.get_state(), model.rng.bit_generator.state
    wanted = train(model, optimizer, range(3, 7))

    resumed = make(cell, seed=5, **options)
    optimizer = Adam(resumed.params, lr=1.0)
    resumed.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    resumed.set_state(saved[2])
    resumed.rng.bit_generator.state = saved[3]
    assert train(resumed, optimizer, range(3, 7)) == wanted
    for name, param in model.params.items():
        np.testing.assert_array_equal(resumed.params[name], param)


def test_params_are_the_layers_own_arrays_and_are_counted():
    model = make(num_layers=2)
    names = ["embedding.W"] + [f"cells.{i}.{w}" for i in range(2) for w in ("Wx", "Wh", "b")]
    assert list(model.params) == [*names, "output.W", "output.b"] == list(model.grads)
    assert model.params["cells.1.Wx"] is model.cells[1].params["Wx"]
    assert model.parameter_count == V * D + (D + H + 1) * 4 * H + (2 * H + 1) * 4 * H + (H + 1) * V


def test_load_state_dict_names_what_does_not_fit_and_changes_nothing():
    model = make()
    good = make(seed=3).state_dict()
    before = model.state_dict()
    for bad, message in [
        (good | {"cells.0.Wh": np.zeros((4, 4))}, r"state\['cells.0.Wh'\]: got shape \(4, 4\), wanted \(4,"),
        ({k: v for k, v in good.items() if k != "output.b"}, r"state\['output.b'\]: got nothing, wanted"),
        (good | {"extra": np.zeros(1)}, r"state\['extra'\]: got an unknown name"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.load_state_dict(bad)
    for name, param in model.params.items():
        np.testing.assert_array_equal(param, before[name])


@pytest.mark.parametrize(
    ("ids", "targets", "message"),
    [
        (np.zeros((N, T), int), np.zeros((N, T + 1), int), r"targets: got shape \(2, 6\), wanted \(2, 5\)"),
        (np.zeros(T, int), np.zeros(T, int), r"ids: got shape \(5,\), wanted \(N, T\)"),
        (np.full((N, T), V), np.zeros((N, T), int), r"ids: got id 11 at index \(0, 0\), wanted 0 … 10"),
        (np.zeros((N, T), int), np.full((N, T), -1), r"targets: got id -1 at index \(0, 0\), wanted 0 … 10"),
        (np.zeros((N, T)), np.zeros((N, T), int), "ids: got dtype float64, wanted an integer dtype"),
        (np.zeros((N, 0), int), np.zeros((N, 0), int), r"ids: got shape \(2, 0\), wanted at least one"),
        (np.zeros((0, T), int), np.zeros((0, T), int), r"ids: got shape \(0, 5\), wanted at least one"),
    ],
)
def test_wrong_batches_are_refused_and_leave_the_state_alone(ids, targets, message):
    model = make()
    model.loss(*batch())
    state = model.get_state()
    with pytest.raises(ValueError, match=message):
        model.loss(ids, targets)
    for got, wanted in zip(model.get_state()[0], state[0], strict=True):
        np.testing.assert_array_equal(got, wanted)
    with pytest.raises(RuntimeError, match="wanted loss before backward"):
        model.backward()


def test_other_refusals():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="cell: got 'transformer', wanted one of 'rnn', 'lstm', 'gru'"):
        LanguageModel(V, D, H, cell="transformer", rng=rng)
    with pytest.raises(ValueError, match="num_layers: got 0"):
        LanguageModel(V, D, H, num_layers=0, rng=rng)
    with pytest.raises(ValueError, match=r"hidden_size: got 2\.5"):
        LanguageModel(V, D, 2.5, rng=rng)
    model = make(num_layers=2)
    with pytest.raises(RuntimeError, match="wanted loss before backward"):
        model.backward()
    model.loss(*batch())
    model.forward(batch()[0])
    with pytest.raises(RuntimeError, match="wanted loss before backward"):
        model.backward()
    with pytest.raises(ValueError, match="state: got 1 layers, wanted 2"):
        model.set_state([(np.zeros((N, H)), np.zeros((N, H)))])


def test_a_layer_of_ones_own_takes_the_place_of_the_cell():
    class Halved(LSTM):
        def forward(self, x, state=None):
            return super().forward(x, state) / 2

        def backward(self, dh, dstate=None):
            return super().backward(dh / 2, dstate)

    model = make(Halved, num_layers=2)
    loss = model.loss(*batch(), train=True)
    model.backward()
    model.reset_state()
    assert model.loss(*batch()) == loss != make("lstm", num_layers=2).loss(*batch())
    before = model.params["cells.0.Wx"][0, 0]
    slope, step = model.grads["cells.0.Wx"][0, 0].copy(), 1e-5
    values = []
    for moved in (before + step, before - step):
        model.params["cells.0.Wx"][0, 0] = moved
        model.reset_state()
        values.append(model.loss(*batch()))
    assert slope == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5)
    assert [type(layer) for layer in model.cells] == [Halved, Halved]


@pytest.mark.parametrize("cell", [Affine, LSTM(D, H, rng=np.random.default_rng(0)), None, 3, int])
def test_what_is_no_recurrent_layer_is_no_cell(cell):
    with pytest.raises(ValueError, match=r"cell: got .*, wanted one of 'rnn', 'lstm', 'gru'"):
        make(cell)


def test_a_step_with_sgd_goes_downhill():
    model = make()
    before = model.loss(*batch(), train=True)
    model.backward()
    SGD(model.params, lr=0.01).step(model.grads)
    model.reset_state()
    assert model.loss(*batch()) < before


NUMPY_HALF = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "matplotlib", "IPython"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import numpy as np
import helpers.corpora, helpers.gradients, helpers.layers
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD, clip_grad_norm

rng = np.random.default_rng(0)
ids = rng.integers(0, 20, (2, 3, 4))
for cell in ("rnn", "lstm", "gru"):
    model = LanguageModel(20, 5, 6, cell=cell, rng=rng)
    before = model.loss(*ids, train=True)
    model.backward()
    clip_grad_norm(model.grads, 5.0)
    SGD(model.params, 0.1).step(model.grads)
    model.reset_state()
    assert model.loss(*ids) < before
print("trained")
"""


def test_the_numpy_half_works_without_torch_matplotlib_and_ipython():
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", NUMPY_HALF],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.stdout == "trained\n", done.stderr
