"""The doorbell: watches the stores in use, and rings on Jupyter's event bus when something was written. It tells that
there is something, never what: listeners ask with the cursor that they have."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import Callable
from typing import Any

from mlops_nb.errors import MlopsError
from mlops_nb.lab import EVENTS
from mlops_nb.lab.hello import models_mark
from mlops_nb.lab.jobs import Jobs
from mlops_nb.lab.stores import Stores, has_store, store_id
from mlops_nb.workspace import Workspace

PAUSE = 0.25
"""Seconds between two looks: the most that a ring is late, and the most rings that there are."""

FAR_PAUSE = 1.0
"""The same for a store that has no file here to look at."""

RECOVERY = 5.0
"""Seconds between two looks for runs whose process is gone."""

WARM = 1.0
"""Seconds after the first request, when its rows are on screen, until what curves need is imported."""

SCHEMA = {
    "$id": EVENTS,
    "version": "1",
    "title": "mlops_nb: something was written",
    "description": "Runs, models or jobs have changed; ask the REST routes what.",
    "personal-data": False,
    "type": "object",
    "required": ["sequence", "what"],
    "properties": {
        "sequence": {"type": "integer", "description": "The store's change counter."},
        "store": {"type": "string", "description": "Which store."},
        "what": {"type": "array", "items": {"enum": ["runs", "models", "jobs"]}, "description": "What has changed."},
        "jobs": {"type": "array", "items": {"type": "string"}, "description": "Ids of jobs."},
    },
}

log = logging.getLogger("mlops_nb.lab")


class Doorbell:
    """Watches stores in the running loop.

    Parameters
    ----------
    stores : Stores
    jobs : Jobs
    ring : callable
        ``ring(data, busy)``, called in the loop; `busy` tells that a job is running, and `data` may be empty then.
    """

    def __init__(self, stores: Stores, jobs: Jobs, ring: Callable[[dict[str, Any], bool], None]) -> None:
        self._stores = stores
        self._jobs = jobs
        self._ring = ring
        self._seen: dict[str, tuple[Any, int, str, str]] = {}
        self._recovered: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch, if that is not done yet."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        begun, is_warm = time.monotonic(), False
        while True:
            await asyncio.sleep(PAUSE)
            if not is_warm and time.monotonic() - begun > WARM:
                is_warm = True
                await asyncio.to_thread(importlib.import_module, "numpy")
            for space in self._stores.spaces():
                try:
                    found = await asyncio.to_thread(self._look, space)
                except MlopsError as error:  # the store is away: the routes say so to whoever asks
                    log.debug("looking at %s: %s", space.store_url, error)
                    continue
                except Exception:
                    log.exception("looking at %s failed", space.store_url)
                    continue
                data, busy = found
                if data or busy:
                    self._ring(data, busy)

    def _look(self, space: Workspace) -> tuple[dict[str, Any], bool]:
        """What to ring for, and whether a job is running; in a thread, since disks and databases are asked."""
        jobs, busy = self._jobs.changed(space)
        found = self._look_at_rows(space) if has_store(space) else None
        if not jobs:
            return found or {}, busy
        last = self._seen.get(space.store_url, (None, 0, "", ""))[1]
        found = found or {"sequence": last, "store": store_id(space), "what": []}
        return {**found, "what": [*found["what"], "jobs"], "jobs": jobs}, busy

    def _look_at_rows(self, space: Workspace) -> dict[str, Any] | None:
        self._recover(space)
        before = self._seen.get(space.store_url)
        mark = stamp_of(space)
        if before is not None and before[0] == mark:
            return None
        sequence, models, here = space.store.last_change(), models_mark(space), store_id(space)
        self._seen[space.store_url] = (mark, sequence, models, here)
        if before is None:
            return None
        is_other = here != before[3]  # deleted, and made anew
        what = [
            kind
            for kind, moved in (("runs", sequence != before[1]), ("models", models != before[2]))
            if moved or is_other
        ]
        return {"sequence": sequence, "store": here, "what": what} if what else None

    def _recover(self, space: Workspace) -> None:
        """A run that is dead does not say RUNNING."""
        now = time.monotonic()
        if space.is_open and now - self._recovered.get(space.store_url, -RECOVERY) >= RECOVERY:
            self._recovered[space.store_url] = now
            space.recover()


def stamp_of(space: Workspace) -> Any:
    """Something that changes with every write: sizes and times of SQLite's files, else the moment.

    Examples
    --------
    >>> from mlops_nb.workspace import open_workspace
    >>> stamp_of(open_workspace("/no/such/folder"))
    ((0, 0), (0, 0))
    """
    database = space.database
    if database is None:
        return int(time.monotonic() / FAR_PAUSE)
    found = []
    for path in (database, database.with_name(database.name + "-wal")):
        try:
            stat = path.stat()
            found.append((stat.st_size, stat.st_mtime_ns))
        except OSError:
            found.append((0, 0))
    return tuple(found)
