"""A quick look at a SQLite store without SQLAlchemy: for a fresh process's first run card, or the model it loads."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlops_nb.entities import Run
from mlops_nb.errors import MlopsError
from mlops_nb.store.rows import RUN_COLUMNS, SCHEMA, decode_runs

_RUNS = (
    f"SELECT {', '.join(f'r.{name}' for name in RUN_COLUMNS)}, e.name FROM runs r"
    " JOIN experiments e ON e.experiment_id = r.experiment_id"
    " WHERE r.line = ? AND r.lifecycle_stage = 'active' ORDER BY r.revision DESC LIMIT ?"
)


def peek_line(db_path: str | Path, line: str, limit: int = 50) -> list[Run]:
    """The newest runs of a line of revisions, read-only and without waiting.

    Parameters
    ----------
    db_path : str or Path
        The SQLite file of a store.
    line : str
        The line of runs.
    limit : int
        Most runs to give.

    Returns
    -------
    list of Run
        Newest first; empty on any trouble (no file, locked, of another release): the card does without, and the store
        itself says what is wrong when it is opened.

    Examples
    --------
    >>> peek_line("/nowhere/store.db", "cell-1")
    []
    """
    try:
        with closing(_open(db_path)) as connection:
            return decode_runs(connection.execute(_RUNS, (line, limit)))
    except (sqlite3.Error, MlopsError, ValueError, TypeError, LookupError):
        return []


def peek_setting(db_path: str | Path, key: str) -> tuple[bool, Any]:
    """A setting of a store, as `Store.get_setting` gives it, read-only and without waiting.

    Parameters
    ----------
    db_path : str or Path
        The SQLite file of a store.
    key : str
        The setting's.

    Returns
    -------
    (bool, object)
        Whether it could be read, and the setting; a store that is not there has none. On any trouble it could not, and
        the store itself is to be asked.

    Examples
    --------
    >>> peek_setting("/nowhere/store.db", "models.safe_only")
    (True, None)
    """
    if not Path(db_path).exists():
        return True, None
    try:
        with closing(_open(db_path)) as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
            return True, None if row is None else json.loads(row[0])
    except (sqlite3.Error, ValueError, TypeError, LookupError):
        return False, None


def _open(db_path: str | Path) -> sqlite3.Connection:
    """The file, read-only; `LookupError` if it is a store of another release."""
    uri = f"file:{quote(str(Path(db_path).absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=0.1, isolation_level=None)
    try:
        found = connection.execute("SELECT schema FROM mlops_nb_state").fetchone()
        if found is None or found[0] != SCHEMA:
            raise LookupError("another release")
    except BaseException:
        connection.close()
        raise
    return connection
