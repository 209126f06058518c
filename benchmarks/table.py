"""The results as one Markdown table: a row a figure, its target, and each peer's median."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

PEERS = {
    "ours": "mlops_nb",
    "mlflow_sqlite": "MLflow, SQLite",
    "trackio_local": "Trackio",
    "wandb_offline": "W&B offline",
    "raw_append": "raw append",
    "raw_sqlite": "raw SQLite",
}


class Figure(NamedTuple):
    """A row: what it is called, whose measure and key it shows, the target, and how a number is written."""

    title: str
    measure: str
    key: str
    target: str
    write: Callable[[float], str]


def _milliseconds(value: float) -> str:
    return _short(value * 1e3) + " ms"


def _microseconds(value: float) -> str:
    return _short(value * 1e6) + " µs"


def _seconds(value: float) -> str:
    return _short(value) + " s"


def _rate(value: float) -> str:
    return f"{_short(value)}/s"


def _bytes(value: float) -> str:
    return f"{_short(value)} B"


def _megabytes(value: float) -> str:
    return f"{value:,.0f} MB"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 10 else f"{value:.1f}"


FIGURES = [
    Figure("import and `%load_ext`, on top of IPython", "import", "cpu", "≤ 60 ms", _milliseconds),
    Figure("start, 5 params, 5 metrics, end", "tiny", "cpu", "≤ 1 ms", _milliseconds),
    Figure("… wall, caller", "tiny", "wall", "", _milliseconds),
    Figure("`log_metric`, p50, wall, caller", "point", "p50", "≤ 8 µs", _microseconds),
    Figure("… p99, wall, caller", "point", "p99", "", _microseconds),
    Figure("… all threads and processes", "point", "cpu", "≤ 12 µs", _microseconds),
    Figure("… acknowledged before a `kill -9`", "kill", "acknowledged", "", _count),
    Figure("… of these lost", "kill", "lost", "0", _count),
    Figure("1,000,000 points in one call, per second", "batch", "per_second", "≥ 400,000/s", _rate),
    Figure("… bytes on disk a point", "batch", "bytes", "≤ 40 B", _bytes),
    Figure("100,000 points of history into pandas", "history", "cpu", "≤ 0.08 s", _seconds),
    Figure("10,000 runs: filter, order, first 100", "search", "cpu", "≤ 3 ms", _milliseconds),
    Figure("… all as a DataFrame", "frame", "cpu", "≤ 0.4 s", _seconds),
    Figure("tracked trivial cell, beyond the cell, in a shell", "cell", "cpu", "≤ 8 ms", _milliseconds),
    Figure("… the first", "cell", "first", "≤ 200 ms", _milliseconds),
    Figure("… in a kernel", "kernel", "cpu", "≤ 8 ms", _milliseconds),
    Figure("… in a kernel, wall", "kernel", "wall", "", _milliseconds),
    Figure("… in a kernel, the first", "kernel", "first", "≤ 200 ms", _milliseconds),
    Figure("4 processes, a run each, points per second, wall", "processes", "per_wall", "≥ 30,000/s", _rate),
    Figure("… processes that failed", "processes", "failures", "0", _count),
    Figure("500 MB artifact", "file", "first", "hash speed", _seconds),
    Figure("… on disk", "file", "first_disk", "500 MB", _megabytes),
    Figure("… the same content again", "file", "again", "hash speed", _seconds),
    Figure("… on disk", "file", "again_disk", "0 MB", _megabytes),
]
MEASURED = list(dict.fromkeys(figure.measure for figure in FIGURES))


def markdown(results: Mapping[str, Mapping[str, Any]], peers: list[str]) -> str:
    """The table. Processor time, unless the row says wall; a dash where a peer does not offer this.

    Parameters
    ----------
    results : mapping
        Measure to peer to a list of results (one a repetition), an error as text, or None.
    peers : list of str
        The columns, in order.

    Examples
    --------
    >>> found = {"tiny": {"ours": [{"cpu": 0.0008, "wall": 0.0002}], "raw_append": None}}
    >>> print(markdown(found, ["ours", "raw_append"]))
    | processor time, unless it says wall | target | mlops_nb | raw append |
    | --- | --- | ---: | ---: |
    | start, 5 params, 5 metrics, end | ≤ 1 ms | 0.8 ms | - |
    | … wall, caller |  | 0.2 ms | - |
    """
    head = ["processor time, unless it says wall", "target", *(PEERS[peer] for peer in peers)]
    lines = [head, ["---", "---", *("---:" for _ in peers)]]
    for figure in FIGURES:
        if figure.measure in results:
            cells = [_cell(figure, results[figure.measure].get(peer)) for peer in peers]
            lines.append([figure.title, figure.target, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(figure: Figure, found: list[dict[str, float]] | str | None) -> str:
    if found is None:
        return "-"
    if isinstance(found, str):
        return "failed"
    return figure.write(statistics.median(result[figure.key] for result in found))
