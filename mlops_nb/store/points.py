"""Points of a metric as one blob: columns, each in the cheapest of a few encodings.

A chunk is a header (`_HEADER`: one encoding and one length for each column) and the three payloads. All numbers are
little-endian. Steps are mostly an arithmetic progression (16 bytes), timestamps small differences, values eight bytes.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, islice, pairwise
from operator import sub
from struct import Struct
from typing import Any

from mlops_nb.entities import Points
from mlops_nb.errors import CorruptData

SEAL = 512
"""A chunk with fewer points is extended by the next delivery; one with more stays as it is."""

CHUNK = 65_536
"""Most points in a chunk."""

MANY = 16_384
"""Points of a curve from which on NumPy is worth its import."""

_HEADER = Struct("<3B3I")
_RAW, _ZLIB, _PROGRESSION, _BYTE_DELTAS = range(4)
_PAIR = Struct("<qq")
_FIRST = Struct("<q")
_BIG_ENDIAN = sys.byteorder == "big"


def _to_bytes(column: array[int] | array[float]) -> bytes:
    if _BIG_ENDIAN:
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _deflate(raw: bytes, count: int) -> tuple[int, bytes]:
    if count < SEAL:  # such a chunk is soon written anew
        return _RAW, raw
    # High-entropy mantissas do not compress: a sample tells, at a fraction of the price of trying it all.
    sample = raw[:4096]
    if len(zlib.compress(sample, 1)) > 0.8 * len(sample):
        return _RAW, raw
    packed = zlib.compress(raw, 1)
    return (_ZLIB, packed) if len(packed) < len(raw) else (_RAW, raw)


def _pack_ints(column: array[int]) -> tuple[int, bytes]:
    count, first = len(column), column[0]
    delta = column[1] - first if count > 1 else 0
    if column[-1] == first + delta * (count - 1) and -(2**62) < delta < 2**62:
        steps = array("q", range(first, column[-1] + (1 if delta > 0 else -1), delta)) if delta else None
        if (column.count(first) == count) if steps is None else (steps == column):
            return _PROGRESSION, _PAIR.pack(first, delta)
    try:
        deltas = bytes(map(sub, islice(column, 1, None), column))
    except ValueError:
        return _deflate(_to_bytes(column), count)
    code, packed = _deflate(deltas, count)
    return _BYTE_DELTAS, _FIRST.pack(first) + bytes([code]) + packed


def _unpack_ints(code: int, payload: bytes, count: int) -> array[int]:
    if code == _PROGRESSION:
        first, delta = _PAIR.unpack(payload)
        return array("q", range(first, first + delta * count, delta)) if delta else array("q", [first]) * count
    if code == _BYTE_DELTAS:
        deltas = zlib.decompress(payload[9:]) if payload[8] == _ZLIB else payload[9:]
        return array("q", accumulate(chain(_FIRST.unpack_from(payload), deltas)))
    column = array("q")
    _read_raw(column, code, payload)
    return column


def _read_raw(column: array[int] | array[float], code: int, payload: bytes) -> None:
    column.frombytes(zlib.decompress(payload) if code == _ZLIB else payload)
    if _BIG_ENDIAN:
        column.byteswap()


def encode_points(points: Points) -> bytes:
    """One chunk. `points` must hold at least one point.

    Parameters
    ----------
    points : Points
        Columns of equal length, at least one and at most `CHUNK`.

    Returns
    -------
    bytes
        What `decode_points` reads.

    Examples
    --------
    >>> p = Points(array("d", [0.5] * 1000), array("q", range(1000)), array("q", range(0, 5000, 5)))
    >>> len(encode_points(p)) < 150, decode_points(encode_points(p), 1000) == p
    (True, True)
    """
    columns = [_deflate(_to_bytes(points.values), len(points)), _pack_ints(points.steps), _pack_ints(points.timestamps)]
    header = _HEADER.pack(*(code for code, _ in columns), *(len(payload) for _, payload in columns))
    return b"".join([header, *(payload for _, payload in columns)])


def decode_points(blob: bytes, count: int) -> Points:
    """The points of a chunk.

    Parameters
    ----------
    blob : bytes
        What `encode_points` gave.
    count : int
        How many points it holds.

    Returns
    -------
    Points
        Exactly what was encoded: the same bits of each value.

    Raises
    ------
    CorruptData
        If the blob is not a whole chunk of `count` points.

    Examples
    --------
    >>> decode_points(encode_points(Points(array("d", [1.0]), array("q", [-3]), array("q", [7]))), 1).steps
    array('q', [-3])
    """
    try:
        *codes, first, second, third = _HEADER.unpack_from(blob)
        ends = list(accumulate((_HEADER.size, first, second, third)))
        parts = [blob[start:end] for start, end in pairwise(ends)]
        values = array("d")
        _read_raw(values, codes[0], parts[0])
        steps, timestamps = (_unpack_ints(codes[place], parts[place], count) for place in (1, 2))
    except (ValueError, IndexError, OverflowError, zlib.error) as error:
        raise CorruptData("A chunk of metric points cannot be read.", hint="Run: mlops-nb store verify") from error
    except Exception as error:  # struct.error derives from Exception only
        raise CorruptData("A chunk of metric points is cut short.", hint="Run: mlops-nb store verify") from error
    if not len(values) == len(steps) == len(timestamps) == count:
        raise CorruptData("A chunk of metric points is not whole.", hint="Run: mlops-nb store verify")
    return Points(values, steps, timestamps)


def decode_chunks(chunks: Sequence[tuple[bytes, int]]) -> Points:
    """The points of all chunks of a curve, each chunk with how many points it holds.

    Raises
    ------
    CorruptData
        As `decode_points`.

    Examples
    --------
    >>> piece = Points(array("d", [1.0] * 9000), array("q", range(9000)), array("q", [7] * 9000))
    >>> decode_chunks([(encode_points(piece), 9000)] * 2) == join_points([piece, piece])
    True
    """
    count = sum(each for _, each in chunks)
    if count < MANY:
        return join_points(decode_points(*chunk) for chunk in chunks)
    import numpy as np

    # Into columns of their whole length: a million points are then written once, and not moved.
    whole = Points(array("d", (0.0,)) * count, array("q", (0,)) * count, array("q", (0,)) * count)
    columns = [np.frombuffer(column, column.typecode) for column in (whole.values, whole.steps, whole.timestamps)]
    end = 0
    for blob, each in chunks:
        start, end = end, end + each
        try:
            for column, (code, payload) in zip(columns, read_columns(blob), strict=True):
                unpack_into(column[start:end], code, payload)
        except Exception as error:
            raise damaged() from error
    return whole


def damaged() -> CorruptData:
    """What is said of a chunk that is not what was written."""
    return CorruptData("A chunk of metric points cannot be read.", hint="Run: mlops-nb store verify")


def read_columns(blob: bytes) -> list[tuple[int, memoryview]]:
    """The encoding and the payload of values, steps and timestamps, without a copy.

    Examples
    --------
    >>> blob = encode_points(Points(array("d", [1.0]), array("q", [-3]), array("q", [7])))
    >>> [(code, len(payload)) for code, payload in read_columns(blob)]
    [(0, 8), (2, 16), (2, 16)]
    """
    *codes, first, second, third = _HEADER.unpack_from(blob)
    ends = list(accumulate((_HEADER.size, first, second, third)))
    view = memoryview(blob)
    return [(code, view[low:high]) for code, (low, high) in zip(codes, pairwise(ends), strict=True)]


def progression_of(code: int, payload: memoryview) -> tuple[int, int] | None:
    """The first number of a column and what is added to it each time, if it is stored so."""
    return _PAIR.unpack(payload) if code == _PROGRESSION else None


def unpack_into(column: Any, code: int, payload: memoryview) -> None:
    """Fill a column of NumPy's with what a payload holds; a ValueError if that is not as long."""
    import numpy as np

    if code == _PROGRESSION and column.dtype.kind == "i":
        first, delta = _PAIR.unpack(payload)
        np.multiply(np.arange(len(column), dtype="i8"), delta, out=column)
        column += first
    elif code == _BYTE_DELTAS and column.dtype.kind == "i":
        deltas = zlib.decompress(payload[9:]) if payload[8] == _ZLIB else payload[9:]
        column[0] = _FIRST.unpack_from(payload)[0]
        np.cumsum(np.frombuffer(deltas, dtype="u1"), dtype="i8", out=column[1:])
        column[1:] += column[0]
    else:
        raw = zlib.decompress(payload) if code == _ZLIB else payload
        given = np.frombuffer(raw, dtype=column.dtype.newbyteorder("<"))
        if len(given) != len(column):
            raise ValueError("It is not as long as it says.")
        column[:] = given


def split_points(points: Points) -> list[Points]:
    """The same points in pieces of at most `CHUNK`.

    Examples
    --------
    >>> [len(piece) for piece in split_points(Points(*(array(c, bytes(8 * 70_000)) for c in "dqq")))]
    [65536, 4464]
    """
    if len(points) <= CHUNK:
        return [points]
    return [
        Points(points.values[part], points.steps[part], points.timestamps[part])
        for part in (slice(start, start + CHUNK) for start in range(0, len(points), CHUNK))
    ]


def join_points(pieces: Iterable[Points]) -> Points:
    """All pieces as one.

    Examples
    --------
    >>> len(join_points([]))
    0
    """
    held = list(pieces)
    count = sum(map(len, held))
    # columns of their whole length at once: ones that grow by pieces are moved again and again
    whole = Points(array("d", (0.0,)) * count, array("q", (0,)) * count, array("q", (0,)) * count)
    for name in ("values", "steps", "timestamps"):
        with memoryview(getattr(whole, name)) as column:
            end = 0
            for piece in held:
                start, end = end, end + len(piece)
                column[start:end] = memoryview(getattr(piece, name))
    return whole


def last_point(points: Points) -> tuple[int, int, float]:
    """The point that counts as a metric's value, by MLflow's rule: greatest step, then time, then value.

    Parameters
    ----------
    points : Points
        At least one point.

    Returns
    -------
    tuple
        (step, timestamp, value). A NaN is less than any number.

    Examples
    --------
    >>> last_point(Points(array("d", [3.0, 1.0]), array("q", [5, 2]), array("q", [0, 0])))
    (5, 0, 3.0)
    """
    steps = points.steps
    top, end = max(steps), len(steps) - 1
    if steps[end] == top and steps.index(top) == end:  # the common case, at the speed of C
        return top, points.timestamps[end], points.values[end]
    places: Sequence[int] = [place for place, step in enumerate(steps) if step == top]
    place = max(places, key=lambda at: rank_point(top, points.timestamps[at], points.values[at]))
    return top, points.timestamps[place], points.values[place]


def rank_point(step: int, timestamp: int, value: float) -> tuple[int, int, bool, float]:
    """What a point is compared by, for `last_point`.

    Examples
    --------
    >>> rank_point(1, 5, float("nan")) < rank_point(1, 5, float("-inf"))
    True
    """
    number = value == value
    return step, timestamp, number, value if number else 0.0
