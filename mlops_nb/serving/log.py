"""The request log: what was asked and answered, in Parquet, and what turned out to be true; read in constant memory.

A folder a served model, ``serving/<name>``. In it, each written at once and under its name only when it is whole:

* ``answers-<utc stamp>-<pid>-<n>.parquet``: a row for every row that was scored (a request that was refused has one).
  ``request_id`` text, ``row`` int64, ``time`` timestamp[us, UTC], ``model``, ``version``, ``run_id`` text, ``role``
  (``champion``, ``challenger`` or ``shadow``), ``latency_ms`` float64 (of the request), ``status`` int64 (HTTP's),
  ``error`` text or null, then ``input.<column>`` and ``output.<column>``; a single prediction is ``output.prediction``.
* ``feedback-<utc stamp>-<pid>-<n>.parquet``: ``request_id``, ``row``, ``time``, ``truth`` (number, bool or text).
* The same with ``<stamp>~<n>`` at its end: what was many small files (see `mlops_nb.serving.covering`).

The stamp is the time at which a file was written: all its rows are older. A column's type can differ between files,
when the model has no signature; a column that a file lacks was not asked about there.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.errors import CorruptData, InvalidInput, require
from mlops_nb.serving.covering import uncovered

if TYPE_CHECKING:
    import pyarrow

FOLDER = "serving"
ANSWERS = "answers"
FEEDBACK = "feedback"
PREDICTION = "prediction"
CHAMPION, CHALLENGER, SHADOW = "champion", "challenger", "shadow"

_STAMP = "%Y%m%dT%H%M%S%f"
BATCH_ROWS = 65_536
"""Most rows of one table that a reader gives."""

Moment = dt.datetime | str
"""A datetime, or ISO 8601; UTC unless it says otherwise."""


def log_folder(name: str, root: str | os.PathLike[str]) -> Path:
    """Where the log of a served model is.

    Parameters
    ----------
    name : str
        What it is served as; checked, so that it stays in its folder.
    root : path
        The workspace's root, or what ``--log`` named.

    Examples
    --------
    >>> log_folder("churn", "/data/.mlops_nb").as_posix()
    '/data/.mlops_nb/serving/churn'
    """
    return Path(root) / FOLDER / check_served_name(name)


def check_served_name(name: str) -> str:
    """Accept a name to serve under: one part of a path and of a URL, by the registry's rules.

    Raises
    ------
    InvalidInput

    Examples
    --------
    >>> check_served_name("churn")
    'churn'
    >>> check_served_name("../churn")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The model name '../churn' ...
    """
    from mlops_nb.registry.names import check_model_name

    checked = check_model_name(name)
    if checked.startswith("."):
        raise InvalidInput(f"The model name {name!r} begins with a dot.", hint="Begin it with a letter or a digit.")
    return checked


def read_answers(
    folder: str | os.PathLike[str],
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    columns: Sequence[str] | None = None,
    on_damage: Callable[[CorruptData], None] | None = None,
) -> Iterator[pyarrow.Table]:
    """What was asked and answered, oldest file first, a bounded table at a time.

    Parameters
    ----------
    folder : path
        As of `log_folder`. One that is not there holds nothing.
    since, until : datetime or str, optional
        From then on; before then.
    columns : sequence of str, optional
        Only these, where a file has them; all by default.
    on_damage : callable, optional
        Told of a damaged file, which is then left out instead of raised.

    Yields
    ------
    pyarrow.Table
        At most 65,536 rows.

    Raises
    ------
    CorruptData
        If a file is damaged.
    InvalidInput
        If a time is none.

    Examples
    --------
    >>> list(read_answers("serving/nothing"))
    []
    """
    yield from _read(Path(folder), ANSWERS, since, until, columns, on_damage)


def read_feedback(
    folder: str | os.PathLike[str],
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    on_damage: Callable[[CorruptData], None] | None = None,
) -> Iterator[pyarrow.Table]:
    """What turned out to be true: tables of ``request_id``, ``row``, ``time`` and ``truth``; else as `read_answers`.

    Examples
    --------
    >>> list(read_feedback("serving/nothing"))
    []
    """
    yield from _read(Path(folder), FEEDBACK, since, until, None, on_damage)


def log_files(folder: Path, kind: str = "") -> list[Path]:
    """The log's whole files, oldest first; small ones that a merged one stands for are left out.

    Examples
    --------
    >>> log_files(Path("serving/nothing"))
    []
    """
    return uncovered(all_files(folder, kind))


def all_files(folder: Path, kind: str = "") -> list[Path]:
    """All of the log's files, oldest first, whether or not a merged one stands for them.

    Examples
    --------
    >>> all_files(Path("serving/nothing"))
    []
    """
    kinds = (kind,) if kind else (ANSWERS, FEEDBACK)
    try:
        found = [path for path in folder.iterdir() if path.suffix == ".parquet" and path.name.startswith(kinds)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=lambda path: (stamp_of(path), path.name))


def stamp_of(path: Path) -> str:
    """When a file was written, as text that sorts.

    Examples
    --------
    >>> stamp_of(Path("answers-20261128T030000000000-77-1.parquet"))
    '20261128T030000000000'
    """
    parts = path.name.split("-")
    return parts[1] if len(parts) > 1 else ""


def stamp(moment: dt.datetime) -> str:
    """A point in time as it stands in names of files.

    Examples
    --------
    >>> stamp(dt.datetime(2026, 11, 28, 3, tzinfo=dt.UTC))
    '20261128T030000000000'
    """
    return moment.astimezone(dt.UTC).strftime(_STAMP)


def moment_of(text: str) -> dt.datetime:
    """The point in time that stands in a name; the beginning of time if it is none.

    Examples
    --------
    >>> moment_of("20261128T030000000000").hour, moment_of("once").year
    (3, 1970)
    """
    try:
        return dt.datetime.strptime(text, _STAMP).replace(tzinfo=dt.UTC)
    except ValueError:
        return dt.datetime.fromtimestamp(0, dt.UTC)


def _read(
    folder: Path,
    kind: str,
    since: Moment | None,
    until: Moment | None,
    columns: Sequence[str] | None,
    on_damage: Callable[[CorruptData], None] | None,
) -> Iterator[pyarrow.Table]:
    first, last = _moment(since), _moment(until)
    for path in log_files(folder, kind):
        if first is not None and stamp_of(path) < stamp(first):
            continue
        try:
            yield from read_file(path, first, last, columns=columns)
        except CorruptData as damage:
            if on_damage is None:
                raise
            on_damage(damage)


def read_file(
    path: Path,
    first: dt.datetime | None = None,
    last: dt.datetime | None = None,
    *,
    columns: Sequence[str] | None = None,
) -> Iterator[pyarrow.Table]:
    """One file of the log, a bounded table at a time; one that is gone meanwhile holds nothing.

    Raises
    ------
    CorruptData
        If it is damaged.

    Examples
    --------
    >>> list(read_file(Path("serving/nothing.parquet")))
    []
    """
    arrow = require("pyarrow", "serve", purpose="read the request log")
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            present = file.schema_arrow.names
            wanted = None if columns is None else [name for name in columns if name in present]
            cut = first is not None or last is not None
            read = wanted if wanted is None or not cut or "time" in wanted else [*wanted, "time"]
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=read):
                table = arrow.Table.from_batches([batch])
                table = _between(table, first, last) if cut else table
                if table.num_rows:
                    yield table if wanted is None or read is wanted else table.select(wanted)
    except FileNotFoundError:
        return  # its time was up between listing and reading
    except (arrow.ArrowException, OSError) as error:
        raise CorruptData(
            f"The log's file {path} cannot be read: {str(error).splitlines()[0]}.",
            hint="Move it out of the folder; the others can be read without it.",
        ) from None


def _between(table: Any, first: dt.datetime | None, last: dt.datetime | None) -> Any:
    import pyarrow
    import pyarrow.compute as compute

    kind = pyarrow.timestamp("us", tz="UTC")
    mask = None
    if first is not None:
        mask = compute.greater_equal(table["time"], pyarrow.scalar(first, kind))
    if last is not None:
        before = compute.less(table["time"], pyarrow.scalar(last, kind))
        mask = before if mask is None else compute.and_(mask, before)
    return table.filter(mask)


def _moment(given: Moment | None) -> dt.datetime | None:
    if given is None:
        return None
    try:
        found = given if isinstance(given, dt.datetime) else dt.datetime.fromisoformat(given)
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(
            f"{str(given)[:40]!r} is no point in time.", hint="Write it as 2026-11-30 or 2026-11-30T12:00."
        ) from None
