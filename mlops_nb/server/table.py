"""All routes that there are. What is not here is not served."""

from __future__ import annotations

from mlops_nb.server import about, artifacts, blobs, calls, experiments, logged, metrics, openapi, registered, runs
from mlops_nb.server.routing import Route


def all_routes() -> tuple[Route, ...]:
    """MLflow's and our own.

    Examples
    --------
    >>> any(route.path == "/health" for route in all_routes())
    True
    """
    rooms = (about, experiments, runs, metrics, artifacts, logged, registered, calls, blobs, openapi)
    return tuple(route for room in rooms for route in room.ROUTES)
