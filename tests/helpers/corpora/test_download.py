"""`fetch` against a server on this machine that can be told to misbehave."""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from helpers.corpora import download
from helpers.corpora.download import CorpusUnavailable, fetch

BODY = bytes(i * i % 251 for i in range(200_000))
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `body` at any path. `cut_after`: bytes sent before the connection breaks, this once."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.status, self.cut_after, self.ranges = BODY, 200, None, True
        self.asked: list[str | None] = []  # the Range header of each request
        self.sent: list[int] = []  # bytes of each answer, noted before they leave
        self.began, self.hold = threading.Event(), threading.Event()  # half is sent; the rest may be
        self.hold.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/text.txt"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        if server.status != 200:
            return self.send_error(server.status)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
        if start >= len(server.body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.body) - 1}/{len(server.body)}")
        self.send_header("Content-Length", str(len(server.body) - start))
        self.end_headers()
        end = len(server.body) if server.cut_after is None else start + server.cut_after
        server.cut_after = None
        server.sent.append(len(server.body[start:end]))
        middle = (start + end) // 2
        self.wfile.write(server.body[start:middle])
        server.began.set()
        server.hold.wait()
        with contextlib.suppress(OSError):  # whoever asked may have been killed
            self.wfile.write(server.body[middle:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "text.txt"


def get(server, path, sha256=SHA256):
    return fetch(server.url, path, sha256, progress=False, advice="By hand: put it there.")


def names(folder):
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_download_then_no_network(server, path):
    assert get(server, path) == path
    assert path.read_bytes() == BODY
    assert names(path.parent) == ["text.txt"]
    assert get(server, path).read_bytes() == BODY
    assert len(server.asked) == 1


def test_cut_connection_then_resume(server, path):
    server.cut_after = 120_000
    with pytest.raises(CorpusUnavailable, match=r"(?s)run it again to go on from there.*By hand"):
        get(server, path)
    kept = path.with_name("text.txt.part").stat().st_size
    assert 0 < kept <= 120_000
    assert names(path.parent) == ["text.txt.part"]
    get(server, path)
    assert server.asked == [None, f"bytes={kept}-"]
    assert server.sent == [120_000, len(BODY) - kept]  # only the rest
    assert path.read_bytes() == BODY
    assert names(path.parent) == ["text.txt"]


def test_cut_twice(server, path):
    for _ in range(2):
        server.cut_after = 70_000
        with pytest.raises(CorpusUnavailable):
            get(server, path)
    assert path.with_name("text.txt.part").stat().st_size > 70_000
    get(server, path)
    assert path.read_bytes() == BODY


def test_server_without_ranges_starts_over(server, path):
    server.cut_after, server.ranges = 120_000, False
    with pytest.raises(CorpusUnavailable):
        get(server, path)
    get(server, path)
    assert path.read_bytes() == BODY
    assert len(server.asked) == 2  # what came from the beginning was not glued to the part


def test_wrong_checksum(server, path):
    server.body = BODY[:-1] + b"?"
    with pytest.raises(CorpusUnavailable, match=rf"(?s)not the file expected.*{SHA256}.*By hand"):
        get(server, path)
    assert names(path.parent) == []
    assert len(server.asked) == 1  # a second attempt would get the same


def test_wrong_checksum_leaves_the_file_that_was_there(server, path):
    path.parent.mkdir()
    path.write_bytes(b"somebody's own file")
    server.body = b"neither"
    with pytest.raises(CorpusUnavailable):
        get(server, path)
    assert path.read_bytes() == b"somebody's own file"
    assert names(path.parent) == ["text.txt"]


STALE = {"other": b"another file's beginning", "long": BODY + b"too long"}


@pytest.mark.parametrize("stale", STALE.values(), ids=STALE)
def test_a_part_that_does_not_fit_is_dropped_and_the_whole_file_fetched(server, path, stale):
    path.parent.mkdir()
    path.with_name("text.txt.part").write_bytes(stale)
    get(server, path)
    assert path.read_bytes() == BODY
    assert names(path.parent) == ["text.txt"]
    assert len(server.asked) == 2


def test_a_part_that_is_whole_is_put_in_its_place(server, path):
    path.parent.mkdir()
    path.with_name("text.txt.part").write_bytes(BODY)
    assert get(server, path).read_bytes() == BODY
    assert names(path.parent) == ["text.txt"] and server.asked == []


@pytest.mark.parametrize("status", [404, 500])
def test_http_error(server, path, status):
    server.status = status
    with pytest.raises(CorpusUnavailable, match=rf"(?s){status}.*text\.txt.*By hand"):
        get(server, path)
    assert names(path.parent) == []


def test_http_error_keeps_the_part(server, path):
    path.parent.mkdir()
    path.with_name("text.txt.part").write_bytes(BODY[:1000])
    server.status = 503
    with pytest.raises(CorpusUnavailable, match="503"):
        get(server, path)
    server.status = 200
    get(server, path)
    assert server.asked[-1] == "bytes=1000-"


def test_nobody_answers(path):
    with socket.socket() as taken:  # bound, not listening: the connection is refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/text.txt"
        with pytest.raises(CorpusUnavailable, match="Could not download"):
            fetch(url, path, SHA256, progress=False)


def test_folder_cannot_be_made(server, path):
    path.parent.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(CorpusUnavailable, match=r"(?s)Cannot write in .*cache.*By hand"):
        get(server, path)
    assert path.parent.read_text(encoding="utf-8").startswith("a file")


@pytest.mark.parametrize("name", ["text.txt", "text.txt.part"])
def test_a_folder_in_the_way(server, path, name):
    (path.parent / name).mkdir(parents=True)
    with pytest.raises(CorpusUnavailable, match=rf"(?s)Cannot write in .*{name}'\.\nBy hand"):
        get(server, path)
    assert names(path.parent) == [name]


def test_a_file_that_is_there_needs_no_permission_to_write(server, path, monkeypatch):
    get(server, path)
    monkeypatch.setattr(download, "lock", None)   # as in a folder that others own
    assert get(server, path) == path


CODE = """
import pathlib, sys
from helpers.corpora.download import fetch
fetch(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], progress=False)
"""


def in_a_process(server, path):
    command = [sys.executable, "-c", CODE, server.url, path, SHA256]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_the_second_process_waits_and_takes_what_the_first_has_brought(server, path):
    server.hold.clear()
    first = in_a_process(server, path)
    assert server.began.wait(timeout=60)
    second = in_a_process(server, path)
    assert second.stderr.readline() == "Another process is at work on text.txt; waiting for it.\n"
    server.hold.set()
    assert (first.communicate()[1], second.communicate()[1]) == ("", "")
    assert path.read_bytes() == BODY and names(path.parent) == ["text.txt"]
    assert len(server.asked) == 1


def test_a_killed_process_leaves_its_part_and_no_lock(server, path):
    server.hold.clear()
    first = in_a_process(server, path)
    part = path.with_name("text.txt.part")
    while not (part.exists() and part.stat().st_size):
        assert first.poll() is None
        time.sleep(0.01)
    first.kill()
    first.communicate()
    kept = part.stat().st_size
    server.hold.set()
    assert get(server, path).read_bytes() == BODY
    assert server.asked == [None, f"bytes={kept}-"] and names(path.parent) == ["text.txt"]


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(28, "No space left")])
def test_disk_refuses(server, path, monkeypatch, error):
    real = Path.open

    def refuse(self, *args, **kwargs):
        if self.suffix == ".part":
            raise error
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CorpusUnavailable, match=rf"Cannot write in .*{error.strerror}"):
        get(server, path)
    assert names(path.parent) == []


def test_progress_bar_counts_what_was_there_before(server, path, capsys):
    path.parent.mkdir()
    path.with_name("text.txt.part").write_bytes(BODY[:50_000])
    fetch(server.url, path, SHA256)
    shown = capsys.readouterr()
    assert "text.txt: 100%" in shown.err
    assert "25%" in shown.err
    assert not shown.out


def test_verified(tmp_path):
    good = tmp_path / "good"
    good.write_bytes(BODY)
    assert download.verified(good, SHA256) == good
    with pytest.raises(CorpusUnavailable, match=rf"SHA-256 is {SHA256}, wanted 000"):
        download.verified(good, "0" * 64)
    assert good.read_bytes() == BODY
    with pytest.raises(CorpusUnavailable, match="Cannot read"):
        download.verified(tmp_path / "none", SHA256)


def test_data_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("UNROLLED_DATA_DIR", raising=False)
    assert download.data_folder() == Path(__file__).resolve().parents[3] / "data"
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(tmp_path))
    assert download.cache_folder("ptb") == tmp_path / "cache" / "ptb"
    monkeypatch.setenv("UNROLLED_DATA_DIR", "~nobody-of-this-name/data")
    assert download.data_folder() == Path("~nobody-of-this-name/data")   # a folder like any other


# ---- trials of minutes ---------------------------------------------------------------------------------


@pytest.mark.torture
def test_processes_killed_at_any_moment_never_leave_a_wrong_file(server, path):
    rng = random.Random(0)
    for _ in range(25):
        shutil.rmtree(path.parent, ignore_errors=True)
        server.hold.clear()
        processes = [in_a_process(server, path) for _ in range(3)]
        server.began.wait(timeout=60)
        server.began.clear()
        time.sleep(rng.random() / 2)
        server.hold.set()
        time.sleep(rng.random() / 50)
        for process in rng.sample(processes, 2):
            process.kill()
        for process in processes:
            process.communicate()
            assert process.returncode in (0, -signal.SIGKILL)
        assert 0 in [process.returncode for process in processes] and path.read_bytes() == BODY
        assert names(path.parent) == ["text.txt"]


@pytest.mark.torture
@pytest.mark.skipif(os.name != "posix", reason="resource limits")
@pytest.mark.parametrize("limit", [0, 1, 70_000, 199_999])
def test_a_full_disk_keeps_what_has_arrived(server, path, limit):
    code = "import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)" + CODE
    command = [sys.executable, "-c", code, server.url, path, SHA256, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and f"CorpusUnavailable: Cannot write in {path.parent}" in done.stderr
    assert get(server, path).read_bytes() == BODY and names(path.parent) == ["text.txt"]
