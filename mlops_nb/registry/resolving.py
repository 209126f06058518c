"""The one way from a model's URI to its bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlops_nb import workspace as workspaces
from mlops_nb.artifacts import subtree, tree_digest
from mlops_nb.entities import Artifact, ModelVersion
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.registry.names import ModelUri, check_stage, parse_uri
from mlops_nb.registry.replay import alias_at, holders_at, versions_at
from mlops_nb.tracking.offers import take_offer
from mlops_nb.tracking.reading import find_run
from mlops_nb.workspace import Workspace

MLMODEL = "MLmodel"
OWN_STAGES = "stages"
NO_MODEL = "Put --model on the cell's %%track line, or log one with mlops_nb.log_model."

Moment = int | str | datetime
"""A point in time: milliseconds since the epoch, ISO 8601 (UTC unless it says otherwise), or a datetime."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model that was found.

    Attributes
    ----------
    uri : str
        The exact one: ``models:/churn/3`` for whatever alias or stage was asked for.
    name, version : str, int or None
        None if it is not registered.
    run_id : str or None
        The run that logged it.
    path : str
        Where it stands in the run's tree, or the folder.
    entries : tuple of Artifact
        Its files, from its own folder on; empty for a folder on disk.
    digest : str
        The tree's; empty for a folder on disk.
    folder : Path or None
        The folder, if it is one on disk.
    """

    uri: str
    name: str | None = None
    version: int | None = None
    run_id: str | None = None
    path: str = ""
    entries: tuple[Artifact, ...] = ()
    digest: str = ""
    folder: Path | None = None


def resolve(uri: str | os.PathLike[str], space: Workspace | None = None, *, at: Moment | None = None) -> Resolved:
    """Find the model that a URI means, today or at an earlier time.

    Parameters
    ----------
    uri : str or path
        Any form that `parse_uri` reads.
    space : Workspace, optional
        Where to look; the current one by default.
    at : int, str or datetime, optional
        What the alias, stage or ``latest`` meant then.

    Returns
    -------
    Resolved

    Raises
    ------
    InvalidInput
        If the URI or the time is malformed.
    NotFound
        If there is no such model, version, alias, run or folder, or was none then.

    Examples
    --------
    >>> resolve("models:/nothing/1")
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: There is no registered model 'nothing'. List them with: mlops-nb models
    """
    space = space or workspaces.current()
    asked = parse_uri(uri)
    if asked.kind == "folder":
        return _resolve_folder(asked)
    if asked.kind == "run":
        return _resolve_run(asked, space)
    found = find_version(asked, space, at=at)
    return Resolved(
        f"models:/{found.name}/{found.version}",
        found.name,
        found.version,
        found.run_id,
        found.path,
        tuple(space.store.version_files(found.name, found.version)),
        found.digest,
    )


def find_version(asked: ModelUri, space: Workspace, *, at: Moment | None = None) -> ModelVersion:
    """The registered version that a parsed URI means, today or at an earlier time; errors as for `resolve`."""
    if at is not None:
        return _find_version_at(asked, space, to_ms(at))
    store = space.store
    if asked.kind == "version":
        return store.get_version(asked.name, asked.version)
    model = store.get_model(asked.name)
    if asked.kind == "alias":
        if asked.at not in model.aliases:
            known = ", ".join(f"@{alias}" for alias in sorted(model.aliases)) or "none"
            raise NotFound(
                f"The registered model {asked.name!r} has no alias {asked.at!r}.",
                hint=f"It has: {known}. Set it with: mlops-nb promote {asked.name}/VERSION --alias {asked.at}",
            )
        return store.get_version(asked.name, model.aliases[asked.at])
    versions = store.model_versions([asked.name])[asked.name]
    if asked.kind == "stage":
        stage = check_stage(asked.at, own_stages(space))
        versions = [version for version in versions if version.stage == stage]
        if not versions:
            raise NotFound(
                f"The registered model {asked.name!r} has no version in {stage}.",
                hint=f"Put one there with: mlops-nb promote {asked.name}/VERSION --stage {stage}",
            )
    if not versions:
        raise NotFound(f"The registered model {asked.name!r} has no versions.", hint="Register a run's model first.")
    return versions[0]


def _find_version_at(asked: ModelUri, space: Workspace, moment: int) -> ModelVersion:
    changes = [change for change in space.store.model_changes(asked.name) if change.by.time <= moment]
    when = datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    there = versions_at(changes)
    number: int | None
    if asked.kind == "version":
        number = asked.version if asked.version in there else None
    elif asked.kind == "alias":
        number = alias_at(changes, asked.at)
    elif asked.kind == "stage":
        number = max(holders_at(changes, check_stage(asked.at, own_stages(space))), default=None)
    else:
        number = max(there, default=None)
    if number is None:
        raise NotFound(
            f"{asked.text!r} named no version at {when}.", hint=f"See what was when with: mlops-nb history {asked.name}"
        )
    try:
        return space.store.get_version(asked.name, number)
    except NotFound:
        raise NotFound(
            f"{asked.text!r} was version {number} at {when}, which has been deleted since.",
            hint=f"See who did it with: mlops-nb history {asked.name}",
        ) from None


def to_ms(moment: Moment) -> int:
    """A point in time in milliseconds since the epoch.

    Raises
    ------
    InvalidInput
        If it is none.

    Examples
    --------
    >>> to_ms("2026-11-30"), to_ms("2026-11-30T12:00+01:00"), to_ms(5)
    (1795996800000, 1796036400000, 5)
    """
    if isinstance(moment, int) and not isinstance(moment, bool):
        return moment
    try:
        found = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
        return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        hint = "Write it as 2026-11-30 or 2026-11-30T12:00."
        raise InvalidInput(f"{str(moment)[:40]!r} is no point in time.", hint=hint) from None


def own_stages(space: Workspace) -> list[str]:
    """The project's own stages, in the order in which they were made."""
    found = space.store.get_setting(OWN_STAGES)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _resolve_folder(asked: ModelUri) -> Resolved:
    folder = Path(asked.path).expanduser()
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        hint = "Name a model's folder, or a URI such as models:/NAME@ALIAS."
        raise NotFound(f"The folder {asked.path[:200]!r} {what}.", hint=hint)
    if not (folder / MLMODEL).is_file():
        raise InvalidInput(
            f"The folder {asked.path[:200]!r} holds no model: it has no MLmodel file.", hint="Save one there."
        )
    return Resolved(str(folder), path=str(folder), folder=folder.absolute())


def _resolve_run(asked: ModelUri, space: Workspace) -> Resolved:
    run = find_run(asked.run, space)
    if run.lifecycle_stage == "deleted":
        raise InvalidState(f"The run {run.run_id} was deleted.", hint="Restore it first.")
    entries = space.store.artifacts(run.run_id)
    if not _model_paths(entries) and take_offer(run.run_id):  # a cell of this kernel fitted it, and it is still there
        entries = space.store.artifacts(run.run_id)
    path = asked.path or _only_model(entries, run.run_id)
    if path == ".":
        path = ""
    files = subtree(entries, path)
    if not any(entry.path == MLMODEL for entry in files):
        models = _model_paths(entries)
        hint = f"It has models at: {', '.join(models)}." if models else "Log one with mlops_nb.log_model."
        raise NotFound(f"The run {run.run_id} has no model at {path!r}.", hint=hint)
    uri = f"runs:/{run.run_id}/{path}"
    return Resolved(uri, run_id=run.run_id, path=path, entries=tuple(files), digest=tree_digest(files))


def _only_model(entries: Sequence[Artifact], run_id: str) -> str:
    """Where the model of a run stands that has but one."""
    paths = _model_paths(entries)
    if not paths:
        raise NotFound(f"The run {run_id} has no model.", hint=NO_MODEL)
    if len(paths) > 1:
        shown = ", ".join(paths[:10])
        raise InvalidInput(
            f"The run {run_id} has {len(paths)} models: {shown}.", hint=f"Name one: runs:/{run_id}/{paths[0]}"
        )
    return paths[0]


def _model_paths(entries: Sequence[Artifact]) -> list[str]:
    found = [entry.path.rpartition("/")[0] for entry in entries if entry.path.rpartition("/")[2] == MLMODEL]
    outer = [path for path in found if not any(other != path and _is_below(path, other) for other in found)]
    return [path or "." for path in outer]


def _is_below(path: str, folder: str) -> bool:
    return folder == "" or path.startswith(f"{folder}/")
