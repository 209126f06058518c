"""The functions a user calls, with MLflow's names and meanings: changing the import is the migration."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Experiment, RunStart, Status, check_name, check_tag
from mlops_nb.errors import InvalidInput, InvalidState, NotFound, StoreError
from mlops_nb.tracking import active
from mlops_nb.tracking.experiments import find_or_make
from mlops_nb.tracking.faults import say
from mlops_nb.tracking.patience import in_a_moment
from mlops_nb.tracking.run import ActiveRun
from mlops_nb.tracking.starts import new_start
from mlops_nb.workspace import Workspace, open_workspace

_experiment: str | None = None
_last: ActiveRun | None = None
_attached: ActiveRun | None = None
_exit_registered = False
NOTE_TAG = "mlflow.note.content"
_beside: dict[tuple[int, str, str], ActiveRun] = {}


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
    *,
    experiment: str | None = None,
) -> ActiveRun:
    """Start a run, or go on with one.

    Parameters
    ----------
    run_id : str, optional
        Go on with this run; it says RUNNING again. With a `run_name` it is renamed.
    experiment_id : str, optional
        The experiment's id; `experiment` takes its name.
    run_name : str, optional
        A name that can be read out is made when none is given.
    nested : bool, default False
        Needed to start a run inside another that `start_run` made. Inside a tracked cell a run is nested by itself.
    parent_run_id : str, optional
        The run to nest in, when it is not the active one.
    tags : mapping, optional
    description : str, optional
        Kept as the tag ``mlflow.note.content``.
    log_system_metrics : bool, optional
        For MLflow's sake; what a tracked cell uses is recorded anyway.
    experiment : str, optional
        The experiment's name.

    Returns
    -------
    ActiveRun
        Usable as a context manager.

    Raises
    ------
    InvalidState
        If a run is active in this place and `nested` is False.
    NotFound
        If `run_id`, `parent_run_id` or `experiment_id` does not exist.

    Examples
    --------
    >>> with start_run(run_name="first") as run:
    ...     run.log_metric("acc", 0.9)
    >>> run.info.status
    'FINISHED'
    """
    outer = _resolve()
    own = _is_own(outer)
    if outer is not None and own and not outer.of_cell and not nested and parent_run_id is None:
        raise InvalidState(
            f"The run '{outer.name}' ({outer.run_id}) is already active.",
            hint="End it with mlops_nb.end_run(), or start a nested run with start_run(nested=True).",
        )
    all_tags = _tags(tags, description)
    space = workspaces.current()
    name = experiment or (_experiment_name(space, experiment_id) if experiment_id else None)
    if run_id is not None:
        start = resumed(space, run_id)
        if run_name and run_name != start.name:
            space.store.update_run(run_id, name=check_name("run", run_name))
            start = replace(start, name=run_name)
    else:
        if parent_run_id is not None:
            _check_parent(space, parent_run_id)
        parent = parent_run_id or (outer.run_id if outer is not None else workspaces.parent_run())
        notebook = workspaces.notebook_path()
        start = new_start(
            run_name,
            name or (outer.experiment if outer is not None else current_experiment()),
            workspaces.user_name(),
            parent_run_id=parent,
            notebook=relative(space, notebook) if notebook else None,
            source_type="NOTEBOOK" if active.is_kernel else "LOCAL",
        )
    run = begin(space, start, outer=outer if own else None, tags=all_tags)
    run.is_continued = run_id is not None
    return run


def _tags(tags: Mapping[str, Any] | None, description: str | None) -> dict[str, str]:
    if not isinstance(tags or {}, Mapping):
        raise InvalidInput(f"The tags of a run must be a dict, not {type(tags).__name__}.")
    texts = {key: str(value) for key, value in (tags or {}).items()}
    if description:
        if NOTE_TAG in texts:
            raise InvalidInput(f"The description is given twice, also as the tag {NOTE_TAG}.", hint="Leave one out.")
        texts[NOTE_TAG] = description
    for key, value in texts.items():
        check_tag(key, value)
    return texts


def _check_parent(space: Workspace, run_id: str) -> None:
    """Refuse a parent that does not exist; a store that is elsewhere and does not answer now is not asked again."""
    if any(run is not None and run.run_id == run_id for run in (*active.open_runs(), _last)):
        return

    def look() -> None:
        space.flush()
        space.store.get_run(run_id)

    with contextlib.suppress(StoreError):
        in_a_moment(space, look)


def begin(space: Workspace, start: RunStart, *, outer: ActiveRun | None, tags: Mapping[str, str]) -> ActiveRun:
    """Open a run from its `RunStart` and make it the active one of this place."""
    global _last
    _at_exit()
    if space.on_fault is None:
        space.on_fault = say
    is_main = threading.current_thread() is threading.main_thread()
    run = ActiveRun.begin(space, start, is_main=is_main, outer=outer, tags=tags)
    _last = run
    return run


def end_run(status: str = "FINISHED") -> None:
    """End the active run (a tracked cell's own run ends with its cell).

    Parameters
    ----------
    status : str, default "FINISHED"
        ``FINISHED``, ``FAILED`` or ``KILLED``.

    Examples
    --------
    >>> _ = start_run(); end_run(); active_run() is None
    True
    """
    if status not in (Status.FINISHED, Status.FAILED, Status.KILLED):
        raise InvalidInput(f"A run cannot end as {status!r}.", hint="Use FINISHED, FAILED or KILLED.")
    run = active.current_run()
    if run is not None and not run.of_cell and _is_own(run):
        run.finish(status)


def active_run() -> ActiveRun | None:
    """The run that a logging call would go to here and now, or None.

    Examples
    --------
    >>> active_run() is None
    True
    """
    return _resolve()


def last_active_run() -> ActiveRun | None:
    """The run that was started last in this process, open or over.

    Examples
    --------
    >>> with start_run() as run: pass
    >>> last_active_run() is run
    True
    """
    return _last


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """The experiment that runs of this process go to from now on; made if it does not exist.

    A store that is elsewhere and does not answer in a moment is not waited for: the first run makes the experiment.

    Examples
    --------
    >>> set_experiment("churn").name
    'churn'
    >>> set_experiment("Default").experiment_id
    '0'
    """
    global _experiment
    space = workspaces.current()
    if experiment_name is None and experiment_id is not None:
        experiment_name = _experiment_name(space, experiment_id)
    elif experiment_id is not None:
        raise InvalidInput("set_experiment takes a name or an id, not both.")
    if experiment_name is None:
        raise InvalidInput("set_experiment needs a name.", hint="For instance: mlops_nb.set_experiment('churn')")
    _experiment = check_name("experiment", experiment_name)
    made = None if workspaces.is_disabled() else find_or_make(space, experiment_name)
    return made or Experiment("", experiment_name)


def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment with this name, or None.

    Examples
    --------
    >>> get_experiment_by_name("Default").experiment_id
    '0'
    """
    space = workspaces.current()
    space.flush()
    return space.store.find_experiment(name)


def connect(store: str | None = None, artifacts: str | None = None) -> Workspace:
    """Keep runs elsewhere from now on.

    Parameters
    ----------
    store : str, optional
        A folder or a SQLAlchemy URL; by default the project's ``.mlops_nb``.
    artifacts : str, optional
        A folder or an fsspec URL.

    Returns
    -------
    Workspace

    Examples
    --------
    >>> import tempfile
    >>> space = connect(tempfile.mkdtemp())
    >>> space.is_embedded
    True
    """
    space = open_workspace(store, artifacts)
    before = workspaces.replace_current(space)
    if before is not None:
        space.busy = before.busy
        before.close()
    space.on_fault = say
    return space


def current_experiment() -> str:
    """The experiment that a run goes to when none is named.

    Examples
    --------
    >>> isinstance(current_experiment(), str)
    True
    """
    return _experiment or workspaces.default_experiment()


def relative(space: Workspace, path: Path) -> str:
    """A path as it is recorded: relative to the project where it is inside, with forward slashes.

    Examples
    --------
    >>> relative(open_workspace(start=Path("/")), Path("/data/x.csv"))
    'data/x.csv'
    """
    path = path.resolve()
    return path.relative_to(space.project).as_posix() if path.is_relative_to(space.project) else path.as_posix()


def chosen_experiment() -> str | None:
    """What `set_experiment` was called with in this process."""
    return _experiment


def logged_run(run_id: str | None = None) -> ActiveRun:
    """The run to log into: the one with this id, open or over; else the active one, or one that is started now.

    Raises
    ------
    NotFound
        If there is no such run.
    """
    if run_id is not None:
        return _named(run_id)
    run = _resolve()
    if run is None:
        run = start_run()
        run.anonymous = True  # in a notebook it ends with the cell that it was started in
    return run


def _named(run_id: str) -> ActiveRun:
    """A run by its id. One that this process has not open goes on as it is: only what is logged is added."""
    for run in (active.bound.get(), *active.open_runs(), _last):
        if run is not None and run.run_id == run_id:
            return run
    space = workspaces.current()
    key = (os.getpid(), str(space.root), run_id)
    if key not in _beside:
        _beside[key] = ActiveRun.beside(space, resumed(space, run_id))
    return _beside[key]


def _resolve() -> ActiveRun | None:
    """The active run of this place, the parent process's included."""
    global _attached
    run = active.current_run()
    if run is not None:
        return run
    context = active.parent_context()
    if context is None:
        return None
    if _attached is None or _attached.run_id != context["run"]:
        space = Workspace(Path(context["root"]), context["store"], context["artifacts"], Path(context["project"]))
        _attached = ActiveRun.attach(space, context["run"], context["experiment"], active.lease_of(context))
    return _attached


def _is_own(run: ActiveRun | None) -> bool:
    return run is not None and run is not _attached


def _experiment_name(space: Workspace, experiment_id: str) -> str:
    return space.store.get_experiment(experiment_id).name


def resumed(space: Workspace, run_id: str) -> RunStart:
    """The start of a run that goes on, as it was."""
    space.flush()
    run = space.store.get_run(run_id)
    if run.lifecycle_stage == "deleted":
        raise NotFound(f"The run {run_id} was deleted.", hint="Restore it first.")
    return RunStart(
        run.run_id,
        run.name,
        run.experiment,
        run.start_time,
        user=run.user,
        parent_run_id=run.parent_run_id,
        notebook=run.notebook,
        cell_id=run.cell_id,
        line=run.line,
        stage=run.stage,
        source_type=run.source_type,
    )


def forget_settings() -> None:
    """Go back to what the environment says: experiment and last run are no longer set."""
    global _experiment, _last, _attached
    _experiment = _last = _attached = None
    _beside.clear()


def _at_exit() -> None:
    global _exit_registered
    if not _exit_registered:
        _exit_registered = True
        atexit.register(_close_all)


def _fatal_error() -> BaseException | None:
    """The exception that a script ends by; at a prompt, and in a notebook, the last one has ended nothing."""
    shell = getattr(sys.modules.get("IPython.core.interactiveshell"), "InteractiveShell", None)
    if hasattr(sys, "ps1") or (shell is not None and shell.initialized()):
        return None
    error: BaseException | None = getattr(sys, "last_value", None)
    return error


def _close_all() -> None:
    """The process ends: runs that nobody ended have finished (MLflow's meaning), unless it ends by an error; and what
    is left is delivered."""
    error = _fatal_error()
    for run in reversed(active.open_runs()):
        run.__exit__(None if error is None else type(error), error, None)
    space = workspaces.replace_current(None)
    if space is not None:
        space.close()
    active.remove_context()
