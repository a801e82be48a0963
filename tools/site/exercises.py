"""The page of all exercises, and the start page's table of chapters: from what the chapters' headings say."""

from __future__ import annotations

from helpers.checks import exercises as registered
from helpers.checks.registry import Quiz
from helpers.notebooks import MINUTES, QUESTION, TITLE
from tools.site.chapters import Chapter, Exercise

KINDS = "*choose*, a question; *write*, a function; *find* and *mend*, a colleague's fault."


def page(chapters: list[Chapter]) -> str:
    """The page's Markdown: sums per chapter, and each exercise with a link to its place."""
    quizzes = {each.name for each in registered() if isinstance(each, Quiz)}
    found = {chapter.name: chapter.exercises() for chapter in chapters}
    every = [exercise for exercises in found.values() for exercise in exercises]
    lines = [
        "# All exercises",
        "",
        f"{len(every)} exercises, {_hours(every)} in all. One star is a first step, three ask for an idea of "
        f"your own. Kinds: {KINDS}",
        "",
        "| Chapter | Exercises | Minutes | ★☆☆ | ★★☆ | ★★★ |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for chapter in chapters:
        exercises = found[chapter.name]
        stars = " | ".join(str(_count(exercises, number)) for number in (1, 2, 3))
        title = f"[{chapter.says(TITLE)}](#exercises-{chapter.name[:2]})"
        lines.append(f"| {title} | {len(exercises)} | {_minutes(exercises)} | {stars} |")
    stars = " | ".join(str(_count(every, number)) for number in (1, 2, 3))
    lines += [f"| together | {len(every)} | {_minutes(every)} | {stars} |", ""]
    for chapter in chapters:
        exercises = found[chapter.name]
        lines += [
            f"(exercises-{chapter.name[:2]})=",
            f"## {chapter.says(TITLE)}",
            "",
            f"{len(exercises)} exercises, {_minutes(exercises)} minutes, in [this chapter]({chapter.page}).",
            "",
            "| Number | Exercise | Stars | Minutes | Kind |",
            "|---|---|---|--:|---|",
            *(_row(exercise, exercise.name in quizzes) for exercise in exercises),
            "",
        ]
    return "\n".join(lines)


def table(chapters: list[Chapter]) -> str:
    """The start page's table: chapter, question, minutes, exercises."""
    lines = ["| Chapter | Question | Minutes | Exercises |", "|---|---|--:|--:|"]
    for chapter in chapters:
        link = f"[{chapter.says(TITLE)}]({chapter.page})"
        count = f"[{len(chapter.exercises())}](#exercises-{chapter.name[:2]})"
        lines.append(f"| {link} | {chapter.says(QUESTION)} | {chapter.says(MINUTES)} | {count} |")
    return "\n".join(lines)


def _row(exercise: Exercise, quiz: bool) -> str:
    kind = ("find" if quiz else "mend") if exercise.fault else ("choose" if quiz else "write")
    name = f"[`{exercise.name}`](#{exercise.anchor})"
    return f"| {exercise.number} | {name} | {exercise.stars} | {exercise.minutes} | {kind} |"


def _minutes(exercises: list[Exercise]) -> int:
    return sum(exercise.minutes for exercise in exercises)


def _count(exercises: list[Exercise], stars: int) -> int:
    return sum(exercise.stars.count("★") == stars for exercise in exercises)


def _hours(exercises: list[Exercise]) -> str:
    return f"about {_minutes(exercises) / 60:.0f} hours"
