"""Two machines, as far as one can play them: two network namespaces with an address each, a bridge between
them that can be taken down (packets vanish, nobody is told), and a `torchrun` in each. ``make torture``."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRST, PORT = "10.77.0.1", "29500"
PATIENCE = 20   # seconds
DROPOUT = ("input_dropout", "dropout", "output_dropout", "embedding_dropout")
SEND = "import socket; socket.create_connection(('10.77.0.1', 9), 0.5)"

pytestmark = pytest.mark.torture

EXPERIMENT = """
import os, time
import numpy as np
from helpers.experiments import cli, get, registry
from helpers.torch_training import trainer

step = trainer.TorchTrainer._step
trainer.TorchTrainer._step = lambda *given: (time.sleep(float(os.environ["PAUSE"])), step(*given))[1]

def text(seed, tokens):
    return np.cumsum(np.random.default_rng(seed).integers(1, 3, tokens)) % 12

@registry.experiment("tiny", chapter="06", summary="tiny", distributed=True, **get("ptb-650").settings | {
    "embedding_size": 8, "hidden_size": 10, "batch_size": 4, "seq_len": 6, "epochs": 3, "warmup_steps": 5,
    "lr": 2.0, "precision": "float32"})
def tiny(run):
    from helpers.experiments.torch_runs import train

    ids = {"train": text(0, 2000), "valid": text(1, 200), "test": text(2, 200)}
    return train(run, ids, 12, {"text": "0" * 64})

cli.app()
"""


class Network:
    """Namespaces ``…a`` and ``…b``, with 10.77.0.1 and 10.77.0.2, and ``…r`` with the bridge."""

    def __init__(self):
        self.name, self.runs = f"unrolled{os.getpid()}", []
        for end in "abr":
            self.ip("netns", "add", self.name + end)

    def connect(self):
        self.inside("r", "link", "add", "bridge", "type", "bridge")
        for number, end in enumerate("ab", start=1):
            port, peer = f"port{number}", ("peer", "name", "net", "netns", self.name + end)
            self.inside("r", "link", "add", "name", port, "type", "veth", *peer)
            self.inside("r", "link", "set", port, "master", "bridge", "up")
            self.inside(end, "addr", "add", f"10.77.0.{number}/24", "dev", "net")
            for device in ("net", "lo"):
                self.inside(end, "link", "set", device, "up")
        self.open()

    def ip(self, *words):
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)

    def inside(self, end, *words):
        self.ip("-n", self.name + end, *words)

    def open(self):
        self.inside("r", "link", "set", "bridge", "up")
        for _ in range(100):   # a port of a bridge takes a moment; a refusal comes from the other side
            command = ["ip", "netns", "exec", f"{self.name}b", sys.executable, "-c", SEND]
            if "Refused" in subprocess.run(command, capture_output=True, text=True, check=False).stderr:
                return
        raise AssertionError("the two ends do not reach each other")

    def cut(self):
        self.inside("r", "link", "set", "bridge", "down")

    def close(self):
        for run in self.runs:   # a torchrun takes its process with it
            run.kill()
        for end in "abr":
            subprocess.run(["ip", "netns", "del", self.name + end], check=False, capture_output=True)


@pytest.fixture(scope="module")
def network():
    if shutil.which("ip") is None:
        pytest.skip("needs Linux with iproute2, whose command ip makes network namespaces")
    try:
        made = Network()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not permitted here: {error.stderr.strip()}")
    try:
        made.connect()
        yield made
    finally:
        made.close()


class Machine:
    """One of the two (`rank`), with a folder of its own, and the run on it."""

    def __init__(self, network, folder, rank):
        self.network, self.rank, self.folder = network, rank, folder / "ab"[rank]
        self.end = network.name + "ab"[rank]
        self.folder.mkdir(parents=True, exist_ok=True)
        (folder / "tiny.py").write_text(EXPERIMENT)

    def start(self, *options, pause=0.0):
        environment = os.environ | {
            "UNROLLED_DATA_DIR": str(self.folder), "UNROLLED_PEER_TIMEOUT": str(PATIENCE),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder.parent}", "OMP_NUM_THREADS": "1",
            "PAUSE": str(pause),
        }  # fmt: skip
        environment.pop("GLOO_SOCKET_IFNAME", None)   # found by itself
        torchrun = ["torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", "--master-addr", FIRST,
                    "--master-port", PORT, "--node-rank", str(self.rank)]  # fmt: skip
        experiment = ["tiny", "run", "tiny", "--no-bar", "--save-every", "20", "--out"]
        command = ["ip", "netns", "exec", self.end, sys.executable, "-m", *torchrun, "-m", *experiment]
        with open(self.folder / "said.txt", "w") as said:
            self.run = subprocess.Popen(
                [*command, str(self.folder / "record.json"), *options],
                env=environment, cwd=ROOT, stdout=said, stderr=said,
            )  # fmt: skip
        self.network.runs.append(self.run)

    def kill(self, what):
        process = psutil.Process(self.run.pid)
        (process if what == "torchrun" else process.children()[0]).kill()

    def end_of(self):
        """(status, the sentence that is the course's own)."""
        status = self.run.wait(300)
        return status, re.findall(r"^Error: (.*)", (self.folder / "said.txt").read_text(), re.M)

    @property
    def checkpoints(self):
        return list((self.folder / "checkpoints").glob("*.pt"))

    def result(self):
        record = json.loads((self.folder / "record.json").read_text())
        curve = [{name: row[name] for name in row if name != "seconds"} for row in record["curve"]]
        return curve, record["test_perplexity"]


def whole(network, folder, *options):
    machines = [Machine(network, folder, rank) for rank in (0, 1)]
    for machine in machines:
        machine.start(*options)
    assert [machine.end_of() for machine in machines] == [(0, []), (0, [])]
    assert not machines[1].checkpoints and not (machines[1].folder / "record.json").exists()
    return machines[0].result()


def test_two_machines_train_as_one_process(network, tmp_path):
    options = [part for name in DROPOUT for part in ("--set", f"{name}=0")]
    two = whole(network, tmp_path / "two", *options)
    environment = {**os.environ, "UNROLLED_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PAUSE": "0",
                   "OMP_NUM_THREADS": "1"}  # fmt: skip
    command = [sys.executable, str(tmp_path / "two" / "tiny.py"), "run", "tiny", "--no-bar", *options]
    subprocess.run([*command, "--out", str(tmp_path / "record.json")], check=True, env=environment, cwd=ROOT)
    one = json.loads((tmp_path / "record.json").read_text())
    for ours, alone in zip(two[0], one["curve"], strict=True):
        np.testing.assert_allclose([ours[name] for name in ours], [alone[name] for name in ours], rtol=1e-5)
    assert two[1] == pytest.approx(one["test_perplexity"], rel=1e-5)


ENDED = "another process of this run has ended, or the connection to it was cut"
SILENT = f"nothing came from another process of this run for {PATIENCE} s"
CUTS = {   # what happens → what each machine says: None, nothing
    "the second's process": (None, ENDED),
    "the first's process": (None, ENDED),
    "the second's torchrun": (None, ENDED),
    "the first's torchrun": (None, ENDED),
    "the network": (SILENT, SILENT),
}


def test_cut_off_in_every_way_the_same_command_goes_on_to_the_last_bit(network, tmp_path):
    """With dropout. One run, which is cut off again and again."""
    wanted = whole(network, tmp_path / "whole")
    machines = [Machine(network, tmp_path / "cut", rank) for rank in (0, 1)]
    saved = []
    for what, (of_hit, of_other) in CUTS.items():
        for machine in machines:
            machine.start(pause=0.05)
        before = [path.stat().st_mtime_ns for path in machines[0].checkpoints]
        while [path.stat().st_mtime_ns for path in machines[0].checkpoints] == before:
            assert machines[0].run.poll() is None, machines[0].end_of()
            time.sleep(0.02)
        time.sleep(0.3)
        if what == "the network":
            network.cut()
        else:
            machines["second" in what].kill(what.split()[-1])
        hit = "second" in what
        for machine in machines:
            status, said = machine.end_of()
            text = of_hit if machine is machines[hit] else of_other
            assert status == (-signal.SIGKILL if "torchrun" in what and machine is machines[hit] else 1)
            assert [sentence[: len(text)] for sentence in said] == [text] if text else said == []
        saved.append([path.read_bytes() for path in machines[0].checkpoints])
        assert not machines[1].checkpoints
        network.open()
    assert all(len(files) == 1 for files in saved) and len({files[0] for files in saved}) == len(CUTS)
    for machine in machines:
        machine.start()
    assert [machine.end_of() for machine in machines] == [(0, []), (0, [])]
    assert machines[0].result() == wanted
    assert [path.suffix for path in (tmp_path / "cut" / "a" / "checkpoints").iterdir()] == [".pt"]
