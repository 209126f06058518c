"""With a real MLflow, in an environment of its own: there and back is the identity, and tracked cells appear in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from mlops_nb.tracking import connect
from mlops_nb.transfer import export_mlflow, import_mlflow
from mlops_nb.workspace import Workspace
from tests.server.conftest import mlflow_python  # noqa: F401
from tests.server.test_mlflow import mlflow_server
from tests.transfer.everything import everything
from tests.transfer.test_export import track_all_kinds

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]

SEARCH = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
runs = mlflow.search_runs(experiment_names=["churn"], output_format="list")
model = mlflow.MlflowClient().get_model_version_by_alias("churn", "champion")
print(json.dumps([sorted(run.info.run_name for run in runs), str(model.version)]))
"""


@pytest.fixture
def mlflow_url(mlflow_python: str, tmp_path: Path):  # type: ignore[no-untyped-def]  # noqa: F811
    with mlflow_server(mlflow_python, tmp_path) as url:
        yield url


def test_there_and_back_is_the_identity(frozen: Path, space: Workspace, other: Workspace, mlflow_url: str) -> None:
    import_mlflow(str(frozen / "sq/mlflow.db"), space)
    run_id = track_all_kinds(space)
    report = export_mlflow(mlflow_url, space)
    assert report.new["runs"] == 8
    import_mlflow(mlflow_url, other)
    assert everything(other) == everything(space)
    assert other.store.get_run(run_id).params["typed"] == 0.25
    again = export_mlflow(mlflow_url, space, thorough=True)
    assert (again.new, again.grown) == ({}, {})


def test_tracked_runs_appear_in_it(mlflow_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    far = connect(mlflow_url)
    run_id = track_all_kinds(far)
    run = far.store.get_run(run_id)
    assert (run.status, run.params["typed"], run.metrics["loss"]) == ("FINISHED", 0.25, -0.0)
    assert far.store.facts(run_id)["code"] == "x = 1\n"


def test_into_a_file_of_its_own(frozen: Path, tmp_path: Path, mlflow_python: str) -> None:  # noqa: F811
    """The verb, in MLflow's environment: MLflow's own client then reads the file."""
    environment = {**os.environ, "MLOPS_NB_STORE": str(tmp_path / "s"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    target = f"sqlite:///{tmp_path}/out/mlflow.db"
    for words in (["import", "mlflow", str(frozen / "fo/mlruns")], ["export", "mlflow", target]):
        command = [mlflow_python, "-m", "mlops_nb.cli", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    command = [mlflow_python, "-c", SEARCH, target]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == [["child", "fluent", "parent", "running"], "4"]
