"""Files that cells name: which of them an execution wrote, by their size and time, and which written ones it reads."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable

Stamp = tuple[int, int, int, int]
_MAX_WATCHED = 400
_LONGEST = 400


class PathWatch:
    """Remembers every path that the session named, and what each was like when last looked at."""

    def __init__(self) -> None:
        self.watched: dict[str, Stamp | None] = {}
        self.written: set[str] = set()
        self._told: dict[str, Stamp | None] = {}

    def name(self, texts: Iterable[str], folders: Iterable[str] = ()) -> set[str]:
        """Take up the texts that could be paths here.

        Parameters
        ----------
        texts : iterable of str
            String constants of a cell, values of strings that it reads.
        folders : iterable of str
            Folders that it also reads, in which the texts may be looked for.

        Returns
        -------
        set of str
            Absolute paths, existing or not yet.

        Examples
        --------
        >>> sorted(PathWatch().name(["two words?\\n", ""]))
        []
        """
        places = ["", *list(folders)[:5]]
        found = {
            os.path.abspath(os.path.join(place, os.path.expanduser(text)))
            for text in texts
            if 0 < len(text) <= _LONGEST and "\n" not in text and "\0" not in text
            for place in places
        }
        found.discard(os.path.abspath(os.curdir))
        for path in found:
            if path not in self.watched and len(self.watched) < _MAX_WATCHED:
                self.watched[path] = stamp(path)
        return found

    def look(self) -> None:
        """Note what watched paths are like now, before an execution."""
        for path in self.watched:
            self.watched[path] = stamp(path)

    def changed(self) -> set[str]:
        """Watched files that are not as they were at the last look; new files of a watched folder included."""
        found: set[str] = set()
        for path, old in list(self.watched.items()):
            new = stamp(path)
            if new == old:
                continue
            self.watched[path] = new
            if new is not None and os.path.isdir(path):
                found |= self._newest(path, old) | ({path} if old is None else set())
            else:
                found.add(path)
        return found

    def _newest(self, folder: str, old: Stamp | None) -> set[str]:
        since = old[1] if old is not None else 0
        found: set[str] = set()
        try:
            with os.scandir(folder) as entries:
                for _, entry in zip(range(2000), entries, strict=False):
                    path = os.path.abspath(entry.path)
                    if path in self.watched or not entry.is_file() or entry.stat().st_mtime_ns < since:
                        continue
                    now = stamp(path)
                    if self._told.get(path) != now:  # clocks of file systems tick every few milliseconds
                        self._told[path] = now
                        found.add(path)
        except OSError:
            return found  # the folder went away meanwhile
        return found

    def known(self, paths: Iterable[str]) -> set[str]:
        """Files written in this session that are among `paths`, below or above one of them, or match one as a pattern.

        Examples
        --------
        >>> watch = PathWatch()
        >>> watch.written.add("/data/out/a.csv")
        >>> watch.known(["/data/out"]), watch.known(["/data/out/*.csv"]), watch.known(["/data/in"])
        ({'/data/out/a.csv'}, {'/data/out/a.csv'}, set())
        """
        found: set[str] = set()
        for path in paths if self.written else ():
            if path in self.written:
                found.add(path)
            is_pattern = any(sign in path for sign in "*?[")
            for other in self.written:
                if (
                    other.startswith(path + os.sep)
                    or path.startswith(other + os.sep)
                    or (is_pattern and fnmatch.fnmatch(other, path))
                ):
                    found.add(other)
        return found


def stamp(path: str) -> Stamp | None:
    """Size, time, inode and mode of a file, or None if there is none.

    Examples
    --------
    >>> stamp("/no/such/file") is None
    True
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino, found.st_mode)
