"""The verb ``sweep``, and `mlops_nb.sweep`: a notebook with many parameters, side by side."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Run
from mlops_nb.errors import InvalidInput
from mlops_nb.panels.format import better_direction
from mlops_nb.panels.results import View
from mlops_nb.verbs.table import Result

if TYPE_CHECKING:
    import pandas as pd

    from mlops_nb.projects.sweeps.board import Board
    from mlops_nb.projects.sweeps.plan import Plan

_PLANNED = (
    "sampler", "trials", "sampler_seed", "metric", "mode", "seeds", "stop_early", "engine", "workers", "experiment",
    "name", "kernel", "timeout",
)  # fmt: skip
_CHANGEABLE = ("trials", "metric", "mode", "seeds", "stop_early", "engine", "workers", "timeout")


def add_sweep(parser: argparse.ArgumentParser) -> None:
    """Options of ``sweep``."""
    parser.add_argument("notebook", metavar="NOTEBOOK", nargs="?", help="the notebook; with --resume it is known")
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NAME=VALUES",
        help="values (lr=0.01,0.1), a range (depth=2..6, lr=1e-4..0.1, x=0..1:0.25), or one value",
    )  # fmt: skip
    parser.add_argument("-f", "--params-file", metavar="PARAMS.yaml", help="parameters from a file; a list is values")
    parser.add_argument("--sampler", metavar="NAME", help="grid (default), random, or Optuna's: tpe, gp, cmaes, ...")
    parser.add_argument("--trials", type=int, metavar="N", help="points to try; all of a grid, else 20 by default")
    parser.add_argument("--metric", metavar="NAME", help="the metric by which trials are judged")
    parser.add_argument("--mode", metavar="max|min", help="which way is better; guessed from the metric's name")
    parser.add_argument(
        "--engine",
        metavar="ENGINE",
        help="local (default), dask://HOST:PORT, ray://..., ipyparallel://..., executorlib://...",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="trials at once; one a processor by default")
    parser.add_argument("--seeds", type=int, metavar="N", help="run each point with seeds 0 to N-1: mean and deviation")
    parser.add_argument("--sampler-seed", type=int, metavar="N", help="seed of the sampler itself; 0 by default")
    parser.add_argument("--stop-early", action="store_true", default=None, help="stop trials that fall behind")
    parser.add_argument("--resume", metavar="SWEEP", help="go on with a sweep; what finished is not repeated")
    parser.add_argument("-e", "--experiment", metavar="NAME", help="the experiment that the runs go to")
    parser.add_argument("-n", "--name", metavar="NAME", help="the sweep's name")
    parser.add_argument("--kernel", metavar="NAME", help="the kernel to execute with; the notebook's own by default")
    parser.add_argument("--timeout", type=int, metavar="SECONDS", help="the longest that a cell may take")


def do_sweep(asked: argparse.Namespace) -> Result:
    """Carry out a sweep, or go on with one."""
    options = {name: getattr(asked, name) for name in _PLANNED}
    if asked.resume:
        if asked.param or asked.params_file:
            raise InvalidInput("A sweep that goes on has its parameters.", hint="Leave -p out, or start a new sweep.")
        board = _resume(asked.resume, asked.notebook, options)
    else:
        if not asked.notebook:
            raise InvalidInput("Nothing is named to be swept.", hint="Type: mlops-nb sweep NOTEBOOK -p NAME=VALUES")
        board = _begin(asked.notebook, _given(asked), options)
    from mlops_nb.stopping import INTERRUPTED_STATUS

    failed = board.counts()["failed"] + board.counts()["killed"]
    status = INTERRUPTED_STATUS if board.state == "interrupted" else 1 if failed else 0
    return Result("sweep", board, board.as_json(), status, board.note)


def _given(asked: argparse.Namespace) -> dict[str, Any]:
    from mlops_nb.projects.parameters import load_values, parse_assignment

    values = load_values(asked.params_file) if asked.params_file else {}
    values.update(parse_assignment(word) for word in asked.param)
    if not values:
        raise InvalidInput("A sweep needs parameters.", hint="For instance: -p lr=0.01,0.1 -p depth=2..6")
    return values


def _begin(notebook: str | Path, params: Mapping[str, Any], options: dict[str, Any]) -> Board:
    from mlops_nb.projects.sweeps.plan import make_plan

    plan = make_plan(notebook, params, **_guessed(options))
    return _carry_out(plan, None)


def _resume(reference: str, notebook: str | Path | None, options: dict[str, Any]) -> Board:
    from mlops_nb.projects.sweeps.plan import checked, load_plan

    run, plan = load_plan(workspaces.current(), reference)
    if notebook is not None and Path(notebook).name != Path(plan.path).name:
        raise InvalidInput(f"{run.name!r} is a sweep of {Path(plan.path).name}, not of {notebook}.")
    fixed = [name for name, value in options.items() if value is not None and name not in _CHANGEABLE]
    if fixed:
        raise InvalidInput(
            f"--{fixed[0].replace('_', '-')} of a sweep that has begun cannot be changed.",
            hint=f"These can be: {', '.join('--' + name.replace('_', '-') for name in _CHANGEABLE)}.",
        )
    changed = {name: value for name, value in _guessed(options).items() if value is not None}
    return _carry_out(checked(replace(plan, **changed)), run.run_id)


def _guessed(options: dict[str, Any]) -> dict[str, Any]:
    """With the mode that the metric's name tells, where none is given."""
    metric = options.get("metric")
    if metric and not options.get("mode"):
        return options | {"mode": "min" if better_direction(metric) < 0 else "max"}
    return options


def _carry_out(plan: Plan, resume: str | None) -> Board:
    from mlops_nb.panels.sweep_live import live_watcher
    from mlops_nb.projects.sweeps.sweep import run_sweep

    return run_sweep(plan, resume=resume, watcher=live_watcher())


class Sweep(View):
    """A sweep that is over or was stopped; shown as its best points and plots in a notebook.

    Attributes
    ----------
    board : Board
        All that is known of it.
    """

    def __init__(self, board: Board) -> None:
        from mlops_nb.panels.sweep_page import sweep_view

        super().__init__({"text/plain": sweep_view(board)["text/plain"]} if board.shown else sweep_view(board))
        self.board = board

    @property
    def sweep_id(self) -> str:
        """The id of the sweep's run."""
        return self.board.sweep_id

    @property
    def best(self) -> dict[str, Any] | None:
        """The best point: ``params, value, std, run_id``; None if no trial gave the metric."""
        found: dict[str, Any] | None = self.board.as_json()["best"]
        return found

    @property
    def runs(self) -> list[Run]:
        """The run of each trial, by number."""
        store = workspaces.current().store
        return [store.get_run(trial.run_id) for _, trial in sorted(self.board.trials.items()) if trial.run_id]

    def frame(self) -> pd.DataFrame:
        """The trials as a DataFrame: a row each, with params, metrics and state."""
        import pandas as pd

        rows = [
            {"trial": t.number, "seed": t.seed, "state": t.state, "run_id": t.run_id, "seconds": t.seconds}
            | {f"params.{name}": value for name, value in t.values.items()}
            | {f"metrics.{name}": value for name, value in t.metrics.items()}
            for _, t in sorted(self.board.trials.items())
        ]
        return pd.DataFrame(rows)


def sweep(
    notebook: str | Path | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    resume: str | None = None,
    **options: Any,
) -> Sweep:
    """Execute a notebook with many parameters, side by side, and compare what comes out.

    Parameters
    ----------
    notebook : str or Path
        The notebook; not needed with `resume`.
    params : mapping
        For each parameter a list or range of values, one value, or text as after ``-p``: ``"2..6"``, ``"1e-4..0.1"``.
    resume : str, optional
        A sweep to go on with: its id, a unique prefix, or its name. What finished is not repeated.
    **options
        As of ``mlops-nb sweep``: ``sampler, trials, sampler_seed, metric, mode, seeds, stop_early, engine, workers,
        experiment, name, kernel, timeout``.

    Returns
    -------
    Sweep
        With ``best``, ``runs`` and ``frame()``.

    Raises
    ------
    InvalidInput
        If anything does not fit; nothing has run then.
    EngineLost
        If the cluster is gone; go on with `resume`.

    Examples
    --------
    >>> sweep("train.ipynb", {"lr": [0.01, 0.1], "depth": "2..6"}, metric="acc").best["params"]  # doctest: +SKIP
    {'lr': 0.1, 'depth': 4}
    """
    from mlops_nb.projects.declarations import closest

    for name in options:
        if name not in _PLANNED:
            raise InvalidInput(f"A sweep has no option {name!r}{closest(name, _PLANNED)}.")
    asked = {name: options.get(name) for name in _PLANNED}
    if resume is not None:
        return Sweep(_resume(resume, notebook, asked))
    if notebook is None or not params:
        raise InvalidInput("A sweep needs a notebook and parameters.", hint='sweep("train.ipynb", {"lr": [0.01, 0.1]})')
    return Sweep(_begin(notebook, params, asked))
