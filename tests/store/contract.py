"""What every store of runs must do, whatever it is built on.

A backend's test module makes a fixture ``store`` (an open, empty store) and imports the classes that it is to pass::

    from tests.store.contract import *  # noqa: F403
"""

from __future__ import annotations

import math
import threading
from array import array
from dataclasses import replace
from typing import Any

import pytest

from mlops_nb.entities import (
    Artifact,
    Batch,
    DataRef,
    Lease,
    LogLine,
    Points,
    Run,
    RunEnd,
    RunStart,
    Status,
    new_id,
)
from mlops_nb.errors import AlreadyExists, InvalidInput, InvalidState, NotFound
from mlops_nb.store import RunStore

__all__ = [
    "TestApply",
    "TestChanges",
    "TestExperiments",
    "TestFilters",
    "TestMetrics",
    "TestOrder",
    "TestParams",
    "TestRuns",
    "zoo",
]

T0 = 1_700_000_000_000


def points(*rows: tuple[float, int, int]) -> Points:
    """Points from (value, step, timestamp)."""
    return Points(array("d", [r[0] for r in rows]), array("q", [r[1] for r in rows]), array("q", [r[2] for r in rows]))


def begin(run_id: str, name: str = "run", experiment: str = "exp", at: int = T0, **more: Any) -> RunStart:
    return RunStart(run_id, name, experiment, at, **more)


def add(
    store: RunStore, name: str = "run", *, at: int = T0, experiment: str = "exp", start: Any = None, **batch: Any
) -> str:
    """Store a run in one batch and give its id."""
    run_id = new_id()
    params = [(key, value, at) for key, value in batch.pop("params", {}).items()]
    metrics = {key: points((value, 0, at)) for key, value in batch.pop("metrics", {}).items()}
    opening = begin(run_id, name, experiment, at, **(start or {}))
    store.apply([Batch(run_id, "", start=opening, params=params, metrics=metrics, **batch)])
    return run_id


def same(left: float, right: float) -> bool:
    """Equal to the bit."""
    return array("d", [left]).tobytes() == array("d", [right]).tobytes()


def found(store: RunStore, filter: str, **more: Any) -> list[str]:
    return [run.name for run in store.search_runs(None, filter, **more).items]


def walk(store: RunStore, size: int, **question: Any) -> list[str]:
    """Names of all runs, page by page."""
    names, token = [], None
    for _ in range(1000):
        page = store.search_runs(None, limit=size, page_token=token, **question)
        assert len(page.items) <= size
        names += [run.name for run in page.items]
        token = page.next_token
        if token is None:
            return names
    raise AssertionError("pages without end")


class TestApply:
    def test_a_run_is_read_as_it_was_given(self, store: RunStore) -> None:
        run_id, lease = new_id(), Lease(4711, 1234.5, "host", "boot")
        parent = add(store)
        store.apply(
            [
                Batch(
                    run_id,
                    "j1",
                    upto=10,
                    start=begin(
                        run_id,
                        "första 🎉",
                        "exp",
                        T0,
                        user="ann",
                        parent_run_id=parent,
                        notebook="a/b.ipynb",
                        cell_id="c",
                        line="L",
                        stage="training",
                        source_type="JOB",
                        lease=lease,
                    ),
                    params=[("lr", 0.1, T0)],
                    tags={"team": "risk"},
                    metrics={"acc": points((0.5, 1, T0))},
                    end=RunEnd(Status.FAILED, T0 + 5),
                )
            ]
        )
        run = store.get_run(run_id)
        assert run == Run(
            run_id,
            "första 🎉",
            run.experiment_id,
            "exp",
            Status.FAILED,
            T0,
            T0 + 5,
            "ann",
            "active",
            parent,
            "a/b.ipynb",
            "c",
            "L",
            1,
            "training",
            "JOB",
            run.changed,
            lease,
            {"lr": 0.1},
            {"acc": 0.5},
            {"team": "risk"},
        )
        assert store.get_experiment(run.experiment_id).name == "exp"

    def test_a_journal_counts_once(self, store: RunStore) -> None:
        run_id = new_id()
        first = Batch(
            run_id, "j", 0, 100, begin(run_id), metrics={"m": points((1, 1, 1))}, logs=[LogLine(1, "stdout", "a")]
        )
        second = Batch(run_id, "j", 100, 150, metrics={"m": points((2, 2, 2))})
        store.apply([first])
        store.apply([first, second])
        store.apply([first])
        store.apply([second])
        assert store.history(run_id, "m").values.tolist() == [1, 2]
        assert len(store.logs(run_id)) == 1
        assert store.delivered("j") == 150
        assert store.delivered("other") == 0

    @pytest.mark.parametrize(("since", "upto"), [(50, 150), (0, 150), (101, 150)])
    def test_an_overlap_or_a_gap_is_refused(self, store: RunStore, since: int, upto: int) -> None:
        run_id = new_id()
        store.apply([Batch(run_id, "j", 0, 100, begin(run_id))])
        with pytest.raises(InvalidState, match="stored up to 100"):
            store.apply([Batch(run_id, "j", since, upto, tags={"a": "b"})])
        assert store.get_run(run_id).tags == {}
        assert store.delivered("j") == 100

    def test_two_journals_of_one_run(self, store: RunStore) -> None:
        run_id = new_id()
        store.apply(
            [
                Batch(run_id, "parent", 0, 10, begin(run_id), metrics={"m": points((1, 1, 1))}),
                Batch(run_id, "child", 0, 20, metrics={"m": points((2, 2, 2))}),
            ]
        )
        assert store.history(run_id, "m").values.tolist() == [1, 2]
        assert (store.delivered("parent"), store.delivered("child")) == (10, 20)

    def test_an_unknown_run_refuses_the_whole_call(self, store: RunStore) -> None:
        good, bad = new_id(), new_id()
        with pytest.raises(NotFound, match=bad):
            store.apply([Batch(good, "g", 0, 5, begin(good)), Batch(bad, "b", 0, 5, tags={"a": "b"})])
        with pytest.raises(NotFound):
            store.get_run(good)
        assert store.delivered("g") == 0
        assert store.find_experiment("exp") is None

    @pytest.mark.parametrize(
        "bad",
        [
            {"params": [("x" * 501, 1, 0)]},
            {"params": [("", 1, 0)]},
            {"params": [("a\0b", 1, 0)]},
            {"metrics": {"\ud800": points((1, 1, 1))}},
            {"tags": {"t": "a\0"}},
            {"tags": {"t": "\udfff"}},
            {"tags": {"t": "x" * (2**20 + 1)}},
            {"params": [("p", object(), 0)]},
        ],
    )
    def test_what_no_store_could_hold_leaves_nothing(self, store: RunStore, bad: dict[str, Any]) -> None:
        run_id = new_id()
        with pytest.raises(InvalidInput):
            store.apply([Batch(run_id, "j", 0, 10, begin(run_id), **bad)])
        with pytest.raises(NotFound):
            store.get_run(run_id)

    def test_names_at_the_limit(self, store: RunStore) -> None:
        key = "🎉" * 500
        run_id = add(store, params={key: 1}, metrics={key: 2.0}, tags={key: "ü" * 2**20})
        run = store.get_run(run_id)
        assert run.params == {key: 1}
        assert run.metrics == {key: 2.0}
        assert run.tags == {key: "ü" * 2**20}
        assert found(store, f"metrics.`{key}` = 2 and tags.`{key}` LIKE 'ü%'") == ["run"]

    def test_identity_texts_keep_what_can_be_kept(self, store: RunStore) -> None:
        run_id = add(store, start={"notebook": "a\udc80b.ipynb", "user": "x\0y"})
        run = store.get_run(run_id)
        assert (run.notebook, run.user) == ("a\ufffdb.ipynb", "x\ufffdy")

    def test_a_line_counts_its_revisions(self, store: RunStore) -> None:
        ids = [add(store, f"r{n}", at=T0 + n, start={"line": "L"}) for n in range(3)]
        one, two = new_id(), new_id()
        store.apply([Batch(one, "", start=begin(one, line="L")), Batch(two, "", start=begin(two, line="L"))])
        assert [store.get_run(each).revision for each in [*ids, one, two]] == [1, 2, 3, 4, 5]
        assert store.get_run(add(store, start={"line": "other"})).revision == 1
        assert [run.run_id for run in store.line_runs("L", limit=2)] == [two, one]
        assert store.line_runs("nothing") == []

    def test_a_run_is_taken_up_again(self, store: RunStore) -> None:
        run_id = add(store, end=RunEnd(Status.FINISHED, T0 + 1), params={"a": 1})
        store.apply(
            [Batch(run_id, "again", 0, 1, begin(run_id, "new", "elsewhere", T0 + 9, lease=Lease(1, 2.0, "h", "b")))]
        )
        run = store.get_run(run_id)
        assert (run.status, run.end_time, run.name, run.start_time) == (Status.RUNNING, None, "run", T0)
        assert run.lease == Lease(1, 2.0, "h", "b")
        assert run.params == {"a": 1}

    def test_open_runs(self, store: RunStore) -> None:
        lease = Lease(1, 2.5, "h", "b")
        one = add(store, "one", at=T0 + 1, start={"lease": lease})
        add(store, "two", end=RunEnd(Status.FINISHED, T0))
        zero = add(store, "zero", at=T0)
        assert [(run.run_id, run.lease) for run in store.open_runs()] == [(zero, None), (one, lease)]

    def test_many_runs_in_one_call(self, store: RunStore) -> None:
        ids = [new_id() for _ in range(700)]
        store.apply([Batch(each, each, 0, 9, begin(each), params=[("n", n, 0)]) for n, each in enumerate(ids)])
        store.apply([Batch(each, each, 9, 18, metrics={"m": points((n, 0, 0))}) for n, each in enumerate(ids)])
        runs = {run.run_id: run for run in store.search_runs(limit=1000).items}
        assert [runs[each].params["n"] for each in ids] == list(range(700))
        assert [runs[each].metrics["m"] for each in ids] == list(range(700))

    def test_facts_are_plain_json(self, store: RunStore) -> None:
        facts = {
            "code": "x = '\0\ud800'",
            "environment": {"python": "3.11", "nan": math.inf, "list": [1, None, True, "ü"]},
            "outputs": [],
        }
        run_id = add(store, facts=facts)
        assert store.facts(run_id) == facts
        assert store.facts(run_id, ["outputs", "unknown"]) == {"outputs": []}
        store.apply([Batch(run_id, "", facts={"outputs": [1], "git": None})])
        assert store.facts(run_id) == {**facts, "outputs": [1], "git": None}

    def test_equal_facts_are_kept_once(self, store: RunStore) -> None:
        big = {"packages": [f"package-{n}=={n}" for n in range(3000)]}
        before = store.info()["documents"]
        ids = [add(store, facts={"environment": big}) for _ in range(5)]
        assert store.info()["documents"] == before + 1
        for each in ids[1:]:
            store.update_run(each, lifecycle_stage="deleted")
        assert store.purge_runs(ids) == 4
        assert store.facts(ids[0]) == {"environment": big}
        store.update_run(ids[0], lifecycle_stage="deleted")
        store.purge_runs(ids)
        assert store.info()["documents"] == before

    def test_artifacts_data_and_logs(self, store: RunStore) -> None:
        refs = [
            DataRef("b.csv", "sha256:bb", 5, "read", "b", "training", {"rows": 3}, True),
            DataRef("a\udc80.csv", "sha256:aa", 2**40, "write"),
        ]
        lines = [LogLine(T0, "stdout", "a\0\ud800\n"), LogLine(T0 + 1, "stderr", "é"), LogLine(T0, "display", "{}")]
        run_id = add(
            store, artifacts=[Artifact("m/x", "sha256:1", 3), Artifact("m/a", "sha256:2", 0)], data=refs, logs=lines
        )
        store.apply(
            [Batch(run_id, "", artifacts=[Artifact("m/x", "sha256:3", 9)], logs=[LogLine(T0, "stdout", "end")])]
        )
        assert store.artifacts(run_id) == [Artifact("m/a", "sha256:2", 0), Artifact("m/x", "sha256:3", 9)]
        assert store.data(run_id) == refs
        numbered = store.logs(run_id)
        assert [line for _, line in numbered] == [*lines, LogLine(T0, "stdout", "end")]
        assert store.logs(run_id, after=numbered[1][0], limit=1) == [numbered[2]]
        assert store.digests() == {"sha256:2", "sha256:3", "sha256:aa", "sha256:bb"}
        other = add(store, data=[DataRef("c", "sha256:2", 1)])
        assert sorted(store.runs_with_data("sha256:2")) == sorted([(run_id, "artifact"), (other, "read")])
        assert store.runs_with_data("sha256:none") == []

    def test_the_same_read_twice_is_one(self, store: RunStore) -> None:
        ref = DataRef("a.csv", "sha256:aa", 5)
        run_id = add(store, data=[ref, ref, replace(ref, mode="write")])
        store.apply([Batch(run_id, "", data=[replace(ref, profile={"rows": 1})])])
        assert sorted(each.mode for each in store.data(run_id)) == ["read", "write"]
        assert {each.mode: each.profile for each in store.data(run_id)} == {"read": {"rows": 1}, "write": {}}

    def test_threads_write_at_once(self, store: RunStore) -> None:
        ids, errors = [add(store, f"t{n}") for n in range(4)], []

        def work(run_id: str) -> None:
            try:
                for n in range(20):
                    store.apply([Batch(run_id, run_id, n, n + 1, metrics={"m": points((n, n, n))})])
                    store.get_run(run_id)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(each,)) for each in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert [store.history(each, "m").values.tolist() for each in ids] == [list(range(20))] * 4


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


class TestExperiments:
    def test_default(self, store: RunStore) -> None:
        assert store.get_experiment("0").name == "Default"
        run_id = add(store, experiment="Default")
        assert store.get_run(run_id).experiment_id == "0"

    def test_made_found_renamed(self, store: RunStore) -> None:
        made = store.create_experiment("churn", artifact_location="s3://x", tags={"team": "risk"})
        assert store.get_experiment(made.experiment_id) == made
        assert store.find_experiment("churn") == made
        assert store.find_experiment("nothing") is None
        with pytest.raises(AlreadyExists):
            store.create_experiment("churn")
        changed = store.update_experiment(made.experiment_id, name="churn 2", tags={"team": None, "a": "b"})
        assert (changed.name, changed.tags) == ("churn 2", {"a": "b"})
        assert store.get_experiment(made.experiment_id) == changed
        with pytest.raises(AlreadyExists):
            store.update_experiment(made.experiment_id, name="Default")
        with pytest.raises(NotFound):
            store.get_experiment("nothing")
        with pytest.raises(InvalidInput):
            store.create_experiment("")

    def test_deleted_with_its_runs_and_restored_without_the_others(self, store: RunStore) -> None:
        kept, gone = add(store, "kept"), add(store, "gone")
        store.update_run(gone, lifecycle_stage="deleted")
        which = store.get_run(kept).experiment_id
        store.update_experiment(which, lifecycle_stage="deleted")
        assert store.get_run(kept).lifecycle_stage == "deleted"
        with pytest.raises(AlreadyExists, match="deleted"):
            store.create_experiment("exp")
        late = add(store, "late")
        assert store.get_run(late).experiment_id == which
        assert store.get_run(late).lifecycle_stage == "active"
        assert store.get_experiment(which).lifecycle_stage == "deleted"
        store.update_experiment(which, lifecycle_stage="active")
        assert sorted(found(store, "")) == ["kept", "late"]
        assert found(store, "", view="deleted") == ["gone"]

    def test_search(self, store: RunStore) -> None:
        for n in range(5):
            store.create_experiment(f"e{n}", tags={"n": str(n)} if n else {})
        names = [each.name for each in store.search_experiments("name LIKE 'e%'", order_by=["name DESC"]).items]
        assert names == ["e4", "e3", "e2", "e1", "e0"]
        assert [
            e.name for e in store.search_experiments("tags.n >= '3' or name = 'Default'", order_by=["name"]).items
        ] == [
            "Default",
            "e3",
            "e4",
        ]
        assert [e.name for e in store.search_experiments("tags.n IS NULL and not name ilike 'DEF%'").items] == ["e0"]
        ordered = [each.name for each in store.search_experiments(order_by=["tags.n DESC", "name"]).items]
        assert ordered == ["e4", "e3", "e2", "e1", "Default", "e0"]
        seen, token = [], None
        while True:
            page = store.search_experiments(limit=4, page_token=token)
            seen += page.items
            token = page.next_token
            if token is None:
                break
        assert len(seen) == len({each.experiment_id for each in seen}) == 6
        store.update_experiment(seen[0].experiment_id, lifecycle_stage="deleted")
        assert len(store.search_experiments().items) == 5
        assert [e.name for e in store.search_experiments(view="deleted").items] == [seen[0].name]
        with pytest.raises(InvalidInput, match="there is no field"):
            store.search_experiments("metrics.x > 1")


class TestRuns:
    def test_found_by_id_prefix_or_name(self, store: RunStore) -> None:
        one, two = add(store, "same", at=T0), add(store, "same", at=T0 + 1)
        add(store, one[:6])
        assert [run.run_id for run in store.find_runs("same")] == [two, one]
        assert [run.run_id for run in store.find_runs("same", limit=1)] == [two]
        assert [run.run_id for run in store.find_runs(one)] == [one]
        assert one in [run.run_id for run in store.find_runs(one[:20])]
        assert store.find_runs("") == store.find_runs("nothing") == store.find_runs("%") == store.find_runs("\0") == []

    def test_changed_from_outside(self, store: RunStore) -> None:
        run_id = add(store, tags={"a": "1", "b": "2"})
        run = store.update_run(run_id, name="new", status="KILLED", end_time=T0 + 9, tags={"a": None, "c": "3"})
        assert (run.name, run.status, run.end_time, run.tags) == ("new", Status.KILLED, T0 + 9, {"b": "2", "c": "3"})
        assert store.get_run(run_id) == run
        assert found(store, "tags.c = '3' and name = 'new' and tags.a IS NULL") == ["new"]
        for bad in ({"status": "DONE"}, {"lifecycle_stage": "gone"}, {"name": ""}, {"tags": {"a": "\0"}}):
            with pytest.raises(InvalidInput):
                store.update_run(run_id, **bad)
        with pytest.raises(NotFound):
            store.update_run("nothing", name="x")

    def test_purged_only_when_deleted(self, store: RunStore) -> None:
        kept = add(store, "kept", facts={"code": "shared"}, artifacts=[Artifact("a", "sha256:1", 1)])
        gone = add(
            store,
            "gone",
            params={"p": 1},
            metrics={"m": 1.0},
            tags={"t": "x"},
            logs=[LogLine(1, "stdout", "x")],
            facts={"code": "shared"},
            data=[DataRef("d", "sha256:2", 1, profile={"rows": 1})],
        )
        assert store.purge_runs([kept, gone]) == 0
        store.update_run(gone, lifecycle_stage="deleted")
        assert found(store, "") == ["kept"]
        assert store.purge_runs([kept, gone, "nothing"]) == 1
        with pytest.raises(NotFound):
            store.get_run(gone)
        assert store.facts(kept) == {"code": "shared"}
        assert store.digests() == {"sha256:1"}
        assert found(store, "", view="all") == ["kept"]
        assert store.purge_runs([]) == 0

    def test_unknown_runs(self, store: RunStore) -> None:
        for read in (store.get_run, store.facts, store.artifacts, store.data, store.logs):
            with pytest.raises(NotFound, match="nothing"):
                read("nothing")
        with pytest.raises(NotFound):
            store.get_run("\0\ud800")

    def test_info(self, store: RunStore) -> None:
        add(store, metrics={"a": 1.0, "b": 2.0})
        info = store.info()
        assert (info["runs"], info["experiments"], info["points"]) == (1, 2, 2)
        assert info["bytes"] > 0


class TestChanges:
    def test_each_write_is_seen_once_and_in_order(self, store: RunStore) -> None:
        assert store.changes()[0] == []
        _, since = store.changes()
        one, two = add(store, "one"), add(store, "two")
        runs, since = store.changes(since)
        assert [run.run_id for run in runs] == [one, two]
        assert store.changes(since) == ([], since)
        store.update_run(one, tags={"a": "b"})
        runs, since = store.changes(since)
        assert [run.run_id for run in runs] == [one]
        store.apply([Batch(two, "", metrics={"m": points((1, 1, 1))})])
        assert [run.run_id for run in store.changes(since)[0]] == [two]

    def test_a_limit_does_not_lose_the_rest_of_a_call(self, store: RunStore) -> None:
        ids = [new_id() for _ in range(5)]
        store.apply([Batch(each, "", start=begin(each)) for each in ids])
        last = add(store)
        seen, since = [], 0
        while True:
            runs, since = store.changes(since, limit=2)
            if not runs:
                break
            seen += [run.run_id for run in runs]
        assert sorted(seen) == sorted([*ids, last])

    def test_what_changes_nothing_is_no_change(self, store: RunStore) -> None:
        run_id = new_id()
        batch = Batch(run_id, "j", 0, 10, begin(run_id))
        store.apply([batch])
        _, since = store.changes()
        store.apply([batch])
        store.apply([])
        assert store.changes(since) == ([], since)


@pytest.fixture
def zoo(store: RunStore) -> RunStore:
    """Four runs, a to d, oldest first."""
    add(
        store,
        "a",
        at=T0,
        params={"lr": 0.1, "opt": "adam", "n": 10, "deep": True, "s": "0.5"},
        metrics={"acc": 0.5, "x": math.nan},
        tags={"team": "Risk", "mlops_nb.verdict": "identical"},
        end=RunEnd(Status.FINISHED, T0 + 5000),
        facts={"code": "model = GradientBoosting()"},
        start={"user": "ann", "notebook": "one.ipynb", "line": "L"},
    )
    add(
        store,
        "b",
        at=T0 + 1000,
        params={"lr": 0.01, "opt": "sgd", "n": 9, "deep": False},
        metrics={"acc": 0.9, "x": 1.0},
        tags={"team": "fraud"},
        end=RunEnd(Status.FAILED, T0 + 2000),
        facts={"code": "line one\nmodel = Forest()"},
        data=[DataRef("f", "sha256:dd", 1, name="train", context="training")],
        start={"parent_run_id": "p", "stage": "training"},
    )
    add(
        store,
        "c",
        at=T0 + 2000,
        params={"lr": "big" * 100, "opt": None},
        metrics={"acc": -1.0, "x": math.inf},
        experiment="other",
    )
    add(store, "d", at=T0 + 3000, tags={"text": "100% \\ a_b"})
    return store


class TestFilters:
    @pytest.mark.parametrize(
        ("filter", "names"),
        [
            ("", "dcba"),
            ("   ", "dcba"),
            ("metrics.acc > 0.5", "b"),
            ("metrics.acc >= 0.5", "ba"),
            ("metric.acc < 0", "c"),
            ("metrics.acc = 0.9", "b"),
            ("metrics.acc != 0.9", "ca"),
            ("metrics.acc <> 0.9", "ca"),
            ("metrics.acc == '0.9'", "b"),
            ("metrics.x = nan", "a"),
            ("metrics.x != nan", "cb"),
            ("metrics.x != 1", "ca"),
            ("metrics.x > 1e300", "c"),
            ("metrics.x = inf", "c"),
            ("metrics.x < 99999999999999999999999", "b"),
            ("metrics.acc IN (0.9, -1)", "cb"),
            ("metrics.acc NOT IN (0.9, -1)", "a"),
            ("metrics.acc IS NULL", "d"),
            ("metrics.acc IS NOT NULL", "cba"),
            ("NOT metrics.acc > 0", "dc"),
            ("params.lr = '0.1'", "a"),
            ("params.lr = 0.1", "a"),
            ("params.lr < 0.1", "b"),
            ("params.lr != '0.1'", "cb"),
            ("params.lr != 0.1", "cb"),
            ("params.n > 9", "a"),
            ("params.n > '9'", ""),
            ("params.s = 0.5", "a"),
            ("params.deep = true", "a"),
            ("params.deep = 'False'", "b"),
            ("params.opt = 'None'", "c"),
            (f"params.lr = '{'big' * 100}'", "c"),
            (f"params.lr != '{'big' * 100}'", "ba"),
            (f"params.lr = '{'big' * 66}bi'", ""),
            ("params.lr LIKE 'big%big'", "c"),
            ("params.opt LIKE 'ad_m'", "a"),
            ("params.opt LIKE 'AD%'", ""),
            ("params.opt ILIKE 'AD%'", "a"),
            ("params.opt NOT LIKE 'ad%'", "cb"),
            ("NOT params.opt LIKE 'ad%'", "dcb"),
            ("params.opt IN ('adam', 'sgd')", "ba"),
            ("params.opt NOT IN ('adam')", "cb"),
            ("params.opt ~ '^(adam|sgd)$'", "ba"),
            ("params.opt !~ 'a'", "cb"),
            ("tags.team = 'Risk'", "a"),
            ('tags."team" = "Risk"', "a"),
            ("tag.`team` ilike 'r%'", "a"),
            ("tags.text LIKE '100% \\ a_b'", "d"),
            ("tags.team IS NULL", "dc"),
            ("tags.mlflow.runName = 'b'", "b"),
            ("tags.\"mlflow.runName\" LIKE '%c%'", "c"),
            ("status = 'FAILED'", "b"),
            ("attributes.status = 'finished'", "a"),
            ("attribute.status IN ('FAILED', 'FINISHED')", "ba"),
            ("status != 'RUNNING'", "ba"),
            ("name = 'a' or run_name = 'b'", "ba"),
            ("name > 'b'", "dc"),
            (f"start_time > {T0 + 1000}", "dc"),
            ("start_time >= '2023-11-14T22:13:21+00:00'", "dcb"),
            ("start_time < '2023-11-14'", ""),
            ("end_time IS NULL", "dc"),
            (f"end_time > {T0 + 2000}", "a"),
            (f"NOT end_time > {T0 + 2000}", "dcb"),
            ("duration > 1", "a"),
            ("duration <= 1", "b"),
            ("experiment = 'other'", "c"),
            ("experiment LIKE 'e%' and not name = 'd'", "ba"),
            ("experiment_name IN ('other')", "c"),
            ("user_id = 'ann'", "a"),
            ("notebook = 'one.ipynb'", "a"),
            ("line = 'L' and revision = 1", "a"),
            ("stage = 'training'", "b"),
            ("parent_run_id = 'p'", "b"),
            ("parent_run_id IS NULL", "dca"),
            ("lifecycle_stage = 'active'", "dcba"),
            ("code ~ 'Gradient.*\\('", "a"),
            ("code LIKE '%model%'", "ba"),
            ("code LIKE 'line%Forest()'", "b"),
            ("code ILIKE '%FOREST%'", "b"),
            ("code !~ 'Forest'", "a"),
            ("code IS NULL", "dc"),
            ("code IS NOT NULL", "ba"),
            ("verdict = 'identical'", "a"),
            ("verdict IS NULL", "dcb"),
            ("restart_run_all IS NULL", "dcba"),
            ("datasets.name = 'train'", "b"),
            ("dataset.digest LIKE 'sha256:d%'", "b"),
            ("datasets.context = 'training' and datasets.name IS NOT NULL", "b"),
            ("'forest'", "b"),
            ("'RISK'", "a"),
            ("'adam'", "a"),
            ("'100%'", "d"),
            ("'%'", "d"),
            ("'_b'", "d"),
            ("'nothing of that'", ""),
            ("metrics.acc > 0.4 AND params.lr = '0.1' and tags.team = 'Risk'", "a"),
            ("(metrics.acc > 0.8 OR status = 'FINISHED') and not (params.opt = 'sgd')", "a"),
            ("not not metrics.acc > 0.8", "b"),
            ("metrics.acc>0.8 or params.opt='adam' and status='FAILED'", "b"),
            ("((((name = 'a'))))", "a"),
            ("params.x = 'it''s'", ""),
            ("params.x = '\0'", ""),
            ("name = '\ud800'", ""),
            (" AND ".join(["metrics.acc > 0.4"] * 100), "ba"),
            (" OR ".join([f"params.n = {n}" for n in range(150)]), "ba"),
        ],
    )
    def test_finds(self, zoo: RunStore, filter: str, names: str) -> None:
        assert "".join(found(zoo, filter)) == names
        assert (
            "".join(found(zoo, filter, order_by=["metrics.acc"], limit=2))
            == "".join(sorted(names, key="cabd".index))[:2]
        )

    @pytest.mark.parametrize(
        ("filter", "place", "message"),
        [
            ("metrics.acc >", 14, "a value is missing"),
            ("metrics.acc > > 1", 15, "expected a number"),
            ("statsu = 'x'", 1, "Did you mean 'status'"),
            ("metrcs.acc > 1", 1, "Did you mean 'metrics.acc'"),
            ("status = 'FINISHD'", 10, "Did you mean 'FINISHED'"),
            ("metrics.acc > 'a'", 15, "compared with a number"),
            ("name = 5", 8, "put quotes"),
            ("name = 'a", 8, "not closed"),
            ("(name = 'a'", 12, "closing parenthesis"),
            ("name = 'a') ", 11, "expected AND"),
            ("name = 'a' name = 'b'", 12, "expected AND"),
            ("AND", 1, "there is no field"),
            ("name ~ 'a(b'", 8, "not a regular expression"),
            ("metrics.acc LIKE 'a'", 18, "not searched by pattern"),
            ("code = 'x'", 6, "searched with ~"),
            ("name IN 'a'", 9, "expected a list"),
            ("name IN ()", 10, "expected a number, or text"),
            ("name IS 'a'", 9, "expected NULL"),
            ("name ; DROP TABLE runs", 6, "no meaning"),
            ("datasets.size = '1'", 1, "a dataset has no"),
            ("start_time > 'yesterday'", 14, "expected milliseconds"),
            ("(" * 60 + "name = 'a'" + ")" * 60, 51, "nested more than"),
            ("NOT " * 60 + "name = 'a'", 201, "nested more than"),
            (" OR ".join(["name = 'a'"] * 201), 2801, "more than 200"),
        ],
    )
    def test_an_error_points_at_the_place(self, store: RunStore, filter: str, place: int, message: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            store.search_runs(None, filter)
        text = str(caught.value)
        assert f"at character {place}:" in text
        assert message in text
        lines = text.splitlines()
        pointer = next(n for n, line in enumerate(lines) if line.strip() == "^")
        assert "^" in lines[pointer]

    def test_too_long(self, store: RunStore) -> None:
        with pytest.raises(InvalidInput, match="10001 characters"):
            store.search_runs(None, "x" * 10_001)

    def test_experiment_ids_and_view(self, zoo: RunStore) -> None:
        other = zoo.find_experiment("other")
        assert other is not None
        assert [run.name for run in zoo.search_runs([other.experiment_id]).items] == ["c"]
        assert zoo.search_runs([]).items == []
        assert zoo.search_runs(["unknown"]).items == []
        zoo.update_run(zoo.find_runs("d")[0].run_id, lifecycle_stage="deleted")
        assert found(zoo, "") == ["c", "b", "a"]
        assert found(zoo, "", view="deleted") == ["d"]
        assert found(zoo, "", view="all") == ["d", "c", "b", "a"]
        for bad in ({"view": "x"}, {"limit": 0}):
            with pytest.raises(InvalidInput):
                zoo.search_runs(None, **bad)


class TestOrder:
    @pytest.mark.parametrize(
        ("order_by", "names"),
        [
            ([], "dcba"),
            (["metrics.acc"], "cabd"),
            (["metrics.acc DESC"], "bacd"),
            (["metrics.x DESC"], "cbda"),
            (["metrics.x ASC"], "bcda"),
            (["params.lr"], "bacd"),
            (["params.lr DESC"], "abcd"),
            (["params.opt"], "cabd"),
            (["tags.team"], "abdc"),
            (["start_time"], "abcd"),
            (["attributes.start_time DESC"], "dcba"),
            (["status", "name DESC"], "badc"),
            (["end_time", "name"], "bacd"),
            (["duration DESC", "start_time ASC"], "abcd"),
            (["experiment", "name"], "abdc"),
            (["verdict", "metrics.acc"], "acbd"),
            (["run_name DESC"], "dcba"),
            (["metrics.none", "params.none", "tags.none"], "dcba"),
            (["stage", "metrics.x", "name"], "bcad"),
        ],
    )
    @pytest.mark.parametrize("size", [1, 2, 10])
    def test_order_and_pages(self, zoo: RunStore, order_by: list[str], names: str, size: int) -> None:
        assert "".join(walk(zoo, size, order_by=order_by)) == names
        assert "".join(walk(zoo, size, order_by=order_by, filter="name != 'c'")) == names.replace("c", "")
        assert "".join(walk(zoo, size, order_by=order_by, filter="metrics.acc > -5")) == names.replace("d", "")

    def test_equal_runs_are_newest_first_then_by_id(self, store: RunStore) -> None:
        ids = [add(store, metrics={"m": 1.0}, at=T0 + n // 2) for n in range(6)]
        runs = {each: store.get_run(each).start_time for each in ids}
        expected = sorted(ids, key=lambda each: (-runs[each], each))
        for order in ([], ["metrics.m"], ["metrics.m DESC"], ["name"]):
            assert [run.run_id for run in store.search_runs(order_by=order).items] == expected
            seen, token = [], None
            for _ in range(6):
                page = store.search_runs(order_by=order, limit=1, page_token=token)
                seen += [run.run_id for run in page.items]
                token = page.next_token
            assert seen == expected
            assert token is None

    def test_new_runs_do_not_disturb_a_walk(self, store: RunStore) -> None:
        for n in range(6):
            add(store, f"r{n}", at=T0 + n, metrics={"m": n / 10})
        page = store.search_runs(limit=3, order_by=["metrics.m DESC"])
        add(store, "new", at=T0 + 99, metrics={"m": 0.35})
        add(store, "newer", at=T0 + 100)
        rest = store.search_runs(limit=3, order_by=["metrics.m DESC"], page_token=page.next_token)
        assert [run.name for run in page.items + rest.items] == ["r5", "r4", "r3", "r2", "r1", "r0"]

    def test_tokens_are_checked(self, zoo: RunStore) -> None:
        token = zoo.search_runs(limit=1).next_token
        assert token is not None
        for bad in ("x", "🎉", token[:-4], token + "AAAA"):
            with pytest.raises(InvalidInput, match="page token"):
                zoo.search_runs(limit=1, page_token=bad)
        with pytest.raises(InvalidInput, match="another search"):
            zoo.search_runs(None, "name = 'a'", limit=1, page_token=token)

    @pytest.mark.parametrize(
        "term", ["", "metrics", "metrics.a UP", "code", "datasets.name", "nme", "5", "name, status"]
    )
    def test_bad_terms(self, store: RunStore, term: str) -> None:
        with pytest.raises(InvalidInput):
            store.search_runs(order_by=[term])
