"""A sweep in a terminal: live while it goes on, and its result; one line a trial where there is no terminal."""

from __future__ import annotations

import time
from typing import IO, Any

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mlops_nb.panels.columns import show_param
from mlops_nb.panels.format import show_duration, show_number, show_text
from mlops_nb.panels.sweep_views import failures, shown_points, summary, sweep_rows
from mlops_nb.panels.terminal import make_console
from mlops_nb.projects.parameters import recordable
from mlops_nb.projects.sweeps.board import Board, Trial

STYLES = {"finished": "green", "running": "blue", "failed": "red", "killed": "yellow", "stopped": "yellow"}
LIVE_POINTS = 8
RUNNING = 6
REDRAW_SECONDS = 0.25


def print_sweep(board: Board, console: Console | None = None) -> None:
    """Print how a sweep ended: what is best, the best points, what matters, what failed.

    Parameters
    ----------
    board : Board
        The sweep.
    console : Console, optional
        From `make_console`.

    Examples
    --------
    >>> import io
    >>> out = io.StringIO()
    >>> print_sweep(Board("s", ["a"], 2), make_console(out)); print(out.getvalue().rstrip())
    s · 2 to go
    """
    console = console or make_console()
    for part in _parts(board, limit=12, width=console.width):
        console.print(part)
    shares = board.importance.get("shares") or {}
    if shares:
        method = board.importance.get("method", "")
        console.print(Text("what matters", "bold") + Text(f"  {show_text(str(method))}", "dim"))
        grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for name, share in list(shares.items())[:10]:
            grid.add_row(Text(f"  {show_text(name)}"), Text("█" * max(1, round(share * 30)), "blue"), f"{share:.0%}")
        console.print(grid)
    for line in failures(board):
        console.print(Text(line, "red"), soft_wrap=True)


def _head(board: Board) -> Text:
    line = Text(show_text(board.name), "bold")
    for state, words in summary(board):
        line += Text(" · ", "dim") + Text(words, STYLES.get(state, "dim"))
    return line


def _best(board: Board) -> Text | None:
    best = board.best()
    if best is None or best.mean is None or board.metric is None:
        return None
    given = ", ".join(f"{show_text(name)}={show_param(recordable(best.values.get(name)), 40)}" for name in board.axes)
    deviation = f" ± {show_number(best.std, 2)}" if best.std is not None else ""
    word = "best so far" if board.state == "running" else "best"
    value = Text(f"{show_number(best.mean)}{deviation}", "bold green")
    return Text(f"{word} {show_text(board.metric)} ") + value + Text(f" with {given}" if given else "")


def _parts(board: Board, *, limit: int, width: int) -> list[Any]:
    parts: list[Any] = [_head(board)]
    best = _best(board)
    if best is not None:
        parts.append(best)
    points = shown_points(board, limit)
    if points:
        header, rows = sweep_rows(board, points)
        while len(header) > 3 and _width(header, rows) > width:
            drop = len(header) - 2 if header[-2:] == ["time", "run"] else len(header) - 1
            header, rows = header[:drop] + header[drop + 1 :], [row[:drop] + row[drop + 1 :] for row in rows]
        grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for title in header:
            grid.add_column(title, no_wrap=True, overflow="ellipsis")
        for place, row in enumerate(rows):
            grid.add_row(*(Text(cell, "bold green" if best is not None and place == 0 else "") for cell in row))
        parts.append(grid)
        total = len(board.points())
        if total > len(points) >= limit:
            parts.append(Text(f"{len(points)} of {total:,} points", "dim"))
    return parts


def _width(header: list[str], rows: list[list[str]]) -> int:
    return sum(max(map(len, column)) + 2 for column in zip(header, *rows, strict=True)) - 2


class TerminalSweep:
    """A `Watcher` that draws on a terminal; elsewhere (a pipe, a log file) it writes a line for each trial."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._console = make_console(stream)
        self._live: Any = None
        self._next = 0.0

    def on_start(self, board: Board) -> None:
        """Begin to draw."""
        if not self._stream.isatty():
            return
        from rich.live import Live

        self._live = Live(self._drawn(board), console=self._console, transient=True, refresh_per_second=4)
        self._live.start()

    def on_change(self, board: Board, trial: Trial | None) -> None:
        """Draw anew."""
        if self._live is not None:
            now = time.monotonic()
            if now >= self._next:
                self._live.update(self._drawn(board))
                self._next = now + max(REDRAW_SECONDS, 10 * (time.monotonic() - now))
        elif trial is not None and trial.is_over:
            self._console.print(self._line(board, trial), soft_wrap=True)

    def on_end(self, board: Board) -> None:
        """Leave the terminal as it was; the result is drawn by whoever asked."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self, board: Board, trial: Trial) -> Text:
        given = " ".join(f"{name}={show_param(recordable(trial.values.get(name)), 30)}" for name in board.axes)
        seed = "" if trial.seed is None else f" seed={trial.seed}"
        value = board.objective(trial)
        result = f"{board.metric} {show_number(value)}" if value is not None else trial.error
        words = [f"{board.done} of {board.total}: #{trial.number} {trial.state}", show_text(given) + seed, result]
        return Text(" ".join(words).rstrip())

    def _drawn(self, board: Board) -> Group:
        bar = ProgressBar(total=max(1, board.total), completed=board.done, width=min(60, self._console.width))
        parts = _parts(board, limit=LIVE_POINTS, width=self._console.width)
        running = [trial for trial in board.trials.values() if trial.state == "running"]
        lines = []
        for trial in running[:RUNNING]:
            given = " ".join(f"{name}={show_param(recordable(trial.values.get(name)), 24)}" for name in board.axes)
            since = show_duration((time.time() - trial.started) * 1000)
            line = f"● #{trial.number} {show_text(given)}  {since}"
            lines.append(Text(line, "blue", no_wrap=True, overflow="ellipsis"))
        return Group(parts[0], bar, *parts[1:], *lines)
