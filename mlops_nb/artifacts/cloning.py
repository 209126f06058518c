"""Copying a file once, with its digest, as fast as the file system allows.

Hard links are not used, in either direction. A hard link shares the inode: a user who later opens the file with
``r+``, appends to it or maps it would change the stored blob, and the blob's read-only bits would become the user's.
A reflink shares the blocks and not the inode, so it is as cheap and stays what it was. The one file that may lie in the
store as it is, without a copy, is one that we wrote ourselves and hand over (`consume`), and that one is renamed.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from mlops_nb.artifacts.blobs import CHUNK

__all__ = ["clone", "copy_synced", "fingerprint", "hash_stream", "sync_folder"]

_FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int); Btrfs, XFS, ZFS, bcachefs, overlayfs above these
_SAMPLE = 64 * 1024


def clone(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    """Copy an open file into another one, new and empty; sharing its blocks where the file system can.

    The digest is of the copy. So it is right also when somebody writes to the source meanwhile.

    Parameters
    ----------
    source : file
        Open for reading, at its start.
    target : file
        Open for writing (and reading), empty.

    Returns
    -------
    tuple of str and int
        The SHA-256 of what `target` holds, in hex, and its size in bytes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as a, tempfile.TemporaryFile() as b:
    ...     _ = a.write(b"abc"), a.seek(0)
    ...     clone(a, b)[1]
    3
    """
    if _share_blocks(source, target):
        return hash_stream(target)
    digest, size = hashlib.sha256(), 0
    buffer = memoryview(bytearray(CHUNK))
    while count := source.readinto(buffer):  # type: ignore[attr-defined]  # BinaryIO does not declare it; files have it
        digest.update(buffer[:count])
        target.write(buffer[:count])
        size += count
    target.flush()
    return digest.hexdigest(), size


def copy_synced(source: BinaryIO, path: Path) -> str:
    """Copy an open file into a new file, down to the disk; returns the SHA-256 of the copy in hex.

    Examples
    --------
    >>> import io, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     copy_synced(io.BytesIO(b""), Path(folder, "copy"))[:8]
    'e3b0c442'
    """
    with path.open("xb+") as file:
        written, _ = clone(source, file)
        os.fsync(file.fileno())
    return written


def _share_blocks(source: BinaryIO, target: BinaryIO) -> bool:
    """Make `target` a reflink of `source`; False where that cannot be done."""
    try:
        import fcntl  # not on Windows

        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except (ImportError, OSError):
        return False  # another file system, or one without reflinks: a refused clone has written nothing
    return True


def hash_stream(file: BinaryIO) -> tuple[str, int]:
    """The SHA-256 and the size of a file from where it stands, in constant memory.

    Examples
    --------
    >>> import io
    >>> hash_stream(io.BytesIO(b"abc"))[1]
    3
    """
    digest, size = hashlib.sha256(), 0
    buffer = memoryview(bytearray(CHUNK))
    while count := file.readinto(buffer):  # type: ignore[attr-defined]  # as above
        digest.update(buffer[:count])
        size += count
    return digest.hexdigest(), size


def fingerprint(file: BinaryIO, size: int) -> str:
    """A cheap guess at a file's identity: its size and three samples of it. The file is left at its start.

    Equal files have equal fingerprints. The reverse is only likely, so this decides nothing but what to try first.

    Examples
    --------
    >>> import io
    >>> len(fingerprint(io.BytesIO(b"abc"), 3))
    32
    """
    samples = hashlib.blake2b(str(size).encode(), digest_size=16)
    for offset in (0, size // 2, max(0, size - _SAMPLE)):
        file.seek(offset)
        samples.update(file.read(_SAMPLE))
    file.seek(0)
    return samples.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power failure.

    Examples
    --------
    >>> sync_folder(Path.cwd())
    """
    if os.name == "nt":
        return  # Windows cannot open a folder, and its file systems journal renames
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
