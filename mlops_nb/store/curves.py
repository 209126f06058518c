"""Metric points into and out of their chunks."""

from __future__ import annotations

from array import array
from math import copysign, nan
from typing import Any

from sqlalchemy import Select, bindparam, select

from mlops_nb.entities import Points
from mlops_nb.errors import NotFound
from mlops_nb.store import schema
from mlops_nb.store.drafts import Draft
from mlops_nb.store.engine import Database, Statement, Transaction
from mlops_nb.store.outlines import Outline, View, outline_chunks, outline_points
from mlops_nb.store.points import (
    SEAL,
    decode_chunks,
    decode_points,
    encode_points,
    join_points,
    last_point,
    rank_point,
    split_points,
)  # fmt: skip
from mlops_nb.store.statements import fetch_in, upsert_rows

_ROW = ("key", "value", "step", "timestamp", "count", "seq", "tail")


def store_curves(database: Database, transaction: Transaction, drafts: list[Draft]) -> None:
    """Append the drafts' points, and put the metrics' last values into the drafts.

    Parameters
    ----------
    database : Database
        Which compiles the statements.
    transaction : Transaction
        To write in.
    drafts : list of Draft
        Their `points` are stored.
    """
    rows: list[tuple[Any, ...]] = []
    chunks: list[tuple[Any, ...]] = []
    for draft in drafts:
        if not draft.points:
            continue
        stored = {} if draft.is_new else _fetch_rows(database, transaction, draft)
        for key, points in draft.points.items():
            rows.append(_append(database, transaction, draft, key, points, stored.get(key), chunks))
        draft.close_metrics()
    transaction.many(upsert_rows(database, schema.metrics), rows)
    transaction.many(upsert_rows(database, schema.points), chunks)


def _fetch_rows(database: Database, transaction: Transaction, draft: Draft) -> dict[str, tuple[Any, ...]]:
    known = [key for key in draft.points if key in draft.metrics]
    table = schema.metrics

    def build() -> Select[Any]:
        return select(*(table.c[name] for name in _ROW)).where(table.c.run == bindparam("run"))

    found = fetch_in(transaction, database, "metric rows", build, table.c.key, known, run=draft.no)
    return {row[0]: row[1:] for row in found}


def _append(
    database: Database,
    transaction: Transaction,
    draft: Draft,
    key: str,
    points: Points,
    stored: tuple[Any, ...] | None,
    chunks: list[tuple[Any, ...]],
) -> tuple[Any, ...]:
    """The metric's new row; its chunks are added to `chunks`."""
    step, timestamp, value = last_point(points)
    added, count, seq, tail = len(points), 0, 0, 0
    if stored is not None:
        old_value, old_step, old_timestamp, count, seq, tail = stored
        former = nan if old_value is None else old_value
        if rank_point(old_step, old_timestamp, former) >= rank_point(step, timestamp, value):
            step, timestamp, value = old_step, old_timestamp, former
        else:
            draft.set_metric(key, value)
        if seq == 0:
            points = join_points([_single(former, old_step, old_timestamp), points])
        elif tail < SEAL:
            points = join_points([_fetch_chunk(database, transaction, draft.no, key, seq, tail), points])
            seq -= 1  # the last chunk is written anew
    else:
        draft.set_metric(key, value)
    if count + added > 1 or not _is_exact(value):
        pieces = split_points(points)
        chunks += [(draft.no, key, seq + at, len(each), encode_points(each)) for at, each in enumerate(pieces, 1)]
        seq, tail = seq + len(pieces), len(pieces[-1])
    return draft.no, key, None if value != value else value, step, timestamp, count + added, seq, tail


def _is_exact(value: float) -> bool:
    """Whether a REAL column gives back the same bits: SQLite makes NaN NULL, and -0.0 zero."""
    return value == value and (value != 0 or copysign(1.0, value) > 0)


def _single(value: float, step: int, timestamp: int) -> Points:
    return Points(array("d", [value]), array("q", [step]), array("q", [timestamp]))


def _fetch_chunk(database: Database, transaction: Transaction, run: int, key: str, seq: int, count: int) -> Points:
    table = schema.points
    statement = database.statement(
        "chunk",
        lambda: select(table.c.chunk).where(
            table.c.run == bindparam("run"), table.c.key == bindparam("key"), table.c.seq == bindparam("seq")
        ),
    )
    row = transaction.first(statement, run, key, seq)
    assert row is not None
    return decode_points(row[0], count)


def fetch_curve(database: Database, run_id: str, key: str) -> Points:
    """All points of a metric in the order in which they were logged.

    Parameters
    ----------
    database : Database
        To read.
    run_id, key : str
        Which metric.

    Returns
    -------
    Points
        Empty if the run has no such metric.

    Raises
    ------
    NotFound
        If there is no such run.
    """
    with database.read() as transaction:
        found = _find(database, transaction, run_id, key)
        if isinstance(found, Points):
            return found
        chunks = transaction.all(_chunks(database), run=found[0], key=key)
    return decode_chunks(chunks)


def fetch_outline(database: Database, run_id: str, key: str, view: View) -> Outline:
    """A curve as it is drawn; chunk by chunk, so that a long one is never held whole.

    Parameters
    ----------
    database : Database
        To read.
    run_id, key : str
        Which metric.
    view : View
        What is asked for.

    Returns
    -------
    Outline
        Empty if the run has no such metric.

    Raises
    ------
    NotFound
        If there is no such run.
    """
    with database.read() as transaction:
        found = _find(database, transaction, run_id, key)
        if isinstance(found, Points):
            return outline_points(found, view)
        run, count, last = found
        chunks = (transaction.first(_one_chunk(database), run=run, key=key, seq=seq) for seq in range(1, last + 1))
        return outline_chunks(filter(None, chunks), count, view)


def _find(database: Database, transaction: Transaction, run_id: str, key: str) -> Points | tuple[int, int, int]:
    """A metric's points, where these are none or one; else the run's number, how many there are, and the last chunk."""
    runs, metrics = schema.runs, schema.metrics
    head = database.statement(
        "curve",
        lambda: (
            select(runs.c.no, *(metrics.c[name] for name in ("value", "step", "timestamp", "seq", "count")))
            .select_from(runs.outerjoin(metrics, (metrics.c.run == runs.c.no) & (metrics.c.key == bindparam("key"))))
            .where(runs.c.run_id == bindparam("run_id"))
        ),
    )
    row = transaction.first(head, key=key, run_id=run_id)
    if row is None:
        raise NotFound(f"Run '{run_id}' does not exist.", hint="List runs with: mlops-nb runs")
    no, value, step, timestamp, seq, count = row
    if step is None:
        return Points()
    return _single(value, step, timestamp) if seq == 0 else (no, count, seq)


def _one_chunk(database: Database) -> Statement:
    points = schema.points
    mine = (getattr(points.c, name) == bindparam(name) for name in ("run", "key", "seq"))
    return database.statement("one chunk", lambda: select(points.c.chunk, points.c.count).where(*mine))


def _chunks(database: Database) -> Statement:
    points = schema.points
    return database.statement(
        "chunks",
        lambda: (
            select(points.c.chunk, points.c.count)
            .where(points.c.run == bindparam("run"), points.c.key == bindparam("key"))
            .order_by(points.c.seq)
        ),
    )
