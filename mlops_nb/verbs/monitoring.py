"""Verbs of the loop: monitor, retrain."""

from __future__ import annotations

import argparse

from mlops_nb.monitoring import Limits, Report, monitor
from mlops_nb.panels.monitoring_views import monitoring_page
from mlops_nb.verbs.table import Result

_STATUSES = (

    "Exit status: 0 no drift; 1 drift, faulty data or a worse performance; 3 could not judge; 2 wrongly asked."

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


def do_monitor(asked: argparse.Namespace) -> Result:
    """Compare what a model answered with what it was trained on."""
    report = judge(asked)
    return Result("monitoring", report, report.to_json(), report.status)


def judge(asked: argparse.Namespace) -> Report:
    """One look at a service, as asked for."""
    return monitor(
        asked.model, since=asked.since, until=asked.until, log=asked.log, reference=asked.reference, truth=asked.truth,
        ignore=asked.ignore, limits=Limits(alpha=asked.alpha, psi=asked.psi), page=monitoring_page,
    )  # fmt: skip
