"""Hiding what never repeats: addresses, clocks, temporary paths, generated ids.

Dates and epoch seconds are hidden only if they are of the time at which the run ran. Any other date is data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

__all__ = ["Window", "canonical_markup", "collapse_progress", "mask_text"]


class Window(NamedTuple):
    """When a run ran, in milliseconds since the epoch."""

    start: int
    end: int

    def has_day(self, day: date) -> bool:
        """Whether the run was at work on this day, in whatever time zone.

        Examples
        --------
        >>> Window(0, 1).has_day(date(1970, 1, 1))
        True
        """
        zone = timedelta(hours=14)
        first = datetime.fromtimestamp(self.start / 1000, UTC) - zone
        return first.date() <= day <= (datetime.fromtimestamp(self.end / 1000, UTC) + zone).date()


_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_MONTH = r"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[AP]M\b)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"

_DATES = (
    re.compile(rf"\b(?P<y>\d{{4}})[-/](?P<m>\d{{1,2}})[-/](?P<d>\d{{1,2}})(?:[T ]{_CLOCK}{_ZONE})?(?![\w-])"),
    re.compile(r"\b(?P<y>20\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)(?:[T_-]?\d{4,6})?(?!\w)"),
    re.compile(rf"\b(?:[A-Z][a-z]{{2}},?\s+)?{_MONTH}\s+(?P<d>\d{{1,2}}),?\s+(?:{_CLOCK}{_ZONE}\s+)?(?P<y>\d{{4}})\b"),
    re.compile(rf"\b(?:[A-Z][a-z]{{2}},?\s+)?(?P<d>\d{{1,2}})\s+{_MONTH}\s+(?P<y>\d{{4}})\b(?:\s+{_CLOCK}{_ZONE})?"),
)
_EPOCH = re.compile(r"(?<![\w.])1\d{9}(?:\d{3}|\.\d+)?(?![\w.])")

_UNIT = r"(?:ns|µs|μs|us|ms|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?)"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"0x[0-9a-fA-F]{5,16}\b"), "<address>"),
    (re.compile(r"(?<=object at )[0-9a-fA-F]{6,16}\b"), "<address>"),
    (
        re.compile(r"(?:(?:/private)?/(?:tmp|var/tmp|var/folders)/|[A-Za-z]:\\[^\s'\"]*\\Temp\\)[^\s'\"<>:,)\]]+"),
        "<tmp>",
    ),
    (re.compile(r"\bipykernel_\d+\b"), "<kernel>"),
    (re.compile(r"(?i)\bpid[ =:]+\d+"), "<pid>"),
    (re.compile(rf"(?<![\w:]){_CLOCK}(?![\w:])"), "<time>"),  # also 0:03:12, an elapsed time
    (re.compile(rf"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?\s?{_UNIT}(?!\w)"), "<duration>"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)?\s?[kKMG]?(?:it|B|iB|b|step|steps|samples|rows|epochs?)/s\b"), "<rate>"),
    (re.compile(r"(?:(?:<duration>|<time>)[ ,]*(?:and\s)?)+(?:±\s<duration>\s)?"), "<duration> "),
)
_PROGRESS = re.compile(r"\|[ █▏▎▍▌▋▊▉#.-]*\||\[[^\[\]\n]*(?:it/s|s/it|\?it)[^\[\]\n]*\]|[━─╸╺]{5,}")
_DRAWN_ON = re.compile(r"<dc:date>[^<]*</dc:date>")
_IDS = re.compile(
    r"\bT_[0-9a-f]{5}(?=\b|_)|\bsk-(?:container|estimator)-id-\d+|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"
    r"|\b[0-9a-f]{32}\b|\b(?:df|plot|fig|el|quickchart|vis|chart)[-_][0-9a-f-]{8,}"
)


def mask_text(text: str, window: Window | None = None) -> str:
    """Replace what differs between two runs of the same code by what it is.

    Parameters
    ----------
    text : str
        As it was printed; colours are dropped and a progress bar is left in its last state.
    window : Window, optional
        When the run ran, by which dates are told from data.

    Examples
    --------
    >>> mask_text("<Model at 0x7f3a5c0d1e80> fitted in 1.52 s")
    '<Model at <address>> fitted in <duration>'
    >>> mask_text("born 1970-01-01"), mask_text("born 1970-01-01", Window(0, 1))
    ('born 1970-01-01', 'born <date>')
    """
    text = collapse_progress(_ANSI.sub("", text))
    if window is not None:
        for pattern in _DATES:
            text = pattern.sub(_hide_own_date(window), text)
        text = _EPOCH.sub(_hide_own_epoch(window), text)
    for rule, name in _RULES:
        text = rule.sub(name, text)
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))


def _hide_own_date(window: Window) -> Callable[[re.Match[str]], str]:
    def hide(match: re.Match[str]) -> str:
        parts = match.groupdict()
        month = _MONTHS[parts["month"].lower()[:3]] if parts.get("month") else int(parts["m"])
        try:
            day = date(int(parts["y"]), month, int(parts["d"]))
        except ValueError:
            return match[0]  # 2024-13-45 is no date
        return "<date>" if window.has_day(day) else match[0]

    return hide


def _hide_own_epoch(window: Window) -> Callable[[re.Match[str]], str]:
    def hide(match: re.Match[str]) -> str:
        number = float(match[0])
        milliseconds = number if number > 1e11 else number * 1000
        return "<time>" if window.start - 60_000 <= milliseconds <= window.end + 60_000 else match[0]

    return hide


def collapse_progress(text: str) -> str:
    """What a terminal shows at the end: a carriage return goes back over the line; bars and their rates are dropped.

    Examples
    --------
    >>> collapse_progress("10%\\rdone 100%|███| 3/3 [00:01<00:00, 2.9it/s]")
    'done 100%<progress> 3/3 <progress>'
    """
    if "\r" in text:
        lines = text.replace("\r\n", "\n").split("\n")
        text = "\n".join(next((part for part in reversed(line.split("\r")) if part.strip()), "") for line in lines)
    return _PROGRESS.sub("<progress>", text)


def canonical_markup(markup: str) -> str:
    """HTML or SVG in which equal content is equal text: generated ids are numbered as they come, a drawing has no date.

    Examples
    --------
    >>> canonical_markup('<style id="T_ab12f_row0">') == canonical_markup('<style id="T_99e0c_row0">')
    True
    """
    declared = set(re.findall(r"""\bid=["']([^"']{4,})["']""", markup)) if "<svg" in markup else set()
    markup = _DRAWN_ON.sub("", markup)
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"id{len(numbers)}")

    markup = _IDS.sub(number, markup)
    generated = [name for name in declared if re.fullmatch(r"[a-z]{1,6}[0-9a-f]{8,}", name)]
    if generated:
        alternatives = "|".join(sorted(map(re.escape, generated), key=len, reverse=True))
        markup = re.sub(rf"\b(?:{alternatives})\b", number, markup)
    return markup
