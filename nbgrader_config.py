"""Settings of nbgrader. The build of the student notebooks reads them too, so both release the same bytes."""

c = get_config()  # noqa: F821  (nbgrader provides it)

# What stands in an exercise instead of its solution.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError"}

# Submissions come back with metadata dropped, cells copied, files renamed: mended, and said, before grading.
c.Autograde.pre_convert_hook = "tools.grading.prepare"
c.Autograde.sanitize_preprocessors.prepend(["tools.grading.RestoreCells"])
