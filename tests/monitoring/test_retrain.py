"""Retraining: what made the champion again, the challenger beside it, gates, promotion, and the loop's links."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

import mlops_nb
from mlops_nb import workspace
from mlops_nb.cli import main
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.monitoring import Report, Retraining, Watch, retrain
from mlops_nb.registry import history, model_lineage, resolve, set_gates
from mlops_nb.serving import log_folder
from tests.monitoring.served import people, register, serve

TRAIN = """
%%track churn -n fit --model
import numpy as np, pandas as pd
from sklearn.tree import DecisionTreeClassifier
frame = pd.read_csv(data)
X_train = frame[["age", "income"]]
tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X_train, frame["left"])
accuracy = tree.score(X_train, frame["left"])
"""


def train_in_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    """A notebook that trains a tree on a file, executed, its model registered as the champion."""
    people(1500).to_csv("train.csv", index=False)
    book = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell('data = "train.csv"\ndepth = 3', metadata={"tags": ["parameters"]})
    book.cells = [parameters, nbformat.v4.new_code_cell("%load_ext mlops_nb"), nbformat.v4.new_code_cell(TRAIN.strip())]
    nbformat.write(book, "train.ipynb")
    assert main(["run", "train.ipynb"]) == 0
    assert main(["register", "fit", "churn", "--path", "tree"]) == 0
    assert main(["promote", "churn/1", "--alias", "champion"]) == 0
    capsys.readouterr()


@pytest.mark.slow
def test_the_loop_from_drift_to_a_new_champion(capsys: pytest.CaptureFixture[str]) -> None:
    train_in_a_notebook(capsys)
    changed = people(1200, seed=4, older=12)
    changed["left"] = (changed["income"] > 22_000).astype(int)  # what leaving depends on is another thing now
    model = mlops_nb.load_model("models:/churn@champion")
    asked = changed[["age", "income"]]
    serve(asked, model.predict(asked).tolist(), truth=changed["left"].tolist())
    assert main(["monitor", "models:/churn@champion", "--json"]) == 1
    drift = json.loads(capsys.readouterr().out)
    assert "age" in drift["drifted"] and drift["performance"]["metrics"]["accuracy_score"] < 0.8

    assert main(["retrain", "churn", "-p", "data=@log"]) == 2
    assert "--target COLUMN" in capsys.readouterr().err
    assert main(["retrain", "churn", "-p", "data=@log", "--target", "left", "--promote", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["champion"], made["challenger"], made["passed"], made["promoted"]) == (1, 2, True, True)
    assert made["holdout"]["rows"] == 300 and made["holdout"]["target"] == "left"
    assert made["metrics"]["challenger"]["accuracy_score"] > made["metrics"]["champion"]["accuracy_score"] + 0.1
    assert resolve("models:/churn@champion").version == 2 and resolve("models:/churn@challenger").version == 2
    assert made["drift_run"] == drift["run_id"]
    assert [change.action for change in history("churn").changes][-5:] == [
        "monitor", "register", "retrain", "set_alias", "set_alias"
    ]  # fmt: skip
    graph = model_lineage("churn/1")
    steps = {(edge.mode, graph.nodes[edge.target].kind) for edge in graph.edges}
    assert {("served", "service"), ("monitored", "run"), ("retrained", "run"), ("registered", "version")} <= steps
    assert "models:/churn/2" in graph.nodes
    assert not [node for node in graph.nodes.values() if node.label.endswith(("MLmodel", ".html"))], "one picture"
    assert "models:/churn/1" in model_lineage("churn/2").nodes, "and back"


@pytest.mark.nightly
def test_a_worse_challenger_stays_one_and_what_fails_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    train_in_a_notebook(capsys)
    old = ["--holdout", "train.csv", "--target", "left"]
    assert main(["retrain", "churn", "-p", "depth=1", *old, "--promote", "--json"]) == 1
    worse = json.loads(capsys.readouterr().out)
    assert worse["challenger"] == 2 and not worse["promoted"] and resolve("models:/churn@champion").version == 1
    assert main(["retrain", "churn", "-p", "data=nothing.csv"]) == 3
    assert "not retrained" in capsys.readouterr().out
    assert main(["retrain", "churn", "-p", "widht=1"]) == 2
    assert "widht" in capsys.readouterr().err


def fit_again(limit: float) -> Any:
    """What executes the run again, in this process: the same model with another limit."""

    def again(run: Any, params: dict[str, Any], tags: dict[str, str]) -> Any:
        version = register("spare", limit=limit, alias=None)
        return workspace.current().store.get_run(version.run_id)

    return again


def test_gates_decide_and_a_refusal_changes_nothing() -> None:
    register(limit=60.0)
    set_gates("churn", "@champion", [{"check": "metric", "metric": "accuracy_score", "min": 0.99}])
    people(400, seed=9).to_csv("held.csv", index=False)
    made = retrain("churn", again=fit_again(45.0), holdout="held.csv", promote_it=True)
    assert not made.passed and not made.promoted and "less than 0.99" in made.reason
    assert made.difference["low"] > 0 and resolve("models:/churn@champion").version == 1
    set_gates("churn", "@champion", [{"check": "better", "metric": "accuracy_score"}])
    assert retrain("churn", again=fit_again(46.0), holdout="held.csv", promote_it=True).promoted
    assert resolve("models:/churn@champion").version == 3


def test_what_cannot_be_retrained_says_why() -> None:
    with pytest.raises(NotFound, match="no registered model"):
        retrain("churn", again=fit_again(1.0))
    register()
    Path("odd.csv").write_text("age,income\n1,2\n")
    with pytest.raises(InvalidInput, match=r"Which column of odd\.csv is the truth"):
        retrain("churn", again=fit_again(1.0), holdout="odd.csv")
    with pytest.raises(InvalidState, match="The truth of 0 answers is known"):
        retrain("churn", {"data": "@log"}, again=fit_again(1.0), target="left")
    assert main(["retrain", "churn"]) == 2, "it was made by no notebook"
    assert resolve("models:/churn@champion").version == 1
    assert not log_folder("churn", workspace.current().root).exists()
    undecided = retrain("churn", again=fit_again(50.0))
    assert not undecided.passed and "nothing says that it is better" in undecided.reason


class Loop:
    """A service without a clock: what each look finds, and what was waited."""

    def __init__(self, *verdicts: Any) -> None:
        self.verdicts, self.since, self.waited, self.lines = list(verdicts), [], [], []
        self.seconds = 0.0

    def look(self, since: dt.datetime | None) -> Report:
        self.since.append(since)
        self.seconds += 10
        found = self.verdicts.pop(0)
        if isinstance(found, Exception):
            raise found
        return Report(*found)

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.seconds += seconds
        return not self.verdicts

    def watch(self, retraining: Any = None) -> Watch:
        noon = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
        return Watch(
            self.look, 60.0, self.wait, retraining, self.lines.append, clock=lambda: self.seconds,
            now=lambda: noon + dt.timedelta(seconds=self.seconds),
        )  # fmt: skip


def test_the_watch_waits_the_rest_of_the_time_and_survives_faults() -> None:
    loop = Loop(("models:/churn/1", "no drift"), NotFound("The server is away."), ("models:/churn/1", "drift"))
    last = loop.watch().run()
    assert last is not None and last.verdict == "drift" and loop.waited == [50.0, 50.0, 50.0]
    assert "could not look: The server is away." in loop.lines


def test_drift_is_answered_once_until_new_answers_drift_again() -> None:
    one = ("models:/churn/1", "drift")
    quiet, new = ("models:/churn/1", "unknown"), ("models:/churn/2", "no drift")
    loop = Loop(one, quiet, one, one, new, new)
    answers = iter([
        Retraining("churn", 1, 2, "r", passed=False), InvalidState("The notebook failed."),
        Retraining("churn", 1, 2, "r", passed=True, promoted=True),
    ])  # fmt: skip

    def retraining(report: Report) -> Retraining:
        made = next(answers)
        if isinstance(made, Exception):
            raise made
        return made

    watch = loop.watch(retraining)
    watch.run()
    assert [made.promoted for made in watch.retrainings] == [False, True]
    assert loop.since[0] is None and loop.since[1] == loop.since[2] != loop.since[3] and loop.since[4] > loop.since[3]
    assert loop.since[5] is None, "of a new champion all answers count"
    assert "could not retrain: The notebook failed." in loop.lines
