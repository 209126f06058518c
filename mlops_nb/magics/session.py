"""The shell's session: hooks around every execution, the mode (``%track auto``), the stack of what runs."""

from __future__ import annotations

import ast
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.errors import InvalidInput
from mlops_nb.magics.options import TrackOptions, parse_track, track_line, without_track

# What follows and records cells is imported with the first cell that runs: %load_ext is to be as good as free.
if TYPE_CHECKING:
    from mlops_nb.magics.cards import CardMemory
    from mlops_nb.magics.following import Followed, Following
    from mlops_nb.magics.taps import Tap
    from mlops_nb.magics.tracked import TrackedCell
    from mlops_nb.tracking.session_facts import SessionFacts

_OWN_MAGIC = re.compile(r"\s*%(?:load_ext|reload_ext|unload_ext|track|mlops)\b")


@dataclass(slots=True)
class Execution:
    """One execution on the stack: IPython's info, and the tracked cell if it is one."""

    info: Any
    cell: TrackedCell | None = None
    followed: Followed | None = None


class Session:
    """Connects a shell to tracking.

    Parameters
    ----------
    shell : InteractiveShell

    Attributes
    ----------
    mode : str
        ``marked`` (cells with ``%%track``), ``auto`` (every cell) or ``off``.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.mode = "marked"
        self.start_folder = str(Path.cwd())
        self._tap: Tap | None = None
        self._cards: CardMemory | None = None
        self._local = threading.local()
        self._running = 0
        self._replacer = _LiteralReplacer(self)
        self._disabled = False
        self._is_ready = False
        self.following: Following | None = None
        self._facts: SessionFacts | None = None

    # -- life -------------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Register with the shell."""
        self.shell.input_transformers_cleanup.append(without_track)
        self.shell.ast_transformers.append(self._replacer)
        self.shell.events.register("pre_run_cell", self.before)
        self.shell.events.register("post_run_cell", self.after)

    def disconnect(self) -> None:
        """Take everything back that `connect` registered."""
        if self._is_ready:
            from mlops_nb.tracking import active

            active.is_kernel = False
        if self.following is not None:
            self.following.stop()
        self.shell.events.unregister("pre_run_cell", self.before)
        self.shell.events.unregister("post_run_cell", self.after)
        for group, item in (
            (self.shell.input_transformers_cleanup, without_track),
            (self.shell.ast_transformers, self._replacer),
        ):
            if item in group:
                group.remove(item)

    def _get_ready(self) -> None:
        """Before the first cell: begin to follow. What ran before is known from IPython's history, as text."""
        self._is_ready = True
        from mlops_nb import workspace as workspaces
        from mlops_nb.magics.following import Following
        from mlops_nb.tracking import active

        active.is_kernel = True
        self._disabled = workspaces.is_disabled()
        if self._disabled:
            return
        try:
            # With the cell that loads us, which is still running: what it imports further down belongs to it.
            inputs = list(self.shell.history_manager.input_hist_raw)[1 : self.shell.execution_count]
            space = workspaces.current()
            history = [(source, count, None) for count, source in enumerate(inputs, 1) if source]
            # IPython writes the history of inputs itself, between cells and in them.
            ignored = [space.root, Path(self.shell.ipython_dir), Path(self.shell.profile_dir.location)]
            self.following = Following(self.namespace, space.project, ignored, history)
            self.following.start()
        except Exception as error:
            self.following = None
            self._fault(error)

    # -- what the rest asks -------------------------------------------------------------------------------------------

    @property
    def namespace(self) -> dict[str, Any]:
        """The user's namespace."""
        namespace: dict[str, Any] = self.shell.user_ns
        return namespace

    @property
    def tap(self) -> Tap:
        """What listens to outputs."""
        if self._tap is None:
            from mlops_nb.magics.taps import Tap

            self._tap = Tap(self.shell)
        return self._tap

    @property
    def cards(self) -> CardMemory:
        """Earlier runs of each cell."""
        if self._cards is None:
            from mlops_nb.magics.cards import CardMemory

            self._cards = CardMemory()
        return self._cards

    @property
    def facts(self) -> SessionFacts:
        """What is recorded of the session with each run."""
        if self._facts is None:
            from mlops_nb.magics.tracked import redacted_source
            from mlops_nb.tracking.session_facts import SessionFacts

            self._facts = SessionFacts(lambda source: redacted_source(source)[0])
        return self._facts

    @property
    def stack(self) -> list[Execution]:
        """What runs in this thread, outermost first (a cell may run cells)."""
        stack = getattr(self._local, "stack", None)
        if stack is None:
            stack = self._local.stack = []
        return stack

    def is_busy(self) -> bool:
        """Whether a cell runs."""
        return self._running > 0

    def notebook(self) -> Path | None:
        """The notebook's path, as far as the front end tells."""
        from mlops_nb import workspace as workspaces

        found = workspaces.notebook_path()
        if found is None:
            name = self.namespace.get("__vsc_ipynb_file__")
            found = Path(name) if isinstance(name, str) and name.endswith(".ipynb") else None
        return found

    def folder(self) -> Path:
        """The folder whose git state belongs to the notebook."""
        notebook = self.notebook()
        if notebook is not None:
            return notebook.parent
        try:
            return Path.cwd()
        except OSError:  # the cell has deleted it
            return Path(self.start_folder)

    # -- hooks --------------------------------------------------------------------------------------------------------

    def before(self, info: Any) -> None:
        """IPython's pre_run_cell: never raises."""
        self._running += 1
        execution = Execution(info)
        self.stack.append(execution)
        try:
            if not self._is_ready:
                self._get_ready()
            options = self._options(info.raw_cell)
            if options is not None and not self._disabled:
                execution.cell = self._track(info, options)
        except Exception as error:
            self._fault(error)
        try:
            if self.following is not None:
                execution.followed = self._begin_following(info)
        except Exception as error:
            self._fault(error)
        if execution.cell is not None:
            execution.cell.start_clock()

    def _track(self, info: Any, options: TrackOptions) -> TrackedCell:
        from mlops_nb import workspace as workspaces
        from mlops_nb.magics.tracked import TrackedCell
        from mlops_nb.tracking.faults import say

        space = workspaces.current()
        space.busy, space.on_fault = self.is_busy, say
        return TrackedCell(self, info, options)

    def _begin_following(self, info: Any) -> Followed:
        assert self.following is not None
        transformed = getattr(info, "transformed_cell", None) or info.raw_cell
        return self.following.begin(
            info.raw_cell, transformed, self.shell.execution_count, getattr(info, "cell_id", None)
        )

    def after(self, result: Any) -> None:
        """IPython's post_run_cell: never raises. `result` is None when an awaiting cell was cancelled."""
        execution = self._pop(result)
        if execution is None:
            return
        self._running = max(0, self._running - 1)
        cell = execution.cell
        error = (result.error_before_exec or result.error_in_exec) if result is not None else None
        if cell is not None:
            cell.stop_clock()
            cell.execution_count = getattr(result, "execution_count", None)
        try:
            if execution.followed is not None and self.following is not None:
                execution.followed.overrides = cell.overrides if cell is not None else {}
                self.following.end(execution.followed, error, getattr(result, "execution_count", None))
        except Exception as fault:
            execution.followed = None
            self._fault(fault)
        try:
            self._end_anonymous(execution)
            if cell is None:
                return
            value = result.result if result is not None else None
            cell.end(error, value, execution.followed, cancelled=result is None)
            from mlops_nb.magics.cards import show_card

            show_card(self, cell)
        except Exception as error:
            if cell is not None:
                cell.run.finish("FAILED" if result is None or not result.success else "FINISHED")
            self._fault(error)

    def _pop(self, result: Any) -> Execution | None:
        """The execution that has just ended: IPython also reports the end of cells whose start it did not report."""
        stack = self.stack
        if result is None:
            return stack.pop() if stack else None
        for index in range(len(stack) - 1, -1, -1):
            if stack[index].info is result.info:
                execution = stack[index]
                del stack[index:]
                return execution
        return None

    def _options(self, source: str) -> TrackOptions | None:
        """The options of the cell's ``%%track`` line; None if it is not to be tracked."""
        if self.mode == "off":
            return None
        found = track_line(source)
        if found is not None:
            try:
                line = found[1]
                if "$" in line or "{" in line:
                    line = self.shell.var_expand(line)
                return parse_track(line)
            except InvalidInput:
                return None  # the magic of that name says why
        if self.mode == "auto" and len(self.stack) == 1:
            lines = [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
            if lines and not all(_OWN_MAGIC.match(line) for line in lines):
                return TrackOptions()
        return None

    def _end_anonymous(self, execution: Execution) -> None:
        """A run that a logging call started by itself in this cell ends with the cell."""
        from mlops_nb.tracking import active

        if len(self.stack):
            return
        for run in active.open_runs():
            if run.anonymous:
                run.finish()

    def _fault(self, error: Exception) -> None:
        from mlops_nb import workspace as workspaces
        from mlops_nb.tracking.faults import say

        say(error, about=f"{type(error).__name__}:{error}")
        if workspaces.is_debugging():
            sys.excepthook(type(error), error, error.__traceback__)


class _LiteralReplacer(ast.NodeTransformer):
    """IPython's AST transformer that carries out ``-p``."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def visit(self, node: ast.AST) -> ast.AST:
        stack = self.session.stack
        cell = stack[-1].cell if stack else None
        if cell is None or not isinstance(node, ast.Module):
            return node
        try:
            return cell.replace(node)
        except Exception as error:
            self.session._fault(error)
            return node
