"""Stores that MLflow itself made (3.17, by ``mlflow_store.py``), frozen; and stores of ours, empty."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.workspace import Workspace, open_workspace
from tests.artifacts.conftest import s3_options  # noqa: F401
from tests.store.conftest import postgres_url  # noqa: F401

collect_ignore = ["mlflow_store.py", "trackers.py"]
"""Scripts for an interpreter that has MLflow, or W&B and TensorBoard; this one may have none."""

FROZEN = Path(__file__).with_name("mlflow-3.17.tar.xz")


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """``sq/mlflow.db`` with ``sq/mlruns`` beside it, and ``fo/mlruns``: the same content by both of MLflow's stores."""
    with tarfile.open(FROZEN) as archive:
        archive.extractall(tmp_path / "frozen", filter="data")
    return tmp_path / "frozen"


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "store"))
    yield opened
    opened.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "other"))
    yield opened
    opened.close()
