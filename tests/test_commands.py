"""Commands and files that any text of the course names exist: pages, chapters, hints, messages, scripts."""

import re
from pathlib import Path

import pytest

from tests import commands
from tests.commands import PAGES, ROOT, named, wrong


def test_every_command_that_is_named_exists_and_parses():
    assert [(file, problem) for file, line in sorted(named()) for problem in wrong(line)] == []


def test_commands_are_found_in_every_kind_of_text():
    files = {file for file, _ in named()}
    assert {"README.md", "docs/teaching.md", "data/README.md", ".github/workflows/ci.yml", ".ci/run"} <= files
    assert {"solutions/06_improvements.py", "helpers/records.py", "tools/build/cli.py"} <= files
    lines = " ".join(line for _, line in named())
    unnamed = [target for target in commands.TARGETS if not re.search(rf"\bmake {target}\b", lines)]
    assert not unnamed, "no text says what these are for"


WRONG = {
    "make grad": "no target",
    "make lab CHAPTER_=1": "takes no",
    "make train NAME=ptb-smal": "NAME=",
    "make reset CHAPTER=19": "CHAPTER=",
    "make reset EXERCISE=rnn_stepp": "EXERCISE=",
    'make check REQUIRE="1:5"': "REQUIRE=",
    "make reset RESET_OPTIONS=--dry": "No such option",
    "(cd somewhere && make grad)": "no target",
    "python -m tools.rset 01": "no command",
    "python -m tools.options": "no command",
    "python -m tools.reset 01 --d": "No such option",
    "python -m tools.build 19": "chapters 19",
    "python -m tools.picture now": "too much",
    "python -m helpers.environment now": "takes no",
    "python -m helpers.experiments walk": "no subcommand",
    "python -m helpers.experiments run ptb-smal": "name ptb-smal",
    "python -m helpers.experiments run ptb-small --set rate=1": "rate",
    "python -m helpers.corpora.nsmc --donwload": "unrecognized",
    ".venv/bin/python -m tools.claims --all": "No such option",
    "torchrun --nproc 2 --nodes 3 -m helpers.experiments run ptb-650": "torchrun",
    "torchrun --nproc-per-node 2 -m helpers.experiments rum ptb-650": "no subcommand",
    "python -m pip install -c constraint.txt -e .": "no file",
    'python -m pip install -c constraints.txt -e ".[tests]"': "no extra",
    "python -m pytest -q test": "no folder",
    "python -m jupyterlab notebooks/00_start.ipynb": "no file",
    "python -m pytset tests": "not known",
    "bash .ci/rnu": "no script",
}


@pytest.mark.parametrize(("line", "problem"), WRONG.items())
def test_a_wrong_command_would_be_noticed(line, problem):
    [found] = wrong(line)
    assert problem.lower() in found.lower()


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (commands.of_markdown, "Type `make grad`, or"),
        (commands.of_markdown, "```sh\nmake grad   # so\n```\n"),
        (commands.of_python, "raise ValueError(f'no {name}: ' 'python -m tools.rset, says why')"),
        (commands.of_python, 'def f():\n    """Does it. ``make grad`` as well."""\n'),
        (commands.of_python, "x = 1   # (make grads)\n"),
        (commands.of_python, '"""The command: python -m tools.reset 01 [--dry]."""'),
        (commands.of_chapter, "# %% [markdown]\n# So `make\n# grad`.\n"),
        (commands.of_chapter, "# %%\n%time 3\nprint('python -m tools.rset')\n"),
    ],
)
def test_a_wrong_command_would_be_found(read, text):
    assert [problem for line in read(text) for problem in wrong(line)]


def test_prose_is_no_command():
    text = "def f():\n    '''What checks make of it: they make one up, and make no train late.'''\n"
    assert not [problem for line in commands.of_python(text) for problem in wrong(line)]


# --- Files ---------------------------------------------------------------------------------------------

OURS = r"`((?:notebooks|solutions|helpers|tools|data|tests|docs|\.github|\.ci)/[\w./-]*)`"
MADE = {"notebooks/replaced/", "data/own/", "data/cache/", "data/checkpoints/"}   # when there is something


def text_of(path):
    """A page, or the Markdown cells of a chapter."""
    text = path.read_text(encoding="utf-8")
    return text if path.suffix == ".md" else "".join(re.findall(r"^# (.*\n)", text, re.M))


@pytest.mark.parametrize("path", [*PAGES, *commands.CHAPTERS], ids=lambda path: path.stem)
def test_files_and_folders_that_are_named_exist(path):
    named_here = set(re.findall(OURS, text_of(path))) - MADE
    there = [name for name in named_here if re.search(r"\b(?:09|NN)_|_09\b", name) or is_there(name)]
    assert named_here == set(there)


def is_there(name):
    made = name.startswith(tuple(MADE))
    return made or (ROOT / name).exists()


def anchors(path):
    """The names GitHub gives to the headings of a Markdown file."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def dead_links(text, folder, own=None):
    """Relative links and pictures of `text` that lead nowhere from `folder`. A notebook counts when its
    source exists, and what GitHub has beside the files (``../../actions/…``) when its workflow does."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)|src=[\"']([^\"']+)", text):
        link = max(link)
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        if workflow := re.match(r"\.\./\.\./actions/workflows/([\w-]+\.yml)", file):
            exists = (ROOT / ".github" / "workflows" / workflow[1]).is_file()
        else:
            target = (folder / file).resolve() if file else own
            built = target.suffix == ".ipynb" and (ROOT / "solutions" / f"{target.stem}.py").is_file()
            exists = (target.exists() or built) and target.is_relative_to(ROOT)
            exists = exists and (not anchor or anchor in anchors(target))
        dead += [] if exists else [link]
    return dead


@pytest.mark.parametrize("page", [page for page in PAGES if "template" not in page.name], ids=str)
def test_relative_links_of_the_pages_resolve(page):
    assert dead_links(page.read_text(encoding="utf-8"), page.parent, page) == []


@pytest.mark.parametrize("folder", ["notebooks", "solutions"])
@pytest.mark.parametrize("chapter", commands.CHAPTERS, ids=lambda path: path.stem)
def test_relative_links_of_the_chapters_resolve(chapter, folder):
    assert dead_links(text_of(chapter), ROOT / folder, Path(ROOT, folder, f"{chapter.stem}.ipynb")) == []


def test_a_dead_link_would_be_noticed():
    text = "[a](nowhere.md) [b](notation.md#no-such-heading) [c](notation.md#sizes) [d](https://example.org)"
    text += ' [e](../../actions/workflows/c.yml) [f](../../actions/workflows/ci.yml/b.svg) <img src="g.png">'
    dead = ["nowhere.md", "notation.md#no-such-heading", "../../actions/workflows/c.yml", "g.png"]
    assert dead_links(text, ROOT / "docs") == dead
