"""Evaluations: metrics as scikit-learn computes them, plots, slices, two models on the same rows, kept as a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlops_nb
from mlops_nb import models
from mlops_nb.errors import InvalidInput
from mlops_nb.models import evaluate
from mlops_nb.models.scores import Answers, is_better, kind_of_task, measure

sklearn = pytest.importorskip("sklearn")

from sklearn import metrics  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression  # noqa: E402


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=300), "b": random.normal(size=300)})
    frame["town"] = random.choice(["Ulm", "Rom"], 300)
    frame["y"] = (frame["a"] + random.normal(scale=0.5, size=300) > 0).astype(int)
    return frame


@pytest.fixture(scope="module")
def classifier(data: pd.DataFrame) -> Any:
    return LogisticRegression().fit(data[["a", "b"]], data["y"])


def test_a_classifier_kept_as_a_run(data: pd.DataFrame, classifier: Any) -> None:
    pytest.importorskip("matplotlib")
    rows = data[["a", "b", "y"]]
    with mlops_nb.start_run() as outer:
        found = evaluate(classifier, rows, "y", extra={"cost": lambda truth, said: float((truth != said).sum())})
    said, score = classifier.predict(rows[["a", "b"]]), classifier.predict_proba(rows[["a", "b"]])[:, 1]
    truth = rows["y"]
    assert found.kind == "classifier"
    assert found.metrics["accuracy_score"] == pytest.approx(metrics.accuracy_score(truth, said))
    assert found.metrics["f1_score"] == pytest.approx(metrics.f1_score(truth, said))
    assert found.metrics["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, score))
    assert found.metrics["log_loss"] == pytest.approx(metrics.log_loss(truth, score))
    assert found.metrics["cost"] == (truth != said).sum() and found.metrics["example_count"] == 300
    assert next(iter(found.importance)) == "a"
    run = mlops_nb.get_run(found.run_id)
    assert run.parent_run_id == outer.run_id and run.metrics["roc_auc"] == pytest.approx(found.metrics["roc_auc"])
    assert run.tags["mlops_nb.data_digest"] == found.data_digest
    store = outer.workspace.store
    paths = {entry.path: entry for entry in store.artifacts(found.run_id)}
    plots = {"confusion_matrix", "roc_curve", "precision_recall_curve", "calibration_curve", "permutation_importance"}
    assert {f"plots/{plot}.png" for plot in plots} | {"evaluation.json"} == paths.keys()
    assert all(entry.size > 3_000 for path, entry in paths.items() if path.endswith(".png"))
    assert store.facts(found.run_id, ["evaluation"])["evaluation"]["metrics"]["cost"] == found.metrics["cost"]
    assert [ref.context for ref in store.data(found.run_id)] == ["evaluation"]


def test_a_regressor(data: pd.DataFrame) -> None:
    rows, truth = data[["a", "b"]], 2 * data["a"] - data["b"] + 0.1
    model = LinearRegression().fit(rows[:100], truth[:100])
    found = evaluate(model, rows, truth, log=False)
    assert found.kind == "regressor" and found.metrics["r2_score"] == pytest.approx(1.0)
    assert found.metrics["mean_absolute_error"] < 1e-9


def test_slices_add_up(data: pd.DataFrame) -> None:
    def model(frame: pd.DataFrame) -> Any:
        return (frame["a"] > 0).astype(int)

    found = evaluate(model, data, "y", slices=["town", "b"], log=False)
    towns = {each["value"]: each for each in found.slices if each["column"] == "town"}
    assert towns.keys() == {"Ulm", "Rom"} and sum(each["rows"] for each in towns.values()) == 300
    right = sum(each["rows"] * each["metrics"]["accuracy_score"] for each in towns.values())
    assert right / 300 == pytest.approx(found.metrics["accuracy_score"])
    assert len([each for each in found.slices if each["column"] == "b"]) == 4


def test_missing_values_are_a_slice(data: pd.DataFrame) -> None:
    some = data.assign(town=data["town"].where(data["a"] > -1))
    found = evaluate(lambda frame: frame["a"] > 0, some, data["y"].astype(bool), slices="town", log=False)
    assert {each["value"] for each in found.slices} == {"Ulm", "Rom", "(missing)"}


def test_two_models_on_the_same_rows(data: pd.DataFrame, classifier: Any) -> None:
    worse = LogisticRegression().fit(data[["a", "b"]].to_numpy()[:, [1, 0]], data["y"])
    other = LogisticRegression().fit(pd.DataFrame({"a": data["b"], "b": data["b"]}), data["y"])
    found = evaluate(classifier, data[["a", "b"]], data["y"], compare_to=other, log=False)
    assert found.comparison["difference"]["low"] > 0 and "accuracy_score" in found.comparison["better"]
    same = evaluate(classifier, data[["a", "b"]], data["y"], compare_to=classifier, log=False)
    assert same.comparison["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0} and same.comparison["better"] == []
    assert same.data_digest == found.data_digest
    assert worse is not other


def test_saved_models_and_arrays(data: pd.DataFrame, classifier: Any, tmp_path: Any) -> None:
    rows = data[["a", "b"]]
    models.save_model(classifier, tmp_path / "m", input_example=rows, requirements=[])
    found = evaluate(tmp_path / "m", rows, data["y"], log=False)
    assert found.metrics == evaluate(classifier, rows, data["y"], log=False).metrics and found.model == "m"
    bare = LogisticRegression().fit(rows.to_numpy(), data["y"])
    assert evaluate(bare, rows.to_numpy(), data["y"].to_numpy(), log=False).importance == {}


def test_a_booster_that_gives_probabilities(data: pd.DataFrame) -> None:
    found = evaluate(lambda frame: 1 / (1 + np.exp(-3 * frame["a"])), data[["a", "b"]], data["y"], log=False)
    assert found.kind == "classifier" and found.metrics["roc_auc"] > 0.9
    truth = evaluate(lambda frame: frame["a"] > 0, data[["a", "b"]], data["y"].astype(bool), log=False)
    assert found.metrics["accuracy_score"] == truth.metrics["accuracy_score"]


def test_several_classes() -> None:
    random = np.random.default_rng(1)
    rows = random.normal(size=(150, 2))
    names = np.array(["red", "green", "blue"])[(rows[:, 0] > 0).astype(int) + (rows[:, 1] > 0)]
    model = LogisticRegression().fit(rows, names)
    found = evaluate(model, rows, names, log=False).metrics
    wanted = metrics.roc_auc_score(names, model.predict_proba(rows), multi_class="ovr")
    assert found["roc_auc"] == pytest.approx(wanted)
    one = measure("classifier", names[:1], Answers(names[:1], model.predict_proba(rows)[:1], model.classes_))
    assert "roc_auc" not in one and one["accuracy_score"] == 1.0


@pytest.mark.parametrize(
    ("targets", "message"), [("nothing", "no column 'nothing'"), ([1, 2], "300 rows and there are 2 targets")]
)
def test_what_does_not_fit_is_said(data: pd.DataFrame, classifier: Any, targets: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        evaluate(classifier, data, targets, log=False)


def test_other_refusals(data: pd.DataFrame, classifier: Any) -> None:
    rows = data[["a", "b"]]
    with pytest.raises(InvalidInput, match="no column 'town' to slice by"):
        evaluate(classifier, rows, data["y"], slices="town", log=False)
    with pytest.raises(InvalidInput, match="The metric 'odd' failed"):
        evaluate(classifier, rows, data["y"], extra={"odd": lambda truth, said: "many"}, log=False)
    with pytest.raises(InvalidInput, match="no row"):
        evaluate(classifier, rows[:0], [], log=False)
    with pytest.raises(InvalidInput, match="no kind 'ranker'"):
        evaluate(classifier, rows, data["y"], kind="ranker", log=False)


def test_which_kind_and_which_way_is_better() -> None:
    assert kind_of_task(np.arange(1000)) == "regressor" and kind_of_task(np.array([0, 1] * 50)) == "classifier"
    assert kind_of_task(np.array([0.0, 1.0, np.nan])) == "regressor"
    assert is_better("mean_squared_error", 1, 2) and is_better("roc_auc", 2, 1) and not is_better("brier_score", 2, 1)
