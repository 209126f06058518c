"""Chunks of metric points: every bit comes back, damage is named."""

from __future__ import annotations

import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.entities import Points
from mlops_nb.errors import CorruptData
from mlops_nb.store.points import (
    MANY,
    SEAL,
    decode_chunks,
    decode_points,
    encode_points,
    join_points,
    last_point,
    rank_point,
)

INTS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=64, allow_nan=True, allow_infinity=True)


def same(left: Points, right: Points) -> bool:
    return left.values.tobytes() == right.values.tobytes() and (left.steps, left.timestamps) == (
        right.steps,
        right.timestamps,
    )


@given(st.lists(st.tuples(FLOATS, INTS, INTS), min_size=1, max_size=50))
def test_anything_comes_back(rows: list[tuple[float, int, int]]) -> None:
    values, steps, timestamps = zip(*rows, strict=True)
    points = Points(array("d", values), array("q", steps), array("q", timestamps))
    assert same(decode_points(encode_points(points), len(points)), points)


@pytest.mark.parametrize("count", [1, 2, SEAL - 1, SEAL, 5000])
@pytest.mark.parametrize("step", [0, 1, -7, 2**50])
@pytest.mark.parametrize("gaps", [[0], [0, 1, 255], [256], [-1, 3]])
def test_columns_of_every_shape(count: int, step: int, gaps: list[int]) -> None:
    times = array("q", [10**12])
    for place in range(count - 1):
        times.append(times[-1] + gaps[place % len(gaps)])
    points = Points(array("d", [place % 3 for place in range(count)]), array("q"), times)
    points.steps.extend(5 + step * (place % 2**12) for place in range(count))
    assert same(decode_points(encode_points(points), count), points)
    if count >= SEAL:
        many = MANY // count + 1  # enough for columns of NumPy's
        assert same(decode_chunks([(encode_points(points), count)] * many), join_points([points] * many))


def test_damage_in_many_chunks_is_named() -> None:
    count = MANY // 2
    points = Points(array("d", range(count)), array("q", range(count)), array("q", range(0, 5 * count, 5)))
    blob = encode_points(points)
    odd = array("d", [float("nan"), 1.0]) * (count // 2)
    assert same(decode_chunks([(blob, count)] * 2), join_points([points, points]))
    with_nan = Points(odd, points.steps, points.timestamps)
    assert decode_chunks([(blob, count), (encode_points(with_nan), count)]).values[count:].tobytes() == odd.tobytes()
    for bad in (blob[:10], blob[:-20], b"\x09" + blob[1:]):
        with pytest.raises(CorruptData, match="metric points"):
            decode_chunks([(blob, count), (bad, count)])


def test_a_nan_keeps_its_bits() -> None:
    (odd,) = struct.unpack("<d", bytes.fromhex("010000000000f87f"))
    points = Points(array("d", [odd]), array("q", [0]), array("q", [0]))
    assert decode_points(encode_points(points), 1).values.tobytes() == points.values.tobytes()


@given(st.integers(0, 60), st.integers(1, 3))
def test_damage_is_named(cut: int, count: int) -> None:
    points = Points(array("d", [1.5] * 2), array("q", [3, 9]), array("q", [7, 100]))
    blob = encode_points(points)
    if cut >= len(blob) and count == 2:
        return
    with pytest.raises(CorruptData, match="metric points"):
        decode_points(blob[:cut], count)


@given(st.lists(st.tuples(FLOATS, st.integers(-2, 2), st.integers(0, 2)), min_size=1, max_size=20))
def test_the_last_point_is_the_greatest(rows: list[tuple[float, int, int]]) -> None:
    values, steps, timestamps = zip(*rows, strict=True)
    step, timestamp, value = last_point(Points(array("d", values), array("q", steps), array("q", timestamps)))
    assert rank_point(step, timestamp, value) == max(rank_point(s, t, v) for v, s, t in rows)
