"""What a sweep is to do: read and checked before anything runs, kept with the sweep's run, and read back to go on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.entities import Run, Status
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.projects.declarations import closest
from mlops_nb.projects.parameters import Contract, contract, recordable
from mlops_nb.projects.sweeps.board import Trial
from mlops_nb.projects.sweeps.engines import check_engine
from mlops_nb.projects.sweeps.samplers import make_sampler
from mlops_nb.projects.sweeps.space import Space, read_space
from mlops_nb.projects.sweeps.tasks import ATTEMPT_TAG, POINT_TAG, SEED_TAG, STATE_TAG, SWEEP_TAG, TRIAL_TAG

if TYPE_CHECKING:
    from mlops_nb.workspace import Workspace

SEED_NAMES = ("seed", "random_seed", "random_state", "rng_seed")
"""Parameters of notebooks that a seed is given to."""

KIND_TAG = "mlops_nb.kind"
FACT = "sweep"
PAGE = 1000
LEARNING = ("tpe", "gp", "cmaes", "nsgaii")


@dataclass(frozen=True, slots=True)
class Plan:
    """All that was asked for. `source` is the notebook's text: what is executed, whatever becomes of the file."""

    path: str
    source: str
    space: Space
    stated: Contract
    sampler: str = "grid"
    trials: int | None = None
    sampler_seed: int = 0
    metric: str | None = None
    mode: str = "max"
    seeds: int = 1
    seed_name: str | None = None
    stop_early: bool = False
    engine: str = "local"
    workers: int | None = None
    experiment: str | None = None
    name: str = ""
    kernel: str | None = None
    timeout: int | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the notebook's text."""
        return hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def title(self) -> str:
        """What the sweep is called."""
        return self.name or f"sweep of {Path(self.path).stem}"

    def as_json(self) -> dict[str, Any]:
        """The plan as plain JSON, without the notebook itself, for `load_plan`."""
        names = ["path", "sampler", "trials", "sampler_seed", "metric", "mode", "seeds", "seed_name", "stop_early"]
        names += ["engine", "workers", "experiment", "name", "kernel", "timeout"]
        return {name: getattr(self, name) for name in names} | {"axes": self.space.as_json(), "digest": self.digest}

    def recorded(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The params of a trial's run: what it is given, and the known defaults."""
        return {name: recordable(value) for name, value in {**self.stated.defaults(), **values}.items()}


def make_plan(notebook: str | Path, params: Mapping[str, Any], **options: Any) -> Plan:
    """The plan of a sweep, all of it checked.

    Parameters
    ----------
    notebook : str or Path
        The notebook.
    params : mapping
        As for `read_space`.
    **options
        Fields of `Plan`; None stands for its default.

    Returns
    -------
    Plan

    Raises
    ------
    InvalidInput
        If anything does not fit; nothing has run then.

    Examples
    --------
    >>> make_plan("train.ipynb", {"lr": "0.01,0.1"}, metric="acc")  # doctest: +SKIP
    """
    from mlops_nb.projects.execution import find_kernel, load_notebook

    loaded = load_notebook(notebook)
    stated = contract(loaded, str(notebook))
    given = {name: value for name, value in options.items() if value is not None}
    find_kernel(loaded, given.get("kernel"))
    space = read_space(params, stated)
    plan = Plan(str(Path(notebook).absolute()), Path(notebook).read_text(encoding="utf-8"), space, stated)
    return checked(_with_mode(replace(plan, **given)))


def _with_mode(plan: Plan) -> Plan:
    if plan.mode not in ("max", "min"):
        raise InvalidInput(
            f"There is no mode {plan.mode!r}{closest(plan.mode, ('max', 'min'))}.", hint="Use --mode max or --mode min"
        )
    return plan


def checked(plan: Plan) -> Plan:
    """The plan, if it can be carried out; with the name of the parameter that takes the seeds.

    Raises
    ------
    InvalidInput
        If it cannot.
    """
    check_engine(plan.engine)
    if plan.workers is not None and plan.workers < 1:
        raise InvalidInput(f"{plan.workers} workers cannot work.", hint="Give --workers a number from 1 on.")
    if plan.sampler in LEARNING and not plan.metric:
        raise InvalidInput(f"The sampler {plan.sampler} learns from a metric.", hint="Name it with --metric NAME")
    if plan.stop_early and not plan.metric:
        raise InvalidInput("To stop trials early they have to be compared.", hint="Name the metric with --metric NAME")
    make_sampler(plan.sampler, plan.space, trials=plan.trials, seed=plan.sampler_seed)  # refuses what it cannot do
    if plan.seeds < 1:
        raise InvalidInput(f"{plan.seeds} seeds are none.", hint="Give --seeds a number from 1 on.")
    if plan.seeds == 1:
        return plan
    taken = [axis.name for axis in plan.space.axes if axis.name in SEED_NAMES]
    if taken:
        raise InvalidInput(
            f"Both -p {taken[0]} and --seeds say which seeds to take.", hint=f"Leave one out: {taken[0]} or --seeds"
        )
    return replace(plan, seed_name=next((name for name in SEED_NAMES if name in plan.stated.parameters), None))


def load_plan(space: Workspace, reference: str) -> tuple[Run, Plan]:
    """A sweep that there is, and its plan.

    Parameters
    ----------
    space : Workspace
        Where its runs are.
    reference : str
        The sweep's run: its id, a unique prefix, or its name.

    Returns
    -------
    (Run, Plan)

    Raises
    ------
    NotFound
        If there is no such sweep.
    InvalidInput
        If the run is not a sweep's; a trial's sweep is named.

    Examples
    --------
    >>> load_plan(workspaces.current(), "sweep of train")  # doctest: +SKIP
    """
    from mlops_nb.projects.execution import read_notebook
    from mlops_nb.tracking import find_run

    try:
        run = find_run(reference, space)
    except NotFound:
        raise NotFound(
            f"There is no sweep {reference!r}.",
            hint="List sweeps with: mlops-nb runs \"tags.`mlops_nb.kind` = 'sweep'\"",
        ) from None
    record = space.store.facts(run.run_id, [FACT]).get(FACT)
    if not record:
        of = run.tags.get(SWEEP_TAG)
        hint = f"It is a trial of: mlops-nb sweep --resume {of}" if of else "Name the run of a sweep."
        raise InvalidInput(f"The run {run.name!r} is not a sweep.", hint=hint)
    fields = dict(record)
    digest, axes = fields.pop("digest"), fields.pop("axes")
    path = Path(fields["path"])
    kept = [entry for entry in space.store.artifacts(run.run_id) if entry.path == path.name]
    if not kept or kept[0].digest.removeprefix("sha256:") != digest:
        raise InvalidInput(f"The notebook that was swept is not kept with {run.name!r}: it cannot go on.")
    source = space.artifacts.read(kept[0].digest).decode("utf-8", "surrogatepass")
    stated = contract(read_notebook(source, path.name), path.name)
    return run, Plan(source=source, space=Space.from_json(axes, stated), stated=stated, **fields)


def load_trials(space: Workspace, sweep_id: str, plan: Plan) -> dict[int, Trial]:
    """The trials that a sweep has had, each as its last run left it.

    Parameters
    ----------
    space : Workspace
        Where the runs are.
    sweep_id : str
        The sweep's run.
    plan : Plan
        What the sweep is.

    Returns
    -------
    dict of int to Trial
        By number.

    Examples
    --------
    >>> load_trials(workspaces.current(), run.run_id, plan)  # doctest: +SKIP
    """
    found: dict[int, Trial] = {}
    token: str | None = None
    while True:
        page = space.store.search_runs(None, f"parent_run_id = '{sweep_id}'", limit=PAGE, page_token=token)
        for run in page.items:
            trial = trial_of(run, plan)
            if trial is not None and trial.number in found:
                trial = max(found[trial.number], trial, key=lambda each: (each.state == "finished", each.attempt))
            if trial is not None:
                found[trial.number] = trial
        token = page.next_token
        if token is None:
            return dict(sorted(found.items()))


def trial_of(run: Run, plan: Plan) -> Trial | None:
    """A trial as its run tells it; None if the run is not one."""
    try:
        number, point = int(run.tags[TRIAL_TAG]), int(run.tags[POINT_TAG])
    except (KeyError, ValueError):
        return None
    values = {}
    for axis in plan.space.axes:
        value = run.params.get(axis.name)
        parameter = plan.stated.parameters.get(axis.name)
        values[axis.name] = value if parameter is None else _typed(parameter, value)
    seed = int(run.tags[SEED_TAG]) if SEED_TAG in run.tags else None
    states = {Status.FINISHED: "finished", Status.FAILED: "failed", Status.KILLED: "killed"}
    state = run.tags.get(STATE_TAG) or states.get(run.status, "running")
    seconds = None if run.end_time is None else (run.end_time - run.start_time) / 1000
    attempt = int(run.tags.get(ATTEMPT_TAG, "1"))
    return Trial(
        number, point, values, seed, state, attempt, run.run_id, run.start_time / 1000, seconds, dict(run.metrics)
    )


_PLAIN = {"int": int, "float": float, "bool": bool, "str": str}


def _typed(parameter: Any, value: Any) -> Any:
    if type(value) is _PLAIN.get(parameter.type.name):
        return value  # as nearly all are; there may be many thousands
    try:
        return parameter.convert(value)
    except ValueError:
        return value
