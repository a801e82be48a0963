from helpers.console import command
from tools.update.cli import app

command(lambda: app(prog_name="python -m tools.update"))
