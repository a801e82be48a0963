"""Whatever ends a process, what it started is gone soon, and it says how it ended."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from helpers import processes

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent by POSIX systems")

BUSY = """
import sys, time
print("ready", flush=True)
sum(range(10**11))   # in C, with the interpreter's lock held
"""
COMMAND = """
import os, subprocess, sys, time
from helpers.processes import DEADLINE, python_command, saving, stoppable, undisturbed

@stoppable("All is well.")
def main(kind):
    if kind == "child":
        child = subprocess.Popen(python_command("busy"), stdout=subprocess.PIPE)
        child.stdout.readline()
        print(child.pid, flush=True)
        child.wait()
    if kind == "library":
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            raise RuntimeError("unexpected pos 64 vs 0") from None
    if kind == "swallowed":
        print("ready", flush=True)
        for _ in range(60):
            try:
                time.sleep(1)
            except KeyboardInterrupt:
                pass
    if kind == "writing":
        with undisturbed():
            print("ready", flush=True)
            time.sleep(0.5)
            print("written", flush=True)
        time.sleep(60)
    if kind == "saving":
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            with saving():
                time.sleep(DEADLINE + 0.5)
                print("saved", flush=True)
            time.sleep(60)
    if kind == "coroutine":
        import asyncio
        from helpers.processes import run_coroutine

        async def work():
            try:
                print("ready", flush=True)
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.1)
                print("cleaned up", flush=True)

        run_coroutine(work())

main(sys.argv[1])
"""


@pytest.fixture
def start(tmp_path):
    """``start(kind, …)``: the command in a process group of its own, and the first line it printed."""
    (tmp_path / "busy.py").write_text(BUSY)
    (tmp_path / "command.py").write_text(COMMAND)
    started = []

    def start(kind, **options):
        process = subprocess.Popen(
            [sys.executable, "command.py", kind], cwd=tmp_path, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True, **options,
        )  # fmt: skip
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_a_child_that_holds_the_interpreter_ends_with_its_parent(start, name):
    process, child = start("child")
    child = psutil.Process(int(child))
    process.send_signal(getattr(signal, name))
    told, _ = process.communicate(timeout=20)
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    wanted = {"SIGTERM": (143, "Stopped. All is well.\n"), "SIGKILL": (-9, "")}
    assert (process.returncode, told) == wanted[name]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_status_and_sentence(start, name):
    process, _ = start("library")   # which makes another error of it
    number = getattr(signal, name)
    process.send_signal(number)
    process.send_signal(number)   # a second one, while it stops
    told, _ = process.communicate(timeout=20)
    assert (process.returncode, told) == (128 + number, "Stopped. All is well.\n")


@pytest.mark.parametrize(
    ("what", "name", "first"),
    [
        pytest.param("swallowed", "SIGTERM", "", id="a library swallows it"),
        pytest.param("writing", "SIGTERM", "written\n", id="what is being written is written"),
        pytest.param("saving", "SIGINT", "saved\n", id="what was done is saved, however long that takes"),
        pytest.param("coroutine", "SIGHUP", "cleaned up\n", id="a coroutine cleans up"),
    ],
)
def test_what_is_done_before_the_end(start, what, name, first):
    process, _ = start(what)
    number = getattr(signal, name)
    process.send_signal(number)
    told, _ = process.communicate(timeout=20)
    assert (process.returncode, told) == (128 + number, f"{first}Stopped. All is well.\n")


def test_what_was_ignored_at_the_start_stays_ignored(start):
    process, _ = start("library", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)   # as under nohup
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


def test_in_this_process_the_handlers_are_those_of_before():
    def handlers():
        return [signal.getsignal(number) for number in processes.SIGNALS]

    before, within = handlers(), []

    @processes.stoppable()
    def command():
        within.extend(handlers())
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stopped:
        command()
    assert stopped.value.code == 130
    assert handlers() == before and not set(within) & set(before)


SWEEP = """
import json, os, sys, time
from pathlib import Path
from helpers.experiments.registry import Run
from helpers.experiments.sweep import sweep
from helpers.processes import stoppable

def measure(number):
    print(os.getpid(), flush=True)
    with open("begun", "a") as file:
        file.write(f"{number}\\n")
    if number >= 2 and not Path("again").exists():   # the first two are quick, though the first is not done
        sum(range(10**11))
    time.sleep(0.4 * (number == 0))
    return [{"number": number}]

@stoppable("Go on.")
def main(jobs):
    cases = [{"number": number} for number in range(5)]
    try:
        outcome = sweep(Run(0, {}, Path("toy.npz"), bar=False), cases, measure, jobs=jobs)
        print(json.dumps(outcome["curve"]))
    except ChildProcessError as error:
        sys.exit(f"Error: {error}")

main(int(sys.argv[1]))
"""


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM to all", "SIGKILL", "SIGKILL to a worker"])
def test_a_sweep_is_stopped_at_once_and_goes_on(tmp_path, how):
    (tmp_path / "go.py").write_text(SWEEP)

    def start(jobs):
        command = [sys.executable, "go.py", jobs]
        return subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip

    process = start("2")
    kept = tmp_path / "toy.json"
    patience = time.monotonic() + 60

    def rows():
        return json.loads(kept.read_text())["done"] if kept.exists() else []

    while [row is not None for row in rows()] != [True, True]:
        assert time.monotonic() < patience and process.poll() is None
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    number = getattr(signal, how.split()[0])
    if how.endswith("to all"):
        os.killpg(process.pid, number)
    else:
        (workers[0] if how.endswith("worker") else process).send_signal(number)
    asked = time.monotonic()
    told, _ = process.communicate(timeout=60)
    psutil.wait_procs(workers, timeout=5)
    assert time.monotonic() - asked < 10   # 2 s where nothing else runs; the cases take an hour
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in workers)
    assert "Traceback" not in told and "leaked" not in told
    if how == "SIGKILL to a worker":
        assert process.returncode == 1
        assert "a process of the sweep was killed, most likely for want of memory; 2 of 5 models" in told
    else:
        assert process.returncode == (-9 if how == "SIGKILL" else 128 + number)
        assert ("Stopped. Go on." in told) == (how != "SIGKILL")
    assert [row is not None for row in rows()] == [True, True]
    (tmp_path / "again").touch()
    (tmp_path / "begun").unlink()
    told, _ = (process := start("1")).communicate(timeout=60)
    assert process.returncode == 0 and json.loads(told.splitlines()[-1]) == [{"number": n} for n in range(5)]
    assert sorted((tmp_path / "begun").read_text().split()) == ["2", "3", "4"]
