"""Delivering journals to the store: one background thread a process, in batches, as often as it takes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from mlops_nb.entities import Batch
from mlops_nb.errors import MlopsError, PermissionDenied, StoreError
from mlops_nb.journal.lease import is_alive
from mlops_nb.journal.reader import JournalReader
from mlops_nb.journal.writer import JournalWriter

SUFFIX = ".journal"
LATE = ".late" + SUFFIX
"""What a journal's name ends with that was opened when its run was over."""
HEARTBEAT = 30.0


class _Open:
    """A journal that this process delivers: its own (`writer` set), or a child's."""

    def __init__(self, reader: JournalReader, writer: JournalWriter | None) -> None:
        self.reader = reader
        self.writer = writer
        self.late = reader.path.name.endswith(LATE)
        self.peeked: Batch | None = None
        self.again: int | None = None  # up to where a delivery of which no answer came is made once more


class Drain:
    """Delivers what journals hold through `deliver`, which stores batches in one transaction or raises.

    Parameters
    ----------
    deliver : callable
        ``deliver(batches)``; must be idempotent by (source, upto).
    folder : Path
        Where journals are; children of this process leave theirs there too.
    interval : float
        Seconds that records are gathered before they are delivered.
    busy : callable, optional
        Says whether a cell is running right now. The *first* delivery opens the store (half a second of imports), so it
        waits for a quiet moment, `patience` seconds at most.
    on_error : callable, optional
        Told of a failed delivery; delivery goes on being tried, ever more slowly, up to every 30 s.
    """

    def __init__(
        self,
        deliver: Callable[[list[Batch]], None],
        folder: Path,
        *,
        interval: float = 0.2,
        patience: float = 5.0,
        busy: Callable[[], bool] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        self.folder = folder
        self.error: Exception | None = None
        self._deliver = deliver
        self._interval = interval
        self._patience = patience
        self._busy = busy or (lambda: False)
        self._on_error = on_error or (lambda error: None)
        self._journals: dict[str, _Open] = {}
        self._list_lock = threading.Lock()
        self._deliver_lock = threading.Lock()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._warm = False
        self._runs: set[str] = set()
        self.runs_of_children: set[str] = set()
        self._beat = time.monotonic()
        self.after: list[Callable[[], None]] = []

    def add(self, writer: JournalWriter) -> None:
        """Take on a journal that this process writes."""
        reader = JournalReader(writer.path, writer.read_at)
        with self._list_lock:
            self._journals[writer.source] = _Open(reader, writer)
            self._runs.add(writer.run_id)

    def notify(self) -> None:
        """Say that there is something to deliver; starts the thread when there is none."""
        if self._thread is None or not self._thread.is_alive():
            self._start()
        self._wake.set()

    def later(self, work: Callable[[], None]) -> None:
        """Do `work` in the background thread before the next delivery (slow captures; it must not raise)."""
        with self._list_lock:
            self.after.append(work)
        self.notify()

    def flush(self, timeout: float | None = None) -> bool:
        """Deliver everything now, in the calling thread; False if it could not be done (`error` says why)."""
        got = self._deliver_lock.acquire(timeout=-1 if timeout is None else timeout)
        if not got:
            return False
        try:
            return self._pass()
        finally:
            self._deliver_lock.release()

    def is_empty(self) -> bool:
        """Whether all that was written by this process has been delivered."""
        with self._list_lock:
            return not self.after and all(
                entry.writer is None or entry.reader.offset >= entry.writer.good for entry in self._journals.values()
            )

    def stop(self) -> None:
        """End the thread; what has not been delivered stays in its files for the next process."""
        self._stopped = True
        self._hurry.set()
        self._wake.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2.0)
        with self._list_lock:
            for entry in self._journals.values():
                if entry.writer is not None:
                    entry.writer.close()
            self._journals.clear()

    def _start(self) -> None:
        with self._list_lock:
            if self._stopped or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._loop, name="mlops_nb-drain", daemon=True)
            self._thread.start()

    def _loop(self) -> None:
        delay = self._interval
        while not self._stopped:
            # While runs are open, children may leave journals here, which cannot wake us.
            self._wake.wait(timeout=1.0 if self._journals else None)
            self._wake.clear()
            if not self._warm:
                self._wait_for_quiet()
            if self._hurry.wait(timeout=delay):
                break
            if self._stopped:
                break
            ok = self.flush()
            delay = self._interval if ok else min(max(delay, 0.5) * 2, 30.0)
            if not ok:
                self._wake.set()
            self._heartbeat()

    def _heartbeat(self) -> None:
        """Another host that shares the folder judges by a journal's age whether we are still here."""
        if time.monotonic() - self._beat < HEARTBEAT:
            return
        self._beat = time.monotonic()
        for entry in self._entries():
            if entry.writer is not None:
                with contextlib.suppress(OSError):  # gone or read-only: the next delivery says so
                    os.utime(entry.writer.path)

    def _wait_for_quiet(self) -> None:
        until = time.monotonic() + self._patience
        while self._busy() and time.monotonic() < until and not self._stopped:
            time.sleep(0.05)
        self._warm = True

    def _work(self) -> None:
        with self._list_lock:
            work, self.after = self.after, []
        for job in work:
            job()

    def _pass(self) -> bool:
        """One round of deliveries; the deliver lock is held."""
        try:
            self._adopt_children()
            limits = self._limits()
            while batches := self._gather(limits):
                self._hand_over(batches)
                self._accept()
            self._retire()
        except Exception as error:
            self._rewind()
            self.error = error
            if not isinstance(error, (MlopsError, OSError)):
                error = MlopsError(f"Delivering to the store failed: {type(error).__name__}: {error}.")
            self._on_error(error)
            return False
        self.error = None
        return True

    def _hand_over(self, batches: list[Batch]) -> None:
        """Deliver; when the store refuses what is *in* a batch, deliver one by one and set that one's journal aside.

        A token that is wrong today may be right tomorrow: that is no fault of a batch.
        """
        try:
            self._deliver(batches)
        except (StoreError, PermissionDenied, OSError):
            raise
        except MlopsError:
            for batch in batches:
                try:
                    self._deliver([batch])
                except (StoreError, PermissionDenied, OSError):
                    raise
                except MlopsError as refusal:
                    self._set_aside(batch.source, refusal)

    def _set_aside(self, source: str, error: MlopsError) -> None:
        with self._list_lock:
            entry = self._journals.pop(source)
        if entry.writer is not None:
            entry.writer.close()
        aside = entry.reader.path.with_suffix(".refused")
        entry.reader.path.rename(aside)
        self._on_error(
            MlopsError(f"The store refused a part of a run: {error.message}", hint=f"It is kept in {aside}.")
        )

    def _entries(self) -> list[_Open]:
        with self._list_lock:
            return list(self._journals.values())

    def _limits(self) -> dict[str, int]:
        """Up to where each journal is delivered in this round. What comes later waits for the next one: a transaction
        for each of many short cells would cost more than the cells.

        The slow captures of every run whose end lies within the limits have been made before, so that what they record
        lies within them, too.
        """
        while True:
            self._work()
            limits = {entry.reader.source: self._limit(entry) for entry in self._entries()}
            with self._list_lock:
                if not self.after:
                    return limits

    @staticmethod
    def _limit(entry: _Open) -> int:
        if entry.writer is None:
            return _size(entry.reader.path)
        limit = entry.writer.take_pending()
        if limit > entry.reader.offset:
            entry.writer.rescue()
        return limit

    def _gather(self, limits: dict[str, int]) -> list[Batch]:
        batches = []
        for entry in self._entries():
            limit = limits.get(entry.reader.source, 0)
            if limit <= entry.reader.offset:
                continue
            batch = entry.reader.read(limit if entry.again is None else min(limit, entry.again))
            if batch is not None:
                entry.peeked = batch
                batches.append(batch)
        return batches

    def _accept(self) -> None:
        for entry in self._entries():
            entry.peeked = entry.again = None

    def _rewind(self) -> None:
        """A delivery failed: read the same records again next time, and no more of them.

        It may have been stored all the same, when only the answer was lost. Then the same again changes nothing, but
        more in one piece would overlap what is stored, and be refused.
        """
        for entry in self._entries():
            if entry.peeked is not None:
                fresh = JournalReader(entry.reader.path, entry.reader._read_at)
                fresh.skip(entry.peeked.since)
                entry.again = entry.peeked.upto
                entry.reader, entry.peeked = fresh, None

    def _retire(self) -> None:
        """Take away journals that are closed and delivered to the last byte.

        Those of runs that are over have no end of their own: they go as soon as they are delivered, since each holds a
        file open, and whoever still logs opens another.
        """
        for entry in self._entries():
            if entry.writer is None:
                writer = entry.reader.writer
                if writer is not None and not is_alive(writer, idle_seconds=0.0):
                    self._forget(entry)
            elif (entry.reader.ended or entry.late) and entry.writer.retire(entry.reader.offset):
                self._forget(entry)

    def _forget(self, entry: _Open) -> None:
        with self._list_lock:
            self._journals.pop(entry.reader.source, None)
        if entry.writer is not None:
            entry.writer.close()
        entry.reader.path.unlink(missing_ok=True)

    def _adopt_children(self) -> None:
        """Children of this process append to journals of their own, and leave the delivery to us."""
        for path in children_of(self.folder, self._runs):
            with self._list_lock:
                if path.name in self._journals:
                    continue
            reader = JournalReader(path)
            if reader.open():
                with self._list_lock:
                    self._journals[path.name] = _Open(reader, None)
                    self.runs_of_children.add(reader.run_id)


def children_of(folder: Path, run_ids: Iterable[str]) -> list[Path]:
    """Journals that child processes write for these runs (``<run id>.<something>.child.journal``).

    Parameters
    ----------
    folder : Path
        Of the journals.
    run_ids : iterable of str
        Runs of this process.

    Returns
    -------
    list of Path

    Examples
    --------
    >>> children_of(Path("/nowhere"), ["0" * 32])
    []
    """
    wanted = set(run_ids)
    if not wanted:
        return []
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".child" + SUFFIX)]  # noqa: PTH208 - with each cell
    except OSError:
        return []
    return [folder / name for name in names if name.partition(".")[0] in wanted]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
