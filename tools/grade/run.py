"""Grade many submissions: a process each, some at a time; what is done is kept and not done again."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import multiprocessing
import os
import platform
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers.checks import get
from helpers.checks.prepared import prepared
from helpers.checks.registry import Exercise
from helpers.files import lock, portable_name
from helpers.languages import language
from helpers.processes import worker
from tools.grade import reading, results
from tools.grade.judging import Judge, is_tried_inside
from tools.grade.results import MISSING, NOT_GRADED, PASSED, ClassResult, ExerciseResult, SubmissionResult
from tools.grade.sandbox import BUBBLEWRAP, PLAIN, Sandbox, SandboxBroken, bubblewrap_problem

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0   # seconds for a submission, and as many for each exercise, before its judge is given up
LOOK = 0.05       # seconds between two looks at the processes


class CannotGrade(Exception):
    """Nothing can be graded here; the text says why."""


@dataclass
class Settings:
    """How to grade: `out` takes the results; `isolated` None takes bubblewrap where there is one."""

    out: Path
    jobs: int = 2
    isolated: bool | None = None
    chapters: tuple[str, ...] = ()      # only these; () for all that are handed in
    tell: Callable[[str], object] = lambda text: None
    progress: Callable[[int, int, str], object] = lambda done, whole, learner: None


def grade(paths: Sequence[Path], settings: Settings) -> ClassResult:
    """Grade what lies at `paths` → the class's result; one file a submission goes to ``out/results``.

    The course's own solutions are graded first: where one does not get full marks here, its exercise is not
    graded for anybody who has not passed it. Raises CannotGrade where there is nothing to grade or the grader
    does not work, and ValueError for a path that is none.
    """
    submissions = reading.submissions(paths)
    if not submissions:
        raise CannotGrade(f"No notebook of the course was found in {', '.join(map(str, paths))}.")
    chapters = sorted({each.chapter for one in submissions for each in one.files if each.chapter})
    chapters = [each for each in chapters if not settings.chapters or each in settings.chapters]
    if not chapters:
        problems = [*(text for one in submissions for text in one.problems), *_unread(submissions)]
        raise CannotGrade("\n".join(["Nothing that was handed in is of a chapter to be graded.", *problems]))
    isolation = _isolation(settings)
    settings.out.mkdir(parents=True, exist_ok=True)
    with lock(settings.out / "grading", settings.tell):
        secret = secrets.token_bytes(16)   # of this run: whoever hands in again meets other cases
        course = course_version()
        prepare(chapters, secret)
        broken = _own_solutions(chapters, secret, settings, course, isolation)
        todo, done = [], {}
        for submission in submissions:
            path = settings.out / "results" / f"{portable_name(submission.learner)}.json"
            key = _key(submission, course, isolation, settings.chapters)
            kept = _kept(path, key)
            if kept is None:
                todo.append((submission, path, key))
            else:
                done[submission.learner] = kept
        done |= _all(todo, len(submissions), chapters, secret, broken, settings, isolation)
    found = [done[each.learner] for each in submissions]
    return ClassResult(tuple(found), tuple(reading.alike(found)), about(course, isolation))


def prepare(chapters: Iterable[str], secret: bytes) -> None:
    """Compute the right answers once, before processes are forked that need them."""
    os.environ["OMP_NUM_THREADS"] = "1"   # for torch, which some exercises import
    for chapter in chapters:
        for name in reading.exercise_names(chapter):
            exercise = get(name)
            if isinstance(exercise, Exercise):
                for each in (b"", secret):
                    prepared(exercise, np.float64, each)
                is_tried_inside(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def graded(submission: reading.Submission, chapters: Sequence[str], secret: bytes, broken: dict[str, str],
           isolation: str, key: str = "") -> SubmissionResult:  # fmt: skip
    """Judge one submission, here and now. `broken`: exercises that cannot be judged, and why."""
    started = time.monotonic()
    found: list[ExerciseResult] = []
    answers = [each for each in reading.answers(submission) if each.chapter in chapters]
    with Judge(secret, isolated=isolation == BUBBLEWRAP) as judge:
        for answer in answers:
            result = judge.judged(answer)
            if answer.exercise in broken and result.state not in (PASSED, MISSING):
                why = broken[answer.exercise]
                text = f"Not graded: the course's own solution does not pass here ({why})."
                result = replace(result, state=NOT_GRADED, points=None, text=text, hint="", mistake="")
            found.append(result)
    problems = (*submission.problems, *_unread([submission]))
    return SubmissionResult(
        submission.learner, now(), isolation, tuple(found), tuple(submission.files), problems,
        round(time.monotonic() - started, 1), key,
    )  # fmt: skip


def _unread(submissions: Iterable[reading.Submission]) -> Iterator[str]:
    """Of each file that could not be read its name, and why."""
    return (f"{each.path}: {each.problem}" for one in submissions for each in one.files if each.problem)


def _own_solutions(chapters, secret, settings, course, isolation) -> dict[str, str]:
    """Grade the course's solutions as a learner's → the exercises that do not get full marks, and why."""
    path = settings.out / "results" / ".own-solutions.json"
    own = reading.own_solutions(chapters)
    key = _key(own, course, isolation, tuple(chapters))
    result = _kept(path, key)
    if result is None:
        settings.tell("Grading the course's own solutions first.")
        quiet = replace(settings, progress=lambda *_: None)
        found = _all([(own, path, key)], 1, chapters, secret, {}, quiet, isolation)
        result = found[own.learner]
    broken = {each.exercise: each.text or each.state for each in result.exercises if each.state != PASSED}
    if broken and len(broken) == len(result.exercises):
        raise CannotGrade(
            "The grader does not work here: not one of the course's own solutions gets full marks. "
            f"The first: {next(iter(broken))}: {next(iter(broken.values()))}"
        )
    for name, why in broken.items():
        settings.tell(f"{name} is not graded: the course's own solution does not pass here ({why})")
    return broken


def _all(todo, whole, chapters, secret, broken, settings, isolation) -> dict[str, SubmissionResult]:
    """Judge submissions in processes of their own, `settings.jobs` at a time."""
    context = multiprocessing.get_context("fork")
    waiting, running, done = list(todo), {}, {}
    finished = whole - len(todo)
    settings.progress(finished, whole, "")
    try:
        while waiting or running:
            while waiting and len(running) < settings.jobs:
                submission, path, key = waiting.pop(0)
                work = (os.getpid(), path, submission, chapters, secret, broken, isolation, key)
                process = context.Process(target=_in_a_process, args=work)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                process.start()
                patience = PATIENCE * (1 + len(reading.unread(submission)))
                running[process] = (submission, path, time.monotonic() + patience)
            time.sleep(LOOK)
            for process in list(running):
                submission, path, end = running[process]
                if process.is_alive() and time.monotonic() < end:
                    continue
                late = process.is_alive()
                process.kill()
                process.join()
                del running[process]
                result = _kept(path, None)
                if result is None:
                    why = "did not come to an end" if late else f"ended ({process.exitcode})"
                    result = _not_graded(submission, chapters, isolation, f"its judge {why}")
                    results.write(path, result)
                done[submission.learner] = result
                finished += 1
                settings.progress(finished, whole, submission.learner)
    finally:
        for process in running:
            process.kill()
            process.join()
    return done


def _in_a_process(parent: int, path: Path, *work: Any) -> None:
    worker(parent)
    submission, chapters, secret, broken, isolation, key = work
    try:
        result = graded(submission, chapters, secret, broken, isolation, key)
    except Exception as error:
        why = f"the grader failed: {type(error).__name__}: {error}"[:500]
        result = _not_graded(submission, chapters, isolation, why)
    results.write(path, result)


def _not_graded(submission, chapters, isolation, why: str) -> SubmissionResult:
    text = f"Not graded: {why}."
    answers = [each for each in reading.unread(submission) if each.chapter in chapters]
    found = tuple(
        ExerciseResult(each.exercise, each.chapter, NOT_GRADED, None, each.max_points, each.number, text,
                       notebook=each.notebook)
        for each in answers
    )  # fmt: skip
    return SubmissionResult(submission.learner, now(), isolation, found, tuple(submission.files), (text,))


def _kept(path: Path, key: str | None) -> SubmissionResult | None:
    """A result that is there already: of this key, or of any."""
    try:
        result = results.read(path)
    except (OSError, ValueError):
        return None
    return result if key is None or result.key == key else None


def _key(submission, course: str, isolation: str, chapters: tuple[str, ...]) -> str:
    """Of everything that a submission's result depends on."""
    parts = [course, isolation, language(), *chapters, submission.learner]
    parts += [f"{each.path} {each.sha256} {each.changed}" for each in submission.files]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def course_version() -> str:
    """A hash of the checks, the solutions and the grader."""
    digest = hashlib.sha256()
    for folder, pattern in (("helpers", "**/*.py"), ("tools/grade", "**/*.py"), ("solutions", "*.ipynb")):
        for path in sorted((ROOT / folder).glob(pattern)):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def about(course: str, isolation: str) -> dict[str, str]:
    """With what was graded, for the reports."""
    libraries = {name: importlib.metadata.version(name) for name in ("numpy", "torch")}
    return {
        "course": course, "isolation": isolation, "graded": now(), "python": platform.python_version(),
        **libraries, "system": platform.platform(),
    }  # fmt: skip


def now() -> str:
    """The time, ISO 8601 with zone, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def _isolation(settings: Settings) -> str:
    """How answers run; CannotGrade where they cannot run at all, or not as it was asked for."""
    problem = bubblewrap_problem()
    if settings.isolated and problem:
        raise CannotGrade(f"Isolation was asked for: {problem}.")
    isolated = not problem if settings.isolated is None else settings.isolated
    if not isolated:
        why = problem or "as asked"
        settings.tell(f"Answers run NOT ISOLATED ({why}): Python alone keeps them from your files.")
    try:
        with Sandbox(isolated=isolated):
            pass
    except (SandboxBroken, OSError, AttributeError) as error:
        raise CannotGrade(f"Answers cannot run here: {error}. (Grading needs Linux, macOS or WSL.)") from None
    return BUBBLEWRAP if isolated else PLAIN
