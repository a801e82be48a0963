from tools.usable.cli import app

app(prog_name="python -m tools.usable")
