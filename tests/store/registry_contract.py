"""What every registry of models must do, whatever it is built on.

A backend's test module makes a fixture ``store`` (an open, empty store) and imports the classes that it is to pass::

    from tests.store.registry_contract import *  # noqa: F403
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mlops_nb.entities import Artifact, ModelVersion, Signed
from mlops_nb.errors import AlreadyExists, InvalidInput, NotFound
from mlops_nb.store import RegistryStore

__all__ = ["TestAudit", "TestModels", "TestMoves", "TestSearch", "TestSettings", "TestVersions"]

ANN = Signed("ann", "because")
FILES = [Artifact("MLmodel", "sha256:" + "a" * 64, 120), Artifact("weights/ö.bin", "sha256:" + "b" * 64, 7)]


def add(store: RegistryStore, name: str = "churn", **more: Any) -> ModelVersion:
    more.setdefault("source", "runs:/1/model")
    return store.create_version(name, make_model=True, **more)


def actions(store: RegistryStore, name: str = "churn") -> list[tuple[str, int | None, str, str, str]]:
    return [(c.action, c.version, c.subject, c.old, c.new) for c in store.model_changes(name)]


class TestModels:
    def test_a_model_is_read_as_it_was_made(self, store: RegistryStore) -> None:
        made = store.create_model("förköp 🎉", description="who\nleaves", tags={"team": "risk"}, by=ANN)
        assert made == store.get_model("förköp 🎉")
        assert (made.description, made.tags, made.aliases, made.rules) == ("who\nleaves", {"team": "risk"}, {}, {})
        assert (made.versions, made.latest, made.user) == (0, 0, "ann")
        assert made.creation_time == made.last_update_time > 0

    def test_a_name_is_taken_once(self, store: RegistryStore) -> None:
        store.create_model("churn")
        with pytest.raises(AlreadyExists, match="churn"):
            store.create_model("churn")
        with pytest.raises(InvalidInput):
            store.create_model(" ")
        assert len(store.search_models().items) == 1

    def test_what_is_changed_changes_and_the_rest_stays(self, store: RegistryStore) -> None:
        store.create_model("churn", description="a", tags={"x": "1", "y": "2"})
        changed = store.update_model("churn", tags={"x": None, "z": "3"}, rules={"gates": []}, by=ANN)
        assert (changed.description, changed.tags, changed.rules) == ("a", {"y": "2", "z": "3"}, {"gates": []})
        assert store.update_model("churn", description="b").description == "b"
        assert store.get_model("churn").tags == {"y": "2", "z": "3"}

    def test_a_renamed_model_keeps_everything(self, store: RegistryStore) -> None:
        add(store, files=FILES)
        store.move_version("churn", 1, alias="champion")
        renamed = store.update_model("churn", new_name="leavers")
        assert renamed.aliases == {"champion": 1}
        assert store.get_version("leavers", 1).name == "leavers"
        assert store.version_files("leavers", 1) == FILES
        with pytest.raises(NotFound):
            store.get_model("churn")
        add(store, "other")
        with pytest.raises(AlreadyExists):
            store.update_model("leavers", new_name="other")
        assert "rename" in [action for action, *_ in actions(store, "leavers")]

    def test_a_deleted_model_is_gone_but_not_its_audit(self, store: RegistryStore) -> None:
        add(store, tags={"a": "b"}, files=FILES)
        store.delete_model("churn", by=ANN)
        for call in (store.get_model, store.delete_model):
            with pytest.raises(NotFound, match="churn"):
                call("churn")
        with pytest.raises(NotFound):
            store.get_version("churn", 1)
        assert store.search_versions().items == []
        last = store.model_changes("churn")[-1]
        assert (last.action, last.by.user, last.by.why) == ("delete_model", "ann", "because")
        assert add(store).version == 1, "a new model of the name begins anew"
        assert [action for action, *_ in actions(store)] == ["create_model", "register"]


class TestVersions:
    def test_a_version_is_read_as_it_was_registered(self, store: RegistryStore) -> None:
        made = add(
            store, run_id="r1", path="model", digest="sha256:ff", files=FILES, description="first", tags={"k": "v"},
            run_link="http://x/r1", logged_model="m-1", by=ANN,
        )  # fmt: skip
        assert made == ModelVersion(
            "churn", 1, "r1", "runs:/1/model", "model", "sha256:ff", 127, "first", {"k": "v"}, (), "None", "READY",
            "ann", made.creation_time, made.last_update_time, "http://x/r1", "m-1",
        )  # fmt: skip
        assert store.get_version("churn", 1) == made
        assert store.version_files("churn", 1) == FILES and store.version_files("churn", 1, "notes") == []
        assert (store.get_model("churn").versions, store.get_model("churn").latest) == (1, 1)

    def test_a_model_must_be_there_unless_it_may_be_made(self, store: RegistryStore) -> None:
        with pytest.raises(NotFound, match="churn"):
            store.create_version("churn", source="x")
        assert store.search_models().items == []

    def test_numbers_grow_and_are_not_given_twice(self, store: RegistryStore) -> None:
        assert [add(store).version for _ in range(3)] == [1, 2, 3]
        store.delete_version("churn", 3)
        assert add(store).version == 4
        assert add(store, version=9).version == 9
        assert add(store, version=3).version == 3
        assert add(store).version == 10
        with pytest.raises(AlreadyExists):
            add(store, version=9)
        for wrong in (0, -1, True, "3", 2**63):
            with pytest.raises(InvalidInput):
                add(store, version=wrong)

    def test_many_register_at_once_and_none_is_lost(self, store: RegistryStore) -> None:
        numbers: list[int] = []
        failures: list[BaseException] = []

        def register() -> None:
            try:
                for _ in range(5):
                    numbers.append(add(store, files=FILES).version)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=register) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert sorted(numbers) == list(range(1, 31))
        assert len(store.model_changes("churn")) == 31

    def test_only_what_is_said_of_it_changes(self, store: RegistryStore) -> None:
        made = add(store, digest="sha256:ff", tags={"a": "1"})
        failed = "FAILED_REGISTRATION"
        changed = store.update_version("churn", 1, description="d", tags={"a": None, "b": "2"}, status=failed)
        assert (changed.description, changed.tags, changed.status) == ("d", {"b": "2"}, failed)
        assert (changed.digest, changed.creation_time) == (made.digest, made.creation_time)
        with pytest.raises(InvalidInput, match="DONE"):
            store.update_version("churn", 1, status="DONE")
        with pytest.raises(NotFound, match="version 2"):
            store.update_version("churn", 2, description="d")

    def test_notes_are_kept_beside_the_model(self, store: RegistryStore) -> None:
        add(store, files=FILES)
        card = Artifact("card.md", "sha256:" + "c" * 64, 5)
        store.keep_notes("churn", 1, [Artifact("card.md", "sha256:" + "0" * 64, 1)])
        store.keep_notes("churn", 1, [card])
        assert store.version_files("churn", 1, "notes") == [card]
        assert store.version_files("churn", 1) == FILES

    def test_versions_of_several_models_at_once(self, store: RegistryStore) -> None:
        for name in ("a", "b", "a"):
            add(store, name)
        store.move_version("a", 1, alias="x")
        found = store.model_versions(["a", "b", "c"])
        assert {name: [v.version for v in several] for name, several in found.items()} == {"a": [2, 1], "b": [1]}
        assert found["a"][1].aliases == ("x",)

    def test_a_list_says_how_many_versions_are_where(self, store: RegistryStore) -> None:
        for _ in range(4):
            add(store)
        add(store, "other")
        store.create_model("empty")
        for version in (1, 3):
            store.move_version("churn", version, stage="Production")
        store.move_version("churn", 4, stage="Staging", alias="challenger")
        store.delete_version("churn", 4)
        churn, empty, other = store.search_models().items
        assert (churn.versions, churn.latest, churn.aliases) == (3, 3, {})
        assert churn.stages == {"None": (1, 2), "Production": (2, 3)}
        assert (empty.versions, empty.latest, empty.stages) == (0, 0, {})
        assert other.stages == {"None": (1, 1)} and store.get_model("churn") == churn
        found = store.latest_versions(["churn", "empty", "gone"])
        newest = [(version.stage, version.version) for version in found["churn"]]
        assert found["empty"] == [] and newest == [("Production", 3), ("None", 2)]
        assert found.keys() == {"churn", "empty"} and found["churn"][0] == store.get_version("churn", 3)


class TestMoves:
    def test_an_alias_names_one_version(self, store: RegistryStore) -> None:
        add(store)
        add(store)
        store.move_version("churn", 1, alias="champion", by=ANN)
        moved = store.move_version("churn", 2, alias="champion")
        assert moved is not None and moved.aliases == ("champion",)
        assert store.get_version("churn", 1).aliases == ()
        assert store.get_model("churn").aliases == {"champion": 2}
        store.move_version("churn", 2, alias="best")
        assert store.get_version("churn", 2).aliases == ("best", "champion")
        assert store.move_version("churn", None, alias="best") is None
        with pytest.raises(NotFound, match="best"):
            store.move_version("churn", None, alias="best")
        with pytest.raises(NotFound, match="version 7"):
            store.move_version("churn", 7, alias="champion")
        assert store.get_model("churn").aliases == {"champion": 2}

    def test_an_alias_goes_with_its_version(self, store: RegistryStore) -> None:
        add(store)
        store.move_version("churn", 1, alias="champion")
        store.delete_version("churn", 1)
        assert store.get_model("churn").aliases == {}
        assert actions(store)[-2:] == [("set_alias", 1, "champion", "1", ""), ("delete_version", 1, "", "None", "")]

    def test_stages_and_archiving(self, store: RegistryStore) -> None:
        for _ in range(3):
            add(store)
        store.move_version("churn", 1, stage="Production")
        store.move_version("churn", 2, stage="Production")
        store.move_version("churn", 3, stage="Production", archive=True, by=ANN)
        stages = {v.version: v.stage for v in store.model_versions(["churn"])["churn"]}
        assert stages == {1: "Archived", 2: "Archived", 3: "Production"}
        assert actions(store)[-3:] == [
            ("set_stage", 3, "stage", "None", "Production"),
            ("set_stage", 1, "stage", "Production", "Archived"),
            ("set_stage", 2, "stage", "Production", "Archived"),
        ]
        with pytest.raises(InvalidInput):
            store.move_version("churn", None, stage="Production")

    def test_alias_and_stage_move_together_or_not_at_all(self, store: RegistryStore) -> None:
        add(store)
        with pytest.raises(InvalidInput):
            store.move_version("churn", 1, alias="champion", stage="")
        assert store.get_model("churn").aliases == {}
        store.move_version("churn", 1, alias="champion", stage="Production", back=True)
        assert [action for action, *_ in actions(store)[-2:]] == ["roll_back_alias", "roll_back_stage"]


class TestAudit:
    def test_every_change_is_in_it_once(self, store: RegistryStore) -> None:
        add(store, digest="sha256:ff", run_id="r1", by=ANN)
        store.update_version("churn", 1, description="new", tags={"k": "v"}, by=ANN)
        store.update_version("churn", 1, description="new", tags={"k": "v"}, by=ANN)
        store.move_version("churn", 1, alias="champion", by=ANN)
        store.move_version("churn", 1, alias="champion", by=ANN)
        store.update_model("churn", description="about", by=ANN)
        assert actions(store) == [
            ("create_model", None, "", "", "churn"),
            ("register", 1, "", "", "sha256:ff"),
            ("describe", 1, "", "", "new"),
            ("tag", 1, "k", "", "v"),
            ("set_alias", 1, "champion", "", "1"),
            ("describe", None, "", "", "about"),
        ]
        changes = store.model_changes("churn")
        assert {change.by.user for change in changes} == {"ann"}
        assert changes[1].by.run_id == "r1"
        assert [c.seq for c in changes] == sorted({c.seq for c in changes})
        of_version = [c.action for c in store.model_changes("churn", version=1)]
        assert of_version == ["register", "describe", "tag", "set_alias"]
        assert [c.action for c in store.model_changes("churn", limit=1)] == ["describe"]
        assert store.model_changes("nothing") == []

    def test_it_keeps_who_why_and_what_was_forced(self, store: RegistryStore) -> None:
        add(store)
        found = {"checks": [{"passed": False, "value": 0.25}]}
        by = Signed("bob", "it burns 🔥", "run", True, found, 1_600_000_000_000)
        store.move_version("churn", 1, alias="champion", by=by)
        assert store.model_changes("churn")[-1].by == by
        noted = store.note_change("churn", "approve", version=1, by=ANN)
        assert store.model_changes("churn")[-1] == noted and noted.by.time > 0
        with pytest.raises(NotFound):
            store.note_change("nothing", "approve")

    def test_a_refused_call_leaves_no_trace(self, store: RegistryStore) -> None:
        add(store)
        before = store.model_changes("churn")
        with pytest.raises(InvalidInput):
            store.update_version("churn", 1, description="x", tags={"a": "\0"})
        with pytest.raises(InvalidInput):
            store.update_model("churn", description="x", rules={"a": object()})
        with pytest.raises(NotFound):
            store.delete_version("churn", 2)
        assert store.model_changes("churn") == before
        assert store.get_model("churn").description == ""


class TestSearch:
    def test_models_by_filter_and_order(self, store: RegistryStore) -> None:
        for name, team in (("Churn", "risk"), ("fraud", "risk"), ("rank_1", "search")):
            store.create_model(name, description=f"{name} of {team}", tags={"team": team})
        questions: dict[str, list[str]] = {
            "": ["Churn", "fraud", "rank_1"],
            "name = 'fraud'": ["fraud"],
            "name LIKE 'Ch%'": ["Churn"],
            "name ILIKE '%R%'": ["Churn", "fraud", "rank_1"],
            "tags.team = 'risk' and name != 'fraud'": ["Churn"],
            "tags.nothing IS NULL": ["Churn", "fraud", "rank_1"],
            "not tags.team = 'risk'": ["rank_1"],
            "'OF SEARCH'": ["rank_1"],
            "creation_time > '2020-01-01'": ["Churn", "fraud", "rank_1"],
        }
        for filter, names in questions.items():
            assert [m.name for m in store.search_models(filter).items] == names, filter
        assert [m.name for m in store.search_models(order_by=["name DESC"]).items] == ["rank_1", "fraud", "Churn"]
        for wrong in ("nam = 'x'", "name =", "metrics.acc > 1"):
            with pytest.raises(InvalidInput):
                store.search_models(wrong)
        with pytest.raises(InvalidInput, match="tags"):
            store.search_models(order_by=["tags.team"])

    def test_versions_by_filter_and_order(self, store: RegistryStore) -> None:
        for number in range(3):
            add(store, run_id=f"r{number}", source=f"runs:/r{number}/model", tags={"n": str(number)})
        add(store, "fraud", run_id="r1")
        store.move_version("churn", 1, stage="Production", by=Signed(time=2_000_000_000_000))
        questions: dict[str, set[tuple[str, int]]] = {
            "name = 'churn'": {("churn", 1), ("churn", 2), ("churn", 3)},
            "run_id = 'r1'": {("churn", 2), ("fraud", 1)},
            "run_id IN ('r0', 'r2')": {("churn", 1), ("churn", 3)},
            "version_number > 2": {("churn", 3)},
            "stage = 'Production'": {("churn", 1)},
            "source_path LIKE '%r2%'": {("churn", 3)},
            "tags.n = '1'": {("churn", 2)},
            "'fraud'": {("fraud", 1)},
        }
        for filter, wanted in questions.items():
            assert {(v.name, v.version) for v in store.search_versions(filter).items} == wanted, filter
        ordered = store.search_versions("name = 'churn'", order_by=["version_number ASC"]).items
        assert [v.version for v in ordered] == [1, 2, 3]
        newest = store.search_versions().items[0]
        assert (newest.name, newest.version) == ("churn", 1), "what was changed last stands first"

    @pytest.mark.parametrize("order", [[], ["name DESC"], ["creation_time ASC"], ["run_id DESC", "version ASC"]])
    def test_pages_join_to_the_whole(self, store: RegistryStore, order: list[str]) -> None:
        for number in range(11):
            add(store, f"m{number % 3}", run_id=None if number % 4 == 0 else f"r{number % 2}")
        whole = store.search_versions(order_by=order).items
        assert len(whole) == 11
        found: list[Any] = []
        token = None
        while True:
            page = store.search_versions(order_by=order, limit=3, page_token=token)
            found += page.items
            token = page.next_token
            if token is None:
                break
            assert len(page.items) == 3
        assert found == whole

    def test_a_page_goes_on_when_new_ones_come(self, store: RegistryStore) -> None:
        for name in "bdf":
            store.create_model(name)
        first = store.search_models(limit=2)
        for name in "ace":
            store.create_model(name)
        rest = store.search_models(limit=10, page_token=first.next_token)
        assert [m.name for m in rest.items] == ["e", "f"] and rest.next_token is None
        for token in ("x", first.next_token):
            with pytest.raises(InvalidInput, match="token"):
                store.search_models("name != 'x'", page_token=token)
        with pytest.raises(InvalidInput):
            store.search_models(limit=0)


class TestSettings:
    def test_a_setting_is_kept_and_taken_away(self, store: RegistryStore) -> None:
        assert store.get_setting("stages") is None
        store.set_setting("stages", ["Shadow", "Canary ü"], by=ANN)
        assert store.get_setting("stages") == ["Shadow", "Canary ü"]
        store.set_setting("stages", None)
        assert store.get_setting("stages") is None
        with pytest.raises(InvalidInput):
            store.set_setting("x", object())
