"""The contract, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import inspect, text

from mlops_nb.entities import Batch, RunStart, new_id
from mlops_nb.errors import InvalidState
from mlops_nb.store import RunStore, engine, open_store, schema, upgrade_store
from mlops_nb.store.engine import connect_engine
from mlops_nb.store.rows import SCHEMA
from mlops_nb.store.runs import SqlStore, open_sql_store
from tests.store.contract import *  # noqa: F403
from tests.store.logged_contract import *  # noqa: F403
from tests.store.registry_contract import *  # noqa: F403

pytestmark = pytest.mark.postgres

FIRST = set(
    "mlops_nb_state experiments runs params param_changes metrics points tags documents sources facts artifacts data "
    "logs deliveries".split()
)
"""The tables of the first release."""


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


def test_many_new_runs_let_the_server_look_at_its_tables(
    store: SqlStore, opened: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known() -> int:
        with opened._database.engine.connect() as connection:
            question = "SELECT reltuples FROM pg_class WHERE relname = 'runs'"
            return int(connection.execute(text(question)).scalar_one())

    monkeypatch.setattr(engine, "GROWTH", 40)
    opened._database._grown = 0
    starts = [RunStart(new_id(), f"r{index}", "many", index) for index in range(40)]
    store.apply([Batch(start.run_id, "", start=start) for start in starts[:39]])
    before = known()
    store.apply([Batch(starts[39].run_id, "", start=starts[39])])
    assert before < 40 <= known()


def test_an_older_store_is_upgraded_when_asked(postgres_url: str) -> None:
    admin = connect_engine(postgres_url)
    with admin.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("CREATE DATABASE older"))
    url = postgres_url.replace("/postgres?", "/older?")
    assert url != postgres_url
    open_store(url).close()
    database = connect_engine(url)
    newer = [table for name, table in schema.metadata.tables.items() if name not in FIRST]
    with database.engine.begin() as connection:  # back to the tables of the first release
        schema.metadata.drop_all(connection, tables=newer)
        connection.execute(schema.state.update().values(schema=1))
    with pytest.raises(InvalidState, match="mlops-nb store upgrade"):
        open_store(url)
    with ThreadPoolExecutor(4) as pool:  # one of them does it, the others wait for it
        upgraded = list(pool.map(upgrade_store, [url] * 4))
    assert {after for _, after in upgraded} == {SCHEMA} and (1, SCHEMA) in upgraded
    assert upgrade_store(url) == (SCHEMA, SCHEMA)
    store = open_store(url)
    assert store.create_version("churn", source="x", make_model=True).version == 1
    store.close()
    with database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == set(schema.metadata.tables)
    database.close()
    admin.close()
