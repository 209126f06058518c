"""Verbs that execute: run, reproduce."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.verbs.table import Result

if TYPE_CHECKING:
    from mlops_nb.entities import Run
    from mlops_nb.projects.events import Listener
    from mlops_nb.projects.parameters import Contract

VERDICT_STATUS = {"identical": 0, "equivalent": 0, "diverged": 1, "failed": 3}


def add_run(parser: argparse.ArgumentParser) -> None:
    """Options of ``run``."""
    words = "a notebook; a project: a folder or a git URL (#folder in it); or a run to execute again"
    parser.add_argument("target", metavar="NOTEBOOK|PROJECT|RUN", help=words)
    parser.add_argument("-p", "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter")
    parser.add_argument("-f", "--params-file", metavar="PARAMS.yaml", help="parameters from a YAML or JSON file")
    parser.add_argument("-e", "--experiment", metavar="NAME", help="the experiment that the run goes to")
    parser.add_argument("-o", "--output", metavar="OUT.ipynb", help="save the executed notebook there as well")
    parser.add_argument("-n", "--name", metavar="NAME", help="the run's name")
    parser.add_argument("--kernel", metavar="NAME", help="the kernel to execute with; the notebook's own by default")
    parser.add_argument("--timeout", type=int, metavar="SECONDS", help="the longest that a cell may take")
    parser.add_argument("--env", metavar="current|locked", help="today's environment, or the locked one built by uv")
    parser.add_argument("--entry-point", metavar="NAME", help="of a project: what to run of it; main by default")
    parser.add_argument("--version", metavar="REV", help="of a repository: a branch, a tag or a commit")
    parser.add_argument("--force", action="store_true", help="of a pipeline: run every stage, stale or not")
    parser.add_argument("--dry-run", action="store_true", help="of a pipeline: say what would run, and why")
    parser.add_argument("--trust", action="store_true", help="a project from outside may run here")


def do_run(asked: argparse.Namespace) -> Result:
    """Execute a notebook as a tracked run, a project, or a run's slice again."""
    from mlops_nb.projects.sources import is_address

    repository = asked.target.partition("#")[0]
    if asked.version or is_address(asked.target) or Path(asked.target).is_dir() or Path(repository).is_dir():
        from mlops_nb.verbs.projects import run_project

        return run_project(asked, _values(asked))
    if Path(asked.target).suffix == ".ipynb" or Path(asked.target).is_file():
        return _run_notebook(asked)
    try:
        return _run_again(asked)
    except NotFound:
        raise NotFound(
            f"{asked.target!r} is neither a notebook nor a project here, nor a run.",
            hint="Check the path, or list runs with: mlops-nb runs",
        ) from None


def _values(asked: argparse.Namespace) -> dict[str, Any]:
    from mlops_nb.projects.parameters import load_values, parse_assignment

    values = load_values(asked.params_file) if asked.params_file else {}
    values.update(parse_assignment(word) for word in asked.param)
    return values


def _run_notebook(asked: argparse.Namespace, tags: dict[str, str] | None = None) -> Result:
    from mlops_nb.projects.events import NotebookFailed
    from mlops_nb.projects.progress import ProgressBar
    from mlops_nb.projects.rerun import run_notebook

    space = workspaces.current()
    status, note = 0, ""
    try:
        run = run_notebook(
            asked.target,
            params=_values(asked),
            experiment=asked.experiment,
            name=asked.name,
            tags=tags,
            output=asked.output,
            kernel=asked.kernel,
            timeout=asked.timeout,
            listener=ProgressBar(Path(asked.target).stem),
        )
    except NotebookFailed as failed:
        if failed.run_id is None:
            raise
        run, status, note = space.store.get_run(failed.run_id), failed.exit_status, str(failed)
    from mlops_nb.tracking.shapes import run_json
    from mlops_nb.verbs.projects import nested

    runs = [run, *nested(run)]
    return Result("runs", runs, [run_json(each) for each in runs], status, note)


def describe_notebook(path: str) -> str:
    """The parameters that a notebook takes, for ``mlops-nb run NOTEBOOK --help``."""
    return notebook_contract(path).describe()


def notebook_contract(path: str) -> Contract:
    """What a notebook takes, for its form and its help."""
    from mlops_nb.projects.parameters import contract
    from mlops_nb.projects.plain import read_plain

    return contract(read_plain(path), path)


def execute_for_form(path: str, values: dict[str, Any], listener: Listener) -> list[Run]:
    """Execute a notebook with the values of its form: its run, and those of its tracked cells."""
    from mlops_nb.projects.rerun import run_notebook
    from mlops_nb.verbs.projects import nested

    run = run_notebook(path, params=values, listener=listener)
    return [run, *nested(run)]


def _run_again(asked: argparse.Namespace) -> Result:
    """A run's slice with something changed: a new run, nested in the one that it came from."""
    from mlops_nb.capture.params import parse_value
    from mlops_nb.errors import InvalidState
    from mlops_nb.projects.progress import ProgressBar
    from mlops_nb.projects.reproduce import rerun_slice
    from mlops_nb.projects.sites import site_for
    from mlops_nb.tracking.reading import find_run, load_view
    from mlops_nb.tracking.shapes import run_json

    space = workspaces.current()
    run = find_run(asked.target, space)
    view = load_view(run.run_id, space)
    if not view.facts.get("slice") and run.source_type == "PROJECT" and run.notebook:
        asked.target = str(space.project / run.notebook)
        taken = notebook_contract(asked.target).parameters  # what else it has, it has logged by itself
        given = {key: str(value) for key, value in run.params.items() if value is not None and key in taken}
        asked.param = [*(f"{key}={value}" for key, value in given.items()), *asked.param]
        return _run_notebook(asked, {"mlops_nb.rerun_of": run.run_id})
    values = {name: parse_value(str(text)) for name, text in _values(asked).items()}
    unknown = [name for name in values if name not in run.params]
    if unknown:
        raise InvalidInput(
            f"The run {run.name!r} has no parameter {unknown[0]!r}.",
            hint=f"It has: {', '.join(sorted(run.params)) or 'none'}.",
        )
    with site_for(view, asked.env or "current") as site:
        again, outcome = rerun_slice(
            view, site, space, params=values, tags={"mlops_nb.rerun_of": run.run_id}, listener=ProgressBar(run.name)
        )
    if again is None:
        outcome.raise_for_failure(run.name)
        raise InvalidState(f"The slice of {run.name!r} ran, but its last cell was not tracked.")
    failed = again.run.status != "FINISHED"
    return Result("runs", [again.run], [run_json(again.run)], 1 if failed else 0)


def add_reproduce(parser: argparse.ArgumentParser) -> None:
    """Options of ``reproduce``."""
    parser.add_argument("run", metavar="RUN", help="a run's id, a unique prefix of it, or its name")
    parser.add_argument(
        "--env", default="current", metavar="current|locked", help="today's environment, or the run's rebuilt with uv"
    )
    parser.add_argument(
        "--tolerance", type=float, metavar="X", help="relative tolerance of numbers; 0 for exactly the same"
    )


def do_reproduce(asked: argparse.Namespace) -> Result:
    """Execute a run's slice again and give the verdict."""
    from mlops_nb.projects.progress import ProgressBar
    from mlops_nb.projects.reproduce import reproduce
    from mlops_nb.tracking.reading import find_run, say_namesakes

    listener = ProgressBar(f"reproduce {asked.run}", sys.stderr)
    verdict = reproduce(asked.run, env=asked.env, tolerance=asked.tolerance, listener=listener)
    run, plain = find_run(verdict.run_id), verdict.as_json()
    shown = {**plain, "title": f"{run.name} ({run.run_id[:12]})"}
    return Result("verdict", shown, plain, VERDICT_STATUS[verdict.verdict], note=say_namesakes(asked.run, run))
