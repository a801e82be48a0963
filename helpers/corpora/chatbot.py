"""Korean chatbot questions in three classes: 0 daily life, 1 a break-up, 2 love.

`read` reads the file ChatbotData.csv of <https://github.com/songys/Chatbot_data> (columns Q, A, label), if
you have it; `sample` writes simple questions of the same three classes, with a gloss.

    헤어진 사람을 지금 만나도 될까?    may I meet now the one I broke up with?      1
    좋아하는 사람을 지금 만나도 될까?  may I meet now the one I like?               2
    친구를 지금 만나도 될까?           may I meet a friend now?                     0
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.corpora.korean_order import direct_object
from helpers.corpora.tables import labelled, parse_rows, text_of
from helpers.corpora.text import visible
from helpers.validation import require, require_int, require_rng

LABELS = ("daily", "break-up", "love")


class Question(NamedTuple):
    """A question, an answer to it, and its class: 0 daily, 1 break-up, 2 love."""

    text: str
    answer: str
    label: int


# ---- the file --------------------------------------------------------------------------------------


COLUMNS = ("Q", "A", "label")
_END_OF_A_ROW = re.compile(r",\s*[0-2](\.0+)?\s*[\r\n]")   # a label, and the next line


def read(path: Path, problems: list[str] | None = None) -> list[Question]:
    """The questions of a CSV file with the columns Q, A and label, in any order.

    Blank lines mean nothing, ends of lines may be Windows', a byte order mark is skipped, and a label may be
    written 1.0, as pandas does. A row without a question that can be seen, with another number of columns, a
    byte that is no UTF-8 or a label that is not 0, 1 or 2 raises ValueError, which names the line; given a
    list `problems`, such rows are left out and described there instead. Broken quotes always raise it: what
    follows cannot be told apart.
    """
    rows = csv.reader(io.StringIO(text_of(path), newline=""), strict=True)
    return parse_rows(path, _in_order(_numbered(rows, path)), COLUMNS, _question, problems)


def _numbered(rows, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank with its first line: in quotes it may go on over several."""
    first = 1
    try:
        for row in rows:
            swallowed = any(map(_END_OF_A_ROW.search, row))
            got = f"a quote that closes in line {rows.line_num} only, with whole rows inside"
            require(not swallowed, f"{path}, line {first}", got, "quotes closed in their own row")
            if len(row) > 1 or visible("".join(row)).strip():
                yield first, row
            first = rows.line_num + 1
    except csv.Error as error:
        got = str(error)
        if "end of data" in got or "field limit" in got:
            longer = f", or a text of more than {csv.field_size_limit():,} characters"
            got = "a quote that is never closed" + (longer if "field limit" in got else "")
        raise ValueError(f"{path}, line {first}: got {got}, wanted CSV (Q,A,label)") from error


def _in_order(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """The columns as in `COLUMNS`; a header without them goes on as it is, to be refused."""
    number, header = next(rows, (1, []))
    names = [visible(name).strip() for name in header]
    known = sorted(names) == sorted(COLUMNS)
    order = [names.index(name) for name in COLUMNS] if known else range(len(names))
    yield number, [names[i] for i in order]
    for number, columns in rows:
        yield number, [columns[i] for i in order] if len(columns) == len(names) else columns


def _question(columns: Sequence[str], where: str) -> Question:
    text, answer, label = columns
    whole, _, zeros = label.partition(".")
    label = label if zeros.strip("0") else whole
    return Question(text, answer, labelled(text, label, len(LABELS), where))


# ---- generated questions ---------------------------------------------------------------------------

# Every word: (Revised Romanization as pronounced, English).
_WORDS = {
    "오늘": ("oneul", "today"),
    "지금": ("jigeum", "now"),
    "내일": ("naeil", "tomorrow"),
    "주말에": ("jumare", "at-the-weekend"),
    "다시": ("dasi", "again"),
    "먼저": ("meonjeo", "first"),
    "헤어진": ("heeojin", "parted"),
    "떠난": ("tteonan", "gone-away"),
    "좋아하는": ("joahaneun", "liked"),
    "짝사랑하는": ("jjaksaranghaneun", "loved-one-sidedly"),
    "바쁜": ("bappeun", "busy"),
    "아픈": ("apeun", "ill"),
    "사람을": ("sarameul", "person-OBJ"),
    "친구를": ("chingureul", "friend-OBJ"),
    "동생을": ("dongsaengeul", "younger-sibling-OBJ"),
    "만나도": ("mannado", "meet-even-if"),
    "기다려도": ("gidaryeodo", "wait-for-even-if"),
    "잊어도": ("ijeodo", "forget-even-if"),
    "도와줘도": ("dowajwodo", "help-even-if"),
    "될까?": ("doelkka?", "may-I?"),
    "괜찮을까?": ("gwaenchaneulkka?", "is-it-all-right?"),
}
_TIMES = ("", "오늘", "지금", "내일", "주말에", "다시", "먼저")
_WHOM = {   # label: (word before, noun)
    0: (("바쁜", "친구"), ("아픈", "친구"), ("", "친구"), ("바쁜", "동생"), ("아픈", "동생"), ("", "동생")),
    1: (("헤어진", "사람"), ("떠난", "사람"), ("헤어진", "친구"), ("떠난", "친구")),
    2: (("좋아하는", "사람"), ("짝사랑하는", "사람"), ("좋아하는", "친구"), ("짝사랑하는", "친구")),
}
_VERBS = ("만나도", "기다려도", "잊어도", "도와줘도")
_ENDS = ("될까?", "괜찮을까?")
_ANSWERS = ("그렇게 해 보세요.", "마음이 아프겠어요.", "용기를 내세요.")


def sample(count: int, rng: np.random.Generator) -> list[Question]:
    """`count` independent questions, the three classes equally likely. What tells a break-up from love is the
    word before the noun; the rest is common to both."""
    count, rng, drawn = require_int("count", count, minimum=0), require_rng("rng", rng), []
    for _ in range(count):
        label = int(rng.integers(len(LABELS)))
        word, noun = _WHOM[label][rng.integers(len(_WHOM[label]))]
        whom = (word, direct_object(noun))
        time, verb, end = (part[rng.integers(len(part))] for part in (_TIMES, _VERBS, _ENDS))
        words = (time, *whom, verb, end) if rng.random() < 0.5 else (*whom, time, verb, end)
        drawn.append(Question(" ".join(filter(None, words)), _ANSWERS[label], label))
    return drawn


def gloss(text: str) -> tuple[str, str]:
    """Romanised and word-by-word English lines of a question that `sample` writes.

    Raises ValueError for a word that is not in it.
    """
    words = visible(text).split()
    for word in words or [""]:
        require(word in _WORDS, "text", repr(word), "words of the generated questions")
    roman, english = zip(*(_WORDS[word] for word in words), strict=True)
    return " ".join(roman), " ".join(english)
