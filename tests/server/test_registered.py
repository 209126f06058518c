"""MLflow's routes of the registry: versions keep their bytes, moves pass the gates, sources stay in their place."""

from __future__ import annotations

import pytest

from mlops_nb.registry import set_gates
from mlops_nb.server.app import Server
from mlops_nb.workspace import Workspace
from tests.server.live import MLFLOW, Client


@pytest.fixture
def run_id(client: Client) -> str:
    """A run with a model among its files."""
    made = client.new_run()
    client.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/{made}/artifacts/model/MLmodel", b"flavors: {}")
    return made


def version(client: Client, source: str, **more: str) -> tuple[int, dict[str, str]]:
    answer = client.post("/model-versions/create", {"name": "churn", "source": source, **more})
    return answer.status, answer.json.get("model_version", answer.json)


def test_versions_aliases_and_stages(client: Client, space: Workspace, run_id: str) -> None:
    assert client.post("/registered-models/create", {"name": "churn"}).status == 200
    status, first = version(client, f"runs:/{run_id}/model", run_id=run_id)
    assert (status, first["version"], first["current_stage"]) == (200, "1", "None")
    second = version(client, f"mlflow-artifacts:/0/{run_id}/artifacts/model")[1]
    assert (second["version"], second["run_id"]) == ("2", run_id)
    one, two = space.store.get_version("churn", 1), space.store.get_version("churn", 2)
    assert one.digest == two.digest != ""
    assert [each.path for each in space.store.version_files("churn", 1)] == ["MLmodel"]
    location = client.get("/model-versions/get-download-uri?name=churn&version=1").json["artifact_uri"]
    assert location == f"runs:/{run_id}/model"
    every = "tag.%60mlflow.prompt.is_prompt%60%20%21%3D%20%27true%27"  # clients add it to each search
    assert len(client.get(f"/registered-models/search?filter={every}").json["registered_models"]) == 1
    for number in ("1", "2"):
        given = {"name": "churn", "alias": "champion", "version": number}
        assert client.post("/registered-models/alias", given).status == 200
        found = client.get("/registered-models/alias?name=churn&alias=champion").json["model_version"]
        assert found["version"] == number
    for number in ("1", "2"):
        given = {"name": "churn", "version": number, "stage": "production", "archive_existing_versions": True}
        assert client.post("/model-versions/transition-stage", given).status == 200
    latest = client.get("/registered-models/get-latest-versions?name=churn").json["model_versions"]
    assert sorted((each["version"], each["current_stage"]) for each in latest) == [
        ("1", "Archived"),
        ("2", "Production"),
    ]
    assert client.ask("DELETE", f"{MLFLOW}/model-versions/delete", {"name": "churn", "version": "2"}).status == 200
    assert client.get("/registered-models/alias?name=churn&alias=champion").status == 400
    assert version(client, f"runs:/{run_id}/model")[1]["version"] == "3"
    assert client.get("/model-versions/search?filter=name%3D%27churn%27&max_results=1").json["next_page_token"]


def test_gates_hold_for_mlflows_clients_too(client: Client, space: Workspace, run_id: str) -> None:
    client.post("/registered-models/create", {"name": "churn"})
    version(client, f"runs:/{run_id}/model", run_id=run_id)
    set_gates("churn", "Production", [{"check": "metric", "metric": "acc", "min": 0.9}], space=space)
    given = {"name": "churn", "version": "1", "stage": "Production"}
    answer = client.post("/model-versions/transition-stage", given)
    assert (answer.status, answer.json["error_code"]) == (409, "INVALID_STATE")
    assert space.store.get_version("churn", 1).stage == "None"
    client.post("/runs/log-metric", {"run_id": run_id, "key": "acc", "value": 0.95, "timestamp": 1})
    assert client.post("/model-versions/transition-stage", given).status == 200


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd", "file:///etc/passwd", "file:/etc", "etc/passwd", "../x", "runs:/RUN/../../x",
        "runs:/RUN/%2e%2e/x", "runs:/RUN/%252e%252e/x", "mlflow-artifacts:/0/RUN/artifacts/../../x", "mlflow-artifacts://host/0/RUN/artifacts",
        "s3://bucket/../x", "s3://bucket/a#b", "s3://bucket/a?b", "s3://bucket/a;b", "s3://bucket/a%23b", "s3:a",
        "s3://b/a\\..\\b", "http://169.254.169.254/x", "https://evil.example", "ftp://x/y", "runs://host/RUN/model",
        "models://host/churn/1", "s3://b/\x00", "C:\\x", "models:/nothing/1", "runs:/00/model",
    ],
)  # fmt: skip
def test_sources_stay_in_their_place(client: Client, run_id: str, space: Workspace, source: str) -> None:
    client.post("/registered-models/create", {"name": "churn"})
    assert version(client, source.replace("RUN", run_id))[0] in (400, 404)
    assert space.store.get_model("churn").versions == 0


def test_who_registered_stands_in_the_audit(server: Server, space: Workspace, run_id: str) -> None:
    ann = Client(server.port, token=server.tokens.add("ann", "write"))
    ann.post("/registered-models/create", {"name": "churn"})
    version(ann, f"runs:/{run_id}/model")
    ann.post("/registered-models/alias", {"name": "churn", "alias": "champion", "version": "1"})
    changes = space.store.model_changes("churn")
    assert len(changes) == 3
    assert {each.by.user for each in changes} == {"ann"}
