"""Both sides of ``benchmarks.servers``: servers of two kinds as processes, clients, stores filled with runs."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from mlops_nb.entities import Batch, Points, RunEnd, RunStart, Status, new_id
from mlops_nb.store import Store
from mlops_nb.workspace import open_workspace

TOKEN = "bench"
CLIENTS = 8
START_SECONDS = 300
REST_SECONDS = 90
PART = 500
"""Runs that are stored in one transaction."""


@dataclass(frozen=True)
class Side:
    """A server that runs."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]


@contextmanager
def served(kind: str, folder: Path, python: str, workers: int = 0) -> Iterator[Side]:
    """A server of one kind on an empty store: ours by this interpreter, MLflow's by its own, with its own `workers`.

    The kind ``nothing`` answers at once, and keeps nothing: what is left is the client.
    """
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if kind == "ours":
        python = sys.executable
        command = [python, "-m", "mlops_nb.cli", "server", "--port", str(port)]
    elif kind == "nothing":
        command = [sys.executable, str(Path(__file__).with_name("server_floor.py")), str(port)]
    else:
        command = [
            *(python, "-m", "mlflow", "server", "--port", str(port), "--backend-store-uri"),
            *(f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/files"),
            *(("--workers", str(workers)) if workers else ()),
        ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment |= {"MLOPS_NB_TOKEN": TOKEN, "MLOPS_NB_STORE": str(folder / "store")}
    environment["MLFLOW_DISABLE_TELEMETRY"] = "true"
    environment["PATH"] = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait(f"http://127.0.0.1:{port}/health", process, folder / "log.txt")
        yield Side(f"http://127.0.0.1:{port}", folder, process)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a server answers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer:\n{log.read_text()[-3000:]}")


def let_rest(processes: Iterable[int]) -> None:
    """Until processes and their children have little to do: workers that still import would be measured."""

    def used() -> float:
        found = [psutil.Process(pid) for pid in processes]
        found += [child for each in found for child in each.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in found if each.is_running())

    before, until = used(), time.monotonic() + REST_SECONDS
    while time.monotonic() < until:
        time.sleep(1)
        now = used()
        if now - before < 0.3:  # MLflow's own helpers never rest quite
            return
        before = now


class Client:
    """A process with MLflow's client, which takes orders.

    Parameters
    ----------
    python : str
        The interpreter that has MLflow.
    """

    def __init__(self, python: str) -> None:
        script = Path(__file__).with_name("server_client.py")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        environment["MLFLOW_TRACKING_TOKEN"] = TOKEN
        self.process = subprocess.Popen(
            [python, str(script)], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def send(self, order: str, *arguments: Any) -> None:
        """Give an order."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([order, *arguments]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What came of it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("> "):
                found: dict[str, Any] = json.loads(line[2:])
                return found
        raise SystemExit("a client of MLflow's has ended")

    def ask(self, order: str, *arguments: Any) -> dict[str, Any]:
        """Both."""
        self.send(order, *arguments)
        return self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()


def peak_of(pid: int, *, reset: bool = False) -> float:
    """The most memory that a process and its children have taken, in MB; `reset` begins to count anew."""
    total = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        if reset:
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        status = Path(f"/proc/{process.pid}/status").read_text()
        total += int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    return total


def values_of(index: int) -> tuple[list[float], list[int]]:
    """Three metrics and three params of a run, the same in both stores."""
    return [(index * 7 + i) % 1000 / 1000 for i in range(3)], [(index + i) % 10 for i in range(3)]


def fill_ours(folder: Path, experiment: str, runs: int, *, store: Store | None = None) -> None:
    """Write runs into a store of ours."""
    space = None if store is not None else open_workspace(str(folder / "store"))
    there = store if store is not None else space.store  # type: ignore[union-attr]
    name = there.get_experiment(experiment).name
    for first in range(0, runs, PART):
        batches = []
        for index in range(first, min(first + PART, runs)):
            metrics, params = values_of(index)
            batch = Batch(run_id := new_id(), "", start=RunStart(run_id, f"r{index}", name, 1000 + index))
            batch.params = [(f"p{i}", str(value), 1000) for i, value in enumerate(params)]
            for i, value in enumerate(metrics):
                points = batch.metrics[f"m{i}"] = Points()
                points.values.append(value)
                points.steps.append(0)
                points.timestamps.append(1)
            batch.end = RunEnd(Status.FINISHED, 2000 + index)
            batches.append(batch)
        there.apply(batches)
    if space is not None:
        space.close()


def fill_mlflow(folder: Path, experiment: str, runs: int) -> None:
    """Write the same runs into MLflow's SQLite file, as its server writes them."""
    with sqlite3.connect(folder / "mlflow.db", timeout=60) as connection:
        root = connection.execute(
            "SELECT artifact_location FROM experiments WHERE experiment_id = ?", (experiment,)
        ).fetchone()[0]
        for index in range(runs):
            run_id, (metrics, params) = new_id(), values_of(index)
            connection.execute(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
                "start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES "
                "(?, ?, 'UNKNOWN', '', '', 'ann', 'FINISHED', ?, ?, '', 'active', ?, ?)",
                (run_id, f"r{index}", 1000 + index, 2000 + index, f"{root}/{run_id}/artifacts", experiment),
            )
            points = [(f"m{i}", value, 1, run_id, 0, 0) for i, value in enumerate(metrics)]
            for table in ("metrics", "latest_metrics"):
                connection.executemany(
                    f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)",
                    points,
                )
            connection.executemany(
                "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
                [(f"p{i}", str(value), run_id) for i, value in enumerate(params)],
            )
            connection.execute(
                "INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', ?, ?)", (f"r{index}", run_id)
            )
    connection.close()
