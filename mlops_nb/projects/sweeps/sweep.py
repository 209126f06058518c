"""A sweep from its plan to its end: trials go out to an engine, come back, are judged; it can be stopped and go on."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Status, new_id
from mlops_nb.errors import InvalidInput, MlopsError, NotFound, StoreError
from mlops_nb.projects.declarations import closest
from mlops_nb.projects.events import Interruption, on_signals
from mlops_nb.projects.sweeps.board import Board, Trial
from mlops_nb.projects.sweeps.engines import Engine, EngineLost, open_engine
from mlops_nb.projects.sweeps.importance import board_importance
from mlops_nb.projects.sweeps.plan import FACT, KIND_TAG, LEARNING, Plan, load_trials
from mlops_nb.projects.sweeps.samplers import Sampler, make_sampler
from mlops_nb.projects.sweeps.stopping import is_hopeless, to_curve
from mlops_nb.projects.sweeps.tasks import STATE_TAG, STOP_TAG, Answer, Task, close_killed
from mlops_nb.projects.sweeps.watching import Silent, Watcher
from mlops_nb.tracking import ActiveRun, active_run, start_run
from mlops_nb.tracking.files import keep_bytes

if TYPE_CHECKING:
    from mlops_nb.workspace import Workspace

RESULT_FACT = "sweep_importance"

TICK_SECONDS = 0.4
"""How often a sweep looks up when no trial ends."""

LOOK_SECONDS = 1.0
"""How often running trials are compared with others, and how often their workers ask whether to stop."""

ATTEMPTS = 2
LOST_SECONDS = 8.0
"""How long a cluster may not answer before it counts as gone."""

GRACE_SECONDS = 25.0
"""How long interrupted trials may take to end."""


def run_sweep(
    plan: Plan, *, resume: str | None = None, workspace: Workspace | None = None, watcher: Watcher | None = None
) -> Board:
    """Carry out a sweep, or go on with one.

    Parameters
    ----------
    plan : Plan
        What to do.
    resume : str, optional
        The id of the sweep's run, to go on with it: what finished is not repeated.
    workspace : Workspace, optional
        Where runs are kept; the current one by default.
    watcher : Watcher, optional
        Who follows it.

    Returns
    -------
    Board
        Its ``state`` is ``finished`` or ``interrupted``.

    Raises
    ------
    EngineLost
        If the cluster is gone; what finished is kept, and the sweep can go on.
    InvalidInput
        If no trial gives the metric.

    Examples
    --------
    >>> run_sweep(make_plan("train.ipynb", {"lr": "0.1,0.2"})).best().values  # doctest: +SKIP
    {'lr': 0.1}
    """
    space = workspace or workspaces.current()
    sampler = make_sampler(
        plan.sampler, plan.space, trials=plan.trials, seed=plan.sampler_seed, maximize=plan.mode == "max",
        workers=plan.workers or 2,
    )  # fmt: skip
    known = load_trials(space, resume, plan) if resume else {}
    if known and not missing(known, sampler, plan):
        board = _board(plan, sampler, known, resume or "")
        board.state = "finished"
        board.importance = space.store.facts(board.sweep_id, [RESULT_FACT]).get(RESULT_FACT) or board_importance(board)
        (watcher or Silent()).on_end(board)
        return board
    engine = open_engine(plan.engine, plan.workers)
    try:
        with _run_of(plan, space, resume) as run:
            drive = Drive(plan, space, run, sampler, engine, known, watcher or Silent())
            return drive.go()
    finally:
        engine.close()


def missing(known: dict[int, Trial], sampler: Sampler, plan: Plan) -> int:
    """How many trials are still to be executed."""
    over = sum(trial.state in ("finished", "failed", "stopped") for trial in known.values())
    return max(0, sampler.total * plan.seeds - over)


def _board(plan: Plan, sampler: Sampler, known: dict[int, Trial], sweep_id: str) -> Board:
    axes = [axis.name for axis in plan.space.varied]
    total = sampler.total * plan.seeds
    return Board(plan.title, axes, total, plan.metric, plan.mode == "max", plan.seeds, sweep_id=sweep_id, trials=known)


@contextlib.contextmanager
def _run_of(plan: Plan, space: Workspace, resume: str | None) -> Any:
    """The sweep's own run, open; ended by whoever drives it."""
    outer = active_run()
    with workspaces.using(space):
        if resume:
            run = start_run(run_id=resume, nested=True)
            run.delete_tag(STOP_TAG)
        else:
            run = start_run(
                run_name=plan.title, nested=True, experiment=plan.experiment, tags={KIND_TAG: "sweep"},
                parent_run_id=None if outer is None else outer.run_id,
            )  # fmt: skip
            run.log_params({axis.name: str(axis).partition("=")[2] for axis in plan.space.axes})
            keep_bytes(run, plan.source.encode("utf-8", "surrogatepass"), plan.path.rpartition("/")[2])
        run.fact(FACT, plan.as_json())
        space.flush()
        try:
            yield run
        except BaseException:
            run.finish(Status.KILLED)
            raise
        finally:
            run.finish(Status.FINISHED)
            space.flush()


class Drive:
    """One session of a sweep: what is out, what is still to go, what came back."""

    def __init__(
        self, plan: Plan, space: Workspace, run: ActiveRun, sampler: Sampler, engine: Engine, known: dict[int, Trial],
        watcher: Watcher,
    ) -> None:  # fmt: skip
        self.plan, self.space, self.run, self.sampler, self.engine, self.watcher = (
            plan, space, run, sampler, engine, watcher,
        )  # fmt: skip
        self.board = _board(plan, sampler, known, run.run_id)
        self.board.workers, self.board.engine = engine.workers, engine.name
        # A sampler that learns from each trial is not asked before it has to be.
        self._places = engine.workers + (0 if plan.sampler in LEARNING else engine.ahead)
        self._out: dict[Future[Answer], Trial] = {}
        self._again: deque[Trial] = deque()
        self._curves: dict[int, list[tuple[int, float]]] = {}
        self._told: set[int] = set()
        self._best = self.board.best()
        self._next_point = 0
        self._looked = self._alive = self._began = time.monotonic()
        self._worked = 0.0
        self._stop = Interruption()

    def go(self) -> Board:
        """Until all is over, or it is stopped."""
        self._restore()
        self.watcher.on_start(self.board)
        try:
            with on_signals(self._stop):
                self._loop()
            self._wind_up()
        except BaseException:
            self.board.state = "interrupted" if self._stop.requested else "failed"
            self._leave_running()
            raise
        finally:
            self.watcher.on_end(self.board)
        return self.board

    def _restore(self) -> None:
        """Take up what earlier sessions did: the sampler learns it, what did not finish goes first."""
        for trial in self.board.trials.values():
            if trial.state in ("running", "killed"):
                if trial.state == "running":
                    close_killed(self.space, trial.run_id)
                trial.state, trial.attempt, trial.run_id = "waiting", 0, ""
                self._again.append(trial)
        points = sorted({trial.point for trial in self.board.trials.values()})
        for index in points:
            values = next(trial.values for trial in self.board.trials.values() if trial.point == index)
            self.sampler.restore(index, values)
            self._next_point = index + 1
            self._again.extend(self._missing_seeds(index, values))
            self._tell(index)

    def _missing_seeds(self, index: int, values: dict[str, Any]) -> list[Trial]:
        made = []
        for seed in range(self.plan.seeds):
            number = index * self.plan.seeds + seed
            if number not in self.board.trials:
                trial = Trial(number, index, dict(values), seed if self.plan.seeds > 1 else None)
                self.board.trials[number] = trial
                made.append(trial)
        return made

    def _next(self) -> Trial | None:
        if not self._again and self._next_point < self.sampler.total:
            index = self._next_point
            self._next_point += 1
            self._again.extend(self._missing_seeds(index, self.sampler.point(index)))
        return self._again.popleft() if self._again else None

    def _submit(self) -> None:
        while len(self._out) < self._places and (trial := self._next()) is not None:
            trial.attempt += 1
            trial.state, trial.run_id = "waiting", new_id()
            try:
                self._out[self.engine.submit(self._task(trial))] = trial
            except Exception as error:  # a client whose cluster is gone refuses, each in its own way
                self._again.appendleft(trial)
                if self.engine.local:
                    raise
                raise self._lost() from error
            self._see_begun()

    def _see_begun(self) -> None:
        """Trials whose turn has come run; the others that are out only get ready."""
        for future, trial in list(self._out.items()):
            if trial.state == "waiting" and self.engine.has_begun(future):
                trial.state, trial.started = "running", time.time()
                self.watcher.on_change(self.board, trial)

    def _task(self, trial: Trial) -> Task:
        plan, values = self.plan, dict(trial.values)
        if plan.seed_name is not None and trial.seed is not None:
            values[plan.seed_name] = trial.seed
        space = self.space
        watched = plan.stop_early or not self.engine.local
        return Task(
            sweep_id=self.run.run_id, run_id=trial.run_id, number=trial.number, point=trial.point,
            notebook=plan.source, path=plan.path, digest=plan.digest, values=values, recorded=plan.recorded(values),
            experiment=self.run.experiment, store=str(space.root) if space.is_embedded else space.store_url,
            artifacts=space.artifacts_url, token=workspaces.server_token() if space.is_served else "",
            seed=trial.seed, seed_cell=plan.seed_name is None, attempt=trial.attempt, kernel=plan.kernel,
            timeout=plan.timeout, watch_seconds=LOOK_SECONDS if watched else 0.0, local=self.engine.local,
        )  # fmt: skip

    def _loop(self) -> None:
        while not self._stop.requested:
            self._submit()
            if not self._out:
                return
            done, _ = wait(self._out, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            self._see_begun()
            for future in done:
                self._take(self._out.pop(future), future)
            if not done:
                self.watcher.on_change(self.board, None)
            self._look()
        self._interrupt()

    def _take(self, trial: Trial, future: Future[Answer]) -> None:
        try:
            answer = future.result()
        except CancelledError:
            self._retry(trial, "its worker was lost")
            raise self._lost() from None
        except Exception as error:
            if type(error).__name__ in self.engine.lost:
                trial.attempt -= trial.state == "waiting"  # it had not begun
                found = close_killed(self.space, trial.run_id)
                if found is None:
                    self._retry(trial, str(error).partition("\n")[0])
                    return
                answer = found  # its run was over
            elif not self.engine.alive():
                self._retry(trial, "its worker was lost")
                raise self._lost() from error
            else:
                raise
        self._worked += answer.seconds
        trial.run_id, trial.seconds, trial.metrics = answer.run_id, answer.seconds, answer.metrics
        trial.attempt, trial.error, trial.worker = max(trial.attempt, answer.attempt), answer.error, answer.worker
        if answer.state == "waiting":  # it was asked to stop before its turn came
            trial.state, trial.run_id, trial.seconds, trial.attempt = "waiting", "", None, trial.attempt - 1
            self._again.append(trial)
        elif answer.state == "killed" and trial.state != "stopped":
            self._retry(trial, answer.error)
        else:
            if answer.state == "killed":
                self._tag(trial, "stopped")
            else:
                trial.state = answer.state
            self._ended(trial)

    def _retry(self, trial: Trial, reason: str) -> None:
        """The trial was lost for a reason outside of it: once more, once."""
        trial.error = reason
        if trial.attempt < ATTEMPTS or self._stop.requested:
            trial.state = "killed" if self._stop.requested else "waiting"
            self._again.append(trial)
            self.watcher.on_change(self.board, trial)
        else:
            trial.state = "killed"
            self._ended(trial)

    def _ended(self, trial: Trial) -> None:
        self._check_metric(trial)
        self._tell(trial.point)
        point = self.board.point_of(trial.point)
        if self.board.is_better(point, self._best):
            self._best = point
            assert self.board.metric is not None and point.mean is not None  # else it is not better
            self.run.log_metric(self.board.metric, point.mean, step=self.board.done)
        self.watcher.on_change(self.board, trial)

    def _check_metric(self, trial: Trial) -> None:
        """A sweep for a metric that the notebook does not give is stopped at once."""
        metric = self.board.metric
        if metric is None or trial.state != "finished" or metric in trial.metrics:
            return
        if any(metric in other.metrics for other in self.board.trials.values()):
            return
        given = ", ".join(sorted(trial.metrics)[:8]) or "none"
        self._stop_running()
        nested = self.space.store.search_runs(None, f"parent_run_id = '{trial.run_id}'", limit=100).items
        if any(metric in run.metrics for run in nested):
            raise InvalidInput(
                f"Several cells of the notebook give {metric!r}, so it does not tell trials apart.",
                hint=f"Give them different names, or judge by another one ({given}): "
                f"mlops-nb sweep --resume {self.run.run_id} --metric NAME",
            )
        raise InvalidInput(
            f"The notebook gives no metric {metric!r}{closest(metric, trial.metrics)}; it gives: {given}.",
            hint=f"Go on with another: mlops-nb sweep --resume {self.run.run_id} --metric NAME",
        )

    def _tell(self, index: int) -> None:
        point = self.board.point_of(index)
        if index not in self._told and point.complete and len(point.trials) == self.plan.seeds:
            self._told.add(index)
            self.sampler.tell(index, point.mean)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if self.engine.alive():
            self._alive = now
        elif now - self._alive > LOST_SECONDS:
            raise self._lost()
        if self.plan.stop_early:
            with contextlib.suppress(StoreError):
                self._stop_hopeless()

    def _stop_hopeless(self) -> None:
        finished = {}
        for number, trial in self.board.trials.items():
            if trial.state == "finished":
                if number not in self._curves:
                    self._curves[number] = self._curve(trial)
                finished[number] = self._curves[number]
        for trial in list(self._out.values()):
            if trial.state != "running":
                continue
            with contextlib.suppress(NotFound):  # it has not begun yet
                if is_hopeless(self._curve(trial), finished, maximize=self.board.maximize):
                    self.space.store.update_run(trial.run_id, tags={STOP_TAG: "others were better at this step"})
                    trial.state = "stopped"

    def _curve(self, trial: Trial) -> list[tuple[int, float]]:
        """What a trial reported of the metric: in its own run, or in one of its cells'."""
        assert self.board.metric is not None
        store = self.space.store
        points = store.history(trial.run_id, self.board.metric)
        if len(points) < 2:
            nested = store.search_runs(None, f"parent_run_id = '{trial.run_id}'", limit=50).items
            for run in nested:
                found = store.history(run.run_id, self.board.metric)
                points = found if len(found) > len(points) else points
        return to_curve(points.steps, points.values)

    def _stop_running(self) -> None:
        """Ask what is out to stop, on all ways that there are."""
        for future in list(self._out):
            if future.cancel():
                trial = self._out.pop(future)
                trial.state = "waiting"
        if not self._out:
            return
        self.engine.stop()
        if not self.engine.local:
            self.run.set_tags({STOP_TAG: "interrupted"})
            self.space.flush()

    def _interrupt(self) -> None:
        """Ctrl-C: what runs is stopped, and waited for, so that no kernel is left behind."""
        self._stop_running()
        deadline = time.monotonic() + GRACE_SECONDS
        insisted = False
        while self._out and time.monotonic() < deadline:
            done, _ = wait(self._out, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                trial = self._out.pop(future)
                with contextlib.suppress(Exception):
                    self._take(trial, future)
            if not insisted and time.monotonic() > deadline - GRACE_SECONDS / 2:
                insisted = True
                self.engine.stop()
        self._leave_running()

    def _leave_running(self) -> None:
        for trial in self._out.values():
            if trial.state != "waiting":
                trial.state = "killed"
                close_killed(self.space, trial.run_id)
        self._out.clear()

    def _lost(self) -> EngineLost:
        board = self.board
        return EngineLost(
            f"The cluster {self.engine.name} is gone; {board.done} of {board.total} trials are over.",
            hint=f"When it is back, go on with: mlops-nb sweep --resume {self.run.run_id}",
        )

    def _tag(self, trial: Trial, state: str) -> None:
        with contextlib.suppress(MlopsError):
            self.space.store.update_run(trial.run_id, tags={STATE_TAG: state})

    def _wind_up(self) -> None:
        board = self.board
        interrupted = self._stop.requested and missing(board.trials, self.sampler, self.plan) > 0
        board.state = "interrupted" if interrupted else "finished"
        if interrupted:
            board.note = f"interrupted; go on with: mlops-nb sweep --resume {self.run.run_id}"
        spent = time.monotonic() - self._began
        if self._worked and spent > 0:
            board.busy = min(1.0, self._worked / (spent * self.engine.workers))
        best = board.best()
        if best is not None:
            self.run.set_tags({"mlops_nb.best_run": best.trials[0].run_id})
        if interrupted:
            self.run.finish(Status.KILLED)
        else:
            board.importance = board_importance(board)
            self.run.fact(RESULT_FACT, board.importance)
