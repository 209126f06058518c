"""Monitoring that goes on by itself: look, tell, retrain on drift, wait; waiting is an argument."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mlops_nb.errors import MlopsError
from mlops_nb.monitoring.report import DRIFTED, Report
from mlops_nb.monitoring.retraining import Retraining

Look = Callable[[dt.datetime | None], Report]
"""One look at the service; at answers from a time on, if one is given."""


@dataclass(slots=True)
class Watch:
    """A watch on a service.

    Parameters
    ----------
    look : callable
        Judges; given the time from which on answers count, or None.
    every : float
        Seconds from the beginning of one look to that of the next.
    wait : callable
        Waits so many seconds; True if it was asked to end.
    retrain : callable, optional
        Called with a report that found drift.
    tell : callable
        Told of each report, retraining and fault, as one line.
    rounds : int, optional
        Looks; without end by default.
    clock : callable
        Seconds that only go on.

    Attributes
    ----------
    last : Report or None
    retrainings : list of Retraining

    Examples
    --------
    >>> watch = Watch(lambda since: Report("models:/churn/1"), 60.0, lambda seconds: False, rounds=2)
    >>> watch.run().verdict, watch.looks
    ('unknown', 2)
    """

    look: Look
    every: float
    wait: Callable[[float], bool]
    retrain: Callable[[Report], Retraining] | None = None
    tell: Callable[[str], None] = lambda line: None
    rounds: int | None = None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    last: Report | None = None
    looks: int = 0
    retrainings: list[Retraining] = field(default_factory=list)
    _since: dt.datetime | None = None
    _judged: str = ""

    def run(self) -> Report | None:
        """Look again and again, until it is asked to end; a fault of one look is told, and the next one comes.

        Returns
        -------
        Report or None
            The last one.
        """
        while True:
            begun = self.clock()
            self.once()
            if self.rounds is not None and self.looks >= self.rounds:
                return self.last
            if self.wait(max(0.0, self.every - (self.clock() - begun))):
                return self.last

    def once(self) -> None:
        """One look, and a retraining if there is drift."""
        self.looks += 1
        try:
            report = self.look(self._since)
        except MlopsError as error:
            self.tell(f"could not look: {error}")
            return
        if self._judged and report.model != self._judged:
            self._since = None  # another version answers: all of its answers count
        self.last, self._judged = report, report.model
        self.tell(f"{report.model}: {report.verdict} ({'; '.join(report.reasons[:3])})")
        if report.verdict == DRIFTED and self.retrain is not None:
            self._retrain(report)

    def _retrain(self, report: Report) -> None:
        """Answers up to now have been answered to: the next retraining needs drift in later ones."""
        assert self.retrain is not None
        self._since = self.now()
        try:
            made = self.retrain(report)
        except MlopsError as error:
            self.tell(f"could not retrain: {error}")
            return
        self.retrainings.append(made)
        place = "is the champion now" if made.promoted else "passes" if made.passed else "does not pass"
        self.tell(f"retrained {made.name}: version {made.challenger} {place} ({made.reason})")
