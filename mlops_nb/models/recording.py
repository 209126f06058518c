"""Models logged: bytes into the artifact store, then the run that names them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_nb.artifacts import check_path, tree_digest, walk_folder
from mlops_nb.entities import Artifact
from mlops_nb.errors import MlopsError, StoreError
from mlops_nb.models import trust
from mlops_nb.models.info import ModelInfo
from mlops_nb.models.loading import risks_of
from mlops_nb.models.saving import write_model
from mlops_nb.models.snapshot import REFERENCE
from mlops_nb.tracking.fluent import logged_run
from mlops_nb.workspace import takes_safe_models_only


def log_model(
    model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    flavor: str | None = None,
    requirements: Sequence[str] | str | None = None,
    metadata: Mapping[str, Any] | None = None,
    code_paths: Sequence[str | os.PathLike[str]] | None = None,
    run: Any = None,
    reference: Any = None,
    **flavor_options: Any,
) -> ModelInfo:
    """Save a model with the active run (one is started when there is none).

    Parameters
    ----------
    model : object
        As for `save_model`.
    name : str, default "model"
        Its folder in the run's tree; `artifact_path` is MLflow's earlier name of it.
    signature, input_example, flavor, requirements, metadata, code_paths, **flavor_options
        As for `save_model`.
    run : ActiveRun, optional
        The run to log into, when it is not the active one.
    reference : frame or array, optional
        The data that it was trained on, whose profile monitoring compares with; by default `input_example`, if that
        has at least 30 rows.

    Returns
    -------
    ModelInfo
        With ``uri``, which `load_model` takes.

    Raises
    ------
    InvalidInput
        If the object is no model or cannot be saved, or the name cannot be a path.
    StoreError
        If the store is full or cannot be written; nothing of the model is recorded then.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run() as run:
    ...     info = log_model(lambda rows: [row > 3 for row in rows], "rule", requirements=[])
    >>> sorted(run.artifacts)[0], info.uri == f"runs:/{run.run_id}/rule"
    ('rule/MLmodel', True)
    """
    path = check_path(artifact_path or "model" if name is None else name, from_url=True)
    run = logged_run() if run is None else run
    store = run.workspace.artifacts
    draft = (Path(tempfile.gettempdir()) if run.is_mute else store.scratch()) / f"model-{os.urandom(8).hex()}"
    try:
        info = write_model(
            model, draft, signature=signature, input_example=input_example, flavor=flavor, requirements=requirements,
            metadata=metadata, code_paths=code_paths, options=flavor_options, reference=reference,
        )  # fmt: skip
        _check_policy(info, draft)
        files = [] if run.is_mute else walk_folder(draft)
        kept = [Artifact(f"{path}/{where}", *store.put_file(file, consume=True)) for where, file in files]
    except OSError as error:
        if isinstance(error, MlopsError):
            raise
        raise StoreError(f"The model {path!r} cannot be kept: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    bare = [Artifact(entry.path[len(path) + 1 :], entry.digest, entry.size) for entry in kept]
    info = replace(
        info, name=path.rpartition("/")[2], path=path, run_id=run.run_id, uri=f"runs:/{run.run_id}/{path}",
        digest=tree_digest(bare), artifacts=tuple(kept),
    )  # fmt: skip
    run.record_artifacts(*kept)
    run.fact(f"model:{path}", info.to_json())
    if info.snapshot:
        run.fact(f"{REFERENCE}{path}", info.snapshot)
    return info


def _check_policy(info: ModelInfo, draft: Path) -> None:
    """Where only safe formats are taken, a model that is none is not logged in the first place."""
    if takes_safe_models_only():
        found = risks_of(draft)
        if found:
            raise trust.refuse_unsafe(info.flavor, found)
