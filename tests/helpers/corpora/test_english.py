import builtins

import pytest

from helpers.corpora import english
from helpers.corpora.download import CorpusUnavailable


def test_reference_is_prose_of_some_length():
    text = english.reference_text()
    words = english.words(text)
    assert len(words) > 30_000  # the exact number belongs to a Python release
    assert len(set(words)) > 2_000
    assert words.count("the") > 1_000
    letters = sum(ch.isalpha() or ch.isspace() for ch in text)
    assert letters / len(text) > 0.9


def test_no_tables_code_or_markup_is_left():
    for line in english.reference_text().split("\n"):
        assert line == line.strip()
        assert "  " not in line
        assert line[0].isalpha()
        assert not any(mark in line for mark in (">>>", "::=", "+--", "====", "****", '"', "`", "“"))


def test_every_paragraph_stands_once():
    paragraphs = english.reference_text().split("\n")
    assert len(paragraphs) == len(set(paragraphs)) > 500


def test_splits_are_disjoint_blocks_that_make_up_the_whole():
    splits = english.reference_splits()
    assert "\n".join(splits) == english.reference_text()
    parts = [set(part.split("\n")) for part in splits]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    total = sum(map(len, splits))
    assert all(0.02 < len(part) / total < 0.25 for part in splits[1:])
    assert english.reference_splits(valid=0, test=0).train == english.reference_text()


def test_splits_leave_something_to_train_on():
    with pytest.raises(ValueError, match=r"valid \+ test: got 1"):
        english.reference_splits(valid=0.5, test=0.5)
    with pytest.raises(ValueError, match=r"test"):
        english.reference_splits(test=-0.1)


def test_tokenisers():
    tokens = ["don't", "call", "object.f", "(", ")", "3.7", "times", "."]
    assert english.words("Don't call object.f() 3.7 times.") == tokens
    assert english.characters("ab c") == ["a", "b", " ", "c"]


def test_plain_keeps_prose_and_drops_the_rest():
    prose = '* The "if" statement is used for\n  *conditional* execution [3] of code.'
    assert english._plain(prose) == "The if statement is used for conditional execution of code."
    assert english._plain("   >>> print('this is an example of a program.')") == ""
    assert english._plain("The very short one.") == ""
    assert english._plain("assert_stmt ::= assert expression [, expression] and more words.") == ""
    assert english._plain("Sequence Types and all that\n***************************") == ""


def test_python_without_pydoc_data(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("pydoc_data"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CorpusUnavailable, match="pydoc_data"):
        english.reference_topics.__wrapped__()
