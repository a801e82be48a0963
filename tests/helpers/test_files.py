"""Files are whole or not there, what killed writers left is removed, one process at a time owns a file."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.files import NAME_BYTES, check_writable, lock, portable_name, short_name, write_text, writing


def others(folder):
    return sorted(p.name for p in folder.iterdir())


def test_writes_utf8_with_unix_newlines_and_makes_the_folder(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "가\n나\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "가\n나\n".encode()


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(KeyboardInterrupt), writing(tmp_path / "a.txt") as file:
        file.write("new")
        raise KeyboardInterrupt
    assert others(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_in_the_way_is_named(tmp_path):
    for write in (lambda: write_text(tmp_path, "x"), lambda: check_writable(tmp_path)):
        with pytest.raises(IsADirectoryError, match="wanted the name of a file"):
            write()


def test_a_link_goes_on_pointing_at_the_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    code = (
        "import sys\nfrom helpers.files import writing\n"
        "with writing(sys.argv[1], 'wb') as f:\n"
        "    f.write(b'x'); f.flush(); print('go', flush=True); input()"
    )
    path = tmp_path / "c.bin"
    child = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child.stdout.readline()
    write_text(path, "another writer")   # the first still lives: its file is its own
    assert len(others(tmp_path)) == 2
    child.send_signal(signal.SIGKILL)
    child.communicate()
    write_text(path, "once more")
    assert others(tmp_path) == ["c.bin"]


def test_long_names_are_hashed_and_kept_apart(tmp_path):
    one, other = "가" * 200 + "1.json", "가" * 200 + "2.json"
    assert short_name("short.json") == "short.json"
    assert len(short_name(one).encode()) <= NAME_BYTES and short_name(one).endswith(".json")
    assert short_name(one) != short_name(other)
    write_text(tmp_path / short_name(one), "x")   # its temporary name is not too long either
    with lock(tmp_path / short_name(one)), pytest.raises(OSError, match=r"(?i)name (longer|too long)"):
        check_writable(tmp_path / one)


def test_the_second_process_waits_for_the_lock(tmp_path):
    code = (
        "import sys\nfrom helpers.files import lock\n"
        "with lock(sys.argv[1], waiting=lambda line: print(line, flush=True)):\n    print('mine', flush=True)"
    )
    path = tmp_path / "a.bin"
    with lock(path):
        child = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "Another process is at work on a.bin; waiting for it.\n"
        time.sleep(0.2)
        assert child.poll() is None
    assert child.communicate(timeout=20)[0] == "mine\n"
    assert others(tmp_path) == []


def test_no_two_hold_the_lock_at_once(tmp_path):
    code = """
import os, sys, time
from helpers.files import lock
for _ in range(30):
    with lock(sys.argv[1] + "/owned"):
        open(sys.argv[1] + "/inside", "x").close()
        time.sleep(0.001)
        os.unlink(sys.argv[1] + "/inside")
"""
    children = [subprocess.Popen([sys.executable, "-c", code, tmp_path]) for _ in range(3)]
    assert [child.wait(timeout=60) for child in children] == [0, 0, 0]
    assert others(tmp_path) == []


def test_check_writable_leaves_nothing_and_refuses_what_cannot_be(tmp_path):
    check_writable(tmp_path / "new" / "a.json")
    assert others(tmp_path / "new") == []
    write_text(tmp_path / "file", "x")
    with pytest.raises(OSError):
        check_writable(tmp_path / "file" / "a.json")
    assert Path(tmp_path / "file").read_text() == "x"


def test_a_name_that_every_file_system_takes_is_of_one_text_alone():
    assert portable_name("pronouns-seed0-lr0.25-models_rnn+gru") == "pronouns-seed0-lr0.25-models_rnn+gru"
    texts = ["a/b", "a b", "a_b", "A_b", "A_B", "con", "nul.x", "가", "각", "\udcff"]
    texts += ["x" * 200 + "1", "x" * 200 + "2"]
    names = {portable_name(text) for text in texts}
    assert len(names) == len({name.lower() for name in names}) == len(texts)
    for name in names:
        assert re.fullmatch(r"[a-z0-9.+_-]{1,120}", name) and not re.match(r"(con|nul)(\.|$)", name)


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no such device")
def test_a_device_is_not_replaced_by_a_file():
    for write in (lambda: write_text("/dev/null", "x"), lambda: check_writable("/dev/null")):
        with pytest.raises(OSError, match="got a device"):
            write()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_a_killed_owner_leaves_no_lock_behind_with_what_it_started(tmp_path):
    code = (
        "import os, sys, time\nfrom helpers.files import lock\n"
        "with lock(sys.argv[1]):\n"
        "    if os.fork() == 0: print(os.getpid(), flush=True)\n"
        "    time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, tmp_path / "a"], stdout=subprocess.PIPE, text=True)
    child = int(owner.stdout.readline())
    try:
        owner.kill()
        owner.wait()
        waited = []
        with lock(tmp_path / "a", waiting=waited.append):
            assert waited == []
    finally:
        os.kill(child, signal.SIGKILL)
