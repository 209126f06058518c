"""Digests: of bytes, remembered, sampled, of trees; and what a change in between does."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_nb.capture.data.digests import Digest, digest, forget_digests


@pytest.fixture(autouse=True)
def _forget() -> None:
    forget_digests()


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello" * 1000)
    expected = "sha256:" + hashlib.sha256(b"hello" * 1000).hexdigest()
    assert digest(tmp_path / "a") == Digest(expected, 5000)


def test_a_digest_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    cache: dict[str, Digest] = {}
    first = digest(path, cache=cache)
    (key,) = cache
    cache[key] = Digest("sha256:remembered", 1)
    assert digest(path, cache=cache).digest == "sha256:remembered"
    path.write_bytes(b"22")
    assert digest(path, cache=cache).digest not in ("sha256:remembered", first.digest)


def test_a_change_that_keeps_size_and_time_is_seen_by_inode_or_ctime(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    os.utime(path, ns=(5, 5))
    first = digest(path)
    other = tmp_path / "b"
    other.write_bytes(b"2")
    os.utime(other, ns=(5, 5))
    other.replace(path)
    assert digest(path).digest != first.digest


def test_beyond_the_budget_a_sample_is_taken_and_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 400)
    found = digest(path, budget=1000)
    assert (found.sampled, found.size) == (True, 102400)
    assert found.digest.startswith("sha256-sampled:")
    assert found == digest(path, budget=1000, cache={})
    for position in (0, 102399):  # head and tail are always in the sample
        changed = bytearray(path.read_bytes())
        changed[position] ^= 1
        path.with_name("b").write_bytes(changed)
        assert digest(path.with_name("b"), budget=1000).digest != found.digest


@settings(max_examples=30, deadline=None)
@given(content=st.binary(min_size=1, max_size=3000), budget=st.integers(1, 4000))
def test_any_size_gives_a_digest(tmp_path_factory: pytest.TempPathFactory, content: bytes, budget: int) -> None:
    path = tmp_path_factory.mktemp("any") / "a"
    path.write_bytes(content)
    found = digest(path, budget=budget)
    assert found.sampled == (len(content) > budget)
    assert not found.changed


def test_a_tree_is_its_names_and_contents(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        for name in ("b/x.parquet", "a.parquet"):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    one, two = digest(tmp_path / "one"), digest(tmp_path / "two")
    assert one == two
    assert (one.files, one.size, one.digest[:12]) == (2, 20, "sha256-tree:")
    (tmp_path / "two/a.parquet").rename(tmp_path / "two/c.parquet")
    assert digest(tmp_path / "two").digest != one.digest
    assert digest(tmp_path / "two", members=["c.parquet"]).files == 1


def test_a_file_that_is_gone_or_changed_is_said_not_raised(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert digest(path) == Digest("", 0, changed=True)
    path.write_text("1")
    mtime = path.stat().st_mtime_ns
    assert not digest(path, expected_mtime_ns=mtime).changed
    assert digest(path, expected_mtime_ns=mtime - 1).changed
    assert digest("a\0b").changed
    assert digest(tmp_path, members=["gone"]).changed


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert digest(tmp_path / "pipe").digest == ""
