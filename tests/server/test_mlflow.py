"""A real MLflow client is the judge: it gets from our server what it gets from ``mlflow server``, value by value."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.server import all_routes
from mlops_nb.server.app import Server
from mlops_nb.server.routing import Route
from mlops_nb.workspace import open_workspace
from tests.server.live import TOKEN, running

SCRIPT = Path(__file__).with_name("mlflow_calls.py")

BETTER = {
    "rename to a name that is taken": ("BAD_REQUEST", "RESOURCE_ALREADY_EXISTS"),
    "rename a deleted one": ("INTERNAL_ERROR", "INVALID_STATE"),
    "logged models where colour = 'x'": ("INTERNAL_ERROR", "INVALID_PARAMETER_VALUE"),
}
"""Where MLflow's server fails, and ours says what is wrong."""

MORE = {
    "runs where params.n IN ('1', '2')": ["r02", "r01"],
    "runs where params.n NOT IN ('1')": [f"r{n:02}" for n in (11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 0)],
    # a thinned-out curve has its points at even distances up to the last one
    "curves, thinned out": {"metrics": [
        {"key": "b", "run_id": "<run 0>", "step": step, "value": step / 2} for step in range(0, 1000, 111)
    ]},
    # params that are numbers are sorted as numbers, not as text
    "runs by ['params.n']": [*(f"r{n:02}" for n in range(12)), "by tag"],
}
"""What our language of filters can, and MLflow's can not."""


def compare(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Every call gave the same, but for what is listed above."""
    assert ours.keys() == theirs.keys()
    assert len(theirs) > 170
    differing = {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]}
    curve = theirs["curves"]["metrics"]
    assert [point.pop("value") for point in curve][1] == "nan"  # which its other routes write as JSON has it
    assert [point.pop("value") for point in ours["curves"]["metrics"]][1] == "NaN"
    assert differing.pop("curves") == (theirs["curves"], theirs["curves"])
    for name, (bad, good) in BETTER.items():
        assert differing.pop(name) == ({"error": bad}, {"error": good})
    for name, found in MORE.items():
        assert differing.pop(name)[1] == found
    assert not differing, json.dumps(differing, indent=1)


def ask(python: str, url: str, target: Path, token: str = "") -> dict[str, Any]:
    """Run the script of calls."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    environment |= {"MLFLOW_TRACKING_TOKEN": token} if token else {}
    environment |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [python, str(SCRIPT), url, str(target)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(target.read_text()))


@contextmanager
def mlflow_server(python: str, folder: Path) -> Iterator[str]:
    """A real ``mlflow server`` on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        *(python, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")),
    ]
    environment = {**os.environ, "PATH": f"{Path(python).parent}:{os.environ['PATH']}"}
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(1500):
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=5):
                    break
            except OSError:
                assert server.poll() is None, "mlflow server has ended"
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def visited(server: Server) -> Iterator[set[tuple[str, str]]]:
    """The routes of MLflow's that are called meanwhile."""
    table = server.service.table
    seen: set[tuple[str, str]] = set()
    find = table.find

    def watch(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        found = find(method, path)
        if found is not None:
            seen.add((found[0].method, found[0].path))
        return found

    table.find = watch  # type: ignore[method-assign]
    yield seen


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_the_same_as_mlflows_own_server(server: Server, tmp_path: Path, mlflow_python: str) -> None:
    with visited(server) as seen:
        ours = ask(mlflow_python, server.url, tmp_path / "ours.json", TOKEN)
    missed = {(route.method, route.path) for route in all_routes() if not route.is_ours} - seen
    assert not missed, "routes of MLflow's that no call of the script uses"
    with mlflow_server(mlflow_python, tmp_path) as url:
        theirs = ask(mlflow_python, url, tmp_path / "theirs.json")
    compare(theirs, ours)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.postgres
def test_the_same_on_postgresql(postgres_url: str, tmp_path: Path, mlflow_python: str) -> None:
    space = open_workspace(postgres_url, str(tmp_path / "files"))
    with running(space) as server, mlflow_server(mlflow_python, tmp_path) as url:
        ours = ask(mlflow_python, server.url, tmp_path / "ours.json", TOKEN)
        theirs = ask(mlflow_python, url, tmp_path / "theirs.json")
    compare(theirs, ours)
