"""The report on wrong answers, and a sample of them that the checks have to notice."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from helpers.checks import Exercise, exercises, get, recognise, registry
from helpers.checks.slips import Slip, source_of
from tools.mutants import __main__ as command
from tools.mutants import code, report
from tools.mutants.code import Mutant, chosen, made, mutants, right_answers
from tools.mutants.pool import Judged, Worker, judge_all, judged_here
from tools.mutants.report import Equivalent, Row, fate, idle, read_equivalents

SAMPLE = 5   # mutants of each exercise
NAMES = [each.name for each in exercises() if isinstance(each, Exercise)]


def affine(x, w, b):
    return x @ w + b


@pytest.fixture
def blind(monkeypatch):
    """An exercise whose check cannot see the bias: it is zero in every case."""
    monkeypatch.setattr(registry, "_REGISTRY", {})
    monkeypatch.setattr(registry, "_load", lambda: None)
    monkeypatch.setattr(command, "judge_all", lambda todo, **options: [judged_here(each) for each in todo])

    def cases(rng, *, N=(2, 4), D=(5, 7), H=(8, 9)):
        return {"x": rng.normal(size=(N, D)), "w": rng.normal(size=(D, H)), "b": np.zeros(H)}

    skip = {"extreme": "none", "example": "none"}
    made = registry.Exercise("affine", "99", affine, ("y",), cases, skip=skip)

    @made.oracle("a loop over entries")
    def loop(x, w, b):
        return np.array([[row @ column for column in w.T] for row in x]) + b

    @made.misconception("elementwise", "`*` multiplies entry by entry.")
    def elementwise(x, w, b):
        return x * w + b

    return made


def run(*arguments):
    return CliRunner().invoke(command.app, [str(each) for each in arguments], env={"COLUMNS": "150"})


def mutant(was="+ b", now="", source="def affine(x, w, b):\n    return x @ w", exercise="affine"):
    return Mutant(exercise, code.REFERENCE, Slip("term", source, was, now, 2, "…"))


def test_survivors_are_listed_with_their_change_and_fail_the_command(blind, tmp_path):
    ran = run("affine", "--list", "survivors", "--json", tmp_path / "report.json")
    assert ran.exit_code == 1, ran.output
    assert "affine, reference, term: survivor" in ran.output
    assert "-     return x @ w + b" in ran.output and "+     return x @ w\n" in ran.output
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (row,) = written["exercises"]
    assert row["mutants"] == len(written["mutants"]) == len(mutants(blind))
    assert row["mutants"] == row["killed"] + row["survivors"]
    assert row["killed"] == row["named"] + row["by_slip"] + row["unnamed"] and row["named"] > 0
    survivors = {each["mutant"]["slip"]["was"] for each in written["mutants"] if each["fate"] == "survivor"}
    assert {"+ b", "x @ w + b"} <= survivors and "x @ w" not in survivors


def test_excused_survivors_do_not_and_entries_that_excuse_nothing_are_told(blind, tmp_path):
    survivors = [each for each in map(judged_here, mutants(blind)) if each.fate == "survivor"]
    pairs = [(each.mutant.slip.was, each.mutant.slip.now) for each in survivors]
    pairs.append(("x @ w", "gone"))
    entry = "[[equivalent]]\nexercise = 'affine'\nwas = '{}'\nnow = '{}'\nwhy = 'b is zero'\n"
    text = "".join(entry.format(*pair) for pair in pairs)
    path = tmp_path / "equivalent.toml"
    path.write_text(text, encoding="utf-8")
    ran = run("--equivalents", path)
    assert ran.exit_code == 0, ran.output
    assert "affine: no survivor has `gone` for `x @ w`: the entry can go" in ran.output
    assert ran.output.count("the entry can go") == 1
    assert "the entry can go" not in run("--equivalents", path, "--budget", 2).output


def test_unnamed_mutants_are_listed_with_what_the_learner_is_told(blind, monkeypatch):
    monkeypatch.setattr(recognise, "SECONDS", 0.0)   # as --quick does in the processes
    output = run("affine", "--list", "unnamed").output
    assert ": unnamed" in output and ": survivor" not in output and "Case" in output


def test_a_right_answer_that_does_not_pass_is_an_error(blind, monkeypatch):
    monkeypatch.setattr(command, "source_of", lambda function: "def affine(x, w, b):\n    return x - w")
    monkeypatch.setattr(command, "mutants", lambda exercise, budget: [])
    ran = run("affine")
    assert ran.exit_code == 1 and "affine: its reference does not pass" in ran.output


@pytest.mark.parametrize(
    ("state", "misconception", "wanted"),
    [
        ("passed", None, "survivor"),
        ("failed", None, "unnamed"),
        ("not attempted", None, "unnamed"),
        ("failed", "no-bias", "named"),
        ("failed", "slip: term", "named by slip"),
        ("stopped", None, "stopped"),
        ("error", None, "error"),
    ],
)
def test_fates(state, misconception, wanted):
    judged = Judged(mutant(), state, misconception)
    row = Row("affine", "99")
    row.count(fate(judged, []))
    assert judged.fate == wanted
    assert (row.mutants, row.killed) == (1, wanted not in ("survivor", "error"))
    counted = row.named + row.by_slip + row.unnamed + row.stopped + row.equivalent + row.survivors
    assert counted == (wanted != "error")


def test_an_entry_covers_what_it_names():
    survivor = Judged(mutant(), "passed")
    for entry, covers in [
        (Equivalent("affine", "+ b", "", "…"), True),
        (Equivalent("*", "+ b", "", "…"), True),
        (Equivalent("affine", "+ b", "", "…", "return x @ w"), True),
        (Equivalent("affine", "+ b", "", "…", "return x @ w - b"), False),
        (Equivalent("other", "+ b", "", "…"), False),
        (Equivalent("affine", "+ b", "- b", "…"), False),
    ]:
        assert entry.covers(survivor) == covers
        assert fate(survivor, [entry]) == ("equivalent" if covers else "survivor")
        assert fate(Judged(mutant(), "failed"), [entry]) == "unnamed"
    killed = Equivalent("affine", "* 2", "", "…")
    assert idle([killed, Equivalent("other", "+ b", "", "…")], [survivor]) == [killed]


@pytest.mark.parametrize(
    "entry",
    [
        "was = 'a'\nnow = 'b'\nwhy = 'c'",
        "exercise = 'e'\nwas = 'a'\nnow = 'b'\nwhy = ' '",
        "exercise = 'e'\nwas = 'a'\nnow = 1\nwhy = 'c'",
        "exercise = 'e'\nwas = 'a'\nnow = ''\nwhy = 'c'\nextra = ''",
    ],
)
def test_an_entry_in_disorder_is_refused(tmp_path, entry):
    path = tmp_path / "equivalent.toml"
    path.write_text(f"[[equivalent]]\n{entry}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^equivalent.toml: got .*, wanted texts"):
        read_equivalents(path)


def test_a_solution_is_taken_from_its_chapter_with_what_it_needs():
    solution = code.solution("gradient_norms", "03")
    assert "np.linalg.norm" in source_of(solution)
    dh, h, Wh = np.ones((2, 3)), np.zeros((2, 4, 3)), 2 * np.eye(3)
    assert np.allclose(solution(dh, h, Wh), np.sqrt(6) * 2.0 ** np.arange(3, -1, -1))
    assert list(right_answers(get("rnn_step"))) == [code.REFERENCE]   # both are written alike
    assert code.solution("rnn_step", "04") is None
    calls = code.solution("rnn_forward", "01").__globals__
    assert calls["rnn_step"] is get("rnn_step").reference and calls["np"] is np


def test_mutants_of_both_none_twice_and_the_same_at_every_draw(blind, monkeypatch):
    def answer(x, w, b):
        return x @ w + b * 1.0

    monkeypatch.setitem(right_answers(blind), code.SOLUTION, answer)
    exercise, every = blind, mutants(blind)
    assert {each.origin for each in every} == {code.REFERENCE, code.SOLUTION}
    bodies = [each.slip.source.partition("(")[2] for each in every]
    assert len(set(bodies)) == len(bodies)
    assert source_of(affine).partition("(")[2] not in bodies   # `* 1.0` left out
    drawn = mutants(exercise, 7)
    assert len(drawn) == 7 and drawn == mutants(exercise, 7) and set(drawn) < set(every)
    assert made(exercise, drawn[0].origin, drawn[0].slip.source).__name__ in drawn[0].slip.source


def test_what_is_called_for():
    assert [each.name for each in chosen(["rnn_step"], None)] == ["rnn_step"]
    for chapter in ("4", "04", "04_lstm_gru"):
        assert {each.chapter for each in chosen(None, chapter)} == {"04"}
    for wrong in ((["rnn_stop"], None), (None, "44")):
        with pytest.raises(ValueError, match=r"got '(rnn_stop|44)', wanted"):
            list(chosen(*wrong))
    assert run("rnn_stop").exit_code == 2


def test_a_mutant_that_does_not_come_back_is_stopped_and_the_next_one_judged():
    right = source_of(get("recurrent_parameters").reference)
    head = right.split("\n")[0]

    def with_body(body):
        return mutant(source=f"{head}\n    {body}", exercise="recurrent_parameters")

    worker = Worker(slips_named=False)
    try:
        assert worker.judge(mutant(source=right, exercise="recurrent_parameters"), 60).fate == "survivor"
        stuck = worker.judge(with_body("while True: pass"), 0.5)
        assert stuck.fate == "stopped" and "still running" in stuck.text
        assert worker.judge(with_body("return 0"), 60).fate == "unnamed"
        ended = worker.judge(with_body("import os; os._exit(3)"), 60)
        assert ended.fate == "stopped" and ended.text == "The process ended."
        assert worker.judge(with_body("return 0"), 60).fate == "unnamed"
        assert worker.judge(mutant(source="x = 1", exercise="recurrent_parameters"), 60).fate == "error"
    finally:
        worker.close()
    assert worker.process is None


@pytest.mark.timeout(1200)   # on a busy machine
@pytest.mark.torture   # a minute or more: some never end
def test_a_sample_of_wrong_answers_is_noticed():
    """`python -m tools.mutants` tries them all."""
    todo = [each for name in NAMES for each in mutants(get(name), SAMPLE)]
    every = judge_all(todo, jobs=1, seconds=30, slips_named=False)
    assert [each.mutant for each in every] == todo
    excused = read_equivalents()
    faults = [
        f"{each.mutant.exercise}: {each.mutant.slip.was!r} → {each.mutant.slip.now!r} {each.text}"
        for each in every
        if fate(each, excused) in ("survivor", "error")
    ]
    why = "a wrong answer passes, or is right after all (tools/mutants/equivalent.toml)"
    assert not faults, "\n".join([why, *faults])


def test_the_entries_are_in_order():
    known = {*NAMES, "*"}
    assert all(entry.exercise in known for entry in read_equivalents(report.EQUIVALENT))
