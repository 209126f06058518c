"""There and back: import, export and import again is the identity, over the REST API that MLflow's clients speak."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.cli import main
from mlops_nb.errors import InvalidInput, MissingDependency
from mlops_nb.server.app import Server
from mlops_nb.tracking import log_metric, log_param, log_text, set_tag, start_run
from mlops_nb.transfer import export_mlflow, import_mlflow
from mlops_nb.workspace import Workspace, open_workspace, using
from tests.server.live import TOKEN, running
from tests.transfer.everything import everything


@pytest.fixture
def server(other: Workspace) -> Iterator[Server]:
    """Another store, behind a server that speaks as MLflow's does."""
    with running(other) as started:
        yield started


@pytest.fixture
def third(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(str(tmp_path / "third"))
    yield opened
    opened.close()


def track_all_kinds(space: Workspace) -> str:
    """Runs of ours with what MLflow has no place for."""
    with using(space), start_run(run_name="ours", experiment="here") as run:
        log_param("typed", 0.5)
        log_param("typed", 0.25)  # another value later: the first one is kept as well
        log_param("list", [1, None, "a"])
        log_param("odd@key", "x" * 7000)
        for step, value in enumerate([1.0, math.inf, math.nan, -0.0]):
            log_metric("loss@train", value, step=step)
            log_metric("loss", value, step=step)
        set_tag("long", "y" * 9000)
        run.fact("code", "x = 1\n")
        run.fact("environment", {"python": "3.12"})
        run.log_line("stdout", "hello\n")
        log_text("weights", "model/MLmodel")
        with start_run(run_name="inner", nested=True):
            log_metric("m", 1)
    space.flush()
    return run.run_id


def test_import_export_import_is_the_identity(
    frozen: Path, space: Workspace, server: Server, third: Workspace, other: Workspace
) -> None:
    import_mlflow(str(frozen / "sq/mlflow.db"), space)
    report = export_mlflow(server.url, space, token=TOKEN)
    assert report.new["runs"] == 6
    assert report.sentences() == [
        "The history of churn: MLflow keeps none.", "The history of empty: MLflow keeps none.",
    ]  # fmt: skip
    assert {run.run_id for run in other.store.search_runs(view="all").items}.isdisjoint(everything(space)["runs"])
    import_mlflow(server.url, third, token=TOKEN)
    assert everything(third) == everything(space)
    again = export_mlflow(server.url, space, token=TOKEN, thorough=True)
    assert (again.new, again.grown) == ({}, {})
    assert import_mlflow(server.url, third, token=TOKEN, thorough=True).grown == {}
    assert everything(third) == everything(space)


def test_what_mlflow_has_no_place_for_comes_back(space: Workspace, server: Server, third: Workspace) -> None:
    run_id = track_all_kinds(space)
    space.store.create_version("churn", source=f"runs:/{run_id}/model", run_id=run_id, path="model", make_model=True,
                               files=space.store.artifacts(run_id))  # fmt: skip
    export_mlflow(server.url, space, token=TOKEN)
    import_mlflow(server.url, third, token=TOKEN)
    before, after = everything(space), everything(third)
    assert after["runs"] == before["runs"]
    run = third.store.get_run(run_id)
    assert (run.params["typed"], run.params["list"], len(run.params["odd@key"])) == (0.25, [1, None, "a"], 7000)
    assert [value for value, _ in third.store.param_history(run_id, "typed")] == [0.5, 0.25]
    assert third.store.history(run_id, "loss").values[1] == math.inf


def test_what_was_changed_there_is_believed(
    space: Workspace, server: Server, third: Workspace, other: Workspace
) -> None:
    run_id = track_all_kinds(space)
    export_mlflow(server.url, space, token=TOKEN)
    (copy,) = other.store.find_runs("ours")
    other.store.update_run(copy.run_id, tags={"long": "short now", "reviewed": "yes"})
    import_mlflow(server.url, third, token=TOKEN)
    run = third.store.get_run(run_id)
    assert (run.tags["long"], run.tags["reviewed"]) == ("short now", "yes")


def test_the_verb(
    space: Workspace, server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    track_all_kinds(space)
    monkeypatch.setenv("MLOPS_NB_TOKEN", TOKEN)
    assert main(["export", "mlflow", server.url, "--store", str(space.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"]["runs"] == 2


def test_targets_that_cannot_be(space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="Nothing can be exported"):
        export_mlflow("postgresql://host/db", space)
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    with pytest.raises(MissingDependency, match=r"mlops_nb\[mlflow\]"):
        export_mlflow(str(tmp_path / "out"), space)
