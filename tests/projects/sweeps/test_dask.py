"""A sweep on a real Dask cluster: a scheduler and workers in processes of their own; lost workers, a lost scheduler."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Status
from mlops_nb.projects.sweeps import sweep as room
from mlops_nb.projects.sweeps.board import Board, Trial
from mlops_nb.projects.sweeps.engines import EngineLost
from mlops_nb.projects.sweeps.plan import load_plan, make_plan
from mlops_nb.projects.sweeps.sweep import run_sweep
from tests.house import ROOT
from tests.projects.sweeps.books import QUICK, Followed, ours, wait_until, write_book

pytest.importorskip("distributed")


class Cluster:
    """A scheduler and workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
        listen = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.scheduler = self._start("scheduler", *listen)
        self.address = wait_until(self._address)
        self.workers = [self._start("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")]

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        folder = self.folder / kind
        folder.mkdir(exist_ok=True)
        with (folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "dask", kind, *words]
            if kind == "worker":
                command += ["--local-directory", str(folder), "--death-timeout", "20"]
            return subprocess.Popen(command, env=self.env, cwd=folder, stdout=log, stderr=log)

    def _address(self) -> str | None:
        found = re.search(r"Scheduler at:\s+(tcp://[\d.:]+)", (self.folder / "scheduler" / "log").read_text())
        return found[1] if found else None

    def add_worker(self) -> None:
        """One more."""
        self.workers.append(self._start("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"))

    def stop(self) -> None:
        """End all of it."""
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.stop()


@pytest.mark.nightly  # two minutes of deaths that somebody has to notice
def test_a_sweep_on_a_cluster_loses_a_worker_then_the_scheduler(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LOST_SECONDS", 2.0)
    where = tmp_path / "where.txt"
    gate = tmp_path / "gate"
    cell = (
        f"import os, pathlib, time\nwith open({str(where)!r}, 'a') as file: file.write(f'{{n}} {{os.getcwd()}}\\n')\n"
        f"while n in (2, 4) and not pathlib.Path(f'{gate}{{n}}').exists(): time.sleep(0.05)"
    )
    book = write_book(tmp_path / "book.ipynb", QUICK, cell)
    space = workspaces.current()
    victims: list[str] = []

    def act(board: Board, trial: Trial) -> None:
        if trial.state != "running":
            return
        if trial.values["n"] == 2 and not victims:
            victims.append(trial.run_id)
            wait_until(lambda: where.exists() and "2 " in where.read_text())
            cluster.add_worker()
            cluster.workers[0].kill()
            # Only then: a kernel that outlives its worker by a moment would finish the trial.
            wait_until(lambda: space.store.get_run(trial.run_id).status is not Status.RUNNING)
            Path(f"{gate}2").touch()
        if trial.values["n"] == 4:
            wait_until(lambda: where.exists() and "\n4 " in where.read_text())
            cluster.scheduler.kill()

    engine = cluster.address.replace("tcp://", "dask://")
    plan = make_plan(book, {"n": "1..5"}, metric="score", engine=engine, workers=1)
    with pytest.raises(EngineLost, match=r"is gone; 3 of 5 trials are over\. .*--resume") as lost:
        run_sweep(plan, watcher=Followed(act))
    assert "\n" not in str(lost.value)
    sweep = space.store.search_runs(None, "tags.`mlops_nb.kind` = 'sweep'").items[0]
    assert sweep.status is Status.KILLED
    first, again = (
        space.store.search_runs(None, f"tags.`mlops_nb.trial` = '1' AND tags.`mlops_nb.attempt` = '{n}'").items
        for n in (1, 2)
    )
    assert first[0].status is Status.KILLED and first[0].run_id == victims[0] and again[0].status is Status.FINISHED
    wait_until(lambda: not ours())
    assert str(tmp_path) in where.read_text(), "the notebook is at its place with the same content: it works there"

    where.write_text("")
    Path(f"{gate}4").touch()
    _, plan = load_plan(space, sweep.run_id)
    board = run_sweep(replace(plan, engine="local"), resume=sweep.run_id)
    assert board.counts()["finished"] == 5
    assert [line[0] for line in where.read_text().splitlines()] == ["4", "5"], "finished points were repeated"


@pytest.mark.slow
def test_a_worker_that_shares_nothing_but_the_store(cluster: Cluster, tmp_path: Path) -> None:
    """The notebook's file is gone from where it was: content travels, and the kernel works in a folder of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    book = write_book(
        folder / "book.ipynb", QUICK, "import os\nassert not os.path.exists('data.csv')\nprint(os.getcwd())"
    )
    (folder / "data.csv").write_text("only here")
    engine = cluster.address.replace("tcp://", "dask://")
    plan = make_plan(book, {"n": "1..2", "kind": "a"}, metric="score", engine=engine)
    book.unlink()
    board = run_sweep(plan)
    assert board.counts()["finished"] == 2, board.trials
    run = workspaces.current().store.get_run(board.trials[1].run_id)
    assert run.params["n"] == 2 and run.metrics["score"] == 2.0 and run.notebook == "book.ipynb"
