"""What a script written for MLflow relies on when its import is changed: names, order, defaults, meanings."""

from __future__ import annotations

import datetime
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlops_nb
from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput, NotFound


def read(run_id: str, path: str) -> bytes:
    space = workspaces.current()
    space.flush()
    found = {each.path: each.digest for each in space.store.artifacts(run_id)}
    return space.artifacts.read(found[path])


def test_a_run_is_seen_under_mlflows_names() -> None:
    chosen = mlops_nb.set_experiment("churn")
    with mlops_nb.start_run(run_name="outer", tags={"team": "risk"}) as outer:
        assert outer.info.experiment_id == chosen.experiment_id != "churn"
        with mlops_nb.start_run(run_name="inner", nested=True) as inner:
            mlops_nb.log_param("lr", 0.1)
            assert inner.data.tags["mlflow.parentRunId"] == outer.info.run_id
    found = mlops_nb.get_run(inner.info.run_id)
    assert found.info.experiment_id == chosen.experiment_id
    assert found.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert found.data.tags["mlflow.runName"] == "inner" and "mlflow.user" in found.data.tags
    assert mlops_nb.get_run(outer.info.run_id).tags == {"team": "risk"}
    assert found.info.artifact_uri == f"runs:/{found.info.run_id}"
    whole = found.to_dictionary()
    assert whole["info"]["run_name"] == "inner" and whole["data"]["params"] == {"lr": 0.1}
    assert json.loads(json.dumps(outer.to_dictionary()))["info"]["status"] == "FINISHED"
    frame = mlops_nb.search_runs()
    assert frame["artifact_uri"][0].startswith("runs:/") and len(frame) == 2


def test_a_search_without_experiments_is_in_the_one_that_was_set() -> None:
    for name in ("a", "b"):
        mlops_nb.set_experiment(name)
        with mlops_nb.start_run():
            mlops_nb.log_metric("acc", 0.5)
    assert mlops_nb.search_runs()["experiment"].tolist() == ["b"]
    assert mlops_nb.search_runs([])["experiment"].tolist() == ["b"]
    assert len(mlops_nb.search_runs(search_all_experiments=True)) == 2
    assert mlops_nb.search_runs(experiment_names=["a"])["experiment"].tolist() == ["a"]
    with pytest.raises(InvalidInput, match="not both"):
        mlops_nb.search_runs(["0"], experiment_names=["a"])


def test_another_run_is_logged_into_by_its_id_and_stays_as_it_is(tmp_path: Path) -> None:
    with mlops_nb.start_run() as over:
        mlops_nb.log_table({"a": [1]}, "t.json")
    before = mlops_nb.get_run(over.run_id)
    mlops_nb.connect()  # as another process would see it
    (tmp_path / "x.txt").write_text("x")
    with mlops_nb.start_run() as active:
        mlops_nb.log_metric("acc", 0.5, run_id=over.run_id)
        mlops_nb.log_metrics({"loss": 1}, step=2, synchronous=True, run_id=over.run_id)
        mlops_nb.log_params({"p": 1}, run_id=over.run_id)
        mlops_nb.log_text("text", "a.txt", run_id=over.run_id)
        mlops_nb.log_dict({"a": np.float32(0.5), "b": np.arange(2)}, "d.json", run_id=over.run_id)
        mlops_nb.log_artifact(tmp_path / "x.txt", "in", over.run_id)
        mlops_nb.log_artifacts(tmp_path, "all", run_id=over.run_id)
        mlops_nb.log_table({"a": [2]}, "t.json", run_id=over.run_id)
        mlops_nb.log_metric("mine", 1, 3, None, 5000)
    found = mlops_nb.get_run(over.run_id)
    assert (found.status, found.end_time) == (before.status, before.end_time)
    assert found.metrics == {"acc": 0.5, "loss": 1.0} and found.params == {"p": 1}
    assert json.loads(read(over.run_id, "d.json")) == {"a": 0.5, "b": [0, 1]}
    assert json.loads(read(over.run_id, "t.json"))["data"] == [[1], [2]]
    assert read(over.run_id, "in/x.txt") == read(over.run_id, "all/x.txt") == b"x"
    assert mlops_nb.get_run(active.run_id).metrics == {"mine": 1.0}
    assert list(workspaces.current().journals.glob("*.journal")) == []
    with pytest.raises(NotFound, match="f" * 32):
        mlops_nb.log_metric("acc", 1, run_id="f" * 32)
    assert mlops_nb.active_run() is None


def test_images_of_any_shape_and_in_the_course_of_training() -> None:
    with mlops_nb.start_run() as run:
        mlops_nb.log_image(np.zeros((4, 4, 1)), "grey.png")
        mlops_nb.log_image(np.eye(4, dtype=bool), "mask.png")
        mlops_nb.log_image(np.zeros((4, 4, 3), np.uint8), key="a/b", step=7)
        with pytest.raises(InvalidInput, match="either"):
            mlops_nb.log_image(np.zeros((4, 4)))
        with pytest.raises(InvalidInput, match="cannot be kept"):
            mlops_nb.log_image(np.zeros((4, 4, 7)), "seven.png")
        with pytest.raises(InvalidInput, match="cannot be kept"):
            mlops_nb.log_image(np.zeros((4, 4)), "no.such")
    assert [path for path in run.artifacts if path.startswith("images/a_b+step+7+timestamp+")]


def test_starts_that_contradict_themselves_are_refused() -> None:
    mlops_nb.set_experiment("churn")
    with pytest.raises(InvalidInput, match="not both"):
        mlops_nb.set_experiment("churn", "0")
    with pytest.raises(InvalidInput, match="twice"):
        mlops_nb.start_run(description="a", tags={"mlflow.note.content": "b"})
    with pytest.raises(InvalidInput, match="dict"):
        mlops_nb.start_run(tags="x")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="f" * 32):
        mlops_nb.start_run(parent_run_id="f" * 32)
    with pytest.raises(InvalidInput, match="whole number"):
        mlops_nb.search_runs(max_results=2.0)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="order is wrong"):
        mlops_nb.search_runs(order_by=["nope.x"])
    assert mlops_nb.active_run() is None and len(mlops_nb.search_runs(filter_string=None)) == 0


def test_a_run_that_goes_on_may_get_another_name() -> None:
    with mlops_nb.start_run(run_name="old") as run:
        pass
    with mlops_nb.start_run(run.run_id, run_name="new") as again:
        assert again.info.run_name == "new"
    assert mlops_nb.get_run(run.run_id).name == "new"
    with mlops_nb.start_run(parent_run_id=run.run_id) as child:
        pass
    assert mlops_nb.search_runs()["tags.mlflow.parentRunId"][0] == run.run_id == child.start.parent_run_id


def test_runs_that_begin_in_the_same_millisecond_are_still_the_newest_first() -> None:
    runs = []
    for _ in range(30):
        with mlops_nb.start_run() as run:
            runs.append(run.run_id)
        assert run.end_time is not None and run.end_time >= run.start.start_time
    assert mlops_nb.search_runs()["run_id"].tolist() == runs[::-1]


def test_numbers_and_times_of_pandas_and_numpy_are_plain() -> None:
    when = pd.Timestamp("2026-01-02 03:04", tz="Europe/Berlin")
    with mlops_nb.start_run() as run:
        mlops_nb.log_metric("loss", np.array([2.5]))  # type: ignore[arg-type]
        mlops_nb.log_params({"when": when, "span": pd.Timedelta("1h"), "at": datetime.time(3, 4)})
        with pytest.raises(InvalidInput, match="must be a number"):
            mlops_nb.log_metric("loss", np.array([2.5, 3.5]))  # type: ignore[arg-type]
    assert run.data.metrics == {"loss": 2.5}
    assert run.data.params == {"when": "2026-01-02T03:04:00+01:00", "span": "0 days 01:00:00", "at": "03:04:00"}


def test_many_that_set_the_same_new_experiment_at_once_all_get_it() -> None:
    start = threading.Barrier(8)

    def choose(name: str) -> str:
        start.wait()
        return mlops_nb.set_experiment(name).experiment_id

    with ThreadPoolExecutor(8) as pool:
        for round_ in range(5):
            assert len(set(pool.map(choose, [f"together {round_}"] * 8))) == 1
