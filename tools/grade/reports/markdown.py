"""Results in Markdown, for people: in a CI job's summary, in a mail, in a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tools.grade.reports import summary
from tools.grade.reports.plain import (
    ID,
    PRINTED,
    SYMBOLS,
    clean,
    count,
    handed_in,
    label,
    missed,
    number,
    of,
    spans,
    when,
)
from tools.grade.results import (
    FAILED,
    NOT_GRADED,
    PARTLY,
    PASSED,
    Alike,
    ClassResult,
    ExerciseResult,
    SubmissionResult,
)

LIMIT = 900_000
"""Bytes. GitHub shows no job's summary of more than 1 MiB, and other steps may write to the same."""

CUT = "**Cut here: the rest is too long for this page; the HTML and CSV have it.**"

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~#!&^]")
_NAMES = 12   # of learners, beside a mistake
_ROWS = 100   # of a table, before it is cut into several


def markdown_text(found: ClassResult) -> str:
    """The page: one learner's exercises with mistakes and hints, or a class in numbers."""
    alone = len(found.submissions) == 1
    blocks = list(_learner(found.submissions[0]) if alone else _class(found))
    kept, size = [], 0
    for block in blocks:
        size += len(block.encode()) + 2
        if size > LIMIT:
            kept.append(CUT)
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def escaped(text: str) -> str:
    """Markdown of one line that shows `text` and nothing else: no markup, link, mention or formula in it."""
    text = _SPECIAL.sub(r"\\\g<0>", clean(text, line=True))
    text = text.replace("@", "@\u200b").replace("://", ":\u200b//").replace("$", "<span>$</span>")
    text = re.sub(r"\bwww\.", "www\u200b.", text, flags=re.I)
    return re.sub(r"^(\d+)([.)])(?=\s|$)|^([-+=])", _no_list, text)


def _no_list(found: re.Match[str]) -> str:
    return f"\\{found[3]}" if found[3] else f"{found[1]}\\{found[2]}"


def code(text: str, limit: int = ID) -> str:
    """Markdown of `text` as code, also within a table, where a pipe cannot stand in backticks."""
    text = clean(text, limit, line=True)
    if "|" in text:
        return "<code>" + re.sub(r"[!-/:-@\[-`{-~]", lambda mark: f"&#{ord(mark[0])};", text) + "</code>"
    fence = "`" * (_longest_run(text) + 1)
    space = " " if text[:1] in "` " or text[-1:] in "` " else ""
    return f"{fence}{space}{text or ' '}{space}{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def rich(text: str) -> str:
    """Markdown of a text in which code is set in backticks."""
    pieces = spans(clean(text, line=True))
    return "".join(code(piece, len(piece)) if is_code else escaped_piece(piece) for is_code, piece in pieces)


def escaped_piece(text: str) -> str:
    """`escaped`, with the spaces at both ends."""
    before = " " * (text[:1] == " ")
    return f"{before}{escaped(text)}{' ' * (text[-1:] == ' ' and bool(text.strip()))}"


def block(text: str) -> str:
    """Markdown of `text` as a block of code."""
    text = clean(text, PRINTED)
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def _learner(submission: SubmissionResult) -> Iterable[str]:
    yield f"## Exercises: {of(submission.points, submission.max_points)} points"
    facts = [f"Learner {code(label(submission.learner))}", f"graded {escaped(when(submission.graded))}"]
    if handed_in(submission):
        facts.append(f"last change {escaped(when(handed_in(submission)))}")
    yield ", ".join(facts) + f". Answers ran: {escaped(submission.isolation)}."
    if submission.problems:
        yield "**Not everything could be graded; what is not graded is not 0:**"
        yield "\n".join(f"- {rich(each)}" for each in submission.problems)
    for chapter, results, points, most in summary.chapters(submission):
        yield f"### Chapter {escaped(chapter)}: {of(points, most)} points"
        yield _table(["", "Exercise", "Points", "State"], ["", "", "-:", ""], map(_row, results))
    for each in summary.in_order(submission):
        if each.state in (PARTLY, FAILED, NOT_GRADED):
            yield "\n\n".join(_details(each))


def _row(each: ExerciseResult) -> list[str]:
    points = f"{number(each.points) or '–'} / {number(each.max_points)}"
    return [SYMBOLS[each.state], _name(each), points, escaped(missed(each))]


def _name(each: ExerciseResult) -> str:
    return f"{escaped(each.number)} {code(each.exercise)}".strip()


def _details(each: ExerciseResult) -> Iterable[str]:
    yield f"#### {SYMBOLS[each.state]} {_name(each)}: {escaped(missed(each))}"
    if each.text:
        yield rich(each.text)
    if each.hint:
        yield f"**Hint.** {rich(each.hint)}"
    if each.printed.strip():
        yield f"It printed:\n\n{block(each.printed.strip())}"


def _class(found: ClassResult) -> Iterable[str]:
    yield f"## Class summary: {count(len(found.submissions), 'submission')}"
    if found.about:
        yield ", ".join(f"{escaped(key)} {escaped(value)}" for key, value in found.about.items())
    yield from _counts(found)
    yield from _mistakes(found)
    yield from _remarks("Not graded (not 0: these points are unknown)", summary.not_graded(found))
    yield from _remarks("For you to decide (no points were taken)", summary.to_review(found))
    yield from _alike(found.alike)
    yield "### Learners"
    rows = (_submission_row(each) for each in found.submissions)
    yield from _tables(["Learner", "Points", "Passed", "Not graded", "Last change"], rows)


def _submission_row(each: SubmissionResult) -> list[str]:
    states = dict(summary.state_counts(each))
    unknown = states.get(NOT_GRADED, 0)
    return [
        code(label(each.learner)), of(each.points, each.max_points),
        f"{states.get(PASSED, 0)} of {len(each.exercises)}",
        str(unknown) if unknown or not each.problems else "see above", escaped(when(handed_in(each))),
    ]  # fmt: skip


def _counts(found: ClassResult) -> Iterable[str]:
    counts = summary.exercise_counts(found)
    if not counts:
        return
    states = [state for state in SYMBOLS if any(each.states[state] for each in counts)]
    yield "### Exercises"
    heads = ["Exercise", *(f"{SYMBOLS[state]} {state}" for state in states), "Mean points"]
    rows = (
        [_name(each.result), *(str(each.states[state]) for state in states),
         f"{number(each.points) or '–'} / {number(each.result.max_points)}"]
        for each in counts
    )  # fmt: skip
    yield from _tables(heads, rows)


def _mistakes(found: ClassResult) -> Iterable[str]:
    made = summary.mistakes(found)
    if made:
        yield "### Mistakes, the most frequent first"
        yield from _tables(["How often", "Exercise", "Mistake", "Who"], map(_mistake_row, made))


def _mistake_row(each: summary.Mistake) -> list[str]:
    who = ", ".join(code(label(learner)) for learner in each.learners[:_NAMES])
    who += f" and {len(each.learners) - _NAMES} more" if len(each.learners) > _NAMES else ""
    told = f"**{escaped(each.name)}**. {rich(each.hint)}" if each.name else "none of the known mistakes"
    return [str(len(each.learners)), _name(each.result), told, who]


def _remarks(title: str, remarks: Sequence[summary.Remark]) -> Iterable[str]:
    if remarks:
        yield f"### {title}"
        rows = (
            [code(label(each.learner)), _name(each.result) if each.result else "", rich(each.sentence)]
            for each in remarks
        )
        yield from _tables(["Learner", "Exercise", "What"], rows)


def _alike(alike: Sequence[Alike]) -> Iterable[str]:
    if alike:
        yield "### Answers that are alike (for you to decide)"
        rows = (
            [code(each.exercise), ", ".join(code(label(who)) for who in each.learners), rich(each.sentence)]
            for each in alike
        )
        yield from _tables(["Exercise", "Learners", "What"], rows)


def _tables(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """A table in pieces, so that a page that gets too long is cut between them."""
    rows = list(rows)
    for start in range(0, len(rows), _ROWS):
        yield _table(heads, [""] * len(heads), rows[start : start + _ROWS])


def _table(heads: Sequence[str], lines: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = [line or "-" for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ruler, *rows])
