"""Trees of entries: one resolver, MLflow's listing, models as folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.artifacts import listing, resolve, subtree, tree_digest, walk_folder
from mlops_nb.entities import Artifact
from mlops_nb.errors import InvalidInput, NotFound


def entry(path: str, content: str = "x", size: int = 1) -> Artifact:
    return Artifact(path, f"sha256:{content}", size)


TREE = [entry("model/MLmodel"), entry("model/data/weights.npz", size=5), entry("model2/MLmodel"), entry("plot.png")]


def test_resolve_finds_the_file_and_its_last_content() -> None:
    assert resolve([*TREE, entry("plot.png", "new")], "plot.png").digest == "sha256:new"


def test_resolve_says_what_is_wrong() -> None:
    with pytest.raises(NotFound, match="has no artifact 'model/nope'"):
        resolve(TREE, "model/nope")
    with pytest.raises(InvalidInput, match="is a folder"):
        resolve(TREE, "model")
    with pytest.raises(InvalidInput, match=r"'\.\.' part"):
        resolve(TREE, "model/../plot.png")


def test_listing_shows_what_is_directly_below() -> None:
    top = listing(TREE)
    assert [(e.path, e.is_folder, e.size) for e in top] == [
        ("model", True, 6),
        ("model2", True, 1),
        ("plot.png", False, 1),
    ]
    assert [e.path for e in listing(TREE, "model")] == ["model/MLmodel", "model/data"]
    assert listing(TREE, "plot.png") == []
    assert listing(TREE, "nothing") == []
    with pytest.raises(InvalidInput):
        listing(TREE, "/")


def test_a_path_logged_twice_is_listed_once_with_its_last_size() -> None:
    assert [(e.path, e.size) for e in listing([entry("a/b", size=1), entry("a/b", "y", 7)])] == [("a", 7)]


def test_a_subtree_starts_at_its_folder() -> None:
    assert [e.path for e in subtree(TREE, "model")] == ["MLmodel", "data/weights.npz"]
    assert [e.path for e in subtree(TREE)] == sorted(e.path for e in TREE)
    with pytest.raises(NotFound):
        subtree(TREE, "mod")


def test_a_subtree_that_no_disk_could_hold_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'m/a' is a file and the folder of 'm/a/b'"):
        subtree([entry("m/a"), entry("m/a/b")], "m")


def test_hostile_entries_do_not_become_files() -> None:
    with pytest.raises(InvalidInput):
        subtree([entry("m/../../etc/passwd")], "m")


PARTS = st.text(alphabet="ab.é ", min_size=1, max_size=3).filter(lambda part: part not in (".", ".."))
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), max_size=6, unique=True)


@given(PATHS)
def test_walking_the_listings_meets_every_file_once(paths: list[str]) -> None:
    entries = [entry(path) for path in paths]

    def files(folder: str) -> list[str]:
        below = listing(entries, folder)
        return [e.path for e in below if not e.is_folder] + [f for e in below if e.is_folder for f in files(e.path)]

    assert sorted(files("")) == sorted(paths)


@given(PATHS, st.randoms())
def test_a_tree_digest_names_content_and_not_order(paths: list[str], random: object) -> None:
    entries = [entry(path, content=str(i)) for i, path in enumerate(paths)]
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert tree_digest(entries) == tree_digest(shuffled)
    for i, changed in enumerate(entries):
        other = [*entries[:i], Artifact(changed.path, "sha256:other", 1), *entries[i + 1 :]]
        assert tree_digest(other) != tree_digest(entries)


def test_walking_a_folder_gives_posix_paths_in_order(tmp_path: Path) -> None:
    for name in ("b/c/d.txt", "a file.txt", "b/ü.txt", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "empty").mkdir()
    assert [path for path, _ in walk_folder(tmp_path)] == [".hidden", "a file.txt", "b/c/d.txt", "b/ü.txt"]
    assert [path for path, _ in walk_folder(tmp_path / "b", below="x/y")] == ["x/y/c/d.txt", "x/y/ü.txt"]


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_text("a")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "b").symlink_to(tmp_path / "real" / "a")
    assert [path for path, _ in walk_folder(tmp_path)] == ["b", "link/a", "real/a"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "..", "/"])
def test_links_that_leave_the_folder_are_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(target)
    with pytest.raises(InvalidInput, match="leads out"):
        walk_folder(tmp_path / "in")


def test_links_in_circles_pipes_and_broken_links_are_refused(tmp_path: Path) -> None:
    circle, pipe, broken = (tmp_path / name for name in ("circle", "pipe", "broken"))
    (circle / "a").mkdir(parents=True)
    (circle / "a" / "up").symlink_to(circle)
    pipe.mkdir()
    os.mkfifo(pipe / "p")
    broken.mkdir()
    (broken / "b").symlink_to("gone")
    with pytest.raises(InvalidInput, match="link to itself"):
        walk_folder(circle)
    for folder in (pipe, broken):
        with pytest.raises(InvalidInput, match="neither a file nor a folder"):
            walk_folder(folder)


def test_a_name_that_the_tree_refuses_is_found_before_anything_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a\\b").write_text("x")
    with pytest.raises(InvalidInput, match="backslash"):
        walk_folder(tmp_path)
    undecodable = tmp_path / "sub"
    undecodable.mkdir()
    Path(os.fsdecode(os.fsencode(undecodable) + b"/\xff")).write_text("x")
    with pytest.raises(InvalidInput, match="cannot be shown"):
        walk_folder(undecodable)


def test_what_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput, match="is not a folder"):
        walk_folder(tmp_path / "file")
    with pytest.raises(NotFound, match="does not exist"):
        walk_folder(tmp_path / "gone")
