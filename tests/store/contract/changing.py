"""Experiments, and runs that are found, changed and taken away."""

from __future__ import annotations

import pytest

from mlops_nb.entities import Artifact, Batch, DataRef, LogLine, Status, new_id
from mlops_nb.errors import AlreadyExists, InvalidInput, NotFound
from mlops_nb.store import RunStore
from tests.store.contract.making import T0, add, begin, found, points


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
        assert store.update_run(run_id, parent_run_id="p").parent_run_id == "p"
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
