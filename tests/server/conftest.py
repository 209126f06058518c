"""A live server, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.server.app import Server
from mlops_nb.workspace import Workspace, open_workspace
from tests.server.live import Client, running

collect_ignore = ["mlflow_calls.py"]
"""A script for an interpreter that has MLflow; this one may have none."""


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
