"""The description of our own routes says what is there, and what goes in and out is as it says."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from mlops_nb.server import all_routes
from mlops_nb.store.calls import all_calls
from mlops_nb.workspace import Workspace
from tests.server.live import Client
from tests.store.contract.making import add

ROOT = "/api/mlops-nb/v1"


@pytest.fixture
def described(client: Client) -> Any:
    return client.ask("GET", f"{ROOT}/openapi.json").json


def test_every_route_of_ours_is_described(described: Any) -> None:
    ours = {(route.method, route.path): route.role for route in all_routes() if route.is_ours}
    del ours["GET", f"{ROOT}/openapi.json"]
    told = {
        (method.upper(), path): what["x-role"]
        for path, methods in described["paths"].items()
        for method, what in methods.items()
        if method != "parameters"
    }
    assert told == ours
    jsonschema.Draft202012Validator.check_schema(described["components"]["schemas"])


def test_answers_are_as_described(described: Any, client: Client, space: Workspace) -> None:
    run_id = add(space.store, params={"p": float("nan"), "q": {"$number": "x"}}, metrics={"m": float("inf")})
    space.store.create_model("churn")
    arguments: dict[str, dict[str, Any]] = {
        "get_run": {"run_id": run_id},
        "search_runs": {"filter": "metrics.m > 1", "limit": 5},
        "history": {"run_id": run_id, "key": "m"},
        "outline": {"run_id": run_id, "key": "m", "points": 100, "low": 0.5},
        "changes": {"since": 0},
        "param_history": {"run_id": run_id, "key": "p"},
        "search_experiments": {},
        "search_models": {},
        "info": {},
        "last_points": {"run_ids": [run_id]},
        "point_counts": {"run_ids": [run_id]},
        "find_experiment": {"name": "nothing"},
    }
    for name, given in arguments.items():
        path = all_calls()[name].path
        about = described["paths"][path]["post"]
        answer = client.ask("POST", path, given)
        assert answer.status == 200, (name, answer.body)
        schema = about["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json, {**schema, "components": described["components"]})
        asked = about["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(given, {**asked, "components": described["components"]})


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("get_run", {}),
        ("get_run", {"run_id": 5}),
        ("get_run", {"run_id": "a", "colour": "red"}),
        ("search_runs", {"limit": "5"}),
        ("search_runs", {"limit": 2**63}),
        ("search_runs", {"experiment_ids": "0"}),
        ("apply", {"batches": [{"run_id": "r"}]}),
        ("apply", {"batches": [{"run_id": "r", "source": "s", "colour": 1}]}),
        ("apply", {"batches": [{"run_id": "r", "source": "", "metrics": {"m": {"values": "x"}}}]}),
        ("apply", {"batches": [{"run_id": "r", "source": "", "params": [["a", 1]]}]}),
        ("apply", {"batches": [{"run_id": "r", "source": "", "end": {"status": "DONE", "end_time": 1}}]}),
        ("apply", {"batches": [{"run_id": "r", "source": "", "facts": {"f": {"$what": 1}}}]}),
        ("create_experiment", {"name": ["x"]}),
        ("create_version", {"name": "m", "source": "s", "by": {"colour": 1}}),
    ],
)
def test_what_is_not_as_described_is_refused(client: Client, name: str, body: dict[str, Any]) -> None:
    answer = client.ask("POST", all_calls()[name].path, body)
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_blobs_are_what_their_digest_says(client: Client) -> None:
    digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    path = f"{ROOT}/blobs/{digest}"
    assert client.ask("GET", path).status == 404
    assert client.ask("PUT", path, b"hallo").status == 400
    assert client.ask("POST", f"{ROOT}/blobs", {"digests": [digest]}).json == {"sizes": {}}
    assert client.ask("PUT", path, b"hello").json == {"digest": digest, "size": 5}
    assert client.ask("GET", path).body == b"hello"
    assert client.ask("POST", f"{ROOT}/blobs", {"digests": [digest]}).json == {"sizes": {digest: 5}}
    for bad in ("sha256:..", "..%2f..%2fetc", "md5:0"):
        assert client.ask("GET", f"{ROOT}/blobs/{bad}").status == 400
