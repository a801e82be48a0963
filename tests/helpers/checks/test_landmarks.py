"""Landmarks in statements: read from the snippet, run, compared with what the comment says."""

import inspect

import numpy as np
import pytest

from helpers.checks.landmarks import agrees, fenced, plain, recorded_calls, run, statements

SNIPPET = """\
x, h_prev = np.ones((1, 3)), np.ones((1, 2))   # all ones
rnn_step(x, h_prev, np.full((3, 2), 0.1), np.full((2, 2), 0.1), np.full(2, 0.2))[0, 0]   # ≈ 0.604
"""


def rnn_step(x, h_prev, Wx, Wh, b=0.0):
    return np.tanh(x @ Wx + h_prev @ Wh + b)


def test_only_a_comment_behind_an_expression_is_a_promise():
    snippet = (
        "# before\n"
        "x = [1,   # inside\n     2]   # behind an assignment\n"
        "f(x); g('# no comment')   # 3\n"
        "f(x)\n"
        "(f(\n    x)   # inside\n  + 1)   # ≈ -0.5\n"
        "@twice\ndef h(x):\n    return x   # a result\n"
    )
    assert statements(snippet) == [
        ("x = [1,   # inside\n     2]", ""),
        ("f(x)", ""),
        ("g('# no comment')", "3"),
        ("f(x)", ""),
        ("(f(\n    x)   # inside\n  + 1)", "≈ -0.5"),
        ("@twice\ndef h(x):\n    return x", ""),
    ]


def test_what_is_not_python_is_refused():
    with pytest.raises(SyntaxError):
        statements("f(x   # 3\n")


def test_blocks_of_a_text_are_those_with_a_promise():
    text = f"You are there when\n\n```python\n{SNIPPET}```\n\n```python\nfor t in x:\n    f(t)   # no\n```\n"
    assert fenced(text) == [SNIPPET]
    assert fenced(text.replace("```python", "```")) == []


def test_a_landmark_holds_for_the_right_function_only():
    (right,) = run(SNIPPET, {"np": np, "rnn_step": rnn_step})
    assert right.holds and right.wanted == "≈ 0.604" and round(right.value, 3) == 0.604
    (wrong,) = run(SNIPPET, {"np": np, "rnn_step": lambda x, h, Wx, Wh, b: np.tanh(x @ Wx + h @ Wh)})
    assert not wrong.holds
    assert str(wrong) == f"{right.text} gives {float(np.tanh(0.5))!r}; the text says ≈ 0.604"


def test_the_namespace_is_only_read():
    names = {"x": 1}
    run("x = x + 1\ny = x\n", names)
    assert names == {"x": 1}


def test_what_a_statement_raises_passes_through():
    with pytest.raises(ZeroDivisionError):
        run("1 / 0   # 1\n", {})


@pytest.mark.parametrize(("value", "wanted"), [
    (0.60436, "≈ 0.604"),
    (-0.7249, "≈ −0.725"),
    (-0.7249, "≈ -0.725"),
    (1.234e-5, "≈ 1.2e-05"),
    (1.234e-5, "≈ 1.2e-5"),
    (1.234e-5, "≈ 0.0000"),
    (19780400.0, "≈ 19780400"),
    ([0.0904, 0.2451], "≈ [0.09, 0.245]"),
    ((1, [0.5004, -2.0]), "≈ (1, [0.500,  -2])"),
    (4, "4"),
    (4.0, "4.0"),
    ([[1, 2]], "[[1, 2]]"),
    (("a", None), "('a', None)"),
    (True, "True"),
])  # fmt: skip
def test_agreement(value, wanted):
    assert agrees(value, wanted)


@pytest.mark.parametrize(("value", "wanted"), [
    (0.60436, "≈ 0.605"),
    (0.60436, "≈ -0.604"),
    (0.60436, "0.604"),
    (1.234e-5, "≈ 1.3e-05"),
    (1.234e-5, "≈ 1.2e-04"),
    ([0.0904, 0.2451], "≈ [0.09]"),
    ([0.0904, 0.2451], "≈ 0.09"),
    (0.5, "≈ [0.5]"),
    (True, "≈ 1"),
    (1.0, "≈"),
    (float("nan"), "≈ 1"),
    (4.0, "4"),
    (4, "4.0"),
    ((1, 2), "[1, 2]"),
    ([0, 0], "a list of zeros"),
])  # fmt: skip
def test_disagreement(value, wanted):
    assert not agrees(value, wanted)


def test_numbers_and_arrays_are_told_as_pythons_own():
    torch = pytest.importorskip("torch")
    found = plain((np.int64(3), {np.int64(2): np.float64(0.5)}, [np.eye(2, dtype=int)], np.bool_(True)))
    assert repr(found) == "(3, {2: 0.5}, [[[1, 0], [0, 1]]], True)"
    assert plain(torch.ones(2, requires_grad=True)) == [1.0, 1.0]


def test_recorded_calls_are_the_arguments_in_the_order_of_the_signature():
    ((x, h_prev, Wx, Wh, b),) = recorded_calls(SNIPPET, "rnn_step", rnn_step)
    assert (x.shape, h_prev.shape, Wx.shape, Wh.shape, b.shape) == ((1, 3), (1, 2), (3, 2), (2, 2), (2,))
    calls = recorded_calls("f(1, c=3)\nf(b=2, a=1)   # None\n", "f", lambda a, b=5, *, c=7: None)
    assert calls == [(1, 5, 3), (1, 2, 7)]


def test_recorded_arguments_are_those_before_the_call():
    def double(x):
        x *= 2
        return x

    snippet = "x = np.ones(2)\nlist(map(double, [x, x]))\ndouble(x)   # [8.0, 8.0]\n"
    calls = recorded_calls(snippet, "double", double)
    assert [call[0].tolist() for call in calls] == [[1, 1], [2, 2], [4, 4]]


def test_recording_offers_torch_and_the_chapters_names():
    pytest.importorskip("torch")
    snippet = "use(f, torch.ones(3))   # 3.0\n"
    calls = recorded_calls(snippet, "f", lambda x: x.sum(), {"use": lambda f, x: f(x)})
    assert calls[0][0].shape == (3,)
    with pytest.raises(NameError):
        recorded_calls(snippet, "f", lambda x: x.sum())


def test_the_recorder_has_the_references_signature():
    recorded = []
    recorded_calls("see(f)", "f", rnn_step, {"see": recorded.append})
    assert inspect.signature(recorded[0]) == inspect.signature(rnn_step)
