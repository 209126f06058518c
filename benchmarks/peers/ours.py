"""mlops_nb, through its public names only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

IMPORT = "%load_ext mlops_nb"
SLOWER = 1
CELL = (
    '%load_ext mlops_nb\nimport mlops_nb\nmlops_nb.connect("{folder}")',
    "x = 1\ny = x * 2.0",
    "%%track bench\nx = 1\ny = x * 2.0",
)

mlops_nb: Any = None
run: Any = None


def connect(folder: Path) -> None:
    """Import, and work in the folder."""
    global mlops_nb
    import mlops_nb as module

    mlops_nb = module
    os.chdir(folder)
    mlops_nb.connect(str(folder))
    mlops_nb.set_experiment("bench")


def settle() -> None:
    """Reading waits until what this process has logged is stored."""
    mlops_nb.search_runs(max_results=1)


def tiny_run(index: int) -> None:
    """Start, 5 params, 5 metrics, end."""
    with mlops_nb.start_run():
        mlops_nb.log_params({f"p{i}": index + i for i in range(5)})
        mlops_nb.log_metrics({f"m{i}": index * 0.1 + i for i in range(5)})


def open_run() -> None:
    """Start the run that the next calls are about."""
    global run
    run = mlops_nb.start_run()


def log_point(step: int, value: float) -> None:
    """One point."""
    mlops_nb.log_metric("loss", value, step=step)


def log_many(values: list[float]) -> None:
    """Many points at once."""
    mlops_nb.log_metrics({"loss": values}, step=range(len(values)))


def close_run() -> None:
    """End the run, and wait until it is stored."""
    mlops_nb.end_run()
    settle()


def stored_points() -> int:
    """Points of all runs."""
    return sum(len(mlops_nb.get_metric_history(run_id, "loss")) for run_id in mlops_nb.search_runs().run_id)


def read_history() -> Any:
    """The whole history."""
    return mlops_nb.get_metric_history(run.run_id, "loss")


def fill(runs: int) -> None:
    """Many runs with 10 params and 10 metrics."""
    for index in range(runs):
        with mlops_nb.start_run():
            mlops_nb.log_params({f"p{i}": str((index + i) % 10) for i in range(10)})
            mlops_nb.log_metrics({f"m{i}": (index * 7 + i) % 1000 / 1000 for i in range(10)})
    settle()


def search() -> Any:
    """Filter, order, the first 100."""
    return mlops_nb.search_runs(
        experiment_names=["bench"],
        filter_string="params.p3 = '7' and metrics.m5 > 0.5",
        order_by=["metrics.m2 DESC"],
        max_results=100,
        output_format="list",
    )


def frame() -> Any:
    """Everything as a DataFrame."""
    return mlops_nb.search_runs(experiment_names=["bench"], max_results=50_000)


def log_file(path: Path) -> None:
    """A file into the open run."""
    mlops_nb.log_artifact(path)
