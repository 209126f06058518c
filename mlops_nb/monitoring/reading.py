"""The log, read in two passes: over times and versions, then every batch counted, and nothing kept of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData
from mlops_nb.monitoring import drift, performance
from mlops_nb.monitoring.drift import Limits
from mlops_nb.monitoring.performance import Scores, Truths, seconds_of
from mlops_nb.monitoring.quality import judge_quality
from mlops_nb.monitoring.reference import Reference
from mlops_nb.monitoring.report import ColumnFinding
from mlops_nb.monitoring.service import ServiceTally
from mlops_nb.monitoring.tallies import Tally, tallies_of
from mlops_nb.monitoring.windows import Windows
from mlops_nb.registry import Resolved
from mlops_nb.serving.log import read_answers, read_feedback
from mlops_nb.serving.tables import INPUT, OUTPUT
from mlops_nb.workspace import Workspace

_ALWAYS = ("time", "version", "run_id", "row", "status", "latency_ms")

LEAST_WINDOW = 50
"""Values that a window needs for a point in a column's curve."""


@dataclass(slots=True)
class Asked:
    """What is to be looked at."""

    found: Resolved
    folder: Path
    since: dt.datetime | None
    until: dt.datetime | None
    ignore: tuple[str, ...]
    limits: Limits
    now: dt.datetime
    space: Workspace
    damage: dict[str, str] = field(default_factory=dict)

    def _note(self, error: CorruptData) -> None:
        """Each damaged file once, however often it is read."""
        self.damage.setdefault(error.message.partition(" cannot be read")[0], error.message)

    def answers(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """The log's tables; of a damaged file what could be read."""
        yield from read_answers(
            self.folder, since=self.since, until=self.until, columns=columns,
            on_damage=self._note,
        )  # fmt: skip

    def feedback(self) -> Iterator[Any]:
        """The log's truth; late truth of earlier answers counts as well."""
        yield from read_feedback(self.folder, since=self.since, on_damage=self._note)


def answers_of(table: Any, found: Resolved) -> Any:
    """The rows that are answers of the version (of the run, for a model that is not registered)."""
    import pyarrow
    import pyarrow.compute as compute

    column, wanted = ("version", str(found.version)) if found.version is not None else ("run_id", found.run_id)
    if wanted is None or column not in table.column_names:
        return table
    mine = compute.equal(table[column].cast(pyarrow.string()), wanted).fill_null(False)
    return table if compute.all(mine).as_py() else table.filter(mine)  # a copy of all columns, where it is needed


class Reading:
    """The second pass: every batch counted, nothing kept of it."""

    def __init__(self, asked: Asked, known: Reference, windows: Windows, names: Iterable[str], truths: Truths) -> None:
        self.asked, self.windows, self.truths = asked, windows, truths
        self.rows = 0
        self.service = ServiceTally(windows.count)
        self.scores: Scores | None = None
        present = list(names)
        self.tallies = tallies_of(known.inputs, known.outputs, windows=windows.count, ignore=asked.ignore)
        self.unknown = [
            name for name in present
            if name.startswith((INPUT, OUTPUT)) and name not in self.tallies
            and name.partition(".")[2] not in asked.ignore
        ]  # fmt: skip
        self.lacking = [name for name in self.tallies if name.startswith(INPUT) and name not in present]

    @property
    def columns(self) -> list[str]:
        """What of the log has to be read: a million request ids cost more than three columns."""
        joined = ["request_id", f"{OUTPUT}prediction"] if len(self.truths) else []
        return list(dict.fromkeys([*_ALWAYS, *joined, *self.tallies]))

    def add(self, table: Any) -> None:
        """Count a table of the log."""
        import numpy

        table = answers_of(table, self.asked.found)
        if not table.num_rows:
            return
        windows = self.windows.place(seconds_of(table))
        status = _integers(table, "status", 200)
        first = _integers(table, "row", 0) == 0
        latency = _floats(table, "latency_ms")
        self.service.add(latency[first], status[first], windows[first])
        if (status >= 400).any():
            answered = status < 400
            table, windows = table.filter(numpy.asarray(answered)), windows[answered]
        self.rows += table.num_rows
        for name, tally in self.tallies.items():
            if name in table.column_names:
                tally.add(table[name].combine_chunks(), windows)
        self._score(table, windows)

    def _score(self, table: Any, windows: Any) -> None:
        column = f"{OUTPUT}prediction"
        if column not in table.column_names or not len(self.truths):
            return
        rows, truth = self.truths.join(table)
        if not len(rows):
            return
        said = table[column].take(rows).combine_chunks()
        if self.scores is None:
            self.scores = Scores(performance.kind_of(self.truths, said), self.windows.count)
        self.scores.add(said, truth, windows[rows])

    def findings(self) -> list[ColumnFinding]:
        """A finding for every column, with the p-values adjusted for all of them together."""
        return find_in(self.tallies, self.asked.limits, unknown=self.unknown, lacking=self.lacking)


def find_in(
    tallies: Mapping[str, Tally], limits: Limits, *, unknown: Sequence[str] = (), lacking: Sequence[str] = ()
) -> list[ColumnFinding]:
    """A finding for every column, with the p-values adjusted for all of them together; the gravest come first.

    Parameters
    ----------
    tallies : mapping of str to Tally
        By the columns' names in the log.
    limits : Limits
    unknown, lacking : sequence of str
        Columns that the log has and the reference has not, and the other way round.

    Examples
    --------
    >>> find_in({}, Limits(), unknown=["input.age"])[0].why
    'is not in the reference'
    """
    differences = [_differ(tally, limits) for tally in tallies.values()]
    adjusted = drift.adjust(differences)
    found = []
    for (name, tally), difference, p in zip(tallies.items(), differences, adjusted, strict=True):
        role, _, short = name.partition(".")
        one = ColumnFinding(short, role, tally.kind, rows=tally.faults.rows)
        if tally.kind == "other":
            one.why = "was not profiled in training"
        elif name in lacking or not tally.faults.rows:
            one.why = "is not in the log"
            one.quality, one.quality_why = ("fault", one.why) if name in lacking else ("ok", "")
        else:
            _fill(one, tally, difference, p, limits, len(tallies))
        found.append(one)
    for name in unknown:
        role, _, short = name.partition(".")
        found.append(ColumnFinding(short, role, "other", why="is not in the reference"))
    return sorted(found, key=_rank)


_ORDER = (drift.DRIFT, drift.SLIGHT, drift.SAME, drift.UNKNOWN)


def _rank(found: ColumnFinding) -> tuple[bool, int, bool, float]:
    """Predictions first, then the gravest."""
    grave = _ORDER.index(found.verdict)
    return found.role != "output", grave, found.quality != "fault", -float(found.numbers.get("psi") or 0.0)


def _differ(tally: Tally, limits: Limits) -> drift.Difference:
    if tally.labels:
        return drift.compare_categories(tally.reference, tally.counts, alpha=limits.alpha)
    if tally.edges and tally.are_classes:
        return drift.compare_categories(tally.reference, tally.counts, alpha=limits.alpha)
    if tally.edges:
        return drift.compare_ordered(
            tally.reference, tally.counts, tally.edges, spread=tally.spread, alpha=limits.alpha
        )
    return drift.Difference("", 0.0, 1.0, 0.0, 0.0, None, 1.0)


def _fill(one: ColumnFinding, tally: Tally, difference: drift.Difference, p: float, limits: Limits, tried: int) -> None:
    one.verdict, one.why = drift.decide(difference, p, tally.seen, limits)
    if one.verdict == drift.DRIFT and tally.kind == "datetime":
        one.verdict, one.why = drift.SLIGHT, f"times go on, as they do: {one.why}"
    one.numbers = {
        "test": difference.test, "statistic": difference.statistic, "p": difference.p, "p_adjusted": p,
        "psi": difference.psi, "js": difference.js, "shift": difference.shift,
    }  # fmt: skip
    if tally.kind in ("numeric", "duration") and tally.mean is not None:
        one.numbers |= {"mean": tally.mean, "mean_reference": tally.profile.get("mean")}
    one.quality, one.quality_why = judge_quality(tally.profile, tally.faults, limits, tried=tried)
    faults = asdict(tally.faults)
    one.faults = {
        key: faults[key] for key in ("missing", "infinite", "wrong_type", "below", "above", "new", "new_values")
    }
    current = [int(each) for each in tally.counts] if tally.reference else []
    names: dict[str, Any] = {"labels": tally.labels} if tally.labels else {"edges": tally.edges}
    one.bins = {**names, "reference": tally.reference, "current": current}
    one.over_time = [
        drift.stability(tally.reference, row) if tally.reference and row.sum() >= LEAST_WINDOW else None
        for row in tally.bins
    ]  # fmt: skip


def _integers(table: Any, name: str, otherwise: int) -> Any:
    import numpy
    import pyarrow

    if name not in table.column_names:
        return numpy.full(table.num_rows, otherwise, dtype=numpy.int64)
    try:
        return table[name].cast(pyarrow.int64()).fill_null(otherwise).to_numpy()
    except pyarrow.ArrowException:
        return numpy.full(table.num_rows, otherwise, dtype=numpy.int64)


def _floats(table: Any, name: str) -> Any:
    import numpy
    import pyarrow

    if name not in table.column_names:
        return numpy.full(table.num_rows, numpy.nan)
    try:
        return table[name].cast(pyarrow.float64()).fill_null(float("nan")).to_numpy()
    except pyarrow.ArrowException:
        return numpy.full(table.num_rows, numpy.nan)
