"""A quick look at a SQLite store without SQLAlchemy: for the first run card of a fresh kernel."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
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
    uri = f"file:{quote(str(Path(db_path).absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=0.1, isolation_level=None)) as connection:
            found = connection.execute("SELECT schema FROM mlops_nb_state").fetchone()
            if found is None or found[0] != SCHEMA:
                return []
            return decode_runs(connection.execute(_RUNS, (line, limit)))
    except (sqlite3.Error, MlopsError, ValueError, TypeError, LookupError):
        return []
