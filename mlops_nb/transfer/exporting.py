"""The way back: everything into MLflow, so that its server, its pages and its clients have it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Unpack

from mlops_nb.connection import Connection
from mlops_nb.entities import Artifact
from mlops_nb.errors import InvalidInput, MlopsError, StoreError, require
from mlops_nb.store.abroad import open_abroad
from mlops_nb.transfer.copying import Manner, copy_store
from mlops_nb.transfer.own import OwnOrigin
from mlops_nb.transfer.parcels import File, Report
from mlops_nb.workspace import Workspace

START_SECONDS = 180


def export_mlflow(target: str, space: Workspace, *, token: str = "", **manner: Unpack[Manner]) -> Report:
    """Copy what is in our store into one of MLflow's; what is there already stays as it is.

    Parameters
    ----------
    target : str
        ``http(s)://`` of a server (MLflow's or ours); or a SQLite file or a folder, for which MLflow's own server is
        started for as long as it takes (then MLflow has to be installed).
    space : Workspace
        Where from.
    token : str
        For a server.
    **manner
        ``thorough``, ``tick``, ``expect``: see `copying.Manner`.

    Returns
    -------
    Report
        With what MLflow has no place for.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.workspace import open_workspace
    >>> export_mlflow("ftp://host", open_workspace(tempfile.mkdtemp()))
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: Nothing can be exported to ftp://. ...
    """
    report = Report(str(space.root), target.rpartition("@")[2])
    if target.startswith(("http://", "https://")):
        served = nullcontext(target)
    elif "://" in target and not target.startswith("sqlite:///"):
        raise InvalidInput(
            f"Nothing can be exported to {target.partition('://')[0]}://.",
            hint="Name the address of an mlflow server, a SQLite file, or a folder.",
        )
    else:
        served = _mlflow_server(target)  # type: ignore[assignment]
    space.flush()
    origin = OwnOrigin(space.store, space.artifacts, report)
    with served as url:
        store = open_abroad(url, token=token, bytes_of=space.artifacts.open)
        try:
            return copy_store(origin, store, _name, **manner)
        finally:
            store.close()


def _name(file: File) -> Artifact:
    """The file by its digest: the store abroad reads the bytes when it sends them."""
    return Artifact(file.path, file.digest, file.size)


@contextmanager
def _mlflow_server(target: str) -> Iterator[str]:
    """MLflow's own server on its own files, for as long as it is needed, for this machine alone."""
    require("mlflow", "mlflow", purpose="write files of MLflow's own")
    path = Path(target.removeprefix("sqlite:///")).expanduser().absolute()
    is_folder = path.is_dir() or not path.suffix
    folder = path if is_folder else path.parent
    folder.mkdir(parents=True, exist_ok=True)
    store = str(path / "mlflow.db") if is_folder and not any(path.glob("*/meta.yaml")) else str(path)
    uri = store if Path(store).is_dir() else f"sqlite:///{store}"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", uri, "--artifacts-destination", str(folder / "mlartifacts")),
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=folder, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, server)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            Connection(url).ask("POST", "/api/2.0/mlflow/experiments/search", body={"max_results": 1})
            return
        except MlopsError:
            if server.poll() is not None:
                break
            time.sleep(0.2)
    raise StoreError("MLflow's own server did not start.", hint="Start it yourself, and name its address.")
