"""Retraining tells its story: what made the champion is executed again, and the result has to beat it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import ModelVersion, Run
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.monitoring.keeping import RETRAINED_BY, RETRAINING_OF
from mlops_nb.monitoring.labelled import LOG, labelled_rows, split, write_training
from mlops_nb.monitoring.reference import read_table
from mlops_nb.registry import PromotionRefused, evaluate, promote, register_model, resolve, try_gates
from mlops_nb.registry.checking import Candidate, Checked, Execute
from mlops_nb.registry.governed import sign, uri_of
from mlops_nb.registry.history import DRIFT_RUN, MONITORS, RETRAINS
from mlops_nb.registry.names import ModelUri, check_alias, check_model_name
from mlops_nb.registry.resolving import MLMODEL, find_version
from mlops_nb.serving.log import log_folder
from mlops_nb.workspace import Workspace

Again = Callable[[Run, dict[str, Any], dict[str, str]], Run]
"""Executes what made a run again: the run, the parameters that change, tags of the new run; gives the new run."""

TRUTH = "truth"
"""What the truth is called where its name does not matter."""

_FIRST = {"classifier": ("accuracy_score", "max"), "regressor": ("mean_absolute_error", "min")}
"""The metric that decides where no gate is set."""


@dataclass(slots=True)
class Retraining:
    """What came of a retraining.

    Attributes
    ----------
    name : str
        The registered model.
    champion, challenger : int
        Versions.
    run_id : str
        The run that made the challenger.
    drift_run : str
        The report that it answers to; empty if there is none.
    holdout : dict
        ``source, rows, target, digest`` of what both were measured on; empty if there was nothing.
    metrics : dict
        ``champion`` and ``challenger``: metric to value.
    difference : dict
        How much better the challenger is: ``mean, low, high`` (95 % interval).
    checks : list of Checked
        The gates of the champion's alias; where there are none, that the challenger is better.
    passed : bool
    promoted : bool
    reason : str
        In one sentence.
    """

    name: str
    champion: int
    challenger: int
    run_id: str
    drift_run: str = ""
    holdout: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    difference: dict[str, float] = field(default_factory=dict)
    checks: list[Checked] = field(default_factory=list)
    passed: bool = False
    promoted: bool = False
    reason: str = ""

    @property
    def status(self) -> int:
        """The exit status: 0 the challenger passes, 1 it does not."""
        return 0 if self.passed else 1

    def to_json(self) -> dict[str, Any]:
        """Plain JSON.

        Examples
        --------
        >>> Retraining("churn", 1, 2, "r").to_json()["challenger"]
        2
        """
        return {**asdict(self), "checks": [each.as_json() for each in self.checks]}


def retrain(
    name: str,
    params: Mapping[str, Any] | None = None,
    *,
    again: Again,
    promote_it: bool = False,
    alias: str = "challenger",
    champion: str = "champion",
    holdout: str | None = None,
    target: str | None = None,
    drift_run: str | None = None,
    execute: Execute | None = None,
    space: Workspace | None = None,
) -> Retraining:
    """Execute what made the champion again, and measure what comes out beside it.

    Parameters
    ----------
    name : str
        The registered model.
    params : mapping, optional
        Parameters that change; the value ``@log`` becomes a file of the service's answers whose truth is known (without
        the newest quarter, on which both models are measured then).
    again : callable
        Executes a run's notebook or slice again.
    promote_it : bool, default False
        Give the challenger the champion's alias if the gates pass.
    alias : str
        What the new version is called in any case.
    champion : str
        The alias of the version that is to be beaten.
    holdout : str, optional
        A file with the truth in it, or ``@log``; by default the log, if it has enough.
    target : str, optional
        The column of the truth; by default the one that is no input of the model.
    drift_run : str, optional
        The report that it answers to; by default the newest of the champion.
    execute : callable, optional
        Executes the notebooks that gates ask for.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    Retraining

    Raises
    ------
    NotFound
        If there is no such model or champion.
    InvalidInput
        If a parameter or the held-out data does not fit; nothing has run then.
    InvalidState
        If nothing is known that could be executed again, or it made no model.

    Examples
    --------
    >>> retrain("nothing", again=lambda run, params, tags: run)
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: There is no registered model 'nothing'. List them with: mlops-nb models
    """
    space = space or workspaces.current()
    space.flush()
    best = find_version(ModelUri(f"models:/{name}@{champion}", "alias", check_model_name(name), champion), space)
    check_alias(alias)
    if best.run_id is None:
        raise InvalidState(
            f"No run is known that made version {best.version} of {name!r}.", hint="Register one that a run logged."
        )
    run = space.store.get_run(best.run_id)
    held = _hold_out(best, holdout, target, space)
    values = _fill_in(dict(params or {}), run, best, held, target, space)
    answered = drift_run if drift_run is not None else newest_drift(best, space)
    made = again(run, values, {RETRAINING_OF: uri_of(best)})
    space.flush()
    fresh = _register(made, best, space)
    found = Retraining(name, best.version, fresh.version, fresh.run_id or made.run_id, answered or "")
    _link(found, best, space)
    try:
        words = f"retrained from version {best.version}"
        promote(name, fresh.version, alias, comment=words, execute=execute, space=space)
    except PromotionRefused as refused:
        found.checks += refused.checks
    task = _measure(found, best, fresh, held, space)
    _decide(found, fresh, champion, task, execute, space)
    if found.passed and promote_it:
        promote(name, fresh.version, champion, comment=f"retrained: {found.reason}"[:500], execute=execute, space=space)
        found.promoted = True
    return found


@dataclass(slots=True)
class HeldOut:
    """What both models are measured on: a frame with the truth in the column `target`; and older rows to train with."""

    frame: Any
    target: str
    source: str
    older: Any = None


def _hold_out(best: ModelVersion, holdout: str | None, target: str | None, space: Workspace) -> HeldOut | None:
    inputs = model_inputs(best, space)
    if holdout is not None and holdout != LOG:
        frame = read_table(holdout)
        column = target or _other_column(list(frame.columns), inputs, holdout)
        if column not in frame.columns:
            raise InvalidInput(f"The held-out data {holdout} has no column {column!r}.", hint="Name it with --target.")
        absent = [each for each in inputs if each not in frame.columns]
        if absent:
            raise InvalidInput(f"The held-out data {holdout} lacks the model's column {absent[0]!r}.")
        return HeldOut(frame[[*(inputs or [c for c in frame.columns if c != column]), column]], column, holdout)
    column = target or _target_in_training(best, inputs, space) or TRUTH
    try:
        older, newest = split(labelled_rows(log_folder(best.name, space.root), column))
    except InvalidState:
        if holdout == LOG:
            raise
        return None
    return HeldOut(newest, column, "the newest answers whose truth is known", older)


def model_inputs(version: ModelVersion, space: Workspace) -> list[str]:
    """The names of a model's inputs, as its run recorded them; empty if they have none."""
    if version.run_id is None:
        return []
    fact = space.store.facts(version.run_id, [f"model:{version.path}"]).get(f"model:{version.path}") or {}
    inputs = (fact.get("signature") or {}).get("inputs") or []
    return [str(each["name"]) for each in inputs if isinstance(each, dict) and each.get("name")]


def _other_column(columns: list[str], inputs: list[str], file: str) -> str:
    left = [each for each in columns if each not in inputs] if inputs else []
    if len(left) != 1:
        raise InvalidInput(f"Which column of {file} is the truth is not clear.", hint="Name it with --target COLUMN.")
    return left[0]


def _target_in_training(version: ModelVersion, inputs: list[str], space: Workspace) -> str:
    """What the truth was called in the data that the run read: the one column that is no input; empty if not clear."""
    run_id = version.run_id
    while run_id is not None and inputs:
        for ref in space.store.data(run_id):
            names = [str(each["name"]) for each in ref.profile.get("columns") or ()]
            left = [name for name in names if name not in inputs]
            if set(inputs) <= set(names) and len(left) == 1:
                return left[0]
        run_id = space.store.get_run(run_id).parent_run_id
    return ""


def _fill_in(
    values: dict[str, Any], run: Run, best: ModelVersion, held: HeldOut | None, target: str | None, space: Workspace
) -> dict[str, Any]:
    """``@log`` becomes the file of what the service learned."""
    for name, value in values.items():
        if value != LOG:
            continue
        column = target or _target_in_training(best, model_inputs(best, space), space)
        if not column:
            raise InvalidInput(
                f"What the truth is called in the training data of {best.name!r} is not clear.",
                hint="Name it with --target COLUMN.",
            )
        frame = held.older if held is not None else None
        if frame is None:
            frame = labelled_rows(log_folder(best.name, space.root), column)
        folder = space.make_folder(space.root / "retraining" / best.name)
        values[name] = str(write_training(frame, folder, run.params.get(name, "")))
    return values


def newest_drift(version: ModelVersion, space: Workspace) -> str:
    """The newest report of a version that found drift; empty if there is none."""
    wanted = f"tags.`{MONITORS}` = '{uri_of(version)}' AND tags.`mlops_nb.drift` = 'drift'"
    found: list[Run] = space.store.search_runs(None, wanted, limit=1).items
    return found[0].run_id if found else ""


def _register(made: Run, best: ModelVersion, space: Workspace) -> ModelVersion:
    """The version that came out: the one that the execution registered itself, else its model, registered now."""
    store = space.store
    runs = [made, *store.search_runs(None, f"parent_run_id = '{made.run_id}'", limit=1000).items]
    for run in runs:
        versions: list[ModelVersion] = store.search_versions(f"run_id = '{run.run_id}'").items
        own = [version for version in versions if version.name == best.name]
        if own:
            return max(own, key=lambda version: version.version)
    for run in runs:
        if any(entry.path == f"{best.path}/{MLMODEL}" for entry in store.artifacts(run.run_id)):
            words = f"retrained from version {best.version}"
            return register_model(f"runs:/{run.run_id}/{best.path}", best.name, comment=words, space=space)
    raise InvalidState(
        f"The run {made.run_id} made no model {best.path!r}, as version {best.version} of {best.name!r} is one.",
        hint=f"See it with: mlops-nb show {made.run_id}",
    )


def _link(found: Retraining, best: ModelVersion, space: Workspace) -> None:
    """The loop in tags and in the audit: version, report of drift, retraining, version."""
    store = space.store
    store.update_run(found.run_id, tags={RETRAINS: uri_of(best), DRIFT_RUN: found.drift_run})
    if found.drift_run:
        try:
            store.update_run(found.drift_run, tags={RETRAINED_BY: found.run_id})
        except NotFound:
            found.drift_run = ""
    store.note_change(
        found.name, "retrain", version=best.version, subject=found.drift_run, new=str(found.challenger),
        by=sign(f"run {found.run_id}"),
    )  # fmt: skip


def _measure(
    found: Retraining, best: ModelVersion, fresh: ModelVersion, held: HeldOut | None, space: Workspace
) -> str | None:
    """Both on the same rows; gives the kind of task."""
    if held is None:
        return None
    theirs = evaluate(uri_of(best), held.frame, held.target, name=f"holdout {best.name}/{best.version}", space=space)
    ours = evaluate(
        uri_of(fresh), held.frame, held.target, name=f"holdout {fresh.name}/{fresh.version}", compare_to=uri_of(best),
        kind=theirs.kind, space=space,
    )  # fmt: skip
    found.metrics = {"champion": theirs.metrics, "challenger": ours.metrics}
    found.difference = dict((ours.comparison or {}).get("difference") or {})
    found.holdout = {
        "source": held.source, "rows": len(held.frame), "target": held.target, "digest": ours.data_digest,
    }  # fmt: skip
    return theirs.kind


def _decide(
    found: Retraining, fresh: ModelVersion, champion: str, task: str | None, execute: Execute | None, space: Workspace
) -> None:
    place = f"@{champion}"
    checks = try_gates(fresh, [place], execute=execute, space=space).get(place, [])
    if not checks and task is not None:
        metric, mode = _FIRST[task]
        candidate = Candidate(fresh, place, workspaces.user_name(), space)
        checks = candidate.try_all([{"check": "better", "metric": metric, "mode": mode}])
    found.checks += checks
    found.passed = bool(checks) and all(each.passed for each in found.checks)
    failed = [each.text for each in found.checks if not each.passed]
    if failed:
        found.reason = "; ".join(failed)
    elif found.passed:
        found.reason = "; ".join(each.text for each in found.checks)
    else:
        found.reason = (
            "there is no held-out data and no gate, so nothing says that it is better; "
            f"name rows with the truth by --holdout FILE, or promote {found.name}/{found.challenger} yourself"
        )


def resolved_name(model_uri: str, space: Workspace) -> str:
    """The registered name that a URI means.

    Raises
    ------
    InvalidInput
        If the model is not registered.
    """
    found = resolve(model_uri, space)
    if found.name is None:
        raise InvalidInput(f"{model_uri!r} is no registered model.", hint="Retraining needs one: models:/NAME@champion")
    return found.name
