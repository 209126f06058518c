"""A whole store in SQL, moved into an empty one of another kind: row by row, in one transaction, everything exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from mlops_nb.errors import AlreadyExists, CorruptData
from mlops_nb.store import logged_schema, registry_schema, schema
from mlops_nb.store.engine import Database, connect_engine
from mlops_nb.store.migrations import prepare
from mlops_nb.store.troubles import explain

ROWS = 500
"""Rows that are held at a time."""


def move_sql_store(source: str, target: str, tick: Callable[[int, str], None] | None = None) -> dict[str, int]:
    """Copy every row of a store into an empty one: ids, counters and the audit stay as they are.

    Parameters
    ----------
    source, target : str
        SQLAlchemy URLs of SQLite or PostgreSQL. `source` is read as it is at one moment.
    tick : callable, optional
        Hears how many rows have been copied, and of which table.

    Returns
    -------
    dict
        Rows by table.

    Raises
    ------
    AlreadyExists
        If there are runs or models in `target`; then nothing is changed.
    StoreError
        If one of them cannot be opened, or fails on the way; then `target` is as it was.

    Examples
    --------
    >>> move_sql_store("sqlite://", "sqlite://")["experiments"]
    1
    """
    origin, goal = connect_engine(source), connect_engine(target)
    try:
        for database in (origin, goal):
            prepare(database)
        with origin.engine.connect() as reading, goal.engine.connect() as writing:
            _begin(origin, reading)
            _begin(goal, writing, write=True)
            try:
                _refuse_if_used(goal, writing)
                counts = _copy(reading, writing, tick or (lambda done, table: None))
                writing.commit()
            except BaseException:
                writing.rollback()
                raise
            reading.rollback()
        goal.gather_statistics()
        return counts
    except DBAPIError as error:
        raise explain(error, goal.label) from error
    finally:
        origin.close()
        goal.close()


def _begin(database: Database, connection: Connection, *, write: bool = False) -> None:
    """One moment's view for who reads, and nobody beside who writes."""
    if database.is_sqlite:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
    else:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _refuse_if_used(database: Database, connection: Connection) -> None:
    used = (schema.runs, registry_schema.models, logged_schema.logged_models)
    if any(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in used):
        raise AlreadyExists(
            f"The store '{database.label}' is not empty.",
            hint="Name an empty one, or join the two with: mlops-nb store merge OTHER",
        )


def _copy(reading: Connection, writing: Connection, tick: Callable[[int, str], None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    done = 0
    for table in schema.metadata.sorted_tables:
        writing.execute(table.delete())  # what a new store is born with
        count = 0
        found = reading.execution_options(yield_per=ROWS).execute(select(table))
        for rows in found.partitions(ROWS):
            values: list[dict[str, Any]] = [dict(row._mapping) for row in rows]
            writing.execute(insert(table), values)
            count += len(values)
            done += len(values)
            tick(done, table.name)
        there = writing.execute(select(func.count()).select_from(table)).scalar_one()
        if there != count:
            raise CorruptData(f"Of {count} rows of '{table.name}', {there} arrived.")
        counts[table.name] = count
    return counts
