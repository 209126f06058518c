"""A report kept as a run, linked to the version that it judges."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from mlops_nb.errors import NotFound
from mlops_nb.monitoring.report import Report
from mlops_nb.registry import Resolved
from mlops_nb.registry.governed import sign
from mlops_nb.registry.history import MONITORS
from mlops_nb.tracking import active_run, start_run
from mlops_nb.tracking.files import log_dict, log_text
from mlops_nb.workspace import Workspace

DRIFT = "mlops_nb.drift"
"""Tag of such a run: its verdict."""

RETRAINING_OF = "mlops_nb.retraining_of"
"""Tag of an execution that was begun to replace a version: the version's URI."""

RETRAINED_BY = "mlops_nb.retrained_by"
"""Tag of a report: the run that answered to it."""

REPORT = "monitoring"
"""Fact of such a run."""

_KEPT = ("model", "verdict", "reasons", "rows", "since", "until", "drifted", "faulty")


def keep_report(report: Report, found: Resolved, space: Workspace, page: Callable[[Report], str] | None) -> Report:
    """Keep a report as a run: metrics, the report as JSON and as a page, and an entry in the model's audit.

    Parameters
    ----------
    report : Report
        Gets the run's id.
    found : Resolved
        The model.
    space : Workspace
    page : callable or None
        Draws it.

    Returns
    -------
    Report
    """
    name = f"monitor {found.name}/{found.version}" if found.name else "monitor"
    tags = {MONITORS: found.uri, DRIFT: report.verdict}
    with start_run(run_name=name, nested=active_run() is not None, tags=tags) as run:
        report.run_id = run.run_id
        run.log_params({"model": found.uri, "since": report.since, "until": report.until, **report.settings})
        run.log_metrics(metrics_of(report))
        plain = json.loads(json.dumps(report.to_json(), default=str, allow_nan=False))
        log_dict(plain, "monitoring.json")
        if page is not None:
            log_text(page(report), "monitoring.html")
        run.fact(REPORT, {key: plain[key] for key in _KEPT})
    space.flush()
    if found.name is not None:
        try:
            space.store.note_change(
                found.name, "monitor", version=found.version, subject=report.verdict, new=report.run_id,
                by=sign(report.reasons[0] if report.reasons else ""),
            )  # fmt: skip
        except NotFound:
            pass  # the model was deleted meanwhile: the run tells of it all the same
    return report


def metrics_of(report: Report) -> dict[str, float]:
    """What of a report is a metric of its run.

    Examples
    --------
    >>> metrics_of(Report("models:/churn/3", rows=5))["rows"]
    5.0
    """
    judged = [each for each in report.columns if each.numbers]
    found: dict[str, Any] = {
        "rows": report.rows,
        "drifted_columns": len(report.drifted),
        "faulty_columns": len(report.faulty),
        "largest_psi": max((each.numbers["psi"] for each in judged), default=0.0),
        "error_share": (report.service.get("errors") or 0) / max(1, report.service.get("requests") or 0),
        "latency_p95_ms": (report.service.get("latency_ms") or {}).get("p95"),
    }
    found |= {f"psi.{each.role}.{each.name}": each.numbers["psi"] for each in judged[:200]}
    found |= report.performance.get("metrics") or {}
    return {_metric(key): float(value) for key, value in found.items() if value is not None and math.isfinite(value)}


def _metric(name: str) -> str:
    """A name that a metric may have: columns are called what their users like."""
    return "".join(each if each.isalnum() or each in "_-./ " else "_" for each in name)[:200]
