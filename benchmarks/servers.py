"""Our server beside a real ``mlflow server``: the same MLflow client, the same calls, one after the other.

Run by an interpreter that has MLflow and mlops_nb (``mlops_nb[mlflow]``); it starts both servers on free ports.

    python -m benchmarks.servers --runs 10000 --scale 1
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOKEN = "bench"
CLIENTS = 8


@contextmanager
def served(kind: str, folder: Path) -> Iterator[str]:
    """A server of one kind on an empty store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if kind == "ours":
        command = [sys.executable, "-m", "mlops_nb.cli", "server", "--port", str(port)]
    else:
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port)),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/files"),
        ]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "MLOPS_NB_TOKEN": TOKEN, "MLOPS_NB_STORE": str(folder / "store"), "PATH": path}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(3000):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


def connected(url: str) -> Any:
    """MLflow, pointed at a server."""
    os.environ |= {"MLFLOW_TRACKING_TOKEN": TOKEN, "MLFLOW_DISABLE_TELEMETRY": "true"}
    import mlflow

    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("bench")
    return mlflow


def median(call: Callable[[int], Any], count: int) -> float:
    """Seconds a call, the median."""
    times = []
    for index in range(count):
        begin = time.perf_counter()
        call(index)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def log_metrics(url: str, count: int) -> float:
    """The child of the measure of many clients: seconds for its points."""
    mlflow = connected(url)
    with mlflow.start_run():
        mlflow.log_metric("m", 0)
        begin = time.perf_counter()
        for step in range(count):
            mlflow.log_metric("m", step, step=step)
        return time.perf_counter() - begin


def tiny(mlflow: Any, index: int) -> None:
    """Start, 5 params, 5 metrics, end."""
    with mlflow.start_run():
        mlflow.log_params({f"p{i}": index + i for i in range(5)})
        mlflow.log_metrics({f"m{i}": index * 0.1 + i for i in range(5)})


def fill(mlflow: Any, runs: int) -> None:
    """Runs with 3 params and 3 metrics."""
    client, entities = mlflow.MlflowClient(), mlflow.entities
    experiment = mlflow.get_experiment_by_name("bench").experiment_id
    for index in range(runs):
        run_id = client.create_run(experiment).info.run_id
        metrics = [entities.Metric(f"m{i}", (index * 7 + i) % 1000 / 1000, 1, 0) for i in range(3)]
        client.log_batch(run_id, metrics, [entities.Param(f"p{i}", str((index + i) % 10)) for i in range(3)])


def measure(kind: str, runs: int, scale: float) -> dict[str, float]:
    """All measures of one kind of server."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{kind}-"))
    count = max(10, int(200 * scale))
    try:
        with served(kind, folder) as url:
            mlflow = connected(url)
            found = {}
            with mlflow.start_run():
                mlflow.log_metric("m", 0)
                found["log_metric, ms"] = median(lambda step: mlflow.log_metric("m", step, step=step), count) * 1e3
            tiny(mlflow, 0)
            found["tiny run, ms"] = median(lambda index: tiny(mlflow, index), max(5, count // 5)) * 1e3
            begin = time.perf_counter()
            with ProcessPoolExecutor(CLIENTS) as pool:
                list(pool.map(log_metrics, [url] * CLIENTS, [1] * CLIENTS))  # imports
                begin = time.perf_counter()
                list(pool.map(log_metrics, [url] * CLIENTS, [count] * CLIENTS))
            found["8 clients, metrics/s"] = CLIENTS * count / (time.perf_counter() - begin)
            fill(mlflow, runs)
            asked = {"filter_string": "params.p1 = '7' and metrics.m1 > 0.5", "order_by": ["metrics.m2 DESC"]}
            search = lambda _: mlflow.search_runs(max_results=100, output_format="list", **asked)  # noqa: E731
            found[f"search_runs of {runs:,}, ms"] = median(search, 5) * 1e3
            return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure both, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="runs that are searched")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a tenth of the calls")
    options = parser.parse_args()
    results = {kind: measure(kind, options.runs, options.scale) for kind in ("ours", "mlflow")}
    print("| | mlops-nb server | mlflow server | |\n| --- | --: | --: | --: |")
    for name, ours in results["ours"].items():
        theirs = results["mlflow"][name]
        ratio = ours / theirs if "/s" in name else theirs / ours
        print(f"| {name} | {ours:,.1f} | {theirs:,.1f} | {ratio:.1f} times |")
    print(f"\nload average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
