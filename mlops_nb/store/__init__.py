"""Rows: experiments, runs and what is known of them; models. The only room that imports SQLAlchemy.

The Protocols of `protocol`, `registry` and `logged` are the contract; their guarantees are in words and are tested by
one suite (``tests/store/contract``) that every backend runs: SQLite, PostgreSQL, and a server of ours over HTTP.
"""

from __future__ import annotations

from mlops_nb.errors import InvalidInput
from mlops_nb.store.logged import LoggedModelStore, LoggedOrder
from mlops_nb.store.protocol import RunStore, Store
from mlops_nb.store.registry import RegistryStore

__all__ = ["LoggedModelStore", "LoggedOrder", "RegistryStore", "RunStore", "Store", "open_store", "upgrade_store"]


def open_store(url: str, *, token: str = "") -> Store:
    """Open a store of runs by its SQLAlchemy URL.

    Parameters
    ----------
    url : str
        For instance ``sqlite:////absolute/path/store.db`` or ``postgresql+psycopg://user@host/name``; or
        ``http(s)://`` of a server of ours.
    token : str
        For a server.

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
        from mlops_nb.store.rest import open_rest_store

        return open_rest_store(url, token=token)
    from mlops_nb.store.runs import open_sql_store  # SQLAlchemy costs half a second: only when a store is needed

    return open_sql_store(url)


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
