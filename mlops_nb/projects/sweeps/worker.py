"""A worker process: takes calls from the process that started it, a few at a time, and ends when that one is gone.

Started by `LocalExecutor`, with the address of its listener; the key to it comes in through standard input.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from functools import partial
from multiprocessing.connection import Client
from typing import Any

__all__ = ["Worker", "main"]


def main(address: str, idle_seconds: float, lanes: int) -> None:
    """Serve until the other side closes, or until nothing came for `idle_seconds` (0: for ever).

    Parameters
    ----------
    address : str
        Where the other side listens.
    idle_seconds : float
        Of rest after which the process ends.
    lanes : int
        How many calls may be under way at once.

    Examples
    --------
    >>> main("/tmp/socket", 0.0, 1)  # doctest: +SKIP
    """
    from mlops_nb.projects.plain import skip_slow_grammar

    skip_slow_grammar()
    key = bytes.fromhex(sys.stdin.readline().strip())
    Worker(Client(address, authkey=key), lanes).serve(idle_seconds)


class Worker:
    """The calls of a connection, carried out in threads."""

    def __init__(self, connection: Any, lanes: int) -> None:
        self._connection, self._lanes = connection, lanes
        self._calls: queue.Queue[Any] = queue.Queue()
        self._turns: dict[int, Any] = {}
        self._sending = threading.Lock()
        self._over = threading.Event()
        self._active = 0
        self._changed = threading.Condition()

    def serve(self, idle_seconds: float) -> None:
        """Until the other side is gone, or there is nothing to do."""
        self._connection.send_bytes(str(os.getpid()).encode())
        threads = [threading.Thread(target=self._work, name="mlops_nb-lane", daemon=True) for _ in range(self._lanes)]
        threads.append(threading.Thread(target=self._receive, name="mlops_nb-worker", daemon=True))
        for thread in threads:
            thread.start()
        with self._changed:
            while not self._over.is_set():
                rested = not self._changed.wait(idle_seconds or None)
                if rested and not self._active and self._calls.empty():
                    break
        for _ in range(self._lanes):
            self._calls.put(None)
        for thread in threads[:-1]:
            thread.join()
        self._connection.close()

    def _receive(self) -> None:
        from mlops_nb.projects.sweeps.tasks import request_stop

        try:
            while True:
                kind, *what = self._connection.recv()
                if kind == "bye":
                    raise EOFError
                if kind == "stop":
                    request_stop()
                elif kind == "go":
                    turn = self._turns.get(what[0])
                    if turn is not None:
                        turn.grant()
                else:
                    self._calls.put(what)
                    self._note()
        except (EOFError, OSError):
            self._over.set()
            request_stop()  # whoever asked for the trial is gone: its kernel is not left behind
            request_stop()
            self._note()

    def _note(self, change: int = 0) -> None:
        with self._changed:
            self._active += change
            self._changed.notify_all()

    def _work(self) -> None:
        from mlops_nb.projects.sweeps.turns import CURRENT, Turn

        while not self._over.is_set():
            call = self._calls.get()
            if call is None:
                return
            number, function, arguments = call
            self._note(+1)
            turn = Turn(partial(self._send, number, "ready"), partial(self._send, number, "given"))
            self._turns[number] = turn
            CURRENT.set(turn)
            answer = _answer(function, arguments)
            del self._turns[number]
            self._send(number, "answer", *answer)
            self._note(-1)

    def _send(self, *message: Any) -> None:
        with self._sending, contextlib.suppress(OSError):
            self._connection.send(message)


def _answer(function: Any, arguments: Any) -> tuple[bool, Any]:
    try:
        return True, function(*arguments)
    except BaseException as error:  # it is the caller's: here nobody could act on it
        return False, _portable(error)


def _portable(error: BaseException) -> BaseException:
    import pickle

    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:  # an exception whose class cannot be built again from its arguments
        return RuntimeError(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
