"""What tests of downloaded corpora share: nothing of the machine's own, and a server on this machine."""

import contextlib
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def no_own_data(tmp_path, monkeypatch):
    """No test sees the machine's own corpora or the network: an empty cache in tmp_path / "data"."""
    for variable in list(os.environ):
        if variable.startswith("UNROLLED_") and variable.endswith(("_DIR", "_URL")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def serve():
    """A function: folder → address of a server of its files."""
    with contextlib.ExitStack() as servers:

        def start(folder):
            handler = partial(Quiet, directory=str(folder))
            server = servers.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
            thread.start()
            servers.callback(thread.join)
            servers.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start
