"""Fresh processes, and a real MLflow in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.house import ROOT

MLFLOW = "mlflow-skinny>=3.4,<4"
"""Enough to load and save models; the libraries are those of the environment that the tests run in."""


def in_process(code: str, folder: Path, *, python: str = sys.executable, ours: bool = False, **environment: str) -> Any:
    """Run code in a process of its own; gives the JSON that it prints last."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=folder, timeout=280,
        env={**os.environ, "PYTHONPATH": str(ROOT) if ours else "", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs an environment of its own takes minutes to set up: it is for the nightly run, unless one is given."""
    if os.environ.get("MLFLOW_PYTHON"):
        return
    for item in items:
        if "mlflow_python" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.nightly)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[str], Any]:
    """Run code in a new process, elsewhere, where only the package can be imported."""

    def run(code: str) -> Any:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        return in_process(code, elsewhere, ours=True)

    return run


@pytest.fixture(scope="session")
def mlflow_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has MLflow; the one that ``MLFLOW_PYTHON`` names, or one that is made here with uv."""
    given = os.environ.get("MLFLOW_PYTHON")
    if given:
        return given
    folder = tmp_path_factory.mktemp("mlflow") / "env"
    uv = [sys.executable, "-m", "uv"]
    for command in (
        [*uv, "venv", "-q", "--python", sys.executable, str(folder)],
        [*uv, "pip", "install", "-q", "--python", str(folder), MLFLOW],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"MLflow cannot be installed here: {done.stderr.strip()[-300:]}")
    python = folder / "bin" / "python"
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()
    Path(site, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return str(python)


@pytest.fixture
def in_mlflow(mlflow_python: str, tmp_path: Path) -> Callable[[str], Any]:
    """Run code in a process that has MLflow, and not mlops_nb."""

    def run(code: str) -> Any:
        elsewhere = tmp_path / "mlflow"
        elsewhere.mkdir(exist_ok=True)
        return in_process(code, elsewhere, python=mlflow_python)

    return run
