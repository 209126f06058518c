"""Models by their URI: loaded, fetched, and logged and registered in one call."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Signed
from mlops_nb.errors import InvalidInput, NotFound, StoreError
from mlops_nb.models import Evaluation, ModelInfo, load_artifacts, load_folder
from mlops_nb.models import evaluate as evaluate_loaded
from mlops_nb.models import log_model as log_into_run
from mlops_nb.models.fetching import fetch
from mlops_nb.registry.checking import EVALUATES
from mlops_nb.registry.governed import register_model, sign
from mlops_nb.registry.resolving import Moment, Resolved, resolve
from mlops_nb.store.peek import peek_setting
from mlops_nb.workspace import Workspace

SAFE_ONLY = "models.safe_only"
CACHE = "models"


def load_model(
    model_uri: str | os.PathLike[str],
    *,
    native: bool = False,
    trust: Sequence[str] = (),
    at: Moment | None = None,
    space: Workspace | None = None,
) -> Any:
    """Load a model: something with one ``predict``, whatever library made it.

    Parameters
    ----------
    model_uri : str or path
        ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, ``models:/NAME/STAGE``, ``runs:/RUN/PATH`` or a folder.
    native : bool, default False
        Give the library's own object instead.
    trust : sequence of str
        What of a model that this user did not make may run code; for a registered one, the audit keeps it.
    at : int, str or datetime, optional
        Load what the alias or stage meant then.
    space : Workspace, optional
        Where to look; the current one by default.

    Returns
    -------
    LoadedModel or object

    Raises
    ------
    PermissionDenied
        If loading would run code that was neither made by this user nor trusted, or is not allowed in this store.
    NotFound, InvalidInput, CorruptData
        If there is no such model, the URI is malformed, or bytes are damaged.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run:
    ...     info = mlops_nb.log_model(lambda rows: [row > 3 for row in rows], "rule", requirements=[])
    >>> version = mlops_nb.register_model(info.uri, "alarm")
    >>> load_model("models:/alarm/1").predict([1, 5])
    [False, True]
    """
    space = space or workspaces.current()
    if isinstance(model_uri, str) and not model_uri.startswith("models:"):
        space.flush()
    found = resolve(model_uri, space, at=at)
    safe_only = True if _is_safe_only(space) else None
    if found.folder is not None:
        return load_folder(found.folder, native=native, trust=trust, safe_only=safe_only)
    loaded = load_artifacts(
        found.entries,
        space.artifacts,
        cache=space.root / CACHE,
        native=native,
        trust=trust,
        safe_only=safe_only,
        name=f"{found.name}/{found.version}" if found.name else found.path,
    )
    if trust and found.name is not None:
        names = ", ".join((trust,) if isinstance(trust, str) else trust)
        space.store.note_change(found.name, "trust", version=found.version, subject=names, by=sign())
    return loaded


def _is_safe_only(space: Workspace) -> bool:
    """Whether the store lets only safe formats be loaded; a folder's model needs no more of the store than this."""
    if space.database is not None and not space.is_open:
        known, setting = peek_setting(space.database, SAFE_ONLY)
        if known:
            return bool(setting)
    return bool(space.store.get_setting(SAFE_ONLY))


def evaluate(
    model: Any, data: Any, targets: Any, *, compare_to: Any = None, space: Workspace | None = None, **options: Any
) -> Evaluation:
    """Evaluate a model on data whose truth is known; what is found counts for its version, also in gates.

    Parameters
    ----------
    model : str, path, LoadedModel, fitted estimator or function
        A URI, as for `load_model`; or the model itself.
    data : frame or array, shape (n, k)
    targets : array, shape (n,), or str
        The truth; a str names a column of `data`.
    compare_to : model, optional
        Another one, in any of these forms, asked about the same rows.
    space : Workspace, optional
        Where models are looked up; the current one by default.
    **options : Any
        As for `mlops_nb.models.evaluate`: ``kind, slices, extra, name, log``.

    Returns
    -------
    Evaluation
        Kept as a run, unless ``log=False``.

    Examples
    --------
    >>> import mlops_nb, numpy
    >>> with mlops_nb.start_run():
    ...     info = mlops_nb.log_model(lambda rows: rows[:, 0] > 0, registered_model_name="sign", requirements=[])
    >>> found = evaluate("models:/sign/1", numpy.array([[1.0], [-1.0]]), numpy.array([True, False]))
    >>> found.metrics["accuracy_score"]
    1.0
    """
    space = space or workspaces.current()
    asked, digest = _loaded(model, space)
    found = evaluate_loaded(asked, data, targets, compare_to=_loaded(compare_to, space)[0], **options)
    if found.run_id and digest:
        space.flush()
        # A run that a server has not got yet keeps the tag that names the version, which serves as well.
        with contextlib.suppress(NotFound, StoreError):
            space.store.update_run(found.run_id, tags={EVALUATES: digest})
    return found


def _loaded(model: Any, space: Workspace) -> tuple[Any, str]:
    """A model by its URI, and the digest of its tree; anything else as it is."""
    if not isinstance(model, (str, os.PathLike)):
        return model, ""
    space.flush()
    return load_model(model, space=space), resolve(model, space).digest


def fetch_model(
    model_uri: str | os.PathLike[str] | Resolved,
    target: str | os.PathLike[str] | None = None,
    *,
    at: Moment | None = None,
    space: Workspace | None = None,
) -> Path:
    """A model as a folder on disk, its bytes verified.

    Parameters
    ----------
    model_uri : str, path or Resolved
        As for `load_model`.
    target : path, optional
        A new folder to write; by default one of the workspace's own, to read and never to write.
    at : int, str or datetime, optional
        As for `load_model`.
    space : Workspace, optional
        Where to look; the current one by default.

    Returns
    -------
    Path

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run: mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> [file.name for file in fetch_model(f"runs:/{run.run_id}/model").iterdir()]
    ['MLmodel']
    """
    space = space or workspaces.current()
    space.flush()
    found = model_uri if isinstance(model_uri, Resolved) else resolve(model_uri, space, at=at)
    if found.folder is not None:
        if target is None:
            return found.folder
        entries = space.artifacts.put_folder(found.folder)
        return space.artifacts.fetch_folder(entries, "", target)
    if target is not None:
        return space.artifacts.fetch_folder(found.entries, "", target)
    space.make_folder(space.root / CACHE)
    return fetch(found.entries, space.artifacts, space.root / CACHE, found.digest)


def log_model(
    model: Any,
    name: str | None = None,
    *,
    registered_model_name: str | None = None,
    tags: Mapping[str, Any] | None = None,
    **options: Any,
) -> ModelInfo:
    """Save a model with the active run, and register it as a version if a name for that is given.

    Parameters
    ----------
    model : object
        A fitted estimator, a function, anything that `mlops_nb.models.save_model` takes.
    name : str, default "model"
        Its folder in the run's tree.
    registered_model_name : str, optional
        The registered model that it becomes a version of.
    tags : mapping, optional
        Of the version.
    **options : Any
        As for `mlops_nb.models.log_model`: ``signature, input_example, flavor, requirements, metadata, code_paths``.

    Returns
    -------
    ModelInfo
        With ``uri``, which `load_model` takes.

    Raises
    ------
    InvalidInput
        If the object is no model or cannot be saved, or a name cannot be one.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run():
    ...     info = log_model(lambda rows: rows, registered_model_name="identity", requirements=[])
    >>> load_model("models:/identity/latest").predict([1, 2])
    [1, 2]
    """
    from mlops_nb.registry.names import check_model_name

    if registered_model_name is not None:
        check_model_name(registered_model_name)
    elif tags:
        raise InvalidInput("The tags are of a version, and none is made.", hint="Give registered_model_name as well.")
    info = log_into_run(model, name, **options)
    if registered_model_name is not None:
        register_model(info.uri, registered_model_name, tags=tags)
    return info


def allow_safe_formats_only(allowed: bool = True, *, by: Signed | None = None, space: Workspace | None = None) -> None:
    """Let this store load models of safe formats only, whoever trusts what; or, with False, any again.

    Examples
    --------
    >>> allow_safe_formats_only(True)
    >>> allow_safe_formats_only(False)
    """
    space = space or workspaces.current()
    space.store.set_setting(SAFE_ONLY, True if allowed else None, by=by or sign())
