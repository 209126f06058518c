"""A sweep as it is kept in a saved notebook: HTML that needs no kernel, and plain text."""

from __future__ import annotations

import io
from typing import Any

from mlops_nb.panels.markup import document, style_sheet
from mlops_nb.panels.sweep_terminal import print_sweep
from mlops_nb.panels.sweep_views import sweep_html
from mlops_nb.panels.terminal import make_console
from mlops_nb.projects.sweeps.board import Board


def sweep_view(board: Board) -> dict[str, Any]:
    """A sweep as HTML and plain text.

    Examples
    --------
    >>> from mlops_nb.projects.sweeps.board import Trial
    >>> trial = Trial(0, 0, {"a": 1}, state="finished", metrics={"acc": 0.5}, run_id="ab", seconds=1.5)
    >>> print(sweep_view(Board("s", ["a"], 1, "acc", trials={0: trial}, state="finished"))["text/plain"])
    s · 1 done
    best acc 0.5 with a=1
    trial  a  acc  time    run
    0      1  0.5  1.50 s  ab
    """
    file = io.StringIO()
    print_sweep(board, make_console(file))
    plain = "\n".join(line.rstrip() for line in file.getvalue().rstrip().splitlines())
    return {
        "text/html": f"<style>{style_sheet('sweep')}</style>" + document(sweep_html(board), cls="page sweep"),
        "text/plain": plain,
    }
