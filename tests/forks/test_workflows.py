"""Workflows and actions for GitHub: what they may do, when they run, and what their own steps decide."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
CI, FORK = GITHUB / "workflows" / "ci.yml", GITHUB / "workflows" / "check-answers.yml"
CLASSROOM = GITHUB / "classroom" / "check-answers.yml"
ACTION = GITHUB / "actions" / "check-answers" / "action.yml"
WORKFLOWS = [CI, FORK, CLASSROOM]
FILES = [*WORKFLOWS, ACTION]
SCRIPTS = sorted((GITHUB / "scripts").glob("*.sh"))
PLACEHOLDER = "OWNER/COURSE/.github/actions/check-answers@" + 40 * "0"

needs_bash = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("bash"), reason="they run in bash on Linux"
)
named = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(GITHUB).as_posix())


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path):
    found = load(path)
    jobs = found["jobs"].values() if "jobs" in found else [found["runs"]]
    return [step for job in jobs for step in job["steps"]]


def step(path, name):
    [found] = [each for each in steps(path) if each.get("name") == name]
    return found


# --- What they may do --------------------------------------------------------------------------------


@named
def test_actions_are_pinned_by_commit_with_the_version_beside_it(path):
    lines = re.findall(r"^ *(?:- )?uses:.*$", path.read_text(encoding="utf-8"), re.M)
    own = [line for line in lines if "uses: ./course/" in line or PLACEHOLDER in line]
    for line in set(lines) - set(own):
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
    assert lines


def test_an_action_has_one_commit_everywhere():
    uses = {each["uses"] for path in FILES for each in steps(path) if "uses" in each}
    actions = [use.partition("@")[0] for use in uses]
    assert sorted(actions) == sorted(set(actions)) and "actions/checkout" in actions


@named
def test_nothing_that_others_write_becomes_shell_and_no_secret_is_named(path):
    text = path.read_text(encoding="utf-8")
    assert "secrets." not in text and "pull_request_target" not in text
    runs = [each["run"] for each in steps(path) if "run" in each]
    assert not [run for run in runs if "${{" in run]


@named
def test_a_checkout_leaves_no_credentials(path):
    kept = [each for each in steps(path) if each.get("uses", "").startswith("actions/checkout@")
            and each["with"].get("persist-credentials") is not False]   # fmt: skip
    assert not kept


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.parent.name + "/" + path.name)
def test_workflows_only_read_and_end(path):
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "group" in workflow["concurrency"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60 and "permissions" not in job


@pytest.mark.parametrize("path", [FORK, CLASSROOM])
def test_the_action_is_given_what_it_knows(path):
    inputs = load(ACTION)["inputs"]
    [used] = [each for each in steps(path) if "/check-answers" in each.get("uses", "")]
    assert set(used["with"]) <= set(inputs)
    assert {name for name, each in inputs.items() if each.get("required")} <= set(used["with"])


def test_reports_are_kept_also_when_answers_are_wrong():
    assert step(ACTION, "Keep the reports")["if"] == "always()"


def test_what_the_action_calls_is_there():
    called = re.findall(r"scripts/(\w+\.sh)", "".join(each.get("run", "") for each in steps(ACTION)))
    assert {"sandbox.sh", "grade.sh"} <= set(called) <= {path.name for path in SCRIPTS}


# --- When they run -----------------------------------------------------------------------------------


def holds(expression, **contexts):
    """Whether GitHub's expression is true, of the operators that these workflows use; null is ''."""

    def value(match):
        found = contexts
        for name in match[0].split("."):
            found = found.get(name, "") if isinstance(found, dict) else ""
        return repr(found)

    assert re.fullmatch(r"[\w.\s'!=&|()\[\]-]*", expression), expression
    python = re.sub(r"\b[a-z]+(\.\w+)+", value, expression)
    python = re.sub(r"!(?!=)", " not ", python.replace("&&", " and ").replace("||", " or "))
    return bool(eval(python, {"__builtins__": {}}))


def event(fork, name="push", **more):
    return {"event_name": name, "event": {"repository": {"fork": fork}, **more}}


@pytest.mark.parametrize("github, variable, runs", [
    (event(False), None, True), (event(True), None, False),
    (event(False, "pull_request", pull_request={"head": {"repo": {"fork": True}}}), None, True),
    (event(True, "pull_request"), None, False),
    (event(False, "workflow_dispatch"), None, True), (event(True, "workflow_dispatch"), None, False),
    ({"event_name": "schedule", "event": {}}, None, True),
    (event(False), "off", False), (event(True), "on", True), (event(True), "off", False),
])
def test_the_course_is_tested_in_its_own_repository_only(github, variable, runs):
    variables = {"UNROLLED_CI": variable} if variable else {}
    assert holds(load(CI)["jobs"]["upstream"]["if"], github=github, vars=variables) is runs


@pytest.mark.parametrize("said", ["true", "false", ""])
def test_every_job_of_the_course_waits_for_that(said):
    jobs = load(CI)["jobs"]
    for name in set(jobs) - {"upstream"}:
        assert jobs[name]["needs"] == "upstream"
        assert holds(jobs[name]["if"], needs={"upstream": {"outputs": {"test": said}}}) is (said == "true")


@pytest.mark.parametrize("github, variables, inputs, runs", [
    (event(True), {}, {}, True), (event(False), {}, {}, False),
    (event(True, "workflow_dispatch"), {}, {}, True), (event(False, "workflow_dispatch"), {}, {}, False),
    (event(False), {"UNROLLED_COURSE": "someone/unrolled"}, {}, True),
    (event(False), {}, {"notebooks": "notebooks", "require": ""}, True),
    (event(False), {"UNROLLED_REQUIRE": "01:all"}, {}, False),
])
def test_answers_are_looked_at_in_forks_and_where_it_is_asked_for(github, variables, inputs, runs):
    assert holds(load(FORK)["jobs"]["answers"]["if"], github=github, vars=variables, inputs=inputs) is runs


def test_a_call_always_gives_the_input_that_tells_it():
    assert load(FORK)[True]["workflow_call"]["inputs"]["notebooks"]["default"]   # YAML reads `on` as True


# --- What their own steps decide ---------------------------------------------------------------------


def shell(script, folder, gh, **environment):
    """Run a step's script as the runner does, with `gh` as GitHub's command → (status, log, outputs)."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "gh").write_text(f"#!/bin/sh\n{gh}\n", encoding="utf-8")
    (folder / "bin" / "gh").chmod(0o755)
    (folder / "output").write_text("")
    (folder / "step.sh").write_text(script, encoding="utf-8")
    env = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "GITHUB_OUTPUT": str(folder / "output")} | environment
    run = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", folder / "step.sh"],
        env=env, capture_output=True, text=True, cwd=folder, timeout=60,
    )  # fmt: skip
    outputs = dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())
    return run.returncode, run.stdout + run.stderr, outputs


@needs_bash
@pytest.mark.parametrize("gh, variable, test", [
    ("echo ''", "", "true"), ("echo school/unrolled", "", "false"), ("echo school/unrolled", "on", "true"),
    ("exit 1", "", "true"),
])
def test_a_copy_made_from_a_template_is_told_by_it(tmp_path, gh, variable, test):
    run = step(CI, "Is this a copy made from a template?")["run"]
    status, _, outputs = shell(run, tmp_path, gh, GITHUB_REPOSITORY="me/course", UNROLLED_CI=variable)
    assert (status, outputs) == (0, {"test": test})


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@needs_bash
@pytest.mark.parametrize("called, given, gh, repository, ref", [
    (f"me/fork@{COMMIT}", "", "echo root/course", "root/course", ""),
    (f"me/fork@{COMMIT}", "school/course", "exit 1", "school/course", ""),
    (f"me/fork@{COMMIT}", f"school/course@{COMMIT}", "exit 1", "school/course", COMMIT),
    (f"school/course@{COMMIT}", "me/own-grader", "exit 1", "school/course", COMMIT),
    ("@", "school/course", "exit 1", "school/course", ""),
])
def test_the_course_is_the_called_one_the_named_one_or_what_was_forked(
    tmp_path, called, given, gh, repository, ref
):
    run = step(FORK, "Which course")["run"]
    status, log, outputs = shell(run, tmp_path, gh, GITHUB_REPOSITORY="me/fork", CALLED=called, GIVEN=given)
    assert (status, outputs) == (0, {"repository": repository, "ref": ref}), log


@needs_bash
@pytest.mark.parametrize("given, gh", [
    ("", "echo ''"), ("unrolled", ""), ("a/b/c", ""), ("a/b@", ""), ("a/b\n::set-output name=x::y", ""),
    ("$(touch planted)/b", ""), ("a/b; touch planted", ""),
])
def test_what_names_no_course_ends_in_a_sentence(tmp_path, given, gh):
    run = step(FORK, "Which course")["run"]
    status, log, outputs = shell(run, tmp_path, gh, GITHUB_REPOSITORY="me/f", CALLED="me/f@1", GIVEN=given)
    assert status == 1 and not outputs
    assert log.startswith("::error title=Which course?::Set the variable UNROLLED_COURSE")
    assert "\n::" not in log
    assert not (tmp_path / "planted").exists()


# --- Linters -----------------------------------------------------------------------------------------


def program(name):
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def linter(name):
    return program(name) or pytest.skip(f"{name} is not installed here")


def passes(*command):
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


def test_actionlint_passes():
    passes(linter("actionlint"), "-shellcheck", program("shellcheck") or "", *WORKFLOWS)


def test_zizmor_passes():
    passes(linter("zizmor"), "--offline", "--no-progress", *FILES)


def test_shellcheck_passes():
    passes(linter("shellcheck"), *SCRIPTS)
