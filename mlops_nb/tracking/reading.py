"""Reading runs back: one by any reference, many as a DataFrame, everything about one for a page or a comparison."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.comparison import RunView
from mlops_nb.entities import Points, Run
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.tracking.fluent import chosen_experiment
from mlops_nb.tracking.session_facts import whole_session
from mlops_nb.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

ALL = 1_000_000
ON_ITS_WAY = 3.0
"""Seconds that a run which another process has just begun is waited for."""


def find_run(reference: str, space: Workspace | None = None) -> Run:
    """The run with this id, unique prefix of an id, or name (the newest of that name).

    Parameters
    ----------
    reference : str
        Id, prefix or name; ``last`` is the newest run.

    Returns
    -------
    Run

    Raises
    ------
    NotFound
        If there is none.
    InvalidInput
        If a prefix fits several runs.

    Examples
    --------
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run(run_name="findable") as run: pass
    >>> find_run("findable").run_id == run.run_id
    True
    """
    space = space or workspaces.current()
    space.flush()
    if not reference.strip():
        raise InvalidInput(
            "The reference to a run is empty.", hint="Name it by its id, a prefix of its id, or its name."
        )
    found = space.store.find_runs(reference.removeprefix("runs:/"), limit=5)
    until = time.monotonic() + ON_ITS_WAY
    while not found and _some_are_on_their_way(space) and time.monotonic() < until:
        time.sleep(0.05)
        found = space.store.find_runs(reference.removeprefix("runs:/"), limit=5)
    if not found and reference == "last":
        found = space.store.search_runs(limit=1).items
    if not found:
        raise NotFound(f"There is no run {reference!r}.", hint="List runs with: mlops-nb runs")
    if len(found) > 1 and found[0].name != reference:
        some = ", ".join(run.run_id for run in found[:3])
        raise InvalidInput(f"Several runs start with {reference!r}: {some}.", hint="Type more digits of the id.")
    return found[0]


def say_namesakes(reference: str, run: Run, space: Workspace | None = None) -> str:
    """A note where a name stands for more than one run, so that nobody takes the newest for another one.

    Examples
    --------
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run(run_name="twin"): pass
    >>> with start_run(run_name="twin") as run: pass
    >>> say_namesakes("twin", run).startswith("several runs are called 'twin': this is the newest,")
    True
    >>> say_namesakes(run.run_id, run)
    ''
    """
    if reference.removeprefix("runs:/").partition("/")[0] != run.name:
        return ""
    space = space or workspaces.current()
    space.flush()
    found = space.store.find_runs(run.name, limit=2)
    if len(found) < 2:
        return ""
    return f"several runs are called {run.name!r}: this is the newest, {run.run_id[:12]}. Name another by its id."


def _some_are_on_their_way(space: Workspace) -> bool:
    """Whether a run has begun a moment ago that the store does not know: its process still imports what delivers it."""
    moment = int((time.time() - 2 * ON_ITS_WAY) * 1000)
    for run_id in {path.name.partition(".")[0] for path in space.journals.glob("*.journal")}:
        with contextlib.suppress(ValueError):  # an id of somebody else's making
            # UUIDv7: it begins with the time in milliseconds
            if int(run_id[:12], 16) > moment and not space.store.find_runs(run_id, limit=1):
                return True
    return False


def get_run(run_id: str) -> Run:
    """A run with its last metrics and typed params; also under MLflow's names (``run.data.metrics``).

    Examples
    --------
    >>> from mlops_nb.tracking import log_metric, start_run
    >>> with start_run() as run: log_metric("acc", 0.5)
    >>> get_run(run.run_id).data.metrics
    {'acc': 0.5}
    """
    return find_run(run_id)


def get_metric_history(run_id: str, key: str) -> pd.DataFrame:
    """All points of a metric, in the order in which they were logged.

    Returns
    -------
    DataFrame, shape (n, 3)
        Columns ``step`` (int64), ``timestamp`` (datetime64, UTC) and ``value`` (float64).

    Examples
    --------
    >>> from mlops_nb.tracking import log_metric, start_run
    >>> with start_run() as run: log_metric("acc", 0.5, step=3)
    >>> get_metric_history(run.run_id, "acc")["value"].tolist()
    [0.5]
    """
    import numpy as np
    import pandas as pd

    run = find_run(run_id)
    points = workspaces.current().store.history(run.run_id, key)
    return pd.DataFrame(
        {
            "step": np.frombuffer(points.steps, dtype="i8"),
            "timestamp": pd.to_datetime(np.frombuffer(points.timestamps, dtype="i8"), unit="ms", utc=True),
            "value": np.frombuffer(points.values, dtype="f8"),
        }
    )


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = "",
    run_view_type: Any = "active",
    max_results: int = ALL,
    order_by: Sequence[str] | None = None,
    output_format: str = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> Any:
    """Runs that fit a filter, newest first.

    Parameters
    ----------
    experiment_ids, experiment_names : sequence of str, optional
        Only these (ids or names, not both); by default that of `set_experiment`, and all if it was not called.
    filter_string : str
        MLflow's search syntax and more: ``metrics.acc > 0.9 and params.lr < 0.1 and code ~ 'Boosting'``.
    run_view_type : str
        ``active``, ``deleted`` or ``all`` (or MLflow's ViewType).
    max_results : int
        At the most so many.
    order_by : sequence of str, optional
        For instance ``["metrics.acc DESC"]``.
    output_format : str
        ``pandas`` or ``list``.
    search_all_experiments : bool
        All, although `set_experiment` was called.

    Returns
    -------
    DataFrame or list of Run
        A row a run: ``run_id, name, experiment, status, start_time, end_time, ...``, then ``metrics.*``,
        ``params.*`` (typed)
        and ``tags.*``.

    Raises
    ------
    InvalidInput
        If the filter does not parse; the message points at the place.

    Examples
    --------
    >>> from mlops_nb.tracking import log_metric, start_run
    >>> with start_run(run_name="searched"): log_metric("acc", 0.75)
    >>> search_runs(filter_string="name = 'searched'")["metrics.acc"].tolist()[0]
    0.75
    """
    if output_format not in ("pandas", "list"):
        raise InvalidInput(f"The output format {output_format!r} is not known.", hint="Use 'pandas' or 'list'.")
    if isinstance(max_results, bool) or not isinstance(max_results, int):
        raise InvalidInput(f"max_results must be a whole number, not {max_results!r:.40}.")
    space = workspaces.current()
    space.flush()
    if not experiment_ids and not experiment_names and not search_all_experiments:
        experiment_names = [chosen] if (chosen := chosen_experiment()) else None
    ids = _experiment_ids(space, experiment_ids or None, experiment_names or None)
    view = {1: "active", 2: "deleted", 3: "all"}.get(run_view_type, str(run_view_type).lower().removesuffix("_only"))
    page = space.store.search_runs(ids, filter_string or "", order_by=order_by or (), limit=max_results, view=view)
    runs: list[Run] = page.items
    if output_format == "list":
        return runs
    from mlops_nb.tracking.frames import runs_frame

    return runs_frame(runs)


def load_view(reference: str, space: Workspace | None = None) -> RunView:
    """Everything about a run, for a page, a comparison or a verdict.

    Examples
    --------
    >>> from mlops_nb.tracking import log_params, start_run
    >>> with start_run() as run: log_params({"lr": 0.1})
    >>> load_view(run.run_id).run.params
    {'lr': 0.1}
    """
    space = space or workspaces.current()
    run = find_run(reference, space)
    store = space.store
    return RunView(
        run=run,
        facts=whole_session(store.facts(run.run_id)),
        data=store.data(run.run_id),
        artifacts=store.artifacts(run.run_id),
        read=lambda digest: space.artifacts.read(digest),
    )


def load_histories(run: Run, space: Workspace | None = None) -> dict[str, Points]:
    """The points of every metric of a run."""
    space = space or workspaces.current()
    return {key: space.store.history(run.run_id, key) for key in run.metrics}


def _experiment_ids(space: Workspace, ids: Sequence[str] | None, names: Sequence[str] | None) -> list[str] | None:
    if ids is None and names is None:
        return None
    if ids is not None and names is not None:
        raise InvalidInput("Name experiments by their ids or by their names, not both.")
    found = [str(item) for item in ids or ()]
    for name in names or ():
        experiment = space.store.find_experiment(name)
        if experiment is not None:
            found.append(experiment.experiment_id)
    return found
