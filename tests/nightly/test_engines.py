"""Sweeps through the other engines of the table, each on a real cluster of its own, where its package is installed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb import workspace as workspaces
from mlops_nb.projects.sweeps.plan import make_plan
from mlops_nb.projects.sweeps.sweep import run_sweep
from tests.house import ROOT
from tests.projects.sweeps.books import QUICK, ours, wait_until, write_book

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]


@contextlib.contextmanager
def ray(folder: Path) -> Iterator[str]:
    """A cluster of this process's own."""
    yield "ray://local"


@contextlib.contextmanager
def executorlib(folder: Path) -> Iterator[str]:
    """Its executor for one machine; the ones for batch systems need such a system."""
    yield "executorlib://local"


@contextlib.contextmanager
def ipyparallel(folder: Path) -> Iterator[str]:
    """A controller and two engines, found by their profile."""
    environ = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ipyparallel.cluster", "start", "-n", "2", "--profile=sweep"]
    with (folder / "cluster.log").open("wb") as log:
        cluster = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=log)
    place = folder / "ipython" / "profile_sweep" / "security" / "ipcontroller-client.json"
    try:
        wait_until(place.exists)
        import ipyparallel as ipp

        with contextlib.closing(ipp.Client(str(place))) as client:
            client.wait_for_engines(2, timeout=120)
        yield f"ipyparallel://{place}"
    finally:
        cluster.terminate()
        cluster.wait(60)


@pytest.mark.parametrize("name", ["executorlib", "ipyparallel", "ray"])
def test_a_sweep_on_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("SWEEP_TEST", f"{name}-{os.getpid()}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    book = write_book(tmp_path / "book.ipynb", QUICK, "import os\nassert n != 3, 'three is refused'")
    with {"executorlib": executorlib, "ipyparallel": ipyparallel, "ray": ray}[name](tmp_path) as engine:
        plan = make_plan(book, {"n": "1..4", "x": "2"}, metric="score", engine=engine, workers=2)
        board = run_sweep(plan)
    assert board.counts() == {"finished": 3, "running": 0, "waiting": 0, "failed": 1, "killed": 0, "stopped": 0}
    best = board.best()
    assert best is not None and best.values["n"] == 4 and best.mean == 8.0
    assert "three is refused" in board.trials[2].error
    runs = workspaces.current().store.search_runs(None, f"parent_run_id = '{board.sweep_id}'").items
    assert len(runs) == 4
    wait_until(lambda: not ours())
