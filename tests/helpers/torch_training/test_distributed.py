"""Two processes with equal shards against one, a killed process, and resuming afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.experiments import data_parallel, get
from helpers.torch_training.distributed import Processes

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = {**get("two-processes").settings, "embedding_size": 16, "hidden_size": 24}


@pytest.fixture(scope="module")
def one():
    return data_parallel.in_processes(1, SETTINGS, 3)


def test_two_processes_give_the_losses_of_one(one):
    two = data_parallel.in_processes(2, SETTINGS, 3)
    assert len(one) == len(two) == 50
    assert one[-1] < 0.9 * one[0]
    np.testing.assert_allclose(two, one, rtol=1e-5)


SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
from helpers.experiments import data_parallel
from helpers.torch_training import trainer

settings, out, checkpoint, kill_at = json.loads(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
tell, slow = sys.excepthook, float(sys.argv[5])
sys.excepthook = lambda *error: (time.sleep(slow), tell(*error))
step = trainer.TorchTrainer._step
done = 0

def die(self, *arguments):
    global done
    done += 1
    if done == kill_at and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *arguments)

trainer.TorchTrainer._step = die
losses = data_parallel.step_losses(settings, 3, checkpoint)
if os.environ["RANK"] == "0":
    Path(out).write_text(json.dumps(losses))
"""


def launch(tmp_path, kill_at, slow=0.0):
    """Two processes; the second is killed before step `kill_at`. An error is told after `slow` seconds."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    arguments = json.dumps(SETTINGS), tmp_path / "out.json", tmp_path / "run.pt", kill_at, slow
    return subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script),
            *map(str, arguments),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=240, check=False,
    )


def test_a_killed_process_ends_the_run_and_the_last_checkpoint_goes_on(tmp_path, one):
    killed = launch(tmp_path, 25)
    assert killed.returncode != 0
    assert "another process of this run has ended" in killed.stderr
    assert f"goes on from the last checkpoint in {tmp_path / 'run.pt'}" in killed.stderr
    assert not (tmp_path / "out.json").exists()
    assert (tmp_path / "run.pt").exists()
    again = launch(tmp_path, 0)
    assert again.returncode == 0, again.stderr
    losses = json.loads((tmp_path / "out.json").read_text())
    assert len(losses) == 30   # after step 20
    np.testing.assert_allclose(losses, one[20:], rtol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "run.pt", "train.py"]


def test_a_process_that_is_ended_before_it_has_told_its_error_says_why(tmp_path):
    killed = launch(tmp_path, 12, slow=60.0)   # torchrun is faster
    assert killed.returncode != 0
    assert "Stopped by torchrun: it was asked to, or another process of this run has ended" in killed.stderr
    assert f"goes on from the last checkpoint in {tmp_path / 'run.pt'}" in killed.stderr


def test_shards_are_equal_or_refused():
    assert Processes(1, 4).rows(20) == slice(5, 10)
    with pytest.raises(ValueError, match="batch_size: got 20, wanted a multiple of the 3 processes"):
        Processes(0, 3).rows(20)


def test_what_cannot_share_its_work_says_so():
    finished = subprocess.run(
        [sys.executable, "-m", "helpers.experiments", "run", "pronouns"],
        env={**os.environ, "WORLD_SIZE": "2", "RANK": "0", "LOCAL_WORLD_SIZE": "2"},
        capture_output=True, text=True, cwd=ROOT, check=False,
    )
    assert finished.returncode == 1
    assert "got 2 processes, wanted 1: pronouns cannot share its work" in finished.stderr
