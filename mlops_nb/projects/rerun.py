"""Notebooks as runs: `run_notebook` tells the whole story from a path to a run that is over."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Run, Status
from mlops_nb.errors import NotFound, StoreError
from mlops_nb.projects.events import Failure, Interruption, Listener, NotebookFailed, Told
from mlops_nb.projects.execution import (
    Outcome,
    check_output,
    execute,
    find_kernel,
    inject,
    injected_values,
    load_notebook,
)
from mlops_nb.projects.parameters import Contract, contract, recordable
from mlops_nb.projects.recording import Recorder, lifted_metrics
from mlops_nb.projects.sighting import Sighting, cell_digests
from mlops_nb.tracking import ActiveRun, active, active_run, describe_error
from mlops_nb.tracking.faults import say
from mlops_nb.tracking.fluent import begin, current_experiment
from mlops_nb.tracking.starts import new_start

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mlops_nb.workspace import Workspace

__all__ = ["Job", "kernel_environment", "run_notebook", "track_execution"]


@dataclass(slots=True)
class Job:
    """What is to be executed as a run, with its parameters already in place.

    `params` are what the run records: what was given and the known defaults. `output` is where the user wants the
    executed notebook; the run keeps one in any case, and its page unless `with_page` is off. `run_id` and
    `parent_run_id` are for who has to know the run before it begins, such as a sweep.
    """

    notebook: NotebookNode
    path: Path
    params: dict[str, Any] = field(default_factory=dict)
    experiment: str | None = None
    name: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    output: str | None = None
    kernel: str | None = None
    cwd: Path | None = None
    stage: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    parent_run_id: str | None = None
    with_page: bool = True


def run_notebook(
    path: str | Path,
    *,
    params: Mapping[str, Any] | None = None,
    experiment: str | None = None,
    name: str | None = None,
    tags: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    kernel: str | None = None,
    timeout: int | None = None,
    stage: str | None = None,
    environment: Mapping[str, str] | None = None,
    workspace: Workspace | None = None,
    listener: Listener | None = None,
    interruption: Interruption | None = None,
) -> Run:
    """Execute a notebook as a run of its own, in which the runs of its tracked cells are nested.

    The run keeps the executed notebook and its page (``<name>.ipynb``, ``<name>.html``), its params with their types,
    live output, environment and git state, and the metrics of its tracked cells that can stand for the notebook (see
    `lifted_metrics`). A notebook that knows nothing of mlops_nb works too.

    Parameters
    ----------
    path : str or Path
        The notebook. It is not changed; its kernel works in its folder.
    params : mapping, optional
        Values for its parameters, checked against its contract before anything runs.
    experiment : str, optional
        By default as for any run.
    name : str, optional
        The run's name; the notebook's by default.
    tags : mapping, optional
        Tags of the run.
    output : str or Path, optional
        Where the executed notebook is saved as well, while it goes on and at the end.
    kernel : str, optional
        Name of the kernel; the notebook's own by default.
    timeout : int, optional
        Seconds that a cell may take.
    stage : str, optional
        The stage of the life of a model that it is: ``prepare``, ``train``, ...
    environment : mapping, optional
        More variables for the kernel's process.
    workspace : Workspace, optional
        Where the run is kept; the current one by default.
    listener : Listener, optional
        Who follows it.
    interruption : Interruption, optional
        By which another thread may stop it; in the main thread Ctrl-C and SIGTERM do.

    Returns
    -------
    Run
        As it is in the store when all is over.

    Raises
    ------
    InvalidInput
        If the notebook, a parameter, the kernel or the output does not fit; nothing has run then.
    NotebookFailed
        If a cell failed (`NotebookInterrupted`: if it was asked to stop). All is kept before; `run_id` names the run.

    Examples
    --------
    >>> run_notebook("train.ipynb", params={"lr": 0.1}).status  # doctest: +SKIP
    <Status.FINISHED: 'FINISHED'>
    """
    shown, where = str(path), Path(path).absolute()
    notebook = load_notebook(path)
    stated = contract(notebook, shown)
    values = stated.check(params or _earlier(notebook, stated))
    target = None if output is None else str(check_output(output))
    find_kernel(notebook, kernel)
    if values:
        inject(notebook, values)
    recorded = {key: recordable(value) for key, value in {**stated.defaults(), **values}.items()}
    job = Job(notebook, where, recorded, experiment, name, {k: str(v) for k, v in (tags or {}).items()}, target, kernel)
    job.cwd, job.stage, job.environment = where.parent, stage, dict(environment or {})
    job.options = {"timeout": timeout}
    space = workspace or workspaces.current()
    run_id, outcome = track_execution(job, space, listener=listener, interruption=interruption)
    try:
        outcome.raise_for_failure(shown)
    except NotebookFailed as failed:
        failed.run_id = run_id
        failed.hint = f"See it with: mlops-nb show {run_id}"
        raise
    if target is not None and outcome.unsaved:
        raise StoreError(outcome.unsaved, hint="It ran; make room, or choose another place with -o.")
    try:
        return space.store.get_run(run_id)
    except NotFound:
        hint = "It ran to its end. Make the store writable, or choose another place with MLOPS_NB_STORE."
        raise StoreError(f"The run of {shown} could not be kept in {space.root}.", hint=hint) from None


def _earlier(notebook: NotebookNode, stated: Contract) -> dict[str, Any]:
    """An executed notebook is executed as it was, as papermill does, unless it is given other values."""
    return {name: value for name, value in injected_values(notebook).items() if name in stated.parameters}


def track_execution(
    job: Job, space: Workspace, *, listener: Listener | None = None, interruption: Interruption | None = None
) -> tuple[str, Outcome]:
    """Execute a job as a run; the run is over and delivered when this returns or raises.

    Parameters
    ----------
    job : Job
        What to execute.
    space : Workspace
        Where the run is kept.
    listener : Listener, optional
        Who follows it.
    interruption : Interruption, optional
        By which it may be stopped.

    Returns
    -------
    (str, Outcome)
        The run's id, and how the execution ended; a failed cell is not raised here.

    Examples
    --------
    >>> track_execution(Job(load_notebook("a.ipynb"), Path("a.ipynb")), workspaces.current())  # doctest: +SKIP
    """
    run = _begin(job, space)
    run.log_params(job.params)
    recorder = Recorder(run, job.path.parent, with_page=job.with_page)
    partial = _partial_path(space, run)
    sighting = Sighting(space, job.path, cell_digests(job.notebook))

    def keep(failure: Failure | None) -> None:
        recorder.keep(job.notebook, job.path.stem, failure)
        sighting.record(run)

    try:
        outcome = execute(
            job.notebook,
            job.output or partial,
            kernel=job.kernel,
            cwd=job.cwd,
            env=kernel_environment(space, run.run_id, run.experiment, job.path) | job.environment,
            listener=Told(recorder, listener),
            interruption=interruption,
            meanwhile=recorder.warm_up,
            at_end=keep,
            aside=(sighting.opening, sighting.closing),
            **job.options,
        )
        for note in outcome.notes:
            run.log_line("stderr", f"mlops_nb: {note}\n")
        _finish(run, outcome.status)
    except BaseException as error:
        run.fact("error", describe_error(error))
        _finish(run, Status.KILLED if isinstance(error, KeyboardInterrupt) else Status.FAILED)
        raise
    finally:
        sighting.close()
        if partial is not None:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
    return run.run_id, outcome


def _begin(job: Job, space: Workspace) -> ActiveRun:
    outer = active_run() if job.parent_run_id is None else None  # the parent process's too: a cell's `!mlops-nb run`
    shown = _shown(space, job.path)
    start = new_start(
        job.name or job.path.stem,
        job.experiment or (outer.experiment if outer is not None else current_experiment()),
        workspaces.user_name(),
        parent_run_id=job.parent_run_id or (outer.run_id if outer is not None else workspaces.parent_run()),
        notebook=shown,
        line=hashlib.sha256(f"notebook:{shown}".encode("utf-8", "surrogatepass")).hexdigest()[:32],
        stage=job.stage,
        source_type="PROJECT",
    )
    if job.run_id is not None:
        start = replace(start, run_id=job.run_id)
    return begin(space, start, outer=active.current_run(), tags=job.tags)


def _shown(space: Workspace, path: Path) -> str:
    """The notebook's path as its kernel will record it: relative to the project that the notebook is in."""
    with contextlib.suppress(StoreError):  # `begin` says so
        space.make_folder(space.root)  # a store made beside the notebook or above it marks the project
    project, path = workspaces.project_root(path.parent), path.resolve()
    return path.relative_to(project).as_posix()


def _partial_path(space: Workspace, run: ActiveRun) -> Path | None:
    """Where the notebook is saved while it goes on: after a power cut it is what is left. None if that cannot be."""
    try:
        return space.make_folder(space.root / "executing") / f"{run.run_id}.ipynb"
    except StoreError as error:
        say(error, about=run.run_id)
        return None


def kernel_environment(space: Workspace, run_id: str, experiment: str, path: Path) -> dict[str, str]:
    """What the kernel has to know so that its tracked cells are nested in the run, in the same store.

    Examples
    --------
    >>> sorted(kernel_environment(workspaces.current(), "1", "e", Path("nb.ipynb")))[-1]
    'MLOPS_NB_STORE'
    """
    return {
        workspaces.ENV_STORE: str(space.root) if space.is_embedded else space.store_url,
        workspaces.ENV_ARTIFACTS: space.artifacts_url,
        workspaces.ENV_EXPERIMENT: experiment,
        workspaces.ENV_PARENT_RUN: run_id,
        workspaces.ENV_NOTEBOOK: str(path),
    }


def _finish(run: ActiveRun, status: Status) -> None:
    """End the run with what its cells found; what the kernel left is delivered first, also when it was killed."""
    space = run.workspace
    try:
        space.flush()
        space.recover()
        with contextlib.suppress(NotFound):  # the store could not be written: said already
            run.log_metrics(lifted_metrics(space, run.run_id))
    except StoreError as error:
        say(error, about=run.run_id)
    finally:
        run.finish(status)
        space.flush()
