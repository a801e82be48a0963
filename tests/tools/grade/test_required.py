"""What may be asked of a run, and whether a result meets it."""

import pytest

from tests.tools.grade.reporting import exercise, submission
from tools.grade.required import MET, NOT_MET, UNKNOWN, Part, missing, parse, status
from tools.grade.results import FAILED, NOT_GRADED, PARTLY, Handed, SubmissionResult

KNOWN = {"01": ["rnn_step", "rnn_forward"], "02": ["bptt"]}
KIM = submission(
    "kim", exercise("a"), exercise("b"), exercise("c", state=PARTLY, points=1.0),
    exercise("d", state=FAILED, points=0.0, mistake="transposed"),
    exercise("e", state=NOT_GRADED, points=None), exercise("f", "02"), exercise("g", "03", NOT_GRADED, None),
)  # fmt: skip


def test_the_parts_of_a_requirement():
    wanted = (Part("01", exercises=5), Part("02"), Part("01", exercise="rnn_step"), Part("03", points=10.5))
    assert parse(" 01:5  02:all,01:rnn_step\n03:points=10.5 ") == wanted
    assert parse("") == parse(" \n") == ()


@pytest.mark.parametrize(
    "text",
    ["5", "1:5", "01", "01:", "01:-1", "01:5.5", "001:5", "ab:5", "01:points=", "01:points=-1", "01:all:5",
     "01:a-b", "０１:5", "01:５", "01:é", "01:points=x", "01 :5", ":", "01:99999"],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_wanted(text):
    with pytest.raises(ValueError, match=r"require: got '.*', wanted CHAPTER:WHAT .* such as 01:5, 02:all"):
        parse(f"02:all {text}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("09:1", r"a chapter with exercises \(01, 02\)"), ("01:3", "at most the 2 exercises of chapter 01"),
     ("02:rnn_step", r"an exercise of chapter 02 \(bptt\)")],
)  # fmt: skip
def test_what_can_never_be_met_is_refused(text, sentence):
    with pytest.raises(ValueError, match=f"require: got '{text}', wanted {sentence}"):
        parse(text, KNOWN)
    parse(text)
    parse("01:2 02:all 01:rnn_forward", KNOWN)


@pytest.mark.parametrize("text", ["", "01:2", "01:a", "02:all", "01:points=5", "02:1 02:f", "04:0", "01:0"])
def test_what_is_met(text):
    assert missing(parse(text), KIM) == [] and status(parse(text), [KIM]) == MET


@pytest.mark.parametrize(
    ("text", "sentence", "unknown"),
    [
        ("01:3", "Chapter 01: 2 exercises passed, wanted 3 (1 could not be graded).", True),
        ("01:4", "Chapter 01: 2 exercises passed, wanted 4 (1 could not be graded).", False),
        ("01:all", "Chapter 01: 2 exercises passed, wanted 5 (1 could not be graded).", False),
        ("02:2", "Chapter 02: 1 exercise passed, wanted 2.", False),
        ("03:all", "Chapter 03: 0 exercises passed, wanted 1 (1 could not be graded).", True),
        ("04:all", "Chapter 04: nothing of it was found in what was handed in.", False),
        ("01:points=6.5", "Chapter 01: 5 points, wanted 6.5 (1 could not be graded).", True),
        ("01:points=7.5", "Chapter 01: 5 points, wanted 7.5 (1 could not be graded).", False),
        ("01:d", "Chapter 01: d is failed: transposed.", False),
        ("01:e", "Chapter 01: e is not graded.", True),
        ("01:f", "Chapter 01: f was not found in what was handed in.", False),
    ],
)
def test_what_is_missing_is_said_and_whether_that_is_known(text, sentence, unknown):
    (short,) = missing(parse(text), KIM)
    assert (short.sentence, short.unknown) == (sentence, unknown)
    assert status(parse(text), [KIM]) == (UNKNOWN if unknown else NOT_MET)
    assert status(parse(f"{text} 01:d"), [KIM]) == NOT_MET


def test_a_file_that_cannot_be_read_may_hold_what_is_missing():
    def handed(chapter):
        return SubmissionResult("lee", "2026", "none", (), (Handed("x.ipynb", "", "", chapter, "cut off"),))

    assert status(parse("01:1"), [handed("")]) == status(parse("01:a"), [handed("01")]) == UNKNOWN
    assert status(parse("01:1"), [handed("02")]) == NOT_MET


def test_thirds_of_points_add_up():
    thirds = submission("kim", *(exercise(name, points=1 / 3, state=PARTLY) for name in "abcdef"))
    assert status(parse("01:points=2"), [thirds]) == MET


def test_everybody_has_to_meet_it():
    assert status(parse("01:1"), [KIM, submission("lee", exercise("f", "02"))]) == NOT_MET
    assert status(parse("01:1"), []) == NOT_MET and status((), []) == MET
