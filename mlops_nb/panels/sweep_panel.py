"""The panel of a sweep: live under the cell while it goes on, and what stays there at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import traitlets

from mlops_nb.panels.markup import style_sheet, tag
from mlops_nb.panels.sweep_page import sweep_view
from mlops_nb.panels.sweep_views import sweep_html
from mlops_nb.panels.widget import Panel, script
from mlops_nb.projects.sweeps.board import Board, Trial

REDRAW_SECONDS = 0.5
"""Least time between two drawings while a sweep goes on."""


class SweepPanel(Panel):
    """A sweep as it stands.

    Parameters
    ----------
    board : Board
        The sweep.

    Examples
    --------
    >>> SweepPanel(Board("tuning", ["lr"], 4)).static_bundle()["text/plain"]
    'tuning · 4 to go'
    """

    _esm = script("elements", "sweep_panel")
    _css = Panel._css + style_sheet("sweep")
    html = traitlets.Unicode("").tag(sync=True)

    def __init__(self, board: Board) -> None:
        self.board = board
        super().__init__(html=sweep_html(board, inline=True))

    def show(self, board: Board) -> None:
        """Draw the sweep as it is now."""
        self.board = board
        self.html = sweep_html(board, inline=True)

    def static_bundle(self) -> dict[str, Any]:
        """The same as static HTML and plain text."""
        return sweep_view(self.board)

    def answer(self, message: Mapping[str, Any]) -> None:
        """Nothing is asked: what there is to see comes by itself, also while the kernel is busy."""


class LiveSweep:
    """A `Watcher` that shows a panel under the running cell, and leaves its static view in the notebook."""

    def __init__(self) -> None:
        self._panel: SweepPanel | None = None
        self._kept: Any = None
        self._next = 0.0

    def on_start(self, board: Board) -> None:
        """Show the panel."""
        from IPython.display import display

        board.shown = True
        self._panel = SweepPanel(board)
        self._kept = display(_kept(board), raw=True, display_id=True)
        live, metadata = self._panel._live_bundle()
        live.pop("text/plain", None)  # the static view says it
        display(live, raw=True, metadata=metadata)

    def on_change(self, board: Board, trial: Trial | None) -> None:
        """Draw anew, not too often."""
        now = time.monotonic()
        if self._panel is not None and now >= self._next:
            self._panel.show(board)
            # Of many thousands of trials a drawing takes its time: a tenth of the kernel's is enough for it.
            self._next = now + max(REDRAW_SECONDS, 10 * (time.monotonic() - now))

    def on_end(self, board: Board) -> None:
        """Draw the end, and keep it."""
        if self._panel is None:
            self.on_start(board)
        assert self._panel is not None
        self._panel.show(board)
        self._kept.update(_kept(board), raw=True)


def _kept(board: Board) -> dict[str, Any]:
    bundle = sweep_view(board)
    style = f"<style>{style_sheet('kept')}</style>"
    return bundle | {"text/html": style + tag("div", bundle["text/html"], cls="mlops-nb-kept")}
