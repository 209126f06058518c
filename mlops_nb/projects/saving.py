"""The notebook under execution: saved as it goes on, whole or not at all, with papermill's metadata."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.tracking.faults import say

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["SavedNotebook", "save_notebook"]

SAVE_SHARE = 20
"""Saving takes at most one part in so many of the time, however large the notebook."""

SAVE_SECONDS = 0.5
"""Cells that follow each other faster are saved together."""


class SavedNotebook:
    """A notebook, when its cells ran and how that went, on disk.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place. Outputs of an earlier execution are taken away.
    path : str, optional
        Where it is saved.

    Attributes
    ----------
    trouble : str
        Why the last saving did not succeed, as a sentence; empty if it did.
    """

    def __init__(self, notebook: NotebookNode, path: str | None = None) -> None:
        self.notebook = notebook
        self._path = path
        self.trouble = ""
        self._saved_at = -1e9
        self._save_took = 0.0
        self._began = datetime.now(UTC)
        self._cell_began = self._began
        told = notebook.metadata.papermill
        told.update(start_time=self._began.isoformat(), end_time=None, duration=None, exception=None)
        for cell in notebook.cells:
            empty = {"exception": None, "start_time": None, "end_time": None, "duration": None, "status": "pending"}
            cell.metadata["papermill"] = type(notebook)(empty)
            if cell.cell_type == "code":
                cell.execution_count = None
                cell.outputs = []
        self.save()

    def begin(self, cell: NotebookNode) -> None:
        """The cell begins."""
        self._cell_began = datetime.now(UTC)
        told = cell.metadata.papermill
        told.update(start_time=self._cell_began.isoformat(), status="running", exception=False)
        self.save_in_time()

    def fail(self, cell: NotebookNode) -> None:
        """The cell did not end well, or was not begun."""
        cell.metadata.papermill.update(exception=True, status="failed")
        self.notebook.metadata.papermill["exception"] = True

    def end(self, cell: NotebookNode) -> None:
        """The cell ended, well or not."""
        now = datetime.now(UTC)
        told = cell.metadata.papermill
        told.update(end_time=now.isoformat(), duration=(now - self._cell_began).total_seconds())
        if told.status != "failed":
            told.status = "completed"
        self.save_in_time()

    def close(self) -> None:
        """Nothing comes after this; saved in any case."""
        now = datetime.now(UTC)
        told = self.notebook.metadata.papermill
        if told.end_time is not None and not self.trouble:
            return  # closed before
        told.update(end_time=now.isoformat(), duration=(now - self._began).total_seconds())
        self.save()

    def save_in_time(self) -> None:
        """Save, unless the last time was just now: twice a cell is much for a notebook with a thousand."""
        if time.monotonic() - self._saved_at > max(SAVE_SECONDS, SAVE_SHARE * self._save_took):
            self.save()

    def save(self) -> None:
        """Save now."""
        if self._path is None:
            return
        began = time.monotonic()
        try:
            save_notebook(self.notebook, self._path)
            self.trouble = ""
        except OSError as error:  # the next time there may be room; what runs goes on
            self.trouble = f"The notebook cannot be saved as {self._path}: {error.strerror or error}."
            say(self.trouble, about=f"save:{self._path}")
        self._saved_at = time.monotonic()
        self._save_took = self._saved_at - began


def save_notebook(notebook: NotebookNode, path: str) -> None:
    """Write a notebook whole or not at all; a path with a scheme goes through papermill's writers.

    Parameters
    ----------
    notebook : NotebookNode
        What to write.
    path : str
        A local path, or what papermill knows (``s3://``, ``gs://``, ``-``).

    Examples
    --------
    >>> import nbformat
    >>> save_notebook(nbformat.v4.new_notebook(), "out.ipynb")
    >>> nbformat.read("out.ipynb", 4).cells
    []
    """
    from nbformat import v4

    if "://" in path or path == "-":
        from papermill.iorw import write_ipynb

        write_ipynb(notebook, path)
        return
    text = v4.writes(notebook)  # without another validation, of what only cells' outputs were added to
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        # A lone surrogate that a cell printed becomes its JSON escape, which is what it has to be.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
