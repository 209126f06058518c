"""Monitoring tells its story: find the reference, read the log once, judge, and keep it as a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput, require
from mlops_nb.monitoring import performance
from mlops_nb.monitoring.drift import Limits
from mlops_nb.monitoring.keeping import keep_report
from mlops_nb.monitoring.performance import Truths, seconds_of
from mlops_nb.monitoring.reading import Asked, Reading, answers_of
from mlops_nb.monitoring.reference import NoReference, find_reference, inputs_of, read_table
from mlops_nb.monitoring.report import Report, settle
from mlops_nb.monitoring.windows import Span, iso, parse_moment
from mlops_nb.registry import Resolved, resolve
from mlops_nb.registry.checking import evaluations_of
from mlops_nb.serving.log import ANSWERS, log_files, log_folder
from mlops_nb.workspace import Workspace

AHEAD = 300.0
"""Seconds that a clock may be ahead of ours."""


def monitor(
    model_uri: str,
    *,
    since: str | dt.datetime | None = None,
    until: str | dt.datetime | None = None,
    log: str | Path | None = None,
    reference: str | None = None,
    truth: str | None = None,
    ignore: Sequence[str] = (),
    limits: Limits | None = None,
    record: bool = True,
    page: Callable[[Report], str] | None = None,
    space: Workspace | None = None,
) -> Report:
    """Compare what a model answered with what it was trained on.

    Parameters
    ----------
    model_uri : str
        ``models:/NAME@ALIAS``, ``models:/NAME/VERSION`` ...; only answers of that version are looked at.
    since, until : str or datetime, optional
        ISO 8601, or how long ago (``24h``); all that is in the log by default.
    log : path, optional
        The folder of the log, or the root that it is in; by default where ``serve`` writes it.
    reference : str, optional
        A file with the training data; by default what the run recorded.
    truth : str, optional
        A table of ``request_id, row, truth``, beside what came as feedback.
    ignore : sequence of str
        Columns that are not judged (numbers that only count up, for instance).
    limits : Limits, optional
        From where on a difference counts.
    record : bool, default True
        Keep the report as a run.
    page : callable, optional
        Draws the report as HTML, which is kept with the run.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    Report
        With ``verdict``: ``drift``, ``no drift``, or ``unknown`` if there is nothing to judge by.

    Raises
    ------
    NotFound
        If there is no such model.
    InvalidInput
        If a time, the reference or the table of truth cannot be read.

    Examples
    --------
    >>> import mlops_nb, pandas as pd
    >>> with mlops_nb.start_run():
    ...     info = mlops_nb.log_model(
    ...         lambda rows: rows["a"], registered_model_name="echo", requirements=[],
    ...         input_example=pd.DataFrame({"a": range(100)}),
    ...     )
    >>> monitor("models:/echo/1", record=False).reasons
    ['there are no answers of models:/echo/1 in the log']
    """
    require("scipy", "monitor", purpose="monitor a model")
    require("pyarrow", "monitor", purpose="read the request log")
    space = space or workspaces.current()
    space.flush()
    now = dt.datetime.now(dt.UTC)
    found = resolve(model_uri, space)
    asked = Asked(
        found, find_log(found, log, space), parse_moment(since, now), parse_moment(until, now), tuple(ignore),
        limits or Limits(), now, space,
    )  # fmt: skip
    report = Report(found.uri, settings=asdict(asked.limits))
    try:
        _judge(report, asked, reference, truth)
    except NoReference as error:
        report.reasons, report.notes = [error.message.rstrip(".")], [*report.notes, error.hint]
    return keep_report(report, found, space, page) if record else report


def find_log(found: Resolved, log: str | Path | None, space: Workspace) -> Path:
    """The folder of a model's log: one that holds answers, else the one in it that ``serve`` would have written."""
    if log is not None and log_files(Path(log).expanduser(), ANSWERS):
        return Path(log).expanduser()
    return log_folder(found.name or "model", Path(log).expanduser() if log is not None else space.root)


def _judge(report: Report, asked: Asked, reference: str | None, truth: str | None) -> None:
    span, names, others = _look_through(asked)
    if not span.rows:
        report.reasons = [f"there are no answers of {asked.found.uri} in the log"]
        if others:
            report.notes.append(f"the log in that time has answers of version {', '.join(sorted(others)[:5])}")
        report.notes += list(asked.damage.values())
        return
    known = find_reference(asked.found, asked.space, file=reference, columns=inputs_of(asked.found, names, asked.space))
    windows = span.plan()
    reading = Reading(asked, known, windows, names, _truths(asked, truth))
    for table in asked.answers(reading.columns):
        reading.add(table)
    report.rows, report.windows = reading.rows, windows.starts()
    report.since, report.until = (iso(span.first), iso(span.last)) if span.first <= span.last else ("", "")
    report.reference = {"source": known.source, "rows": known.rows, "run_id": known.run_id}
    report.columns = reading.findings()
    report.service = reading.service.to_json()
    baseline, source = promised(asked.found, asked.space)
    report.performance = performance.judge(reading.scores, baseline, asked.limits, source)
    report.notes += [known.note] if known.note else []
    report.notes += [f"{span.odd:,} answers have a time that cannot be right"] if span.odd else []
    report.notes += list(asked.damage.values())
    settle(report)


def _look_through(asked: Asked) -> tuple[Span, dict[str, None], set[str]]:
    """A first pass over times and versions: how many rows, from when to when, which columns, which other versions."""
    earliest = _made(asked)
    span = Span(earliest, asked.now.timestamp() + AHEAD)
    names: dict[str, None] = {}
    others: set[str] = set()
    for table in asked.answers(("time", "version", "run_id")):
        span.add(seconds_of(answers_of(table, asked.found)))
        if "version" in table.column_names:
            others |= set(table["version"].unique().to_pylist()) - {str(asked.found.version)}
    if span.rows:
        import pyarrow.parquet as parquet

        for path in log_files(asked.folder, ANSWERS):
            try:
                names |= dict.fromkeys(parquet.read_schema(path).names)
            except Exception:  # a damaged file, which the pass above has told of
                continue
    return span, names, {str(each) for each in others if each}


def _made(asked: Asked) -> float:
    """From when on answers are plausible: a day before the version was made."""
    if asked.found.name is None or asked.found.version is None:
        return 0.0
    return asked.space.store.get_version(asked.found.name, asked.found.version).creation_time / 1000 - 86_400


def _truths(asked: Asked, file: str | None) -> Truths:
    tables = asked.feedback()
    if file is None:
        return Truths(tables)
    import pyarrow

    table = pyarrow.Table.from_pandas(read_table(file), preserve_index=False)
    missing = {"request_id", "truth"} - set(table.column_names)
    if missing:
        raise InvalidInput(
            f"The table {file} has no column {min(missing)!r}.",
            hint="It needs request_id, truth, and row if there are several.",
        )
    return Truths([*tables, table])


def promised(found: Resolved, space: Workspace) -> tuple[Mapping[str, float], str]:
    """The metrics of the newest evaluation of a version, and what it is, in words."""
    if found.name is None or found.version is None:
        return {}, ""
    version = space.store.get_version(found.name, found.version)
    for run in space.store.search_runs(None, evaluations_of(version), limit=20).items:
        if {"accuracy_score", "mean_absolute_error"} & run.metrics.keys():
            return run.metrics, f"the evaluation {run.name or run.run_id}"
    return {}, ""
