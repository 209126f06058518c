"""A run's files as a tree: pure functions over lists of entries, and the walk through a folder on disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_nb.artifacts.paths import check_path
from mlops_nb.entities import Artifact
from mlops_nb.errors import InvalidInput, NotFound

__all__ = ["Listed", "listing", "resolve", "subtree", "tree_digest", "walk_folder"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A file or a folder as a listing shows it: its path from the root of the run's tree.

    A folder has no digest; its `size` is that of all files below it.
    """

    path: str
    is_folder: bool
    size: int
    digest: str = ""


def resolve(entries: Sequence[Artifact], path: str) -> Artifact:
    """The file at `path` of a run's tree: the one way from (run, path) to bytes.

    Parameters
    ----------
    entries : sequence of Artifact
        The run's tree.
    path : str
        From outside; checked here.

    Raises
    ------
    InvalidInput
        If the path is refused by `check_path`, or names a folder.
    NotFound
        If there is no such file.

    Examples
    --------
    >>> resolve([Artifact("a/b.txt", "sha256:00", 3)], "a/b.txt").size
    3
    """
    check_path(path)
    for entry in reversed(entries):  # a path that was logged twice is its last content
        if entry.path == path:
            return entry
    if any(entry.path.startswith(f"{path}/") for entry in entries):
        raise InvalidInput(f"The artifact {path!r} is a folder.", hint=f"Name a file in it, as in '{path}/...'.")
    raise NotFound(f"The run has no artifact {path!r}.", hint="See what it has with: mlops-nb artifacts RUN")


def listing(entries: Iterable[Artifact], path: str = "") -> list[Listed]:
    """The files and folders directly below `path`, by path; the top of the tree if it is empty.

    Like MLflow's: a path that names a file, or nothing, has nothing below it.

    Examples
    --------
    >>> [(e.path, e.is_folder) for e in listing([Artifact("a/b.txt", "sha256:00", 3), Artifact("c", "sha256:00", 3)])]
    [('a', True), ('c', False)]
    """
    prefix = f"{check_path(path)}/" if path else ""
    files: dict[str, Listed] = {}
    folders: dict[str, int] = {}
    for entry in {entry.path: entry for entry in entries}.values():
        if not entry.path.startswith(prefix):
            continue
        first, inside, _ = entry.path[len(prefix) :].partition("/")
        if inside:
            folders[prefix + first] = folders.get(prefix + first, 0) + entry.size
        else:
            files[entry.path] = Listed(entry.path, False, entry.size, entry.digest)
    found = [*files.values(), *(Listed(folder, True, size) for folder, size in folders.items())]
    return sorted(found, key=lambda listed: (listed.path, listed.is_folder))


def subtree(entries: Iterable[Artifact], path: str = "") -> list[Artifact]:
    """The files below `path`, with paths from there on: a model's folder out of its run's tree.

    Raises
    ------
    NotFound
        If nothing is below it.
    InvalidInput
        If the path is refused, or one of the files stands where another one needs a folder.

    Examples
    --------
    >>> subtree([Artifact("model/MLmodel", "sha256:00", 3)], "model")
    [Artifact(path='MLmodel', digest='sha256:00', size=3)]
    """
    prefix = f"{check_path(path)}/" if path else ""
    latest = {entry.path: entry for entry in entries if entry.path.startswith(prefix)}
    found = [replace(latest[full], path=check_path(full[len(prefix) :])) for full in sorted(latest)]
    if not found and path:
        raise NotFound(f"The run has no artifacts below {path!r}.", hint="See all with: mlops-nb artifacts RUN")
    names = {entry.path for entry in found}
    for entry in found:
        parts = entry.path.split("/")
        for depth in range(1, len(parts)):
            if (parent := "/".join(parts[:depth])) in names:
                raise InvalidInput(
                    f"{prefix + parent!r} is a file and the folder of {prefix + entry.path!r} at once.",
                    hint="Fetch the files one at a time.",
                )
    return found


def tree_digest(entries: Iterable[Artifact]) -> str:
    """One digest for a tree: of its sorted paths with the digests of their bytes. Order does not matter.

    Examples
    --------
    >>> a, b = Artifact("a", "sha256:00", 3), Artifact("b", "sha256:01", 3)
    >>> tree_digest([a, b]) == tree_digest([b, a])
    True
    """
    latest = {entry.path: entry.digest for entry in entries}
    # no path holds a line break: check_path refuses it, so no two trees give the same lines
    lines = "".join(f"{latest[path]} {path}\n" for path in sorted(latest))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def walk_folder(folder: Path, *, below: str = "") -> list[tuple[str, Path]]:
    """Every file below a folder on disk: (path in the tree, file), by path. Nothing is opened.

    Raises
    ------
    NotFound, InvalidInput
        If it is no folder, holds pipes or devices, links that lead out of it or in circles, or names that the tree
        refuses.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     walk_folder(Path(folder))
    []
    """
    if below:
        check_path(below)
    if not folder.exists():
        raise NotFound(f"The folder {str(folder)!r} does not exist.", hint="Check the path.")
    if not folder.is_dir():
        raise InvalidInput(f"{str(folder)!r} is not a folder.", hint="Log a single file as such.")
    root = folder.resolve()
    return sorted(_walk(root, root, below, ()))


def _walk(root: Path, folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    if folder in above:
        raise InvalidInput(f"The folder {str(folder)!r} holds a link to itself.", hint="Remove the link.")
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        path, real = check_path(f"{prefix}/{entry.name}" if prefix else entry.name), Path(entry.path)
        if entry.is_symlink():
            real = real.resolve()
            if not real.is_relative_to(root):
                raise InvalidInput(
                    f"The link {entry.path!r} leads out of its folder.", hint="Replace it with a copy of what it names."
                )
        if real.is_dir():
            yield from _walk(root, real, path, (*above, folder))
        elif real.is_file():
            yield path, real
        else:
            raise InvalidInput(
                f"{entry.path!r} is neither a file nor a folder (a pipe, a device, or a broken link).",
                hint="Remove it.",
            )
