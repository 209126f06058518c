"""A server that is killed and started again while four kernels log: nobody waits, nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.workspace import open_workspace
from tests.server.live import TOKEN, Client

KERNELS = 4
WAIT = 1.0
"""Seconds that a cell may wait for the server, beyond what one waits that has none, at the same time."""

KERNEL = """
import json, sys, time
from pathlib import Path
import mlops_nb
from mlops_nb.workspace import current
done, begun = Path(sys.argv[2]), Path(sys.argv[3])
worst = slowest = count = 0
with mlops_nb.start_run(run_name=sys.argv[1]) as run:
    while not done.exists() or count < 200:
        start = time.perf_counter()
        mlops_nb.log_metric("m", count, step=count)
        worst = max(worst, time.perf_counter() - start)
        if count % 100 == 0:
            mlops_nb.log_text(str(count), f"files/{count}.txt")
        slowest = max(slowest, time.perf_counter() - start)
        count += 1
        if count == 100:
            begun.touch()
        time.sleep(0.002)
slowest = max(slowest, worst)
print(json.dumps([run.run_id, count, worst, slowest, current().flush(120)]))
"""


def start_server(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """``mlops-nb server``, listening."""
    environment = {**os.environ, "MLOPS_NB_TOKEN": TOKEN, "MLOPS_NB_STORE": str(folder)}
    command = [sys.executable, "-m", "mlops_nb.cli", "server", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert server.poll() is None, "the server has ended"
        try:
            if Client(port).ask("GET", "/health").status == 200:
                return server
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")


@pytest.mark.nightly
def test_killed_and_started_again_while_four_kernels_log(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store, done = tmp_path / "store", tmp_path / "done"
    server = start_server(store, port)
    environment = {**os.environ, "MLOPS_NB_TOKEN": TOKEN, "MLOPS_NB_STORE": f"http://127.0.0.1:{port}"}
    kernels = []
    try:
        for number in range(KERNELS + 1):
            (home := tmp_path / f"home-{number}").mkdir()
            command = [sys.executable, "-c", KERNEL, f"kernel-{number}", str(done), str(home / "begun")]
            if number == KERNELS:  # the control keeps its run in a folder: what it waits, the machine makes it wait
                environment["MLOPS_NB_STORE"] = str(home / "store")
            kernels.append(subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.PIPE))
        until = time.monotonic() + 120
        while len(list(tmp_path.glob("home-*/begun"))) <= KERNELS and time.monotonic() < until:
            time.sleep(0.05)
        for _ in range(2):
            server.send_signal(signal.SIGKILL)
            server.wait()
            server = start_server(store, port)
        done.touch()
        told: list[Any] = [json.loads(kernel.communicate(timeout=200)[0]) for kernel in kernels]
    finally:
        for process in (server, *kernels):
            process.kill()
            process.wait()
    *_, control, _ = told.pop()
    space = open_workspace(str(store))
    for run_id, count, worst, slowest, delivered in told:
        assert delivered
        assert worst <= slowest < WAIT + control, "a cell waited for the server"
        assert list(space.store.history(run_id, "m").values) == list(range(count))
        files = {each.path: space.artifacts.read(each.digest) for each in space.store.artifacts(run_id)}
        assert files == {f"files/{number}.txt": str(number).encode() for number in range(0, count, 100)}
        assert space.store.get_run(run_id).status == "FINISHED"
    space.close()
