"""Metrics and params: every bit and every type comes back."""

from __future__ import annotations

import math
from array import array

import pytest

from mlops_nb.entities import Batch, Points, new_id
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.store import RunStore
from tests.store.contract.making import T0, add, begin, found, points, same


class TestMetrics:
    def test_every_value_comes_back_to_the_bit(self, store: RunStore) -> None:
        values = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1, -1.0]
        run_id = add(store, metrics={f"m{n}": value for n, value in enumerate(values)})
        run = store.get_run(run_id)
        for n, value in enumerate(values):
            assert same(run.metrics[f"m{n}"], value) or (
                value != value and run.metrics[f"m{n}"] != run.metrics[f"m{n}"]
            )
            history = store.history(run_id, f"m{n}")
            assert same(history.values[0], value), value
            assert (history.steps[0], history.timestamps[0]) == (0, T0)

    def test_steps_as_they_come(self, store: RunStore) -> None:
        rows = [(1.0, 5, 10), (2.0, -3, 11), (3.0, 5, 9), (4.0, 2**62, 0), (5.0, -(2**63), 2**63 - 1), (6.0, 0, -5)]
        run_id = add(store)
        store.apply([Batch(run_id, "", metrics={"m": points(*rows[:1])})])
        store.apply([Batch(run_id, "", metrics={"m": points(*rows[1:4])})])
        store.apply([Batch(run_id, "", metrics={"m": points(*rows[4:])})])
        history = store.history(run_id, "m")
        assert list(zip(history.values, history.steps, history.timestamps, strict=True)) == rows
        assert store.get_run(run_id).metrics["m"] == 4.0

    @pytest.mark.parametrize(
        ("rows", "last"),
        [
            ([(1, 1, 9), (2, 2, 1)], 2),
            ([(1, 2, 9), (2, 2, 1)], 1),
            ([(1, 2, 9), (2, 2, 9)], 2),
            ([(2, 2, 9), (1, 2, 9)], 2),
            ([(2, 2, 9), (math.nan, 2, 9)], 2),
            ([(math.nan, 2, 9), (-math.inf, 2, 9)], -math.inf),
            ([(5, -1, 0), (6, -2, 0)], 5),
        ],
    )
    @pytest.mark.parametrize("at_once", [True, False])
    def test_the_last_value_is_mlflows(
        self, store: RunStore, rows: list[tuple[float, int, int]], last: float, at_once: bool
    ) -> None:
        run_id = add(store)
        for part in [rows] if at_once else [[row] for row in rows]:
            store.apply([Batch(run_id, "", metrics={"m": points(*part)})])
        assert store.get_run(run_id).metrics["m"] == last

    def test_a_long_history_in_small_deliveries(self, store: RunStore) -> None:
        run_id = add(store)
        for start in range(0, 3000, 37):
            part = [(math.sin(n), n, T0 + n * n) for n in range(start, start + 37)]
            store.apply([Batch(run_id, "", metrics={"m": points(*part)})])
        history = store.history(run_id, "m")
        assert history.steps.tolist() == list(range(3034 + 3))[: len(history)]
        assert history.values.tolist() == [math.sin(n) for n in range(len(history))]
        assert history.timestamps.tolist() == [T0 + n * n for n in range(len(history))]
        assert store.info()["points"] == len(history)

    def test_a_very_long_history(self, store: RunStore) -> None:
        count = 150_000
        whole = Points(array("d", range(count)), array("q", range(count)), array("q", [T0] * count))
        run_id = add(store)
        store.apply([Batch(run_id, "", metrics={"m": whole})])
        assert store.history(run_id, "m") == whole
        assert store.get_run(run_id).metrics["m"] == count - 1

    def test_an_outline_is_the_curve_in_few_points(self, store: RunStore) -> None:
        count = 40_000
        whole = Points(array("d", [0.5] * count), array("q", range(count)), array("q", range(T0, T0 + 9 * count, 9)))
        whole.values[12_345], whole.values[777], whole.values[-1] = 9.0, math.nan, -1.0
        run_id = add(store, metrics={"one": 3.0})
        store.apply([Batch(run_id, "", metrics={"m": Points(whole.values[:7], whole.steps[:7], whole.timestamps[:7])})])
        store.apply([Batch(run_id, "", metrics={"m": Points(whole.values[7:], whole.steps[7:], whole.timestamps[7:])})])
        found = store.outline(run_id, "m", points=200)
        assert (found.count, found.low, found.high, found.last, found.start) == (count, -1.0, 9.0, -1.0, T0)
        assert 100 < len(found.points) <= 260 and found.points.steps.tolist() == sorted(found.points.steps)
        kept = dict(zip(found.points.steps, found.points.values, strict=True))
        assert kept[12_345] == 9.0 and math.isnan(kept[777]) and kept[0] == 0.5 and kept[count - 1] == -1.0
        near = store.outline(run_id, "m", points=200, low=12_300, high=12_400)
        assert near.points.steps.tolist() == list(range(12_299, 12_402)) and near.high == 9.0
        early = store.outline(run_id, "m", points=200, by="time", low=0.0, high=0.9)
        assert early.points.timestamps.tolist() == [T0 + 9 * place for place in range(102)]
        assert store.outline(run_id, "one").points == points((3.0, 0, T0))
        assert store.outline(run_id, "nothing").count == 0
        with pytest.raises(NotFound):
            store.outline("nothing", "m")
        with pytest.raises(InvalidInput, match="no axis 'colour'"):
            store.outline(run_id, "m", by="colour")

    def test_no_points(self, store: RunStore) -> None:
        run_id = add(store)
        store.apply([Batch(run_id, "", metrics={"m": Points()})])
        assert len(store.history(run_id, "m")) == 0
        assert store.get_run(run_id).metrics == {}
        with pytest.raises(NotFound):
            store.history("nothing", "m")

    def test_what_is_given_is_not_changed(self, store: RunStore) -> None:
        mine = points((1, 1, 1))
        run_id = new_id()
        store.apply(
            [Batch(run_id, "", start=begin(run_id), metrics={"m": mine}), Batch(run_id, "", metrics={"m": mine})]
        )
        assert len(mine) == 1
        assert len(store.history(run_id, "m")) == 2


class TestParams:
    VALUES = (
        None,
        True,
        False,
        0,
        1,
        -1,
        2**70,
        0.1,
        -0.0,
        math.inf,
        "",
        "a",
        "ü🎉",
        "a\0b",
        "\ud800",
        "x" * 1000,
        [],
        [1, "a", None],
        {"a": {"b": [1.5, True]}},
        "1",
        "nan",
    )

    def test_types_are_kept(self, store: RunStore) -> None:
        given = {f"p{n}": value for n, value in enumerate(self.VALUES)}
        params = store.get_run(add(store, params=given)).params
        assert params == given
        assert [type(value) for value in params.values()] == [type(value) for value in given.values()]
        assert same(params["p8"], -0.0)

    def test_nan(self, store: RunStore) -> None:
        params = store.get_run(add(store, params={"x": math.nan})).params
        assert params["x"] != params["x"]

    def test_ten_megabytes(self, store: RunStore) -> None:
        big = "é" * 5_000_000
        run_id = add(store, params={"big": big, "other": big + "x"})
        assert store.get_run(run_id).params["big"] == big
        assert found(store, "params.big LIKE 'éé%'") == ["run"]

    def test_an_amended_param_keeps_its_past(self, store: RunStore) -> None:
        run_id = add(store, params={"lr": 0.1, "x": 1})
        store.apply([Batch(run_id, "", params=[("lr", 0.1, T0 + 1), ("lr", 0.2, T0 + 2), ("lr", "0.2", T0 + 3)])])
        store.apply([Batch(run_id, "", params=[("lr", None, T0 + 4), ("new", [1], T0 + 4)])])
        assert store.param_history(run_id, "lr") == [(0.1, T0), (0.2, T0 + 2), ("0.2", T0 + 3), (None, T0 + 4)]
        assert store.param_history(run_id, "x") == [(1, T0)]
        assert store.param_history(run_id, "new") == [([1], T0 + 4)]
        assert store.param_history(run_id, "unknown") == []
        assert store.get_run(run_id).params == {"lr": None, "x": 1, "new": [1]}
        assert found(store, "params.lr = 'None'") == ["run"]
        assert found(store, "params.lr = '0.1'") == []

    def test_amended_within_the_first_call(self, store: RunStore) -> None:
        run_id = new_id()
        store.apply([Batch(run_id, "", start=begin(run_id), params=[("a", 1, 1), ("a", 2, 2)])])
        assert store.param_history(run_id, "a") == [(1, 1), (2, 2)]
