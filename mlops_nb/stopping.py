"""How a process is asked to stop: Ctrl-C, SIGTERM, a terminal that closed. Standard library only."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["INTERRUPTED_STATUS", "asked_to_stop", "heeded_signals", "interrupting"]

INTERRUPTED_STATUS = 130
"""The exit status of a command that was asked to stop and ended cleanly: as a shell has it for Ctrl-C."""

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_asked: list[signal.Signals] = []


def heeded_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask to stop, without those that whoever started the process had ignored.

    A job that a script puts into the background ignores Ctrl-C, and one under ``nohup`` the end of its terminal: it is
    meant to go on, in Python itself as in every Unix tool.

    Examples
    --------
    >>> signal.SIGTERM in heeded_signals()
    True
    """
    known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    return tuple(each for each in known if signal.getsignal(each) is not signal.SIG_IGN)


def asked_to_stop() -> signal.Signals | None:
    """The signal that `interrupting` has seen last, also when a library caught the exception and went on.

    Examples
    --------
    >>> asked_to_stop() is None
    True
    """
    return _asked[-1] if _asked else None


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """While open, every signal that asks to stop does what Ctrl-C does: what is open is closed on the way out.

    In another thread than the main one this does nothing: signals are not delivered there.

    Examples
    --------
    >>> with contextlib.suppress(KeyboardInterrupt), interrupting():
    ...     signal.raise_signal(signal.SIGTERM)
    >>> asked_to_stop() is None
    True
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        _asked.append(signal.Signals(number))
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in heeded_signals()}
    try:
        yield
    finally:
        _asked.clear()
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
