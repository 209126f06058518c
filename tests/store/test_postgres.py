"""The contract, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlops_nb.store import RunStore, schema
from mlops_nb.store.runs import SqlStore, open_sql_store
from tests.store.contract import *  # noqa: F403
from tests.store.logged_contract import *  # noqa: F403
from tests.store.registry_contract import *  # noqa: F403

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def opened(postgres_url: str) -> Iterator[SqlStore]:
    store = open_sql_store(postgres_url)
    yield store
    store.close()


@pytest.fixture
def store(opened: SqlStore) -> Iterator[RunStore]:
    yield opened
    with opened._database.engine.begin() as connection:  # much quicker than making the tables anew
        for name, table in schema.metadata.tables.items():
            if name == "experiments":
                connection.execute(table.delete().where(table.c.experiment_id != "0"))
            elif name != schema.state.name:
                connection.execute(table.delete())


def test_opened_again(opened: SqlStore, postgres_url: str) -> None:
    again = open_sql_store(postgres_url)
    assert again.get_experiment("0").name == "Default"
    again.close()
    assert "postgres" in opened.info()["url"]
