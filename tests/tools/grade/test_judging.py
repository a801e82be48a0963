"""Answers that run elsewhere are judged as in the box; what they do there reaches nobody."""

import sys
import time

import numpy as np
import pytest

from helpers import carried
from helpers.checks import get
from helpers.checks.prepared import prepared
from tests.tools.grade.handed import courses_own
from tools.grade import run, sandbox
from tools.grade.judging import Judge, is_tried_inside
from tools.grade.reading.answers import Answer, answers
from tools.grade.reading.course import is_offered
from tools.grade.reading.pinned import chapter
from tools.grade.results import FAILED, MISSING, NOT_ATTEMPTED, NOT_GRADED, PARTLY, PASSED

WAYS = [pytest.param(True, marks=pytest.mark.skipif(
    bool(sandbox.bubblewrap_problem()), reason=sandbox.bubblewrap_problem() or "-")), False]  # fmt: skip


def answer(name, source, **parts):
    """An answer to `name`, as reading a notebook would give it."""
    source = f"import numpy as np\n{source}"
    rest = {"code": ((f"<{name}>", source),), "max_points": 2.0, "source": source, **parts}
    return Answer(name, get(name).chapter, "1.1", notebook="n", attempted=True, **rest)


@pytest.fixture(scope="module")
def judge():
    """A judge that runs answers as well isolated as it goes here."""
    with Judge(b"a secret") as made:
        yield made


@pytest.fixture(scope="module", params=WAYS, ids=["bubblewrap", "plain"])
def either(request):
    """A judge each way."""
    with Judge(b"a secret", isolated=request.param) as made:
        yield made


STEP = "def rnn_step(x, h_prev, Wx, Wh, b):\n    "
RIGHT = "return np.tanh(x @ Wx + h_prev @ Wh + b)"


def step(judge, body):
    return judge.judged(answer("rnn_step", STEP + body.replace("\n", "\n    ")))


def test_a_right_answer_gets_its_points(either):
    found = step(either, f"print('hello')\n{RIGHT}")
    assert (found.state, found.points, found.max_points) == (PASSED, 2.0, 2.0)


def test_a_known_mistake_is_named_and_has_its_hint(judge):
    found = step(judge, "return np.tanh(x @ Wx + h_prev @ Wh.T + b)")
    assert found.state == FAILED and found.points == 0
    assert "Wh" in found.hint and found.mistake


def test_a_stub_is_not_attempted_and_nothing_is_missing(judge):
    assert step(judge, "raise NotImplementedError").state == NOT_ATTEMPTED
    assert judge.judged(Answer("rnn_step", "01", "1.2", 2.0)).state == MISSING
    assert judge.judged(answer("rnn_step", "", problem="a sentence")).text == "a sentence"


def test_an_error_is_told_with_the_learners_line_and_names(judge):
    found = step(judge, "return np.tanh(x @ Wh + h_prev @ Wh + b)")
    assert "line 3" in found.text and "`x`" in found.text


def test_a_changed_argument_and_a_shared_buffer_are_seen(judge):
    found = step(judge, f"x *= 1.5\nx /= 1.5\nx[0] += 1\nh = {RIGHT[7:]}\nreturn h")
    assert found.state == FAILED
    kept = "KEPT = {}\n" + STEP + (
        "h = KEPT.setdefault(x.shape + Wx.shape, np.empty((len(x), len(b))))\n    "
        "h[:] = np.tanh(x @ Wx + h_prev @ Wh + b)\n    return h"
    )
    found = judge.judged(answer("rnn_step", kept))
    assert "earlier call" in found.text


@pytest.mark.parametrize("body, told", [
    ("import os\nos._exit(0)", "exit"),
    ("raise SystemExit", "SystemExit"),
    ("import sys\nsys.exit(3)", "SystemExit"),
    ("raise KeyboardInterrupt", ""),
    ("class Own(BaseException):\n    def __str__(self):\n        raise ValueError\nraise Own", "Own"),
    ("return [0] * 10**12", "MemoryError"),
    ("return print", "function"),
    ("return np.zeros((3000, 3000))", "MiB"),
])  # fmt: skip
def test_ways_out_lead_to_no_points_and_to_the_next_answer(either, body, told):
    found = step(either, body)
    assert found.state == FAILED and told in found.text + found.hint
    assert step(either, RIGHT).state == PASSED


def test_an_endless_loop_is_stopped_and_its_process_ended(either, monkeypatch):
    started = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr("helpers.checks.judge.SECONDS", 0.4)
        found = step(either, "while True:\n    pass")
    assert found.state == FAILED and "0.4 seconds" in found.text
    assert time.monotonic() - started < 20
    assert step(either, RIGHT).state == PASSED


def test_code_that_never_ends_before_the_function_is_there(either, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("tools.grade.remote.DEFINING", 0.4)
        found = either.judged(answer("rnn_step", f"while True: pass\n{STEP}{RIGHT}"))
    assert found.state == FAILED and "did not come to an end" in found.text
    assert step(either, RIGHT).state == PASSED


def test_the_public_cases_by_heart_are_not_enough(judge):
    known = prepared(get("scalar_step"), np.float64)
    both = zip(known.cases, known.right, strict=True)
    table = {tuple(case.arguments.values()): right.result for case, right in both}
    names = ", ".join(known.cases[0].arguments)
    source = f"TABLE = {table!r}\ndef scalar_step({names}):\n    return TABLE[{names}]"
    learned = answer("scalar_step", source)
    found = judge.judged(learned)
    assert found.state == FAILED and found.points == 0


def test_the_course_is_not_there(either):
    look = (
        "import importlib.util, sys\n"
        "found = [n for n in ('helpers', 'tools', 'solutions') if importlib.util.find_spec(n)]\n"
        "found += [n for n in sys.modules if n.startswith(('helpers', 'tools'))]\n"
        "raise ValueError(str(found))"
    )
    assert "ValueError: []" in step(either, look).text


def test_without_bubblewrap_python_itself_keeps_from_files_processes_and_network(tmp_path):
    look = f"""import os, socket, subprocess, tempfile
seen = []
for act in (lambda: open({str(run.ROOT / "README.md")!r}), lambda: os.listdir({str(run.ROOT)!r}),
            lambda: open({str(tmp_path / "x")!r}, "w"), lambda: os.mkdir({str(tmp_path / "y")!r}),
            lambda: subprocess.run(["true"]), lambda: os.fork(), lambda: os.kill(os.getppid(), 9),
            lambda: socket.create_connection(("192.0.2.1", 80), 1), lambda: __import__("ctypes").CDLL(None)):
    try:
        act()
        seen.append("done")
    except PermissionError:
        pass
with tempfile.TemporaryFile() as file:
    file.write(b"fine")
open("own", "w").close()
os.remove("own")
raise ValueError(str(seen))"""
    with Judge(b"s", isolated=False) as judge:
        assert "ValueError: []" in step(judge, look).text
        assert step(judge, RIGHT).state == PASSED
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(bool(sandbox.bubblewrap_problem()), reason="no bubblewrap")
def test_bubblewrap_shows_neither_the_course_nor_the_network_nor_other_processes():
    root = str(run.ROOT)
    look = f"""import os, socket
seen = [path for path in ('/etc/passwd', '/home', '/var', {root!r} + '/solutions') if os.path.exists(path)]
seen += [each for each in os.listdir('/proc') if each.isdigit() and int(each) > 50]
for act in (lambda: socket.create_connection(('192.0.2.1', 80), 1), lambda: open('/usr/written', 'w'),
            lambda: open('/written', 'w'), lambda: open({root!r} + '/written', 'w')):
    try:
        act()
        seen.append('done')
    except OSError:
        pass
raise ValueError(str(seen))"""
    with Judge(b"s", isolated=True) as judge:
        assert "ValueError: []" in step(judge, look).text


def test_earlier_functions_are_the_learners_own_where_they_passed(judge):
    forward = """def rnn_forward(x, h0, Wx, Wh, b):
    h, all_h = h0, []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, Wx, Wh, b)
        all_h.append(h)
    return np.stack(all_h, axis=1)"""
    assert judge.judged(answer("rnn_forward", forward, earlier=("rnn_step",))).state == PASSED
    with Judge(b"s", isolated=judge.isolated) as other:
        assert step(other, "return 0").state == FAILED
        assert other.judged(answer("rnn_forward", forward, earlier=("rnn_step",))).state == PASSED


@pytest.mark.parametrize("how", ["your_clip_grad_norm", "helpers.yours"])
def test_what_a_chapter_carries_on_is_the_courses_where_it_is_graded(judge, monkeypatch, how):
    """Whatever lies in the notebooks of whoever grades."""
    monkeypatch.setattr(carried, "carried", lambda name: pytest.fail(f"{name}: it looked into notebooks"))
    cells = [dict(cell) for cell in chapter("05").cells]
    own = next(cell for cell in cells if "def mended_epoch" in cell["source"])
    inside = "from helpers.yours import clip_grad_norm as your_clip_grad_norm\n        "
    own["source"] = own["source"].replace(
        "_, scale = clip_scale(model.grads, max_norm)\n        optimizer.step(model.grads, scale)",
        f"{inside if how == 'helpers.yours' else ''}clipped, _ = your_clip_grad_norm(model.grads, max_norm)\n"
        "        optimizer.step(clipped)",
    )
    assert "your_clip_grad_norm" in own["source"]
    found = judge.judged(answers(cells, "05")["mended_epoch"])
    assert (found.state, found.points) == (PASSED, found.max_points), found.text
    assert is_offered("05", "mended_epoch", "helpers.yours", "lstm_step")
    assert not is_offered("04", "lstm_step", "helpers.yours", "lstm_step")
    assert not is_offered("05", "mended_epoch", "helpers.yours", "mended_epoch")


def test_part_of_the_points_for_part_of_the_outputs(judge):
    own = courses_own("02")["scalar_backward"]
    label, source = own.code[-1]
    wrong = source.replace("return dw_xh, dw_hh, db", "return dw_xh, dw_hh, 2 * db")
    assert wrong != source
    parts = {each: getattr(own, each) for each in ("helpers", "earlier")}
    code = (*own.code[:-1], (label, wrong))
    found = judge.judged(answer("scalar_backward", "", code=code, max_points=3.0, **parts))
    assert (found.state, found.points) == (PARTLY, 2.0)


def test_a_grader_that_fails_gives_no_zero(judge, monkeypatch):
    monkeypatch.setattr("tools.grade.judging.judge", lambda *a, **k: 1 / 0)
    found = step(judge, RIGHT)
    assert found.state == NOT_GRADED and found.points is None and "ZeroDivisionError" in found.text


def test_models_stay_where_the_answer_is(judge):
    pytest.importorskip("torch")
    assert is_tried_inside("torch_train_step") and not is_tried_inside("rnn_step")
    assert judge.judged(courses_own("06")["torch_train_step"]).state == PASSED


def test_gradients_are_noted_where_the_answer_runs(judge):
    pytest.importorskip("torch")
    head = "import torch\ndef last_valid_step(h, lengths):\n    "
    source = head + "return h[torch.arange(len(h)), lengths - 1]{}"
    assert judge.judged(answer("last_valid_step", source.format(""))).state == PASSED
    assert "gradients" in judge.judged(answer("last_valid_step", source.format(".detach()"))).text


@pytest.mark.parametrize("name", ["rnn_step", "quiz_state"])
def test_an_answer_without_an_end_is_stopped_and_after_some_of_them_sooner(monkeypatch, name):
    for module in ("helpers.checks.judge", "tools.grade.judging"):
        monkeypatch.setattr(sys.modules[module], "SECONDS", 1.0)
    monkeypatch.setattr("tools.grade.judging.HURRIED", 0.3)
    endless = answer(name, f"import time\ndef {name}({'x, h_prev, Wx, Wh, b' * (name == 'rnn_step')}):\n"
                           "    time.sleep(1000)")  # fmt: skip
    with Judge(b"a secret") as judge:
        found = [judge.judged(endless) for _ in range(4)]
        right = step(judge, RIGHT)
    assert {each.state for each in found} == {FAILED} and right.state == PASSED
    assert ["within 1 seconds" in each.text for each in found] == [True, True, True, False]
    assert "within 0.3 seconds" in found[3].text and found[3].seconds < 1


@pytest.mark.parametrize(("source", "said"), [
    ("# import torch\ndef rnn_step(x, h_prev, Wx, Wh, b):\n    __import__('tor' + 'ch')\n    " + RIGHT, True),
    ("import torch\n" + STEP + "torch.tensor(1.0)\n    " + RIGHT, False),
])  # fmt: skip
def test_a_library_that_is_loaded_and_not_imported_openly_is_said(judge, source, said):
    found = judge.judged(answer("rnn_step", source))
    assert found.state == PASSED and any("loads `torch`" in each for each in found.review) == said
