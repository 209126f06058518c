"""What was touched: the record of one access, and the collection that an execution fills while it runs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import PurePath

__all__ = ["ACTIVE", "Access", "Collector", "absolute", "current", "database_state", "is_own", "quiet"]

CAPACITY = 200_000
"""Distinct (path, operation) pairs that one execution may collect; beyond it the record says that it is cut."""


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that an execution read or wrote.

    `mode` is ``read`` or ``write``. `kind` is ``file``, ``folder``, ``code`` (a local Python file), ``database`` (a
    file that a database engine holds), ``sql`` (`path` is the database's URL, `detail` the statement) or ``url``.
    `via` says who saw it: ``audit``, ``watch`` (the folder was watched: who did it is not known) or ``hook:LIBRARY``.
    `members` are the names below a folder of which only these were touched. `changed`, of a read: what was read may not
    be there any more, since the file was changed after the execution began (by itself or by others).
    `gone`: the file was removed. `made`, of a write: nothing of what was there before, if anything, is in it.
    """

    path: str
    mode: str
    kind: str = "file"
    via: str = "audit"
    relative: str | None = None
    size: int = 0
    mtime_ns: int = 0
    detail: str = ""
    members: tuple[str, ...] = ()
    changed: bool = False
    gone: bool = False
    made: bool = False


@dataclass(slots=True)
class Collector:
    """What one execution has touched so far, raw: sorted out only when it has ended.

    `files` maps (path, operation, via) to nothing: a dict keeps the order and is appended to atomically.
    Operations: ``r`` read, ``w`` write, ``a`` append, ``+`` read and write, ``d`` removed.
    `named` are paths that stand in the code or in a child's command line; `interprets`: a child process runs Python.
    `whole`: it is not one cell's but a whole notebook's, and stands as `outer` behind those of the cells.
    """

    token: Hashable
    began_ns: int = field(default_factory=time.time_ns)
    files: dict[tuple[str, str, str], None] = field(default_factory=dict)
    databases: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    remote: dict[tuple[str, str, str, str, str], None] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    interprets: bool = False
    truncated: bool = False
    ended: bool = False
    whole: bool = False
    outer: Collector | None = None

    def note(self, path: str, operation: str, via: str) -> None:
        """Record an operation on a file, once.

        Examples
        --------
        >>> c = Collector("cell"); c.note("/data/a.csv", "r", "audit"); list(c.files)
        [('/data/a.csv', 'r', 'audit')]
        """
        if self.outer is not None and not self.outer.ended:
            self.outer.note(path, operation, via)
        if operation in "+a" and not os.path.lexists(path):
            operation = "w"  # made by this call: nothing was there to read, or to add to
        if len(self.files) < CAPACITY:
            self.files[(path, operation, via)] = None
        else:
            self.truncated = True

    def note_database(self, path: str) -> None:
        """Record that a database engine is about to open a file: only later it shows whether it writes.

        Examples
        --------
        >>> c = Collector("cell"); c.note_database("/no/such.db"); c.databases
        {'/no/such.db': None}
        """
        if self.outer is not None and not self.outer.ended:
            self.outer.note_database(path)
        path = os.path.normpath(path)
        if path not in self.databases:
            self.databases[path] = database_state(path)

    def note_remote(self, kind: str, address: str, mode: str, via: str, detail: str = "") -> None:
        """Record a URL or a statement, once; `address` and `detail` must be redacted already.

        Examples
        --------
        >>> c = Collector("cell"); c.note_remote("url", "https://host/x", "read", "audit"); len(c.remote)
        1
        """
        if self.outer is not None and not self.outer.ended:
            self.outer.note_remote(kind, address, mode, via, detail)
        if len(self.remote) < CAPACITY:
            self.remote[(kind, address, mode, via, detail)] = None
        else:
            self.truncated = True


ACTIVE: list[Collector] = []
"""The executions that run now, newest last. Empty: every hook returns at once."""

CURRENT: ContextVar[Collector | None] = ContextVar("mlops_nb_execution", default=None)

_SILENCE = threading.local()


def current() -> Collector | None:
    """The collection of the execution that this thread or task belongs to, else of the newest one; None if none runs.

    A thread does not inherit the context of the cell that started it, hence the second rule.

    Examples
    --------
    >>> current() is None
    True
    """
    if not ACTIVE or bool(getattr(_SILENCE, "depth", 0)):
        return None
    own = CURRENT.get()
    if own is not None and not own.ended:
        return own
    try:
        return ACTIVE[-1]
    except IndexError:  # the last one ended in another thread, just now
        return None


@contextmanager
def quiet(path: str | os.PathLike[str] | None = None) -> Iterator[None]:
    """Whatever this thread does inside is the tracker's own and not recorded.

    With `path`, that file or folder is read here: the folder watch, which does not see who reads, sees it too.

    Examples
    --------
    >>> with quiet():
    ...     current() is None
    True
    """
    _SILENCE.depth = getattr(_SILENCE, "depth", 0) + 1
    own = None if path is None else os.path.abspath(path)
    if own is not None:
        if len(_OWN) > 1_000:
            _OWN.clear()
        _OWN[own] = _STILL
    try:
        yield
    finally:
        _SILENCE.depth -= 1
        if own is not None:
            _OWN[own] = time.time_ns()


_OWN: dict[str, int] = {}
_STILL = 1 << 62


def is_own(path: str, since_ns: int) -> bool:
    """Whether the tracker itself has read a file, or a folder above it, since a moment.

    Examples
    --------
    >>> with quiet("/data/parts"):
    ...     is_own("/data/parts/1.csv", 0), is_own("/data/a.csv", 0)
    (True, False)
    """
    for _ in range(8 if _OWN else 0):
        if _OWN.get(path, -1) >= since_ns:
            return True
        above = os.path.dirname(path)
        if above == path:
            break
        path = above
    return False


def database_state(path: str) -> tuple[int, ...] | None:
    """Times and sizes of a database file and of its write-ahead log; None if it is not there.

    Examples
    --------
    >>> database_state("/no/such.db") is None
    True
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    try:
        log = os.stat(f"{path}-wal")
    except OSError:
        return (found.st_mtime_ns, found.st_size)
    return (found.st_mtime_ns, found.st_size, log.st_mtime_ns, log.st_size)


def absolute(path: object) -> str | None:
    """A path as the operating system means it now; None if it is no path (a file descriptor, a buffer).

    Only exact strings, bytes and pathlib's own classes are looked at: nothing of the user's is called.

    Examples
    --------
    >>> absolute("/data/./a.csv"), absolute(b"/data/b"), absolute(3)
    ('/data/./a.csv', '/data/b', None)
    """
    if type(path) is bytes:
        path = os.fsdecode(path)
    elif isinstance(path, PurePath):
        path = PurePath.__fspath__(path)
    if not isinstance(path, str):
        return None
    path = str.__str__(path)
    return path if path[:1] == "/" or os.path.isabs(path) else os.path.join(os.getcwd(), path)
