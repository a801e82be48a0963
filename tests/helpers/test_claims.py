"""Claims print what holds, fail the build where it does not, and make the closing table."""

import numpy as np
import pytest
import torch

from helpers import claims
from helpers.claims import claim, table


@pytest.fixture(autouse=True)
def as_for_a_learner(monkeypatch):
    monkeypatch.setattr(claims, "_MADE", {})
    monkeypatch.setattr(claims, "BUILDING", False)


@pytest.mark.parametrize("true", [True, np.bool_(True), np.array(3) > 2, torch.tensor(2.0) > 1])
def test_what_holds_is_ticked(true, capsys):
    claim("$three$ is\n  above two", true)
    assert capsys.readouterr().out == "✓ three is above two\n"


def test_what_does_not_hold_is_told_to_a_learner_and_fails_the_build(monkeypatch, capsys):
    claim("two is above three", False)
    assert capsys.readouterr().out == "✗ two is above three (not in this run)\n"
    monkeypatch.setattr(claims, "BUILDING", True)
    with pytest.raises(AssertionError, match="claimed, but not so: two is above three"):
        claim("two is above three", False)
    claim("three is above two", True)
    assert capsys.readouterr().out.startswith("✓")


@pytest.mark.parametrize("condition", [np.array([True, True]), torch.ones(2) > 0, 1, None, "yes", 0.5])
def test_a_condition_is_one_bool(condition):
    with pytest.raises(TypeError, match="condition: got"):
        claim("all of them", condition)


@pytest.mark.parametrize(
    ("sentence", "options", "argument"),
    [
        ("", {}, "sentence"),
        (None, {}, "sentence"),
        ("a", {"heard": "b"}, "verdict"),
        ("a", {"verdict": "no"}, "verdict"),
        ("a", {"heard": 3, "verdict": "b"}, "heard"),
        ("a", {"heard": "b", "verdict": ["c"]}, "verdict"),
    ],
)
def test_half_a_claim_is_refused(sentence, options, argument):
    with pytest.raises(ValueError, match=f"{argument}: got"):
        claim(sentence, True, **options)


def test_the_table_holds_what_was_heard(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", shown.append)
    claim("no statement stands behind this one", True)
    claim("|w| = 3 vanishes as well", True, heard="|w| > 1 explodes", verdict="no")
    claim("deep is 3 better", True, heard="deeper is better", verdict="here")
    claim("and so does 4", True, heard="|w| > 1 explodes", verdict="no")
    claim("deep is 9 better", False, heard="deeper is better", verdict="not here")
    table(unmeasured={"the field returns to LSTM": "no cell can count a field"})
    [made] = shown
    assert made._repr_markdown_().splitlines() == [
        "| What one hears | Verdict | Measured here |",
        "| --- | --- | --- |",
        r"| \|w\| > 1 explodes | no | \|w\| = 3 vanishes as well; and so does 4 |",
        "| deeper is better | here; not here | deep is 3 better; ✗ deep is 9 better (not in this run) |",
        "| the field returns to LSTM | not measured | no cell can count a field |",
    ]
    assert repr(made).splitlines()[1] == "    no: |w| = 3 vanishes as well; and so does 4"


def test_a_cell_that_runs_again_replaces_its_claim(capsys):
    for holds in (False, True):
        claim("it falls", holds, heard="it falls", verdict="yes")
    capsys.readouterr()
    table()
    assert capsys.readouterr().out == "it falls\n    yes: it falls\n"


def test_a_table_of_nothing_is_refused():
    with pytest.raises(ValueError, match="run the chapter's cells first"):
        table()


@pytest.mark.parametrize("unmeasured", [3, "ab", ["a"], [("a", "b")], {"a": None}, {3: "a"}])
def test_what_was_not_measured_comes_with_the_reason(unmeasured):
    claim("one is a row", True, heard="a", verdict="b")
    with pytest.raises(ValueError, match=r"unmeasured: got .*wanted \{heard: why"):
        table(unmeasured)
