"""The folder watch: what C libraries and child processes open, which no audit event tells (Linux, inotify).

Pulled, not pushed: the kernel keeps the events until an execution ends, so that there is no thread, and no cost at all
while the user's code runs. It needs the small package inotify_simple; without it, or on other systems, nothing is
watched and the audit hook and the library hooks are all there is.
"""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

__all__ = ["FolderWatch", "path_literals"]

FOLDER_LIMIT = 2_000
"""Folders watched at most; a user may have some 8,000 watches on small systems, shared with editors."""

WALK_SECONDS = 0.1
"""What a walk over a tree of folders may take."""

_SKIPPED = frozenset("node_modules .git .hg .svn .mlops_nb .ipynb_checkpoints .venv venv site-packages "
                     ".tox .nox .mypy_cache .ruff_cache .pytest_cache .idea .vscode proc sys dev".split())  # fmt: skip
_NOT_WATCHED = frozenset(("/", "/proc", "/sys", "/dev", "/etc", "/usr", "/bin", "/lib", "/var", "/run", "/boot"))
_LITERAL = re.compile(r"""(?:"([^"\n]{2,300})"|'([^'\n]{2,300})')""")


class FolderWatch:
    """Watches folders and tells, when asked, which files in them were opened and written.

    Examples
    --------
    >>> watch = FolderWatch()
    >>> watch.close(); watch.drain()
    []
    """

    def __init__(self) -> None:
        self.overflowed = False
        self._folders: dict[int, str] = {}
        self._watched: dict[str, int] = {}
        self._held: dict[int, str] = {}
        self._pid = os.getpid()
        self._inotify: Any = None
        try:
            inotify_simple: Any = importlib.import_module("inotify_simple")

            self._inotify = inotify_simple.INotify(nonblocking=True)
        except (ImportError, OSError, AttributeError):
            return  # not Linux, not installed, or no instance left: the other ways of seeing remain
        flags = inotify_simple.flags
        self._mask = int(
            flags.OPEN | flags.CLOSE_WRITE | flags.CLOSE_NOWRITE | flags.CREATE | flags.MOVED_TO | flags.MOVED_FROM
            | flags.DELETE | flags.MOVE_SELF | flags.ONLYDIR | flags.EXCL_UNLINK
        )  # fmt: skip
        self._held_mask = int(flags.ACCESS | flags.MODIFY)
        self._flags = flags

    @property
    def available(self) -> bool:
        """Whether anything can be watched here."""
        return self._inotify is not None and self._pid == os.getpid()

    def add(self, folder: str) -> bool:
        """Watch one folder; False if it cannot be (absent, no watch left)."""
        if not self.available or folder in self._watched or folder in _NOT_WATCHED:
            return folder in self._watched
        if len(self._watched) >= FOLDER_LIMIT:
            return False
        try:
            number = self._inotify.add_watch(folder, self._mask)
        except (OSError, ValueError):
            return False
        self._watched[folder] = number
        self._folders[number] = folder
        return True

    def add_tree(self, folder: str) -> None:
        """Watch a folder and those below it, nearest first, within the limits of number and time."""
        if not self.available:
            return
        deadline = time.monotonic() + WALK_SECONDS
        level = [folder]
        while level and time.monotonic() < deadline and len(self._watched) < FOLDER_LIMIT:
            below: list[str] = []
            for path in level:
                self.add(path)
                below += _subfolders(path)
            level = below

    def hold(self, paths: Iterable[str]) -> None:
        """Watch files that are open already (a database connection of an earlier cell): reading them opens nothing."""
        if not self.available:
            return
        wanted = set(paths)
        for number, path in list(self._held.items()):
            if path not in wanted:
                del self._held[number]
                with suppress(OSError):
                    self._inotify.rm_watch(number)
        for path in wanted - set(self._held.values()):
            with suppress(OSError):
                self._held[self._inotify.add_watch(path, self._held_mask)] = path

    def drain(self) -> list[tuple[str, str]]:
        """(path, operation) of what happened since the last call, in order.

        Operations are ``o`` opened, ``r`` closed after reading, ``w`` closed after it had been open for writing,
        ``c`` created, ``m`` moved here or modified, ``d`` removed.
        """
        if not self.available:
            return []
        try:
            events = list(self._inotify.read(timeout=0))
        except (OSError, ValueError):
            return []
        found: list[tuple[str, str]] = []
        for event in events:
            found += self._translate(event)
        return list(dict.fromkeys(found))

    def _translate(self, event: Any) -> Iterator[tuple[str, str]]:
        flags, mask = self._flags, event.mask
        if mask & flags.Q_OVERFLOW:
            self.overflowed = True
            return
        held = self._held.get(event.wd)
        if held is not None:
            yield held, "m" if mask & flags.MODIFY else "r"
            return
        folder = self._folders.get(event.wd)
        if folder is None:
            return
        if mask & (flags.IGNORED | flags.MOVE_SELF):
            self._drop(event.wd, folder)
            return
        path = os.path.join(folder, event.name) if event.name else folder
        if mask & flags.ISDIR:
            if mask & (flags.CREATE | flags.MOVED_TO):
                yield from self._appeared(path)
            return
        for bit, operation in ((flags.CREATE, "c"), (flags.OPEN, "o"), (flags.CLOSE_WRITE, "w"), (flags.MOVED_TO, "m"),
                               (flags.CLOSE_NOWRITE, "r"), (flags.DELETE, "d"), (flags.MOVED_FROM, "d")):  # fmt: skip
            if mask & bit:
                yield path, operation

    def _appeared(self, folder: str) -> Iterator[tuple[str, str]]:
        """A new folder: what stands in it was written before it could be watched."""
        self.add_tree(folder)
        for path, _folders, names in os.walk(folder):
            for name in names[:FOLDER_LIMIT]:
                yield os.path.join(path, name), "c"

    def _drop(self, number: int, folder: str) -> None:
        self._folders.pop(number, None)
        self._watched.pop(folder, None)
        with suppress(OSError):
            self._inotify.rm_watch(number)

    def close(self) -> None:
        """Give back the watches."""
        if self._inotify is not None:
            with suppress(OSError):
                self._inotify.close()
        self._inotify = None


def _subfolders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [
                entry.path
                for entry in entries
                if entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False)
                and not os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))
            ]  # fmt: skip
    except OSError:
        return []


def path_literals(source: str) -> list[str]:
    """Strings in a cell that may be paths of files, as they are written; words of shell lines too.

    Parameters
    ----------
    source : str
        The cell.

    Returns
    -------
    list of str
        At most 200, unresolved; that they exist is not checked.

    Examples
    --------
    >>> path_literals('df = pd.read_parquet("data/a.parquet"); n = "x"; !wc -l ../b.csv')
    ['data/a.parquet', '../b.csv']
    """
    found = [first or second for first, second in _LITERAL.findall(source[:200_000])]
    for line in source.splitlines():
        command = line.partition("!")[2] if "!" in line else ""
        found += command.split()
    return [text for text in dict.fromkeys(found) if "/" in text or "." in text or text == "python"][:200]
