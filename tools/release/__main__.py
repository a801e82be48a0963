from helpers.console import command
from helpers.processes import stoppable


@stoppable()
def main() -> None:
    from tools.release.cli import app  # takes a second or more, in which Ctrl-C is heard

    app(prog_name="python -m tools.release")


command(main)
