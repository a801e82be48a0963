"""The new version of a course that is a git clone: fetched, laid beside, and at the end what HEAD names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from helpers.advice import command
from helpers.languages import translate

STATES = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
"""What git is in the middle of where it has a file of this name."""

FOREIGN = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"}
"""Variables that would have git look at another repository."""


class CannotUpdate(Exception):
    """Why there is no update, in words. Nothing has been changed."""


def is_clone(folder: Path) -> bool:
    """Whether `folder` is the top of a git checkout."""
    return (folder / ".git").exists()


def git(root: Path, *arguments: str, index: Path | None = None, given: str | None = None) -> str:
    """What `git arguments` prints in `root`; CannotUpdate with git's own last line where it fails.

    `index` is another file for git's index, `given` goes to its standard input.
    """
    done = _run(root, arguments, index, given)
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("hint:")]
        said = next((line for line in lines if line.startswith(("fatal:", "error:"))), "".join(lines[-1:]))
        advice = "".join(f" (`{line.strip()}`)" for line in lines if line.startswith("\tgit "))
        said = (said or str(done.returncode)).rstrip(".")
        asked = f"git {' '.join(arguments[:4])}"
        raise CannotUpdate(translate("{command} failed: {error}", command=asked, error=said + advice))
    return done.stdout.strip("\n")


def holds(root: Path, *arguments: str) -> bool:
    """Whether git answers a question with its exit status 0."""
    return _run(root, arguments).returncode == 0


def refuse_if_unfinished(root: Path) -> None:
    """CannotUpdate while git is in the middle of something, with the way out."""
    if (root / git(root, "rev-parse", "--git-path", "index.lock")).exists():
        raise CannotUpdate(translate(
            "git is at work here, or was killed: end it, or delete .git/index.lock."
        ))  # fmt: skip
    named = [option for name in STATES for option in ("--git-path", name)]
    paths = git(root, "rev-parse", *named).splitlines()
    for path, what in zip(paths, STATES.values(), strict=True):
        if (root / path).exists():
            raise CannotUpdate(translate(
                "a {operation} is in progress. Finish it (`{finish}`) or drop it (`{drop}`).",
                operation=what, finish=f"git {what} --continue", drop=f"git {what} --abort",
            ))  # fmt: skip
    unmerged = git(root, "diff", "--name-only", "--diff-filter=U").splitlines()
    if unmerged:
        raise CannotUpdate(translate(
            "git holds two versions of {files}. After `git stash pop`, `git checkout --theirs -- FILE` takes "
            "yours; then `git add FILE`.",
            files=", ".join(unmerged),
        ))  # fmt: skip


def fetch(root: Path, source: str | None, branch: str) -> tuple[str, str, str]:
    """Fetch the course → (new commit, the commit it shares with HEAD, a name for it); HEAD twice if HEAD has
    it.

    `source` is a remote, an address or a folder; None: the remote "upstream" (of a fork), else "origin".
    """
    refuse_if_unfinished(root)
    remotes = git(root, "remote").splitlines()
    if source is None:
        source = next((name for name in ("upstream", "origin") if name in remotes), "".join(remotes[:1]))
    if not source:
        raise CannotUpdate(translate(
            "this clone has no remote to update from. Name one, or a download: {command}", command=from_zip()
        ))  # fmt: skip
    if source not in remotes and ":" not in source and not Path(source).exists():
        raise CannotUpdate(translate(
            "got {source}, wanted a file or folder that is here, a remote or an address", source=source
        ))  # fmt: skip
    if source.startswith("-") or branch.startswith("-"):
        raise CannotUpdate(translate(
            "got {source} {branch}, wanted the names of a remote and of a branch",
            source=source, branch=branch,
        ))  # fmt: skip
    try:
        if source in remotes:
            git(root, "fetch", "--quiet", source)
        git(root, "fetch", "--quiet", source, branch)
    except CannotUpdate as error:
        otherwise = translate("Without a network, from a download: {command}", command=from_zip())
        raise CannotUpdate(f"{error}. {otherwise}") from None
    new = git(root, "rev-parse", "FETCH_HEAD^{commit}")
    if holds(root, "merge-base", "--is-ancestor", new, "HEAD"):
        new = git(root, "rev-parse", "HEAD")
    if not holds(root, "merge-base", "HEAD", new):
        raise CannotUpdate(translate(
            "{source} shares no history with this clone. From a download: {command}",
            source=source, command=from_zip(),
        ))  # fmt: skip
    address = git(root, "remote", "get-url", source) if source in remotes else source
    return new, git(root, "merge-base", "HEAD", new), f"{address}, {git(root, 'rev-parse', '--short', new)}"


def from_zip() -> str:
    return f"`{command('update', 'unrolled.zip')}`"


def lay_out(root: Path, commit: str, folder: Path) -> None:
    """The files of `commit` as a checkout would write them, below `folder`."""
    index = folder.with_name(f"{folder.name}.index")
    git(root, "read-tree", commit, index=index)
    git(root, "checkout-index", "--all", f"--prefix={folder.as_posix()}/", index=index)


def move_head(root: Path, new: str, common: str, scratch: Path) -> None:
    """Let HEAD, and its branch, be `new`; with commits of the learner's own, a merge of both. Files stay."""
    head = git(root, "rev-parse", "HEAD")
    if head == new:
        return
    if head != common:
        index = scratch / "merge.index"
        git(root, "read-tree", new, index=index)
        own = git(root, "diff", "--name-only", "--no-renames", "-z", common, head)
        git(root, "update-index", "--add", "--remove", "-z", "--stdin", index=index, given=own)
        tree = git(root, "write-tree", index=index)
        parents = "-p", head, "-p", new
        new = git(root, *_identity(root), "commit-tree", tree, *parents, "-m", "Update the course")
    git(root, "reset", "--quiet", new)


def _identity(root: Path) -> list[str]:
    """Options that name a committer where none is set."""
    if holds(root, "var", "GIT_COMMITTER_IDENT"):
        return []
    return ["-c", "user.name=learner", "-c", "user.email=learner@localhost"]


def _run(
    root: Path, arguments: tuple[str, ...], index: Path | None = None, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env |= {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"} | ({"GIT_INDEX_FILE": str(index)} if index else {})
    try:
        return subprocess.run(
            ["git", "-c", "core.quotePath=false", *arguments], cwd=root, env=env, input=given,
            capture_output=True, encoding="utf-8", errors="surrogateescape", check=False,
        )  # fmt: skip
    except OSError:
        raise CannotUpdate(translate(
            "git is not installed. From a download instead: {command}", command=from_zip()
        )) from None   # fmt: skip
