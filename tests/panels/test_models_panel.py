"""The panel of models as its front end talks to it: what it shows, what it does, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlops_nb import workspace as workspaces
from mlops_nb.panels.models_panel import ModelsPanel
from mlops_nb.registry import describe, history, promote, register_model, set_gates
from mlops_nb.registry.checking import EVALUATES
from tests.panels.fakes import HARM
from tests.registry.runs import make_run


class Listened(ModelsPanel):
    """A panel that remembers what it says."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        super().__init__(workspaces.current(), None)

    def reply(self, message: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self.said.append(json.loads(json.dumps(message, allow_nan=True)))

    def ask(self, **message: Any) -> dict[str, dict[str, Any]]:
        """What is said to a message, by type."""
        self.said.clear()
        self._receive(self, message, [])
        return {each["type"]: each for each in self.said}


@pytest.fixture
def panel() -> Listened:
    for number in range(1, 4):
        run = make_run(f"fit {number}", metrics={"auc": number / 4}, data="x", content=f"flavors: {{v: {number}}}")
        register_model(run, "churn", user="ann")
    promote("churn", 1, "champion", "Production", comment="first")
    return Listened()


def test_the_list_and_a_model(panel: Listened) -> None:
    (listed,) = panel.ask(type="list", search="")["list"]["models"]
    assert (listed["name"], listed["versions"], listed["places"]) == ("churn", 3, ["@champion", "Production"])
    assert panel.ask(type="list", search="nothing'")["list"]["models"] == []
    record = panel.ask(type="model", name="churn")["model"]["record"]
    assert [metric["key"] for metric in record["metrics"]] == ["auc"]
    newest = record["versions"][0]
    assert (newest["version"], newest["run"], newest["metrics"], newest["user"]) == (3, "fit 3", [0.75], "ann")
    assert record["places"][0] == {"target": "@champion", "versions": [1], "back": None}
    assert record["stages"][:2] == ["None", "Staging"]
    assert [change["what"] for change in record["history"]][:2] == [
        "version 1: None → Production",
        "@champion: version 1",
    ]
    make_run("holdout", metrics={"fairness": 0.9}, model=None, tags={EVALUATES: "models:/churn/2"})
    workspaces.current().flush()
    record = panel.ask(type="model", name="churn")["model"]["record"]
    assert record["versions"][1]["metrics"] == [0.5, 0.9], "an evaluation's metrics stand beside the run's"


def test_promoted_refused_forced_and_rolled_back(panel: Listened) -> None:
    set_gates("churn", "@champion", [{"check": "metric", "metric": "auc", "min": 0.6}, {"check": "verdict"}])
    order = {"type": "promote", "name": "churn", "version": 2, "alias": "champion", "stage": "", "comment": ""}
    refused = panel.ask(**order)["refused"]
    assert [check["passed"] for check in refused["checks"]] == [False, False]
    assert "auc is 0.5, less than 0.6" in refused["checks"][0]["text"]
    assert "comment" in panel.ask(**order, force=True)["failed"]["message"]
    done = panel.ask(**{**order, "comment": "urgent"}, force=True)
    assert done["done"]["words"] == "Version 2 is @champion now."
    assert done["done"]["record"]["places"][0] == {"target": "@champion", "versions": [2], "back": 1}
    assert history("churn").changes[-1].by.forced
    back = panel.ask(type="roll_back", name="churn", target="@champion", comment="oops")
    assert back["done"]["words"] == "@champion is version 1 again."


def test_everything_else_that_can_be_done(panel: Listened) -> None:
    space = workspaces.current()
    panel.ask(type="describe", name="churn", text="who leaves")
    panel.ask(type="describe", name="churn", version=2, text="the second")
    panel.ask(type="tag", name="churn", key="team", value="risk")
    panel.ask(type="tag", name="churn", version=2, key="a", value="b")
    panel.ask(type="tag", name="churn", version=2, key="a", value=None)
    assert (space.store.get_model("churn").description, space.store.get_model("churn").tags) == (
        "who leaves",
        {"team": "risk"},
    )
    assert (space.store.get_version("churn", 2).description, space.store.get_version("churn", 2).tags) == (
        "the second",
        {},
    )
    assert "approved version 2" in panel.ask(type="approve", name="churn", version=2)["done"]["words"]
    panel.ask(type="gates", name="churn", target="production", checks=[{"check": "verdict"}])
    record = panel.ask(type="model", name="churn")["model"]["record"]
    assert record["gates"][0]["words"] == ["the run was reproduced: identical or equivalent"]
    assert "in use" in panel.ask(type="delete", name="churn", version=1)["failed"]["message"]
    assert panel.ask(type="delete", name="churn", version=3)["done"]["words"] == "Version 3 is deleted."
    panel.ask(type="drop_alias", name="churn", alias="champion")
    assert space.store.get_model("churn").aliases == {}


def test_a_run_s_model_is_offered_and_registered(panel: Listened) -> None:
    run = make_run("new one", metrics={"auc": 0.9}, model="best/model")
    offer = panel.ask(type="offers")["offers"]["offers"][0]
    assert (offer["uri"], offer["run"], offer["note"]) == (f"runs:/{run}/best/model", "new one", "auc 0.9")
    done = panel.ask(type="register", uri=offer["uri"], name="leavers", comment="")
    assert done["done"]["words"] == "Version 1 of leavers is registered."
    assert done["done"]["record"]["name"] == "leavers"


def test_lineage_and_card(panel: Listened) -> None:
    assert "<svg" in panel.ask(type="lineage", name="churn", version=1)["lineage"]["html"] or "data:image" in str(
        panel.said
    )
    assert panel.ask(type="card", name="churn", version=1)["card"]["html"].startswith("<!doctype html>")


@pytest.mark.parametrize(
    "message",
    [
        {}, {"type": "nothing"}, {"type": "model"}, {"type": "model", "name": "nothing"},
        {"type": "promote", "name": "churn"},
        {"type": "promote", "name": "churn", "version": "x", "alias": "a"}, {"type": "describe", "name": "churn"},
        {"type": "gates", "name": "churn", "target": "@a", "checks": [1]}, {"type": "compare", "run_ids": ["x", "y"]},
        {"type": "register", "uri": "../..", "name": "x"}, {"type": "tag", "name": "churn", "key": "", "value": "x"},
        {"type": "roll_back", "name": "churn", "target": "@champion"}, {"type": "card", "name": "churn", "version": 99},
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_is_said_in_the_panel(panel: Listened, message: dict[str, Any]) -> None:
    before = workspaces.current().store.model_changes("churn")
    answer = panel.ask(**message)
    assert set(answer) <= {"failed"}
    assert workspaces.current().store.model_changes("churn") == before


def test_names_that_mean_harm_are_only_text(panel: Listened) -> None:
    for number, text in enumerate(HARM):
        if "\0" not in text and "\ud800" not in text:
            describe("churn/1", text)
            describe("churn", text)
            panel.ask(type="tag", name="churn", key=f"k{number}", value=text)
    record = panel.ask(type="model", name="churn")["model"]["record"]
    shown = json.dumps(record, ensure_ascii=False)
    assert "\u202e" not in shown and "\x1b" not in shown
    static = panel.static_bundle()
    assert "<script" not in static["text/html"] and "\x1b" not in static["text/plain"]


def test_the_panel_is_one_script_without_a_network() -> None:
    text = ModelsPanel._esm if isinstance(ModelsPanel._esm, str) else Path(str(ModelsPanel._esm)).read_text()
    assert "export default" in text and "ModelsView" in text
    for forbidden in ("http://", "https://", "fetch(", "eval("):
        assert forbidden not in text.replace("http://www.w3.org/2000/svg", "")
