"""Making the tables, and bringing an older store up to date: a step for each version, run under the writers' lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, MetaData, func, inspect, select, update
from sqlalchemy.exc import DBAPIError

from mlops_nb import entities
from mlops_nb.errors import InvalidState, StoreError
from mlops_nb.store import logged_schema, registry_schema, schema
from mlops_nb.store.engine import Database, use_wal
from mlops_nb.store.rows import SCHEMA
from mlops_nb.store.troubles import explain
from mlops_nb.store.upgrades import STEPS

_LOCK = 7_310_579  # any number that nobody else takes: PostgreSQL's advisory lock for making and migrating


def prepare(database: Database, *, upgrade: bool | None = None, target: int = SCHEMA,
            steps: Mapping[int, Callable[[Connection], None]] = STEPS) -> None:  # fmt: skip
    """Make the tables of a new store, migrate an older one, refuse a newer or a foreign one.

    Parameters
    ----------
    database : Database
        As `connect_engine` gives it.
    upgrade : bool, optional
        Whether an older store may be migrated; default: SQLite yes (after a copy aside), servers no.
    target : int
        The version to reach.
    steps : mapping
        One function for each version after the first.

    Raises
    ------
    StoreError
        If the store is newer, not ours, older and `upgrade` is not allowed, or cannot be read.

    Examples
    --------
    >>> from mlops_nb.store.engine import connect_engine
    >>> prepare(connect_engine("sqlite://"))
    """
    found = read_version(database)
    if found is None:
        use_wal(database)
        _create(database)
        found = read_version(database)
    if found is None or found > target:
        raise StoreError(
            f"The store '{database.label}' was written by a newer release of mlops_nb (schema {found}; this one knows "
            f"{target}).",
            hint="Install it with: pip install --upgrade mlops_nb",
        )
    if found < target:
        if not (database.is_sqlite if upgrade is None else upgrade):
            raise InvalidState(
                f"The store '{database.label}' is of an older release (schema {found}; this one needs {target}).",
                hint="Migrate it with: mlops-nb store upgrade",
            )
        if database.path is not None:
            _copy_aside(database.path, found)
        _migrate(database, target, steps)
    use_wal(database)
    database.watch_file()


def read_version(database: Database) -> int | None:
    """The version of a store's tables; None if it has none yet.

    Raises
    ------
    StoreError
        If it cannot be read, or is a database of another program.

    Examples
    --------
    >>> from mlops_nb.store.engine import connect_engine
    >>> read_version(connect_engine("sqlite://")) is None
    True
    """
    try:
        with database.engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
            if schema.state.name in tables:
                return int(connection.execute(select(schema.state.c.schema)).scalar_one())
    except DBAPIError as error:
        raise explain(error, database.label) from error
    foreign = tables & set(schema.metadata.tables)
    if foreign or (tables and database.is_sqlite):
        raise StoreError(
            f"'{database.label}' is a database of another program (it has a table '{min(foreign or tables)}').",
            hint="Name another file or database. To take over MLflow's, use: mlops-nb import mlflow URL",
        )
    return None


def _create(database: Database) -> None:
    with _locked(database) as connection:
        if inspect(connection).has_table(schema.state.name):
            return  # another process was quicker
        # One metadata, in which each of these rooms has put its tables.
        rooms = (schema.metadata, registry_schema.models.metadata, logged_schema.logged_models.metadata)
        for metadata in dict.fromkeys(rooms):
            if not database.is_sqlite:
                _share_conditions(metadata)
            metadata.create_all(connection, checkfirst=False)
        connection.execute(schema.state.insert().values(id=1, schema=SCHEMA, change=0, run_no=0))
        now = entities.now_ms()
        connection.execute(
            schema.experiments.insert().values(
                experiment_id="0",
                name="Default",
                artifact_location="",
                lifecycle_stage="active",
                creation_time=now,
                last_update_time=now,
                tags="{}",
            )
        )


def _share_conditions(metadata: MetaData) -> None:
    """PostgreSQL's partial indexes have SQLite's conditions."""
    for table in metadata.tables.values():
        for index in table.indexes:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


def _migrate(database: Database, target: int, steps: Mapping[int, Callable[[Connection], None]]) -> None:
    with _locked(database) as connection:
        current = connection.execute(select(schema.state.c.schema)).scalar_one()
        for version in range(current + 1, target + 1):
            steps[version](connection)
        connection.execute(update(schema.state).values(schema=target))


@contextmanager
def _locked(database: Database) -> Iterator[Connection]:
    """A connection in a transaction that no other process makes or migrates beside; DDL is rolled back too."""
    try:
        with database.engine.connect() as connection:
            if database.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none by itself before DDL
            else:
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            yield connection
            connection.commit()
    except DBAPIError as error:
        raise explain(error, database.label) from error


def _copy_aside(path: Path, version: int) -> None:
    copy = path.with_name(f"{path.name}.schema-{version}.{entities.now_ms()}.bak")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)  # takes what stands in the WAL along, which copying the file would not
    except sqlite3.Error as error:
        copy.unlink(missing_ok=True)
        raise StoreError(
            f"The store '{path}' cannot be copied aside before its migration: {error}.",
            hint="Make room on the disk, then try again.",
        ) from error
