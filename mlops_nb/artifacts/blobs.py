"""What a place for blobs must offer, and how a blob's bytes are named and checked."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from mlops_nb.errors import CorruptData, InvalidInput, NotFound, StorageFull, StoreError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = [
    "ABANDONED",
    "CHUNK",
    "BlobPlace",
    "BlobStat",
    "VerifyingReader",
    "corrupt",
    "digest_of",
    "hex_of",
    "translate_faults",
]

CHUNK = 1 << 20
"""Bytes that are held at a time: large enough for hash speed, small enough for any kernel."""

ABANDONED = 3600.0
"""Seconds without a write after which a draft's writer counts as dead: a slow copy is not a dead one."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class BlobStat:
    """A blob as its place lists it: hex digits, size in bytes, last use in seconds since the epoch."""

    name: str
    size: int
    used: float


class BlobPlace(Protocol):
    """Where blobs lie, by the 64 hex digits of their SHA-256.

    Guarantees
    ----------
    * A blob is there whole or not at all, whatever process dies or disk fills in between.
    * Adding what is there already writes nothing, and counts as a use of it.
    * Any number of processes may add, read and remove at the same time.
    """

    url: str

    def find(self, name: str) -> BlobStat | None:
        """The blob, or None."""

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add bytes whose digest is known to be `name`."""

    def add_file(self, path: Path, *, consume: bool) -> tuple[str, int]:
        """Add a file's bytes; with `consume` the file may be moved instead of copied, and is gone afterwards."""

    def publish(self, name: str) -> None:
        """See to it that a blob is where others find it, before a row names it."""

    def open(self, name: str) -> BinaryIO:
        """The blob's bytes as they lie there, unverified."""

    def copy_out(self, name: str, target: Path) -> str:
        """Write the blob to the new file `target`, synced; returns the digits of what was written."""

    def local_path(self, name: str) -> Path | None:
        """The blob's own file where it has one."""

    def scan(self) -> Iterator[BlobStat]:
        """Every blob, in no order."""

    def remove(self, name: str, *, unused_since: float) -> int | None:
        """Take a blob away unless it was used after `unused_since`; returns the bytes freed, or None."""

    def sweep(self, *, unused_since: float) -> tuple[int, int]:
        """Take away what dead writers left; returns how many files and bytes."""

    def scratch(self) -> Path:
        """A folder for files that will be added with `consume`."""

    def presign(self, name: str, seconds: int) -> str | None:
        """A URL that gives the blob to whoever holds it, for a while; None where the place has no such thing."""

    def guard(self, name: str | None = None) -> AbstractContextManager[None]:
        """A block in which the place's errors become ours; with a `name`, a missing file means that blob."""


def hex_of(digest: str) -> str:
    """The hex digits of a digest, which is checked: it becomes a part of a path.

    Examples
    --------
    >>> hex_of("sha256:" + "0" * 64) == "0" * 64
    True
    """
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InvalidInput(f"{str(digest)[:80]!r} is not a digest.", hint="A digest is 'sha256:' and 64 hex digits.")
    return digest[7:]


def digest_of(data: bytes) -> str:
    """The digest of bytes, tagged with its algorithm.

    Examples
    --------
    >>> digest_of(b"")[:15]
    'sha256:e3b0c442'
    """
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class VerifyingReader(io.RawIOBase):
    """A blob's bytes from first to last; the read that meets the end raises `CorruptData` if they are not its own.

    It cannot seek: what is skipped could not be verified. Fetch the blob to a file for that.

    Examples
    --------
    >>> from mlops_nb.artifacts import open_artifacts
    >>> store = open_artifacts("memory://example")
    >>> store.open(store.put_bytes(b"abc")[0]).read()
    b'abc'
    """

    def __init__(self, place: BlobPlace, name: str) -> None:
        self._place = place
        self._raw = place.open(name)
        self._name = name
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Always: it is for reading."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer`; 0 at the verified end."""
        view = memoryview(buffer).cast("B")
        with self._place.guard():
            data = self._raw.read(len(view))
        view[: len(data)] = data
        self._hash.update(data)
        if not data and len(view) and self._hash.hexdigest() != self._name:
            raise corrupt(self._name)
        return len(data)

    def close(self) -> None:
        """Close the blob too."""
        if not self.closed:
            self._raw.close()
        super().close()


def corrupt(name: str) -> CorruptData:
    """The error for a blob whose bytes are not those that it is named after.

    Examples
    --------
    >>> corrupt("ab").message
    'The artifact sha256:ab is damaged: its bytes do not have this digest.'
    """
    return CorruptData(
        f"The artifact sha256:{name} is damaged: its bytes do not have this digest.",
        hint="See which runs are hit with: mlops-nb store verify. Logging the same content again repairs it.",
    )


@contextlib.contextmanager
def translate_faults(url: str, *, name: str | None = None) -> Iterator[None]:
    """Turn what the operating system or a network says into our errors, in one place.

    Parameters
    ----------
    url : str
        The place that is worked on.
    name : str, optional
        The blob that is asked for, if a missing file means that this is missing.

    Examples
    --------
    >>> with translate_faults("/srv/artifacts"):
    ...     raise OSError(errno.ENOSPC, "No space left on device")
    Traceback (most recent call last):
    mlops_nb.errors.StorageFull: The artifact store /srv/artifacts has no space left; nothing was stored. ...
    """
    try:
        yield
    except FileNotFoundError as error:
        if name is None:
            raise StoreError(f"The artifact store {url} cannot be used: {error}.") from error
        raise NotFound(
            f"The artifact sha256:{name} is not in {url}.", hint="See what is missing with: mlops-nb store verify"
        ) from error
    except PermissionError as error:
        raise StoreError(
            f"The artifact store {url} may not be written or read: {error}.",
            hint="Check the folder's owner and rights.",
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                f"The artifact store {url} has no space left; nothing was stored.",
                hint="Free space, for instance with: mlops-nb store gc",
            ) from error
        raise StoreError(f"The artifact store {url} cannot be used: {error}.") from error
