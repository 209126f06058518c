"""From an address to a workspace, and which one is the process's."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from mlops_nb.errors import InvalidInput, InvalidState
from mlops_nb.workspace.place import Workspace, sqlite_url
from mlops_nb.workspace.settings import ENV_ARTIFACTS, ENV_PROJECT, ENV_STORE, FOLDER, notebook_path


def project_root(start: Path) -> Path:
    """The project of `start`: the nearest folder upwards with ``.mlops_nb`` or ``.git``, or ENV_PROJECT; else `start`.

    Examples
    --------
    >>> project_root(Path("/")) == Path("/")
    True
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FOLDER).is_dir() or (folder / ".git").exists() or str(folder) == os.environ.get(ENV_PROJECT):
            return folder
    return start


def open_workspace(store: str | None = None, artifacts: str | None = None, *, start: Path | None = None) -> Workspace:
    """A workspace by address.

    Parameters
    ----------
    store : str, optional
        A folder, a SQLAlchemy URL, or ``http(s)://`` of a server (MLflow's, too); by default ``MLOPS_NB_STORE``, else
        ``.mlops_nb`` at the project's root.
    artifacts : str, optional
        A folder or fsspec URL for the bytes; by default ``MLOPS_NB_ARTIFACTS``, else beside the rows.
    start : Path, optional
        Where to look for the project from; the working directory by default.

    Returns
    -------
    Workspace

    Raises
    ------
    InvalidInput
        If the address has a form that is not known.

    Examples
    --------
    >>> open_workspace("/data/runs").database.as_posix()
    '/data/runs/store.db'
    """
    store = store or os.environ.get(ENV_STORE) or None
    start = start or _working_folder(store)
    project = project_root(start)
    artifacts = artifacts or os.environ.get(ENV_ARTIFACTS) or None
    root = project / FOLDER
    if store is None:
        url = sqlite_url(root)
    elif "://" not in store:
        root = Path(store).expanduser()
        root = root if root.is_absolute() else (start / root).resolve()
        if root.is_file():
            raise InvalidInput(
                f"The store {store} is a file.", hint="Name a folder, or a URL such as sqlite:////path.db."
            )
        url = sqlite_url(root)
    else:
        url = store.rstrip("/") if store.startswith("http") else store
    if artifacts is not None and "://" not in artifacts:
        artifacts = str((start / Path(artifacts).expanduser()).resolve())
    served = url if url.startswith(("http://", "https://")) else None  # a server keeps the bytes of its rows
    return Workspace(root, url, artifacts or served or str(root / "artifacts"), project)


def _working_folder(store: str | None) -> Path:
    """Where we are; when that was deleted, a store that is named in full can do without."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        if store and ("://" in store or Path(store).is_absolute()):
            return Path(os.path.sep)
        raise InvalidState("The working folder was deleted.", hint="Go to one that is there, with: cd") from None


_current: Workspace | None = None
_current_lock = threading.Lock()


def current() -> Workspace:
    """The workspace of this process, made from the environment on first use.

    Examples
    --------
    >>> isinstance(current(), Workspace)
    True
    """
    global _current
    with _current_lock:
        if _current is None:
            notebook = notebook_path()
            _current = open_workspace(start=notebook.parent if notebook else None)
        return _current


def replace_current(workspace: Workspace | None) -> Workspace | None:
    """Make `workspace` the process's; returns the one before, closed by the caller if it was in use.

    Examples
    --------
    >>> before = replace_current(None)
    >>> replace_current(before) is None
    True
    """
    global _current
    with _current_lock:
        before, _current = _current, workspace
        return before


@contextlib.contextmanager
def using(workspace: Workspace) -> Iterator[Workspace]:
    """Work in another workspace for a while (one process, several stores: tests and transfer).

    Examples
    --------
    >>> with using(open_workspace("/data/runs")) as w: current() is w
    True
    """
    before = replace_current(workspace)
    try:
        yield workspace
    finally:
        replace_current(before)
