"""Reading a journal back as batches."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops_nb.entities import Artifact, Batch, DataRef, Lease, LogLine, Points, RunEnd, RunStart, Status
from mlops_nb.errors import CorruptData
from mlops_nb.journal.records import HEAD, MAGIC, POINT, RECORD_LIMIT, encoded_fact, read_columns

CHUNK = 4 << 20


class JournalReader:
    """Reads a journal from the front, batch by batch.

    Parameters
    ----------
    path : Path
        The file. Its name is the `source` of the batches.
    read_at : callable, optional
        ``read_at(offset, size) -> bytes``; by default from the file.

    Attributes
    ----------
    offset : int
        Up to where records have been read.
    run_id, writer, drainer
        From the first record, after `open`.
    torn : bool
        Whether the last read ended at something that is not a whole record.
    """

    def __init__(self, path: Path, read_at: Callable[[int, int], bytes] | None = None) -> None:
        self.path = path
        self.source = path.name
        self.offset = 0
        self.torn = False
        self.ended = False
        self.run_id = ""
        self.writer: Lease | None = None
        self.drainer: Lease | None = None
        self._keys: list[str] = []
        self._first = False
        self._read_at = read_at or self._from_file

    def open(self) -> bool:
        """Read the first record; False if the file does not hold even that."""
        head = self._read_at(0, 4096)
        if head[: len(MAGIC)] != MAGIC:
            if len(head) >= len(MAGIC):
                raise CorruptData(f"The file {self.path} is not a journal of mlops_nb.", hint="Move it elsewhere.")
            return False
        payload, end = _record(memoryview(head), len(MAGIC))
        if payload is None:
            return False
        owner = json.loads(bytes(payload[1:]))
        self.run_id = owner["run"]
        self.writer, self.drainer = Lease(**owner["writer"]), Lease(**owner["drainer"])
        self.offset, self._first = end, True
        return True

    def read(self, limit: int, *, most: int = CHUNK) -> Batch | None:
        """The records from `offset` up to byte `limit`, about `most` bytes at a time; None if there are none."""
        if not self.run_id and not self.open():
            return None
        # The first batch is of the file from its first byte on: a store refuses what leaves a gap.
        batch = Batch(self.run_id, self.source, since=0 if self._first else self.offset, upto=self.offset)
        start = self.offset
        while self.offset < limit:
            data = memoryview(self._read_at(self.offset, min(most, limit - self.offset)))
            used = self._consume(data, batch)
            if used == 0:
                needed = self._needed(data)
                if needed and self.offset + needed <= limit and needed > len(data):
                    data = memoryview(self._read_at(self.offset, needed))
                    used = self._consume(data, batch)
            self.offset += used
            if used == 0:
                self.torn = True
                break
            if self.offset - start >= most:
                break
        if self.offset == start:
            return None
        batch.upto, self._first = self.offset, False
        return batch

    def skip(self, upto: int) -> None:
        """Read over what has been delivered before, keeping the names of metrics."""
        while self.offset < upto and self.read(upto) is not None:
            pass

    @property
    def since(self) -> int:
        """Where the next batch begins."""
        return 0 if self._first or not self.run_id else self.offset

    def _consume(self, data: memoryview, batch: Batch) -> int:
        position, size = 0, len(data)
        head, point, crc32 = HEAD.unpack_from, POINT.unpack_from, zlib.crc32
        keys, metrics = self._keys, batch.metrics
        while size - position >= 9:
            length, crc = head(data, position)
            start = position + 8
            end = start + length
            if end > size or crc32(data[start:end]) != crc:
                break
            kind = data[start]
            if kind == 77:  # M
                _, index, value, step, timestamp = point(data, start)
                key = keys[index]
                points = metrics.get(key)
                if points is None:
                    points = metrics[key] = Points()
                points.values.append(value)
                points.steps.append(step)
                points.timestamps.append(timestamp)
            elif kind == 66:  # B
                index, more = read_columns(data[start:end])
                metrics.setdefault(keys[index], Points()).extend(more)
            elif kind == 75:  # K
                keys.append(str(data[start + 1 : end], "utf-8"))
            else:
                fact = encoded_fact(data[start:end])
                if fact is not None:
                    batch.facts[fact[0]] = fact[1]
                else:
                    self._json(json.loads(bytes(data[start + 1 : end])), batch)
            position = end
        return position

    def _json(self, record: dict[str, Any], batch: Batch) -> None:
        kind = record["t"]
        if kind == "param":
            batch.params.append((record["k"], record["v"], record["at"]))
        elif kind == "tag":
            batch.tags[record["k"]] = record["v"]
        elif kind == "fact":
            batch.facts[record["k"]] = record["v"]
        elif kind == "log":
            batch.logs.append(LogLine(record["at"], record["s"], record["v"]))
        elif kind == "artifact":
            batch.artifacts.append(Artifact(record["path"], record["digest"], record["size"]))
        elif kind == "data":
            batch.data.append(DataRef(**record["v"]))
        elif kind == "start":
            fields = dict(record["v"])
            if fields.get("lease"):
                fields["lease"] = Lease(**fields["lease"])
            batch.start = RunStart(**fields)
        elif kind == "end":
            batch.end = RunEnd(Status(record["status"]), record["at"])
            self.ended = True

    def _needed(self, data: memoryview) -> int:
        """The size of the record at the front, when it is longer than what was read; 0 if it is damaged."""
        if len(data) < HEAD.size:
            return 0
        length, _ = HEAD.unpack_from(data)
        return HEAD.size + length if length <= RECORD_LIMIT else 0

    def _from_file(self, offset: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


def _record(data: memoryview, position: int) -> tuple[memoryview | None, int]:
    try:
        length, crc = HEAD.unpack_from(data, position)
    except struct.error:
        return None, position
    start = position + HEAD.size
    payload = data[start : start + length]
    if len(payload) != length or zlib.crc32(payload) != crc:
        return None, position
    return payload, start + length
