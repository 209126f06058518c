"""What happens while a notebook executes: who is told, how it fails, how it is asked to stop. Standard library only."""

from __future__ import annotations

import contextlib
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from mlops_nb.entities import Status
from mlops_nb.errors import MlopsError
from mlops_nb.stopping import INTERRUPTED_STATUS, asked_to_stop, heeded_signals

__all__ = [
    "Failure",
    "Interruption",
    "Listener",
    "NotebookFailed",
    "NotebookInterrupted",
    "Silence",
    "Told",
    "on_signals",
]

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Failure:
    """Which cell failed, and how. `cell_index` counts all cells of the executed notebook, from 0."""

    cell_index: int
    cell_id: str
    execution_count: int | None
    source: str
    ename: str
    evalue: str
    traceback: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The cell as a reader finds it: its prompt, its place, its first line.

        Examples
        --------
        >>> Failure(2, "c", 3, "# fit\\nmodel.fit(X)", "ValueError", "no data").where
        'cell 3 (In [3]: model.fit(X))'
        """
        lines = [line.strip() for line in self.source.splitlines()]
        code = next((line for line in lines if line and not line.startswith(("#", "%%"))), "".join(lines[:1]))
        prompt = "" if self.execution_count is None else f"In [{self.execution_count}]: "
        return f"cell {self.cell_index + 1} ({prompt}{_shortened(code)})"

    @property
    def status(self) -> Status:
        """The status of a run that ended so."""
        return Status.KILLED if self.ename in ("KeyboardInterrupt", "DeadKernelError") else Status.FAILED


class NotebookFailed(MlopsError):
    """A cell raised, timed out, or took the kernel with it. The notebook was saved before this was raised."""

    exit_status = 1

    def __init__(self, notebook: str, failure: Failure, *, hint: str = "") -> None:
        self.failure = failure
        self.run_id: str | None = None
        """The run that keeps the executed notebook, where it was tracked."""
        super().__init__(_sentence(notebook, failure), hint=hint)


class NotebookInterrupted(NotebookFailed):
    """The execution was asked to stop (Ctrl-C, SIGTERM), or a cell was interrupted."""

    exit_status = INTERRUPTED_STATUS


def _sentence(notebook: str, failure: Failure) -> str:
    if failure.ename == "KeyboardInterrupt":
        return f"{notebook} was interrupted at {failure.where}."
    if failure.ename == "DeadKernelError":
        return f"{notebook} lost its kernel in {failure.where}: {failure.evalue}."
    reason = f"{failure.ename}: {_shortened(failure.evalue)}" if failure.evalue else failure.ename
    return f"{notebook} failed in {failure.where}: {reason.rstrip('.')}."


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


class Listener(Protocol):
    """Follows an execution live. It is called in the thread that executes; what it raises is told once and ignored."""

    def on_start(self, total: int) -> None:
        """The kernel runs and `total` cells are to be executed."""

    def on_cell(self, index: int, source: str) -> None:
        """The cell at `index` begins."""

    def on_output(self, index: int, output: Mapping[str, Any]) -> None:
        """The cell put out something: an nbformat output, or one of ``output_type`` ``update_display_data``."""

    def on_cell_done(self, index: int) -> None:
        """The cell ended, well or not."""

    def on_end(self, status: Status, failure: Failure | None) -> None:
        """All is over and the notebook is saved."""


class Silence:
    """A `Listener` that does nothing: the base of those that want only some events."""

    def on_start(self, total: int) -> None:
        """Nothing."""

    def on_cell(self, index: int, source: str) -> None:
        """Nothing."""

    def on_output(self, index: int, output: Mapping[str, Any]) -> None:
        """Nothing."""

    def on_cell_done(self, index: int) -> None:
        """Nothing."""

    def on_end(self, status: Status, failure: Failure | None) -> None:
        """Nothing."""


class Told:
    """Tells several listeners; one that raises is told of in one warning and left out from then on."""

    def __init__(self, *listeners: Listener | None) -> None:
        self._listeners = [listener for listener in listeners if listener is not None]

    def on_start(self, total: int) -> None:
        """Pass on."""
        self._tell("on_start", total)

    def on_cell(self, index: int, source: str) -> None:
        """Pass on."""
        self._tell("on_cell", index, source)

    def on_output(self, index: int, output: Mapping[str, Any]) -> None:
        """Pass on."""
        self._tell("on_output", index, output)

    def on_cell_done(self, index: int) -> None:
        """Pass on."""
        self._tell("on_cell_done", index)

    def on_end(self, status: Status, failure: Failure | None) -> None:
        """Pass on."""
        self._tell("on_end", status, failure)

    def _tell(self, event: str, *arguments: Any) -> None:
        for listener in list(self._listeners):
            try:
                getattr(listener, event)(*arguments)
            except Exception as error:  # a fault of who looks on must not cost the notebook its run
                self._listeners.remove(listener)
                warnings.warn(
                    f"mlops_nb: {type(listener).__name__} stopped following the notebook: {error!r}", stacklevel=2
                )


class Interruption:
    """A request to stop an execution, from any thread or a signal handler.

    The first request interrupts the running cell, as in a front end; a second, or the end of the grace time, kills the
    kernel.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may come in while its own thread holds it
        self._count = 0
        self._react: Callable[[int], None] | None = None

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for."""
        return self._count > 0

    def request(self) -> None:
        """Ask to stop; asked again, insist."""
        with self._lock:
            self._count += 1
            react = self._react
        if react is not None:
            react(self._count)

    @contextlib.contextmanager
    def handled_by(self, react: Callable[[int], None]) -> Iterator[None]:
        """While open, call `react` with the number of requests at each of them, and at once if there was one before."""
        with self._lock:
            self._react = react
            count = self._count
        try:
            if count:
                react(count)
            yield
        finally:
            with self._lock:
                self._react = None


@contextlib.contextmanager
def on_signals(interruption: Interruption) -> Iterator[None]:
    """While open, Ctrl-C, SIGTERM and SIGHUP request an interruption instead of ending the process.

    Those that whoever started the process had ignored stay so. A request that came before, while nobody listened or a
    library swallowed it, counts.

    In another thread than the main one this does nothing: signals are not delivered there.

    Examples
    --------
    >>> stop = Interruption()
    >>> with on_signals(stop):
    ...     signal.raise_signal(signal.SIGINT)
    >>> stop.requested
    True
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def react(number: int, frame: FrameType | None) -> None:
        interruption.request()

    before = {number: signal.signal(number, react) for number in heeded_signals()}
    try:
        if asked_to_stop() is not None and not interruption.requested:
            interruption.request()
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
