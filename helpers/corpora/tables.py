"""Reading a table whose rows may be bad: each is either an error or left out, always named by its line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from helpers.corpora.text import visible
from helpers.validation import require, require_path

Row = TypeVar("Row")

_NO_TEXT = {   # how a file begins: (what it is, what to do)
    b"version https://git-lfs": ("a pointer of git-LFS in place of the file", "git lfs pull fetches it"),
    b"<!doctype html": ("a web page", "on GitHub the button Raw leads to the file itself"),
    b"<html": ("a web page", "on GitHub the button Raw leads to the file itself"),
    b"pk\x03\x04": ("an Excel workbook or zip file", "unpack it, or save it from Excel as CSV UTF-8"),
    b"\x1f\x8b": ("a gzip file", "gunzip unpacks it"),
}
_BAD_BYTE = re.compile("[\udc80-\udcff]")   # what a byte that is no UTF-8 is decoded to here


def text_of(path: Path) -> str:
    """A file in UTF-8 without a byte order mark, ends of lines as they are; a byte that is no UTF-8 becomes a
    lone surrogate, which `require_utf8` finds. ValueError, with what to do, when the whole file is something
    else: in another encoding, a web page, an archive."""
    path = require_path("path", path)
    require(not path.is_dir(), str(path), "a folder", "the name of a file")
    data = path.read_bytes()
    start = data.removeprefix(codecs.BOM_UTF8)[:200].lstrip().lower()
    for beginning, (got, remedy) in _NO_TEXT.items():
        require(not start.startswith(beginning), str(path), got, f"a text in UTF-8 ({remedy})")
    text = data.decode("utf-8-sig", errors="surrogateescape")
    encoding = _another_encoding(data, text)
    remedy = f"p = pathlib.Path({str(path)!r}); p.write_text(p.read_text({encoding!r}), 'utf-8') converts it"
    require(encoding is None, str(path), f"what seems to be {encoding}", f"a text in UTF-8 ({remedy})")
    return text


def _another_encoding(data: bytes, text: str) -> str | None:
    """What the file is written in, if it is none in UTF-8 with a few bad bytes."""
    for mark, name in ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
                       (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return name
    if b"\0" in (data[:1], data[1:2]):   # of a Latin letter in two bytes, one is zero
        return "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    bad = len(_BAD_BYTE.findall(text))
    good = len(re.findall("[^\0-\x7f\udc80-\udcff]", text))
    hangul = len(re.findall("[가-힣]", data.decode("euc_kr", errors="replace"))) if bad > good else 0
    if hangul >= 2 and 4 * hangul > bad:   # two bytes each: it explains more than half of them
        if any(re.search("[가-힣]", line) and not _BAD_BYTE.search(line) for line in lines_of(text)):
            return None   # a row that is right, which the remedy would spoil
        try:
            data.decode("cp949")
            return "cp949"
        except UnicodeDecodeError:
            return None
    return None


def lines_of(text: str) -> list[str]:
    r"""The lines of a text, cut at \n, \r\n, \r and \r\r\n, which Windows makes of \r\n. (str.splitlines cuts
    at marks that a text may contain.)"""
    lines = re.split("\r*\n|\r", text)
    return lines if lines[-1] else lines[:-1]


def require_utf8(columns: Sequence[str], where: str) -> None:
    """ValueError for a byte that `text_of` found to be no UTF-8."""
    for number, column in enumerate(columns, 1):
        if found := _BAD_BYTE.search(column):
            got = f"the byte 0x{ord(found[0]) - 0xDC00:02x} in column {number}"
            raise ValueError(f"{where}: got {got}, wanted a text in UTF-8")


def parse_rows(
    path: Path,
    rows: Iterable[tuple[int, Sequence[str]]],
    header: Sequence[str],
    parse: Callable[[Sequence[str], str], Row],
    problems: list[str] | None,
) -> list[Row]:
    """``parse(columns, where)`` of every row below the header; `rows` are (line number, columns). Blank rows
    at the end mean nothing.

    ValueError when the header is another one, when nothing stands below it, and when a row has another number
    of columns, a byte that is no UTF-8, or `parse` raises it; given a list `problems`, such rows are left out
    and described there instead.
    """
    require(problems is None or isinstance(problems, list), "problems", repr(problems), "a list, or None")
    rows = list(rows) or [(1, ())]
    while len(rows) > 1 and not any(visible(column).strip() for column in rows[-1][1]):
        rows.pop()
    (line, first), *rows = rows
    got = tuple(first) if any(first) else "nothing"
    require_utf8(first, f"{path}, line {line}")
    require(_is_header(first, header), f"{path}, line {line}", got, f"the header {tuple(header)}")
    require(bool(rows), f"{path}", "a header and nothing below it", "at least one row")
    found = []
    for number, columns in rows:
        where = f"{path}, line {number}"
        try:
            require_utf8(columns, where)
            wanted = f"{len(header)}: {', '.join(header)}"
            require(len(columns) == len(header), where, f"{len(columns)} columns", wanted)
            found.append(parse([column.strip() for column in columns], where))
        except ValueError as error:
            again = ValueError(f"{where}: got the header again, wanted a row")
            problem = again if _is_header(columns, header) else error
            if problems is None:
                raise problem from None
            problems.append(str(problem))
    return found


def _is_header(columns: Sequence[str], header: Sequence[str]) -> bool:
    return [visible(column).strip() for column in columns] == list(header)


def labelled(text: str, label: str, classes: int, where: str) -> int:
    """A text's label as a number. ValueError for a text in which nothing can be seen, and for a label that is
    not 0 … classes - 1."""
    require(visible(text).strip() != "", where, "no text", "some")
    label = visible(label).strip()
    wanted = [str(number) for number in range(classes)]
    require(label in wanted, where, f"label {label!r}", " or ".join(wanted))
    return int(label)
