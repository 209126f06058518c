"""What following a session costs: real notebooks with and without it, and beside ipyflow; a 2 GB frame left alone.

Every notebook is run in one process after another without anything, followed (`%load_ext mlops_nb` alone), with every
cell followed and tracked (ours), and with ipyflow (in an environment of its own); in turns, several times, and the
least processor time of each counts, since what disturbs only ever adds. All threads count, until all is stored.
Loading and the first cell are before the clock starts.

A cell that fails costs what its traceback costs, so failures are counted: some notebooks need seaborn (extra `bench`).

    python -m benchmarks.following --cache FOLDER                                   # some minutes
    python -m benchmarks.following --cache FOLDER --notebooks ols,lowess --ways plain,ours
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTEBOOKS = "ols,wls,gls,glm,robust_models_0,kernel_density,predict,quantile_regression,lowess,copula"
WAYS = {
    "plain": "",
    "followed": "%load_ext mlops_nb",
    "ours": "%load_ext mlops_nb\n%track auto",
    "ipyflow": "%load_ext ipyflow",
}
NEEDED = "ipyflow-core ipython numpy pandas scipy scikit-learn statsmodels matplotlib patsy seaborn"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"}
FRAME = "import numpy as np, pandas as pd\nbig = pd.DataFrame(np.ones(({rows}, 50)))"
SMALL = 40


def main() -> None:
    """Measure, and print a line for each notebook, their sum, and the frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="where notebooks and ipyflow's environment are kept")
    parser.add_argument("--notebooks", default=NOTEBOOKS)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of the frame that is left alone; 0 for none")
    asked = parser.parse_args()
    ways = asked.ways.split(",")
    pythons = {way: python_of(way, asked.cache) for way in ways}
    print("| notebook | cells | plain |", *(f" {way}, more a cell |" for way in ways if way != "plain"), sep="")
    print("| --- | --- | --- |", *(" --- |" for way in ways if way != "plain"), sep="")
    sums = dict.fromkeys(ways, 0.0)
    total = 0
    for name in filter(None, asked.notebooks.split(",")):
        cells = fetched(name, asked.cache)
        best = compare(pythons, cells, asked.repeat)
        total += len(cells)
        for way in ways:
            sums[way] += best[way]
        different = {way: _FAILED[way] for way in ways if _FAILED[way] != _FAILED[ways[0]]}
        if different:
            print(f"{name}: cells fail otherwise than in the first way: {different}", file=sys.stderr)
        print(line(name, len(cells), best), flush=True)
    if total:
        _FAILED.clear()
        print(line("all", total, sums), flush=True)
    if asked.gigabytes:
        rows = int(asked.gigabytes * 1e9 / 400)
        best = compare(pythons, [FRAME.format(rows=rows), *["small = 1 + 1"] * SMALL], asked.repeat, skip=1)
        print(line(f"a frame of {asked.gigabytes:g} GB, untouched", SMALL, best, share=False))
    print(f"\nload {os.getloadavg()[0]:.1f} at the end; the least of {asked.repeat}")


def _percent(best: dict[str, float], way: str) -> str:
    return f"{100 * (best[way] / best['plain'] - 1):.0f}"


def line(name: str, cells: int, best: dict[str, float], *, share: bool = True) -> str:
    """One row of the table; of cells that do nothing a share says nothing."""
    more = [
        f" {1000 * (best[way] - best['plain']) / cells:.1f} ms" + (f" ({_percent(best, way)} %) |" if share else " |")
        for way in best
        if way != "plain"
    ]
    failed = f" ({_FAILED['plain']} fail)" if _FAILED.get("plain") and share else ""
    return "".join([f"| {name} | {cells}{failed} | {best['plain']:.2f} s |", *more])


def compare(pythons: dict[str, str], cells: list[str], repeat: int, *, skip: int = 0) -> dict[str, float]:
    """The least processor seconds of each way, which take turns."""
    found: dict[str, list[float]] = {way: [] for way in pythons}
    for _ in range(repeat):
        for way, python in pythons.items():
            found[way].append(measured(python, way, cells, skip))
    return {way: min(seconds) for way, seconds in found.items()}


def measured(python: str, way: str, cells: list[str], skip: int) -> float:
    """Processor seconds of a process's IPython shell for the cells behind the first `skip`."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        given = json.dumps({"setup": WAYS[way], "cells": cells, "skip": skip})
        environment = {**os.environ, **ENVIRONMENT, "MLOPS_NB_STORE": f"{folder}/store"}
        done = subprocess.run(
            [python, str(Path(__file__).resolve()), "--child"], input=given, cwd=folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=1800,
        )  # fmt: skip
        seconds, failures = done.stdout.strip().splitlines()[-1].split()
        _FAILED[way] = int(failures)
        return float(seconds)


_FAILED: dict[str, int] = {}
"""Cells that ended with an error in the last process of each way: what they take is mostly their tracebacks."""


def child() -> None:
    """Run the cells that are given on standard input, and print the processor seconds."""
    import contextlib
    import gc
    import io
    import resource

    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    def spent() -> float:
        own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in own)

    given = json.load(sys.stdin)
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for source in (given["setup"], "import numpy, pandas, matplotlib.pyplot", "first = 1", "first"):
            shell.run_cell(source, store_history=True)
        settle()
        for source in given["cells"][: given["skip"]]:
            shell.run_cell(source, store_history=True)
        settle()
        gc.collect()  # else one way has a full collection of 0.1 s within the clock, and another one before it
        begun = spent()
        failed = 0
        for source in given["cells"][given["skip"] :]:
            failed += not shell.run_cell(source, store_history=True).success
        settle()
        seconds = spent() - begun
    print(seconds, failed)


def settle() -> None:
    """Wait until what was recorded is stored: that is a part of what it costs."""
    if "mlops_nb" in sys.modules:
        from mlops_nb import workspace

        workspace.current().flush()


def fetched(name: str, cache: Path) -> list[str]:
    """The cells of a real notebook, from its source distribution."""
    from tests.nightly.real_notebooks import NOTEBOOKS as KNOWN
    from tests.nightly.real_notebooks import cells_of, fetch

    found = next(each for each in KNOWN if each.name == name)
    cache.mkdir(parents=True, exist_ok=True)
    return cells_of(fetch(found.source, cache) / f"{name}.ipynb")


def python_of(way: str, cache: Path) -> str:
    """The interpreter of a way; ipyflow's environment is made when there is none."""
    if way != "ipyflow":
        return sys.executable
    python = cache.resolve() / "ipyflow" / "bin" / "python"
    made_for = python.parent.parent / "made-for"
    if not made_for.exists() or made_for.read_text("ascii") != NEEDED:
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *NEEDED.split()], check=True)
        made_for.write_text(NEEDED, "ascii")
    return str(python)


if __name__ == "__main__":
    child() if "--child" in sys.argv else main()
