"""Make a small store with MLflow itself: argv[1] is a tracking URI."""
import sys, math, os, tempfile, pathlib
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, LoggedModelInput, LoggedModelOutput, LoggedModelStatus, Dataset, DatasetInput, InputTag, LoggedModelParameter
mlflow.set_tracking_uri(sys.argv[1])
c = MlflowClient()
e = c.create_experiment("churn", tags={"team": "risk"})
gone = c.create_experiment("gone")
r0 = c.create_run(gone, run_name="in a deleted experiment", start_time=1700000000000).info.run_id
c.set_terminated(r0, "FINISHED", end_time=1700000000500)
parent = c.create_run(e, run_name="parent", start_time=1700000001000, tags={"mlflow.user": "ann", "mlflow.source.type": "LOCAL", "mlflow.source.name": "train.py"})
p = parent.info.run_id
c.set_terminated(p, "FINISHED", end_time=1700000009000)
child = c.create_run(e, run_name="child", start_time=1700000002000, tags={"mlflow.parentRunId": p, "mlflow.user": "ann", "mlflow.source.type": "LOCAL", "note": "grüße 🎉"})
r = child.info.run_id
c.log_batch(r, [Metric("loss", 1/(i+1), 1700000002000+i, i) for i in range(1500) ][:1000], [Param("lr", "0.1"), Param("layers", "[1, 2]"), Param("long", "x"*5000)], [])
c.log_batch(r, [Metric("loss", 1/(i+1), 1700000002000+i, i) for i in range(1000,1500) ])
c.log_batch(r, [Metric("bad", float("nan"), 1700000002000, 0), Metric("bad", float("inf"), 1700000002001, 1), Metric("neg", -1.5, 1700000002001, -3)])
ds = Dataset(name="customers", digest="abc123", source_type="local", source='{"uri": "data/customers.csv"}', schema='{"x": "double"}', profile='{"rows": 10}')
c.log_inputs(r, [DatasetInput(ds, [InputTag("mlflow.data.context", "training")])])
with tempfile.TemporaryDirectory() as f:
    f = pathlib.Path(f)
    (f/"plots").mkdir(); (f/"plots"/"loss curve.png").write_bytes(bytes(range(256))*10); (f/"notes ö.txt").write_text("hello")
    c.log_artifacts(r, str(f))
    m = c.create_logged_model(e, name="net", source_run_id=r, tags={"a": "b"}, params={"depth": "3"}, model_type="sklearn")
    (f/"m").mkdir(); (f/"m"/"MLmodel").write_text("flavors: {}\n"); (f/"m"/"model.bin").write_bytes(b"weights"*100)
    c.log_model_artifacts(m.model_id, str(f/"m"))
    c.finalize_logged_model(m.model_id, LoggedModelStatus.READY)
    c.log_metric(r, "acc", 0.9, timestamp=1700000003000, step=1, model_id=m.model_id)
    c.log_outputs(r, [LoggedModelOutput(m.model_id, 4)])
    c.log_inputs(p, models=[LoggedModelInput(m.model_id)])
    (f/"old").mkdir(); (f/"old"/"MLmodel").write_text("flavors: {python_function: {}}\n")
    c.log_artifacts(r, str(f/"old"), "model")
c.set_terminated(r, "FAILED", end_time=1700000005000)
d = c.create_run(e, run_name="deleted", start_time=1700000003000).info.run_id
c.delete_run(d)
c.create_run(e, run_name="running", start_time=1700000004000)
c.create_registered_model("churn", {"owner": "ann"}, "who leaves")
c.create_model_version("churn", f"runs:/{r}/model", r, tags={"x": "y"}, description="first")
c.create_model_version("churn", f"models:/{m.model_id}", model_id=m.model_id)
c.create_model_version("churn", f"runs:/{r}/model", r)
c.delete_model_version("churn", "2")
c.create_model_version("churn", f"models:/{m.model_id}", model_id=m.model_id)
c.set_registered_model_alias("churn", "champion", "4")
c.transition_model_version_stage("churn", "1", "Production")
c.create_registered_model("empty")
c.delete_experiment(gone)
with mlflow.start_run(experiment_id=e, run_name="fluent") as run:
    mlflow.log_param("a", 1); mlflow.log_metric("x", 2.5, step=3)
