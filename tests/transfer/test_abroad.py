"""A kernel on a server of MLflow's: its runs appear there, and what MLflow has no place for is kept beside them.

The server here is ours, asked only what MLflow's own answers as well; ``test_real_mlflow.py`` asks a real one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb import connection
from mlops_nb import workspace as workspaces
from mlops_nb.entities import Batch
from mlops_nb.errors import InvalidState, NotFound, PermissionDenied
from mlops_nb.server.app import Server
from mlops_nb.store import open_store
from mlops_nb.tracking import connect, log_metric, log_text, start_run
from mlops_nb.tracking.reading import get_run, search_runs
from mlops_nb.workspace import Workspace
from tests.server.live import TOKEN, running
from tests.transfer.test_export import track_all_kinds


@pytest.fixture
def server(other: Workspace) -> Iterator[Server]:
    with running(other) as started:
        yield started


@pytest.fixture
def far(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """This process's workspace is on a server that is taken for one of MLflow's."""
    monkeypatch.setenv("MLOPS_NB_TOKEN", TOKEN)
    monkeypatch.setitem(connection._kinds, server.url, "mlflow")
    monkeypatch.chdir(tmp_path)
    return connect(server.url)


def test_a_tracked_run_appears_there_and_is_read_back(far: Workspace, other: Workspace) -> None:
    run_id = track_all_kinds(far)
    (there,) = other.store.find_runs("ours")
    assert there.run_id != run_id
    assert there.params["typed"] == "0.5"
    assert there.params["list"] == "[1, None, 'a']"
    assert other.artifacts.read(other.store.artifacts(there.run_id)[0].digest)
    (inner,) = other.store.find_runs("inner")
    assert inner.parent_run_id == there.run_id
    run = get_run("ours")
    assert (run.run_id, run.status) == (run_id, "FINISHED")
    assert (run.params["typed"], run.params["list"]) == (0.25, [1, None, "a"])
    assert far.store.facts(run_id)["environment"] == {"python": "3.12"}
    assert far.store.history(run_id, "loss@train").values[1] == math.inf
    (artifact,) = far.store.artifacts(run_id)
    assert far.artifacts.read(artifact.digest) == b"weights"
    assert [line.text for _, line in far.store.logs(run_id)] == ["hello\n"]
    assert {each.name for each in search_runs(output_format="list", experiment_names=["here"])} == {"ours", "inner"}
    assert get_run("inner").parent_run_id == run_id
    far.store.update_run(run_id, tags={"reviewed": "yes"}, name="better")
    assert far.store.get_run(run_id).tags["reviewed"] == "yes"
    assert far.store.info()["kind"] == "MLflow"


def test_what_was_delivered_is_not_there_twice(far: Workspace, server: Server, other: Workspace) -> None:
    with start_run(run_name="once", experiment="here") as run:
        for step in range(10):
            log_metric("m", step, step=step)
        log_text("a", "a.txt")
    assert far.flush(30)
    (there,) = other.store.find_runs("once")
    changed = other.store.get_run(there.run_id).changed
    again = open_store(server.url, token=TOKEN)  # as another process, that knows nothing yet
    (tag,) = [key for key in there.tags if key.startswith("mlops_nb.at.")]
    batch = Batch(run.run_id, "journal", since=0, upto=5, params=[("late", "1", 5)])
    again.apply([batch])
    again.apply([batch])
    open_store(server.url, token=TOKEN).apply([batch])
    assert len(other.store.history(there.run_id, "m")) == 10
    assert other.store.get_run(there.run_id).params == {"late": "1"}
    assert other.store.get_run(there.run_id).changed > changed
    assert int(there.tags[tag]) > 0
    assert again.delivered("journal") == 5
    with pytest.raises(NotFound):
        again.apply([Batch("f" * 32, "other", upto=3)])


def test_what_mlflow_cannot_is_said(far: Workspace) -> None:
    with pytest.raises(InvalidState, match="MLflow has no way to do this"):
        far.store.purge_runs([])
    with pytest.raises(NotFound):
        far.store.get_run("e" * 32)


def test_which_kind_of_server_it_is(server: Server, tmp_path: Path) -> None:
    assert connection.kind_of_server(server.url) == "ours"
    with running(workspaces.open_workspace(str(tmp_path / "x")), prefix="team") as behind:
        with pytest.raises(PermissionDenied):  # without the prefix there is nothing
            connection.kind_of_server(behind.url.removesuffix("/team"))
        assert connection.kind_of_server(behind.url) == "ours"
