"""Trackio in a local folder. Points go through ``trackio.log``; bulk writing and reading through its storage class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

IMPORT = "import trackio"
SLOWER = 2
CELL = (
    'import os\nos.environ["TRACKIO_DIR"] = "{folder}"\nimport trackio',
    "x = 1\ny = x * 2.0",
    "trackio.init(project='bench', config={'x': 1}, embed=False)\nx = 1\ny = x * 2.0\n"
    "trackio.log({'y': y})\ntrackio.finish()",
)
PROJECT = "bench"

trackio: Any = None
storage: Any = None
run: Any = None


def connect(folder: Path) -> None:
    """Import, and work in the folder."""
    global trackio, storage
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio as module
    from trackio.sqlite_storage import SQLiteStorage

    trackio, storage = module, SQLiteStorage


def settle() -> None:
    """`finish` returns when all is stored."""


def tiny_run(index: int) -> None:
    """Start, 5 params, 5 metrics, end."""
    trackio.init(project=PROJECT, config={f"p{i}": index + i for i in range(5)}, embed=False)
    trackio.log({f"m{i}": index * 0.1 + i for i in range(5)})
    trackio.finish()


def open_run() -> None:
    """Start the run that the next calls are about."""
    global run
    run = trackio.init(project=PROJECT, embed=False)


def log_point(step: int, value: float) -> None:
    """One point."""
    trackio.log({"loss": value}, step=step)


def log_many(values: list[float]) -> None:
    """Many points at once."""
    for start in range(0, len(values), 10_000):
        part = values[start : start + 10_000]
        steps = list(range(start, start + len(part)))
        storage.bulk_log(PROJECT, run.name, [{"loss": value} for value in part], steps=steps, run_id=run.id)


def close_run() -> None:
    """End the run."""
    trackio.finish()


def stored_points() -> int:
    """Points of all runs."""
    try:
        return int(storage.query_project(PROJECT, "SELECT count(*) AS n FROM metrics")["rows"][0]["n"])
    except FileNotFoundError:  # nothing was stored
        return 0


def read_history() -> Any:
    """The whole history, as its storage gives it."""
    return storage.get_logs(PROJECT, run.name, run_id=run.id)


def fill(runs: int) -> None:
    """Many runs with 10 params and 10 metrics."""
    for index in range(runs):
        config = {f"p{i}": str((index + i) % 10) for i in range(10)}
        metrics = {f"m{i}": (index * 7 + i) % 1000 / 1000 for i in range(10)}
        storage.bulk_log(PROJECT, f"run-{index}", [metrics], steps=[0], config=config, run_id=f"{index:032x}")


def search() -> list[Any]:
    """Filter, order, the first 100: in SQL, which is what its command line offers."""
    query = """
        SELECT m.run_name, m.metrics, c.config FROM metrics m JOIN configs c USING (run_id)
        WHERE json_extract(c.config, '$.p3') = '7' AND json_extract(m.metrics, '$.m5') > 0.5
        ORDER BY json_extract(m.metrics, '$.m2') DESC LIMIT 100
    """
    return list(storage.query_project(PROJECT, query)["rows"])


def frame() -> Any:
    """Everything as a DataFrame."""
    import json

    import pandas

    rows = storage.query_project(
        PROJECT, "SELECT m.run_id, m.run_name, m.metrics, c.config FROM metrics m JOIN configs c USING (run_id)"
    )["rows"]
    return pandas.DataFrame(
        [{"id": row["run_id"], **json.loads(row["config"]), **json.loads(row["metrics"])} for row in rows]
    )


def log_file(path: Path) -> None:
    """A file into the open run."""
    trackio.log_artifact(str(path), name="file", type="file")
