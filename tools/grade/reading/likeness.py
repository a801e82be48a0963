"""Answers of several learners that are alike beyond chance. What it says is for a human to decide on.

An answer is taken apart into its expressions and statements, without names, layout and order. What the
course's own right answers, its known mistakes and much of the class have in common with it says nothing.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import itertools
import math
import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.checks import Exercise, get
from helpers.checks.patches import Patched
from helpers.checks.slips import source_of
from tools.grade.reading.course import right_answers
from tools.grade.reading.pinned import chapter, chapter_of_exercise
from tools.grade.results import MISSING, NOT_ATTEMPTED, Alike, SubmissionResult

OVERLAP = 0.8      # of what is special about two answers, so much is in both
WITHIN = 0.95      # or so much of the one is in the other
EVIDENCE = 14.0    # and so many special parts; a comment counts as several
COMMENT = 4.0
KNOWN = 0.1        # the weight of a part that the course's answers have, too
SMALL = 10         # learners; in fewer nothing is common
STATEMENTS, NODES = 5, 90   # of an answer that nobody writes word for word by chance
_SMALLEST = 4      # nodes of a part

Part = tuple[str, int]


@dataclass(frozen=True)
class _Answer:
    """An answer taken apart: its parts, its text without layout, and the comments that are its own."""

    learner: str
    parts: frozenset[Part]
    text: str
    comments: frozenset[str]


def alike(submissions: Sequence[SubmissionResult]) -> list[Alike]:
    """Groups of learners whose answers to an exercise are the same, or nearly, and answers that are word for
    word the course's. The more learners write something, the less it says."""
    by_exercise: dict[str, dict[str, str]] = defaultdict(dict)
    for submission in submissions:
        for result in submission.exercises:
            if result.source and result.state not in (NOT_ATTEMPTED, MISSING):
                by_exercise[result.exercise][submission.learner] = result.source
    found: list[Alike] = []
    for exercise, sources in by_exercise.items():
        found += among(exercise, sources)
    return found


def among(exercise: str, sources: Mapping[str, str]) -> list[Alike]:
    """As `alike`, of one exercise's answers: {learner: source}."""
    taken = (taken_apart(learner, source, exercise) for learner, source in sources.items())
    answers = [each for each in taken if each is not None]
    own = _word_for_word(exercise, answers)
    copied = {learner for each in own for learner in each.learners}
    rest = [each for each in answers if each.learner not in copied]
    return own + _groups(exercise, rest)


def _word_for_word(exercise: str, answers: Sequence[_Answer]) -> list[Alike]:
    published, variants = _course_texts(exercise)
    found = []
    known = {"the course's published solution": published, "a right answer in the course's checks": variants}
    for what, texts in known.items():
        learners = tuple(each.learner for each in answers if each.text in texts)
        if learners:
            found.append(Alike(exercise, learners, f"Word for word {what}, names and all."))
    return found


def _groups(exercise: str, answers: Sequence[_Answer]) -> list[Alike]:
    weights = _weights(exercise, answers)
    same: dict[frozenset[Part], list[_Answer]] = defaultdict(list)
    for each in answers:
        same[each.parts].append(each)
    kinds = list(same)
    total = [sum(weights[part] for part in parts) for parts in kinds]
    joined = list(range(len(kinds)))
    overlaps: dict[int, float] = {}

    def root(number: int) -> int:
        while joined[number] != number:
            number = joined[number]
        return number

    for one, other in itertools.combinations(range(len(kinds)), 2):
        smaller = min(total[one], total[other])
        if smaller < EVIDENCE:
            continue
        shared = sum(weights[part] for part in kinds[one] & kinds[other])
        overlap = shared / (total[one] + total[other] - shared)
        if shared >= EVIDENCE and (overlap >= OVERLAP or shared >= WITHIN * smaller):
            joined[root(other)] = root(one)
            overlaps[one] = overlaps[other] = overlap
    groups: dict[int, list[int]] = defaultdict(list)
    for number, parts in enumerate(kinds):
        if total[number] >= EVIDENCE and (len(same[parts]) > 1 or number in overlaps):
            groups[root(number)].append(number)
    return [
        _told(exercise, [same[kinds[each]] for each in group], min(overlaps.get(each, 1.0) for each in group))
        for group in groups.values()
    ]


def _told(exercise: str, kinds: list[list[_Answer]], overlap: float) -> Alike:
    answers = [each for kind in kinds for each in kind]
    learners = tuple(sorted(each.learner for each in answers))
    how = f"Nearly the same ({overlap:.0%} of what is special about them)"
    if len(kinds) == 1:
        how = "The same but for names, order and layout"
        if len({each.text for each in answers}) == 1:
            how = "The same, names and all"
    comments = frozenset.intersection(*(each.comments for each in answers))
    also = f", with the same comments (“{max(sorted(comments), key=len)[:60]}”)" if comments else ""
    return Alike(exercise, learners, f"{how}{also}.")


def _weights(exercise: str, answers: Sequence[_Answer]) -> dict[Part, float]:
    """What each part says: little where the course has it, too, or many of the class."""
    count = Counter(part for each in answers for part in each.parts)
    known, whole = _known(exercise), len(answers)
    weights = {}
    for part, times in count.items():
        weight = COMMENT if part[0].startswith("#") else 1.0
        if whole >= SMALL:
            weight *= min(1.0, math.log(whole / times) / math.log(whole / 2))
        weights[part] = weight * (KNOWN if part in known else 1.0)
    return weights


@functools.cache
def _known(exercise: str) -> frozenset[Part]:
    """The parts of the course's right answers and of the mistakes that it knows."""
    own = get(exercise)
    sources = [_published(exercise), *map(source_of, right_answers(exercise))]
    for each in own.misconceptions if isinstance(own, Exercise) else ():
        function = each.function
        sources.append(function.source if isinstance(function, Patched) else source_of(function))
    taken = (taken_apart("", source, exercise) for source in sources)
    return frozenset().union(*(each.parts for each in taken if each is not None))


@functools.cache
def _course_texts(exercise: str) -> tuple[set[str], set[str]]:
    """(The published solution, the variants), as far as nobody writes them by chance."""
    texts = [taken_apart("", source, exercise) for source in
             (_published(exercise), *map(source_of, right_answers(exercise)[1:]))]  # fmt: skip
    long = [{each.text} if each is not None and _is_long(each.text) else set() for each in texts]
    return long[0], set().union(*long[1:])


def _is_long(text: str) -> bool:
    nodes = list(ast.walk(ast.parse(text)))
    return len(nodes) >= NODES and sum(isinstance(each, ast.stmt) for each in nodes) > STATEMENTS


def _published(exercise: str) -> str:
    course = chapter(chapter_of_exercise()[exercise])
    return course.code[course.exercises[exercise].cell].source


# --- An answer taken apart


def taken_apart(learner: str, source: str, exercise: str) -> _Answer | None:
    """The answer in a cell's source, None where there is none or it cannot be read."""
    try:
        tree = ast.parse(textwrap.dedent(source))
        tops = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        given = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
        if exercise not in _bound([*tops, *given]):
            if len(tops) != 1:
                return None
            tops[0].name = exercise   # whatever a variant is called
        for node in ast.walk(ast.Module(tops, [])):
            _plain(node)
        parts: Counter[str] = Counter()
        for node in [*tops, *given]:
            _form(node, _Names(node, {each.name for each in tops}), parts)
        own = [each for each in tops if each.name == exercise]
        text = "\n".join(map(ast.unparse, own or tops))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    comments = _comments(source) - _comments(_published(exercise)) if learner else frozenset()
    numbered = {(part, number) for part, times in parts.items() for number in range(times)}
    return _Answer(learner, frozenset(numbered | {(f"# {each}", 0) for each in comments}), text, comments)


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    targets = [each for node in nodes for each in getattr(node, "targets", [getattr(node, "target", None)])]
    return {getattr(each, "name", getattr(each, "id", "")) for each in [*nodes, *targets]}


def _comments(source: str) -> frozenset[str]:
    """What comments of several words say."""
    found = (" ".join(re.findall(r"\w+", each.lower())) for each in re.findall(r"#([^\n]*)", source))
    return frozenset(each for each in found if each.count(" ") >= 3)


def _plain(node: ast.AST) -> None:
    """Take docstrings and annotations away."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns, node.decorator_list = None, []
    if isinstance(node, ast.arg):
        node.annotation = None


class _Names:
    """What names are worth: arguments their place, a function's own nothing, others themselves."""

    def __init__(self, function: ast.AST, beside: set[str]):
        functions = [each for each in ast.walk(function) if isinstance(each, ast.FunctionDef)]
        stored = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)
                  and not isinstance(each.ctx, ast.Load)}  # fmt: skip
        inner = {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)}
        inner |= {each.name for each in functions}
        self.known = dict.fromkeys(stored | inner | beside, "v")
        for each in reversed(functions):   # of one name the outer function's
            order = [one.arg for one in ast.walk(each.args) if isinstance(one, ast.arg)]
            order = order[1:] if order[:1] == ["self"] else order
            self.known |= {name: f"a{number}" for number, name in enumerate(order) if name not in stored}

    def of(self, name: str) -> str:
        return self.known.get(name, name)


def _form(node: ast.AST, names: _Names, parts: Counter[str]) -> tuple[str, int]:
    """(The form of a node without names, its size); every form that is large enough goes into `parts`."""
    if isinstance(node, ast.Name):
        return names.of(node.id), 1
    if isinstance(node, ast.arg):
        return "arg", 1
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        base = names.of(node.value.id)
        return f"{base if node.value.id in names.known else ''}.{node.attr}", 2
    pieces, size = [type(node).__name__], 1
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.expr_context) or field in ("type_comment", "kind", "name", "asname"):
            continue
        forms = []
        for each in value if isinstance(value, list) else [value]:
            form, more = _form(each, names, parts) if isinstance(each, ast.AST) else (repr(each), 0)
            forms.append(form)
            size += more
        if field in ("body", "orelse", "finalbody"):   # what stands in it counts by itself, in any order
            forms = []
        pieces.append(" ".join(forms))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
        pieces[1], pieces[3] = sorted([pieces[1], pieces[3]])
    form = "(" + ",".join(pieces) + ")"
    if len(form) > 80:
        form = hashlib.sha256(form.encode()).hexdigest()[:20]
    if size >= _SMALLEST and isinstance(node, ast.expr | ast.stmt):
        parts[form] += 1
    return form, size
