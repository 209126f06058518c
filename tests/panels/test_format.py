from __future__ import annotations

import json
import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.panels.format import (
    better_direction,
    elide,
    plain_json,
    short_ids,
    show_age,
    show_change,
    show_column,
    show_duration,
    show_number,
    show_size,
    show_text,
    show_value,
)

anything = st.text(st.characters(exclude_categories=()))


@given(anything)
def test_shown_text_hides_nothing_and_encodes(text: str) -> None:
    shown = show_text(text)
    shown.encode("utf-8")
    hidden = [
        c for c in shown if unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in ("RLO", "LRO")
    ]
    assert not hidden
    assert show_text(shown) == shown


@given(anything, st.integers(4, 50))
def test_elided_text_keeps_both_ends(text: str, limit: int) -> None:
    short = elide(text, limit)
    assert len(short) <= limit
    if len(text) <= limit:
        assert short == text
    else:
        head, _, tail = short.partition("…") if "…" not in text else (short[:1], "", short[-1:])
        assert text.startswith(head) and text.endswith(tail) and tail


@given(st.floats(-1e300, 1e300))
def test_a_shown_number_is_the_number_to_four_digits(value: float) -> None:
    back = float(show_number(value).replace(",", ""))
    # Beyond a thousand, the digits before the point are all shown.
    assert math.isclose(back, value, rel_tol=5.1e-4)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (-0.0, "0"), (1e-4, "0.0001"), (9.99996, "10"), (-1234567.0, "-1,234,567"), (1e12, "1e+12"),
     (5e-324, "4.941e-324"), (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "NaN")],
)  # fmt: skip
def test_numbers_at_the_edges(value: float, shown: str) -> None:
    assert show_number(value) == shown


def test_a_column_lines_up_and_keeps_what_is_no_number_apart() -> None:
    assert show_column([1.5, 10.25, math.nan, None, -math.inf, 0.0]) == ["1.50", "10.25", "NaN", "", "-inf", "0.00"]
    assert show_column([1e-9, 1.0]) == ["1e-09", "1"]
    assert show_column([]) == []


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0, "<1 ms"), (999.4, "999 ms"), (999.6, "1.00 s"), (59_949, "59.9 s"), (59_960, "1 min 00 s"),
     (3_599_400, "59 min 59 s"), (3_599_600, "1 h 00 min"),
     (86_400_000, "1 d 0 h"), (2 * 86_400_000 + 3_600_000, "2 d 1 h")],
)  # fmt: skip
def test_durations_do_not_jump_at_the_limits(ms: float, shown: str) -> None:
    assert show_duration(ms) == shown


def test_ages_also_of_times_ahead_and_long_ago() -> None:
    now = 1_795_000_000_000
    assert show_age(now + 60_000, now) == "now"
    assert show_age(now - 59_999, now) == "59 s ago"
    assert show_age(now - 40 * 86_400_000, now) == "9 Oct"
    assert show_age(now - 800 * 86_400_000, now) == "Sep 2024"


def test_sizes_change_their_unit_before_they_round_up() -> None:
    assert [show_size(n) for n in (999, 1000, 999_499, 999_500, 10**18)] == [
        "999 B",
        "1 kB",
        "999 kB",
        "1 MB",
        "1,000 PB",
    ]


@pytest.mark.parametrize(
    ("name", "direction"),
    [("val/loss", -1), ("test_rmse", -1), ("mean_squared_error", -1), ("neg_log_loss", 1), ("roc_auc", 1), ("F1", 1),
     ("R2", 1), ("balancedAccuracy", 1), ("precision@10", 1), ("n_estimators", 0), ("time", 0), ("classes", 0),
     ("", 0), ("terror", 0), ("f1_loss", -1)],
)  # fmt: skip
def test_which_way_is_better_is_only_said_where_the_name_tells(name: str, direction: int) -> None:
    assert better_direction(name) == direction


def test_changes_say_better_worse_or_only_that_they_moved() -> None:
    trends = {
        (name, now, then): change.trend
        for name, now, then in [("loss", 1.0, 2.0), ("acc", 1.0, 2.0), ("rows", 1.0, 2.0), ("acc", math.nan, math.nan)]
        if (change := show_change(name, now, then))
    }
    assert list(trends.values()) == ["better", "worse", "neutral", "same"]
    assert show_change("acc", 1.0, None) is None
    unknown = show_change("acc", 1.0, math.nan)
    assert unknown is not None and (unknown.text, unknown.trend) == ("was NaN", "neutral")


def test_short_ids_differ() -> None:
    ids = [f"0198c2f4a1b27cde8f0011223344{n:04x}" for n in (1, 2, 0x20)]
    short = short_ids(ids)
    assert len(set(short.values())) == 3
    assert {len(s) for s in short.values()} == {32}
    assert short_ids(["same", "same"]) == {"same": "same"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | anything,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
        max_leaves=8,
    )
)
def test_plain_json_is_strict_and_encodes(value: object) -> None:
    json.dumps(plain_json(value), allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_a_value_of_megabytes_is_cut_before_it_is_looked_at() -> None:
    assert len(show_value("x" * 10_000_000, 60)) == 60
    assert show_value(True) == "True" and show_value(None) == "None" and show_value("") == ""
