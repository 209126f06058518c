"""Writing the request log: a bounded queue, and a thread that puts it into Parquet off the requests' path."""

from __future__ import annotations

import datetime as dt
import os
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.serving import tables
from mlops_nb.serving.covering import clear_covered, read_name
from mlops_nb.serving.log import ANSWERS, CHAMPION, FEEDBACK, all_files, log_files, moment_of, stamp, stamp_of
from mlops_nb.serving.merging import merge

_FILE_ROWS = 20_000
"""So many waiting rows are written before their time."""
_PACK_ROWS = 1_000
"""So many rows become a table while they wait."""
_SWEEP_SECONDS = 60.0
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and for how long.

    Attributes
    ----------
    sample : float
        Share of requests that are kept, chosen by their id, so that all roles keep the same ones.
    redact : tuple of str
        Columns of inputs or outputs that are never written.
    days : float
        Files older than that are deleted; 0 keeps them.
    max_bytes : int
        The oldest files are deleted beyond that many bytes; 0 keeps them.
    every : float
        Seconds until a row is on disk, at the latest.
    queue_rows : int
        Most rows that wait to be written; more are dropped and counted.

    Examples
    --------
    >>> LogSettings(sample=0.1, redact=("name",)).days
    90.0
    """

    sample: float = 1.0
    redact: tuple[str, ...] = ()
    days: float = 90.0
    max_bytes: int = 4 << 30
    every: float = 5.0
    queue_rows: int = 200_000

    def __post_init__(self) -> None:
        if not 0 <= self.sample <= 1:
            raise InvalidInput(f"A share of {self.sample} cannot be logged.", hint="Give one from 0 to 1, or as 10%.")
        if self.days < 0 or self.max_bytes < 0 or self.every <= 0 or self.queue_rows < 1:
            raise InvalidInput("The log's limits are negative.", hint="Give days and bytes of 0 or more.")


@dataclass(slots=True)
class Answer:
    """One request and its answer. Columns are lists or arrays, a value a row; a refused request has none."""

    request_id: str
    time: float
    latency_ms: float
    status: int
    version: str = ""
    run_id: str = ""
    role: str = CHAMPION
    error: str | None = None
    rows: int = 1
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Truth:
    """What turned out to be true of one row of an answer."""

    request_id: str
    row: int
    time: float
    truth: Any


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Entries of one kind that have become a table."""

    kind: str
    table: Any
    rows: int
    newest: float


class Recorder:
    """The log of one served model, as one process writes it.

    Parameters
    ----------
    folder : Path
        As of `mlops_nb.serving.log_folder`; made when the first rows are written.
    model : str
        The name that rows carry.
    settings : LogSettings

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.serving import read_answers
    >>> recorder = Recorder(Path(tempfile.mkdtemp()), "churn")
    >>> columns = {"inputs": {"age": [41, 9]}, "outputs": {"prediction": [1, 0]}}
    >>> recorder.record(Answer("r1", 1.8e9, 0.7, 200, "3", rows=2, **columns))
    >>> recorder.close()
    >>> table = next(read_answers(recorder.folder))
    >>> table["input.age"].to_pylist(), table["output.prediction"].to_pylist()
    ([41, 9], [1, 0])
    """

    def __init__(self, folder: Path, model: str, settings: LogSettings | None = None) -> None:
        self.folder = folder
        self.model = model
        self.settings = settings or LogSettings()
        self.written = 0
        self.dropped = 0
        self.failures = 0
        self._waiting: deque[Answer | Truth] = deque()
        self._loose = 0
        self._packed: list[_Part] = []
        self._rows = 0
        self._count = 0
        self._swept = 0.0
        self._newest: float | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._failing = False
        self._thread: threading.Thread | None = None
        self._keep = int(self.settings.sample * (1 << 32))

    @property
    def queued(self) -> int:
        """Rows that wait to be written."""
        return self._rows

    def keeps(self, request_id: str) -> bool:
        """Whether the sample has this request."""
        return self.settings.sample >= 1 or zlib.crc32(request_id.encode()) < self._keep

    def record(self, entry: Answer | Truth) -> None:
        """Take an entry and return at once; it is dropped and counted if too many wait."""
        rows = 1
        if isinstance(entry, Answer):
            if not self.keeps(entry.request_id):
                return
            rows = max(1, entry.rows)
        with self._lock:
            if self._rows + rows > self.settings.queue_rows or self._closing:
                self.dropped += rows
                return
            self._waiting.append(entry)
            self._rows += rows
            self._loose += rows
            full = self._loose >= _PACK_ROWS
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mlops_nb-request-log", daemon=True)
                self._thread.start()
        if full:
            self._wake.set()

    def close(self, timeout: float = 60.0) -> None:
        """Write what waits and stop; what cannot be written counts as dropped."""
        with self._lock:
            self._closing = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(timeout)
        with self._lock:
            self.dropped += self._rows
            self._rows = 0
            self._waiting.clear()
            self._packed.clear()

    # -- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        due = time.monotonic() + self.settings.every
        while True:
            self._wake.wait(max(0.0, due - time.monotonic()))
            self._wake.clear()
            closing = self._closing
            self._pack()
            full = sum(part.rows for part in self._packed) >= _FILE_ROWS and not self._failing
            if closing or full or time.monotonic() >= due:
                self._flush()
                due = time.monotonic() + max(self.settings.every, _RETRY_SECONDS if self._failing else 0.0)
            if closing:
                return

    def _pack(self) -> None:
        """What waits becomes tables, a tenth of its size: thousands of requests a second wait for the next file."""
        with self._lock:
            entries = list(self._waiting)
            self._waiting.clear()
            self._loose = 0
        for kind, wanted in ((ANSWERS, Answer), (FEEDBACK, Truth)):
            chosen = [entry for entry in entries if isinstance(entry, wanted)]
            if not chosen:
                continue
            rows = sum(_rows(entry) for entry in chosen)
            try:
                newest = max(entry.time for entry in chosen)
                self._packed.append(_Part(kind, self._table(kind, chosen), rows, newest))
            except Exception as error:  # not of the disk: it would fail again
                self._fail(error)
                self._forget(rows)

    def _table(self, kind: str, entries: Sequence[Any]) -> Any:
        if kind == FEEDBACK:
            return tables.feedback_table(entries)
        return tables.answers_table(entries, self.model, frozenset(self.settings.redact))

    def _flush(self) -> None:
        """Write the tables, one file a kind; serving goes on whatever happens, and rows wait as far as they may."""
        if not self._packed:
            self._failing = False
            return
        for kind in (ANSWERS, FEEDBACK):
            parts = [part for part in self._packed if part.kind == kind]
            for group in tables.groups_of([part.table for part in parts]) if parts else ():
                chosen = [parts[number] for number in group]
                try:
                    self._put(kind, tables.join_tables([part.table for part in chosen]), chosen)
                except OSError as error:  # the disk is full, or the like
                    self._fail(error)
                    if not self._closing:
                        return
                except Exception as error:
                    self._fail(error)
                    self._packed = [part for part in self._packed if part not in chosen]
                    self._forget(sum(part.rows for part in chosen))
        self._failing = False
        tables.release_memory()
        self._sweep()

    def _fail(self, error: Exception) -> None:
        self.failures += 1
        self._failing = True
        if self.failures == 1:
            sys.stderr.write(f"The request log cannot be written: {error}. Serving goes on; its rows wait.\n")

    def _forget(self, rows: int) -> None:
        with self._lock:
            self.dropped += rows
            self._rows -= rows

    def _put(self, kind: str, table: Any, parts: Sequence[_Part]) -> None:
        import pyarrow.parquet as parquet

        self._count += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{kind}-{self._next_stamp(parts)}-{os.getpid()}-{self._count}.parquet"
        partial = self.folder / f".{name}.part"
        try:
            parquet.write_table(table, partial, compression="zstd")
            partial.replace(self.folder / name)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        rows = sum(part.rows for part in parts)
        self._packed = [part for part in self._packed if part not in parts]
        with self._lock:
            self.written += rows
            self._rows -= rows

    def _next_stamp(self, parts: Sequence[_Part]) -> str:
        """Later than all rows and all of this process's files, even where a clock was set back."""
        if self._newest is None:
            mine = [each for each in map(read_name, all_files(self.folder)) if each.pid == str(os.getpid())]
            last = max((each.stamp for each in mine), default="")
            self._newest = moment_of(last).timestamp() if last else 0.0
        self._newest = max(time.time(), self._newest + 1e-3, *(part.newest for part in parts))
        return stamp(dt.datetime.fromtimestamp(self._newest, dt.UTC))

    def _sweep(self) -> None:
        now = time.monotonic()
        if self._swept and now - self._swept < _SWEEP_SECONDS:
            return
        self._swept = now
        try:
            sweep(self.folder, self.settings.days, self.settings.max_bytes)
            clear_covered(all_files(self.folder))
            for kind in (ANSWERS, FEEDBACK):
                self._count += 1
                merge(log_files(self.folder, kind), os.getpid(), self._count)
        except Exception:  # a damaged file, a full disk: small files stay small files
            self.failures += 1


def sweep(folder: Path, days: float, max_bytes: int) -> list[Path]:
    """Delete files whose time is up, and the oldest ones beyond a size; returns which.

    Parameters
    ----------
    folder : Path
    days, max_bytes : float, int
        0 for no such limit.

    Examples
    --------
    >>> sweep(Path("serving/nothing"), 90, 0)
    []
    """
    files = log_files(folder)
    gone = []
    if days:
        oldest = stamp(dt.datetime.now(dt.UTC) - dt.timedelta(days=days))
        gone = [path for path in files if stamp_of(path) < oldest]
    if max_bytes:
        left = [path for path in files if path not in set(gone)]
        sizes = {path: _size(path) for path in left}
        total = sum(sizes.values())
        for path in left:
            if total <= max_bytes:
                break
            gone.append(path)
            total -= sizes[path]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _rows(entry: Answer | Truth) -> int:
    return max(1, entry.rows) if isinstance(entry, Answer) else 1
