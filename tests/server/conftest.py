"""A live server, and a client of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.server.app import Server
from mlops_nb.workspace import Workspace, open_workspace
from tests.house import ROOT
from tests.server.live import Client, running
from tests.store.conftest import postgres_url  # noqa: F401

collect_ignore = ["mlflow_calls.py", "autolog_cells.py"]
"""Scripts for an interpreter that has MLflow; this one may have none."""

MLFLOW = ("mlflow>=3.17", "scikit-learn", "xgboost", "lightgbm", "statsmodels", "keras", "jax")


@pytest.fixture(scope="session")
def mlflow_python() -> str:
    """An interpreter with MLflow and this checkout: an environment of its own in the user's cache, made once."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops_nb-tests" / f"mlflow-{version}"
    python = str(cache / "bin" / "python")
    uv = [sys.executable, "-m", "uv"]
    if not Path(python).exists():
        subprocess.run([*uv, "venv", "--quiet", str(cache), "--python", sys.executable], check=True, timeout=900)
    install = [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    subprocess.run([*install, *MLFLOW, "--editable", str(ROOT)], check=True, timeout=1800)
    return python


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "store"))
    yield opened
    opened.close()


@pytest.fixture
def server(space: Workspace) -> Iterator[Server]:
    with running(space) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.port)
