"""In another language nothing that a box shows is left in English, and all of it is in the catalogue."""

import functools
import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from helpers import languages
from helpers.checks import as_if, box, exercises, failing_case, get, judge, missing, registry, verdict
from helpers.checks.cases import Case
from helpers.checks.compare import Complaint, Outcome, call, difference, name_outputs
from helpers.checks.errors import describe_error
from helpers.checks.failing import remember
from helpers.checks.given import Given
from helpers.checks.judged import same
from helpers.checks.kinds import too_many, wrong_kind
from helpers.checks.limits import MemoryLimitExceeded, Place, TimeLimitExceeded
from helpers.checks.relations import relation
from helpers.checks.slips import slips
from helpers.checks.texts import texts_of
from helpers.checks.words import Message, told
from tests.helpers.checks.test_errors import CASES, failing
from tests.helpers.checks.test_recognise import RELATIONS
from tests.helpers.checks.test_slips import BACKWARD, WALK
from tests.pseudo import Pseudo, left_in_english
from tools.editions.collect import calls

ROOT = Path(__file__).resolve().parents[3]
PYTHONS = {
    "ndarray", "list", "tuple", "dict", "str", "int", "float", "matrix", "Tensor", "module", "MaskedArray",
    "complex", "Odd", "string", "True", "False", "None", "array", "nan", "np", "asarray", "filled", "item",
    "detach", "numpy", "tolist",
}  # fmt: skip
"""Types, values and calls that stand in sentences as they are."""


@functools.cache
def in_the_source():
    return {text for said in calls(ROOT) for text in (said.message, said.plural) if text}


class Catalogue(Pseudo):
    """Only what the collector finds is translated."""

    def __init__(self, more=()):
        super().__init__()
        self.known = in_the_source() | set(more)

    def gettext(self, message):
        return super().gettext(message) if message in self.known else message

    def ngettext(self, one, many, count):
        return super().ngettext(one, many, count) if {one, many} <= self.known else one


@pytest.fixture(autouse=True)
def korean(monkeypatch):
    speak(monkeypatch)


def speak(monkeypatch, exercise=None):
    """The language in use is one whose catalogue has what the source says, and the texts of `exercise`."""
    catalogue = Catalogue(texts_of(exercise) if exercise else ())
    monkeypatch.setattr(languages, "_chosen", ["ko"])
    monkeypatch.setattr(languages, "_translations", lambda _: catalogue)


def words(text):
    """Text without code and HTML's tags."""
    text = re.sub(r"<code>.*?</code>|<pre.*?</pre>", " ", text)
    text = re.sub(r"<[a-z/][^>]*>|&\w+;", " ", text)
    return re.sub(r"`[^`]*`|\b\w+_\w+\b", " ", text)


def assert_translated(*texts, own=()):
    for text in texts:
        assert "가" in text and not left_in_english(words(text), PYTHONS.union(own)), text


def step(x, W, b):
    hidden = np.tanh(x @ W)
    return hidden + b, hidden


def drawn(rng, *, N=(2, 4), D=(5, 7), H=(8, 9)):
    return {"x": rng.normal(size=(N, D)), "W": rng.normal(size=(D, H)), "b": rng.normal(size=H)}


@pytest.fixture
def exercise(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    made = registry.Exercise("cell", "99", step, ("y", "hidden layer"), drawn)
    made.mistake("no-tanh", "The tanh is missing.", ("np.tanh(x @ W)", "x @ W"))
    made.mistake("no-bias", "The bias is missing.", (" + b", ""))
    made.oracle("a loop over entries")(lambda x, W, b: (np.tanh(x @ W) + b, np.tanh(x @ W)))
    made.oracle("a second way")(lambda x, W, b: (b + np.tanh(x @ W), np.tanh(x @ W)))
    zeros = {"x": np.zeros((2, 3)), "W": np.zeros((3, 4)), "b": np.zeros(4)}
    made.extreme("all zeros", "With zeros it is zero.")(lambda rng: zeros)
    made.landmark("cell(np.ones((1, 2)), np.ones((2, 2)), np.ones(2))")
    speak(monkeypatch, made)
    return made


def unfinished(x, W, b):
    b = x @ W   # noqa: F841
    raise NotImplementedError


def counted(function, calls=[]):   # noqa: B006
    """`function`, whose results depend on how often it was called."""
    return lambda *given: (calls.append(1), tuple(len(calls) * each for each in function(*given)))[1]


def handing_out(x, W, b, kept={}):   # noqa: B006
    y, h = step(x, W, b)
    for name, value in (("y", y), ("h", h)):
        if kept.get(name, value).shape != value.shape or name not in kept:
            kept[name] = value
        kept[name][...] = value
    return kept["y"], kept["h"]


def printing(x, W, b):
    print("12")
    return 1


def writing(x, W, b):
    y = step(x, W, b)
    x *= 2
    return y


async def waits(x, W, b):
    return step(x, W, b)


def other(**changed):
    """The right answer but for what `changed` makes of an output."""

    def answer(x, W, b):
        y, h = step(x, W, b)
        return changed.get("y", lambda v: v)(y), changed.get("h", lambda v: v)(h)

    return answer


ANSWERS = {
    "right": lambda x, W, b: step(x, W, b),
    "the course's": step,
    "a mistake": lambda x, W, b: (x @ W + b, x @ W),
    "two mistakes": lambda x, W, b: (x @ W, x @ W),
    "a slip": lambda x, W, b: (np.tanh(x @ W) - b, np.tanh(x @ W)),
    "a mistake and a slip": lambda x, W, b: (x @ W - b, x @ W),
    "in part": lambda x, W, b: (x @ W + b, np.tanh(x @ W) ** 5),
    "as if": lambda x, W, b: step(np.flip(x, 0), W, b),
    "an argument ignored": lambda x, W, b: (np.ones((len(x), len(b))), np.ones((len(x), len(b)))),
    "exchanged": lambda x, W, b: step(x, W, b)[::-1],
    "unknown": other(y=lambda y: np.sin(7 * y), h=lambda h: np.cos(3 * h)),
    "only with zeros": lambda x, W, b: step(x, W, b) if x.any() else step(x + 1, W + 1, b),
    "only with N = 1": lambda x, W, b: step(x, W, b) if len(x) > 1 else step(x + 1, W, b),
    "no view": lambda x, W, b: step(x, W, b) if x.flags.c_contiguous else step(x + 1, W, b),
    "nothing": lambda x, W, b: None,
    "one value": lambda x, W, b: x @ W,
    "three values": lambda x, W, b: (1, 2, x),
    "a dict": lambda x, W, b: {"y": 1},
    "a list": lambda x, W, b: tuple(each.tolist() for each in step(x, W, b)),
    "text": lambda x, W, b: ("1", "2"),
    "another shape": other(y=lambda y: y[:, :1]),
    "small": other(y=lambda y: y[:1, :1]),
    "an error": lambda x, W, b: step(x, W.T, b),
    "an error of its own": lambda x, W, b: {}["키"],
    "in place": writing,
    "printed": printing,
    "unfinished": unfinished,
    "not the same again": counted(step),
    "handed out again": handing_out,
    "two arguments": lambda x, W: step(x, W, 0),
    "named arguments": lambda x, W, *, b: step(x, W, b),
    "a generator": lambda x, W, b: (yield 1),
    "a coroutine": waits,
    "no function": 3,
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_box(exercise, kind):
    found = judge.judge(exercise, ANSWERS[kind], seconds=60)
    shown = box.Box(found)
    own = {"cell", "KeyError", "ValueError"} if "error" in kind else {"cell"}
    assert_translated(repr(shown), shown._repr_html_(), own=own)
    if found.case:
        remember("cell", found.case)
        assert_translated(repr(failing_case("cell")), own=own)


def test_the_box_of_an_answer_that_does_not_come_back(exercise):
    def endless(x, W, b):
        while True:
            pass

    assert_translated(repr(box.Box(judge.judge(exercise, endless, seconds=0.2))), own={"cell"})
    function = SimpleNamespace(__code__=SimpleNamespace(co_filename="f"))
    for places in ((Place("f", 2, "step", "h = h"),), ()):
        for stopped in (TimeLimitExceeded(3, places), MemoryLimitExceeded(2**30, 2**20, places)):
            assert_translated(verdict.stopped_text(stopped, 3, function), own={"MiB"})


def test_gradients_and_what_a_trial_finds(monkeypatch, exercise):
    torch = pytest.importorskip("torch")
    from helpers.checks.given import tensor

    def cases(rng):
        return {"x": tensor(rng.normal(size=(2, 3)))}

    made = registry.Exercise("total", "99", lambda x: 2 * x, ("y",), cases)
    for answer in (lambda x: 2 * x.detach(), lambda x: x.tolist(), lambda x: (2 * x).to(torch.float32)):
        assert_translated(repr(box.Box(judge.judge(made, answer))), own={"total", "torch"})

    def trial(function, x):
        if (y := function(x)) != x:
            raise Complaint("`{name}` is missing; you returned {names}.", name=y, names="`z`")
        return y

    made = registry.Exercise("tried", "99", lambda x: x, ("y",), lambda rng: {"x": 1.5}, trial=trial)
    assert_translated(judge.judge(made, lambda x: 2).text)
    found = call(lambda x: 2, trial, Case({"x": 1}), ("y",))
    assert same(found, Outcome(complaint="`2` is missing; you returned `z`."), 0)   # as it is recorded


def test_a_quiz(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {})
    quiz = registry.Quiz("asked", "99", "b", {"a": "No: it is not so.", "b": "Yes: so it is."})
    speak(monkeypatch, quiz)

    def unreturned():
        answer = "b"   # noqa: F841

    def unanswered():
        answer = None
        return answer

    for answer in (lambda: "a", lambda: "b", lambda: "z", unquoted, unreturned, unanswered):
        assert_translated(repr(box.Box(judge.judge(quiz, answer))), own={"asked", "NameError"})


def unquoted():
    return b_   # noqa: F821


@pytest.mark.parametrize(("code", "arguments", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_errors(code, arguments, wanted):
    function, error = failing(code, arguments)
    own = {type(error).__name__, "Wx", "Wh", "hs", "dtype", "wx"}
    assert_translated(describe_error(error, function), own=own)


def test_errors_that_no_rule_knows():
    function, error = failing("raise ValueError('1')", {})
    assert_translated(describe_error(error, function), own={"ValueError"})
    assert_translated(describe_error(error, None), describe_error(ValueError(1), None), own={"ValueError"})


@pytest.mark.parametrize("code", ["g(1, 2)", "g(1)", "two(1)", "g(1, y=2)", "a, b = (1,)", "a, *b, c = [1]"])
def test_errors_of_calls_and_unpacking(code):
    function, error = failing(code, {"g": lambda: 0, "two": lambda x, y, z: 0})
    assert_translated(describe_error(error, function), own={"TypeError", "ValueError"})


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in RELATIONS])
def test_relations(wrong):
    rng = np.random.default_rng(3)
    sizes = [{"N": 3, "H": 6}, {"N": 4, "H": 5}, {"N": 4, "H": 7}]
    right = [{"y": rng.normal(size=(each["N"], each["H"]))} for each in sizes]
    mine = [{"y": wrong(each["y"], size["N"])} for each, size in zip(right, sizes, strict=True)]
    assert_translated(relation(mine, right, sizes))


def test_as_if():
    x = np.ones((2, 3))
    arguments = {"x": x, "y": x, "n": 1, "p": 0.5, "on": True, "text": "ab", "ids": [1]}
    every = list(as_if.changes(arguments))
    assert len(every) > 60
    for change in every:
        assert_translated(as_if.sentence(change, None), as_if.sentence(change, "y"))


@pytest.mark.parametrize("source", [BACKWARD, WALK])
def test_slips(source):
    every = list(slips(source))
    assert len(every) > 50
    assert_translated(*(slip.sentence for slip in every))


class Odd:
    def __array__(self, *_, **__):
        raise TypeError


TWO = np.ones(2)
KINDS = [   # got, wanted
    ("3", 1.0), ("3", True), (3, True), (1.5, 2), ([1], 2.0), ((1,), TWO), (np.asmatrix([1]), TWO), (1, TWO),
    (np.ma.array([1]), TWO), ([1], np.ones(1)), ([1], TWO), (TWO, np.array([1])), (TWO, np.array([True])),
    ([1.5], [1]), ("a", [1]), (TWO, [1]), (1, [1]), (None, 1.5), (Odd(), 1.5), ({"a": 1}, 1.5), (1.5, 2.5),
    (np.arange(9.0), np.ones(9)), (np.ones((5, 5)), TWO), (TWO, np.ones(3)), ("a", "b"), (1 + 2j, 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("got", "wanted"), KINDS)
def test_kinds_and_differences(got, wanted):
    got, wanted = {"y": got}, {"y": wanted}
    found = [each.text for each in (wrong_kind(got, wanted), difference(got, wanted, 1e-9)) if each]
    assert found
    assert_translated(*found)


def test_outputs_by_name():
    for got, want in (({"z": 1}, {"y": 1}), ({"y": 1}, {'y["Wx"]': 1}), ({'y["Wx"]': 1}, {"y": [1]}),
                      ({'y["Wx"]': 1}, {"y": np.ones(2)}), ({'y["Wx"]': 1}, {"y": 2.0})):   # fmt: skip
        assert_translated(difference(got, want, 1e-9).text, own={"Wx"})
    assert_translated(too_many({'y["Wx"]': 1, 'y["Wh"]': 1}, {'y["Wx"]': 1}), own={"Wx", "Wh"})
    for result in (None, {"a": 1}, np.ones((3, 2)), (1, np.ones(2), 2)):
        assert_translated(told(name_outputs(result, ("y", "h"))[1]))


@pytest.mark.parametrize(
    "cell",
    [
        "step = (", "step = 1)", "step = [1)", "step = 'a", "step = '''a", "def step(x)\n    return x",
        "def step(x):\nreturn x", "step = 1\nreturn step", "step = 1\nbreak", "step = 1\nif 1:\nx = 1",
        "step = 1\nclass A:\nx = 1", "step = 1\n  x = 1", "step = 1\nif 1:\n    x = 1\n  x = 1",
        "step = 1\nif 1:\n\tx = 1\n        x = 1", "def step(x):\n    retrun x", "",
    ],
)  # fmt: skip
def test_cells_that_do_not_compile(monkeypatch, cell):
    shell = SimpleNamespace(
        transform_cell=TransformerManager().transform_cell, user_ns={},
        history_manager=SimpleNamespace(input_hist_raw=[cell]),
    )  # fmt: skip
    missing.explain(shell, 'step = check("step", step)')
    problem = getattr(shell.user_ns["step"], missing.PLACEHOLDER)
    own = {"invalid", "syntax", "if"}   # Python's own words
    assert_translated(problem, own=own)
    monkeypatch.setattr(registry, "_REGISTRY", {})
    made = registry.Exercise("step", "99", step, ("y",), drawn)
    state = verdict.FAILED if cell else verdict.NOT_ATTEMPTED
    assert judge.judge(made, shell.user_ns["step"]).state == state
    if cell:
        assert_translated(missing.syntax_problem(shell, cell), own=own)


def test_a_changed_argument_that_is_no_array_and_arguments_with_words_of_their_own():
    assert_translated(verdict.mutation_hint(Outcome(mutated=("ids",)), {"ids": [1]}))
    given = Given(Message("a generator with seed {seed}", seed=3), int)
    assert_translated(verdict.case_text(Case({"rng": given})), own={"rng"})


@pytest.mark.parametrize("name", ["scalar_step", "quiz_chain_rule", "early_stopping"])
def test_what_the_boxes_of_an_exercise_show(monkeypatch, name):
    each = get(name)
    speak(monkeypatch, each)
    own = set(inspect.signature(each.reference).parameters).union(getattr(each, "sizes", dict)())
    answers = [lambda letter=letter: letter for letter in getattr(each, "options", ())]
    answers += [known.function for known in getattr(each, "misconceptions", ())]
    answers.append(lambda *given: each.reference(*given))
    for answer in answers:
        found = judge.judge(each, answer)
        assert_translated(found.text, own=own)
        assert not found.hint or "가" in found.hint
        assert not left_in_english(words(found.hint), PYTHONS)


def test_the_catalogue_has_every_text_of_the_exercises(monkeypatch):
    for each in exercises():
        speak(monkeypatch, each)
        if isinstance(each, registry.Quiz):
            shown = [told(text) for text in each.options.values()]
        else:
            special = [Case({}, extreme.name, hint=extreme.hint) for extreme in each.extremes]
            shown = [case.told_hint() for case in special] + [case.told_tag() for case in special]
            shown += [told(known.hint) for known in each.misconceptions]
            shown += [told(oracle.name) for oracle in each.oracles]
        english = [text for text in shown if left_in_english(words(text))]
        assert not english, (each.name, english)
