"""Appending to a journal: the only thing that a cell ever waits for."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops_nb.entities import Lease, Points, check_name
from mlops_nb.errors import InvalidInput, StoreError
from mlops_nb.journal.lease import lease_fields
from mlops_nb.journal.records import (
    BATCH_POINTS,
    HEAD,
    MAGIC,
    POINT,
    RECORD_LIMIT,
    columns_payload,
    frame,
    json_payload,
    key_payload,
)

_pack_point = POINT.pack
_pack_head = HEAD.pack
_crc32 = zlib.crc32


class JournalWriter:
    """An open journal of one run in one process.

    Parameters
    ----------
    path : Path
        The file; it must not exist yet. Its name is the journal's `source`.
    run_id : str
        The run that the records are of.
    writer, drainer : Lease
        The process that appends, and the one that has taken on to deliver (itself, or its parent).
    on_pending : callable, optional
        Called once when there is something to deliver, again after `take_pending`.
    """

    def __init__(
        self,
        path: Path,
        run_id: str,
        *,
        writer: Lease,
        drainer: Lease,
        on_pending: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self.source = path.name
        self.run_id = run_id
        self.good = 0
        self.failed = False
        self._keys: dict[str, int] = {}
        self._lock = threading.Lock()
        self._pending = False
        self._on_pending = on_pending
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise StoreError(
                f"The journal {path} cannot be made: {error.strerror or error}.",
                hint="Check the folder's rights and the disk's space, or set MLOPS_NB_STORE to another folder.",
            ) from error
        owner = {"t": "owner", "run": run_id, "writer": lease_fields(writer), "drainer": lease_fields(drainer)}
        try:
            with self._lock:
                self._append(MAGIC + frame(json_payload(owner)))
        except StoreError:
            self.close()
            path.unlink(missing_ok=True)
            raise

    def point(self, key: str, value: float, step: int, timestamp: int) -> None:
        """Append one point of a metric: `value` a float, `step` and `timestamp` (ms) in 64 bits."""
        index = self._keys.get(key)
        if index is None:
            index = self._define(key)
        payload = _pack_point(b"M", index, value, step, timestamp)
        record = _pack_head(len(payload), _crc32(payload)) + payload
        with self._lock:
            self._append(record)
        if not self._pending:
            self._notify()

    def points(self, key: str, points: Points) -> None:
        """Append many points of a metric."""
        index = self._keys.get(key)
        if index is None:
            index = self._define(key)
        for start in range(0, len(points), BATCH_POINTS):
            end = start + BATCH_POINTS
            part = Points(points.values[start:end], points.steps[start:end], points.timestamps[start:end])
            with self._lock:
                self._append(frame(columns_payload(index, part)))
        if not self._pending:
            self._notify()

    def record(self, *records: dict[str, Any]) -> None:
        """Append JSON records (each with its type under ``t``), all of them or none."""
        data = b"".join(frame(json_payload(record)) for record in records)
        if len(data) > RECORD_LIMIT:
            raise InvalidInput(
                f"A record of {len(data):,} bytes is larger than the limit of {RECORD_LIMIT:,}.",
                hint="Log it as an artifact instead, with log_artifact or log_text.",
            )
        with self._lock:
            self._append(data)
        if not self._pending:
            self._notify()

    def take_pending(self) -> int:
        """Say that delivery begins: returns the offset up to which the file is whole."""
        self._pending = False  # before reading `good`: a record appended in between asks for another delivery
        return self.good

    def rescue(self) -> bool:
        """If the file was deleted under us, write its bytes again under the same name; True if that was needed."""
        if self.path.exists():
            return False
        with self._lock:
            content = self.read_at(0, self.good)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            fresh = os.open(self.path, flags, 0o600)
            os.write(fresh, content)
            os.close(self._fd)
            self._fd = fresh
        return True

    def read_at(self, offset: int, size: int) -> bytes:
        """Bytes of the file, through the writer's own descriptor where the platform can."""
        if hasattr(os, "pread"):
            return os.pread(self._fd, size, offset)
        with self.path.open("rb") as file:  # Windows, where an open file cannot be deleted under us
            file.seek(offset)
            return file.read(size)

    def retire(self, delivered: int) -> bool:
        """Close if all was delivered; False if somebody has appended in this moment."""
        with self._lock:
            if self.good > delivered:
                return False
            self._close()
        return True

    def close(self) -> None:
        """Close the file; appending raises `StoreError` from now on."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def abandon(self) -> None:
        """In a forked child: give up the parent's file without its lock, which a dead thread may hold."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._fd < 0

    def _define(self, key: str) -> int:
        check_name("metric", key)
        with self._lock:
            index = self._keys.get(key)
            if index is None:
                self._append(frame(key_payload(key)))
                index = self._keys[key] = len(self._keys)
            return index

    def _append(self, data: bytes) -> None:
        """Write all of `data` or nothing of it; the lock is held."""
        if self._fd < 0:
            raise StoreError(f"The journal {self.path} is closed.", hint="Log into a run that is open.")
        try:
            written = os.write(self._fd, data)
            while written < len(data):  # a signal or a nearly full disk: the rest, or an error that says why
                written += os.write(self._fd, data[written:])
        except OSError as error:
            self._withdraw()
            raise StoreError(
                f"The journal {self.path} cannot be written: {error.strerror or error}.",
                hint="What was logged before is kept. Free some space, or set MLOPS_NB_STORE to another folder.",
            ) from error
        self.good += len(data)

    def _withdraw(self) -> None:
        self.failed = True
        try:
            os.ftruncate(self._fd, self.good)
        except OSError:
            pass  # the reader stops at the first record without a right checksum, so a torn one does no harm

    def _notify(self) -> None:
        self._pending = True
        if self._on_pending is not None:
            self._on_pending()
