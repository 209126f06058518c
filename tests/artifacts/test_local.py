"""The folder: one copy, no damage, and nothing left behind whatever happens."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops_nb.artifacts import ArtifactStore, open_artifacts
from mlops_nb.artifacts.cloning import clone, fingerprint
from mlops_nb.artifacts.local import LocalPlace
from mlops_nb.errors import CorruptData, NotFound, StoreError

LARGE = 9 << 20


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return open_artifacts(tmp_path / "artifacts")


def in_child(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, with `open_artifacts` at hand and `sys.argv[1:]` as given."""
    start = "import os, signal, sys\nfrom pathlib import Path\nfrom mlops_nb.artifacts import open_artifacts\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", start + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


def leftovers(tmp_path: Path) -> list[Path]:
    return [file for file in (tmp_path / "artifacts" / "tmp").rglob("*") if file.is_file()]


def damage(store: ArtifactStore, digest: str, data: bytes) -> None:
    path = store.local_path(digest)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(data)


def test_opening_makes_nothing(tmp_path: Path, store: ArtifactStore) -> None:
    assert store.total_bytes() == 0 and not store.has("sha256:" + "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_the_layout_is_the_one_that_is_documented(tmp_path: Path, store: ArtifactStore) -> None:
    digest, _ = store.put_bytes(b"abc")
    name = digest.removeprefix("sha256:")
    path = tmp_path / "artifacts" / "blobs" / "sha256" / name[:2] / name[2:]
    assert path.read_bytes() == b"abc" and store.local_path(digest) == path
    assert open_artifacts(f"file://{tmp_path}/artifacts").read(digest) == b"abc"


def test_a_folder_that_is_named_relatively_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_artifacts("here")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.put_bytes(b"x")
    assert (tmp_path / "here" / "blobs").is_dir()


def test_nothing_heavy_is_imported_for_a_folder(tmp_path: Path) -> None:
    done = in_child(
        "open_artifacts(sys.argv[1]).put_bytes(b'x')\n"
        "print([m for m in ('fsspec', 'numpy', 'sqlalchemy', 'asyncio') if m in sys.modules])",
        tmp_path / "artifacts",
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("size", [10, LARGE])
@pytest.mark.parametrize("consume", [False, True])
def test_blobs_are_read_only_and_files_that_are_fetched_are_not(
    tmp_path: Path, store: ArtifactStore, size: int, consume: bool
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)
    digest, _ = store.put_file(file, consume=consume)
    path = store.local_path(digest)
    assert path is not None and not path.stat().st_mode & 0o222
    copy = store.fetch(digest, tmp_path / "copy")
    assert copy.stat().st_mode & stat.S_IWUSR


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_user_who_goes_on_writing_to_a_file_does_not_change_the_blob(
    tmp_path: Path, store: ArtifactStore, size: int
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)
    with file.open("r+b") as still_open:
        digest, _ = store.put_file(file)
        still_open.write(b"changed")
    with file.open("ab") as appended:
        appended.write(b"more")
    assert store.verify(digest)
    with store.fetch(digest, tmp_path / "copy").open("r+b") as copy:
        copy.write(b"changed")
    assert store.verify(digest)
    assert file.stat().st_mode & stat.S_IWUSR


def test_the_digest_is_of_what_is_stored_when_the_source_changes_meanwhile(tmp_path: Path) -> None:
    class Changing(io.BytesIO):
        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            count = super().readinto(buffer)
            self.getbuffer()[:] = b"y" * len(self.getvalue())
            return count

    with (tmp_path / "copy").open("wb+") as target:
        digest, size = clone(Changing(b"x" * (3 << 20)), target)
        stored = (tmp_path / "copy").read_bytes()
    assert size == len(stored) == 3 << 20 and set(stored) == set(b"xy")
    assert digest == hashlib.sha256(stored).hexdigest()


def test_a_copy_that_shares_blocks_is_hashed_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system can share blocks, the copy is made first; what the source becomes later does not count."""

    def share(source: io.BytesIO, target: io.BufferedRandom) -> bool:
        target.write(source.getvalue())
        target.seek(0)
        source.getbuffer()[:] = b"z" * len(source.getvalue())
        return True

    monkeypatch.setattr("mlops_nb.artifacts.cloning._share_blocks", share)
    with (tmp_path / "copy").open("wb+") as target:
        assert clone(io.BytesIO(b"abc"), target) == (hashlib.sha256(b"abc").hexdigest(), 3)


def test_a_known_large_file_is_not_written_again(
    tmp_path: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "large"
    file.write_bytes(os.urandom(LARGE))
    first = store.put_file(file)
    copies: list[object] = []
    monkeypatch.setattr("mlops_nb.artifacts.local.clone", lambda *files: copies.append(files))
    (tmp_path / "again").write_bytes(file.read_bytes())
    assert open_artifacts(tmp_path / "artifacts").put_file(tmp_path / "again") == first
    assert copies == []


def test_a_hint_that_misleads_costs_nothing_but_time(tmp_path: Path, store: ArtifactStore) -> None:
    one, other = bytearray(LARGE), bytearray(LARGE)
    other[1_000_000] = 1  # outside every sample
    (tmp_path / "one").write_bytes(one)
    (tmp_path / "other").write_bytes(other)
    with (tmp_path / "one").open("rb") as a, (tmp_path / "other").open("rb") as b:
        assert fingerprint(a, LARGE) == fingerprint(b, LARGE)
    first, second = store.put_file(tmp_path / "one"), store.put_file(tmp_path / "other")
    assert first != second and store.read(second[0]) == other and store.read(first[0]) == one
    for hint in (tmp_path / "artifacts" / "hints").iterdir():
        hint.write_text("\0torn/../..")
    assert store.put_file(tmp_path / "one") == first


def test_memory_stays_constant(tmp_path: Path) -> None:
    done = in_child(
        "import resource\n"
        "file = Path(sys.argv[2])\n"
        "with file.open('wb') as f: f.truncate(300 << 20)\n"
        "store = open_artifacts(sys.argv[1])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "digest, size = store.put_file(file)\n"
        "store.verify(digest); store.fetch(digest, file)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)",
        tmp_path / "artifacts",
        tmp_path / "large",
    )
    assert int(done.stdout) < 20, done.stderr


@pytest.mark.parametrize(
    "put",
    [
        "store.put_bytes(os.urandom(2_000_000))",
        "store.put_file(sys.argv[2])",
        "store.put_chunks(os.urandom(100_000) for _ in range(100))",
        "store.fetch(small, Path(sys.argv[1]).parent / 'copy')",
    ],
)
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, put: str) -> None:
    (tmp_path / "large").write_bytes(os.urandom(LARGE))
    done = in_child(
        "import resource\n"
        "from mlops_nb.errors import StoreError\n"
        "store = open_artifacts(sys.argv[1])\n"
        "small, _ = store.put_bytes(b'z' * 1_500_000)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))\n"
        f"try: {put}\n"
        "except StoreError as error: print(error)",
        tmp_path / "artifacts",
        tmp_path / "large",
    )
    assert "has no space left" in done.stdout and "store gc" in done.stdout, done.stderr
    store = open_artifacts(tmp_path / "artifacts")
    assert leftovers(tmp_path) == []
    assert [store.size(digest) for digest in store.all_digests()] == [1_500_000]
    assert list(store.find_damaged()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifacts", "large"]


def test_a_writer_that_is_killed_leaves_no_blob_and_its_draft_is_swept(tmp_path: Path, store: ArtifactStore) -> None:
    done = in_child(
        "upload = open_artifacts(sys.argv[1]).begin()\n"
        "upload.write(b'x' * 1_000_000)\n"
        "os.kill(os.getpid(), signal.SIGKILL)",
        tmp_path / "artifacts",
    )
    assert done.returncode == -9
    assert list(store.all_digests()) == []
    (draft,) = leftovers(tmp_path)
    size = draft.stat().st_size
    assert size > 0
    assert store.collect(set(), grace_seconds=0) == (0, 0), "its writer may be slow and not dead"
    os.utime(draft, (1, 1))
    assert store.collect(set(), grace_seconds=0) == (1, size)
    assert leftovers(tmp_path) == []


def test_processes_may_put_the_same_file_at_once(tmp_path: Path, store: ArtifactStore) -> None:
    (tmp_path / "large").write_bytes(os.urandom(LARGE))
    code = (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def put(_): return open_artifacts(sys.argv[1]).put_file(sys.argv[2])\n"
        "with ProcessPoolExecutor(4) as pool: print(len(set(pool.map(put, range(8)))))"
    )
    done = in_child(code, tmp_path / "artifacts", tmp_path / "large")
    assert done.stdout.strip() == "1", done.stderr
    assert store.total_bytes() == LARGE and list(store.find_damaged()) == [] and leftovers(tmp_path) == []


@pytest.mark.parametrize("damaged", [b"", b"abd", b"abcd"])
def test_damage_is_found_and_mended_by_the_same_content(tmp_path: Path, store: ArtifactStore, damaged: bytes) -> None:
    digest, _ = store.put_bytes(b"abc")
    whole, _ = store.put_bytes(b"whole")
    damage(store, digest, damaged)
    for call in (store.read, store.verify, lambda it: store.fetch(it, tmp_path / "copy")):
        with pytest.raises(CorruptData, match="is damaged"):
            call(digest)
    with store.open(digest) as file, pytest.raises(CorruptData):
        file.read()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifacts"]
    assert list(store.find_damaged()) == [digest]
    assert store.read(whole) == b"whole"
    if len(damaged) != 3:  # damage of the same length shows only when it is read
        store.put_bytes(b"abc")
        assert store.read(digest) == b"abc"


def test_putting_again_renews_a_blobs_grace(store: ArtifactStore) -> None:
    digest, _ = store.put_bytes(b"abc")
    path = store.local_path(digest)
    assert path is not None
    os.utime(path, (1, 1))
    store.put_bytes(b"abc")
    assert store.collect(set(), grace_seconds=3600) == (0, 0)
    os.utime(path, (1, 1))
    assert store.collect(set(), grace_seconds=3600) == (1, 3)


def test_a_blob_used_while_it_is_being_collected_comes_back(
    tmp_path: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, _ = store.put_bytes(b"abc")
    path = store.local_path(digest)
    assert path is not None
    os.utime(path, (1, 1))
    rename = Path.rename

    def use_then_rename(self: Path, target: Path) -> Path:
        store.put_bytes(b"abc")  # between the collector's look and its rename
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", use_then_rename)
    assert LocalPlace(tmp_path / "artifacts").remove(digest[7:], unused_since=time.time() - 60) is None
    assert store.read(digest) == b"abc"


def test_collecting_drops_hints_to_what_is_gone(tmp_path: Path, store: ArtifactStore) -> None:
    (tmp_path / "large").write_bytes(os.urandom(LARGE))
    digest, _ = store.put_file(tmp_path / "large")
    store.collect(set(), grace_seconds=-10)
    store.collect(set())
    assert not store.has(digest) and list((tmp_path / "artifacts" / "hints").iterdir()) == []


def test_a_file_from_another_file_system_is_consumed_too(
    tmp_path: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", refuse)
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    digest, _ = store.put_file(file, consume=True)
    assert store.read(digest) == b"abc" and not file.exists()


def test_consuming_a_link_leaves_what_it_names(tmp_path: Path, store: ArtifactStore) -> None:
    (tmp_path / "real").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("real")
    digest, _ = store.put_file(tmp_path / "link", consume=True)
    assert store.read(digest) == b"abc" and (tmp_path / "real").read_bytes() == b"abc"
    path = store.local_path(digest)
    assert path is not None and not path.is_symlink()


def test_a_store_that_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    store = open_artifacts(tmp_path / "file" / "artifacts")
    with pytest.raises(StoreError, match="cannot be used"):
        store.put_bytes(b"abc")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_store_is_one_sentence(tmp_path: Path, store: ArtifactStore) -> None:
    digest, _ = store.put_bytes(b"abc")
    (tmp_path / "artifacts" / "tmp").chmod(0o500)
    with pytest.raises(StoreError, match="may not be written"):
        store.put_bytes(b"abcd")
    assert store.read(digest) == b"abc"


def test_a_missing_blob_names_the_store(tmp_path: Path, store: ArtifactStore) -> None:
    with pytest.raises(NotFound, match="store verify"):
        store.read("sha256:" + "0" * 64)
