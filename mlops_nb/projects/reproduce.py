"""The verdict: a result's slice is executed again, and what it gives is compared with what was recorded."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.comparison import Judgement, RunView, Tolerance, judge
from mlops_nb.entities import Run, new_id
from mlops_nb.errors import InvalidInput
from mlops_nb.projects.aside import products_aside
from mlops_nb.projects.causes import changed_code, changed_data, changed_packages, changed_randomness
from mlops_nb.projects.events import Interruption, Listener
from mlops_nb.projects.execution import Outcome, execute
from mlops_nb.projects.notebook_again import is_notebook_run, judge_notebooks, run_stored
from mlops_nb.projects.sites import Site, site_for
from mlops_nb.projects.slices import rerun_notebook, take_asides
from mlops_nb.tracking.reading import find_run, load_view

if TYPE_CHECKING:
    from mlops_nb.workspace import Workspace

__all__ = ["Verdict", "reproduce", "rerun_slice"]

REPRODUCES = "mlops_nb.reproduces"
VERDICT = "mlops_nb.verdict"
CAUSES = "mlops_nb.verdict_causes"
RERUN = "mlops_nb.rerun"
"""Tells the run of one execution from those of earlier ones, which may arrive late."""

DELIVERY_SECONDS = 120.0
GONE_SECONDS = 3.0


@dataclass(slots=True)
class Verdict:
    """What `reproduce` found.

    `verdict` is ``identical``, ``equivalent``, ``diverged`` or ``failed``; `causes` of ``code, data, environment,
    randomness, unknown``; `differences` plain dicts (``kind, name, expected, actual, ...``); `reasons` one sentence
    for each
    cause.
    """

    run_id: str
    verdict: str
    causes: list[str] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    rerun_id: str | None = None
    tolerance: dict[str, float] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    whole_session: bool = False
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """The shape of ``reproduce --json``."""
        from mlops_nb.tracking.shapes import public_value

        found: dict[str, Any] = public_value({name: getattr(self, name) for name in self.__slots__})
        return found


def reproduce(
    reference: str,
    *,
    env: str = "current",
    tolerance: float | None = None,
    listener: Listener | None = None,
    workspace: Workspace | None = None,
) -> Verdict:
    """Execute a run's slice again, or a notebook's run as it is stored, and say whether it gives the same.

    Parameters
    ----------
    reference : str
        The run: its id, a unique prefix of it, or its name.
    env : str, default "current"
        ``current``: this environment, and what differs from the recorded one is said; ``locked``: one that is rebuilt
        from the run's lock with ``uv``.
    tolerance : float, optional
        Relative tolerance of numbers; 0 asks for exactly the same. By default a millionth for floats.
    listener : Listener, optional
        Who follows the execution.
    workspace : Workspace, optional
        Where the run is kept.

    Returns
    -------
    Verdict
        Also stamped on the run, as the tags ``mlops_nb.verdict`` and ``mlops_nb.verdict_causes``.

    Raises
    ------
    InvalidInput, NotFound, InvalidState
        If there is no such run, or it has no slice.
    NotebookInterrupted
        If it was asked to stop: then there is no verdict.
    """
    if env not in ("current", "locked"):
        raise InvalidInput(f"There is no environment {env!r}.", hint="Use --env current or --env locked.")
    Tolerance.of(tolerance)  # what makes no sense is refused before anything runs
    space = workspace or workspaces.current()
    view = load_view(reference, space)
    view = replace(view, run=find_run(view.run.run_id, space))
    with site_for(view, env) as site:
        found = _judge(view, site, tolerance, space, listener)
    tags = {VERDICT: found.verdict, CAUSES: ", ".join(found.causes)}
    space.store.update_run(view.run.run_id, tags={key: value or None for key, value in tags.items()})
    return found


def _judge(view: RunView, site: Site, tolerance: float | None, space: Workspace, listener: Listener | None) -> Verdict:
    data, packages = changed_data(view, space.project), changed_packages(view, site.packages)
    code = changed_code(view, space.project, [package["name"] for package in packages.all if package["recorded"]])
    found = Verdict(view.run.run_id, "failed", environment={"differences": packages.all, "site": site.name})
    way = _Way(view, site, space, tolerance, listener)
    rerun, outcome = way.rerun()
    if rerun is None and way.has_more:
        # A slice that lacks something is our fault, not the result's: all that ran decides.
        found.whole_session = True
        rerun, outcome = way.rerun(whole_session=True)
    known = [("data", data), ("code", code), ("environment", packages.used)]
    if rerun is None or rerun.run.status != view.run.status:
        found.error = _failure(outcome, rerun)
        found.rerun_id = rerun.run.run_id if rerun is not None else None
        _name_causes(found, known)
        return found
    judgement = way.judge(view, rerun)
    if judgement.verdict == "diverged" and way.has_more and not found.whole_session and not data and not code:
        judgement, rerun = _try_everything(way, rerun, judgement, found)
    found.verdict = judgement.verdict
    # Code and random state are pinned by us; what else differs of the circumstances only matters to a divergence.
    found.differences = [
        difference
        for difference in judgement.differences
        if difference["within"] is not None
        or ((found.verdict == "diverged" and difference["kind"] in ("data", "environment"))
        and difference["name"] != "variables.PYTHONHASHSEED")
    ]
    found.rerun_id = rerun.run.run_id
    found.tolerance = {"relative": judgement.tolerance.relative, "absolute": judgement.tolerance.absolute}
    if found.verdict == "diverged":
        _name_causes(found, known)
        if not found.causes:
            _find_residual(way, rerun, found)
    return found


@dataclass(frozen=True, slots=True)
class _Way:
    """How a run is executed again and judged: a tracked cell by its slice, a notebook's run by its stored notebook."""

    view: RunView
    site: Site
    space: Workspace
    tolerance: float | None
    listener: Listener | None

    @property
    def has_more(self) -> bool:
        """Whether more ran before the result than its slice."""
        facts = self.view.facts
        return len(facts.get("session") or ()) > len(facts.get("slice") or ()) > 0

    def rerun(self, *, whole_session: bool = False, listens: bool = True) -> tuple[RunView | None, Outcome]:
        listener = self.listener if listens else None
        if not is_notebook_run(self.view):
            return rerun_slice(self.view, self.site, self.space, listener=listener, whole_session=whole_session)
        with products_aside(self.view, self.space.project):
            tags = {REPRODUCES: self.view.run.run_id}
            return run_stored(self.view, self.site, self.space, tags=tags, listener=listener)

    def judge(self, one: RunView, other: RunView) -> Judgement:
        if is_notebook_run(self.view):
            return judge_notebooks(one, other, self.tolerance, self.space)
        return judge(one, other, self.tolerance)


def _try_everything(way: _Way, rerun: RunView, judgement: Judgement, found: Verdict) -> tuple[Judgement, RunView]:
    """Before a divergence is believed: would the whole session, instead of the slice, have given the same?"""
    whole, _ = way.rerun(whole_session=True, listens=False)
    if whole is None or whole.run.status != way.view.run.status:
        return judgement, rerun
    better = way.judge(way.view, whole)
    if better.verdict == "diverged":
        return judgement, rerun
    found.whole_session = True
    return better, whole


def _find_residual(way: _Way, rerun: RunView, found: Verdict) -> None:
    """Nothing recorded differs. Reruns that differ from each other: randomness or time; else it is not known."""
    again, _ = way.rerun(whole_session=found.whole_session, listens=False)
    differs = again is None or way.judge(rerun, again).verdict == "diverged"
    lost = (way.view.facts.get("randomness") or {}).get("unpinnable") or []
    if differs:
        source = f" ({', '.join(lost)})" if lost else ""
        found.causes = ["randomness"]
        found.reasons = [f"Two reruns differ from each other: randomness or time that cannot be pinned{source}."]
    elif drawn := changed_randomness(way.view, rerun):
        found.causes, found.reasons = ["randomness"], drawn
    elif found.environment["differences"]:
        found.causes = ["environment"]
        found.reasons = ["Reruns agree with each other, and the environment is not the recorded one."]
    else:
        found.causes = ["unknown"]
        found.reasons = ["Reruns agree with each other; code, data, packages and randomness are as recorded."]


def _name_causes(found: Verdict, known: Sequence[tuple[str, list[str]]]) -> None:
    for cause, reasons in known:
        if reasons:
            found.causes.append(cause)
            found.reasons += reasons


def _failure(outcome: Outcome, rerun: RunView | None) -> str:
    if outcome.failure is not None:
        return f"{outcome.failure.ename}: {outcome.failure.evalue} in {outcome.failure.where}"
    error = rerun.facts.get("error") if rerun is not None else None
    return f"{error['ename']}: {error['evalue']}" if error else "the tracked cell did not end as the original did"


def rerun_slice(
    view: RunView,
    site: Site,
    space: Workspace,
    *,
    params: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    listener: Listener | None = None,
    whole_session: bool = False,
) -> tuple[RunView | None, Outcome]:
    """Execute a run's slice in a fresh kernel: the new run, nested in the original; None if it came to none."""
    token = new_id()
    own = {**(tags or {REPRODUCES: view.run.run_id}), RERUN: token}
    name = f"{view.run.name}-again" if params is None else view.run.name
    book = rerun_notebook(view, name=name, tags=own, params=params, pin=params is None, whole_session=whole_session)
    environment = {
        workspaces.ENV_STORE: str(space.root) if space.is_embedded else space.store_url,
        workspaces.ENV_ARTIFACTS: space.artifacts_url,
        workspaces.ENV_PARENT_RUN: view.run.run_id,
        **site.environment,
    }
    notebook = view.run.notebook
    if notebook:
        environment[workspaces.ENV_NOTEBOOK] = str(_absolute(space, notebook))
    folder, stop = _folder(view, space), Interruption()
    with products_aside(view, space.project) if params is None else contextlib.nullcontext():
        asides = take_asides(book)
        outcome = execute(
            book, None, kernel=site.kernel, cwd=folder, env=environment, listener=listener, interruption=stop,
            asides=asides,
        )  # fmt: skip
        patience = GONE_SECONDS if outcome.failure is not None else DELIVERY_SECONDS
        again = _await_rerun(space, token, patience=0.0 if stop.requested else patience)
    outcome.raise_if_stopped(stop, view.run.name)
    return (load_view(again.run_id, space) if again is not None else None), outcome


def _await_rerun(space: Workspace, token: str, *, patience: float) -> Run | None:
    """The run that an execution made, once its kernel, which may still be leaving, has delivered all of it."""
    until = time.monotonic() + patience
    while True:
        space.flush()
        space.recover()
        found = space.store.search_runs(None, f"tags.`{RERUN}` = '{token}'", limit=1).items
        run: Run | None = found[0] if found else None
        whole = run is not None and run.status.is_final and not any(space.journals.glob(f"{run.run_id}.*"))
        if whole or time.monotonic() > until:
            return run
        time.sleep(0.05)


def _absolute(space: Workspace, path: str) -> Path:
    return Path(path) if Path(path).is_absolute() else space.project / path


def _folder(view: RunView, space: Workspace) -> str:
    """Where the session had begun to work, if that is still there."""
    recorded = (view.facts.get("cell") or {}).get("folder")
    if recorded and Path(recorded).is_dir():
        return str(recorded)
    if view.run.notebook and _absolute(space, view.run.notebook).parent.is_dir():
        return str(_absolute(space, view.run.notebook).parent)
    return os.getcwd()  # noqa: PTH109 - nbclient takes text
