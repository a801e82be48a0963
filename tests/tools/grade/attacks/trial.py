"""Run the grader on hand-ins, as its command, and say what is wrong with what came of it."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.grade.attacks.bank import (
    HARMLESS,
    NOT_ALL,
    REVIEWED,
    ROOT,
    UNREADABLE,
    Attack,
    Places,
    answers,
    put,
    solved,
)
from tools.grade.results import NOT_GRADED, PASSED, ExerciseResult, SubmissionResult
from tools.grade.results import submission as read_submission

HONEST = "honest"
WRITTEN = ("written-by-an-answer", "pickled", "gradebook.db")


@dataclass(frozen=True)
class Graded:
    """What a run of the command left: results by learner, what it said, and the folder of results."""

    submissions: dict[str, SubmissionResult]
    alike: list[dict[str, Any]]
    said: str
    status: int
    out: Path


def grade(folder: Path, out: Path, *options: str, seconds: float = 600) -> Graded:
    """Run ``python -m tools.grade`` on a class's folder, with every kind of report."""
    reports = [f"--{kind}={out / name}" for kind, name in (("json", "all.json"), ("junit", "junit.xml"),
               ("csv", "grades.csv"), ("markdown", "table.md"), ("html", "feedback"))]  # fmt: skip
    command = [sys.executable, "-m", "tools.grade", str(folder), f"--out={out}", *reports, *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "COLUMNS": "200",
                                "UNROLLED_SECRET_OF_A_TEST": "1"}  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            said = process.communicate(timeout=seconds)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    found = json.loads((out / "all.json").read_text(encoding="utf-8")) if (out / "all.json").exists() else {}
    results = [read_submission(each) for each in found.get("submissions", ())]
    by_learner = {each.learner: each for each in results}
    return Graded(by_learner, found.get("alike", []), said, process.returncode, out)


@contextlib.contextmanager
def handed_in(folder: Path, attacks: Sequence[Attack]) -> Iterator[tuple[Path, Places]]:
    """A class's folder: the attacks, each by a learner of its name, and an honest learner."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = Places(folder / "class", folder / "out", server.getsockname()[1])
        for chapter in sorted({"00"} | {each.chapter for each in attacks}):
            put(places.submissions / HONEST, solved(chapter), chapter)
        for attack in attacks:
            attack.write(places.submissions / folder_name(attack), places)
        yield places.submissions, places


def folder_name(attack: Attack) -> str:
    """The folder that an attack is handed in in; for those by names it is the name."""
    if attack.kind == "names":
        return attack.name
    return re.sub(r"[^\w' .-]", "", f"{attack.kind}, {attack.name}")


def snapshot(folder: Path) -> dict[str, str]:
    """What lies in a folder: {path: hash of its content, or what it is instead of a file}."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = str(path.stat().st_mode)
    return found


def learner_of(attack: Attack) -> str:
    """The learner as whom an attack is graded."""
    return "".join(each if each.isprintable() else "_" for each in folder_name(attack))


def faults(graded: Graded, attack: Attack, *, isolated: bool = True) -> list[str]:
    """What is wrong with the result of one attack: sentences."""
    result = graded.submissions.get(learner_of(attack))
    if result is None:
        return [f"{folder_name(attack)!r} is lost"]
    found = {each.exercise: each for each in result.exercises}
    if attack.expects == UNREADABLE:
        said = [] if result.problems else ["nothing is said of a file that cannot be read"]
        graded = [each for each in result.exercises if each.points is not None]
        return said + [f"{each.exercise}: {each.points} points" for each in graded]
    said = [] if attack.expects == HARMLESS or (attack.needs_isolation and not isolated) \
        else _of_the_attacked(found.get(attack.exercise), attack)  # fmt: skip
    others = [each for name, each in found.items() if name != attack.exercise]
    if attack.expects != HARMLESS:
        said += [f"{each.exercise} is {each.state}: {each.text}" for each in others if each.state != PASSED]
        if len(others) < 3:
            said.append(f"only {sorted(found)} were found")
    return said


def _of_the_attacked(found: ExerciseResult | None, attack: Attack) -> list[str]:
    if found is None:
        return [f"{attack.exercise} is lost"]
    if found.state == NOT_GRADED:
        return [f"{attack.exercise} is not graded: {found.text}"]
    if attack.expects == REVIEWED:
        return [] if found.review or not found.points else [f"{found.points} points, nothing for a human"]
    if attack.expects == NOT_ALL and found.state != PASSED:
        return []
    return [f"{found.state}, {found.points} points: {found.text}"] if found.points else []


def faults_of_the_rest(graded: Graded, places: Places, before: dict[str, str]) -> list[str]:
    """What is wrong outside of single attacks: the honest learner, files, reports."""
    said = []
    honest = graded.submissions.get(HONEST)
    if honest is None:
        said.append("the honest learner is lost")
    else:
        said += [f"honest: {each.exercise} is {each.state}: {each.text}" for each in honest.exercises
                 if each.state != PASSED or each.review]  # fmt: skip
        chapters = {each.chapter for each in honest.exercises}
        if len(honest.exercises) != sum(len(answers(each)) for each in chapters | {"00"}):
            said.append(f"honest: {len(honest.exercises)} exercises")
    after = snapshot(places.submissions)
    said += [f"{path} among what was handed in has changed" for path in before.keys() | after.keys()
             if before.get(path) != after.get(path)]  # fmt: skip
    said += [f"{path} was written" for folder in (ROOT, places.submissions, places.out) for name in WRITTEN
             if (path := folder / name).exists()]  # fmt: skip
    return said + _faults_of_reports(graded)


def _faults_of_reports(graded: Graded) -> list[str]:
    """What of the learners' text comes out as more than text."""
    said = []
    for path in graded.out.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if "root:x:0" in text:
            said.append(f"{path.name} holds the passwords")
        if path.suffix == ".html":
            said += [f"{path.name}: {each!r}" for each in ("<script>a", "<img src=x", "\x1b") if each in text]
        if len(text) > 3_000_000:
            said.append(f"{path.name} has {len(text):,} characters")
    ElementTree.parse(graded.out / "junit.xml")
    with open(graded.out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        cells = [each for row in csv.reader(file) for each in row]
    formulas = [each for each in cells if re.match(r"[=@\t\r]|[+-](?![\d.])", each)]
    said += [f"grades.csv: a formula, {each[:40]!r}" for each in formulas]
    if "\x1b" in graded.said:
        said.append("control characters on the terminal")
    return said
