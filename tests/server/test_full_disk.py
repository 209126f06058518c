"""The server's disk is full: a refusal that says so, half of nothing, and all goes on when there is room again."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb import workspace as workspaces
from mlops_nb.tracking import log_metric, log_text, start_run
from mlops_nb.workspace import open_workspace
from tests.server.live import TOKEN, Client
from tests.server.test_restart import start_server

FILES = "/api/2.0/mlflow-artifacts/artifacts"
FULL = (507, "RESOURCE_EXHAUSTED")
STEPS = 2000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all room that is left."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return path


def log_until_full(client: Client, run_id: str) -> tuple[int, tuple[int, str]]:
    """How many batches the server took, and how it refused the next one."""
    for count in range(500):
        metrics = [{"key": "m", "value": step, "timestamp": 1, "step": count * 1000 + step} for step in range(1000)]
        answer = client.post("/runs/log-batch", {"run_id": run_id, "metrics": metrics})
        if answer.status != 200:
            assert "\n" not in answer.json["message"]
            return count, (answer.status, answer.json["error_code"])
    raise AssertionError("the disk is never full")


@pytest.mark.slow
def test_a_full_disk_and_then_room_again(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = start_server(disk / "store", port)
    try:
        client = Client(port)
        run_id = client.new_run()
        place = f"{FILES}/0/{run_id}/artifacts"
        assert client.ask("PUT", f"{place}/before", b"b" * 100_000).status == 200
        filler = fill(disk)
        refused = client.ask("PUT", f"{place}/large", b"x" * 4_000_000)
        assert (refused.status, refused.json["error_code"]) == FULL
        assert "no space left" in refused.json["message"]
        kept, how = log_until_full(client, run_id)
        assert how == FULL
        assert client.ask("GET", "/health").status == 200
        assert client.ask("GET", f"{place}/before").body == b"b" * 100_000
        monkeypatch.setenv("MLOPS_NB_TOKEN", TOKEN)
        monkeypatch.setenv("MLOPS_NB_STORE", f"http://127.0.0.1:{port}")
        monkeypatch.chdir(tmp_path)
        workspaces.replace_current(None)
        with start_run(run_name="meanwhile") as run:
            for step in range(STEPS):
                log_metric("m", step, step=step)
            log_text("kept" * 10_000, "a.txt")
        far = workspaces.current()
        assert not far.flush(5), "there was no room"
        filler.unlink()
        assert far.flush(60)
        assert client.ask("PUT", f"{place}/large", b"x" * 4_000_000).status == 200
        assert client.post("/runs/log-metric", {"run_id": run_id, "key": "n", "value": 1, "timestamp": 1}).status == 200
        far.close()
    finally:
        server.terminate()
        assert server.wait(30) == 0, "the server has not lived on"
    space = open_workspace(str(disk / "store"))
    assert list(space.store.history(run.run_id, "m").values) == list(range(STEPS))
    assert space.artifacts.read(space.store.artifacts(run.run_id)[0].digest) == b"kept" * 10_000
    assert len(space.store.history(run_id, "m")) == kept * 1000, "half of a batch is there"
    assert {each.path for each in space.store.artifacts(run_id)} == {"before", "large"}
    assert list(space.artifacts.scratch().iterdir()) == []
    space.close()
