"""A chapter from its first statement to its last, with trials where an exercise has been solved."""

from __future__ import annotations

import ast
import importlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from helpers.checks import Exercise, landmarks
from tools.build.source import Chapter
from tools.usable.needed import Names, names_in, needed_for, touched_by
from tools.usable.retyped import accepted
from tools.usable.trials import Failed, Session, Step, in_a_fork

REQUIRE_SNIPPETS = True   # whether a statement without landmarks is a failure, or only told
CHAPTERS, TRIALS = 4.0, 0.15   # seconds after which a statement is cut short, unless all are to run
LANDMARKS, RETYPED, EMPTY = "landmarks", "results of other types", "left empty"   # labels of trials


@dataclass
class Report:
    """What was found in a chapter."""

    chapter: str
    trials: Counter = field(default_factory=Counter)   # by exercise
    retyped: int = 0   # of the trials, those with results of other types
    landmarks: int = 0
    cut: set[int] = field(default_factory=set)   # lines
    cut_in_trials: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    failures: dict[str, list[str]] = field(default_factory=dict)   # by exercise, "" for the chapter itself
    run: int = 0
    steps: int = 0
    seconds: float = 0.0   # of processor time

    def fail(self, exercise: str, text: str) -> None:
        self.failures.setdefault(exercise, []).append(text)

    def __str__(self) -> str:
        failures = [text for texts in self.failures.values() for text in texts]
        lines = [
            f"{self.chapter}: {len(self.trials)} exercises, {self.trials.total()} answers "
            f"({self.retyped} of other types), {self.landmarks} landmarks, {len(failures)} failures; "
            f"{self.run} of {self.steps} statements, {self.seconds:.0f} s"
        ]
        for words, cut in (("", self.cut), (" in trials", self.cut_in_trials - self.cut)):
            told = ", ".join(map(str, sorted(cut)))
            lines += [f"  cut short, or left out for it{words}: line {told}"] if cut else []
        return "\n".join([*lines, *(f"  {n}" for n in self.notes), *(f"  ✗ {text}" for text in failures)])


def steps_of(chapter: Chapter) -> list[Step]:
    """The statements of a chapter, without sliders, its checks, and the landmarks, each after its
    exercise's cell. A cell stays whole when it goes back through a graph: no name tells whose gradients
    that changes."""
    steps, text = [], []
    for cell in chapter.cells:
        if cell.kind == "markdown":
            text.append(cell.source)
        if cell.kind != "code" or cell.options.get("demo"):
            continue
        role = next((role for role in ("exercise", "check", "draws") if cell.options.get(role)), "")
        name = cell.options[role] if role in ("exercise", "check") else ""
        if role == "check":
            steps.append(Step([], cell.first_line, role, name))
        else:
            body = ast.increment_lineno(ast.parse(cell.source), cell.first_line - 1).body
            apart = [body] if ".backward(" in cell.source else [[node] for node in body]
            steps += [Step(nodes, nodes[0].lineno, role, name) for nodes in apart]
        if role == "exercise":
            blocks = landmarks.fenced("\n\n".join(text))
            steps += [Step(ast.parse(b).body, cell.first_line, "landmark", name, text=b) for b in blocks]
        text = []
    for step, names in zip(steps, names_in([step.nodes for step in steps]), strict=True):
        step.names = names
        if step.role == "landmark":   # it runs in a fork, and changes nothing here
            names.binds, names.changes = set(), set()
    return steps


def planned(
    steps: Sequence[Step], exercises: set[str], *, all_cells: bool
) -> tuple[dict[int, list[int]], set[int]]:
    """Which steps run for the `exercises`: in a trial, by the step of its check, and in the chapter.

    A trial takes those up to the next exercise that use the answer, and what they need among them (where
    none does, up to the first exercise before which one does); the chapter takes what trials and landmarks
    need, or `all_cells`, which draw figures, too.
    """
    idle = {"check", "landmark"} if all_cells else {"check", "landmark", "draws"}
    roles = [step.role for step in steps]
    starts = [each for each, role in enumerate(roles) if role == "exercise" != roles[each - 1]]
    cells, trials, wanted = [step.names for step in steps], {}, set()
    for position, step in enumerate(steps):
        if step.exercise not in exercises:
            continue
        if step.role == "landmark":
            wanted.add(position)
        elif step.role == "check":
            for end in [start for start in starts if start > position] + [len(steps)]:
                region = [each for each in range(position + 1, end) if roles[each] not in idle]
                used = [steps[each].names for each in region]
                touched = touched_by(step.exercise, used)
                if touched:
                    break
            needed, before = needed_for(touched, used)
            trials[position] = [each for number, each in enumerate(region) if number in needed]
            cells[position] = Names(reads=before | {step.exercise})
            wanted.add(position)
    run, _ = needed_for(wanted, cells)
    return trials, set(range(len(steps))) if all_cells else run


def run_chapter(
    chapter: Chapter, known: Mapping[str, Exercise], *, all_cells: bool = False, seconds: float = 20.0,
    statement: float = CHAPTERS,
) -> Report:  # fmt: skip
    """Try the exercises `known` of `chapter` in this process, which is good for one chapter, and whose folder
    is that of the solutions. Without `all_cells`, statements are left out where no trial needs them, and
    cut short, after `statement` seconds in the chapter."""
    started, steps = time.process_time() + sum(_of_forks()), steps_of(chapter)
    exercises = {step.exercise for step in steps if step.role == "exercise"} & set(known)
    trials, run = planned(steps, exercises, all_cells=all_cells)
    report = Report(chapter.name, steps=len(steps))
    session = Session(chapter.file, None if all_cells else statement)
    if any("optim" in cell.source for cell in chapter.cells):
        importlib.import_module("torch._dynamo")   # once, instead of in each trial that makes an optimizer
    for position, step in enumerate(steps):
        if position not in run:
            continue
        attempt = partial(_try, report, chapter.file, step.exercise, seconds)
        try:
            if step.role == "landmark" and step.exercise in exercises:
                attempt(LANDMARKS, partial(_landmarks, session, step))
            elif step.role == "check" and position in trials:
                exercise, after = known[step.exercise], [steps[each] for each in trials[position]]
                use = partial(_answer, session, after, None if all_cells else TRIALS, exercise)
                usual = partial(use, partial(session.names.get, step.exercise))
                for variant in exercise.variants:
                    attempt(f"“{variant.name}”", partial(use, partial(getattr, variant, "function")), usual)
                attempt(EMPTY, partial(use, exercise.stand_in), usual)
                attempt(RETYPED, partial(use, partial(accepted, exercise)), usual)
                if not after:
                    report.notes.append(f"{step.exercise}: no cell uses it")
                elif not report.trials[step.exercise]:
                    report.notes.append(f"{step.exercise}: not tried, all that uses it was left out")
            elif step.role not in ("landmark", "check"):
                report.run += 1
                session.run(step)
        except Failed as error:
            report.fail("", f"{chapter.file}:{error.line}: {error}")
            break
    report.cut |= set(session.cut)
    for name in sorted(exercises - {step.exercise for step in steps if step.role == "landmark"}):
        told = f"{name}: no landmark snippet in its statement"
        report.fail(name, told) if REQUIRE_SNIPPETS else report.notes.append(told)
    report.seconds = time.process_time() + sum(_of_forks()) - started
    return report


def _of_forks() -> tuple[float, float]:
    return os.times()[2:4]


def _answer(
    session: Session, steps: Sequence[Step], limit: float | None, exercise: Exercise,
    answer: Callable[[], Callable[..., Any] | None],
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Run `steps` with ``answer()`` as the learner's function, as its check hands it back (or, of an exercise
    that was left empty, the course's)."""
    session.limit, session.cut, session.begun, session.trial = limit, [], 0, True
    function = answer()
    if function is not None:
        session.names[exercise.name] = function
        for step in steps:
            yield {"line": step.line}
            session.run(step)
        yield {"cut": session.cut, "tried": not steps or session.begun > 0}


def _landmarks(session: Session, step: Step) -> Iterator[dict[str, Any]]:
    if step.names.reads & (session.missing | session.rough):
        yield {"cut": [step.line]}
    else:
        found = landmarks.run(step.text, session.names)
        yield {"landmarks": len(found), "wrong": [str(each) for each in found if not each.holds]}


def _try(
    report: Report, file: str, exercise: str, seconds: float, label: str, work: Callable[[], Iterator],
    usual: Callable[[], Iterator] = tuple,
) -> None:
    """Run a trial and add to `report` what it found; `usual` is the trial of the solution."""
    told = in_a_fork(work, seconds)
    if told.get("rough") and "error" in in_a_fork(usual, seconds):   # as the solution has it
        told = {"cut": [told["line"]]}
    tried = told.get("tried", "error" in told) and label != LANDMARKS
    report.trials[exercise] += tried
    report.retyped += tried and label == RETYPED
    report.landmarks += told.get("landmarks", 0)
    report.cut_in_trials |= set(told.get("cut", ()))
    for wrong in told.get("wrong", ()):
        report.fail(exercise, f"{exercise}, {label}: {wrong}")
    if "error" in told:
        place = f", {file}:{told['line']}" if told.get("line") else ""
        report.fail(exercise, f"{exercise}, {label}{place}: {told['error']}")
