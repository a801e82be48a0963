"""Settings of nbgrader. The build of the student notebooks reads them too, so both release the same bytes."""

import os
import sys

c = get_config()  # noqa: F821  (nbgrader provides it)

# nbgrader runs `alembic` as a command when it makes or upgrades its database: it lies beside this Python,
# which need not be on the path (an environment that is not activated).
_beside = os.path.dirname(sys.executable)
if _beside not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([_beside, os.environ.get("PATH", os.defpath)])

# What stands in an exercise instead of its solution.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError"}

# Submissions come back with metadata dropped, cells copied, files renamed: mended, and said, before grading.
c.Autograde.pre_convert_hook = "tools.grading.prepare"
c.Autograde.sanitize_preprocessors.prepend(["tools.grading.RestoreCells"])
