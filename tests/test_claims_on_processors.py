"""What chapters claim holds with the processor's wide instructions as without them.

The build switches AVX-512 off so that its outputs are the same everywhere. Learners do not: their numbers
differ in places. The sentences must not. (Two chapters that train a lot; `python -m tools.claims` runs any.)
"""

from pathlib import Path

import numpy as np
import pytest

from tools.build.freshness import read_notebook
from tools.build.source import Course
from tools.claims import claims_in, claims_with_own_arithmetic

COURSE = Course(Path(__file__).resolve().parents[1])
WIDE = "X86_V4"   # NumPy's name for AVX-512; older releases call it AVX512F


def has_avx512() -> bool:
    found = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    return any(name == WIDE or name.startswith("AVX512") for name in found)


@pytest.mark.skipif(not has_avx512(), reason="this processor has no AVX-512 to switch on")
@pytest.mark.parametrize("chapter", ["07_attention", "08_sentiment"])
def test_the_same_claims_hold_with_avx512_and_without(chapter):
    stored = claims_in(read_notebook(COURSE.solutions / f"{chapter}.ipynb"))
    assert len(stored) > 5 and all(stored.values())
    assert claims_with_own_arithmetic(COURSE, chapter) == stored
