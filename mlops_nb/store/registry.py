"""What a registry of models must do: the contract of its backends, tested by ``tests/store/registry_contract.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mlops_nb.entities import Artifact, ModelChange, ModelVersion, Page, RegisteredModel, Signed

NOBODY = Signed()


class RegistryStore(Protocol):
    """Registered models, their versions, aliases and stages, and the audit of every change.

    Guarantees
    ----------
    * A version's number is allocated in one step: whoever registers at the same time, from however many processes,
      gets a number of its own. Numbers grow from 1 and are never given twice, also not after a deletion.
    * What was registered never changes: source, run, digest and files of a version are written once.
    * Each call is atomic, and leaves one entry in the audit for each thing that it changed, in the same transaction.
      The audit is only ever added to; it outlives the versions and models that it tells of. A call that changes
      nothing leaves none.
    * An alias names at most one version of its model, and goes when that version is deleted.
    * Listings are stable: a page token continues where the page ended, also when new versions have come.
    * A refused call changes nothing. Any thread may call any method.

    Names are only checked for what no store can hold; `mlops_nb.registry` knows what makes a good one, and which
    stages there are.
    """

    def create_model(
        self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None, by: Signed = NOBODY
    ) -> RegisteredModel:
        """Make a registered model; raise `AlreadyExists` if the name is taken."""

    def get_model(self, name: str) -> RegisteredModel:
        """The registered model of this name, or `NotFound`."""

    def search_models(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int = 100, page_token: str | None = None
    ) -> Page:
        """A page of registered models by name, each with the number of its versions and those in its stages."""

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
        """Rename, describe, tag (a tag of None is taken away), set the rules of promotion."""

    def delete_model(self, name: str, *, by: Signed = NOBODY) -> None:
        """Take a registered model away with all versions."""

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
        """Register a version; `make_model` makes the model if there is none, `version` is for imports."""

    def get_version(self, name: str, version: int) -> ModelVersion:
        """The version, or `NotFound`."""

    def search_versions(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int = 1000, page_token: str | None = None
    ) -> Page:
        """A page of versions of all models, those changed last first, as MLflow does."""

    def model_versions(self, names: Sequence[str]) -> dict[str, list[ModelVersion]]:
        """All versions of some models, newest first; a name without a model is left out."""

    def latest_versions(self, names: Sequence[str]) -> dict[str, list[ModelVersion]]:
        """The newest version of each stage of some models, newest first; a name without a model is left out."""

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
        """Describe, tag, set the status."""

    def delete_version(self, name: str, version: int, *, by: Signed = NOBODY) -> None:
        """Take a version away, with the aliases that name it."""

    def version_files(self, name: str, version: int, part: str = "model") -> list[Artifact]:
        """The files of a version by path: its ``model``, or the ``notes`` that were written about it later."""

    def keep_notes(self, name: str, version: int, files: Sequence[Artifact]) -> None:
        """Keep files about a version beside it (its card); one of the same path is replaced. Not in the audit."""

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
        """Set an alias, a stage, or both in one step.

        `version` None takes the alias away. `archive` moves the other versions of the stage to ``Archived``. `back`
        says in the audit that this is a return to an earlier state (``roll_back_alias``, ``roll_back_stage``).
        """

    def note_change(
        self, name: str, action: str, *, version: int | None = None, subject: str = "", old: str = "", new: str = "",
        by: Signed = NOBODY,
    ) -> ModelChange:  # fmt: skip
        """Add an entry to the audit that changes nothing else: an approval, a refusal."""

    def model_changes(self, name: str, *, version: int | None = None, limit: int | None = None) -> list[ModelChange]:
        """The audit of a model, oldest first, also of a deleted one; `limit` keeps the newest. Else empty."""

    def get_setting(self, key: str) -> Any:
        """A setting of the store as plain JSON, or None."""

    def set_setting(self, key: str, value: Any, *, by: Signed = NOBODY) -> None:
        """Keep a setting of the store; None takes it away."""
