"""Every refusal of a chapter's source: one edit of a good chapter, and what is said about it.

A case is (edit, line, message): `edit` maps passages of the good chapter to what replaces them, `line`
is the offending line of the edited script (the first that reads like this), `message` a part of what is
said there. It is the only problem reported, but where one mistake makes two problems.
"""

from pathlib import Path

import pytest

from tools.build.pipeline import draft_chapter, draft_course
from tools.build.rules import judge_chapter, registered_exercises
from tools.build.source import BuildError, Course, Problem, read_chapter

GOOD = (Path(__file__).parent / "fixtures" / "course" / "solutions" / "01_good.py").read_text(
    encoding="utf-8"
)
EXERCISE = '# %% exercise="double"'
CHECK = '# %% check="double" points=3'
HANDED = 'double = check("double", double)'
HEADING = "# ### Exercise 1.1 · `double` · ★★☆ · 15 min"
QUIZ_HEADING = "# ### Exercise 1.2 · `quiz_colour` · ★☆☆ · 3 min"
NUDGE = "# <details><summary>A nudge</summary>What is twice one?</details>\n"
BEGIN, END = "    ### BEGIN SOLUTION\n    twice", "    return twice_the_value\n    ### END SOLUTION\n"
DEFINITION = 'def double(\n    x: float,\n) -> float:\n    """Twice x."""\n'
AGAIN = "# %%\nprint(example)\n\n# %%\ndot"
EXAMPLE = "example = 21\n"
IMAGE = "# ![A line that rises](../data/line.png)"

CASES = {
    # exercise and check
    "exercise without check": (
        {f"{CHECK}\n{HANDED}\n": "# %%\nprint(1)\n"},
        EXERCISE,
        "an exercise without a check",
    ),
    "check without exercise": (
        {AGAIN: '# %% check="ghost" points=1\nghost = check("ghost", ghost)\n\n# %%\ndot'},
        '# %% check="ghost" points=1',
        "a check without an exercise: ghost",
    ),
    "check before exercise": (
        {f"{CHECK}\n{HANDED}\n": "", f"# %%\n{EXAMPLE}": f"{CHECK}\n{HANDED}\n\n# %%\n{EXAMPLE}"},
        CHECK,
        "a check before its exercise: double",
    ),
    "second check": (
        {AGAIN: f'# %% check="double" points=2\n{HANDED}\n\n# %%\ndot'},
        '# %% check="double" points=2',
        "a second check of one exercise: double",
    ),
    "check of another function": (
        {HANDED: 'double = check("double", doubel)'},
        'double = check("double", doubel)',
        "does not hand the exercise over",
    ),
    "check under another name": (
        {HANDED: 'double = check("triple", double)'},
        'double = check("triple", double)',
        "does not hand the exercise over",
    ),
    "check into another name": (
        {HANDED: 'other = check("double", double)'},
        'other = check("double", double)',
        "does not hand the exercise over",
    ),
    "check thrown away": (
        {HANDED: 'check("double", double)'},
        'check("double", double)',
        "does not hand the exercise over",
    ),
    "check without points": ({CHECK: '# %% check="double"'}, '# %% check="double"', "a check without points"),
    "check worth nothing": (
        {CHECK: '# %% check="double" points=0'},
        '# %% check="double" points=0',
        "a check without points",
    ),
    "check without a name": (
        {CHECK: "# %% check=true points=3"},
        "# %% check=true points=3",
        "a check is a code cell that names its exercise",
    ),
    "name used twice": (
        {'exercise="quiz_colour"': 'exercise="double" tags=["b"]', "quiz_colour": "double"},
        '# %% exercise="double" tags=["b"]',
        "the exercise name stands already in line 4",
    ),
    "name of another function": (
        {"def double(": "def triple("},
        "def triple(",
        "does not define its function (wanted: def double(…):)",
    ),
    "no function's name": (
        {'exercise="double"': 'exercise="dou-ble"'},
        '# %% exercise="dou-ble"',
        "named like its function",
    ),
    "no docstring": (
        {'    """Twice x."""\n': ""},
        "def double(",
        "an exercise without a docstring",
    ),
    "a clock": (
        {EXAMPLE: "import time; print(time.perf_counter())\n"},
        "import time; print(time.perf_counter())",
        "a clock or the hardware in an executed cell",
    ),
    "the hardware": (
        {EXAMPLE: "import os; print(os.cpu_count())\n"},
        "import os; print(os.cpu_count())",
        "a clock or the hardware in an executed cell",
    ),
    "timing magic": ({EXAMPLE: "# %timeit 1 + 1\n"}, "# %timeit 1 + 1", "a clock or the hardware"),
    "name like a check": ({"double": "double_check"}, '# %% exercise="double_check"', "not …_check"),
    "exercise in Markdown": (
        {"# %% [markdown]\n# Between": '# %% [markdown] exercise="read"\n# Between'},
        '# %% [markdown] exercise="read"',
        "an exercise is a code cell",
    ),
    # the cell's line
    "unknown key": (
        {EXERCISE: f"{EXERCISE} dificulty=2"},
        f"{EXERCISE} dificulty=2",
        "unknown on the line of a code cell: dificulty=2",
    ),
    "cell title": (
        {f"# %%\n{EXAMPLE}": f"# %% A title\n{EXAMPLE}"},
        "# %% A title",
        "unknown on the line of a code cell: title='A title'",
    ),
    "points without check": (
        {EXERCISE: f"{EXERCISE} points=3"},
        f"{EXERCISE} points=3",
        "points belong to a check",
    ),
    "exercise as a demo": (
        {EXERCISE: f"{EXERCISE} demo=true"},
        f"{EXERCISE} demo=true",
        "a cell is one of exercise, check, demo and draws",
    ),
    "demo of something": ({"demo=true": 'demo="slider"'}, '# %% demo="slider"', "wanted: demo=true"),
    "tags": (
        {f"# %%\n{EXAMPLE}": f'# %% tags="wide"\n{EXAMPLE}'},
        '# %% tags="wide"',
        "not valid, 'wide' is not of type 'array'",
    ),
    "errors by tag": (
        {f"# %%\n{EXAMPLE}": f'# %% tags=["raises-exception"]\n{EXAMPLE}'},
        '# %% tags=["raises-exception"]',
        "passes unseen with this tag",
    ),
    "claim that is not compared": (
        {f"# %%\n{EXAMPLE}": f'# %% tags=["nbval-ignore-output"]\n{EXAMPLE}claim("odd", example % 2)\n'},
        'claim("odd", example % 2)',
        "wanted in a cell of its own",
    ),
    "empty cell": (
        {f"# %%\n{EXAMPLE}": f'# %% tags=["x"]\n\n# %%\n{EXAMPLE}'},
        '# %% tags=["x"]',
        "an empty cell",
    ),
    # difficulty, minutes, number
    "no heading": ({f"{HEADING}\n": "# Double\n"}, EXERCISE, "an exercise without difficulty and minutes"),
    "no minutes": (
        {" · 15 min": ""},
        HEADING.removesuffix(" · 15 min"),
        "difficulty and minutes cannot be read",
    ),
    "no minutes at all": (
        {"15 min": "0 min"},
        HEADING.replace("15", "0"),
        "difficulty and minutes cannot be read",
    ),
    "no difficulty": ({"★★☆ · ": ""}, HEADING.replace("★★☆ · ", ""), "difficulty and minutes cannot be read"),
    "strange difficulty": (
        {"★★☆": "☆★★"},
        HEADING.replace("★★☆", "☆★★"),
        "difficulty and minutes cannot be read",
    ),
    "heading of another level": (
        {HEADING: HEADING.replace("###", "##")},
        HEADING.replace("###", "##"),
        "difficulty and minutes cannot be read",
    ),
    "heading of another exercise": (
        {"· `double` ·": "· `triple` ·"},
        HEADING.replace("double", "triple"),
        "not the one of the exercise double that follows",
    ),
    "number skipped": (
        {"Exercise 1.2": "Exercise 1.3"},
        QUIZ_HEADING.replace("1.2", "1.3"),
        "exercise numbers out of order, this is 1.2",
    ),
    "number repeated": (
        {"Exercise 1.2": "Exercise 1.1"},
        QUIZ_HEADING.replace("1.2", "1.1"),
        "exercise numbers out of order, this is 1.2",
    ),
    "number of another chapter": (
        {"Exercise 1.2": "Exercise 2.2"},
        QUIZ_HEADING.replace("1.2", "2.2"),
        "exercise numbers out of order, this is 1.2",
    ),
    "heading at the end": (
        {"# %% demo=true": "# %% [markdown]\n# ### Exercise 1.3 · `more` · ★★★ · 5 min\n\n# %% demo=true"},
        "# ### Exercise 1.3 · `more` · ★★★ · 5 min",
        "an exercise heading without its exercise",
    ),
    # hints
    "one hint": ({NUDGE: ""}, HEADING, "1 folded hints, wanted two"),
    "hint unfolded": (
        {"<details><summary>A nudge": "<details open><summary>A nudge"},
        HEADING,
        "1 folded hints, wanted two",
    ),
    "hint without a line to click": (
        {"<summary>A nudge</summary>": ""},
        HEADING,
        "1 folded hints, wanted two",
    ),
    "hint never ended": ({"twice one?</details>": "twice one?"}, HEADING, "a <details> that is never ended"),
    "hint in code": ({NUDGE: f"# ```\n{NUDGE}# ```\n"}, HEADING, "1 folded hints, wanted two"),
    # markers
    "no markers": (
        {"    ### BEGIN SOLUTION\n    twice": "    twice", END: "    return twice_the_value\n"},
        "def double(",
        "an exercise without ### BEGIN SOLUTION",
    ),
    "markers around the function": (
        {
            BEGIN: "    twice",
            END: "    return twice_the_value\n### END SOLUTION\n",
            DEFINITION: f"### BEGIN SOLUTION\n{DEFINITION}",
        },
        "### BEGIN SOLUTION",
        "a solution marker outside a function body",
    ),
    "markers after the function": (
        {
            BEGIN: "    twice",
            END: "    return twice_the_value\n\n\n### BEGIN SOLUTION\nthree = 3\n### END SOLUTION\n",
        },
        "### BEGIN SOLUTION",
        "a solution marker outside a function body",
    ),
    "markers in a class": (
        {
            BEGIN: "    twice",
            END: "\n\nclass A:\n    ### BEGIN SOLUTION\n    b = 3\n    ### END SOLUTION\n",
        },
        "    ### BEGIN SOLUTION",
        "a solution marker outside a function body",
    ),
    "markers among the arguments": (
        {
            BEGIN: "    twice",
            END: "    return twice_the_value\n",
            "    x: float,\n": "    ### BEGIN SOLUTION\n    ### END SOLUTION\n    x: float,\n",
        },
        "    ### BEGIN SOLUTION",
        "a solution marker outside a function body",
    ),
    "markers at the margin": (
        {
            BEGIN: "### BEGIN SOLUTION\n    twice",
            END: "    return twice_the_value\n### END SOLUTION\n    x = 1\n",
        },
        "### BEGIN SOLUTION",
        "a solution marker outside a function body",
    ),
    "marker in a cell that begins with blank lines": (
        {f"{EXERCISE}\n": f"{EXERCISE}\n\n\n", BEGIN: "    ###  BEGIN SOLUTION\n    twice"},
        "    ###  BEGIN SOLUTION",
        "a comment on a line of its own",
    ),
    "markers in two functions": (
        {END: "    return twice_the_value\n\n\ndef other():\n    return 3\n    ### END SOLUTION\n"},
        "    ### END SOLUTION",
        "a solution that ends in another function",
    ),
    "never ends": (
        {END: "    return twice_the_value\n"},
        "    ### BEGIN SOLUTION",
        "a solution that never ends",
    ),
    "never began": ({BEGIN: "    twice"}, "    ### END SOLUTION", "a solution ends that never began"),
    "nested": (
        {"    return twice_the_value\n": "    ### BEGIN SOLUTION  \n    return twice_the_value\n"},
        "    ### BEGIN SOLUTION  ",
        "a solution begins inside a solution",
    ),
    "indented differently": (
        {BEGIN: "    if x:\n        ### BEGIN SOLUTION\n        pass\n    twice"},
        "    ### END SOLUTION",
        "indented differently",
    ),
    "marker with a remark": (
        {BEGIN: "    ### BEGIN SOLUTION here\n    twice"},
        "    ### BEGIN SOLUTION here",
        "a comment on a line of its own",
    ),
    "marker behind code": (
        {BEGIN: "    pass  ### BEGIN SOLUTION\n    twice"},
        "    pass  ### BEGIN SOLUTION",
        "a comment on a line of its own",
    ),
    "marker in a string": (
        {'"""Twice x."""': '"""Twice x.\n    ### BEGIN SOLUTION\n    """', BEGIN: "    twice"},
        "    ### BEGIN SOLUTION",
        "a comment on a line of its own",
    ),
    "marker in no exercise": (
        {EXAMPLE: f"{EXAMPLE}### BEGIN SOLUTION\n"},
        "### BEGIN SOLUTION",
        "a solution marker in a cell that is no exercise",
    ),
    "marker in a check": (
        {HANDED: f"### END SOLUTION\n{HANDED}"},
        "### END SOLUTION",
        "a solution marker in a cell that is no exercise",
    ),
    "marker in Markdown": (
        {"# Between": "# <!-- END SOLUTION -->\n# Between"},
        "# <!-- END SOLUTION -->",
        "a solution marker in a cell that is no exercise",
    ),
    # code
    "syntax error": (
        {"    twice_the_value = x * 2": "    twice_the_value = = 2"},
        "    twice_the_value = = 2",
        "SyntaxError: invalid syntax",
    ),
    "tab": (
        {"    return twice_the_value": "    if x:\n    \treturn 2\n    return twice_the_value"},
        "    \treturn 2",
        "a tab in the indentation",
    ),
    "comment that jupytext runs": (
        {EXAMPLE: f"# cat and mouse\n{EXAMPLE}"},
        "# cat and mouse",
        "reads this comment as a shell command",
    ),
    # drawing cells
    "figure in an open cell": (
        {EXAMPLE: f"{EXAMPLE}show(figure, 'A line')\n"},
        "show(figure, 'A line')",
        "a figure in an open cell",
    ),
    "figure that moves in an open cell": (
        {EXAMPLE: f"{EXAMPLE}explore(draw, w=slider('w', 0, 1, value=0))\n"},
        "explore(draw, w=slider('w', 0, 1, value=0))",
        "a figure in an open cell",
    ),
    "folded cell without a figure": (
        {AGAIN: "# %% draws=true\nnothing = 1\n\n# %%\ndot"},
        "# %% draws=true",
        "a cell that shows no figure",
    ),
    "folded cell that talks": (
        {AGAIN: "# %% draws=true\nshow(figure, 'A line')\nprint(1)\n\n# %%\ndot"},
        "print(1)",
        "print() in a folded cell",
    ),
    "folded cell that makes what is used later": (
        {AGAIN: f"# %% draws=true\nmean = 2\nshow(figure, 'A line')\n\n# %%\nf = mean\n\n{AGAIN}"},
        "f = mean",
        "`mean` comes from the folded cell in line",
    ),
    "folded exercise": (
        {EXERCISE: f"{EXERCISE} draws=true"},
        f"{EXERCISE} draws=true",
        "a cell is one of exercise, check, demo and draws",
    ),
    "folded in words": ({AGAIN: f'# %% draws="no"\n{AGAIN[5:]}'}, '# %% draws="no"', "wanted: draws=true"),
    # images
    "Markdown image": (
        {IMAGE: "# ![ ](../data/line.png)"},
        "# ![ ](../data/line.png)",
        "an image without alternative text: ../data/line.png",
    ),
    "HTML image": (
        {IMAGE: '# <img src="line.png">'},
        '# <img src="line.png">',
        "an image without alternative text: line.png",
    ),
    "HTML image in a line": (
        {IMAGE: '# one\n# two <img src="line.png" alt="">'},
        '# two <img src="line.png" alt="">',
        "an image without alternative text: line.png",
    ),
    "remote image": (
        {IMAGE: "# ![A line](https://example.org/line.png)"},
        "# ![A line](https://example.org/line.png)",
        "an image from another machine",
    ),
    "remote HTML image": (
        {IMAGE: '# <img alt="A line" src="http://example.org/line.png"/>'},
        '# <img alt="A line" src="http://example.org/line.png"/>',
        "an image from another machine",
    ),
    # the outline, tables, links
    "a level left out": (
        {"# ## 1.1 A section\n": "# A section\n"},
        HEADING,
        "a heading that leaves out a level (wanted: ##)",
    ),
    "a second title": (
        {"# ## 1.1 A section\n": "# # Another\n#\n# ## 1.1 A section\n"},
        "# # Another",
        "a second title",
    ),
    "no title at all": (
        {"# # 1 · A small chapter\n": "# A small chapter\n"},
        "# ## 1.1 A section",
        "a heading that leaves out a level (wanted: #)",
    ),
    "a column without a name": (
        {"# Between": "# Before it:\n#\n# | | shape |\n# |---|---|\n# | x | (N, D) |\n#\n# Between"},
        "# | | shape |",
        "a table's column without a name",
    ),
    "a link called here": (
        {"# Between": "# Look [here](02_other.ipynb).\n# Between"},
        "# Look [here](02_other.ipynb).",
        "a link that does not say where it leads",
    ),
    "a link called by a number, in a table": (
        {"# Between": "# | a | b |\n# |---|---|\n# | c | [3](03_next.ipynb) |\n#\n# Between"},
        "# | c | [3](03_next.ipynb) |",
        "a link that does not say where it leads: [3](03_next.ipynb)",
    ),
    # the script
    "text before the cells": (
        {"# ---\n\n# %%": "# ---\nimport os\n\n# %%"},
        "import os",
        "text before the first # %% line",
    ),
    "cell line in a string": (
        {EXAMPLE: f'text = """\n# %% inside\n"""\n{EXAMPLE}'},
        "# %% inside",
        "does not begin a cell",
    ),
}
TWO_PROBLEMS = {"folded exercise", "check without a name", "name used twice", "no function's name"}


def edited(edits: dict[str, str]) -> str:
    text = GOOD
    for old, new in edits.items():
        assert old in text, f"the good chapter has no {old!r}"
        text = text.replace(old, new)
    return text


def problems_of(
    tmp_path: Path, text: str, name: str = "01_good", known: set[str] | None = None
) -> list[Problem]:
    path = tmp_path / "solutions" / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    try:
        return judge_chapter(read_chapter(path, f"solutions/{name}.py"), known)[1]
    except BuildError as error:
        return error.problems


def test_the_good_chapter_has_no_problem(tmp_path):
    assert problems_of(tmp_path, GOOD) == []


@pytest.mark.parametrize("case", CASES)
def test_refused(tmp_path, case):
    edits, offending, message = CASES[case]
    text = edited(edits)
    problems = problems_of(tmp_path, text)
    line = text.split("\n").index(offending) + 1
    told = [problem for problem in problems if problem.line == line and message in str(problem)]
    assert len(told) == 1, f"wanted line {line}: {message}, got {[str(problem) for problem in problems]}"
    assert str(told[0]).startswith(f"solutions/01_good.py:{line}: ")
    assert told[0].text.strip()
    assert case in TWO_PROBLEMS or problems == told


def test_all_problems_of_a_chapter_are_told_at_once(tmp_path):
    text = edited(
        {NUDGE: "", CHECK: '# %% check="double"', IMAGE: "# ![](line.png)", "Exercise 1.2": "Exercise 1.4"}
    )
    told = [str(problem).split(": ")[1] for problem in problems_of(tmp_path, text)]
    assert told == [
        "an image without alternative text",
        "1 folded hints, wanted two",
        "a check without points (wanted",
        "exercise numbers out of order, this is 1.2",
    ]


def test_a_folded_cell_may_reuse_names_and_feed_another_one(tmp_path):
    """Its figure, its loop variables, and what only drawing cells use."""
    folded = "# %% draws=true\nfig = 2\nfor x in [fig]:\n    show(fig, 'A line')\n\n"
    for after in ("# %% draws=true\nshow(fig, 'Again')", "# %%\nx = 3\nprint(x)", "# %%\n[x for x in [1]]"):
        assert problems_of(tmp_path, edited({AGAIN: f"{folded}{after}\n\n{AGAIN}"})) == []


def test_a_folded_cell_is_folded_everywhere(tmp_path):
    claims = "# %%\nclaim('one is one', example == 21)\ntable()\n\n"
    text = edited({AGAIN: f"# %% draws=true\nshow(figure, 'A line')\n\n{claims}{AGAIN}"})
    path = tmp_path / "01_good.py"
    path.write_text(text, encoding="utf-8")
    draft = draft_chapter(read_chapter(path, "solutions/01_good.py"))
    for notebook in (draft.solution, draft.student):
        folded = [cell for cell in notebook.cells if "jupyter" in cell.metadata]
        assert [cell.source[:5] for cell in folded] == ["show(", "claim"]
        for cell in folded:
            assert cell.metadata["jupyter"] == {"source_hidden": True}
            assert cell.metadata["tags"] == ["hide-input"] and cell.metadata["cellView"] == "form"


def test_an_exercise_the_registry_does_not_know(tmp_path):
    assert problems_of(tmp_path, GOOD, known={"double", "quiz_colour", "another"}) == []
    (problem,) = problems_of(tmp_path, GOOD, known={"quiz_colour"})
    assert "helpers.checks has no check for: double" in str(problem)
    assert GOOD.split("\n")[problem.line - 1] == EXERCISE


def test_a_name_used_in_two_chapters(tmp_path):
    course = Course(tmp_path)
    other = GOOD.replace("Exercise 1.", "Exercise 2.").replace("quiz_colour", "quiz_number")
    assert problems_of(tmp_path, GOOD) == problems_of(tmp_path, other, "02_other") == []
    line = other.split("\n").index(EXERCISE) + 1
    message = "the exercise name stands already in"
    wanted = f"solutions/02_other.py:{line}: {message} solutions/01_good.py:{line}: double"
    for chapters in (None, {"01_good"}, {"02_other"}):
        drafts, problems = draft_course(course, wanted=chapters)
        assert [str(problem) for problem in problems] == [wanted]
        assert [draft.chapter.name for draft in drafts] == (["01_good"] if chapters is None else [])


def test_a_solution_that_can_be_read_elsewhere(tmp_path):
    line = "    twice_the_value = x * 2"
    text = edited({EXAMPLE: f"x = 21\nif x:\n{line}\n    print(twice_the_value)\n{EXAMPLE}"})
    path = tmp_path / "01_good.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BuildError) as refused:
        draft_chapter(read_chapter(path, "solutions/01_good.py"))
    (problem,) = refused.value.problems
    assert "the solution of double can be read here" in problem.message
    assert problem.line == text.split("\n").index(line) + 1


def test_a_chapter_with_another_kind_of_name(tmp_path):
    for name in ("01_good.py", "Draft.py"):
        (tmp_path / "solutions").mkdir(exist_ok=True)
        (tmp_path / "solutions" / name).write_text(GOOD, encoding="utf-8")
    with pytest.raises(BuildError, match=r"solutions/Draft.py:1: a chapter is called NN_name.py"):
        draft_course(Course(tmp_path))


def test_a_check_that_lacks_something_is_told_in_a_sentence(monkeypatch):
    def registered():
        raise ValueError("rnn_step: got an exercise without extreme, wanted it, or a reason in `skip`")

    monkeypatch.setattr("helpers.checks.registered", registered)
    with pytest.raises(BuildError, match=r"^helpers/checks:1: rnn_step: got an exercise without extreme"):
        registered_exercises()
