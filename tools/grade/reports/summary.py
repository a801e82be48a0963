"""A class in numbers: how often each exercise passed, which mistakes were made how often and by whom, and
what is left for a human."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tools.grade.results import (
    FAILED,
    NOT_GRADED,
    PARTLY,
    STATES,
    ClassResult,
    ExerciseResult,
    SubmissionResult,
    total,
)


@dataclass(frozen=True)
class ExerciseCount:
    """How an exercise went: `states` counts each of STATES, `points` is the mean of what was graded (None
    where nothing was)."""

    result: ExerciseResult          # anybody's, for number, name and chapter
    states: dict[str, int]
    points: float | None


@dataclass(frozen=True)
class Mistake:
    """A mistake and who made it. `name` is "" where wrong answers are none of the known mistakes."""

    result: ExerciseResult          # one of those who made it
    name: str
    hint: str
    learners: tuple[str, ...]


@dataclass(frozen=True)
class Remark:
    """A sentence for the instructor about one learner; `result` is the exercise it is about, if about one."""

    learner: str
    sentence: str
    result: ExerciseResult | None = None


def exercise_counts(found: ClassResult) -> list[ExerciseCount]:
    """A count an exercise, in the course's order."""
    every = _by_exercise(found)
    counts = []
    for each in found.exercises():
        results = [result for _, result in every[each.chapter, each.exercise]]
        states = Counter(result.state for result in results)
        graded = [result.points for result in results if result.points is not None]
        mean = sum(graded) / len(graded) if graded else None
        counts.append(ExerciseCount(each, {state: states[state] for state in STATES}, mean))
    return counts


def mistakes(found: ClassResult) -> list[Mistake]:
    """The mistakes that were made, the most frequent first, those of one frequency in the course's order."""
    every, made = _by_exercise(found), []
    for each in found.exercises():
        groups: dict[str, list[tuple[str, ExerciseResult]]] = {}
        for learner, result in every[each.chapter, each.exercise]:
            if result.state in (FAILED, PARTLY):
                groups.setdefault(result.mistake, []).append((learner, result))
        for name, group in groups.items():
            first = group[0][1]
            learners = tuple(learner for learner, _ in group)
            made.append(Mistake(first, name, _hint(result for _, result in group) if name else "", learners))
    return sorted(made, key=lambda mistake: -len(mistake.learners))


def not_graded(found: ClassResult) -> list[Remark]:
    """What could not be graded, and why: whole submissions' problems and single exercises."""
    remarks = []
    for each in found.submissions:
        remarks += [Remark(each.learner, sentence) for sentence in each.problems]
        for file in each.files:
            if file.problem and not any(file.problem in sentence for sentence in each.problems):
                remarks.append(Remark(each.learner, f"{file.path}: {file.problem}"))
        for result in each.exercises:
            if result.state == NOT_GRADED or result.points is None:
                remarks.append(Remark(each.learner, result.text or "no reason was given", result))
    return remarks


def to_review(found: ClassResult) -> list[Remark]:
    """The sentences that a human has to decide on."""
    return [
        Remark(each.learner, sentence, result)
        for each in found.submissions for result in each.exercises for sentence in result.review
    ]  # fmt: skip


def in_order(found: SubmissionResult) -> list[ExerciseResult]:
    """A submission's results in the course's order."""
    return ClassResult((found,)).exercises()


def chapters(found: SubmissionResult) -> Iterator[tuple[str, list[ExerciseResult], float, float]]:
    """(chapter, its results, points, most points) for each chapter that a submission has."""
    for chapter, group in itertools.groupby(in_order(found), key=lambda result: result.chapter):
        own = list(group)
        yield chapter, own, *total(own)


def state_counts(submission: SubmissionResult) -> list[tuple[str, int]]:
    """(state, how many) of the states that the submission's exercises have."""
    states = Counter(result.state for result in submission.exercises)
    return [(state, states[state]) for state in STATES if states[state]]


def _hint(results: Iterable[ExerciseResult]) -> str:
    """What explains a mistake: the hint, or the text where it is one for all (a quiz's option)."""
    results = list(results)
    same = len({result.text for result in results}) == 1
    return results[0].hint or (results[0].text if same else "")


def _by_exercise(found: ClassResult) -> dict[tuple[str, str], list[tuple[str, ExerciseResult]]]:
    every: dict[tuple[str, str], list[tuple[str, ExerciseResult]]] = {}
    for submission in found.submissions:
        for each in submission.exercises:
            every.setdefault((each.chapter, each.exercise), []).append((submission.learner, each))
    return every
