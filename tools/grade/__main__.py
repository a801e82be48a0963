"""python -m tools.grade FILE|FOLDER …"""

from helpers.console import command
from tools.grade.cli import app

command(lambda: app(prog_name="python -m tools.grade"))
