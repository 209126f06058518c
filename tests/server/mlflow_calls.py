"""Calls of a real MLflow client against the server named on the command line; what each gave goes to stdout as JSON.

Run by an interpreter that has mlflow (and nothing of ours), against two servers whose answers are then compared. Ids
and times differ from server to server, and are replaced by what they stand for.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

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
    RunTag,
    ViewType,
)
from mlflow.models import Model
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

found: dict[str, Any] = {}
known: dict[str, str] = {}


def name_it(kind: str, value: str) -> str:
    known[value] = f"<{kind} {sum(each.startswith(f'<{kind}') for each in known.values())}>"
    return value


def plain(value: Any) -> Any:
    """Anything of MLflow's as plain JSON without ids and times."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        for key, stands_for in known.items():
            if len(key) > 20:  # an experiment's id may be as short as "1", which other things are as well
                value = value.replace(key, stands_for)
        return re.sub(r"mlflow-artifacts:/[^/]+", "mlflow-artifacts:/<experiment>", value)
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in sorted(value.items())}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    fields = {key.lstrip("_"): item for key, item in vars(value).items() if not callable(item)}
    for key in list(fields):
        if "time" in key or key == "workspace":
            fields.pop(key)
    if "experiment_id" in fields:
        fields["experiment_id"] = known.get(fields["experiment_id"], fields["experiment_id"])
    return plain(fields)


def do(name: str, call: Any, /, *args: Any, **given: Any) -> Any:
    """Make a call, and write down what it gave, or how it was refused."""
    try:
        result = call(*args, **given)
        found[name] = plain(result)
        return result
    except Exception as error:
        response = getattr(error, "response", None)
        told = f"{type(error).__name__}: {error}" if response is None else f"status {response.status_code}"
        found[name] = {"error": getattr(error, "error_code", told)}
        return None


def sorted_metrics(run: Any) -> Any:
    return {"params": run.data.params, "metrics": run.data.metrics, "tags": run.data.tags, "inputs": run.inputs,
            "outputs": run.outputs, "info": run.info}  # fmt: skip


def experiments(client: MlflowClient) -> str:
    one = name_it("experiment", client.create_experiment("one", tags={"team": "risk"}))
    two = name_it("experiment", client.create_experiment("two", artifact_location="s3://bucket/two"))
    do("experiment again", client.create_experiment, "one")
    do("experiment without a name", client.create_experiment, "")
    do("experiment", client.get_experiment, one)
    do("experiment by name", client.get_experiment_by_name, "two")
    do("experiment by an unknown name", client.get_experiment_by_name, "nothing")
    do("experiment unknown", client.get_experiment, "987654")
    client.set_experiment_tag(two, "a", "b")
    client.delete_experiment_tag(two, "a")
    do("tag that is not there", client.delete_experiment_tag, two, "a")
    client.rename_experiment(two, "second")
    do("renamed", client.get_experiment, two)
    do("rename to a name that is taken", client.rename_experiment, two, "one")
    client.delete_experiment(two)
    do("deleted", client.get_experiment, two)
    do("deleted twice", client.delete_experiment, two)
    do("run in a deleted one", client.create_run, two)
    do("tag in a deleted one", client.set_experiment_tag, two, "x", "y")
    do("rename a deleted one", client.rename_experiment, two, "third")
    do("search", lambda: sorted(e.name for e in client.search_experiments()))
    do("search deleted", lambda: [e.name for e in client.search_experiments(view_type=ViewType.DELETED_ONLY)])
    do("search all", lambda: sorted(e.name for e in client.search_experiments(view_type=ViewType.ALL)))
    client.restore_experiment(two)
    do("restored", client.get_experiment, two)
    do("search by name", lambda: [e.name for e in client.search_experiments(filter_string="name LIKE 'o%'")])
    do("search by tag", lambda: [e.name for e in client.search_experiments(filter_string="tags.team = 'risk'")])
    do("search in order", lambda: [e.name for e in client.search_experiments(order_by=["name DESC"])])
    do("search wrongly", client.search_experiments, filter_string="colour = 'red'")
    page = client.search_experiments(max_results=2, order_by=["name"])
    do("first page", lambda: [e.name for e in page])
    do("second page", lambda: [
        e.name for e in client.search_experiments(max_results=2, order_by=["name"], page_token=page.token)
    ])  # fmt: skip
    return one


def runs(client: MlflowClient, one: str) -> str:
    run = client.create_run(one, run_name="first", tags={"mlflow.user": "ann", "t": "1"}, start_time=1000)
    run_id = name_it("run", run.info.run_id)
    do("run created", sorted_metrics, run)
    for step, value in enumerate([0.5, float("nan"), 1e300, -0.5, 0.5]):
        client.log_metric(run_id, "m", value, timestamp=1000 + step, step=step)
    client.log_metric(run_id, "late", 2.0, timestamp=5, step=10)
    client.log_metric(run_id, "late", 1.0, timestamp=9, step=3)
    client.log_metric(run_id, "late", 3.0, timestamp=5, step=10)
    client.log_param(run_id, "lr", 0.1)
    client.log_param(run_id, "lr", 0.1)
    do("param changed", client.log_param, run_id, "lr", 0.2)
    do("param of a bad name", client.log_param, run_id, "a#b", 1)
    do("metric of a bad name", client.log_metric, run_id, "../m", 1.0)
    do("metric without a number", client.log_metric, run_id, "m", "text")
    client.set_tag(run_id, "k", "v")
    client.set_tag(run_id, "k", "w")
    client.set_tag(run_id, "gone", "x")
    client.delete_tag(run_id, "gone")
    do("tag gone", client.delete_tag, run_id, "gone")
    client.log_batch(
        run_id,
        metrics=[Metric("b", n / 2, 100 + n, n) for n in range(1000)],
        params=[],
    )
    client.log_batch(run_id, params=[Param(f"p{n}", str(n)) for n in range(100)], tags=[])
    client.log_batch(run_id, tags=[RunTag(f"t{n}", str(n)) for n in range(50)])
    do("batch of params that change", client.log_batch, run_id, params=[Param("lr", "5"), Param("fresh", "1")])
    do("batch with one name twice", client.log_batch, run_id, params=[Param("q", "1"), Param("q", "2")])
    dataset = Dataset("d", "digest", "local", json.dumps({"uri": "d.csv"}), schema="{}", profile="{}")
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    do("run", lambda: sorted_metrics(client.get_run(run_id)))
    do("history", lambda: client.get_metric_history(run_id, "m"))
    do("history of late points", lambda: client.get_metric_history(run_id, "late"))
    do("history of nothing", lambda: client.get_metric_history(run_id, "nothing"))
    do("history of a batch", lambda: len(client.get_metric_history(run_id, "b")))
    client.update_run(run_id, status="FAILED", name="renamed")
    do("updated", lambda: client.get_run(run_id).info)
    client.set_tag(run_id, "mlflow.runName", "by tag")
    do("renamed by tag", lambda: client.get_run(run_id).info.run_name)
    client.set_terminated(run_id, "FINISHED", end_time=9000)
    do("terminated", lambda: [client.get_run(run_id).info.status, client.get_run(run_id).info.end_time])
    do("unknown run", client.get_run, "0" * 32)
    do("metric of an unknown run", client.log_metric, "0" * 32, "m", 1.0)
    client.delete_run(run_id)
    do("metric of a deleted run", client.log_metric, run_id, "m", 1.0)
    do("tag of a deleted run", client.set_tag, run_id, "k", "x")
    do("deleted run", lambda: client.get_run(run_id).info.lifecycle_stage)
    client.restore_run(run_id)
    do("restored run", lambda: client.get_run(run_id).info.lifecycle_stage)
    return run_id


def searches(client: MlflowClient, one: str, parent: str) -> None:
    for n in range(12):
        tags = {"mlflow.parentRunId": parent, "odd": str(n % 2)}
        each = name_it("run", client.create_run(one, run_name=f"r{n:02}", tags=tags, start_time=2000 + n).info.run_id)
        client.log_batch(each, [Metric("acc", n / 10, 1, 0)] if n != 7 else [], [Param("n", str(n))])
        client.set_terminated(each, "FINISHED" if n % 3 else "FAILED", end_time=3000 + n)
    for text in (
        "metrics.acc > 0.5", "metrics.acc <= 0.3 and params.n != '1'", "params.n = '4'", "tags.odd = '1'",
        "status = 'FAILED'", "attributes.status != 'FAILED' and metrics.acc >= 0.8", "run_name LIKE 'r0%'",
        "tags.`mlflow.runName` = 'r03'", f"tags.mlflow.parentRunId = '{parent}'", "params.n ILIKE '1%'",
        "params.n IN ('1', '2')", "start_time > 2005", "end_time <= 3003", "metrics.none > 0", "tags.none = 'x'",
        "params.n NOT IN ('1')", "metrics.acc >", "colour = 'x'", "metrics.acc = 'x'", "tags.mlflow.user = 'ann'",
        f"run_id = '{parent}'",
    ):  # fmt: skip
        do(f"runs where {text.replace(parent, 'parent')}", lambda text=text: [
            run.info.run_name for run in client.search_runs([one], text)
        ])  # fmt: skip
    for order in (["metrics.acc DESC"], ["metrics.acc ASC"], ["params.n"], ["start_time ASC"], ["run_name DESC"],
                  ["tags.odd", "metrics.acc DESC"], ["attributes.end_time"], ["status", "start_time"]):  # fmt: skip
        do(f"runs by {order}", lambda order=order: [
            run.info.run_name for run in client.search_runs([one], order_by=order)
        ])  # fmt: skip
    names, token, sizes = [], None, []
    while True:
        page = client.search_runs([one], max_results=5, page_token=token)
        names += [run.info.run_name for run in page]
        sizes.append(len(page))
        token = page.token
        if not token:
            break
    do("pages", lambda: [names, sizes])
    do("no experiment", lambda: list(client.search_runs([])))
    do("too many", lambda: client.search_runs([one], max_results=50_001))
    frame = mlflow.search_runs([one], filter_string="metrics.acc > 0.9")
    do("frame", lambda: [sorted(frame.columns), frame["metrics.acc"].tolist(), frame["params.n"].tolist()])


def files(client: MlflowClient, run_id: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sub dir").mkdir()
        Path(folder, "a.txt").write_text("a")
        Path(folder, "sub dir", "ö.bin").write_bytes(bytes(range(256)))
        client.log_artifact(run_id, str(Path(folder, "a.txt")))
        client.log_artifacts(run_id, folder, "all")
        client.log_text(run_id, "hello", "t/hello.txt")
        client.log_dict(run_id, {"a": [1]}, "d.json")
        for path in (None, "all", "all/sub dir", "t", "nothing", "a.txt"):
            do(f"list {path}", lambda path=path: [
                [each.path, each.is_dir, each.file_size] for each in client.list_artifacts(run_id, path)
            ])  # fmt: skip
        for bad in ("../x", "/etc", "a#b"):
            do(f"list {bad}", client.list_artifacts, run_id, bad)
        local = client.download_artifacts(run_id, "", folder)
        do("download", lambda: sorted(
            [str(each.relative_to(local)), each.read_bytes().hex()]
            for part in ("all", "t", "d.json", "a.txt")
            for each in ([Path(local, part)] if Path(local, part).is_file() else Path(local, part).rglob("*"))
            if each.is_file()
        ))  # fmt: skip
        do("download nothing", lambda: bool(client.download_artifacts(run_id, "nothing", folder)) and None)


def logged_models(client: MlflowClient, one: str, run_id: str) -> str:
    made = client.create_logged_model(
        one, name="net", source_run_id=run_id, tags={"a": "b"}, params={"lr": "0.1"}, model_type="sklearn"
    )
    model_id = name_it("model", made.model_id)
    do("logged model", lambda: made)
    do("logged model of a bad name", client.create_logged_model, one, name="a/b")
    client.log_batch(run_id, [Metric("acc", 0.5, 1, 0, model_id=model_id, dataset_name="d", dataset_digest="x")])
    client.log_metric(run_id, "acc", 0.75, timestamp=2, step=1, model_id=model_id)
    client.set_logged_model_tags(model_id, {"c": "d", "e": "f"})
    client.delete_logged_model_tag(model_id, "e")
    do("logged tag gone", client.delete_logged_model_tag, model_id, "e")
    client.log_model_params(model_id, {"depth": "3"})
    client.log_inputs(run_id, models=[LoggedModelInput(model_id)])
    client.log_outputs(run_id, [LoggedModelOutput(model_id, 4)])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "MLmodel").write_text("flavors: {}\n")
        client.log_model_artifacts(model_id, folder)
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    do("logged model read", client.get_logged_model, model_id)
    do("logged files", lambda: [each.path for each in client.list_logged_model_artifacts(model_id)])
    name_it("model", client.create_logged_model(one, name="other").model_id)
    for text in (None, "name = 'net'", "metrics.acc > 0.6", "params.lr = '0.1'", "tags.c = 'd'", "colour = 'x'"):
        do(f"logged models where {text}", lambda text=text: [
            each.name for each in client.search_logged_models([one], filter_string=text)
        ])  # fmt: skip
    do("logged models in order", lambda: [
        each.name for each in client.search_logged_models([one], order_by=[{"field_name": "name", "ascending": True}])
    ])  # fmt: skip
    do("run with models", lambda: sorted_metrics(client.get_run(run_id))["outputs"])
    do("unknown logged model", client.get_logged_model, "m-" + "0" * 32)
    return model_id


def registry(client: MlflowClient, run_id: str, model_id: str) -> None:
    do("model", client.create_registered_model, "churn", {"a": "b"}, "who leaves")
    do("model again", client.create_registered_model, "churn")
    do("model of a bad name", client.create_registered_model, "a/b")
    do("model without a name", client.create_registered_model, " ")
    do("version", client.create_model_version, "churn", f"runs:/{run_id}/all", run_id, tags={"x": "y"})
    do("version of a logged model", client.create_model_version, "churn", f"models:/{model_id}", model_id=model_id)
    do("version of a version", client.create_model_version, "churn", "models:/churn/1")
    do("version of nothing", client.create_model_version, "nothing", f"runs:/{run_id}/all", run_id)
    do("version of another run", client.create_model_version, "churn", f"runs:/{'0' * 32}/all", run_id)
    for bad in ("/etc/passwd", "file:///etc/passwd", "runs:/../x", "http://evil.example/x", "relative/path"):
        do(f"version from {bad}", client.create_model_version, "churn", bad)
    do("location", client.get_model_version_download_uri, "churn", "1")
    do("location of a logged one", client.get_model_version_download_uri, "churn", "2")
    do("described", client.update_model_version, "churn", "1", "the first")
    client.set_model_version_tag("churn", "1", "k", "v")
    client.delete_model_version_tag("churn", "1", "k")
    client.set_registered_model_tag("churn", "k", "v")
    client.delete_registered_model_tag("churn", "k")
    client.set_registered_model_alias("churn", "champion", "1")
    do("alias of a bad name", client.set_registered_model_alias, "churn", "v1", "1")
    do("alias latest", client.set_registered_model_alias, "churn", "latest", "1")
    do("by alias", client.get_model_version_by_alias, "churn", "champion")
    client.set_registered_model_alias("churn", "champion", "2")
    do("alias moved", client.get_model_version_by_alias, "churn", "champion")
    do("unknown alias", client.get_model_version_by_alias, "churn", "nothing")
    do("to production", client.transition_model_version_stage, "churn", "1", "Production")
    do("archiving", client.transition_model_version_stage, "churn", "2", "production", archive_existing_versions=True)
    do("archived", client.get_model_version, "churn", "1")
    do("unknown stage", client.transition_model_version_stage, "churn", "1", "Nowhere")
    do("latest", lambda: sorted([v.current_stage, v.version] for v in client.get_latest_versions("churn")))
    do("latest of a stage", lambda: [v.version for v in client.get_latest_versions("churn", ["Production"])])
    do("model read", client.get_registered_model, "churn")
    do("unknown version", client.get_model_version, "churn", "99")
    do("no version", client.get_model_version, "churn", "x")
    client.create_registered_model("other")
    for text in (None, "name = 'churn'", "name LIKE 'o%'", "tags.a = 'b'"):
        do(f"models where {text}", lambda text=text: [
            each.name for each in client.search_registered_models(filter_string=text)
        ])  # fmt: skip
    for text in ("name = 'churn'", f"run_id = '{run_id}'", "tags.x = 'y'"):
        do(f"versions where {text.replace(run_id, 'the run')}", lambda text=text: sorted(
            each.version for each in client.search_model_versions(text)
        ))  # fmt: skip
    do("version deleted", client.delete_model_version, "churn", "3")
    do("version that was deleted", client.get_model_version, "churn", "3")
    do("next version", client.create_model_version, "churn", f"runs:/{run_id}/all", run_id)
    client.delete_registered_model_alias("churn", "champion")
    do("alias gone", client.get_model_version_by_alias, "churn", "champion")
    do("renamed model", client.rename_registered_model, "churn", "leavers")
    do("old name", client.get_registered_model, "churn")
    client.delete_registered_model("leavers")
    do("deleted model", client.get_registered_model, "leavers")


def fluent() -> None:
    mlflow.set_experiment("fluent")
    with mlflow.start_run(run_name="outer") as outer:
        mlflow.log_params({"a": 1, "b": None, "c": [1, 2]})
        mlflow.log_metrics({"x": 1, "y": 2.5}, step=3)
        mlflow.set_tags({"k": "v"})
        with mlflow.start_run(nested=True, run_name="inner") as inner:
            mlflow.log_metric("z", 1)
    name_it("run", outer.info.run_id)
    name_it("run", inner.info.run_id)
    keep = ("mlflow.parentRunId", "mlflow.runName", "mlflow.source.type", "k")
    for run in (outer, inner):
        read = mlflow.get_run(run.info.run_id)
        tags = {key: value for key, value in read.data.tags.items() if key in keep}
        do(f"fluent {read.info.run_name}", lambda read=read, tags=tags: [read.data.params, read.data.metrics, tags])


def more_files(client: MlflowClient, run_id: str) -> None:
    """Files that go, files that come in parts where a server can do that, and files as MLflow's pages list them."""
    repository = get_artifact_repository(client.get_run(run_id).info.artifact_uri)
    client.log_text(run_id, "x", "gone/x.txt")
    client.log_text(run_id, "y", "gone/deep/y.txt")
    do("delete a file", repository.delete_artifacts, "gone/x.txt")
    do("after that", lambda: [each.path for each in client.list_artifacts(run_id, "gone")])
    do("delete a folder", repository.delete_artifacts, "gone")
    do("after that, too", lambda: [each.path for each in client.list_artifacts(run_id) if each.path == "gone"])
    do("listed", ask, "artifacts/list", run_id=run_id, path="all")
    do("listed wrongly", ask, "artifacts/list", run_id=run_id, path="../x")
    os.environ |= {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true", "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true"}
    os.environ |= {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1", "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": "5242880"}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "parts.bin").write_bytes(b"p" * 100_000)
        do("a file in parts, which is sent whole", client.log_artifact, run_id, str(Path(folder, "parts.bin")))
        there = do("and back", client.download_artifacts, run_id, "parts.bin", str(Path(folder)))
        found["and back"] = len(Path(str(there)).read_bytes()) if there else "nothing"
    for name in [name for name in os.environ if "MULTIPART" in name]:
        del os.environ[name]


def ask(path: str, /, **query: Any) -> Any:
    """A call as MLflow's pages make it; times are left out."""
    where = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
    creds = get_default_host_creds(mlflow.get_tracking_uri())
    answer = http_request(creds, where, "GET", params=query or None, max_retries=0, raise_on_status=False)
    if answer.status_code != 200:
        return [answer.status_code, answer.json().get("error_code")]
    return without_times(answer.json()) if "json" in answer.headers["Content-Type"] else answer.text


def without_times(value: Any) -> Any:
    if isinstance(value, list):
        return [without_times(each) for each in value]
    if isinstance(value, dict):
        return {
            key: known.get(each, each) if key == "experiment_id" else without_times(each)
            for key, each in value.items()
            if "time" not in key and key not in ("next_page_token", "workspace")
        }
    return value


def pages(client: MlflowClient, one: str, run_id: str, model_id: str) -> None:
    """What MLflow's own pages ask, and older clients."""
    do("health", ask, "/health")
    do("version", lambda: bool(re.fullmatch(r"\d+\.\d+\S*", ask("/version"))))
    do("features", lambda: ask("/api/3.0/mlflow/server-info")["store_type"])
    do("experiments by GET", lambda: [each["name"] for each in ask(
        "experiments/search", max_results=2, order_by="name"
    )["experiments"]])  # fmt: skip
    do("curves", ask, "/ajax-api/2.0/mlflow/metrics/get-history-bulk", run_id=[run_id], metric_key="m", max_results=100)
    do("curves, thinned out", ask, "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", run_ids=[run_id],
       metric_key="b", max_results=10)  # fmt: skip
    many = [run_id] * 101
    do("curves of too many", ask, "/ajax-api/2.0/mlflow/metrics/get-history-bulk", run_id=many, metric_key="m")
    do("latest by GET", ask, "registered-models/get-latest-versions", name="nothing")
    do("files of a logged model", ask, f"logged-models/{model_id}/artifacts/directories")
    at = "2026-01-01 00:00:00"
    recorded = Model(artifact_path="all", run_id=run_id, flavors={"f": {"a": 1}}, utc_time_created=at)
    do("a model in a run's history", client._record_logged_model, run_id, recorded)
    do("the history", lambda: json.loads(client.get_run(run_id).data.tags["mlflow.log-model.history"])[-1]["flavors"])
    client.create_registered_model("described")
    do("a model described", client.update_registered_model, "described", "why it is there")
    gone = name_it("model", client.create_logged_model(one, name="gone").model_id)
    do("a logged model deleted", client.delete_logged_model, gone)
    do("a logged model that was deleted", client.get_logged_model, gone)
    do("one that never was", client.delete_logged_model, "m-" + "1" * 32)


def main() -> None:
    mlflow.set_tracking_uri(sys.argv[1])
    client = MlflowClient()
    try:
        one = experiments(client)
        run_id = runs(client, one)
        searches(client, one, run_id)
        files(client, run_id)
        model_id = logged_models(client, one, run_id)
        registry(client, run_id, model_id)
        more_files(client, run_id)
        pages(client, one, run_id, model_id)
        fluent()
    finally:  # what was found up to a failure tells why
        Path(sys.argv[2]).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
