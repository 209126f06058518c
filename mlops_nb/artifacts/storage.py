"""The store of bytes: content-addressed, each content once, verified on every read."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from mlops_nb.artifacts.blobs import BlobPlace, VerifyingReader, corrupt, digest_of, hex_of, translate_faults
from mlops_nb.artifacts.cloning import hash_stream, sync_folder
from mlops_nb.artifacts.trees import subtree, walk_folder
from mlops_nb.artifacts.uploads import Upload
from mlops_nb.entities import Artifact
from mlops_nb.errors import AlreadyExists, CorruptData, InvalidInput, NotFound

__all__ = ["ArtifactStore"]


class ArtifactStore:
    """Bytes by digest (``sha256:`` and 64 hex digits), in a folder or behind an fsspec URL.

    Guarantees
    ----------
    * What `put_*` has returned is whole on the disk; what failed or was killed has left nothing that anybody reads.
    * The same content is stored once, whoever puts it, from however many processes at the same time.
    * `read`, `open` and `fetch` give the bytes that were put, or raise `CorruptData`.
    * Files of any size pass in constant memory.

    Parameters
    ----------
    place : BlobPlace
        Where the blobs lie; made by `open_artifacts`.

    Examples
    --------
    >>> from mlops_nb.artifacts import open_artifacts
    >>> store = open_artifacts("memory://example")
    >>> digest, size = store.put_bytes(b"weights")
    >>> store.read(digest)
    b'weights'
    """

    def __init__(self, place: BlobPlace) -> None:
        self._place = place

    @property
    def url(self) -> str:
        """Where the blobs lie, without credentials."""
        return self._place.url

    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """Store bytes; returns their digest and size.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> open_artifacts("memory://example").put_bytes(b"abc")[1]
        3
        """
        digest = digest_of(data)
        self._place.add_bytes(hex_of(digest), data)
        return digest, len(data)

    def put_file(self, path: str | os.PathLike[str], *, consume: bool = False) -> tuple[str, int]:
        """Store a file's bytes; returns their digest and size.

        Parameters
        ----------
        path : path
            A regular file.
        consume : bool
            Only for a file that the caller wrote itself (best in `scratch`) and nobody else has open: it is moved into
            the store instead of copied, and is gone afterwards.

        Raises
        ------
        NotFound, InvalidInput
            If there is no such file, or it is a folder, a pipe or a device.
        StoreError
            If the store is full or cannot be written; then nothing of the file is stored.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> store = open_artifacts("memory://example")
        >>> path = store.scratch() / "note.txt"
        >>> _ = path.write_text("hello")
        >>> store.put_file(path, consume=True)[1], path.exists()
        (5, False)
        """
        file = Path(path)
        try:
            if not file.is_file():  # before it is opened: opening a pipe would wait for its writer
                raise FileNotFoundError
            name, size = self._place.add_file(file, consume=consume and not file.is_symlink())
        except FileNotFoundError:
            if file.exists():
                raise InvalidInput(f"{str(file)!r} is not a regular file.", hint="Give a file or a folder.") from None
            raise NotFound(f"The file {str(file)!r} does not exist.", hint="Check the path.") from None
        except (PermissionError, IsADirectoryError) as error:
            raise InvalidInput(f"The file {str(file)!r} cannot be read: {error.strerror}.") from error
        return f"sha256:{name}", size

    def put_folder(self, path: str | os.PathLike[str], *, below: str = "") -> list[Artifact]:
        """Store every file below a folder; returns where each stands and its digest, by path.

        Every path is checked before the first byte is stored. Symbolic links are followed inside the folder, and
        refused if they lead out of it.

        Parameters
        ----------
        path : path
            The folder.
        below : str
            Folder of the run's tree in which the files shall stand; the top if empty.

        Examples
        --------
        >>> import tempfile
        >>> from mlops_nb.artifacts import open_artifacts
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "MLmodel").write_text("flavors: {}")
        ...     [a.path for a in open_artifacts("memory://example").put_folder(folder, below="model")]
        ['model/MLmodel']
        """
        return [Artifact(to, *self.put_file(file)) for to, file in walk_folder(Path(path), below=below)]

    def put_chunks(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Store bytes that come in pieces, in constant memory; returns their digest and size.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> open_artifacts("memory://example").put_chunks([b"ab", b"c"])[1]
        3
        """
        with self.begin() as upload:
            for chunk in chunks:
                upload.write(chunk)
            return upload.commit()

    def begin(self) -> Upload:
        """Start storing bytes that somebody else pushes, such as the body of a request.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> with open_artifacts("memory://example").begin() as upload:
        ...     upload.write(b"abc")
        ...     upload.commit()[1]
        3
        """
        return Upload(self._place)

    def publish(self, digests: Iterable[str]) -> None:
        """See to it that bytes are where others find them, before rows name them.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> store = open_artifacts("memory://example")
        >>> store.publish([store.put_bytes(b"abc")[0]])
        """
        for digest in dict.fromkeys(digests):
            self._place.publish(hex_of(digest))

    def scratch(self) -> Path:
        """A folder for files that are then put with ``consume=True``: in the same file system where there is one.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> open_artifacts("memory://example").scratch().is_dir()
        True
        """
        return self._place.scratch()

    def read(self, digest: str) -> bytes:
        """The verified bytes.

        Raises
        ------
        NotFound, CorruptData
            If they are not there, or are not what was put.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> store = open_artifacts("memory://example")
        >>> store.read(store.put_bytes(b"abc")[0])
        b'abc'
        """
        name = hex_of(digest)
        with self._place.open(name) as file, self._place.guard(name):
            data = file.read()
        if digest_of(data) != digest:
            raise corrupt(name)
        return data

    def open(self, digest: str) -> BinaryIO:
        """The bytes as a stream, verified when its end is read (`CorruptData`); it cannot seek.

        Whoever acts on the bytes before the end acts on unverified ones: `fetch` or `verify` first if that matters.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> store = open_artifacts("memory://example")
        >>> with store.open(store.put_bytes(b"abc")[0]) as file:
        ...     file.read(2)
        b'ab'
        """
        name = hex_of(digest)
        return io.BufferedReader(VerifyingReader(self._place, name), 1 << 18)

    def fetch(self, digest: str, target: str | os.PathLike[str]) -> Path:
        """Write the verified bytes to the file `target`, whole or not at all; returns its path.

        Examples
        --------
        >>> import tempfile
        >>> from mlops_nb.artifacts import open_artifacts
        >>> store = open_artifacts("memory://example")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store.fetch(store.put_bytes(b"abc")[0], Path(folder, "x", "abc")).read_bytes()
        b'abc'
        """
        name, path = hex_of(digest), Path(target).absolute()
        self.size(digest)  # a missing blob makes no folder
        if path.is_dir():
            raise InvalidInput(f"{str(path)!r} is a folder.", hint="Give the name of the file to write.")
        draft = path.parent / f".{path.name[:50]}-{os.urandom(8).hex()}"
        with translate_faults(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                if self._place.copy_out(name, draft) != name:
                    raise corrupt(name)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            sync_folder(path.parent)
        return path

    def fetch_folder(self, entries: Sequence[Artifact], path: str, target: str | os.PathLike[str]) -> Path:
        """Write the files that stand below `path` to the new folder `target`, all or none.

        Parameters
        ----------
        entries : sequence of Artifact
            A run's tree.
        path : str
            A folder of it; empty for all.
        target : path
            A folder that does not exist yet, or is empty.

        Examples
        --------
        >>> import tempfile
        >>> from mlops_nb.artifacts import open_artifacts
        >>> store = open_artifacts("memory://example")
        >>> tree = [Artifact("model/MLmodel", *store.put_bytes(b"abc"))]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [p.name for p in store.fetch_folder(tree, "model", Path(folder, "new")).iterdir()]
        ['MLmodel']
        """
        files, folder = subtree(entries, path), Path(target).absolute()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise AlreadyExists(f"{str(folder)!r} exists and is not empty.", hint="Name a new folder.")
        draft = folder.parent / f".{folder.name[:50]}-{os.urandom(8).hex()}"
        try:
            for entry in files:
                self.fetch(entry.digest, draft / entry.path)
            with translate_faults(str(folder)):
                draft.replace(folder)
        finally:
            if draft.exists():
                import shutil  # brings every compressor along; only for cleaning up

                shutil.rmtree(draft, ignore_errors=True)  # the first error is the one to tell
        return folder

    def local_path(self, digest: str) -> Path | None:
        """The blob's own file, to read and never to write, unverified; None if it lies elsewhere or is not there.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> open_artifacts("memory://example").local_path("sha256:" + "0" * 64) is None
        True
        """
        path = self._place.local_path(hex_of(digest))
        return path if path is not None and path.exists() else None

    def presign(self, digest: str, *, seconds: int = 3600) -> str | None:
        """A URL that gives the bytes to whoever holds it, for a while; None where the place cannot make one.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> open_artifacts("memory://example").presign("sha256:" + "0" * 64) is None
        True
        """
        return self._place.presign(hex_of(digest), seconds)

    def has(self, digest: str) -> bool:
        """Whether the bytes are there.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> open_artifacts("memory://example").has("sha256:" + "0" * 64)
        False
        """
        return self._place.find(hex_of(digest)) is not None

    def size(self, digest: str) -> int:
        """The size in bytes, or `NotFound`.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> store = open_artifacts("memory://example")
        >>> store.size(store.put_bytes(b"abc")[0])
        3
        """
        found = self._place.find(hex_of(digest))
        if found is None:
            raise NotFound(
                f"The artifact {digest} is not in {self.url}.", hint="See what is missing with: mlops-nb store verify"
            )
        return found.size

    def verify(self, digest: str) -> bool:
        """Read the bytes: True if they are what was put, `CorruptData` or `NotFound` if not.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> store = open_artifacts("memory://example")
        >>> store.verify(store.put_bytes(b"abc")[0])
        True
        """
        name = hex_of(digest)
        with self._place.open(name) as file, self._place.guard(name):
            found, _ = hash_stream(file)
        if found != name:
            raise corrupt(name)
        return True

    def find_damaged(self) -> Iterator[str]:
        """Read everything; the digests whose bytes are not their own.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> list(open_artifacts("memory://example").find_damaged())
        []
        """
        for digest in self.all_digests():
            try:
                self.verify(digest)
            except CorruptData:
                yield digest
            except NotFound:
                continue  # collected since it was listed

    def all_digests(self) -> Iterator[str]:
        """The digest of every blob, in no order.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> list(open_artifacts("memory://nothing-here").all_digests())
        []
        """
        return (f"sha256:{blob.name}" for blob in self._place.scan())

    def total_bytes(self) -> int:
        """What all blobs take, in bytes.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> open_artifacts("memory://nothing-here").total_bytes()
        0
        """
        return sum(blob.size for blob in self._place.scan())

    def collect(self, keep: set[str], grace_seconds: float = 86400.0) -> tuple[int, int]:
        """Take away blobs that nothing points at; returns how many files and bytes.

        Parameters
        ----------
        keep : set of str
            Every digest that a row, or a journal that is not delivered yet, points at.
        grace_seconds : float
            How long a blob is left alone after it was put or put again: bytes come before rows, so a young blob may be
            waiting for its row.

        Examples
        --------
        >>> from mlops_nb.artifacts import open_artifacts
        >>> open_artifacts("memory://nothing-here").collect(set())
        (0, 0)
        """
        limit = time.time() - grace_seconds
        count, freed = self._place.sweep(unused_since=limit)
        for blob in list(self._place.scan()):
            if f"sha256:{blob.name}" not in keep and blob.used <= limit:
                size = self._place.remove(blob.name, unused_since=limit)
                if size is not None:
                    count, freed = count + 1, freed + size
        return count, freed
