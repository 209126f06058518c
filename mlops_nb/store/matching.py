"""Patterns of filters: `~`, LIKE and ILIKE as one function that SQLite calls a row at a time."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=64)
def _compile(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


def match(pattern: Any, value: Any) -> int:
    """Whether `pattern` is found in `value`. Never raises: SQLite would lose the message.

    Parameters
    ----------
    pattern : str
        A Python regular expression.
    value : str or None
        What is searched; other types do not match.

    Returns
    -------
    int
        1 or 0.

    Examples
    --------
    >>> match("^Grad.*Boost", "GradientBoosting"), match("(", "x"), match("x", None)
    (1, 0, 0)
    """
    if not isinstance(value, str) or not isinstance(pattern, str):
        return 0
    compiled = _compile(pattern)
    return int(compiled is not None and compiled.search(value) is not None)


def translate_like(pattern: str, *, ignore_case: bool = False) -> str:
    """A LIKE pattern as a regular expression: ``%`` is any text, ``_`` any character.

    Examples
    --------
    >>> translate_like("a%.b_")
    '(?s)\\\\Aa.*\\\\.b.\\\\Z'
    """
    body = "".join({"%": ".*", "_": "."}.get(part) or re.escape(part) for part in re.split("([%_])", pattern) if part)
    return f"(?s{'i' if ignore_case else ''})\\A{body}\\Z"
