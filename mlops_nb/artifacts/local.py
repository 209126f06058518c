"""Blobs in a folder: the everyday place. Standard library only.

``blobs/sha256/ab/cdef...`` are the blobs, read-only; ``tmp/`` holds what is being written, in the same file system, so
that a rename is all that publishing takes; ``hints/`` guesses, from a few samples of a large file, which blob it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from mlops_nb.artifacts.blobs import ABANDONED, BlobStat, translate_faults
from mlops_nb.artifacts.cloning import clone, copy_synced, fingerprint, hash_stream, sync_folder

__all__ = ["LocalPlace"]

_LARGE = 8 << 20


class LocalPlace:
    """A `BlobPlace` in a folder, which is made when the first blob comes.

    Parameters
    ----------
    root : Path
        Absolute, so that the place stays when the working directory changes.
    synced : bool
        Whether a blob that was added survives a power failure, for which the disk has to be waited for. Without, it
        survives the end of its process, as a journal does.

    Examples
    --------
    >>> LocalPlace(Path("/nowhere")).find("0" * 64) is None
    True
    """

    def __init__(self, root: Path, *, synced: bool = True) -> None:
        self.root = root
        self._synced = synced
        self.url = str(root)
        self._blobs = root / "blobs" / "sha256"
        self._hints = root / "hints"

    def _path(self, name: str) -> Path:
        return self._blobs / name[:2] / name[2:]

    def find(self, name: str) -> BlobStat | None:
        """The blob, or None."""
        with translate_faults(self.url):
            try:
                found = self._path(name).stat()
            except FileNotFoundError:
                return None
            return BlobStat(name, found.st_size, found.st_mtime)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add bytes whose digest is known to be `name`."""
        with translate_faults(self.url):
            if self._use(name, len(data)):
                return
            with self._draft() as draft:
                with _create(draft) as file:
                    file.write(data)
                    self._sync(file)
                self._publish(draft, name)

    def add_file(self, path: Path, *, consume: bool) -> tuple[str, int]:
        """Add a file's bytes, reading and writing them at most once unless they are large and not known yet."""
        with path.open("rb") as source, translate_faults(self.url):
            size = os.fstat(source.fileno()).st_size
            hint = self._hints / fingerprint(source, size) if size >= _LARGE else None
            if consume:
                name, size = self._adopt(path, source)
            elif hint is None:
                data = source.read()
                name, size = hashlib.sha256(data).hexdigest(), len(data)
                self.add_bytes(name, data)
            else:
                name, size = self._add_large(source, hint)
            if hint is not None:
                self._write_hint(hint, name)
        if consume:
            path.unlink(missing_ok=True)
        return name, size

    def _adopt(self, path: Path, source: BinaryIO) -> tuple[str, int]:
        """Move a file of our own into the store."""
        name, size = hash_stream(source)
        if self._use(name, size):
            return name, size
        with self._draft() as draft:
            try:
                os.rename(path, draft)  # noqa: PTH104 - not replace(): the error must not name two paths
            except OSError:  # in another file system
                source.seek(0)
                with _create(draft) as file:
                    name, size = clone(source, file)
                    self._sync(file)
            else:
                draft.chmod(0o444 & draft.stat().st_mode)
                if self._synced:
                    os.fsync(source.fileno())
            self._publish(draft, name)
        return name, size

    def _add_large(self, source: BinaryIO, hint: Path) -> tuple[str, int]:
        """Add a large file: looked at first when it may be here already, else copied and hashed in one go."""
        if self._read_hint(hint):
            name, size = hash_stream(source)
            if self._use(name, size):
                return name, size
            source.seek(0)
        with self._draft() as draft:
            with _create(draft) as file:
                name, size = clone(source, file)
                known = self._use(name, size)
                if not known:
                    self._sync(file)
            if not known:
                self._publish(draft, name)
        return name, size

    def _read_hint(self, hint: Path) -> bool:
        try:
            return self._path(hint.read_text("ascii")).exists()
        except (FileNotFoundError, ValueError):
            return False

    def _write_hint(self, hint: Path, name: str) -> None:
        if self._read_hint(hint) and hint.read_text("ascii") == name:
            return
        hint.parent.mkdir(parents=True, exist_ok=True)
        hint.write_text(name, "ascii")  # neither synced nor renamed: a lost or torn hint costs one copy

    def publish(self, name: str) -> None:
        """Nothing: a blob is where others find it as soon as it is added."""

    def open(self, name: str) -> BinaryIO:
        """The blob's bytes as they lie there, unverified."""
        with translate_faults(self.url, name=name):
            return self._path(name).open("rb")

    def copy_out(self, name: str, target: Path) -> str:
        """Write the blob to the new file `target`, synced; returns the digits of what was written."""
        with self.open(name) as source, translate_faults(str(target)):
            return copy_synced(source, target)

    def local_path(self, name: str) -> Path | None:
        """The blob's own file."""
        return self._path(name)

    def scan(self) -> Iterator[BlobStat]:
        """Every blob, in no order."""
        with translate_faults(self.url):
            for folder in _entries(self._blobs):
                for entry in _entries(Path(folder.path)):
                    with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                        found = entry.stat(follow_symlinks=False)
                        yield BlobStat(folder.name + entry.name, found.st_size, found.st_mtime)

    def remove(self, name: str, *, unused_since: float) -> int | None:
        """Take a blob away unless it was used after `unused_since`; returns the bytes that this freed, or None."""
        with translate_faults(self.url), self._draft() as doomed:
            path = self._path(name)
            try:
                if path.stat().st_mtime > unused_since:
                    return None
                path.rename(doomed)
            except FileNotFoundError:
                return None
            # Only now nobody can use it any more by its name. Whoever did so since the first look gets it back.
            found = doomed.stat()
            if found.st_mtime > unused_since:
                self._publish(doomed, name)
                return None
            doomed.unlink()
            return found.st_size

    def sweep(self, *, unused_since: float) -> tuple[int, int]:
        """Take away what dead writers left, and hints to blobs that are gone."""
        count = freed = 0
        limit = min(unused_since, time.time() - ABANDONED)
        with translate_faults(self.url):
            for entry in _entries(self.root / "tmp"):
                with contextlib.suppress(FileNotFoundError):  # its writer has finished
                    found = entry.stat(follow_symlinks=False)
                    if found.st_mtime <= limit and entry.is_file(follow_symlinks=False):
                        Path(entry.path).unlink()
                        count, freed = count + 1, freed + found.st_size
            for entry in _entries(self._hints):
                if not self._read_hint(Path(entry.path)):
                    Path(entry.path).unlink(missing_ok=True)
        return count, freed

    def scratch(self) -> Path:
        """A folder for files that will be added with `consume`."""
        with translate_faults(self.url):
            folder = self.root / "tmp"
            folder.mkdir(parents=True, exist_ok=True)
            return folder

    def presign(self, name: str, seconds: int) -> str | None:
        """None: a folder has no URLs."""
        return None

    def guard(self, name: str | None = None) -> AbstractContextManager[None]:
        """A block in which the system's errors become ours."""
        return translate_faults(self.url, name=name)

    def _use(self, name: str, size: int) -> bool:
        """Whether the blob is there, whole; if so its time of use is now, which keeps it from being collected."""
        path = self._path(name)
        try:
            os.utime(path)
            return path.stat().st_size == size  # a blob that was cut is written again
        except FileNotFoundError:
            return False
        except PermissionError:
            return path.stat().st_size == size  # another user's blob in a shared folder: there, but not ours to touch

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Path]:
        """A name to write to; whatever still has it at the end is taken away."""
        path = self.scratch() / f"{os.getpid()}-{os.urandom(8).hex()}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _sync(self, file: BinaryIO) -> None:
        file.flush()
        if self._synced:
            os.fsync(file.fileno())

    def _publish(self, draft: Path, name: str) -> None:
        """Give a synced draft its name, so that it survives a power failure."""
        path = self._path(name)
        if not path.parent.exists():
            fresh = not self._blobs.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._synced:
                for folder in (self._blobs, self._blobs.parent, self.root)[: 3 if fresh else 1]:
                    sync_folder(folder)
        draft.replace(path)
        if self._synced:
            sync_folder(path.parent)


def _create(draft: Path) -> BinaryIO:
    """A new file, to write through this handle only: its own bits say read-only from the start."""
    return os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o444), "wb+")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []
