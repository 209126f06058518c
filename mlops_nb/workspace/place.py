"""The one object that is handed along: where rows, bytes and journals are kept."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mlops_nb.entities import Batch
from mlops_nb.errors import StoreError
from mlops_nb.journal import Drain, is_alive, recover
from mlops_nb.workspace.settings import ENV_STORE, server_token

if TYPE_CHECKING:
    from mlops_nb.artifacts import ArtifactStore
    from mlops_nb.store import Store


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
                self._store = open_store(self.store_url, token=server_token(), bytes_of=self._bytes_of)
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

    def _bytes_of(self, key: str) -> BinaryIO:
        """Bytes that rows name; the files are opened when the first are asked for."""
        return self.artifacts.open(key)

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
    >>> sqlite_url(Path("/data/100%?"))
    'sqlite:////data/100%25%3F/store.db'
    """
    path = root.as_posix().replace("%", "%25").replace("?", "%3F")  # all that means something in it
    return f"sqlite:///{path}/store.db"
