"""Names need evidence: one mistake, two at once, a slip, a relation, a part; nothing when it could be
chance."""

import importlib
import sys

import numpy as np
import pytest

from helpers.checks import judge, recognise, registry
from helpers.checks.failing import failing_case, remember
from helpers.checks.relations import relation


def step(x, W, b):
    hidden = np.tanh(x @ W)
    return hidden + b


def squares(x):
    total = (x * x).sum()
    largest = x.max()
    return float(total), float(largest), bool(total > largest)


def drawn(rng, *, N=(2, 4), D=(5, 7), H=(8, 9)):
    return {"x": rng.normal(size=(N, D)), "W": rng.normal(size=(D, H)), "b": rng.normal(size=H)}


@pytest.fixture
def exercise(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    made = registry.Exercise("step", "99", step, ("y",), drawn)
    made.mistake("no-tanh", "tanh is missing.", ("np.tanh(x @ W)", "x @ W"))
    made.mistake("no-bias", "b is missing.", (" + b", ""))
    return made


@pytest.fixture
def three(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    cases = lambda rng, *, N=(3, 6): {"x": rng.normal(size=N)}  # noqa: E731
    made = registry.Exercise("squares", "99", squares, ("total", "largest", "more"), cases)
    made.mistake("no-squares", "The squares are missing.", ("x * x", "x"))
    made.mistake("least", "The least for the largest.", ("x.max()", "x.min()"))
    made.mistake("less", "less for more", ("total > largest", "total < largest"))
    return made


def named(exercise, answer):
    verdict = judge.judge(exercise, answer)
    assert verdict.state == judge.FAILED
    return verdict.misconception, verdict.hint


def test_one_mistake_and_two_at_once(exercise):
    assert named(exercise, lambda x, W, b: x @ W + b) == ("no-tanh", "tanh is missing.")
    name, hint = named(exercise, lambda x, W, b: x @ W)
    assert name == "no-tanh + no-bias" and "First: tanh is missing. Second: b is missing." in hint


def test_nan_in_a_special_case_alone_is_no_second_mistake(exercise):
    exercise.mistake("divided", "Divided by its sum.", (" + b", " + b * x.sum() / x.sum()"))

    @exercise.extreme("zeros", "x may be 0.")
    def _(rng):
        return {**drawn(rng, N=3, D=5, H=8), "x": np.zeros((3, 5))}

    assert named(exercise, lambda x, W, b: x @ W + b * x.sum() / x.sum())[0] == "no-tanh"
    name, hint = named(exercise, lambda x, W, b: x @ W + b + 0 * x[0, 0] / np.abs(x).max())
    assert name == "no-tanh" and hint == "This at least: tanh is missing."


def test_no_slips_and_no_pairs_where_they_would_agree_by_chance(exercise):
    exercise.skip = {"slips": "for the test, which wants neither"}
    assert named(exercise, lambda x, W, b: x @ W + b) == ("no-tanh", "tanh is missing.")
    for answer in (lambda x, W, b: x @ W, lambda x, W, b: np.tanh(x @ W) - b):
        assert named(exercise, answer)[0] is None


def test_a_slip_nobody_wrote_down(exercise):
    name, hint = named(exercise, lambda x, W, b: np.tanh(x @ W) - b)
    assert name.startswith("slip") and "`np.tanh(x @ W)" not in name and "-" in hint
    name, hint = named(exercise, lambda x, W, b: x @ W - b)
    assert name.startswith("no-tanh + slip") and "tanh is missing." in hint


def test_a_mistake_whose_text_is_not_there_is_refused():
    with pytest.raises(ValueError, match="stands 0 times"):
        registry.Patched(step, [("sinh", "cosh")])(1, 2, 3)
    with pytest.raises(ValueError, match="stands 2 times"):
        registry.Patched(step, [("hidden", "h")])(1, 2, 3)


def test_two_mistakes_that_loop_for_ever_together_do_not_hang_the_check(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    monkeypatch.setattr(recognise, "AT_MOST", 0.2)

    def halvings(n):
        steps = 0
        while n > 1:
            n = n // 2
            steps = steps + 1
        return steps

    drawn = lambda rng, *, N=(40, 90): {"n": N}  # noqa: E731
    made = registry.Exercise("halvings", "99", halvings, ("steps",), drawn)
    made.mistake("two-steps", "two", ("steps + 1", "steps + 2"))
    made.mistake("down-to-0", "0", ("n > 1", "n > 0"))
    made.mistake("rounded-up", "up", ("n // 2", "-(-n // 2)"))   # with the one above: for ever
    assert named(made, lambda n: 3 * n * n + 1)[0] is None


def test_changes_in_each_others_way_do_not_go_together():
    one = registry.Patched(step, [("x @ W", "x")])
    other = registry.Patched(step, [("np.tanh(x @ W)", "x @ W")])
    assert one.together(other) is None
    one, other = registry.Patched(step, [("W)", "(W + W))")]), registry.Patched(step, [("W)", "W) + 1")])
    assert one.together(other) is None   # one works in what the other has written


def test_a_slip_in_what_a_mistake_has_written_is_no_second_mistake(exercise):
    exercise.mistake("tripled", "b is tripled.", ("+ b", "+ 3 * b"))
    assert named(exercise, lambda x, W, b: np.tanh(x @ W) + 3 * b)[0] == "tripled"
    assert named(exercise, lambda x, W, b: np.tanh(x @ W) + 3 / b)[0] is None


def test_a_mistake_that_another_one_puts_right_again_is_none(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})

    def scaled(x):
        factor = 2 * x.sum()
        return float(factor), bool(factor < 1)

    cases = lambda rng, *, N=(3, 6): {"x": rng.normal(size=N)}  # noqa: E731
    made = registry.Exercise("scaled", "99", scaled, ("factor", "below"), cases, rounds=12)
    made.mistake("not-doubled", "The 2 is missing.", ("2 * ", ""))
    made.mistake("half", "The border is 1.", ("factor < 1", "factor < 0.5"))
    name, hint = named(made, lambda x: (float(x.sum()), bool(x.sum() < 0.5)))   # only the factor is wrong
    assert name is None and hint == "`factor` is a half times what is wanted, in every case that is wrong."


def test_nothing_but_zeros_is_no_slip(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})

    def summed(x):
        total = 0.0
        for each in x:
            total = total + each * each
        return total

    cases = lambda rng, *, N=(3, 6): {"x": rng.normal(size=N)}  # noqa: E731
    made = registry.Exercise("summed", "99", summed, ("total",), cases)
    assert named(made, lambda x: 0.0)[0] is None
    assert named(made, lambda x: sum(x[1:] ** 2))[0].startswith("slip")


def test_one_equal_truth_is_no_evidence_and_equal_fractions_are(three):
    assert named(three, lambda x: (1.5, 2.5, bool((x * x).sum() < x.max())))[0] is None
    name, hint = named(three, lambda x: (float(x.sum()), 0.0, True))
    assert name == "no-squares" and hint.startswith("This at least")


def test_right_numbers_of_another_kind_are_no_slip_that_changes_nothing(monkeypatch):
    def counted(x):
        counts = np.zeros(len(x), dtype=int)
        counts += (x > 0).sum(axis=1)
        return counts

    monkeypatch.setattr(registry, "_REGISTRY", {})
    made = registry.Exercise(
        "counted", "99", counted, ("counts",), lambda rng, *, N=(3, 6): {"x": rng.normal(size=(N, 7))}
    )
    name, hint = named(made, lambda x: (x > 0).sum(axis=1).astype(float))
    assert name == "slip: argument" and "`dtype=int` were left out" in hint
    assert named(made, lambda x: (x > 0).sum(axis=1).tolist()) == (None, "")   # x >= 0 would give the same


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, W, b: step(x, W, b**3), "does not know"),
        (lambda x, W, b: step(x, W, b * 0 + b.sum()), "`b` were its sum throughout, along axis 0"),
        (lambda x, W, b: step(x * 0 + x[:1], W, b), "right in the first entry along axis 0"),
        (lambda x, W, b: step(x * 0 + x[:, -1:], W, b), "`x` were its last entry throughout, along axis 1"),
        (lambda x, W, b: step(x[:, ::-1], W, b), "`x` ran backwards along axis 1"),
        (lambda x, W, b: step(np.tanh(x), W, b), "`x` went through tanh once more"),
        (lambda x, W, b: step(x, W / 2, b), "` went in by half"),   # x or W: there is no telling
        (lambda x, W, b: np.cos(x @ W), "does not depend on `b`"),
        (lambda x, W, b: np.cos(np.ones((len(x), W.shape[1])) + b), "does not depend on `x`"),
    ],
)
def test_as_if_an_argument_were_another_and_arguments_ignored(exercise, answer, words):
    exercise.misconceptions.clear()
    _, hint = named(exercise, answer)
    assert words in hint or (words == "does not know" and hint == "")


def test_arguments_of_other_kinds(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})

    def counted(text, n, upper):
        return len(set(text)) * n + 1000 * upper + sum(map(ord, text)) / n

    def drawn(rng, *, N=(3, 9)):
        return {"text": "".join(rng.choice(list("abcDE"), 20)), "n": N, "upper": bool(rng.random() < 0.5)}

    made = registry.Exercise("counted", "99", counted, ("score",), drawn, rounds=12)
    for answer, words in (
        (lambda text, n, upper: counted(text[:-1], n, upper), "`text` lacked its last entry"),
        (lambda text, n, upper: counted(text.lower(), n, upper), "`text` were in small letters"),
        (lambda text, n, upper: counted(text, n, not upper), "`upper` were not what it is"),
    ):
        assert words in named(made, answer)[1]


def test_a_size_is_only_named_where_no_case_of_ordinary_size_is_wrong(exercise):
    @exercise.extreme("zeros", "x may be 0.")
    def _(rng):
        return {**drawn(rng, N=3, D=5, H=8), "x": np.zeros((3, 5))}

    def wrong_where(special):
        return lambda x, W, b: step(x, W, b) + np.sin(7 * b) * special(x)

    def hint_of(special):
        return named(exercise, wrong_where(special))[1]

    assert hint_of(lambda x: not x.any()) == "x may be 0."
    assert named(exercise, lambda x, W, b: step(x, W, b) if x.any() else None)[1] == ""   # returned nothing
    assert hint_of(lambda x: len(x) == 1) == (
        "Right in the ordinary sizes, wrong with N = 1: what is different there?"
    )
    assert hint_of(lambda x: len(x) == 1 or not x.any()) == "x may be 0."


def test_nearly_right_in_a_special_case(exercise):
    @exercise.extreme("large", "Nothing bounds b.")
    def _(rng):
        return {**drawn(rng, N=3, D=5, H=8), "b": np.full(8, 1e4)}

    hint = named(exercise, lambda x, W, b: step(x, W, b) * (1 + 1e-7 * (b.max() > 99)))[1]
    assert hint.startswith("`y` is nearly right")


def test_right_but_for_special_cases_names_what_is_special(exercise):
    name, hint = named(exercise, lambda x, W, b: step(x, W, b) if len(x) > 1 else step(x, W, b) + x.sum())
    assert name is None and "wrong with N = 1" in hint


RELATIONS = [
    (lambda y, N: -y, "opposite sign"),
    (lambda y, N: y / N, "is 1/N times"),
    (lambda y, N: y * N**0.5, "is √N times what is wanted: is a root forgotten"),
    (lambda y, N: y * N, "is N times what is wanted: a sum in place of a mean"),
    (lambda y, N: y / np.log(2), "bits for nats"),
    (lambda y, N: 1.01 * y, "is 1.01 times"),
    (lambda y, N: y + 1, "off by +1"),
    (lambda y, N: y.T, "transpose"),
    (lambda y, N: y[:, ::-1], "reverse order along axis 1"),
    (lambda y, N: np.roll(y, 1, 1), "one place later"),
    (lambda y, N: y[:, :-1], "lacks the last entry along axis 1"),
    (lambda y, N: y[1:], "lacks the first entry along axis 0"),
    (lambda y, N: np.concatenate([y, y[:1]]), "one entry too many along axis 0, the last"),
    (lambda y, N: y[:1], "only the first entry along axis 0: does `return` stand inside"),
    (lambda y, N: y[:, :3], "holds only the first 3 entries along axis 1"),
    (lambda y, N: y[:, 2:], "holds only the last entries along axis 1"),
    (lambda y, N: y[:, -1:], "only the last entry along axis 1: does something begin anew in every round"),
    (lambda y, N: y[:, -1], "only the last entry along axis 1, without that axis"),
    (lambda y, N: np.trunc(y), "cut to whole numbers"),
    (lambda y, N: y[None], "an axis too many"),
    (lambda y, N: y.sum(axis=0), "summed over axis 0"),
    (lambda y, N: y.mean(axis=1), "averaged over axis 1"),
    (lambda y, N: np.exp(y), "is exp of"),
    (lambda y, N: y.round(3), "rounded to 3 decimals."),
    (lambda y, N: y.round(1), "rounded to 1 decimal."),
    (lambda y, N: y.round(), "rounded to whole numbers."),
    (lambda y, N: y.astype(np.float32), "float32"),
    (lambda y, N: y + 1e-3 * np.abs(y) ** 0.5, "nearly right"),
    (lambda y, N: np.sort(y.ravel()).reshape(y.shape), "right values in the wrong places"),
    (lambda y, N: y * (np.arange(y.shape[1]) < y.shape[1] - 1), "but for the last entry along axis 1"),
    (lambda y, N: y * (np.arange(y.shape[1]) == 0), "right in the first entry along axis 1, and wrong"),
    (lambda y, N: np.ones((N, N)), "axis 1 as long as N; wanted H"),
]


@pytest.mark.parametrize(("wrong", "words"), RELATIONS)
def test_relations(wrong, words):
    rng = np.random.default_rng(3)
    sizes = [{"N": 3, "H": 6}, {"N": 4, "H": 5}, {"N": 4, "H": 7}]
    right = [{"y": rng.normal(size=(each["N"], each["H"]))} for each in sizes]
    mine = [{"y": wrong(each["y"], size["N"])} for each, size in zip(right, sizes, strict=True)]
    assert words in relation(mine, right, sizes)
    assert relation(right, right, sizes) == ""
    random = [{"y": rng.normal(size=each["y"].shape)} for each in right]
    assert relation(random, right, sizes) == ""


def test_counts_are_not_nearly_right_and_two_values_are_no_axis():
    counts = [{"y": each} for each in (38420, 25536, 4617, 12204, 50516, 9520, 68340, 19210, 5050)]
    assert relation([{"y": each["y"] + 7 * n} for n, each in enumerate(counts, 1)], counts, [{}] * 9) == ""
    right = [{"y": np.random.default_rng(n).normal(size=(3, 4))} for n in range(3)]
    assert relation([{"y": (each["y"], each["y"])} for each in right], right, [{}] * 3) == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [(lambda y: y / len(y), "is 1/N times"), (lambda y: np.ones((len(y), len(y))), "as long as N")],
)
def test_cases_without_sizes_do_not_silence_what_the_sizes_tell(wrong, words):
    rng = np.random.default_rng(3)
    right = [{"y": rng.normal(size=shape)} for shape in ((3, 6), (4, 5), (2, 7))]
    mine, sizes = [{"y": wrong(each["y"])} for each in right], [{"N": 3, "H": 6}, {"N": 4, "H": 5}, {}]
    assert words in relation(mine, right, sizes)


def test_exchanged_results_are_a_relation_and_few_numbers_are_none():
    right = [{"a": 0.5, "b": 1.25}, {"a": 2.5, "b": 3.75}]
    other_way_round = [{"a": each["b"], "b": each["a"]} for each in right]
    assert "`a` and `b` are exchanged" in relation(other_way_round, right, [{}, {}])
    few = [{"n": 1}, {"n": 2}]
    assert relation([{"n": 2}, {"n": 3}], few, [{}, {}]) == ""   # could be anything


def test_the_failing_case_can_be_fetched_and_run_again(exercise):
    answer = lambda x, W, b: x @ W + b  # noqa: E731
    verdict = judge.judge(exercise, answer)
    remember("step", verdict.case)
    case = failing_case("step")
    assert case.arguments.keys() == {"x", "W", "b"} and "x (" in repr(case)
    np.testing.assert_array_equal(case.rerun(), case.got["y"])
    np.testing.assert_allclose(case.wanted["y"], step(**case.arguments))
    case.arguments["x"][:] = 0
    assert case.arguments["x"].any()
    remember("step", judge.judge(exercise, lambda x, W, b: step(x, W, b)).case)
    with pytest.raises(ValueError, match="'step'"):
        failing_case("step")


def test_an_endless_loop_gets_a_box_that_says_where(exercise, monkeypatch):
    monkeypatch.setattr(judge, "SECONDS", 0.3)

    def endless(x, W, b):
        while len(x):
            b = b + 1
        return b

    text = judge.judge(exercise, endless).text
    assert "did not come back within 0.3 seconds" in text and ("while len(x)" in text or "b = b + 1" in text)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x.sum", "The line `x.sum` does nothing: a function is called with brackets, `x.sum()`."),
        ("b == 0", "The line `b == 0` compares, and drops the result"),
        ("x - b.sum()", "The line `x - b.sum()` has a value, and drops it: is there a `=`"),
        ("x.T", "The line `x.T` has a value, and drops it"),
        ("b", "The line `b` has a value, and drops it"),
    ],
)
def test_a_line_without_effect_is_told(exercise, tmp_path, monkeypatch, line, words):
    (tmp_path / "answers.py").write_text(
        "def idle(x, W, b):\n    'What it does.'\n"
        f"    {line}\n    return x @ W\n\n\ndef busy(x, W, b):\n    x.sum()\n    return x @ W\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "answers", raising=False)
    answers = importlib.import_module("answers")
    name, hint = named(exercise, answers.idle)
    assert name == "no-tanh + no-bias" and hint.startswith(words)
    assert "The line" not in named(exercise, answers.busy)[1]


def test_an_output_that_is_always_the_same_is_told_where_all_else_is_right(three):
    hint = named(three, lambda x: (float((x * x).sum()), 0.0, bool((x * x).sum() > x.max())))[1]
    assert hint == "`largest` is 0.0 in every case, whatever goes in."
    assert "every case" not in named(three, lambda x: (float(x.sum()), 0.0, True))[1]


def test_an_argument_is_ignored_only_where_its_order_does_not_count_either(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    cases = lambda rng, *, N=(5, 6): {"x": rng.normal(size=N), "u": float(rng.uniform(0.1, 0.9))}  # noqa: E731
    right = lambda x, u: int((np.cumsum(np.exp(x)) <= u).sum())  # noqa: E731
    place = registry.Exercise("place", "99", right, ("id",), cases)
    hint = named(place, lambda x, u: int(np.argmax(x)))[1]
    assert "does not depend on `u`" in hint and "`x`" not in hint


def test_two_mistakes_that_are_wrong_in_ordinary_cases_are_none_where_these_are_right(exercise):
    exercise.mistake("more", "One more.", ("hidden + b", "hidden + b + 1"))
    exercise.mistake("less", "One less.", ("np.tanh(x @ W)", "np.tanh(x @ W) - (b[0] < 40)"))

    @exercise.extreme("a large bias", "b may be large.")
    def large(rng):
        return {**drawn(rng, N=2, D=3, H=2), "b": np.full(2, 50.0)}

    name, hint = named(exercise, lambda x, W, b: step(x, W, b) + (b[0] >= 40))
    assert name is None and "Two things" not in hint


def test_a_special_case_says_nothing_where_an_argument_was_changed_and_no_more(exercise):
    @exercise.extreme("ones", "With ones it is another matter.")
    def ones(rng):
        return {**drawn(rng, N=2, D=3, H=2), "b": np.ones(2)}

    def answer(x, W, b):
        y = np.tanh(x @ W) + b
        if (b == 1).all():
            b[:] = 0
        return y

    hint = named(exercise, answer)[1]
    assert "b = b.copy()" in hint and "another matter" not in hint


def test_code_of_the_course_that_the_answer_does_not_have_is_said_to_be_the_courses(exercise):
    assert "The code quoted" in named(exercise, lambda x, W, b: np.tanh(x.dot(W)) - b)[1]


def test_gradients_that_stay_off_are_told_and_switched_on_again(exercise):
    torch = pytest.importorskip("torch")

    def answer(x, W, b):
        torch.set_grad_enabled(False)
        return step(x, W, b)

    verdict = judge.judge(exercise, answer)
    assert verdict.state == judge.FAILED and "It switches torch's gradients off" in verdict.text
    assert torch.is_grad_enabled()
