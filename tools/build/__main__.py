from tools.build.cli import app

app(prog_name="python -m tools.build")
