"""No term is used before it is explained.

The glossary's last column says in which chapter a term first matters: an earlier chapter that uses it has to
link to where it is explained, in the first paragraph that does. `INTRODUCED` holds terms with the section
that explains them, in bold or in a heading.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py"))
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
EVERYDAY = {"output", "input", "weight", "key", "query", "candidate", "subject", "object", "gate", "logit"}
"""Words that are terms of the glossary and of everyday English as well."""

INTRODUCED = {
    "back off": "1.2",
    "latch": "1.3",
    "bag of words": "1.4",
    "padding": "1.10",
    "immediate": "2.2",
    "Jacobian": "3.2",
    "eigenvalue": "3.2",
    "spectral radius": "3.2",
    "singular value": "3.2",
    "orthogonal": "3.2",
    "language model": "3.3",
    "by value": "3.4",
    "leap": "3.5",
    "forget gate": "4.2",
    "input gate": "4.3",
    "output gate": "4.4",
    "direct path": "4.10",
    "update gate": "4.11",
    "floor": "5.2",
    "leak": "5.5",
    "temperature": "5.12",
    "top-k": "5.12",
    "persistence": "5.14",
    "skill": "5.14",
}


def paragraphs(source):
    """(section, text) of every paragraph, list item and table row of a chapter's Markdown; the section is
    "1.2", "" before the first and "end" after the last numbered one."""
    found, section, prose, lines = [], "", False, []

    def close():
        if lines:
            found.append((section, " ".join(lines)))
            lines.clear()

    for line in source.splitlines():
        if line.startswith("# %%"):
            close()
            prose = "[markdown]" in line
        elif prose:
            text = line.removeprefix("#").strip()
            if not text or text.startswith(("|", "- ", "#")):
                close()
            if heading := re.match(r"## (\d+\.\d+)?", text):
                section = heading[1] or "end"
            if text:
                lines.append(text)
            if text.startswith("#"):
                close()
    close()
    return found


CHAPTERS = {int(path.name[:2]): paragraphs(path.read_text(encoding="utf-8")) for path in SOURCES}


def glossary_terms():
    """English terms of the glossary with their chapter; the short form in brackets counts as one."""
    for line in GLOSSARY.split("## The three sentences")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[4].isdigit():
            for name in re.split(r"[(),]", cells[2]):
                if name.strip() and name.strip() not in EVERYDAY:
                    yield name.strip(), int(cells[4])


def uses(term, text):
    """Whether `text` uses the term, in words: code, formulas and links' targets do not count."""
    words = re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)", " ", text)
    case = 0 if term.isupper() else re.IGNORECASE
    return re.search(rf"\b{re.escape(term)}(?:s|es)?\b", words, case) is not None


def place(section):
    """A numbered section as numbers that can be compared, 1.2 < 1.10; None for the others."""
    return tuple(map(int, section.split("."))) if section[:1].isdigit() else None


def unexplained(term, number, before=""):
    """The first use of a term in a chapter (before a section), as a list, unless it comes with a link
    or names a section.

    The opening, which says what the chapter is for, and what follows the last numbered section do not count.
    """
    for section, text in CHAPTERS[number]:
        if not place(section) or (before and place(section) >= place(before)):
            continue
        if uses(term, text):
            told = "](" in text or re.search(r"\bsection \d+\.\d+", text)
            return [] if told else [f"chapter {number}, {section}: {text[:120]}"]
    return []


@pytest.mark.parametrize(("term", "chapter"), sorted(set(glossary_terms())))
def test_a_term_of_the_glossary_waits_for_its_chapter(term, chapter):
    early = [each for number in CHAPTERS if number < chapter for each in unexplained(term, number)]
    assert not early, f"{term!r} is explained in chapter {chapter}, but used before, without a link"


@pytest.mark.parametrize(("term", "section"), INTRODUCED.items())
def test_a_term_is_introduced_where_it_is_said_to_be_and_not_used_before(term, section):
    chapter = int(section.split(".")[0])
    there = [text for where, text in CHAPTERS[chapter] if where == section]
    marked = [text for text in there if re.search(rf"\*[^*]*{re.escape(term)}[^*]*\*", text, re.IGNORECASE)]
    headed = [text for text in there if text.startswith("#") and uses(term, text)]
    assert marked or headed, f"section {section} does not introduce {term!r} in bold, italics or its heading"
    early = [each for number in CHAPTERS if number < chapter for each in unexplained(term, number)]
    early += unexplained(term, chapter, before=section)
    assert not early, f"{term!r} is introduced in {section}, but used before, without a link"


def test_a_term_used_too_early_would_be_noticed():
    source = "# %% [markdown]\n# ## 3.1 A\n# The latch\n# holds.\n#\n# - [x](y) latches\n\n# %%\n# a latch"
    told = ["## 3.1 A", "The latch holds.", "- [x](y) latches"]
    assert paragraphs(source) == [("3.1", text) for text in told]
    assert uses("latch", "Two latches.") and not uses("latch", "A `latch` and a catch [x](latch.md).")
    assert not uses("GRU", "grumble") and uses("Unit", "two units")
