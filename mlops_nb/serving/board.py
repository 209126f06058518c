"""Counters of all workers in one piece of shared memory: each writes its own row, whoever asks adds them up."""

from __future__ import annotations

import mmap
import os
import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops_nb.serving.settings import ROLES

GAUGES = ("pid", "started", "in_flight", "ready", "memory", "log_queued", "switches")
COUNTS = ("rows", "log_written", "log_dropped", "log_failures", "shadow_dropped", "feedback", "timeouts", "failures")
STATUSES = (200, 400, 401, 403, 404, 405, 408, 413, 415, 499, 500, 503, 504)
BOUNDS = (0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5,
          1.0, 2.5, 5.0, 10.0)  # fmt: skip
"""Upper bounds of the latency histogram, in seconds."""

_BUCKETS = len(BOUNDS) + 1
_PER_ROLE = len(STATUSES) + 1 + _BUCKETS
_FIRST_ROLE = len(GAUGES) + len(COUNTS)
WIDTH = _FIRST_ROLE + _PER_ROLE * len(ROLES)
_PLACE = {name: place for place, name in enumerate((*GAUGES, *COUNTS))}
_STATUS = {status: place for place, status in enumerate(STATUSES)}


class Board:
    """The counters.

    Parameters
    ----------
    slots : int
        Rows: one a worker, which its successor goes on with.
    fd : int
        An open file of at least ``size(slots)`` bytes.
    """

    def __init__(self, slots: int, fd: int) -> None:
        self.slots = slots
        self._memory = mmap.mmap(fd, self.size(slots))
        self._cells: Any = memoryview(self._memory).cast("d")

    @staticmethod
    def size(slots: int) -> int:
        """Bytes for so many rows."""
        return slots * WIDTH * struct.calcsize("d")

    @staticmethod
    def create(slots: int) -> tuple[Board, int]:
        """A new one in a file without a name, and that file."""
        import tempfile

        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
        os.ftruncate(fd, Board.size(slots))
        return Board(slots, fd), fd

    def row(self, slot: int) -> Row:
        """One worker's row, to write."""
        return Row(self._cells, slot * WIDTH)

    def total(self) -> Total:
        """The sums."""
        rows = [self._cells[slot * WIDTH : (slot + 1) * WIDTH].tolist() for slot in range(self.slots)]
        return Total([sum(column) for column in zip(*rows, strict=True)], len(rows))


class Row:
    """One worker's counters."""

    def __init__(self, cells: Any, start: int) -> None:
        self._cells = cells
        self._start = start

    def start(self, pid: int, now: float) -> None:
        """A process takes the row over: what counts up goes on, what is a state begins anew."""
        for name in GAUGES:
            self.set(name, 0.0)
        self.set("pid", pid)
        self.set("started", now)

    def set(self, name: str, value: float) -> None:
        """Set a state, or a count that is kept elsewhere."""
        self._cells[self._start + _PLACE[name]] = value

    def get(self, name: str) -> float:
        """Read one of this row."""
        found: float = self._cells[self._start + _PLACE[name]]
        return found

    def add(self, name: str, amount: float = 1.0) -> None:
        """Count."""
        self._cells[self._start + _PLACE[name]] += amount

    def answered(self, role: str, status: int, seconds: float) -> None:
        """Count an answer and its latency."""
        place = self._start + _FIRST_ROLE + ROLES.index(role) * _PER_ROLE
        self._cells[place + _STATUS.get(status, _STATUS[500])] += 1
        place += len(STATUSES)
        self._cells[place] += seconds
        self._cells[place + 1 + bisect_left(BOUNDS, seconds)] += 1


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of all workers' counters."""

    values: Sequence[float]
    workers: int

    def get(self, name: str) -> float:
        """One of the gauges or counts."""
        return self.values[_PLACE[name]]

    def statuses(self, role: str) -> dict[int, int]:
        """How often each status was answered."""
        start = self._role(role)
        counts = {status: int(self.values[start + place]) for status, place in _STATUS.items()}
        return {status: count for status, count in counts.items() if count}

    def latency(self, role: str) -> tuple[float, list[int]]:
        """The sum in seconds, and the count of each bucket."""
        start = self._role(role) + len(STATUSES)
        return self.values[start], [int(each) for each in self.values[start + 1 : start + 1 + _BUCKETS]]

    def _role(self, role: str) -> int:
        return _FIRST_ROLE + ROLES.index(role) * _PER_ROLE


def quantile(counts: Sequence[float], share: float) -> float | None:
    """A quantile in seconds out of a histogram; None if it is empty.

    Examples
    --------
    >>> quantile([0] * 2 + [10] + [0] * 18, 0.5)
    0.000875
    """
    whole = sum(counts)
    if not whole:
        return None
    wanted, seen = share * whole, 0.0
    for place, count in enumerate(counts):
        if count and seen + count >= wanted:
            low = BOUNDS[place - 1] if place else 0.0
            high = BOUNDS[place] if place < len(BOUNDS) else BOUNDS[-1] * 2
            return low + (high - low) * (wanted - seen) / count
        seen += count
    return BOUNDS[-1]


def exposition(total: Total, models: Sequence[dict[str, Any]]) -> str:
    """The counters as Prometheus reads them.

    Parameters
    ----------
    total : Total
    models : sequence of dict
        ``name, version, run_id, role`` of what is served.
    """
    lines = []

    def metric(name: str, kind: str, text: str, samples: Sequence[tuple[str, float]]) -> None:
        lines.extend([f"# HELP mlops_nb_{name} {text}", f"# TYPE mlops_nb_{name} {kind}"])
        lines.extend(f"mlops_nb_{name}{labels} {value:g}" if value < 1e6 else f"mlops_nb_{name}{labels} {value:.0f}"
                     for labels, value in samples)  # fmt: skip

    roles = [role for role in ROLES if role == ROLES[0] or any(model["role"] == role for model in models)]
    info = [(_labels({key: model[key] for key in ("name", "version", "run_id", "role")}), 1.0) for model in models]
    metric("model_info", "gauge", "What is served.", info)
    asked = [(_labels({"role": role, "status": status}), float(count))
             for role in roles for status, count in total.statuses(role).items()]  # fmt: skip
    metric("requests_total", "counter", "Requests to score, by status.", asked)
    lines += ["# HELP mlops_nb_request_seconds Time from a request to its answer.",
              "# TYPE mlops_nb_request_seconds histogram"]  # fmt: skip
    for role in roles:
        whole, counts = total.latency(role)
        seen = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
            seen += count
            lines.append(f"mlops_nb_request_seconds_bucket{_labels({'role': role, 'le': bound})} {seen}")
        lines.append(f"mlops_nb_request_seconds_sum{_labels({'role': role})} {whole:.6f}")
        lines.append(f"mlops_nb_request_seconds_count{_labels({'role': role})} {seen}")
    texts = {
        "rows": "Rows scored.", "log_written": "Rows in the request log.",
        "log_dropped": "Rows that the request log has lost.", "log_failures": "Failed writes of the request log.",
        "shadow_dropped": "Requests that the shadow did not see, being busy.", "feedback": "Truths received.",
        "timeouts": "Predictions that took too long.", "failures": "Predictions that raised.",
    }  # fmt: skip
    for name in COUNTS:
        metric(f"{name}_total", "counter", texts[name], [("", total.get(name))])
    metric("in_flight", "gauge", "Requests under way.", [("", total.get("in_flight"))])
    metric("workers_ready", "gauge", "Workers that answer.", [("", total.get("ready"))])
    metric("memory_bytes", "gauge", "Resident memory of the workers.", [("", total.get("memory"))])
    return "\n".join(lines) + "\n"


def _labels(values: dict[str, Any]) -> str:
    def escape(value: Any) -> str:
        return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    return "{" + ",".join(f'{key}="{escape(value)}"' for key, value in values.items()) + "}"
