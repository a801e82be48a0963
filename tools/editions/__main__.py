from helpers.console import command
from tools.editions.cli import app

command(app)
