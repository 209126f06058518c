"""``mlflow.autolog()`` under ``%%track``: what five libraries' integrations log lands in the cell's own run."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("autolog_cells.py")

LOGGED = {
    "sklearn": ("C", "0.5", "training_score"),
    "xgboost": ("max_depth", "2", "train-logloss"),
    "lightgbm": ("num_leaves", "3", "training-auc"),
    "statsmodels": ("method", "pinv", "rsquared"),
    "keras": ("epochs", "2", "loss"),
}
"""By library: a param, its value, and a metric."""


@pytest.fixture
def logged(mlflow_python: str, tmp_path: Path) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "MLOPS_NB_"))}
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLOPS_NB_STORE": str(tmp_path / "store")}
    environment["MLOPS_NB_USER_FOLDER"] = str(tmp_path / "user")
    command = [mlflow_python, str(SCRIPT), "mlops-nb:", str(tmp_path / "found.json")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads((tmp_path / "found.json").read_text()))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_five_integrations_log_into_the_cells_run(logged: dict[str, Any]) -> None:
    for name, (param, value, metric) in LOGGED.items():
        run = logged[name]
        assert run["params"].get(param) == value, (name, run)
        assert metric in run["metrics"], (name, run)
        assert (run["status"], run["ended"], run["parent"]) == ("FINISHED", True, None), name
    assert logged["sklearn"]["models"]
    assert logged["by hand"]["metrics"] == ["q"]
    assert "notes/a.txt" in logged["by hand"]["files"]
    assert logged["second"]["parent"] == logged["by hand"]["id"]  # a further run of MLflow's stands below the cell's
    assert "late" in logged["after"]["metrics"]
    assert len(logged) == len(LOGGED) + 3
