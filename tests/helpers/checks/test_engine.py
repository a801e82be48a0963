"""The engine on a small exercise of its own: every verdict and every sentence a learner can meet."""

import functools
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from helpers.checks import box, compare, judge, registry, sources, strict
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED


@pytest.fixture
def exercise(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})

    def affine(x, W, b):
        return x @ W + b

    def cases(rng):
        n, d, o = rng.integers(2, 5), rng.integers(5, 8), rng.integers(8, 11)
        return {"x": rng.normal(size=(n, d)), "W": rng.normal(size=(d, o)), "b": rng.normal(size=o)}

    made = registry.Exercise("affine", "99", affine, ("y",), cases)

    @made.oracle("a loop over entries")
    def loop(x, W, b):
        return np.array([[sum(x[n] * W[:, o]) + b[o] for o in range(len(b))] for n in range(len(x))])

    @made.misconception("no-bias", "The bias b is missing.")
    def no_bias(x, W, b):
        return x @ W

    @made.misconception("in-place", "Adding with += writes into b.")
    def in_place(x, W, b):
        b += 1.0
        return x @ W + b

    return made


def test_right_answer_passes_and_says_what_was_compared(exercise):
    verdict = judge.judge(exercise, lambda x, W, b: b + np.dot(x, W))
    assert verdict.state == PASSED
    assert "a loop over entries" in verdict.text and "on 7 cases" in verdict.text


def test_stub_is_grey(exercise):
    def stub(x, W, b):
        raise NotImplementedError

    assert judge.judge(exercise, stub).state == NOT_ATTEMPTED


def test_a_dict_where_a_list_is_wanted_is_called_one(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    made = registry.Exercise("pair", "99", lambda n: ([n, n], 2.0), ("both", "two"), lambda rng: {"n": 3})
    verdict = judge.judge(made, lambda n: ({"a": n, "b": n}, 2.0))
    assert "`both` is a dict; wanted a list of 2." in verdict.text
    assert "`two` is a dict; wanted one number." in judge.judge(made, lambda n: ([n, n], {"two": 2.0})).text


def test_misconception_is_named(exercise):
    verdict = judge.judge(exercise, lambda x, W, b: x.dot(W))
    assert (verdict.state, verdict.misconception) == (FAILED, "no-bias")
    assert verdict.hint == "The bias b is missing."


def test_wrong_in_an_unknown_way_reports_value_and_case(exercise):
    verdict = judge.judge(exercise, lambda x, W, b: x @ W + 2 * b)
    assert verdict.state == FAILED and verdict.misconception is None
    assert "`y` differs: at [" in verdict.text and "Case: x (" in verdict.text


def test_wrong_shape_names_both_shapes(exercise):
    verdict = judge.judge(exercise, lambda x, W, b: (x @ W + b).T)
    assert "has shape" in verdict.text and "wanted" in verdict.text


def test_changed_argument_is_diagnosed_even_when_the_values_are_right(exercise):
    def writes(x, W, b):
        y = x @ W + b
        W *= 2
        return y

    verdict = judge.judge(exercise, writes)
    assert verdict.state == FAILED and "changed its argument `W`" in verdict.text
    assert ".copy()" in verdict.hint


def test_in_place_and_wrong_besides(exercise):
    def answer(x, W, b):
        x *= 2
        return np.sin(7 * x @ W) * b

    hint = judge.judge(exercise, answer).hint
    assert hint.startswith("The function changed `x` in place")
    assert hint.endswith("something else is wrong, too.")


offset = 3.0   # a notebook's variable


def test_a_variable_of_the_notebook_that_is_read_as_an_argument(exercise):
    text = judge.judge(exercise, lambda x, W, b: x @ W + b + offset).text
    assert "(No argument, but read from the notebook: offset = 3.)" in text
    assert "read from the notebook" not in judge.judge(exercise, lambda x, W, b: x @ W + b + np.pi).text


class Unseen:
    def __repr__(self):
        raise ValueError


corpus, unseen = ["word"] * 10**6, Unseen()


def test_variables_of_the_notebook_that_are_large_or_cannot_be_shown(exercise):
    text = judge.judge(exercise, lambda x, W, b: x @ W + b + len(corpus)).text
    assert "(No argument, but read from the notebook: corpus (list of 1000000).)" in text
    text = judge.judge(exercise, lambda x, W, b: (unseen, x @ W + b + 1)[1]).text
    assert "(No argument, but read from the notebook: unseen.)" in text


def test_the_arguments_in_another_order(exercise):
    verdict = judge.judge(exercise, lambda W, x, b: x @ W + b)
    assert verdict.state == judge.FAILED
    assert verdict.text == (
        "It takes (W, x, b): the right arguments in another order; wanted (x, W, b)."
    )


def test_what_a_library_has_not_implemented_is_no_stub(exercise):
    def answer(x, W, b):
        raise NotImplementedError('"nll_loss" not implemented for this')

    verdict = judge.judge(exercise, answer)
    assert verdict.state == judge.FAILED and "nll_loss" in verdict.text

    def stub(x, W, b):
        raise NotImplementedError("yours to write")

    assert judge.judge(exercise, stub).state == judge.NOT_ATTEMPTED


def test_error_in_the_function_shows_its_line_and_no_traceback(exercise):
    def broken(x, W, b):
        return W @ x + b

    verdict = judge.judge(exercise, broken)
    assert verdict.state == FAILED
    assert "ValueError" in verdict.text and "return W @ x + b" in verdict.text
    assert "Traceback" not in verdict.text


async def waits(x, W, b):
    return x @ W + b


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, W, b: None, "returned nothing"),
        (lambda x, W: x @ W, "It takes (x, W)"),
        (lambda x, W, *, b: x @ W + b, "It takes (x, W, *, b)"),
        (lambda x, W, *, b: x @ W + b, "delete the `*`"),
        (lambda x, W, b: (yield x @ W + b), "wanted a `return`"),
        (waits, "wanted a plain `def`"),
        (lambda x, W, b: np.asmatrix(x @ W + b), "a matrix; wanted a plain NumPy array"),
        (lambda x, W, b: np.ma.array(x @ W + b), "a MaskedArray; wanted a plain NumPy array"),
        (lambda x, W, b: "text", "without quotes"),
        (lambda x, W, b: (x @ W + b) * np.nan, "got nan"),
    ],
)
def test_other_ways_to_go_wrong(exercise, function, words):
    verdict = judge.judge(exercise, function)
    assert verdict.state == FAILED and words in verdict.text


def test_nearly_right_in_float32_says_so(exercise):
    verdict = judge.judge(exercise, lambda x, W, b: (x @ W + b).astype(np.float32))
    assert verdict.state == FAILED and "float32" in verdict.hint
    got, wanted = verdict.text.split("got ")[1].split(" (")[0].split(", wanted ")
    assert got != wanted
    assert "float32" not in judge.judge(exercise, lambda x, W, b: x @ W + 2 * b).hint


def test_a_list_where_an_array_is_wanted_is_refused_with_what_to_do(exercise):
    verdict = judge.judge(exercise, lambda x, W, b: (x @ W + b).tolist())
    assert verdict.state == FAILED and "is a list; wanted a NumPy array" in verdict.text


def test_what_a_tensor_is_told_to_do_makes_an_array(exercise):
    torch = pytest.importorskip("torch")

    def answered(kind):
        return lambda x, W, b: torch.tensor(x @ W + b, requires_grad=True).to(kind)

    for kind in (torch.float64, torch.bfloat16):
        text = judge.judge(exercise, answered(kind)).text
        how = text.split("wanted a NumPy array of shape ")[1].split(": ")[1].split(" makes one")[0]
        made = eval(f"value{how}", {"value": torch.ones(2, requires_grad=True).to(kind)})
        assert isinstance(made, np.ndarray)


def test_a_tuple_where_one_array_is_wanted(exercise):
    verdict = judge.judge(exercise, lambda x, W, b: (x @ W + b, (x, W)))
    assert verdict.state == FAILED and "is a tuple of 2 values; wanted one NumPy array" in verdict.text


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        (lambda n: 2 * n, True),
        (lambda n: np.int64(2 * n), True),
        (lambda n: 2.0 * n, False),
        (lambda n: str(2 * n), False),
    ],
)
def test_whole_numbers(monkeypatch, answer, passes):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    cases = lambda rng: {"n": int(rng.integers(1, 9))}  # noqa: E731
    double = registry.Exercise("double", "99", lambda n: 2 * n, ("m",), cases)
    verdict = judge.judge(double, answer)
    assert verdict.passed == passes
    assert passes or "wanted a" in verdict.text


@pytest.mark.parametrize("answer", ["tensor", "ragged", "huge", "complex", "object"])
def test_no_strange_answer_gets_a_traceback_of_ours(exercise, monkeypatch, answer):
    import torch

    monkeypatch.setattr(registry, "_REGISTRY", {})
    cases = lambda rng: {"x": rng.normal(size=3)}  # noqa: E731
    mean = registry.Exercise("mean", "99", lambda x: float(x.mean()), ("m",), cases)
    mean.misconception("sum", "You sum.")(lambda x: float(x.sum()))
    value = {
        "tensor": torch.ones(1, requires_grad=True).sum(),
        "ragged": [1.0, [2.0, 3.0]],
        "huge": 10**400,
        "complex": 1j,
        "object": object(),
    }[answer]
    assert judge.judge(mean, lambda x: value).state == FAILED
    assert judge.judge(exercise, lambda x, W, b: value).state == FAILED
    complex_answer = judge.judge(exercise, lambda x, W, b: x @ W + b + 0j)
    assert complex_answer.state == FAILED and "wanted numbers" in complex_answer.text


def test_two_arrays_stacked_unpack_like_two_arrays(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    pair = registry.Exercise(
        "pair", "99", lambda x: (x, x + 1), ("a", "b"), lambda rng: {"x": rng.normal(size=(3, 4))}
    )
    assert judge.judge(pair, lambda x: np.stack([x, x + 1])).passed
    assert not judge.judge(pair, lambda x: np.stack([x, x])).passed


def test_an_answer_above_the_stubs_last_line_is_noticed(exercise):
    def forgotten(x, W, b):
        raise NotImplementedError
        return x @ W + b

    verdict = judge.judge(exercise, forgotten)
    assert verdict.state == NOT_ATTEMPTED and "still stops it" in verdict.text


def test_code_above_the_stubs_raise_is_noticed_with_and_without_a_return(exercise):
    def no_return(x, W, b):
        y = x @ W + b   # noqa: F841
        raise NotImplementedError

    verdict = judge.judge(exercise, no_return)
    assert verdict.state == NOT_ATTEMPTED
    assert "still stops it" in verdict.text and "`return` line is missing, too" in verdict.text

    def given_numbers(x, W, b):
        """A stub may begin with numbers to change."""
        w_x, w_h = 1.0, 0.5   # noqa: F841
        raise NotImplementedError

    assert "Not attempted yet" in judge.judge(exercise, given_numbers).text


def test_entries_that_nobody_asked_for(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    made = registry.Exercise(
        "halves", "99", lambda g: {n: x / 2 for n, x in g.items()}, ("half",),
        lambda rng: {"g": {"W": rng.normal(size=3), "b": rng.normal(size=2)}},
    )  # fmt: skip
    assert judge.judge(made, lambda g: {n: 0.5 * x for n, x in g.items()}).passed
    more = judge.judge(made, lambda g: {n: x / 2 for n, x in g.items()} | {"c": g["b"]})
    assert more.state == FAILED and '`half["c"]` is one entry too many' in more.text
    assert "'W'" in more.text.replace('"', "'")


def test_a_value_instead_of_a_function(exercise):
    assert "wants the function itself" in judge.judge(exercise, 3.0).text


def test_the_stand_in_stays_grey_however_often_it_comes_back(exercise):
    stand_in = exercise.stand_in()
    assert judge.judge(exercise, stand_in).state == NOT_ATTEMPTED
    assert "not checked" in repr(box.Box(judge.judge(exercise, stand_in)))
    assert judge.judge(exercise, exercise.reference).state == NOT_ATTEMPTED
    np.testing.assert_array_equal(stand_in(np.eye(2), np.eye(2), np.ones(2)), np.eye(2) + 1)


def wrapped(function):
    @functools.wraps(function)
    def mine(*args, **kwargs):
        return function(*args, **kwargs)

    return mine


WRAPPERS = [lambda f: f, wrapped, functools.partial, lambda f: wrapped(functools.partial(wrapped(f)))]


@pytest.mark.parametrize("wrap", WRAPPERS, ids=["itself", "wraps", "partial", "all of it"])
def test_the_reference_handed_in_is_grey_also_a_quizs(exercise, wrap):
    quizzes = [registry.Quiz(name, "99", "b", {"a": "No.", "b": "Yes."}) for name in ("quiz", "other_quiz")]
    for each in [exercise, *quizzes]:
        for function in (each.reference, each.stand_in()):
            assert judge.judge(each, wrap(function)).state == NOT_ATTEMPTED, each.name
    assert judge.judge(quizzes[0], wrap(quizzes[1].reference)).state == NOT_ATTEMPTED
    assert quizzes[0].reference() == quizzes[0].stand_in()() == "b"
    assert judge.judge(quizzes[0], lambda: "b").passed


def test_wrapping_a_function_of_ones_own_is_no_stand_in(exercise):
    class Anything:
        def __getattr__(self, name):
            return None if name == "__unrolled_reference__" else self

    assert judge.judge(exercise, wrapped(lambda x, W, b: x @ W + b)).passed
    assert judge.judge(exercise, functools.lru_cache(lambda x, W, b: x @ W)).state == FAILED
    assert not exercise.is_stand_in(Anything())


def test_two_mistakes_at_once_name_the_first_quantity_by_its_misconception(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    two = registry.Exercise(
        "two", "99", lambda x: (x.sum(), x.mean()), ("total", "mean"), lambda rng: {"x": rng.normal(size=7)}
    )

    @two.misconception("absolute", "You added absolute values.")
    def absolute(x):
        return np.abs(x).sum(), x.mean()

    verdict = judge.judge(two, lambda x: (np.abs(x).sum(), 0.0))
    assert verdict.misconception == "absolute"
    assert judge.judge(two, lambda x: (x.sum(), 0.0)).misconception is None


def test_an_oracle_that_disagrees_is_heard(exercise):
    exercise.oracle("a broken oracle")(lambda x, W, b: x @ W - b)
    assert judge.judge(exercise, lambda x, W, b: x @ W + b).state == FAILED


def test_what_the_function_prints_is_shown_only_in_its_box(exercise, capsys):
    def chatty(x, W, b):
        print("shape", x.shape)
        return x @ W

    verdict = judge.judge(exercise, chatty)
    assert "shape" in repr(box.Box(verdict)) and capsys.readouterr().out == ""


def test_quiz(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    quiz = registry.Quiz("q", "99", "b", {"a": "No: because.", "b": "Yes: since.", "c": "No: neither."})
    assert judge.judge(quiz, lambda: None).state == NOT_ATTEMPTED
    assert judge.judge(quiz, lambda: " (B) ").state == PASSED
    assert "{'x': 1}" in judge.judge(quiz, lambda: {"x": 1}).text
    assert "within 0.2 seconds" in judge.judge(quiz, lambda: time.sleep(9), seconds=0.2).text
    wrong = judge.judge(quiz, lambda: "c")
    assert wrong.state == FAILED and "No: neither." in wrong.text
    assert "wanted one of" in judge.judge(quiz, lambda: "e").text
    assert "quotes" in judge.judge(quiz, lambda: b).hint  # noqa: F821

    def answered_above_the_stub():
        answer = "b"
        raise NotImplementedError
        return answer

    verdict = judge.judge(quiz, answered_above_the_stub)
    assert verdict.state == NOT_ATTEMPTED and "delete" in verdict.text

    def not_returned():
        answer = "b"   # noqa: F841

    verdict = judge.judge(quiz, not_returned)
    assert verdict.state == NOT_ATTEMPTED and "end the function with `return answer`" in verdict.text


def test_a_trial_shows_what_a_function_does_besides_returning(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})

    def add(total, x):
        total["sum"] += x
        return x

    def twice(function, total, x):
        total = dict(total)
        function(total, x)
        return function(total, x), total["sum"]

    made = registry.Exercise(
        "add", "99", add, ("x", "sum"),
        lambda rng: {"total": {"sum": float(rng.normal())}, "x": float(rng.normal())}, trial=twice,
    )  # fmt: skip
    made.oracle("by hand")(lambda total, x: (x, total["sum"] + 2 * x))

    @made.misconception("overwritten", "It is overwritten.")
    def overwritten(total, x):
        total["sum"] = x
        return x

    assert judge.judge(made, lambda total, x: add(total, x)).state == PASSED
    assert judge.judge(made, made.stand_in()).state == NOT_ATTEMPTED
    verdict = judge.judge(made, lambda total, x: overwritten(total, x))
    assert verdict.misconception == "overwritten" and "`sum` differs" in verdict.text
    assert "as in the stub" in judge.judge(made, lambda total: 1).text


def test_a_trial_may_complain_in_words(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})

    def only_lists(function, x):
        answer = function(x)
        if not isinstance(answer, list):
            raise compare.Complaint(f"It should be a list; it is a {type(answer).__name__}.")
        return sum(answer)

    made = registry.Exercise(
        "as_list", "99", lambda x: [x, x], ("total",), lambda rng: {"x": float(rng.normal())},
        trial=only_lists,
    )  # fmt: skip
    made.oracle("by hand")(lambda x: 2 * x)
    assert judge.judge(made, lambda x: [2 * x]).state == PASSED
    verdict = judge.judge(made, lambda x: (x, x))
    assert verdict.state == FAILED
    assert "It should be a list; it is a tuple." in verdict.text and "raised" not in verdict.text


@pytest.mark.parametrize(("answer", "passes"), [
    (lambda x: np.all(x > 0), True), (lambda x: np.array((x > 0).all()), True),
    (lambda x: 1 * (x > 0).all(), False), (lambda x: np.array([(x > 0).all()]), False),
])  # fmt: skip
def test_one_truth_also_as_an_array_of_no_axis(monkeypatch, answer, passes):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    cases = lambda rng, *, N=(2, 3): {"x": rng.normal(size=N)}  # noqa: E731
    made = registry.Exercise("all_above", "99", lambda x: bool((x > 0).all()), ("above",), cases)
    assert judge.judge(made, answer).passed == passes


def test_an_array_of_truths(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    made = registry.Exercise(
        "positive", "99", lambda x: x > 0, ("mask",), lambda rng: {"x": rng.normal(size=(2, 3))}
    )
    made.oracle("one by one")(lambda x: np.array([[value > 0 for value in row] for row in x]))
    assert judge.judge(made, lambda x: np.greater(x, 0)).state == PASSED
    assert "`mask` differs: got [[True" in judge.judge(made, lambda x: x < 0).text
    assert "has shape (3,); wanted (2, 3)" in judge.judge(made, lambda x: x[0] > 0).text


def test_an_exercise_without_sizes_extremes_or_examples_is_refused(monkeypatch):
    registry.get("rnn_step")
    monkeypatch.setattr(registry.get("rnn_step"), "extremes", [])
    with pytest.raises(ValueError, match="rnn_step: got an exercise without extreme, wanted it, or"):
        registry.get("sample_next")
    monkeypatch.setattr(registry._REGISTRY["rnn_step"], "skip", {"extreme": "for the test"})
    registry.get("sample_next")


def test_unknown_name_suggests_a_near_one():
    with pytest.raises(ValueError, match="such as rnn_step,"):
        registry.get("rnn_stepp")


def test_strict_mode_raises_and_plain_mode_does_not(exercise, monkeypatch):
    verdict = judge.judge(exercise, lambda x, W, b: x @ W)
    monkeypatch.setattr(strict, "STRICT", False)
    strict.enforce(verdict, print, print)
    monkeypatch.setattr(strict, "STRICT", True)
    with pytest.raises(strict.CheckFailed, match="The bias b is missing"):
        strict.enforce(verdict, print, print)
    strict.enforce(judge.judge(exercise, lambda x, W, b: x @ W + b), print, print)


def test_box_is_safe_html_and_carries_the_state(exercise):
    verdict = judge.judge(exercise, lambda x, W, b: "<script>")
    bundle = box.Box(verdict)._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert bundle[box.MIME]["state"] == FAILED


def test_fingerprint_ignores_layout_and_notices_change():
    first = sources.fingerprint("def f(x):\n    return x+1   # note\n", "f")
    assert first == sources.fingerprint("def f(x):\n\n    return (x + 1)\n", "f") != ""
    assert first != sources.fingerprint("def f(x):\n    return x + 2\n", "f")


@pytest.mark.parametrize(
    ("variables", "strict_mode"),
    [({}, False), ({"UNROLLED_STRICT": "1"}, True), ({"NBGRADER_EXECUTION": "autograde"}, True)],
)
def test_strict_mode_is_read_at_import_so_that_an_emptied_environment_leaves_it(variables, strict_mode):
    code = (
        "import os, helpers.checks; os.environ.clear(); "
        "from helpers.checks.strict import STRICT; print(STRICT)"
    )
    clean = {k: v for k, v in os.environ.items() if k not in ("UNROLLED_STRICT", "NBGRADER_EXECUTION")}
    result = subprocess.run(
        [sys.executable, "-c", code], env=clean | variables, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == str(strict_mode)


def test_a_numpy_value_is_told_as_the_learner_would_write_it():
    from helpers.checks.kinds import short

    assert (short(np.bool_(False)), short(np.float64(2.5)), short("b")) == ("False", "2.5", "'b'")
