from helpers.console import command
from tools.usable.cli import app

command(lambda: app(prog_name="python -m tools.usable"))
