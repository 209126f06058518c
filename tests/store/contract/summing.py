"""Many runs as numbers: counts, groups, keys, values."""

from __future__ import annotations

import pytest

from mlops_nb.errors import InvalidInput
from mlops_nb.store import RunStore
from tests.store.contract.making import T0, add


class TestSummaries:
    @pytest.mark.parametrize(
        ("filter", "count"), [("", 4), ("metrics.acc > 0.6", 1), ("status = 'FAILED'", 1), ("name = 'nobody'", 0)]
    )
    def test_counts_what_fits(self, zoo: RunStore, filter: str, count: int) -> None:
        assert zoo.count_runs(None, filter) == count

    def test_counts_within_experiments_and_refuses_bad_filters(self, zoo: RunStore) -> None:
        other = zoo.find_experiment("other")
        assert other is not None
        assert zoo.count_runs([other.experiment_id]) == 1
        with pytest.raises(InvalidInput):
            zoo.count_runs(None, "metrics.acc >")

    def test_groups_newest_first_with_statuses(self, zoo: RunStore) -> None:
        groups = zoo.group_runs("experiment")
        assert [each["count"] for each in groups] == [3, 1]
        assert groups[0]["newest"] == T0 + 3000 and groups[0]["oldest"] == T0
        assert groups[0]["statuses"] == {"RUNNING": 1, "FINISHED": 1, "FAILED": 1}
        assert zoo.get_run(groups[0]["newest_run"]).name == "d"

    def test_groups_by_params_with_none_for_runs_without(self, zoo: RunStore) -> None:
        found = {each["key"]: each["count"] for each in zoo.group_runs("params.opt")}
        assert found["adam"] == found["sgd"] == 1
        assert found[None] >= 1

    def test_measures_groups(self, store: RunStore) -> None:
        for seed, loss in enumerate([1e9 + 1, 1e9 + 2, 1e9 + 3]):
            add(store, f"s{seed}", at=T0 + seed, params={"lr": 0.1}, metrics={"loss": loss})
        add(store, "other", at=T0 + 9, params={"lr": 0.2}, metrics={"loss": 5.0, "bad": float("nan")})
        by_rate = {each["key"]: each["metrics"]["loss"] for each in store.group_runs("params.lr", metrics=["loss"])}
        assert by_rate["0.1"] == {
            "count": 3, "mean": pytest.approx(1e9 + 2), "std": pytest.approx(1.0, rel=1e-3), "min": 1e9 + 1,
            "max": 1e9 + 3,
        }  # fmt: skip
        assert by_rate["0.2"]["count"] == 1 and by_rate["0.2"]["std"] is None
        assert "bad" not in store.group_runs("experiment", metrics=["bad"])[0]["metrics"]

    def test_refuses_what_nobody_can_group_by(self, zoo: RunStore) -> None:
        with pytest.raises(InvalidInput, match="cannot be grouped"):
            zoo.group_runs("colour")

    def test_keys_and_values_by_use(self, zoo: RunStore) -> None:
        assert [tuple(each) for each in zoo.run_keys("metrics")] == [("acc", 3), ("x", 3)]
        assert zoo.run_keys("params", limit=1)[0][1] == 3
        assert ("adam", 1) in [tuple(each) for each in zoo.run_values("params.opt")]
        with pytest.raises(InvalidInput):
            zoo.run_keys("colours")

    def test_the_last_change_is_what_listeners_have_seen(self, zoo: RunStore) -> None:
        before = zoo.last_change()
        assert zoo.changes(before) == ([], before)
        add(zoo, "e", at=T0 + 9000)
        assert zoo.last_change() > before
        assert [run.name for run in zoo.changes(before)[0]] == ["e"]
