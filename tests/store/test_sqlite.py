"""The contract, on SQLite in a file and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.store import RunStore, open_store
from tests.store.contract import *  # noqa: F403
from tests.store.logged_contract import *  # noqa: F403
from tests.store.registry_contract import *  # noqa: F403


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunStore]:
    opened = open_store(f"sqlite:///{tmp_path}/a b/ö.db" if request.param == "file" else "sqlite://")
    yield opened
    opened.close()
