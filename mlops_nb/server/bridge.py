"""MLflow in this very process: its calls land in the notebook's store, and inside a tracked cell in the cell's run.

``mlflow.set_tracking_uri("mlops-nb:")`` is the one line. MLflow finds this file by its entry point, and is handed its
own REST store for a server of ours that listens on loopback, in a thread of this process, for as long as that lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import StoreError
from mlops_nb.server.app import Server, Settings
from mlops_nb.server.tokens import make_token
from mlops_nb.tracking import active
from mlops_nb.tracking.patience import in_a_moment
from mlops_nb.tracking.run import ActiveRun

START_SECONDS = 30
RUN_ID = "MLFLOW_RUN_ID"

_lock = threading.Lock()
_running: tuple[int, Server] | None = None


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """What MLflow calls for the scheme ``mlops-nb``: its REST store, for the server in this process."""
    from mlflow.store.tracking.rest_store import RestStore

    return RestStore(_credentials())


def registry_store(store_uri: str, tracking_uri: str | None = None) -> Any:
    """The same for its registry of models."""
    from mlflow.store.model_registry.rest_store import RestStore

    return RestStore(_credentials())


def _credentials() -> Any:
    import mlflow
    from mlflow.utils.rest_utils import MlflowHostCreds

    server = _serve()
    # MLflow's artifact calls want to see an address; whatever asks from now on, also a child process, is given it.
    os.environ["MLFLOW_TRACKING_TOKEN"] = server.settings.token
    mlflow.set_tracking_uri(server.url)
    if (run := active.current_run()) is not None and run.of_cell:
        _hand_over(run)
    return lambda: MlflowHostCreds(server.url, token=server.settings.token)


def is_on() -> bool:
    """Whether MLflow works on this process's store."""
    return _running is not None and _running[0] == os.getpid()


def begin_cell(run: ActiveRun) -> None:
    """A tracked cell begins: what MLflow logs is logged into the cell's run."""
    if is_on():
        _hand_over(run)


def end_cell(run: ActiveRun) -> None:
    """The cell is over: MLflow has no active run any more, unless one that the user's code began before."""
    if not is_on():
        return
    if os.environ.get(RUN_ID) == run.run_id:
        del os.environ[RUN_ID]
    mlflow = sys.modules.get("mlflow")
    if mlflow is None:
        return
    with contextlib.suppress(Exception):  # MLflow's trouble is not the cell's
        current = mlflow.active_run()
        if current is not None and current.info.run_id == run.run_id:
            mlflow.end_run()


def _hand_over(run: ActiveRun) -> None:
    """The next run that MLflow begins in this process is the cell's; further ones stand below it (`runs.create`)."""
    # The server has to know the run when MLflow asks for it; if this takes too long, it asks us then (`runs.find_run`).
    in_a_moment(run.workspace, lambda: run.workspace.flush(START_SECONDS))
    os.environ[RUN_ID] = run.run_id


def _serve() -> Server:
    """The server of this process, started on first use, on a free port of the loopback, with a token of its own."""
    global _running
    with _lock:
        if _running is not None and _running[0] == os.getpid():
            return _running[1]
        started: threading.Event = threading.Event()
        found: list[Server] = []

        async def main() -> None:
            server = Server(workspaces.current(), Settings("127.0.0.1", 0, make_token(), "", ()))
            server.start()
            found.append(server)
            started.set()
            await asyncio.Event().wait()

        threading.Thread(target=asyncio.run, args=(main(),), daemon=True, name="mlops_nb-mlflow").start()
        if not started.wait(START_SECONDS):
            raise StoreError("The server for MLflow's calls did not start.", hint="Look into the kernel's log.")
        _running = (os.getpid(), found[0])
        return found[0]
