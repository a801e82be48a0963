"""How the processes that ``torchrun`` started find each other, on one machine or on several.

Torchrun's first process keeps a store at MASTER_ADDR:MASTER_PORT. There they say who has come and what must
be the same on all of them; then they connect to each other, by ports that the system chooses.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import re
import socket
from datetime import timedelta
from pathlib import Path

import psutil
import torch
from torch import distributed as dist
from torch.distributed.rendezvous import rendezvous

from helpers.processes import end_with_parent
from helpers.torch_training.distributed import Processes, patience, require_same

INTERFACE = "GLOO_SOCKET_IFNAME"
"""Environment variable, gloo's: the network interface by which the others reach this process."""


CONNECTING = timedelta(seconds=20)
"""For the connections between processes that are known to be there."""


def join_processes(device: torch.device) -> Processes:
    """Join the other processes of this run: gloo on the CPU, nccl on GPUs. Alone outside of torchrun.

    Once for a process: they part when it ends. (Joined a second time they would meet at the addresses of the
    first, and wait for ever.) It ends at once when torchrun is killed.

    Raises ConnectionError when they cannot meet, ValueError when they run different versions or kinds of
    device.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    if not dist.is_initialized():
        end_with_parent()
        if device.type == "cuda":
            torch.cuda.set_device(device)
        _meet(device)
        atexit.register(dist.destroy_process_group)
    return Processes(dist.get_rank(), dist.get_world_size())


def _meet(device: torch.device) -> None:
    seconds = timedelta(seconds=patience())
    place = ":".join(os.environ.get(name, "?") for name in ("MASTER_ADDR", "MASTER_PORT"))
    try:
        store, rank, count = next(rendezvous("env://", timeout=seconds))
    except dist.DistError as error:
        advice = "torchrun --standalone chooses a free port on one machine"
        raise ConnectionError(f"the processes cannot meet at {place} ({_why(error)}); {advice}") from error
    store.set_timeout(seconds)
    introduce(store, rank, count, device, place)
    if count > int(os.environ.get("LOCAL_WORLD_SIZE", count)) and INTERFACE not in os.environ:
        name = interface_towards(os.environ["MASTER_ADDR"])
        os.environ.update({INTERFACE: name} if name else {})
    backend = "nccl" if device.type == "cuda" else "gloo"
    connect = functools.partial(dist.init_process_group, backend, rank=rank, world_size=count)
    try:
        if backend == "gloo":   # waits five times as long for a connection (nccl connects later)
            trial = dist.PrefixStore("trial", store)
            connect(store=trial, timeout=CONNECTING)
            trial.set(f"connected/{rank}", "")   # whoever hung up now would cut off those that still connect
            trial.wait([f"connected/{other}" for other in range(count)], CONNECTING)
            dist.destroy_process_group()
        connect(store=dist.PrefixStore("run", store), timeout=seconds)
    except RuntimeError as error:
        by = f"{INTERFACE} is {os.environ.get(INTERFACE, 'not set')}"
        raise ConnectionError(
            f"the processes have met at {place}, but cannot connect to each other ({_why(error)}). {by}; it "
            "must name the network between the machines, on each of them, and no firewall may close the "
            "ports between them"
        ) from error


def introduce(store: dist.Store, rank: int, count: int, device: torch.device, place: str) -> None:
    """Say what this process is, wait until all have, and compare."""
    place_of = f"unrolled/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}/{{}}".format
    if store.add(place_of(f"came/{rank}"), 1) > 1:
        raise ConnectionError(
            f"a process {rank} has already been at {place}: a run of before has not ended there yet. End it "
            "on all machines, then start the command again on all of them"
        )
    about = {"torch": torch.__version__, "device": device.type, "the course's code": _sum_of_code()}
    store.set(place_of(rank), json.dumps(about))
    told = []
    for other in range(count):
        try:
            told.append(json.loads(store.get(place_of(other))))
        except RuntimeError as error:
            gone = f"has not come in {patience():g} s" if "timeout" in str(error) else "cannot be found"
            raise ConnectionError(
                f"process {other} {gone} at {place}; what it says on its own machine may tell why. Start the "
                "command again on all machines"
            ) from error
    require_same(told)


def interface_towards(address: str) -> str | None:
    """The network interface by which packets to `address` leave this machine; None for the loopback, and
    where it cannot be found. Nothing is sent."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(address, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(place)
            own = probe.getsockname()[0]
    except OSError:
        return None
    if own == "::1" or own.startswith("127."):
        return None
    having = [name for name, each in psutil.net_if_addrs().items() if own in [one.address for one in each]]
    return having[0] if having else None


def _sum_of_code() -> str:
    """Of all modules of `helpers`, with newlines of any kind."""
    top, found = Path(__file__).resolve().parents[1], hashlib.sha256()
    for path in sorted(top.rglob("*.py")):
        found.update(f"{path.relative_to(top).as_posix()}\n{path.read_text(encoding='utf-8')}".encode())
    return found.hexdigest()[:16]


def _why(error: Exception) -> str:
    """The first sentence of what torch says, without the places in its source."""
    return re.sub(r"\[[^]]*/\S+:\d+\] ", "", str(error)).split(". ")[0].splitlines()[0]
