"""The process above the workers: listens, starts them, replaces those that die or hang, and follows the alias."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import selectors
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.errors import InvalidState, require_installed
from mlops_nb.serving.board import Board
from mlops_nb.serving.memory import give_back, memory_of
from mlops_nb.serving.settings import ServeSettings, Source
from mlops_nb.stopping import heeded_signals
from mlops_nb.workspace import Workspace

if TYPE_CHECKING:
    from mlops_nb.serving.following import Follower

START_SECONDS = 300.0
"""A worker that is not ready by then has failed."""
STOP_SECONDS = 25.0
_DRAIN_SECONDS = 10.0
_QUICK_DEATH = 5.0


@dataclass(eq=False)
class _Process:
    """A worker as its supervisor sees it."""

    slot: int
    process: subprocess.Popen[bytes]
    control: socket.socket
    born: float
    ready: bool = False
    leaving: float = 0.0
    hangs: bool = False
    replaces: _Process | None = None
    pending: bytes = b""
    configured: bool = False

    def tell(self, message: dict[str, Any]) -> None:
        """Send a line; one who is gone does not hear it."""
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(message).encode() + b"\n")


class Supervisor:
    """A service: its socket, its workers, its models.

    Parameters
    ----------
    uris : mapping of str to str
        The models by role.
    space : callable
        Opens the workspace, when the workers have begun to import what they need.
    settings : ServeSettings
    trust : tuple of str
        As for `load_model`.
    say : callable
        Takes sentences for the operator.
    """

    def __init__(
        self, uris: Mapping[str, str], space: Callable[[], Workspace], settings: ServeSettings, *,
        trust: tuple[str, ...] = (), say: Callable[[str], None] = lambda sentence: None,
    ) -> None:  # fmt: skip
        require_installed("uvicorn", "serve", purpose="serve a model")
        self.settings = settings
        self._uris, self._trust, self._open = uris, trust, space
        self._say = say
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_up, self._woken = socket.socketpair()
        self._follower: Follower | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._workers: list[_Process] = []
        self._ending = False
        self._serial = 0
        self._retry: dict[int, float] = {}
        self._deaths: dict[int, int] = {}
        self._failure: tuple[str, str] | None = None
        self._listener = self._bind()
        # a row for each worker, and one more for each whose successor starts while it still answers
        self.board, self._board_fd = Board.create(2 * settings.workers)

    # -- what the one who starts it calls ------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The address to ask at."""
        host = self.settings.host
        shown = "127.0.0.1" if host in ("0.0.0.0", "") else "[::1]" if host == "::" else host
        return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{self.port}"

    @property
    def sources(self) -> dict[str, Source]:
        """What is served, by role."""
        return self._follower.sources if self._follower is not None else {}

    def start(self) -> None:
        """Start the workers, and return when all of them answer.

        Raises
        ------
        MlopsError
            If the model is not found, or cannot be loaded.
        """
        try:
            for slot in range(self.settings.workers):
                self._spawn(slot)  # they import while the model is looked up
            self._follower = follower = self._look_up()
            for worker in self._workers:
                self._configure(worker)
            deadline = time.monotonic() + START_SECONDS
            while not all(worker.ready for worker in self._workers):
                self._step(0.5)
                if self._failure is not None:
                    raise InvalidState(self._failure[0], hint=self._failure[1])
                if time.monotonic() > deadline:
                    raise InvalidState("The model was not loaded in time.", hint="See what the workers said above.")
        except BaseException:
            self.stop()
            raise
        follower.start(self.settings.follow_every)
        give_back()

    def _look_up(self) -> Follower:
        """Open the workspace, and find what the URIs mean."""
        from mlops_nb.serving.following import Follower

        space = self._open()
        self.settings = dataclasses.replace(self.settings, log_root=self.settings.log_root or str(space.root))

        def moved(found: dict[str, Source]) -> None:
            self._post(lambda: self._install(found))

        found = Follower(self._uris, space, self._trust, moved, self._say)
        found.sources = found.look()
        return found

    def run(self) -> None:
        """Look after the workers until `end` is called."""
        while not self._ending:
            self._step(0.5)
        self.stop()

    def end(self) -> None:
        """Ask `run` to return; from any thread, or a signal's handler."""
        self._ending = True
        with contextlib.suppress(OSError):
            self._wake_up.send(b"x")

    def stop(self) -> None:
        """Let the workers finish what they are at, and end them."""
        self._ending = True
        if self._follower is not None:
            self._follower.stop()
        with contextlib.suppress(OSError):
            self._listener.close()
        for worker in self._workers:
            worker.tell({"do": "stop"})
            with contextlib.suppress(OSError):
                worker.control.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(0.0 if not worker.configured else max(0.0, deadline - time.monotonic()))
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()
            with contextlib.suppress(OSError, KeyError):
                self._selector.unregister(worker.control)
                worker.control.close()
        self._workers.clear()

    # -- workers ------------------------------------------------------------------------------------------------------

    def _bind(self) -> socket.socket:
        host, port = self.settings.host, self.settings.port
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, _, _, _, address = found[0]
            made = socket.create_server(address[:2], family=family, backlog=2048)
        except OSError as error:
            self._wake_up.close()
            raise InvalidState(
                f"The service cannot listen on {host}:{port}: {error.strerror or error}.", hint="Choose another --port."
            ) from None
        made.setblocking(False)
        return made

    def _spawn(self, slot: int, replaces: _Process | None = None) -> _Process:
        ours, theirs = socket.socketpair()
        fds = (theirs.fileno(), self._listener.fileno(), self._board_fd)
        words = [str(fd) for fd in (*fds, slot, self.board.slots)]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlops_nb.serving.worker", *words],
            pass_fds=fds, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True, env=package_environment(),
        )  # fmt: skip
        theirs.close()
        worker = _Process(slot, process, ours, time.monotonic(), replaces=replaces)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        return worker

    def _configure(self, worker: _Process) -> None:
        models = [dataclasses.asdict(source) for source in self.sources.values()]
        worker.tell({"settings": self.settings.as_plain(), "models": models})
        worker.configured = True

    def _replace(self, worker: _Process, why: str) -> None:
        """Start a successor; the old one goes when that is ready."""
        if worker.leaving or any(each.replaces is worker for each in self._workers):
            return
        self._say(f"Worker {worker.process.pid} {why}: it is being replaced.")
        taken = {each.slot for each in self._workers}
        free = [slot for slot in range(self.board.slots) if slot not in taken]
        if free:
            self._configure(self._spawn(free[0], replaces=worker))

    def _post(self, act: Callable[[], None]) -> None:
        self._events.put(act)
        with contextlib.suppress(OSError):
            self._wake_up.send(b"x")

    def _step(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                self._woken.recv(4096)
            else:
                self._hear(key.data)
        while not self._ending:
            try:
                act = self._events.get_nowait()
            except queue.Empty:
                break
            act()
        self._look_after()

    def _hear(self, worker: _Process) -> None:
        try:
            data = worker.control.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(worker.control)
            worker.control.close()
            return
        *lines, worker.pending = (worker.pending + data).split(b"\n")
        for line in lines:
            self._note(worker, json.loads(line))

    def _note(self, worker: _Process, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "ready":
            worker.ready = True
            self._deaths.pop(worker.slot, None)
            if worker.replaces is not None:
                self._let_go(worker.replaces)
                worker.replaces = None
        elif kind == "failed":
            self._failure = (event["message"], event["hint"])
            self._say(f"A worker could not load the model: {event['message']} {event['hint']}")
        elif kind == "stuck":
            worker.tell({"do": "drain", "seconds": self._patience})  # new connections wait for its successor
            self._replace(worker, "hangs in a prediction")
            worker.hangs = True
        elif kind == "refused":
            self._say(f"The new version is not taken: {event['message']} The service goes on with the one before.")
        elif kind == "installed":
            self._say("Now serving " + ", ".join(source.uri for source in self.sources.values()) + ".")

    def _let_go(self, worker: _Process) -> None:
        worker.leaving = time.monotonic() + self._patience + (2.0 if worker.hangs else STOP_SECONDS)
        worker.tell({"do": "drain", "seconds": self._patience})

    @property
    def _patience(self) -> float:
        return min(_DRAIN_SECONDS, self.settings.timeout)

    def _look_after(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.process.poll() is not None:
                self._bury(worker, now)
            elif worker.leaving and worker.leaving < now:
                worker.process.kill()
            elif self.settings.max_memory and worker.ready and not worker.leaving:
                self._weigh(worker)
        for slot, when in list(self._retry.items()):
            if when <= now and not self._ending:
                del self._retry[slot]
                self._configure(self._spawn(slot))

    def _bury(self, worker: _Process, now: float) -> None:
        self._workers.remove(worker)
        row = self.board.row(worker.slot)
        for name in ("in_flight", "ready", "memory", "log_queued"):
            row.set(name, 0.0)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self._selector.unregister(worker.control)
            worker.control.close()
        if self._ending or worker.leaving or any(each.replaces is worker for each in self._workers):
            return
        deaths = self._deaths.get(worker.slot, 0) + 1 if now - worker.born < _QUICK_DEATH else 0
        self._deaths[worker.slot] = deaths
        if worker.ready or self._failure is None:
            self._say(f"Worker {worker.process.pid} ended ({_ending(worker.process.returncode)}): it is replaced.")
        if worker.replaces is None:
            self._retry[worker.slot] = now + (min(30.0, 2.0**deaths / 4) if deaths else 0.0)

    def _weigh(self, worker: _Process) -> None:
        with contextlib.suppress(Exception):  # it may have just ended
            if memory_of(worker.process.pid) > self.settings.max_memory:
                self._replace(worker, f"has more than {self.settings.max_memory:,} bytes of memory")

    def _install(self, sources: dict[str, Source]) -> None:
        """Another version: loaded beside the one that answers, which goes on until then."""
        self._serial += 1
        if any(source.has_code for source in sources.values()):
            for worker in list(self._workers):
                self._replace(worker, "has modules of another version")
            return
        models = [dataclasses.asdict(source) for source in sources.values()]
        for worker in self._workers:
            if worker.configured:
                worker.tell({"do": "install", "serial": self._serial, "models": models})


def run_until_signal(supervisor: Supervisor, started: Callable[[Supervisor], None]) -> None:
    """Start a service and serve until SIGINT, SIGTERM or SIGHUP.

    Parameters
    ----------
    supervisor : Supervisor
    started : callable
        Called with it once all workers answer.
    """
    before = {number: signal.getsignal(number) for number in heeded_signals()}
    supervisor.start()
    try:
        for number in before:
            signal.signal(number, lambda *_: supervisor.end())
        started(supervisor)
        supervisor.run()
    finally:
        supervisor.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with(supervisor: Supervisor, file: Any) -> None:
    """End the service when a file ends: whoever holds its other end is gone."""

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while file.read(4096):
                pass
        supervisor.end()

    threading.Thread(target=wait, name="mlops_nb-parent", daemon=True).start()


def package_environment() -> dict[str, str]:
    """The process's own, by which the worker finds the same package."""
    made = dict(os.environ)
    root = str(Path(sys.modules["mlops_nb"].__file__ or "").resolve().parents[1])
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        made["PYTHONPATH"] = os.pathsep.join(filter(None, (root, made.get("PYTHONPATH", ""))))
    return made


def _ending(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
