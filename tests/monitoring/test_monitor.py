"""Monitoring of a served model: what is found, what is kept, and what it says when there is nothing to say."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mlops_nb
from mlops_nb.cli import main
from mlops_nb.monitoring import Limits, monitor
from mlops_nb.registry import history
from tests.monitoring.served import Old, people, register, serve


def test_same_data_is_no_drift_and_the_report_is_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    register()
    same = people(2000, seed=3)
    serve(same.drop(columns="left"), Old().predict(same).tolist(), truth=same["left"].tolist())
    assert main(["monitor", "models:/churn@champion", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["rows"], found["drifted"], found["faulty"]) == ("no drift", 2000, [], [])
    assert found["reference"]["rows"] == 4000 and found["model"] == "models:/churn/1"
    assert {each["name"]: each["kind"] for each in found["columns"]} == {
        "prediction": "numeric", "age": "numeric", "income": "numeric", "city": "categorical", "fresh": "boolean"
    }  # fmt: skip
    right = float(np.mean(Old().predict(same) == same["left"]))
    assert found["performance"]["metrics"]["accuracy_score"] == pytest.approx(right)
    assert found["service"]["requests"] == 2000 and found["service"]["errors"] == 0
    assert found["service"]["latency_ms"]["p50"] == pytest.approx(2.0, rel=0.07)

    run = mlops_nb.get_run(found["run_id"])
    assert run.tags["mlops_nb.monitors"] == "models:/churn/1" and run.metrics["drifted_columns"] == 0
    assert [each.action for each in history("churn").changes][-1] == "monitor"


def test_each_kind_of_change_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    register()
    moved = people(3000, seed=1, older=9).drop(columns="left")
    moved.loc[1500:, "city"] = "Zug"
    moved.loc[::5, "income"] = None
    serve(moved, Old().predict(moved).tolist())
    report = monitor("models:/churn@champion", page=lambda found: found.verdict)
    assert report.status == 1 and set(report.drifted) == {"prediction", "age", "city"}
    assert report.column("age").numbers["shift"] == pytest.approx(0.9, abs=0.1)
    assert report.column("age").numbers["mean"] == pytest.approx(moved["age"].mean())
    assert report.column("city").quality_why == "50 % are values that training did not have (Zug)"
    assert report.column("income").quality_why == "20 % are missing (0 % in training)"
    assert report.column("income").verdict == "same" and report.column("fresh").verdict == "same"
    over = [each for each in report.column("city").over_time if each is not None]
    assert over[0] < 0.1 < 1 < over[-1], "it began in the second half"
    assert main(["artifacts", report.run_id]) == 0
    assert "monitoring.html" in capsys.readouterr().out


def test_worse_answers_are_drift_though_the_data_is_the_same() -> None:
    register()
    same = people(3000, seed=5)
    mlops_nb.evaluate("models:/churn/1", same, "left", name="before", kind="classifier")
    late = people(3000, seed=6)
    truth = np.where(np.arange(3000) < 1000, late["left"], 1 - late["left"])
    serve(late.drop(columns="left"), Old().predict(late).tolist(), truth=truth.tolist())
    report = monitor("models:/churn/1", record=False)
    assert report.drifted == [] and report.verdict == "drift"
    assert report.performance["verdict"] == "worse" and "in the evaluation" in report.reasons[0]


def test_few_answers_are_too_few_to_tell() -> None:
    register()
    few = people(12, seed=2).drop(columns="left")
    serve(few, Old().predict(few).tolist())
    report = monitor("models:/churn/1", record=False)
    assert (report.verdict, report.status) == ("unknown", 3)
    assert "too little data to tell: of 12 rows only a shift of 47 % or more could be seen" in report.column("age").why


def test_a_hundred_columns_without_drift_give_no_false_alarm() -> None:
    import pandas as pd

    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.normal(size=(2000, 100)), columns=[f"c{number}" for number in range(100)])
    with mlops_nb.start_run() as run:
        mlops_nb.log_model(lambda rows: rows["c0"], "model", input_example=frame, requirements=[])
    mlops_nb.register_model(f"runs:/{run.run_id}/model", "wide")
    now = pd.DataFrame(rng.normal(size=(500, 100)), columns=frame.columns)
    serve(now, now["c0"].tolist(), name="wide")
    report = monitor("models:/wide/1", record=False)
    assert report.verdict == "no drift" and len(report.columns) == 101
    lowest = min(each.numbers["p"] for each in report.columns if each.numbers.get("test"))
    assert lowest < 0.05, "one column alone would have been called changed at the usual level"


def test_limits_are_checked_and_columns_can_be_left_out() -> None:
    with pytest.raises(ValueError, match="limit alpha is 0"):
        Limits(alpha=0)
    register()
    moved = people(500, seed=1, older=20).drop(columns="left")
    serve(moved, Old().predict(moved).tolist())
    report = monitor("models:/churn/1", ignore=["age", "prediction"], record=False)
    assert report.verdict == "no drift" and {each.name for each in report.columns} == {"income", "city", "fresh"}
