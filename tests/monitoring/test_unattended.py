"""`monitor --every` as a process of its own: it ends when it is told to, and closes the loop with nobody there."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mlops_nb
from mlops_nb import workspace
from mlops_nb.registry import history, resolve
from mlops_nb.serving import LogSettings
from tests.monitoring.served import Old, people, register, serve
from tests.monitoring.test_retrain import train_in_a_notebook
from tests.serving.live import wait_for


@contextmanager
def watching(*words: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The command as a scheduler would start it, and the file that its lines are written to."""
    space, said = workspace.current(), Path("watch.log")
    space.flush()
    environment = {**os.environ, "MLOPS_NB_STORE": str(space.root), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "mlops_nb.cli", "monitor", "models:/churn@champion", *words]
    with said.open("w", encoding="utf-8") as lines:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=lines, text=True, env=environment)
    try:
        yield process, said
    finally:
        process.kill()
        process.wait()


def told(process: subprocess.Popen[str], said: Path, words: str, seconds: float = 120) -> str:
    """All that was said, once these words are in it."""

    def heard() -> str:
        text = said.read_text(encoding="utf-8")
        assert words in text or process.poll() is None, text
        return text if words in text else ""

    return str(wait_for(heard, words, seconds))


@pytest.mark.parametrize(
    ("number", "older", "status"), [(signal.SIGTERM, 20.0, 1), (signal.SIGINT, 0.0, 0)], ids=["SIGTERM", "SIGINT"]
)
def test_a_signal_ends_it_with_the_status_of_the_last_look(number: int, older: float, status: int) -> None:
    register()
    asked = people(500, seed=3, older=older).drop(columns="left")
    serve(asked, Old().predict(asked).tolist())
    with watching("--every", "1h", "--json") as (process, said):
        told(process, said, f"models:/churn/1: {'drift' if status else 'no drift'}")
        process.send_signal(number)
        report, _ = process.communicate(timeout=60)
    text = said.read_text(encoding="utf-8")
    assert process.returncode == status, text
    assert json.loads(report)["verdict"] == ("drift" if status else "no drift") and "Traceback" not in text
    run = workspace.current().store.get_run(json.loads(report)["run_id"])
    assert run.status == "FINISHED"


def ask(client: http.client.HTTPConnection, rows: Any, name: str) -> set[str]:
    """Ask a service about each row and tell it the truth; which versions answered."""
    versions = set()
    headers = {"Content-Type": "application/json"}
    for number, row in enumerate(rows.to_dict("records")):
        body = {"dataframe_records": [{"age": row["age"], "income": row["income"]}]}
        client.request("POST", "/invocations", json.dumps(body), {**headers, "X-Request-Id": f"{name}{number}"})
        reply = client.getresponse()
        assert reply.status == 200, reply.read()
        reply.read()
        versions.add(reply.headers["x-model-version"])
        truth = {"request_id": f"{name}{number}", "truth": row["left"]}
        client.request("POST", "/feedback", json.dumps(truth), headers)
        client.getresponse().read()
    return versions


@pytest.mark.nightly
def test_drift_retrains_promotes_and_the_service_follows_with_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    train_in_a_notebook(capsys)
    changed = people(1600, seed=4, older=12)
    changed["left"] = (changed["income"] > 22_000).astype(int)  # what leaving depends on is another thing now
    with mlops_nb.serve("models:/churn@champion", follow_every=0.2, log=LogSettings(every=0.5)) as service:
        client = http.client.HTTPConnection(service.url.rpartition("/")[2], timeout=60)
        assert ask(client, changed.iloc[:1000], "a") == {"1"}
        wait_for(lambda: service.status()["log_queued"] == 0, "the log")
        words = ["--every", "2s", "--retrain-on", "drift", "-p", "data=@log", "--target", "left", "--promote"]
        with watching(*words) as (process, said):
            told(process, said, "models:/churn/1: drift")
            told(process, said, "version 2 is the champion now", 240)
            wait_for(lambda: service.status()["models"][0]["version"] == "2", "the service's new version")
            assert ask(client, changed.iloc[1000:], "b") == {"2"}
            told(process, said, "models:/churn/2: ")
            process.terminate()
            process.communicate(timeout=60)
        client.close()
    assert process.returncode in (0, 1, 3) and "Traceback" not in said.read_text(encoding="utf-8")
    assert resolve("models:/churn@champion").version == 2
    actions = [change.action for change in history("churn").changes]
    assert {"monitor", "retrain"} <= set(actions)
    runs = workspace.current().store.search_runs(None, "attributes.status = 'RUNNING'").items
    assert [run.name for run in runs] == []
