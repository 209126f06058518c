"""MLflow's routes of logged models."""

from __future__ import annotations

import uuid
from typing import Any

from mlops_nb.entities import Batch, now_ms
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.server.artifacts import list_tree
from mlops_nb.server.experiments import check_active, find_experiment, read_limit
from mlops_nb.server.routing import Request, Route
from mlops_nb.store import LoggedOrder
from mlops_nb.tracking.starts import random_name
from mlops_nb.wire.logged import (
    LoggedModel,
    LoggedPoint,
    check_model_name,
    logged_model_json,
    model_location,
    read_status,
)
from mlops_nb.wire.mlflow import artifact_location, read_tags
from mlops_nb.wire.strict import read_fields

ROOT = "/api/2.0/mlflow/logged-models"
ONE = ROOT + "/{model_id}"


def create(request: Request) -> dict[str, Any]:
    """Make a logged model; its files come next."""
    fields = request.fields
    experiment = check_active(find_experiment(request, fields["experiment_id"]))
    model_id, now = f"m-{uuid.uuid4().hex}", now_ms()
    name = check_model_name(fields["name"]) if fields.get("name") else random_name(model_id[2:])
    made = LoggedModel(
        model_id,
        experiment.experiment_id,
        name,
        fields.get("model_type", ""),
        fields.get("source_run_id", ""),
        "PENDING",
        "active",
        now,
        now,
        read_tags(fields.get("params", [])),
        read_tags(fields.get("tags", [])),
    )
    return _tell(request, request.space.store.create_logged_model(made))


def get(request: Request) -> dict[str, Any]:
    """A logged model."""
    deleted = request.fields.get("allow_deleted", False)
    return _tell(request, request.space.store.get_logged_model(request.need("model_id"), deleted=deleted))


def finalize(request: Request) -> dict[str, Any]:
    """Say that the files are there, or that they never will be."""
    status = read_status(request.fields["status"])
    return _tell(request, request.space.store.update_logged_model(request.need("model_id"), status=status))


def delete(request: Request) -> dict[str, Any]:
    """Mark a logged model as deleted."""
    model_id = request.need("model_id")
    request.space.store.get_logged_model(model_id)
    request.space.store.update_logged_model(model_id, lifecycle_stage="deleted")
    return {}


def log_params(request: Request) -> dict[str, Any]:
    """Add params."""
    params = read_tags(request.fields.get("params", []))
    request.space.store.update_logged_model(request.need("model_id"), params=params)
    return {}


def set_tags(request: Request) -> dict[str, Any]:
    """Set tags."""
    tags = read_tags(request.fields.get("tags", []))
    return _tell(request, request.space.store.update_logged_model(request.need("model_id"), tags={**tags}))


def delete_tag(request: Request) -> dict[str, Any]:
    """Take a tag away."""
    model_id, key = request.need("model_id"), request.need("tag_key")
    if key not in request.space.store.get_logged_model(model_id).tags:
        raise NotFound(f"No tag with key {key!r} found for model with ID {model_id!r}.")
    request.space.store.update_logged_model(model_id, tags={key: None})
    return {}


def search(request: Request) -> dict[str, Any]:
    """A page of logged models."""
    fields = request.fields
    dataset = {"dataset_name": "text", "dataset_digest": "text"}
    datasets = [read_fields(each, dataset) for each in fields.get("datasets", [])]
    if not all(each.get("dataset_name") for each in datasets):
        raise InvalidInput("`dataset_name` in the `datasets` clause must be specified.")
    order = {"field_name": "text!", "ascending": "bool", "dataset_name": "text", "dataset_digest": "text"}
    terms = [read_fields(each, order) for each in fields.get("order_by", [])]
    page = request.space.store.search_logged_models(
        fields["experiment_ids"],
        fields.get("filter", ""),
        datasets=[(each["dataset_name"], each.get("dataset_digest", "")) for each in datasets],
        order_by=[
            LoggedOrder(
                each["field_name"],
                each.get("ascending", True),
                each.get("dataset_name", ""),
                each.get("dataset_digest", ""),
            )
            for each in terms
        ],
        limit=read_limit(fields.get("max_results"), 100),
        page_token=fields.get("page_token") or None,
    )
    answer: dict[str, Any] = {"models": [_tell(request, each)["model"] for each in page.items]}
    if page.next_token:
        answer["next_page_token"] = page.next_token
    return answer


def list_files(request: Request) -> dict[str, Any]:
    """The files and folders directly below a path of a logged model."""
    store = request.space.store
    model = store.get_logged_model(request.need("model_id"))
    location = artifact_location(store.get_experiment(model.experiment_id))
    tree = store.logged_model_files(model.model_id)
    root = model_location(location, model.model_id)
    return {"root_uri": root, "files": list_tree(tree, request.fields.get("artifact_directory_path"))}


def _tell(request: Request, model: LoggedModel) -> dict[str, Any]:
    store = request.space.store
    location = artifact_location(store.get_experiment(model.experiment_id))
    return {"model": logged_model_json(model, location, [])}


def keep_points(request: Request, batch: Batch, metrics: list[dict[str, Any]]) -> None:
    """Points of a run that are about a logged model are kept with the model, too."""
    points: dict[str, list[LoggedPoint]] = {}
    for each in metrics:
        if each.get("model_id"):
            points.setdefault(each["model_id"], []).append(
                LoggedPoint(
                    each["key"],
                    each["value"],
                    each["timestamp"],
                    each.get("step", 0),
                    batch.run_id,
                    each.get("dataset_name", ""),
                    each.get("dataset_digest", ""),
                )
            )
    if points:
        request.space.store.log_model_points(points)


ROUTES = (
    Route("POST", ROOT, create, "write", "write",
          {"experiment_id": "text!", "name": "text", "model_type": "text", "source_run_id": "text",
           "params": "objects", "tags": "objects"}),
    Route("POST", f"{ROOT}/search", search,
          fields={"experiment_ids": "texts!", "filter": "text", "datasets": "objects", "max_results": "int",
                  "order_by": "objects", "page_token": "text"}),
    Route("GET", ONE, get, fields={"allow_deleted": "bool"}),
    Route("PATCH", ONE, finalize, "write", "write", {"status": "any!"}),
    Route("DELETE", ONE, delete, "write", "write"),
    Route("POST", f"{ONE}/params", log_params, "write", "write", {"params": "objects"}),
    Route("PATCH", f"{ONE}/tags", set_tags, "write", "write", {"tags": "objects"}),
    Route("DELETE", f"{ONE}/tags/{{tag_key}}", delete_tag, "write", "write"),
    Route("GET", f"{ONE}/artifacts/directories", list_files,
          fields={"artifact_directory_path": "text", "page_token": "text"}),
)  # fmt: skip
