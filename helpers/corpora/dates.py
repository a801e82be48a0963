"""Dates in two dozen ways of writing, and in the one of ISO 8601: "september 27, 1994" → "1994-09-27".

Every day from 1969 to 2068 can be written in every one of `FORMATS`, and read back from it, by these rules:

- names of months and weekdays say what they are;
- four digits in front are the year, and what follows is month, day;
- between dots and in front of the year stand day, month; between slashes month, day;
- two digits for a year are 1969–1999 or 2000–2068, as in POSIX ("27.9.94" is in 1994).
"""

from __future__ import annotations

from datetime import date, timedelta

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
