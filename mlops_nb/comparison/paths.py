"""Which file of one run is which of the other, where its name has a part that is another one each time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TypeVar

from mlops_nb.comparison.masks import Window

Value = TypeVar("Value")

_TEMPORARY = re.compile(r"^(?:(?:/private)?/(?:tmp|var/tmp|var/folders/[^/]+/[^/]+/T)/|[A-Za-z]:\\.*\\Temp\\)")
_DRAWN = re.compile(r"[a-z0-9_]{8}(?=\.[^/\\]*$|[/\\]|$)")
"""What Python's tempfile puts between prefix and suffix."""
_STAMP = re.compile(
    r"(?<!\d)(?P<y>20\d\d)[-_.]?(?P<m>[01]\d)[-_.]?(?P<d>[0-3]\d)"
    r"(?:[-_T. ]{0,2}\d\d[-_:.h]?\d\d(?:[-_:.m]?\d\d(?:[-_.,]?\d{3,6})?)?)?(?!\d)"
)
_EPOCH = re.compile(r"(?<!\d)1\d{9}(?:\d{3}|\.\d+)?(?!\d)")
_ID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


def paired(
    one: Mapping[str, Value], other: Mapping[str, Value], windows: tuple[Window | None, Window | None]
) -> dict[str, Value]:
    """`other` under the names of `one`: temporary files, and names that hold the time of the run or a drawn id.

    Examples
    --------
    >>> paired({"/tmp/tmpk2x9_a0q/x.csv": 1, "b.csv": 2}, {"b.csv": 2, "/tmp/tmp7ab0ccd1/x.csv": 3}, (None, None))
    {'b.csv': 2, '/tmp/tmpk2x9_a0q/x.csv': 3}
    >>> paired({"a.csv": 1}, {"b.csv": 1}, (None, None))
    {'b.csv': 1}
    """
    waiting: dict[str, list[str]] = {}
    for path in one.keys() - other.keys():
        name = _plain(path, windows[0])
        if name != path:
            waiting.setdefault(name, []).append(path)
    for paths in waiting.values():
        paths.sort(key=list(one).index)
    found: dict[str, Value] = {}
    for path, value in other.items():
        partners = [] if path in one else waiting.get(_plain(path, windows[1]), [])
        found[partners.pop(0) if partners else path] = value
    return found


def _plain(path: str, window: Window | None) -> str:
    place = _TEMPORARY.match(path)
    if place:
        return place[0] + _DRAWN.sub("*", path[place.end() :], count=1)
    path = _ID.sub("*", path)
    if window is None:
        return path
    own = window

    def hide(match: re.Match[str]) -> str:
        try:
            day = date(int(match["y"]), int(match["m"]), int(match["d"]))
        except ValueError:
            return match[0]
        return "*" if own.has_day(day) else match[0]

    def hide_seconds(match: re.Match[str]) -> str:
        number = float(match[0])
        moment = number if number > 1e11 else number * 1000
        return "*" if own.start - 60_000 <= moment <= own.end + 60_000 else match[0]

    return _EPOCH.sub(hide_seconds, _STAMP.sub(hide, path))
