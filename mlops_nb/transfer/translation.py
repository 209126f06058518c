"""Ids at home and abroad: MLflow's server gives what is copied to it ids of its own; a tag tells the first one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlops_nb.entities import DataRef, ModelVersion, Run
from mlops_nb.wire.foreign import ID_TAG, SOURCE_TAG, version_at_home
from mlops_nb.wire.logged import LoggedModel
from mlops_nb.wire.mlflow import model_ref

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


class Names:
    """Which id at home belongs to which abroad."""

    def __init__(self) -> None:
        self._home: dict[str, str] = {}

    def learn(self, runs: Iterable[Mapping[str, Any]], models: Iterable[Mapping[str, Any]]) -> None:
        """Read the tags of all runs and logged models of an experiment."""
        for run in runs:
            home = _tag(run.get("data", {}).get("tags", ()))
            if _RUN_ID.fullmatch(home):
                self._home[str(run["info"].get("run_id") or run["info"].get("run_uuid"))] = home
        for model in models:
            home = _tag(model["info"].get("tags", ()))
            if _MODEL_ID.fullmatch(home):
                self._home[str(model["info"]["model_id"])] = home

    def at_home(self, run: Run) -> Run:
        """A run as it is at home."""
        return replace(
            run,
            run_id=self._home.get(run.run_id, run.run_id),
            parent_run_id=self._home.get(run.parent_run_id or "", run.parent_run_id or "") or None,
            tags=_without(run.tags),
        )

    def model_at_home(self, model: LoggedModel) -> LoggedModel:
        """A logged model as it is at home."""
        home = self._home
        return replace(
            model,
            model_id=home.get(model.model_id, model.model_id),
            source_run_id=home.get(model.source_run_id, model.source_run_id),
            tags=_without(model.tags),
            points=tuple(replace(each, run_id=home.get(each.run_id, each.run_id)) for each in model.points),
        )

    def version_at_home(self, version: ModelVersion) -> ModelVersion:
        """A version as it is at home."""
        return version_at_home(version, self._home, self._home)

    def data_at_home(self, ref: DataRef) -> DataRef:
        """Data as it is at home: logged models have ids."""
        if not ref.path.startswith("models:/") or ref.name not in self._home:
            return ref
        return model_ref(self._home[ref.name], ref.mode, ref.profile.get("step"))


def _tag(tags: Iterable[Mapping[str, Any]]) -> str:
    return next((str(each.get("value", "")) for each in tags if each.get("key") == ID_TAG), "")


def _without(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags without those that only the way there and back needs."""
    # MLflow's own server writes of which versions a logged model became; the registry knows that better
    gone = (ID_TAG, SOURCE_TAG, "mlflow.modelVersions", "mlops_nb.line", "mlops_nb.cell_id", "mlops_nb.stage")
    return {key: value for key, value in tags.items() if key not in gone and not key.startswith("mlops_nb.at.")}
