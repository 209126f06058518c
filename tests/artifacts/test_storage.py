"""What every place for blobs must do: one suite for a folder, for memory and for S3."""

from __future__ import annotations

import hashlib
import io
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.artifacts import ArtifactStore, open_artifacts
from mlops_nb.entities import Artifact
from mlops_nb.errors import AlreadyExists, InvalidInput, NotFound

MISSING = "sha256:" + "0" * 64


@pytest.fixture(params=["folder", "memory", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArtifactStore]:
    if request.param == "folder":
        yield open_artifacts(tmp_path / "artifacts")
    elif request.param == "memory":
        yield open_artifacts(f"memory://{uuid.uuid4().hex}")
    else:
        options: dict[str, Any] = request.getfixturevalue("s3_options")
        yield open_artifacts(f"s3://artifacts/{uuid.uuid4().hex}", options)


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 70_000, bytes(range(256)) * 40_000], ids=len)
def test_bytes_come_back(store: ArtifactStore, tmp_path: Path, data: bytes) -> None:
    digest, size = store.put_bytes(data)
    assert (digest, size) == (sha256(data), len(data))
    assert store.read(digest) == data
    assert store.size(digest) == size and store.has(digest) and store.verify(digest)
    assert store.fetch(digest, tmp_path / "new" / "copy").read_bytes() == data
    assert store.put_file(tmp_path / "new" / "copy") == (digest, size)
    assert list(store.all_digests()) == [digest] and store.total_bytes() == size


def test_a_large_file_is_kept_once(store: ArtifactStore, tmp_path: Path) -> None:
    file = tmp_path / "large"
    data = bytes(range(256)) * (17 << 12)  # 17 MiB: several parts of an upload
    file.write_bytes(data)
    first = store.put_file(file)
    assert store.put_file(str(file)) == first == (sha256(data), len(data))
    assert store.total_bytes() == len(data)
    assert store.read(first[0]) == data


def test_a_consumed_file_is_gone_and_its_bytes_are_there(store: ArtifactStore) -> None:
    for data in (b"first", b"first", b"z" * (9 << 20)):
        file = store.scratch() / uuid.uuid4().hex
        file.write_bytes(data)
        digest, _ = store.put_file(file, consume=True)
        assert not file.exists()
        assert store.read(digest) == data


def test_a_folder_becomes_entries_and_a_folder_again(store: ArtifactStore, tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "data").mkdir(parents=True)
    (model / "MLmodel").write_text("flavors: {}")
    (model / "data" / "wéights 🏋.npz").write_bytes(b"\1\2")
    entries = store.put_folder(model, below="models/m")
    assert [e.path for e in entries] == ["models/m/MLmodel", "models/m/data/wéights 🏋.npz"]
    copy = store.fetch_folder(entries, "models/m", tmp_path / "copy")
    assert (copy / "data" / "wéights 🏋.npz").read_bytes() == b"\1\2"
    assert store.put_folder(copy, below="models/m") == entries
    with pytest.raises(AlreadyExists, match="not empty"):
        store.fetch_folder(entries, "models/m", copy)


def test_a_folder_that_cannot_be_fetched_whole_is_not_fetched(store: ArtifactStore, tmp_path: Path) -> None:
    entries = [Artifact("a", *store.put_bytes(b"a")), Artifact("b/c", MISSING, 1)]
    with pytest.raises(NotFound):
        store.fetch_folder(entries, "", tmp_path / "out" / "copy")
    assert not list(tmp_path.glob("out/*"))


def test_chunks_and_pushed_bytes(store: ArtifactStore) -> None:
    digest, size = store.put_chunks(bytes([i]) * 1000 for i in range(5))
    assert size == 5000 and store.size(digest) == 5000
    with pytest.raises(RuntimeError, match="client went away"), store.begin() as upload:
        upload.write(b"half")
        raise RuntimeError("client went away")
    assert list(store.all_digests()) == [digest]


def test_a_stream_is_read_in_pieces(store: ArtifactStore) -> None:
    data = bytes(range(256)) * 5000
    digest, _ = store.put_bytes(data)
    with store.open(digest) as file:
        pieces = list(iter(lambda: file.read(70_001), b""))
        assert not file.seekable()
    assert b"".join(pieces) == data
    with store.open(digest) as file:
        assert io.TextIOWrapper(file, "latin-1").read(3) == data[:3].decode("latin-1")


@pytest.mark.parametrize("call", ["read", "open", "size", "verify"])
def test_what_is_not_there_is_said_so(store: ArtifactStore, call: str) -> None:
    with pytest.raises(NotFound, match="is not in"):
        getattr(store, call)(MISSING)
    assert not store.has(MISSING)


def test_a_fetch_of_nothing_makes_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        store.fetch(MISSING, tmp_path / "new" / "file")
    assert not (tmp_path / "new").exists()
    digest, _ = store.put_bytes(b"x")
    with pytest.raises(InvalidInput, match="is a folder"):
        store.fetch(digest, tmp_path)


@pytest.mark.parametrize("digest", ["", "sha256:", "md5:" + "0" * 32, "sha256:../../etc", "sha256:" + "A" * 64, None])
def test_a_digest_is_checked_before_it_becomes_a_path(store: ArtifactStore, digest: Any) -> None:
    for call in (store.read, store.has, store.size, store.verify, store.open, store.local_path):
        with pytest.raises(InvalidInput, match="is not a digest"):
            call(digest)


def test_collecting_keeps_what_is_pointed_at_or_young(store: ArtifactStore) -> None:
    kept, _ = store.put_bytes(b"kept")
    dropped, size = store.put_bytes(b"dropped")
    assert store.collect({kept}) == (0, 0)
    assert store.collect({kept}, grace_seconds=-10) == (1, size)
    assert list(store.all_digests()) == [kept]
    assert store.put_bytes(b"dropped") == (dropped, size)
    assert store.read(dropped) == b"dropped"
    assert store.collect({"xxh3:not-ours", kept}, grace_seconds=-10) == (1, size)


def test_threads_may_put_the_same_bytes_at_once(store: ArtifactStore) -> None:
    data, digests, start = b"same" * 300_000, [], threading.Barrier(6)

    def put() -> None:
        start.wait()
        digests.append(store.put_bytes(data))

    threads = [threading.Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [(sha256(data), len(data))] * 6
    assert store.total_bytes() == len(data) and store.verify(digests[0][0])


def test_sources_that_are_no_files_are_refused(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        store.put_file(tmp_path / "gone")
    with pytest.raises(InvalidInput, match="not a regular file"):
        store.put_file(tmp_path)
    with pytest.raises(InvalidInput, match="not a regular file"):
        store.put_file("/dev/null")
    assert list(store.all_digests()) == []
