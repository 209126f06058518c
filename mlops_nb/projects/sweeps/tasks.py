"""What a worker does: one trial, from its contents to a run that is over. Only the task and the store are shared."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Status, now_ms
from mlops_nb.errors import InvalidInput, MlopsError, NotFound, StoreError
from mlops_nb.projects.events import Interruption, NotebookFailed
from mlops_nb.projects.sweeps.turns import CURRENT, Turn

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mlops_nb.projects.client import FollowedClient
    from mlops_nb.projects.rerun import Job
    from mlops_nb.workspace import Workspace

SWEEP_TAG, TRIAL_TAG, POINT_TAG = "mlops_nb.sweep", "mlops_nb.trial", "mlops_nb.point"
SEED_TAG, ATTEMPT_TAG, STATE_TAG = "mlops_nb.seed", "mlops_nb.attempt", "mlops_nb.trial_state"
STOP_TAG = "mlops_nb.stop"
"""On a trial or on its sweep: whoever executes it stops. The way that needs no more than the store."""

MOST_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Task:
    """A trial as it travels: notebook and values as content, and where the store is."""

    sweep_id: str
    run_id: str
    number: int
    point: int
    notebook: str
    path: str
    values: dict[str, Any]
    recorded: dict[str, Any]
    experiment: str
    store: str
    artifacts: str
    digest: str
    token: str = ""
    seed: int | None = None
    seed_cell: bool = False
    attempt: int = 1
    kernel: str | None = None
    timeout: int | None = None
    watch_seconds: float = 0.0
    local: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a task: `state` as of `Trial`; times are of the worker's own clock."""

    run_id: str
    state: str
    attempt: int
    seconds: float
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""
    worker: str = ""


_stops: dict[str, Interruption] = {}
_spaces: dict[tuple[str, str, str], Workspace] = {}
_opening = threading.Lock()


def request_stop() -> None:
    """Ask the trials that this process has under way to stop; asked again, their kernels are killed."""
    for stop in list(_stops.values()):
        stop.request()


def perform(task: Task) -> Answer:
    """Execute a trial as a run of its own, nested in the sweep's.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Answer
        Also for a notebook that failed. ``waiting`` if it was asked to stop before its turn came: there is no run then.

    Raises
    ------
    InvalidInput
        If the sweep is not in the store that this worker sees.

    Examples
    --------
    >>> perform(task)  # doctest: +SKIP
    """
    turn, stop = CURRENT.get() or Turn(), Interruption()
    with _place(task) as folder:
        space = _workspace(task, folder)
        _stops[task.run_id] = stop
        try:
            asked, task = task.run_id, _next_attempt(task, space)
            if task.attempt > MOST_ATTEMPTS:
                return Answer(task.run_id, "killed", task.attempt - 1, 0.0, error="its worker was lost twice")
            with _prepared(task, space, folder, turn) as (job, ahead):
                if not turn.take(stop):
                    return Answer(asked, "waiting", task.attempt, 0.0)
                job.options |= {"ahead": ahead, "after_cells": turn.give}
                with _watched(task, space, stop):
                    state, error = _execute(job, space, stop)
        finally:
            turn.give()
            del _stops[asked]
        metrics = _metrics(space, task.run_id)
    return Answer(task.run_id, state, task.attempt, turn.seconds, metrics, error, worker=_name())


def _name() -> str:
    import platform

    return f"{platform.node()}:{os.getpid()}"


@contextlib.contextmanager
def _place(task: Task) -> Iterator[Path]:
    """Where the kernel works: the notebook's folder, if it is there with the same notebook, else an empty one."""
    path = Path(task.path)
    with contextlib.suppress(OSError):
        if task.local or hashlib.sha256(path.read_bytes()).hexdigest() == task.digest:
            yield path.parent
            return
    with tempfile.TemporaryDirectory(prefix="mlops_nb-trial-", ignore_cleanup_errors=True) as made:
        (Path(made) / path.name).write_text(task.notebook, encoding="utf-8")
        yield Path(made)


def _workspace(task: Task, folder: Path) -> Workspace:
    """The sweep's store, opened once a process."""
    key = (task.store, task.artifacts, task.token)
    with _opening:
        if key not in _spaces:
            if task.token:
                os.environ[workspaces.ENV_TOKEN] = task.token
            start = folder if task.local else Path(tempfile.mkdtemp(prefix="mlops_nb-worker-"))
            _spaces[key] = workspaces.open_workspace(task.store, task.artifacts or None, start=start)
        space = _spaces[key]
    try:
        space.store.get_run(task.sweep_id)
    except NotFound:
        raise InvalidInput(
            f"A worker ({_name()}) does not see the sweep in the store {task.store}.",
            hint="Workers on other machines need a store that they reach: mlops-nb server, or PostgreSQL.",
        ) from None
    return space


def _next_attempt(task: Task, space: Workspace) -> Task:
    """A scheduler may hand the task of a lost worker to another one by itself: that is a run of its own."""
    while True:
        try:
            before = space.store.get_run(task.run_id)
        except NotFound:
            return task
        if before.end_time is None:
            close_killed(space, task.run_id)
        # The same id each time, so that a third worker finds the second one's.
        again = hashlib.sha256(f"{task.run_id}:again".encode()).hexdigest()
        task = replace(task, run_id=_follow(task.run_id, again), attempt=task.attempt + 1)


def _follow(run_id: str, digest: str) -> str:
    """An id in the shape of ours, later than `run_id`, that follows from it."""
    return f"{int(run_id[:12], 16) + 1:012x}7{digest[:3]}8{digest[3:18]}"


def close_killed(space: Workspace, run_id: str) -> Answer | None:
    """Say of a run whose process is gone that it was killed; what its journal holds is delivered before.

    Returns
    -------
    Answer or None
        What came of it, if the run had finished when its process went.
    """
    with contextlib.suppress(StoreError):
        space.recover()
    with contextlib.suppress(NotFound, StoreError):
        run = space.store.get_run(run_id)
        if run.end_time is None:
            space.store.update_run(run_id, status=Status.KILLED.value, end_time=max(now_ms(), run.start_time))
        elif run.status is Status.FINISHED:
            spent, attempt = (run.end_time - run.start_time) / 1000, int(run.tags.get(ATTEMPT_TAG, "1"))
            return Answer(run_id, "finished", attempt, spent, dict(run.metrics))
    return None


@contextlib.contextmanager
def _prepared(task: Task, space: Workspace, folder: Path, turn: Turn) -> Iterator[tuple[Job, FollowedClient | None]]:
    """What is to be executed, and its kernel, started before its turn where somebody else has it."""
    from mlops_nb.projects.client import start_ahead
    from mlops_nb.projects.execution import find_kernel
    from mlops_nb.projects.rerun import Job, kernel_environment
    from mlops_nb.projects.sweeps.warmth import WarmKernelManager, importable, use_modules

    notebook = _filled(task)
    use_modules(importable(cell.source for cell in notebook.cells if cell.cell_type == "code"))
    path = Path(task.path) if task.local else folder / Path(task.path).name
    tags = {SWEEP_TAG: task.sweep_id, TRIAL_TAG: str(task.number), POINT_TAG: str(task.point)}
    tags |= {ATTEMPT_TAG: str(task.attempt)} | ({} if task.seed is None else {SEED_TAG: str(task.seed)})
    job = Job(notebook, path, task.recorded, task.experiment, f"{path.stem} #{task.number}", tags, None, task.kernel)
    job.cwd, job.run_id, job.parent_run_id = folder, task.run_id, task.sweep_id
    job.with_page = False  # hundreds of them would be looked at by nobody
    options: dict[str, Any] = {"timeout": task.timeout, "kernel_manager_class": WarmKernelManager}
    job.options = dict(options)
    ahead = None
    if turn.is_shared:
        env = kernel_environment(space, task.run_id, task.experiment, path)
        with contextlib.suppress(MlopsError):  # then it is started when its turn has come, and says itself why not
            ahead = start_ahead(find_kernel(notebook, task.kernel)[0], folder, env, **options)
    try:
        yield job, ahead
    finally:
        if ahead is not None:
            ahead.discard()


def _execute(job: Job, space: Workspace, stop: Interruption) -> tuple[str, str]:
    from mlops_nb.projects.rerun import track_execution

    _, outcome = track_execution(job, space, interruption=stop)
    try:
        outcome.raise_for_failure(str(job.name))
    except NotebookFailed as failed:
        killed = failed.failure.status is Status.KILLED
        return ("killed" if killed else "failed"), failed.message
    return "finished", ""


def _filled(task: Task) -> NotebookNode:
    from mlops_nb.projects.execution import inject, read_notebook

    notebook = read_notebook(task.notebook, Path(task.path).name)
    if task.values:
        inject(notebook, task.values)
    if task.seed_cell and task.seed is not None:
        from nbformat import from_dict

        source = "# Seed\nfrom mlops_nb.capture.randomness.seeds import apply_seed as _seed\n"
        source += f"_seed({task.seed})\ndel _seed"
        cell = {"cell_type": "code", "id": "injected-seed", "source": source, "metadata": {"tags": ["injected-seed"]}}
        notebook.cells.insert(0, from_dict({**cell, "outputs": [], "execution_count": None}))
    return notebook


@contextlib.contextmanager
def _watched(task: Task, space: Workspace, stop: Interruption) -> Iterator[None]:
    """While open, ask the store now and then whether the trial or the whole sweep is to stop."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(task.watch_seconds):
            with contextlib.suppress(MlopsError):  # not there yet, or a store that is away for a moment
                for run_id in (task.sweep_id, task.run_id):
                    if STOP_TAG in space.store.get_run(run_id).tags:
                        stop.request()
                        return

    if task.watch_seconds <= 0:
        yield
        return
    thread = threading.Thread(target=watch, name="mlops_nb-trial-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _metrics(space: Workspace, run_id: str) -> dict[str, float]:
    with contextlib.suppress(MlopsError):
        return dict(space.store.get_run(run_id).metrics)
    return {}
