"""What the action for forks calls: pin.sh, sandbox.sh and grade.sh, with a stand-in for the grader."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forks.repositories import commit, git

STAND_IN = """
import json, os, sys
from pathlib import Path

arguments = sys.argv[1:]
options = dict(zip(arguments[1::2], arguments[2::2], strict=True))
folder = Path(arguments[0])
handed = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.ipynb")}
said = {"handed": handed, "options": options, "env": dict(os.environ), "cwd": os.getcwd(), "path": sys.path}
plan = json.loads(Path(__file__).with_name("plan.json").read_text())
Path(__file__).with_name("said.json").write_text(json.dumps(said))
print(plan["prints"])
for option in ("--json", "--junit", "--markdown"):
    if option in plan["writes"]:
        Path(options[option]).write_text(plan["writes"][option])
sys.exit(plan["status"])
"""
POINTS = [(2.0, 2.0), (0.5, 1.0), (None, 3.0)]
RESULTS = {"submissions": [{"exercises": [{"points": got, "max_points": most} for got, most in POINTS]}]}
REPORTS = {"--json": json.dumps(RESULTS), "--junit": "<testsuites/>", "--markdown": "| 1.2 | passed |"}


class Graded:
    """A run of grade.sh: its status and log, the job's summary, the files it kept, what the grader saw."""

    def __init__(self, folder, run):
        self.status, self.log = run.returncode, run.stdout + run.stderr
        self.summary = (folder / "summary.md").read_text(encoding="utf-8")
        self.kept = sorted(path.name for path in (folder / "reports").glob("*"))
        said = folder / "said.json"
        self.said = json.loads(said.read_text(encoding="utf-8")) if said.exists() else {}


@pytest.fixture
def grade(tmp_path, upstream, clone):
    """grade(fork, …): grade.sh as the action calls it, from a checkout of the course."""
    course = clone(upstream, "course")
    fake = tmp_path / "bin" / "python"
    fake.parent.mkdir()
    (tmp_path / "stand_in.py").write_text(STAND_IN, encoding="utf-8")
    fake.write_text(
        f'#!/bin/sh\ncase "$1 $2 $3" in "-I -m tools.grade") shift 3\nexec "{sys.executable}" -I '
        f'"{tmp_path}/stand_in.py" "$@" ;; esac\nexec "{sys.executable}" "$@"\n', encoding="utf-8",
    )  # fmt: skip
    fake.chmod(0o755)

    def graded(fork, status=0, prints="Graded.", writes=REPORTS, **environment):
        plan = {"status": status, "prints": prints, "writes": writes}
        (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        (tmp_path / "summary.md").write_text("before\n", encoding="utf-8")
        (tmp_path / "temporary").mkdir(exist_ok=True)
        env = {"PATH": f"{fake.parent}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path / "temporary"),
               "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}  # fmt: skip
        run = subprocess.run(
            ["bash", course / ".github" / "scripts" / "grade.sh", fork, tmp_path / "reports"],
            env=env | environment, capture_output=True, text=True, timeout=60, cwd=fork,
        )  # fmt: skip
        assert not list((tmp_path / "temporary").iterdir())   # it clears up behind itself
        return Graded(tmp_path, run)

    return graded


def test_a_fork_is_graded_by_the_course_and_the_reports_are_kept(grade, upstream, clone, tmp_path):
    fork = clone(upstream, "fork")
    commit(fork, **{"notebooks/01_one.ipynb": "solved", "notebooks/week 2/02 (1).ipynb": "more"})
    found = grade(fork, UNROLLED_LEARNER="ada", UNROLLED_REQUIRE="01:5 02:all")
    assert found.status == 0, found.log
    assert found.said["handed"] == {"ada/01_one.ipynb": "solved", "ada/week 2/02 (1).ipynb": "more"}
    assert found.said["options"]["--require"] == "01:5 02:all"
    assert found.said["cwd"] == str(tmp_path / "course")
    assert found.summary == "before\n| 1.2 | passed |\n"
    assert found.kept == ["junit.xml", "report.md", "results.json"]


def test_nothing_is_required_by_itself(grade, upstream, clone):
    found = grade(clone(upstream, "fork"))
    assert found.status == 0 and found.said["options"]["--require"] == ""
    assert "nothing turns this red" in found.log and "::error" not in found.log


@pytest.mark.parametrize("status, title, ends", [
    (1, "Not there yet", 1), (2, "UNROLLED_REQUIRE", 2), (3, "Not graded", 3),
    (77, "Not graded", 3), (-9, "Not graded", 3),
])
def test_what_ends_otherwise_is_red_with_a_sentence_and_the_table_all_the_same(
    grade, upstream, clone, status, title, ends
):
    missing = "Chapter 01: 3 exercises passed, wanted 5."
    found = grade(clone(upstream, "fork"), status, f"…\n{missing}", UNROLLED_REQUIRE="01:5")
    assert found.status == ends
    assert f"::error title={title}::" in found.log and f"**{title}.**" in found.summary
    assert "| 1.2 | passed |" in found.summary and "junit.xml" in found.kept
    assert (missing in found.summary) is (status == 1)


@pytest.mark.parametrize("status, last", [(139, "Segmentation fault"), (1, "Traceback …\nKeyError")])
def test_a_grader_that_dies_is_no_wrong_answer(grade, upstream, clone, tmp_path, status, last):
    """Python ends with 1 after a traceback: only a report tells an answer that is wrong."""
    grade(clone(upstream, "fork before"), 1)   # whose reports lie there
    found = grade(clone(upstream, "fork"), status, last, {})
    assert found.status == 3 and f"status {status}" in found.log and "**Not graded.**" in found.summary
    assert not found.kept


PLANTED = "from pathlib import Path\nPath({!r}).touch()\nraise SystemExit('planted')\n"


def test_what_a_fork_plants_is_neither_run_nor_read(grade, upstream, clone, tmp_path):
    fork, mark = clone(upstream, "fork"), tmp_path / "ran"
    names = (
        "sitecustomize usercustomize conftest json typer tools/__init__ tools/grade/__main__ "
        "helpers/__init__ notebooks/sitecustomize notebooks/json .github/scripts/points"
    )
    planted = {f"{name}.py": PLANTED.format(str(mark)) for name in names.split()}
    commit(fork, **planted, **{
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p planted'\n", "helpers/a.py": None,
        "solutions": None, ".github/scripts/grade.sh": "exit 0\n", "notebooks/01_one.ipynb": "mine",
    })  # fmt: skip
    found = grade(fork, PYTHONPATH=str(fork), PYTHONSTARTUP=str(fork / "json.py"), UNROLLED_CLASSROOM="true",
                  PYTHONHOME="", PYTHONINSPECT="1")  # fmt: skip
    assert found.status == 0 and not mark.exists(), found.log
    assert found.said["handed"] == {"me/01_one.ipynb": "mine"}
    assert not [place for place in found.said["path"] if place.startswith(str(fork)) or place == ""]


def test_the_grader_sees_nothing_of_the_runners_variables(grade, upstream, clone):
    token = {"GH_TOKEN": "t", "ACTIONS_RUNTIME_TOKEN": "t", "GITHUB_ENV": "/x", "GITHUB_PATH": "/x"}
    found = grade(clone(upstream, "fork"), **token)
    given = {"PATH", "HOME", "TMPDIR", "LANG", "PYTHONUTF8", "OMP_NUM_THREADS", "LD_LIBRARY_PATH"}
    of_the_shell = {"LC_CTYPE", "PWD", "SHLVL", "_"}
    assert set(found.said["env"]) <= given | of_the_shell and found.said["env"]["OMP_NUM_THREADS"] == "1"


def link(fork, name, target):
    path = Path(fork, name)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
    git(fork, "add", "--all")
    git(fork, "commit", "--quiet", "--message", "link")


def test_a_link_hands_in_nothing(grade, upstream, clone):
    fork = clone(upstream, "fork")
    commit(fork, **{"own/02.ipynb": "mine"})
    link(fork, "notebooks/02.ipynb", "../../course/notebooks/01_one.ipynb")
    link(fork, "notebooks/more", "../../course/notebooks")
    assert list(grade(fork).said["handed"]) == ["me/01_one.ipynb"]
    commit(fork, notebooks=None)
    link(fork, "notebooks", "../course/notebooks")
    found = grade(fork)
    assert found.status == 3 and "There is no notebook in the folder notebooks" in found.log


@pytest.mark.parametrize("folder, status", [
    ("own", 0), ("own/", 0), ("nowhere", 3), ("../course/notebooks", 2), ("own/../../course", 2), ("", 0),
])
def test_the_folder_of_notebooks_is_one_of_the_fork(grade, upstream, clone, folder, status):
    fork = clone(upstream, "fork")
    commit(fork, **{"own/02.ipynb": "mine"})
    found = grade(fork, UNROLLED_NOTEBOOKS=folder)
    assert found.status == status
    assert "::error title=Not graded::" in found.log or list(found.said["handed"].values()) != []


def test_copies_of_editors_and_of_updates_are_left_out(grade, upstream, clone):
    fork = clone(upstream, "fork")
    commit(fork, **{f"notebooks/{name}/01.ipynb": "old" for name in (".ipynb_checkpoints", "replaced")})
    assert list(grade(fork).said["handed"]) == ["me/01_one.ipynb"]


def test_what_answers_print_gives_the_runner_no_commands(grade, upstream, clone):
    evil = "::error::mine\n::add-mask::a\n::stop-commands::x\n::x::\n::set-output name=a::b"
    found = grade(clone(upstream, "fork"), prints=evil)
    [stop] = re.findall(r"^::stop-commands::([0-9a-f]{32})$", found.log, re.M)
    before, _, rest = found.log.partition(f"::stop-commands::{stop}\n")
    inside, end, after = rest.partition(f"\n::{stop}::\n")
    assert end and evil in inside and "mine" not in before + after


@pytest.mark.parametrize("learner, folder", [
    ("ada", "ada"), ("../../x", "_.._x"), ("a b\nc", "a_b_c"), ("-rf", "-rf"), ("..", "me"),
    ("$(id)", "__id_"),
])
def test_any_name_of_a_learner_is_one_folder(grade, upstream, clone, learner, folder):
    found = grade(clone(upstream, "fork"), UNROLLED_LEARNER=learner)
    assert list(found.said["handed"]) == [f"{folder}/01_one.ipynb"]


def test_a_requirement_of_several_lines_is_one_argument(grade, upstream, clone):
    found = grade(clone(upstream, "fork"), 1, UNROLLED_REQUIRE="01:5\n::warning::x\r\n02:all")
    assert found.said["options"]["--require"] == "01:5 ::warning::x  02:all"
    assert "\n::warning" not in found.log


def test_classroom_reads_the_points_from_two_notices(grade, upstream, clone):
    fork = clone(upstream, "fork")
    assert "::notice" not in grade(fork).log
    log = grade(fork, 1, UNROLLED_CLASSROOM="true", UNROLLED_REQUIRE="01:5").log
    assert "\n::notice title=Autograding complete::Points 2.5/3\n" in log
    assert '\n::notice title=Autograding report::{"totalPoints": 2.5, "maxPoints": 3.0}\n' in log


# --- pin.sh ------------------------------------------------------------------------------------------


@pytest.fixture
def pin(upstream, clone, tmp_path):
    """pin(fork): the commit of the course that pin.sh chooses, and what it says."""

    def pinned(fork):
        course = clone(upstream, f"course {fork.name}")
        script = course / ".github" / "scripts" / "pin.sh"
        run = subprocess.run(["bash", script, course, fork], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr
        return git(course, "rev-parse", "HEAD"), run.stdout

    return pinned


def released(tmp_path, **files):
    """A new version of the course → its commit."""
    maintainers = tmp_path / "maintainers"
    made = commit(maintainers, **files)
    git(maintainers, "push", "--quiet", "origin", "HEAD")
    return made


def test_the_course_is_taken_in_the_version_that_the_fork_has(pin, upstream, clone, tmp_path):
    first = git(upstream, "rev-parse", "HEAD")
    fork = clone(upstream, "fork")
    commit(fork, **{"notebooks/01_one.ipynb": "solved"})
    released(tmp_path, **{"solutions/01.py": "2"})
    assert pin(fork)[0] == first


def test_a_better_grader_for_the_same_chapters_is_taken(pin, upstream, clone, tmp_path):
    fork = clone(upstream, "fork")
    better = released(tmp_path, **{"helpers/a.py": "2"})
    released(tmp_path, **{"solutions/01.py": "2"})
    assert pin(fork)[0] == better


def test_files_that_were_updated_without_a_merge_tell_their_version(pin, upstream, clone, tmp_path):
    """As `make update` does it; also in a copy without history."""
    fork = clone(upstream, "fork")
    second = released(tmp_path, **{"solutions/01.py": "2"})
    released(tmp_path, **{"solutions/01.py": "3"})
    commit(fork, **{"solutions/01.py": "2"})
    assert pin(fork)[0] == second
    git(fork, "checkout", "--quiet", "--orphan", "copy")
    commit(fork)
    assert pin(fork.rename(tmp_path / "copy"))[0] == second


def test_what_only_the_fork_holds_is_never_taken(pin, upstream, clone, tmp_path):
    """Changed or deleted chapters: the newest common commit; a course of one's own: the course's newest."""
    first = git(upstream, "rev-parse", "HEAD")
    fork = clone(upstream, "fork")
    newest = released(tmp_path, **{"solutions/01.py": "2"})
    commit(fork, **{"solutions/01.py": "easier"})
    assert pin(fork)[0] == first
    commit(fork, solutions=None)
    assert pin(fork.rename(tmp_path / "fork 2"))[0] == first
    git(tmp_path / "fork 2", "checkout", "--quiet", "--orphan", "own")
    commit(tmp_path / "fork 2")
    chosen, said = pin((tmp_path / "fork 2").rename(tmp_path / "fork 3"))
    assert chosen == newest and "newest version" in said


def test_a_version_before_there_was_an_action_is_not_taken(pin, upstream, clone, tmp_path):
    old = clone(upstream, "old")
    git(old, "checkout", "--quiet", "--orphan", "old")
    git(old, "rm", "-r", "--quiet", "--cached", ".github")
    git(old, "clean", "--quiet", "--force", "-d", ".github")
    commit(old)
    git(old, "push", "--quiet", "--force", "origin", "HEAD:main")
    fork = clone(upstream, "fork")
    git(old, "checkout", "--quiet", "main", "--", ".github")
    newest = commit(old, **{"solutions/01.py": "2"})
    git(old, "push", "--quiet", "origin", "HEAD:main")
    assert pin(fork)[0] == newest


# --- sandbox.sh --------------------------------------------------------------------------------------


def sandbox(folder, upstream, *, bwrap, apt="exit 1", sysctl="exit 1"):
    """sandbox.sh on a machine whose `bwrap` (None: none yet), apt-get and sysctl are these scripts."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "uname").symlink_to(shutil.which("uname"))
    scripts = {"bwrap": bwrap, "apt-get": apt, "sysctl": sysctl}
    for name, script in (scripts | {"sudo": 'shift; exec "$@"', "id": "echo 1000"}).items():
        if script is not None:
            (programs / name).unlink(missing_ok=True)
            (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (programs / name).chmod(0o755)
    script = folder / "maintainers" / ".github" / "scripts" / "sandbox.sh"
    run = subprocess.run(
        ["/bin/bash", script], env={"PATH": str(programs)}, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_sandbox_that_is_there_is_used(tmp_path, upstream):
    assert sandbox(tmp_path, upstream, bwrap="exit 0") == "Answers run in bubblewrap.\n"


def test_a_sandbox_is_installed(tmp_path, upstream):
    bwrap = f"{tmp_path}/programs/bwrap"
    apt = f'[ "$1" != install ] || {{ echo "#!/bin/sh" > {bwrap}; /bin/chmod +x {bwrap}; }}'
    assert sandbox(tmp_path, upstream, bwrap=None, apt=apt) == "Answers run in bubblewrap.\n"


def test_namespaces_that_the_system_forbids_are_allowed(tmp_path, upstream):
    said = sandbox(
        tmp_path, upstream, bwrap=f"[ -e {tmp_path}/allowed ]",
        sysctl=f'[ "$*" = "-q -w kernel.apparmor_restrict_unprivileged_userns=0" ] && : > {tmp_path}/allowed',
    )  # fmt: skip
    assert said == "Answers run in bubblewrap.\n"


@pytest.mark.parametrize("bwrap", [None, "exit 1"])
def test_without_a_sandbox_grading_goes_on_and_says_so(tmp_path, upstream, bwrap):
    said = sandbox(tmp_path, upstream, bwrap=bwrap)
    assert said.startswith("::warning title=Not isolated::") and "plain processes" in said
