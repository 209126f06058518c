"""MLflow's routes over HTTP: what is written is what is read, and errors are as MLflow's clients expect them."""

from __future__ import annotations

import threading

import pytest

from mlops_nb.entities import Batch, DataRef, Lease, RunStart, new_id
from mlops_nb.workspace import Workspace
from tests.server.live import Client
from tests.store.contract.making import T0, points


def error_of(answer: object) -> tuple[int, str]:
    return answer.status, answer.json["error_code"]  # type: ignore[attr-defined]


def tags_of(run: dict[str, dict[str, list[dict[str, str]]]]) -> dict[str, str]:
    return {each["key"]: each["value"] for each in run["data"]["tags"]}


def test_a_run_is_read_as_it_was_logged(client: Client) -> None:
    tags = [{"key": key, "value": value} for key, value in {
        "mlflow.user": "ann", "mlflow.source.type": "LOCAL", "mlflow.source.name": "a.py", "mlflow.parentRunId": "p",
        "team": "risk",
    }.items()]  # fmt: skip
    run_id = client.new_run(run_name="first", user_id="ann", start_time=T0, tags=tags)
    for value in (0.5, "NaN", "-Infinity", 1e308):
        point = {"run_id": run_id, "key": "m", "value": value, "timestamp": T0, "step": 3}
        assert client.post("/runs/log-metric", point).json == {}
    long = "x" * 50_000
    assert client.post("/runs/log-parameter", {"run_id": run_id, "key": "long", "value": long}).status == 200
    batch = {
        "run_id": run_id,
        "metrics": [{"key": "acc", "value": 1, "timestamp": "5", "step": "-2"}],
        "params": [{"key": "lr", "value": "0.1"}, {"key": "empty"}],
        "tags": [{"key": "a", "value": "b"}, {"key": "mlflow.runName", "value": "renamed"}],
    }
    assert client.post("/runs/log-batch", batch).status == 200
    run = client.get(f"/runs/get?run_id={run_id}").json["run"]
    assert run["info"]["run_name"] == "renamed"
    assert run["info"]["artifact_uri"] == f"mlflow-artifacts:/0/{run_id}/artifacts"
    assert (run["info"]["start_time"], run["info"]["user_id"], run["info"]["status"]) == (T0, "ann", "RUNNING")
    assert {each["key"]: each["value"] for each in run["data"]["params"]} == {"long": long, "lr": "0.1", "empty": ""}
    assert tags_of(run) == {
        "mlflow.user": "ann", "mlflow.source.type": "LOCAL", "mlflow.source.name": "a.py", "mlflow.parentRunId": "p",
        "mlflow.runName": "renamed", "team": "risk", "a": "b",
    }  # fmt: skip
    assert {"key": "acc", "value": 1.0, "timestamp": 5, "step": -2} in run["data"]["metrics"]
    history = client.get(f"/metrics/get-history?run_id={run_id}&metric_key=m").json["metrics"]
    assert sorted(str(each["value"]) for each in history) == ["-Infinity", "0.5", "1e+308", "NaN"]


def test_a_bare_run_has_only_its_name_as_a_tag(client: Client) -> None:
    run_id = client.new_run(user_id="unknown")
    run = client.get(f"/runs/get?run_id={run_id}").json["run"]
    assert tags_of(run) == {"mlflow.runName": run["info"]["run_name"]}


def test_a_run_of_ours_is_a_run_of_mlflows(client: Client, space: Workspace) -> None:
    run_id = new_id()
    start = RunStart(run_id, "cell", "Default", T0, "ann", notebook="a.ipynb", lease=Lease(1, 1.0, "h", "b"))
    data = [DataRef("d.csv", "sha256:" + "a" * 64, 5, context="training"), DataRef("o.csv", "sha256:1", 1, "write")]
    params = [("lr", 0.1, T0), ("deep", True, T0), ("none", None, T0)]
    space.store.apply([Batch(run_id, "", start=start, params=params, metrics={"m": points((1, 2, 3))}, data=data)])
    run = client.get(f"/runs/get?run_id={run_id}").json["run"]
    assert tags_of(run) == {
        "mlflow.runName": "cell", "mlflow.user": "ann", "mlflow.source.type": "NOTEBOOK",
        "mlflow.source.name": "a.ipynb",
    }  # fmt: skip
    assert {each["key"]: each["value"] for each in run["data"]["params"]} == {
        "lr": "0.1", "deep": "True", "none": "None",
    }  # fmt: skip
    assert [each["dataset"]["name"] for each in run["inputs"]["dataset_inputs"]] == ["d.csv"]
    # what MLflow says again in its own words is no change of a typed param
    assert client.post("/runs/log-parameter", {"run_id": run_id, "key": "lr", "value": "0.1"}).status == 200
    assert space.store.get_run(run_id).params["lr"] == 0.1


def test_refusals_are_in_mlflows_words(client: Client) -> None:
    run_id = client.new_run()
    one = {"run_id": run_id, "key": "lr", "value": "1"}
    assert client.post("/runs/log-parameter", one).status == 200
    answer = client.post("/runs/log-parameter", {**one, "value": "2"})
    assert error_of(answer) == (400, "INVALID_PARAMETER_VALUE")
    assert "Changing param values is not allowed" in answer.json["message"]
    point = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}
    for bad in ({"key": "a#b"}, {"key": "../a"}, {"key": ""}, {"value": "x"}, {"value": True}, {"timestamp": -1},
                {"timestamp": 1.5}, {"step": 2**63}, {"key": "k" * 251}, {"value": None}, {"run_id": 5},
                {"colour": "red"}):  # fmt: skip
        assert error_of(client.post("/runs/log-metric", {**point, **bad})) == (400, "INVALID_PARAMETER_VALUE"), bad
    assert error_of(client.get("/runs/get?run_id=nothing")) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert error_of(client.post("/runs/log-metric", {**point, "run_id": "nothing"})) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert error_of(client.post("/runs/delete-tag", {"run_id": run_id, "key": "x"})) == (404, "RESOURCE_DOES_NOT_EXIST")
    for size, kind in ((1001, "metrics"), (101, "params"), (101, "tags")):
        many = [{"key": f"k{n}", "value": "1", "timestamp": 1} for n in range(size)]
        if kind != "metrics":
            many = [{"key": each["key"], "value": "1"} for each in many]
        answer = client.post("/runs/log-batch", {"run_id": run_id, kind: many})
        assert error_of(answer) == (400, "INVALID_PARAMETER_VALUE")
        assert "can contain at most" in answer.json["message"]
    twice = client.post("/runs/log-batch", {"run_id": run_id, "params": [{"key": "a", "value": "1"}] * 2})
    assert "Duplicate parameter keys" in twice.json["message"]
    assert client.post("/runs/delete", {"run_id": run_id}).status == 200
    answer = client.post("/runs/log-metric", point)
    assert "must be in the 'active' state" in answer.json["message"]
    assert error_of(client.get("/traces/search")) == (404, "ENDPOINT_NOT_FOUND")


def test_search_pages_and_tags_that_are_fields(client: Client) -> None:
    parent = client.new_run(run_name="parent")
    nest = [{"key": "mlflow.parentRunId", "value": parent}]
    for n in range(5):
        client.new_run(run_name=f"child {n}", start_time=n + 10, tags=nest)
    late = client.new_run(run_name="late", start_time=99)
    client.post("/runs/set-tag", {"run_id": late, "key": "mlflow.parentRunId", "value": parent})
    asked = {"experiment_ids": ["0"], "filter": f"tags.mlflow.parentRunId = '{parent}'", "max_results": 2}
    names, token = [], None
    for _ in range(3):
        page = client.post("/runs/search", {**asked, **({"page_token": token} if token else {})}).json
        names += [run["info"]["run_name"] for run in page["runs"]]
        token = page.get("next_page_token")
    assert (names, token) == (["late", "child 4", "child 3", "child 2", "child 1", "child 0"], None)
    named = client.post("/runs/search", {"experiment_ids": ["0"], "filter": "tags.`mlflow.runName` LIKE 'child%'"})
    assert len(named.json["runs"]) == 5
    assert client.post("/runs/search", {"experiment_ids": []}).json["runs"] == []
    for bad in ({"max_results": 50_001}, {"max_results": 0}, {"filter": "metrics.x >"}, {"page_token": "x"}):
        answer = client.post("/runs/search", {"experiment_ids": ["0"], **bad})
        assert error_of(answer) == (400, "INVALID_PARAMETER_VALUE")


def test_experiments(client: Client) -> None:
    made = client.post("/experiments/create", {"name": "x", "tags": [{"key": "a", "value": "b"}]}).json["experiment_id"]
    again = client.post("/experiments/create", {"name": "x"})
    assert error_of(again) == (400, "RESOURCE_ALREADY_EXISTS")
    found = client.get("/experiments/get-by-name?experiment_name=x").json["experiment"]
    assert (found["experiment_id"], found["tags"]) == (made, [{"key": "a", "value": "b"}])
    assert error_of(client.get("/experiments/get?experiment_id=99")) == (404, "RESOURCE_DOES_NOT_EXIST")
    client.post("/experiments/delete", {"experiment_id": made})
    assert client.post("/runs/create", {"experiment_id": made}).status == 400
    assert [each["name"] for each in client.get("/experiments/search?view_type=DELETED_ONLY").json["experiments"]] == [
        "x"
    ]
    client.post("/experiments/restore", {"experiment_id": made})
    client.post("/experiments/update", {"experiment_id": made, "new_name": "y"})
    assert client.get(f"/experiments/get?experiment_id={made}").json["experiment"]["name"] == "y"
    for location in ("file:///a/../b", "s3://b/%2e%2e/x", "s3://b?x=1", "s3://b#x", "/a;b", "a\\b"):
        assert client.post("/experiments/create", {"name": location, "artifact_location": location}).status == 400


def test_a_history_in_pages_sampled_and_each_point_once(client: Client) -> None:
    run_id = client.new_run()
    rows = [{"key": "m", "value": n, "timestamp": 100 - n, "step": n} for n in range(10)]
    for _ in range(2):  # the answer to the first got lost, and the client sends it again
        client.post("/runs/log-batch", {"run_id": run_id, "metrics": rows})
    whole = client.get(f"/metrics/get-history?run_id={run_id}&metric_key=m").json["metrics"]
    assert [each["step"] for each in whole] == list(range(9, -1, -1))
    first = client.get(f"/metrics/get-history?run_id={run_id}&metric_key=m&max_results=4").json
    rest = client.get(
        f"/metrics/get-history?run_id={run_id}&metric_key=m&max_results=6&page_token={first['next_page_token']}"
    ).json
    assert first["metrics"] + rest["metrics"] == whole
    assert "next_page_token" not in rest
    asked = f"/metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=m&max_results=4"
    sampled = client.ask("GET", f"/ajax-api/2.0/mlflow{asked}").json["metrics"]
    assert [each["step"] for each in sampled] == [0, 3, 6, 9]
    part = client.get(f"{asked}&start_step=2&end_step=3").json["metrics"]
    assert [each["step"] for each in part] == [2, 3]
    assert client.get(f"{asked}&start_step=2").status == 400


@pytest.mark.parametrize("clients", [8])
def test_many_clients_write_at_once(client: Client, space: Workspace, clients: int) -> None:
    run_id, answers = client.new_run(), []

    def work(n: int) -> None:
        for step in range(20):
            point = {"run_id": run_id, "key": f"m{n}", "value": step, "timestamp": step, "step": step}
            bad = {**point, "run_id": "nothing"} if step == 10 else point
            answers.append(client.post("/runs/log-metric", bad).status)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 19 * clients + [404] * clients
    assert all(len(space.store.history(run_id, f"m{n}")) == 19 for n in range(clients))


def test_logged_models(client: Client) -> None:
    run_id = client.new_run()
    made = client.post("/logged-models", {"experiment_id": "0", "name": "m", "source_run_id": run_id}).json["model"][
        "info"
    ]
    one = f"/logged-models/{made['model_id']}"
    assert made["artifact_uri"] == f"mlflow-artifacts:/0/models/{made['model_id']}/artifacts"
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/models/{made['model_id']}/artifacts/a/MLmodel"
    assert client.ask("PUT", path, b"flavors: {}").status == 200
    assert client.ask("GET", path).body == b"flavors: {}"
    listed = client.get(f"{one}/artifacts/directories?artifact_directory_path=a").json["files"]
    assert [each["path"] for each in listed] == ["a/MLmodel"]
    point = {"run_id": run_id, "key": "acc", "value": 0.5, "timestamp": 1, "model_id": made["model_id"]}
    assert client.post("/runs/log-metric", {**point, "dataset_name": "d", "dataset_digest": "x"}).status == 200
    assert client.ask("PATCH", f"/api/2.0/mlflow{one}", {"status": "LOGGED_MODEL_READY"}).status == 200
    assert client.post(f"{one}/params", {"params": [{"key": "lr", "value": "1"}]}).status == 200
    assert client.ask("PATCH", f"/api/2.0/mlflow{one}/tags", {"tags": [{"key": "a/b", "value": "c"}]}).status == 200
    assert (
        client.post("/runs/outputs", {"run_id": run_id, "models": [{"model_id": made["model_id"], "step": 2}]}).status
        == 200
    )
    found = client.post("/logged-models/search", {"experiment_ids": ["0"], "filter": "metrics.acc > 0.1"}).json[
        "models"
    ]
    assert [each["info"]["status"] for each in found] == ["LOGGED_MODEL_READY"]
    assert found[0]["data"]["metrics"][0]["dataset_name"] == "d"
    run = client.get(f"/runs/get?run_id={run_id}").json["run"]
    assert run["outputs"]["model_outputs"] == [{"model_id": made["model_id"], "step": 2}]
    assert client.ask("DELETE", f"/api/2.0/mlflow{one}/tags/a%2Fb").status == 200
    assert client.ask("DELETE", f"/api/2.0/mlflow{one}").status == 200
    assert error_of(client.get(one)) == (404, "RESOURCE_DOES_NOT_EXIST")
