"""Results as JUnit's XML, which CI systems show: a suite a learner, or a suite a chapter of one learner's."""

from __future__ import annotations

import io
from collections.abc import Iterable

from junitparser import Error, Failure, JUnitXml, Properties, Property, Skipped, TestCase, TestSuite

from tools.grade.reports import summary
from tools.grade.reports.plain import PRINTED, clean, heading, label, missed, number
from tools.grade.results import (
    FAILED,
    MISSING,
    NOT_ATTEMPTED,
    NOT_GRADED,
    PARTLY,
    ClassResult,
    ExerciseResult,
    SubmissionResult,
    total,
)


def junit_text(found: ClassResult) -> str:
    """The XML. Passed passes; a wrong answer, also a partly right one, is a failure; an exercise that was not
    attempted or is not in the notebook is skipped; what could not be graded is an error. The points are
    properties."""
    report = JUnitXml("unrolled")
    alone = len(found.submissions) == 1
    for each in found.submissions:
        whole = _suite(label(each.learner), each, summary.in_order(each))
        for suite in _by_chapter(each) if alone else [whole]:
            report.add_testsuite(suite)
        if each.problems:
            report.add_testsuite(_problems(each))
    report.update_statistics()
    out = io.BytesIO()
    report.write(out, pretty=True)
    return out.getvalue().decode("utf-8")


def _by_chapter(submission: SubmissionResult) -> Iterable[TestSuite]:
    for chapter, results, _, _ in summary.chapters(submission):
        yield _suite(f"Chapter {clean(chapter, 20, line=True)}", submission, results)


def _suite(name: str, submission: SubmissionResult, results: Iterable[ExerciseResult]) -> TestSuite:
    results = list(results)
    suite = TestSuite(name)
    suite.timestamp = clean(submission.graded, 40, line=True)
    points, most = total(results)
    facts = {"learner": label(submission.learner), "points": number(points), "max_points": number(most),
             "isolation": clean(submission.isolation, 100, line=True)}  # fmt: skip
    for key, value in facts.items():
        suite.add_property(key, value)
    suite.add_testcases([_case(each) for each in results])
    return suite


def _case(result: ExerciseResult) -> TestCase:
    case = TestCase(clean(heading(result), 200, line=True), f"chapter_{clean(result.chapter, 20, line=True)}")
    case.time = round(result.seconds, 3)
    properties = Properties()
    state = {"points": number(result.points), "max_points": number(result.max_points), "state": result.state}
    for key, value in state.items():
        properties.add_property(Property(key, value))
    case.append(properties)
    kinds = {FAILED: Failure, PARTLY: Failure, NOT_ATTEMPTED: Skipped, MISSING: Skipped, NOT_GRADED: Error}
    if result.state in kinds:
        outcome = kinds[result.state](missed(result), "misconception" if result.mistake else result.state)
        outcome.text = told(result)
        case.result = [outcome]
    if result.printed:
        case.system_out = clean(result.printed, PRINTED)
    return case


def told(result: ExerciseResult) -> str:
    """Text and hint of a result, in plain text."""
    parts = [clean(result.text)] + ([f"Hint: {clean(result.hint)}"] if result.hint else [])
    return "\n".join(part for part in parts if part)


def _problems(submission: SubmissionResult) -> TestSuite:
    suite = TestSuite(f"{label(submission.learner)}: what was handed in")
    for index, sentence in enumerate(submission.problems, 1):
        case = TestCase(f"problem {index}", "files")
        case.result = [Error(clean(sentence, line=True), NOT_GRADED)]
        suite.add_testcase(case)
    return suite
