"""A chapter from its first cell to its last, with trials where an exercise has been solved."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from helpers.checks import Exercise, landmarks
from tools.build.source import Chapter
from tools.usable.needed import Names, names_in, needed_for, touched_by
from tools.usable.retyped import TOGETHER, accepted, retyped
from tools.usable.trials import CellFailed, Shell, Trial, Trials, Warned

REQUIRE_SNIPPETS = False   # whether a statement without landmarks is a failure, or only told
CHAPTERS_CELL, TRIALS_CELL = 6.5, 0.6   # seconds after which a cell is cut short, unless all are to run
SOLUTION = "the solution"   # the trial that the others' warnings are compared with


@dataclass
class Step:
    """A code cell, or a block of landmarks in the text before an exercise; `line` is where it begins."""

    source: str
    line: int
    role: str = ""   # "exercise", "check", "landmark", "draws" or ""
    exercise: str = ""
    names: Names = field(default_factory=Names)


@dataclass
class Report:
    """What was found in a chapter; `omitted`: one of its own cells failed, with others left out."""

    chapter: str
    trials: Counter = field(default_factory=Counter)   # by exercise
    kinds: int = 0   # of the trials, those with results of other types
    landmarks: int = 0
    without: list[str] = field(default_factory=list)
    in_trials: set[int] = field(default_factory=set)   # cells cut short or left out there, by position
    skipped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    run: int = 0
    cells: int = 0
    omitted: bool = False
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [
            f"{self.chapter}: {len(self.trials)} exercises, {self.trials.total()} answers "
            f"({self.kinds} of other types), {self.landmarks} landmarks, {len(self.failures)} failures; "
            f"{self.run} of {self.cells} cells, {self.seconds:.0f} s"
        ]
        lines += [f"  {skipped}" for skipped in self.skipped]
        lines += [f"  no landmark snippet: {', '.join(self.without)}"] if self.without else []
        return "\n".join([*lines, *(f"  ✗ {failure}" for failure in self.failures)])


def steps_of(chapter: Chapter) -> list[Step]:
    """The code cells of a chapter, without sliders, and the landmarks, each after its exercise's cell."""
    steps, text = [], []
    for cell in chapter.cells:
        if cell.kind == "markdown":
            text.append(cell.source)
        if cell.kind != "code" or cell.options.get("demo"):
            continue
        role = next((role for role in ("exercise", "check", "draws") if cell.options.get(role)), "")
        name = cell.options[role] if role in ("exercise", "check") else ""
        steps.append(Step(cell.source, cell.first_line, role, name))
        if role == "exercise":
            blocks = landmarks.fenced("\n\n".join(text))
            steps += [Step(block, cell.first_line, "landmark", name) for block in blocks]
        text = []
    for step, names in zip(steps, names_in([s.source * (s.role != "check") for s in steps]), strict=True):
        step.names = names
        if step.role == "landmark":   # it runs in a fork, and changes nothing here
            names.binds, names.changes = set(), set()
    return steps


def planned(
    steps: Sequence[Step], names: set[str], *, all_cells: bool, in_full: bool
) -> tuple[dict[int, list[int]], set[int]]:
    """Which steps run for the exercises `names`: in a trial, by the step of its check, and in the chapter.

    A trial takes those cells up to the next exercise that use the answer, and what they need among them;
    the chapter takes what trials and landmarks need, or `all_cells`. Trials `in_full` draw figures, too.
    """
    idle = {"check", "landmark"} if in_full else {"check", "landmark", "draws"}
    starts = [position for position, step in enumerate(steps) if step.role == "exercise"]
    cells, trials, wanted = [step.names for step in steps], {}, set()
    for position, step in enumerate(steps):
        if step.exercise not in names:
            continue
        if step.role == "landmark":
            wanted.add(position)
        elif step.role == "check":
            end = next((start for start in starts if start > position), len(steps))
            region = [each for each in range(position + 1, end) if steps[each].role not in idle]
            used = [steps[each].names for each in region]
            needed, before = needed_for(touched_by(step.exercise, used), used)
            trials[position] = [each for number, each in enumerate(region) if number in needed]
            cells[position] = Names(reads=before | {step.exercise})
            wanted.add(position)
    run, _ = needed_for(wanted, cells)
    return trials, set(range(len(steps))) if all_cells else run - trials.keys()


def run_chapter(
    chapter: Chapter,
    known: Mapping[str, Exercise],
    *,
    all_cells: bool = False,
    in_full: bool = False,
    jobs: int = 2,
    seconds: float = 20.0,
) -> Report:
    """Try the exercises `known` of `chapter` in this process, which is good for one chapter, and whose folder
    is that of the solutions.

    Without `all_cells` the chapter's own cells are left out where no trial needs them, and cut short; trials
    cut their cells short unless they run `in_full`, with figures.
    """
    started, steps = time.perf_counter(), steps_of(chapter)
    names = {step.exercise for step in steps if step.role == "exercise"} & set(known)
    positions, run = planned(steps, names, all_cells=all_cells, in_full=in_full)
    report = Report(chapter.name, cells=sum(step.role != "landmark" for step in steps))
    report.without = sorted(names - {step.exercise for step in steps if step.role == "landmark"})
    shell, trials = Shell(None if all_cells else CHAPTERS_CELL), Trials(jobs, seconds)
    for position, step in enumerate(steps):
        if step.role == "landmark" and step.exercise in names:
            trials.start(step.exercise, "landmark", partial(_landmarks, shell, step))
        elif step.role != "landmark" and position in run:
            report.run += 1
            try:
                shell.run(position, step.source, step.names)
            except CellFailed as error:
                report.failures.append(f"{_place(chapter, steps, position, error.line)}: {error}")
                report.omitted = not all_cells
                break
        if position in positions:
            limit = None if in_full else TRIALS_CELL
            _start(trials, _Cells(shell, steps, positions[position], limit), known[step.exercise])
    _collect(report, chapter, steps, trials.finish())
    told = [("cut short", shell.cut), ("left out for it", shell.left_out)]
    told += [("cut short or left out in trials", report.in_trials)]
    for words, skipped in told:
        lines = ", ".join(str(steps[each].line) for each in sorted(skipped))
        report.skipped += [f"{words}: the cells in line {lines}"] if lines else []
    if REQUIRE_SNIPPETS:
        report.failures += [f"{name}: no landmark snippet in its statement" for name in report.without]
    report.omitted &= not all_cells
    report.seconds = time.perf_counter() - started
    return report


@dataclass(frozen=True)
class _Cells:
    """The cells in which answers are tried."""

    shell: Shell
    steps: Sequence[Step]
    positions: Sequence[int]
    limit: float | None

    def answer(self, name: str, function: Any, tell: Callable[..., None]) -> None:
        """Run them with `function` under `name`, as if its check had handed it back; None: as it is."""
        self.shell.limit, self.shell.cut, self.shell.left_out = self.limit, [], []
        if function is not None:
            self.shell.names[name] = function
        for position in self.positions:
            tell(position=position)
            step = self.steps[position]
            for each in self.shell.run(position, step.source, step.names):
                tell(warned=each)
        tell(skipped=self.shell.cut + self.shell.left_out)

    def other_types(self, exercise: Exercise, kinds: Sequence[str], tell: Callable[..., None]) -> None:
        """Run them with the reference's results as those of `kinds` that the check accepts."""
        taken = accepted(exercise, kinds)
        tell(kinds=", ".join(taken))
        if taken:
            self.answer(exercise.name, retyped(exercise, taken), tell)


def _start(trials: Trials, cells: _Cells, exercise: Exercise) -> None:
    trials.start(exercise.name, SOLUTION, partial(cells.answer, exercise.name, None))
    for variant in exercise.variants:
        work = partial(cells.answer, exercise.name, variant.function)
        trials.start(exercise.name, f"“{variant.name}”", work)
    for kinds in TOGETHER:
        trials.start(exercise.name, "results as", partial(cells.other_types, exercise, kinds))


def _landmarks(shell: Shell, step: Step, tell: Callable[..., None]) -> None:
    if step.names.reads & shell.unfinished:
        tell(landmarks=0, wrong=[])
        return
    found = landmarks.run(step.source, shell.names)
    tell(landmarks=len(found), wrong=[str(each) for each in found if not each.holds])


def _place(chapter: Chapter, steps: Sequence[Step], position: int, line: int = 0) -> str:
    return f"{chapter.file}:{steps[position].line + max(line - 1, 0)}"


def _collect(report: Report, chapter: Chapter, steps: Sequence[Step], done: Sequence[Trial]) -> None:
    """Add to `report` what the trials found."""
    usual: dict[str, set[Warned]] = {}
    cut: dict[str, set[int]] = {}
    for trial in done:
        if trial.label == SOLUTION:
            usual[trial.exercise] = {Warned(*event["warned"]) for event in trial.events if "warned" in event}
            cut[trial.exercise] = set(trial.last("skipped", ()))
            report.in_trials |= cut[trial.exercise]
    for trial in done:
        kinds, error = trial.last("kinds"), trial.last("error") or trial.problem
        name = f"{trial.exercise}, {trial.label}" + (f" {kinds}" if kinds else "")
        if trial.label == "landmark":
            report.landmarks += trial.last("landmarks", 0)
            report.failures += [f"{name}: {text}" for text in trial.last("wrong", ())]
        elif trial.label == SOLUTION:
            report.omitted |= bool(error)
        elif kinds != "":
            report.trials[trial.exercise] += 1
            report.kinds += kinds is not None
        position = trial.last("position")
        if error:
            place = "" if position is None else f", {_place(chapter, steps, position, trial.last('line', 0))}"
            report.failures.append(f"{name}{place}: {error}")
            continue
        for event in trial.events:
            given = Warned(*event["warned"]) if "warned" in event else None
            if given and given not in usual[trial.exercise] and given.position not in cut[trial.exercise]:
                place = _place(chapter, steps, given.position)
                report.failures.append(f"{name}, {place}: new {given.category}: {given.message}")

