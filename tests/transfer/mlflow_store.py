"""Make a small store by MLflow itself, with one thing of every kind: run it with a tracking URI.

``mlflow-3.17.tar.xz`` was made so, once by a SQLite file and once by a folder (``MLFLOW_ALLOW_FILE_STORE=true``).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
)

SOURCE = {"mlflow.user": "ann", "mlflow.source.type": "LOCAL"}


def log_child(client: MlflowClient, run_id: str) -> None:
    """Everything that a run can have but for files."""
    points = [Metric("loss", 1 / (step + 1), 1700000002000 + step, step) for step in range(1500)]
    params = [Param("lr", "0.1"), Param("layers", "[1, 2]"), Param("long", "x" * 5000)]
    client.log_batch(run_id, points[:800], params)
    client.log_batch(run_id, points[800:])
    odd = [(float("nan"), 0), (float("inf"), 1)]
    client.log_batch(run_id, [Metric("bad", value, 1700000002000 + step, step) for value, step in odd])
    client.log_batch(run_id, [Metric("neg", -1.5, 1700000002001, -3)])
    source, schema = '{"uri": "data/customers.csv"}', '{"x": "double"}'
    data = Dataset("customers", "abc123", "local", source, schema=schema, profile='{"rows": 10}')
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])


def log_files(client: MlflowClient, experiment: str, run_id: str, parent: str) -> str:
    """Files, and a logged model."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, data in (
            ("run/plots/loss curve.png", bytes(range(256)) * 10),
            ("run/notes ö.txt", b"hello"),
            ("net/MLmodel", b"flavors: {}\n"),
            ("net/model.bin", b"weights" * 100),
            ("old/MLmodel", b"flavors: {python_function: {}}\n"),
        ):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        client.log_artifacts(run_id, str(root / "run"))
        client.log_artifacts(run_id, str(root / "old"), "model")
        given = {"tags": {"a": "b"}, "params": {"depth": "3"}, "model_type": "sklearn"}
        model_id = client.create_logged_model(experiment, name="net", source_run_id=run_id, **given).model_id
        client.log_model_artifacts(model_id, str(root / "net"))
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    client.log_metric(run_id, "acc", 0.9, timestamp=1700000003000, step=1, model_id=model_id)
    client.log_outputs(run_id, [LoggedModelOutput(model_id, 4)])
    client.log_inputs(parent, models=[LoggedModelInput(model_id)])
    return model_id


def register(client: MlflowClient, run_id: str, model_id: str) -> None:
    """A registered model with a gap in its versions."""
    client.create_registered_model("churn", {"owner": "ann"}, "who leaves")
    client.create_model_version("churn", f"runs:/{run_id}/model", run_id, tags={"x": "y"}, description="first")
    client.create_model_version("churn", f"models:/{model_id}", model_id=model_id)
    client.create_model_version("churn", f"runs:/{run_id}/model", run_id)
    client.delete_model_version("churn", "2")
    client.create_model_version("churn", f"models:/{model_id}", model_id=model_id)
    client.set_registered_model_alias("churn", "champion", "4")
    client.transition_model_version_stage("churn", "1", "Production")
    client.create_registered_model("empty")


def main() -> None:
    mlflow.set_tracking_uri(sys.argv[1])
    client = MlflowClient()
    experiment, gone = client.create_experiment("churn", tags={"team": "risk"}), client.create_experiment("gone")
    run_id = client.create_run(gone, run_name="in a deleted experiment", start_time=1700000000000).info.run_id
    client.set_terminated(run_id, "FINISHED", end_time=1700000000500)
    tags = {**SOURCE, "mlflow.source.name": "train.py"}
    parent = client.create_run(experiment, run_name="parent", start_time=1700000001000, tags=tags).info.run_id
    client.set_terminated(parent, "FINISHED", end_time=1700000009000)
    tags = {**SOURCE, "mlflow.parentRunId": parent, "note": "grüße 🎉"}
    child = client.create_run(experiment, run_name="child", start_time=1700000002000, tags=tags).info.run_id
    log_child(client, child)
    model_id = log_files(client, experiment, child, parent)
    client.set_terminated(child, "FAILED", end_time=1700000005000)
    client.delete_run(client.create_run(experiment, run_name="deleted", start_time=1700000003000).info.run_id)
    client.create_run(experiment, run_name="running", start_time=1700000004000)
    register(client, child, model_id)
    client.delete_experiment(gone)
    with mlflow.start_run(experiment_id=experiment, run_name="fluent"):
        mlflow.log_param("a", 1)
        mlflow.log_metric("x", 2.5, step=3)


if __name__ == "__main__":
    main()
