"""The front page and what lies beside it are true: chapters, numbers, boxes, licences, versions."""

import json
import re
import tomllib
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml
from matplotlib.figure import Figure

from helpers import languages
from helpers.checks import get
from helpers.checks.box import Box
from helpers.checks.judge import judge
from helpers.languages import LANGUAGES
from helpers.records import read_record
from tools import picture

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py"))
EXERCISE = re.compile(r"^# ### Exercise \d+\.\d+ · `\w+` · [★☆]{3} · (\d+) min$", re.M)


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


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
    shown = re.findall(r"^\| \[.*\]\(notebooks/.*\) \|.*$", README, re.M)
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


def test_the_jupyterlab_line_is_the_makefiles():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = re.findall(r"-m jupyterlab (.*)$", page("install.md"), re.M)
    assert len(lines) == 3
    assert {line.strip() for line in lines} == {"--ServerApp.root_dir=. notebooks/00_start_here.ipynb"}
    assert "-m jupyterlab --ServerApp.root_dir=. $(LAB_OPTIONS) $(START)" in makefile
    start = "START := notebooks/$(if $(filter-out en,$(LANGUAGE)),$(LANGUAGE)/)00_start_here.ipynb"
    assert start in makefile


def test_both_licences_are_there_and_explained():
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause License")
    text = (ROOT / "LICENSE-TEXT").read_text(encoding="utf-8")
    assert "Attribution 4.0 International Public License" in text and "Section 8 -- Interpretation." in text
    assert "BSD 3-Clause ([LICENSE](LICENSE))" in README
    assert "CC BY 4.0 ([LICENSE-TEXT](LICENSE-TEXT))" in README


def test_measured_results_and_the_pictures_text_are_those_of_the_records():
    tables = (
        picture.table, picture.timed_on, picture.adapted_table, picture.parts_table, picture.memory_table,
        picture.dates_table, picture.reviews_table,
    )  # fmt: skip
    for made in tables:
        assert made() in page("measured.md"), "python -m tools.picture prints the tables as they should be"
    assert picture.front() in README, "python -m tools.picture prints the table as it should be"
    assert f"![{picture.alt_text()}](docs/picture.png)" in README


def test_the_picture_is_drawn_when_all_records_are_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(picture, "DOCS", tmp_path)
    monkeypatch.setattr(languages, "_chosen", [])   # which it changes
    for language in set(LANGUAGES) - {"en"}:
        (tmp_path / language).mkdir()
    for slow in ("alt_text", "front", "table", "memory_table", "dates_table", "reviews_table"):
        monkeypatch.setattr(picture, slow, lambda: "text")
    monkeypatch.setattr(picture, "draw", Figure)
    with monkeypatch.context() as without:
        without.setattr(picture, "reviews_table", lambda: picture.read_record("nothing"))
        with pytest.raises(typer.Exit):
            picture.main()
    assert "record 'nothing': no file nothing.json" in capsys.readouterr().out
    assert not list(tmp_path.rglob("*.png"))
    picture.main()
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert written == ["ko/picture.png", "picture.png"]
    for path in written:
        assert (tmp_path / path).read_bytes().startswith(b"\x89PNG")


def test_the_box_shown_is_the_one_a_learner_gets():
    exercise = get("rnn_step")
    [known] = [each for each in exercise.misconceptions if each.name == "transposed-Wh"]
    box = repr(Box(judge(exercise, known.function)))
    assert f"```\n{box}\n```" in page("learning.md"), box


def test_the_difference_of_two_processes_is_the_recorded_one():
    found = read_record("two-processes")["results"]["largest_relative_difference"]
    assert f"relative differences up to {found:.0e} over 50 steps" in page("experiments.md")


# --- Version, citation, changelog ----------------------------------------------------------------------

TEXT = {"type": "string", "minLength": 1}
CITATION = {   # what we use of https://citation-file-format.github.io/1.2.0, as strictly as it says
    "type": "object",
    "additionalProperties": False,
    "required": ["cff-version", "message", "title", "authors", "version", "date-released"],
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "type": {"enum": ["software", "dataset"]},
        "authors": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["name"], "properties": {"name": TEXT}},
        },
        "date-released": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "keywords": {"type": "array", "minItems": 1, "uniqueItems": True, "items": TEXT},
    } | dict.fromkeys(("message", "title", "abstract", "version", "license"), TEXT),
}


def released():
    """(version, day) of the changelog, the newest first."""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]$", changes, re.M)
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", changes, re.M)


def test_the_version_is_the_same_everywhere():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    jsonschema.validate(cited, CITATION)
    [(version, day), *_] = released()
    assert version == cited["version"] == PROJECT["version"]
    assert day == cited["date-released"] and date.fromisoformat(day)
    assert cited["license"] == PROJECT["license"]


def test_the_changelogs_headings_are_those_of_its_form_and_lead_to_comparisons():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Known limits"}
    assert set(re.findall(r"^### (.+)$", changes, re.M)) <= kinds
    for version, _ in released():
        assert re.search(rf"^\[{re.escape(version)}\]: \S+v{re.escape(version)}$", changes, re.M)
    [(newest, _), *_] = released()
    assert f"[Unreleased]: ../../compare/v{newest}...HEAD" in changes


PICTURES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("front-*.png"))
FRONT = {language: "README.md" if language == "en" else f"README.{language}.md" for language in LANGUAGES}


def described(picture):
    """What the README of its language says of a picture."""
    language = Path(picture).parent.name
    readme = (ROOT / FRONT.get(language, "README.md")).read_text(encoding="utf-8")
    [alt] = re.findall(rf"!\[([^\]]+)\]\({picture}\)", readme)
    return alt


@pytest.mark.parametrize("picture", PICTURES)
def test_pictures_of_the_course_are_shown_small_and_described(picture):
    """(tests/browser/test_front_page.py takes them, and compares what is said with what they show)"""
    assert len(described(picture)) > 60
    assert (ROOT / picture).stat().st_size < 150_000


def test_every_edition_has_pictures_of_its_own():
    names = [Path(picture).name for picture in PICTURES if Path(picture).parent.name == "docs"]
    own = {Path(picture).parent.name for picture in PICTURES} - {"docs"}
    assert own == set(LANGUAGES) - {"en"} and len(PICTURES) == len(names) * len(LANGUAGES)
    for language in own:
        assert "(docs/" + language + "/picture.png)" in (ROOT / FRONT[language]).read_text(encoding="utf-8")


@pytest.fixture(params=LANGUAGES)
def folder(request, monkeypatch):
    """Where the files of a language are, which is in use; "" for the source's."""
    monkeypatch.setattr(languages, "_chosen", [request.param])
    return "" if request.param == "en" else f"{request.param}/"


def test_the_red_box_of_the_picture_says_what_is_said(folder):
    box = repr(Box(judge(get("scalar_step"), lambda w_x, w_h, b, x, h_prev: w_x * x + w_h * h_prev + b)))
    _, differs, hint, *_ = box.replace("`", "").splitlines()
    said = described(f"docs/{folder}front-box.png")
    assert differs.strip().partition(". (")[0] in said and hint.partition(": ")[2] in said


def test_the_figure_of_the_picture_says_what_is_said(folder):
    cells = json.loads((ROOT / f"solutions/{folder}01_rnn_recap.ipynb").read_text(encoding="utf-8"))["cells"]
    [cell] = [each for each in cells if each["cell_type"] == "code" and "explore(" in "".join(each["source"])]
    [alt] = [each["metadata"]["image/png"]["alt"] for each in cell["outputs"] if "image/png" in each["data"]]
    assert alt in described(f"docs/{folder}front-figure.png")
