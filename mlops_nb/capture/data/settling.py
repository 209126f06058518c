"""From what was seen to what is recorded: one entry a file and mode, own results left out of the inputs."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace

from mlops_nb.capture.data.accesses import Access, Collector, database_state, is_own
from mlops_nb.capture.data.borders import Border
from mlops_nb.capture.secrets import redact

__all__ = ["settle"]

FOLDER_SHARE = 200
"""From this many files of one folder on, they are recorded as the folder with its members."""

CLOCK_STEP_NS = 20_000_000
"""A file's times come from a clock that goes in steps of some milliseconds, and so may lie behind."""

_NOT_THE_CELLS = (".ipynb", ".py", ".pyi", ".md", ".toml", ".cfg", ".yml", ".log", ".gitignore", ".rst")
"""What editors, the notebook server and version control open too: seen by the folder watch alone, it proves nothing."""


@dataclass(slots=True)
class _Sight:
    """What is known of one path."""

    read: bool = False
    written: bool = False
    closed: bool = False
    removed: bool = False
    opened: bool = False
    exact: bool = False
    database: bool = False
    made: bool = False
    via: str = "watch"


def settle(collector: Collector, events: list[tuple[str, str]], border: Border) -> list[Access]:
    """Put together what the hooks noted and what the folder watch saw.

    Parameters
    ----------
    collector : Collector
        The execution's own notes.
    events : list of (path, operation)
        From the folder watch, in order; see `FolderWatch.drain`.
    border : Border
        Says which files are the user's.

    Returns
    -------
    list of Access
        Files first, in the order of the first access, then URLs and statements.

    Examples
    --------
    >>> settle(Collector("cell"), [], Border("/project"))
    []
    """
    sights: dict[str, _Sight] = {}
    for path, operation, via in collector.files:
        if border.is_outside(path):
            continue
        if path.endswith(".pyc") and operation != "r":
            continue  # Python keeps its cache: neither the source nor data is written
        _see(sights.setdefault(border.source(os.path.normpath(path)), _Sight()), operation, via)
    for path in collector.databases:
        sight = sights.setdefault(path, _Sight())
        _see(sight, "o", "audit")
        sight.database = True
    _add_events(sights, events, border)
    accesses: list[Access] = []
    for path, sight in sights.items():
        kind = border.kind(path)
        if kind is not None:
            accesses += _describe(path, kind, sight, collector, border)
    accesses = _by_folder(_without_members(accesses), border)
    for kind, address, mode, via, detail in collector.remote:
        accesses.append(Access(address, mode, kind, via, detail=redact(detail)[0] if detail else ""))
    return accesses


def _see(sight: _Sight, operation: str, via: str) -> None:
    """One exact observation; a read counts only if the file was not the execution's own work by then."""
    if not sight.exact:
        sight.exact, sight.via = True, via
        sight.made = operation == "w"  # the first thing that was done to it
    if operation in "r+" and not sight.written:
        sight.read = True
    if operation in "wa+":
        sight.written, sight.removed = True, False
    if operation == "d":
        sight.removed = True


def _add_events(sights: dict[str, _Sight], events: list[tuple[str, str]], border: Border) -> None:
    """What the folder watch adds: a write that nobody noted, a read of a file that nobody noted."""
    fresh: set[str] = set()
    for path, operation in events:
        if path.endswith(".pyc"):
            path = border.source(path)
            if operation != "r":
                continue
        sight = sights.setdefault(path, _Sight())
        if operation in "cm":
            sight.made |= operation == "c" and not sight.exact
            sight.written, sight.removed = True, False
            fresh.add(path)
        elif operation == "w":
            sight.closed = True
            fresh.add(path)
        elif operation == "r" and not sight.exact and path not in fresh:
            sight.read = True
        elif operation == "o":
            sight.opened = True
        elif operation == "d":
            sight.removed = True
    for sight in sights.values():
        if not sight.exact and sight.opened and not (sight.written or sight.closed or sight.removed):
            sight.read = True  # opened and still open


def _describe(path: str, kind: str, sight: _Sight, collector: Collector, border: Border) -> list[Access]:
    meant = sight.exact or path in collector.named or (collector.interprets and kind == "code")
    if not meant and (path.endswith(_NOT_THE_CELLS) or _is_only_ours(path, sight, collector)):
        return []
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        found = None
    entry = Access(path, "read", kind, sight.via, border.relative(path))
    if found is None:
        gone = replace(entry, gone=True)
        # Not there and nobody removed it: the call failed, as a look for an optional file does
        reads = [replace(gone, changed=True)] if sight.read and sight.removed else []
        # Written and removed again is a temporary file; removed only, it was there before: a change of the world
        return reads + ([replace(gone, mode="write")] if sight.removed and not sight.written else [])
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return []
    folder = stat.S_ISDIR(found.st_mode)
    if folder and sight.via in ("audit", "watch"):
        return []  # a descriptor of a folder, as for removing a tree: only a library that is given a folder reads it
    kind = "folder" if folder else "database" if sight.database else kind
    entry = replace(entry, kind=kind, size=0 if folder else found.st_size, mtime_ns=found.st_mtime_ns)
    # "Closed after writing" only means that it was open for writing, as databases are also for a query
    touched = sight.closed and found.st_ctime_ns >= collector.began_ns - CLOCK_STEP_NS
    read, written = sight.read or (sight.closed and not touched and not sight.exact), sight.written or touched
    if sight.database:
        before = collector.databases[path]
        read = before is not None
        written = sight.written or before != database_state(path)
        sight.made = before is None
    changed = found.st_mtime_ns >= collector.began_ns and not folder
    accesses = [replace(entry, changed=changed)] if read else []
    return accesses + ([replace(entry, mode="write", made=sight.made and not read)] if written else [])


def _is_only_ours(path: str, sight: _Sight, collector: Collector) -> bool:
    """A file that an earlier cell used is digested in the background while the next cell runs."""
    touched = sight.written or sight.closed or sight.removed
    return not touched and is_own(path, collector.began_ns - CLOCK_STEP_NS)


def _without_members(accesses: list[Access]) -> list[Access]:
    """Leave out what the folder watch saw inside a folder that a call named as a whole."""
    folders = {(access.path + os.sep, access.mode) for access in accesses if access.kind == "folder"}
    if not folders:
        return accesses
    return [
        access
        for access in accesses
        if access.kind == "folder"
        or not any(access.path.startswith(folder) and access.mode == mode for folder, mode in folders)
    ]


def _by_folder(accesses: list[Access], border: Border) -> list[Access]:
    """Many files of one folder (a set of images) become one entry with the names of its members."""
    groups: dict[tuple[str, str], list[Access]] = {}
    for access in accesses:
        if access.kind == "file" and not access.gone:
            groups.setdefault((access.path.rpartition(os.sep)[0], access.mode), []).append(access)
    large = {key: group for key, group in groups.items() if len(group) >= FOLDER_SHARE}
    if not large:
        return accesses
    members = {id(access) for group in large.values() for access in group}
    kept = [access for access in accesses if id(access) not in members]
    for (folder, mode), group in large.items():
        entry = Access(folder, mode, "folder", group[0].via, border.relative(folder))
        kept.append(
            replace(
                entry,
                size=sum(access.size for access in group),
                mtime_ns=max(access.mtime_ns for access in group),
                members=tuple(sorted(access.path.rpartition(os.sep)[2] for access in group)),
                changed=any(access.changed for access in group),
            )
        )
    return kept
