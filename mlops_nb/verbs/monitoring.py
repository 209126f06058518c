"""Verbs of the loop: monitor, retrain."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Run
from mlops_nb.errors import InvalidInput, InvalidState
from mlops_nb.monitoring import Limits, Report, Retraining, Watch, monitor, retrain
from mlops_nb.monitoring.retraining import resolved_name
from mlops_nb.monitoring.windows import parse_span
from mlops_nb.panels.monitoring_views import monitoring_page
from mlops_nb.stopping import heeded_signals
from mlops_nb.verbs.governance import execute_notebook
from mlops_nb.verbs.table import Result

_STATUSES = (
    "Exit status: 0 no drift; 1 drift, faulty data or a worse performance; 3 could not judge; 2 wrongly asked. "
    "With --every, of the last look."
)


def add_monitor(parser: argparse.ArgumentParser) -> None:
    """Options of ``monitor``."""
    limits = Limits()
    parser.epilog = _STATUSES
    parser.add_argument("model", metavar="MODEL_URI", help="a served model: models:/churn@champion")
    parser.add_argument("--since", metavar="WHEN", help="answers from then on: 24h (ago), or 2026-11-30T12:00")
    parser.add_argument("--until", metavar="WHEN", help="answers before then")
    parser.add_argument("--log", metavar="DIR", help="the request log, if it is not where serve writes it")
    parser.add_argument("--reference", metavar="FILE", help="the training data, if the run did not record it")
    parser.add_argument("--truth", metavar="TABLE", help="a table of request_id, row, truth, beside the feedback")
    parser.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="a column that is not judged")
    parser.add_argument("--alpha", type=float, default=limits.alpha, metavar="X",
                        help=f"share of false alarms among the columns called changed ({limits.alpha})")  # fmt: skip
    parser.add_argument("--psi", type=float, default=limits.psi, metavar="X",
                        help=f"stability index from which on a difference is drift ({limits.psi})")  # fmt: skip
    parser.add_argument("--every", metavar="SPAN", help="look again and again: every 15m, 1h, 1d; ends with Ctrl-C")
    parser.add_argument("--rounds", type=int, metavar="N", help="with --every: so many looks, then end")
    parser.add_argument("--retrain-on", choices=["drift"], help="retrain when there is drift")
    _retraining(parser)


def _retraining(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-p", "--param", action="append", default=[], metavar="NAME=VALUE",
                        help="a parameter of the retraining; @log: a file of answers whose truth is known")  # fmt: skip
    parser.add_argument("--promote", action="store_true", help="if it passes the gates, it becomes the champion")
    parser.add_argument("--alias", default="challenger", metavar="ALIAS", help="of the new version (challenger)")
    parser.add_argument("--holdout", metavar="FILE", help="what both are measured on: a file, or @log (the default)")
    parser.add_argument("--target", metavar="COLUMN", help="the column of the truth, if it is not clear")


def do_monitor(asked: argparse.Namespace) -> Result:
    """Compare what a model answered with what it was trained on."""
    if asked.every is None:
        if asked.rounds is not None:
            raise InvalidInput("--rounds counts looks of --every.", hint="For instance: --every 1h --rounds 24")
        report = _look(asked)
        if asked.retrain_on and report.status == 1:
            made = _retrain(asked, report.run_id)
            return Result("retraining", made, {"monitoring": report.to_json(), "retraining": made.to_json()}, 1)
        return Result("monitoring", report, report.to_json(), report.status)
    last = _watch(asked)
    if last is None:
        raise InvalidState("No look succeeded.", hint="See the lines above.")
    return Result("monitoring", last, last.to_json(), last.status)


def _look(asked: argparse.Namespace, since: dt.datetime | None = None) -> Report:
    return monitor(
        asked.model, since=since or asked.since, until=asked.until, log=asked.log, reference=asked.reference,
        truth=asked.truth, ignore=asked.ignore, limits=Limits(alpha=asked.alpha, psi=asked.psi), page=monitoring_page,
    )  # fmt: skip


def _watch(asked: argparse.Namespace) -> Report | None:
    """Look until told to end: by Ctrl-C or SIGTERM the look that is going on is finished first."""
    every = parse_span(asked.every)
    if asked.rounds is not None and asked.rounds < 1:
        raise InvalidInput(f"--rounds takes a number from 1 on, not {asked.rounds}.")
    space = workspaces.current()
    if asked.retrain_on:
        resolved_name(asked.model, space)

    def tell(line: str) -> None:
        sys.stderr.write(f"{dt.datetime.now():%H:%M:%S}  {line}\n")
        sys.stderr.flush()

    with _ending() as ended:
        watch = Watch(
            lambda since: _look(asked, since), every, ended.wait, tell=tell, rounds=asked.rounds,
            retrain=(lambda report: _retrain(asked, report.run_id)) if asked.retrain_on else None,
        )  # fmt: skip
        return watch.run()


@contextlib.contextmanager
def _ending() -> Iterator[threading.Event]:
    """An event that signals set, in the main thread; the signals' own handlers are put back."""
    ended = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield ended
        return
    former = {each: signal.getsignal(each) for each in heeded_signals()}

    def end(number: int, frame: Any) -> None:
        if ended.is_set():  # asked twice: at once
            raise KeyboardInterrupt
        ended.set()

    try:
        for each in former:
            signal.signal(each, end)
        yield ended
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def _retrain(asked: argparse.Namespace, drift_run: str | None = None, name: str | None = None) -> Retraining:
    from mlops_nb.projects.parameters import parse_assignment

    return retrain(
        name or resolved_name(asked.model, workspaces.current()), dict(map(parse_assignment, asked.param)),
        again=execute_again, promote_it=asked.promote, alias=asked.alias, holdout=asked.holdout, target=asked.target,
        drift_run=drift_run, execute=execute_notebook, champion=getattr(asked, "champion", "champion"),
    )  # fmt: skip


def panel_of(report: Report, asked: argparse.Namespace) -> Any:
    """The panel for a report, which can look again and retrain as the line asked for."""
    from mlops_nb.panels.monitoring_panel import MonitoringPanel

    def look(since: str | None) -> Report:
        asked.since = since
        return _look(asked)

    def again(words: Sequence[str], target: str | None, promote: bool, drift_run: str) -> Retraining:
        asked.param, asked.target, asked.promote = list(words), target or asked.target, promote
        return _retrain(asked, drift_run)

    return MonitoringPanel(report, look, again)


def add_retrain(parser: argparse.ArgumentParser) -> None:
    """Options of ``retrain``."""
    parser.epilog = "Exit status: 0 the challenger passes; 1 it does not; 3 it could not be made; 2 wrongly asked."
    parser.add_argument("name", metavar="NAME", help="the registered model")
    parser.add_argument("--champion", default="champion", metavar="ALIAS", help="the version to be beaten (champion)")
    _retraining(parser)


def do_retrain(asked: argparse.Namespace) -> Result:
    """Execute what made the champion again, and measure what comes out beside it."""
    from mlops_nb.projects.events import NotebookFailed, NotebookInterrupted

    try:
        made = _retrain(asked, name=asked.name)
    except NotebookInterrupted:
        raise
    except NotebookFailed as failed:
        return Result("text", f"✗ not retrained: {failed}", {"name": asked.name, "error": str(failed)}, 3)
    return Result("retraining", made, made.to_json(), made.status)


def execute_again(run: Run, params: dict[str, Any], tags: dict[str, str]) -> Run:
    """Execute what made a run: its own slice if that takes these parameters, else the notebook that was executed."""
    space = workspaces.current()
    parent = space.store.get_run(run.parent_run_id) if run.parent_run_id else None
    has_slice = bool(space.store.facts(run.run_id, ["slice"]).get("slice"))
    if has_slice and set(params) <= set(run.params):
        return _slice_again(run, params, tags)
    for each in (run, parent):
        # One that is still going on is the notebook that asks for this: it would execute itself, again and again.
        if each is not None and each.source_type == "PROJECT" and each.notebook and each.status.is_final:
            return _notebook_again(each, params, tags)
    return _slice_again(run, params, tags)


def _notebook_again(run: Run, params: dict[str, Any], tags: dict[str, str]) -> Run:
    from mlops_nb.projects.progress import ProgressBar
    from mlops_nb.projects.rerun import run_notebook

    space = workspaces.current()
    known = {name: value for name, value in run.params.items() if value is not None}
    path = space.project / str(run.notebook)
    if not path.is_file():
        raise InvalidState(f"The notebook {run.notebook} is no longer there.", hint="Put it back.")
    return run_notebook(
        path, params={**known, **params}, experiment=run.experiment, tags=tags, workspace=space,
        listener=ProgressBar(path.stem),
    )  # fmt: skip


def _slice_again(run: Run, params: dict[str, Any], tags: dict[str, str]) -> Run:
    from mlops_nb.capture.params import parse_value
    from mlops_nb.projects.progress import ProgressBar
    from mlops_nb.projects.reproduce import rerun_slice
    from mlops_nb.projects.sites import site_for
    from mlops_nb.tracking.reading import load_view

    space = workspaces.current()
    view = load_view(run.run_id, space)
    if not view.facts.get("slice"):
        raise InvalidState(
            f"The run {run.name!r} was made by no notebook or tracked cell, so it cannot be executed again.",
            hint="Train in a tracked cell, or with: mlops-nb run NOTEBOOK",
        )
    unknown = [name for name in params if name not in run.params]
    if unknown:
        raise InvalidInput(
            f"The run {run.name!r} has no parameter {unknown[0]!r}.",
            hint=f"It has: {', '.join(sorted(run.params)) or 'none'}.",
        )
    values = {name: parse_value(value) if isinstance(value, str) else value for name, value in params.items()}
    with site_for(view, "current") as site:
        again, outcome = rerun_slice(view, site, space, params=values, tags=tags, listener=ProgressBar(run.name))
    if again is None or again.run.status != "FINISHED":
        outcome.raise_for_failure(run.name)
        raise InvalidState(f"The slice of {run.name!r} ran, and its last cell failed or was not tracked.")
    found: Run = again.run
    return found
