"""What another process writes is heard within a second, on Jupyter's own event bus."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mlops_nb.lab import EVENTS
from mlops_nb.workspace import Workspace
from tests.lab.conftest import Ask
from tests.store.contract.making import add

WRITER = """
import sys, time
from mlops_nb import start_run, log_metric
with start_run(run_name="live"):
    log_metric("loss", 0.5)
    print("logged", flush=True)
    sys.stdin.readline()
    log_metric("loss", 0.25)
    print(time.time(), flush=True)
    sys.stdin.readline()
"""


async def heard(socket: Any, what: str) -> dict[str, Any]:
    """The next ring about this."""
    while True:
        message = json.loads(await asyncio.wait_for(socket.read_message(), 20))
        if message["schema_id"] == EVENTS and what in message["what"]:
            return dict(message)


async def test_a_metric_logged_in_another_process_rings(
    ask: Ask, jp_ws_fetch: Any, jp_root_dir: Path, space: Workspace
) -> None:
    add(space.store, "first")
    sequence = (await ask("GET", "hello"))["sequence"]
    socket = await jp_ws_fetch("api", "events", "subscribe")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, cwd=jp_root_dir, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 60)).strip() == b"logged"
    await heard(socket, "runs")
    process.stdin.write(b"\n")
    written = float(await asyncio.wait_for(process.stdout.readline(), 30))
    while True:
        await heard(socket, "runs")
        found = await ask("GET", "runs/changes", since=sequence)
        if any(row["metrics"].get("loss") == 0.25 for row in found["runs"]):
            break
    late = time.time() - written
    process.stdin.write(b"\n")
    await process.wait()
    socket.close()
    assert late < 5, late  # a second on a quiet machine; benchmarks measure it
    assert found["runs"][-1]["name"] == "live" and found["sequence"] > sequence


async def test_the_registry_rings_too(ask: Ask, jp_ws_fetch: Any, space: Workspace) -> None:
    add(space.store, "first")
    before = await ask("GET", "hello")
    socket = await jp_ws_fetch("api", "events", "subscribe")
    await asyncio.sleep(0.6)  # the bell has had its first look
    space.store.create_model("churn")
    await heard(socket, "models")
    changes = await ask("GET", "runs/changes", since=before["sequence"])
    assert changes["models"] != before["models"]
    socket.close()
