"""Who is told how a sweep goes on."""

from __future__ import annotations

from typing import Protocol

from mlops_nb.projects.sweeps.board import Board, Trial

__all__ = ["Silent", "Watcher"]


class Watcher(Protocol):
    """Follows a sweep live; called in the thread that drives it."""

    def on_start(self, board: Board) -> None:
        """The sweep begins, or goes on."""

    def on_change(self, board: Board, trial: Trial | None) -> None:
        """A trial began or ended; without one, time has passed."""

    def on_end(self, board: Board) -> None:
        """All is over, or was stopped."""


class Silent:
    """A `Watcher` that does nothing."""

    def on_start(self, board: Board) -> None:
        """Nothing."""

    def on_change(self, board: Board, trial: Trial | None) -> None:
        """Nothing."""

    def on_end(self, board: Board) -> None:
        """Nothing."""
