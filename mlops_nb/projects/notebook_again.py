"""A notebook's run, executed again as it is stored, and compared cell by cell, its tracked cells included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.comparison import Judgement, RunView, Tolerance, judge
from mlops_nb.comparison.outputs import compare_outputs
from mlops_nb.errors import InvalidState
from mlops_nb.projects.events import Interruption, Listener
from mlops_nb.projects.execution import Outcome, read_notebook
from mlops_nb.projects.rerun import Job, track_execution
from mlops_nb.projects.sites import Site
from mlops_nb.tracking.reading import load_view

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mlops_nb.workspace import Workspace

__all__ = ["is_notebook_run", "judge_notebooks", "run_stored"]

MANY = 10_000
_OUR_FILES = ("*.ipynb", "*.html")


def is_notebook_run(view: RunView) -> bool:
    """Whether a run is a whole notebook's, made by ``mlops-nb run``.

    Examples
    --------
    >>> from mlops_nb.entities import Run, Status
    >>> is_notebook_run(RunView(Run("a", "a", "0", "e", Status.FINISHED, 0)))
    False
    """
    return bool(not view.facts.get("slice") and view.run.source_type == "PROJECT" and view.run.notebook)


def run_stored(
    view: RunView, site: Site, space: Workspace, *, tags: Mapping[str, str], listener: Listener | None = None
) -> tuple[RunView, Outcome]:
    """Execute a notebook's run again: its cells as they were then, its parameters, the random state where it is known.

    Parameters
    ----------
    view : RunView
        Of the notebook's run.
    site : Site
        Where to execute.
    space : Workspace
        Where both runs are kept; the new one is nested in the old one.
    tags : mapping
        Of the new run.
    listener : Listener, optional
        Who follows it.

    Returns
    -------
    (RunView, Outcome)
        The new run, and how it ended.

    Raises
    ------
    InvalidState
        If the run has not kept its notebook.
    NotebookInterrupted
        If it was asked to stop.
    """
    run = view.run
    book = _stored_notebook(view)
    path = Path(str(run.notebook))
    path = path if path.is_absolute() else space.project / path
    job = Job(book, path, dict(run.params), run.experiment, f"{run.name}-again", dict(tags), kernel=site.kernel)
    job.cwd = path.parent if path.parent.is_dir() else Path.cwd()
    job.parent_run_id, job.stage, job.environment = run.run_id, run.stage, dict(site.environment)
    job.options = {"asides": _states_of(view, space)}
    stop = Interruption()
    run_id, outcome = track_execution(job, space, listener=listener, interruption=stop)
    outcome.raise_if_stopped(stop, run.name)
    return load_view(run_id, space), outcome


def _stored_notebook(view: RunView) -> NotebookNode:
    """The executed notebook that a run has kept.

    Raises
    ------
    InvalidState
        If there is none, or its bytes cannot be read.
    """
    name = f"{Path(str(view.run.notebook)).stem}.ipynb"
    digest = next((each.digest for each in view.artifacts if each.path == name), None)
    if digest is None or view.read is None:
        raise InvalidState(
            f"The run {view.run.name!r} has not kept its notebook.", hint="Run it again with: mlops-nb run NOTEBOOK"
        )
    return read_notebook(view.read(digest).decode("utf-8"), name)


def _states_of(view: RunView, space: Workspace) -> dict[str, str]:
    """Code that gives a cell the random state that it had, by the cell's id: as far as tracked cells recorded it."""
    from mlops_nb.capture.randomness import pin_source

    found: dict[str, str] = {}
    for child in _cells_of(view, space).values():
        facts = child.facts
        randomness = facts.get("randomness") or {}
        states, before = randomness.get("states") or [], randomness.get("before") or {}
        entropy = randomness.get("entropy") or {}
        for entry in (*(facts.get("session") or ()), *(facts.get("slice") or ())):
            key, cell = str(entry["index"]), entry.get("cell_id")
            if cell and (key in before or key in entropy):
                found.setdefault(cell, pin_source(states[before[key]] if key in before else {}, entropy.get(key, ())))
    return found


def _cells_of(view: RunView, space: Workspace) -> dict[tuple[str, int], RunView]:
    """The runs of a notebook's tracked cells, by the cell and how many runs it had before: not those of reruns."""
    found = space.store.search_runs(None, f"parent_run_id = '{view.run.run_id}'", limit=MANY).items
    own = [run for run in reversed(found) if run.source_type != "PROJECT" and "mlops_nb.reproduces" not in run.tags]
    cells: dict[tuple[str, int], RunView] = {}
    for run in own:
        name = run.cell_id or run.name
        place = sum(1 for key in cells if key[0] == name)
        cells[name, place] = load_view(run.run_id, space)
    return cells


def judge_notebooks(original: RunView, rerun: RunView, tolerance: float | None, space: Workspace) -> Judgement:
    """Whether a notebook's run gave the same: the outputs cell by cell, files, and what its tracked cells gave.

    Parameters
    ----------
    original, rerun : RunView
        Of the notebook's runs.
    tolerance : float, optional
        As `judge` takes it.
    space : Workspace
        Where the runs of their tracked cells are.

    Returns
    -------
    Judgement
        Differences name the cell; those of the whole come first.
    """
    parts = [judge(_without_outputs(original), _without_outputs(rerun), tolerance, ignore=_OUR_FILES)]
    ours, theirs = (_cells_of(view, space) for view in (original, rerun))
    lifted = {name for cell in ours.values() for name in cell.run.metrics}  # told where they come from
    differences = [each for each in parts[0].differences if each["kind"] != "metric" or each["name"] not in lifted]
    differences += _compare_cells(original, rerun, Tolerance.of(tolerance))
    for key in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(key), theirs.get(key)
        name = (one or other).run.name  # type: ignore[union-attr]
        if one is None or other is None:
            differences.append(_only_one(name, one is not None))
            continue
        parts.append(judge(_without_outputs(one), _without_outputs(other), tolerance))
        made = ("code", "param", "data", "environment", "git", "randomness")  # told once, of the whole
        differences += [
            {**each, "name": f"{name}: {each['name']}"} for each in parts[-1].differences if each["kind"] not in made
        ]
    within = {each["within"] for each in differences}
    verdict = "diverged" if False in within else "equivalent" if True in within else "identical"
    differences.sort(key=lambda each: {False: 0, True: 1, None: 2}[each["within"]])
    return Judgement(verdict, parts[0].tolerance, differences, parts[0].suspects)


def _without_outputs(view: RunView) -> RunView:
    left = {kind: fact for kind, fact in view.facts.items() if kind not in ("outputs", "code", "slice")}
    return replace(view, facts=left)


def _only_one(name: str, is_original: bool) -> dict[str, Any]:
    one, other = (name, None) if is_original else (None, name)
    told = {"kind": "status", "name": f"{name}: the tracked cell", "expected": one, "actual": other}
    return {**told, "delta": None, "within": False, "detail": "tracked in one run only"}


def _compare_cells(original: RunView, rerun: RunView, tolerance: Tolerance) -> list[dict[str, Any]]:
    books = [_stored_notebook(view) for view in (original, rerun)]
    shown, again = ({cell.id: cell for cell in book.cells if cell.cell_type == "code"} for book in books)
    found: list[dict[str, Any]] = []
    for name, cell in shown.items():
        outputs = again[name].get("outputs", []) if name in again else []
        for each in compare_outputs(cell.get("outputs", []), outputs, tolerance):
            found.append({**each.as_json(), "name": f"In [{cell.execution_count or ' '}] {each.name}"})
    return found
