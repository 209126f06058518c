"""A client of MLflow's own for ``benchmarks.servers``: run by an interpreter that has mlflow, and nothing of ours.

It takes orders from its standard input, a JSON list a line (what to do, and with what), and answers each with a line.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}

mlflow: Any = None  # imported when it is needed: this module can be read where it is not installed


def timed(call: Callable[[int], Any], count: int) -> dict[str, float]:
    """Seconds a call, the median; and of this process's processor time, the mean."""
    times = []
    cpu = time.process_time()
    for index in range(count):
        begin = time.perf_counter()
        call(index)
        times.append(time.perf_counter() - begin)
    return {"median": statistics.median(times), "cpu": (time.process_time() - cpu) / count}


def connect(url: str) -> dict[str, str]:
    """From now on, this server: the id of its experiment ``bench``."""
    mlflow.set_tracking_uri(url)
    return {"experiment": mlflow.set_experiment("bench").experiment_id}


def log_points(count: int) -> dict[str, float]:
    """The round trip of one metric, the server being this client's alone."""
    with mlflow.start_run():
        mlflow.log_metric("m", 0)
        return timed(lambda step: mlflow.log_metric("m", step, step=step), count)


def log_many(count: int) -> dict[str, float]:
    """Many points beside other clients: how long all of them took, and how many failed."""
    failed = 0
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 0)
        begin = time.perf_counter()
        for step in range(count):
            try:
                mlflow.log_metric("m", step, step=step)
            except Exception:
                failed += 1
        seconds = time.perf_counter() - begin
    kept = len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "m")) - 1
    return {"seconds": seconds, "failed": failed + abs(count - failed - kept)}


def begin_tiny(count: int) -> dict[str, float]:
    """A run: start, 5 params, 5 metrics, end."""

    def tiny(index: int) -> None:
        with mlflow.start_run():
            mlflow.log_params({f"p{i}": index + i for i in range(5)})
            mlflow.log_metrics({f"m{i}": index * 0.1 + i for i in range(5)})

    tiny(0)
    return timed(tiny, count)


def search(count: int) -> dict[str, float]:
    """Filter, order, the first 100."""
    asked = {"filter_string": "params.p1 = '7' and metrics.m1 > 0.5", "order_by": ["metrics.m2 DESC"]}
    found = mlflow.search_runs(max_results=100, output_format="list", **asked)
    return {
        **timed(lambda _: mlflow.search_runs(max_results=100, output_format="list", **asked), count),
        "found": len(found),
    }


def send_file(path: str, target: str) -> dict[str, float]:
    """A file to the server and back: seconds of both ways, and how much memory this process took for it, in MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with mlflow.start_run() as run:
        begin = time.perf_counter()
        mlflow.log_artifact(path)
        sent = time.perf_counter() - begin
    begin = time.perf_counter()
    there = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=Path(path).name, dst_path=target)
    fetched = time.perf_counter() - begin
    assert Path(there).stat().st_size == Path(path).stat().st_size
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"sent": sent, "fetched": fetched, "memory": grown}


ORDERS = {each.__name__: each for each in (connect, log_points, log_many, begin_tiny, search, send_file)}


def main() -> None:
    """Do what is asked until there is nothing more."""
    global mlflow
    mlflow = import_module("mlflow")
    mlflow.enable_system_metrics_logging = lambda: None
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        answer = ORDERS[name](*arguments)
        sys.__stdout__.write(f"\n> {json.dumps(answer)}\n")
        sys.__stdout__.flush()


if __name__ == "__main__":
    main()
