"""What a dead process left: its journals are delivered, its runs closed as killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mlops_nb.entities import Batch, RunEnd, Status
from mlops_nb.errors import CorruptData
from mlops_nb.journal.drain import LATE, SUFFIX
from mlops_nb.journal.lease import is_alive
from mlops_nb.journal.reader import JournalReader

CHILD = ".child" + SUFFIX
HEADLESS_SECONDS = 3600.0


def recover(folder: Path, deliver: Callable[[list[Batch]], None], delivered: Callable[[str], int]) -> list[str]:
    """Deliver the journals in `folder` whose process is gone, and close their runs as KILLED.

    Parameters
    ----------
    folder : Path
        Where journals are.
    deliver : callable
        ``deliver(batches)``, idempotent by (source, upto).
    delivered : callable
        ``delivered(source)``: how far a journal has been stored.

    Returns
    -------
    list of str
        Ids of the runs that something was delivered of.

    Examples
    --------
    >>> recover(Path("/nowhere"), lambda batches: None, lambda source: 0)
    []
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except OSError:
        return []
    found = []
    for path in sorted(paths, key=lambda p: p.name.endswith((CHILD, LATE))):  # owners first: they bring the run's start
        try:
            run_id = _recover_one(path, deliver, delivered)
        except FileNotFoundError:
            continue  # another process has just recovered it
        except CorruptData:
            path.rename(path.with_suffix(".damaged"))
            continue
        if run_id:
            found.append(run_id)
    return found


def _recover_one(path: Path, deliver: Callable[[list[Batch]], None], delivered: Callable[[str], int]) -> str | None:
    stat = path.stat()
    age = max(0.0, time.time() - stat.st_mtime)
    reader = JournalReader(path)
    if not reader.open():
        if age > HEADLESS_SECONDS:  # its process died between making the file and writing the first record
            path.unlink(missing_ok=True)
        return None
    assert reader.writer is not None and reader.drainer is not None
    if is_alive(reader.drainer, idle_seconds=age):
        return None
    reader.skip(delivered(reader.source))
    while batch := reader.read(stat.st_size):
        deliver([batch])
    if is_alive(reader.writer, idle_seconds=age):
        return reader.run_id  # a child that outlives its parent: it may go on, its journal stays
    if not reader.ended and not path.name.endswith((CHILD, LATE)):
        closing = Batch(reader.run_id, reader.source, since=reader.since, upto=reader.offset + 1)
        closing.end = RunEnd(Status.KILLED, int(stat.st_mtime * 1000))
        if reader.torn:
            closing.tags["mlops_nb.journal"] = f"not readable from byte {reader.offset} on"
        deliver([closing])
    if reader.torn and stat.st_size > reader.offset:
        path.rename(path.with_suffix(".damaged"))
    else:
        path.unlink(missing_ok=True)
    return reader.run_id
