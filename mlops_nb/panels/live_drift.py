"""Drift for the panel of a running service: worked out in a thread, now and then, while somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mlops_nb.errors import MlopsError
from mlops_nb.monitoring import LiveDrift, Report
from mlops_nb.panels.drift_charts import show_edge
from mlops_nb.panels.monitoring_views import MARKS

EVERY = 3.0
"""Seconds between looks at least; and ten times what a look takes, so that it costs a tenth of a processor at most."""

SPANS = (5, 15, 60)
"""Minutes that the window may be long."""

_BINS = 24
_SHOWN = 40


class DriftWatch:
    """Drift of one service's champion.

    Parameters
    ----------
    make : callable
        ``make(uri, minutes)`` gives a `LiveDrift`.

    Examples
    --------
    >>> watch = DriftWatch(lambda uri, minutes: None)
    >>> watch.latest("models:/churn/3", 15)["why"]
    'looking …'
    """

    def __init__(self, make: Callable[[str, float], LiveDrift]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._live: LiveDrift | None = None
        self._asked: tuple[str, float] = ("", 0.0)
        self._answer: dict[str, Any] = {}
        self._thread: threading.Thread | None = None
        self._next = 0.0

    def latest(self, uri: str, minutes: float) -> dict[str, Any]:
        """What the last look gave, as plain JSON; the next one is begun if it is time."""
        minutes = minutes if minutes in SPANS else SPANS[1]
        with self._lock:
            if (uri, minutes) != self._asked:
                self._asked, self._live, self._next = (uri, minutes), None, 0.0
                self._answer = {"verdict": "", "why": "looking …", "uri": uri, "minutes": minutes}
            busy = self._thread is not None and self._thread.is_alive()
            if not busy and time.monotonic() >= self._next:
                self._thread = threading.Thread(target=self._look, name="mlops_nb-live-drift", daemon=True)
                self._thread.start()
            return self._answer

    def _look(self) -> None:
        begun = time.monotonic()
        with self._lock:
            asked, live = self._asked, self._live
        try:
            live = live or self._make(*asked)
            found = plain_report(live.look())
        except MlopsError as error:
            found = {"verdict": "unknown", "why": str(error)}
        except Exception as error:  # in a thread nobody would hear of it
            found = {"verdict": "unknown", "why": f"{type(error).__name__}: {error}"}
        now = time.monotonic()
        with self._lock:
            if asked == self._asked:  # nobody has asked for another version or window meanwhile
                self._live = live
                self._answer = {**found, "uri": asked[0], "minutes": asked[1]}
                self._next = now + max(EVERY, 10 * (now - begun))


def plain_report(report: Report) -> dict[str, Any]:
    """What the panel draws of a report: the verdict, and a few numbers a column.

    Examples
    --------
    >>> plain_report(Report("models:/churn/3", reasons=["nothing was seen"]))["why"]
    'nothing was seen'
    """
    columns = [
        {
            "name": each.name, "kind": each.kind, "role": each.role, "verdict": each.verdict,
            "mark": MARKS[each.verdict][0], "why": each.why, "fault": each.quality_why,
            "psi": each.numbers.get("psi") if each.numbers.get("test") else None, **_shares(each.bins, each.kind),
        }
        for each in report.columns[:_SHOWN]
    ]  # fmt: skip
    judged = [each for each in report.columns if each.verdict != "unknown"]
    over = [[each.over_time[n] for each in report.columns if each.over_time] for n in range(len(report.windows))]
    known = [[value for value in values if value is not None] for values in over]
    return {
        "verdict": report.verdict, "why": "; ".join(report.reasons[:3]), "notes": report.notes, "rows": report.rows,
        "drifted": len(report.drifted), "faulty": len(report.faulty), "judged": len(judged),
        "total": len(report.columns), "columns": columns, "reference": report.reference,
        "limit": report.settings.get("psi"), "over_time": [max(values) if values else None for values in known],
    }  # fmt: skip


def _shares(bins: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Both distributions as shares, with what each bin is, in words."""
    before, now = bins.get("reference") or [], bins.get("current") or []
    if not before or not sum(now):
        return {"before": [], "now": [], "labels": []}
    labels = bins.get("labels") or [" to ".join(each) for each in pairwise(_edges(bins["edges"], kind))]
    kept = [number for number in range(len(before)) if "edges" in bins or before[number] or now[number]][:_BINS]
    return {
        "before": [round(before[number] / max(1, sum(before)), 4) for number in kept],
        "now": [round(now[number] / sum(now), 4) for number in kept],
        "labels": [str(labels[number])[:60] for number in kept],
    }


def _edges(edges: Sequence[float], kind: str) -> list[str]:
    return [show_edge(each, kind, edges[-1] - edges[0]) for each in edges]
