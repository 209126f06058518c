"""Local worker processes as a `concurrent.futures.Executor`: a process that dies costs one call, and comes back."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from multiprocessing.connection import Connection, Listener
from typing import Any

from mlops_nb.errors import MlopsError
from mlops_nb.workspace import ENV_CONTEXT

__all__ = ["LocalExecutor", "WorkerLost"]

CLOSE_SECONDS = 15
"""How long a worker may take to end what it does, once it was asked to."""


class WorkerLost(MlopsError):
    """The process that worked on a call is gone."""


class LocalExecutor(Executor):
    """Runs calls in processes of its own.

    They are started with this interpreter from nothing (no ``__main__`` of the caller is run in them), each when it is
    first needed, and reused. `concurrent.futures.ProcessPoolExecutor` gives up all calls when one process dies.

    Parameters
    ----------
    workers : int
        How many processes.
    idle_seconds : float
        A process that had nothing to do for so long ends, until it is needed again; 0 never.
    """

    def __init__(self, workers: int, *, idle_seconds: float = 0.0, env: Mapping[str, str] | None = None) -> None:
        self._queue: queue.Queue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = queue.Queue()
        self._slots = [_Slot(idle_seconds, dict(env or {})) for _ in range(workers)]
        self._threads = [threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in self._slots]
        self._closing = False
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args)`` in a worker; both have to be picklable."""
        if kwargs:
            raise TypeError("LocalExecutor passes no keyword arguments on")
        future: Future[Any] = Future()
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

    def _serve(self, slot: _Slot) -> None:
        while (item := self._queue.get()) is not None:
            future, function, arguments = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(slot.call(function, arguments))
            except BaseException as error:
                future.set_exception(error)
            del item, future
        slot.close()


class _Slot:
    """One process, started when it is needed."""

    def __init__(self, idle_seconds: float, env: dict[str, str]) -> None:
        self._idle = idle_seconds
        self._env = env
        self._process: subprocess.Popen[str] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._lock = threading.Lock()
        self._number = 0

    @property
    def pid(self) -> int:
        """Of the process; 0 if there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Have a call carried out; `WorkerLost` if the process goes meanwhile."""
        self._number += 1
        try:
            self._start_if_needed()
            assert self._connection is not None
            with self._lock:
                self._connection.send(("call", self._number, function, arguments))
            number, good, value = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerLost(f"A worker process {self._end_of()}.") from error
        assert number == self._number
        if good:
            return value
        raise value

    def ask_to_stop(self) -> None:
        """Ask what is running to stop."""
        with self._lock, contextlib.suppress(OSError):
            if self._connection is not None:
                self._connection.send(("stop",))

    def close(self) -> None:
        """End the process."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        process, self._process = self._process, None
        if process is not None:
            try:
                process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start_if_needed(self) -> None:
        if self.pid and self._connection is not None and not self._connection.closed and not self._is_gone():
            return
        self.close()
        key = secrets.token_bytes(32)
        with Listener(authkey=key) as listener:
            address = str(listener.address)
            command = [sys.executable, "-P", "-m", "mlops_nb.projects.sweeps.worker", address, str(self._idle)]
            env = {name: value for name, value in os.environ.items() if name != ENV_CONTEXT} | self._env
            self._process = subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=None, text=True,
                start_new_session=True,  # Ctrl-C in the terminal is for the one who started the sweep
            )  # fmt: skip
            assert self._process.stdin is not None
            self._process.stdin.write(key.hex() + "\n")
            self._process.stdin.close()
            with _unless_it_ends(self._process, address, key):
                self._connection = listener.accept()
        self._connection.recv_bytes()

    def _is_gone(self) -> bool:
        """Whether an idle worker has just closed its side."""
        assert self._connection is not None
        with contextlib.suppress(OSError, EOFError):
            return self._connection.poll(0)  # nothing is expected now: what there is to read is the end
        return True

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
