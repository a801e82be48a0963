"""Single slips: which ones are made, what is said of them, and that each is a function of its own."""

import ast
import inspect
import textwrap
import traceback

import numpy as np
import pytest

from helpers import layers
from helpers.checks import Exercise, exercises
from helpers.checks.slips import Slip, function_from, slips, source_of

OPENING = "Your results are exactly as if "
BACKWARD = """
def backward(dh_own, h0, h, Wx, Wh):
    dWh, dh_next = np.zeros_like(Wh), np.zeros_like(h0)
    for t in reversed(range(1, h.shape[1])):
        before = h[:, t - 1] if t > 0 else h0
        da = (dh_own[:, t] + dh_next) * (1 - h[:, t] ** 2)
        dWh += before.T @ da
        db = da.sum(axis=0, keepdims=True)
        dh_next = da @ Wh.T
    dWh = dWh / 0.5
    return dh_next, dWh, db
"""
DOWN = """
def down(x, T):
    for t in range(T - 1, -1, -1):
        x = t - x
    return x
"""
WALK = """
def walk(x, mask, done, limit=1e-6):
    words, best = [], None
    for each in x:
        if each > 0 and not done:
            words.append(each)
        elif each == limit:
            break
    i, f = np.split(x, 2, axis=-1)
    f = f + sigmoid(i) * np.tanh(f)
    kept = [abs(w) for w in words if w != 2]
    kept = sorted(kept, key=len)
    best = max(-kept[0], kept[-1])
    return np.where(~mask, best, kept[1:], ), x[:, -1].copy()
"""


def find(source, kind=None, was=None, now=None):
    found = [
        slip
        for slip in slips(source)
        if kind in (None, slip.kind) and was in (None, slip.was) and now in (None, slip.now)
    ]
    assert found, f"no slip {kind}: {was!r} → {now!r}"
    return found[0]


@pytest.mark.parametrize(
    ("kind", "was", "now"),
    [
        ("sign", "1 - h[:, t] ** 2", "1 + h[:, t] ** 2"),
        ("term", "+ dh_next", ""),
        ("term", "dh_own[:, t] +", ""),
        ("term", "1 - h[:, t] ** 2", "h[:, t] ** 2"),
        ("term", "1 - h[:, t] ** 2", "-h[:, t] ** 2"),
        ("factor", "* (1 - h[:, t] ** 2)", ""),
        ("factor", "** 2", ""),
        ("factor", "/ 0.5", ""),
        ("order", "before.T @ da", "da @ before.T"),
        ("operator", "da @ Wh.T", "da * Wh.T"),
        ("operator", "h[:, t] ** 2", "h[:, t] * 2"),
        ("operator", "dWh += before.T @ da", "dWh = before.T @ da"),
        ("sign", "dWh += before.T @ da", "dWh -= before.T @ da"),
        ("in place", "dWh = dWh / 0.5", "dWh /= 0.5"),
        ("transpose", "Wh.T", "Wh"),
        ("transpose", "da @ Wh.T", "da.T @ Wh.T"),
        ("axis", "axis=0", "axis=1"),
        ("axis", "axis=0", ""),
        ("argument", "keepdims=True", ""),
        ("index", "h[:, t - 1]", "h[:, t]"),
        ("index", "h[:, t]", "h[:, t + 1]"),
        ("index", "h[:, t]", "h[t]"),
        ("index", "h[:, t]", "h[t, :]"),
        ("off-by-one", "range(1, h.shape[1])", "range(1, h.shape[1] - 1)"),
        ("off-by-one", "range(1, h.shape[1])", "range(2, h.shape[1])"),
        ("off-by-one", "range(1, h.shape[1])", "range(h.shape[1])"),
        ("call dropped", "reversed(range(1, h.shape[1]))", "range(1, h.shape[1])"),
        ("comparison", "t > 0", "t >= 0"),
        ("condition", "h[:, t - 1] if t > 0 else h0", "h0"),
        ("condition", "h[:, t - 1] if t > 0 else h0", "h0 if t > 0 else h[:, t - 1]"),
        ("function", "np.zeros_like(Wh)", "np.ones_like(Wh)"),
        ("constant", "0.5", "1.0"),
        ("name", "Wh", "Wx"),
        ("name", "h", "h0"),
        ("statement dropped", "dh_next = da @ Wh.T", ""),
        ("initial value", "dh_next = np.zeros_like(h0)", "dh_next = np.zeros_like(h0)"),
        ("loop", "dh_next = da @ Wh.T", ""),
        ("loop", "dWh = dWh / 0.5", "dWh = dWh / 0.5"),
        ("loop", "return (dh_next, dWh, db)", "return (dh_next, dWh, db)"),
        ("returned", "dh_next, dWh, db", "dh_next, db, dWh"),
        ("returned", "db", "before"),
        ("sign", "dWh", "-dWh"),
    ],
)
def test_slips_of_a_backward_pass(kind, was, now):
    find(BACKWARD, kind, was, now)


@pytest.mark.parametrize(
    ("kind", "was", "now"),
    [
        ("comparison", "each > 0", "each >= 0"),
        ("comparison", "each == limit", "each != limit"),
        ("operator", "each > 0 and (not done)", "each > 0 or not done"),
        ("operator", "not done", "done"),
        ("term", "each > 0 and (not done)", "each > 0"),
        ("loop", "x", "x[1:]"),
        ("loop", "x", "x[:-1]"),
        ("statement dropped", "break", ""),
        ("order", "i, f", "f, i"),
        ("function", "np.tanh(f)", "1 / (1 + np.exp(-f))"),
        ("function", "sigmoid(i)", "np.tanh(i)"),
        ("call dropped", "sigmoid(i)", "i"),
        ("call dropped", "abs(w)", "w"),
        ("function", "abs(w)", "w ** 2"),
        ("condition", "if w != 2", ""),
        ("argument", "key=len", ""),
        ("call dropped", "sorted(kept, key=len)", "kept"),
        ("function", "max(-kept[0], kept[-1])", "min(-kept[0], kept[-1])"),
        ("sign", "-kept[0]", "kept[0]"),
        ("index", "kept[0]", "kept[-1]"),
        ("index", "kept[-1]", "kept[0]"),
        ("operator", "~mask", "mask"),
        ("call dropped", "np.where(~mask, best, kept[1:])", "best"),
        ("slice", "kept[1:]", "kept[:]"),
        ("slice", "kept[1:]", "kept[2:]"),
        ("call dropped", "x[:, -1].copy()", "x[:, -1]"),
        ("constant", "1e-06", "1e-05"),
        ("constant", "1e-06", "0.0"),
        ("in place", "f = f + sigmoid(i) * np.tanh(f)", "f += sigmoid(i) * np.tanh(f)"),
    ],
)
def test_slips_of_other_code(kind, was, now):
    find(WALK, kind, was, now)


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("1 - z", "1 + z", "`1 - z` were `1 + z`: check the sign there."),
        ("+ dh_next", "", "`+ dh_next` were left out."),
        (
            "axis=0",
            "axis=1",
            "`sum` ran over `axis=1` instead of `axis=0` (in `db = da.sum(axis=0, keepdims=True)`).",
        ),
        (
            "range(1, h.shape[1])",
            "range(1, h.shape[1] - 1)",
            "the last number of the range were missing "
            "(`range(1, h.shape[1] - 1)` for `range(1, h.shape[1])`).",
        ),
        ("dh_next, dWh, db", "dh_next, db, dWh", "`dWh` and `db` had changed places in what is returned."),
        (
            "range(T - 1, -1, -1)",
            "range(T - 1, 0, -1)",
            "the last number of the range were missing (`range(T - 1, 0, -1)` for `range(T - 1, -1, -1)`).",
        ),
        (
            "range(T - 1, -1, -1)",
            "range(T - 2, -1, -1)",
            "the first number of the range were missing (`range(T - 2, -1, -1)` for `range(T - 1, -1, -1)`).",
        ),
        ("Wh.T", "Wh", "`Wh.T` were plain `Wh`, not transposed."),
        (
            "dh_next = np.zeros_like(h0)",
            "dh_next = np.zeros_like(h0)",
            "`dh_next` were set back in every round (`dh_next = np.zeros_like(h0)`).",
        ),
        (
            "dWh += before.T @ da",
            "dWh = before.T @ da",
            "`dWh += before.T @ da` were `dWh = before.T @ da`, which overwrites the old value.",
        ),
    ],
)
def test_the_sentence_says_what_and_where(was, now, words):
    given = {"1 - z": "def f(z): return 1 - z", "range(T - 1, -1, -1)": DOWN}
    source = given.get(was, BACKWARD)
    assert find(source, None, was, now).sentence == OPENING + words


def test_a_long_line_is_shown_in_part_and_braces_do_no_harm():
    source = "def f(x): return {'weight_one': x.T, 'weight_two': sum({x: 2 for x in x if x}), 'three': x + 3}"
    for slip in slips(source):
        assert len(slip.sentence) < 260
    part = find(source, "constant", "3", "4").sentence
    assert part.startswith(f"{OPENING}`3` were `4` (in `… ") and "weight_one" not in part


CODE = {
    **{each.name: each.reference for each in exercises() if isinstance(each, Exercise)},
    **{f"layers.{f.__name__}": f for f in (layers.lstm_step, layers.lstm_step_backward, layers.gru_step)},
    "backward": BACKWARD,
    "walk": WALK,
}


@pytest.mark.parametrize("name", CODE)
def test_every_slip_is_another_function_that_compiles(name):
    source = CODE[name] if isinstance(CODE[name], str) else source_of(CODE[name])
    original = ast.unparse(ast.parse(textwrap.dedent(source)))
    found = list(slips(source))
    assert len({slip.source for slip in found} | {original}) == len(found) + 1
    for slip in found:
        compile(slip.source, name, "exec")
        assert ast.unparse(ast.parse(slip.source)) == slip.source, slip
        changed = slip.source.split("\n"), original.split("\n")
        assert changed[0][: slip.line - 1] == changed[1][: slip.line - 1]
        assert 1 <= slip.line <= len(changed[1]) and slip.kind and slip.was
        assert slip.sentence.startswith(OPENING) and slip.sentence.endswith(".")
        assert slip.sentence.count("`") % 2 == 0 and "\n" not in slip.sentence


def test_slips_come_one_by_one_always_the_same_and_the_likeliest_first():
    first = slips(BACKWARD)
    assert isinstance(next(first), Slip) and inspect.isgenerator(first)
    every = list(slips(BACKWARD))
    assert every == list(slips(BACKWARD))
    kinds = [slip.kind for slip in every]
    assert kinds.index("term") < kinds.index("name") and kinds.index("term") < kinds.index("loop")


def test_neighbours_that_do_not_touch_each_other_keep_their_order():
    pairs = {(slip.was, slip.now) for slip in slips(BACKWARD) if slip.kind == "order"}
    assert ("dWh += before.T @ da", "db = da.sum(axis=0, keepdims=True)") not in pairs
    source = "def f(h, s):\n    h = h + 1\n    s.append(h)\n    return s"
    swapped = find(source, "order", "h = h + 1", "s.append(h)")
    assert swapped.source == "def f(h, s):\n    s.append(h)\n    h = h + 1\n    return s"


def test_a_statement_whose_name_nothing_else_binds_stays():
    """Without it the answer would only be a NameError."""
    dropped = {slip.was for slip in slips(BACKWARD) if slip.kind == "statement dropped"}
    assert dropped == {"dWh += before.T @ da", "dh_next = da @ Wh.T", "dWh = dWh / 0.5"}


def test_no_list_is_put_into_itself_or_looped_over_while_it_grows():
    source = """
    def f(h, hs, word, words):
        for word in words:
            hs.append(word)
            words.append(h)
        return hs, words
    """
    sources = {slip.source for slip in slips(source)}
    assert not any("hs.append(hs)" in each or "for word in hs" in each for each in sources)
    assert any("hs.append(words)" in each for each in sources)


def test_names_inside_an_index_are_exchanged_too():
    assert find("def f(h, t, t0):\n    return h[2 * t]", "name", "t", "t0").now == "t0"


def test_what_refuses_bad_input_is_left_alone():
    source = """
    def f(x, n):
        require(n > 0, "n", n, "above 0")
        if n > 9:
            raise ValueError("n + 1")
        assert n != 3
        return f"{n + 1}"
    """
    assert {slip.line for slip in slips(source)} <= {7}
    assert all("n + 2" not in slip.source for slip in slips(source))


def test_nested_functions_and_elif():
    source = """
    def f(x):
        @cache
        def g(y, z=1):
            return y - z
        if x > 0:
            return g(x)
        elif x < -1:
            return 0
        else:
            return 1
    """
    assert find(source, "constant", "1", "2").source.count("@cache") == 1
    assert "    elif x <= -1:\n" in find(source, "comparison", "x < -1", "x <= -1").source
    assert "        return z - y" in find(source, "order", "y - z", "z - y").source


@pytest.mark.parametrize("source", ["x = 1", "def f(:", "def f(): pass\ndef g(): pass", ""])
def test_anything_but_one_function_is_refused(source):
    with pytest.raises(ValueError, match=r"^source: got .*, wanted "):
        list(slips(source))


SCALE = 3.0


def scaled(x):
    """x times SCALE."""
    # a comment
    return x * SCALE - 1


def factorial(n):
    return n * factorial(n - 1) if n > 1 else 1


@pytest.fixture
def decorated():
    import functools

    def wrapper(*args):
        return scaled(*args)

    return functools.wraps(scaled)(wrapper)


def test_source_of_is_the_bare_code(decorated):
    assert source_of(scaled) == "def scaled(x):\n    return x * SCALE - 1"
    assert source_of(decorated) == source_of(scaled)
    with pytest.raises(ValueError, match=r"^function: got .*, wanted"):
        source_of(np.tanh)
    with pytest.raises(ValueError, match=r"^source: got .*, wanted"):
        source_of(lambda x: x)


def test_a_slip_that_python_warns_of_is_made_in_silence(recwarn):
    assert function_from("def factorial(n):\n    return (1)[:, None]", factorial) and not recwarn.list


def test_function_from_makes_the_slip_with_the_globals_of_the_reference():
    slip = find(source_of(scaled), "sign", "x * SCALE - 1", "x * SCALE + 1")
    assert function_from(slip.source, scaled)(2.0) == 7.0
    assert scaled(2.0) == 5.0
    assert function_from(source_of(factorial).replace("else 1", "else 2"), factorial)(3) == 12
    assert factorial(3) == 6


def test_an_error_in_a_slip_shows_its_line():
    broken = function_from("def scaled(x):\n    y = x\n    return y @ SCALE", scaled)
    try:
        broken(2.0)
    except TypeError as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
    assert (frame.lineno, frame.line) == (3, "return y @ SCALE")
    assert "return y @ SCALE" in inspect.getsource(broken)


def test_a_closure_cannot_be_made_again():
    factor = 2.0

    def closure(x):
        return x * factor

    with pytest.raises(ValueError, match=r"^reference: got closure .*factor.*, wanted none"):
        function_from("def closure(x):\n    return x", closure)


def step(x, h_prev, c_prev, Wx, Wh, b):
    i, f, g, o = np.split(x @ Wx + h_prev @ Wh + b, 4, axis=1)
    c = layers.sigmoid(f) * c_prev + layers.sigmoid(i) * np.tanh(g)
    return layers.sigmoid(o) * np.tanh(c), c


def test_each_slip_of_a_step_gives_other_numbers_or_an_error():
    """Where no slip is only another way of saying it."""
    rng = np.random.default_rng(0)
    arguments = [rng.normal(size=shape) for shape in ((2, 3), (2, 4), (2, 4), (3, 16), (4, 16), (16,))]
    right, every, survivors = step(*arguments), list(slips(source_of(step))), []
    for slip in every:
        try:
            with np.errstate(all="ignore"):
                got = function_from(slip.source, step)(*arguments)
            if len(got) == 2 and all(map(np.array_equal, got, right)):
                survivors.append((slip.kind, slip.was, slip.now))
        except Exception:
            continue   # as wrong as other numbers
    assert len(every) > 60
    assert survivors == []


def test_no_axis_is_called_by_its_other_name():
    source = "def f(x):\n    return x.sum(axis={})"
    for given, others in (("1", {"0", "2"}), ("-1", {"0", "-2"})):
        found = {slip.now for slip in slips(source.format(given)) if slip.was == f"axis={given}"}
        assert found == {""} | {f"axis={other}" for other in others}
