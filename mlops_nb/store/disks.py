"""Whether a folder stands on a disk where SQLite's locks work."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mlops_nb.errors import StoreError

MOUNTS = Path("/proc/self/mountinfo")

# Disks that several machines share. SQLite's WAL needs memory that all its processes share, which machines do not.
_SHARED = re.compile(
    r"(nfs\d?|cifs|smb\d?|smbfs|afs|afpfs|webdav|ncpfs|lustre|gpfs|beegfs|ceph|glusterfs|pvfs2|orangefs|panfs|vboxsf|"
    r"fuse\.(sshfs|s3fs|rclone|gcsfuse|goofys|blobfuse2?|glusterfs|ceph|cephfs|mount-s3|juicefs|davfs2?|smbnetfs))\Z"
)


def find_disk(path: str, mountinfo: str) -> str:
    """The type of the disk on which `path` stands, by the kernel's table of mounts.

    Parameters
    ----------
    path : str
        Absolute, symbolic links resolved.
    mountinfo : str
        The text of ``/proc/self/mountinfo``.

    Returns
    -------
    str
        For instance ``ext4``; empty if no mount holds the path.

    Examples
    --------
    >>> table = '22 1 8:1 / / rw - ext4 /dev/a rw\\n30 22 0:9 / /home rw - nfs4 srv:/h rw\\n'
    >>> find_disk("/home/ann", table), find_disk("/homes", table)
    ('nfs4', 'ext4')
    """
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        mount, _, disk = line.partition(" - ")
        fields, types = mount.split(" "), disk.split(" ")
        if len(fields) < 5 or not types[0]:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]).rstrip("/")
        # A later mount on the same point hides the earlier one.
        if len(point) >= best and (path == point or path.startswith(point + "/")):
            best, kind = len(point), types[0]
    return kind


def refuse_network_disk(folder: Path) -> None:
    """Refuse a folder on a network disk, where two machines would damage a SQLite file.

    Parameters
    ----------
    folder : Path
        Where the store's file is, or will be.

    Raises
    ------
    StoreError
        If the disk is shared between machines.

    Examples
    --------
    >>> import tempfile
    >>> refuse_network_disk(Path(tempfile.gettempdir()))
    """
    try:
        table = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return  # not Linux: SQLite's own checks have to do
    kind = find_disk(str(folder.resolve()), table)
    if _SHARED.match(kind):
        raise StoreError(
            f"The folder '{folder}' is on a network disk ({kind}), where SQLite's locks cannot be trusted.",
            hint="Set MLOPS_NB_STORE to a folder on a local disk, or to a PostgreSQL URL.",
        )


def only_readable(path: Path) -> bool:
    """Whether a SQLite file can be read as it stands, and only read: it is whole, and we cannot write beside it.

    In WAL mode SQLite writes beside the file even to read it; where it cannot, it has to be told that nobody does. So
    it is for a disk that is read-only, and for the folder of somebody else who has not opened the store.

    Parameters
    ----------
    path : Path
        The file.

    Examples
    --------
    >>> only_readable(Path("/nowhere/store.db"))
    False
    """
    log = path.with_name(path.name + "-wal")
    try:
        whole = path.is_file() and not (log.exists() and log.stat().st_size)
        if not whole or os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return whole
        return not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-shm").exists()
    except (OSError, AttributeError):  # not POSIX
        return False


def written_meanwhile(label: str) -> StoreError:
    """What to say when a file that is read as if nobody wrote it is written.

    Examples
    --------
    >>> written_meanwhile("store.db").hint
    'Open it again.'
    """
    return StoreError(
        f"The store '{label}' could only be read when it was opened, and somebody writes it now.", hint="Open it again."
    )
