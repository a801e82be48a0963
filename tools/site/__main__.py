"""python -m tools.site; `tools.site.cli` says what it takes."""

import sys

from helpers.console import command
from tools.site.cli import app

MISSING = (
    "No module {name}: make site installs what the site needs, or python -m pip install -c constraints.txt "
    '-e ".[test,grade,site]" does.'
)


def main() -> None:
    """The command; where what it needs is not installed, a sentence."""
    try:
        app(prog_name="python -m tools.site")
    except ModuleNotFoundError as error:
        sys.exit(MISSING.format(name=error.name))


if __name__ == "__main__":
    command(main)
