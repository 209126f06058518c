"""Settings, and the one object that is handed along: where rows, bytes and journals are kept.

The only reader of ``os.environ`` (but for what capture records of the environment).
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.entities import Batch
from mlops_nb.errors import InvalidInput, StoreError
from mlops_nb.journal import Drain, is_alive, recover

if TYPE_CHECKING:
    from mlops_nb.artifacts import ArtifactStore
    from mlops_nb.store import Store

FOLDER = ".mlops_nb"
ENV_STORE = "MLOPS_NB_STORE"
ENV_ARTIFACTS = "MLOPS_NB_ARTIFACTS"
ENV_EXPERIMENT = "MLOPS_NB_EXPERIMENT"
ENV_TOKEN = "MLOPS_NB_TOKEN"
ENV_DISABLE = "MLOPS_NB_DISABLE"
ENV_NOTEBOOK = "MLOPS_NB_NOTEBOOK"
ENV_PARENT_RUN = "MLOPS_NB_PARENT_RUN"
ENV_USER_FOLDER = "MLOPS_NB_USER_FOLDER"
ENV_SAFE_MODELS = "MLOPS_NB_SAFE_MODELS"
ENV_PROJECT = "MLOPS_NB_PROJECT"
ENV_CONTEXT = "MLOPS_NB_CONTEXT"
"""Set in this process for its children: the file that names the run that is active here now."""


class Workspace:
    """Where things are kept. Made by `open_workspace`; nothing is touched on disk before the first use.

    Parameters
    ----------
    root : Path
        The folder that holds the journals, and with the embedded store everything.
    store_url : str
        SQLAlchemy URL of the rows.
    artifacts_url : str
        Folder or fsspec URL of the bytes.
    project : Path
        The project's root: paths in records are relative to it where they can be.
    """

    def __init__(self, root: Path, store_url: str, artifacts_url: str, project: Path) -> None:
        self.root = root
        self.store_url = store_url
        self.artifacts_url = artifacts_url
        self.project = project
        self.busy: Callable[[], bool] = lambda: False
        self.on_fault: Callable[[Exception], None] | None = None
        self._store: Store | None = None
        self._artifacts: ArtifactStore | None = None
        self._drain: Drain | None = None
        self._made: set[Path] = set()
        self._lock, self._quick = threading.RLock(), threading.RLock()  # the second is never held over a network call

    @property
    def journals(self) -> Path:
        """The folder of this store's journals."""
        if self.is_embedded:
            return self.root / "journal"
        digest = hashlib.sha256(self.store_url.encode()).hexdigest()[:12]
        return self.root / f"journal-{digest}"

    @property
    def is_embedded(self) -> bool:
        """Whether rows are in the SQLite file of the root folder."""
        return self.store_url == sqlite_url(self.root)

    @property
    def is_served(self) -> bool:
        """Whether rows are with a server, ours or MLflow's."""
        return self.store_url.startswith(("http://", "https://"))

    @property
    def database(self) -> Path | None:
        """The embedded store's file; None if rows are elsewhere."""
        return self.root / "store.db" if self.is_embedded else None

    @property
    def is_open(self) -> bool:
        """Whether the rows have been opened already."""
        return self._store is not None

    @property
    def store(self) -> Store:
        """The rows, opened on first use; what dead processes left is recovered then."""
        with self._lock:
            if self._store is None:
                from mlops_nb.store import open_store  # SQLAlchemy costs half a second

                if self.is_embedded:
                    self.make_folder(self.root)
                fetch = lambda key: self.artifacts.open(key)  # noqa: E731 - opened when it is asked for
                self._store = open_store(self.store_url, token=server_token(), bytes_of=fetch)
                self.recover()
            return self._store

    @property
    def artifacts(self) -> ArtifactStore:
        """The bytes."""
        with self._quick:
            if self._artifacts is None:
                from mlops_nb.artifacts import open_artifacts

                spool = self.root / f"spool-{self.journals.name}"
                if self.is_served or Path(self.artifacts_url).is_relative_to(self.root):
                    self.make_folder(self.root)
                self._artifacts = open_artifacts(self.artifacts_url, spool=spool, token=server_token())
            return self._artifacts

    @property
    def drain(self) -> Drain:
        """The one deliverer of this process's journals."""
        with self._quick:
            if self._drain is None:
                self._drain = Drain(self._deliver, self.journals, busy=lambda: self.busy(), on_error=self._tell)
            return self._drain

    def make_folder(self, folder: Path) -> Path:
        """Make a folder of the store, with a .gitignore in the root, or say why it cannot be."""
        if folder in self._made and folder.is_dir():  # with each run, and making one costs ten times as much
            return folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                self.root.mkdir(parents=True, exist_ok=True)
                ignore.write_text("*\n", encoding="ascii")
        except OSError as error:
            raise StoreError(
                f"The store's folder {folder} cannot be made: {error.strerror or error}.",
                hint=f"Set {ENV_STORE} to a folder that can be written.",
            ) from error
        self._made.add(folder)
        return folder

    def recover(self) -> list[str]:
        """Deliver what dead processes left and close their runs; returns the runs' ids."""
        store = self._store
        if store is None:
            return []  # opening the store recovers
        found = recover(self.journals, self._apply, store.delivered)
        with contextlib.suppress(StoreError):  # a store that cannot be written can still be read
            for run in store.open_runs():
                if run.lease is None or self._has_journal(run.run_id) or is_alive(run.lease, idle_seconds=0.0):
                    continue
                store.update_run(run.run_id, status="KILLED", end_time=run.start_time)
                found.append(run.run_id)
        return found

    def flush(self, timeout: float | None = None) -> bool:
        """Deliver what this process has logged, so that reads see it; False if that was not possible."""
        return self._drain is None or self._drain.flush(timeout)

    def close(self) -> None:
        """Deliver, stop, and give back connections."""
        drain = self._drain
        if drain is not None:  # without the lock: its own thread may be waiting for it, to open the store
            drain.flush(5.0)
            drain.stop()
        with self._lock:
            self._drain = None
            if self._store is not None:
                self._store.close()
                self._store = None
            self._artifacts = None

    def forget_connections(self) -> None:
        """In a forked child: connections, threads and locks belong to the parent."""
        self._store = self._artifacts = self._drain = None
        self._lock, self._quick = threading.RLock(), threading.RLock()

    def _tell(self, error: Exception) -> None:
        if self.on_fault is not None:
            self.on_fault(error)

    def _has_journal(self, run_id: str) -> bool:
        return any(self.journals.glob(f"{run_id}.*"))

    def _deliver(self, batches: list[Batch]) -> None:
        try:
            if self.is_embedded and self._store is not None and not (self.root / "store.db").exists():
                self._reopen()  # the folder was deleted under us: what is still in journals goes into a new one
            self._apply(batches)
        except StoreError:
            self._reopen()
            raise

    def _apply(self, batches: list[Batch]) -> None:
        """Bytes first, then the rows that name them."""
        if digests := [artifact.digest for batch in batches for artifact in batch.artifacts if artifact.digest]:
            self.artifacts.publish(digests)
        self.store.apply(batches)

    def _reopen(self) -> None:
        with self._lock:
            if self._store is not None:
                with contextlib.suppress(Exception):  # it is being given up because it is broken
                    self._store.close()
                self._store = None


def sqlite_url(root: Path) -> str:
    """The URL of the embedded store in a folder.

    Examples
    --------
    >>> sqlite_url(Path("/data/.mlops_nb"))
    'sqlite:////data/.mlops_nb/store.db'
    """
    return f"sqlite:///{root.as_posix()}/store.db"


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
    start = start or Path.cwd()
    project = project_root(start)
    store = store or os.environ.get(ENV_STORE) or None
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


def server_token() -> str:
    """The token of a server, for the one who starts it and for the one who calls it: ``MLOPS_NB_TOKEN``.

    Examples
    --------
    >>> server_token()
    ''
    """
    return os.environ.get(ENV_TOKEN, "").strip()


def is_disabled() -> bool:
    """Whether ``MLOPS_NB_DISABLE`` asks for everything to run as if mlops_nb were not there.

    Examples
    --------
    >>> is_disabled()
    False
    """
    return os.environ.get(ENV_DISABLE, "").strip().lower() not in ("", "0", "false", "no")


def is_debugging() -> bool:
    """Whether ``MLOPS_NB_DEBUG`` asks for the tracebacks of our own faults."""
    return os.environ.get("MLOPS_NB_DEBUG", "") not in ("", "0")


def default_experiment() -> str:
    """The experiment that a run goes to when none is named: ``MLOPS_NB_EXPERIMENT``, else ``Default``."""
    return os.environ.get(ENV_EXPERIMENT) or "Default"


def parent_run() -> str | None:
    """The run that runs of this process are nested in, when a run of the notebook as a whole has started us."""
    return os.environ.get(ENV_PARENT_RUN) or None


def notebook_path() -> Path | None:
    """The notebook that this kernel belongs to, as far as the front end tells.

    ``MLOPS_NB_NOTEBOOK`` (set by `mlops-nb run`), ``JPY_SESSION_NAME`` (set by Jupyter servers); VS Code's is in the
    namespace, where the magics look.

    Examples
    --------
    >>> notebook_path() is None
    True
    """
    for variable in (ENV_NOTEBOOK, "JPY_SESSION_NAME"):
        value = os.environ.get(variable)
        if value and value.endswith(".ipynb"):
            return Path.cwd() / value  # an absolute one stays as it is
    return None


_actor: contextvars.ContextVar[str] = contextvars.ContextVar("mlops_nb_actor", default="")


@contextlib.contextmanager
def acting_as(user: str) -> Iterator[None]:
    """What is done here is done for this user: a server's caller, whose name the audit keeps."""
    token = _actor.set(user)
    try:
        yield
    finally:
        _actor.reset(token)


def user_name() -> str:
    """The name of the user who runs this process, or for whom it acts."""
    return _actor.get() or _owner()


@functools.cache
def _owner() -> str:
    import getpass

    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def user_folder() -> Path:
    """The folder of this user's own facts, which no project, store or import can bring along.

    ``MLOPS_NB_USER_FOLDER``, else ``mlops_nb`` in ``XDG_DATA_HOME`` (or ``~/.local/share``).

    Examples
    --------
    >>> isinstance(user_folder(), Path)
    True
    """
    if own := os.environ.get(ENV_USER_FOLDER):
        return Path(own).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "mlops_nb"


def takes_safe_models_only() -> bool:
    """Whether ``MLOPS_NB_SAFE_MODELS`` asks to refuse every model whose loading runs code, trusted or not.

    Examples
    --------
    >>> takes_safe_models_only()
    False
    """
    return os.environ.get(ENV_SAFE_MODELS, "").strip().lower() not in ("", "0", "false", "no")
