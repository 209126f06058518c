"""The bytes of a journal: a magic number, then records of ``length, CRC-32, payload``; little-endian.

The first byte of a payload is its kind: ``J`` a JSON object, ``K`` a metric's name (its index is the order of
definition), ``M`` one point, ``B`` columns of points of one metric.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from typing import Any

from mlops_nb.entities import Points
from mlops_nb.wire.encoded import Encoded

MAGIC = b"MLNBJ001"
HEAD = struct.Struct("<II")
POINT = struct.Struct("<cIdqq")  # kind, key index, value, step, timestamp
COLUMNS = struct.Struct("<cII")  # kind, key index, number of points
BATCH_POINTS = 65_536
_encode = json.JSONEncoder(separators=(",", ":")).encode
_FACT, _VALUE = b'J{"t":"fact","k":', b',"v":'
RECORD_LIMIT = 1 << 28
"""A longer record is refused when written, and taken for damage when read."""


def frame(payload: bytes) -> bytes:
    """Put length and checksum before a payload.

    Examples
    --------
    >>> frame(b"J{}")[:4]
    b'\\x03\\x00\\x00\\x00'
    """
    return HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def json_payload(record: dict[str, Any]) -> bytes:
    """A JSON record. ASCII only, so that NUL and lone surrogates in values come back as they were given.

    Examples
    --------
    >>> json_payload({"t": "end"})
    b'J{"t":"end"}'
    """
    value = record.get("v")
    if type(value) is Encoded:
        return _FACT + _encode(record["k"]).encode("ascii") + _VALUE + value.text.encode("ascii") + b"}"
    return b"J" + _encode(record).encode("ascii")


def encoded_fact(payload: memoryview) -> tuple[str, Encoded] | None:
    """The kind and the value of a fact, its value not parsed; None if the record is of another type.

    Examples
    --------
    >>> encoded_fact(memoryview(json_payload({"t": "fact", "k": "cell", "v": {"seed": 7}})))
    ('cell', Encoded(text='{"seed":7}'))
    """
    if payload[: len(_FACT)] != _FACT:
        return None
    content = bytes(payload)
    end = content.find(_VALUE, len(_FACT))  # inside a JSON text, a quotation mark has a backslash before it
    kind = json.loads(content[len(_FACT) : end])
    return kind, Encoded(str(content[end + len(_VALUE) : -1], "ascii"))


def key_payload(key: str) -> bytes:
    """The definition of a metric's name.

    Examples
    --------
    >>> key_payload("loss")
    b'Kloss'
    """
    return b"K" + key.encode("utf-8")


def columns_payload(index: int, points: Points) -> bytes:
    """Many points of one metric in one record.

    Examples
    --------
    >>> len(columns_payload(0, Points()))
    9
    """
    parts = [COLUMNS.pack(b"B", index, len(points))]
    parts += [_little(column) for column in (points.values, points.steps, points.timestamps)]
    return b"".join(parts)


def read_columns(payload: memoryview) -> tuple[int, Points]:
    """The inverse of `columns_payload`: key index and points.

    Examples
    --------
    >>> read_columns(memoryview(columns_payload(3, Points())))[0]
    3
    """
    _, index, count = COLUMNS.unpack_from(payload)
    size, start = 8 * count, COLUMNS.size
    points = Points()
    for column in (points.values, points.steps, points.timestamps):
        column.frombytes(payload[start : start + size])
        if sys.byteorder == "big":
            column.byteswap()
        start += size
    return index, points


def _little(column: array[Any]) -> bytes:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column.tobytes()
