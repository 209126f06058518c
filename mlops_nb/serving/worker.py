"""One worker: a process that answers on a socket it was given, and hears and tells its supervisor through another."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.abc
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from mlops_nb.errors import MlopsError
from mlops_nb.models.flavors.skops_files import skops_io
from mlops_nb.serving.board import Board
from mlops_nb.serving.log import log_folder
from mlops_nb.serving.memory import give_back, memory_of
from mlops_nb.serving.recorder import Recorder
from mlops_nb.serving.scoring import Served, load_served
from mlops_nb.serving.service import Service
from mlops_nb.serving.settings import ServeSettings, Source

IDLE_SECONDS = 75.0
"""How long a connection may be silent."""
GRACE = 20.0
"""Seconds that requests under way get when a worker is to stop."""


class Worker:
    """The process's state.

    Parameters
    ----------
    control, listener : socket
    board : Board
    slot : int
    """

    def __init__(self, control: socket.socket, listener: socket.socket, board: Board, slot: int) -> None:
        self._control = control
        self._listener = listener
        self._lines = control.makefile("rb")
        self._board = board
        self._row = board.row(slot)
        self._row.start(os.getpid(), time.time())
        self._first_seen: dict[Any, float] = {}
        self._told_stuck = False
        self._noted: dict[str, int] = {}

    def run(self) -> int:
        """Load the models, answer until told to stop; returns the exit status."""
        first = self._read()
        if first is None or "settings" not in first:  # told to stop at once: there is no such model
            return 0
        settings = ServeSettings.from_plain(first["settings"])
        try:
            models = self._load(first["models"], settings)
        except Exception as error:
            hint = error.hint if isinstance(error, MlopsError) else ""
            said = error.message if isinstance(error, MlopsError) else f"{type(error).__name__}: {error}"
            self._tell(event="failed", message=said, hint=hint)
            return 1
        name = models["champion"].source.name
        recorder = None
        if settings.log is not None and settings.log.sample > 0:
            recorder = Recorder(log_folder(name, settings.log_root), name, settings.log)
        service = Service(settings, recorder, self._board, self._row)
        service.install(models)
        gc.collect()
        gc.freeze()  # what is loaded stays: collections need not look at it again
        give_back()
        try:
            self._serve(service)
        finally:
            if recorder is not None:
                recorder.close()
                self._note_log(recorder)
        return 0

    def _load(self, plain: list[dict[str, Any]], settings: ServeSettings) -> dict[str, Served]:
        found = {}
        for each in plain:
            source = Source.from_plain(each)
            _import_skops_alone(source.folder)
            found[source.role] = load_served(source, settings)
            fault = found[source.role].warm_up()
            if fault:
                sys.stderr.write(f"The model {source.uri} fails on its own example: {fault}\n")
        return found

    def _serve(self, service: Service) -> None:
        import uvicorn

        from mlops_nb.serving.app import App

        config = uvicorn.Config(
            App(service), log_level="warning", access_log=False, lifespan="off", server_header=False,
            timeout_keep_alive=int(IDLE_SECONDS), timeout_graceful_shutdown=int(GRACE), ws="none", proxy_headers=False,
        )  # fmt: skip
        server = uvicorn.Server(config)
        loops = config.get_loop_factory()
        with asyncio.Runner(loop_factory=loops) as runner:
            runner.run(self._main(server, service))

    async def _main(self, server: Any, service: Service) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the supervisor says when
        threading.Thread(target=self._listen, args=(loop, server, service), daemon=True).start()
        ticking = loop.create_task(self._tick(server, service))
        with contextlib.suppress(asyncio.CancelledError):
            await server._serve([self._listener])  # without uvicorn's own handlers of signals
        ticking.cancel()

    # -- the supervisor ---------------------------------------------------------------------------------------------

    def _read(self) -> Any:
        line = self._lines.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def _tell(self, **event: Any) -> None:
        with contextlib.suppress(OSError):  # nobody hears: the end of the lines is seen elsewhere
            self._control.sendall(json.dumps(event).encode() + b"\n")

    def _listen(self, loop: asyncio.AbstractEventLoop, server: Any, service: Service) -> None:
        """What the supervisor says, until it says no more; in a thread, where models can be loaded."""
        while (message := self._read()) is not None:
            if message["do"] == "install":
                self._install(message, loop, service)
            elif message["do"] == "drain":
                service.draining = True
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(loop.create_task, _drain(server, message["seconds"]))
            elif message["do"] == "stop":
                break
        service.draining = True

        def leave() -> None:
            server.should_exit = True

        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(leave)

    def _install(self, message: dict[str, Any], loop: asyncio.AbstractEventLoop, service: Service) -> None:
        sources = [Source.from_plain(each) for each in message["models"]]
        kept = {served.source: served for served in service.models.values()}
        try:
            models = {}
            for source in sources:
                models[source.role] = kept.get(source) or load_served(source, service.settings)
                fault = "" if source in kept else models[source.role].warm_up()
                if fault:
                    raise RuntimeError(f"{source.uri} fails on its own example: {fault}")
        except Exception as error:
            self._tell(event="refused", serial=message["serial"], message=str(error))
            return

        give_back()

        def switch() -> None:
            service.install(models)
            self._row.add("switches")
            self._tell(event="installed", serial=message["serial"])

        loop.call_soon_threadsafe(switch)

    # -- now and then -----------------------------------------------------------------------------------------------

    async def _tick(self, server: Any, service: Service) -> None:
        while not server.started:
            await asyncio.sleep(0.005)
        self._row.set("ready", 1.0)
        self._tell(event="ready")
        ticks = 0
        while True:
            await asyncio.sleep(0.5)
            ticks += 1
            if service.recorder is not None:
                self._note_log(service.recorder)
            if ticks % 4 == 1:
                self._row.set("memory", memory_of())
            timeout = service.settings.timeout
            stuck = any(each.stuck() > timeout or each.longest() > 2 * timeout for each in service.models.values())
            if stuck and not self._told_stuck:
                self._told_stuck = True
                self._tell(event="stuck")
            self._close_silent(server)

    def _note_log(self, recorder: Recorder) -> None:
        noted = self._noted
        for name, value in (
            ("log_written", recorder.written), ("log_dropped", recorder.dropped), ("log_failures", recorder.failures)
        ):  # fmt: skip
            self._row.add(name, value - noted.get(name, 0))
            noted[name] = value
        self._row.set("log_queued", recorder.queued)

    def _close_silent(self, server: Any) -> None:
        """Connections that have never sent a whole request's head in good time are closed."""
        now = time.monotonic()
        waiting = {each for each in server.server_state.connections if getattr(each, "cycle", None) is None}
        self._first_seen = {each: self._first_seen.get(each, now) for each in waiting}
        for protocol, since in self._first_seen.items():
            if now - since > IDLE_SECONDS:
                protocol.transport.close()


async def _drain(server: Any, seconds: float) -> None:
    """Take no new connections, end the others with their next answer; what stays silent is closed in the end."""
    for each in server.servers:
        each.close()
    deadline = time.monotonic() + seconds
    while server.server_state.connections and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    server.should_exit = True


def main() -> int:
    """The process: numbers of its files come as arguments."""
    control, listener, board, slot, slots = (int(word) for word in sys.argv[1:6])
    _raise_file_limit()
    _import_ahead()
    sock = socket.socket(fileno=listener)
    sock.setblocking(False)
    worker = Worker(socket.socket(fileno=control), sock, Board(slots, board), slot)
    status = worker.run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a prediction that hangs must not keep the process


def _import_ahead() -> None:
    """What every worker needs, while the supervisor is still looking the model up."""
    import orjson  # noqa: F401
    import pandas  # noqa: F401
    import uvicorn  # noqa: F401

    import mlops_nb.models.loading
    import mlops_nb.serving.app  # noqa: F401


_NOT_FOR_SKOPS = ("torch", "dask", "pytest", "jax", "cupy", "matplotlib", "rich", "charset_normalizer")


def _import_skops_alone(folder: str) -> None:
    """Where a model is of skops' format, import that without what it does not need.

    With scikit-learn it imports what is installed beside that: seconds, and hundreds of megabytes. This process has no
    other thread yet that could want them.
    """
    if "skops.io" in sys.modules or not any(Path(folder).rglob("*.skops")):
        return
    absent = _Absent(frozenset(name for name in _NOT_FOR_SKOPS if name not in sys.modules))
    sys.meta_path.insert(0, absent)
    try:
        skops_io()
    except MlopsError:
        pass  # loading says what is missing
    finally:
        sys.meta_path.remove(absent)


class _Absent(importlib.abc.MetaPathFinder):
    """Lets modules look as if they were not installed."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        """Refuse these; leave the others to the finders after this one."""
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _raise_file_limit() -> None:
    """Thousands of slow clients are no reason to refuse the next one."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = min(65_536, hard) if hard != resource.RLIM_INFINITY else 65_536
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    Path.cwd()  # a folder that is gone is said at once
    sys.exit(main())
