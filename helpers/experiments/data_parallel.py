"""Two processes with half a batch each, beside one process with the whole batch: the same losses?"""

from __future__ import annotations

import itertools
import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from helpers import records
from helpers.experiments.registry import Run, experiment
from helpers.experiments.torch_runs import build
from helpers.files import write_text
from helpers.processes import ending_with, python_command

FIXED = {
    "num_layers": 2,
    "tied": True,
    "variational": True,
    "input_dropout": 0.0,
    "dropout": 0.0,
    "output_dropout": 0.0,
    "embedding_dropout": 0.0,
    "weight_dropout": 0.0,
}
"""No dropout: the processes would draw other masks than one process does."""


def step_losses(settings: Mapping[str, Any], seed: int, checkpoint: Path | None = None) -> list[float]:
    """The mean loss of every step on English words, with as many processes as torchrun started.

    With a checkpoint, saved every 10 steps, it goes on from there.
    """
    import torch

    from helpers.corpora import english
    from helpers.corpora.batches import contiguous_batches
    from helpers.corpora.vocabulary import Vocabulary
    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.language_modelling import LanguageModelLoss, mean_nats

    torch.set_num_threads(1)
    tokens = english.words(english.reference_splits().train)
    vocabulary = Vocabulary.build(tokens, min_count=2)
    ids = vocabulary.encode(tokens)
    batches = contiguous_batches(ids, settings["batch_size"], settings["seq_len"])
    windows = list(itertools.islice(batches, settings["steps"]))
    torch.manual_seed(seed)
    model = build({**FIXED, **settings}, len(vocabulary))
    trainer = TorchTrainer(
        model,
        torch.optim.SGD(model.parameters(), lr=settings["lr"]),
        LanguageModelLoss(),
        lambda model: {"valid_loss": mean_nats(model, windows[:1])},
        monitor="valid_loss",
        max_norm=settings["max_norm"],
        checkpoint=checkpoint,
        save_every=10,
        device="cpu",
        report=None,
        bar=False,
    )
    trainer.resume()
    trainer.fit(windows, 1)
    return trainer.step_losses


def in_processes(
    count: int, settings: Mapping[str, Any], seed: int, work: Callable[..., Any] = step_losses
) -> Any:
    """``work(settings, seed)``, a function of a module, in `count` processes on this machine, started as
    ``torchrun`` starts them; what it returns in the first of them, as JSON holds it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        module = ["-m", *ending_with("launcher", __name__), f"{work.__module__}:{work.__qualname__}"]
        finished = subprocess.run(
            python_command(*torchrun, *module, json.dumps(dict(settings)), str(seed), str(out)),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            raise ChildProcessError(_what_failed(finished.returncode, finished.stderr))
        return json.loads(out.read_text(encoding="utf-8"))


@experiment(
    "two-processes",
    chapter="06",
    summary="The same 50 steps in one process and in two with half the batch each: half a minute",
    embedding_size=48,
    hidden_size=64,
    batch_size=20,
    seq_len=35,
    lr=1.0,
    max_norm=0.25,
    steps=50,
)
def two_processes(run: Run) -> dict[str, Any]:
    """float32, no dropout, gradients clipped after they have been averaged."""
    from helpers.corpora import english

    started = time.perf_counter()
    one = in_processes(1, run.settings, run.seed)
    two = in_processes(2, run.settings, run.seed)
    rows = [
        {"step": step, "one": a, "two": b, "relative_difference": abs(a - b) / abs(a)}
        for step, (a, b) in enumerate(zip(one, two, strict=True), start=1)
    ]
    return {
        "curve": rows,
        "data_sha256": {"train": records.sha256(english.reference_splits().train)},
        "seconds": time.perf_counter() - started,
        "results": {"largest_relative_difference": max(row["relative_difference"] for row in rows)},
    }


def _what_failed(status: int, told: str) -> str:
    """One sentence about a failed run: torchrun's exit status, and all that it `told`."""
    of_signal = re.search(r"SignalException: .* got signal: (\d+)|exitcode *: *-(\d+)", told)
    if status < 0 or of_signal:
        number = -status if status < 0 else int(of_signal[1] or of_signal[2])
        return (
            f"one of the processes was ended by {signal.Signals(number).name} (if nobody did it: for want of "
            "memory), so the others stopped. Nothing is kept of so short a run; start it again."
        )
    errors = re.findall(r"^(?:\[rank\d+\]: )?[A-Z][\w.]*(?:Error|Lost): .*", told, flags=re.MULTILINE)
    return f"a process of the run failed: {errors[0] if errors else told[-500:].strip()}"


def _worker(work: str, settings: str, seed: str, out: str) -> None:
    found = pkgutil.resolve_name(work)(json.loads(settings), int(seed))
    if int(os.environ.get("RANK", "0")) == 0:
        write_text(out, json.dumps(found))


if __name__ == "__main__":
    _worker(*sys.argv[1:])
