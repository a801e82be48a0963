"""Where the course lives on GitHub, and the addresses that follow from it. None of them is written down."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")
REF = re.compile(r"(?!.*\.\.)[\w./-]+")
REMOTE = re.compile(r"(?:^|[/@])github\.com[:/](?P<name>[^/\s]+/[^/\s]+?)(?:\.git)?/?$")


@dataclass(frozen=True)
class Repository:
    """OWNER/NAME on GitHub, and the commit or branch that the site shows."""

    name: str
    ref: str = "main"

    def file(self, path: str) -> str:
        """The page of a file, or of a folder (`path` ends with /)."""
        return f"https://github.com/{self.name}/{'tree' if path.endswith('/') else 'blob'}/{self.ref}/{path}"

    def page(self, path: str) -> str:
        """One of the repository's own pages, such as its releases."""
        return f"https://github.com/{self.name}/{path}"

    def binder(self, chapter: str) -> str:
        """The student notebook of `chapter` (01_rnn_recap) in JupyterLab on Binder."""
        path = f"?urlpath=lab/tree/notebooks/{chapter}.ipynb"
        return f"https://mybinder.org/v2/gh/{self.name}/{self.ref}{path}"

    def colab(self, chapter: str) -> str:
        """The student notebook of `chapter` in Colab: that of branch ``colab``, which installs the course."""
        return f"https://colab.research.google.com/github/{self.name}/blob/colab/{chapter}.ipynb"

    def pages(self) -> str:
        """Where GitHub Pages puts the site, unless it has a domain of its own."""
        owner, _, name = self.name.partition("/")
        host = f"{owner.lower()}.github.io"
        return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def found(given: str | None, ref: str | None, root: Path, environment: Mapping[str, str] = os.environ):
    """The repository: `given` as OWNER/NAME, else ``GITHUB_REPOSITORY``, else the clone's remote ``origin``
    if it is on GitHub; None without any. ValueError for a name or a `ref` that GitHub has not."""
    name = given or environment.get("GITHUB_REPOSITORY") or _remote(root)
    if not name:
        return None
    if not NAME.fullmatch(name):
        raise ValueError(f"repository: got {name!r}, wanted OWNER/NAME as GitHub spells it")
    ref = ref or environment.get("GITHUB_SHA") or "main"
    if not REF.fullmatch(ref):
        raise ValueError(f"ref: got {ref!r}, wanted a commit or a branch")
    return Repository(name, ref)


def _remote(root: Path) -> str:
    try:
        asked = subprocess.run(
            ["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    on_github = REMOTE.search(asked.stdout.strip()) if asked.returncode == 0 else None
    return on_github["name"] if on_github else ""
