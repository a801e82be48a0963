"""Reading a table whose rows may be bad: each is either an error or left out, always named by its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from helpers.validation import require

Row = TypeVar("Row")


def text_of(path: Path) -> str:
    """A file in UTF-8, ends of lines as they are, without a byte order mark. ValueError for other bytes."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: got {error}, wanted a text in UTF-8") from error


def parse_rows(
    path: Path,
    rows: Iterable[tuple[int, Sequence[str]]],
    header: Sequence[str],
    parse: Callable[[Sequence[str], str], Row],
    problems: list[str] | None,
) -> list[Row]:
    """``parse(columns, where)`` of every row below the header; `rows` are (line number, columns).

    ValueError when the header is another one, and when a row has another number of columns or `parse` raises
    it; given a list `problems`, such rows are left out and described there instead.
    """
    rows, found = iter(rows), []
    _, first = next(rows, (1, ()))
    require(tuple(first) == tuple(header), f"{path}, line 1", tuple(first), f"the header {tuple(header)}")
    for number, columns in rows:
        where = f"{path}, line {number}"
        try:
            wanted = f"{len(header)}: {', '.join(header)}"
            require(len(columns) == len(header), where, f"{len(columns)} columns", wanted)
            found.append(parse([column.strip() for column in columns], where))
        except ValueError as error:
            if problems is None:
                raise
            problems.append(str(error))
    return found


def labelled(text: str, label: str, classes: int, where: str) -> int:
    """A text's label as a number. ValueError without a text, or for a label that is not 0 … classes - 1."""
    require(text != "", where, "no text", "some")
    wanted = [str(number) for number in range(classes)]
    require(label in wanted, where, f"label {label!r}", " or ".join(wanted))
    return int(label)
