"""Rows: experiments, runs and what is known of them; models. The only room that imports SQLAlchemy.

The Protocols of `protocol`, `registry` and `logged` are the contract; their guarantees are in words and are tested by
one suite (``tests/store/contract``) that every backend runs: SQLite, PostgreSQL, and a server of ours over HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO

from mlops_nb.errors import InvalidInput, StoreError
from mlops_nb.store.logged import LoggedModelStore, LoggedOrder
from mlops_nb.store.protocol import RunStore, Store
from mlops_nb.store.registry import RegistryStore

Opener = Callable[[str], AbstractContextManager[BinaryIO]]

__all__ = ["LoggedModelStore", "LoggedOrder", "RegistryStore", "RunStore", "Store", "open_store", "upgrade_store"]


def open_store(url: str, *, token: str = "", bytes_of: Opener | None = None) -> Store:
    """Open a store of runs by its SQLAlchemy URL.

    Parameters
    ----------
    url : str
        For instance ``sqlite:////absolute/path/store.db`` or ``postgresql+psycopg://user@host/name``; or
        ``http(s)://`` of a server, ours or MLflow's own.
    token : str
        For a server.
    bytes_of : callable, optional
        For a server of MLflow's: gives the bytes of a digest, since there files go where their rows go.

    Returns
    -------
    Store
        Open and migrated (SQLite: after a copy aside; PostgreSQL: only by ``mlops-nb store upgrade``).

    Raises
    ------
    StoreError
        If it cannot be opened, is corrupt, or was written by a newer release.

    Examples
    --------
    >>> open_store("sqlite://").info()["runs"]
    0
    """
    if url.startswith(("http://", "https://")):
        if _is_mlflow(url, token):
            from mlops_nb.store.abroad import open_abroad

            return open_abroad(url, token=token, bytes_of=bytes_of)
        from mlops_nb.store.rest import open_rest_store

        return open_rest_store(url, token=token)
    from mlops_nb.store.runs import open_sql_store  # SQLAlchemy costs half a second: only when a store is needed

    return open_sql_store(url)


def _is_mlflow(url: str, token: str) -> bool:
    from mlops_nb.connection import kind_of_server

    try:
        return kind_of_server(url, token=token) == "mlflow"
    except StoreError as error:
        if error.__cause__ is None:
            raise
        return False  # it is away: who tries again opens the store again


def upgrade_store(url: str) -> tuple[int, int]:
    """Bring an older store to this release's tables: what SQLite does by itself, and a server only when asked.

    Parameters
    ----------
    url : str
        As for `open_store`; not of a server of ours, which is upgraded where it runs.

    Returns
    -------
    tuple of int
        The version of its tables before and after.

    Raises
    ------
    InvalidInput
        If it is a server's address.
    StoreError
        If it cannot be opened, or is of a newer release; then nothing is changed.

    Examples
    --------
    >>> before, after = upgrade_store("sqlite://")
    >>> before == after
    True
    """
    if url.startswith(("http://", "https://")):
        raise InvalidInput("A server's store is upgraded where the server runs.", hint="Ask whoever runs it.")
    from mlops_nb.store.runs import upgrade_sql_store

    return upgrade_sql_store(url)
