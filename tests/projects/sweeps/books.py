"""Notebooks to sweep, and what a machine looks like afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil

from mlops_nb.projects.sweeps.board import Board, Trial
from tests.house import ROOT

PARAMETERS = "x = 1.0  # [-10, 10]\nn = 1  # 1..1000\nkind = 'a'  # in {a, b}\nseed = 0"
QUICK = "%%track\nimport mlops_nb\nscore = x * n"


def write_book(path: Path, *cells: str, parameters: str = PARAMETERS) -> Path:
    """A notebook that loads mlops_nb, takes parameters, and has these cells."""
    new = nbformat.v4.new_code_cell
    made = [new("%load_ext mlops_nb", id="load"), new(parameters, id="p", metadata={"tags": ["parameters"]})]
    made += [new(source, id=f"c{number}") for number, source in enumerate(cells)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": spec}), path)
    return path


class Followed:
    """A watcher that remembers how trials ended, and acts when one begins or ends."""

    def __init__(self, act: Callable[[Board, Trial], None] = lambda board, trial: None) -> None:
        self.ended: list[tuple[int, str, int]] = []
        self.act = act
        self.last: Board | None = None

    def on_start(self, board: Board) -> None:
        """Nothing."""

    def on_change(self, board: Board, trial: Trial | None) -> None:
        """Remember."""
        if trial is not None:
            if trial.is_over:
                self.ended.append((trial.number, trial.state, trial.attempt))
            self.act(board, trial)

    def on_end(self, board: Board) -> None:
        """Keep it."""
        self.last = board


def ours() -> list[psutil.Process]:
    """Workers, forking processes and kernels of sweeps that this process started, or that are nobody's now."""
    found = []
    mine = {process.pid for process in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            if process.status() == psutil.STATUS_ZOMBIE or "mlops_nb.projects.sweeps" not in words:
                continue
            if process.pid in mine or process.environ().get("SWEEP_TEST") == os.environ.get("SWEEP_TEST", "-"):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until(what: Callable[[], Any], seconds: float = 240) -> Any:
    """What it gives, once that is something."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def command(*words: str, **options: Any) -> subprocess.Popen[str]:
    """The command line, started."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "mlops_nb.cli", *words],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options,
    )  # fmt: skip
