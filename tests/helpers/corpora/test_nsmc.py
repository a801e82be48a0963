import hashlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import tokenizers
from helpers.corpora import download, nsmc
from helpers.corpora.download import CorpusUnavailable
from helpers.corpora.nsmc import Review

HEADER = "id\tdocument\tlabel\n"
TEXTS = {
    "train": HEADER + "1\t정말 재미있다\t1\n2\t지루하다\t0\n3\t\t1\n",
    "test": HEADER + "7\t재미있다\t1\n",
}
AGAIN = {split: text.replace("다", "어") for split, text in TEXTS.items()}
ROOT = Path(__file__).resolve().parents[3]


def sums(texts):
    return {split: hashlib.sha256(text.encode()).hexdigest() for split, text in texts.items()}


@pytest.fixture(autouse=True)
def own_data(no_own_data, monkeypatch):
    """Sums of a tiny corpus."""
    monkeypatch.setattr(nsmc, "SHA256", sums(TEXTS))
    monkeypatch.setattr(nsmc, "DRAWN_AGAIN", sums(AGAIN))


def place(folder, texts=TEXTS):
    folder.mkdir(parents=True)
    for split, text in texts.items():
        (folder / f"ratings_{split}.txt").write_bytes(text.encode())
    return folder


@pytest.fixture
def address(tmp_path, serve):
    """A server of the two files."""
    return serve(place(tmp_path / "served"))


# ---- reading ---------------------------------------------------------------------------------------


def written(tmp_path, text):
    path = tmp_path / "ratings.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_as_it_is_published(tmp_path):
    path = written(tmp_path, HEADER + "9976970\t아 더빙..\t0\n3819312\t흠... 좋다\t1\n")
    assert nsmc.read(path) == [Review("9976970", "아 더빙..", 0), Review("3819312", "흠... 좋다", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + "1\t좋다\t1\n2\t싫다\t0\n",
        (HEADER + "1\t좋다\t1\n2\t싫다\t0\n").replace("\n", "\r\n"),
        HEADER + "1\t좋다\t1\n2\t싫다\t0",
        HEADER + "1\t  좋다 \t1\n2\t싫다\t0\n",
    ],
    ids=["byte order mark", "Windows", "no newline at the end", "space around"],
)
def test_differences_that_do_not_matter(tmp_path, text):
    assert nsmc.read(written(tmp_path, text)) == [Review("1", "좋다", 1), Review("2", "싫다", 0)]


def test_quotes_commas_and_rare_line_marks_are_text(tmp_path):
    texts = ['"왜', "그는 \"최고\"라고, 했다", "가\u2028나", "가\x85나", "가\x0c나"]
    rows = "".join(f"{n}\t{text}\t1\n" for n, text in enumerate(texts))
    assert [review.text for review in nsmc.read(written(tmp_path, HEADER + rows))] == texts


BAD_ROWS = {
    "5\t\t1": "line 3: got no text",
    "5\t   \t1": "line 3: got no text",
    "5\t좋다": "line 3: got 2 columns, wanted 3: id, document, label",
    "5\t좋\t다\t1": "line 3: got 4 columns",
    "": "line 3: got 1 columns",
    "5\t좋다\t2": "line 3: got label '2', wanted 0 or 1",
    "5\t좋다\t": "line 3: got label ''",
    "5\t좋다\t1.0": "line 3: got label '1.0'",
}


@pytest.mark.parametrize(("row", "message"), BAD_ROWS.items())
def test_bad_rows_are_named_by_their_line_or_skipped(tmp_path, row, message):
    path = written(tmp_path, HEADER + f"1\t좋다\t1\n{row}\n2\t싫다\t0\n")
    with pytest.raises(ValueError, match=rf"ratings\.txt, {message}"):
        nsmc.read(path)
    problems = []
    assert [review.id for review in nsmc.read(path, problems)] == ["1", "2"]
    assert len(problems) == 1 and message in problems[0]


@pytest.mark.parametrize("text", ["1\t좋다\t1\n", "id,document,label\n", "\n"])
def test_a_wrong_header_is_always_an_error(tmp_path, text):
    for problems in (None, []):
        with pytest.raises(ValueError, match=r"line 1: got .*wanted the header"):
            nsmc.read(written(tmp_path, text), problems)


def test_an_empty_file_and_other_bytes(tmp_path):
    with pytest.raises(ValueError, match=r"line 1: .*wanted the header"):
        nsmc.read(written(tmp_path, ""))
    with pytest.raises(ValueError, match=r"ratings\.txt: got .*wanted a text in UTF-8"):
        nsmc.read(written(tmp_path, (HEADER + "1\t좋다\t1\n").encode("cp949")))


# ---- finding and downloading -----------------------------------------------------------------------


def test_nothing_is_downloaded_unasked_and_the_error_tells_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "fetch", lambda *a, **k: pytest.fail("downloaded unasked"))
    with pytest.raises(CorpusUnavailable) as raised:
        nsmc.load("train")
    message = str(raised.value)
    assert "python -m helpers.corpora.nsmc --download" in message
    assert "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_train.txt" in message
    assert str(tmp_path / "data" / "cache" / "nsmc" / "ratings_train.txt") in message
    assert "ratings_train.txt and ratings_test.txt" in message
    assert "UNROLLED_NSMC_DIR" in message


def test_download_then_from_the_cache(tmp_path, address):
    wanted = [Review("1", "정말 재미있다", 1), Review("2", "지루하다", 0)]
    problems = []
    assert nsmc.load("train", problems=problems, download=True, base_url=address, progress=False) == wanted
    assert len(problems) == 1 and "line 4: got no text" in problems[0]
    assert os.listdir(tmp_path / "data" / "cache" / "nsmc") == ["ratings_train.txt"]
    assert nsmc.load("train") == wanted


def test_address_from_the_environment(monkeypatch, address):
    monkeypatch.setenv("UNROLLED_NSMC_URL", address + "/")
    assert len(nsmc.load("test", download=True, progress=False)) == 1


def test_a_wrong_file_on_the_server_leaves_nothing(tmp_path, address):
    (tmp_path / "served" / "ratings_test.txt").write_bytes(AGAIN["test"].encode())
    with pytest.raises(CorpusUnavailable, match=r"(?s)not the file expected.*By hand"):
        nsmc.load("test", download=True, base_url=address, progress=False)
    assert not list((tmp_path / "data" / "cache" / "nsmc").iterdir())


def test_file_not_on_the_server(address):
    with pytest.raises(CorpusUnavailable, match=r"(?s)404.*By hand: save .*nowhere/ratings_train\.txt"):
        nsmc.load("train", download=True, base_url=address + "/nowhere", progress=False)


def test_folder_of_ones_own_may_hold_the_second_draw_the_cache_may_not(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_NSMC_DIR", str(place(tmp_path / "mine", AGAIN)))
    assert nsmc.load("test") == [Review("7", "재미있어", 1)]
    (tmp_path / "mine" / "ratings_test.txt").write_text("something else", encoding="utf-8")
    with pytest.raises(CorpusUnavailable, match=r"(?s)mine.*is not the file expected: .* or "):
        nsmc.load("test", download=True)
    (tmp_path / "mine" / "ratings_test.txt").unlink()
    with pytest.raises(CorpusUnavailable, match=r"(?s)cache.*or .*mine.*UNROLLED_NSMC_DIR"):
        nsmc.load("test")
    place(tmp_path / "data" / "cache" / "nsmc", AGAIN)
    with pytest.raises(CorpusUnavailable, match="is not the file expected"):
        nsmc.load("test")


def test_unknown_split():
    with pytest.raises(ValueError, match="split: got 'valid', wanted one of 'train', 'test'"):
        nsmc.load("valid")


def test_command_line(address, capsys):
    with pytest.raises(SystemExit) as stopped:
        nsmc.main([])
    assert stopped.value.code == 1
    assert "By hand" in capsys.readouterr().err
    assert nsmc.main(["--download", "--base-url", address]) == 0
    shown = capsys.readouterr().out
    assert "train:       2 reviews" in shown
    assert "ratings_train.txt, line 4: got no text" in shown
    assert "without duplicates: 2 for training" in shown


def test_command_starts_as_a_module():
    command = [sys.executable, "-W", "error", "-m", "helpers.corpora.nsmc", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--download" in done.stdout


# ---- duplicates and splits -------------------------------------------------------------------------


def reviews(*rows):
    return [Review(str(number), text, label) for number, (text, label) in enumerate(rows)]


def test_what_is_removed():
    train = reviews(
        ("a", 1), ("in test", 0), ("b", 1), ("b", 0), ("c", 0), ("in  test", 1), ("c", 0), ("c ", 0)
    )
    test = reviews(("in test", 1), ("in test", 0), ("d", 1))
    cleaned = nsmc.without_duplicates(train, test)
    assert cleaned.train == [train[0], train[4]]
    assert (cleaned.in_test, cleaned.contradictory, cleaned.repeated) == (2, 2, 2)
    again = nsmc.without_duplicates(cleaned.train, test)
    assert again == (cleaned.train, 0, 0, 0)


def test_validation_is_set_aside():
    every = reviews(*((f"text {n}", n % 2) for n in range(50)))
    train, valid = nsmc.with_validation(every, 0.1, seed=1)
    assert len(valid) == 5 and sorted(train + valid, key=every.index) == every
    assert nsmc.with_validation(every, 0.1, seed=1) == (train, valid)
    assert nsmc.with_validation(every, 0.1, seed=2)[1] != valid
    with pytest.raises(ValueError, match="reviews: got a text twice"):
        nsmc.with_validation([*every, Review("99", "text  7", 1)])
    with pytest.raises(ValueError, match="share: got 1"):
        nsmc.with_validation(every, 1)


def test_load_all(tmp_path, monkeypatch):
    rows = "".join(f"{n}\t글 {n}\t{n % 2}\n" for n in range(40))
    texts = {
        "train": HEADER + rows + "90\t시험\t1\n91\t글 3\t1\n",
        "test": HEADER + "99\t시험\t1\n98\t시험\t1\n",
    }
    place(tmp_path / "data" / "cache" / "nsmc", texts)
    monkeypatch.setattr(nsmc, "SHA256", sums(texts))
    corpus = nsmc.load_all(valid_share=0.25, seed=5)
    assert [len(part) for part in (corpus.train, corpus.valid, corpus.test)] == [30, 10, 2]
    assert corpus.removed == {"in_test": 1, "contradictory": 0, "repeated": 1}
    for one, other in itertools.combinations((corpus.train, corpus.valid, corpus.test), 2):
        assert not {review.text for review in one} & {review.text for review in other}


# ---- tokens ----------------------------------------------------------------------------------------


def test_words_and_characters(tmp_path):
    place(tmp_path / "data" / "cache" / "nsmc")
    assert nsmc.tokens("train", "words") == {"정말 재미있다": ["정말", "재미있다"], "지루하다": ["지루하다"]}
    assert nsmc.tokens("test", "characters") == {"재미있다": list("재미있다")}


class Kiwi:
    """Stands in for kiwipiepy: counts its calls."""

    calls = 0

    def tokenize(self, texts):
        Kiwi.calls += 1
        return [[type("Token", (), {"form": form}) for form in text.split()] for text in texts]


@pytest.fixture
def kiwi(monkeypatch):
    monkeypatch.setattr(tokenizers, "_kiwi", Kiwi)
    monkeypatch.setattr(tokenizers, "kiwi_version", lambda: "1.2-3.4")
    monkeypatch.setattr(Kiwi, "calls", 0)
    return Kiwi


def test_morphemes_are_kept(tmp_path, kiwi, monkeypatch):
    folder = place(tmp_path / "data" / "cache" / "nsmc")
    wanted = {"정말 재미있다": ["정말", "재미있다"], "지루하다": ["지루하다"]}
    assert nsmc.tokens("train") == wanted
    assert nsmc.tokens("train") == wanted
    assert kiwi.calls == 1
    [kept] = folder.glob("train-*.json")
    assert kept.name == f"train-{nsmc.SHA256['train'][:16]}-kiwi-1.2-3.4-nfc.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == wanted
    monkeypatch.setattr(tokenizers, "kiwi_version", lambda: "1.3-3.4")   # a new version cuts anew
    nsmc.tokens("train")
    assert kiwi.calls == 2


@pytest.mark.parametrize("content", ['{"정말 재미있다": ["정', "[]", '{"지루하다": ["지루하다"]}', "\x00"])
def test_a_damaged_cache_is_written_again(tmp_path, kiwi, content):
    folder = place(tmp_path / "data" / "cache" / "nsmc")
    wanted = nsmc.tokens("train")
    [kept] = folder.glob("train-*.json")
    kept.write_text(content, encoding="utf-8")
    assert nsmc.tokens("train") == wanted
    assert json.loads(kept.read_text(encoding="utf-8")) == wanted
    assert kiwi.calls == 2


def test_an_interrupted_writing_leaves_no_cache(tmp_path, kiwi, monkeypatch):
    folder = place(tmp_path / "data" / "cache" / "nsmc")
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        nsmc.tokens("train")
    assert not [path for path in folder.iterdir() if "kiwi" in path.name]


# ---- the real corpus -------------------------------------------------------------------------------

REAL_SUMS = dict(nsmc.SHA256), dict(nsmc.DRAWN_AGAIN)
REAL = Path(os.environ.get("UNROLLED_NSMC_DIR") or ROOT.parent / "shared" / "corpora" / "nsmc")


@pytest.mark.skipif(not (REAL / "ratings_train.txt").exists(), reason="no NSMC: set UNROLLED_NSMC_DIR")
def test_the_real_corpus(monkeypatch):
    monkeypatch.setattr(nsmc, "SHA256", REAL_SUMS[0])
    monkeypatch.setattr(nsmc, "DRAWN_AGAIN", REAL_SUMS[1])
    monkeypatch.setenv("UNROLLED_NSMC_DIR", str(REAL))
    problems = []
    train, test = (nsmc.load(split, problems=problems) for split in nsmc.SPLITS)
    assert len(train) + len(test) + len(problems) == 200_000
    assert all("got no text" in problem for problem in problems)
    texts = {review.text for review in train}
    assert 0.02 < sum(review.text in texts for review in test) / len(test) < 0.04
    cleaned = nsmc.without_duplicates(train, test)
    assert len(cleaned.train) + sum(cleaned[1:]) == len(train)
    kept = {review.text for review in cleaned.train}
    assert len(kept) == len(cleaned.train) and not kept & {review.text for review in test}
