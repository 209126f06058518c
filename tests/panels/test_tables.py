from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from mlops_nb.entities import Artifact, DataRef, Status
from mlops_nb.panels.code import code_view, diff_block
from mlops_nb.panels.columns import best_rows, choose_columns, column_texts
from mlops_nb.panels.comparison import comparison_table
from mlops_nb.panels.pages import run_page, tree, verdict_view
from mlops_nb.panels.tables import RUNS_MIME, STATIC_ROWS, data_table, runs_table
from tests.panels.fakes import HARM, make_points, make_run, make_runs
from tests.panels.markup_reader import read_markup, stripped_text


def test_a_table_of_many_runs_is_bounded_and_says_so() -> None:
    runs = make_runs(500)
    bundle = runs_table(runs, total=5000)
    assert bundle["text/html"].count("<tr") == STATIC_ROWS + 1
    assert "4,950 more" in bundle["text/html"] and bundle["text/plain"].endswith("4,950 more")
    assert len(bundle[RUNS_MIME]["runs"]) == STATIC_ROWS and bundle[RUNS_MIME]["total"] == 5000
    assert len(json.dumps(bundle)) < 150_000
    read_markup(bundle["text/html"])


def test_an_empty_table_says_what_to_do() -> None:
    assert "%%track" in runs_table([])["text/plain"] and "%%track" in stripped_text(runs_table([])["text/html"])


def test_columns_are_chosen_by_what_tells_runs_apart() -> None:
    runs = [make_run(i, params={"same": 1, "differs": i}) for i in range(3)]
    chosen = choose_columns(runs)
    assert chosen.index("params.differs") < chosen.index("params.same")
    assert "experiment" not in chosen
    assert "experiment" in choose_columns([*runs, make_run(9, experiment="other")])


def test_a_param_of_none_is_a_value_and_a_missing_one_is_not() -> None:
    runs = [make_run(1, params={"x": None}), make_run(2, params={})]
    assert column_texts(runs, "params.x") == ["None", ""]


def test_the_best_is_marked_only_where_the_direction_is_known() -> None:
    runs = [make_run(i, metrics={"loss": v, "rows": v}) for i, v in enumerate([2.0, math.nan, 1.0])]
    assert best_rows(runs, "metrics.loss") == {2}
    assert best_rows(runs, "metrics.rows") == set()
    assert best_rows([runs[0], runs[0]], "metrics.loss") == set()


def test_times_in_a_saved_file_are_absolute() -> None:
    html = runs_table([make_run(1)])["text/html"]
    assert 'datetime="2026-11-18T' in html and " ago" not in html


@pytest.mark.parametrize("harm", HARM)
def test_no_table_or_page_runs_or_hides_anything(harm: str) -> None:
    run = make_run(1, name=harm, params={harm: harm}, metrics={harm: 1.0}, tags={harm: harm})
    other = make_run(2, name=harm, params={harm: "x"}, metrics={harm: 2.0})
    refs = [DataRef(harm, harm, 1, mode=harm)]
    views: list[dict[str, Any]] = [
        runs_table([run, other], title=harm),
        comparison_table(
            [run, other], sections={harm: [(harm, [harm, None])]}, code_diff=f"-{harm}\n+{harm}",
            curves={harm: {run.run_id: make_points(float), other.run_id: make_points(float)}},
        ),
        data_table(refs, title=harm),
        code_view([(1, harm)], title=harm),
        run_page(run, history={harm: make_points(float)}, facts={harm: {harm: [harm, {harm: harm}]}},
                 artifacts=[Artifact(harm, harm, 1)], data=refs, code=harm),
        verdict_view({"verdict": harm, "causes": [harm], "differences": [{harm: harm}, harm]}, title=harm),
    ]  # fmt: skip
    for view in views:
        read_markup(view["text/html"])
    for view in (*views[:3], views[5]):
        assert all(ord(c) >= 32 or c == "\n" for c in view["text/plain"].replace(harm, ""))


def test_a_comparison_shows_differences_and_counts_the_rest() -> None:
    runs = [
        make_run(1, params={"lr": 0.1, "n": 5, "x": math.nan}, metrics={"accuracy": 0.5}),
        make_run(2, params={"lr": 0.2, "n": 5, "x": math.nan}, metrics={"accuracy": 0.75}),
        make_run(3, params={"lr": 0.1, "n": "5", "x": math.nan}, metrics={}),
    ]
    bundle = comparison_table(
        runs, sections={"environment": [("numpy", ["2.1", "2.1", "2.1"]), ("x", ["1", None, "1"])]}
    )
    plain = bundle["text/plain"]
    assert "[params] (1 the same)" in plain and "[environment] (1 the same)" in plain
    assert "0.75 (▲ 0.25)" in plain and "numpy" not in plain
    whole = comparison_table(runs, differences_only=False)["text/plain"]
    assert "NaN" in whole or "nan" in whole
    assert bundle["text/html"].count('<span class="diff">') == 2
    assert "▲ 0.25" in stripped_text(bundle["text/html"])


def test_runs_of_one_name_are_told_apart_in_curves() -> None:
    one, two = make_run(1, name="fit"), make_run(2, name="fit")
    curves = {"loss": {one.run_id: make_points(float), two.run_id: make_points(float)}}
    html = comparison_table([one, two], curves=curves)["text/html"]
    assert "fit 0198c2f40001" in html and "fit 0198c2f40002" in html


def test_the_page_of_a_run_bounds_what_it_shows() -> None:
    deep: Any = "end"
    for _ in range(100):
        deep = {"a": deep}
    facts = {"deep": deep, "long": list(range(100_000)), "wide": {str(i): {"x": i} for i in range(5000)}, "empty": {}}
    page = run_page(make_run(1), facts=facts, history={"loss": make_points(lambda i: math.exp(-i))}, code="x = 1")
    read_markup(page["text/html"])
    assert len(page["text/html"]) < 300_000
    assert "4,800 more" in page["text/html"]
    assert '<img class="picture" alt="loss: loss"' in page["text/html"]
    assert "empty" not in stripped_text(page["text/html"])


def test_a_tree_keeps_multi_line_text_as_lines() -> None:
    assert "a\nb" in "".join(read_markup(tree({"diff": "a\nb"})).words)


@pytest.mark.parametrize(
    ("verdict", "cls"),
    [("identical", "t-finished"), ("equivalent", "t-finished"), ("diverged", "t-failed"), ("?", "t-failed")],
)
def test_the_verdict_has_its_colour(verdict: str, cls: str) -> None:
    assert cls in verdict_view({"verdict": verdict})["text/html"]


def test_code_keeps_its_lines_and_tabs() -> None:
    source = "def f():\n\treturn '<b>'  # ü\n\n\nf()\n"
    view = code_view(source)
    assert view["text/plain"] == source
    assert source.rstrip("\n") in "".join(read_markup(view["text/html"]).words)


def test_code_of_megabytes_is_cut_visibly() -> None:
    html = code_view("x" * 300_000, lexer="text")["text/html"]
    assert len(html) < 120_000 and "200,000 more characters" in html


def test_a_diff_is_marked_by_sign_and_colour() -> None:
    marked = diff_block("--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\n")
    assert marked.count('class="del"') == 1 and marked.count('class="add"') == 1 and marked.count('class="mute"') == 3


@pytest.mark.parametrize("make", [lambda runs: runs_table(runs), lambda runs: comparison_table(runs)])
def test_runs_without_anything_are_shown(make: Callable[[Any], dict[str, Any]]) -> None:
    empty = dataclasses.replace(
        make_run(1), params={}, metrics={}, tags={}, status=Status.KILLED, end_time=None, name=""
    )
    shown = make([empty, dataclasses.replace(empty, run_id="2")])
    assert "KILLED" in shown["text/plain"] or shown["text/plain"] == "Nothing differs."
