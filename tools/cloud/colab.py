"""A student notebook for Colab: the same cells, and before them one that fetches the course."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

from helpers import notebooks
from helpers.validation import require
from tools.site.repository import NAME

FIRST_CELL = Path(__file__).with_name("first_cell.py")
COMMIT = re.compile(r"[0-9a-f]{40}")


def first_cell(repository: str, commit: str, folder: str = "notebooks") -> str:
    """The source of the cell that fetches `commit` of `repository` ("owner/name", on GitHub), and goes on in
    the course's folder `folder`.

    Raises ValueError for what is no repository or no full commit: a branch would move under the notebook.
    """
    require(bool(NAME.fullmatch(repository)), "repository", repr(repository), "owner/name on GitHub")
    require(bool(COMMIT.fullmatch(commit)), "commit", repr(commit), "a commit in full, 40 hexadecimal digits")
    source = FIRST_CELL.read_text(encoding="utf-8").rstrip("\n")
    source = source.replace("OWNER/NAME", repository).replace("0" * 40, commit)
    return source.replace("{FOLDER}/notebooks", f"{{FOLDER}}/{folder}")


def for_colab(
    student: nbformat.NotebookNode, repository: str, commit: str, folder: str = "notebooks"
) -> nbformat.NotebookNode:
    """The notebook `student`, of the course's folder `folder`, with the first cell in front; `student` stays
    as it is."""
    source = first_cell(repository, commit, folder)
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": notebooks.hashed_id("code", source),
        "metadata": {"cellView": "form", "tags": ["colab"]},   # Colab folds it
        "outputs": [],
        "source": source,
    }
    return nbformat.from_dict(student | {"cells": [cell, *student.cells]})
