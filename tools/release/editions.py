"""A release in the course's other languages: notebooks, documents, first page, and what its boxes say."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from helpers.checks.registry import Exercise, Quiz
from helpers.checks.texts import texts_of
from helpers.languages import CATALOGUES, catalogue
from helpers.notebooks import dumps
from tools.build.pipeline import Draft
from tools.editions import collect, markdown
from tools.editions.catalogue import compile_catalogues
from tools.editions.edition import Edition
from tools.editions.pieces import replaced
from tools.release import texts


def files(
    edition: Edition, released: Sequence[Draft], checked: Iterable[Exercise | Quiz], solved: Iterable[str],
    there: Collection[str],
) -> dict[str, bytes]:  # fmt: skip
    """What `edition` has of the chapters `released` and of the documents among the files `there`, and what
    it says of the exercises `checked`; `solved` are the chapters whose solutions are handed out."""
    drafts = [edition.draft(draft) for draft in released]
    found = {
        f"notebooks/{edition.language}/{draft.chapter.name}.ipynb": dumps(draft.student).encode()
        for draft in drafts
    }
    for name in there:
        path = edition.path_of(name)
        if path != name and path.endswith(".md"):
            found[path] = (edition.root / path).read_bytes()
    template = texts.TEMPLATE.read_text(encoding="utf-8")
    words = edition.catalogue("release").translations
    template = replaced(template, markdown.pieces(template), words.get)
    found[edition.path_of("README.md")] = texts.readme(template, edition.language, drafts, solved)
    compiled = catalogue(edition.language)
    found[f"helpers/{CATALOGUES.name}/{compiled.name}"] = gzip.compress(_said(edition, checked), mtime=0)
    return found


def _said(edition: Edition, checked: Iterable[Exercise | Quiz]) -> bytes:
    """The catalogue of what helpers say, of all hints those of `checked`."""
    wanted = {text for each in checked for text in texts_of(each)}
    others = chain(collect.calls(edition.root), collect.summaries(), collect.figures(edition.course))
    wanted |= {said.message for said in others}
    return compile_catalogues(map(edition.catalogue, collect.COMPILED), wanted)
