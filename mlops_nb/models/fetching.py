"""Models out of the artifact store, through a cache of folders by digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.artifacts import subtree, tree_digest, walk_folder
from mlops_nb.entities import Artifact
from mlops_nb.errors import AlreadyExists, NotFound
from mlops_nb.models.loading import load_folder

if TYPE_CHECKING:
    from mlops_nb.artifacts import ArtifactStore


def load_artifacts(
    entries: Iterable[Artifact],
    artifacts: ArtifactStore,
    path: str = "",
    *,
    cache: Path,
    native: bool = False,
    trust: Sequence[str] = (),
    safe_only: bool | None = None,
    name: str = "",
) -> Any:
    """Load a model out of the artifact store, through a folder that is filled once.

    Parameters
    ----------
    entries : iterable of Artifact
        The tree of the run or of the version.
    artifacts : ArtifactStore
    path : str
        Where in the tree the model is; the top if empty.
    cache : Path
        Folder for models by their digest.
    native, trust, safe_only, name
        As for `load_folder`.

    Returns
    -------
    LoadedModel or object

    Examples
    --------
    >>> load_artifacts(store.artifacts(run_id), artifacts, "model", cache=folder).predict(frame)  # doctest: +SKIP
    """
    tree = subtree(entries, path)
    if not tree:
        raise NotFound(
            f"There is no model {name or path!r}: it has no files.", hint="See what there is with: mlops-nb models"
        )
    digest = tree_digest(tree)
    folder = fetch(tree, artifacts, cache, digest)
    label = name or path.rpartition("/")[2] or "model"
    return load_folder(folder, native=native, trust=trust, safe_only=safe_only, name=label, digest=digest)


def fetch(tree: Sequence[Artifact], artifacts: ArtifactStore, cache: Path, digest: str) -> Path:
    """The folder of the cache with these files: verified when it was filled, and not changed since."""
    folder = cache / digest.partition(":")[2][:32]
    stamp = folder.with_suffix(".json")
    if folder.is_dir():
        if _stamps(folder) == _read_stamps(stamp):
            return folder
        import shutil

        shutil.rmtree(folder)
    cache.mkdir(parents=True, exist_ok=True)
    try:
        artifacts.fetch_folder(tree, "", folder)
    except (AlreadyExists, OSError):
        if not folder.is_dir():  # else another process has filled it meanwhile
            raise
    stamp.write_text(json.dumps(_stamps(folder)), encoding="utf-8")
    return folder


def _stamps(folder: Path) -> dict[str, list[int]]:
    """Size and time of change of every file: what tells that a verified file has been touched."""
    found = {}
    for where, file in walk_folder(folder):
        status = file.stat()
        found[where] = [status.st_size, status.st_mtime_ns]
    return found


def _read_stamps(stamp: Path) -> dict[str, list[int]] | None:
    try:
        found: dict[str, list[int]] = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
