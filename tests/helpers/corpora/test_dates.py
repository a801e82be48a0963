"""Dates: every format says its day, as Python's own strptime reads it, and no day is in two splits."""

import inspect
import re
from datetime import date, datetime, timedelta

import pytest

from helpers.corpora import dates
from tests.hostile import assert_refused

STRPTIME = {   # without st, nd, rd, th
    "september 27, 1994": "%B %d, %Y",
    "September 27, 1994": "%B %d, %Y",
    "SEPTEMBER 27, 1994": "%B %d, %Y",
    "September 27th, 1994": "%B %d, %Y",
    "27 September 1994": "%d %B %Y",
    "27th of September 1994": "%d of %B %Y",
    "the 27th of september, 1994": "the %d of %B, %Y",
    "Tuesday, September 27, 1994": "%A, %B %d, %Y",
    "tuesday 27 september 1994": "%A %d %B %Y",
    "Sep 27, 1994": "%b %d, %Y",
    "27 sep 1994": "%d %b %Y",
    "27 SEP 1994": "%d %b %Y",
    "27-Sep-94": "%d-%b-%y",
    "Tue 27 Sep '94": "%a %d %b '%y",
    "tue, sep 27th 1994": "%a, %b %d %Y",
    "1994 Sep 27": "%Y %b %d",
    "27.09.1994": "%d.%m.%Y",
    "27.9.1994": "%d.%m.%Y",
    "27.9.94": "%d.%m.%y",
    "09/27/1994": "%m/%d/%Y",
    "9/27/94": "%m/%d/%y",
    "1994/09/27": "%Y/%m/%d",
    "1994.9.27": "%Y.%m.%d",
    "19940927": "%Y%m%d",
}
ALL_DAYS = [dates.FIRST_DAY + timedelta(n) for n in range(dates.DAYS)]


def test_the_names_are_examples():
    assert [name for name, _ in dates.FORMATS] == list(STRPTIME)
    for name, write in dates.FORMATS:
        assert write(date(1994, 9, 27)) == name
    single = [write(date(2005, 3, 1)) for _, write in dates.FORMATS]
    assert {"March 1st, 2005", "1 mar 2005", "1.3.05", "03/01/2005", "2005.3.1", "20050301"} <= set(single)


@pytest.mark.parametrize(("name", "write"), dates.FORMATS, ids=[name for name, _ in dates.FORMATS])
def test_every_format_says_its_day(name, write):
    for day in ALL_DAYS[::11]:   # all weekdays, all days of the month
        text = write(day)
        plain = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text)
        assert datetime.strptime(plain, STRPTIME[name]).date() == day
        if "%a" in STRPTIME[name].lower():   # true, which strptime does not look at
            assert text.lower().startswith(day.strftime("%a").lower())


def test_ordinals():
    for numbers, ending in (
        ((1, 21, 31, 101), "st"),
        ((2, 22, 102), "nd"),
        ((3, 23), "rd"),
        ((*range(4, 21), *range(24, 31), 111, 112, 113), "th"),
    ):
        assert [dates.ordinal(n) for n in numbers] == [f"{n}{ending}" for n in numbers]


def test_no_text_means_two_days():
    meant = {}
    for day in ALL_DAYS:
        if day.year in (1969, 1970, 2001, 2002, 2003, 2010, 2011, 2012, 2068):
            for _, write in dates.FORMATS:
                assert meant.setdefault(write(day), day) == day


def test_a_hundred_years():
    assert ALL_DAYS[0] == date(1969, 1, 1) and ALL_DAYS[-1] == date(2068, 12, 31)
    assert len(ALL_DAYS) == dates.DAYS == 36_525


def test_no_day_is_in_two_splits():
    corpus = dates.corpus(1, train=2_000, valid=300, test=200)
    splits = [corpus.train, corpus.valid, corpus.test]
    assert [len(pairs) for pairs in splits] == [2_000, 300, 200]
    days = [{date.fromisoformat("".join(pair.target)) for pair in pairs} for pairs in splits]
    assert [len(each) for each in days] == [2_000, 300, 200]
    assert not days[0] & days[1] and not days[0] & days[2] and not days[1] & days[2]
    trained = {"".join(pair.source) for pair in corpus.train}
    for day in days[1] | days[2]:   # however it is written
        assert not trained & {write(day) for _, write in dates.FORMATS}


def test_pairs_are_in_all_formats_alike():
    corpus = dates.corpus(0, train=4_800, valid=1, test=1)
    counts = dict.fromkeys(STRPTIME, 0)
    for pair in corpus.train:
        day = date.fromisoformat("".join(pair.target))
        [*found] = [name for name, write in dates.FORMATS if write(day) == "".join(pair.source)]
        assert found   # "May" is short and long
        counts[found[0]] += 1
    assert len(pair.target) == 10 and set("".join(pair.target)) <= set("0123456789-")
    assert min(counts.values()) > 120 and max(counts.values()) < 290   # 200 on average


def test_the_seed_decides():
    one, two, other = (dates.corpus(seed, train=500, valid=50, test=50) for seed in (3, 3, 4))
    assert one == two
    assert one.test != other.test
    assert [each.default for each in inspect.signature(dates.corpus).parameters.values()] == [
        *(0, 20_000, 1_000, 1_000),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": 35_000}, r"train \+ valid \+ test: got 37000, wanted at most 36525"),
        ({"valid": 0}, "valid: got 0"),
        ({"train": 1.5}, "train: got 1.5"),
        ({"test": -1}, "test: got -1"),
        ({"seed": -1}, "seed: got -1"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        dates.corpus(**arguments)


@pytest.mark.parametrize(("name", "write"), dates.FORMATS, ids=[name for name, _ in dates.FORMATS])
def test_what_a_format_writes_is_read_back(name, write):
    for day in ALL_DAYS[::101]:
        day_read, named = dates.read(write(day))
        assert day_read == day
        assert dict(dates.FORMATS)[named](day) == write(day)   # "May" is short and long: one of two names


@pytest.mark.parametrize("text", [
    "Septmber 27 1994", "27th Sept. 1994", "27. SEPTEMBER 1994", "1994, the 27th of september", "1994-09-27",
    "1994 - 9 - 27", "27/Sep/1994", "27 sept '94", "Mon 27 Sep '94",
])
def test_what_is_in_no_format_and_can_be_meant_one_way_only(text):
    assert dates.read(text) == (date(1994, 9, 27), None)


@pytest.mark.parametrize("text", [
    "", "tomorrow", "september 1994", "27 sep", "31.2.1999", "february 30, 1999", "19941399", "27.9.68.1",
    "27.9.1968", "january 1, 2069", "94 sep 27", "27 sep 4", "may or june 3 1999", "27 99 1994", "27 9 1994",
    "27 oktembr 1994", "1994-27-09", "1994-09-27 BC", "٢٧ may 1994", "1 " * 20_000, "may " * 20_000,
    "september 27, 1994" + " " * 60,
])
def test_what_says_no_day(text):
    assert dates.read(text) is None


@pytest.mark.parametrize("text", [None, 27, b"27.9.94", date(1994, 9, 27), ["27.9.94"]])
def test_only_text_is_read(text):
    assert_refused(dates.read, text, names="text")
