"""Patterns of filters: `~`, LIKE and ILIKE as one function that SQLite calls a row at a time."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from mlops_nb.errors import InvalidInput

SHORT = 40
"""Letters of a text on which a pattern of `FEW` choices takes no time worth watching, which itself takes some."""

FEW = 3
"""Repeats and alternatives of a pattern that cannot share a short text in many ways."""

SECONDS = 0.5
"""For a pattern on one text."""

_MANY = 20
"""Repeats up to this often are taken for harmless."""


@lru_cache(maxsize=64)
def _compile(pattern: str) -> tuple[Any, int]:
    """A pattern, and the length of texts up to which it is tried without watching the time."""
    import regex  # as `re`, but it ends when it is told to, and does not hold the interpreter

    try:
        return regex.compile(pattern), SHORT if sum(map(pattern.count, "*+?{|")) <= FEW else 0
    except (regex.error, OverflowError, RecursionError):
        return None, 0


def match(pattern: Any, value: Any) -> int:
    """Whether `pattern` is found in `value`.

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

    Raises
    ------
    InvalidInput
        If the pattern takes longer than `SECONDS`: it repeats in too many ways. (SQLite loses the message: `troubles`
        says it again.)

    Examples
    --------
    >>> match("^Grad.*Boost", "GradientBoosting"), match("(", "x"), match("x", None)
    (1, 0, 0)
    """
    if not isinstance(value, str) or not isinstance(pattern, str):
        return 0
    compiled, short = _compile(pattern)
    if compiled is None:
        return 0
    if len(value) <= short:
        return int(compiled.search(value) is not None)
    try:
        return int(compiled.search(value, timeout=SECONDS, concurrent=True) is not None)
    except TimeoutError:
        raise takes_too_long() from None


def takes_too_long() -> InvalidInput:
    """What is said of a pattern that no text answers in time.

    Examples
    --------
    >>> takes_too_long().message
    'A pattern of the filter takes too long: its repeats can share a text in too many ways.'
    """
    return InvalidInput(
        "A pattern of the filter takes too long: its repeats can share a text in too many ways.",
        hint="Write it with fewer of them, such as 'first.*last', or use LIKE.",
    )


def translate_like(pattern: str, *, ignore_case: bool = False) -> str:
    """A LIKE pattern as a regular expression: ``%`` is any text, ``_`` any character.

    Each piece between two ``%`` is taken where it first stands and never tried again further on (an atomic group): that
    finds whatever can be found, in time that grows with the text and not with a power of it.

    Parameters
    ----------
    pattern : str
        As in SQL; there is no escape character.
    ignore_case : bool
        As ILIKE does.

    Returns
    -------
    str
        For `match`.

    Examples
    --------
    >>> translate_like("a%.b_%c")
    '(?s:\\\\Aa(?>.*?\\\\.b.).*c\\\\Z)'
    """
    first, *rest = ["".join("." if part == "_" else re.escape(part) for part in piece) for piece in pattern.split("%")]
    body = first
    if rest:
        body += "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece) + ".*" + rest[-1]
    return f"(?s{'i' if ignore_case else ''}:\\A{body}\\Z)"


def may_explode(pattern: str) -> bool:
    """Whether trying a regular expression may take time that doubles with each letter, as ``(a+)+$`` does.

    Parameters
    ----------
    pattern : str
        A valid regular expression.

    Returns
    -------
    bool
        True for a repeat inside a repeat, and for a repeat of alternatives that begin alike.

    Examples
    --------
    >>> [may_explode(each) for each in ("(a+)+$", "(a|aa)*b", "(foo|bar)+", "Grad.*Boost")]
    [True, True, False, False]
    """
    parser = importlib.import_module("re._parser")  # private, and the only parser that reads what `re` reads
    return any(_explodes(body) for body in _repeats(parser.parse(pattern)))


def _parts(items: Any) -> Iterator[tuple[str, Any]]:
    """(operation, arguments) of a parsed pattern and all that is inside it, repeats' bodies left out."""
    for operation, arguments in items:
        yield str(operation), arguments
        for inner in _inside(str(operation), arguments):
            yield from _parts(inner)


def _inside(operation: str, arguments: Any) -> list[Any]:
    if operation == "BRANCH":
        return list(arguments[1])
    if operation in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
        return [arguments[-1]]
    if operation == "ATOMIC_GROUP":
        return [arguments]
    if operation == "GROUPREF_EXISTS":
        return [each for each in arguments[1:] if each is not None]
    return []


def _repeats(items: Any) -> Iterator[Any]:
    """The bodies of all repeats that may go on for long."""
    for operation, arguments in _parts(items):
        if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            if arguments[1] > _MANY and operation != "POSSESSIVE_REPEAT":
                yield arguments[2]
            yield from _repeats(arguments[2])


def _explodes(body: Any) -> bool:
    for operation, arguments in _parts(body):
        if operation in ("MAX_REPEAT", "MIN_REPEAT") and arguments[0] != arguments[1]:
            return True
        if operation == "BRANCH":
            heads = [(str(branch[0][0]), str(branch[0][1])) if len(branch) else ("", "") for branch in arguments[1]]
            if len(set(heads)) < len(heads) or any(name != "LITERAL" for name, _ in heads):
                return True
    return False
