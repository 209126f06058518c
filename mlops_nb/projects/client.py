"""The kernel's client: nbclient's, made to tell what happens live, to name cells, and to stop cleanly.

nbclient sends no cell id, so that a cell would be another one in each execution; here it goes into the request's
metadata, as JupyterLab sends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import shutil
import signal
import tempfile
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbclient.util import ensure_async, run_sync

from mlops_nb.errors import InvalidState
from mlops_nb.projects.events import Failure, Interruption, Listener, Silence
from mlops_nb.projects.saving import SavedNotebook

__all__ = ["START_SECONDS", "FollowedClient", "start_ahead"]

START_SECONDS = 60
"""How long a kernel may take to answer for the first time."""

GRACE_SECONDS = 10
"""How long an interrupted cell may go on before its kernel is killed."""

END_SECONDS = 30
"""How long a kernel that was asked to end may take to hand in what it recorded, on a busy machine."""

STREAM_LIMIT = 32 * 2**20
"""Characters of printed text that are kept of one cell; a cell that prints forever must not fill memory and disk."""

ASIDE_SECONDS = 20
"""How long the kernel may take for what it is asked before the first cell and after the last."""

SOCKET_ROOM = 90
"""Longest path of a folder for sockets: with ``/kernel-<n>`` the system takes about 103 characters."""


class FollowedClient(NotebookClient):
    """Executes the cells in order until one fails; `failure` then tells which and how."""

    def __init__(
        self,
        saved: SavedNotebook,
        listener: Listener,
        interruption: Interruption,
        *,
        meanwhile: Callable[[], None],
        at_end: Callable[[Failure | None], None],
        opening: str = "",
        closing: str = "",
        asides: Mapping[str, str] | None = None,
        after_cells: Callable[[], None] = lambda: None,
        ahead: FollowedClient | None = None,
        **options: Any,
    ) -> None:
        options |= {"on_cell_execute": self._name_cell, "on_cell_executed": self._unname_cell}
        super().__init__(saved.notebook, raise_on_iopub_timeout=True, **options)
        self._saved = saved
        self._meanwhile = meanwhile
        self._at_end = at_end
        self._after_cells = after_cells
        self._opening, self._closing = opening, closing
        self._asides = dict(asides or {})
        self.failure: Failure | None = None
        self._listener = listener
        self._interruption = interruption
        self._loop: asyncio.AbstractEventLoop | None = None
        self._group: int | None = None
        self._started = False
        self._dead = False
        self._sockets: str | None = None
        self._killed = False  # by us, since a stop was insisted on
        self._stopping: asyncio.Future[Any] | None = None
        self._running = False  # the kernel has begun with the cell, so that an interrupt would not be lost
        self._printed = 0
        if ahead is not None:
            self.km, self.kc, self._sockets = ahead.km, ahead.kc, ahead._sockets
            ahead.km = ahead.kc = ahead._sockets = None

    def start(self, env: dict[str, str], cwd: str) -> None:
        """Start the kernel, and wait until it answers; nothing is left behind if it does not.

        Raises
        ------
        InvalidState
            If it does not start.
        """
        try:
            self.km = self.create_kernel_manager()
            self.start_new_kernel(env=env, cwd=cwd)
            self.start_new_kernel_client()
        except BaseException as error:
            self.discard()
            if isinstance(error, RuntimeError | OSError):
                raise self._not_started(error) from error
            raise

    def _not_started(self, error: Exception) -> InvalidState:
        hint = f"See why with: jupyter console --kernel {self.kernel_name}"
        return InvalidState(f"The kernel {self.kernel_name!r} did not start: {error}.", hint=hint)

    def discard(self) -> None:
        """End a kernel that is still there, and take its sockets away."""
        if self.km is not None and self.km.has_kernel:
            self.shutdown_kernel = "immediate"
            self._cleanup_kernel()
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def run(self, env: dict[str, str], cwd: str | None) -> None:
        """Start the kernel, execute, and leave no kernel behind, whatever happens.

        Parameters
        ----------
        env : dict of str to str
            The whole environment of the kernel.
        cwd : str or None
            Where it works; None is where this process does.

        Raises
        ------
        InvalidState
            If the kernel does not start.
        """
        try:
            with self._interruption.handled_by(self._stop):
                self._execute(env=env, **({"cwd": cwd} if cwd else {}))
        except (RuntimeError, OSError) as error:
            if self._started:
                raise
            raise self._not_started(error) from error
        finally:
            self.discard()  # of a kernel whose start was cut short, before anyone would stop it
            if self._dead and self._group is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # it left no children
                    os.killpg(self._group, signal.SIGKILL)

    def _await_stop(self) -> None:
        """Let what a request to stop has begun come to its end, while there is a loop for it."""
        if self._stopping is not None and not self._stopping.done():
            run_sync(asyncio.wait)({self._stopping}, timeout=GRACE_SECONDS)
        if self._stopping is not None and self._stopping.done() and not self._stopping.cancelled():
            self._stopping.exception()  # seen: a kernel that is gone already cannot be ended

    def create_kernel_manager(self) -> Any:
        """Talk over sockets in a private folder where the system has them, instead of ports that all can open."""
        manager = super().create_kernel_manager()
        if os.name == "posix":
            self._sockets = tempfile.mkdtemp(prefix="mlops_nb-")
            if len(self._sockets) <= SOCKET_ROOM:
                manager.transport = "ipc"
                manager.ip = f"{self._sockets}/kernel"
        return manager

    def _execute(self, **options: Any) -> None:
        self.reset_execution_trackers()
        if self.km is not None:
            self._meanwhile()  # it was started ahead
        with self.setup_kernel(**options):
            assert self.kc is not None and self.km is not None  # `setup_kernel` makes both or raises
            # Asked for first: a kernel that hangs after the last cell would never answer.
            answer: Any = self.wait_for_reply(self.kc.kernel_info())
            self.nb.metadata["language_info"] = answer["content"]["language_info"]
            self._started = True
            self._group = getattr(self.km.provisioner, "pgid", None)
            try:
                self._say_aside(self._opening)
                self._execute_cells()
                self.set_widgets_metadata()
            finally:
                self._after_cells()
                self._say_aside(self._closing)
                self._end_kernel()
                self._await_stop()

    def _say_aside(self, code: str) -> None:
        """Let the kernel run code that is no cell, of which nothing shows; if it cannot, the cells do not mind."""
        python = self.nb.metadata["language_info"].get("name") == "python"
        if code and python and not self._dead and self.shutdown_kernel == "graceful":
            self._unless_killed(self._await_aside, code)

    async def _await_aside(self, code: str) -> None:
        assert self.kc is not None and self.km is not None  # the kernel runs
        asked = await ensure_async(self.kc.execute(code, silent=True, store_history=False, allow_stdin=False))
        for _ in range(ASIDE_SECONDS):
            with contextlib.suppress(queue.Empty):
                while True:
                    answer = await ensure_async(self.kc.shell_channel.get_msg(timeout=1))
                    if answer["parent_header"].get("msg_id") == asked:
                        return
            if not await ensure_async(self.km.is_alive()):
                return

    def _end_kernel(self) -> None:
        """Let the kernel end, and use the time that it takes."""
        ends = not self._dead and self.shutdown_kernel == "graceful"
        if ends:
            self._unless_killed(self._ask_to_end)
        self._saved.close()
        self._at_end(self.failure)
        if ends:
            self._unless_killed(self._see_it_end)

    def _unless_killed(self, step: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """Take a step of a kernel's end, which a stop that is insisted on may overtake: its cells have ended well."""
        try:
            if not self._killed:
                run_sync(step)(*arguments)
        except Exception:
            if not self._killed:
                raise
            self.shutdown_kernel = "immediate"

    async def _ask_to_end(self) -> None:
        assert self.km is not None
        self.km.shutdown_wait_time = max(self.km.shutdown_wait_time, END_SECONDS)
        await ensure_async(self.km.request_shutdown())

    async def _see_it_end(self) -> None:
        assert self.km is not None
        await ensure_async(self.km.finish_shutdown())  # kills it if it does not end in some seconds

    def start_new_kernel(self, **options: Any) -> None:
        """Start the kernel's process, and use the time until it answers."""
        super().start_new_kernel(**options)
        self._meanwhile()

    def _execute_cells(self) -> None:
        self._listener.on_start(sum(map(self._executes, self.nb.cells)))
        for index, cell in enumerate(self.nb.cells):
            if self._interruption.requested:
                self._fail(index, "KeyboardInterrupt", "", ())
                break
            executes = self._executes(cell)
            if executes:
                self._listener.on_cell(index, cell.source)
            self._printed = 0
            self._saved.begin(cell)
            try:
                self._say_aside(self._asides.get(cell.get("id", ""), ""))
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                self._note_error(index, error)
                break
            except Exception as error:  # the kernel died, a time limit, a broken channel: the notebook says so too
                self._note_fault(index, error)
                break
            finally:
                _join_streams(cell)
                self._saved.end(cell)
                if executes:
                    self._listener.on_cell_done(index)

    def _executes(self, cell: nbformat.NotebookNode) -> bool:
        skipped = self.skip_cells_with_tag in cell.metadata.get("tags", [])
        return bool(cell.cell_type == "code" and cell.source.strip() and not skipped)

    def _note_error(self, index: int, error: CellExecutionError) -> None:
        if error.ename == "SystemExit" and error.evalue in ("", "0", "None"):
            return  # sys.exit() is a way to end a notebook well
        outputs = [out for out in self.nb.cells[index].outputs if out.output_type == "error"]
        self._fail(index, error.ename, error.evalue, tuple(outputs[-1].traceback) if outputs else ())

    def _note_fault(self, index: int, error: Exception) -> None:
        name, reason = type(error).__name__, str(error)
        if self._killed:  # what was under way ended with whatever error its sockets gave
            self._dead = True
            name, reason = "KeyboardInterrupt", "the kernel did not react and was killed"
        elif isinstance(error, DeadKernelError):
            self._dead = True
            name, reason = "DeadKernelError", self._reason_of_death()
            if self._interruption.requested:
                name, reason = "KeyboardInterrupt", "the kernel did not react and was killed"
        else:
            self.shutdown_kernel = "immediate"  # it is still busy with the cell
        output = type(self.nb)(output_type="error", ename=name, evalue=reason, traceback=[f"{name}: {reason}"])
        self.nb.cells[index].outputs.append(output)
        self._listener.on_output(index, output)
        self._fail(index, name, reason, (f"{name}: {reason}",))

    def _fail(self, index: int, name: str, reason: str, traceback: tuple[str, ...]) -> None:
        cell = self.nb.cells[index]
        count = cell.get("execution_count")
        self.failure = Failure(index, cell.get("id", ""), count, cell.source, name, reason, traceback)
        self._saved.fail(cell)

    def _reason_of_death(self) -> str:
        process = getattr(getattr(self.km, "provisioner", None), "process", None)
        code = process.poll() if process is not None else None
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            return f"the kernel was killed by {name}" + (" (perhaps it ran out of memory)" if name == "SIGKILL" else "")
        return "the kernel exited" if code is None else f"the kernel exited with status {code}"

    def process_message(self, msg: dict[str, Any], cell: nbformat.NotebookNode, index: int) -> Any:
        """Take in what the kernel sends, and pass outputs on as they come."""
        if msg["msg_type"] == "execute_input":
            self._running = True
            if self._interruption.requested:
                self._interrupt_or_kill(1)
        elif msg["msg_type"] == "stream":
            self._printed += len(msg["content"]["text"])
            if self._printed > STREAM_LIMIT:
                return self._cut_stream(msg, cell, index)
        output = super().process_message(msg, cell, index)
        self._saved.save_in_time()
        if output is not None:
            self._listener.on_output(index, output)
        elif msg["msg_type"] == "update_display_data":
            self._listener.on_output(index, {"output_type": "update_display_data", **msg["content"]})
        return output

    def _cut_stream(self, msg: dict[str, Any], cell: nbformat.NotebookNode, index: int) -> Any:
        size = len(msg["content"]["text"])
        if self._printed - size > STREAM_LIMIT:
            return None
        msg["content"]["text"] = (
            f"\n[mlops_nb: this cell printed more than {STREAM_LIMIT >> 20} MiB; the rest is left out]\n"
        )
        return super().process_message(msg, cell, index)

    async def _name_cell(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        assert self.kc is not None  # there is a cell under execution
        self._loop = asyncio.get_running_loop()
        self.kc.session.metadata = {"cellId": cell.get("id", "")}

    def _unname_cell(self, cell: nbformat.NotebookNode, cell_index: int, execute_reply: Any) -> None:
        assert self.kc is not None
        self.kc.session.metadata = {}
        self._running = False

    def _stop(self, requests: int) -> None:
        """React to a request to stop, which comes from a signal handler or another thread."""
        if self._loop is None and requests > 1 and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt  # its kernel does not even start; after the first request no cell is executed
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._interrupt_or_kill, requests)

    def _interrupt_or_kill(self, requests: int) -> None:
        if self.km is None or self._loop is None or (requests == 1 and not self._running):
            return  # it is over, or `process_message` interrupts once the kernel has begun
        self._killed = requests > 1
        act: Any = self.km.shutdown_kernel(now=True) if self._killed else self.km.interrupt_kernel()
        # Kept, since a task without a reference may be collected.
        self._stopping = asyncio.ensure_future(act, loop=self._loop)
        if requests == 1:
            self._loop.call_later(GRACE_SECONDS, self._interrupt_or_kill, 2)


def start_ahead(kernel: str, cwd: str | os.PathLike[str], env: Mapping[str, str], **options: Any) -> FollowedClient:
    """Start a kernel for a notebook that is executed a little later.

    Parameters
    ----------
    kernel : str
        Its name, from `find_kernel`.
    cwd : str or Path
        Where it works.
    env : mapping
        Variables of the environment, beside those of this process.
    **options
        As for `FollowedClient`.

    Returns
    -------
    FollowedClient
        To be given to `execute` as ``ahead``, in this thread; `discard` ends a kernel that nobody wanted.

    Raises
    ------
    InvalidState
        If it does not start.

    Examples
    --------
    >>> start_ahead("python3", ".", {}).discard()  # doctest: +SKIP
    """
    saved = SavedNotebook(nbformat.v4.new_notebook(metadata={"papermill": {}}))
    settings = {"startup_timeout": START_SECONDS, "meanwhile": lambda: None, "at_end": lambda failure: None, **options}
    client = FollowedClient(saved, Silence(), Interruption(), kernel_name=kernel, **settings)
    client.start({**os.environ, **env}, str(cwd))
    return client


def _join_streams(cell: nbformat.NotebookNode) -> None:
    """Make one output of neighbouring pieces of a stream, and of a line drawn over (``\\r``) what stands at the end."""
    joined: list[nbformat.NotebookNode] = []
    pieces: list[str] = []
    for output in cell.get("outputs", ()):
        if joined and _streams(output) and _streams(joined[-1]) and joined[-1].name == output.name:
            pieces.append(output.text)
            continue
        if pieces:
            joined[-1].text = _drawn("".join(pieces))
        joined.append(output)
        pieces = [output.text] if _streams(output) else []
    if pieces:
        joined[-1].text = _drawn("".join(pieces))
    if "outputs" in cell:
        cell.outputs = joined


def _streams(output: nbformat.NotebookNode) -> bool:
    return bool(output.output_type == "stream")


def _drawn(text: str) -> str:
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
