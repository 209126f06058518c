"""What is decided without running anything: samplers, the board, the median rule, importance."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from mlops_nb.errors import InvalidInput
from mlops_nb.panels.sweep_page import sweep_view
from mlops_nb.panels.sweep_views import parallel_svg, sweep_html
from mlops_nb.projects.sweeps.board import Board, Trial
from mlops_nb.projects.sweeps.importance import importances
from mlops_nb.projects.sweeps.samplers import ADAPTIVE, make_sampler
from mlops_nb.projects.sweeps.space import Axis, Space
from mlops_nb.projects.sweeps.stopping import is_hopeless, to_curve

SPACE = Space((Axis("x", low=-5.0, high=5.0), Axis("k", ("a", [1, 2], None)), Axis("n", low=1, high=9, step=2)))
FINITE = Space((Axis("k", ("a", "b")), Axis("n", low=1, high=4, step=1)))


def test_a_grid_is_every_point_once_or_a_part_of_it() -> None:
    grid = make_sampler("grid", FINITE, trials=None, seed=0)
    assert grid.total == 8 and len({repr(grid.point(n)) for n in range(8)}) == 8
    part = make_sampler("grid", FINITE, trials=3, seed=0)
    assert part.total == 3 and len({repr(part.point(n)) for n in range(3)}) == 3
    with pytest.raises(InvalidInput, match="continuous"):
        make_sampler("grid", SPACE, trials=4, seed=0)


def test_random_points_are_the_same_ones_again_and_none_twice() -> None:
    one, two = (make_sampler("random", SPACE, trials=30, seed=5) for _ in range(2))
    assert one.total == 30 and [one.point(n) for n in range(30)] == [two.point(n) for n in range(30)]
    few = make_sampler("random", FINITE, trials=50, seed=0)
    assert few.total == 8 and len({repr(few.point(n)) for n in range(8)}) == 8


@pytest.mark.parametrize("name", ["tpe", "qmc", "nsgaii"])
def test_optunas_samplers_give_typed_points_and_go_on(name: str) -> None:
    pytest.importorskip("optuna")
    sampler = make_sampler(name, SPACE, trials=6, seed=1, maximize=False, workers=2)
    first = [sampler.point(n) for n in range(3)]
    assert all(-5 <= p["x"] <= 5 and p["k"] in ("a", [1, 2], None) and p["n"] in (1, 3, 5, 7, 9) for p in first)
    for n, value in enumerate((1.0, None, math.nan)):
        sampler.tell(n, value)
    again = make_sampler(name, SPACE, trials=6, seed=1, maximize=False)
    for n, point in enumerate(first):
        again.restore(n, point)
        assert again.point(n) == point
        again.tell(n, 1.0)
    assert again.total == 6 and set(again.point(3)) == {"x", "k", "n"} and name in ADAPTIVE


def test_tpe_comes_nearer() -> None:
    pytest.importorskip("optuna")
    sampler = make_sampler("tpe", Space((Axis("x", low=-5.0, high=5.0),)), trials=40, seed=0, maximize=False)
    found = []
    for n in range(40):
        x = sampler.point(n)["x"]
        sampler.tell(n, (x - 2) ** 2)
        found.append(abs(x - 2))
    assert sum(found[-10:]) < sum(found[:10]) / 2


def board(count: int = 30, **options: Any) -> Board:
    draw = random.Random(0)
    trials = {}
    for n in range(count):
        values = {"lr": 10 ** draw.uniform(-4, 0), "kind": draw.choice("ab"), "idle": draw.random()}
        score = -((math.log10(values["lr"]) + 2) ** 2) + (values["kind"] == "b") * 0.3
        trials[n] = Trial(n, n, values, None, "finished", 1, f"{n:032x}", 0.0, 1.0, {"score": score})
    return Board("many", ["lr", "kind", "idle"], count, "score", trials=trials, **options)


def test_the_board_ranks_means_over_seeds_and_leaves_nan_out() -> None:
    trials = {}
    for n, (point, value) in enumerate([(0, 1.0), (0, 3.0), (1, 2.5), (1, 2.5), (2, math.nan), (2, 9.0)]):
        trials[n] = Trial(n, point, {"a": point}, n % 2, "finished", 1, str(n), 0.0, 2.0, {"m": value})
    found = Board("s", ["a"], 8, "m", seeds=2, workers=2, trials=trials)
    assert [(p.index, p.mean) for p in found.ranked()] == [(2, 9.0), (1, 2.5), (0, 2.0)]
    first = found.point_of(0)
    assert first.std == pytest.approx(2**0.5) and found.seconds_left() == 2.0
    trials[5].state = "running"
    best = found.best()
    assert best is not None and best.index == 1, "a point with an open trial is not the best yet"
    assert found.as_json()["trials"][4]["metrics"] == {"m": "NaN"} and found.as_json()["trials"][4]["value"] is None
    assert found.counts() == {"finished": 5, "running": 1, "waiting": 2, "failed": 0, "killed": 0, "stopped": 0}


def test_the_median_rule() -> None:
    finished = {n: to_curve(range(5), [0.1 * n + 0.1 * step for step in range(5)]) for n in range(5)}
    assert is_hopeless([(0, 0.0), (1, 0.05)], finished, maximize=True)
    assert not is_hopeless([(0, 0.0), (1, 0.9)], finished, maximize=True)
    assert not is_hopeless([(0, 0.0)], finished, maximize=True), "too early to tell"
    assert not is_hopeless([(0, 0.0), (1, 0.0)], {0: finished[0]}, maximize=True), "too few to compare with"
    assert is_hopeless([(0, 9.0), (1, 8.0)], finished, maximize=False)


@pytest.mark.parametrize("library", [True, False])
def test_importance_finds_what_matters(library: bool) -> None:
    made = board(120)
    points = [point.values for point in made.points()]
    shares, method = importances(points, [point.mean or 0.0 for point in made.points()], library=library)
    assert (
        next(iter(shares)) == "lr" and shares["lr"] > 0.7 > shares["idle"] and sum(shares.values()) == pytest.approx(1)
    )
    assert ("fANOVA" in method) == library
    assert importances(points[:3], [1.0, 2.0, 3.0]) == ({}, "")
    assert importances(points, [1.0] * 120) == ({}, "")


def test_ten_thousand_trials_are_drawn_thinned_out_with_the_best_among_them() -> None:
    made = board(10_000, state="finished")
    best = made.best()
    assert best is not None
    svg = parallel_svg(made)
    assert 300 < svg.count("<path") <= 402
    top = svg[svg.index('class="ln pc top') :].split(">")[0]
    assert f'data-point="{best.index}"' in top and "the 12 best of 10,000 points" in sweep_html(made)


def test_names_and_values_are_text() -> None:
    nasty = "<script>alert(1)</script>"
    trials = {
        n: Trial(n, n, {nasty: nasty if n else "b"}, None, "finished", 1, "ab", 0.0, 1.0, {nasty: float(n)})
        for n in range(3)
    }
    trials[2].state, trials[2].error = "failed", nasty
    made = Board(
        nasty, [nasty], 3, nasty, trials=trials, engine=nasty, importance={"shares": {nasty: 1.0}, "method": nasty}
    )
    for html in (sweep_html(made, inline=True), sweep_view(made)["text/html"]):
        assert "<script" not in html
