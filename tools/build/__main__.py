from helpers.console import command
from tools.build.cli import app

command(lambda: app(prog_name="python -m tools.build"))
