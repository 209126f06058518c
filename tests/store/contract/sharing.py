"""What several writers of one run may do, as MLflow has it; and what a page of runs needs beside it."""

from __future__ import annotations

import math

import pytest

from mlops_nb.entities import Artifact, Batch, DataRef, Metric
from mlops_nb.errors import InvalidInput
from mlops_nb.store import RunStore
from tests.store.contract.making import T0, add, points


class TestGuardedWrites:
    def test_a_param_keeps_its_value(self, store: RunStore) -> None:
        run_id = add(store, params={"lr": 0.1, "opt": "adam"})
        same = Batch(run_id, "", params=[("lr", "0.1", T0), ("opt", "adam", T0), ("new", "x", T0)])
        store.apply([same], guarded=True)
        assert same.params[0] == ("lr", "0.1", T0)
        assert store.get_run(run_id).params == {"lr": 0.1, "opt": "adam", "new": "x"}
        with pytest.raises(InvalidInput, match=r"Changing param values is not allowed.*key='lr'"):
            store.apply(
                [Batch(run_id, "", tags={"a": "b"}), Batch(run_id, "", params=[("lr", "0.2", T0)])], guarded=True
            )
        assert store.get_run(run_id).tags == {}
        twice = [Batch(run_id, "", params=[("k", each, T0)]) for each in ("1", "2")]
        with pytest.raises(InvalidInput, match="Changing"):
            store.apply(twice, guarded=True)
        assert "k" not in store.get_run(run_id).params

    def test_a_deleted_run_takes_nothing(self, store: RunStore) -> None:
        run_id = add(store)
        store.update_run(run_id, lifecycle_stage="deleted")
        with pytest.raises(InvalidInput, match="must be in the 'active' state"):
            store.apply([Batch(run_id, "", metrics={"m": points((1, 1, 1))})], guarded=True)
        store.apply([Batch(run_id, "", metrics={"m": points((1, 1, 1))})])
        assert store.get_run(run_id).metrics == {"m": 1}


class TestBesideAPage:
    def test_last_points(self, store: RunStore) -> None:
        one = add(store, metrics={"a": 0.5, "b": math.inf})
        store.apply([Batch(one, "", metrics={"a": points((1, 7, 8), (2, 3, 9))})])
        two, bare = add(store, metrics={"x": math.nan}), add(store)
        found = store.last_points([one, two, bare, one, "nothing"])
        assert found.keys() == {one, two}
        assert sorted(found[one], key=lambda each: each.key) == [Metric("a", 1.0, 8, 7), Metric("b", math.inf, T0, 0)]
        assert found[two][0].value != found[two][0].value
        assert store.last_points([]) == {}

    def test_point_counts(self, store: RunStore) -> None:
        one = add(store, metrics={"a": 0.5, "b": math.inf})
        store.apply([Batch(one, "", metrics={"a": points((1, 7, 8), (2, 3, 9))})])
        two, bare = add(store, metrics={"x": math.nan}), add(store)
        assert store.point_counts([one, two, bare, one, "nothing"]) == {one: {"a": 3, "b": 1}, two: {"x": 1}}
        assert store.point_counts([]) == {}

    def test_data_of(self, store: RunStore) -> None:
        refs = [DataRef("d", "sha256:2", 1, profile={"rows": 1}), DataRef("e", "sha256:3", 1, "write")]
        one, bare = add(store, data=refs), add(store)
        assert store.data_of([bare, one, "nothing"]) == {one: refs}

    def test_an_artifact_is_taken_out_of_the_tree(self, store: RunStore) -> None:
        kept, gone = Artifact("kept", "sha256:1", 1), Artifact("gone", "sha256:2", 1)
        run_id = add(store, artifacts=[kept, gone, Artifact("never", "", 0)])
        store.apply([Batch(run_id, "", artifacts=[Artifact("gone", "", 0), Artifact("unknown", "", 0)])])
        assert store.artifacts(run_id) == [kept]
        assert store.digests() == {"sha256:1"}
        store.apply([Batch(run_id, "", artifacts=[Artifact("gone", "", 0), gone])])
        assert store.artifacts(run_id) == [gone, kept]
