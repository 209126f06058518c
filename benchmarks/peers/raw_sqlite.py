"""The other floor: the ``sqlite3`` module, WAL, one transaction a call, tables as plain as can be."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE IF NOT EXISTS params (run INTEGER, key TEXT, value TEXT, PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS latest (run INTEGER, key TEXT, value REAL, PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS points (run INTEGER, key INTEGER, step INTEGER, time INTEGER, value REAL);
CREATE INDEX IF NOT EXISTS latest_by_key ON latest (key, value);
CREATE INDEX IF NOT EXISTS params_by_key ON params (key, value);
"""

connection: Any = None
run_id = 0


def connect(folder: Path) -> None:
    """Open the database in the folder."""
    global connection
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None, timeout=60)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)


def settle() -> None:
    """Nothing runs behind."""


def tiny_run(index: int) -> None:
    """Start, 5 params, 5 metrics, end: one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    run = connection.execute("INSERT INTO runs (name) VALUES (?)", (f"run {index}",)).lastrowid
    connection.executemany("INSERT INTO params VALUES (?, ?, ?)", [(run, f"p{i}", str(index + i)) for i in range(5)])
    connection.executemany("INSERT INTO latest VALUES (?, ?, ?)", [(run, f"m{i}", index * 0.1 + i) for i in range(5)])
    connection.execute("COMMIT")


def open_run() -> None:
    """Start the run that the next calls are about."""
    global run_id
    run_id = os.getpid()


def log_point(step: int, value: float) -> None:
    """One point."""
    connection.execute("INSERT INTO points VALUES (?, 1, ?, 1700000000000, ?)", (run_id, step, value))


def log_many(values: list[float]) -> None:
    """Many points in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    rows = ((run_id, step, value) for step, value in enumerate(values))
    connection.executemany("INSERT INTO points VALUES (?, 1, ?, 1700000000000, ?)", rows)
    connection.execute("COMMIT")


def close_run() -> None:
    """Bring the write-ahead log into the database, so that its size counts once."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def stored_points() -> int:
    """Points of all runs."""
    return int(connection.execute("SELECT count(*) FROM points").fetchone()[0])


def read_history() -> list[dict[str, Any]]:
    """The whole history."""
    rows = connection.execute("SELECT step, time, value FROM points WHERE run = ? ORDER BY rowid", (run_id,))
    return [dict(zip(("step", "time", "value"), row, strict=True)) for row in rows]


def fill(runs: int) -> None:
    """Many runs with 10 params and 10 metrics."""
    connection.execute("BEGIN IMMEDIATE")
    for run in range(runs):
        connection.execute("INSERT INTO runs VALUES (?, ?)", (run, f"run {run}"))
        params = [(run, f"p{i}", str((run + i) % 10)) for i in range(10)]
        connection.executemany("INSERT INTO params VALUES (?, ?, ?)", params)
        metrics = [(run, f"m{i}", (run * 7 + i) % 1000 / 1000) for i in range(10)]
        connection.executemany("INSERT INTO latest VALUES (?, ?, ?)", metrics)
    connection.execute("COMMIT")


def search() -> list[Any]:
    """Filter, order, the first 100 ids."""
    query = """
        SELECT o.run FROM latest o
        WHERE o.key = 'm2' AND EXISTS (SELECT 1 FROM params p WHERE p.run = o.run AND p.key = 'p3' AND p.value = '7')
        AND EXISTS (SELECT 1 FROM latest m WHERE m.run = o.run AND m.key = 'm5' AND m.value > 0.5)
        ORDER BY o.value DESC LIMIT 100
    """
    return list(connection.execute(query))


def frame() -> Any:
    """Everything as a DataFrame."""
    import pandas

    rows: dict[int, dict[str, Any]] = {run: {} for (run,) in connection.execute("SELECT id FROM runs")}
    for table in ("params", "latest"):
        for run, key, value in connection.execute(f"SELECT run, key, value FROM {table}"):
            rows[run][key] = value
    return pandas.DataFrame.from_dict(rows, orient="index")
