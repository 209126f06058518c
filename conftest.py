"""What every test and doctest gets: a folder and a store of its own, and no setting from outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Generated examples are the same each time, and a busy machine makes none of them a failure.
settings.register_profile("clockless", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("clockless")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright keeps an event loop running in the main thread, where others start theirs."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, with a store in it, so that nothing is read from or left in the checkout or the home."""
    folder: Path = tmp_path_factory.mktemp("work")
    for name in [name for name in os.environ if name.startswith(("MLOPS_NB_", "MLFLOW_", "JPY_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLOPS_NB_STORE", str(folder / ".mlops_nb"))
    monkeypatch.setenv("MLOPS_NB_USER_FOLDER", str(folder / "user"))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.chdir(folder)
    yield
    _leave_nothing_behind()


def _leave_nothing_behind() -> None:
    """A run or a store that a test left open would be the next test's."""
    if "mlops_nb.workspace" not in sys.modules:
        return
    from mlops_nb import workspace

    if "mlops_nb.tracking" in sys.modules:
        from mlops_nb.tracking import active, fluent

        for run in reversed(active.open_runs()):
            run.finish()
        active.bound.set(None)
        active.is_kernel = False
        active.remove_context()
        fluent.forget_settings()
    space = workspace.replace_current(None)
    if space is not None:
        space.close()
