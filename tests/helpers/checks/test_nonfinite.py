"""A wrong result that has a nan or an infinity is told the line that it comes of, and what happens there."""

import linecache
import sys
import textwrap

import numpy as np
import pytest
import torch

from helpers.checks import judge, registry


@pytest.fixture
def exercise(monkeypatch):
    """The entropy of softmax(s); in one case all but one of the probabilities are 0."""
    monkeypatch.setattr(registry, "_REGISTRY", {})

    def entropy(s):
        p = np.exp(s - s.max())
        p = p / p.sum()
        return float(-(p[p > 0] * np.log(p[p > 0])).sum())

    made = registry.Exercise("entropy", "99", entropy, ("nats",), lambda rng: {"s": rng.normal(size=5)})

    @made.extreme("a score far above the others", "Is a probability 0 there?")
    def far_above(rng):
        return {"s": np.array([5000.0, 0.0, 0.0])}

    return made


def answer(body, **names):
    """A learner's function in a cell of its own."""
    source = "def entropy(s):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    names |= {"np": np, "torch": torch}
    exec(compile(source, "<cell>", "exec"), names)
    return names["entropy"]


def hint(exercise, body, **names):
    verdict = judge.judge(exercise, answer(body, **names))
    assert verdict.state == "failed" and (verdict.misconception or "slip: ").startswith("slip: ")
    return verdict.hint


def test_the_first_nan_and_what_happens_there(exercise):
    said = hint(exercise, """
        p = np.exp(s - s.max())
        p = p / p.sum()
        return float(-(p * np.log(p)).sum())
    """)  # fmt: skip
    assert said == (
        "The first nan comes in line 4 of its cell, `return float(-(p * np.log(p)).sum())`: the logarithm of "
        "0 is −inf and 0 · inf is nan. Is a probability 0 there?"
    )


def test_the_infinity_before_it(exercise):
    said = hint(exercise, """
        small = np.log(s * 0)
        p = np.exp(s)
        p = p / p.sum()
        return float(-(p * np.log(p + 1e-300)).sum())
    """)  # fmt: skip
    assert said.startswith(
        "The first nan comes in line 4 of its cell, `p = p / p.sum()`: 0 / 0 and inf / inf are nan. Before "
        "that, in line 3, `p = np.exp(s)`: exp of so large a number is inf."
    )


def test_an_infinity(exercise):
    said = hint(exercise, """
        p = np.exp(s - s.max())
        Z = np.exp(s).sum()
        return float(np.log(Z) - (p / p.sum() * s).sum())
    """)  # fmt: skip
    assert said.startswith(
        "On the way, in line 3 of its cell, `Z = np.exp(s).sum()`: exp of so large a number is inf."
    )


@pytest.mark.parametrize(("body", "line", "reason"), [
    ("return np.sqrt(-np.abs(s)).sum()", 2, "a negative number has no root"),
    ("return s[:0].mean()", 2, "the mean of nothing is nan"),
    ("return (1e308 * 10.0 ** np.abs(s)).sum() * 0", 2, "what is too large for a float is inf"),
    ("y = np.full(3, np.inf)\nreturn (y - y).sum()", 3, "inf − inf is nan"),
    ("return np.arccosh(-np.abs(s)).sum()", 2, "`np.arccosh` has no value there"),
    ("return (s / 0).sum() * 0", 2, "a number divided by 0 is infinite"),
    ("x = 2.0\nfor k in range(3):\n    x = x * s[k] * np.inf - np.inf\nreturn x * 0", 4, ""),
    ("def part(x):\n    y = -np.exp(x)\n    return np.log(y) + y\nreturn part(s).sum()", 4, "no logarithm"),
    ("def part(x):\n    return x + 1\nreturn part(s / 0 * 0).sum()", 4, "0 · inf is nan"),
    ("x = torch.tensor(s)\ny = x / 0\nreturn float((y - y).sum())", 4, ""),
    ("return sum([float('nan') for _ in s])", 2, ""),
])  # fmt: skip
def test_where_and_why(exercise, body, line, reason):
    said = hint(exercise, body)
    assert said.startswith(f"The first nan comes in line {line} of its cell") and reason in said


@pytest.mark.parametrize("body", ["return s.sum()", "return s[7]", "return (s, s)", "pass"])
def test_nothing_is_said_where_there_is_none(exercise, body):
    assert "nan" not in hint(exercise, body)


def test_nothing_is_said_where_the_mistake_has_a_name(exercise):
    exercise.misconception("lost", "All of it is lost.")(lambda s: np.nan)
    assert judge.judge(exercise, answer("return np.log(-np.exp(s)).sum()")).hint == "All of it is lost."


def test_nothing_is_said_where_the_arguments_have_some(exercise):
    exercise.extreme("no number")(lambda rng: {"s": np.array([np.nan, 1.0])})
    right_else = "p = np.exp(s - s.max())\np = p / p.sum()\nreturn float(-(p * np.log(p + 1e-300)).sum())"
    assert hint(exercise, right_else) == ""


def test_the_line_in_a_function_of_another_cell_is_the_line_that_calls_it(exercise):
    names = {"np": np}
    exec(compile("def part(x):\n    y = np.log(-np.exp(x))\n    return y", "<other cell>", "exec"), names)
    assert "line 2 of its cell: `return part(s).sum()`" in hint(exercise, "return part(s).sum()", **names)


def test_who_traces_goes_on_tracing(exercise):
    def trace(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        hint(exercise, "return np.log(-np.exp(s)).sum()")
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


def test_an_exclusive_or_is_no_power(exercise):
    assert "a power is `**`" in hint(exercise, "return float(2 ^ len(s))")
    assert "a power is `**`" not in hint(exercise, "return float(2 ** len(s))")
