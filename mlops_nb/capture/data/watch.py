"""The watch on what executions read and write: three ways of seeing, one record."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Iterable
from pathlib import Path

from mlops_nb.capture.data import audit
from mlops_nb.capture.data.accesses import ACTIVE, CURRENT, Access, Collector, quiet
from mlops_nb.capture.data.borders import Border
from mlops_nb.capture.data.folders import FolderWatch, path_literals
from mlops_nb.capture.data.hooks import install_hooks
from mlops_nb.capture.data.libraries import HOOKS, LISTENERS
from mlops_nb.capture.data.settling import settle

__all__ = ["DataWatch"]


class DataWatch:
    """Sees which files, URLs and statements an execution reads and writes.

    Nothing of it raises, and nothing changes an object of the user. What three ways saw is put together:
    Python's audit events (exact), hooks on libraries that read below Python (exact), and the folder watch
    (catches C libraries and child processes, without saying who: it is the running execution, as far as is known).

    Parameters
    ----------
    root : str or Path
        The project's root, for relative paths and for what is the user's own.
    ignored : iterable of str or Path
        Folders that are left out beside the environment's own, for instance a workspace elsewhere.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> watch = DataWatch(folder); watch.start(); watch.begin("cell 1")
    >>> _ = (folder / "a.txt").write_text("hello")
    >>> [(access.relative, access.mode, access.size) for access in watch.end("cell 1")]
    [('a.txt', 'write', 5)]
    >>> watch.stop()
    """

    def __init__(self, root: str | Path, ignored: Iterable[str | Path] = ()) -> None:
        self.border = Border(root, ignored)
        self.notes: list[str] = []
        self._folders: FolderWatch | None = None
        self._cwd = ""
        self._streams: frozenset[str] = frozenset()
        self._lock = threading.RLock()
        self._collectors: dict[Hashable, Collector] = {}
        self._pending: dict[Hashable, list[tuple[str, str]]] = {}

    @property
    def watches_folders(self) -> bool:
        """Whether the folder watch works here (Linux with inotify_simple)."""
        return self._folders is not None and self._folders.available

    def start(self) -> None:
        """Install the hooks (once in a process) and watch the project's root and the working directory."""
        with self._lock, quiet():
            audit.install()
            install_hooks(HOOKS, LISTENERS)
            _clear_after_fork()
            self._streams = _stream_files()
            if self._folders is None:
                self._folders = FolderWatch()
                self._folders.add_tree(self.border.root)
                audit.WORDS_SEEN.append(self._watch_words)
                self._follow_cwd()

    def begin(self, token: Hashable, source: str = "", *, whole: bool = False) -> None:
        """An execution begins.

        Parameters
        ----------
        token : hashable
            Names the execution; given back to `end`.
        source : str
            Its code: folders of paths that stand in it are watched from the start.
        whole : bool, default False
            Not a cell but all that follows until its `end`, seen beside what cells see.
        """
        with self._lock, quiet():
            if self._folders is not None:
                self._follow_cwd()
                self._share(self._folders.drain())
                self._folders.hold(path for path in _open_files() - self._streams if self.border.kind(path))
            outer = None if whole else next((each for each in ACTIVE if each.whole), None)
            collector = Collector(token, whole=whole, outer=outer)
            self._watch_words(collector, path_literals(source) if source else [])
            self._collectors[token] = collector
            self._pending[token] = []
            if whole:
                ACTIVE.insert(0, collector)  # the newest one gets what no context belongs to: that is a cell's
            else:
                ACTIVE.append(collector)
                CURRENT.set(collector)

    def end(self, token: Hashable) -> list[Access]:
        """An execution has ended: what it read and wrote, in the order of the first access.

        Parameters
        ----------
        token : hashable
            As given to `begin`.

        Returns
        -------
        list of Access
            Reads of what the execution itself had written before are left out. Empty for an unknown token.
        """
        with self._lock, quiet():
            collector = self._collectors.pop(token, None)
            if collector is None:
                return []
            collector.ended = True
            if collector in ACTIVE:
                ACTIVE.remove(collector)
            if CURRENT.get() is collector:
                CURRENT.set(None)
            events: list[tuple[str, str]] = []
            if self._folders is not None:
                seen = self._folders.drain()
                self._share(seen)
                events = [each for each in self._pending.pop(token, []) + seen if each[0] not in self._streams]
            try:
                accesses = settle(collector, events, self.border)
            except Exception as error:  # never into the cell; the record says that it is not complete
                self.notes.append(f"What the execution read and wrote could not be sorted out: {error!r}")
                return []
            self._learn(collector, accesses)
            return accesses

    def take_notes(self) -> list[str]:
        """What the record should say about its own completeness since the last call."""
        notes, self.notes = self.notes, []
        return notes

    def stop(self) -> None:
        """Stop watching; the hooks stay and do nothing."""
        with self._lock:
            for collector in self._collectors.values():
                collector.ended = True
                if collector in ACTIVE:
                    ACTIVE.remove(collector)
            self._collectors.clear()
            if self._watch_words in audit.WORDS_SEEN:
                audit.WORDS_SEEN.remove(self._watch_words)
            if self._folders is not None:
                self._folders.close()
                self._folders = None

    def _share(self, events: list[tuple[str, str]]) -> None:
        """Events belong to every execution that still runs: the kernel does not say whose they are."""
        for pending in self._pending.values():
            pending += events

    def _follow_cwd(self) -> None:
        try:
            cwd = os.getcwd()
        except OSError:  # the folder has been deleted
            return
        if cwd != self._cwd and self._folders is not None:
            self._cwd = cwd
            if not cwd.startswith(self.border.root):
                self._folders.add_tree(cwd)

    def _watch_words(self, collector: Collector, words: Iterable[str]) -> None:
        """Watch the folders that words of a cell or of a command line point at, if they are there."""
        if self._folders is None:
            return
        for word in words:
            collector.interprets = collector.interprets or "python" in word
            path = word if os.path.isabs(word) else os.path.join(self._cwd, word)
            if len(path) > 1000 or "\0" in path or not self.border.kind(path):
                continue
            collector.named.add(os.path.normpath(path))
            folder = path if os.path.isdir(path) else os.path.dirname(path)
            if os.path.isdir(folder):
                self._folders.add(os.path.normpath(folder))

    def _learn(self, collector: Collector, accesses: list[Access]) -> None:
        """Watch the folders of what was touched, for the next time; say what may be missing."""
        if self._folders is not None:
            for access in accesses[:1000]:
                if access.kind in ("file", "folder", "database"):
                    self._folders.add(access.path if access.kind == "folder" else str(Path(access.path).parent))
            if self._folders.overflowed:
                self._folders.overflowed = False
                self.notes.append("The folder watch overflowed: accesses of C libraries and child processes may miss.")
        if collector.truncated:
            self.notes.append("More files were touched than are recorded: the list is cut.")


_FORK: list[bool] = []


def _clear_after_fork() -> None:
    """A forked child inherits the hooks and the collections, and must not fill the latter."""
    if not _FORK and hasattr(os, "register_at_fork"):
        _FORK.append(True)
        os.register_at_fork(after_in_child=ACTIVE.clear)


def _open_files() -> set[str]:
    """Regular files that this process holds open (Linux; elsewhere none are known)."""
    try:
        names = os.listdir("/proc/self/fd")[:2000]
    except OSError:
        return set()
    found = {_file_behind(name) for name in names if name not in ("0", "1", "2")}
    return {path for path in found if path.startswith("/") and not path.startswith(("/dev/", "/proc/"))}


def _stream_files() -> frozenset[str]:
    """Where a launcher sends what this process says (``jupyter lab > nohup.out``): nothing that a cell reads or writes.

    A kernel puts pipes in the place of the streams and keeps the originals under other numbers, and so do test runners:
    whatever was open for writing only before anything was followed counts.
    """
    try:
        names = os.listdir("/proc/self/fd")[:2000]
    except OSError:
        return frozenset()
    kept = (name for name in names if name in ("0", "1", "2") or _is_written_only(name))
    return frozenset(path for name in kept if (path := _file_behind(name)).startswith("/"))


def _is_written_only(number: str) -> bool:
    try:
        with open(f"/proc/self/fdinfo/{number}", encoding="ascii") as lines:
            flags = next((line.split()[1] for line in lines if line.startswith("flags:")), "0")
    except (OSError, ValueError, IndexError):
        return False
    return int(flags, 8) & os.O_ACCMODE == os.O_WRONLY


def _file_behind(number: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return ""
