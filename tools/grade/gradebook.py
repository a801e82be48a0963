"""Our results into nbgrader's gradebook: python -m tools.grade.gradebook ASSIGNMENT RESULTS --course FOLDER.

nbgrader stays the tool for release, exchange, due dates and the gradebook; what it does not do any more is to
run learners' code. Scores go in through its API, one learner at a time, all of a learner's or none.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from helpers.console import command, say
from helpers.files import write_text
from helpers.processes import stoppable
from tools.grade import results
from tools.grade.reports.junit import told
from tools.grade.reports.pages import learner_page
from tools.grade.reports.plain import count, label, missed, of
from tools.grade.results import NOT_ATTEMPTED, PASSED, ExerciseResult, SubmissionResult

CHECK = "_check"   # behind an exercise's name: its cell that nbgrader gives points
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Cell:
    """A cell of the assignment that gets points for one of our exercises."""

    notebook: str
    name: str
    exercise: str
    points: float


@dataclass(frozen=True)
class Entered:
    """What went into the gradebook for one learner; `unknown` are the exercises left for a human."""

    learner: str
    points: float
    most: float
    unknown: tuple[str, ...]


class Course:
    """nbgrader's course in a folder, with its gradebook and its own settings (``nbgrader_config.py``)."""

    def __init__(self, folder: Path, assignment: str):
        """Raises ValueError where there is no such assignment, no gradebook, or no nbgrader."""
        _find_alembic()
        try:
            from nbgrader.api import Gradebook, MissingEntry
            from nbgrader.apps import NbGrader
        except ModuleNotFoundError:
            raise ValueError('nbgrader: got none, wanted it installed (pip install -e ".[grade]")') from None
        if not folder.is_dir():
            raise ValueError(f"course: got {str(folder)!r}, wanted the folder of a course of nbgrader's")
        self.app, root = NbGrader(), str(folder.resolve())   # before it is entered
        with _working_in(folder):
            self.app.initialize([], root=root)
        self.folders, self.assignment = self.app.coursedir, assignment
        url = self.folders.db_url
        if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
            raise ValueError(
                f"course: got {str(folder)!r} without a gradebook, wanted `nbgrader generate_assignment "
                f"{assignment}` to have run there"
            )
        self.gradebook = Gradebook(url, self.folders.course_id)
        try:
            self.found = self.gradebook.find_assignment(assignment)
        except MissingEntry:
            there = ", ".join(each.name for each in self.gradebook.assignments) or "none is there"
            self.gradebook.close()
            problem = f"assignment: got {assignment!r}, wanted one that was generated ({there})"
            raise ValueError(problem) from None

    def __enter__(self) -> Course:
        return self

    def __exit__(self, *_: object) -> None:
        self.gradebook.close()

    def cells(self) -> list[Cell]:
        """The cells with points that belong to an exercise: ``NAME_check``."""
        return [
            Cell(notebook.name, cell.name, cell.name.removesuffix(CHECK), cell.max_score)
            for notebook in self.found.notebooks for cell in notebook.grade_cells if cell.name.endswith(CHECK)
        ]  # fmt: skip

    def submitted(self, learner: str) -> Path:
        """Where the learner's submission lies, or would."""
        return Path(self.folders.format_path(self.folders.submitted_directory, learner, self.assignment))

    def knows(self, learner: str) -> bool:
        """Whether the learner is in the gradebook, or has handed in this assignment."""
        if learner in ("", ".", "..") or Path(learner).name != learner or "\0" in learner:
            return False
        return learner in {each.id for each in self.gradebook.students} or self.submitted(learner).is_dir()

    def waiting(self) -> list[str]:
        """The learners who have handed in this assignment."""
        pattern = self.submitted("STUDENT")
        place = pattern.parts.index("STUDENT")
        below = Path(*pattern.parts[place + 1 :])
        folder = Path(*pattern.parts[:place])
        return sorted(each.name for each in folder.glob("*") if (each / below).is_dir())

    def enter(self, found: SubmissionResult, ours: set[str]) -> Entered:
        """Put one learner's scores into the gradebook; `ours` are the exercises that the grader knows.

        A score that a human has given stays, and counts; a new one beside it is marked for a look, as
        nbgrader does. What is not graded has no score and needs a human. What was not handed in is 0, as in
        nbgrader, unless a file could not be read.
        """
        learner, book = found.learner, self.gradebook
        book.update_or_create_student(learner)
        when = self.folders.get_existing_timestamp(str(self.submitted(learner)))
        book.update_or_create_submission(self.assignment, learner, **({"timestamp": when} if when else {}))
        results_of = {each.exercise: each for each in found.exercises}
        lost = bool(found.problems) or any(file.problem for file in found.files)
        unknown = []
        try:
            for cell in self.cells():
                result = results_of.get(cell.exercise)
                if result is None and cell.exercise not in ours:
                    continue
                score = _score(result, cell.points, lost)
                grade = book.find_grade(cell.name, cell.notebook, self.assignment, learner)
                grade.auto_score = score
                grade.needs_manual_grade = score is None or grade.manual_score is not None
                if score is None:
                    unknown.append(cell.exercise)
                self._comment(cell, learner, result)
            book.db.commit()
        except BaseException:
            book.db.rollback()
            raise
        self._late(learner)
        submission = book.find_submission(self.assignment, learner)
        book.db.refresh(submission)
        points = submission.score - (submission.late_submission_penalty or 0.0)
        return Entered(learner, points, self.found.max_score, tuple(unknown))

    def _comment(self, cell: Cell, learner: str, result: ExerciseResult | None) -> None:
        """What nbgrader shows beside the answer, where the answer's cell is one of its own."""
        from nbgrader.api import MissingEntry

        try:
            comment = self.gradebook.find_comment(cell.exercise, cell.notebook, self.assignment, learner)
        except MissingEntry:
            return
        if result is None or result.state == NOT_ATTEMPTED:
            comment.auto_comment = "No response."
        else:
            text = f"{missed(result)}\n{told(result)}".strip()
            comment.auto_comment = None if result.state == PASSED else text

    def _late(self, learner: str) -> None:
        """Penalties by nbgrader's own rule for late work (``LateSubmissionPlugin``), of the scores as they
        are now."""
        from nbformat.v4 import new_notebook
        from nbgrader.preprocessors import AssignLatePenalties

        for notebook in {cell.notebook for cell in self.cells()}:
            about = {"notebook": notebook, "assignment": self.assignment, "student": learner,
                     "db_url": self.folders.db_url}  # fmt: skip
            AssignLatePenalties(parent=self.app).preprocess(new_notebook(), {"nbgrader": about})

    def feedback(self, found: SubmissionResult) -> None:
        """Write the learner's page where `nbgrader release_feedback` looks for it, one a notebook."""
        step = self.folders.feedback_directory
        folder = Path(self.folders.format_path(step, found.learner, self.assignment))
        for notebook in {cell.notebook for cell in self.cells()}:
            names = {cell.exercise for cell in self.cells() if cell.notebook == notebook}
            own = tuple(each for each in found.exercises if each.exercise in names)
            write_text(folder / f"{notebook}.html", learner_page(replace(found, exercises=own)))
        for name in ("timestamp.txt", "submission_secret.txt"):   # by which the exchange names the feedback
            if (self.submitted(found.learner) / name).is_file():
                shutil.copyfile(self.submitted(found.learner) / name, folder / name)


def _score(result: ExerciseResult | None, points: float, lost: bool) -> float | None:
    """The score of a cell that gives `points`, which may be others than the course's; None: unknown."""
    if result is None:
        return None if lost else 0.0
    if result.points is None:
        return None
    return round(result.points / result.max_points * points, 6) if result.max_points else 0.0


def _find_alembic() -> None:
    """nbgrader runs ``alembic`` as a command; it lies beside this Python, which need not be on the path."""
    beside = os.path.dirname(sys.executable)
    path = os.environ.get("PATH", os.defpath)
    if beside not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, path])


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """Be in `folder`, where nbgrader looks for its settings."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def read_results(folder: Path) -> list[SubmissionResult]:
    """The submissions' results that ``python -m tools.grade --out FOLDER`` has written, by learner.

    Raises ValueError where there are none, or for a file that is none.
    """
    inside = folder / "results" if (folder / "results").is_dir() else folder
    found = [results.read(path) for path in sorted(inside.glob("*.json")) if not path.name.startswith(".")]
    if not found:
        raise ValueError(f"results: got {str(folder)!r}, wanted a folder that `tools.grade --out` wrote")
    return sorted(found, key=lambda each: each.learner)


def enter_all(
    course: Course, found: Sequence[SubmissionResult], *, feedback: bool = True
) -> Iterator[Entered | str]:
    """Enter every learner's scores: what was entered, or a sentence about who was left out and why.

    One learner whose scores cannot be entered does not stop the others.
    """
    from sqlalchemy.exc import SAWarning, SQLAlchemyError

    ours = {each.exercise for one in found for each in one.exercises}
    if not any(cell.exercise in ours for cell in course.cells()):
        yield f"None of the exercises in these results is in the assignment {course.assignment}."
        return
    for each in found:
        if not course.knows(each.learner):
            who = label(each.learner)
            yield f"{who}: not entered, nobody of this name is in the gradebook or has handed it in."
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SAWarning)   # about nbgrader's own way with its database
                entered = course.enter(each, ours)
            if feedback:
                course.feedback(each)
            yield entered
        except (SQLAlchemyError, OSError, ValueError) as error:
            reason = str(getattr(error, "orig", None) or error)
            advice = " Try `nbgrader db upgrade` in the course's folder." if "no such" in reason else ""
            yield f"{label(each.learner)}: not entered ({reason}).{advice}"
    graded = {each.learner for each in found}
    for learner in course.waiting():
        if learner not in graded:
            yield f"{label(learner)}: handed in, but not among the results."


@app.command()
@stoppable("What is entered is entered; the same command enters the rest.")
def main(
    assignment: Annotated[str, typer.Argument(help="nbgrader's name of the assignment.")],
    found: Annotated[Path, typer.Argument(metavar="RESULTS", help="The folder of `tools.grade --out`.")],
    course: Annotated[Path, typer.Option(help="nbgrader's folder, with its gradebook.")] = Path("."),
    feedback: Annotated[bool, typer.Option(help="Write pages to nbgrader's feedback folder.")] = True,
) -> None:
    """Put results of the grader into nbgrader's gradebook. Again with newer results: the newer ones count."""
    left_out = False
    try:
        submissions = read_results(found)
        with Course(course, assignment) as opened:
            for each in enter_all(opened, submissions, feedback=feedback):
                if isinstance(each, str):
                    left_out = True
                    say(each)
                    continue
                open_ = f"; needs a human: {', '.join(each.unknown)}" if each.unknown else ""
                say(f"{label(each.learner)}: {of(each.points, each.most)}{open_}")
            say(f"{count(len(submissions), 'learner')} read from {found}.")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.Exit(int(left_out))


if __name__ == "__main__":
    command(lambda: app(prog_name="python -m tools.grade.gradebook"))
