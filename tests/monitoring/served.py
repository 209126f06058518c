"""A model that was trained, registered and served, with a request log, as the tests of monitoring need it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mlops_nb
from mlops_nb import workspace
from mlops_nb.serving import log_folder
from mlops_nb.serving.recorder import Answer, Recorder, Truth

NOW = dt.datetime.now(dt.UTC).timestamp()


def people(rows: int, *, seed: int = 0, older: float = 0.0) -> pd.DataFrame:
    """Customers: age, income, city, whether they are new; and whether they left."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40 + older, 10, rows).clip(18, 95)
    income = rng.lognormal(10, 0.5, rows)
    city = rng.choice(["Bern", "Basel", "Chur"], rows, p=[0.5, 0.3, 0.2])
    fresh = rng.random(rows) < 0.3
    left = (age + rng.normal(0, 5, rows) > 45).astype(int)
    return pd.DataFrame({"age": age, "income": income, "city": city, "fresh": fresh, "left": left})


class Old:
    """The oldest leave."""

    def __init__(self, limit: float = 45.0) -> None:
        self.limit = limit

    def predict(self, rows: Any) -> Any:
        return (rows["age"] > self.limit).astype(int).to_numpy()


def register(name: str = "churn", *, rows: int = 4000, limit: float = 45.0, alias: str | None = "champion") -> Any:
    """Train, log and register a version."""
    frame = people(rows).drop(columns="left")
    with mlops_nb.start_run(run_name="fit") as run:
        info = mlops_nb.log_model(Old(limit), input_example=frame, reference=frame, requirements=[])
    version = mlops_nb.register_model(f"runs:/{run.run_id}/{info.path}", name)
    if alias:
        from mlops_nb.registry import promote

        promote(name, version.version, alias)
    return version


def serve(
    frame: pd.DataFrame, predictions: Any, *, name: str = "churn", version: int = 1, hours: float = 6.0,
    latency: float = 2.0, statuses: int = 200, end: float | None = None, request: str = "r", truth: Any = None,
) -> Path:  # fmt: skip
    """Write a log as if the rows had been asked one a request, spread evenly over the last hours."""
    folder = log_folder(name, workspace.current().root)
    recorder = Recorder(folder, name)
    times = np.linspace((end or NOW) - hours * 3600, end or NOW, len(frame))
    inputs = {column: frame[column].tolist() for column in frame.columns}
    for number in range(len(frame)):
        asked = {column: [values[number]] for column, values in inputs.items()}
        said = {"prediction": [predictions[number]]}
        key = f"{request}{number}"
        recorder.record(
            Answer(key, times[number], latency, statuses, str(version), "", inputs=asked, outputs=said, rows=1)
        )
    if truth is not None:
        for number, value in enumerate(truth):
            recorder.record(Truth(f"{request}{number}", 0, times[number] + 60, value))
    recorder.close()
    return folder
