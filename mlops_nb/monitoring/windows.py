"""Windows of time over a log, and points and spans of time as people write them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.errors import InvalidInput

MOST = 30
_WIDTHS = (1, 10, 60, 300, 900, 3600, 10_800, 21_600, 86_400, 604_800, 2_592_000, 31_536_000)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_span(text: str) -> float:
    """A span of time in seconds: ``90s``, ``15m``, ``1h``, ``1d``, ``2w``.

    Examples
    --------
    >>> parse_span("1.5h")
    5400.0
    >>> parse_span("soon")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: 'soon' is no span of time. Write it as 15m, 1h, 1d or 2w.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if not 0 < seconds < 1e10:
        raise InvalidInput(f"{text[:40]!r} is no span of time.", hint="Write it as 15m, 1h, 1d or 2w.")
    return seconds


def parse_moment(text: str | dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    """A point in time: ISO 8601 (UTC unless it says otherwise), or how long ago it is (``24h``).

    Examples
    --------
    >>> noon = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
    >>> parse_moment("3h", noon).hour, parse_moment("2026-11-27", noon).day
    (9, 27)
    """
    if text is None:
        return None
    if isinstance(text, str) and _SPAN.fullmatch(text.strip().lower()):
        return now - dt.timedelta(seconds=parse_span(text))
    try:
        found = text if isinstance(text, dt.datetime) else dt.datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(
            f"{str(text)[:40]!r} is no point in time.", hint="Write it as 2026-11-30, 2026-11-30T12:00 or 24h (ago)."
        ) from None


@dataclass(slots=True)
class Span:
    """From when to when a log goes, found in a first pass over its times.

    A machine's clock may jump: times after `latest` or before `earliest` are counted, and kept out of the windows.

    Attributes
    ----------
    earliest, latest : float
        What is plausible, in seconds since 1970.
    rows : int
    odd : int
        Rows whose time is not plausible, or missing.
    """

    earliest: float
    latest: float
    rows: int = 0
    odd: int = 0
    first: float = field(default=float("inf"))
    last: float = field(default=float("-inf"))

    def add(self, seconds: Any) -> None:
        """Take a batch's times (float64, seconds since 1970, NaN where missing) into account."""
        self.rows += len(seconds)
        good = seconds[(seconds >= self.earliest) & (seconds <= self.latest)]
        self.odd += len(seconds) - len(good)
        if len(good):
            self.first, self.last = min(self.first, float(good.min())), max(self.last, float(good.max()))

    def plan(self) -> Windows:
        """Windows of a round width, at most `MOST` of them.

        Examples
        --------
        >>> span = Span(0, 1e12, first=0, last=86_399)
        >>> span.plan().width, span.plan().count
        (3600, 24)
        """
        if self.first > self.last:
            return Windows(0.0, 1, 1)
        for width in _WIDTHS:
            begin = self.first // width * width
            count = int((self.last - begin) // width) + 1
            if count <= MOST:
                return Windows(begin, width, count)
        width = int((self.last - self.first) // MOST) + 1
        return Windows(self.first, width, MOST)


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of equal `width` (seconds) from `begin` on."""

    begin: float
    width: int
    count: int

    def place(self, seconds: Any) -> Any:
        """The window of each time; -1 for what lies outside or is missing.

        Examples
        --------
        >>> import numpy
        >>> Windows(0.0, 60, 2).place(numpy.array([59.0, 60.0, 500.0, numpy.nan])).tolist()
        [0, 1, -1, -1]
        """
        import numpy

        with numpy.errstate(invalid="ignore"):
            found = numpy.floor((seconds - self.begin) / self.width)
        inside = (found >= 0) & (found < self.count)
        return numpy.where(inside, found, -1).astype(numpy.int64)

    def starts(self) -> list[str]:
        """Where each begins, as ISO 8601 in UTC."""
        return [iso(self.begin + number * self.width) for number in range(self.count)]


def iso(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC.

    Examples
    --------
    >>> iso(0.0)
    '1970-01-01T00:00:00Z'
    """
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
