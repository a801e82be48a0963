"""What is taken out of a source can be put back, in any language."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.build.source import Course, read_chapter
from tools.editions import code, markdown
from tools.editions.collect import DOCUMENTS, pieces_of
from tools.editions.pieces import replaced

ROOT = Path(__file__).resolve().parents[3]
SOURCES = Course(ROOT).sources()


def said(source):
    return [(piece.kind, piece.message) for piece in markdown.pieces(source)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_whose_messages_are_their_own_translations_runs_the_same_code(path):
    for cell, found in pieces_of(read_chapter(path, path.name)):
        assert replaced(cell.source, found, lambda message: None) == cell.source
        if cell.kind == "code":
            again = replaced(cell.source, found, lambda message: message)
            python = code._as_python
            assert ast.dump(ast.parse(python(again))) == ast.dump(ast.parse(python(cell.source)))
        else:
            again = replaced(cell.source, found, lambda message: message)
            assert said(again) == said(cell.source)


@pytest.mark.parametrize("file", DOCUMENTS.values())
def test_a_document_comes_back_whole(file):
    source = (ROOT / file).read_text(encoding="utf-8")
    found = markdown.pieces(source)
    assert replaced(source, found, lambda message: None) == source
    assert said(replaced(source, found, lambda message: message)) == said(source)


def test_markdown_is_taken_by_headings_paragraphs_items_cells_and_hints():
    source = """\
## 5.1 One number

A paragraph
over two lines with `code` and $x_1$.

$$x = 1$$

1. the first
   item
- another

> quoted words
> go on

| name | `x` |
|---|---|
| a \\| b | two words |

### Exercise 5.1 · `f` · ★☆☆ · 5 min
Do it.

<details><summary>A nudge</summary>Use <code>np.sum</code>
here.</details>
<details><summary>A recipe</summary>All of it.</details>

```python
not a message
```
"""
    assert said(source) == [
        ("heading", "One number"),
        ("paragraph", "A paragraph over two lines with `code` and $x_1$."),
        ("item", "the first item"),
        ("item", "another"),
        ("paragraph", "quoted words go on"),
        ("cell", "name"),
        ("cell", "two words"),
        ("paragraph", "Do it."),
        ("summary", "A nudge"),
        ("hint", "Use <code>np.sum</code> here."),
        ("summary", "A recipe"),
        ("hint", "All of it."),
    ]
    korean = replaced(source, markdown.pieces(source), lambda message: "한국어" if len(message) > 9 else None)
    assert "1. 한국어\n- another\n\n> 한국어\n\n| name | `x` |" in korean
    assert "<details><summary>A nudge</summary>한국어</details>" in korean
    assert "```python\nnot a message\n```" in korean


def test_code_is_taken_where_readers_see_it():
    source = '''\
label = "a number"
axis.set(xlabel="time step", title=f"{n} steps")
axis.plot(x, y, "o-", label="state" if one else "all states", color="rnn")
claim("it holds", a["train loss"] < b, heard="It is so", verdict="no")
words = ", ".join(f"the {kind} one" for kind in ("first", "other"))
show(fig, f"Here {words}: "
          f"{d['train']:.2f} of {label}.")
print("not this")
'''
    assert [piece.message for piece in code.pieces(source)] == [
        "a number", "time step", "{n} steps", "state", "all states", "it holds", "It is so", "no",
        "the {kind} one", "Here {words}: {d['train']:.2f} of {label}.",
    ]  # fmt: skip
    korean = replaced(source, code.pieces(source), {"{n} steps": "{n}단계", "it holds": '"맞습니다"'}.get)
    assert 'title=f"{n}단계"' in korean
    assert "claim('\"맞습니다\"', a" in korean


def test_a_controls_sentence_is_what_its_function_returns_beside_the_figure():
    source = '''\
def board(n):
    fate = "fades away" if n else "stays"
    unseen = "this one"
    return fig, f"The state {fate}."
explore(board, n=slider("the number", 0, 1))
'''
    assert [piece.message for piece in code.pieces(source)] == [
        "fades away", "stays", "The state {fate}.", "the number",
    ]  # fmt: skip


def test_the_options_of_a_choice_are_taken_not_what_they_stand_for():
    source = 'choice("W", {"a wide one": "wide", "a small one": "small"}, value="a wide one")'
    found = code.pieces(source)
    assert [piece.message for piece in found] == ["a wide one", "a small one", "a wide one"]
    korean = {"a wide one": "넓은 것", "a small one": "좁은 것"}
    written = 'choice("W", {"넓은 것": "wide", "좁은 것": "small"}, value="넓은 것")'
    assert replaced(source, found, korean.get) == written
    assert code.pieces('choice("W", ["one kind", "another"])') == []   # the drawing function gets them


def test_texts_with_names_are_taken_where_they_are_given():
    first = 'words = {"heard": "It is so", "verdict": "no"}\nlabel = "a number"\nname = "not shown"\n'
    second = 'claim("it holds", x[how], **words)\naxis.set(xlabel=label)\n'
    second += 'for name in x:\n    axis.plot(x, label=name)\n'
    shown = code.names_shown(first) | code.names_shown(second)
    assert shown == {"words", "label"}
    assert [piece.message for piece in code.pieces(first, shown=shown)] == ["It is so", "no", "a number"]
    assert [piece.message for piece in code.pieces(second, shown=shown)] == ["it holds"]


def test_a_docstring_is_taken_from_exercises_alone():
    source = 'def f(x):\n    """x (N,)\n    → y (N,), the sum.\n    """\n    return x\n'
    assert code.pieces(source) == []
    (piece,) = code.pieces(source, docstring=True)
    assert piece.message == "x (N,)\n→ y (N,), the sum."
    korean = replaced(source, [piece], lambda message: "x (N,)\n→ y (N,), 합입니다.")
    assert korean == 'def f(x):\n    """x (N,)\n    → y (N,), 합입니다.\n    """\n    return x\n'


WORDS = st.text(alphabet="ab가나 .,'\"\\${}\n→", min_size=0, max_size=60)


EXPRESSIONS = st.sampled_from(["", "{n}", "{d['a']:.2f}", '{d["b"]!r}', "{n:{w}}"])


@given(st.lists(st.tuples(WORDS, EXPRESSIONS), max_size=5))
def test_what_is_written_is_what_is_read(parts):
    """A translation may hold any characters, and any of the source's expressions in any order."""
    quotes = {quote for _, expression in parts for quote in "'\"" if quote in expression}
    if len(quotes) > 1:   # no source has both: Python 3.11 could not read it
        parts = [(words, expression.replace('"', "'")) for words, expression in parts]
    message = "".join(words.replace("{", "{{").replace("}", "}}") + expression for words, expression in parts)
    written = code._quoted(message, True, 0)
    assert code._template(written if written.strip() else 'f""') == message
    literal = ast.parse(f"({written})", mode="eval").body
    values = {"n": 3, "w": 4, "d": {"a": 1.0, "b": "c"}}
    assert eval(f"({written})", values) == "".join(
        words + (eval(f"f{expression!r}", values) if expression else "") for words, expression in parts
    )
    assert isinstance(literal, ast.Constant | ast.JoinedStr)
