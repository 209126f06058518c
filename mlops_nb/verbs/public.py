"""The verbs as Python functions: ``mlops_nb.compare``, ``rerun``, ``reproduce``, ``monitor`` and ``retrain``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.comparison import Comparison, compare_runs
from mlops_nb.entities import Run
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.panels.results import View, static_view
from mlops_nb.projects.reproduce import Verdict
from mlops_nb.tracking.reading import load_view

if TYPE_CHECKING:
    import pandas as pd

    from mlops_nb.monitoring import Report, Retraining
    from mlops_nb.tracking.read_run import ReadRun


class RunComparison(View):
    """What differs between runs; shown as a table in a notebook.

    Attributes
    ----------
    comparison : Comparison
        Every row, the same or not.
    """

    def __init__(self, comparison: Comparison, views: list[Any]) -> None:
        super().__init__(static_view("compare", (comparison, views, False)).bundle)
        self.comparison = comparison

    @property
    def differences(self) -> list[dict[str, Any]]:
        """What differs: ``part, name, values``, a value for each run."""
        return [{"part": row.part, "name": row.name, "values": list(row.values)} for row in self.comparison.select()]

    def frame(self) -> pd.DataFrame:
        """The differences as a DataFrame: a row for each, a column a run."""
        import pandas as pd

        rows = self.comparison.select()
        index = pd.MultiIndex.from_tuples([(row.part, row.name) for row in rows], names=["part", "name"])
        return pd.DataFrame([row.values for row in rows], index=index, columns=list(self.comparison.run_ids))


def compare(*runs: Any) -> RunComparison:
    """What differs between runs: params, metrics, code, data, environment, outputs.

    Parameters
    ----------
    *runs : str or Run
        2 to 50 runs: ids, unique prefixes or names.

    Returns
    -------
    RunComparison
        The first run is what the others are measured against.

    Raises
    ------
    InvalidInput
        If there are fewer than 2 or more than 50.

    Examples
    --------
    >>> import mlops_nb
    >>> for lr in (0.1, 0.2):
    ...     with mlops_nb.start_run(run_name=f"lr {lr}"): mlops_nb.log_params({"lr": lr})
    >>> [(d["name"], d["values"]) for d in compare("lr 0.1", "lr 0.2").differences if d["part"] == "params"]
    [('lr', [0.1, 0.2])]
    """
    references = list(runs[0]) if len(runs) == 1 and isinstance(runs[0], (list, tuple)) else list(runs)
    if not 2 <= len(references) <= 50:
        raise InvalidInput(f"A comparison takes 2 to 50 runs, not {len(references)}.", hint="Name them by id or name.")
    views = [load_view(getattr(reference, "run_id", reference)) for reference in references]
    return RunComparison(compare_runs(views), views)


def rerun(target: str | Path | Run, params: Mapping[str, Any] | None = None, **options: Any) -> ReadRun:
    """Execute a notebook, a project, or a run's slice, again; what it computed is read back as a run.

    Parameters
    ----------
    target : str, Path or Run
        A notebook's path; a project's folder; or a run, by id, prefix or name.
    params : mapping, optional
        Parameters to change.
    **options
        For a notebook: ``experiment, name, tags, output, kernel, timeout`` (see
        `mlops_nb.projects.rerun.run_notebook`).

    Returns
    -------
    ReadRun
        A `Run` with its files: ``metrics``, ``params``, ``artifacts``, ``load_dict("classes.json")``, ``read(path)``,
        ``children`` (the runs of its tracked cells).

    Raises
    ------
    NotebookFailed
        If a cell fails; the run keeps the executed notebook.
    InvalidInput
        If a parameter does not fit; nothing has run then.

    Examples
    --------
    >>> rerun("train.ipynb", {"lr": 0.2}).metrics["acc"]  # doctest: +SKIP
    0.93
    """
    from mlops_nb.projects.reproduce import rerun_slice
    from mlops_nb.projects.rerun import run_notebook
    from mlops_nb.projects.sites import site_for
    from mlops_nb.tracking.read_run import ReadRun

    reference = target.run_id if isinstance(target, Run) else str(target)
    if Path(reference).suffix == ".ipynb":
        return ReadRun.of(run_notebook(reference, params=params, **options))
    if not isinstance(target, Run) and Path(reference).is_dir():
        return ReadRun.of(_rerun_project(Path(reference), params or {}, options))
    space = workspaces.current()
    view = load_view(reference, space)
    tags = {"mlops_nb.rerun_of": view.run.run_id}
    if not view.facts.get("slice") and view.run.source_type == "PROJECT" and view.run.notebook:
        options["tags"] = {**tags, **options.get("tags", {})}
        place = space.project / view.run.notebook
        again = {**_taken(place, view.run.params), **(params or {})}
        return ReadRun.of(run_notebook(place, params=again, **options))
    with site_for(view, options.pop("env", "current")) as site:
        found, outcome = rerun_slice(view, site, space, params=dict(params or {}), tags=tags)
    if found is None:
        outcome.raise_for_failure(view.run.name)
        raise NotFound(f"The slice of {view.run.name!r} ran, but its last cell was not tracked.")
    return ReadRun.of(found.run)


def _taken(notebook: Path, params: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's params, those that its notebook takes; the others it has logged by itself."""
    from mlops_nb.projects.parameters import contract
    from mlops_nb.projects.plain import read_plain

    stated = contract(read_plain(notebook), str(notebook)).parameters
    return {name: value for name, value in params.items() if name in stated}


def _rerun_project(folder: Path, params: Mapping[str, Any], options: dict[str, Any]) -> Run:
    from mlops_nb.projects.environments import project_site
    from mlops_nb.projects.launch import Launch, launch
    from mlops_nb.projects.spec import read_project

    space, project = workspaces.current(), read_project(folder)
    with project_site(project, options.pop("env", "auto"), space.root / "environments") as site:
        return launch(project, site, Launch(options.pop("entry_point", "main"), params, **options), space)


def reproduce(run: str | Run, *, env: str = "current", tolerance: float | None = None) -> Verdict:
    """Execute a run's slice again and say whether it gives the same.

    Parameters
    ----------
    run : str or Run
        The run: its id, a unique prefix of it, or its name.
    env : str, default "current"
        ``current``, or ``locked``: an environment rebuilt from the run's lock with uv.
    tolerance : float, optional
        Relative tolerance of numbers; 0 asks for exactly the same.

    Returns
    -------
    Verdict
        With ``verdict`` (identical, equivalent, diverged, failed), ``causes``, ``reasons`` and ``differences``.

    Examples
    --------
    >>> reproduce("baseline").verdict  # doctest: +SKIP
    'identical'
    """
    from mlops_nb.projects import reproduce as room

    return room.reproduce(run.run_id if isinstance(run, Run) else run, env=env, tolerance=tolerance)


def monitor(model_uri: str, **options: Any) -> MonitoringReport:
    """Compare what a model answered in service with what it was trained on; shown as a report in a notebook.

    Parameters
    ----------
    model_uri : str
        ``models:/NAME@ALIAS``, ``models:/NAME/VERSION`` ...
    **options
        ``since, until, log, reference, truth, ignore, limits, record``, as for `mlops_nb.monitoring.monitor`.

    Returns
    -------
    MonitoringReport
        With ``verdict`` (``drift``, ``no drift``, ``unknown``), ``drifted``, ``faulty``, ``column(name)``.

    Examples
    --------
    >>> monitor("models:/nothing@champion")
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: There is no registered model 'nothing'. List them with: mlops-nb models
    """
    from mlops_nb.monitoring import monitor as look
    from mlops_nb.panels.monitoring_views import monitoring_page

    return MonitoringReport(look(model_uri, page=monitoring_page, **options))


class MonitoringReport(View):
    """A report of monitoring; what it holds is that of `mlops_nb.monitoring.Report`."""

    def __init__(self, report: Report) -> None:
        super().__init__(static_view("monitoring", report).bundle)
        self.report = report

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "report" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.report, name)


def retrain(
    name: str, params: Mapping[str, Any] | None = None, *, promote: bool = False, **options: Any
) -> RetrainingResult:
    """Execute what made the champion again, and measure what comes out beside it.

    Parameters
    ----------
    name : str
        The registered model.
    params : mapping, optional
        What changes; the value ``@log`` is a file of answers whose truth is known.
    promote : bool, default False
        If it passes the gates, it becomes the champion.
    **options
        ``alias, champion, holdout, target``, as for `mlops_nb.monitoring.retrain`.

    Returns
    -------
    RetrainingResult
        With ``passed``, ``promoted``, ``challenger``, ``metrics``, ``checks``.

    Examples
    --------
    >>> retrain("nothing", {"data": "new.csv"})
    Traceback (most recent call last):
    mlops_nb.errors.NotFound: There is no registered model 'nothing'. List them with: mlops-nb models
    """
    from mlops_nb.monitoring import retrain as make
    from mlops_nb.verbs.governance import execute_notebook
    from mlops_nb.verbs.monitoring import execute_again

    return RetrainingResult(
        make(name, params, again=execute_again, promote_it=promote, execute=execute_notebook, **options)
    )


class RetrainingResult(View):
    """What came of a retraining; what it holds is that of `mlops_nb.monitoring.Retraining`."""

    def __init__(self, made: Retraining) -> None:
        super().__init__(static_view("retraining", made).bundle)
        self.made = made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "made" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.made, name)
