from helpers.console import command
from tools.cloud.cli import app

command(lambda: app(prog_name="python -m tools.cloud"))
