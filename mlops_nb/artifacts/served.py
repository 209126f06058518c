"""Blobs on a server of ours: kept here first, they go out when their rows do, so that no cell waits for them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from mlops_nb.artifacts.blobs import CHUNK, BlobStat, translate_faults
from mlops_nb.artifacts.local import LocalPlace
from mlops_nb.connection import Connection, kind_of_server
from mlops_nb.errors import InvalidState, NotFound

__all__ = ["ServedPlace"]

_BLOBS = "/api/mlops-nb/v1/blobs"


class ServedPlace:
    """A `BlobPlace` on a server, with a folder for what has not been sent yet.

    Parameters
    ----------
    url, token : str
        As for `Connection`.
    spool : Path
        The folder.
    """

    def __init__(self, url: str, spool: Path, *, token: str = "") -> None:
        self._connection = Connection(url, token=token)
        self._token, self._full_url = token, url
        self._spool = LocalPlace(spool, synced=False)  # no cell waits for the disk: the server syncs what it gets
        self.url = self._connection.url

    def find(self, name: str) -> BlobStat | None:
        """The blob, here or there."""
        found = self._spool.find(name)
        if found is not None:
            return found
        size = self._ask(name)
        return None if size is None else BlobStat(name, size, time.time())

    def _ask(self, name: str) -> int | None:
        if self._is_mlflow():
            return None
        sizes = self._connection.call(_BLOBS, {"digests": [f"sha256:{name}"]}, again=True)["sizes"]
        return next(iter(sizes.values()), None)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add bytes, here."""
        self._spool.add_bytes(name, data)

    def add_file(self, path: Path, *, consume: bool) -> tuple[str, int]:
        """Add a file's bytes, here."""
        return self._spool.add_file(path, consume=consume)

    def publish(self, name: str) -> None:
        """Send a blob, if it is here and not there yet; then it is there only.

        A server of MLflow knows no blobs: there the rows bring their files along, and what is here stays.
        """
        found = self._spool.find(name)
        if found is None or self._is_mlflow():
            return
        if self._ask(name) is None:
            with self._spool.open(name) as file:
                self._connection.send_file("PUT", f"{_BLOBS}/sha256:{name}", file, found.size)
        self._spool.remove(name, unused_since=time.time() + 1)

    def open(self, name: str) -> BinaryIO:
        """The blob's bytes; those of the server come whole before the first one is read."""
        if self._spool.find(name) is not None:
            return self._spool.open(name)
        draft = self.scratch() / f"{os.getpid()}-{os.urandom(8).hex()}"
        try:
            self._download(name, draft)
            return draft.open("rb")
        finally:
            draft.unlink(missing_ok=True)  # an open file stays readable

    def copy_out(self, name: str, target: Path) -> str:
        """Write the blob to the new file `target`, synced; returns the digits of what was written."""
        if self._spool.find(name) is not None:
            return self._spool.copy_out(name, target)
        return self._download(name, target)

    def _is_mlflow(self) -> bool:
        return kind_of_server(self._full_url, token=self._token) == "mlflow"

    def _download(self, name: str, target: Path) -> str:
        if self._is_mlflow():
            raise NotFound(
                f"The artifact sha256:{name} was not written from here.",
                hint="Take everything over with: mlops-nb import mlflow URL",
            )
        digest = hashlib.sha256()
        try:
            fetched = self._connection.fetch(f"{_BLOBS}/sha256:{name}")
            with fetched as source, translate_faults(str(target)), target.open("xb") as file:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except NotFound:
            raise NotFound(f"The artifact sha256:{name} is not on {self.url}.") from None
        return digest.hexdigest()

    def local_path(self, name: str) -> Path | None:
        """The blob's own file, while it is here."""
        return self._spool.local_path(name)

    def scan(self) -> Iterator[BlobStat]:
        """Every blob that has not been sent yet."""
        return self._spool.scan()

    def remove(self, name: str, *, unused_since: float) -> int | None:
        """Refused: who collects has to know of all rows, and of all that other kernels have not delivered."""
        raise InvalidState(
            f"Files on {self.url} are collected there.", hint="On that machine, type: mlops-nb store gc"
        )

    def sweep(self, *, unused_since: float) -> tuple[int, int]:
        """Take away what dead writers left here."""
        return self._spool.sweep(unused_since=unused_since)

    def scratch(self) -> Path:
        """A folder for files that will be added with `consume`."""
        return self._spool.scratch()

    def presign(self, name: str, seconds: int) -> str | None:
        """None: the server gives bytes to those with a token."""
        return None

    def guard(self, name: str | None = None) -> AbstractContextManager[None]:
        """A block in which the system's errors become ours."""
        return self._spool.guard(name)
