"""What is delivered, and how it is read again."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

import pytest

from mlops_nb.entities import Artifact, Batch, DataRef, Lease, LogLine, Run, RunEnd, Status, new_id
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.store import RunStore
from tests.store.contract.making import T0, add, begin, found, points


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
