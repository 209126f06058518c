"""Which run a call belongs to: in this task, this thread, this process, or the process that started us.

Three places are asked in turn. A context variable, which tasks inherit and which threads and executors are handed; the
process's stack of open runs (the tracked cell, explicit runs of the main flow); and the context file that the parent
process keeps, by which spawned workers (also reused ones) find the run that is active *now*.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.entities import Lease
from mlops_nb.journal import lease_fields, own_lease
from mlops_nb.workspace import ENV_CONTEXT

if TYPE_CHECKING:
    from mlops_nb.tracking.run import ActiveRun
    from mlops_nb.workspace import Workspace

bound: ContextVar[ActiveRun | None] = ContextVar("mlops_nb_run", default=None)
_stack: list[ActiveRun] = []
_lock = threading.RLock()
_parent: tuple[int, dict[str, Any]] | None = None
_context_file: Path | None = None
CONTEXT_SIZE = 4096
is_kernel = False
"""Set by the IPython extension: such a process has cells of its own and does not log into its parent's run."""


def current_run() -> ActiveRun | None:
    """The run that a logging call belongs to here and now; None if there is none.

    Examples
    --------
    >>> current_run() is None
    True
    """
    run = bound.get()
    if run is not None:
        return run  # also when it is over: a thread that outlives its cell still logs into that cell's run
    while _stack:
        run = _stack[-1]
        if run.is_open:
            return run
        with _lock:
            if _stack and _stack[-1] is run:
                _stack.pop()
    return None


def open_runs() -> list[ActiveRun]:
    """The process's stack of open runs, outermost first.

    Examples
    --------
    >>> open_runs()
    []
    """
    with _lock:
        return [run for run in _stack if run.is_open]


def enter(run: ActiveRun) -> None:
    """Make a run the active one of this context, and of the process when the main flow starts it."""
    bound.set(run)
    if run.is_main:
        with _lock:
            _stack.append(run)
        _write_context(run.workspace)


def leave(run: ActiveRun) -> None:
    """The run is over: the one around it is active again."""
    if bound.get() is run:
        bound.set(run.outer)
    if run.is_main:
        with _lock:
            if run in _stack:
                _stack.remove(run)
        if _stack:
            _write_context(run.workspace)


def reset_after_fork() -> None:
    """In a forked child: the same run is active, its journal is a new one; locks and threads were the parent's."""
    global _lock, _parent
    _lock = threading.RLock()
    _parent = None
    for run in _stack:
        run.become_child()
    current = bound.get()
    if current is not None:
        current.become_child()


def parent_context() -> dict[str, Any] | None:
    """What the parent process says of its active run (``run``, ``drainer`` ...); None if there is none."""
    global _parent
    name = os.environ.get(ENV_CONTEXT)
    if not name or is_kernel:
        return None
    try:
        stamp = os.stat(name).st_mtime_ns  # noqa: PTH116 - on the way of every log call of a worker
    except OSError:
        return None
    if _parent is None or _parent[0] != stamp:
        try:
            content = json.loads(Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        _parent = (stamp, content)
    content = _parent[1]
    return None if content["drainer"]["pid"] == os.getpid() else content


def lease_of(context: dict[str, Any]) -> Lease:
    """The parent's lease out of its context."""
    return Lease(**context["drainer"])


def _write_context(workspace: Workspace) -> None:
    """Tell children which run is active. A plain file: spawned workers are reused long after they were started."""
    global _context_file
    with _lock:
        if not _stack:
            return
        run = _stack[-1]
        content = {
            "run": run.run_id,
            "experiment": run.experiment,
            "drainer": lease_fields(own_lease()),
            "journals": str(workspace.journals),
            "store": workspace.store_url,
            "artifacts": workspace.artifacts_url,
            "root": str(workspace.root),
            "project": str(workspace.project),
        }
        path = workspace.journals / f"context-{os.getpid()}.json"
        # In place and padded, in one write: renaming a file over another one makes ext4 wait for the disk.
        data = json.dumps(content).encode("ascii")
        with contextlib.suppress(OSError):  # children then open runs of their own: less, but nothing lost
            fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.write(fd, data.ljust(CONTEXT_SIZE))
            finally:
                os.close(fd)
            if _context_file != path:
                _context_file = path
                os.environ[ENV_CONTEXT] = str(path)


def remove_context() -> None:
    """At the end of the process: children that are still there must not take up a reused process id."""
    global _context_file
    path, _context_file = _context_file, None
    if path is not None:
        if os.environ.get(ENV_CONTEXT) == str(path):
            del os.environ[ENV_CONTEXT]
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
