"""The team server: MLflow's REST API and our own over a workspace, with tokens; standalone or inside a Jupyter server.

`table` says which routes there are, each a plain function; `door` is the one file that knows tornado.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.server.routing import File, Request, Route, Table
from mlops_nb.server.service import Service

if TYPE_CHECKING:
    from mlops_nb.server.table import all_routes

__all__ = ["File", "Request", "Route", "Service", "Table", "all_routes"]


def __getattr__(name: str) -> Any:
    """`all_routes` on first touch: it brings all that routes do, and a Jupyter server starts before anybody asks."""
    if name != "all_routes":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mlops_nb.server.table import all_routes

    return all_routes
