"""python -m tools.grade FILE|FOLDER …"""

import sys

from helpers.console import command


def _app():
    try:
        from tools.grade.cli import app
    except ImportError as error:   # of the course or of a library: nobody's answers are wrong because of it
        print(f"Not graded: the grader does not start here: {error}", file=sys.stderr)
        raise SystemExit(3) from None
    return app(prog_name="python -m tools.grade")


command(_app)
