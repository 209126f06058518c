"""Places behind fsspec: a broken upload publishes nothing, and errors of all libraries become ours."""

from __future__ import annotations

import os
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.artifacts import open_artifacts
from mlops_nb.artifacts.remote import RemotePlace, redact
from mlops_nb.errors import CorruptData, InvalidInput, MissingDependency, NotFound, StoreError

LARGE = 17 << 20  # more than two parts of an upload


def memory_url() -> str:
    return f"memory://{uuid.uuid4().hex}"


def test_a_broken_upload_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec.implementations.memory as memory

    store = open_artifacts(memory_url())
    (tmp_path / "file").write_bytes(b"x" * LARGE)

    def fail(self: object, data: bytes) -> int:
        raise ConnectionResetError("the network went away")

    with monkeypatch.context() as patch:
        patch.setattr(memory.MemoryFile, "write", fail, raising=False)
        for put in (lambda: store.put_bytes(b"abc"), lambda: store.put_file(tmp_path / "file")):
            with pytest.raises(StoreError, match="the network went away"):
                put()
    assert store.total_bytes() == 0
    assert store.put_bytes(b"abc")[1] == 3


def test_a_file_that_changes_while_it_is_sent_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_artifacts(memory_url())
    file = tmp_path / "file"
    file.write_bytes(b"before")
    look = RemotePlace._use

    def change_after_hashing(self: RemotePlace, name: str, size: int) -> bool:
        file.write_bytes(b"after!")
        return look(self, name, size)

    monkeypatch.setattr(RemotePlace, "_use", change_after_hashing)
    with pytest.raises(StoreError, match="written to while it was being stored"):
        store.put_file(file)
    assert list(store.all_digests()) == []


def test_damage_is_found(tmp_path: Path) -> None:
    import fsspec

    url = memory_url()
    store = open_artifacts(url)
    digest, _ = store.put_bytes(b"abc")
    fsspec.filesystem("memory").pipe_file(f"{url}/blobs/sha256/{digest[7:9]}/{digest[9:]}", b"abd")
    for call in (store.read, store.verify, lambda it: store.fetch(it, tmp_path / "copy")):
        with pytest.raises(CorruptData):
            call(digest)
    assert list(tmp_path.iterdir()) == []


def test_putting_again_renews_a_blobs_grace() -> None:
    url = memory_url()
    place = RemotePlace(url)
    store = open_artifacts(url)
    digest, _ = store.put_bytes(b"abc")
    added = place.find(digest[7:])
    assert added is not None
    store.put_bytes(b"abc")
    assert place.remove(digest[7:], unused_since=added.used) is None
    assert place.remove(digest[7:], unused_since=added.used + 3600) == 3
    assert store.put_bytes(b"abc") and store.has(digest)


def test_an_unknown_scheme_and_a_missing_package_are_one_sentence() -> None:
    with pytest.raises(InvalidInput, match="cannot be opened"):
        open_artifacts("nosuch://bucket")
    with pytest.raises(InvalidInput, match="empty or broken"):
        open_artifacts("")
    try:
        import adlfs  # noqa: F401
    except ImportError:
        with pytest.raises(MissingDependency, match="not installed"):
            open_artifacts("abfs://container/path")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("ftp://me:pass@word@host/a?key=secret", "ftp://host/a"),
        ("memory://", "memory://"),
    ],
)
def test_credentials_are_not_shown(url: str, shown: str) -> None:
    assert redact(url) == shown


@pytest.mark.s3
def test_s3_gives_urls_that_work_without_credentials(s3_options: dict[str, Any]) -> None:
    store = open_artifacts(f"s3://artifacts/{uuid.uuid4().hex}", s3_options)
    digest, _ = store.put_bytes(b"weights")
    url = store.presign(digest, seconds=60)
    assert url is not None
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"weights"


@pytest.mark.s3
def test_an_upload_to_s3_that_breaks_publishes_nothing(
    tmp_path: Path, s3_options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    store = open_artifacts(f"s3://artifacts/{uuid.uuid4().hex}", s3_options)
    (tmp_path / "file").write_bytes(os.urandom(LARGE))
    call, parts = s3fs.S3FileSystem.call_s3, []

    def fail_at_the_second_part(self: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "upload_part":
            parts.append(method)
            if len(parts) == 2:
                raise OSError("503 Slow Down")
        return call(self, method, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(s3fs.S3FileSystem, "call_s3", fail_at_the_second_part)
        with pytest.raises(StoreError, match="503 Slow Down"):
            store.put_file(tmp_path / "file")
    import gc

    gc.collect()
    assert len(parts) == 2 and list(store.all_digests()) == []
    assert s3fs.S3FileSystem(**s3_options).list_multipart_uploads("artifacts") == []
    assert store.put_file(tmp_path / "file")[1] == LARGE


@pytest.mark.s3
def test_a_bucket_that_is_not_there_or_a_server_that_is_away_is_one_sentence(s3_options: dict[str, Any]) -> None:
    with pytest.raises((StoreError, NotFound)):
        open_artifacts("s3://no-such-bucket/x", s3_options).put_bytes(b"abc")
    away = {**s3_options, "endpoint_url": "http://127.0.0.1:9", "config_kwargs": {"retries": {"max_attempts": 0}}}
    with pytest.raises(StoreError, match="s3://artifacts/x"):
        open_artifacts("s3://artifacts/x", away).put_bytes(b"abc")
