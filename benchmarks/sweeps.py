"""Measure sweeps: how busy the workers are kept by short trials, and how quick a sweep of 10,000 trials is to look at.

    python -m benchmarks.sweeps                     # 200 trials on 2 local workers, then 10,000 finished ones
    python -m benchmarks.sweeps --trials 20 --many 1000

Busy is the share of the time in which a worker has a trial that executes, from the end of the first ones to that of the
last one: from its turn to the end of its last cell. The other share counts only the cells themselves. While a worker
executes, the next kernel gets ready and the last trial is written down beside it.
Seconds are of processor time where a table says so, since machines are busy.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Batch, Points, RunEnd, RunStart, Status, new_id
from mlops_nb.projects.sweeps.board import Board, Trial
from mlops_nb.projects.sweeps.plan import Plan, load_trials, make_plan
from mlops_nb.projects.sweeps.sweep import run_sweep

Found = TypeVar("Found")

CELLS = ["%load_ext mlops_nb", "n = 1\nseconds = 0.5", "import time\ntime.sleep(seconds)", "%%track\nscore = n * 2"]


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="how many short trials")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long the cells of each sleep")
    parser.add_argument("--workers", type=int, default=2, help="how many at once")
    parser.add_argument("--many", type=int, default=10_000, help="how many finished trials to look at")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with workspaces.using(workspaces.open_workspace(str(folder / "store"))) as space:
            rows = busy(folder, options.trials, options.seconds, options.workers) if options.trials else {}
            rows |= looking(folder, options.many) if options.many else {}
            space.close()
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {load} at the end", end="\n\n")
    print("| | |\n| --- | --: |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")


def write_book(folder: Path) -> Path:
    """A notebook whose trials are short."""
    import nbformat

    new = nbformat.v4.new_code_cell
    cells = [new(source, id=f"c{place}") for place, source in enumerate(CELLS)]
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "short.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def busy(folder: Path, trials: int, seconds: float, workers: int) -> dict[str, str]:
    """Many short trials on a few workers."""
    adopt_orphans()
    begin, spent = time.perf_counter(), time.process_time()
    plan = make_plan(write_book(folder), {"n": range(trials), "seconds": seconds}, metric="score", workers=workers)
    board = run_sweep(plan)
    total = time.perf_counter() - begin
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() - spent + reap() + children.ru_utime + children.ru_stime
    store = workspaces.current().store
    turns = []
    for trial in board.trials.values():
        assert trial.state == "finished" and trial.seconds is not None, trial
        at = store.get_run(trial.run_id).start_time / 1000
        told = store.facts(trial.run_id, ["cells"])["cells"]
        turns.append((at, at + trial.seconds, sum(cell["seconds"] or 0.0 for cell in told)))
    turns.sort(key=lambda turn: turn[1])
    warm, end = turns[min(workers, len(turns)) - 1][1], turns[-1][1]  # each worker has had one
    inside = turns[workers:]
    worked = sum(turn[1] - max(turn[0], warm) for turn in inside)
    places = (end - warm) * workers
    return {
        f"{trials} trials of {seconds} s on {workers} local workers, in all": f"{total:.0f} s",
        "processor time of all processes, starts included, a trial": f"{spent / trials:.2f} s",
        "workers busy with a trial's cells, once warm": f"{worked / places:.1%}",
        "a cell is running, of the same time": f"{sum(turn[2] for turn in inside) / places:.1%}",
        "a trial, median": f"{statistics.median(turn[1] - turn[0] for turn in turns):.2f} s",
    }


def adopt_orphans() -> None:
    """Have processes whose parents end become children of this one, so that their processor time is known."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def reap() -> float:
    """Wait for what is left of the sweep: the processor time of all of it."""
    spent = 0.0
    with contextlib.suppress(ChildProcessError):
        while True:
            *_, used = os.wait4(-1, 0)
            spent += used.ru_utime + used.ru_stime
    return spent


def looking(folder: Path, many: int) -> dict[str, str]:
    """A sweep with many finished trials: read from the store, and drawn."""
    from mlops_nb.panels.sweep_page import sweep_view
    from mlops_nb.panels.sweep_views import sweep_html

    plan = make_plan(write_book(folder), {"n": range(many), "seconds": [0.1, 0.5, 1.0]}, metric="score")
    sweep_id = fill(many)
    loaded, read = timed(lambda: load_trials(workspaces.current(), sweep_id, plan))
    board = board_of(plan, loaded)
    assert len(loaded) == many
    page, static = timed(lambda: sweep_view(board))
    live, drawn = timed(lambda: sweep_html(board, inline=True))
    _, best = timed(board.best)
    assert "best" in live and page["text/html"]
    return {
        f"{many:,} finished trials, read from the store": read,
        "table and plot, as the panel draws them": drawn,
        "the same as it is kept in the notebook": static,
        "the best of them": best,
    }


def board_of(plan: Plan, trials: dict[int, Trial]) -> Board:
    """The board of a sweep that is over."""
    axes = [axis.name for axis in plan.space.varied]
    return Board("many", axes, len(trials), plan.metric, trials=trials, state="finished")


def fill(many: int) -> str:
    """Runs of a sweep, as they are in the store when it is over."""
    store, sweep_id = workspaces.current().store, new_id()
    batches = [Batch(sweep_id, "", start=RunStart(sweep_id, "many", "Default", 0), end=RunEnd(Status.FINISHED, 1))]
    for number in range(many):
        run_id = new_id()
        start = RunStart(run_id, f"short #{number}", "Default", number, parent_run_id=sweep_id)
        tags: dict[str, str | None] = {f"mlops_nb.{name}": str(number) for name in ("trial", "point")}
        batch = Batch(run_id, "", start=start, tags=tags, end=RunEnd(Status.FINISHED, number + 500))
        batch.params = [("n", number, 0), ("seconds", [0.1, 0.5, 1.0][number % 3], 0)]
        batch.metrics = {"score": Points()}
        batch.metrics["score"].values.append(float(number * 7919 % 10_007))
        batch.metrics["score"].steps.append(0)
        batch.metrics["score"].timestamps.append(number)
        batches.append(batch)
    for begin in range(0, len(batches), 1000):
        store.apply(batches[begin : begin + 1000])
    return sweep_id


def timed(call: Callable[[], Found]) -> tuple[Found, str]:
    """What a call gives, and how long it took; the second of two calls, since the first imports."""
    call()
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return found, f"{wall:.3f} s ({cpu:.3f} s of processor time)"


if __name__ == "__main__":
    main()
