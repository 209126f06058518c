"""Charts of monitoring: a column then and now, and curves over windows of time, as SVG in the colours of the theme."""

from __future__ import annotations

import datetime as dt
import math
from array import array
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from mlops_nb.entities import Points
from mlops_nb.panels.charts import COLOURS, Scale, make_scale
from mlops_nb.panels.format import elide, show_number, show_text

CATEGORIES = 7
DISCRETE = 20
"""Different values up to which a column's bins are its values."""


def then_and_now(bins: Mapping[str, Any], *, kind: str = "numeric", width: int = 250, height: int = 92) -> str:
    """Draw the distribution of a column in training (an area) and in service (a line, or bars beside).

    Parameters
    ----------
    bins : mapping
        ``edges`` or ``labels``, and the counts ``reference`` and ``current``.
    kind : str
        Of the column: a ``datetime`` is in seconds since 1970, and shown as a date.
    width, height : int
        Of the picture, in pixels.

    Returns
    -------
    str
        An ``<svg>`` element; empty if there is nothing to draw.

    Examples
    --------
    >>> then_and_now({"labels": ["a", "b"], "reference": [6, 4], "current": [3, 7]}).count("<rect")
    4
    >>> then_and_now({"edges": [0, 1, 2], "reference": [6, 4], "current": [3, 7]}).startswith("<svg")
    True
    """
    old, new = bins.get("reference") or [], bins.get("current") or []
    if not sum(old) and not sum(new):
        return ""
    shares = _shares(old), _shares(new)
    if "labels" in bins:
        return _category_bars(list(bins["labels"]), *shares, width)
    edges = [float(each) for each in bins["edges"]]
    if kind != "datetime" and _is_discrete(edges):
        return _value_bars(edges[1:], *shares, width, height)
    return _densities(edges, *shares, width, height, kind)


def show_edge(value: float, kind: str, span: float = math.inf) -> str:
    """The edge of a bin in words; of times the date, or the hour where all of them are within days.

    Examples
    --------
    >>> show_edge(0.25, "numeric"), show_edge(86_400.0, "datetime"), show_edge(86_400.0, "datetime", 3600.0)
    ('0.25', '1970-01-02', '01-02 00:00')
    """
    if kind != "datetime" or not -6e10 < value < 2.5e11:
        return show_number(value, 3)
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=value)
    return f"{moment:%m-%d %H:%M}" if span < 3 * 86_400 else f"{moment:%Y-%m-%d}"


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [each / total if total else 0.0 for each in counts]


def _is_discrete(edges: Sequence[float]) -> bool:
    """Bins that are values: the first one is as narrow as a value, and all are whole numbers."""
    return len(edges) <= DISCRETE + 1 and edges[0] == edges[1] and all(each == math.floor(each) for each in edges)


def _category_bars(labels: list[str], old: list[float], new: list[float], width: int) -> str:
    order = sorted(range(len(labels)), key=lambda i: -max(old[i], new[i]))
    shown = [i for i in order if old[i] or new[i]][:CATEGORIES]
    left, row = 92, 17
    longest = max((max(old[i], new[i]) for i in shown), default=1.0) or 1.0
    room = width - left - 44
    body = ""
    for number, i in enumerate(shown):
        y = number * row
        body += _text(left - 6, y + 12, elide(labels[i], 14), "end")
        for share, colour, at in ((old[i], "c7", 2), (new[i], "c0", 9)):
            body += (
                f'<rect class="bar {colour}" x="{left}" y="{y + at}" height="6" rx="1" '
                f'width="{max(0.8, room * share / longest):.1f}"/>'
            )
        body += _text(left + room + 6, y + 12, f"{new[i] * 100:.0f} %")
    return _svg(width, max(row, len(shown) * row + 2), body, "shares in training and now")


def _value_bars(values: list[float], old: list[float], new: list[float], width: int, height: int) -> str:
    bottom, step = height - 16, (width - 4) / len(values)
    highest = max(*old, *new) or 1.0
    body = ""
    every = max(1, math.ceil(len(values) / 8))
    for i, value in enumerate(values):
        x = 2 + i * step
        for share, colour, at in ((old[i], "c7", 0.12), (new[i], "c0", 0.5)):
            tall = (bottom - 4) * share / highest
            body += (
                f'<rect class="bar {colour}" x="{x + step * at:.1f}" y="{bottom - tall:.1f}" '
                f'width="{step * 0.36:.1f}" height="{max(tall, 0.6):.1f}" rx="1"/>'
            )
        if i % every == 0:
            body += _text(x + step / 2, height - 3, show_number(value, 3), "middle")
    return _svg(width, height, body, "values in training and now")


def _densities(edges: list[float], old: list[float], new: list[float], width: int, height: int, kind: str) -> str:
    """Steps whose area is the share; the outermost bins, which are as wide as the furthest value, are cut."""
    inner = edges[-2] - edges[1] if len(edges) > 3 else edges[-1] - edges[0]
    low, high = max(edges[0], edges[1] - inner * 0.3), min(edges[-1], edges[-2] + inner * 0.3)
    cuts = [low, *edges[1:-1], high] if low < edges[1] and edges[-2] < high else edges
    across = make_scale([cuts[0], cuts[-1]], 2, width - 2, count=4 if kind != "datetime" else 3)
    widths = [max(b - a, (cuts[-1] - cuts[0]) * 1e-3, 1e-300) for a, b in pairwise(cuts)]
    heights = [[share / wide for share, wide in zip(each, widths, strict=True)] for each in (old, new)]
    ordered = sorted(max(pair) for pair in zip(*heights, strict=True))
    top = max(ordered[int(len(ordered) * 0.9)] if len(ordered) > 4 else ordered[-1], ordered[-1] * 0.4) or 1.0
    up = Scale(0.0, top, height - 16, 4)
    area, line = (_steps(cuts, each, across, up, top) for each in heights)
    base = height - 16
    body = f'<path class="was" d="M{across.place(cuts[0]):.1f} {base}{area}L{across.place(cuts[-1]):.1f} {base}Z"/>'
    body += f'<path class="ln c0" d="M{line[1:]}"/>'
    body += f'<line class="ax" x1="2" x2="{width - 2}" y1="{base}" y2="{base}"/>'
    for tick in across.ticks:
        label = show_edge(tick, kind, cuts[-1] - cuts[0])
        half = 3.2 * len(label) + 1
        body += _text(min(max(across.place(tick), half), width - half), height - 3, label, "middle")
    return _svg(width, height, body, "distribution in training and now")


def _steps(cuts: list[float], heights: list[float], across: Scale, up: Scale, top: float) -> str:
    path = ""
    for (a, b), tall in zip(pairwise(cuts), heights, strict=True):
        y = up.place(min(tall, top))
        path += f"L{across.place(a):.1f} {y:.1f}L{across.place(b):.1f} {y:.1f}"
    return path


def points_of(values: Sequence[float | None]) -> Points:
    """Values of windows as a curve; None is a gap.

    Examples
    --------
    >>> len(points_of([0.1, None]))
    2
    """
    numbers = array("d", [math.nan if each is None else float(each) for each in values])
    return Points(numbers, array("q", range(len(numbers))), array("q", [0] * len(numbers)))


def time_chart(
    series: Mapping[str, Sequence[float | None]],
    starts: Sequence[str],
    *,
    title: str,
    limit: float | None = None,
    percent: bool = False,
    width: int = 380,
    height: int = 150,
) -> str:
    """Draw curves over windows of time, with a line where a limit is.

    Examples
    --------
    >>> time_chart({"psi": [0.1, 0.3]}, ["2026-11-28T00:00:00Z", "2026-11-28T01:00:00Z"], title="PSI").count("<path")
    1
    """
    values = [each for line in series.values() for each in line if each is not None and math.isfinite(each)]
    if not values:
        return ""
    bottom, top = height - (38 if len(series) > 1 else 22), 24
    low = [0.0] if min(values) >= 0 and min(values) < 0.5 * max(values) else []
    up = make_scale([*values, *low, *([limit] if limit is not None else [])], bottom, top, count=4, wide=True)
    labels = [f"{tick * 100:.3g} %" if percent else show_number(tick, 3) for tick in up.ticks]
    left = 14 + 6.2 * max(map(len, labels), default=1)
    across = Scale(0, max(1, len(starts) - 1), left, width - 12)
    body = f'<text class="tt" x="0" y="12">{escape(show_text(title))}</text>'
    for tick, label in zip(up.ticks, labels, strict=True):
        y = up.place(tick)
        body += f'<line class="gr" x1="{left:.1f}" x2="{width - 12}" y1="{y:.1f}" y2="{y:.1f}"/>'
        body += _text(left - 6, y + 3.5, label, "end")
    if limit is not None:
        y = up.place(limit)
        body += f'<line class="lim" x1="{left:.1f}" x2="{width - 12}" y1="{y:.1f}" y2="{y:.1f}"/>'
    for number, line in enumerate(series.values()):
        body += _curve(line, across, up, number % COLOURS)
    for place, label, anchor in _time_labels(starts, across):
        body += _text(place, bottom + 14, label, anchor)
    if len(series) > 1:
        for number, name in enumerate(series):
            x = left + number * 84
            body += f'<line class="ln c{number % COLOURS}" x1="{x}" x2="{x + 14}" y1="{height - 8}" y2="{height - 8}"/>'
            body += _text(x + 19, height - 4, elide(name, 10))
    return _svg(width, height, body, f"{title} over time")


def _curve(line: Sequence[float | None], across: Scale, up: Scale, colour: int) -> str:
    path, dots, pen = "", "", "M"
    known = [value is not None and math.isfinite(value) for value in line]
    for number, value in enumerate(line):
        if value is None or not known[number]:
            pen = "M"
            continue
        x, y = across.place(number), up.place(value)
        path += f"{pen}{x:.1f} {y:.1f}"
        alone = not (number and known[number - 1]) and not (number + 1 < len(line) and known[number + 1])
        dots += f'<circle class="dot c{colour}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' if alone else ""
        pen = "L"
    return f'<path class="ln c{colour}" d="{path}"/>{dots}' if path else ""


def _time_labels(starts: Sequence[str], across: Scale) -> list[tuple[float, str, str]]:
    """The first and last window, and one between if there is room: clock times within a day, else days."""
    if not starts:
        return []
    same_day = starts[0][:10] == starts[-1][:10]
    end = 16 if starts[0][:16] != starts[-1][:16] else 19  # less than a minute: with its seconds
    words = [each[11:end] if same_day else f"{each[5:10]} {each[11:16]}" for each in starts]
    found = [(across.place(0), words[0], "start")]
    if len(starts) > 1:
        found.append((across.place(len(starts) - 1), words[-1], "end"))
    if len(starts) > 4:
        middle = len(starts) // 2
        found.append((across.place(middle), words[middle], "middle"))
    return found


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text class="tk" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(show_text(words))}</text>'


def _svg(width: int, height: int, body: str, label: str) -> str:
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" fill="none" aria-label="{escape(show_text(label))}">{body}</svg>'
    )
