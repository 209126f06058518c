"""How a run's row becomes a `Run`, and JSON as it stands in columns. Standard library only: `peek` reads with it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from mlops_nb.entities import Lease, Run, Status
from mlops_nb.errors import InvalidInput

SCHEMA = 3
"""Version of the tables. A store with a higher one was written by a newer release."""

HEAD = 200
"""Characters of a text value that are indexed; a longer one stands whole in the column beside."""

LONGER = "\U0010ffff"
"""Ends the head of a longer text, so that no head of one is equal to a short text."""

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
    "tags",
    "metric_keys",
    "metric_values",
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
    return (text, None) if len(text) <= HEAD else (text[:HEAD] + LONGER, text)


def parse_column(documents: Sequence[str]) -> list[Any]:
    """Parse many JSON documents at once, which costs half of parsing them one by one.

    Examples
    --------
    >>> parse_column(['{"a":1}', '{}'])
    [{'a': 1}, {}]
    """
    parsed: list[Any] = json.loads("[" + ",".join(documents) + "]")
    return parsed


def pack_metrics(metrics: Mapping[str, float]) -> tuple[str, bytes]:
    """Last values of metrics as two columns: most runs share their keys, and eight bytes read faster than a decimal.

    Examples
    --------
    >>> unpack_metrics(*pack_metrics({"acc": 0.5, "loss": float("inf")}))
    {'acc': 0.5, 'loss': inf}
    """
    return _encode(list(metrics)), struct.pack(f"<{len(metrics)}d", *metrics.values())


def unpack_metrics(keys: str, values: bytes) -> dict[str, float]:
    """What `pack_metrics` packed.

    Examples
    --------
    >>> unpack_metrics("[]", b"")
    {}
    """
    return dict(zip(_parse_keys(keys), struct.unpack(f"<{len(values) // 8}d", values), strict=True))


def _unpack_all(keys: Sequence[str], packed: Sequence[bytes]) -> Iterator[dict[str, float]]:
    """`unpack_metrics` of many runs: their values are unpacked at once, and the keys that most of them share parsed
    once."""
    values = struct.unpack(f"<{sum(map(len, packed)) // 8}d", b"".join(packed))
    start = 0
    for text in keys:
        names = _parse_keys(text)
        end = start + len(names)
        yield dict(zip(names, values[start:end], strict=True))
        start = end


@lru_cache(maxsize=256)
def _parse_keys(keys: str) -> tuple[str, ...]:
    return tuple(json.loads(keys))


@lru_cache(maxsize=256)
def _parse_lease(text: str) -> Lease:
    """The runs of a process share its lease."""
    return Lease(*json.loads(text))


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
    params, tags = (parse_column([row[place] for row in rows]) for place in (18, 19))
    metrics = _unpack_all([row[20] for row in rows], [row[21] for row in rows])
    return [
        Run(
            row[1],
            row[2],
            row[3],
            row[22],
            _STATUS[row[4]],
            row[5],
            row[6],
            row[7],
            row[8],
            row[9],
            row[10],
            row[11],
            row[12],
            row[13],
            row[14],
            row[15],
            row[16],
            None if row[17] is None else _parse_lease(row[17]),
            its_params,
            its_metrics,
            its_tags,
        )
        for row, its_params, its_metrics, its_tags in zip(rows, params, metrics, tags, strict=True)
    ]


def encode_lease(lease: Lease | None) -> str | None:
    """A lease as it stands in its column.

    Examples
    --------
    >>> encode_lease(Lease(1, 2.5, "h", "b"))
    '[1,2.5,"h","b"]'
    """
    return None if lease is None else _encode([lease.pid, lease.started, lease.host, lease.boot])
