"""Group commit: what many requests write at the same time is stored in one transaction, by one thread."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_nb.entities import Batch
from mlops_nb.errors import StoreError

GROUP_LIMIT = 500
"""Most requests whose batches are stored in one transaction."""


@dataclass(slots=True)
class _Job:
    """Batches to store, or a call to make; `future` is settled in its own loop."""

    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    batches: Sequence[Batch] = ()
    call: Callable[[], Any] | None = None
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Stores what requests bring, in the order in which they came.

    Parameters
    ----------
    apply : callable
        ``apply(batches)``: stores all or none.
    """

    def __init__(self, apply: Callable[[list[Batch]], None]) -> None:
        self._apply = apply
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mlops_nb-writer", daemon=True)
        self._thread.start()

    def append(self, batches: Sequence[Batch]) -> asyncio.Future[Any]:
        """Store batches, together with those of other requests; done when they are stored."""
        return self._put(batches=batches)

    def call(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        """Call a function after all that came before; done with its result."""
        return self._put(call=function)

    def stop(self) -> None:
        """Do what has come, then end."""
        self._queue.put(None)
        self._thread.join(timeout=30)

    def _put(self, batches: Sequence[Batch] = (), call: Callable[[], Any] | None = None) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        job = _Job(loop.create_future(), loop, batches, call)
        self._queue.put(job)
        return job.future

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            group = [job]
            ended = self._gather(group)
            self._carry_out(group)
            if ended:
                return

    def _gather(self, group: list[_Job]) -> bool:
        """Take what else waits; True if the end is among it."""
        while len(group) < GROUP_LIMIT:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return False
            if job is None:
                return True
            group.append(job)
        return False

    def _carry_out(self, group: list[_Job]) -> None:
        waiting: list[_Job] = []
        for job in group:
            if job.call is None:
                waiting.append(job)
                continue
            self._store(waiting)
            waiting = []
            try:
                job.result = job.call()
            except BaseException as error:
                job.error = error
            _settle([job])
        self._store(waiting)

    def _store(self, jobs: list[_Job]) -> None:
        """One transaction for all; if it is refused, one each, so that nobody pays for another's mistake."""
        if not jobs:
            return
        try:
            self._apply([batch for job in jobs for batch in job.batches])
        except BaseException as error:
            if len(jobs) == 1 or isinstance(error, StoreError):
                for job in jobs:
                    job.error = error
            else:
                for job in jobs:
                    self._store([job])
                return
        _settle(jobs)


def _settle(jobs: list[_Job]) -> None:
    """Tell the loops; in one call each, since each call wakes a loop."""
    for loop in {job.loop for job in jobs}:
        mine = [job for job in jobs if job.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_finish, mine)


def _finish(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue  # the client has gone
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
