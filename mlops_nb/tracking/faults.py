"""When tracking itself fails: one warning line, then silence for that run; never an exception in the cell."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from mlops_nb.errors import MlopsError, StoreError

P = ParamSpec("P")
R = TypeVar("R")
_said: set[str] = set()


def say(error: Exception | str, *, about: str = "") -> None:
    """Write one warning line; the same about the same thing only once.

    Parameters
    ----------
    error : Exception or str
        What went wrong.
    about : str
        What has been said once for this is not said again (a run's id).

    Examples
    --------
    >>> say("The disk is full.", about="doctest")
    """
    text = str(error) if isinstance(error, (str, MlopsError)) else f"{type(error).__name__}: {error}"
    key = about or text
    if key in _said:
        return
    _said.add(key)
    try:
        sys.stderr.write(f"mlops_nb: {' '.join(text.split())} Your code is not affected.\n")
    except (OSError, ValueError):
        pass  # no stderr to write to: there is nowhere left to say it


def shielded(function: Callable[P, R]) -> Callable[P, R | None]:
    """Let what the *user* got wrong be raised, and what *we* cannot do (disk, store) become one warning line.

    Examples
    --------
    >>> @shielded
    ... def save() -> int:
    ...     raise StoreError("No space.")
    >>> save() is None
    True
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return function(*args, **kwargs)
        except (StoreError, OSError) as error:
            say(error, about=_about(args))
            return None

    return call


def _about(args: tuple[Any, ...]) -> str:
    return str(getattr(args[0], "run_id", "")) if args else ""
