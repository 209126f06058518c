"""Blobs anywhere that fsspec reaches: S3, GCS, Azure, SFTP, memory.

An object store shows an object only once it is complete, so writing straight to a blob's name is safe there as long as
a failed upload is given up and not closed: closing would publish the half that has arrived. Elsewhere a blob is written
under another name and moved. `_upload` sees to both.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from mlops_nb.artifacts.blobs import ABANDONED, CHUNK, BlobStat, translate_faults
from mlops_nb.artifacts.cloning import copy_synced, hash_stream
from mlops_nb.errors import InvalidInput, MissingDependency, MlopsError, StoreError, require

__all__ = ["RemotePlace", "redact"]

_BLOCK = 8 << 20
"""Bytes of one part of an upload, and of one read ahead: what one transfer keeps in memory, a few times over."""

_PATIENCE = {"connect_timeout": 10, "read_timeout": 60}
"""Seconds for S3, unless the user's configuration says otherwise; how often is tried again is botocore's own."""

_SIGNED = {"signature_version": "s3v4"}
"""How addresses that work for a while are signed: botocore's own way for them is one that new buckets refuse."""

_ATTEMPTS = 2
"""How often s3fs asks botocore, which tries several times itself: five, its default, would make hours of hanging."""

_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss"})


class RemotePlace:
    """A `BlobPlace` behind an fsspec URL.

    An object's time cannot be set, so the last use of a blob that was there already is the time of an empty object
    under ``uses/``.

    Parameters
    ----------
    url : str
        For instance ``s3://bucket/prefix``. Options come from fsspec's own configuration and the environment.
    options : dict, optional
        Options of the fsspec file system, such as ``endpoint_url``.

    Examples
    --------
    >>> RemotePlace("memory://doctest").find("0" * 64) is None
    True
    """

    def __init__(self, url: str, options: dict[str, Any] | None = None) -> None:
        fsspec = require("fsspec", "s3", purpose=f"keep artifacts in {redact(url)}")
        self.url = redact(url)
        scheme = url.split("://", 1)[0]
        try:
            given = _patient(options or {}, fsspec.config.conf) if scheme in ("s3", "s3a") else options or {}
            self._fs, root = fsspec.core.url_to_fs(url, **given)
        except ImportError as error:
            hint = "Install it with: pip install 'mlops_nb[s3]'" if scheme.startswith("s3") else "Install it with pip."
            raise MissingDependency(
                f"Artifacts at {self.url} need a package that is not installed ({error}).", hint=hint
            ) from error
        except ValueError as error:
            raise InvalidInput(
                f"The artifact store {self.url} cannot be opened: {error}.", hint="Give a folder or an fsspec URL."
            ) from error
        self._root = str(root).rstrip("/")
        self._blobs = f"{self._root}/blobs/sha256"
        self._uses = f"{self._root}/uses"
        self._drafts = f"{self._root}/tmp"
        self._shows_whole = scheme in _OBJECT_STORES
        if scheme in ("s3", "s3a"):
            self._fs.retries = _ATTEMPTS

    def _path(self, name: str) -> str:
        return f"{self._blobs}/{name[:2]}/{name[2:]}"

    def find(self, name: str) -> BlobStat | None:
        """The blob, or None."""
        with self.guard():
            self._forget_listings()
            try:
                return _stat(name, self._fs.info(self._path(name)))
            except FileNotFoundError:
                return None

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add bytes whose digest is known to be `name`."""
        if not self._use(name, len(data)):
            with self.guard():
                self._write(name, data)

    def add_file(self, path: Path, *, consume: bool) -> tuple[str, int]:
        """Add a file's bytes: hashed first, since the name must be known, and again while they are sent."""
        with path.open("rb") as source:
            name, size = hash_stream(source)
            if not self._use(name, size):
                source.seek(0)
                with self.guard():
                    self._send(name, source, path)
        if consume:
            path.unlink(missing_ok=True)
        return name, size

    def _send(self, name: str, source: BinaryIO, path: Path) -> None:
        with self._upload(name) as file:
            sent = hashlib.sha256()
            while chunk := source.read(CHUNK):
                sent.update(chunk)
                file.write(chunk)
            if sent.hexdigest() != name:
                raise StoreError(
                    f"The file {path} was written to while it was being stored; nothing was stored.",
                    hint="Log it again when its writer has finished.",
                )

    def publish(self, name: str) -> None:
        """Nothing: a blob is where others find it as soon as it is added."""

    def open(self, name: str) -> BinaryIO:
        """The blob's bytes as they lie there, unverified."""
        with self.guard(name):
            return cast(BinaryIO, self._fs.open(self._path(name), "rb", block_size=_BLOCK))

    def copy_out(self, name: str, target: Path) -> str:
        """Write the blob to the new file `target`, synced; returns the digits of what was written."""
        with self.open(name) as source, self.guard():
            return copy_synced(source, target)

    def local_path(self, name: str) -> Path | None:
        """None: the bytes are not here."""
        return None

    def scan(self) -> Iterator[BlobStat]:
        """Every blob, in no order."""
        with self.guard():
            self._forget_listings()
            for path, info in self._files(self._blobs):
                name = "".join(path.rsplit("/", 2)[1:])
                if len(name) == 64:
                    yield _stat(name, info)

    def remove(self, name: str, *, unused_since: float) -> int | None:
        """Take a blob away unless it was used after `unused_since`; returns the bytes that this freed, or None."""
        found = self.find(name)
        if found is None or found.used > unused_since:
            return None
        with self.guard():
            with contextlib.suppress(FileNotFoundError):  # it has not been used again since it was added
                if _modified(self._fs.info(f"{self._uses}/{name}")) > unused_since:
                    return None
            with contextlib.suppress(FileNotFoundError):  # somebody else has just taken it away
                self._fs.rm_file(self._path(name))
        return found.size

    def sweep(self, *, unused_since: float) -> tuple[int, int]:
        """Take away what dead writers left, and old marks of use. An object store never shows the former."""
        count = freed = 0
        with self.guard():
            self._forget_listings()
            for path, info in self._files(self._uses):
                if _modified(info) <= unused_since:
                    with contextlib.suppress(FileNotFoundError):  # another collector was here
                        self._fs.rm_file(path)
            limit = min(unused_since, time.time() - ABANDONED)
            for path, info in self._files(self._drafts):
                if _modified(info) <= limit:
                    self._fs.rm_file(path)
                    count, freed = count + 1, freed + int(info["size"] or 0)
        return count, freed

    def scratch(self) -> Path:
        """A folder for files that will be added with `consume`."""
        return Path(tempfile.gettempdir())

    def presign(self, name: str, seconds: int) -> str | None:
        """A URL that gives the blob to whoever holds it, for a while; None where the place has no such thing."""
        try:
            return str(self._fs.sign(self._path(name), expiration=seconds))
        except NotImplementedError:
            return None

    def _use(self, name: str, size: int) -> bool:
        found = self.find(name)
        if found is None or found.size != size:
            return False
        with self.guard():
            self._fs.pipe_file(f"{self._uses}/{name}", b"")
        return self.find(name) is not None  # a collector that had looked before the mark may have taken it away

    def _write(self, name: str, data: bytes) -> None:
        if self._shows_whole and len(data) < _BLOCK:
            self._fs.pipe_file(self._path(name), data)  # one request instead of the three of an upload in parts
        else:
            with self._upload(name) as file:
                file.write(data)

    @contextlib.contextmanager
    def _upload(self, name: str) -> Iterator[BinaryIO]:
        """A file that becomes the blob only if the block ends well."""
        path = self._path(name)
        if self._shows_whole:
            file = self._fs.open(path, "wb", block_size=_BLOCK, autocommit=False)
            try:
                yield file
                file.close()
                file.commit()
            except BaseException:
                with contextlib.suppress(Exception):  # what went wrong first is the news
                    file.discard()
                file.closed = True  # else the collector of garbage closes it, and that would publish it
                raise
            return
        draft = f"{self._drafts}/{uuid.uuid4().hex}"
        for folder in (self._drafts, path.rsplit("/", 1)[0]):
            self._fs.makedirs(folder, exist_ok=True)
        try:
            with self._fs.open(draft, "wb") as file:
                yield file
            self._fs.mv(draft, path)
        except BaseException:
            with contextlib.suppress(Exception):  # as above; `sweep` takes away what stays
                self._fs.rm_file(draft)
            raise

    @contextlib.contextmanager
    def guard(self, name: str | None = None) -> Iterator[None]:
        """Our errors instead of those of the system and of a dozen network libraries, which share no class."""
        try:
            with translate_faults(self.url, name=name):
                yield
        except MlopsError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".rstrip(".")
            raise StoreError(
                f"The artifact store {self.url} cannot be reached ({reason}).",
                hint="Check the URL and the credentials.",
            ) from error

    def _files(self, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every file below `folder`, a level at a time: a listing of millions is never held at once."""
        try:
            listed = self._fs.ls(folder, detail=True)
        except FileNotFoundError:
            return
        for info in listed:
            path = str(info["name"])
            if info["type"] == "directory":
                yield from self._files(path)
            elif path.rstrip("/") != folder:
                yield path, info

    def _forget_listings(self) -> None:
        """Other processes write here too, and fsspec remembers listings for as long as it lives."""
        self._fs.invalidate_cache()


def redact(url: str) -> str:
    """A URL without its user and password, for messages.

    Examples
    --------
    >>> redact("sftp://me:secret@host/path")
    'sftp://host/path'
    """
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{mark}{authority.rsplit('@', 1)[-1]}{slash}{path.split('?', 1)[0]}"


def _patient(options: dict[str, Any], configured: dict[str, Any]) -> dict[str, Any]:
    """Options with time-outs, where neither they nor fsspec's configuration have any."""
    own = options.get("config_kwargs", configured.get("s3", {}).get("config_kwargs", {}))
    return {**options, "config_kwargs": {**_PATIENCE, **_SIGNED, **own}}


def _stat(name: str, info: dict[str, Any]) -> BlobStat:
    return BlobStat(name, int(info["size"] or 0), _modified(info))


def _modified(info: dict[str, Any]) -> float:
    """When an object was written, in seconds; an unknown time counts as now, which keeps the object."""
    for key in ("LastModified", "last_modified", "mtime", "updated", "modified", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return time.time()
