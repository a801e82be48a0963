"""README and CONTRIBUTING name what exists: chapters, files, commands."""

import importlib.util
import re
from pathlib import Path

import pytest
import typer
from matplotlib.figure import Figure

from helpers.checks import get
from helpers.checks.box import Box
from helpers.checks.judge import judge
from helpers.records import read_record
from tools import picture

ROOT = Path(__file__).resolve().parents[1]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}
SOURCES = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py"))
EXERCISE = re.compile(r"^# ### Exercise \d+\.\d+ · `\w+` · [★☆]{3} · (\d+) min$", re.M)


def chapter_row(path):
    """The chapter's line of the README's table, from its source."""
    source = path.read_text(encoding="utf-8")
    [title] = re.findall(r"^# # (.+)$", source, re.M)[:1]
    [question] = re.findall(r"^# \*\*(.+\?)\*\*$", source, re.M)[:1]
    [minutes] = re.findall(r"^# \*\*Time:\*\* about (\d+) minutes", source, re.M)
    exercises = EXERCISE.findall(source)
    assert sum(map(int, exercises)) <= int(minutes), f"{path.name}: exercises longer than the chapter"
    for said in re.findall(r"about \d+ minutes, (\d+) of them for the exercises", source):
        assert int(said) == sum(map(int, exercises)), f"{path.name}: says {said} minutes of exercises"
    return f"| [{title}](notebooks/{path.stem}.ipynb) | {question} | {minutes} | {len(exercises)} |"


def test_the_chapter_table_is_what_the_sources_say():
    if not SOURCES:
        pytest.skip("no chapter in solutions/ yet")
    wanted = [chapter_row(path) for path in SOURCES]
    shown = re.findall(r"^\| \[.*\]\(notebooks/.*\) \|.*$", PAGES["README.md"], re.M)
    assert shown == wanted, "The README's chapter table should be:\n" + "\n".join(wanted)


def test_a_chapters_row(tmp_path):
    path = tmp_path / "03_some_name.py"
    path.write_text(
        "# %% [markdown]\n# # 3 · Some name\n#\n# **Why so?**\n#\n# **Time:** about 40 minutes in all\n"
        "# ### Exercise 3.1 · `first` · ★☆☆ · 10 min\n# ### Exercise 3.2 · `second` · ★★★ · 20 min\n",
        encoding="utf-8",
    )
    assert chapter_row(path) == "| [3 · Some name](notebooks/03_some_name.ipynb) | Why so? | 40 | 2 |"
    path.write_text(path.read_text(encoding="utf-8").replace("about 40", "about 25"), encoding="utf-8")
    with pytest.raises(AssertionError, match="longer"):
        chapter_row(path)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)|src=[\"']([^\"']+)", PAGES[page])
    local = [one or other for one, other in targets if "://" not in (one or other)]
    assert local or page != "README.md"
    assert not [target for target in local if not (ROOT / target).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_files_and_folders_that_are_named_exist(page):
    ours = r"`((?:notebooks|solutions|helpers|tools|data|tests)/[\w./]*)`"
    named = set(re.findall(ours, PAGES[page]))
    assert named
    named -= {"notebooks/replaced/", "data/own/"}   # made when there is something to keep
    assert not [name for name in named if "NN_" not in name and not (ROOT / name).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_named_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = r"`make ([a-z][a-z-]*)|^make ([a-z][a-z-]*)|cpu make ([a-z][a-z-]*)"
    targets = set(re.findall(named, PAGES[page], re.M))
    targets = {name for group in targets for name in group if name}
    assert targets and targets <= set(re.findall(r"^([a-z][a-z-]*):", makefile, re.M))
    # Looking for pip would switch off what setuptools does to distutils, for all later tests of this process.
    modules = set(re.findall(r"python -m ([\w.]+)", PAGES[page])) - {"venv", "pip"}
    assert all(importlib.util.find_spec(module) for module in modules)


def test_the_jupyterlab_line_is_the_makefiles():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = re.findall(r"-m jupyterlab (.*)$", PAGES["README.md"], re.M)
    assert len(lines) == 3
    assert {line.strip() for line in lines} == {"--ServerApp.root_dir=. notebooks/00_start_here.ipynb"}
    assert "-m jupyterlab --ServerApp.root_dir=. $(LAB_OPTIONS) notebooks/00_start_here.ipynb" in makefile


def test_both_licences_are_there_and_explained():
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause License")
    text = (ROOT / "LICENSE-TEXT").read_text(encoding="utf-8")
    assert "Attribution 4.0 International Public License" in text and "Section 8 -- Interpretation." in text
    assert "BSD 3-Clause ([LICENSE](LICENSE))" in PAGES["README.md"]
    assert "CC BY 4.0 ([LICENSE-TEXT](LICENSE-TEXT))" in PAGES["README.md"]


def test_measured_results_and_the_pictures_text_are_those_of_the_records():
    for made in (
        picture.table, picture.timed_on, picture.memory_table, picture.dates_table, picture.reviews_table
    ):
        table = made()
        assert table in PAGES["README.md"], "python -m tools.picture prints the tables as they should be"
    assert f"![{picture.alt_text()}](docs/picture.png)" in PAGES["README.md"]


def test_the_picture_is_drawn_when_all_records_are_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(picture, "PICTURE", tmp_path / "picture.png")
    for slow in ("alt_text", "table", "memory_table", "dates_table", "reviews_table"):
        monkeypatch.setattr(picture, slow, lambda: "text")
    monkeypatch.setattr(picture, "draw", Figure)
    with monkeypatch.context() as without:
        without.setattr(picture, "reviews_table", lambda: picture.read_record("nothing"))
        with pytest.raises(typer.Exit):
            picture.main()
    assert "record 'nothing': no file nothing.json" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    picture.main()
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_box_shown_is_the_one_a_learner_gets():
    exercise = get("rnn_step")
    [known] = [each for each in exercise.misconceptions if each.name == "transposed-Wh"]
    box = repr(Box(judge(exercise, known.function)))
    assert f"```\n{box}\n```" in PAGES["README.md"], box


def test_the_difference_of_two_processes_is_the_recorded_one():
    found = read_record("two-processes")["results"]["largest_relative_difference"]
    assert f"relative differences up to {found:.0e} over 50 steps" in PAGES["README.md"]
