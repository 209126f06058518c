"""The few shapes of statements that the rooms of the store share, neutral to the dialect."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, delete
from sqlalchemy.dialects import sqlite

from mlops_nb.store.engine import Database, Statement, Transaction

_SIZES = (1, 4, 16, 32, 64, 128, 256, 512)


def insert_rows(database: Database, table: Table) -> Statement:
    """INSERT of whole rows, in the order of the table's columns.

    Parameters
    ----------
    database : Database
        Whose dialect it is for.
    table : Table
        Of `schema`.

    Returns
    -------
    Statement
        For `Transaction.many`.

    Examples
    --------
    >>> from mlops_nb.store import engine, schema
    >>> insert_rows(engine.connect_engine("sqlite://"), schema.deliveries).names
    ('source', 'upto')
    """
    return database.statement(("insert", table.name), table.insert, table.columns.keys())


def upsert_rows(database: Database, table: Table, *, replace: bool = True) -> Statement:
    """INSERT of whole rows, where a row with the same primary key is replaced or, at will, kept.

    Parameters
    ----------
    database : Database
        Whose dialect it is for.
    table : Table
        Of `schema`.
    replace : bool
        False keeps the row that is there.

    Returns
    -------
    Statement
        For `Transaction.many`; parameters in the order of the table's columns.

    Examples
    --------
    >>> from mlops_nb.store import engine, schema
    >>> upsert_rows(engine.connect_engine("sqlite://"), schema.deliveries).sql.split("ON ")[1]
    'CONFLICT (source) DO UPDATE SET upto = excluded.upto'
    """

    def build() -> Any:
        insert = insert_into(table, is_sqlite=database.is_sqlite)
        keys = [column.name for column in table.primary_key]
        if not replace:
            return insert.on_conflict_do_nothing(index_elements=keys)
        return insert.on_conflict_do_update(
            index_elements=keys,
            set_={each.name: insert.excluded[each.name] for each in table.columns if each.name not in keys},
        )

    return database.statement(("upsert", table.name, replace), build, table.columns.keys())


def insert_into(table: Table, *, is_sqlite: bool) -> Any:
    """An INSERT that can say what becomes of a row whose key is taken: each dialect has its own.

    Examples
    --------
    >>> from mlops_nb.store import schema
    >>> insert_into(schema.deliveries, is_sqlite=True).on_conflict_do_nothing().table.name
    'deliveries'
    """
    if is_sqlite:
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # an eighth of a second that stores of SQLite do not pay

    return postgresql.insert(table)


def delete_rows(database: Database, table: Table, *columns: str) -> Statement:
    """DELETE by equality of `columns`, which are its parameters in this order.

    Parameters
    ----------
    database : Database
        Whose dialect it is for.
    table : Table
        Of `schema`.
    *columns : str
        Names.

    Returns
    -------
    Statement
        For `Transaction.many`.

    Examples
    --------
    >>> from mlops_nb.store import engine, schema
    >>> delete_rows(engine.connect_engine("sqlite://"), schema.tags, "run", "key").names
    ('run', 'key')
    """
    return database.statement(
        ("delete", table.name, columns),
        lambda: delete(table).where(*(table.c[name] == bindparam(name) for name in columns)),
    )


def fetch_in(
    transaction: Transaction,
    database: Database,
    name: Hashable,
    query: Callable[[], Select[Any]],
    column: ColumnElement[Any],
    values: Iterable[Any],
    **given: Any,
) -> list[tuple[Any, ...]]:
    """All rows of `query` where `column` is one of `values`, in a few statements of a few sizes.

    Parameters
    ----------
    transaction : Transaction
        To read in.
    database : Database
        Which compiles and keeps the statements.
    name : hashable
        Names `query` in the cache of statements.
    query : callable
        Makes the query to which the condition is added.
    column : ColumnElement
        What is compared.
    values : iterable
        Any number of values.
    **given : Any
        Other parameters of `query`.

    Returns
    -------
    list of tuple
        In no particular order.

    Examples
    --------
    >>> from mlops_nb.store import engine, schema
    >>> database = engine.connect_engine("sqlite://")
    >>> with database.write() as transaction:
    ...     schema_made = transaction.run(engine.Statement("CREATE TABLE deliveries (source, upto)", (), {}))
    ...     fetch_in(transaction, database, "x", schema.deliveries.select, schema.deliveries.c.source, ["a"])
    []
    """
    rows: list[tuple[Any, ...]] = []
    for group in _group(list(values)):
        names = [f"value_{place}" for place in range(len(group))]
        statement = database.statement(("in", name, len(group)), partial(_restrict, query, column, names))
        rows += transaction.all(statement, **dict(zip(names, group, strict=True)), **given)
    return rows


def _restrict(query: Callable[[], Select[Any]], column: ColumnElement[Any], names: Sequence[str]) -> Select[Any]:
    return query().where(column.in_([bindparam(name) for name in names]))


def _group(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Values in groups of a few sizes, the last one filled up with its last value, so that statements are few."""
    for start in range(0, len(values), _SIZES[-1]):
        group = list(values[start : start + _SIZES[-1]])
        size = next(size for size in _SIZES if size >= len(group))
        yield group + group[-1:] * (size - len(group))
