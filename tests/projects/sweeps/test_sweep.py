"""Sweeps with real kernels: side by side, seeds, failures, lost workers, interruption, resumption."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

import mlops_nb
from mlops_nb import workspace as workspaces
from mlops_nb.entities import Status
from mlops_nb.errors import InvalidInput
from mlops_nb.projects.sweeps.board import Board, Trial
from mlops_nb.projects.sweeps.plan import load_plan, make_plan
from mlops_nb.projects.sweeps.sweep import run_sweep
from mlops_nb.tracking.reading import load_view
from tests.projects.sweeps.books import QUICK, Followed, command, ours, wait_until, write_book

ODD = (
    "%%track\nimport os, random, sys, builtins\n"
    "found = [name for name in ('left_behind', 'LEFT') if name in globals() or name in os.environ]\n"
    "found += ['module'] * ('left_module' in sys.modules) + ['builtin'] * hasattr(builtins, 'left')\n"
    "found += ['folder'] * (os.getcwd() != sys.path_folder if hasattr(sys, 'path_folder') else 0)\n"
    "leaks = len(found)\ndraw = random.random()\npid = os.getpid()\nseeded = seed * 10.0"
)
DRAW = "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()"
LEAVE = (
    "left_behind = 1\nos.environ['LEFT'] = '1'\nsys.modules['left_module'] = os\nbuiltins.left = 1\n"
    "sys.path_folder = 'x'\nos.chdir('/')\n"
    "assert n != 3, 'three is refused'"
)


@pytest.mark.slow
def test_a_sweep_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mlops_nb.cli import main

    book = write_book(tmp_path / "book.ipynb", ODD, LEAVE, "%%track\nscore = x * n - (kind == 'b')", DRAW)
    words = ["sweep", str(book), "-p", "n=1..3", "-p", "kind=a,b", "-p", "x=2", "--metric", "score"]
    status = main([*words, "--workers", "2", "--seeds", "2", "--json"])
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert status == 1, "notebooks failed"
    assert found["counts"] == {"finished": 8, "running": 0, "waiting": 0, "failed": 4, "killed": 0, "stopped": 0}
    assert found["best"]["params"] == {"n": 2, "kind": "a", "x": 2.0} and found["best"]["value"] == 4.0
    assert found["best"]["std"] == 0.0 and len(found["best"]["run_ids"]) == 2
    assert "12 of 12" in shown.err and "three is refused" in shown.err
    good = [trial["metrics"] for trial in found["trials"] if trial["state"] == "finished"]
    outputs = load_view(found["best"]["run_ids"][0]).facts["outputs"]
    assert any("image/png" in (each.get("data") or {}) for each in outputs), "a trial's figures are pictures"
    assert {one["leaks"] for one in good} == {0.0}, "something leaked from one trial to the next"
    assert len({one["pid"] for one in good}) == 8 and len({one["draw"] for one in good}) == 8
    assert {one["seeded"] for one in good} == {0.0, 10.0}
    space = workspaces.current()
    whole, trials = space.store.get_run(found["sweep_id"]), mlops_nb.search_runs(output_format="list")
    nested = [run for run in trials if run.parent_run_id == whole.run_id]
    assert whole.tags["mlops_nb.kind"] == "sweep" and whole.status is Status.FINISHED and len(nested) == 12
    assert whole.metrics["score"] == 4.0 and whole.tags["mlops_nb.best_run"] in found["best"]["run_ids"]
    assert {run.tags["mlops_nb.sweep"] for run in nested} == {whole.run_id}
    assert {run.params["n"] for run in nested} == {1, 2, 3} and {run.params["seed"] for run in nested} == {0, 1}
    failed = next(run for run in nested if run.status is Status.FAILED)
    kept = [entry.path for entry in space.store.artifacts(failed.run_id)]
    assert {"book.ipynb", "book.html"} <= set(kept) and failed.params["n"] == 3
    best = [entry.path for entry in space.store.artifacts(found["best"]["run_ids"][0])]
    assert "book.ipynb" in best and "book.html" not in best, "a page of each good trial would be looked at by nobody"
    assert not ours()

    assert main(["sweep", "--resume", whole.run_id[:14]]) == 1, "it is over: it is only shown"
    assert "best score 4" in capsys.readouterr().out
    assert main(["sweep", str(book), "-p", "nn=1"]) == 2
    assert "did you mean 'n'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_worker_costs_one_attempt(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    cell = f"import time, pathlib\nwhile n == 2 and not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.05)"
    book = write_book(tmp_path / "book.ipynb", QUICK, cell)
    space = workspaces.current()
    killed: list[str] = []

    def act(board: Board, trial: Trial) -> None:
        if trial.values["n"] == 2 and trial.state == "running" and not killed:
            killed.append(trial.run_id)
            wait_until(lambda: any(run.run_id == trial.run_id for run in space.store.open_runs()))
            wait_until(lambda: space.store.search_runs(None, f"parent_run_id = '{trial.run_id}'").items)
            # The one before is written down beside this one; it is over when its worker is killed, told or not.
            wait_until(lambda: space.store.get_run(board.trials[0].run_id).end_time)
            worker = next(p for p in ours() if p.pid == space.store.get_run(trial.run_id).lease.pid)  # type: ignore[union-attr]
            worker.kill()
            worker.wait(30)
            wait_until(lambda: len(ours()) == 0)  # its kernels end with it, and do not see the gate
            gate.touch()

    followed = Followed(act)
    board = run_sweep(make_plan(book, {"n": "1..3"}, metric="score", workers=1), watcher=followed)
    assert board.counts()["finished"] == 3
    assert (1, "finished", 2) in followed.ended and (0, "finished", 1) in followed.ended
    assert space.store.get_run(killed[0]).status is Status.KILLED
    assert not ours()


@pytest.mark.slow
def test_interrupted_by_ctrl_c_then_resumed(tmp_path: Path) -> None:
    count = tmp_path / "count.txt"
    cell = f"import time\nwith open({str(count)!r}, 'a') as file: file.write(f'{{n}} ')\nif n > 2: time.sleep(1000)"
    book = write_book(tmp_path / "book.ipynb", QUICK, cell)
    words = ["sweep", str(book), "-p", "n=1..4", "--metric", "score", "--workers", "1"]
    process = command(*words, cwd=tmp_path)
    wait_until(lambda: count.exists() and count.read_text() == "1 2 3 ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, err
    assert "go on with: mlops-nb sweep --resume" in err and "Traceback" not in err + out
    assert not ours(), "a kernel or a worker was left behind"

    space = workspaces.current()
    sweep = space.store.search_runs(None, "tags.`mlops_nb.kind` = 'sweep'").items[0]
    assert sweep.status is Status.KILLED
    count.write_text("")
    run, plan = load_plan(space, sweep.run_id)
    assert plan.source == book.read_text()

    process = command("sweep", "--resume", run.run_id, "--workers", "1", cwd=tmp_path)
    wait_until(lambda: count.read_text() == "3 ")
    os.killpg(process.pid, signal.SIGKILL)  # as nothing can be done against
    process.wait()
    wait_until(lambda: not ours())
    assert space.recover() is not None and space.store.get_run(run.run_id).status is Status.KILLED

    kept = book.read_text().replace("time.sleep(1000)", "pass")
    book.write_text("{}")  # what becomes of the file does not matter
    assert "sleep(1000)" in plan.source and kept
    count.write_text("")
    trials = space.store.search_runs(None, f"parent_run_id = '{run.run_id}'").items
    assert sorted(trial.params["n"] for trial in trials if trial.status is Status.FINISHED) == [1, 2]
    assert all(trial.status is not Status.RUNNING for trial in trials)


@pytest.mark.slow
def test_kill_nine_and_resume_repeats_nothing(tmp_path: Path) -> None:
    count, gate = tmp_path / "count.txt", tmp_path / "gate"
    cell = (
        f"import time, pathlib\nwith open({str(count)!r}, 'a') as file: file.write(f'{{n}} ')\n"
        f"while n > 2 and not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.05)"
    )
    book = write_book(tmp_path / "book.ipynb", QUICK, cell)
    words = ["sweep", str(book), "-p", "n=1..4", "--metric", "score", "--workers", "1", "-n", "mine"]
    process = command(*words, cwd=tmp_path)
    wait_until(lambda: count.exists() and count.read_text() == "1 2 3 ")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not ours())
    gate.touch()
    found = mlops_nb.sweep(resume="mine")
    assert found.board.counts()["finished"] == 4 and found.best is not None and found.best["value"] == 4.0
    assert count.read_text() == "1 2 3 3 4 ", "finished points were repeated"
    assert len(found.runs) == 4 and found.frame()["metrics.score"].tolist() == [1, 2, 3, 4]
    assert workspaces.current().store.get_run(found.sweep_id).status is Status.FINISHED


@pytest.mark.slow
def test_tpe_learns_stops_early_and_a_metric_that_is_not_there_ends_it(tmp_path: Path) -> None:
    curve = (
        "%%track\nimport time\nfor step in range(6):\n"
        "    mlops_nb.log_metric('loss', abs(x) / (step + 1), step=step)\n"
        "    if abs(x) > 5 and step > 2: time.sleep(60)"
    )
    book = write_book(tmp_path / "book.ipynb", "import mlops_nb", curve)
    followed = Followed()
    values = [1.0, 0.5, 0.25, 2.0, 9.0]
    plan = make_plan(book, {"x": values}, metric="loss", mode="min", stop_early=True, workers=1)
    board = run_sweep(plan, watcher=followed)
    assert board.counts()["stopped"] == 1 and board.trials[4].state == "stopped"
    run = workspaces.current().store.get_run(board.trials[4].run_id)
    assert run.status is Status.KILLED and run.tags["mlops_nb.trial_state"] == "stopped"
    best = board.best()
    assert best is not None and best.values == {"x": 0.25}

    options = {"metric": "loss", "mode": "min", "sampler": "tpe", "trials": 3, "workers": 1}
    learnt = run_sweep(make_plan(book, {"x": "-3..3", "kind": "a,b", "n": "1..100:log"}, **options))
    assert learnt.counts()["finished"] == 3 and all(-3 <= t.values["x"] <= 3 for t in learnt.trials.values())
    longer = load_plan(workspaces.current(), learnt.sweep_id)[1]
    from dataclasses import replace

    more = run_sweep(replace(longer, trials=4), resume=learnt.sweep_id)
    assert more.counts()["finished"] == 4
    assert [more.trials[n].run_id for n in range(3)] == [learnt.trials[n].run_id for n in range(3)]

    with pytest.raises(InvalidInput, match=r"no metric 'los' \(did you mean 'loss'\?\)"):
        run_sweep(make_plan(book, {"x": [1, 2, 3]}, metric="los", workers=1))
    assert not ours()


def test_all_is_checked_before_anything_runs(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book.ipynb", QUICK)
    for options, words in [
        ({"sampler": "tpee"}, "did you mean 'tpe'"),
        ({"sampler": "tpe"}, "--metric NAME"),
        ({"mode": "mx"}, "did you mean 'max'"),
        ({"engine": "dusk://x"}, "did you mean 'dask'"),
        ({"engine": "dask://"}, "HOST:PORT"),
        ({"workers": 0}, "0 workers"),
        ({"trials": 0}, "0 trials"),
        ({"seeds": 0}, "0 seeds"),
        ({"kernel": "nope"}, "not installed"),
        ({"stop_early": True}, "--metric NAME"),
    ]:
        with pytest.raises(InvalidInput) as refusal:
            make_plan(book, {"x": "1,2"}, **options)
        assert words in str(refusal.value)
    with pytest.raises(InvalidInput, match="--sampler random"):
        make_plan(book, {"x": "0.5..1"})
    with pytest.raises(InvalidInput, match="which seeds to take"):
        make_plan(book, {"seed": "1,2"}, seeds=2)
    with pytest.raises(InvalidInput, match="did you mean 'trials'"):
        mlops_nb.sweep(book, {"x": "1,2"}, trial=3)
    assert not workspaces.current().root.exists()


@pytest.mark.nightly
def test_a_kernel_without_a_parent_ends(tmp_path: Path) -> None:
    """The process that forks is killed: its kernels do not outlive it, and the next trial gets another one."""
    from mlops_nb.projects.sweeps import warmth

    book = write_book(
        tmp_path / "book.ipynb", "import os, signal, time\nif n == 1: os.kill(os.getppid(), 9), time.sleep(60)", QUICK
    )
    board = run_sweep(make_plan(book, {"n": "1..2"}, metric="score", workers=1))
    ended = [(trial.state, trial.attempt) for trial in board.trials.values()]
    assert ended == [("killed", 2), ("finished", 1)], board.trials
    assert warmth.can_fork(["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    assert not ours()
