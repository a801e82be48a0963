"""The command that runs a chapter with the processor's own instructions and compares its claims."""

from pathlib import Path

from tools.build.freshness import read_notebook
from tools.build.source import Course
from tools.claims import claims_in, claims_with_own_arithmetic

COURSE = Course(Path(__file__).resolve().parents[2])


def test_the_same_claims_hold_with_all_that_the_processor_knows():
    stored = claims_in(read_notebook(COURSE.solutions / "00_start_here.ipynb"))
    assert len(stored) > 3 and all(stored.values())
    assert claims_with_own_arithmetic(COURSE, "00_start_here") == stored
