"""S3 on a bad road: slow answers, 503s, uploads and downloads that are cut off. All or nothing, and one sentence."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.artifacts import ArtifactStore, open_artifacts
from mlops_nb.errors import StoreError
from tests.artifacts.trouble import Trouble, troubled

pytestmark = pytest.mark.s3

LARGE = 17 << 20  # more than two parts of an upload
IMPATIENT = {"config_kwargs": {"read_timeout": 1, "connect_timeout": 1, "retries": {"max_attempts": 2}}}


@pytest.fixture
def road(s3_options: dict[str, Any]) -> Iterator[Trouble]:
    with troubled(s3_options["endpoint_url"]) as trouble:
        yield trouble


@pytest.fixture
def store(road: Trouble, s3_options: dict[str, Any]) -> ArtifactStore:
    return open_artifacts(f"s3://artifacts/{uuid.uuid4().hex}", {**s3_options, "endpoint_url": road.url, **IMPATIENT})


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(LARGE))
    return path


def uploads(s3_options: dict[str, Any]) -> list[Any]:
    import s3fs

    return list(s3fs.S3FileSystem(**s3_options).list_multipart_uploads("artifacts"))


def test_a_503_is_tried_again(road: Trouble, store: ArtifactStore, large: Path) -> None:
    road.reset(lambda method, path, count: "503" if count == 1 else "")
    digest, _ = store.put_bytes(b"weights")
    assert store.read(digest) == b"weights"
    digest, size = store.put_file(large)
    assert (size, road.parts()) == (LARGE, 3)
    assert store.verify(digest)


def test_503s_without_an_end_are_one_sentence(road: Trouble, store: ArtifactStore, s3_options: dict[str, Any]) -> None:
    road.reset(lambda method, path, count: "503" if method == "PUT" else "")
    with pytest.raises(StoreError, match=r"s3://artifacts/.*reduce your request rate") as caught:
        store.put_bytes(b"weights")
    assert "\n" not in str(caught.value)
    road.reset(lambda method, path, count: "")
    assert list(store.all_digests()) == []
    assert store.put_bytes(b"weights")[1] == 7


@pytest.mark.nightly
def test_slow_answers_are_waited_for_and_hanging_ones_are_not(road: Trouble, store: ArtifactStore) -> None:
    road.reset(lambda method, path, count: "0.1")
    digest, _ = store.put_bytes(b"slow")
    assert store.read(digest) == b"slow"
    road.reset(lambda method, path, count: "2" if method == "PUT" and count == 1 else "")
    assert store.put_bytes(b"hangs once")[1] == 10
    road.reset(lambda method, path, count: "30")
    begun = time.monotonic()
    with pytest.raises(StoreError, match="Read timeout"):
        store.put_bytes(b"hangs")
    assert time.monotonic() - begun < 25


@pytest.mark.nightly
def test_an_upload_that_is_cut_off_goes_on(
    road: Trouble, store: ArtifactStore, large: Path, s3_options: dict[str, Any]
) -> None:
    road.reset(lambda method, path, count: "cut" if "partNumber=2" in path and count == 1 else "")
    digest, _ = store.put_file(large)
    assert store.verify(digest)
    assert uploads(s3_options) == []


def test_an_upload_that_breaks_leaves_nothing(
    road: Trouble, store: ArtifactStore, large: Path, s3_options: dict[str, Any]
) -> None:
    road.reset(lambda method, path, count: "cut" if "partNumber=2" in path else "")
    with pytest.raises(StoreError, match="s3://artifacts/"):
        store.put_file(large)
    road.reset(lambda method, path, count: "")
    assert (list(store.all_digests()), uploads(s3_options)) == ([], [])
    assert store.put_file(large)[1] == LARGE


@pytest.mark.nightly
def test_a_download_that_is_cut_off_gives_no_half_file(
    road: Trouble, store: ArtifactStore, large: Path, tmp_path: Path
) -> None:
    digest, _ = store.put_file(large)
    road.reset(lambda method, path, count: "half" if method == "GET" and count == 1 else "")
    assert store.fetch(digest, tmp_path / "copy").read_bytes() == large.read_bytes()
    road.reset(lambda method, path, count: "half" if method == "GET" else "")
    with pytest.raises(StoreError):
        store.fetch(digest, tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "large"]
