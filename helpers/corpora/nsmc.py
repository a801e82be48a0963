"""Naver sentiment movie corpus: Korean film reviews of one line, 150,000 for training, 50,000 for testing.

Lucy Park 2016, <https://github.com/e9t/nsmc>, CC0. Ratings of 9 and 10 are label 1, of 1 to 4 label 0, as
many of each; the ratings between were left out.

    python -m helpers.corpora.nsmc --download
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import tokenizers
from helpers.corpora.download import Source, cache_folder, sha256_of
from helpers.corpora.tables import labelled, lines_of, parse_rows, text_of
from helpers.corpora.text import folded, visible
from helpers.files import write_text
from helpers.languages import translate
from helpers.validation import require, require_fraction, require_int

SHA256 = {
    "train": "e03b7d14e9e41be8d464a28057cd25d7396c53e67aa7fd5f7e552c59b0ee2940",
    "test": "8ac9f64052f11dbf6ae0acb5e038f03d90a76f0eda7820cfb3a92d02edfcebda",
}
DRAWN_AGAIN = {
    "train": "f1ef69730ce1bf0cbad9f61714ae2d4223c8e5b09def619fbf87f96f45c7435a",
    "test": "886fdcdc568e725e96f28759365fc75c8c0e3a01f38ca9f057a059d24b004822",
}
"""Sums of a second draw from the same raw reviews by the same rules, 150,000 and 50,000 others. A folder of
one's own may hold these in place of the published files."""

SPLITS = tuple(SHA256)
SOURCE = Source(
    title="Naver sentiment movie corpus",
    module="helpers.corpora.nsmc",
    cache="nsmc",
    files={split: f"ratings_{split}.txt" for split in SPLITS},
    base_url="https://raw.githubusercontent.com/e9t/nsmc/master/",
    folder_variable="UNROLLED_NSMC_DIR",
    url_variable="UNROLLED_NSMC_URL",
)


class Review(NamedTuple):
    """A review: its number at Naver, its text without space around it, and 1 for good, 0 for bad."""

    id: str
    text: str
    label: int


class Cleaned(NamedTuple):
    """What `without_duplicates` left, and how many reviews it removed, by reason."""

    train: list[Review]
    in_test: int
    contradictory: int
    repeated: int


@dataclass(frozen=True, eq=False)
class NaverReviews:
    """Three splits without a text in common, and what was removed from the training file for that."""

    train: list[Review]
    valid: list[Review]
    test: list[Review]
    removed: dict[str, int]


# ---- files -----------------------------------------------------------------------------------------


def find(split: str, *, download: bool = False, base_url: str | None = None, progress: bool = True) -> Path:
    """The checked file of a split: from UNROLLED_NSMC_DIR, from the cache, or downloaded if asked.

    `base_url` (or UNROLLED_NSMC_URL) replaces the address of the folder the files are downloaded from.
    Raises ValueError for another split, and CorpusUnavailable, saying which file to put where, when there is
    none or a wrong one.
    """
    options = {"download": download, "base_url": base_url, "progress": progress}
    return SOURCE.find(split, SHA256, also=DRAWN_AGAIN, **options)


def read(path: Path, problems: list[str] | None = None) -> list[Review]:
    """The reviews of a file: columns id, document and label, separated by tabs, below a header.

    A row without a text that can be seen, with another number of columns, a byte that is no UTF-8 or a label
    that is not 0 or 1 raises ValueError, which names the line; given a list `problems`, such rows are left
    out and described there instead. Quotes mean nothing here, ends of lines may be Windows', and a byte order
    mark is skipped. The texts stay as they are written (`helpers.corpora.text` says which are the same).
    """
    rows = enumerate((line.split("\t") for line in lines_of(text_of(path))), 1)
    return parse_rows(path, rows, ("id", "document", "label"), _review, problems)


def _review(columns: Sequence[str], where: str) -> Review:
    id_, text, label = columns
    return Review(visible(id_), text, labelled(text, label, 2, where))


def load(
    split: str,
    *,
    problems: list[str] | None = None,
    download: bool = False,
    base_url: str | None = None,
    progress: bool = True,
) -> list[Review]:
    """The reviews of a split, "train" or "test". Rows without a text, a few in the published files, are left
    out, and described in the list `problems` if there is one. Other arguments and errors as in `find`."""
    path = find(split, download=download, base_url=base_url, progress=progress)
    return read(path, [] if problems is None else problems)


def tokens(split: str, kind: str = "morphemes", **options) -> dict[str, list[str]]:
    """The tokens of every text of a split, by text; `kind` as in `helpers.tokenizers`, `options` of `find`.

    Morphemes take a minute or two the first time. They are kept in the cache folder, in a file named after
    the split, its SHA-256 and the version of kiwipiepy ("-nfc": cut after `helpers.corpora.text.visible`).
    """
    texts = list(dict.fromkeys(review.text for review in load(split, **options)))
    if kind != "morphemes":
        return dict(zip(texts, tokenizers.tokenized(texts, kind), strict=True))
    sha256 = sha256_of(find(split, **options))
    path = cache_folder("nsmc") / f"{split}-{sha256[:16]}-kiwi-{tokenizers.kiwi_version()}-nfc.json"
    with contextlib.suppress(FileNotFoundError, ValueError):   # a damaged one is written again
        kept = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(kept, dict) and list(kept) == texts:
            return kept
    found = dict(zip(texts, tokenizers.tokenized(texts, kind), strict=True))
    write_text(path, json.dumps(found, ensure_ascii=False))
    return found


# ---- splits ----------------------------------------------------------------------------------------


def without_duplicates(train: Sequence[Review], test: Sequence[Review]) -> Cleaned:
    """The training reviews without these, in this order:

    `in_test`        those whose text also stands in `test`, so that no answer is known beforehand;
    `contradictory`  those whose text occurs with both labels;
    `repeated`       all but the first of those with the same text.

    Two texts are the same if `helpers.corpora.text.folded` makes them so: if they differ in nothing but the
    amount of space, what nobody can see, and whether syllables are composed. `test` remains as it is.
    """
    in_test = set(_folded("test", test))
    fresh = [pair for pair in zip(train, _folded("train", train), strict=True) if pair[1] not in in_test]
    labels = defaultdict(set)
    for review, text in fresh:
        labels[text].add(review.label)
    clear = [(review, text) for review, text in fresh if len(labels[text]) == 1]
    first: dict[str, Review] = {}
    for review, text in clear:
        first.setdefault(text, review)
    counts = len(train) - len(fresh), len(fresh) - len(clear), len(clear) - len(first)
    return Cleaned(list(first.values()), *counts)


def _folded(argument: str, reviews: Sequence[Review]) -> list[str]:
    several = isinstance(reviews, Sequence)
    wrong = [each for each in reviews if not isinstance(each, Review)] if several else [reviews]
    got = f"{wrong[0]!r:.80}" if wrong else ""
    require(not wrong, argument, got, "a list of reviews (helpers.corpora.nsmc.Review)")
    return [folded(review.text, argument) for review in reviews]


def with_validation(
    reviews: Sequence[Review], share: float = 0.1, seed: int = 0
) -> tuple[list[Review], list[Review]]:
    """(train, valid): a random `share` of `reviews` set aside. ValueError when a text occurs twice."""
    share = require_fraction("share", share)
    rng = np.random.default_rng(require_int("seed", seed, minimum=0))
    texts = _folded("reviews", reviews)
    wanted = "every text once (see without_duplicates)"
    require(len(set(texts)) == len(texts), "reviews", "a text twice", wanted)
    order = rng.permutation(len(reviews))
    size = round(share * len(reviews))
    valid, train = np.sort(order[:size]), np.sort(order[size:])
    return [reviews[i] for i in train], [reviews[i] for i in valid]


def load_all(
    *,
    valid_share: float = 0.1,
    seed: int = 0,
    download: bool = False,
    base_url: str | None = None,
    progress: bool = True,
) -> NaverReviews:
    """All three splits: the test file as it is, the training file `without_duplicates`, of which a random
    `valid_share` is for validation. Other arguments and errors as in `find`."""
    require_fraction("valid_share", valid_share)
    files = {s: load(s, download=download, base_url=base_url, progress=progress) for s in SPLITS}
    cleaned = without_duplicates(files["train"], files["test"])
    train, valid = with_validation(cleaned.train, valid_share, seed)
    removed = {name: count for name, count in cleaned._asdict().items() if name != "train"}
    return NaverReviews(train, valid, files["test"], removed)


def main(arguments: list[str] | None = None) -> int:
    """Command line: find (or download) the two files and say what is in them."""
    paths = SOURCE.command_line(find, "20 MB", arguments)
    reviews = {}
    for split, path in paths.items():
        problems: list[str] = []
        reviews[split] = read(path, problems)
        count = f"{len(reviews[split]):>7,}"
        print(translate("{split}: {count} reviews  {path}", split=f"{split:>5}", count=count, path=path))
        for problem in problems:
            print(f"       {translate('left out: {problem}', problem=problem)}")
    cleaned = without_duplicates(reviews["train"], reviews["test"])
    print(translate(
        "without duplicates: {kept} for training and validation; removed:\n"
        "  {in_test} that stand in the test file, {contradictory} with both labels,\n"
        "  {repeated} repetitions",
        kept=f"{len(cleaned.train):,}", in_test=f"{cleaned.in_test:,}",
        contradictory=f"{cleaned.contradictory:,}", repeated=f"{cleaned.repeated:,}",
    ))  # fmt: skip
    return 0


if __name__ == "__main__":
    from helpers.console import command

    command(main)
