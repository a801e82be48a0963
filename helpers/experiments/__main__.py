"""The command: ``python -m helpers.experiments``."""

from helpers.console import command
from helpers.processes import stoppable


@stoppable()
def main() -> None:
    from helpers.experiments.cli import app  # takes a second, in which Ctrl-C is heard

    app(prog_name="python -m helpers.experiments")


if __name__ == "__main__":
    command(main)
