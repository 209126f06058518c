"""Local worker processes as a `concurrent.futures.Executor`: a process that dies costs one call, and comes back."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from multiprocessing.connection import Connection, Listener
from typing import Any

from mlops_nb.errors import MlopsError
from mlops_nb.workspace import ENV_CONTEXT

__all__ = ["Call", "LocalExecutor", "WorkerLost"]

CLOSE_SECONDS = 15
"""How long a worker may take to end what it does, once it was asked to."""


class WorkerLost(MlopsError):
    """The process that worked on a call is gone."""


class Call(Future[Any]):
    """A call to a worker. `began` is when its turn came: until then it only gets ready."""

    began: float | None = None


class LocalExecutor(Executor):
    """Runs calls in processes of its own.

    They are started with this interpreter from nothing (no ``__main__`` of the caller is run in them), each when it is
    first needed, and reused. `concurrent.futures.ProcessPoolExecutor` gives up all calls when one process dies.

    Parameters
    ----------
    workers : int
        How many processes, and how many calls have their turn at once.
    idle_seconds : float
        A process that had nothing to do for so long ends, until it is needed again; 0 never.
    lanes : int
        How many calls a process may have under way: what has not its turn yet gets ready, what has had it ends.
    """

    def __init__(
        self, workers: int, *, idle_seconds: float = 0.0, lanes: int = 1, env: Mapping[str, str] | None = None
    ) -> None:
        self._queue: queue.Queue[tuple[Call, Callable[..., Any], tuple[Any, ...]] | None] = queue.Queue()
        self._turns = _Turns(workers)
        self._slots = [_Slot(self._turns, idle_seconds, lanes, dict(env or {})) for _ in range(workers)]
        # One lane of each process, then the next ones: few calls are spread over all processes.
        served = [slot for _ in range(lanes) for slot in self._slots]
        self._threads = [threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in served]
        self._closing = False
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Call:
        """Run ``fn(*args)`` in a worker; both have to be picklable."""
        if kwargs:
            raise TypeError("LocalExecutor passes no keyword arguments on")
        future = Call()
        self._turns.enter(future)
        self._queue.put((future, fn, args))
        return future

    def stop_running(self) -> None:
        """Ask what is running to stop."""
        for slot in self._slots:
            slot.ask_to_stop()

    def processes(self) -> list[int]:
        """Ids of the processes that there are."""
        return [slot.pid for slot in self._slots if slot.pid]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; what they are doing is asked to stop."""
        self._closing = True
        if cancel_futures:
            with contextlib.suppress(queue.Empty):
                while True:
                    item = self._queue.get_nowait()
                    if item is not None:
                        item[0].cancel()
        for _ in self._threads:
            self._queue.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
            for slot in self._slots:
                slot.close()

    def _serve(self, slot: _Slot) -> None:
        while (item := self._queue.get()) is not None:
            future, function, arguments = item
            if not future.set_running_or_notify_cancel():
                self._turns.give(future)
                continue
            try:
                future.set_result(slot.call(future, function, arguments))
            except BaseException as error:
                future.set_exception(error)
            del item, future


class _Turns:
    """Who may begin: the calls of all processes, in the order in which they were submitted."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._lock = threading.Lock()
        self._order: dict[Call, Callable[[], None] | None] = {}
        self._having: set[Call] = set()

    def enter(self, call: Call) -> None:
        """The call is there, and gets ready."""
        with self._lock:
            self._order[call] = None

    def ask(self, call: Call, go: Callable[[], None]) -> None:
        """The call is ready; `go` is called when its turn has come."""
        with self._lock:
            if call not in self._order:
                return
            self._order[call] = go
        self._hand_on()

    def give(self, call: Call) -> None:
        """The call has had its turn, or does not want it."""
        with self._lock:
            self._order.pop(call, None)
            if call in self._having:
                self._having.remove(call)
                self._free += 1
        self._hand_on()

    def _hand_on(self) -> None:
        while True:
            with self._lock:
                call = next(iter(self._order), None)
                go = None if call is None else self._order[call]
                if not self._free or call is None or go is None:
                    return
                del self._order[call]
                self._having.add(call)
                self._free -= 1
                call.began = time.time()
            go()


class _Slot:
    """One process, started when it is needed."""

    def __init__(self, turns: _Turns, idle_seconds: float, lanes: int, env: dict[str, str]) -> None:
        self._turns, self._idle, self._lanes, self._env = turns, idle_seconds, lanes, env
        self._process: subprocess.Popen[str] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._reader: threading.Thread | None = None
        self._calls: dict[int, tuple[Call, Future[tuple[bool, Any]]]] = {}
        self._starting, self._lock = threading.Lock(), threading.Lock()
        self._number = 0

    @property
    def pid(self) -> int:
        """Of the process; 0 if there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def call(self, call: Call, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Have a call carried out; `WorkerLost` if the process goes meanwhile."""
        try:
            good, value = self._ask(call, function, arguments)
        except (EOFError, OSError) as error:
            if not self._idle or call.began is not None:
                raise WorkerLost(f"A worker process {self._end_of()}.") from error
            good, value = self._ask(call, function, arguments)  # it was just going to rest
        finally:
            self._turns.give(call)
        if good:
            return value
        raise value

    def _ask(self, call: Call, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        answer: Future[tuple[bool, Any]] = Future()
        with self._starting:
            self._start_if_needed()
            assert self._connection is not None
            with self._lock:
                self._number += 1
                self._calls[self._number] = (call, answer)
                self._connection.send(("call", self._number, function, arguments))
        return answer.result()

    def _read(self, connection: Connection[Any, Any]) -> None:
        """Take in what the process says, until it is gone."""
        try:
            while True:
                number, kind, *what = connection.recv()
                call, answer = self._calls[number]
                if kind == "ready":
                    self._turns.ask(call, partial(self._send, connection, ("go", number)))
                elif kind == "given":
                    self._turns.give(call)
                else:
                    del self._calls[number]
                    answer.set_result((what[0], what[1]))
        except (EOFError, OSError):
            with self._lock:
                left, self._calls = list(self._calls.values()), {}
                if self._connection is connection:
                    self._connection = None
            connection.close()
            for _, answer in left:
                answer.set_exception(EOFError())

    def _send(self, connection: Connection[Any, Any], message: tuple[Any, ...]) -> None:
        with self._lock, contextlib.suppress(OSError):
            connection.send(message)

    def ask_to_stop(self) -> None:
        """Ask what is running to stop."""
        connection = self._connection
        if connection is not None:
            self._send(connection, ("stop",))

    def close(self) -> None:
        """End the process."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            self._send(connection, ("bye",))
        process, self._process = self._process, None
        if process is not None:
            try:
                process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._reader is not None:
            self._reader.join(CLOSE_SECONDS)
            self._reader = None

    def _start_if_needed(self) -> None:
        if self.pid and self._connection is not None:
            return
        self.close()
        key = secrets.token_bytes(32)
        with Listener(authkey=key) as listener:
            address = str(listener.address)
            command = [sys.executable, "-P", "-m", "mlops_nb.projects.sweeps.worker", address]
            command += [str(self._idle), str(self._lanes)]
            env = {name: value for name, value in os.environ.items() if name != ENV_CONTEXT} | self._env
            self._process = subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=None, text=True,
                start_new_session=True,  # Ctrl-C in the terminal is for the one who started the sweep
            )  # fmt: skip
            assert self._process.stdin is not None
            self._process.stdin.write(key.hex() + "\n")
            self._process.stdin.close()
            with _unless_it_ends(self._process, address, key):
                connection = listener.accept()
        connection.recv_bytes()
        self._connection = connection
        self._reader = threading.Thread(target=self._read, args=(connection,), daemon=True)
        self._reader.start()

    def _end_of(self) -> str:
        process = self._process
        if process is None:
            return "was not there"
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(5)
            return f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        return "closed its connection"


@contextlib.contextmanager
def _unless_it_ends(process: subprocess.Popen[str], address: str, key: bytes) -> Iterator[None]:
    """While open, wake up the one who waits for the process to call, if the process ends before it does."""
    called = threading.Event()

    def watch() -> None:
        while not called.wait(0.2):
            if process.poll() is not None:
                from multiprocessing.connection import Client

                with contextlib.suppress(OSError):
                    Client(address, authkey=key).close()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        called.set()
        thread.join()
