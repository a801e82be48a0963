"""Dates in two dozen ways of writing, and in the one of ISO 8601: "september 27, 1994" → "1994-09-27".

Every day from 1969 to 2068 can be written in every one of `FORMATS`, and read back from it, by these rules:

- names of months and weekdays say what they are;
- four digits in front are the year, and what follows is month, day;
- between dots and in front of the year stand day, month; between slashes month, day;
- two digits for a year are 1969–1999 or 2000–2068, as in POSIX ("27.9.94" is in 1994).
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from difflib import get_close_matches
from itertools import product
from typing import NamedTuple

import numpy as np

from helpers.corpora.parallel import Pair, ParallelCorpus
from helpers.validation import require, require_int

FIRST_DAY, LAST_DAY = date(1969, 1, 1), date(2068, 12, 31)
DAYS = (LAST_DAY - FIRST_DAY).days + 1

# Not those of the calendar module, which depend on where the program runs.
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _month(day: date) -> str:
    return MONTHS[day.month - 1]


def _weekday(day: date) -> str:
    return WEEKDAYS[day.weekday()]


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, … 11th, … 21st."""
    number = require_int("number", number, minimum=0)
    teens = 10 < number % 100 < 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def iso(day: date) -> str:
    """YYYY-MM-DD."""
    require(isinstance(day, date), "day", repr(day), "a datetime.date")
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


FORMATS = (
    ("september 27, 1994", lambda d: f"{_month(d)} {d.day}, {d.year}".lower()),
    ("September 27, 1994", lambda d: f"{_month(d)} {d.day}, {d.year}"),
    ("SEPTEMBER 27, 1994", lambda d: f"{_month(d)} {d.day}, {d.year}".upper()),
    ("September 27th, 1994", lambda d: f"{_month(d)} {ordinal(d.day)}, {d.year}"),
    ("27 September 1994", lambda d: f"{d.day} {_month(d)} {d.year}"),
    ("27th of September 1994", lambda d: f"{ordinal(d.day)} of {_month(d)} {d.year}"),
    ("the 27th of september, 1994", lambda d: f"the {ordinal(d.day)} of {_month(d)}, {d.year}".lower()),
    ("Tuesday, September 27, 1994", lambda d: f"{_weekday(d)}, {_month(d)} {d.day}, {d.year}"),
    ("tuesday 27 september 1994", lambda d: f"{_weekday(d)} {d.day} {_month(d)} {d.year}".lower()),
    ("Sep 27, 1994", lambda d: f"{_month(d)[:3]} {d.day}, {d.year}"),
    ("27 sep 1994", lambda d: f"{d.day} {_month(d)[:3]} {d.year}".lower()),
    ("27 SEP 1994", lambda d: f"{d.day:02} {_month(d)[:3]} {d.year}".upper()),
    ("27-Sep-94", lambda d: f"{d.day:02}-{_month(d)[:3]}-{d.year % 100:02}"),
    ("Tue 27 Sep '94", lambda d: f"{_weekday(d)[:3]} {d.day} {_month(d)[:3]} '{d.year % 100:02}"),
    ("tue, sep 27th 1994", lambda d: f"{_weekday(d)[:3]}, {_month(d)[:3]} {ordinal(d.day)} {d.year}".lower()),
    ("1994 Sep 27", lambda d: f"{d.year} {_month(d)[:3]} {d.day}"),
    ("27.09.1994", lambda d: f"{d.day:02}.{d.month:02}.{d.year}"),
    ("27.9.1994", lambda d: f"{d.day}.{d.month}.{d.year}"),
    ("27.9.94", lambda d: f"{d.day}.{d.month}.{d.year % 100:02}"),
    ("09/27/1994", lambda d: f"{d.month:02}/{d.day:02}/{d.year}"),
    ("9/27/94", lambda d: f"{d.month}/{d.day}/{d.year % 100:02}"),
    ("1994/09/27", lambda d: f"{d.year}/{d.month:02}/{d.day:02}"),
    ("1994.9.27", lambda d: f"{d.year}.{d.month}.{d.day}"),
    ("19940927", lambda d: f"{d.year}{d.month:02}{d.day:02}"),
)
"""(name, function day → text); the name is what the 27th of September 1994, a Tuesday, looks like."""


def corpus(seed: int = 0, train: int = 20_000, valid: int = 1_000, test: int = 1_000) -> ParallelCorpus:
    """Characters to characters. Every day occurs once at most, in one format drawn at random.

    So no day of `valid` or `test` is among those trained on, however written. ValueError when more than
    `DAYS` pairs are wanted, or none of a kind; and when a rare character, such as V, is missing in `train`,
    which happens below about 1,500 pairs.
    """
    sizes = [require_int(name, n) for name, n in (("train", train), ("valid", valid), ("test", test))]
    require(sum(sizes) <= DAYS, "train + valid + test", sum(sizes), f"at most {DAYS}, the days there are")
    rng = np.random.default_rng(require_int("seed", seed, minimum=0))
    days = rng.permutation(DAYS)[: sum(sizes)]
    formats = rng.integers(len(FORMATS), size=len(days))
    pairs = []
    for number, which in zip(days.tolist(), formats.tolist(), strict=True):
        day = FIRST_DAY + timedelta(number)
        pairs.append(Pair(tuple(FORMATS[which][1](day)), tuple(iso(day))))
    require(len({pair.target for pair in pairs}) == len(pairs), "days", "one twice", "each once")
    edge = sizes[0] + sizes[1]
    return ParallelCorpus.build(pairs[: sizes[0]], pairs[sizes[0] : edge], pairs[edge:])


# ---- reading ---------------------------------------------------------------------------------------


LONGEST = 60
"""Characters of a text that `read` looks at; the longest of a format has 29."""


class Reading(NamedTuple):
    """The day that a text means, and the name of its format in `FORMATS`; None where it is in none of them
    and only a person would say what is meant."""

    day: date
    format: str | None


def read(text: str) -> Reading | None:
    """The day that `text` means, from `FIRST_DAY` to `LAST_DAY`; None where it does not say one.

    What a format writes is read exactly. Otherwise a word that is, begins or nearly is the name of a month,
    a year of four digits and one more number say a day in any order ("Septmber 27 1994"), a day and behind it
    a year of two digits do ("27 sept '94"), and so do year, month and day in numbers ("1994-09-27"). More
    than `LONGEST` characters say none. ValueError for what is no text.
    """
    require(isinstance(text, str), "text", repr(text), "a date as text")
    numbers = re.findall(r"[0-9]+", text)
    if len(text) > LONGEST or len(numbers) > 3:
        return None
    months = _months(text)
    for day in _candidates(numbers, months):
        for name, write in FORMATS:
            if write(day) == text:
                return Reading(day, name)
    years = [number for number in numbers if len(number) == 4]
    small = [number for number in numbers if len(number) < 3]
    if months and len(small) == len(numbers) == 2:
        years, small = _century(small[1]), small[:1]
    if len(years) == 1 and len(months) == len(small) == 1:
        found = _days(years, months, small)
    elif len(years) == 1 and len(small) == 2 and numbers[0] == years[0] and not re.search(r"[^\W\d_]", text):
        found = _days(years, small[:1], small[1:])
    else:
        found = []
    return Reading(found[0], None) if found else None


def _months(text: str) -> list[int]:
    """The months that words of `text` name, each once: "sep", "Sept", "septmber" → [9]."""
    names = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
    found = []
    for word in re.findall(r"[a-z]{3,}", text.lower()):
        near = [name for name in names if name.startswith(word)] or get_close_matches(word, names, 1, 0.8)
        found += [names[name] for name in near]
    return list(dict.fromkeys(found))


def _candidates(numbers: list[str], months: list[int]) -> list[date]:
    """Every day that these numbers could be, in any order."""
    if len(numbers) == 1 and len(numbers[0]) == 8:
        numbers = [numbers[0][:4], numbers[0][4:6], numbers[0][6:]]
    years = [year for number in numbers for year in ((number,) if len(number) == 4 else _century(number))]
    small = [number for number in numbers if len(number) < 3]
    return _days(years, months or small, small)


def _century(number: str) -> tuple[str, ...]:
    return (("19" if int(number) >= 69 else "20") + number,) if len(number) == 2 else ()


def _days(years: list[str], months: list, days: list[str]) -> list[date]:
    """All of these that are days of the calendar, and of the corpus."""
    found = []
    for year, month, day in product(years, months, days):
        try:
            found.append(date(int(year), int(month), int(day)))
        except ValueError:   # no such day
            continue
    return [day for day in found if FIRST_DAY <= day <= LAST_DAY]
