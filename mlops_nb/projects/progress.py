"""A progress bar for the terminal: how far the notebook is, in which cell, and its last printed line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import IO, Any

from mlops_nb.entities import Status
from mlops_nb.projects.events import Failure, Silence

__all__ = ["ProgressBar"]

_SHOWN = 48


class ProgressBar(Silence):
    """A `Listener` that draws on a terminal; elsewhere (a pipe, a log file) it writes one line a cell.

    In a notebook it is silent, since the verb's result is shown where its cell is.

    Parameters
    ----------
    name : str
        What is executed.
    stream : file, optional
        Where to draw; the process's stderr by default.
    """

    def __init__(self, name: str, stream: IO[str] | None = None) -> None:
        self._name = name
        self._stream = stream if stream is not None else sys.stderr
        self._progress: Any = None
        self._task: Any = None
        self._total = self._done = 0
        self._line = ""
        # ipykernel's streams are the only ones that publish to a front end
        self._in_notebook = hasattr(self._stream, "pub_thread")

    def on_start(self, total: int) -> None:
        """Begin to draw."""
        self._total = total
        if not self._stream.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("cells"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[line]}", style="dim", markup=False),
        )
        self._progress = Progress(*columns, console=Console(file=self._stream), transient=True, refresh_per_second=5)
        self._task = self._progress.add_task(self._name, total=total, line="")
        self._progress.start()

    def on_cell(self, index: int, source: str) -> None:
        """Show the cell's first line of code."""
        lines = [line.strip() for line in source.splitlines()]
        self._show(next((line for line in lines if line and not line.startswith(("#", "%%"))), lines[0]))

    def on_output(self, index: int, output: Mapping[str, Any]) -> None:
        """Show the last line that was printed."""
        if output["output_type"] == "stream":
            lines = output["text"].replace("\r", "\n").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")
            if last:
                self._show(last)

    def on_cell_done(self, index: int) -> None:
        """One more."""
        self._done += 1
        if self._progress is not None:
            self._progress.update(self._task, completed=self._done)
        elif not self._in_notebook:
            self._stream.write(f"{self._name}: {self._done} of {self._total} cells\n")
            self._stream.flush()

    def on_end(self, status: Status, failure: Failure | None) -> None:
        """Leave the terminal as it was."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _show(self, line: str) -> None:
        if self._progress is not None:
            printable = "".join(character for character in line if character.isprintable())
            short = printable if len(printable) <= _SHOWN else printable[: _SHOWN - 1] + "…"
            self._progress.update(self._task, line=short)
