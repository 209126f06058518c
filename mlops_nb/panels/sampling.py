"""Fewer points of a curve that look the same. Pure, without NumPy: it runs in the cell's own process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlops_nb.entities import Points


@dataclass(frozen=True, slots=True)
class Curve:
    """Points as columns, in drawing order. A y that is not finite is a gap."""

    xs: Sequence[float]
    ys: Sequence[float]

    def __len__(self) -> int:
        return len(self.ys)


def curve(points: Points) -> Curve:
    """Points by step, as a curve; if all steps are the same, by the order in which they were logged.

    Examples
    --------
    >>> from array import array
    >>> curve(Points(array("d", [1.0, 2.0]), array("q", [5, 0]), array("q", [0, 0])))
    Curve(xs=[0, 5], ys=[2.0, 1.0])
    """
    steps, values = points.steps, points.values
    if len(steps) > 1 and min(steps) == max(steps):
        return Curve(range(len(values)), values)
    ordered = sorted(steps)
    if ordered == steps.tolist():
        return Curve(steps, values)
    order = sorted(range(len(steps)), key=steps.__getitem__)  # stable: repeated steps keep the order of logging
    return Curve(ordered, [values[i] for i in order])


def thin(line: Curve, limit: int) -> Curve:
    """Keep at most about `limit` points so that no peak, dip or gap is lost.

    Of each bucket the first, lowest, highest and last point stay (min-max sampling): a spike of one step in a million
    is still drawn, which averaging and largest-triangle sampling do not promise.

    Parameters
    ----------
    line : Curve
        Any number of points; a million takes about 0.1 s.
    limit : int
        At least 10.

    Returns
    -------
    Curve
        A subset in the same order.

    Examples
    --------
    >>> kept = thin(Curve(range(1000), [1.0 if x == 501 else 0.0 for x in range(1000)]), 40)
    >>> len(kept) <= 40, kept.ys[kept.xs.index(501)]
    (True, 1.0)
    """
    if len(line) <= limit:
        return line
    buckets = max(2, limit // 5)
    kept = [
        index
        for bucket in range(buckets)
        for index in _extremes(line.ys, len(line) * bucket // buckets, len(line) * (bucket + 1) // buckets)
    ]
    return Curve([line.xs[i] for i in kept], [line.ys[i] for i in kept])


def _extremes(ys: Sequence[float], start: int, stop: int) -> list[int]:
    chunk = ys[start:stop]
    if math.isfinite(sum(chunk)):  # min and max are only to be trusted where nothing is NaN
        return sorted({start, start + chunk.index(min(chunk)), start + chunk.index(max(chunk)), stop - 1})
    finite = [i for i in range(start, stop) if math.isfinite(ys[i])]
    if not finite:
        return [start]
    gap = next((i for i in range(start, stop) if not math.isfinite(ys[i])), start)
    return sorted({start, min(finite, key=ys.__getitem__), max(finite, key=ys.__getitem__), gap, stop - 1})


def text_curve(points: Points, width: int = 12) -> str:
    """Draw a curve with block characters, for places that show neither styles nor pictures.

    Examples
    --------
    >>> from array import array
    >>> text_curve(Points(array("d", [0.0, 1.0, 2.0, 4.0]), array("q", range(4)), array("q", [0] * 4)))
    '▁▂▄█'
    """
    line = curve(points)
    picked = (
        line.ys if len(line) <= width else [line.ys[round(i * (len(line) - 1) / (width - 1))] for i in range(width)]
    )
    finite = [y for y in picked if math.isfinite(y)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    blocks = "▁▂▃▄▅▆▇█"
    return "".join(
        " " if not math.isfinite(y) else blocks[3] if high == low else blocks[int((y - low) / (high - low) * 7.999)]
        for y in picked
    )
