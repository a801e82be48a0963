"""The page of all exercises, and the start page's table of chapters: from what the chapters' headings say."""

from __future__ import annotations

from helpers.checks import exercises as registered
from helpers.checks.registry import Quiz
from helpers.notebooks import MINUTES, QUESTION, TITLE
from tools.site.chapters import Chapter, Exercise
from tools.site.words import Words


def page(chapters: list[Chapter], words: Words) -> str:
    """The page's Markdown: sums per chapter, and each exercise with a link to its place."""
    translate = words.translate
    quizzes = {each.name for each in registered() if isinstance(each, Quiz)}
    found = {chapter.name: chapter.exercises() for chapter in chapters}
    every = [exercise for exercises in found.values() for exercise in exercises]
    columns = [translate("Chapter"), translate("Exercises"), translate("Minutes")]
    lines = [
        f"# {translate('All exercises')}",
        "",
        translate(
            "{count} exercises, about {hours} hours in all. One star is a first step, three ask for an idea "
            "of your own. Kinds: *choose*, a question; *write*, a function; *find* and *mend*, a colleague's "
            "fault.",
            count=len(every), hours=f"{_minutes(every) / 60:.0f}",
        ),
        "",
        f"| {' | '.join(columns)} | ★☆☆ | ★★☆ | ★★★ |",
        "|---|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for chapter in chapters:
        exercises = found[chapter.name]
        title = f"[{chapter.says(TITLE)}](#exercises-{chapter.name[:2]})"
        lines.append(f"| {title} | {_sums(exercises)} |")
    lines += [f"| {translate('together')} | {_sums(every)} |", ""]
    columns = [
        *(translate("Number"), translate("Exercise"), translate("Stars")),
        *(translate("Minutes"), translate("Kind")),
    ]  # fmt: skip
    for chapter in chapters:
        exercises = found[chapter.name]
        lines += [
            f"(exercises-{chapter.name[:2]})=",
            f"## {chapter.says(TITLE)}",
            "",
            translate(
                "{count} exercises, {minutes} minutes, in [this chapter]({page}).",
                count=len(exercises), minutes=_minutes(exercises), page=chapter.page,
            ),
            "",
            f"| {' | '.join(columns)} |",
            "|---|---|---|--:|---|",
            *(_row(exercise, exercise.name in quizzes, words) for exercise in exercises),
            "",
        ]  # fmt: skip
    return "\n".join(lines)


def table(chapters: list[Chapter], words: Words) -> str:
    """The start page's table: chapter, question, minutes, exercises."""
    translate = words.translate
    columns = [translate("Chapter"), translate("Question"), translate("Minutes"), translate("Exercises")]
    lines = [f"| {' | '.join(columns)} |", "|---|---|--:|--:|"]
    for chapter in chapters:
        link = f"[{chapter.says(TITLE)}]({chapter.page})"
        count = f"[{len(chapter.exercises())}](#exercises-{chapter.name[:2]})"
        lines.append(f"| {link} | {chapter.says(QUESTION)} | {chapter.says(MINUTES)} | {count} |")
    return "\n".join(lines)


def _row(exercise: Exercise, quiz: bool, words: Words) -> str:
    if exercise.fault:
        kind = words.translate("find") if quiz else words.translate("mend")
    else:
        kind = words.translate("choose") if quiz else words.translate("write")
    name = f"[`{exercise.name}`](#{exercise.anchor})"
    return f"| {exercise.number} | {name} | {exercise.stars} | {exercise.minutes} | {kind} |"


def _sums(exercises: list[Exercise]) -> str:
    """Cells: how many, minutes, and how many with one, two, three stars."""
    stars = [sum(each.stars.count("★") == number for each in exercises) for number in (1, 2, 3)]
    return " | ".join(map(str, [len(exercises), _minutes(exercises), *stars]))


def _minutes(exercises: list[Exercise]) -> int:
    return sum(exercise.minutes for exercise in exercises)
