"""A worker process: takes calls from the process that started it, one at a time, and ends when that one is gone.

Started by `LocalExecutor`, with the address of its listener; the key to it comes in through standard input.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from multiprocessing.connection import Client
from typing import Any

__all__ = ["main"]


def main(address: str, idle_seconds: float) -> None:
    """Serve until the other side closes, or until nothing came for `idle_seconds` (0: for ever).

    Examples
    --------
    >>> main("/tmp/socket", 0.0)  # doctest: +SKIP
    """
    from mlops_nb.projects.sweeps.tasks import request_stop

    key = bytes.fromhex(sys.stdin.readline().strip())
    connection = Client(address, authkey=key)
    connection.send_bytes(str(os.getpid()).encode())
    calls: queue.Queue[Any] = queue.Queue()
    over = threading.Event()

    def receive() -> None:
        try:
            while True:
                kind, *call = connection.recv()
                if kind == "stop":
                    request_stop()
                else:
                    calls.put(call)
        except (EOFError, OSError):
            over.set()
            calls.put(None)
            request_stop()  # whoever asked for the trial is gone: its kernel is not left behind
            request_stop()

    threading.Thread(target=receive, name="mlops_nb-worker", daemon=True).start()
    while not over.is_set():
        try:
            call = calls.get(timeout=idle_seconds or None)
        except queue.Empty:
            break
        if call is None:
            break
        number, function, arguments = call
        answer = _answer(function, arguments)
        with contextlib.suppress(OSError):
            connection.send((number, *answer))
    connection.close()


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
    main(sys.argv[1], float(sys.argv[2]))
