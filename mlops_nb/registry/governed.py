"""Registered models and their versions: registering, describing, tagging, deleting. Each change is signed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.artifacts import tree_digest
from mlops_nb.entities import ModelVersion, RegisteredModel, Signed
from mlops_nb.errors import InvalidInput, InvalidState
from mlops_nb.models.mlmodel import check_folder
from mlops_nb.registry.names import check_model_name, check_new_stage, parse_reference, parse_uri
from mlops_nb.registry.resolving import OWN_STAGES, Resolved, find_version, own_stages, resolve
from mlops_nb.workspace import Workspace


def sign(
    why: str = "", *, user: str | None = None, forced: bool = False, detail: dict[str, Any] | None = None
) -> Signed:
    """Who makes a change, and why; the user of this process unless another one is named.

    Examples
    --------
    >>> sign("better", user="ann").why
    'better'
    """
    return Signed(user or workspaces.user_name(), why, workspaces.parent_run(), forced, detail or {})


def register_model(
    model_uri: str | os.PathLike[str],
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    comment: str = "",
    user: str | None = None,
    space: Workspace | None = None,
) -> ModelVersion:
    """Make a logged or saved model a new version of a registered model, which is made if there is none.

    What a run logged is not copied: the version points at the same bytes.

    Parameters
    ----------
    model_uri : str or path
        ``runs:/RUN/PATH``; a folder with an MLmodel file; a run's id or name, if it has one model; or another version
        (``models:/NAME/VERSION``).
    name : str
        Of the registered model.
    await_registration_for : int, optional
        For MLflow's sake: a version is ready when this returns.
    tags : mapping, optional
        Of the version.
    description : str, optional
        Of the version.
    comment : str
        Why, for the audit.
    user : str, optional
        Who registers; the user of this process by default.
    space : Workspace, optional
        Where to; the current one by default.

    Returns
    -------
    ModelVersion

    Raises
    ------
    InvalidInput
        If a name or the URI is malformed, or the folder holds no model.
    CorruptData
        If a file of the folder is damaged or not there.
    NotFound
        If there is no such run, model or folder. Nothing is registered then.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run: mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> version = register_model(f"runs:/{run.run_id}/model", "churn")
    >>> version.name, version.version, version.path
    ('churn', 1, 'model')
    """
    space = space or workspaces.current()
    check_model_name(name)
    space.flush()
    found = _find_source(model_uri, space)
    entries, digest = found.entries, found.digest
    if found.folder is not None:
        check_folder(Path(found.folder))
        entries = tuple(space.artifacts.put_folder(found.folder))
        digest = tree_digest(entries)
    return space.store.create_version(
        name,
        source=found.uri,
        run_id=found.run_id,
        path=found.path if found.folder is None else "",
        digest=digest,
        files=entries,
        description=description or "",
        tags={key: str(value) for key, value in (tags or {}).items()},
        make_model=True,
        by=sign(comment, user=user),
    )


def _find_source(model_uri: str | os.PathLike[str], space: Workspace) -> Resolved:
    asked = parse_uri(model_uri)
    if asked.kind == "folder" and isinstance(model_uri, str) and not os.path.lexists(asked.path):
        if "/" in model_uri or "\\" in model_uri:
            return resolve(model_uri, space)  # which says that there is no such folder
        return resolve(f"runs:/{model_uri}", space)
    return resolve(model_uri, space)


def create_model(
    name: str,
    *,
    description: str = "",
    tags: Mapping[str, Any] | None = None,
    user: str | None = None,
    space: Workspace | None = None,
) -> RegisteredModel:
    """Make a registered model without versions.

    Raises
    ------
    InvalidInput, AlreadyExists
        If the name cannot be one, or is taken.

    Examples
    --------
    >>> create_model("churn", description="who leaves").description
    'who leaves'
    """
    space = space or workspaces.current()
    texts = {key: str(value) for key, value in (tags or {}).items()}
    return space.store.create_model(check_model_name(name), description=description, tags=texts, by=sign(user=user))


def rename_model(
    name: str, new_name: str, *, user: str | None = None, space: Workspace | None = None
) -> RegisteredModel:
    """Give a registered model another name; versions, aliases and audit stay with it.

    Raises
    ------
    InvalidInput, NotFound, AlreadyExists
        If there is no such model, or the new name cannot be one or is taken.

    Examples
    --------
    >>> _ = create_model("churn")
    >>> rename_model("churn", "leavers").name
    'leavers'
    """
    space = space or workspaces.current()
    return space.store.update_model(name, new_name=check_model_name(new_name), by=sign(user=user))


def describe(
    reference: str, text: str, *, user: str | None = None, space: Workspace | None = None
) -> RegisteredModel | ModelVersion:
    """Say what a registered model, or a version of it, is.

    Parameters
    ----------
    reference : str
        ``NAME``, ``NAME/VERSION``, ``NAME@ALIAS`` or a ``models:/`` URI.
    text : str
        The description; empty takes it away.
    user : str, optional
        Who; the user of this process by default.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    RegisteredModel or ModelVersion
        As it is now.

    Examples
    --------
    >>> _ = create_model("churn")
    >>> describe("churn", "who leaves").description
    'who leaves'
    """
    space = space or workspaces.current()
    if not _names_version(reference):
        return space.store.update_model(check_model_name(reference), description=text, by=sign(user=user))
    version = find_version(parse_reference(reference), space)
    return space.store.update_version(version.name, version.version, description=text, by=sign(user=user))


def set_tags(
    reference: str, tags: Mapping[str, Any], *, user: str | None = None, space: Workspace | None = None
) -> RegisteredModel | ModelVersion:
    """Tag a registered model, or a version of it; a value of None takes the tag away.

    Examples
    --------
    >>> _ = create_model("churn")
    >>> set_tags("churn", {"team": "risk"}).tags
    {'team': 'risk'}
    """
    space = space or workspaces.current()
    texts = {key: None if value is None else str(value) for key, value in tags.items()}
    if not _names_version(reference):
        return space.store.update_model(check_model_name(reference), tags=texts, by=sign(user=user))
    version = find_version(parse_reference(reference), space)
    return space.store.update_version(version.name, version.version, tags=texts, by=sign(user=user))


def _names_version(reference: str) -> bool:
    return any(mark in reference for mark in "/@:")


def delete_version(
    reference: str, *, comment: str = "", user: str | None = None, space: Workspace | None = None
) -> ModelVersion:
    """Delete a version; its number is not given again, and the audit keeps what it was.

    Parameters
    ----------
    reference : str
        ``NAME/VERSION`` or a ``models:/`` URI.
    comment : str
        Why, for the audit.
    user : str, optional
        Who; the user of this process by default.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    ModelVersion
        As it was.

    Raises
    ------
    InvalidState
        If an alias names it or it stands in Staging or Production: something may be using it.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run: mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> _ = register_model(run.run_id, "churn")
    >>> delete_version("churn/1").version
    1
    """
    space = space or workspaces.current()
    version = find_version(parse_reference(reference), space)
    used = [f"@{alias}" for alias in version.aliases]
    used += [version.stage] if version.stage in ("Staging", "Production") else []
    if used:
        raise InvalidState(
            f"Version {version.version} of {version.name!r} is in use: it is {', '.join(used)}.",
            hint="Promote another version first.",
        )
    space.store.delete_version(version.name, version.version, by=sign(comment, user=user))
    return version


def drop_alias(
    name: str, alias: str, *, comment: str = "", user: str | None = None, space: Workspace | None = None
) -> None:
    """Take an alias away.

    Raises
    ------
    NotFound
        If the model has no such alias.

    Examples
    --------
    >>> _ = create_model("churn")
    >>> drop_alias("churn", "champion")
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: The registered model 'churn' has no alias 'champion'. ...
    """
    space = space or workspaces.current()
    space.store.move_version(name, None, alias=alias, by=sign(comment, user=user))


def define_stages(stages: Sequence[str], *, user: str | None = None, space: Workspace | None = None) -> list[str]:
    """Name the project's own stages, beside MLflow's four.

    Parameters
    ----------
    stages : sequence of str
        All of them; one that is left out is no longer offered.
    user : str, optional
        Who; the user of this process by default.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    list of str
        Own stages as they are now.

    Raises
    ------
    InvalidState
        If a version stands in one that would go.

    Examples
    --------
    >>> define_stages(["Shadow", "Canary"])
    ['Shadow', 'Canary']
    """
    space = space or workspaces.current()
    wanted = [check_new_stage(stage) for stage in stages]
    if len({stage.lower() for stage in wanted}) != len(wanted):
        raise InvalidInput("A stage is named twice.", hint="Name each once; case does not count.")
    for stage in own_stages(space):
        if stage not in wanted:
            held = space.store.search_versions(f"stage = '{stage.replace(chr(39), chr(39) * 2)}'", limit=1).items
            if held:
                where = f"{held[0].name}/{held[0].version}"
                raise InvalidState(f"The stage {stage!r} cannot go: {where} stands in it.", hint="Move it first.")
    space.store.set_setting(OWN_STAGES, wanted, by=sign(user=user))
    return wanted


def uri_of(version: ModelVersion) -> str:
    """The exact URI of a version.

    Examples
    --------
    >>> uri_of(ModelVersion("churn", 3))
    'models:/churn/3'
    """
    return f"models:/{version.name}/{version.version}"
