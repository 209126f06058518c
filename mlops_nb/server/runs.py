"""MLflow's routes of runs: made, changed, searched."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from mlops_nb.entities import Batch, Experiment, Metric, Run, RunStart, check_name, new_id, now_ms
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.server.experiments import check_active, find_experiment, read_limit, read_view
from mlops_nb.server.routing import Request, Route
from mlops_nb.tracking import active
from mlops_nb.tracking.starts import random_name
from mlops_nb.views import NAME_TAG, PARENT_TAG
from mlops_nb.wire.mlflow import (
    STATUSES,
    all_tags,
    artifact_location,
    model_ref,
    native_filter,
    read_dataset_input,
    read_tags,
    run_info_json,
    run_json,
    split_tags,
)
from mlops_nb.wire.names import check_key

ROOT = "/api/2.0/mlflow/runs"
MODELS_TAG = "mlflow.log-model.history"


def create(request: Request) -> dict[str, Any]:
    """Make a run."""
    fields = request.fields
    experiment = check_active(find_experiment(request, fields.get("experiment_id", "")))
    tags = read_tags(fields.get("tags", []))
    for key in tags:
        check_key("key", key)
    run_id = new_id()
    name, tagged = fields.get("run_name", ""), tags.pop(NAME_TAG, "")
    if name and tagged and name != tagged:
        raise InvalidInput(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{name}', mlflow.runName='{tagged}')."
        )
    name = name or tagged or random_name(run_id)
    user = request.caller.name or fields.get("user_id", "")
    place = experiment.name
    if PARENT_TAG not in tags and (cells := [each for each in active.open_runs() if each.of_cell]):
        tags[PARENT_TAG] = cells[-1].run_id  # MLflow works in our own process (see `bridge`), inside a tracked cell
        place = cells[-1].experiment if experiment.experiment_id == "0" else place
    known, kept = split_tags(name, user, tags)
    begun = fields.get("start_time", 0) or now_ms()
    start = RunStart(run_id, check_name("run", name), place, begun, user=user, **known)
    request.space.store.apply([Batch(run_id, "", start=start, tags={**kept})])
    run = request.space.store.get_run(run_id)
    location = artifact_location(request.space.store.get_experiment(run.experiment_id))
    return {"run": run_json(run, location, [])}


def get(request: Request) -> dict[str, Any]:
    """A run with all that MLflow knows of one."""
    run = find_run(request, read_run_id(request))
    return {"run": describe_runs(request, [run])[0]}


def update(request: Request) -> dict[str, Any]:
    """Change status, end or name."""
    fields = request.fields
    run = find_active_run(request, read_run_id(request))
    status = fields.get("status")
    if status is not None:
        status = STATUSES.get(int(status), status) if str(status).isdecimal() else status
    end = fields.get("end_time")
    store = request.space.store
    run = store.update_run(run.run_id, name=fields.get("run_name") or None, status=status, end_time=end)
    experiment = store.get_experiment(run.experiment_id)
    return {"run_info": run_info_json(run, artifact_location(experiment))}


def delete(request: Request) -> dict[str, Any]:
    """Mark a run as deleted."""
    run = find_run(request, read_run_id(request))
    request.space.store.update_run(run.run_id, lifecycle_stage="deleted")
    return {}


def restore(request: Request) -> dict[str, Any]:
    """Take a deleted run back."""
    run = find_run(request, read_run_id(request))
    request.space.store.update_run(run.run_id, lifecycle_stage="active")
    return {}


def search(request: Request) -> dict[str, Any]:
    """A page of runs."""
    fields = request.fields
    page = request.space.store.search_runs(
        fields.get("experiment_ids", []),
        native_filter(fields.get("filter", "")),
        order_by=[native_filter(term) for term in fields.get("order_by", [])],
        limit=read_limit(fields.get("max_results"), 1000),
        page_token=fields.get("page_token") or None,
        view=read_view(fields.get("run_view_type")),
    )
    answer: dict[str, Any] = {"runs": describe_runs(request, page.items)}
    if page.next_token:
        answer["next_page_token"] = page.next_token
    return answer


def describe_runs(request: Request, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Runs as MLflow's clients read them, with the last points and the data of all of them in two queries."""
    store = request.space.store
    ids = [run.run_id for run in runs]
    points, data = store.last_points(ids), store.data_of(ids)
    experiments: dict[str, Experiment] = {}
    found = []
    for run in runs:
        if run.experiment_id not in experiments:
            experiments[run.experiment_id] = store.get_experiment(run.experiment_id)
        location = artifact_location(experiments[run.experiment_id])
        # the value comes from the run's own row, which keeps every bit of it
        last = [
            Metric(each.key, run.metrics[each.key], each.timestamp, each.step)
            for each in points.get(run.run_id, ())
            if each.key in run.metrics
        ]
        found.append(run_json(run, location, last, data.get(run.run_id, ())))
    return found


def set_tag(request: Request) -> dict[str, Any]:
    """Set a tag; some of MLflow's are fields of ours."""
    run_id = read_run_id(request)
    _set_tags(request, run_id, {check_key("key", request.fields["key"]): request.fields.get("value", "")})
    return {}


def _set_tags(request: Request, run_id: str, tags: dict[str, str]) -> None:
    run = find_active_run(request, run_id)
    name, parent = tags.pop(NAME_TAG, None), tags.pop(PARENT_TAG, None)
    request.space.store.update_run(run.run_id, name=name, parent_run_id=parent, tags=tags)


def take_fields(request: Request, batch: Batch) -> Callable[[], None] | None:
    """Take tags that are fields of ours out of a batch; what sets them when the rest is stored."""
    fields = {key: batch.tags.pop(key) for key in (NAME_TAG, PARENT_TAG) if key in batch.tags}
    if not fields:
        return None
    return lambda: _set_tags(request, batch.run_id, {key: value or "" for key, value in fields.items()})


def delete_tag(request: Request) -> dict[str, Any]:
    """Take a tag away."""
    run, key = find_active_run(request, read_run_id(request)), request.fields["key"]
    if key in run.tags:
        request.space.store.update_run(run.run_id, tags={key: None})
    elif key in all_tags(run):
        raise InvalidInput(f"The tag {key} is a part of the run, and cannot be taken away.", hint="Set another value.")
    else:
        raise NotFound(f"No tag with name: {key} in run with id {run.run_id}")
    return {}


def log_inputs(request: Request) -> dict[str, Any]:
    """Datasets and logged models that a run used."""
    run = find_active_run(request, read_run_id(request))
    refs = [read_dataset_input(each) for each in request.fields.get("datasets", [])]
    refs += [model_ref(_model_id(each), "read") for each in request.fields.get("models", [])]
    request.space.store.apply([Batch(run.run_id, "", data=refs)], guarded=True)
    return {}


def log_outputs(request: Request) -> dict[str, Any]:
    """Logged models that a run made."""
    run = find_active_run(request, read_run_id(request))
    refs = []
    for each in request.fields["models"]:
        step = each.get("step", 0)
        if not isinstance(step, int):
            raise InvalidInput("Invalid value for parameter 'step' supplied: it is no whole number.")
        refs.append(model_ref(_model_id(each), "write", step))
    request.space.store.apply([Batch(run.run_id, "", data=refs)], guarded=True)
    return {}


def _model_id(given: dict[str, Any]) -> str:
    value = given.get("model_id")
    if not isinstance(value, str):
        raise InvalidInput("Missing value for required parameter 'model_id'.")
    return check_name("model", value)


def log_model(request: Request) -> dict[str, Any]:
    """A model's description, which MLflow's older clients keep in a tag of the run."""
    text = request.fields["model_json"]
    try:
        model = json.loads(text)
    except ValueError:
        raise InvalidInput(f"Malformed model info. \n {text[:200]} \n is not a valid JSON.") from None
    needed = {"artifact_path", "flavors", "utc_time_created", "run_id"}
    missing = needed - model.keys() if isinstance(model, dict) else needed
    if missing:
        raise InvalidInput(f"Model json is missing mandatory fields: {missing}")
    run = find_active_run(request, read_run_id(request))
    former = json.loads(run.tags.get(MODELS_TAG, "[]"))
    kept = {key: value for key, value in model.items() if key != "signature"}
    request.space.store.update_run(run.run_id, tags={MODELS_TAG: json.dumps([*former, kept])})
    return {}


def read_run_id(request: Request) -> str:
    """The id of the run that a request is about; older clients call it ``run_uuid``."""
    value = request.fields.get("run_id") or request.fields.get("run_uuid")
    if not value:
        raise InvalidInput("Missing value for required parameter 'run_id'.")
    return str(value)


def find_run(request: Request, run_id: str) -> Run:
    """The run, or what MLflow says if there is none."""
    store = request.space.store
    try:
        return store.get_run(run_id)
    except NotFound:
        if any(each.run_id == run_id for each in active.open_runs()) and request.space.flush():
            return store.get_run(run_id)  # a cell's of this process (see `bridge`), on its way into the store
        raise NotFound(f"Run with id={run_id[:80]} not found") from None


def find_active_run(request: Request, run_id: str) -> Run:
    """The run, unless it is deleted."""
    run = find_run(request, run_id)
    if run.lifecycle_stage != "active":
        raise InvalidInput(
            f"The run {run.run_id} must be in the 'active' state. Current state is {run.lifecycle_stage}."
        )
    return run


_ID = {"run_id": "text", "run_uuid": "text"}
_SEARCH = {
    "experiment_ids": "texts", "filter": "text", "run_view_type": "any", "max_results": "int", "order_by": "texts",
    "page_token": "text",
}  # fmt: skip
_NEW = {"experiment_id": "text", "user_id": "text", "run_name": "text", "start_time": "int", "tags": "objects"}

ROUTES = (
    Route("POST", f"{ROOT}/create", create, "write", "write", _NEW),
    Route("GET", f"{ROOT}/get", get, fields=_ID),
    Route("POST", f"{ROOT}/update", update, "write", "write",
          {**_ID, "status": "any", "end_time": "int", "run_name": "text"}),
    Route("POST", f"{ROOT}/delete", delete, "write", "write", _ID),
    Route("POST", f"{ROOT}/restore", restore, "write", "write", _ID),
    Route("POST", f"{ROOT}/search", search, fields=_SEARCH),
    Route("POST", f"{ROOT}/set-tag", set_tag, "write", "write", {**_ID, "key": "text!", "value": "text"}),
    Route("POST", f"{ROOT}/delete-tag", delete_tag, "write", "write", {**_ID, "key": "text!"}),
    Route("POST", f"{ROOT}/log-inputs", log_inputs, "write", "write",
          {**_ID, "datasets": "objects", "models": "objects"}),
    Route("POST", f"{ROOT}/outputs", log_outputs, "write", "write", {**_ID, "models": "objects!"}),
    Route("POST", f"{ROOT}/log-model", log_model, "write", "write", {**_ID, "model_json": "text!"}),
)  # fmt: skip
