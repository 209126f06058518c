"""How a run's row becomes a `Run`, and JSON as it stands in columns. Standard library only: `peek` reads with it too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mlops_nb.entities import Lease, Run, Status
from mlops_nb.errors import InvalidInput

SCHEMA = 1
"""Version of the tables. A store with a higher one was written by a newer release."""

HEAD = 200
"""Characters of a text value that are indexed; a longer one stands whole in the column beside."""

RUN_COLUMNS = (
    "no",
    "run_id",
    "name",
    "experiment_id",
    "status",
    "start_time",
    "end_time",
    "user_id",
    "lifecycle_stage",
    "parent_run_id",
    "notebook",
    "cell_id",
    "line",
    "revision",
    "stage",
    "source_type",
    "changed",
    "lease",
    "params",
    "metrics",
    "tags",
)
"""Columns of a run's row in reading order; the experiment's name follows them."""

_encode = json.JSONEncoder(separators=(",", ":")).encode
_STATUS = {status.value: status for status in Status}


def encode_json(value: Any, what: str = "A value") -> str:
    """JSON in ASCII, with Python's NaN and Infinity: any text survives it, NUL and lone surrogates too.

    Parameters
    ----------
    value : Any
        None, bool, int, float, str, or lists and dicts of these.
    what : str
        What the value is, for the message.

    Returns
    -------
    str
        The document, without blanks.

    Raises
    ------
    InvalidInput
        If the value is not made of these types, or nests too deeply.

    Examples
    --------
    >>> encode_json({"a": float("nan"), "b": "é"})
    '{"a":NaN,"b":"\\\\u00e9"}'
    """
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{what} cannot be stored as JSON: {error}.") from error


def storable(text: str) -> str:
    """`text` without what no database can hold: NUL and lone surrogates become U+FFFD.

    Examples
    --------
    >>> storable("a" + chr(0) + chr(0xD800)) == "a" + chr(0xFFFD) * 2
    True
    """
    if text.isascii() and "\0" not in text:
        return text
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # joins pairs, replaces what is alone
    return clean.replace("\0", "\ufffd")


def split_head(text: str) -> tuple[str, str | None]:
    """A text as its indexed head, and the whole of it where the head is not all.

    Examples
    --------
    >>> split_head("short")
    ('short', None)
    """
    text = storable(text)
    return (text, None) if len(text) <= HEAD else (text[:HEAD], text)


def parse_column(documents: Sequence[str]) -> list[Any]:
    """Parse many JSON documents at once, which costs half of parsing them one by one.

    Examples
    --------
    >>> parse_column(['{"a":1}', '{}'])
    [{'a': 1}, {}]
    """
    parsed: list[Any] = json.loads("[" + ",".join(documents) + "]")
    return parsed


def decode_runs(rows: Iterable[Sequence[Any]]) -> list[Run]:
    """Runs from rows of `RUN_COLUMNS` and the experiment's name.

    Parameters
    ----------
    rows : iterable of sequences
        As a cursor gives them.

    Returns
    -------
    list of Run
        In the same order.

    Examples
    --------
    >>> decode_runs([])
    []
    """
    rows = list(rows)
    params, metrics, tags = (parse_column([row[place] for row in rows]) for place in (18, 19, 20))
    return [
        Run(
            row[1],
            row[2],
            row[3],
            row[21],
            _STATUS[row[4]],
            *row[5:17],
            None if row[17] is None else Lease(*json.loads(row[17])),
            *values,
        )
        for row, *values in zip(rows, params, metrics, tags, strict=True)
    ]


def encode_lease(lease: Lease | None) -> str | None:
    """A lease as it stands in its column.

    Examples
    --------
    >>> encode_lease(Lease(1, 2.5, "h", "b"))
    '[1,2.5,"h","b"]'
    """
    return None if lease is None else _encode([lease.pid, lease.started, lease.host, lease.boot])
