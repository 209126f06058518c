"""Drift while it happens: the newest answers of a service, counted once as they are written, beside its training data.

Nothing of this is on the path of a request: what is read are the files of the request log, by whoever looks.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, require
from mlops_nb.monitoring.drift import Limits
from mlops_nb.monitoring.performance import seconds_of
from mlops_nb.monitoring.reading import answers_of, find_in
from mlops_nb.monitoring.reference import NoReference, Reference, find_reference, inputs_of
from mlops_nb.monitoring.report import Report, settle
from mlops_nb.monitoring.tallies import Tally, stack_tallies, tallies_of
from mlops_nb.monitoring.windows import iso
from mlops_nb.registry import Resolved, resolve
from mlops_nb.serving.covering import read_name
from mlops_nb.serving.log import ANSWERS, log_files, read_file, stamp, stamp_of
from mlops_nb.serving.tables import INPUT, OUTPUT
from mlops_nb.workspace import Workspace

SLOTS = 15
"""Parts of the rolling window: the oldest is forgotten as a whole."""

MOST_ROWS = 200_000
"""Rows that one look reads at most, the newest first: a look takes seconds, whatever the traffic."""


@dataclass(slots=True)
class _Slot:
    """What was answered in one part of the window."""

    tallies: dict[str, Tally]
    rows: int = 0
    names: set[str] = field(default_factory=set)


class LiveDrift:
    """A rolling window over the request log of a service.

    Parameters
    ----------
    model_uri : str
        The exact version that is watched: only its answers count.
    folder : path
        The request log, as of `mlops_nb.serving.log_folder`.
    space : Workspace
        Where the version's run is.
    minutes : float, default 15
        How long the window is.
    limits : Limits, optional
        From where on a difference counts.

    Examples
    --------
    >>> import mlops_nb, pandas as pd
    >>> from mlops_nb import workspace
    >>> from mlops_nb.serving import Recorder
    >>> from mlops_nb.serving.recorder import Answer
    >>> with mlops_nb.start_run():
    ...     info = mlops_nb.log_model(
    ...         lambda rows: rows["a"], registered_model_name="echo", requirements=[],
    ...         input_example=pd.DataFrame({"a": range(500)}),
    ...     )
    >>> log, now = Recorder(Path("log"), "echo"), time.time()
    >>> for number in range(200):
    ...     log.record(Answer(f"r{number}", now, 1.0, 200, "1", inputs={"a": [400]}, outputs={"prediction": [400]}))
    >>> log.close()
    >>> live = LiveDrift("models:/echo/1", "log", space=workspace.current())
    >>> report = live.look()
    >>> report.rows, report.verdict, report.drifted
    (200, 'drift', ['a'])
    """

    def __init__(
        self, model_uri: str, folder: str | Path, *, space: Workspace, minutes: float = 15.0,
        limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.model_uri = model_uri
        self.minutes = minutes
        self._folder = Path(folder)
        self._space = space
        self._limits = limits or Limits()
        self._width = minutes * 60 / SLOTS
        self._slots: dict[int, _Slot] = {}
        self._seen: set[str] = set()
        self._looked = False
        self._left_out = 0
        self._damage: dict[str, str] = {}
        self._found: Resolved | None = None
        self._known: Reference | None = None

    def look(self, now: float | None = None) -> Report:
        """Count what has been written since the last look, and judge the window.

        Parameters
        ----------
        now : float, optional
            Seconds since 1970.

        Returns
        -------
        Report
            As of `monitor`, without performance and service; ``over_time`` has a value for each part of the window.

        Raises
        ------
        NotFound
            If there is no such model.
        """
        require("scipy", "monitor", purpose="tell drift")
        require("pyarrow", "monitor", purpose="read the request log")
        now = time.time() if now is None else now
        last = int(now // self._width)
        report = Report(self.model_uri, settings=asdict(self._limits))
        try:
            self._read(last)
        except NoReference as error:
            report.reasons, report.notes = [error.message.rstrip(".")], [error.hint]
            return report
        self._judge(report, last)
        return report

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self, last: int) -> None:
        """Count the files that are new, the newest first; what is older than the window is forgotten."""
        self._slots = {number: slot for number, slot in self._slots.items() if number > last - SLOTS}
        begin = stamp(dt.datetime.fromtimestamp((last - SLOTS + 1) * self._width, dt.UTC))
        files = [path for path in log_files(self._folder, ANSWERS) if stamp_of(path) >= begin]
        self._seen &= {path.name for path in files}
        new = [path for path in reversed(files) if path.name not in self._seen]
        if self._known is None and (new or self._found is None):
            self._learn(new)
        rows = self._left_out = 0
        for path in new:
            self._seen.add(path.name)
            if self._looked and read_name(path).covers:
                continue  # what has become one file was counted when it was many
            if rows > MOST_ROWS:
                self._left_out += 1
                continue
            try:
                rows += self._count(path, last)
            except CorruptData as error:
                self._damage = {path.name: error.message}
        self._looked = True

    def _learn(self, files: Sequence[Path]) -> None:
        """Find out, once, what the model was trained on."""
        self._found = self._found or resolve(self.model_uri, self._space)
        columns = inputs_of(self._found, _names_in(files), self._space)
        self._known = find_reference(self._found, self._space, columns=columns)

    def _count(self, path: Path, last: int) -> int:
        import numpy
        import pyarrow.compute as compute

        assert self._found is not None and self._known is not None
        rows = 0
        for table in read_file(path):
            names = set(table.column_names)
            mine = answers_of(table, self._found)
            if "status" in names:
                mine = mine.filter(compute.less(mine["status"], 400))
            rows += table.num_rows
            parts = numpy.floor(seconds_of(mine) / self._width)
            for number in numpy.unique(parts[numpy.isfinite(parts)]).astype(int).tolist():
                if last - SLOTS < number <= last + 1:  # a clock may be a little ahead
                    inside = parts == number
                    self._add(min(number, last), mine if inside.all() else mine.filter(inside), names)
        return rows

    def _add(self, number: int, table: Any, names: set[str]) -> None:
        import numpy

        assert self._known is not None
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = _Slot(tallies_of(self._known.inputs, self._known.outputs))
        slot.rows += table.num_rows
        slot.names |= names
        windows = numpy.zeros(table.num_rows, dtype=numpy.int64)
        for name, tally in slot.tallies.items():
            if name in names:
                tally.add(table[name].combine_chunks(), windows)

    # -- judging ------------------------------------------------------------------------------------------------------

    def _judge(self, report: Report, last: int) -> None:
        numbers = range(last - SLOTS + 1, last + 1)
        slots = [self._slots.get(number) for number in numbers]
        there = [slot for slot in slots if slot is not None]
        report.rows = sum(slot.rows for slot in there)
        report.windows = [iso(number * self._width) for number in numbers]
        report.since, report.until = report.windows[0], iso((last + 1) * self._width)
        if self._known is not None:
            report.reference = {
                "source": self._known.source, "rows": self._known.rows, "run_id": self._known.run_id,
            }  # fmt: skip
            report.notes += [self._known.note] if self._known.note else []
        report.notes += list(self._damage.values())
        if self._left_out:
            report.notes.append(f"only the newest {MOST_ROWS:,} answers were counted")
        if not report.rows:
            report.reasons = [f"no answers of {self.model_uri} in the last {self.minutes:g} minutes"]
            return
        names = set().union(*(slot.names for slot in there))
        tallies = {
            name: stack_tallies([slot.tallies[name] if slot is not None else None for slot in slots])
            for name in there[0].tallies
        }
        unknown = [each for each in names if each.startswith((INPUT, OUTPUT)) and each not in tallies]
        lacking = [each for each in tallies if each.startswith(INPUT) and each not in names]
        report.columns = find_in(tallies, self._limits, unknown=sorted(unknown), lacking=lacking)
        settle(report)


def _names_in(files: Sequence[Path]) -> list[str]:
    """The columns of the first file that is whole."""
    import pyarrow.parquet as parquet

    for path in files:
        with contextlib.suppress(Exception):  # a damaged file is told when it is counted
            return list(parquet.read_schema(path).names)
    return []
