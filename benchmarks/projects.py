"""What running a notebook as a tracked job costs beyond plain papermill, and a pipeline that is up to date.

Each is a process of its own, as a user starts it; they take turns, and the median counts.

    python -m benchmarks.projects --repeat 5
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import v4

CELL = "import time\nfor step in range(20):\n    print(step, flush=True)\n    time.sleep({seconds} / 20)"
ROOT = Path(__file__).parent.parent


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="runs of each; the median counts")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the notebook works")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        rows = measure(folder, options.repeat, options.seconds)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {load} at the end", end="\n\n")
    print("| wall | target | median |\n| --- | --- | ---: |")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def measure(folder: Path, repeat: int, seconds: float) -> list[tuple[str, str, str]]:
    """The rows of the table."""
    save(folder / "work.ipynb", CELL.format(seconds=seconds / 2), CELL.format(seconds=seconds / 2))
    pipeline = folder / "pipeline"
    pipeline.mkdir()
    for number, (source, target) in enumerate([("raw", "a"), ("a", "b"), ("b", "c"), ("c", "d")]):
        save(pipeline / f"{number}_{target}.ipynb", f"open('{target}.txt', 'w').write(open('{source}.txt').read())")
    (pipeline / "raw.txt").write_text("1", encoding="utf-8")
    ours = [sys.executable, "-m", "mlops_nb.cli", "run"]
    plain = [sys.executable, "-m", "papermill", "--no-progress-bar", "work.ipynb", "plain.ipynb"]
    timed(plain, folder), timed([*ours, "work.ipynb", "-o", "ours.ipynb"], folder)  # both warm
    timed([*ours, "pipeline"], folder)
    walls: dict[str, list[float]] = {"plain": [], "ours": [], "fresh": []}
    for _ in range(repeat):
        walls["plain"].append(timed(plain, folder))
        walls["ours"].append(timed([*ours, "work.ipynb", "-o", "ours.ipynb"], folder))
        walls["fresh"].append(timed([*ours, "pipeline"], folder))
    median = {name: statistics.median(values) for name, values in walls.items()}
    over = median["ours"] - median["plain"]
    return [
        (f"papermill, a notebook of {seconds:g} s", "", f"{median['plain']:.2f} s"),
        ("`mlops-nb run`, the same", "", f"{median['ours']:.2f} s"),
        ("… beyond papermill", "≤ 1 s, ≤ 10 %", f"{over:+.2f} s, {100 * over / median['plain']:+.1f} %"),
        ("a pipeline of 4 stages, up to date", "≤ 1 s", f"{median['fresh']:.2f} s"),
    ]


def save(path: Path, *sources: str) -> None:
    """Write a notebook of these cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [v4.new_code_cell(source) for source in sources]
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


def timed(command: Sequence[str], folder: Path) -> float:
    """Wall seconds of a process."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_NB_")}
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=clean | {"PYTHONPATH": path}, capture_output=True, text=True)
    wall = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(done.stderr)
    return wall


if __name__ == "__main__":
    main()
