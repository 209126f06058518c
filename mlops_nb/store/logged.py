"""What a store of MLflow's logged models must do: the contract of its backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlops_nb.entities import Artifact, Page
from mlops_nb.wire.logged import LoggedModel, LoggedPoint


@dataclass(frozen=True, slots=True)
class LoggedOrder:
    """A sort term of logged models: a field, or ``metrics.NAME`` (on a dataset); what has no value comes last."""

    field: str
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class LoggedModelStore(Protocol):
    """Logged models, their metrics and files.

    Guarantees
    ----------
    * Each call is atomic. A point that is there already, in every part, is not stored again.
    * A deleted model is not found, and not listed, unless asked for.
    * Listings are newest first where nothing else is asked, then by id.
    """

    def create_logged_model(self, model: LoggedModel) -> LoggedModel:
        """Make a logged model; raise `AlreadyExists` if there is one with this id."""

    def get_logged_model(self, model_id: str, *, deleted: bool = False) -> LoggedModel:
        """The logged model with this id, or `NotFound`; with `deleted`, a deleted one, too."""

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter: str = "",
        *,
        datasets: Sequence[tuple[str, str]] = (),
        order_by: Sequence[LoggedOrder] = (),
        limit: int = 100,
        page_token: str | None = None,
    ) -> Page:
        """A page of logged models; `datasets` (name, digest or empty) narrows the metrics that the filter means."""

    def update_logged_model(
        self,
        model_id: str,
        *,
        status: str | None = None,
        lifecycle_stage: str | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> LoggedModel:
        """Finish, delete, add params, tag (a tag of None is taken away)."""

    def log_model_points(self, points: Mapping[str, Sequence[LoggedPoint]]) -> None:
        """Add points of metrics, by model id."""

    def logged_model_files(self, model_id: str) -> list[Artifact]:
        """The files of a logged model, by path."""

    def keep_logged_files(self, model_id: str, files: Sequence[Artifact]) -> None:
        """Add files; one without a digest takes its path out of the tree."""
