"""Rows: experiments, runs and what is known of them; models. The only room that imports SQLAlchemy.

The Protocols of `protocol`, `registry` and `logged` are the contract; their guarantees are in words and are tested by
one suite (``tests/store/contract``) that every backend runs: SQLite, PostgreSQL, and a server of ours over HTTP.
"""

from __future__ import annotations

from mlops_nb.store.logged import LoggedModelStore, LoggedOrder
from mlops_nb.store.protocol import RunStore, Store
from mlops_nb.store.registry import RegistryStore

__all__ = ["LoggedModelStore", "LoggedOrder", "RegistryStore", "RunStore", "Store", "open_store"]


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
