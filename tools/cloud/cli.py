"""The command: python -m tools.cloud --repository OWNER/NAME --commit SHA."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import nbformat
import typer

from helpers import console, notebooks
from helpers.files import write_text
from tools.cloud.colab import for_colab

ROOT = Path(__file__).resolve().parents[2]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    repository: Annotated[str, typer.Option(metavar="OWNER/NAME", help="The course's repository on GitHub.")],
    commit: Annotated[str, typer.Option(metavar="SHA", help="Which version Colab fetches, in full.")],
    out: Annotated[Path, typer.Option(help="The folder that gets them.")] = ROOT / "build" / "colab",
) -> None:
    """Write the student notebooks for Colab, each with a first cell that fetches the course at a commit.

    Those of other editions than the English one go into a folder each, as in notebooks/.
    """
    root = ROOT / "notebooks"
    try:
        written = {
            path.relative_to(root): notebooks.dumps(
                for_colab(nbformat.read(path, 4), repository, commit, folder.relative_to(ROOT).as_posix())
            )
            for folder in notebooks.editions(root)
            for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))
        }
        for name, text in written.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write_text(out / name, text)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    console.say(f"{len(written)} notebooks for Colab in {out}")
