import builtins
import importlib.metadata
import importlib.util

import pytest

from helpers import tokenizers
from helpers.corpora.download import CorpusUnavailable

needs_kiwi = pytest.mark.skipif(
    importlib.util.find_spec("kiwipiepy") is None, reason="needs kiwipiepy: the extra 'korean'"
)


def test_words_and_characters():
    assert tokenizers.words("  정말\t재미있었다 \n") == ["정말", "재미있었다"]
    assert tokenizers.characters("  정말\t 재미 \n") == ["정", "말", " ", "재", "미"]
    assert tokenizers.words("") == tokenizers.characters(" ") == []
    assert tokenizers.tokenized(["가 나", "다"], "words") == [["가", "나"], ["다"]]
    assert tokenizers.tokenized(iter(["가 나"]), "characters") == [["가", " ", "나"]]


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="kind: got 'letters', wanted one of 'words'"):
        tokenizers.tokenized(["가"], "letters")


def test_without_kiwipiepy_the_error_has_the_command(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "kiwipiepy":
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    def none_there(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(importlib.metadata, "version", none_there)
    tokenizers._kiwi.cache_clear()
    for ask in (lambda: tokenizers.morphemes("가"), tokenizers.kiwi_version):
        with pytest.raises(CorpusUnavailable, match=r'pip install -c constraints\.txt -e "\.\[korean\]"'):
            ask()


@needs_kiwi
def test_morphemes():
    assert tokenizers.morphemes("정말 재미있었다") == ["정말", "재미있", "었", "다"]
    assert tokenizers.morphemes("  ") == []
    assert tokenizers.tokenized(["재미있다", "정말"], "morphemes") == [["재미있", "다"], ["정말"]]
    assert tokenizers.kiwi_version().startswith("0.24")
