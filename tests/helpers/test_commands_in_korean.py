"""What commands and tables say is looked up: in another language nothing of it is left in English."""

import gettext
import importlib.util
import json
import re
import sys

import nbformat
import pytest
from typer.testing import CliRunner

from helpers import claims, environment, hidden, installed, languages, progress
from helpers.carried import carried
from helpers.checks.box import MIME
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED
from helpers.corpora import penn_treebank
from helpers.corpora.download import CorpusUnavailable
from helpers.environment import Report, check_environment
from helpers.languages import VARIABLE
from helpers.notebooks import code_fingerprint
from tests import pseudo
from tests.pseudo import left_in_english

TYPER = {
    "Usage", "OPTIONS", "Options", "Arguments", "default", "Show", "this", "message", "and", "exit", "help",
    "list", "str", "path", "bool", "int", "range", "no", "Error", "Try", "for", "required", "Invalid",
    "value", "Commands", "COMMAND", "ARGS",
}  # fmt: skip
"""What typer itself writes into pages of help."""
NAMES = {
    "main", "root", "run", "list", "folder", "name", "FOLDER", "CHAPTER", "NAME", "VALUE", "HEAD", "en", "ko",
    "bar", "restart",
}  # fmt: skip
"""Names of commands, arguments and values."""


@pytest.fixture(autouse=True)
def korean(monkeypatch):
    pseudo.speak(monkeypatch)
    monkeypatch.delenv("UNROLLED_BUILD", raising=False)


def words(text):
    """Text without HTML's tags and names, and without code, paths and options."""
    text = re.sub(r"<code>.*?</code>", " ", text)
    text = re.sub(r"<[a-z/][^>]*>|&\w+;", " ", text)
    return re.sub(r"`[^`]*`|--[\w-]+|\S*/\S*|\S*\.(?:ipynb|py|zip|json|txt)\S*", " ", text)


def assert_translated(*texts, own=()):
    for text in texts:
        assert "가" in text and not left_in_english(words(text), own), text


# --- the environment report


LIBRARIES = {"Python", "NumPy", "PyTorch"}


def test_a_report_of_what_is_fine(monkeypatch):
    monkeypatch.setattr(installed, "tried", lambda package, use="": ("", ""))
    monkeypatch.setattr(environment, "_unfit", lambda package: "")
    report = Report(check_environment())
    assert_translated(repr(report), report._repr_html_(), own=LIBRARIES)


def test_a_report_of_what_is_not(monkeypatch, tmp_path):
    version = (3, 10, 14, "final", 0)
    monkeypatch.setattr(environment.sys, "version_info", version)
    monkeypatch.setattr(installed, "tried", lambda package, use="": (installed._said("missing", ""), ""))
    monkeypatch.setattr(environment, "chapters_using", lambda package, folder: [])
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    (tmp_path / "blocked").touch()
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(tmp_path / "blocked"))
    monkeypatch.setenv(VARIABLE, "fr")
    report = Report(check_environment())
    assert [each.ok for each in report.findings] == 7 * [False]
    own = LIBRARIES | {"matplotlib", "fr", "en", "English"}
    assert_translated(repr(report), report._repr_html_(), own=own)
    monkeypatch.setattr(hidden, "hiding_files", lambda: ["/a/random.py", "/a/json.py"])
    monkeypatch.setitem(environment.LOOKS, "Threads", lambda: 1 / 0)
    report = Report(check_environment())
    assert_translated(repr(report), own=own | {"ZeroDivisionError", "division", "by", "zero"})


@pytest.mark.parametrize("kind", ["missing", "refused", "broken"])
def test_what_is_wrong_with_a_package(kind):
    assert_translated(installed._said(kind, ""), installed._ending(-4), installed._ending(3), own={"SIGILL"})


@pytest.mark.parametrize(("value", "told"), [("fr", 1), ("", 0), ("ko", 0), ("KO_KR.UTF-8", 0)])
def test_a_language_that_the_course_does_not_have_is_told_once(monkeypatch, value, told):
    monkeypatch.setattr(languages, "_chosen", ["en"])
    monkeypatch.setattr(languages, "_translations", lambda _: gettext.NullTranslations())
    monkeypatch.setattr(environment, "LOOKS", {})
    monkeypatch.setenv(VARIABLE, value)
    said = "✗ Language: `UNROLLED_LANGUAGE` is 'fr', and the course has `en` (English), `ko` (한국어). Set"
    assert repr(Report(check_environment())).count(said) == told == len(check_environment())


# --- progress


def check(name, state):
    data = {"exercise": name, "state": state, "fingerprint": code_fingerprint(f"def {name}(): pass", name)}
    output = nbformat.v4.new_output("display_data", {"text/plain": "", MIME: data})
    return nbformat.v4.new_code_cell(f"check('{name}', {name})", outputs=[output] if state else [])


@pytest.fixture
def notebooks(tmp_path):
    """A folder with rows of every state, of two editions, beside results of make check."""
    cells = []
    for name, state in {"a": PASSED, "b": FAILED, "c": NOT_ATTEMPTED, "d": "", "e": PASSED}.items():
        cells += [nbformat.v4.new_code_cell(f"def {name}(): pass"), check(name, state)]
    cells += [nbformat.v4.new_code_cell("def f(): return 1"), check("f", PASSED), check("g", PASSED)]
    folder = tmp_path / "notebooks"
    for place in ("ko", "", "replaced"):
        (folder / place).mkdir(parents=True, exist_ok=True)
        held = cells[2:] if place == "" else cells[:2]
        nbformat.write(nbformat.v4.new_notebook(cells=held), folder / place / "01_x.ipynb")
    words_only = nbformat.v4.new_output("stream", name="stdout", text="✓ h: passed")
    unsure = nbformat.v4.new_code_cell("check('h', h)", outputs=[words_only])
    nbformat.write(nbformat.v4.new_notebook(cells=[unsure]), folder / "02_y.ipynb")
    (folder / "03_z.ipynb").write_text("")
    exercises = [
        {"exercise": name, "fingerprint": code_fingerprint(f"def {name}(): pass", name), "state": state}
        for name, state in (("a", PASSED), ("e", "not graded"))
    ]
    results = folder.parent / progress.RESULTS
    results.parent.mkdir(parents=True)
    results.write_text(json.dumps({"submissions": [{"exercises": exercises}]}))
    return folder


def test_the_progress_table(notebooks, monkeypatch, tmp_path):
    shown = progress.show_progress(notebooks)
    assert {row.state for row in shown.rows} == set(progress.SYMBOLS) - {progress.MISSING}
    own = {"Ctrl", "make", "check"}
    (tmp_path / "none").mkdir()
    for table in (shown, progress.show_progress(tmp_path / "none")):
        assert_translated(repr(table), table._repr_html_(), own=own)
    command = fresh(monkeypatch, "tools.progress").app
    assert_translated(CliRunner().invoke(command, [str(notebooks)], terminal_width=200).output, own=own)
    monkeypatch.setenv("UNROLLED_BUILD", "1")
    assert_translated(progress.show_progress(notebooks).note)


def test_why_a_function_is_not_carried(tmp_path):
    assert_translated(str(carried("rnn_step", tmp_path)), own={"rnn", "step"})


# --- claims


def test_the_table_of_claims(monkeypatch, capsys):
    monkeypatch.setattr(claims, "_MADE", {})
    monkeypatch.setattr(claims, "BUILDING", False)
    claims.claim("1 > 2", False, heard="2 < 1", verdict="0")
    assert_translated(capsys.readouterr().out)
    shown = []
    monkeypatch.setattr(claims.console, "show", shown.append)
    claims.table(unmeasured={"3 > 4": "5"})
    assert_translated(shown[0]._repr_markdown_())
    assert not left_in_english(repr(shown[0]))


# --- commands


def fresh(monkeypatch, name):
    """A module as another process would import it: with help in the language in use."""
    spec = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "arguments"), [
    ("tools.progress", ["--help"]), ("tools.reset", ["--help"]), ("tools.reset", []),
    ("tools.update.cli", ["--help"]), ("helpers.experiments.cli", ["--help"]),
    ("helpers.experiments.cli", ["run", "--help"]), ("helpers.experiments.cli", ["list", "--help"]),
])  # fmt: skip
def test_help(monkeypatch, name, arguments):
    fresh(monkeypatch, "tools.options")
    output = CliRunner().invoke(fresh(monkeypatch, name).app, arguments, terminal_width=200).output
    assert_translated(output, own=TYPER | NAMES)


def test_the_list_of_experiments(monkeypatch):
    cli = fresh(monkeypatch, "helpers.experiments.cli")
    one = cli.registry.Experiment("one", "01", "What it does", lambda run: {}, {"lr": 1})
    monkeypatch.setattr(cli.registry, "experiments", lambda: [one])
    assert_translated(CliRunner().invoke(cli.app, ["list"]).output, own={"one", "lr"})


@pytest.mark.parametrize(("name", "arguments"), [("tools.reset", ["01"]), ("tools.update.cli", [])])
def test_why_nothing_is_reset_or_updated(monkeypatch, tmp_path, name, arguments):
    command = fresh(monkeypatch, name).app
    assert_translated(CliRunner().invoke(command, [*arguments, "--course", str(tmp_path)]).output)


def test_a_corpus_that_is_not_there(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("UNROLLED_PTB_DIR", str(tmp_path / "mine"))
    own = {"Penn", "Treebank", "train", "python", "helpers", "corpora", "penn", "treebank"}
    own |= {"UNROLLED", "PTB", "DIR"}
    with pytest.raises(CorpusUnavailable) as found:
        penn_treebank.find("train")
    assert_translated(str(found.value), own=own)
    with pytest.raises(SystemExit):
        penn_treebank.main(["--help"])
    argparse = {"usage", "options", "show", "this", "help", "message", "and", "exit", "BASE", "URL", "MB"}
    assert_translated(capsys.readouterr().out, own=own | argparse)
