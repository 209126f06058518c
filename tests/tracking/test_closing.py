"""The end of a process: what is left is delivered, and nobody waits for anybody."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import mlops_nb
from mlops_nb import workspace as workspaces

ROOT = Path(__file__).resolve().parents[2]


def test_closing_does_not_keep_the_drain_from_opening_the_store(tmp_path: Path) -> None:
    """Short processes end before their first delivery: it opens the store while the one who closes waits for it."""
    space = workspaces.open_workspace(str(tmp_path / "store"))
    begun, closing, opened = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        closing.wait(10)
        threading.Event().wait(0.3)  # until the other one waits for this
        assert space.store is not None
        opened.set()

    space.drain.later(work)
    assert begun.wait(30)
    closer = threading.Thread(target=lambda: (closing.set(), space.close()))
    closer.start()
    assert opened.wait(4), "they waited for each other"
    closer.join(30)
    assert not closer.is_alive() and not space.is_open


@pytest.mark.parametrize(
    ("end", "status"),
    [("", "FINISHED"), ("raise ValueError('broken')", "FAILED"), ("raise KeyboardInterrupt", "KILLED")],
)
def test_a_script_that_leaves_its_run_open(tmp_path: Path, end: str, status: str) -> None:
    """It has finished, unless an error ended it; a run that it was started in goes on either way."""
    script = tmp_path / "script.py"
    script.write_text(
        "import mlops_nb\nmlops_nb.log_metric('in_outer', 1)\n"
        f"mlops_nb.start_run(run_name='inner', nested=True)\nmlops_nb.log_metric('loss', 1)\n{end}\n"
    )
    with mlops_nb.start_run() as outer:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, script], env=environment, capture_output=True, timeout=60, check=False)
        assert outer.is_open
    assert mlops_nb.get_run(outer.run_id).status == "FINISHED"
    run = mlops_nb.get_run("inner")
    assert run.status == status and run.metrics == {"loss": 1.0}
    error = workspaces.current().store.facts(run.run_id).get("error", {})
    assert error.get("evalue", "") == ("broken" if status == "FAILED" else "")
