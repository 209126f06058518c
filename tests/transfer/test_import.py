"""What MLflow kept is here afterwards, value by value, from each of its stores, however often it is imported."""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.cli import main
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.transfer import Report, import_mlflow
from mlops_nb.workspace import Workspace
from tests.transfer.everything import everything

SOURCES = ("sq/mlflow.db", "fo/mlruns")


def imported(source: Path | str, space: Workspace, **given: Any) -> Report:
    return import_mlflow(str(source), space, **given)


@pytest.mark.parametrize("source", SOURCES)
def test_all_of_it(frozen: Path, space: Workspace, source: str) -> None:
    report = imported(frozen / source, space)
    assert report.new == {
        "experiments": 2, "runs": 6, "logged models": 1, "registered models": 2, "model versions": 3,
    }  # fmt: skip
    assert report.sentences() == []
    runs = {run.name: run for run in space.store.search_runs(view="all").items}
    child, parent = runs["child"], runs["parent"]
    assert (child.status, child.start_time, child.end_time) == ("FAILED", 1700000002000, 1700000005000)
    assert (child.parent_run_id, child.user, child.source_type) == (parent.run_id, "ann", "LOCAL")
    assert child.params == {"lr": "0.1", "layers": "[1, 2]", "long": "x" * 5000}
    assert child.tags == {"note": "grüße 🎉"}
    loss = space.store.history(child.run_id, "loss")
    assert list(loss.values) == [1 / (step + 1) for step in range(1500)]
    assert list(loss.timestamps) == [1700000002000 + step for step in range(1500)]
    bad = space.store.history(child.run_id, "bad")
    assert math.isnan(bad.values[0])
    assert bad.values[1] > 1e308  # infinity, which MLflow's own SQL store has cut
    assert list(space.store.history(child.run_id, "neg").steps) == [-3]
    files = {each.path: space.artifacts.read(each.digest) for each in space.store.artifacts(child.run_id)}
    assert files["plots/loss curve.png"] == bytes(range(256)) * 10
    assert files["notes ö.txt"] == b"hello"
    data = space.store.data(child.run_id)
    assert [(each.path, each.mode, each.context) for each in data if each.name == "customers"] == [
        ("data/customers.csv", "read", "training")
    ]
    assert [each.mode for each in space.store.data(parent.run_id)] == ["read"]  # a logged model
    assert runs["deleted"].lifecycle_stage == runs["in a deleted experiment"].lifecycle_stage == "deleted"
    assert runs["running"].status == "RUNNING"
    churn = space.store.get_model("churn")
    assert (churn.description, churn.tags, churn.aliases) == ("who leaves", {"owner": "ann"}, {"champion": 4})
    versions = {each.version: each for each in space.store.model_versions(["churn"])["churn"]}
    assert sorted(versions) == [1, 3, 4]
    assert (versions[1].stage, versions[1].tags, versions[1].path) == ("Production", {"x": "y"}, "model")
    assert [each.path for each in space.store.version_files("churn", 4)] == ["MLmodel", "model.bin"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_second_time_adds_nothing_and_a_third_what_is_new(frozen: Path, space: Workspace, source: str) -> None:
    imported(frozen / source, space)
    before = everything(space)
    again = imported(frozen / source, space, thorough=True)
    assert (again.new, again.grown) == ({}, {})
    assert everything(space) == before
    (child,) = space.store.find_runs("child")
    if source.endswith(".db"):
        with sqlite3.connect(frozen / source) as database:
            database.execute("INSERT INTO metrics VALUES ('loss', 7.0, 5, ?, 9999, 0)", (child.run_id,))
            database.execute("UPDATE latest_metrics SET value = 7.0, step = 9999 WHERE key = 'loss'")
            database.execute("INSERT INTO tags VALUES ('late', 'yes', ?)", (child.run_id,))
        database.close()
        (folder,) = frozen.glob(f"sq/mlruns/1/{child.run_id}")
    else:
        (folder,) = frozen.glob(f"fo/mlruns/*/{child.run_id}")
        with (folder / "metrics" / "loss").open("a") as file:
            file.write("5 7.0 9999\n")
        (folder / "tags" / "late").write_text("yes")
    (folder / "artifacts" / "late.txt").write_text("late")
    grown = imported(frozen / source, space)
    assert (grown.new, grown.grown) == ({}, {"runs": 1})
    run = space.store.get_run(child.run_id)
    assert (run.metrics["loss"], run.tags["late"], run.status) == (7.0, "yes", "FAILED")
    assert len(space.store.history(child.run_id, "loss")) == 1501
    assert "late.txt" in [each.path for each in space.store.artifacts(child.run_id)]


def test_a_moved_store_is_read_where_it_is(frozen: Path, space: Workspace) -> None:
    """The addresses in the file are of another machine."""
    report = imported(f"sqlite:///{frozen}/sq/mlflow.db", space, files=str(frozen / "sq" / "mlruns"))
    assert report.lost == []
    (child,) = space.store.find_runs("child")
    assert len(space.store.artifacts(child.run_id)) == 3


def test_files_outside_are_never_read(frozen: Path, space: Workspace, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("secret")
    with sqlite3.connect(frozen / "sq/mlflow.db") as database:
        database.execute("UPDATE runs SET artifact_uri = ? WHERE name = 'child'", (f"file://{secret}",))
        database.execute("UPDATE runs SET artifact_uri = '/x/../../secret/artifacts' WHERE name = 'parent'")
    database.close()
    (folder,) = frozen.glob("sq/mlruns/1/*/artifacts/plots")
    (folder / "link").symlink_to(secret / "key.txt")
    report = imported(frozen / "sq/mlflow.db", space)
    kept = {
        space.artifacts.read(each.digest)
        for run in space.store.search_runs(view="all").items
        for each in space.store.artifacts(run.run_id)
    }
    assert b"secret" not in kept
    assert any("link out of the folder" in each for each in report.sentences())


def test_a_hostile_folder(frozen: Path, space: Workspace, tmp_path: Path) -> None:
    root = frozen / "fo" / "mlruns"
    (run,) = [each.parent for each in root.glob("*/*/meta.yaml") if "run_name: child" in each.read_text()]
    (run / "meta.yaml").write_text("run_id: !!python/object/apply:os.system ['touch pwned']")
    (parent,) = [each.parent for each in root.glob("*/*/meta.yaml") if "run_name: parent" in each.read_text()]
    (parent / "metrics" / "odd").write_text("not a point")
    shutil.rmtree(root / "models" / "empty")
    (root / "models" / "empty").symlink_to(tmp_path)
    os.mkfifo(parent / "tags" / "pipe")
    report = imported(root, space)
    assert {run.name for run in space.store.search_runs(view="all").items} >= {"running", "fluent"}
    told = " ".join(report.sentences())
    assert "only plain values are read" in told
    assert "no point" in told
    assert not Path("pwned").exists()


def test_what_is_no_store_of_mlflows(tmp_path: Path, space: Workspace) -> None:
    with pytest.raises(NotFound, match="nothing at"):
        imported(tmp_path / "none", space)
    with pytest.raises(InvalidInput, match="no folder of MLflow's"):
        imported(tmp_path, space)
    (tmp_path / "text").write_text("x" * 1000)
    with pytest.raises(InvalidInput, match="SQLite"):
        imported(tmp_path / "text", space)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE runs (a)").connection.commit()
    with pytest.raises(InvalidInput, match="no store of MLflow's"):
        imported(tmp_path / "other.db", space)
    with pytest.raises(InvalidInput, match="mlflow server"):
        imported("postgresql://host/name", space)


def test_the_verb(frozen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "mlflow", str(frozen / "sq/mlflow.db"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["new"]["runs"] == 6
    assert main(["import", "mlflow", str(frozen / "sq/mlflow.db")]) == 0
    assert "Everything was carried over." in capsys.readouterr().out
    assert main(["runs", "-e", "churn", "--json"]) == 0
    assert {each["name"] for each in json.loads(capsys.readouterr().out)} == {"fluent", "running", "child", "parent"}
    assert main(["import", "mlflow", "nowhere"]) == 2
    assert "nothing at nowhere" in capsys.readouterr().err
