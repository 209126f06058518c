"""Page tokens: opaque, and only good for the question that they were given for."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.store.rows import encode_json

VIEWS = ("active", "deleted", "all")


def check_limit(limit: int, view: str) -> None:
    """Refuse a page size or a view that makes no sense.

    Parameters
    ----------
    limit : int
        At least 1.
    view : str
        ``active``, ``deleted`` or ``all``.

    Raises
    ------
    InvalidInput
        Naming what is wrong.

    Examples
    --------
    >>> check_limit(100, "active")
    """
    if limit < 1:
        raise InvalidInput(f"The limit is {limit}.", hint="Use at least 1.")
    if view not in VIEWS:
        raise InvalidInput(f"There is no view '{view}'.", hint="Use active, deleted or all.")


def seal_token(question: Any, position: Any) -> str:
    """The token that continues a listing.

    Parameters
    ----------
    question : Any
        What was asked, as plain JSON values.
    position : Any
        Where the page ended, as plain JSON values.

    Returns
    -------
    str
        Letters that need no escaping in a URL.

    Examples
    --------
    >>> open_token(seal_token("all", [1.5]), "all")
    [1.5]
    """
    return base64.urlsafe_b64encode(encode_json([_digest(question), position]).encode()).decode().rstrip("=")


def open_token(token: str | None, question: Any) -> Any:
    """Where the page before ended.

    Parameters
    ----------
    token : str or None
        Of `seal_token`; None or empty at the beginning.
    question : Any
        What is asked; the same as when the token was given.

    Returns
    -------
    Any
        The position; None at the beginning.

    Raises
    ------
    InvalidInput
        If the token is damaged or of another question.

    Examples
    --------
    >>> open_token(None, "all") is None
    True
    """
    if not token:
        return None
    try:
        digest, position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput("The page token is damaged.", hint="Begin again without a page token.") from error
    if digest != _digest(question) or position is None:
        raise InvalidInput(
            "The page token is of another search.", hint="Keep filter and order, or begin again without a page token."
        )
    return position


def _digest(question: Any) -> str:
    return hashlib.blake2b(encode_json(question).encode(), digest_size=6).hexdigest()
