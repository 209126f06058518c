"""MLflow's routes of experiments."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from mlops_nb.entities import Experiment
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.server.routing import Request, Route
from mlops_nb.wire.mlflow import VIEWS, experiment_json, native_filter, read_tags
from mlops_nb.wire.names import RESULTS_LIMIT, check_key

ROOT = "/api/2.0/mlflow/experiments"


def read_view(value: Any) -> str:
    """A view as our store calls it.

    Examples
    --------
    >>> read_view("DELETED_ONLY"), read_view(None), read_view(3)
    ('deleted', 'active', 'all')
    """
    if value is None:
        return "active"
    key = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(key, (int, str)) or key not in VIEWS:
        raise InvalidInput(f"Invalid value {str(value)[:60]!a} for parameter 'view_type' supplied.")
    return VIEWS[key]


def read_limit(value: int | None, default: int) -> int:
    """A page's size, within MLflow's bounds.

    Examples
    --------
    >>> read_limit(None, 1000)
    1000
    """
    limit = default if value is None else value
    if limit < 1:
        raise InvalidInput(
            f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer."
        )
    if limit > RESULTS_LIMIT:
        raise InvalidInput(
            f"Invalid value {limit} for parameter 'max_results' supplied. It must be at most {RESULTS_LIMIT}."
        )
    return limit


def create(request: Request) -> dict[str, Any]:
    """Make an experiment."""
    name, location = request.fields["name"], request.fields.get("artifact_location", "")
    tags = read_tags(request.fields.get("tags", []))
    for key in tags:
        check_key("key", key)
    made = request.space.store.create_experiment(name, artifact_location=_check_location(location), tags=tags)
    return {"experiment_id": made.experiment_id}


def _check_location(location: str) -> str:
    """We never open it: clients do. But what is meant to leave its folder is not passed on either."""
    parts = unquote(unquote(location)).split("/")
    if any(mark in location for mark in "#;?\\\0") or ".." in parts:
        raise InvalidInput(
            f"Invalid artifact location: {location[:200]!a}. 'artifact_location' URL can't include fragments, params, "
            "a query or '..'."
        )
    return location.rstrip("/")


def get(request: Request) -> dict[str, Any]:
    """An experiment by its id."""
    return {"experiment": experiment_json(_find(request))}


def get_by_name(request: Request) -> dict[str, Any]:
    """An experiment by its name."""
    name = request.fields["experiment_name"]
    found = request.space.store.find_experiment(name)
    if found is None:
        raise NotFound(f"Could not find experiment with name '{name}'")
    return {"experiment": experiment_json(found)}


def search(request: Request) -> dict[str, Any]:
    """A page of experiments."""
    fields = request.fields
    page = request.space.store.search_experiments(
        native_filter(fields.get("filter", "")),
        order_by=fields.get("order_by", []),
        limit=read_limit(fields.get("max_results"), 1000),
        page_token=fields.get("page_token") or None,
        view=read_view(fields.get("view_type")),
    )
    answer: dict[str, Any] = {"experiments": [experiment_json(each) for each in page.items]}
    if page.next_token:
        answer["next_page_token"] = page.next_token
    return answer


def delete(request: Request) -> dict[str, Any]:
    """Mark an experiment and its runs as deleted."""
    found = _find(request)
    _check_stage(found, "active")
    request.space.store.update_experiment(found.experiment_id, lifecycle_stage="deleted")
    return {}


def restore(request: Request) -> dict[str, Any]:
    """Take an experiment back, with the runs that were deleted with it."""
    found = _find(request)
    _check_stage(found, "deleted")
    request.space.store.update_experiment(found.experiment_id, lifecycle_stage="active")
    return {}


def _check_stage(experiment: Experiment, stage: str) -> None:
    if experiment.lifecycle_stage != stage:
        raise NotFound(f"No Experiment with id={experiment.experiment_id} exists")  # as MLflow says it


def update(request: Request) -> dict[str, Any]:
    """Rename an experiment."""
    found = _find(request)
    if found.lifecycle_stage != "active":
        raise InvalidState("Cannot rename a non-active experiment.")
    request.space.store.update_experiment(found.experiment_id, name=request.fields["new_name"])
    return {}


def set_tag(request: Request) -> dict[str, Any]:
    """Set a tag of an experiment."""
    key = check_key("key", request.fields["key"])
    found = _active(request)
    request.space.store.update_experiment(found.experiment_id, tags={key: request.fields.get("value", "")})
    return {}


def delete_tag(request: Request) -> dict[str, Any]:
    """Take a tag of an experiment away."""
    found, key = _active(request), request.fields["key"]
    if key not in found.tags:
        raise NotFound(f"No tag with name: {key} in experiment with id {found.experiment_id}")
    request.space.store.update_experiment(found.experiment_id, tags={key: None})
    return {}


def find_experiment(request: Request, experiment_id: str) -> Experiment:
    """The experiment with this id; the first one if it is empty, as in MLflow."""
    try:
        return request.space.store.get_experiment(experiment_id or "0")
    except NotFound:
        raise NotFound(f"No Experiment with id={experiment_id[:80]} exists") from None


def check_active(experiment: Experiment) -> Experiment:
    """Refuse an experiment that is deleted, in MLflow's words."""
    if experiment.lifecycle_stage != "active":
        raise InvalidInput(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. "
            f"Current state is {experiment.lifecycle_stage}."
        )
    return experiment


def _active(request: Request) -> Experiment:
    return check_active(_find(request))


def _find(request: Request) -> Experiment:
    return find_experiment(request, request.fields["experiment_id"])


_ID = {"experiment_id": "text!"}
_SEARCH = {"max_results": "int", "page_token": "text", "filter": "text", "order_by": "texts", "view_type": "any"}

ROUTES = (
    Route("POST", f"{ROOT}/create", create, "write", "write",
          {"name": "text!", "artifact_location": "text", "tags": "objects"}),
    Route("GET", f"{ROOT}/get", get, fields=_ID),
    Route("GET", f"{ROOT}/get-by-name", get_by_name, fields={"experiment_name": "text!"}),
    Route("POST", f"{ROOT}/search", search, fields=_SEARCH),
    Route("GET", f"{ROOT}/search", search, fields=_SEARCH),
    Route("POST", f"{ROOT}/delete", delete, "write", "write", _ID),
    Route("POST", f"{ROOT}/restore", restore, "write", "write", _ID),
    Route("POST", f"{ROOT}/update", update, "write", "write", {**_ID, "new_name": "text!"}),
    Route("POST", f"{ROOT}/set-experiment-tag", set_tag, "write", "write", {**_ID, "key": "text!", "value": "text"}),
    Route("POST", f"{ROOT}/delete-experiment-tag", delete_tag, "write", "write", {**_ID, "key": "text!"}),
)  # fmt: skip
