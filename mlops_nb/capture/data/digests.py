"""Digests of files and folders: streamed, remembered while a file does not change, sampled beyond a budget."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from mlops_nb.capture.data.accesses import quiet

__all__ = ["BUDGET", "Digest", "digest", "forget_digests"]

BUDGET = 2 << 30
"""Bytes up to which a file is read whole (about 0.9 GB a second); larger ones are sampled."""

BLOCK = 1 << 20
SAMPLES = 64
"""Blocks of a sample between head and tail."""

MEMORY = 10_000
"""Digests that are remembered."""

_REMEMBERED: dict[str, Digest] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest with its algorithm before the colon; empty if the file could not be read.

    ``sha256:`` of all bytes; ``sha256-sampled:`` of the size and of evenly spaced blocks (`sampled` is True then);
    ``sha256-tree:`` of the sorted names and digests of a folder's files. `changed`: the file changed while it was read,
    or is not what was expected; `files` counts what a folder held.
    """

    digest: str
    size: int
    sampled: bool = False
    changed: bool = False
    files: int = 1


def digest(
    path: str | Path,
    budget: int = BUDGET,
    *,
    cache: MutableMapping[str, Digest] | None = None,
    expected_mtime_ns: int | None = None,
    members: Iterable[str] | None = None,
) -> Digest:
    """The digest of a file, or of the tree below a folder.

    Parameters
    ----------
    path : str or Path
        File or folder.
    budget : int
        Bytes that are read at most of a file; a folder's files share it.
    cache : mutable mapping, optional
        Remembers digests by path, size, times and inode; the process's own memory if not given.
    expected_mtime_ns : int, optional
        The modification time when the file was used: `changed` tells whether it is still the same.
    members : iterable of str, optional
        Of a folder, only these names.

    Returns
    -------
    Digest
        Never an exception: a file that is gone or unreadable has an empty digest and `changed` set.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.txt"); _ = path.write_text("hello")
    >>> digest(path).digest[:20], digest(path, budget=3).sampled
    ('sha256:2cf24dba5fb0a', True)
    """
    memory = _REMEMBERED if cache is None else cache
    with quiet(path):
        try:
            found = os.stat(path)
            if stat.S_ISDIR(found.st_mode):
                return _tree(Path(path), budget, memory, members)
            if not stat.S_ISREG(found.st_mode):
                return Digest("", 0, changed=False)  # a pipe or a device: reading it would take the data away
            result = _file(os.fspath(path), found, budget, memory)
        except (OSError, ValueError):
            return Digest("", 0, changed=True)
    if expected_mtime_ns is not None and found.st_mtime_ns != expected_mtime_ns:
        return Digest(result.digest, result.size, result.sampled, changed=True)
    return result


def forget_digests() -> None:
    """Empty the process's memory of digests.

    Examples
    --------
    >>> forget_digests()
    """
    with _LOCK:
        _REMEMBERED.clear()


def _file(path: str, found: os.stat_result, budget: int, memory: MutableMapping[str, Digest]) -> Digest:
    sampled = found.st_size > budget
    key = f"{os.path.abspath(path)}\0{_state(found)}\0{budget if sampled else 'whole'}"
    known = memory.get(key)
    if known is not None:
        return known
    with open(path, "rb", buffering=0) as stream:
        if sampled:
            result = Digest(f"sha256-sampled:{_sample(stream.fileno(), found.st_size, budget)}", found.st_size, True)
        else:
            whole = hashlib.file_digest(stream, "sha256").hexdigest()
            result = Digest(f"sha256:{whole}", found.st_size)
        after = os.fstat(stream.fileno())
    if _state(after) != _state(found):
        return Digest(result.digest, after.st_size, sampled, changed=True)
    with _LOCK:
        if memory is _REMEMBERED and len(memory) >= MEMORY:
            for old in list(memory)[: MEMORY // 4]:
                del memory[old]
        memory[key] = result
    return result


def _state(found: os.stat_result) -> str:
    return f"{found.st_size}\0{found.st_mtime_ns}\0{found.st_ctime_ns}\0{found.st_ino}\0{found.st_dev}"


def _sample(descriptor: int, size: int, budget: int) -> str:
    """Head, tail and evenly spaced blocks between them, with the size: the same for the same bytes."""
    block = max(1, min(BLOCK, budget // (SAMPLES + 2)))
    sha = hashlib.sha256(f"{size}:{block}:{SAMPLES}\n".encode())
    last = size - block
    for index in range(SAMPLES + 2):
        sha.update(_read_at(descriptor, last * index // (SAMPLES + 1), block))
    return sha.hexdigest()


def _read_at(descriptor: int, offset: int, count: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


def _tree(folder: Path, budget: int, memory: MutableMapping[str, Digest], members: Iterable[str] | None) -> Digest:
    sha = hashlib.sha256()
    total = count = 0
    sampled = changed = False
    names = sorted(_names(folder) if members is None else members)
    for name in names:
        path = folder / name
        found = path.stat()
        part = _file(os.fspath(path), found, max(1 << 20, budget - total), memory)
        sha.update(f"{name}\0{part.size}\0{part.digest}\n".encode(errors="surrogateescape"))
        total, count = total + part.size, count + 1
        sampled, changed = sampled or part.sampled, changed or part.changed
    return Digest(f"sha256-tree:{sha.hexdigest()}", total, sampled, changed, count)


def _names(folder: Path) -> Iterator[str]:
    """Regular files below a folder, with ``/``; links to folders are not followed (they may go round)."""
    for path, _folders, names in os.walk(folder):
        for name in names:
            full = Path(path, name)
            if full.is_file():
                yield full.relative_to(folder).as_posix()
