"""Small static charts as SVG text, in the colours of the theme around them.

Our own, since matplotlib is too heavy under a cell and the light SVG libraries on PyPI write fixed colours: these
take every colour from the style sheet (`static.css`), so that one picture fits a light and a dark page. No text stands
outside of ``<text>`` elements, and what a picture says is in its ``aria-label``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from mlops_nb.entities import Points
from mlops_nb.panels.format import elide, show_number, show_text
from mlops_nb.panels.sampling import Curve, curve, thin

COLOURS = 8
"""Number of line colours (``.c0`` to ``.c7`` in the style sheets)."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values of `low`..`high` to pixels `start`..`stop`; `log` needs positive values."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False
    ticks: list[float] = field(default_factory=list)

    def place(self, value: float) -> float:
        """The pixel of a value.

        Examples
        --------
        >>> Scale(0, 10, 100, 200).place(5)
        150.0
        """
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(value, self.low))
        if high == low:
            return (self.start + self.stop) / 2
        # Divided before they are subtracted: the span of two finite numbers may be infinite.
        share = (at / 2 - low / 2) / (high / 2 - low / 2)
        return self.start + (self.stop - self.start) * share


def make_scale(
    values: Sequence[float], start: float, stop: float, *, log: bool = False, count: int = 5, wide: bool = False
) -> Scale:
    """Fit a scale with round ticks to values, or `wide` enough to end at ticks; without a usable value it is 0..1.

    Examples
    --------
    >>> make_scale([0.13, 0.92], 0, 100).ticks
    [0.2, 0.4, 0.6, 0.8]
    >>> make_scale([0.001, 20.0], 0, 100, log=True).ticks
    [0.001, 0.01, 0.1, 1.0, 10.0]
    """
    usable = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    low, high = min(usable, default=0.1 if log else 0.0), max(usable, default=1.0)
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        every = max(1, math.ceil((last - first + 1) / (count + 1)))
        decades = [10.0**e for e in range(first, last + 1, every)]
        return Scale(low, high, start, stop, True, decades if len(decades) > 1 else sorted({low, high}))
    ticks = _round_ticks(low, high, count, wide)
    if wide:
        low, high = min(low, ticks[0]), max(high, ticks[-1])
    return Scale(low, high, start, stop, False, ticks)


def _round_ticks(low: float, high: float, count: int, wide: bool) -> list[float]:
    span = high - low
    if not math.isfinite(span) or span <= abs(high) * 1e-12:
        return sorted({low, high})
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next((power * m for m in (1, 2, 2.5, 5, 10) if span / (power * m) <= count), power * 10)
    inner = (math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9))
    first, last = (math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)) if wide else inner
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(i * step, digits) for i in range(first, last + 1)]


def sparkline(points: Points, width: int = 96, height: int = 20, *, within: Sequence[float] = ()) -> str:
    """Draw a curve as small as a word; gaps where a value is not finite, a dot at the last point.

    Values of `within` have their place on it, too: what is small beside them looks small.

    Examples
    --------
    >>> from array import array
    >>> svg = sparkline(Points(array("d", [3, 1, 2]), array("q", range(3)), array("q", [0] * 3)))
    >>> svg.startswith('<svg class="spark"'), 'aria-label="3 points, 3 to 2"' in svg
    (True, True)
    """
    whole = curve(points)
    line = thin(whole, width)
    finite = [(x, y) for x, y in zip(line.xs, line.ys, strict=True) if math.isfinite(y)]
    label = f"{len(whole)} points"
    if finite:
        label += f", {show_number(finite[0][1])} to {show_number(finite[-1][1])}"
    across = make_scale(line.xs, 2, width - 3)
    up = make_scale([*(y for _, y in finite), *within], height - 3, 3)
    body = f'<path class="ln c0" d="{_path(line, across, up)}"/>'
    if finite:
        body += (
            f'<circle class="dot c0" cx="{across.place(finite[-1][0]):.1f}" cy="{up.place(finite[-1][1]):.1f}" r="2"/>'
        )
    return _svg(width, height, body, cls="spark", label=label)


def line_chart(
    series: Mapping[str, Points], *, width: int = 520, height: int = 220, log: bool = False, title: str = ""
) -> str:
    """Draw curves of several runs over their steps, with axes and a legend.

    Parameters
    ----------
    series : mapping of str to Points
        One line for each name; after eight the colours repeat.
    width, height : int
        Of the picture, in pixels.
    log : bool
        A logarithmic y axis; values that are not positive become gaps.
    title : str
        Shown above.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> from array import array
    >>> "run-1" in line_chart({"run-1": Points(array("d", [1, 2]), array("q", [0, 1]), array("q", [0, 0]))})
    True
    """
    lines = {name: thin(curve(points), width) for name, points in series.items()}
    if log:
        lines = {n: Curve(c.xs, [y if y > 0 else math.nan for y in c.ys]) for n, c in lines.items()}
    top = 22 if title else 8
    legend = _legend(list(lines), width, height) if len(lines) > 1 else ("", 0)
    bottom = height - 20 - legend[1]
    up = make_scale([y for c in lines.values() for y in c.ys], bottom, top, log=log, wide=True)
    left = 14 + 6.2 * max((len(show_number(t)) for t in up.ticks), default=1)
    across = make_scale([x for c in lines.values() for x in c.xs], left, width - 10, count=7)
    body = _axes(across, up) + legend[0]
    for i, line in enumerate(lines.values()):
        body += f'<path class="ln c{i % COLOURS}" d="{_path(line, across, up)}"/>'
        if len(line) == 1 and math.isfinite(line.ys[0]):
            body += _dot(across.place(line.xs[0]), up.place(line.ys[0]), i, "")
    body += _label(0, 12, title, "tt") if title else ""
    return _svg(width, height, body, cls="chart", label=f"{title or 'curves'}: {', '.join(list(lines)[:8])}")


def scatter(
    points: Sequence[tuple[float, float, str]], *, x_label: str, y_label: str, width: int = 360, height: int = 260
) -> str:
    """Draw runs as dots: a param or metric across, a metric up.

    Parameters
    ----------
    points : sequence of (x, y, name)
        Those that are not finite are left out.
    x_label, y_label : str
        What the axes show.
    width, height : int
        Of the picture, in pixels.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> scatter([(1, 2, "a"), (float("nan"), 1, "b")], x_label="lr", y_label="acc").count("<circle")
    1
    """
    usable = [p for p in points if math.isfinite(p[0]) and math.isfinite(p[1])]
    up = make_scale([p[1] for p in usable], height - 40, 26, wide=True)
    left = 14 + 6.2 * max((len(show_number(t)) for t in up.ticks), default=1)
    across = make_scale([p[0] for p in usable], left + 6, width - 14)
    body = _axes(across, up) + _label(0, 12, y_label, "tt") + _label(width - 10, height - 6, x_label, "tt", "end")
    for x, y, name in usable:
        body += _dot(across.place(x), up.place(y), 0, f"{name}: {show_number(x)}, {show_number(y)}")
    return _svg(width, height, body, cls="chart", label=f"{y_label} against {x_label}, {len(usable)} runs")


def bar_chart(values: Mapping[str, float], *, width: int = 360, title: str = "") -> str:
    """Draw horizontal bars, longest first, for instance the importance of params.

    Examples
    --------
    >>> bar_chart({"lr": 0.7, "depth": 0.2}).count("<rect")
    2
    """
    usable = sorted(((k, v) for k, v in values.items() if math.isfinite(v)), key=lambda item: -abs(item[1]))
    left = min(width * 0.4, 12 + 6.4 * max((min(len(k), 24) for k, _ in usable), default=1))
    top, row = 20 if title else 4, 20
    longest = max((abs(v) for _, v in usable), default=1.0) or 1.0
    body = _label(0, 12, title, "tt") if title else ""
    for i, (name, value) in enumerate(usable):
        y = top + i * row
        length = (width - left - 60) * abs(value) / longest
        kind = "c0" if value >= 0 else "c1"
        body += _label(left - 8, y + 13, elide(name, 24), "tk", "end")
        body += f'<rect class="bar {kind}" x="{left:.0f}" y="{y + 3}" width="{max(length, 1):.1f}" height="13" rx="2"/>'
        body += _label(left + length + 6, y + 13, show_number(value, 3), "tk")
    return _svg(width, top + row * len(usable) + 4, body, cls="chart", label=title or "bars")


def parallel_coordinates(
    rows: Sequence[tuple[str, Mapping[str, object]]], axes: Sequence[str], *, width: int = 640, height: int = 260
) -> str:
    """Draw each run as a line across axes of params and metrics, in its own colour or in that of its last value.

    Parameters
    ----------
    rows : sequence of (name, values)
        Values that are no numbers are spread over their axis by name; missing ones break the line.
    axes : sequence of str
        Which values to show, left to right.
    width, height : int
        Of the picture, in pixels.

    Returns
    -------
    str
        An ``<svg>`` element; each line has a ``data-run`` attribute with its place in `rows`.

    Examples
    --------
    >>> svg = parallel_coordinates([("a", {"lr": 0.1, "acc": 0.9}), ("b", {"lr": 1.0, "acc": 0.8})], ["lr", "acc"])
    >>> svg.count("<path")
    2
    """
    top, bottom, edge = 34, height - 12, 56
    gap = (width - 2 * edge) / max(1, len(axes) - 1)
    places = [_axis_places([values.get(axis) for _, values in rows], bottom, top) for axis in axes]
    body = ""
    for number, (name, _) in enumerate(rows):
        points = [(edge + i * gap, placed[number]) for i, (placed, _) in enumerate(places)]
        path = _joined([(x, y) for x, y in points])
        last = next((y for _, y in reversed(points) if y is not None), bottom)
        share = (bottom - last) / max(1, bottom - top)
        tip = f"<title>{escape(show_text(name))}</title>"
        colour = f"c{number}" if len(rows) <= COLOURS else f"q{min(4, int(share * 5))}"
        body += f'<path class="ln pc {colour}" data-run="{number}" d="{path}">{tip}</path>'
    for i, axis in enumerate(axes):
        x = edge + i * gap
        body += f'<line class="ax" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
        body += _label(x, 14, elide(axis, max(8, int(gap / 6.5))), "tt", "middle")
        for label, y in places[i][1]:
            body += _label(x + 5, y + 3.5, elide(label, 14), "tk halo")
    return _svg(width, height, body, cls="chart", label=f"{len(rows)} runs over {', '.join(axes)}")


FEW = 6
"""An axis with so many values, as one of a grid, is labelled with them and not with round numbers between them."""


def _apart(labels: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """The first, the last, and those between them that do not touch their neighbours."""
    found = labels[:1]
    for label in labels[1:-1]:
        if abs(label[1] - found[-1][1]) >= 13 and abs(label[1] - labels[-1][1]) >= 13:
            found.append(label)
    return found + labels[1:][-1:]


def _axis_places(
    values: Sequence[object], start: float, stop: float
) -> tuple[list[float | None], list[tuple[str, float]]]:
    """Where each value stands on an axis, and the labels of the axis."""
    numbers = [float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
    known = [v for v in values if v is not None]
    if len(numbers) == len(known) and numbers:
        wide = min(numbers) > 0 and max(numbers) / min(numbers) >= 100
        scale = make_scale(numbers, start, stop, log=wide, count=4)
        ends = [(show_number(t, 3), scale.place(t)) for t in scale.ticks]
        if len(tried := sorted(set(numbers))) <= FEW:
            ends = _apart([(show_number(t), scale.place(t)) for t in tried])
        return [None if v is None else scale.place(float(v)) for v in values], ends  # type: ignore[arg-type]
    names = sorted({show_text(str(v)) for v in known})
    scale = make_scale([0.0, max(1.0, len(names) - 1.0)], start, stop)
    where = {name: scale.place(i) for i, name in enumerate(names)}
    few = list(where.items()) if len(names) <= 10 else [(names[0], where[names[0]]), (names[-1], where[names[-1]])]
    return [None if v is None else where[show_text(str(v))] for v in values], few


def _axes(across: Scale, up: Scale) -> str:
    body = ""
    for tick in up.ticks:
        y = up.place(tick)
        body += f'<line class="gr" x1="{across.start:.1f}" x2="{across.stop:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        body += _label(across.start - 6, y + 3.5, show_number(tick), "tk", "end")
    body += f'<line class="ax" x1="{across.start:.1f}" x2="{across.stop:.1f}" y1="{up.start:.1f}" y2="{up.start:.1f}"/>'
    for tick in across.ticks:
        body += _label(across.place(tick), up.start + 14, show_number(tick), "tk", "middle")
    return body


def _legend(names: Sequence[str], width: int, height: int) -> tuple[str, int]:
    """The legend under a chart, and its height: as many columns as the names leave room for."""
    shown = [elide(show_text(name), 32) for name in names[:12]]
    column = max(len(name) for name in shown) * 6.3 + 26
    columns = max(1, int(width // column))
    rows = math.ceil(len(shown) / columns)
    body = ""
    for i, name in enumerate(shown):
        x, y = i % columns * column, height - rows * 16 + i // columns * 16 + 10
        body += f'<line class="ln c{i % COLOURS}" x1="{x:.0f}" x2="{x + 14:.0f}" y1="{y - 3}" y2="{y - 3}"/>'
        body += _label(x + 19, y, name, "tk")
    return body, rows * 16 + 4


def _path(line: Curve, across: Scale, up: Scale) -> str:
    return _joined(
        [(across.place(x), up.place(y) if math.isfinite(y) else None) for x, y in zip(line.xs, line.ys, strict=True)]
    )


def _joined(points: Sequence[tuple[float, float | None]]) -> str:
    path, pen = [], "M"
    for i, (x, y) in enumerate(points):
        if y is None:
            pen = "M"
            continue
        alone = pen == "M" and (i + 1 == len(points) or points[i + 1][1] is None)
        path.append(f"{pen}{x:.1f} {y:.1f}{'h.01' if alone else ''}")  # a point between two gaps is drawn as a dot
        pen = "L"
    return "".join(path)


def _dot(x: float, y: float, colour: int, tip: str) -> str:
    inside = f"<title>{escape(show_text(tip))}</title>" if tip else ""
    return f'<circle class="dot c{colour % COLOURS}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{inside}</circle>'


def _label(x: float, y: float, text: str, cls: str, anchor: str = "start") -> str:
    return f'<text class="{cls}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(show_text(text))}</text>'


def _svg(width: int, height: int, body: str, *, cls: str, label: str) -> str:
    return (
        f'<svg class="{cls}" xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" fill="none" aria-label="{escape(show_text(label))}">{body}</svg>'
    )
