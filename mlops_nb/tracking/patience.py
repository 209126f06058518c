"""How long a cell waits for a store that is elsewhere: a moment. What does not come in time is done without."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mlops_nb.workspace import Workspace

__all__ = ["MOMENT", "in_a_moment"]

MOMENT = 0.6
"""Seconds."""

T = TypeVar("T")
_waiting: weakref.WeakKeyDictionary[Workspace, threading.Thread] = weakref.WeakKeyDictionary()


def in_a_moment(space: Workspace, call: Callable[[], T], *, seconds: float = MOMENT) -> T | None:
    """What a call to a store gives; None if it does not come in time, and at once while an earlier one still waits.

    A store in a folder is simply asked: nobody else can keep it waiting but its own disk.

    Parameters
    ----------
    space : Workspace
        Whose store is asked.
    call : callable
        Asks it; what it raises in time is raised here.
    seconds : float
        How long to wait.

    Returns
    -------
    object or None

    Examples
    --------
    >>> from mlops_nb.workspace import open_workspace
    >>> in_a_moment(open_workspace("/data/runs"), lambda: 5)
    5
    >>> never = threading.Event()
    >>> in_a_moment(open_workspace("postgresql://db/runs"), never.wait, seconds=0.01) is None
    True
    >>> never.set()
    """
    if space.is_embedded:
        return call()
    before = _waiting.get(space)
    if before is not None and before.is_alive():
        return None
    found: list[T] = []
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            found.append(call())
        except BaseException as error:
            failed.append(error)

    _waiting[space] = thread = threading.Thread(target=ask, daemon=True, name="mlops_nb-asks")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    return found[0] if found else None
