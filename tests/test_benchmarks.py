"""The benchmarks still run against the public interface. What they measure is for people to read, not for a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOT

CHEAP = "import,tiny,point,kill,batch,history,search,frame,cell,kernel,processes,file"


@pytest.mark.nightly
def test_every_measure_gives_a_figure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.run", "--cache", str(tmp_path), "--scale", "0.002", "--repeat", "1"]
    command += ["--peers", "ours,raw_append,raw_sqlite", "--measures", CHEAP]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 15, done.stdout
    for row in rows:
        ours = row.split("|")[3].strip()
        assert re.match(r"-?[\d.,e+-]*\d", ours), f"{row}\n{done.stderr}"


@pytest.mark.nightly
def test_models_beside_mlflow_give_figures(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.models", "--cache", str(tmp_path), "--repeat", "1", "--scale", "0.002"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.endswith(("ms |", "|  |"))]
    assert len(rows) == 6, done.stdout


@pytest.mark.nightly
def test_sweeps_give_figures() -> None:
    command = [sys.executable, "-m", "benchmarks.sweeps", "--trials", "4", "--seconds", "0.1", "--many", "200"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith("| ")]) == 10, done.stdout
