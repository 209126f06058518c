"""Outlines: what is kept of a curve, told from all its points one by one; chunks and whole columns give the same."""

from __future__ import annotations

import math
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_nb.entities import Points
from mlops_nb.errors import CorruptData
from mlops_nb.store.outlines import Outline, make_view, outline_chunks, outline_points
from mlops_nb.store.points import encode_points

ODD = [math.nan, math.inf, -math.inf, -0.0]
VALUES = st.one_of(st.floats(-100, 100), st.sampled_from(ODD))
RISING = st.lists(st.integers(0, 300), min_size=1, max_size=150)
ANY = st.lists(st.integers(-50, 50), min_size=1, max_size=150)


def cut(points: Points, sizes: list[int]) -> list[tuple[bytes, int]]:
    """Chunks of these sizes, the last with what is left."""
    ends = [*(sum(sizes[: place + 1]) for place in range(len(sizes))), len(points)]
    chunks = []
    for start, end in zip([0, *ends], ends, strict=False):
        if start < min(end, len(points)):
            part = slice(start, end)
            piece = Points(points.values[part], points.steps[part], points.timestamps[part])
            chunks.append((encode_points(piece), len(piece)))
    return chunks


def same(left: Outline, right: Outline) -> bool:
    return left.points.values.tobytes() == right.points.values.tobytes() and repr(left) == repr(right)


def expected(points: Points, asked: Any) -> set[tuple[int, int]]:
    """Steps and times of what must be kept, worked out without NumPy."""
    along = points.steps if asked.by == "step" else points.timestamps
    order = sorted(range(len(points)), key=along.__getitem__)
    if len(order) <= asked.points:
        return {(points.steps[each], points.timestamps[each]) for each in order}
    width = -(-len(order) // max(2, asked.points // 4))
    kept: set[int] = set()
    for start in range(0, len(order), width):
        stretch = order[start : start + width]
        kept |= {stretch[0], stretch[-1]}
        numbers = [each for each in stretch if math.isfinite(points.values[each])]
        kept |= {call(numbers, key=points.values.__getitem__) for call in (min, max) if numbers}
        kept |= set([each for each in stretch if not math.isfinite(points.values[each])][:1])
    return {(points.steps[each], points.timestamps[each]) for each in kept}


@settings(deadline=None)
@given(st.data(), st.sampled_from(["step", "time"]), st.lists(st.integers(1, 40), max_size=4))
def test_of_each_stretch_ends_extremes_and_a_gap_are_kept(data: st.DataObject, by: str, sizes: list[int]) -> None:
    gaps = data.draw(st.one_of(RISING, ANY))
    values = data.draw(st.lists(VALUES, min_size=len(gaps), max_size=len(gaps)))
    steps, times = array("q"), array("q")
    for place, gap in enumerate(gaps):
        steps.append((steps[-1] if steps else 0) + gap)
        times.append(1000 + place * 7 if by == "step" else steps[-1] * 3)
    points, asked = Points(array("d", values), steps, times), make_view(12, by, None, None)
    found = outline_points(points, asked)
    assert same(outline_chunks(cut(points, sizes), len(points), asked), found)
    kept = set(zip(found.points.steps, found.points.timestamps, strict=True))
    assert expected(points, asked) <= kept and len(found.points) <= max(12, 5 * 3)
    finite = [each for each in values if math.isfinite(each)]
    assert (found.low, found.high) == ((min(finite), max(finite)) if finite else (None, None))
    assert found.start == times[0] and found.count == len(points)


@settings(deadline=None)
@given(st.lists(VALUES, min_size=30, max_size=120), st.integers(-5, 130), st.integers(0, 60), st.booleans())
def test_a_view_has_the_next_point_beyond_each_end(values: list[float], low: int, wide: int, mixed: bool) -> None:
    count = len(values)
    steps = array("q", [(place * 7) % count if mixed and count % 7 else place for place in range(count)])
    points = Points(array("d", values), steps, array("q", range(count)))
    asked = make_view(5000, "step", low, low + wide)
    found = outline_points(points, asked)
    assert same(outline_chunks(cut(points, [17, 40]), count, asked), found)
    assert found.points.steps.tolist() == [each for each in range(count) if low - 1 <= each <= low + wide + 1] or (
        low > count or low + wide < 0
    )


def test_long_curves_in_every_encoding() -> None:
    count = 3000
    shapes = {
        "progression": array("q", range(count)),
        "standing": array("q", [4]) * count,
        "falling": array("q", range(count, 0, -1)),
        "bytes": array("q", [place * 3 + place % 5 for place in range(count)]),
        "raw": array("q", [place * place for place in range(count)]),
        "mixed": array("q", [(place * 7919) % count for place in range(count)]),
    }
    values = array("d", [math.sin(place / 50) for place in range(count)])
    for steps in shapes.values():
        for times in shapes.values():
            points = Points(values, steps, times)
            for by in ("step", "time"):
                asked = make_view(80, by, None, None)
                assert same(outline_chunks(cut(points, [600, 1200]), count, asked), outline_points(points, asked))


def test_damage_is_named() -> None:
    points = Points(array("d", range(600)), array("q", range(600)), array("q", range(600)))
    blob, asked = encode_points(points), make_view(50, "step", None, None)
    other = [(blob, 600), (blob, 300)]
    for chunks, count in (([(blob[:20], 600)], 600), ([(blob, 600)], 700), ([(blob, 600)], 500), (other, 900), ([], 5)):
        with pytest.raises(CorruptData, match="metric points"):
            outline_chunks(chunks, count, asked)
