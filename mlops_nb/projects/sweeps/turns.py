"""Turns: of the trials that a machine has under way, so many execute cells at once as there are workers.

The others get their kernels ready meanwhile, or are written down: no worker waits for either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar

from mlops_nb.projects.events import Interruption

__all__ = ["CURRENT", "Turn"]

LOOK_SECONDS = 0.1
"""How often somebody who waits for a turn looks whether it was asked to stop."""


class Turn:
    """One trial's turn. Without `ask` there is nobody to wait for.

    Parameters
    ----------
    ask : callable, optional
        Says that the trial is ready; `grant` is called when its turn has come.
    give : callable, optional
        Says that its cells are over, or that it does not want its turn any more.

    Examples
    --------
    >>> turn = Turn()
    >>> turn.take(Interruption()), turn.give()
    (True, None)
    """

    def __init__(self, ask: Callable[[], None] | None = None, give: Callable[[], None] | None = None) -> None:
        self._ask, self._give = ask, give
        self._granted = threading.Event()
        self._began: float | None = None
        self.seconds = 0.0
        """How long it lasted."""

    @property
    def is_shared(self) -> bool:
        """Whether others may have theirs before: then it pays to get ready first."""
        return self._ask is not None

    def grant(self) -> None:
        """The turn has come."""
        self._granted.set()

    def take(self, stop: Interruption) -> bool:
        """Wait for the turn; False if a stop was asked for before it came."""
        if self._ask is not None:
            self._ask()
            while not self._granted.wait(LOOK_SECONDS):
                if stop.requested:
                    return False
        if stop.requested:
            return False
        self._began = time.monotonic()
        return True

    def give(self) -> None:
        """The cells are over: the next one may begin. Also for who never had the turn, and more than once."""
        if self._began is not None:
            self.seconds, self._began = time.monotonic() - self._began, None
        give, self._give = self._give, None
        if give is not None:
            give()


CURRENT: ContextVar[Turn | None] = ContextVar("turn", default=None)
"""The turn of the call that this thread carries out."""
