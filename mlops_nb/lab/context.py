"""What routes of the lab are given besides a request: places, jobs, and whoever watches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_nb.lab.places import Places
from mlops_nb.server.routing import Request, Route

if TYPE_CHECKING:
    from mlops_nb.lab.jobs import Jobs

ROOT = "/lab"


@dataclass(frozen=True, slots=True)
class Context:
    """What all routes share."""

    places: Places
    jobs: Jobs


Call = Callable[[Context, Request], Any]
Rows = tuple[tuple[Any, ...], ...]


def lab_route(
    method: str,
    path: str,
    call: Call,
    answer: Any,
    *,
    fields: dict[str, str] | None = None,
    kind: str = "read",
    role: str = "read",
) -> Callable[[Context], Route]:
    """A route that is still to be given its context.

    Examples
    --------
    >>> from pathlib import Path
    >>> lab_route("GET", "/hello", lambda context, request: 1, int)(Context(Places(Path("/")), None)).path
    '/lab/hello'
    """

    def give(context: Context) -> Route:
        bound = functools.partial(call, context)
        functools.update_wrapper(bound, call)
        return Route(method, ROOT + path, bound, kind, role, fields or {}, answer=answer)

    return give
