"""What a door needs to serve: the table, the workspace, the writer, a pool of readers. Knows nothing of HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from mlops_nb.artifacts import Upload
from mlops_nb.entities import Batch
from mlops_nb.server.routing import Delivery, Request, Route, Table
from mlops_nb.server.writer import Writer
from mlops_nb.workspace import Workspace

READERS = 4

T = TypeVar("T")


class Service:
    """Carries requests out.

    Parameters
    ----------
    space : Workspace
    routes : iterable of Route
    prefix : str
        What stands before every path.
    presigned : bool
        Whether clients may fetch files where they lie, by addresses that work for a while.
    """

    def __init__(
        self, space: Workspace, routes: Iterable[Route], *, prefix: str = "", presigned: bool = False
    ) -> None:
        self.space = space
        self.presigned = presigned
        self.table = Table(routes, prefix)
        self._writer = Writer(self._apply)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="mlops_nb-reader")

    async def carry_out(self, route: Route, request: Request) -> Any:
        """Call a route's function where its kind says, and wait for its answer."""
        if route.kind == "direct":
            return route.call(request)
        if route.kind == "append":
            await self._append(route.call(request))
            return {}
        if request.upload is not None:
            await self.in_background(request.upload.commit)  # what takes long for a large file keeps no writer waiting
        if route.kind in ("write", "upload"):
            return await self._writer.call(partial(route.call, request))
        return await self.in_background(partial(route.call, request))

    async def in_background(self, call: Callable[[], T]) -> T:
        """Do something that may wait for a disk, without the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)

    async def begin_upload(self) -> Upload:
        """Where the bytes of a request go."""
        return await self.in_background(self.space.artifacts.begin)

    async def _append(self, delivery: Delivery) -> None:
        after = delivery.after
        if after is None:
            await self._writer.append(delivery.batches)
        else:
            await self._writer.call(partial(self._store, delivery.batches, after))

    def _store(self, batches: list[Batch], after: Callable[[], None]) -> None:
        self._apply(batches)
        after()

    def _apply(self, batches: list[Batch]) -> None:
        self.space.store.apply(batches, guarded=True)

    def close(self) -> None:
        """Finish what has come, and stop the threads; the workspace stays open."""
        self._writer.stop()
        self._readers.shutdown(wait=True, cancel_futures=True)
