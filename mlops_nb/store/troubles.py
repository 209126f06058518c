"""A database's errors as one sentence each, with advice."""

from __future__ import annotations

from mlops_nb.errors import InvalidInput, MlopsError, StorageFull, StoreError
from mlops_nb.store.matching import takes_too_long

BUSY_SECONDS = 120
"""How long a writer waits for the other processes' writers."""

_FULL = "SQLITE_FULL"
_POSTGRES = {"DiskFull": _FULL}
"""What psycopg calls troubles that SQLite has as well."""

_TROUBLES = (
    (_FULL, "is on a full disk", "Make room, then go on: nothing is half-written."),
    ("SQLITE_READONLY", "cannot be written: the file or its folder is read-only",
     "Give yourself write access, or choose another place with MLOPS_NB_STORE."),
    ("SQLITE_CORRUPT", "is damaged", "Put back a copy, or move the file away to begin a new store."),
    ("SQLITE_NOTADB", "is not a database", "Name another file, or move this one away."),
    ("SQLITE_BUSY", f"has been kept locked by another process for more than {BUSY_SECONDS} seconds",
     "Close the program that holds it, then go on."),
    ("SQLITE_LOCKED", "is locked by another connection", "Close the program that holds it, then go on."),
    ("SQLITE_CANTOPEN", "cannot be opened: the folder is missing or not yours",
     "Check the path and its permissions, or choose another place with MLOPS_NB_STORE."),
    ("SQLITE_PERM", "cannot be opened: permission denied", "Check the permissions of the file and its folder."),
    ("SQLITE_IOERR", "cannot be read or written: the disk is full, failing, or without locks",
     "Make room or check the disk, or choose a place on a local disk with MLOPS_NB_STORE."),
    ("SQLITE_PROTOCOL", "is on a disk without working locks", "Choose a place on a local disk with MLOPS_NB_STORE."),
)  # fmt: skip


def explain(error: BaseException, label: str) -> MlopsError:
    """A driver's error as one sentence with advice.

    Parameters
    ----------
    error : BaseException
        Of SQLAlchemy or of the driver.
    label : str
        The store as messages name it.

    Returns
    -------
    MlopsError
        A `StoreError`, or `InvalidInput` for a pattern that the server does not take.

    Examples
    --------
    >>> import sqlite3
    >>> explain(sqlite3.OperationalError("disk is full"), "store.db").message
    "The store 'store.db' cannot be used: disk is full."
    """
    origin = getattr(error, "orig", None) or error
    name = str(getattr(origin, "sqlite_errorname", "") or _POSTGRES.get(type(origin).__name__, ""))
    if type(origin).__name__ == "InvalidRegularExpression":
        return InvalidInput(f"The database does not take this pattern: {origin}.")
    if "user-defined function raised" in str(origin):  # there is one, which matches patterns
        return takes_too_long()
    for prefix, happened, hint in _TROUBLES:
        if name.startswith(prefix):
            kind = StorageFull if prefix == _FULL else StoreError
            return kind(f"The store '{label}' {happened}.", hint=hint)
    detail = " ".join(str(origin).split()) or type(origin).__name__
    return StoreError(f"The store '{label}' cannot be used: {detail[:300].rstrip('.')}.")
