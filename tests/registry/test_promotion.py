"""Promotion through gates, with the numbers; force; and the way back."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_nb import workspace as workspaces
from mlops_nb.entities import ModelVersion, Run, Status
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.registry import (
    PromotionRefused,
    approve,
    create_model,
    drop_alias,
    gates_of,
    history,
    promote,
    register_model,
    roll_back,
    set_gates,
    try_gates,
)
from mlops_nb.registry.checking import EVALUATES
from tests.registry.runs import make_run


def register(**run: Any) -> ModelVersion:
    return register_model(make_run(**run), "churn", user=run.get("name", "ann"))


def refused(version: int, **options: Any) -> PromotionRefused:
    before = workspaces.current().store.get_model("churn")
    with pytest.raises(PromotionRefused) as caught:
        promote("churn", version, **options)
    after = workspaces.current().store.get_model("churn")
    assert after == before, "a refused promotion moves nothing"
    return caught.value


def last() -> tuple[str, int | None, str, bool]:
    change = history("churn").changes[-1]
    return change.action, change.version, change.subject, change.by.forced


class TestPromotion:
    def test_an_alias_a_stage_or_both(self) -> None:
        register()
        register()
        assert promote("churn", 1, "champion", comment="first").aliases == ("champion",)
        assert promote("churn", "@champion", stage="staging").stage == "Staging"
        both = promote("churn", "2", alias="champion", stage="Staging", archive=True)
        assert (both.aliases, both.stage) == (("champion",), "Staging")
        assert workspaces.current().store.get_version("churn", 1).stage == "Archived"
        assert promote("churn", "latest", stage="None").version == 2

    def test_what_makes_no_sense_is_refused(self) -> None:
        register()
        wrong: list[tuple[dict[str, Any], type[Exception]]] = [
            ({}, InvalidInput),
            ({"alias": "v3"}, InvalidInput),
            ({"stage": "Prod"}, InvalidInput),
            ({"alias": "champion", "force": True}, InvalidInput),
            ({"alias": "champion", "stage": "Prod"}, InvalidInput),
        ]
        for options, error in wrong:
            with pytest.raises(error):
                promote("churn", 1, **options)
        with pytest.raises(NotFound):
            promote("churn", 2, alias="champion")
        assert last()[0] == "register"


class TestGates:
    def test_a_metric_must_keep_its_limits(self) -> None:
        for value in (0.7, 0.9, float("nan")):
            register(metrics={"auc": value})
        register()
        set_gates("churn", "@champion", [{"check": "metric", "metric": "auc", "min": 0.8, "max": 0.95}])
        assert "auc is 0.7, less than 0.8" in str(refused(1, alias="champion"))
        assert last() == ("refuse", 1, "@champion", False)
        assert "auc is nan" in str(refused(3, alias="champion"))
        assert "auc was not measured" in str(refused(4, alias="champion"))
        assert promote("churn", 2, alias="champion").version == 2
        assert promote("churn", 1, alias="other").version == 1, "another alias has no gate"
        found = history("churn").changes[-2].by.detail["checks"]["@champion"][0]
        assert (found["value"], found["min"], found["passed"]) == (0.9, 0.8, True)

    def test_force_overrides_and_is_in_the_audit(self) -> None:
        tried = register(metrics={"auc": 0.7})
        set_gates("churn", "Production", [{"check": "metric", "metric": "auc", "min": 0.8}])
        assert [each.passed for each in try_gates(tried, ["Production", "@free"])["Production"]] == [False]
        refused(1, stage="production")
        with pytest.raises(InvalidInput, match="comment"):
            promote("churn", 1, stage="production", force=True, comment=" ")
        promote("churn", 1, stage="production", force=True, comment="it burns")
        change = history("churn").changes[-1]
        assert (change.by.forced, change.by.why) == (True, "it burns")
        assert change.by.detail["checks"]["Production"][0]["value"] == 0.7
        promote("churn", 1, stage="Staging", force=True, comment="no gate there")
        assert not history("churn").changes[-1].by.forced, "nothing was overridden"

    def test_better_than_the_champion_on_the_same_data(self) -> None:
        register(metrics={"auc": 0.80}, data="x")
        register(metrics={"auc": 0.805}, data="x")
        register(metrics={"auc": 0.90}, data="y")
        register(metrics={"auc": 0.85}, data="x")
        set_gates("churn", "@champion", [{"check": "better", "metric": "auc", "by": 0.02}])
        assert promote("churn", 1, alias="champion").version == 1, "the first one has nobody to beat"
        assert "auc is 0.805, version 1 (@champion) has 0.8, and at least 0.02 more" in str(
            refused(2, alias="champion")
        )
        assert "not measured on the same data" in str(refused(3, alias="champion"))
        assert promote("churn", 4, alias="champion").version == 4
        assert promote("churn", 4, alias="champion").version == 4, "it need not beat itself"
        set_gates("churn", "@champion", [{"check": "better", "metric": "auc", "same_data": False}])
        assert promote("churn", 3, alias="champion").version == 3

    def test_less_may_be_better_and_equal_is_not(self) -> None:
        for loss in (0.5, 0.5, 0.4):
            register(metrics={"loss": loss}, data="x")
        promote("churn", 1, stage="Production")
        set_gates("churn", "@next", [{"check": "better", "metric": "loss", "mode": "min", "than": "Production"}])
        assert "loss is 0.5, version 1 (Production) has 0.5 already" in str(refused(2, alias="next"))
        assert promote("churn", 3, alias="next").version == 3

    def test_an_evaluation_counts_for_its_version(self) -> None:
        register(data="x", metrics={"auc": 0.8})
        two = register(data="y", name="other")
        set_gates("churn", "@champion", [{"check": "better", "metric": "auc", "than": "@old"}])
        promote("churn", 1, alias="old")
        assert "auc of version 2 was not measured" in str(refused(2, alias="champion"))
        make_run("evaluation", metrics={"auc": 0.9}, data="x", tags={EVALUATES: two.digest}, model=None)
        assert promote("churn", 2, alias="champion").version == two.version
        make_run("evaluation", metrics={"auc": 0.95}, data="x", tags={EVALUATES: "models:/churn/1"}, model=None)
        assert "has 0.95" in str(refused(2, alias="champion"))

    def test_the_run_must_have_been_reproduced(self) -> None:
        for verdict in (None, "diverged", "identical"):
            register(tags={} if verdict is None else {"mlops_nb.verdict": verdict})
        set_gates("churn", "@champion", [{"check": "verdict"}])
        assert "was not reproduced yet (mlops-nb reproduce" in str(refused(1, alias="champion"))
        assert "the verdict is diverged" in str(refused(2, alias="champion"))
        assert promote("churn", 3, alias="champion").version == 3

    def test_somebody_has_to_approve(self) -> None:
        register(name="ann")
        set_gates("churn", "@champion", [{"check": "approver", "users": ["bob", "eve"]}])
        assert "one of bob, eve has to approve" in str(refused(1, alias="champion", user="ann"))
        approve("churn/1", user="dan")
        refused(1, alias="champion", user="ann")
        approve("churn/1", user="eve", comment="looked at it")
        assert promote("churn", 1, alias="champion", user="ann").version == 1
        set_gates("churn", "@champion", [{"check": "approver", "other_than_author": True}])
        register(name="ann")
        assert "somebody else than ann" in str(refused(2, alias="champion", user="ann"))
        assert promote("churn", 2, alias="champion", user="dan").version == 2

    def test_a_notebook_is_executed_on_the_candidate(self) -> None:
        register(metrics={"auc": 0.9})
        calls: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        results: dict[str, Any] = {"status": Status.FINISHED, "metrics": {"fairness": 0.7}}

        def execute(path: str, params: dict[str, Any], tags: dict[str, str]) -> Run:
            calls.append((path, params, tags))
            return Run("r", "n", "0", "e", results["status"], 0, metrics=results["metrics"])

        check = {"check": "notebook", "path": "eval.ipynb", "params": {"n": 3}, "metric": "fairness", "min": 0.8}
        set_gates("churn", "@champion", [check, {"check": "metric", "metric": "auc", "min": 0.95}])
        assert "eval.ipynb was not executed, since others failed" in str(refused(1, alias="champion", execute=execute))
        assert calls == []
        set_gates("churn", "@champion", [check])
        assert "cannot be executed from here" in str(refused(1, alias="champion"))
        assert "fairness of the notebook eval.ipynb is 0.7, less than 0.8" in str(
            refused(1, alias="champion", execute=execute)
        )
        uri = "models:/churn/1"
        assert calls == [("eval.ipynb", {"n": 3, "model_uri": uri}, {EVALUATES: uri})]
        results["metrics"] = {}
        assert "gave no fairness" in str(refused(1, alias="champion", execute=execute))
        results |= {"metrics": {"fairness": 0.9}, "status": Status.FAILED}
        assert "eval.ipynb failed" in str(refused(1, alias="champion", execute=execute))
        results["status"] = Status.FINISHED
        assert promote("churn", 1, alias="champion", execute=execute).version == 1

    def test_every_check_is_told_at_once(self) -> None:
        register(metrics={"auc": 0.7})
        set_gates("churn", "@a", [{"check": "metric", "metric": "auc", "min": 0.8}, {"check": "verdict"}])
        set_gates("churn", "Production", [{"check": "metric", "metric": "auc", "max": 0.1}])
        error = refused(1, alias="a", stage="Production")
        assert [check.passed for check in error.checks] == [False, False, False]
        assert set_gates("churn", "@a", []) == []
        assert list(gates_of(workspaces.current().store.get_model("churn"))) == ["Production"]

    @pytest.mark.parametrize(
        "check",
        [
            None, "metric", {}, {"check": "nothing"}, {"check": "metric"}, {"check": "metric", "metric": "auc"},
            {"check": "metric", "metric": "", "min": 1}, {"check": "metric", "metric": "auc", "min": "1"},
            {"check": "metric", "metric": "auc", "min": True},
            {"check": "metric", "metric": "auc", "min": float("nan")},
            {"check": "metric", "metric": "auc", "min": 2, "max": 1}, {"check": "metric", "metric": "auc", "mini": 1},
            {"check": "better", "metric": "auc", "by": -1}, {"check": "better", "metric": "auc", "mode": "up"},
            {"check": "better", "metric": "auc", "than": "Prod"}, {"check": "better", "metric": "auc", "than": "@v1"},
            {"check": "verdict", "accept": ["fine"]}, {"check": "notebook"},
            {"check": "notebook", "path": "../x.ipynb"},
            {"check": "notebook", "path": "x.ipynb", "min": 1}, {"check": "approver", "users": [1]},
        ],
        ids=str,
    )  # fmt: skip
    def test_a_check_that_makes_no_sense_is_refused(self, check: Any) -> None:
        create_model("churn")
        with pytest.raises(InvalidInput, match="Check 2"):
            set_gates("churn", "@champion", [{"check": "verdict"}, check])
        assert workspaces.current().store.get_model("churn").rules == {}

    def test_a_gate_guards_an_alias_or_a_stage_of_a_model(self) -> None:
        create_model("churn")
        for target in ("champion", "@v1", "Prod", 3):
            with pytest.raises(InvalidInput):
                set_gates("churn", target, [{"check": "verdict"}])  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            set_gates("nothing", "@champion", [{"check": "verdict"}])
        with pytest.raises(InvalidInput, match="51 checks"):
            set_gates("churn", "@champion", [{"check": "verdict"}] * 51)


class TestRollingBack:
    def test_an_alias_goes_back_step_by_step(self) -> None:
        for number in (1, 2, 3):
            register()
            promote("churn", number, alias="champion")
        assert roll_back("churn", "champion", comment="3 is worse").version == 2
        assert last() == ("roll_back_alias", 2, "champion", False)
        assert roll_back("churn", "@champion").version == 1
        with pytest.raises(NotFound, match="No version of 'churn' was @champion before"):
            roll_back("churn", "champion")
        promote("churn", 3, alias="champion")
        assert roll_back("churn", "champion").version == 1

    def test_a_stage_goes_back_and_what_stood_there_is_archived(self) -> None:
        for number in (1, 2):
            register()
            promote("churn", number, stage="Production", archive=True)
        assert roll_back("churn", "production").version == 1
        stages = {v.version: v.stage for v in history("churn").versions}
        assert stages == {1: "Production", 2: "Archived"}
        with pytest.raises(NotFound):
            roll_back("churn", "Production")

    def test_deleted_versions_are_passed_over_and_a_dropped_alias_comes_back(self) -> None:
        for number in (1, 2, 3):
            register()
            promote("churn", number, alias="champion")
        workspaces.current().store.delete_version("churn", 2)
        assert roll_back("churn", "champion").version == 1
        drop_alias("churn", "champion")
        assert roll_back("churn", "champion").version == 1

    def test_no_gate_stands_in_the_way_back(self) -> None:
        for number in (1, 2):
            register(metrics={"auc": 0.1 * number})
            promote("churn", number, alias="champion")
        set_gates("churn", "@champion", [{"check": "metric", "metric": "auc", "min": 0.15}])
        assert roll_back("churn", "champion").version == 1

    def test_what_is_neither_alias_nor_stage_is_named(self) -> None:
        register()
        promote("churn", 1, alias="champion")
        with pytest.raises(NotFound, match=r"'chmpion' is neither .* @champion"):
            roll_back("churn", "chmpion")
        with pytest.raises(NotFound, match="nothing"):
            roll_back("nothing", "champion")
