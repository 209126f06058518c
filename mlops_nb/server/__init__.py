"""The team server: MLflow's REST API and our own over a workspace, with tokens; standalone or inside a Jupyter server.

`table` says which routes there are, each a plain function; `door` is the one file that knows tornado.
"""

from mlops_nb.server.routing import File, Request, Route, Table
from mlops_nb.server.service import Service
from mlops_nb.server.table import all_routes

__all__ = ["File", "Request", "Route", "Service", "Table", "all_routes"]
