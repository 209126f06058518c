"""Runs side by side, code aligned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.comparison import MISSING, align_sources, compare_runs, diff_code, side_by_side
from mlops_nb.errors import InvalidInput
from tests.comparison.views import stdout, view


def test_only_what_differs_is_shown_unless_asked() -> None:
    found = compare_runs([view(), view(run_id="b" * 32, params={"lr": 0.2, "n": 5})])
    assert found.sections() == {"params": [("lr", [0.1, 0.2]), ("kind", ["rbf", None])]}
    assert found.run_ids == ("a" * 32, "b" * 32) and found.code_diff == ""
    everything = {row.name for row in found.select("params", differences_only=False)}
    assert everything == {"lr", "n", "kind"}
    assert {row.part for row in found.select(differences_only=False)} == {
        "run", "metrics", "params", "tags", "data", "environment", "git", "randomness", "artifacts", "models",
    } - {"tags"}  # fmt: skip


def test_close_metrics_are_marked_close_and_not_same() -> None:
    (row,) = compare_runs([view(), view(metrics={"acc": 0.9 + 1e-9, "n_rows": 100.0})]).select("metrics")
    assert (row.name, row.same, row.close) == ("acc", False, True)


def test_none_is_a_value_and_missing_is_not() -> None:
    (row,) = compare_runs([view(params={"depth": None}), view(params={})]).select("params")
    assert row.values == (None, MISSING) and not row.same


def test_packages_that_came_went_and_changed() -> None:
    packages = {"numpy": "2.2.0", "scipy": "1.16"}
    other = view(environment=view().facts["environment"] | {"packages": packages})
    rows = compare_runs([view(), other]).sections("environment")["environment"]
    assert sorted(rows) == [("numpy", ["2.1.0", "2.2.0"]), ("pandas", ["3.1.1", None]), ("scipy", [None, "1.16"])]


def test_outputs_of_several_runs_stand_against_the_first() -> None:
    first = view()
    table = first.facts["outputs"][1]
    found = compare_runs([first, view(), view(outputs=[stdout("acc 0.7\n"), table])])
    (row,) = found.select("outputs")
    assert row.name == "stdout" and [str(v).strip() for v in row.values] == ["acc 0.9", "acc 0.9", "acc 0.7"]


def test_code_is_diffed_against_the_first() -> None:
    other = view(name="second", slice=[{"execution_count": 1, "source": "X = load(2)"}])
    found = compare_runs([view(), view(), other])
    assert found.code_diffs[0] == "" and "-X = load()" in found.code_diff and "+++ second" in found.code_diff


@pytest.mark.parametrize("count", [0, 1, 51])
def test_too_few_or_too_many_runs_are_refused(count: int) -> None:
    with pytest.raises(InvalidInput, match="cannot be compared"):
        compare_runs([view()] * count)


def test_fifty_runs_are_compared() -> None:
    views = [view(run_id=f"{i:032x}", metrics={"acc": float(i)}) for i in range(50)]
    (row,) = compare_runs(views).select("metrics")
    assert len(row.values) == 50


LINES = st.lists(st.sampled_from(["a", "b", "c = 1", "", "  d"]), max_size=8)


@given(LINES, LINES)
def test_aligned_lines_give_both_texts_back(left: list[str], right: list[str]) -> None:
    one, other = "\n".join(left).strip("\n").rstrip(), "\n".join(right).strip("\n").rstrip()
    pairs = side_by_side(one, other)
    assert "\n".join(p.left for p in pairs if p.left_number) == one
    assert "\n".join(p.right for p in pairs if p.right_number) == other
    assert [p.left_number for p in pairs if p.left_number] == list(range(1, len(one.split("\n")) + 1))
    assert all((p.op == "equal") == (p.left_number is not None and p.right_number is not None and p.left == p.right)
               for p in pairs if p.op in ("equal", "changed"))  # fmt: skip
    assert (diff_code(one, other) == "") == (one == other)


@given(LINES, LINES)
def test_aligned_cells_are_each_there_once_and_in_order(left: list[str], right: list[str]) -> None:
    cells = align_sources(left, right)
    assert [c.left for c in cells if c.left is not None] == list(range(len(left)))
    assert [c.right for c in cells if c.right is not None] == list(range(len(right)))


def test_an_edited_cell_stands_beside_what_it_was() -> None:
    one = ["import pandas as pd", "frame = pd.read_csv('a.csv')\nframe.head()", "model = fit(frame, alpha=1.0)"]
    other = ["import pandas as pd", "print('new')", "model = fit(frame, alpha=2.0)"]
    assert [(c.op, c.left, c.right) for c in align_sources(one, other)] == [
        ("equal", 0, 0),
        ("removed", 1, None),
        ("added", None, 1),
        ("changed", 2, 2),
    ]
    assert "alpha=2.0" in align_sources(one, other)[-1].diff


def test_very_long_code_is_not_aligned_for_minutes() -> None:
    one = "\n".join(f"x{i} = {i}" for i in range(20_000))
    assert "too long to align" in diff_code(one, one.replace("x5 =", "y5 ="))
    assert len(side_by_side(one, one + "\nz")) == 20_001


def test_blanks_at_line_ends_are_no_change_of_code() -> None:
    assert diff_code("a  \nb\n\n", "\na\nb") == ""
    assert compare_runs([view(), replace(view())]).code_diff == ""
