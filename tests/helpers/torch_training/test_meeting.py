"""Processes on machines of their own: what must be the same, who does not come, who falls silent, going on.

Two processes on this machine, each with its own folder, one of which rounds as an older processor does.
`tests/torture/test_two_machines.py` tries the same between two addresses.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from torch import distributed as dist

from helpers.torch_training import distributed, meeting

ROOT = Path(__file__).resolve().parents[3]
CPU = torch.device("cpu")
LATE = 3   # seconds of silence that are enough, once the processes have met

SCRIPT = """
import hashlib, json, os, signal, sys
from datetime import timedelta
from pathlib import Path

rank, folder, going_on = int(os.environ["RANK"]), Path(sys.argv[1]), sys.argv[2] == "again"
if rank == 1:
    os.environ["ATEN_CPU_CAPABILITY"] = "default"

import torch
from torch import distributed as dist
from helpers.models.torch_language_model import TorchLanguageModel
from helpers.torch_training import TorchTrainer
from helpers.torch_training.averaging import WeightAverage
from helpers.torch_training.distributed import PATIENCE
from helpers.torch_training.language_modelling import LanguageModelLoss, mean_nats

torch.set_num_threads(1)
torch.manual_seed(1)
BATCHES = [tuple(torch.randint(12, (2, 4, 5))) for _ in range(13)]
OTHERS = [(inputs, (targets + 1) % 12) for inputs, targets in BATCHES]
told = {"refused": []}

def make(name="none", hidden_size=40, lr=2.0, save_every=5):
    torch.manual_seed(3)
    model = TorchLanguageModel(12, 30, hidden_size, num_layers=2, dropout=0.3)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.5)
    return TorchTrainer(
        model, optimizer, LanguageModelLoss(), lambda model: {"nats": mean_nats(model, BATCHES)},
        monitor="nats", max_norm=0.25, average=WeightAverage(0), checkpoint=folder / str(rank) / f"{name}.pt",
        settings={"lr": lr, "data": {"train": "abc"}}, save_every=save_every, device="cpu", report=None,
        bar=False,
    )

def refused(action):
    try:
        action()
    except (ValueError, ConnectionError) as error:
        told["refused"].append(f"{type(error).__name__}: {error}")

def tell(trainer):
    numbers = b"".join(each.numpy().tobytes() for each in trainer._undo.tensors())
    told["weights"] = hashlib.sha256(numbers).hexdigest()
    told["curve"] = [{name: row[name] for name in row if name != "seconds"} for row in trainer.curve]

def different():
    other = rank == 1
    refused(lambda: make(lr=3.0 if other else 2.0).fit(BATCHES, 1))
    refused(lambda: make(save_every=6 if other else 5).fit(BATCHES, 1))
    refused(lambda: make(hidden_size=41 if other else 40).resume())
    refused(lambda: make().fit(BATCHES, 2 if other else 1))
    refused(lambda: make().fit(BATCHES[1:] if other else BATCHES, 1))
    refused(lambda: make().fit(OTHERS if other else BATCHES, 1))
    refused(lambda: make().join(restart=other))

def falls_silent(trainer):
    step, done = trainer._step, []

    def last(*arguments):
        done.append(1)
        if len(done) == 23 and rank == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        step(*arguments)

    group = dist.distributed_c10d._get_default_group()
    told["patience"] = group._get_backend(torch.device("cpu")).options._timeout.total_seconds()
    os.environ[PATIENCE] = sys.argv[3]
    dist.distributed_c10d._set_pg_timeout(timedelta(seconds=int(sys.argv[3])))
    trainer._step = last
    return lambda: trainer.fit(BATCHES, 4)

if going_on:
    trainer = make("run")
    assert trainer.resume()
    trainer.fit(BATCHES, 4)
    tell(trainer)
    if rank == 0:
        trainer.checkpoint.rename(folder / "1" / "run.pt")
    trainer.group.collect(None)
    refused(make("run").resume)
else:
    different()
    whole = make("whole")
    whole.fit(BATCHES, 4)
    tell(whole)
    refused(falls_silent(make("run")))
(folder / str(rank) / "told.json").write_text(json.dumps(told))
"""


SLOWLY = """
import os, sys, time
from pathlib import Path

rank, folder = int(os.environ["RANK"]), Path(sys.argv[1])
import torch
from torch import distributed as dist
from helpers.torch_training import meeting

connect, part = dist.init_process_group, dist.destroy_process_group

def connect_slowly(*arguments, **options):
    connect(*arguments, **options)
    time.sleep(2 * rank)
    (folder / f"connected {rank}").touch()

def hang_up():
    (folder / f"{rank} hung up when these had connected: {len(list(folder.glob('connected*')))}").touch()
    part()

dist.init_process_group, dist.destroy_process_group = connect_slowly, hang_up
assert meeting.join_processes(torch.device("cpu")).means([rank], "cpu") == [0.5]
os._exit(0)
"""


def start(rank, port, *arguments, script=SCRIPT):
    environment = {
        **os.environ, "WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True",
        "OMP_NUM_THREADS": "1", distributed.PATIENCE: "100",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT, env=environment)


def both(folder, mode):
    """Run the script as both processes, with a store like torchrun's → what they told, None of a stopped one;
    by then the first has ended by itself."""
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    processes = [start(rank, store.port, str(folder), mode, str(LATE)) for rank in (0, 1)]
    try:
        for process in processes[: 1 if mode == "first" else 2]:
            assert process.wait(200) == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()
    files = [folder / str(rank) / "told.json" for rank in (0, 1)]
    return [json.loads(file.read_text()) if file.exists() else None for file in files]


def test_nobody_hangs_up_while_another_still_connects(tmp_path):
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    processes = [start(rank, store.port, str(tmp_path), script=SLOWLY) for rank in (0, 1)]
    assert [process.wait(100) for process in processes] == [0, 0]
    hung_up = sorted(path.name for path in tmp_path.glob("*hung up*"))
    assert hung_up == [f"{rank} hung up when these had connected: 2" for rank in (0, 1)]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What both say in the first run, the first of it where the second one fell silent; and in the next."""
    if not hasattr(signal, "SIGSTOP"):
        pytest.skip("a process is stopped by a signal of POSIX")
    folder = tmp_path_factory.mktemp("machines")
    for rank in (0, 1):
        (folder / str(rank)).mkdir()
    first = both(folder, "first")
    assert first[1] is None and not list((folder / "1").glob("*.pt"))
    assert not list(folder.rglob("*.part"))
    return SimpleNamespace(folder=folder, first=first[0], again=both(folder, "again"))


DIFFERENT = [
    "lr: got 3.0 in process 1, wanted 2.0 as in process 0",
    "save_every: got 6 in process 1, wanted 5 as in process 0",
    "weights.output: got '[12, 41] torch.float32' in process 1, wanted '[12, 40] torch.float32' as in",
    "epochs: got 2 in process 1, wanted 1 as in process 0",
    "number of batches: got 12 in process 1, wanted 13 as in process 0",
    "first batch: got '(4, 5) (4, 5) ",
    "restart: got True in process 1, wanted False as in process 0",
]


@pytest.mark.parametrize("number", range(len(DIFFERENT)), ids=[text.split(":")[0] for text in DIFFERENT])
def test_what_differs_between_machines_is_named(told, number):
    assert told.first["refused"][number].startswith(f"ValueError: {DIFFERENT[number]}")


def test_one_that_falls_silent_ends_the_run_with_one_sentence(told):
    assert told.first["patience"] == 100
    [error] = told.first["refused"][len(DIFFERENT) :]
    assert error == (
        f"ProcessLost: nothing came from another process of this run for {LATE} s (UNROLLED_PEER_TIMEOUT), "
        "so process 0 stops too. The same command, everywhere, goes on from the last checkpoint in "
        f"{told.folder / '0' / 'run.pt'}, if any."
    )


def test_started_again_they_go_on_to_the_last_bit(told):
    curves = [told.first["curve"], *(each["curve"] for each in told.again)]
    assert len(curves[0]) == 4 and curves[0] == curves[1] == curves[2]
    assert told.first["weights"] == told.again[0]["weights"] == told.again[1]["weights"]


def test_a_checkpoint_only_on_another_machine_is_not_passed_over(told):
    for each in told.again:
        [error] = each["refused"]
        assert error.startswith("CheckpointError: checkpoint ")
        assert "run.pt: got it where process 1 is, wanted it where process 0 is. Copy it there" in error


# --- Meeting -------------------------------------------------------------------------------------------


@pytest.fixture
def store(monkeypatch):
    """As torchrun keeps one, with a short patience."""
    monkeypatch.setenv(distributed.PATIENCE, "0.1")
    store = dist.HashStore()
    store.set_timeout(timedelta(seconds=0.1))
    return store


def introduce(store):
    meeting.introduce(store, 0, 2, CPU, "here:29500")


def test_another_version_is_named(store):
    ours = {"torch": torch.__version__, "device": "cpu", "the course's code": meeting._sum_of_code()}
    store.set("unrolled/0/1", json.dumps(ours))
    introduce(store)
    for name, value in (("torch", "2.5.9"), ("device", "cuda"), ("the course's code", "0" * 16)):
        store = dist.HashStore()
        store.set("unrolled/0/1", json.dumps({**ours, name: value}))
        with pytest.raises(ValueError) as raised:
            introduce(store)
        wanted = f"wanted {ours[name]!r} as in process 0"
        assert str(raised.value) == f"{name}: got {value!r} in process 1, {wanted}"


def test_who_does_not_come_is_named(store):
    with pytest.raises(ConnectionError, match=r"^process 1 has not come in 0\.1 s at here:29500; what"):
        introduce(store)


def test_a_run_of_before_is_noticed(store):
    with pytest.raises(ConnectionError, match="has not come"):
        introduce(store)
    with pytest.raises(ConnectionError, match=r"^a process 0 has already been at here:29500: a run"):
        introduce(store)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf"])
def test_a_patience_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv(distributed.PATIENCE, text)
    with pytest.raises(ValueError, match=r"^UNROLLED_PEER_TIMEOUT: got .*, wanted a finite number above 0"):
        distributed.patience()
    monkeypatch.setenv(distributed.PATIENCE, "")
    assert distributed.patience() == distributed.DEFAULT_PATIENCE


def test_the_interface_is_the_one_towards_the_first_machine(monkeypatch):
    assert meeting.interface_towards("127.0.0.1") is None
    monkeypatch.setattr(socket.socket, "connect", lambda *_: None)
    monkeypatch.setattr(socket.socket, "getsockname", lambda _: ("192.0.2.7", 9))
    there = {"lo": ["127.0.0.1"], "eth0": ["192.0.2.1"], "wlan0": ["fe80::1", "192.0.2.7"]}
    found = {name: [SimpleNamespace(address=each) for each in having] for name, having in there.items()}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    assert meeting.interface_towards("192.0.2.1") == "wlan0"


def test_the_sum_is_of_the_code_not_of_its_newlines(monkeypatch, tmp_path):
    monkeypatch.setattr(meeting, "__file__", str(tmp_path / "torch_training" / "meeting.py"))
    sums = []
    for content in (b"a = 1\nb = 2\n", b"a = 1\r\nb = 2\r\n", b"a = 1\nb = 3\n"):
        (tmp_path / "module.py").write_bytes(content)
        sums.append(meeting._sum_of_code())
    assert sums[0] == sums[1] != sums[2]
