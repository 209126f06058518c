"""Outgrowing a machine: a store moved to PostgreSQL and S3 and back, and two stores joined."""

from __future__ import annotations

from typing import Any, Unpack

from mlops_nb.errors import InvalidInput
from mlops_nb.store.moving import move_sql_store
from mlops_nb.transfer.copying import Manner, Tick, copy_store
from mlops_nb.transfer.own import OwnOrigin, keep_in
from mlops_nb.transfer.parcels import File, Report
from mlops_nb.workspace import Workspace


def migrate_store(
    space: Workspace, target: Workspace, *, tick: Tick | None = None
) -> dict[str, Any]:
    """Move everything into an empty store elsewhere; this one stays as it is.

    Parameters
    ----------
    space, target : Workspace
        Where from and where to: SQLite or PostgreSQL, with files in a folder, S3 or any place of fsspec's.
    tick : callable, optional
        Hears of the progress: files first, then rows.

    Returns
    -------
    dict
        ``rows`` by table, ``files`` and ``bytes`` that were copied, ``missing`` digests, ``store`` and ``artifacts``.

    Raises
    ------
    InvalidInput
        If one of the two is behind a server.
    AlreadyExists
        If the target is in use.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.workspace import open_workspace
    >>> here, there = open_workspace(tempfile.mkdtemp()), open_workspace(tempfile.mkdtemp())
    >>> migrate_store(here, there)["rows"]["runs"]
    0
    """
    if space.is_served or target.is_served:
        raise InvalidInput(
            "A store behind a server cannot be moved from here.",
            hint="Move it where the server runs, or join two stores with: mlops-nb store merge OTHER",
        )
    if space.store_url == target.store_url:
        raise InvalidInput("Both stores are the same.", hint="Name another one to move to.")
    space.flush()
    count, size, missing = _copy_files(space, target, tick)
    if target.is_embedded:
        target.make_folder(target.root)
    rows = move_sql_store(space.store_url, target.store_url, tick)
    info = target.store.info()
    return {
        "store": info["url"], "artifacts": target.artifacts.url, "runs": rows["runs"],
        "models": rows["registered_models"], "rows": rows, "files": count, "bytes": size, "missing": missing,
    }  # fmt: skip


def _copy_files(space: Workspace, target: Workspace, tick: Tick | None) -> tuple[int, int, list[str]]:
    """Bytes before rows; what is there already is not sent again."""
    if space.artifacts.url == target.artifacts.url:
        return 0, 0, []
    count = size = 0
    missing = []
    keep = keep_in(target.artifacts)
    kept = {entry for entry in space.store.digests() if entry.startswith("sha256:") and len(entry) == 71}
    named = {entry.digest for entries in _trees(space) for entry in entries}
    for digest in sorted(kept & named):
        if not space.artifacts.has(digest):
            missing.append(digest)
        elif not target.artifacts.has(digest):
            keep(File(digest, 0, lambda digest=digest: space.artifacts.open(digest)))  # type: ignore[misc]
            count, size = count + 1, size + space.artifacts.size(digest)
            if tick is not None:
                tick(count, digest[:19])
    return count, size, missing


def _trees(space: Workspace) -> Any:
    """The files of all runs, logged models and versions; digests of data are not of files that are kept."""
    origin = OwnOrigin(space.store, space.artifacts, Report("", ""))
    for experiment in origin.experiments():
        for run in origin.runs(experiment):
            yield space.store.artifacts(run.run_id)
        for model in origin.logged_models(experiment):
            yield space.store.logged_model_files(model.model_id)
    for registered in origin.models():
        for version in origin.versions(registered):
            for part in ("model", "notes"):
                yield space.store.version_files(version.name, version.version, part)


def merge_stores(space: Workspace, other: Workspace, **manner: Unpack[Manner]) -> Report:
    """Add what is in another store to this one. Ids are global: what is in both is there once.

    Parameters
    ----------
    space, other : Workspace
        Where to and where from.
    **manner
        ``thorough``, ``tick``, ``expect``: see `copying.Manner`.

    Returns
    -------
    Report
        What was new, and what of the other store has another place here: versions whose number was taken.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.workspace import open_workspace
    >>> merge_stores(open_workspace(tempfile.mkdtemp()), open_workspace(tempfile.mkdtemp())).new
    {}
    """
    for each in (space, other):
        each.flush()
    report = Report(other.store.info()["url"], space.store.info()["url"])
    origin = OwnOrigin(other.store, other.artifacts, report)
    return copy_store(origin, space.store, keep_in(space.artifacts), **manner)
