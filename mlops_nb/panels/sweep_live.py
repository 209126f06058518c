"""Who follows a sweep live: a panel under the cell in a notebook, else the terminal."""

from __future__ import annotations

import sys
from typing import Any

from mlops_nb.panels.sweep_terminal import TerminalSweep

__all__ = ["live_watcher"]


def live_watcher() -> Any:
    """The watcher for where this process is.

    Examples
    --------
    >>> type(live_watcher()).__name__
    'TerminalSweep'
    """
    if hasattr(sys.stderr, "pub_thread"):  # ipykernel's streams are the only ones that publish to a front end
        from mlops_nb.panels.sweep_panel import LiveSweep

        return LiveSweep()
    return TerminalSweep(sys.stderr)
