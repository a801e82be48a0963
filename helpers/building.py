"""Whether the course is being built or tested, where what a learner is only told is an error."""

from __future__ import annotations

import os

BUILDING = os.environ.get("UNROLLED_BUILD") == "1"
"""Read once, at import: ``UNROLLED_BUILD=1`` is set by the build and by the tests that execute chapters."""
