"""Counts by exercise, and the survivors that are right answers after all."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from helpers.validation import require
from tools.mutants.pool import Judged

EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True)
class Equivalent:
    """Why mutants that pass are no gap in a check: they give the same results.

    `exercise` "*" stands for all; with `line` only the slip that makes the line read so.
    """

    exercise: str
    was: str
    now: str
    why: str
    line: str = ""

    def covers(self, judged: Judged) -> bool:
        """Whether this is about the mutant."""
        slip = judged.mutant.slip
        return (
            self.exercise in ("*", judged.mutant.exercise)
            and (self.was, self.now) == (slip.was, slip.now)
            and self.line in ("", slip.source.split("\n")[slip.line - 1].strip())
        )


def read_equivalents(path: Path = EQUIVALENT) -> list[Equivalent]:
    """The entries of the file; ValueError that names the one which is not in order."""
    known = {field.name for field in fields(Equivalent)}
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
    for entry in entries:
        whole = known - {"line"} <= entry.keys() <= known and all(isinstance(v, str) for v in entry.values())
        require(whole and entry["why"].strip() != "", path.name, entry, f"texts {', '.join(sorted(known))}")
    return [Equivalent(**entry) for entry in entries]


@dataclass
class Row:
    """How the mutants of one exercise fared."""

    exercise: str
    chapter: str
    mutants: int = 0
    killed: int = 0
    named: int = 0
    by_slip: int = 0
    unnamed: int = 0
    stopped: int = 0
    equivalent: int = 0
    survivors: int = 0

    def count(self, fate: str) -> None:
        """One more mutant with this fate; errors of the check have no column."""
        self.mutants += 1
        self.killed += fate not in ("survivor", "equivalent", "error")
        column = {"named by slip": "by_slip", "survivor": "survivors"}.get(fate, fate)
        if column != "error":
            setattr(self, column, getattr(self, column) + 1)


def fate(judged: Judged, equivalents: Iterable[Equivalent]) -> str:
    """The mutant's fate; "equivalent" for a survivor with an entry."""
    excused = judged.fate == "survivor" and any(entry.covers(judged) for entry in equivalents)
    return "equivalent" if excused else judged.fate


def idle(equivalents: Iterable[Equivalent], every: list[Judged]) -> list[Equivalent]:
    """Entries about the exercises tried that cover no survivor: the slip is killed now, or gone."""
    tried = {judged.mutant.exercise for judged in every}
    survivors = [judged for judged in every if judged.fate == "survivor"]
    return [
        entry
        for entry in equivalents
        if entry.exercise in tried and not any(entry.covers(judged) for judged in survivors)
    ]


def difference(original: str, mutated: str) -> list[str]:
    """The changed lines, "- …" and "+ …"."""
    lines = difflib.ndiff(original.splitlines(), mutated.splitlines())
    return [line for line in lines if line[:2] in ("- ", "+ ")]
