"""What every store of MLflow's logged models must do, whatever it is built on."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mlops_nb.entities import Artifact
from mlops_nb.errors import AlreadyExists, InvalidInput, NotFound
from mlops_nb.store import LoggedModelStore, LoggedOrder, Store
from mlops_nb.wire.logged import LoggedModel, LoggedPoint

__all__ = ["TestLoggedModels", "shelf"]

FIRST = LoggedModel(
    "m-1", "0", "first", "sklearn", "r1", creation_time=10, last_update_time=10, params={"lr": "0.1"}, tags={"a": "b"}
)


def names(store: LoggedModelStore, filter: str = "", **more: object) -> list[str]:
    return [each.name for each in store.search_logged_models(["0"], filter, **more).items]  # type: ignore[arg-type]


@pytest.fixture
def shelf(store: Store) -> Store:
    """Three logged models, the second with the best accuracy on the test data."""
    store.create_logged_model(FIRST)
    store.create_logged_model(LoggedModel("m-2", "0", "second", creation_time=20))
    store.create_logged_model(LoggedModel("m-3", "0", "third", creation_time=30))
    store.create_logged_model(LoggedModel("m-4", "other", "elsewhere", creation_time=40))
    store.log_model_points(
        {
            "m-1": [
                LoggedPoint("acc", 0.5, 1, 0, "r1", "train", "d1"),
                LoggedPoint("acc", 0.9, 2, 1, "r1", "test", "d2"),
            ],
            "m-2": [LoggedPoint("acc", 0.95, 1, 0, "r1", "test", "d2")],
        }
    )
    return store


class TestLoggedModels:
    def test_made_changed_and_deleted(self, store: Store) -> None:
        assert store.create_logged_model(FIRST) == FIRST
        assert store.get_logged_model("m-1") == FIRST
        with pytest.raises(AlreadyExists):
            store.create_logged_model(replace(FIRST, name="again"))
        changed = store.update_logged_model("m-1", status="READY", params={"x": "1"}, tags={"a": None, "c": "d"})
        assert (changed.status, changed.params, changed.tags) == ("READY", {"lr": "0.1", "x": "1"}, {"c": "d"})
        assert changed.last_update_time > 10
        assert store.get_logged_model("m-1") == changed
        store.update_logged_model("m-1", lifecycle_stage="deleted")
        with pytest.raises(NotFound, match="m-1"):
            store.get_logged_model("m-1")
        assert store.get_logged_model("m-1", deleted=True).lifecycle_stage == "deleted"
        assert names(store) == []
        with pytest.raises(NotFound):
            store.get_logged_model("nothing")
        with pytest.raises(NotFound):
            store.update_logged_model("nothing", status="READY")
        with pytest.raises(InvalidInput):
            store.create_logged_model(replace(FIRST, model_id="m-9", tags={"": "x"}))

    def test_a_point_is_kept_once_and_to_the_bit(self, store: Store) -> None:
        store.create_logged_model(FIRST)
        points = [LoggedPoint("acc", each, 1) for each in (0.1, math.inf, -0.0)]
        store.log_model_points({"m-1": [*points, points[0]]})
        store.log_model_points({"m-1": [points[1], LoggedPoint("acc", math.nan, 2)]})
        found = store.get_logged_model("m-1").points
        assert list(found[:3]) == points
        assert math.copysign(1, found[2].value) == -1
        assert len(found) == 4
        assert math.isnan(found[3].value)
        with pytest.raises(NotFound):
            store.log_model_points({"nothing": points})

    def test_files(self, store: Store) -> None:
        store.create_logged_model(FIRST)
        one, two = Artifact("MLmodel", "sha256:1", 1), Artifact("a/b", "sha256:2", 2)
        store.keep_logged_files("m-1", [two, one])
        assert store.logged_model_files("m-1") == [one, two]
        assert {"sha256:1", "sha256:2"} <= store.digests()
        store.keep_logged_files("m-1", [Artifact("a/b", "", 0)])
        assert store.logged_model_files("m-1") == [one]
        with pytest.raises(NotFound):
            store.logged_model_files("nothing")
        with pytest.raises(NotFound):
            store.keep_logged_files("nothing", [one])

    @pytest.mark.parametrize(
        ("filter", "expected"),
        [
            ("", ["third", "second", "first"]),
            ("name = 'first'", ["first"]),
            ("name LIKE '%ir%'", ["third", "first"]),
            ("metrics.acc > 0.8", ["second", "first"]),
            ("metrics.acc < 0.6", ["first"]),
            ("params.lr = '0.1' and tags.a = 'b'", ["first"]),
            ("source_run_id = 'r1'", ["first"]),
            ("model_id IN ('m-2', 'm-3')", ["third", "second"]),
            ("creation_timestamp > 15", ["third", "second"]),
            ("metrics.none > 0", []),
        ],
    )
    def test_finds(self, shelf: Store, filter: str, expected: list[str]) -> None:
        assert names(shelf, filter) == expected

    def test_on_a_dataset(self, shelf: Store) -> None:
        assert names(shelf, "metrics.acc > 0.4", datasets=[("train", "")]) == ["first"]
        assert names(shelf, "metrics.acc > 0.6", datasets=[("train", "d1")]) == []
        assert names(shelf, datasets=[("test", "d2")]) == ["second", "first"]
        assert names(shelf, datasets=[("test", "d3")]) == []

    def test_order_and_pages(self, shelf: Store) -> None:
        assert names(shelf, order_by=[LoggedOrder("metrics.acc", False)]) == ["second", "first", "third"]
        assert names(shelf, order_by=[LoggedOrder("metrics.acc")]) == ["first", "second", "third"]
        on_train = [LoggedOrder("metrics.acc", True, "train")]
        assert names(shelf, order_by=on_train) == ["first", "third", "second"]
        assert names(shelf, order_by=[LoggedOrder("name")]) == ["first", "second", "third"]
        seen, token = [], None
        for _ in range(3):
            page = shelf.search_logged_models(["0"], limit=1, page_token=token)
            seen += [each.name for each in page.items]
            token = page.next_token
        assert (seen, token) == (["third", "second", "first"], None)
        token = shelf.search_logged_models(["0"], limit=1).next_token
        with pytest.raises(InvalidInput, match="another search"):
            shelf.search_logged_models(["0"], "name = 'a'", page_token=token)
        for bad in ("params.lr", "nothing"):
            with pytest.raises(InvalidInput, match="order by"):
                names(shelf, order_by=[LoggedOrder(bad)])
        with pytest.raises(InvalidInput):
            names(shelf, "colour = 'red'")
