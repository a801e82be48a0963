"""The pages hold what they promise: every number is recomputed or known as quoted, links lead somewhere."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from helpers.records import read_record

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
START = ROOT / "solutions" / "00_start_here.py"


def read(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text):
    """Cells of every table row; header and rule rows are left out."""
    lines = text.splitlines()
    cells = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        rule = re.compile(r"\|[\s:|-]+\|")
        if line.startswith("|") and not rule.fullmatch(line) and not rule.fullmatch(following):
            cells.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return cells


# --- Numbers -----------------------------------------------------------------------------------------


def numbers(text):
    """The numbers a page states: not those in links, formulas, years, chapter numbers, names or sources.

    Code blocks are left out as well: they are run.
    """
    text = re.sub(r"```.*?```", " ", text.split("\n## Sources")[0], flags=re.DOTALL)
    text = re.sub(r"`[^`]*`", lambda code: code[0].replace("*", " "), text)   # a product is not emphasis
    for ignored in (r"\]\([^)]*\)", r"\$[^$]*\$", r"chapter [0-9]", r"\*[^*]+\*", r"\b(?:19|20)[0-9]{2}\b",
                    r"TensorFlow [12]", r"Keras 3", r"assignment 3"):
        text = re.sub(ignored, " ", text)
    number = r"(?<![\w.,])[−-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*\.?[0-9]+)(?:e[+-]?[0-9]+)?(?!\w)"
    return {found.replace("−", "-") for found in re.findall(number, text)}


def agrees(stated, value):
    """Whether `value`, rounded to the digits of the text `stated`, is `stated`."""
    exact = Decimal(stated.replace(",", ""))
    half_a_digit = Decimal("0.5000001").scaleb(exact.as_tuple().exponent)
    return abs(Decimal(float(value)) - exact) <= half_a_digit


def softmax(logits):
    e = np.exp(np.asarray(logits) - np.max(logits))
    return e / e.sum()


def toy_gradient(x):
    """∂h₃/∂h₁ of h_t = tanh(2x + 3 h_{t-1} + 1) with h₀ = 0."""
    h, slopes = 0.0, []
    for _ in range(3):
        h = np.tanh(2 * x + 3 * h + 1)
        slopes.append(3 * (1 - h**2))
    return slopes[1] * slopes[2]


def parameters(blocks, biases, size=50):
    return blocks * (2 * size * size + biases * size)


HELLO = softmax([1.0, 2.2, -3.0, 4.1])
MATRIX = np.array([[0.5, 3.0], [0.0, 0.5]])
STEEPEST_SIGMOID = max((s * (1 - s)) for s in 1 / (1 + np.exp(-np.linspace(-5, 5, 1001))))
KERAS_AND_TORCH = {
    "5,050": parameters(1, 1),
    "5,100": parameters(1, 2),
    "15,300": parameters(3, 2),
    "20,200": parameters(4, 1),
    "20,400": parameters(4, 2),
}
CLIPPED = {   # the gradient (3, 4), (12) of the notation page, clipped in three ways at 2.6
    "together": [np.array([3.0, 4.0]) * 2.6 / 13, np.array([12.0]) * 2.6 / 13],
    "each by itself": [np.array([3.0, 4.0]) * 2.6 / 5, np.array([12.0]) * 2.6 / 12],
    "by value": [np.array([2.6, 2.6]), np.array([2.6])],
}


def flat(arrays):
    return np.concatenate([np.ravel(a) for a in arrays])


def length(kind):
    return np.linalg.norm(flat(CLIPPED[kind]))


def cosine(kind):
    return flat(CLIPPED[kind]) @ [3, 4, 12] / 13 / length(kind)


CALCULATED = {
    "corrections.md": KERAS_AND_TORCH | {
        ".038": HELLO[0],
        ".125": HELLO[1],
        ".001": HELLO[2],
        ".837": HELLO[3],
        "8": 1 / HELLO[1],
        "2.7e-5": 0.9**100,
        "1.3e30": 2.0**100,
        "7e-5": toy_gradient(0.0),
        "6e-9": toy_gradient(1.0),
        "4": 1 / STEEPEST_SIGMOID,
        "3.08": np.linalg.norm(MATRIX, 2),
        "2.7e-13": np.linalg.norm(np.linalg.matrix_power(MATRIX, 50), 2),
        "20": 100 * 0.2,
        "80": 100 * (1 - 0.2),
        "70": 100 * 0.7,
        "128": read_record("ptb-small")["test_perplexity"],
        "138": read_record("ptb-small-lr-decay-1.0")["test_perplexity"],
        "50,000": 1000 * 50,
        "500,000": 10_000 * 50,
    },
    "notation.md": KERAS_AND_TORCH | {
        "15,150": parameters(3, 1),
        "13": np.linalg.norm([3, 4, 12]),
        "0.6": CLIPPED["together"][0][0],
        "0.8": CLIPPED["together"][0][1],
        "2.4": CLIPPED["together"][1][0],
        "1.56": CLIPPED["each by itself"][0][0],
        "2.08": CLIPPED["each by itself"][0][1],
        "2.6": length("together"),
        "3.68": length("each by itself"),
        "4.50": length("by value"),
        "0.92": cosine("each by itself"),
        "0.84": cosine("by value"),
        "0.25": 5 / 20,
        "0.14": 5 / 35,
        "0.29": 10 / 35,
    },
}
# What the text takes as given: inputs of the calculations above, and figures reported by others.
GIVEN = {
    "corrections.md": {
        "1.0", "2.2", "-3.0", "4.1", "50", "0.9", "2", "100", "3", "1", "0", "-0.5", ".5", "0.2", "1,000",
        "0.7", "30",
        "10,000", "136", "75", "75.8", "75.4", "0.821", "0.839", "0.841", "0.25", "60",
    },
    "notation.md": {
        "0", "1", "1.0", "2", "3", "4", "5", "6", "6.3", "8", "10", "12", "20", "35", "50", "-1",
        "1e-5", "1e-6", "1e-8",
    },
}   # fmt: skip


@pytest.mark.parametrize("name", sorted(CALCULATED))
def test_every_number_is_recomputed_or_known_as_given(name):
    assert numbers(read(name)) == set(CALCULATED[name]) | GIVEN[name]


@pytest.mark.parametrize(("name", "stated"), [(n, s) for n in CALCULATED for s in CALCULATED[n]])
def test_stated_numbers_are_right(name, stated):
    assert agrees(stated, CALCULATED[name][stated]), (stated, CALCULATED[name][stated])


def test_a_wrong_digit_would_be_noticed():
    assert not agrees("2.6e-5", 0.9**100) and not agrees("5,051", 5050) and not agrees(".126", HELLO[1])


def test_slopes_and_growth_of_the_corrections_page():
    x = np.linspace(-5, 5, 1001)
    assert np.max(1 - np.tanh(x) ** 2) == 1 and STEEPEST_SIGMOID == 0.25
    assert toy_gradient(-0.5) == 3 * 3                                     # the state stays 0: 3 a step
    assert np.abs(np.linalg.eigvals(MATRIX)).max() == 0.5
    assert np.linalg.norm(MATRIX @ MATRIX, 2) > 1                          # "grows at first"
    assert HELLO.argmax() == "helo".index("o")
    assert 15_300 / 20_400 == 3 / 4


def test_parameter_table_is_what_pytorch_counts():
    torch = pytest.importorskip("torch")
    table = {cells[0]: cells for cells in rows(read("notation.md").split("## How many parameters")[1])}
    for layer, blocks in (("RNN", 1), ("LSTM", 4), ("GRU", 3)):
        one, two = (int(cell.replace(",", "")) for cell in table[layer][1:3])
        counted = sum(p.numel() for p in getattr(torch.nn, layer)(50, 50).parameters())
        assert (one, two) == (parameters(blocks, 1), counted)


def test_pytorchs_weights_fit_as_the_notation_page_says():
    torch = pytest.importorskip("torch")
    from helpers.layers import GRU, LSTM

    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = torch.randn(2, 4, 3, dtype=torch.float64)
        for ours, theirs in ((LSTM, torch.nn.LSTM), (GRU, torch.nn.GRU)):
            peer = theirs(3, 5, batch_first=True).double()
            layer = ours(3, 5, rng=np.random.default_rng(0), dtype=np.float64)
            weight = {name: value.detach().numpy() for name, value in peer.named_parameters()}
            copied = {"Wx": weight["weight_ih_l0"].T, "Wh": weight["weight_hh_l0"].T}
            if ours is LSTM:
                copied["b"] = weight["bias_ih_l0"] + weight["bias_hh_l0"]
            else:
                copied |= {"bx": weight["bias_ih_l0"], "bh": weight["bias_hh_l0"]}
            for name, value in copied.items():
                layer.params[name][...] = value
            np.testing.assert_allclose(layer.forward(x.numpy()), peer(x)[0].detach().numpy(), atol=1e-12)


# --- The notation page, run ---------------------------------------------------------------------------


def section(heading):
    """The text of the notation page below `heading`, up to the next of the same level or above."""
    found = re.search(rf"^(##+) {re.escape(heading)}$", read("notation.md"), re.MULTILINE)
    rest = read("notation.md")[found.end() :]
    return re.split(rf"^#{{2,{len(found[1])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def code_of(heading):
    """The one code block of a section."""
    [code] = re.findall(r"^```python\n(.*?)^```", section(heading), re.MULTILINE | re.DOTALL)
    return code


def codes(cell):
    return re.findall(r"`([^`]+)`", cell)


def run(code, **names):
    names["np"] = np
    exec(code, names)
    return names


def gate_order(cell, ours):
    """The cell "i, f, o, g" as "ifog"; ValueError for anything but our letters, each once."""
    letters = cell.split(", ")
    if sorted(letters) != sorted(ours):
        raise ValueError(f"an order of {', '.join(ours)} was wanted, got {cell!r}")
    return "".join(letters)


ORDERS = [
    (cells[0], ours, cell)
    for cells in rows(section("The order of the gates"))
    for ours, cell in zip(("ifgo", "rzn"), cells[1:3], strict=True)
    if cell != "–"
]
N, D, H = 3, 4, 5


def reorder(weight, old, new):
    """`weight` with its slices, which stand in the order `old`, in the order `new`."""
    slices = dict(zip(old, np.split(weight, len(old), axis=-1), strict=True))
    return np.concatenate([slices[letter] for letter in new], axis=-1)


def step_and_weights(ours):
    """A step of helpers.layers as a function of its weights, and weights for it in our order."""
    from helpers.layers import gru_step, lstm_step

    rng = np.random.default_rng(0)
    x, h, c = rng.normal(size=(N, D)), rng.normal(size=(N, H)), rng.normal(size=(N, H))
    width = len(ours) * H
    weights = rng.normal(size=(D, width)), rng.normal(size=(H, width)), rng.normal(size=width)
    if ours == "ifgo":
        return lambda *weights: np.concatenate(lstm_step(x, h, c, *weights)[:2]), weights
    return lambda *weights: gru_step(x, h, *weights)[0], (*weights, rng.normal(size=width))


def recipe(theirs, ours, *weights):
    """What the page's three lines make of `weights`, with `theirs` and `ours` in place of its example."""
    example, code = '"ifog", "ifgo"', code_of("The order of the gates")
    assert example in code and len(code.splitlines()) == 3
    code = code.replace(example, f'"{theirs}", "{ours}"')
    Wx, Wh, *biases = weights
    made = [run(code, Wx=Wx, Wh=Wh, b=b, H=H) for b in biases]
    return [made[0]["Wx"], made[0]["Wh"], *(names["b"] for names in made)]


@pytest.mark.parametrize(("name", "ours", "cell"), ORDERS, ids=[f"{o[0]}-{o[1]}" for o in ORDERS])
def test_the_recipe_brings_every_order_of_the_table_into_ours(name, ours, cell):
    theirs = gate_order(cell, ours)
    step, weights = step_and_weights(ours)
    copied = [reorder(w, ours, theirs) for w in weights]
    np.testing.assert_array_equal(step(*recipe(theirs, ours, *copied)), step(*weights))
    assert np.allclose(step(*copied), step(*weights)) == (theirs == ours)   # uncorrected they are wrong


def test_the_recipe_as_it_stands_is_for_cs231n_and_does_keras_two_biases_at_once():
    orders = {(name.split(",")[0], ours): gate_order(cell, ours) for name, ours, cell in ORDERS}
    assert orders["CS231n", "ifgo"] == "ifog" and orders["Keras 3", "rzn"] == "zrn"
    _, (Wx, Wh, bx, bh) = step_and_weights("rzn")
    both = np.stack([reorder(bx, "rzn", "zrn"), reorder(bh, "rzn", "zrn")])
    np.testing.assert_array_equal(recipe("zrn", "rzn", Wx, Wh, both)[2], [bx, bh])


@pytest.mark.parametrize("cell", ["i, f, f, o", "i, f, c, o", "i f g o", "i,f,g,o", "i, f, g", "r, z, n"])
def test_a_row_of_the_wrong_form_would_be_noticed(cell):
    with pytest.raises(ValueError, match="an order of i, f, g, o was wanted"):
        gate_order(cell, "ifgo")


AS_THEY_SPLIT = {   # LSTM and GRU, in the letters of their own code or documentation
    "PyTorch": ("ifgo", "rzn"),
    "Keras 3": ("ifco", "zrh"),
    "TensorFlow 1": ("ijfo", ""),
    "ONNX": ("iofc", "zrh"),
    "OpenVINO": ("fico", "zrh"),
    "Core ML": ("ifoz", "roz"),
    "MXNet Gluon": ("ifco", "rzn"),
    "Flax": ("ifgo", "rzn"),
    "Haiku": ("igfo", "zra"),
    "Chainer": ("aifo", ""),
    "CS231n": ("ifog", ""),
    "Karpathy's batched LSTM in NumPy": ("ifog", ""),
    "*Deep Learning from Scratch 2* (Saito 2018)": ("fgio", "zrĥ"),
}


def test_orders_are_those_of_their_sources_in_our_letters():
    named = set()
    for name, *orders, _, candidates in rows(section("The order of the gates")):
        named.add(name.split(",")[0])
        for ours, order, theirs in zip(
            ("ifgo", "rzn"), orders, AS_THEY_SPLIT.get(name.split(",")[0], ("", "")), strict=True
        ):
            if theirs and order != "–":
                [candidate] = set(theirs) - set("ifo" if len(theirs) == 4 else "rz")
                assert gate_order(order, ours) == theirs.replace(candidate, ours[2]), name
                assert candidate in candidates.split("; "), name
    assert named >= AS_THEY_SPLIT.keys()


def test_the_table_of_orders_names_ours_and_pytorchs_first():
    first, second, *others = rows(section("The order of the gates"))
    assert first[:3] == ["this course", "i, f, g, o", "r, z, n"]
    assert second[:3] == ["PyTorch", *first[1:3]]
    assert len(others) >= 10 and all(set(cells[1:3]) != {"–"} for cells in others)


def stored(how, Wx, Wh, b):
    """The weights of an LSTM, stored as others do."""
    if how == "rows":
        return {"Wx": Wx.T, "Wh": Wh.T}
    if how == "one matrix":
        return {"W": np.concatenate([Wx, Wh])}
    if how == "one with bias":
        return {"W": np.concatenate([b[None], Wx, Wh])}
    if how == "unit by unit":   # row 4k + j belongs to gate j of unit k
        return {
            name: np.stack([w[..., j * H + k] for k in range(H) for j in range(4)])
            for name, w in (("Wx", Wx), ("Wh", Wh), ("b", b))
        }
    assert how == "one by one"
    return {name: [w.T for w in np.split(W, 4, axis=1)] for name, W in (("Wxs", Wx), ("Whs", Wh))}


def test_weights_however_stored_become_ours():
    _, (Wx, Wh, b) = step_and_weights("ifgo")
    table = {cells[0]: cells[2] for cells in rows(section("How weights are stored"))}
    assert table.pop("columns") == "–"
    for how, cell in table.items():
        names = run("\n".join(codes(cell)), D=D, H=H, **stored(how, Wx, Wh, b))
        np.testing.assert_array_equal(names["Wx"], Wx, err_msg=how)
        np.testing.assert_array_equal(names["Wh"], Wh, err_msg=how)
        np.testing.assert_array_equal(names.get("b", b), b, err_msg=how)
    used = {word for cells in rows(section("The order of the gates")) for word in cells[3].split(" or ")}
    assert used == {"columns", *table}


def gru_by_formula(x, h, Wx, Wh, bx, bh, *, z, reset):
    """The GRU's step in the page's words: z "keep" or "take", reset "after" or "before" the product."""
    xr, xz, xn = np.split(x @ Wx + bx, 3, axis=1)
    Wr, Wz, Wn = np.split(Wh, 3, axis=1)
    br, bz, bn = np.split(bh, 3)
    r, update = (1 / (1 + np.exp(-a)) for a in (xr + h @ Wr + br, xz + h @ Wz + bz))
    n = np.tanh(xn + (r * (h @ Wn + bn) if reset == "after" else (r * h) @ Wn + bn))
    return (1 - update) * n + update * h if z == "keep" else (1 - update) * h + update * n


def test_the_sign_of_z_and_the_two_places_for_the_reset_gate():
    step, (Wx, Wh, bx, bh) = step_and_weights("rzn")
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(N, D)), rng.normal(size=(N, H))
    ours = step(Wx, Wh, bx, bh)
    made = run(code_of("Two meanings of z"), Wx=Wx, Wh=Wh, bx=bx, bh=bh, H=H)
    flipped = [made[name] for name in ("Wx", "Wh", "bx", "bh")]
    np.testing.assert_allclose(gru_by_formula(x, h, Wx, Wh, bx, bh, z="keep", reset="after"), ours)
    np.testing.assert_allclose(gru_by_formula(x, h, *flipped, z="take", reset="after"), ours)
    assert not np.allclose(gru_by_formula(x, h, Wx, Wh, bx, bh, z="take", reset="after"), ours)
    assert not np.allclose(gru_by_formula(x, h, Wx, Wh, bx, bh, z="keep", reset="before"), ours)


def test_rows_on_the_gru_say_keep_or_take_and_after_or_before():
    table = rows(section("The GRU in other texts"))
    for *_, z, reset, biases in table:
        assert z in ("keep", "take") and reset in ("after", "before")
        assert re.match(r"(none|one|two)\b", biases)
        assert reset == "after" or biases != "two"   # before the product two biases are only a sum
    assert [cells[4:] for cells in table[:2]] == [["keep", "after", "two"]] * 2
    assert {cells[0] for cells in rows(section("Two meanings of z"))} == {"keep: this course", "take"}


def test_a_forget_bias_added_at_every_step_is_added_to_the_weights():
    from helpers.layers import sigmoid

    step, (Wx, Wh, b) = step_and_weights("ifgo")
    rng = np.random.default_rng(0)
    x, h, c = rng.normal(size=(N, D)), rng.normal(size=(N, H)), rng.normal(size=(N, H))
    i, f, g, o = np.split(x @ Wx + h @ Wh + b, 4, axis=1)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    wanted = np.concatenate([sigmoid(o) * np.tanh(c), c])
    adjusted = run(code_of("The forget gate's bias"), b=b.copy(), H=H)["b"]
    np.testing.assert_allclose(step(Wx, Wh, adjusted), wanted)
    assert not np.allclose(step(Wx, Wh, b), wanted)


def test_pytorch_draws_both_biases_and_uses_their_sum():
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = torch.nn.LSTM(30, 100)
    for name, parameter in layer.named_parameters():
        assert 0.09 < parameter.abs().max() <= 0.1, name   # uniform in ± 1 / √100


def test_symbols_of_the_gradient_are_what_their_code_says():
    from helpers.gradients import numerical_gradient

    table = {cells[0]: codes(cells[3]) for cells in rows(section("Gradients"))}
    rng = np.random.default_rng(0)
    W, before = rng.normal(size=(H, H)), rng.normal(size=H)
    for matrix in (W, MATRIX):
        largest, radius = (run(f"it = {table[s][0]}", W=matrix)["it"] for s in ("$σ_{max}(W)$", "$ρ(W)$"))
        np.testing.assert_allclose(largest**2, np.linalg.eigvalsh(matrix.T @ matrix).max())
        thousandth = np.linalg.norm(np.linalg.matrix_power(matrix / radius, 1000))
        assert radius <= largest and abs(thousandth ** (1 / 1000) - 1) < 0.02   # grows like radius to the n
    h = np.tanh(before @ W)
    jacobian = run(f"J = {table['$J_t$'][0]}", h=h, Wh=W)["J"]
    for j in range(H):
        column = numerical_gradient(lambda state, j=j: np.tanh(state @ W)[j], before)
        np.testing.assert_allclose(jacobian[:, j], column, atol=1e-8)
    slope = run("slope = " + table["$φ, φ'$"][1], h=h)["slope"]
    np.testing.assert_allclose(slope, 1 / np.cosh(before @ W) ** 2)


def tuples(cell):
    """The cell "(0.6, 0.8) and (2.4)" as the arrays [0.6, 0.8] and [2.4]."""
    return [np.array([float(n) for n in part.split(", ")]) for part in re.findall(r"\(([^)]+)\)", cell)]


def test_the_same_gradient_clipped_three_ways():
    from helpers.optim import clip_grad_norm

    table = {cells[0]: cells[1:] for cells in rows(section("The same gradient, clipped three ways"))}
    assert table.keys() == CLIPPED.keys()
    for kind, (becomes, long, direction) in table.items():
        np.testing.assert_allclose(flat(tuples(becomes)), flat(CLIPPED[kind]), atol=1e-12)
        assert agrees(long, length(kind)) and agrees(direction, cosine(kind))
    grads = {"a": np.array([3.0, 4.0]), "b": np.array([12.0])}
    assert clip_grad_norm(grads, 2.6) == 13
    np.testing.assert_allclose(flat(grads.values()), flat(CLIPPED["together"]), rtol=1e-6)


def test_clipping_of_this_course_and_of_pytorch_is_what_the_table_says():
    torch = pytest.importorskip("torch")
    from helpers.optim import clip_scale

    norms = section("Clipping").split("### ")[0]
    table = {name: cells[2] for cells in rows(norms) for name in codes(cells[0])}
    assert table["clip_grad_norm"] == table["clip_grad_norm_"] == "min(1, max_norm / (‖g‖ + 1e-6))"
    for max_norm in (2.6, 13.0, 20.0):
        norm, scale = clip_scale({"a": np.array([3.0, 4.0]), "b": np.array([12.0])}, max_norm)
        assert scale == min(1, max_norm / (norm + 1e-6))
        parameters = [torch.zeros(2, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)]
        for parameter, values in zip(parameters, ([3.0, 4.0], [12.0]), strict=True):
            parameter.grad = torch.tensor(values, dtype=torch.float64)
        torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        np.testing.assert_allclose(parameters[1].grad[0], 12 * scale, rtol=1e-12)
        torch.nn.utils.clip_grad_value_(parameters, 2.0)
        assert max(p.grad.abs().max() for p in parameters) <= 2.0


def test_a_threshold_for_the_sum_is_t_times_that_for_the_mean():
    from helpers.optim import clip_scale
    from helpers.records import read_record

    for code, loss, threshold, steps, for_the_mean in rows(section("Sum or mean")):
        factor = float(steps) if loss.startswith("sum over steps") else 1.0
        assert agrees(for_the_mean, float(threshold) / factor), code
        for size in (0.01, 1.0, 100.0):
            g = size * np.random.default_rng(0).normal(size=9)   # of the mean
            step_of_sum = factor * g * clip_scale({"g": factor * g}, float(threshold))[1]
            step_of_mean = g * clip_scale({"g": g}, float(threshold) / factor)[1]
            np.testing.assert_allclose(step_of_sum, factor * step_of_mean, rtol=1e-4)
    settings = read_record("ptb-small")["settings"]
    ours = next(cells for cells in rows(section("Sum or mean")) if cells[0].startswith("this course"))
    assert (settings["max_norm"], settings["seq_len"]) == (float(ours[2]), int(ours[3]))


COMPARED = (
    "The order of the gates", "The forget gate's bias", "The plain network in other texts",
    "The LSTM in other texts", "The GRU in other texts", "Clipping", "Sum or mean",
)   # fmt: skip


def test_whoever_is_compared_stands_in_the_sources():
    sources = " ".join(section("Sources").split())
    entries = sources.split(" - ")
    texts = {
        text
        for heading in COMPARED
        for cells in rows(section(heading))
        if cells[0] not in CLIPPED
        for text in cells[0].split("; ")
    }
    for text in sorted(text for text in texts if not text.startswith("this course")):
        paper = re.match(r"(\w+)\b.*? ((?:19|20)\d\d)\b", text.replace("*", ""))
        if paper and not text.startswith("*"):
            assert any(paper[1] in entry and paper[2] in entry for entry in entries), text
        else:
            name = re.match(r"\*?(\w+)", text)[1]
            assert name in sources, text


# --- Chapters -----------------------------------------------------------------------------------------


def chapter_exists(number):
    return any((ROOT / "solutions").glob(f"{int(number):02}_*.py"))


@pytest.mark.parametrize("page", [*PAGES, START], ids=lambda page: page.name)
def test_in_preparation_is_said_only_of_chapters_that_do_not_exist(page):
    text = page.read_text(encoding="utf-8")
    announced = re.findall(r"chapter ([0-9]), in preparation", text)
    announced += re.findall(r"^# \| ([0-9]) · .*in preparation \|$", text, re.MULTILINE)
    assert [number for number in announced if chapter_exists(number)] == []


def test_the_start_page_names_all_nine_chapters():
    map_rows = re.findall(r"^# \| \[?([0-9]) · ", START.read_text(encoding="utf-8"), re.MULTILINE)
    assert map_rows[:9] == list("012345678") and all(map(chapter_exists, map_rows))


def moving():
    """Sections of the chapters in which a figure moves, in order."""
    for path in sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py")):
        section = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            section = (re.match(r"# ## (\d+\.\d+) ", line) or [section, section])[1]
            if line.startswith("explore("):
                yield section


def test_the_table_of_figures_that_move_is_the_chapters():
    page = read("learning.md").split("## Figures that move")[1].split("\n## ")[0]
    assert [cells[0] for cells in rows(page)] == list(moving())


# --- The teaching page ---------------------------------------------------------------------------------


def own_exercise():
    """The chapter and the check of the page's recipe."""
    return re.findall(r"^```python\n(.*?)^```$", read("teaching.md"), re.M | re.S)


def test_the_exercise_of_ones_own_has_a_check_that_names_its_mistakes(monkeypatch, tmp_path):
    from helpers.checks import registry
    from helpers.checks.judge import judge
    from tools.build.rules import judge_chapter
    from tools.build.source import read_chapter

    chapter, check = own_exercise()
    (path := tmp_path / "09_homework.py").write_text(chapter, encoding="utf-8")
    (module := tmp_path / "chapter_09.py").write_text(check, encoding="utf-8")
    exercises, problems = judge_chapter(read_chapter(path, path.name), known={"leaky_average"})
    assert [each.name for each in exercises] == ["leaky_average"] and problems == []
    monkeypatch.setattr(registry, "_REGISTRY", {})
    spec = importlib.util.spec_from_file_location("chapter_09", module)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    exercise = registry._REGISTRY["leaky_average"]
    assert not exercise.lacks() and len(exercise.oracles) >= 2 and len(exercise.misconceptions) >= 4
    right = [each.function for each in exercise.variants]
    assert right and all(judge(exercise, function).passed for function in right)
    for known in exercise.misconceptions:
        assert judge(exercise, lambda *a, known=known: known.function(*a)).misconception == known.name


@pytest.mark.torture
def test_the_exercise_of_ones_own_is_built_tested_and_graded(tmp_path):
    """All that the page has one type, in a copy of the course."""
    for name in ("helpers", "tools", "tests/helpers/checks", "data/runs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "nbgrader_config.py", "conftest.py", "tests/hostile.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    chapter, check = own_exercise()
    for name in ("solutions", "notebooks", "class/ada", "class/ben"):
        (tmp_path / name).mkdir(parents=True)
    for path in (ROOT / "solutions").glob("0*"):   # (tests of the other chapters are collected, too)
        shutil.copy(path, tmp_path / "solutions")
    (tmp_path / "solutions" / "09_homework.py").write_text(chapter, encoding="utf-8")
    (tmp_path / "helpers" / "checks" / "chapter_09.py").write_text(check, encoding="utf-8")

    def python(*arguments, status=0):
        env = os.environ | {"PYTHONPATH": str(tmp_path)}
        run = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert run.returncode == status, run.stdout + run.stderr
        return run.stdout

    python("tools.build", "09")
    tests = python("pytest", "-q", "tests/helpers/checks", "-k", "leaky_average or 09")
    assert re.search(r"^1\d passed", tests, re.M)
    mutants = "tools.mutants", "--chapter", "09", "--quick", "--list", "survivors"
    assert python(*mutants, status=1).count("survivor\n") == 3   # right answers all: −0, what is written over
    for place, learner in (("solutions", "ada"), ("notebooks", "ben")):
        shutil.copy(tmp_path / place / "09_homework.ipynb", tmp_path / "class" / learner)
    said = python("tools.grade", "class", "--out", str(tmp_path / "out"))
    assert "ada: 2 of 2" in said and "ben: 0 of 2" in said


# --- Tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_table_rows_are_complete_and_unique(page):
    tables = re.split(r"^##+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for table in map(rows, tables):
        assert len({tuple(cells) for cells in table}) == len(table)
        assert len({len(cells) for cells in table}) <= 1, table


def test_glossary_rows():
    terms = [cells for cells in rows(read("glossary.md").split("## The three sentences")[0])]
    assert len(terms) >= 50
    for korean, romanised, english, meaning, chapter in terms:
        assert re.fullmatch(r"[가-힣]+(?: [가-힣]+)*", korean), korean
        assert re.fullmatch(r"[a-z]+(?: [a-z]+)*", romanised), korean
        assert len(romanised.split()) == len(korean.split()), korean
        assert english and meaning and chapter in list("012345678"), korean
    assert len({cells[0] for cells in terms}) == len({cells[1] for cells in terms}) == len(terms)


def test_corrections_say_what_holds_who_showed_it_and_which_chapter_takes_it_up():
    text = read("corrections.md")
    page, sources = text.split("\n## Sources")
    listed = " ".join(sources.split()).split(" - ")
    link = r"\[chapter ([0-9])\]\(\.\./notebooks/0\1_\w+\.ipynb\)"
    for claim, holds, source, chapter in rows(page):
        assert claim and holds and claim != holds
        assert re.fullmatch(rf"{link}|chapter [0-9], in preparation", chapter), chapter
        for work in source.split("; "):
            name = re.fullmatch(r"(\w+)\b.* ((?:19|20)\d\d)", work)
            if name:
                assert any(name[1] in entry and name[2] in entry for entry in listed), work
            else:
                assert work in ("arithmetic", "–") or work.startswith("[notation](notation.md#"), work


def test_every_source_of_the_corrections_is_used():
    page, sources = read("corrections.md").split("\n## Sources")
    for entry in re.findall(r"^- (.+(?:\n  .+)*)", sources, re.MULTILINE):
        authors, year = entry.split(", *")[0], re.findall(r"(?:19|20)\d\d", entry)[-1]
        first = re.sub(r"(?:\w\.-?)+ ", "", authors).split(",")[0].split(" et al")[0]
        assert re.search(rf"{first}\b[^|;]*{year}", page), entry


# --- The numbers of the start page -------------------------------------------------------------------


def test_answers_of_the_start_pages_quizzes():
    from helpers.checks import get

    h, x = 0.5, 2.0
    w = np.arctanh(h) / x
    slope = (np.tanh((w + 1e-6) * x) - np.tanh((w - 1e-6) * x)) / 2e-6
    text = START.read_text(encoding="utf-8")
    assert re.search(rf"\*\*{get('quiz_chain_rule').answer}\*\* (\S+)", text)[1] == f"{slope:.1f}"

    x, W, dy = np.ones((4, 3)), np.ones((3, 5)), np.ones((4, 5))
    line = re.search(rf"\*\*{get('quiz_shapes').answer}\*\* `(x.T @ dy)`", text)[1]
    assert line == "x.T @ dy" and (x.T @ dy).shape == W.shape and (x @ W).shape == dy.shape

    shape = (np.ones((4, 1)) - np.ones(4)).shape
    assert f"**{get('quiz_broadcasting').answer}** {shape}" in text
