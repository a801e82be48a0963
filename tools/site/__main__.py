"""python -m tools.site; `tools.site.cli` says what it takes."""

import sys

from helpers.console import command

try:
    from tools.site.cli import app
except ModuleNotFoundError as error:
    sys.exit(f"No module {error.name}: make site installs what the site needs, or "
             'python -m pip install -c constraints.txt -e ".[test,grade,site]".')

if __name__ == "__main__":
    command(lambda: app(prog_name="python -m tools.site"))
