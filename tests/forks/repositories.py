"""git repositories for the tests: nothing of the machine's own settings plays a part."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATE = "2026-01-02T03:04:05+00:00"
ME = {"NAME": "learner", "EMAIL": "learner@example.org", "DATE": DATE}
WHO = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in ME.items()}
OWN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}   # not the machine's settings


def git(folder, *arguments):
    """Run git in `folder` → what it printed."""
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | WHO | OWN
    command = ["git", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", "-C", folder]
    run = subprocess.run([*command, *arguments], capture_output=True, text=True, env=env, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def commit(folder, **files):
    """Write `files` ({"notebooks/a.ipynb": text}; None removes) and commit all of it → the commit."""
    for name, text in files.items():
        path = Path(folder, name)
        if text is None:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "saved")
    return git(folder, "rev-parse", "HEAD")
