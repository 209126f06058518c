"""What every test and doctest gets: a folder and a store of its own, and no setting from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with a store in it, so that nothing is read from or left in the checkout or the home."""
    folder: Path = tmp_path_factory.mktemp("work")
    for name in [name for name in os.environ if name.startswith(("MLOPS_NB_", "MLFLOW_", "JPY_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLOPS_NB_STORE", str(folder / ".mlops_nb"))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.chdir(folder)
