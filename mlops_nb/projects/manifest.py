"""The data of a project: which files it reads, by digest; looked at before it runs. None leaves its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.projects.spec import inside

__all__ = ["DATA_FILE", "DataFile", "missing_or_changed", "read_manifest", "write_manifest"]

DATA_FILE = "data.json"
LIMIT = 50_000_000


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that a project reads: its path in the project (or where it was, if that is outside), digest and size."""

    path: str
    digest: str
    size: int
    kind: str = "file"
    included: bool = False
    members: tuple[str, ...] = ()


def write_manifest(folder: Path, files: Iterable[DataFile]) -> None:
    """Write ``data.json``.

    Parameters
    ----------
    folder : Path
        The project's.
    files : iterable of DataFile
        Sorted by path in the file.

    Examples
    --------
    >>> write_manifest(Path("."), [DataFile("a.csv", "sha256:0", 3)])
    >>> [each.path for each in read_manifest(Path("."))]
    ['a.csv']
    """
    plain = [
        {"path": each.path, "digest": each.digest, "size": each.size, "kind": each.kind, "included": each.included}
        | ({"members": list(each.members)} if each.members else {})
        for each in sorted(files, key=lambda each: each.path)
    ]
    (folder / DATA_FILE).write_text(json.dumps({"version": 1, "data": plain}, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> list[DataFile]:
    """Read ``data.json``; a project without one has no data that we know of.

    Parameters
    ----------
    folder : Path
        The project's.

    Returns
    -------
    list of DataFile

    Raises
    ------
    InvalidInput
        If it is not such a file.

    Examples
    --------
    >>> read_manifest(Path("."))
    []
    """
    path = folder / DATA_FILE
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > LIMIT:
            raise ValueError(f"it has more than {LIMIT:,} bytes")
        raw = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict) or "version" not in raw or "data" not in raw:
            return []  # a file of the project's own that happens to have this name
        return [_file(each) for each in raw["data"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput(f"{path} is not a data manifest: {error}.", hint="Package the run again.") from error


def _file(raw: Mapping[str, Any]) -> DataFile:
    members = tuple(str(name) for name in raw.get("members") or ())
    return DataFile(
        str(raw["path"]), str(raw["digest"]), int(raw["size"]), str(raw.get("kind", "file")),
        raw.get("included") is True, members,
    )  # fmt: skip


def missing_or_changed(folder: Path) -> tuple[list[str], list[str]]:
    """What of a project's data is not there, and what is there with another content: a sentence each.

    Parameters
    ----------
    folder : Path
        The project's.

    Returns
    -------
    (list of str, list of str)

    Raises
    ------
    InvalidInput
        If the manifest names a path that leaves the project by ``..`` or a link.

    Examples
    --------
    >>> write_manifest(Path("."), [DataFile("a.csv", "sha256:0", 3)])
    >>> missing_or_changed(Path("."))
    (['a.csv is not there (3 bytes, sha256:0).'], [])
    """
    from mlops_nb.capture.data.digests import digest

    missing, changed = [], []
    for each in read_manifest(folder):
        if each.kind in ("sql", "url"):
            continue
        place = Path(each.path) if Path(each.path).is_absolute() else inside(folder, each.path)
        if not place.exists():
            missing.append(f"{each.path} is not there ({each.size:,} bytes, {each.digest}).")
        elif each.digest and digest(place, members=each.members or None).digest != each.digest:
            changed.append(f"{each.path} is not what the packaged run read: its content is another one.")
    return missing, changed
