"""The course's font for Hangul in figures: python -m tools.font NotoSansCJK-Regular.ttc

It is cut out of Noto Sans CJK, which is in Debian's package fonts-noto-cjk, and has the letters of the Korean
standard KS X 1001, but for Chinese characters, and a name of its own, so that no installed font stands in.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from helpers.console import command
from helpers.files import writing
from helpers.fonts import FILE, NAME
from helpers.processes import stoppable

SOURCE = "Noto Sans CJK KR"
ROWS = (1, 2, 4, 5, *range(16, 41))
"""Of KS X 1001: marks and signs, single jamo, Greek, and 2,350 syllables."""
OTHERS = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA1, 0x100)))) + "–—−₩"


def letters() -> str:
    """Every letter that the font has."""
    cells = [bytes((0xA0 + row, 0xA0 + cell)) for row in ROWS for cell in range(1, 95)]
    return "".join(dict.fromkeys(OTHERS + b"".join(cells).decode("euc_kr", errors="ignore")))


@stoppable()
def main(collection: Annotated[Path, typer.Argument(help="NotoSansCJK-Regular.ttc")]) -> None:
    """Write the font into helpers/fonts."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTCollection

    logging.getLogger("fontTools").setLevel(logging.ERROR)
    [font] = [each for each in TTCollection(collection).fonts if each["name"].getDebugName(1) == SOURCE]
    options = Options(layout_features=[], hinting=False, name_IDs=[0, 5, 7, 13, 14], name_languages=[0x409])
    options.drop_tables += ["BASE", "VORG", "vhea", "vmtx"]
    cutter = Subsetter(options)
    cutter.populate(text=letters())
    cutter.subset(font)
    for number, name in {1: NAME, 2: "Regular", 3: NAME, 4: NAME, 6: NAME.replace(" ", "")}.items():
        font["name"].setName(name, number, 3, 1, 0x409)
    table = font["CFF "].cff
    table.fontNames, table[0].FullName, table[0].FamilyName = [NAME.replace(" ", "")], NAME, NAME
    font.recalcTimestamp = False
    with writing(FILE, "wb") as file:
        font.save(file)
    print(f"{FILE}: {FILE.stat().st_size:,} bytes, {len(font.getBestCmap()):,} letters")


if __name__ == "__main__":
    command(lambda: typer.run(main))
