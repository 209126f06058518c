"""MLflow with a SQLite store and artifacts in a folder, through its fluent and client calls."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

IMPORT = "import mlflow"
SLOWER = 50
CELL = (
    """
import mlflow, os
os.chdir("{folder}")
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("bench")
""",
    "x = 1\ny = x * 2.0",
    "with mlflow.start_run():\n    x = 1\n    y = x * 2.0\n    mlflow.log_param('x', x)\n    mlflow.log_metric('y', y)",
)

mlflow: Any = None
client: Any = None
run_id = ""


def connect(folder: Path) -> None:
    """Import, and work in the folder."""
    global mlflow, client
    import mlflow as module

    mlflow = module
    os.chdir(folder)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment("bench")
    client = mlflow.MlflowClient()


def settle() -> None:
    """Calls return when all is stored."""


def tiny_run(index: int) -> None:
    """Start, 5 params, 5 metrics, end."""
    with mlflow.start_run():
        mlflow.log_params({f"p{i}": index + i for i in range(5)})
        mlflow.log_metrics({f"m{i}": index * 0.1 + i for i in range(5)})


def open_run() -> None:
    """Start the run that the next calls are about."""
    global run_id
    run_id = mlflow.start_run().info.run_id


def log_point(step: int, value: float) -> None:
    """One point."""
    mlflow.log_metric("loss", value, step=step)


def log_many(values: list[float]) -> None:
    """Many points, in the largest batches that it takes."""
    entity, now = mlflow.entities.Metric, int(time.time() * 1000)
    for start in range(0, len(values), 1000):
        points = [entity("loss", value, now, start + i) for i, value in enumerate(values[start : start + 1000])]
        client.log_batch(run_id, metrics=points)


def close_run() -> None:
    """End the run."""
    mlflow.end_run()


def stored_points() -> int:
    """Points of all runs."""
    runs = client.search_runs([mlflow.get_experiment_by_name("bench").experiment_id])
    return sum(len(client.get_metric_history(run.info.run_id, "loss")) for run in runs)


def read_history() -> list[dict[str, Any]]:
    """The whole history, as its client gives it."""
    return [dict(point) for point in client.get_metric_history(run_id, "loss")]


def fill(runs: int) -> None:
    """Many runs with 10 params and 10 metrics."""
    experiment = mlflow.get_experiment_by_name("bench").experiment_id
    entities = mlflow.entities
    for index in range(runs):
        run = client.create_run(experiment)
        now = int(time.time() * 1000)
        metrics = [entities.Metric(f"m{i}", (index * 7 + i) % 1000 / 1000, now, 0) for i in range(10)]
        params = [entities.Param(f"p{i}", str((index + i) % 10)) for i in range(10)]
        client.log_batch(run.info.run_id, metrics=metrics, params=params)


def search() -> list[Any]:
    """Filter, order, the first 100."""
    return client.search_runs(
        [mlflow.get_experiment_by_name("bench").experiment_id],
        "params.p3 = '7' and metrics.m5 > 0.5",
        order_by=["metrics.m2 DESC"],
        max_results=100,
    )


def frame() -> Any:
    """Everything as a DataFrame."""
    return mlflow.search_runs(experiment_names=["bench"], max_results=50_000)


def log_file(path: Path) -> None:
    """A file into the open run."""
    mlflow.log_artifact(str(path))
