"""What was found, as plain values: one report of a time of serving, a finding a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mlops_nb.monitoring.drift import DRIFT, SAME, SLIGHT, UNKNOWN

NO_DRIFT = "no drift"
DRIFTED = DRIFT
STATUS = {NO_DRIFT: 0, DRIFT: 1, UNKNOWN: 3}
"""Exit statuses of ``mlops-nb monitor``, by the verdict of a report."""


@dataclass(slots=True)
class ColumnFinding:
    """What was found of one column.

    Attributes
    ----------
    name : str
    role : str
        ``input`` or ``output``.
    kind : str
        As in the profile: ``numeric``, ``categorical`` ...
    verdict, why : str
        ``same``, ``slight``, ``drift`` or ``unknown``, and the sentence.
    numbers : dict
        ``test, statistic, p, p_adjusted, psi, js, shift``, and where there are any ``mean, mean_reference``.
    quality, quality_why : str
        ``ok`` or ``fault``, and the sentence.
    faults : dict
        Rows that are ``missing, infinite, wrong_type, below, above, new``, and ``new_values``.
    bins : dict
        ``labels`` or ``edges``, and the counts ``reference`` and ``current``.
    over_time : list of float or None
        The PSI of each window; None where there was too little.
    rows : int
        Rows that were looked at.
    """

    name: str
    role: str
    kind: str
    verdict: str = UNKNOWN
    why: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)
    quality: str = "ok"
    quality_why: str = ""
    faults: dict[str, Any] = field(default_factory=dict)
    bins: dict[str, Any] = field(default_factory=dict)
    over_time: list[float | None] = field(default_factory=list)
    rows: int = 0


@dataclass(slots=True)
class Report:
    """What monitoring found of a model, in a time of its serving.

    Attributes
    ----------
    model : str
        The exact URI: ``models:/churn/3``.
    verdict : str
        ``drift``, ``no drift`` or ``unknown``.
    reasons : list of str
        Why, the gravest first.
    rows : int
        Answers that were looked at.
    since, until : str
        Of the first and the last of them; ISO 8601, UTC.
    reference : dict
        ``source`` (in words), ``rows``, ``run_id``.
    columns : list of ColumnFinding
    performance : dict
        ``verdict, why, kind, rows, metrics, baseline, over_time``; empty where no truth is known.
    service : dict
        ``requests, errors, latency_ms`` and both ``over_time``.
    windows : list of str
        Where the windows of all ``over_time`` begin; ISO 8601, UTC.
    notes : list of str
        What was left out, and what would help.
    settings : dict
        The limits.
    run_id : str
        The run that the report is kept as; empty if it is not.
    """

    model: str
    verdict: str = UNKNOWN
    reasons: list[str] = field(default_factory=list)
    rows: int = 0
    since: str = ""
    until: str = ""
    reference: dict[str, Any] = field(default_factory=dict)
    columns: list[ColumnFinding] = field(default_factory=list)
    performance: dict[str, Any] = field(default_factory=dict)
    service: dict[str, Any] = field(default_factory=dict)
    windows: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""

    @property
    def status(self) -> int:
        """The exit status: 0 no drift, 1 drift, 3 could not judge."""
        return STATUS[self.verdict]

    @property
    def drifted(self) -> list[str]:
        """Names of the columns that have drifted."""
        return [each.name for each in self.columns if each.verdict == DRIFT]

    @property
    def faulty(self) -> list[str]:
        """Names of the columns whose data is faulty."""
        return [each.name for each in self.columns if each.quality == "fault"]

    def column(self, name: str) -> ColumnFinding:
        """The finding of a column, by its name; an input comes before an output of the same name."""
        return next(each for each in self.columns if each.name == name)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON.

        Examples
        --------
        >>> Report("models:/churn/3").to_json()["verdict"]
        'unknown'
        """
        return {**asdict(self), "drifted": self.drifted, "faulty": self.faulty}


def settle(report: Report) -> None:
    """Give a report its verdict, and the reasons.

    Examples
    --------
    >>> found = Report("models:/churn/3", rows=9, columns=[ColumnFinding("age", "input", "numeric", "drift", "moved")])
    >>> settle(found)
    >>> found.verdict, found.reasons
    ('drift', ['age moved'])
    """
    reasons = [f"{_called(each)} {each.why}" for each in report.columns if each.verdict == DRIFT]
    reasons += [f"{_called(each)}: {each.quality_why}" for each in report.columns if each.quality == "fault"]
    if report.performance.get("verdict") == "worse":
        reasons.insert(0, str(report.performance["why"]))
    known = [each for each in report.columns if each.verdict in (SAME, SLIGHT)]
    if reasons:
        report.verdict, report.reasons = DRIFT, reasons
    elif known:
        blind = [each.name for each in report.columns if each.verdict == UNKNOWN]
        report.verdict = NO_DRIFT
        report.reasons = [f"{_counted(len(known), 'column')} as in training"]
        report.reasons += [f"{_named(blind)} could not be judged"] if blind else []
    else:
        report.verdict = UNKNOWN
        report.reasons = report.reasons or [each.why for each in report.columns if each.why][:1] or ["nothing was seen"]


def _called(found: ColumnFinding) -> str:
    return "the prediction" if (found.role, found.name) == ("output", "prediction") else found.name


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
