"""Answers are called alike where one was copied, and not where learners think alike."""

import ast
import functools
import random
import textwrap
import time

import pytest

from helpers.checks import Exercise, exercises, get
from helpers.checks.slips import source_of
from tools.grade.reading import alike as whole_class
from tools.grade.reading.course import right_answers
from tools.grade.reading.likeness import among
from tools.grade.results import FAILED, NOT_ATTEMPTED, PASSED, ExerciseResult, SubmissionResult

OWN = '''def truncated_bptt(x, h0, target, Wx, Wh, b, window):
    """My version."""
    # walk over the windows and keep what the last one ended with
    steps = x.shape[1]
    borders = list(range(0, steps, window)) + [steps]
    sums = {"Wx": 0 * Wx, "Wh": 0 * Wh, "b": 0 * b}
    carried = h0.copy()
    for first, last in zip(borders[:-1], borders[1:]):
        piece = x[:, first:last, :]
        states = rnn_forward(piece, carried, Wx, Wh, b)
        wrong = states - target[:, first:last, :]
        _, _, gx, gh, gb = rnn_backward(wrong, piece, carried, states, Wx, Wh)
        for key, value in zip(["Wx", "Wh", "b"], [gx, gh, gb]):
            sums[key] = sums[key] + value
        carried = states[:, states.shape[1] - 1, :]
    return sums["Wx"], sums["Wh"], sums["b"], carried
'''
NAMES = {"borders": "edges", "carried": "state", "sums": "total", "piece": "part", "wrong": "delta"}
NAMES |= {"states": "hidden", "key": "k", "value": "v"}
RENAMED = functools.reduce(lambda text, name: text.replace(name, NAMES[name]), NAMES, OWN)
COMMENT = "    # walk over the windows and keep what the last one ended with\n"
REORDERED = RENAMED.replace(
    '    total = {"Wx": 0 * Wx, "Wh": 0 * Wh, "b": 0 * b}\n    state = h0.copy()\n',
    '    state = h0.copy()\n    total = {"Wx": Wx * 0, "Wh": 0 * Wh, "b": 0 * b}\n',
).replace(COMMENT, "").replace("My version", "Mine, all mine")
CHANGED = REORDERED.replace("total[k] + v", "v + total[k]").replace(
    "state = hidden[:, hidden.shape[1] - 1, :]", "state = hidden[:, -1]")  # fmt: skip
OTHER = '''def truncated_bptt(x, h0, target, Wx, Wh, b, window):
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    h_prev, t = h0, 0
    while t < x.shape[1]:
        xs, ys = x[:, t : t + window], target[:, t : t + window]
        hs = rnn_forward(xs, h_prev, Wx, Wh, b)
        dx, dh0, d1, d2, d3 = rnn_backward(hs - ys, xs, h_prev, hs, Wx, Wh)
        dWx, dWh, db = dWx + d1, dWh + d2, db + d3
        h_prev, t = hs[:, -1], t + window
    return dWx, dWh, db, h_prev
'''


def groups(sources, exercise="truncated_bptt"):
    return [each.learners for each in among(exercise, sources)]


@pytest.mark.parametrize(("copy", "how"), [
    (OWN, "The same, names and all, with the same comments"),
    ("x = 1\n" + OWN.replace("    # walk", "    #  Walk"), "with the same comments (“walk over the windows"),
    (RENAMED, "The same but for names, order and layout, with the same comments"),
    (REORDERED, "Nearly the same ("),
    (CHANGED, "Nearly the same ("),
])  # fmt: skip
def test_copies_are_found_and_it_is_said_how_alike_they_are(copy, how):
    (found,) = among("truncated_bptt", {"lee": OTHER, "kim": OWN, "min": copy})
    assert found.learners == ("kim", "min")
    assert how in found.sentence, found.sentence


IMPL = OWN.replace("def truncated_bptt", "def impl")
INDENTED = textwrap.indent(IMPL, "    ")
PADDING = "    for unused in range(0):\n" + "".join(
    f"        print({number} - len(str(unused)), [unused * {number}], unused ** {number})\n"
    for number in range(9)
)


@pytest.mark.parametrize("copy", [
    pytest.param(IMPL + "truncated_bptt = impl\n", id="another name"),
    pytest.param(IMPL + "def unused():\n    return 1\ntruncated_bptt = impl\n", id="beside another"),
    pytest.param(IMPL + "def truncated_bptt(*given):\n    return impl(*given)\n", id="wrapped"),
    pytest.param("def truncated_bptt(*given):\n" + INDENTED + "    return impl(*given)\n", id="inside"),
    pytest.param("def make():\n" + INDENTED + "    return impl\ntruncated_bptt = make()\n", id="made"),
    pytest.param("class Own:\n" + INDENTED.replace("impl(", "impl(self, ")
                 + "def truncated_bptt(*given):\n    return Own().impl(*given)\n", id="a method"),
    pytest.param(OWN.replace("    return sums", PADDING + "    return sums"), id="padded"),
])  # fmt: skip
def test_a_copy_in_another_wrapping_is_found(copy):
    assert groups({"ada": OWN, "ben": copy, "cleo": OTHER}) == [("ada", "ben")]


def test_a_chain_of_copies_is_one_group():
    sources = {"a": OWN, "b": RENAMED, "c": REORDERED, "d": CHANGED, "e": OTHER}
    assert groups(sources) == [("a", "b", "c", "d")]


def test_two_that_think_for_themselves_are_not_alike():
    assert groups({"kim": OWN, "lee": OTHER}) == []


@pytest.mark.parametrize("name", ["rnn_step", "recurrent_parameters", "corpus_perplexity", "quiz_state"])
def test_short_answers_that_everybody_writes_say_nothing(name):
    own = right_answers(name)[0] if isinstance(get(name), Exercise) else None
    source = source_of(own).replace(f"{name}_reference", name) if own else "def quiz_state():\n    return 'c'"
    assert groups({"kim": source, "lee": source}, name) == []


def test_known_mistakes_and_variants_in_common_say_nothing():
    for name in ("rnn_backward", "softmax_cross_entropy", "lstm_step_backward"):
        renamed = [_renamed(source_of(each)) for each in right_answers(name)]
        sources = {f"{number}{twin}": each for number, each in enumerate(renamed) for twin in "ab"}
        assert groups(sources, name) == []


def _renamed(source):
    """A right answer with other names for its own variables."""
    tree = ast.parse(source)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    for node in names:
        node.id += "_x" if node.id in own else ""
    return ast.unparse(tree)


def test_variants_are_not_alike_where_nothing_of_the_course_is_known(monkeypatch):
    monkeypatch.setattr("tools.grade.reading.likeness._known", lambda exercise: frozenset())
    monkeypatch.setattr("tools.grade.reading.likeness._course_texts", lambda exercise: (set(), set()))
    flagged = []
    for each in exercises():
        flagged += groups(dict(enumerate(map(source_of, right_answers(each.name)))), each.name)
    assert len(flagged) <= 1   # of about two hundred; one variant differs from its solution in a line


def test_the_courses_solution_and_variants_word_for_word():
    solution = source_of(right_answers("truncated_bptt")[0])
    variant = source_of(right_answers("truncated_bptt")[1])
    sources = {"kim": f"# mine\n{solution}", "lee": OTHER, "min": variant}
    published, from_checks = among("truncated_bptt", sources)
    assert published.learners == ("kim",) and "the course's published solution" in published.sentence
    assert from_checks.learners == ("min",) and "the course's checks" in from_checks.sentence


def test_what_much_of_a_class_writes_says_less():
    few = {f"other {number}": OTHER.replace("window]", f"window + {number} - 1]") for number in range(20)}
    assert ("kim", "min") in groups(few | {"kim": OWN, "min": RENAMED.replace("# walk", "# w")})
    many = {f"learner {number}": RENAMED.replace("# walk over the windows", "#") for number in range(12)}
    assert groups(many | {"a": OTHER}) == []


@pytest.mark.parametrize("source", [
    *("def truncated_bptt(:", "x = 1", "", "def other():\n    pass\nclass A:\n    pass", "\0"),
    "def truncated_bptt():\n    return " + "(" * 3000,
])  # fmt: skip
def test_what_cannot_be_read_is_like_nothing(source):
    assert groups({"kim": source, "lee": source}) == []


def result(learner, exercise, source, state=PASSED):
    each = ExerciseResult(exercise, "02", state, 1.0, 1.0, source=source)
    return SubmissionResult(learner, "2026-01-01T00:00:00+00:00", "bubblewrap", (each,))


def test_only_what_was_attempted_is_compared():
    class_ = [result("kim", "truncated_bptt", OWN), result("lee", "truncated_bptt", OWN, NOT_ATTEMPTED)]
    assert whole_class(class_) == []
    assert len(whole_class([*class_, result("min", "truncated_bptt", OWN, FAILED)])) == 1


def test_two_hundred_submissions_take_seconds():
    rng = random.Random(0)
    lines = OWN.splitlines()
    class_ = []
    for number in range(200):
        body = [line for line in lines[2:] if rng.random() < 0.9]
        extra = [f"    y{k} = x[{rng.randrange(99)}] + {rng.randrange(99)} * Wx[{k}]" for k in range(8)]
        try:
            source = "\n".join([lines[0], *extra, *body])
            ast.parse(source)
        except SyntaxError:
            source = "\n".join([lines[0], *extra, "    return x"])
        each = [ExerciseResult(name, "02", PASSED, 1.0, 1.0, source=source.replace("truncated_bptt", name))
                for name in ("truncated_bptt", "rnn_backward")]  # fmt: skip
        class_.append(SubmissionResult(f"learner {number}", "", "bubblewrap", tuple(each)))
    start = time.process_time()
    whole_class(class_)
    assert time.process_time() - start < 20   # for two exercises; a few seconds where nobody else computes
