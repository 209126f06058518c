"""Storing bytes that somebody else pushes."""

from __future__ import annotations

import os
from types import TracebackType
from typing import BinaryIO, Self

from mlops_nb.artifacts.blobs import BlobPlace, translate_faults

__all__ = ["Upload"]


class Upload:
    """Bytes on their way into a store, pushed a piece at a time. Leaving the block without `commit` drops them.

    Parameters
    ----------
    place : BlobPlace
        Where they go.

    Examples
    --------
    >>> from mlops_nb.artifacts import open_artifacts
    >>> store = open_artifacts("memory://nothing-here")
    >>> with store.begin() as upload:
    ...     upload.write(b"half a bo")
    >>> store.total_bytes()
    0
    """

    def __init__(self, place: BlobPlace) -> None:
        self._place = place
        self._stored: tuple[str, int] | None = None
        self._path = place.scratch() / f"{os.getpid()}-{os.urandom(8).hex()}"
        with translate_faults(place.url):
            self._file: BinaryIO = self._path.open("xb")

    def write(self, chunk: bytes) -> None:
        """Take a piece.

        Raises
        ------
        StoreError
            If there is no space; what came so far is dropped.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> upload = open_artifacts("memory://example").begin()
        >>> upload.write(b"abc")
        >>> upload.abort()
        """
        try:
            with translate_faults(self._place.url):
                self._file.write(chunk)
        except BaseException:
            self.abort()
            raise

    def commit(self) -> tuple[str, int]:
        """Store what came; returns its digest and size, also when asked again.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> upload = open_artifacts("memory://example").begin()
        >>> upload.write(b"abc")
        >>> upload.commit()[1]
        3
        """
        if self._stored is not None:
            return self._stored
        try:
            with translate_faults(self._place.url):
                self._file.close()
            name, size = self._place.add_file(self._path, consume=True)
            self._stored = f"sha256:{name}", size
            return self._stored
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop what came, if it is not stored.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> upload = open_artifacts("memory://example").begin()
        >>> upload.write(b"abc")
        >>> upload.abort()
        """
        try:
            with translate_faults(self._place.url):
                self._file.close()
        finally:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()
