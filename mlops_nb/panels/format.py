"""Values as short, honest text: numbers, times, sizes, ids, changes. Pure; the clock is an argument."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import Any

from mlops_nb.entities import Status

STATUS_SYMBOLS = {
    Status.RUNNING: "●",
    Status.SCHEDULED: "○",
    Status.FINISHED: "✓",
    Status.FAILED: "✗",
    Status.KILLED: "■",
}
VERDICT_SYMBOLS = {"identical": "≡", "equivalent": "≈", "diverged": "≠", "failed": "✗"}

_LOWER = frozenset(
    "loss losses error err errors rmse mse mae mape smape rmsle logloss nll perplexity ppl brier wer cer regret".split()
)
_HIGHER = frozenset(
    "acc accuracy auc auroc auprc f1 fbeta r2 score scores precision recall map ndcg mrr iou dice bleu rouge mcc kappa "
    "specificity sensitivity silhouette reward".split()
)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_WORDS = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def show_text(text: str) -> str:
    """Make characters that cannot be seen, or that reorder their neighbours, visible.

    Parameters
    ----------
    text : str
        Anything, also with NUL, escape sequences, bidirectional overrides or lone surrogates.

    Returns
    -------
    str
        One line that encodes as UTF-8 and moves no cursor.

    Examples
    --------
    >>> show_text("a\\x00b\\nc\\u202ed")
    'a␀b␊c\\\\u202ed'
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(_show_character, text)


def show_lines(text: str) -> str:
    """Like `show_text` for code: line ends and tabs stay what they are.

    Examples
    --------
    >>> show_lines("a\\tb\\nc\\x1b")
    'a\\tb\\nc␛'
    """
    return "\n".join("\t".join(map(show_text, line.split("\t"))) for line in text.split("\n"))


def _show_character(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def elide(text: str, limit: int = 60) -> str:
    """Cut the middle out of long text; both ends tell names apart.

    Examples
    --------
    >>> elide("a-very-long-run-name-0001", 12)
    'a-very…-0001'
    """
    if len(text) <= limit:
        return text
    tail = (limit - 1) * 2 // 5
    if tail > 0 and limit <= 16:
        tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def show_number(value: float, digits: int = 4) -> str:
    """Format a number with `digits` significant digits, grouped by thousands.

    Examples
    --------
    >>> [show_number(x) for x in (0.953217, 12.0, 1234567.8, 1.23456e-7, float("nan"))]
    ['0.9532', '12', '1,234,568', '1.235e-07', 'NaN']
    """
    special = _special(value)
    if special:
        return special
    if not 1e-4 <= abs(value) < 1e12:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{_trim(mantissa)}e{exponent}"
    return _trim(f"{value:,.{_decimals(value, digits)}f}")


def show_column(values: Sequence[float | None], digits: int = 4) -> list[str]:
    """Format a column so that decimal points stand below each other; None becomes an empty text.

    Examples
    --------
    >>> show_column([0.95, 0.9312, None, 1.0])
    ['0.9500', '0.9312', '', '1.0000']
    """
    finite = [v for v in values if v is not None and math.isfinite(v) and v != 0]
    if any(not 1e-4 <= abs(v) < 1e12 for v in finite):
        return ["" if v is None else show_number(v, digits) for v in values]
    shown = [_trim(f"{v:.{_decimals(v, digits)}f}") for v in finite]
    decimals = max((len(text.partition(".")[2]) for text in shown), default=0)
    return ["" if v is None else _special(v, zero=False) or f"{v:,.{decimals}f}" for v in values]


def _special(value: float, *, zero: bool = True) -> str:
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return "0" if zero and value == 0 else ""


def _decimals(value: float, digits: int) -> int:
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def show_value(value: Any, limit: int = 60) -> str:
    """Show a param exactly as it was given, on one line, its middle cut out beyond `limit` characters.

    Examples
    --------
    >>> [show_value(v) for v in (0.1, True, None, "adam", [1, "b"])]
    ['0.1', 'True', 'None', 'adam', '[1, "b"]']
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, (list, tuple, dict)):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = str(value)
    # A value of megabytes is cut before its characters are looked at.
    return elide(show_text(elide(text, max(limit, 1) * 2)), limit)


def show_duration(milliseconds: float | None) -> str:
    """Format a duration in the two units that matter.

    Examples
    --------
    >>> [show_duration(ms) for ms in (0.4, 850, 12_340, 125_000, 3_780_000, None)]
    ['<1 ms', '850 ms', '12.3 s', '2 min 05 s', '1 h 03 min', '']
    """
    if milliseconds is None:
        return ""
    if milliseconds < 1:
        return "<1 ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def show_fact(name: str, value: Any) -> Any:
    """Show times and sizes as one reads them, told by the fact's name; anything else as it is.

    Examples
    --------
    >>> show_fact("memory_bytes", 25_276_063_744), show_fact("wall_seconds", 0.4), show_fact("cpus", 2)
    ('25.3 GB', '400 ms', 2)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if name.endswith("_seconds"):
        return show_duration(value * 1000)
    if name.endswith("_bytes") or name == "memory":
        return f"-{show_size(-int(value))}" if value < 0 else show_size(int(value))
    return value


def show_age(timestamp: int, now: int) -> str:
    """Say how long ago a time was; both are in milliseconds since the epoch.

    Examples
    --------
    >>> [show_age(0, s * 1000) for s in (1, 42, 200, 7200, 86_400 * 3)]
    ['now', '42 s ago', '3 min ago', '2 h ago', '3 d ago']
    """
    seconds = (now - timestamp) / 1000
    if seconds < 5:  # a clock may also stand a little ahead of ours
        return "now"
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (86_400 * 30, 86_400, "d")):
        if seconds < limit:
            return f"{seconds // unit:.0f} {name} ago"
    then = datetime.fromtimestamp(timestamp / 1000, UTC)
    this_year = then.year == datetime.fromtimestamp(now / 1000, UTC).year
    return f"{then.day} {_MONTHS[then.month - 1]}" if this_year else f"{_MONTHS[then.month - 1]} {then.year}"


def show_time(timestamp: int, zone: tzinfo | None = None) -> str:
    """Format a time (milliseconds since the epoch) to the minute, in the local zone unless told otherwise.

    Examples
    --------
    >>> show_time(1_700_000_000_000, UTC)
    '2023-11-14 22:13'
    """
    return datetime.fromtimestamp(timestamp / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def iso_time(timestamp: int) -> str:
    """Format a time (milliseconds since the epoch) as ISO 8601 in UTC.

    Examples
    --------
    >>> iso_time(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    return datetime.fromtimestamp(timestamp / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show_size(size: int) -> str:
    """Format a number of bytes in decimal units.

    Examples
    --------
    >>> [show_size(n) for n in (0, 999, 1500, 2_340_000_000)]
    ['0 B', '999 B', '1.5 kB', '2.34 GB']
    """
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        amount /= 1000
        if amount < 999.5 or unit == "PB":
            break
    return f"{show_number(amount, 3)} {unit}"


def short_id(run_id: str, length: int = 12) -> str:
    """Shorten an id to its start; the first 12 digits of a UUIDv7 are its millisecond.

    Examples
    --------
    >>> short_id("0198c2f4a1b27cde8f00112233445566")
    '0198c2f4a1b2'
    """
    return run_id[:length]


def short_ids(run_ids: Iterable[str]) -> dict[str, str]:
    """Shorten ids to one length at which they differ from each other.

    Examples
    --------
    >>> short_ids(["0198c2f4a1b27aaa", "0198c2f4a1b27bbb"])
    {'0198c2f4a1b27aaa': '0198c2f4a1b27a', '0198c2f4a1b27bbb': '0198c2f4a1b27b'}
    """
    ids = sorted(set(run_ids))
    length = 12
    for one, two in pairwise(ids):
        shared = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
        length = max(length, shared + 1)
    return {run_id: run_id[:length] for run_id in ids}


@functools.lru_cache(maxsize=4096)
def better_direction(metric: str) -> int:
    """Guess from a metric's name whether more is better (1), less is better (-1), or neither is known (0).

    Examples
    --------
    >>> [better_direction(m) for m in ("val_accuracy", "logLoss", "neg_mean_squared_error", "n_rows")]
    [1, -1, 1, 0]
    """
    words = [word.lower() for word in _WORDS.findall(metric)]
    if any(word in _LOWER for word in words):
        return 1 if words[0] in ("neg", "negative") else -1
    return 1 if any(word in _HIGHER or word.rstrip("0123456789") in _HIGHER for word in words) else 0


@dataclass(frozen=True, slots=True)
class Change:
    """A metric's change against an earlier value: `text` to show, `trend` is better, worse, neutral or same."""

    text: str
    trend: str
    difference: float


def show_change(metric: str, value: float, earlier: float | None) -> Change | None:
    """Describe how a metric moved; None if there is nothing to compare with.

    Parameters
    ----------
    metric : str
        Its name tells, where it is a common one, which way is better; otherwise the trend is neutral.
    value, earlier : float
        The new and the earlier value.

    Returns
    -------
    Change or None
        The change, with an arrow and a signed difference.

    Examples
    --------
    >>> show_change("loss", 0.25, 0.5)
    Change(text='▼ 0.25', trend='better', difference=-0.25)
    >>> show_change("rows", 10, 10).text
    '='
    """
    if earlier is None:
        return None
    if value == earlier or (value != value and earlier != earlier):
        return Change("=", "same", 0.0)
    difference = value - earlier
    if not math.isfinite(difference):
        return Change(f"was {show_number(earlier)}", "neutral", difference)
    direction = better_direction(metric)
    better = "neutral" if direction == 0 else "better" if difference * direction > 0 else "worse"
    arrow = "▲" if difference > 0 else "▼"
    return Change(f"{arrow} {show_number(abs(difference), 2)}", better, difference)


def plain_json(value: Any) -> Any:
    """Copy a value into strict JSON: NaN and infinities become strings, text becomes encodable as UTF-8.

    Examples
    --------
    >>> plain_json({"a": float("inf"), "b": [float("nan"), "\\ud800"]})
    {'a': 'Infinity', 'b': ['NaN', '\\\\ud800']}
    """
    if type(value) is str:
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)  # beyond it a browser would round
    if isinstance(value, dict):
        return {plain_json(str(key)): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
