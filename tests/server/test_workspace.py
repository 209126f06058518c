"""A kernel on a remote store: nothing in it waits for the network, and nothing is lost when the server goes away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidState
from mlops_nb.server.app import Server
from mlops_nb.store import open_store
from mlops_nb.tracking import log_metric, log_text, start_run
from mlops_nb.tracking.reading import get_run, search_runs
from mlops_nb.workspace import Workspace, open_workspace
from tests.artifacts.trouble import troubled
from tests.kernels import running_kernel
from tests.server.live import TOKEN, running


@pytest.fixture
def far(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """This process's workspace is on the server."""
    monkeypatch.setenv("MLOPS_NB_TOKEN", TOKEN)
    monkeypatch.setenv("MLOPS_NB_STORE", server.url)
    monkeypatch.chdir(tmp_path)
    workspaces.replace_current(None)
    yield workspaces.current()


def test_a_run_with_files_lands_on_the_server(far: Workspace, space: Workspace) -> None:
    with start_run(run_name="far") as run:
        for step in range(100):
            log_metric("m", step / 2, step=step)
        log_text("hello", "d/a.txt")
    assert get_run("far").metrics == {"m": 49.5}
    assert space.store.get_run(run.run_id).name == "far"
    (artifact,) = space.store.artifacts(run.run_id)
    assert space.artifacts.read(artifact.digest) == b"hello"
    assert far.artifacts.read(artifact.digest) == b"hello"
    assert far.artifacts.total_bytes() == 0, "what was delivered does not stay in the spool"
    assert [each.name for each in search_runs(output_format="list")] == ["far"]
    target = far.root / "copy"
    assert far.artifacts.fetch(artifact.digest, target).read_text() == "hello"
    assert far.store.info()["url"].startswith("http://")
    with pytest.raises(InvalidState, match="store gc"):
        far.artifacts._place.remove("0" * 64, unused_since=0)


def test_a_server_that_is_away_loses_nothing_and_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = open_workspace(str(tmp_path / "there"))
    with running(space) as server:
        port = server.port
    monkeypatch.setenv("MLOPS_NB_TOKEN", TOKEN)
    monkeypatch.setenv("MLOPS_NB_STORE", f"http://127.0.0.1:{port}")
    monkeypatch.chdir(tmp_path)
    workspaces.replace_current(None)
    begun = time.perf_counter()
    with start_run(run_name="away") as run:
        for step in range(200):
            log_metric("m", step, step=step)
        log_text("kept", "a.txt")
    assert time.perf_counter() - begun < 5, "the cell waited for the server"
    far = workspaces.current()
    assert not far.flush(10)
    with running(space, port=port):
        assert far.flush(30)
        stored = space.store.get_run(run.run_id)
        assert (stored.status, stored.metrics) == ("FINISHED", {"m": 199.0})
        assert len(space.store.history(run.run_id, "m")) == 200
        assert space.artifacts.read(space.store.artifacts(run.run_id)[0].digest) == b"kept"
        far.close()
    space.close()


@pytest.mark.slow
def test_a_server_that_hangs_keeps_no_cell_waiting(server: Server, tmp_path: Path) -> None:
    """It takes connections, and answers none: what cells do goes into the journal, and arrives later."""
    with troubled(server.url) as road, running_kernel(tmp_path) as kernel:
        for source in (
            f"%load_ext mlops_nb\nimport os, mlops_nb\nos.environ['MLOPS_NB_TOKEN'] = {TOKEN!r}\n"
            f"far = mlops_nb.connect({road.url!r})",
            "%%track hung\na = 1",
            "far.flush(30), far.is_open",
        ):
            assert kernel.run(source).status == "ok"
        road.reset(lambda method, path, count: "5")
        begun = time.perf_counter()
        for source in (
            "%%track hung -n second\nb = 2\nmlops_nb.log_metric('m', 1.5)\nmlops_nb.log_text('t', 'a.txt')",
            "%%track hung -n third\nb = 3",
            "e = mlops_nb.set_experiment('elsewhere')\n"
            "with mlops_nb.start_run(run_name='fourth'): mlops_nb.log_param('p', 1)",
        ):
            assert kernel.run(source).status == "ok"
        assert time.perf_counter() - begun < 4, "a cell waited for the server"  # 5 s an answer
        road.reset(lambda method, path, count: "")
        assert "True" in kernel.run("far.flush(60)").text
        found = {run.name: run for run in open_store(server.url, token=TOKEN).search_runs().items}
        assert found["second"].metrics == {"m": 1.5}
        assert found["third"].params["b"] == 3
        assert (found["fourth"].experiment, found["fourth"].status) == ("elsewhere", "FINISHED")


def test_a_wrong_token_is_said_once_and_loses_nothing(
    server: Server,
    space: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reader = server.tokens.add("rob", "read")
    for token, problem in ((reader, "may read only"), ("wrong", "MLOPS_NB_TOKEN")):
        monkeypatch.setenv("MLOPS_NB_TOKEN", token)
        strange = open_workspace(server.url, start=tmp_path)
        with workspaces.using(strange):
            for _ in range(2):
                with start_run(run_name="kept"):
                    log_metric("m", 1.0)
                assert not strange.flush()
            said = capsys.readouterr().err
            assert problem in said and said.count("\n") == 1
        strange.drain.stop()
    monkeypatch.setenv("MLOPS_NB_TOKEN", TOKEN)
    journals = list(strange.journals.glob("*.journal"))
    assert len(journals) == 4 and space.store.count_runs() == 0
