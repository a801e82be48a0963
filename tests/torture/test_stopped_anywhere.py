"""Stopped and killed at random moments, again and again, until it is done: nothing is lost, and the result is
bit for bit that of an unbroken run. ``make torture``; a failure names its seed."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL")
SEEDS = range(3)
SECONDS = 10.0
"""After so long a stopped process and all that it started are gone: 2 s, where nothing else runs."""

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(os.name == "nt", reason="signals are sent by POSIX systems"),
    pytest.mark.parametrize("seed", SEEDS),
]


def run_broken(command, seed, longest, began, **options):
    """Run `command`, stop it at random moments (in `longest` seconds after the file `began` is there, then in
    longer ones), until it ends by itself → how often it was stopped."""
    chosen, stops = random.Random(seed), 0
    while True:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, **options,
        )  # fmt: skip
        while not began() and process.poll() is None:
            time.sleep(0.01)
        try:
            told, _ = process.communicate(timeout=chosen.uniform(0, longest))
        except subprocess.TimeoutExpired:
            number = getattr(signal, chosen.choice(NAMES))
            others = psutil.Process(process.pid).children(recursive=True)
            (os.killpg if chosen.random() < 0.5 else os.kill)(process.pid, number)
            if chosen.random() < 0.3:
                process.send_signal(number)
            asked = time.monotonic()
            told, _ = process.communicate(timeout=60)
            left = psutil.wait_procs(others, timeout=30)[1]
            took = time.monotonic() - asked
            assert not left and took < SECONDS, (number, left, took)
            assert "Exception ignored" not in told and "leaked" not in told, told
            too_early = "init_import_site" in told   # Python itself was not there yet
            assert too_early or process.returncode in (0, 128 + number, -number), (number, told)
            stops, longest = stops + 1, longest * 1.15
            if process.returncode:
                continue
        assert process.returncode == 0, told
        return stops


def environment(folder):
    return {
        **os.environ, "UNROLLED_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip


def result(path):
    """A record without what was measured."""
    record = json.loads(path.read_text(encoding="utf-8"))
    curve = [{name: value for name, value in row.items() if name != "seconds"} for row in record["curve"]]
    return {**{name: value for name, value in record.items() if name != "seconds"}, "curve": curve}


EXPERIMENTS = {
    "NumPy trainer": ["pronouns", "tokens=30000", "hidden_size=32", "epochs=4"],
    "sweep": ["bottleneck", "steps=20", "words=10", "seeds=2"],
}


@pytest.mark.parametrize("kind", EXPERIMENTS)
def test_experiments(tmp_path, seed, kind):
    name, *settings = EXPERIMENTS[kind]
    sets = [part for setting in settings for part in ("--set", setting)]
    results = []
    for folder in (tmp_path / "whole", tmp_path / "broken"):
        out, began = folder / "record.json", folder / "checkpoints"
        command = [sys.executable, "-m", "helpers.experiments", "run", name, "--no-bar", "--save-every", "5",
                   *sets, "--out", str(out)]  # fmt: skip
        if folder.name == "whole":
            subprocess.run(command, env=environment(folder), cwd=ROOT, check=True, capture_output=True)
        else:
            assert run_broken(command, seed, 5.0, began.exists, env=environment(folder)) > 1
        results.append(result(out))
    assert results[0] == results[1]
    left = [path.name for path in (tmp_path / "broken").rglob("*") if path.name.endswith((".lock", ".part"))]
    assert not left


TORCH = """
import json, sys
from pathlib import Path
from helpers.processes import stoppable

@stoppable("Go on.")
def main(folder):
    import torch
    from helpers.torch_training.trainer import StepLoss, TorchTrainer

    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(20, 300), torch.nn.Dropout(0.3), torch.nn.Linear(300, 1))
    batches = [(torch.randn(16, 20), torch.randn(16, 1)) for _ in range(150)]

    def loss(model, batch, state):
        value = ((model(batch[0]) - batch[1]) ** 2).mean()
        return StepLoss(value, value.detach(), len(batch[0]))

    trainer = TorchTrainer(
        model, torch.optim.Adam(model.parameters()), loss, lambda model: {"valid": 1.0}, monitor="valid",
        checkpoint=folder / "run.pt", save_every=5, device="cpu", bar=False,
    )
    (folder / "began").touch()
    trainer.resume()
    trainer.fit(batches, 4)
    if trainer.interrupted:
        raise KeyboardInterrupt
    weights = {name: value.tolist() for name, value in trainer._last.items()}
    (folder / "weights.json").write_text(json.dumps(weights))

main(Path(sys.argv[1]))
"""


def test_torch_trainer(tmp_path, seed):
    weights = []
    for folder in (tmp_path / "whole", tmp_path / "broken"):
        folder.mkdir()
        command = [sys.executable, "-c", TORCH, str(folder)]
        if folder.name == "whole":
            started = time.monotonic()
            subprocess.run(command, env=environment(folder), cwd=ROOT, check=True, capture_output=True)
            took = time.monotonic() - started
        else:
            began = (folder / "began").exists
            assert run_broken(command, seed, took / 6, began, env=environment(folder)) > 1
        weights.append((folder / "weights.json").read_text())
    assert weights[0] == weights[1]
    assert sorted(path.name for path in folder.iterdir()) == ["began", "run.pt", "weights.json"]


BODY = random.Random(1).randbytes(3_000_000)
DOWNLOAD = """
import sys
from helpers.corpora.download import fetch
from helpers.processes import stoppable

stoppable()(lambda: fetch(sys.argv[1], sys.argv[2], sys.argv[3], progress=False))()
"""


class Slow(BaseHTTPRequestHandler):
    """Three megabytes in three seconds, from wherever it is asked."""

    def do_GET(self):
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        for place in range(start, len(BODY), 50_000):
            try:
                self.wfile.write(BODY[place : place + 50_000])
            except OSError:
                return
            time.sleep(0.05)

    def log_message(self, *args):
        pass


def test_download(tmp_path, seed):
    path, part = tmp_path / "text.txt", tmp_path / "text.txt.part"
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/text.txt"
        command = [sys.executable, "-c", DOWNLOAD, url, str(path), hashlib.sha256(BODY).hexdigest()]
        stops = run_broken(command, seed, 1.0, part.exists, env=environment(tmp_path))
        server.shutdown()
    assert stops > 1 and path.read_bytes() == BODY
    assert [each.name for each in tmp_path.iterdir() if not each.name.endswith(".lock")] == ["text.txt"]


CHAPTER = """\
# %%
total = 0
for number in range(3_000_000):
    total += number
print({number}, total)
"""


def test_build(tmp_path, seed):
    def course(name):
        root = tmp_path / name
        (root / "solutions").mkdir(parents=True)
        for number in (1, 2, 3):
            (root / "solutions" / f"0{number}_sum.py").write_text(CHAPTER.replace("{number}", str(number)))
        return root, [sys.executable, "-m", "tools.build", "--jobs", "2", "--root", str(root)]

    def notebooks(root):
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.ipynb")}

    (whole, command), (broken, again) = course("whole"), course("broken")
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert run_broken(again, seed, 4.0, lambda: True) > 0
    assert len(notebooks(whole)) == 6 and notebooks(broken) == notebooks(whole)
    assert subprocess.run([*again, "--check"], cwd=ROOT, check=False).returncode == 0
    assert not list(broken.rglob("*.part"))


def test_two_processes_on_one_run(tmp_path, seed):
    """Both end with a right record, or the second says that it waited; one may be killed in between."""
    name, *settings = EXPERIMENTS["NumPy trainer"]
    sets = [part for setting in settings for part in ("--set", setting)]
    command = [sys.executable, "-m", "helpers.experiments", "run", name, "--no-bar", *sets]
    for folder in (tmp_path / "whole", tmp_path / "shared"):
        folder.mkdir()
    subprocess.run(
        [*command, "--out", str(tmp_path / "whole.json")], env=environment(tmp_path / "whole"), cwd=ROOT,
        check=True, capture_output=True,
    )  # fmt: skip
    outs = [tmp_path / f"{letter}.json" for letter in "ab"]
    both = []
    for out in outs:
        both.append(
            subprocess.Popen(
                [*command, "--out", str(out)], env=environment(tmp_path / "shared"), cwd=ROOT,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
        )
        time.sleep(random.Random(seed).uniform(0, 2))
    for process, out in zip(both, outs, strict=True):
        told, _ = process.communicate(timeout=300)
        assert process.returncode == 0, told
        assert result(out) == result(tmp_path / "whole.json")
