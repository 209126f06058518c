"""Notebooks for the tests, and a listener that remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import nbformat
import psutil

from mlops_nb.entities import Status
from mlops_nb.projects.events import Failure


def book(*sources: str, tags: Mapping[int, list[str]] | None = None, **metadata: Any) -> nbformat.NotebookNode:
    """A notebook of these code cells, which have the ids c0, c1, ...; `tags` by number of cell."""
    cells = [
        nbformat.v4.new_code_cell(source, id=f"c{number}", metadata={"tags": (tags or {}).get(number, [])})
        for number, source in enumerate(sources)
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def text_of(cell: nbformat.NotebookNode) -> str:
    """All that a cell printed and displayed, as text."""
    outputs = cell.outputs
    return "".join(
        out.text if out.output_type == "stream" else out.get("data", {}).get("text/plain", "") for out in outputs
    )


class Record:
    """A listener that remembers what it is told, and acts when an output has a word."""

    def __init__(self, when: str = "", act: Callable[[], None] = lambda: None) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.when = when
        self.act = act

    def on_start(self, total: int) -> None:
        """Remember."""
        self.events.append(("start", total))

    def on_cell(self, index: int, source: str) -> None:
        """Remember."""
        self.events.append(("cell", index))

    def on_output(self, index: int, output: Mapping[str, Any]) -> None:
        """Remember, and act on the word."""
        self.events.append(
            ("output", index, output["output_type"], str(output.get("text") or output.get("data") or ""))
        )
        if self.when and self.when in self.events[-1][-1]:
            self.act()

    def on_cell_done(self, index: int) -> None:
        """Remember."""
        self.events.append(("done", index))

    def on_end(self, status: Status, failure: Failure | None) -> None:
        """Remember."""
        self.events.append(("end", status))


def kernels() -> list[psutil.Process]:
    """Kernels that this process or a child of it has started and that still run."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE and "ipykernel_launcher" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found
