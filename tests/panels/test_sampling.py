from __future__ import annotations

import math
from array import array

from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.entities import Points
from mlops_nb.panels.sampling import Curve, curve, text_curve, thin


def _points(values: list[float], steps: list[int]) -> Points:
    return Points(array("d", values), array("q", steps), array("q", [0] * len(values)))


@given(st.lists(st.floats(), min_size=1, max_size=400), st.integers(10, 60))
def test_thinning_keeps_extremes_ends_order_and_gaps(values: list[float], limit: int) -> None:
    kept = thin(Curve(range(len(values)), values), limit)
    assert len(kept) <= max(limit, len(values) if len(values) <= limit else 0)
    assert list(kept.xs) == sorted(set(kept.xs))
    finite = [v for v in values if math.isfinite(v)]
    if finite:
        assert min(finite) in kept.ys and max(finite) in kept.ys
    if len(values) > limit and not all(map(math.isfinite, values)):
        assert not all(map(math.isfinite, kept.ys))


@given(st.lists(st.tuples(st.integers(-5, 5), st.floats(allow_nan=False)), max_size=30))
def test_a_curve_is_by_step_and_stable(pairs: list[tuple[int, float]]) -> None:
    line = curve(_points([v for _, v in pairs], [s for s, _ in pairs]))
    if len({s for s, _ in pairs}) == 1 and len(pairs) > 1:
        assert list(line.xs) == list(range(len(pairs)))  # a metric logged without steps is drawn by its order
    else:
        assert list(zip(line.xs, line.ys, strict=True)) == sorted(pairs, key=lambda pair: pair[0])


def test_the_curve_in_letters_shows_gaps_and_constants() -> None:
    assert text_curve(_points([1.0, math.nan, 1.0], [0, 1, 2])) == "▄ ▄"
    assert text_curve(_points([math.nan], [0])) == " "
    assert text_curve(_points([], [])) == ""
    assert len(text_curve(_points([float(i) for i in range(1000)], list(range(1000))), 12)) == 12
