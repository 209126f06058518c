"""Logged models and the registry of a server of MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlops_nb.entities import Artifact, ModelChange, ModelVersion, Page, RegisteredModel, Signed
from mlops_nb.errors import MlopsError, NotFound
from mlops_nb.store.abroad.api import Json
from mlops_nb.store.abroad.reading import AbroadReading
from mlops_nb.store.registry import NOBODY
from mlops_nb.wire.foreign import ID_TAG, SOURCE_TAG, read_logged_model, read_model, read_version, version_at_home
from mlops_nb.wire.logged import LoggedModel, LoggedPoint
from mlops_nb.wire.mlflow import number_json, tags_json

GAP = 10_000
"""Most numbers of deleted versions that are skipped."""


class AbroadModels(AbroadReading):
    """The whole store."""

    # -- logged models ------------------------------------------------------------------------------------------------

    def create_logged_model(self, model: LoggedModel) -> LoggedModel:
        """Make a logged model."""
        source = self.remote(model.source_run_id) if model.source_run_id else None
        asked = {
            "experiment_id": model.experiment_id, "name": model.name, "model_type": model.model_type,
            "source_run_id": source.run_id if source else "", "params": tags_json(model.params),
            "tags": tags_json({**model.tags, ID_TAG: model.model_id}),
        }  # fmt: skip
        theirs = str(self.post("logged-models", asked)["model"]["info"]["model_id"])
        self._models[model.model_id] = theirs
        self._set_status(theirs, model.status)
        for run_id, ref in self._links.pop(model.model_id, []):
            self._link(ref, run_id)
        if model.points:
            self.log_model_points({model.model_id: model.points})
        return model

    def get_logged_model(self, model_id: str, *, deleted: bool = False) -> LoggedModel:
        """The logged model with this id, or `NotFound`."""
        found = read_logged_model(self._logged(model_id))
        return _at_home(found, model_id, self._home.get(found.source_run_id, found.source_run_id))

    def _logged(self, model_id: str) -> Json:
        theirs = self.remote_model(model_id)
        if theirs is None:
            raise NotFound(f"There is no logged model {model_id[:80]!r} on {self._connection.url}.")
        return dict(self.get(f"logged-models/{theirs}")["model"])

    def update_logged_model(
        self,
        model_id: str,
        *,
        status: str | None = None,
        lifecycle_stage: str | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> LoggedModel:
        """Finish, add params, tag."""
        theirs = str(self._logged(model_id)["info"]["model_id"])
        if params:
            self.post(f"logged-models/{theirs}/params", {"params": tags_json(params)})
        if given := {key: value for key, value in (tags or {}).items() if value is not None}:
            self.post(f"logged-models/{theirs}/tags", {"tags": tags_json(given)}, method="PATCH")
        if status:
            self._set_status(theirs, status)
        return self.get_logged_model(model_id)

    def _set_status(self, theirs: str, status: str) -> None:
        if status in ("READY", "FAILED"):
            word = "LOGGED_MODEL_READY" if status == "READY" else "LOGGED_MODEL_UPLOAD_FAILED"
            self.post(f"logged-models/{theirs}", {"model_id": theirs, "status": word}, method="PATCH")

    def log_model_points(self, points: Mapping[str, Sequence[LoggedPoint]]) -> None:
        """Add points of metrics: MLflow takes them through the runs that they were measured in."""
        for model_id, given in points.items():
            theirs = self.remote_model(model_id)
            for each in given:
                run = self.remote(each.run_id) if each.run_id else None
                if run is None:
                    self.lose(f"Points of the logged model {model_id}: their run is not there.")
                    continue
                point: Json = {
                    "key": each.key, "value": number_json(each.value), "timestamp": each.timestamp, "step": each.step,
                    "model_id": theirs,
                }  # fmt: skip
                if each.dataset_name:
                    point |= {"dataset_name": each.dataset_name, "dataset_digest": each.dataset_digest}
                self.post("runs/log-batch", {"run_id": run.run_id, "metrics": [point]}, again=True)

    def logged_model_files(self, model_id: str) -> list[Artifact]:
        """The files of a logged model; their digests are not known."""
        theirs = str(self._logged(model_id)["info"]["model_id"])
        return list(self._listed(theirs, ""))

    def _listed(self, theirs: str, folder: str) -> list[Artifact]:
        query = {"artifact_directory_path": folder} if folder else {}
        found: list[Artifact] = []
        for each in self.get(f"logged-models/{theirs}/artifacts/directories", **query).get("files", []):
            path = str(each["path"])
            if each.get("is_dir"):
                found += self._listed(theirs, path)
            else:
                found.append(Artifact(path, "", int(each.get("file_size") or 0)))
        return found

    def keep_logged_files(self, model_id: str, files: Sequence[Artifact]) -> None:
        """Add files."""
        self.send_files(str(self._logged(model_id)["info"]["artifact_uri"]), files, f"the logged model {model_id}")

    # -- registered models --------------------------------------------------------------------------------------------

    def create_model(
        self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None, by: Signed = NOBODY
    ) -> RegisteredModel:
        """Make a registered model."""
        asked = {"name": name, "description": description, "tags": tags_json(tags or {})}
        return read_model(self.post("registered-models/create", asked)["registered_model"])

    def get_model(self, name: str) -> RegisteredModel:
        """The registered model of this name, or `NotFound`."""
        return read_model(self.get("registered-models/get", name=name)["registered_model"])

    def search_models(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int = 100, page_token: str | None = None
    ) -> Page:
        """A page of registered models."""
        asked: Json = {"filter": filter, "max_results": min(limit, 1000), "page_token": page_token or ""}
        answer = self.get("registered-models/search", **asked, order_by=list(order_by))
        found = [read_model(each) for each in answer.get("registered_models", [])]
        return Page(found, answer.get("next_page_token") or None)

    def update_model(
        self,
        name: str,
        *,
        new_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        rules: Mapping[str, Any] | None = None,
        by: Signed = NOBODY,
    ) -> RegisteredModel:
        """Rename, describe, tag. Rules of promotion have no place."""
        self._tag("registered-models", {"name": name}, tags or {})
        if description is not None:
            self.post("registered-models/update", {"name": name, "description": description}, method="PATCH")
        if rules:
            self.lose(f"The gates of {name}: MLflow has none.")
        if new_name is not None:
            self.post("registered-models/rename", {"name": name, "new_name": new_name})
        return self.get_model(new_name or name)

    def _tag(self, kind: str, which: Json, tags: Mapping[str, str | None]) -> None:
        for key, value in tags.items():
            if value is None:
                self.post(f"{kind}/delete-tag", {**which, "key": key}, method="DELETE")
            else:
                self.post(f"{kind}/set-tag", {**which, "key": key, "value": value})

    # -- versions -----------------------------------------------------------------------------------------------------

    def create_version(
        self,
        name: str,
        *,
        source: str,
        run_id: str | None = None,
        path: str = "",
        digest: str = "",
        files: Sequence[Artifact] = (),
        description: str = "",
        tags: Mapping[str, str] | None = None,
        status: str = "READY",
        run_link: str = "",
        logged_model: str = "",
        make_model: bool = False,
        version: int | None = None,
        by: Signed = NOBODY,
    ) -> ModelVersion:
        """Register a version. A number that is free there is reached by making and deleting those before it."""
        if make_model:
            try:
                self.get_model(name)
            except NotFound:
                self.create_model(name)
        theirs = self.remote_model(logged_model) if logged_model else None
        run = self.remote(run_id) if run_id else None
        if theirs is not None:
            place = f"models:/{theirs}"
        elif run is not None:
            place = f"runs:/{run.run_id}/{path}"
        else:
            place = f"runs:/{self.carrier(f'{name}/{version or 0}', files)}/model"
        asked = {
            "name": name, "source": place, "run_id": run.run_id if run else "", "description": description,
            "run_link": run_link, "tags": tags_json({**(tags or {}), SOURCE_TAG: source}),
            **({"model_id": theirs} if theirs else {}),
        }  # fmt: skip
        for _ in range(GAP):
            made = self.post("model-versions/create", asked)["model_version"]
            if version is None or int(made["version"]) >= version:
                break
            which = {"name": name, "version": str(made["version"])}
            self.post("model-versions/delete", which, method="DELETE")
        if version is not None and int(made["version"]) != version:
            self.lose(f"The number of {name}/{version}: on the server it is {made['version']}.")
        return self._version(made)

    def _version(self, given: Json) -> ModelVersion:
        return version_at_home(read_version(given), self._home, {theirs: ours for ours, theirs in self._models.items()})

    def get_version(self, name: str, version: int) -> ModelVersion:
        """The version, or `NotFound`."""
        return self._version(self.get("model-versions/get", name=name, version=str(version))["model_version"])

    def search_versions(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int = 1000, page_token: str | None = None
    ) -> Page:
        """A page of versions of all models."""
        asked: Json = {"filter": filter, "max_results": limit, "page_token": page_token or ""}
        answer = self.get("model-versions/search", **asked, order_by=list(order_by))
        found = [self._version(each) for each in answer.get("model_versions", [])]
        return Page(found, answer.get("next_page_token") or None)

    def model_versions(self, names: Sequence[str]) -> dict[str, list[ModelVersion]]:
        """All versions of some models, newest first."""
        found: dict[str, list[ModelVersion]] = {}
        for name in names:
            quote = '"' if "'" in name else "'"
            asked = {"filter": f"name = {quote}{name}{quote}", "max_results": 1000}
            listed = map(self._version, self.pages("GET", "model-versions/search", "model_versions", asked))
            found[name] = sorted(listed, key=lambda each: -each.version)
        return found

    def latest_versions(self, names: Sequence[str]) -> dict[str, list[ModelVersion]]:
        """The newest version of each stage of some models, newest first."""
        found: dict[str, list[ModelVersion]] = {}
        for name in names:
            given = self.get("registered-models/get", name=name)["registered_model"].get("latest_versions", [])
            found[name] = sorted(map(self._version, given), key=lambda each: -each.version)
        return found

    def update_version(
        self,
        name: str,
        version: int,
        *,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        status: str | None = None,
        by: Signed = NOBODY,
    ) -> ModelVersion:
        """Describe, tag."""
        which = {"name": name, "version": str(version)}
        self._tag("model-versions", which, tags or {})
        if description is not None:
            self.post("model-versions/update", {**which, "description": description}, method="PATCH")
        return self.get_version(name, version)

    def delete_version(self, name: str, version: int, *, by: Signed = NOBODY) -> None:
        """Take a version away."""
        self.post("model-versions/delete", {"name": name, "version": str(version)}, method="DELETE")

    def move_version(
        self,
        name: str,
        version: int | None,
        *,
        alias: str | None = None,
        stage: str | None = None,
        archive: bool = False,
        back: bool = False,
        by: Signed = NOBODY,
    ) -> ModelVersion | None:
        """Set an alias, a stage, or both."""
        if alias is not None and version is None:
            self.post("registered-models/alias", {"name": name, "alias": alias}, method="DELETE")
            return None
        which = {"name": name, "version": str(version)}
        try:
            if alias is not None:
                self.post("registered-models/alias", {**which, "alias": alias})
            if stage is not None:
                asked = {**which, "stage": stage, "archive_existing_versions": archive}
                self.post("model-versions/transition-stage", asked)
        except MlopsError as error:
            self.lose(f"{stage or alias} of {name}/{version}: {error}")
        return self.get_version(name, int(version or 0))

    def note_change(
        self, name: str, action: str, *, version: int | None = None, subject: str = "", old: str = "", new: str = "",
        by: Signed = NOBODY,
    ) -> ModelChange:  # fmt: skip
        """Nothing: MLflow keeps no audit."""
        self.lose(f"The history of {name}: MLflow keeps none.")
        return ModelChange(0, name, action, version, subject, old, new, by)

    def model_changes(self, name: str, *, version: int | None = None, limit: int | None = None) -> list[ModelChange]:
        """Empty: MLflow keeps no audit."""
        return []

    def get_setting(self, key: str) -> Any:
        """None: MLflow keeps no settings."""
        return None


def _at_home(model: LoggedModel, model_id: str, run_id: str) -> LoggedModel:
    tags = {key: value for key, value in model.tags.items() if key != ID_TAG}
    return replace(model, model_id=model_id, source_run_id=run_id, tags=tags)
