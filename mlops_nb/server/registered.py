"""MLflow's routes of the model registry. What moves a version goes through the gates, as everywhere."""

from __future__ import annotations

from typing import Any

from mlops_nb.artifacts import subtree, tree_digest
from mlops_nb.entities import Artifact, ModelVersion, RegisteredModel, Signed
from mlops_nb.errors import AlreadyExists, InvalidInput, NotFound
from mlops_nb.registry import promote
from mlops_nb.registry.names import STAGES, check_alias, check_model_name, check_stage
from mlops_nb.registry.resolving import own_stages
from mlops_nb.server.artifacts import split_path
from mlops_nb.server.experiments import read_limit
from mlops_nb.server.routing import Request, Route
from mlops_nb.wire.logged import model_location
from mlops_nb.wire.mlflow import artifact_location, read_tags
from mlops_nb.wire.names import check_key
from mlops_nb.wire.registered import latest_versions, model_json, native_model_filter, read_source, version_json

MODELS = "/api/2.0/mlflow/registered-models"
VERSIONS = "/api/2.0/mlflow/model-versions"


def _by(request: Request) -> Signed:
    return Signed(request.caller.name)


def create_model(request: Request) -> dict[str, Any]:
    """Make a registered model."""
    fields = request.fields
    name, tags = check_model_name(fields["name"]), read_tags(fields.get("tags", []))
    for key in tags:
        check_key("key", key)
    try:
        made = request.space.store.create_model(
            name, description=fields.get("description", ""), tags=tags, by=_by(request)
        )
    except AlreadyExists:
        raise AlreadyExists(f"Registered Model (name={name}) already exists.") from None
    return {"registered_model": model_json(made, [])}


def get_model(request: Request) -> dict[str, Any]:
    """A registered model."""
    return _tell(request, _model(request))


def update_model(request: Request) -> dict[str, Any]:
    """Describe a registered model."""
    model = _model(request)
    text = request.fields.get("description", "")
    return _tell(request, request.space.store.update_model(model.name, description=text, by=_by(request)))


def rename_model(request: Request) -> dict[str, Any]:
    """Rename a registered model."""
    model, name = _model(request), check_model_name(request.fields["new_name"])
    try:
        return _tell(request, request.space.store.update_model(model.name, new_name=name, by=_by(request)))
    except AlreadyExists:
        raise AlreadyExists(f"Registered Model (name={name}) already exists.") from None


def delete_model(request: Request) -> dict[str, Any]:
    """Take a registered model away with its versions."""
    request.space.store.delete_model(_model(request).name, by=_by(request))
    return {}


def search_models(request: Request) -> dict[str, Any]:
    """A page of registered models."""
    fields, store = request.fields, request.space.store
    limit = read_limit(fields.get("max_results"), 100)
    if limit > 1000:
        raise InvalidInput(f"Invalid value for max_results. It must be at most 1000, but got value {limit}.")
    page = store.search_models(
        native_model_filter(fields.get("filter", "")),
        order_by=fields.get("order_by", []),
        limit=limit,
        page_token=fields.get("page_token") or None,
    )
    versions = store.latest_versions([each.name for each in page.items])
    answer: dict[str, Any] = {
        "registered_models": [model_json(each, versions.get(each.name, [])) for each in page.items]
    }
    if page.next_token:
        answer["next_page_token"] = page.next_token
    return answer


def get_latest(request: Request) -> dict[str, Any]:
    """The newest version of each stage, or of those that are named."""
    model = _model(request)
    stages = {check_stage(each, own_stages(request.space)) for each in request.fields.get("stages", [])}
    found = latest_versions(request.space.store.latest_versions([model.name]).get(model.name, []))
    return {"model_versions": [version_json(each) for each in found if not stages or each.stage in stages]}


def set_model_tag(request: Request) -> dict[str, Any]:
    """Set a tag of a registered model."""
    tags = {check_key("key", request.fields["key"]): request.fields.get("value", "")}
    request.space.store.update_model(_model(request).name, tags=tags, by=_by(request))
    return {}


def delete_model_tag(request: Request) -> dict[str, Any]:
    """Take a tag of a registered model away."""
    request.space.store.update_model(_model(request).name, tags={request.fields["key"]: None}, by=_by(request))
    return {}


def set_alias(request: Request) -> dict[str, Any]:
    """Give a version an alias, if it passes the gates."""
    alias, version = check_alias(request.fields["alias"]), _version(request)
    promote(version.name, version.version, alias=alias, user=request.caller.name or None, space=request.space)
    return {}


def delete_alias(request: Request) -> dict[str, Any]:
    """Take an alias away."""
    model, alias = _model(request), request.fields["alias"]
    if alias in model.aliases:
        request.space.store.move_version(model.name, None, alias=alias, by=_by(request))
    return {}


def get_by_alias(request: Request) -> dict[str, Any]:
    """The version that an alias names."""
    model, alias = _model(request), request.fields["alias"]
    if alias.lower() == "latest" and model.latest:
        return {"model_version": version_json(request.space.store.get_version(model.name, model.latest))}
    if alias not in model.aliases:
        raise InvalidInput(f"Registered model alias {alias[:80]} not found.")
    return {"model_version": version_json(request.space.store.get_version(model.name, model.aliases[alias]))}


def create_version(request: Request) -> dict[str, Any]:
    """Register a version: its files are kept by their digests, whatever becomes of the run."""
    fields, store = request.fields, request.space.store
    model, source = _model(request), fields["source"]
    run_id, logged, path, tree = _find_source(request, source)
    given_run, given_model = fields.get("run_id", ""), fields.get("model_id", "")
    if given_run and run_id and given_run != run_id:
        raise InvalidInput(
            f"Invalid model version source: '{source}'. The run_id request parameter must identify the resource that "
            "contains the source."
        )
    if given_model:
        store.get_logged_model(given_model)
    logged = given_model or logged
    tags = read_tags(fields.get("tags", []))
    for key in tags:
        check_key("key", key)
    made = store.create_version(
        model.name,
        source=source,
        run_id=given_run or run_id or None,
        path=path,
        digest=tree_digest(tree) if tree else "",
        files=tree,
        description=fields.get("description", ""),
        tags=tags,
        run_link=fields.get("run_link", ""),
        logged_model=logged,
        by=_by(request),
    )
    return {"model_version": version_json(made)}


def _find_source(request: Request, text: str) -> tuple[str, str, str, list[Artifact]]:
    """The run, the logged model, the path and the files that a source means; empty what it does not tell."""
    store, source = request.space.store, read_source(text)
    if source.kind == "elsewhere":
        return "", "", "", []
    if source.kind == "version":
        version = store.get_version(source.owner, _number(source.path))
        files = store.version_files(version.name, version.version)
        return version.run_id or "", version.logged_model, version.path, files
    owner, path = (source.owner, source.path) if source.kind != "proxied" else split_path(source.path)
    if owner.startswith("m-"):
        model = store.get_logged_model(owner)
        return model.source_run_id, owner, path, _below(store.logged_model_files(owner), path)
    try:
        run = store.get_run(owner)
    except NotFound:
        raise InvalidInput(
            f"Invalid model version source: {text[:200]!a}. There is no such run.",
            hint="For instance runs:/RUN_ID/model",
        ) from None
    return run.run_id, "", path, _below(store.artifacts(run.run_id), path)


def _below(tree: list[Artifact], path: str) -> list[Artifact]:
    try:
        return subtree(tree, path)
    except NotFound:
        return []  # MLflow takes a version whose files come later, or never


def get_version(request: Request) -> dict[str, Any]:
    """A version."""
    return {"model_version": version_json(_version(request))}


def update_version(request: Request) -> dict[str, Any]:
    """Describe a version."""
    version = _version(request)
    changed = request.space.store.update_version(
        version.name, version.version, description=request.fields.get("description"), by=_by(request)
    )
    return {"model_version": version_json(changed)}


def move_version(request: Request) -> dict[str, Any]:
    """Move a version to a stage, if it passes the gates."""
    version = _version(request)
    stage = check_stage(request.fields["stage"], own_stages(request.space))
    archive = request.fields.get("archive_existing_versions", False)
    if archive and stage in ("None", "Archived"):
        active = [each for each in STAGES if each not in ("None", "Archived")]
        raise InvalidInput(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an Active "
            f"stage. Valid stages are {active}"
        )
    user = request.caller.name or None
    moved = promote(version.name, version.version, stage=stage, archive=archive, user=user, space=request.space)
    return {"model_version": version_json(moved)}


def delete_version(request: Request) -> dict[str, Any]:
    """Take a version away."""
    version = _version(request)
    request.space.store.delete_version(version.name, version.version, by=_by(request))
    return {}


def search_versions(request: Request) -> dict[str, Any]:
    """A page of versions of all models."""
    fields = request.fields
    limit = fields.get("max_results", 10_000)
    if not 1 <= limit <= 200_000:
        raise InvalidInput(f"Invalid value for max_results. It must be from 1 to 200000, but got value {limit}.")
    page = request.space.store.search_versions(
        native_model_filter(fields.get("filter", "")),
        order_by=fields.get("order_by", []),
        limit=limit,
        page_token=fields.get("page_token") or None,
    )
    answer: dict[str, Any] = {"model_versions": [version_json(each) for each in page.items]}
    if page.next_token:
        answer["next_page_token"] = page.next_token
    return answer


def get_location(request: Request) -> dict[str, Any]:
    """Where clients fetch the files of a version: what was registered, or the folder of the logged model."""
    version, store = _version(request), request.space.store
    if not version.logged_model:
        if version.source or not version.run_id:
            return {"artifact_uri": version.source}
        return {"artifact_uri": f"runs:/{version.run_id}/{version.path}"}
    model = store.get_logged_model(version.logged_model, deleted=True)
    location = model_location(artifact_location(store.get_experiment(model.experiment_id)), model.model_id)
    return {"artifact_uri": f"{location}/{version.path}" if version.path else location}


def set_version_tag(request: Request) -> dict[str, Any]:
    """Set a tag of a version."""
    version = _version(request)
    tags = {check_key("key", request.fields["key"]): request.fields.get("value", "")}
    request.space.store.update_version(version.name, version.version, tags=tags, by=_by(request))
    return {}


def delete_version_tag(request: Request) -> dict[str, Any]:
    """Take a tag of a version away."""
    version = _version(request)
    tags = {request.fields["key"]: None}
    request.space.store.update_version(version.name, version.version, tags=tags, by=_by(request))
    return {}


def _model(request: Request) -> RegisteredModel:
    name = request.fields["name"]
    try:
        return request.space.store.get_model(name)
    except NotFound:
        raise NotFound(f"Registered Model with name={name[:80]} not found") from None


def _version(request: Request) -> ModelVersion:
    name, number = request.fields["name"], _number(request.fields["version"])
    try:
        return request.space.store.get_version(name, number)
    except NotFound:
        raise NotFound(f"Model Version (name={name[:80]}, version={number}) not found") from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidInput(f"Parameter 'version' must be an integer, got '{text[:80]}'.")
    return int(text)


def _tell(request: Request, model: RegisteredModel) -> dict[str, Any]:
    versions = request.space.store.model_versions([model.name]).get(model.name, [])
    return {"registered_model": model_json(model, versions)}


_NAME = {"name": "text!"}
_ONE = {"name": "text!", "version": "text!"}
_TAG = {"key": "text!", "value": "text"}
_KEY = {"key": "text!"}
_SEARCH = {"filter": "text", "max_results": "int", "order_by": "texts", "page_token": "text"}
_LATEST = {"name": "text!", "stages": "texts"}
_ALIAS = {"name": "text!", "alias": "text!"}
_NEW = {"name": "text!", "tags": "objects", "description": "text", "deployment_job_id": "text"}
_NEW_VERSION = {
    "name": "text!", "source": "text!", "run_id": "text", "tags": "objects", "run_link": "text", "description": "text",
    "model_id": "text",
}  # fmt: skip

ROUTES = (
    Route("POST", f"{MODELS}/create", create_model, "write", "write", _NEW),
    Route("GET", f"{MODELS}/get", get_model, fields=_NAME),
    Route("PATCH", f"{MODELS}/update", update_model, "write", "write",
          {"name": "text!", "description": "text", "deployment_job_id": "text"}),
    Route("POST", f"{MODELS}/rename", rename_model, "write", "write", {"name": "text!", "new_name": "text!"}),
    Route("DELETE", f"{MODELS}/delete", delete_model, "write", "write", _NAME),
    Route("GET", f"{MODELS}/search", search_models, fields=_SEARCH),
    Route("POST", f"{MODELS}/get-latest-versions", get_latest, fields=_LATEST),
    Route("GET", f"{MODELS}/get-latest-versions", get_latest, fields=_LATEST),
    Route("POST", f"{MODELS}/set-tag", set_model_tag, "write", "write", {**_NAME, **_TAG}),
    Route("DELETE", f"{MODELS}/delete-tag", delete_model_tag, "write", "write", {**_NAME, **_KEY}),
    Route("POST", f"{MODELS}/alias", set_alias, "write", "write", {**_ALIAS, "version": "text!"}),
    Route("DELETE", f"{MODELS}/alias", delete_alias, "write", "write", _ALIAS),
    Route("GET", f"{MODELS}/alias", get_by_alias, fields=_ALIAS),
    Route("POST", f"{VERSIONS}/create", create_version, "write", "write", _NEW_VERSION),
    Route("GET", f"{VERSIONS}/get", get_version, fields=_ONE),
    Route("PATCH", f"{VERSIONS}/update", update_version, "write", "write", {**_ONE, "description": "text"}),
    Route("POST", f"{VERSIONS}/transition-stage", move_version, "write", "write",
          {**_ONE, "stage": "text!", "archive_existing_versions": "bool"}),
    Route("DELETE", f"{VERSIONS}/delete", delete_version, "write", "write", _ONE),
    Route("GET", f"{VERSIONS}/search", search_versions, fields=_SEARCH),
    Route("GET", f"{VERSIONS}/get-download-uri", get_location, fields=_ONE),
    Route("POST", f"{VERSIONS}/set-tag", set_version_tag, "write", "write", {**_ONE, **_TAG}),
    Route("DELETE", f"{VERSIONS}/delete-tag", delete_version_tag, "write", "write", {**_ONE, **_KEY}),
)  # fmt: skip
