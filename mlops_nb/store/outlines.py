"""Fewer points of a curve that look the same, straight from its chunks: of a million points only values are moved."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from mlops_nb.entities import Points
from mlops_nb.errors import InvalidInput
from mlops_nb.store.points import damaged, progression_of, read_columns, unpack_into

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, Any]

FEWEST = 10


@dataclass(frozen=True, slots=True)
class Outline:
    """A curve as it is drawn: some of its points, and what is told of all of them.

    `low` and `high` are the least and the greatest finite value, `last` is the value that was logged last, `start` the
    time of the point that was logged first.
    """

    points: Points = field(default_factory=Points)
    count: int = 0
    low: float | None = None
    high: float | None = None
    last: float | None = None
    start: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """What is asked for: about how many points, along what, and between which ends of the view."""

    points: int
    by: str
    low: float | None
    high: float | None


def make_view(points: int, by: str, low: float | None, high: float | None) -> View:
    """A view, if it makes sense.

    Examples
    --------
    >>> make_view(3, "step", None, None).points
    10
    """
    if by not in ("step", "time"):
        raise InvalidInput(f"There is no axis {by[:40]!a}.", hint="Use step or time.")
    return View(max(FEWEST, points), by, low, high)


def outline_points(points: Points, view: View) -> Outline:
    """The outline of points that are all here.

    Examples
    --------
    >>> points = Points(array("d", [0.0] * 99 + [1.0]), array("q", range(100)), array("q", [0] * 100))
    >>> found = outline_points(points, make_view(10, "step", None, None))
    >>> found.count, len(found.points) <= 10, found.high
    (100, True, 1.0)
    """
    import numpy as np

    if not len(points):
        return Outline()
    steps, times = (np.frombuffer(column, dtype="i8") for column in (points.steps, points.timestamps))
    ints = _Column([steps], [len(points)]), _Column([times], [len(points)])
    return _outline(np.frombuffer(points.values, dtype="f8"), len(points), *ints, view)


def outline_chunks(chunks: Iterable[Sequence[Any]], count: int, view: View) -> Outline:
    """The outline of a curve of `count` points, from its chunks, each with how many points it holds.

    Raises
    ------
    CorruptData
        If one of them cannot be read, or they hold another number of points.

    Examples
    --------
    >>> from mlops_nb.store.points import encode_points
    >>> points = Points(array("d", [0.0] * 99 + [1.0]), array("q", range(100)), array("q", [0] * 100))
    >>> found = outline_chunks([(encode_points(points), 100)] * 2, 200, make_view(10, "step", None, None))
    >>> found.count, found.high
    (200, 1.0)
    """
    import numpy as np

    values = np.empty(count + _width(count, view.points))  # the table of stretches needs room for a last whole one
    steps, times = _Column(), _Column()
    end = 0
    for blob, each in chunks:
        start, end = end, end + each
        try:
            (code, payload), *ints = read_columns(blob)
            unpack_into(values[start:end] if end <= count else values[:0], code, payload)
            for column, (code, payload) in zip((steps, times), ints, strict=True):
                column.add(code, payload, each)
        except Exception as error:
            raise damaged() from error
    if end != count or not count:
        raise damaged()
    return _outline(values, count, steps, times, view)


@dataclass(frozen=True, slots=True)
class _Column:
    """Steps or times, piece by piece: a progression stays as it is stored, its first number and what is added to it."""

    pieces: list[tuple[int, int] | Numbers] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, code: int, payload: memoryview, size: int) -> None:
        import numpy as np

        piece: tuple[int, int] | Numbers | None = progression_of(code, payload)
        if piece is None:
            piece = np.empty(size, dtype="i8")
            unpack_into(piece, code, payload)
        self.pieces.append(piece)
        self.sizes.append(size)

    @property
    def first(self) -> int:
        return int(self.pieces[0][0])

    def rises(self) -> bool:
        """Whether no number is less than the one before it."""
        before: int | None = None
        for piece, size in zip(self.pieces, self.sizes, strict=True):
            first = int(piece[0])
            if isinstance(piece, tuple):
                last, rises = first + piece[1] * (size - 1), piece[1] >= 0
            else:
                last, rises = int(piece[-1]), not (piece[1:] < piece[:-1]).any()
            if not rises or (before is not None and first < before):
                return False
            before = last
        return True

    def whole(self) -> Numbers:
        """All numbers."""
        import numpy as np

        return np.concatenate([
            piece[0] + np.arange(size, dtype="i8") * piece[1] if isinstance(piece, tuple) else piece
            for piece, size in zip(self.pieces, self.sizes, strict=True)
        ])  # fmt: skip

    def take(self, places: Numbers) -> Numbers:
        """The numbers at some places, wherever these are."""
        import numpy as np

        found = np.empty(len(places), dtype="i8")
        start = 0
        for piece, size in zip(self.pieces, self.sizes, strict=True):
            mine = (places >= start) & (places < start + size)
            inside = places[mine] - start
            found[mine] = piece[0] + inside * piece[1] if isinstance(piece, tuple) else piece[inside]
            start += size
        return found


def _outline(values: Numbers, count: int, steps: _Column, times: _Column, view: View) -> Outline:
    """`values` may have room beyond the first `count` of them."""
    along, all_of_it = times if view.by == "time" else steps, view.low is None and view.high is None
    if all_of_it and count > view.points and along.rises():
        kept, low, high = _extremes(values, count, view.points)
    else:
        low, high = _extent(values[:count])
        kept = _in_view(values[:count], along.whole(), times.first if along is times else None, view)
    ints = (array("q", each.take(kept).tobytes()) for each in (steps, times))
    points = Points(array("d", values[kept].tobytes()), *ints)
    return Outline(points, count, low, high, float(values[count - 1]), times.first)


def _in_view(values: Numbers, along: Numbers, start: int | None, view: View) -> Numbers:
    """Which points are kept of those in view; the next one beyond each end is in it, so that lines reach the border."""
    import numpy as np

    order: Numbers = np.argsort(along, kind="stable") if (along[1:] < along[:-1]).any() else np.arange(len(along))
    xs = along[order] if start is None else (along[order] - start) / 1000.0
    first = 0 if view.low is None else max(0, int(np.searchsorted(xs, view.low, "left")) - 1)
    end = len(xs) if view.high is None else min(len(xs), int(np.searchsorted(xs, view.high, "right")) + 1)
    order = order[first:end]
    if len(order) <= view.points:
        return order
    return order[_extremes(values[order], len(order), view.points)[0]]


def _width(count: int, points: int) -> int:
    """How many points stand for each of the stretches, of which each keeps four."""
    return -(-count // max(2, points // 4))


def _extremes(values: Numbers, count: int, points: int) -> tuple[Numbers, float | None, float | None]:
    """Where the first, the lowest, the highest and the last value of each stretch stand, a gap keeping its place; and
    the least and the greatest finite value."""
    import numpy as np

    width = _width(count, points)
    starts = np.arange(0, count, width)
    ends = np.minimum(starts + width, count) - 1
    size = len(starts) * width
    padded = values[:size] if len(values) >= size else np.concatenate([values, np.empty(size - len(values))])
    padded[count:] = padded[count - 1]
    table = padded.reshape(len(starts), width)
    lows, highs = table.argmin(axis=1) + starts, table.argmax(axis=1) + starts
    least, most = padded[lows], padded[highs]
    if np.isfinite(least).all() and np.isfinite(most).all():  # where there is a NaN, both are it
        return np.unique(np.concatenate([starts, lows, highs, ends])), float(least.min()), float(most.max())
    padded[count:] = np.nan
    finite = np.isfinite(table)
    lows = np.where(finite, table, np.inf).argmin(axis=1) + starts
    highs = np.where(finite, table, -np.inf).argmax(axis=1) + starts
    inside = (np.arange(size) < count).reshape(table.shape)
    broken = ~finite & inside
    gaps = np.where(broken.any(axis=1), broken.argmax(axis=1) + starts, starts)
    kept = np.unique(np.concatenate([starts, lows, highs, gaps, ends]))
    return kept[kept < count], *_extent(padded[:count])


def _extent(values: Numbers) -> tuple[float | None, float | None]:
    import numpy as np

    if isfinite(low := float(values.min())) and isfinite(high := float(values.max())):
        return low, high
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (None, None)


