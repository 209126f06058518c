"""All routes of the lab, and those of the team server beside them."""

from __future__ import annotations

from typing import Any

from mlops_nb.lab import browse, comparing, curves, hello, job_routes, models, pages, words
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.describing import describe_routes
from mlops_nb.server.routing import Request, Route
from mlops_nb.server.table import all_routes

ROOMS = (hello, browse, curves, pages, words, comparing, models, job_routes)


def lab_routes(context: Context) -> tuple[Route, ...]:
    """The routes of the lab, given what they need.

    Examples
    --------
    >>> from pathlib import Path
    >>> from mlops_nb.lab.places import Places
    >>> "/lab/hello" in {route.path for route in lab_routes(Context(Places(Path("/")), None))}
    True
    """
    gives = [*(give for room in ROOMS for give in room.ROUTES), lab_route("GET", "/openapi.json", describe, Any)]
    return tuple(give(context) for give in gives)


def describe(context: Context, request: Request) -> dict[str, Any]:
    """The description of the routes of the lab."""
    return describe_routes(lab_routes(context))


def every_route(context: Context) -> tuple[Route, ...]:
    """Those of the lab, and MLflow's and our own ones, as a team server has them."""
    return (*lab_routes(context), *all_routes())
