"""Connections, transactions and statements; every trouble of a database becomes one `StoreError`.

Statements are written in SQLAlchemy Core and compiled once; they run on the driver's own cursor, which costs a tenth
of running them through Core. That is what makes a small run cheap.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import ClauseElement, Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL
from sqlalchemy.pool import PoolProxiedConnection, QueuePool, StaticPool

from mlops_nb.errors import InvalidInput, StoreError
from mlops_nb.store.disks import only_readable, refuse_network_disk, written_meanwhile
from mlops_nb.store.matching import match
from mlops_nb.store.troubles import BUSY_SECONDS, explain

CACHE_KIB = 32_768
"""Most memory that SQLite takes for pages, a connection."""

GROWTH = 10_000
"""New runs after which PostgreSQL is asked to look at its tables; by itself it does so about a minute later."""

_FORK_SECONDS = 5


class Statement:
    """A compiled statement, and the order in which it takes its parameters.

    Parameters
    ----------
    sql : str
        As the driver takes it.
    names : sequence of str
        Parameters by position.
    values : dict
        Parameters that the statement brings along.
    """

    __slots__ = ("names", "sql", "values")

    def __init__(self, sql: str, names: Sequence[str], values: dict[str, Any]) -> None:
        self.sql = sql
        self.names = names
        self.values = values

    def bind(self, given: dict[str, Any]) -> tuple[Any, ...]:
        """Parameters in their order: `given`, else what the statement brings along."""
        values = self.values
        return tuple([given[name] if name in given else values[name] for name in self.names])


class Transaction:
    """A cursor inside one transaction."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def all(self, statement: Statement, *args: Any, **given: Any) -> list[tuple[Any, ...]]:
        """All rows; parameters by position, or by name."""
        self._cursor.execute(statement.sql, args or statement.bind(given))
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def first(self, statement: Statement, *args: Any, **given: Any) -> tuple[Any, ...] | None:
        """The first row, or None."""
        rows = self.all(statement, *args, **given)
        return rows[0] if rows else None

    def run(self, statement: Statement, *args: Any, **given: Any) -> int:
        """Execute; the number of rows touched."""
        self._cursor.execute(statement.sql, args or statement.bind(given))
        return int(self._cursor.rowcount)

    def many(self, statement: Statement, rows: Sequence[Sequence[Any]]) -> None:
        """Execute once a row, each with its parameters by position."""
        if rows:
            self._cursor.executemany(statement.sql, rows)


_statements: dict[str, dict[Any, Statement]] = {}  # by dialect: all stores of a process share them


class Database:
    """An engine with one way to read, one way to write, and a cache of compiled statements.

    Parameters
    ----------
    engine : Engine
        Of `connect_engine`.
    path : Path or None
        The SQLite file; None for memory and for servers.
    is_frozen : bool
        It is only read, and nobody writes it meanwhile: its disk cannot be written.
    """

    def __init__(self, engine: Engine, path: Path | None, *, is_frozen: bool = False) -> None:
        self.engine = engine
        self.path = path
        self.is_frozen = is_frozen
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._statements = _statements.setdefault(engine.dialect.name, {})
        self._turn = threading.RLock()  # writers of this process queue here, not in SQLite's sleeping retries
        self._one_connection = self.is_sqlite and path is None
        self._inode: int | None = None
        self._grown = 0
        self._closed = False
        self._gate = threading.Condition()
        self._busy = 0
        self._fork_waits = False
        self._mine = threading.local()  # a thread that is inside may go further in while a fork waits for it
        _databases.add(self)

    @property
    def label(self) -> str:
        """The store as messages name it, without a password."""
        return str(self.path) if self.path else self.engine.url.render_as_string(hide_password=True)

    def statement(
        self, key: Any, build: Callable[[], ClauseElement], columns: Sequence[str] | None = None
    ) -> Statement:
        """The statement cached under `key`, compiled on first use.

        Parameters
        ----------
        key : hashable
            Names the statement; equal keys must mean equal statements.
        build : callable
            Makes the Core statement.
        columns : sequence of str, optional
            For INSERT and UPDATE: the columns that get parameters.

        Returns
        -------
        Statement
            To be run in a `Transaction`.
        """
        found = self._statements.get(key)
        if found is None:
            if len(self._statements) > 1000:  # filters make statements too: do not let them pile up
                self._statements.clear()
            found = self._statements[key] = self.compile(build(), columns)
        return found

    def compile(self, clause: ClauseElement, columns: Sequence[str] | None = None) -> Statement:
        """Compile for this database."""
        keys = None if columns is None else list(columns)
        compiled: Any = clause.compile(dialect=self.engine.dialect, column_keys=keys)
        return Statement(str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params))

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the store."""
        with self._connection() as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN" if self.is_sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield Transaction(cursor)
            finally:
                connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is stored whole, or not at all."""
        with self._turn, self._connection() as connection:
            try:
                cursor = connection.cursor()
                if self.is_sqlite:
                    cursor.execute("BEGIN IMMEDIATE")
                yield Transaction(cursor)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def _connection(self) -> Iterator[PoolProxiedConnection]:
        if self._closed:
            raise StoreError(f"The store '{self.label}' is closed.", hint="Open it again.")
        if self._one_connection:
            self._turn.acquire()
        self._enter()
        try:
            self._check_file()
            connection = self.engine.raw_connection()
            try:
                yield connection
            finally:
                connection.close()
        except (self._driver_error, exc.DBAPIError, exc.TimeoutError) as error:
            raise explain(error, self.label) from error
        finally:
            self._leave()
            if self._one_connection:
                self._turn.release()

    def _enter(self) -> None:
        inside = getattr(self._mine, "depth", 0)
        with self._gate:
            # Without this, a thread that writes all the time would never let a fork find a quiet moment.
            self._gate.wait_for(lambda: inside or not self._fork_waits, timeout=_FORK_SECONDS)
            self._busy += 1
        self._mine.depth = inside + 1

    def _leave(self) -> None:
        self._mine.depth -= 1
        with self._gate:
            self._busy -= 1
            self._gate.notify_all()

    def _check_file(self) -> None:
        # SQLite goes on writing into a file that has no name any more: what it takes would be lost without a word.
        if self._inode is None or self.path is None:
            return
        if self.is_frozen and not only_readable(self.path):
            raise written_meanwhile(self.label)
        same = False
        with suppress(OSError):
            same = self.path.stat().st_ino == self._inode
        if not same:
            raise StoreError(
                f"The store '{self.label}' was deleted or replaced while it was open.",
                hint="Put the file back, or restart the kernel to begin a new store.",
            )

    def watch_file(self) -> None:
        """From now on, refuse to work when the file is not the one that was opened."""
        if self.path is not None:
            self._inode = self.path.stat().st_ino

    def measure(self, transaction: Transaction) -> int:
        """Bytes that the database takes on its disk."""
        if not self.is_sqlite:
            return int(transaction.all(Statement("SELECT pg_database_size(current_database())", (), {}))[0][0])
        pages = transaction.all(
            Statement("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", (), {})
        )
        log = Path(f"{self.path}-wal")
        return int(pages[0][0]) + (log.stat().st_size if self.path and log.exists() else 0)

    def note_growth(self, runs: int) -> None:
        """So many new runs have been stored."""
        self._grown += runs
        if self._grown >= GROWTH:
            self._grown = 0
            self.gather_statistics()

    def gather_statistics(self) -> None:
        """Let PostgreSQL look at its tables after many new rows; until then it searches them as if they were small.

        SQLite needs none: `plans` counts instead.
        """
        if not self.is_sqlite:
            # What was to be stored is stored: who may not do this, or is cut off here, has lost nothing.
            with suppress(StoreError), self.write() as transaction:
                transaction.run(Statement("ANALYZE", (), {}))

    def before_fork(self) -> None:
        """Let no transaction be under way, and no connection be open, when the process forks.

        A child must not even close a connection of its parent, and would believe in locks that are the parent's.
        """
        self._gate.acquire()
        self._fork_waits = True
        self._gate.wait_for(lambda: self._busy == 0, timeout=_FORK_SECONDS)
        if self._busy == 0 and not self._one_connection:
            self.engine.dispose()

    def after_fork(self, *, child: bool) -> None:
        """Go on. The threads that held or awaited a turn are not in the child."""
        self._fork_waits = False
        if child:
            self._turn = threading.RLock()
            self._mine = threading.local()
            self._busy = 0
        self._gate.notify_all()
        self._gate.release()

    def close(self) -> None:
        """Give back all connections."""
        self._closed = True
        self.engine.dispose()


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_forking: list[Database] = []


def _before_fork() -> None:
    _forking[:] = list(_databases)
    for database in _forking:
        database.before_fork()


def _after_fork(*, child: bool) -> None:
    for database in _forking:
        database.after_fork(child=child)
    _forking.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(child=False),
        after_in_child=lambda: _after_fork(child=True),
    )


def connect_engine(url: str) -> Database:
    """The database of a URL, not yet looked at.

    Parameters
    ----------
    url : str
        A SQLAlchemy URL of SQLite or PostgreSQL.

    Returns
    -------
    Database
        No table is checked or made.

    Raises
    ------
    InvalidInput
        If the URL cannot be read, or is of another kind of database.
    StoreError
        If the SQLite file would stand on a disk without working locks, or its folder cannot be made.

    Examples
    --------
    >>> connect_engine("sqlite://").label
    'sqlite://'
    """
    try:
        parsed = _read_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise InvalidInput("The store's URL cannot be read.", hint="For instance sqlite:////path/store.db") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _connect_sqlite(parsed)
    if backend == "postgresql":
        from mlops_nb.errors import require

        require("psycopg", "postgres", purpose="keep the store in PostgreSQL")
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"), paramstyle="format", pool_pre_ping=True, max_overflow=10
        )
        return Database(engine, None)
    raise InvalidInput(
        f"A store cannot be kept in '{backend}'.", hint="Use sqlite:////path/store.db or postgresql://user@host/name"
    )


def _read_url(url: str) -> URL:
    """The URL, of which a SQLite file's path is decoded: SQLAlchemy 2.1 does that, 2.0 takes it as it is."""
    if not url.startswith("sqlite:///"):
        return make_url(url)
    path, question, query = url.removeprefix("sqlite:///").partition("?")
    return make_url(f"sqlite://{question}{query}").set(database=unquote(path) or None)


def _connect_sqlite(url: URL) -> Database:
    if sqlite3.sqlite_version_info < (3, 35):
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old.", hint="Use a Python built with 3.35 or newer.")
    name = url.database
    path = None if name in (None, "", ":memory:") else Path(str(name)).absolute()
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The folder '{path.parent}' for the store cannot be made: {error.strerror}.",
                hint="Choose another place with MLOPS_NB_STORE.",
            ) from error
        refuse_network_disk(path.parent)
        url = url.set(database=str(path))
        if only_readable(path):
            url = url.set(database=f"file:{quote(str(path))}", query={"mode": "ro", "immutable": "1", "uri": "true"})
    arguments = {"isolation_level": None, "check_same_thread": False, "timeout": BUSY_SECONDS}
    if path is None:
        engine = create_engine("sqlite://", connect_args=arguments, poolclass=StaticPool)
    else:
        engine = create_engine(
            url, connect_args=arguments, poolclass=QueuePool, pool_size=8, max_overflow=56, pool_timeout=BUSY_SECONDS
        )
    event.listen(engine, "connect", _prepare_sqlite)
    return Database(engine, path, is_frozen="immutable" in url.query)


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    for pragma in (
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "synchronous=NORMAL",
        f"cache_size=-{CACHE_KIB}",
        "secure_delete=OFF",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("mlops_match", 2, match, deterministic=True)


def use_wal(database: Database) -> None:
    """Put a SQLite file into WAL mode, where readers and a writer do not wait for each other.

    Parameters
    ----------
    database : Database
        SQLite files are changed, others left alone.

    Raises
    ------
    StoreError
        If another process keeps the file locked, or the disk cannot do it.
    """
    if database.path is None or database.is_frozen:
        return
    for attempt in itertools.count():
        try:
            with database._connection() as connection:
                cursor = connection.cursor()
                mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]  # in the file, so mostly there already
                if mode != "wal":
                    mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except StoreError as error:
            # The change of mode does not wait for the busy timeout: two processes that open a new file must try again.
            if "SQLITE_BUSY" not in str(getattr(error.__cause__, "sqlite_errorname", "")) or attempt > 1000:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise StoreError(
                f"The store '{database.label}' cannot be shared: its disk does not allow SQLite's WAL mode.",
                hint="Choose a place on a local disk with MLOPS_NB_STORE.",
            )
        return
