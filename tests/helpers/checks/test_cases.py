"""The cases an answer is judged on, and what the judge makes of calling it again, of memory and gradients."""

import numpy as np
import pytest

from helpers.checks import cases, judge, registry
from helpers.checks.given import tensor
from helpers.checks.verdict import FAILED, PASSED


@pytest.fixture
def made(monkeypatch):
    """Makes an exercise that nobody else sees."""
    monkeypatch.setattr(registry, "_REGISTRY", {})

    def make(reference, draw, outputs=("y",), **more):
        return registry.Exercise("total", "99", reference, outputs, draw, **more)

    return make


def rows(rng, *, N=(2, 4), D=(5, 7)):
    return {"x": rng.normal(size=(N, D))}


def total(x):
    return x.sum(axis=1)


def test_sizes_are_drawn_within_their_bounds_and_each_is_tried_at_one(made):
    exercise = made(total, rows, rounds=30)
    found = cases.cases_of(exercise)
    drawn = [case.arguments["x"].shape for case in found if not case.tag]
    assert {n for n, _ in drawn} == {2, 3, 4} and {d for _, d in drawn} == {5, 6, 7}
    tagged = {case.tag: case for case in found if case.tag}
    assert list(tagged) == ["N = 1", "D = 1", cases.GAPS, cases.READ_ONLY]
    assert tagged["N = 1"].arguments["x"].shape[0] == 1 and tagged["N = 1"].sizes["N"] == 1
    assert not tagged[cases.GAPS].fresh()["x"].flags.c_contiguous
    assert not tagged[cases.READ_ONLY].fresh()["x"].flags.writeable


def test_cases_are_the_same_at_every_run_and_every_copy_is_fresh(made):
    exercise = made(total, rows)
    first, second = (cases.cases_of(exercise)[0] for _ in range(2))
    np.testing.assert_array_equal(first.arguments["x"], second.arguments["x"])
    first.fresh()["x"][:] = 0
    assert first.arguments["x"].all()


def test_an_example_that_draws_weights_has_the_same_at_every_run_and_leaves_torch_its_numbers(made):
    torch = pytest.importorskip("torch")
    exercise = made(lambda model: model.bias, lambda rng: {"model": None})
    exercise.landmark("total(torch.nn.Linear(2, 3))   # ≈ [0.1]")
    torch.manual_seed(7)
    (first,), (second,) = ([c for c in cases.cases_of(exercise) if c.tag == cases.EXAMPLE] for _ in range(2))
    numbers = torch.rand(3)
    assert torch.equal(*(each.arguments["model"].weight for each in (first, second)))
    torch.manual_seed(7)
    assert torch.equal(numbers, torch.rand(3))


def test_what_is_skipped_is_left_out_and_what_is_lacking_is_told(made):
    exercise = made(total, rows, skip={"N = 1": "nothing to sum over", cases.GAPS: "for the test"})
    assert {case.tag for case in cases.cases_of(exercise)} == {"", "D = 1", cases.READ_ONLY}
    assert exercise.lacks() == ["extreme", "example"]
    exercise.extreme("zeros")(lambda rng: {"x": np.zeros((2, 3))})
    exercise.landmark("""
        x = np.ones((2, 3))
        total(x)[0]   # 3.0
    """)
    assert exercise.lacks() == []
    bare = registry.Exercise("other", "99", total, ("y",), lambda rng: {})
    assert bare.lacks() == ["sizes", "extreme", "example"]


def test_the_example_of_the_statement_and_an_extreme_are_cases(made):
    exercise = made(total, rows)
    exercise.landmark("""
        x = np.arange(6.0).reshape(2, 3)
        total(x)[0]   # 3.0
        total(x + 1)[1]   # 15.0
    """)
    exercise.extreme("a thousand rows", "Right in small ones.")(lambda rng: {"x": np.ones((1000, 2))})
    by_tag = {}
    for case in cases.cases_of(exercise):
        by_tag.setdefault(case.tag, []).append(case.arguments["x"])
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(by_tag[cases.EXAMPLE], [x, x + 1])
    few = judge.judge(exercise, lambda x: x.sum(axis=1) if len(x) < 100 else np.zeros(len(x)))
    assert few.hint == "Right in small ones." and "(a thousand rows)" in few.text
    example = judge.judge(exercise, lambda x: x.sum(axis=1) + (x[0, 0] == 0))
    assert example.state == FAILED
    assert "(the statement's example)" in example.text and "x = [[0., 1., 2.]" in example.text


def test_squeeze_is_found_at_size_one(made):
    verdict = judge.judge(made(total, rows), lambda x: x.sum(axis=1).squeeze())
    assert verdict.state == FAILED and "(N = 1)" in verdict.text and "`squeeze`" in verdict.hint


def test_state_kept_between_calls_is_found(made):
    seen = []

    def keeps(x):
        seen.append(x)
        return total(x) + (len(seen) > 9)

    text = judge.judge(made(total, rows), keeps).text
    assert "Called a second time" in text
    rng = np.random.default_rng(0)
    noisy = judge.judge(made(total, rows), lambda x: total(x) + rng.normal())
    assert "random numbers of its own" in noisy.text
    assert judge.judge(made(total, rows, skip={"again": "for the test"}), lambda x: total(x)).passed


def test_one_buffer_for_all_results_is_found(made):
    room = {}

    def reuses(x):
        y = room.setdefault(len(x), np.empty(len(x)))
        y[:] = total(x)
        return y

    assert "hands out the same array" in judge.judge(made(total, rows), reuses).text


def test_what_writes_into_its_argument_is_found_even_when_it_writes_it_back(made):
    def back(x):
        x += 1
        y = x.sum(axis=1) - x.shape[1]
        x -= 1
        return y

    verdict = judge.judge(made(lambda x: x.sum(axis=1), rows, rtol=1e-6), back)
    assert verdict.state == FAILED


def test_a_view_with_gaps_is_found(made):
    def pointers(x):
        memory = x.tobytes() if x.flags.c_contiguous else x.base.tobytes()[: x.nbytes]
        return np.frombuffer(memory).reshape(x.shape).sum(axis=1)

    verdict = judge.judge(made(total, rows), pointers)
    assert verdict.state == FAILED and cases.GAPS in verdict.text and "reshape" in verdict.hint


def tensors(rng, *, N=(2, 4), D=(5, 7)):
    return {"x": tensor(rng.normal(size=(N, D)))}


def test_gradients_are_looked_at_where_tensors_go_in(made):
    exercise = made(lambda x: x.sigmoid() * 2, tensors)
    assert judge.judge(exercise, lambda x: 2 / (1 + (-x).exp())).state == PASSED
    verdict = judge.judge(exercise, lambda x: (x.sigmoid() * 2).detach())
    assert verdict.state == FAILED and "gradients that come back" in verdict.text
    half = judge.judge(exercise, lambda x: x.sigmoid() + x.sigmoid().detach())
    assert half.state == FAILED and "gradients" in half.text


def test_gradients_are_looked_at_below_a_trial_too_and_numbers_need_none(made):
    exercise = made(lambda x: x * 2, tensors, trial=lambda function, x: function(x).numpy())
    assert judge.judge(exercise, lambda x: x + x).passed
    assert "gradients" in judge.judge(exercise, lambda x: (x + x).detach()).text
    counting = made(lambda x: int((x > 0).sum()), tensors)
    assert judge.judge(counting, lambda x: int((x.detach().numpy() > 0).sum())).passed


def test_a_tensor_changed_in_place_and_one_with_gaps(made):
    def writes(x):
        y = x * 2
        x.mul_(2)
        return y

    exercise = made(lambda x: x * 2, tensors)
    written = judge.judge(exercise, writes)
    assert "changed its argument `x` in place" in written.text and "`x = x.clone()`" in written.hint
    view = judge.judge(exercise, lambda x: x.view(-1).view(*x.shape) * 2)
    assert view.state == FAILED and cases.GAPS in view.text and "reshape" in view.text + view.hint


def test_a_list_changed_in_place_is_no_array(made):
    def writes(words):
        words.append("<eos>")
        return len(words) - 1

    exercise = made(len, lambda rng: {"words": ["a", "b"] * int(rng.integers(1, 4))})
    hint = judge.judge(exercise, writes).hint
    assert "`append`" in hint and "array" not in hint and "copy.deepcopy(words)" in hint


def test_one_value_where_two_are_wanted(made):
    def pair(x):
        return x.sum(axis=1), x.mean(axis=1)

    exercise = made(pair, rows, ("y", "z"))
    assert "It returned one value (ndarray of shape" in judge.judge(exercise, lambda x: (x.sum(axis=1),)).text


def test_no_two_axes_of_a_tensor_with_gaps_can_be_joined_by_a_view(made):
    def steps(rng, *, N=(2, 4), T=(5, 7), H=(8, 9)):
        return {"x": tensor(rng.normal(size=(N, T, H)))}

    exercise = made(lambda x: x.flatten(0, 1), steps)
    assert judge.judge(exercise, lambda x: x.reshape(-1, x.shape[2])).passed
    view = judge.judge(exercise, lambda x: x.view(-1, x.shape[2]))
    assert view.state == FAILED and cases.GAPS in view.text


def test_short_arguments_are_told_whole():
    told = cases.describe(
        {"ids": [1, 2, 3], "x": np.array([0.5, 2.0]), "W": np.ones((9, 9)), "u": 0.9999999999}
    )
    assert told == "ids = [1, 2, 3], x = [0.5, 2. ], W (9, 9), u = 0.9999999999"
    assert cases.describe({"words": ["a"] * 400}) == "words (list of 400)"
    grads = {"W": np.ones((2, 3)), "b": np.ones(2)}
    assert cases.describe({"grads": grads}) == "grads = {'W' (2, 3), 'b': [1., 1.]}"


def test_a_number_that_is_nan_twice_has_not_changed(made):
    verdict = judge.judge(made(lambda x: float(x.sum()), rows), lambda x: float("nan"))
    assert verdict.state == FAILED and "earlier call" not in verdict.text and "got nan" in verdict.text
