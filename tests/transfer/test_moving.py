"""A store moved to a real PostgreSQL and S3 and back, and two stores joined: nothing is lost, nothing is doubled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.cli import main
from mlops_nb.errors import AlreadyExists, InvalidInput
from mlops_nb.store.moving import move_sql_store
from mlops_nb.tracking import log_metric, log_text, start_run
from mlops_nb.transfer import import_mlflow, merge_stores, migrate_store
from mlops_nb.workspace import Workspace, open_workspace, using
from tests.transfer.everything import everything
from tests.transfer.test_export import track_all_kinds


def rows_of(space: Workspace) -> dict[str, list[Any]]:
    """Every row of every table, as it stands there."""
    from sqlalchemy import select

    from mlops_nb.store import schema
    from mlops_nb.store.engine import connect_engine

    database = connect_engine(space.store_url)
    with database.engine.connect() as connection:
        found = {
            name: sorted(map(repr, (tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                                    for row in connection.execute(select(table)))))
            for name, table in schema.metadata.tables.items()
        }  # fmt: skip
    database.close()
    return found


@pytest.fixture
def filled(frozen: Path, space: Workspace) -> Workspace:
    import_mlflow(str(frozen / "sq/mlflow.db"), space)
    run_id = track_all_kinds(space)
    files = space.store.artifacts(run_id)
    space.store.create_version("churn", source="x", run_id=run_id, path="model", files=files)
    space.store.set_setting("stages", ["Gold"])
    return space


@pytest.fixture
def on_s3(s3_options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """An address on a real S3 API, with what reaches it in the environment, as users have it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_options["endpoint_url"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    return "s3://artifacts/moved"


@pytest.fixture
def back(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "back"))
    yield opened
    opened.close()


@pytest.mark.postgres
@pytest.mark.s3
def test_to_postgresql_and_s3_and_back(
    filled: Workspace, back: Workspace, postgres_url: str, on_s3: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows_of(filled)
    words = ["store", "migrate", postgres_url, "--artifacts", on_s3, "--store", str(filled.root), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["runs"], told["missing"], told["artifacts"]) == (8, [], on_s3)
    assert told["files"] >= 5
    there = open_workspace(postgres_url, on_s3)
    assert rows_of(there) == before
    with using(there), start_run(run_name="goes on", experiment="here") as run:  # counters go on where they were
        log_metric("m", 1)
        log_text("there", "a.txt")
    there.flush()
    assert there.store.get_run(run.run_id).metrics == {"m": 1.0}
    assert there.store.create_version("churn", source="y").version == 6
    with pytest.raises(AlreadyExists, match="not empty"):
        migrate_store(filled, there)
    migrate_store(there, back)
    assert rows_of(back) == rows_of(there)
    for run in back.store.search_runs(view="all").items:
        for entry in back.store.artifacts(run.run_id):
            back.artifacts.verify(entry.digest)
    assert back.artifacts.url.startswith("/")
    there.close()


def test_a_move_that_fails_leaves_the_target_as_it_was(
    filled: Workspace, back: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(done: int, table: str) -> None:
        if table == "tags":
            raise KeyboardInterrupt

    back.make_folder(back.root)
    with pytest.raises(KeyboardInterrupt):
        move_sql_store(filled.store_url, back.store_url, fail)
    assert back.store.search_runs(view="all").items == []
    assert back.store.get_experiment("0").name == "Default"
    migrate_store(filled, back)
    assert rows_of(back) == rows_of(filled)


def test_stores_that_cannot_be_moved(space: Workspace) -> None:
    with pytest.raises(InvalidInput, match="the same"):
        migrate_store(space, open_workspace(str(space.root)))
    with pytest.raises(InvalidInput, match="behind a server"):
        migrate_store(space, open_workspace("http://localhost:1"))
    assert main(["store", "migrate"]) == main(["store", "info", "there"]) == 2


def test_two_stores_are_joined(filled: Workspace, other: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with using(other), start_run(run_name="theirs", experiment="here") as run:
        log_metric("m", 2)
        log_text("their weights", "model/MLmodel")
    other.flush()
    files = other.store.artifacts(run.run_id)
    for _ in range(2):
        other.store.create_version(
            "churn", source=f"runs:/{run.run_id}/model", run_id=run.run_id, files=files, make_model=True
        )
    other.store.move_version("churn", 2, alias="champion")
    before = everything(filled)
    report = merge_stores(filled, other)
    assert report.new == {"runs": 1, "model versions": 2}
    assert any("churn/1 became churn/6" in each for each in report.sentences())
    assert any("churn@champion stays at version 4" in each for each in report.sentences())
    after = everything(filled)
    assert after["runs"].pop(run.run_id) == everything(other)["runs"][run.run_id]
    assert after["runs"] == before["runs"]
    assert filled.artifacts.read(files[0].digest) == b"their weights"
    again = merge_stores(filled, other, thorough=True)
    assert (again.new, again.grown) == ({}, {})
    assert main(["store", "merge", str(other.root), "--store", str(filled.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"]["runs"] == 1


def test_a_merged_model_keeps_its_history(filled: Workspace, other: Workspace) -> None:
    merge_stores(other, filled)
    assert everything(other)["runs"] == everything(filled)["runs"]
    assert everything(other)["models"] == everything(filled)["models"]
    (entry,) = [each for each in other.store.model_changes("churn") if each.action == "copy"]
    kept = [each["action"] for each in entry.by.detail["changes"]]
    assert kept == [each.action for each in filled.store.model_changes("churn")]


def test_a_store_that_is_not_there_is_neither_merged_nor_made(tmp_path: Path, capsys: Any) -> None:
    assert main(["store", "merge", str(tmp_path / "misspelt")]) == 2
    assert "There is no store in" in capsys.readouterr().err
    assert not (tmp_path / "misspelt").exists()
