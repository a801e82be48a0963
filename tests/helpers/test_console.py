"""What the course prints reaches consoles with any character set, and none, and is readable there."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import console

ROOT = Path(__file__).resolve().parents[2]


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="")


@pytest.mark.parametrize(("encoding", "wanted"), [
    ("ascii", r"ok x -> 10^2 - 5 ** h...e \ud55c"),
    ("cp949", "ok x → 10² - 5 ★★ h…e 한"),
    ("cp1252", r"ok x -> 10² – 5 ** h…é \ud55c"),
    ("utf-8", "✓ x → 10² – 5 ★★ h…é 한"),
])
def test_marks_that_are_missing_have_stand_ins_and_the_others_stay(encoding, wanted, monkeypatch):
    target = stream(encoding)
    monkeypatch.setattr(sys, "stdout", target)
    console.say("✓ x → 10² – 5 ★★ h…é 한")
    target.flush()
    assert target.buffer.getvalue().decode(encoding) == wanted + os.linesep.replace("\r", "")


def test_every_stand_in_is_ascii_and_a_lone_surrogate_of_a_file_name_is_told_as_a_number():
    assert all(text.isascii() for text in console.STAND_INS.values())
    assert console.fitting("a\udcffb", stream("utf-8")) == r"a\udcffb"


def test_a_text_in_memory_gets_everything_and_an_unknown_encoding_no_worse(monkeypatch):
    memory = io.StringIO()
    monkeypatch.setattr(sys, "stdout", memory)
    console.say("✓")
    assert memory.getvalue() == "✓\n"
    odd = type("Odd", (io.StringIO,), {"encoding": "no-such"})()
    assert console.fitting("✓", odd) == "✓"


def test_nothing_is_said_where_there_is_nothing_to_say_it_to(monkeypatch):
    closed = io.StringIO()
    closed.close()
    for gone in (None, closed):
        monkeypatch.setattr(sys, "stdout", gone)
        console.say("✓")


CHECK = r"""
import sys
import numpy as np
from helpers.checks import check
from helpers.claims import claim
from helpers.training.bar import progress_bar

sys.modules["torch"] = None   # not installed: faster

def rnn_step(x, h_prev, Wx, Wh, b):
    return np.tanh(x @ Wx + h_prev @ Wh + b)

assert check("rnn_step", rnn_step) is rnn_step
check("scalar_step", lambda x, h, a, b: x)
claim("3 \u2265 2 \u2013 always", True)
with progress_bar(3) as bar:
    bar.update()
"""


def run(code, encoding="utf-8", prefix="", **variables):
    """`code` in a Python of its own whose output has that character set; what it wrote, its errors."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": f"{encoding}:strict", "PYTHONUTF8": "0", "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0", "COLUMNS": "100", **variables,
    }  # fmt: skip
    command = [sys.executable, "-c", code]
    if prefix:
        command = ["sh", "-c", f'"$@" {prefix}', "sh", *command]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode("utf-8")


def test_checks_and_claims_in_a_script_whose_output_is_ascii():
    code, out, errors = run(CHECK, "ascii")
    assert (code, errors) == (0, "")
    assert "ok rnn_step: passed" in out and "no scalar_step: failed" in out and "ok 3 >= 2 - always" in out


@pytest.mark.skipif(os.name == "nt", reason="a shell's redirection")
def test_checks_and_claims_in_a_script_without_standard_output():
    assert run(CHECK, prefix=">&- 2>&-") == (0, "", "")


COMMANDS = """
import runpy, sys
sys.argv[:] = {argv!r}
runpy.run_module({argv!r}[0], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("argv", [["helpers.experiments", "list"], ["helpers.corpora.nsmc", "--help"]])
def test_command_lines_in_narrow_character_sets(argv):
    status, out, errors = run(COMMANDS.format(argv=argv), "ascii")
    assert (status, errors) == (0, "") and len(out) > 300


def test_every_command_line_goes_through_one_door():
    """All modules with ``python -m`` but those whose output is read by a program."""
    for path in [*ROOT.glob("helpers/**/*.py"), *ROOT.glob("tools/**/*.py")]:
        text = path.read_text(encoding="utf-8")
        _, runs, main = text.partition('if __name__ == "__main__":')
        if path.name == "__main__.py":
            main, runs = text, True
        if runs and path.stem not in ("memory", "data_parallel", "processes", "worker"):
            assert "command(" in main, path


@pytest.mark.skipif(os.name == "nt", reason="a shell's pipe")
def test_a_reader_that_leaves_early_ends_a_command_without_a_traceback():
    list_ = COMMANDS.format(argv=["helpers.experiments", "list"])
    _, out, errors = run(list_, prefix="| head -n 2")
    assert len(out.splitlines()) == 2 and errors == ""
    late = "import time, helpers.console as c\nc.command(lambda: time.sleep(0.3) or print('late'))"
    assert run(late, prefix="| true")[1:] == ("", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux' full disk")
def test_a_full_disk_is_told_in_one_sentence():
    code, _, errors = run("import helpers.console as c\nc.command(lambda: print('a'))", prefix="> /dev/full")
    assert code == 1 and errors == "What was printed could not be written: No space left on device.\n"


def test_the_status_of_a_command_is_handed_on():
    for returned, status in ((None, 0), (0, 0), (3, 3)):
        with pytest.raises(SystemExit) as ended:
            console.command(lambda returned=returned: returned)
        assert (ended.value.code or 0) == status
