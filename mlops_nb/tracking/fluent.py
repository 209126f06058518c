"""The functions a user calls, with MLflow's names and meanings: changing the import is the migration."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Experiment, Metric, RunStart, Status, check_name, check_tag
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.tracking import active
from mlops_nb.tracking.faults import say, shielded
from mlops_nb.tracking.patience import in_a_moment
from mlops_nb.tracking.run import ActiveRun, new_start
from mlops_nb.workspace import Workspace, open_workspace

_experiment: str | None = None
_last: ActiveRun | None = None
_attached: ActiveRun | None = None
_exit_registered = False


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    *,
    experiment: str | None = None,
) -> ActiveRun:
    """Start a run, or go on with one.

    Parameters
    ----------
    run_id : str, optional
        Go on with this run; it says RUNNING again.
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
        If `run_id` or `experiment_id` does not exist.

    Examples
    --------
    >>> with start_run(run_name="first") as run:
    ...     log_metric("acc", 0.9)
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
    all_tags = {key: str(value) for key, value in (tags or {}).items()}
    if description:
        all_tags["mlflow.note.content"] = description
    for key, value in all_tags.items():
        check_tag(key, value)
    space = workspaces.current()
    name = experiment or (_experiment_name(space, experiment_id) if experiment_id else None)
    if run_id is not None:
        start = resumed(space, run_id)
    else:
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
    return begin(space, start, outer=outer if own else None, tags=all_tags)


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


def log_metric(key: str, value: float, step: int | None = None, timestamp: int | None = None) -> None:
    """Append one point of a metric to the active run; with steps it is a curve.

    Parameters
    ----------
    key : str
        At most 500 characters.
    value : float
        Any number; NaN and infinities are kept exactly.
    step : int, optional
        0 by default; may be negative, repeated and unordered.
    timestamp : int, optional
        Milliseconds since the epoch; now by default.

    Raises
    ------
    InvalidInput
        If `value` is not a number, or `key` cannot be a name.

    Examples
    --------
    >>> with start_run() as run:
    ...     for step in range(3): log_metric("loss", 1 / (step + 1), step=step)
    >>> run.data.metrics
    {'loss': 0.3333333333333333}
    """
    (active.bound.get() or logged_run()).log_metric(key, value, step, timestamp)


def log_metrics(metrics: Mapping[str, Any], step: Any = None, timestamp: Any = None) -> None:
    """Append points of several metrics; values may be arrays, with an array of steps: the fast way for many points.

    Parameters
    ----------
    metrics : mapping of str to float or sequence of float, shape (n,)
    step : int or sequence of int, shape (n,), optional
    timestamp : int or sequence of int, shape (n,), optional

    Examples
    --------
    >>> with start_run() as run: log_metrics({"loss": [0.5, 0.25]}, step=[10, 20])
    >>> run.data.metrics
    {'loss': 0.25}
    """
    logged_run().log_metrics(metrics, step, timestamp)


def log_batch(
    metrics: Iterable[Metric] = (), params: Mapping[str, Any] | None = None, tags: Mapping[str, Any] | None = None
) -> None:
    """Record metrics (as `mlops_nb.entities.Metric`), params and tags in one call.

    Examples
    --------
    >>> with start_run() as run: log_batch([Metric("a", 1.0, step=0), Metric("a", 2.0, step=1)], {"lr": 0.1})
    >>> run.data.metrics, run.data.params
    ({'a': 2.0}, {'lr': 0.1})
    """
    logged_run().log_batch(metrics, params, tags)


def log_param(key: str, value: Any) -> Any:
    """Record a param of the active run, with its type; returns `value`. Logged again it is amended, with its history.

    Examples
    --------
    >>> with start_run() as run: _ = log_param("lr", 0.1)
    >>> run.data.params
    {'lr': 0.1}
    """
    logged_run().log_params({key: value})
    return value


def log_params(params: Mapping[str, Any]) -> None:
    """Record several params.

    Examples
    --------
    >>> with start_run() as run: log_params({"lr": 0.1, "depth": 3})
    """
    logged_run().log_params(params)


def set_tag(key: str, value: Any) -> None:
    """Set a tag of the active run.

    Examples
    --------
    >>> with start_run() as run: set_tag("team", "risk")
    """
    logged_run().set_tags({key: value})


def set_tags(tags: Mapping[str, Any]) -> None:
    """Set several tags.

    Examples
    --------
    >>> with start_run() as run: set_tags({"team": "risk", "data": "2026-11"})
    """
    logged_run().set_tags(tags)


def delete_tag(key: str) -> None:
    """Take a tag of the active run away.

    Examples
    --------
    >>> with start_run(tags={"a": "b"}) as run: delete_tag("a")
    """
    logged_run().delete_tag(key)


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
    if experiment_name is None:
        raise InvalidInput("set_experiment needs a name.", hint="For instance: mlops_nb.set_experiment('churn')")
    _experiment = check_name("experiment", experiment_name)
    made = None if workspaces.is_disabled() else _find_or_make(experiment_name)
    return made or Experiment("", experiment_name)


@shielded
def _find_or_make(name: str) -> Experiment | None:
    space = workspaces.current()
    return in_a_moment(space, lambda: space.store.find_experiment(name) or space.store.create_experiment(name))


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


def logged_run() -> ActiveRun:
    """The run to log into; one is started when there is none, as MLflow does."""
    run = _resolve()
    if run is None:
        run = start_run()
        run.anonymous = True  # in a notebook it ends with the cell that it was started in
    return run


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


def _at_exit() -> None:
    global _exit_registered
    if not _exit_registered:
        _exit_registered = True
        atexit.register(_close_all)


def _close_all() -> None:
    """The process ends: runs that nobody ended have finished (MLflow's meaning), and what is left is delivered."""
    for run in reversed(active.open_runs()):
        run.finish(Status.FINISHED)
    space = workspaces.replace_current(None)
    if space is not None:
        space.close()
    active.remove_context()
