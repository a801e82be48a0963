"""The workflow that publishes: where it runs, what it may do; its actions are those of the others."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.site.conftest import ROOT

PATH = ROOT / ".github" / "workflows" / "pages.yml"
TEXT = PATH.read_text(encoding="utf-8")
JOBS = yaml.safe_load(TEXT)["jobs"]
ALLOWED = {
    "upstream": None,
    "build": {"contents": "read", "pages": "read"},
    "colab": {"contents": "write"},
    "publish": {"pages": "write", "id-token": "write"},
}


def test_actions_are_pinned_by_commit_as_in_the_other_workflows():
    used = re.findall(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$", TEXT, re.M)
    assert len(used) == TEXT.count("uses: ") > 4
    others = "".join(path.read_text(encoding="utf-8") for path in PATH.parent.glob("*.yml"))
    for action, commit in used:
        assert set(re.findall(rf"{action}@([0-9a-f]{{40}})", others)) == {commit}


def test_jobs_may_do_what_they_need_and_end():
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    assert {name: job.get("permissions") for name, job in JOBS.items()} == ALLOWED
    assert all(job["timeout-minutes"] <= 20 for job in JOBS.values())
    assert "secrets." not in TEXT and "pull_request" not in TEXT
    steps = [step for job in JOBS.values() for step in job["steps"]]
    assert not [step["run"] for step in steps if "${{" in step.get("run", "")]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 2 and all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_everything_waits_for_the_question_whether_this_is_the_course_itself():
    assert "!github.event.repository.fork" in JOBS["upstream"]["if"]
    assert "github.ref == 'refs/heads/main'" in JOBS["upstream"]["if"]
    for name in ("build", "colab"):
        assert JOBS[name]["needs"] == "upstream"
        assert JOBS[name]["if"] == "needs.upstream.outputs.publish == 'true'"
    assert JOBS["publish"]["needs"] == "build"


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("bash"), reason="it runs in bash on Linux")
@pytest.mark.parametrize("template, pages, publish", [
    ("", "true", "true"), ("school/unrolled", "true", "false"), ("", "false", "false"), ("", "", "false"),
])  # fmt: skip
def test_a_copy_and_a_repository_without_pages_publish_nothing(tmp_path, template, pages, publish):
    [step] = JOBS["upstream"]["steps"]
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(f'#!/bin/sh\ncase "$*" in *template*) echo "{template}";; *) echo "{pages}";; esac\n')
    gh.chmod(0o755)
    (tmp_path / "output").write_text("")
    environment = {"PATH": f"{gh.parent}:/usr/bin:/bin", "GITHUB_OUTPUT": str(tmp_path / "output"),
                   "GITHUB_REPOSITORY": "me/course"}  # fmt: skip
    subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], env=environment, check=True, timeout=60)
    assert (tmp_path / "output").read_text() == f"publish={publish}\n"


def test_zizmor_passes():
    zizmor = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")
    if not zizmor:
        pytest.skip("zizmor is not installed here")
    command = [zizmor, "--offline", "--no-progress", PATH]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
