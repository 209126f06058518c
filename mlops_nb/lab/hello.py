"""The handshake: versions, the store, the user; and the description of the routes."""

from __future__ import annotations

import sys

from mlops_nb import workspace as workspaces
from mlops_nb.errors import MlopsError
from mlops_nb.lab import API, EVENTS
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.shapes import Bundle, Hello, StoreState
from mlops_nb.lab.stores import has_store, store_id
from mlops_nb.server.routing import Request
from mlops_nb.verbs.lab import REINSTALL, front_end
from mlops_nb.workspace import Workspace


def say_hello(context: Context, request: Request) -> Hello:
    """Everything that the front end needs to know before anything else."""
    space = request.space
    state, sequence, models = _look(space)
    installed = front_end()
    bundle: Bundle | None = {"version": installed} if installed else None
    return {
        "api": API,
        "version": version(),
        "store": state,
        "user": request.caller.name,
        "can_write": request.caller.may("write"),
        "sequence": sequence,
        "models": models,
        "events": EVENTS,
        "root_dir": str(context.places.root),
        "bundle": bundle,
        "mismatch": find_mismatch(bundle, request.fields.get("bundle"), request.fields.get("api")),
        "disabled": workspaces.is_disabled(),
    }


def _look(space: Workspace) -> tuple[StoreState, int, str]:
    kind = "server" if space.is_served else "folder" if space.is_embedded else "database"
    state: StoreState = {
        "id": store_id(space),
        "where": str(space.root) if kind == "folder" else _without_password(space.store_url),
        "kind": kind,
        "project": str(space.project),
        "project_name": space.project.name or str(space.project),
        "ok": True,
        "problem": None,
    }
    sequence, mark = 0, ""
    if has_store(space):
        try:
            sequence, mark = space.store.last_change(), models_mark(space)
        except MlopsError as error:
            state["ok"], state["problem"] = False, str(error)
    return state, sequence, mark


def _without_password(url: str) -> str:
    head, mark, rest = url.partition("://")
    login, at, host = rest.rpartition("@")
    return f"{head}{mark}{login.partition(':')[0]}{at}{host}" if at else url


def models_mark(space: Workspace) -> str:
    """Changes whenever a registered model or version does."""
    models = space.store.search_models(order_by=["last_updated_timestamp DESC"], limit=1).items
    return f"{models[0].name}:{models[0].last_update_time}:{models[0].versions}" if models else ""


def version() -> str:
    """The version of this release.

    Examples
    --------
    >>> version().count(".") >= 1
    True
    """
    package = sys.modules["mlops_nb"]  # it is above us on the road, and loaded
    return str(package.__version__)


def find_mismatch(bundle: Bundle | None, loaded: str | None, api: int | None) -> str | None:
    """Why the front end in the browser and this server do not fit, and what to do; None if they do.

    Examples
    --------
    >>> find_mismatch({"version": "1.0"}, "0.9", None)
    'The browser has the front end of mlops_nb 0.9, the server has ... Reload the page.'
    """
    mine = version()
    if api is not None and api > API:
        return (
            f"The front end was built for routes of version {api}, the server (mlops_nb {mine}) has version {API}. "
            "Restart the Jupyter server; if it stays, type: pip install --upgrade mlops_nb"
        )
    if api is not None and api < API:
        return f"The browser has an older front end; the server (mlops_nb {mine}) has been updated. Reload the page."
    if bundle is None:
        return f"mlops_nb {mine} is installed without its JupyterLab panels. Type: {REINSTALL}"
    built = bundle["version"]
    if loaded is not None and loaded != built:
        return f"The browser has the front end of mlops_nb {loaded}, the server has {built}. Reload the page."
    return None


ROUTES = (lab_route("GET", "/hello", say_hello, Hello, fields={"bundle": "text", "api": "int"}),)
