"""Measure mlops_nb beside MLflow, Trackio, W&B and the raw floor, in one run, and print one Markdown table.

Each peer gets a virtual environment of its own in the cache folder, made on first use; mlops_nb is measured as it is
installed in the environment that this runs in. Each measure is a process of its own, repeated, peers taking turns so
that a busy minute of the machine hits them all; the median is shown. Processor time is of all threads and children.

    python -m benchmarks.run --cache FOLDER                          # all, about half an hour
    python -m benchmarks.run --cache FOLDER --peers ours,raw_append --measures tiny,point
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.table import MEASURED, PEERS, markdown

ROOT = Path(__file__).parent.parent
PACKAGES = {"mlflow_sqlite": "mlflow", "trackio_local": "trackio", "wandb_offline": "wandb"}
SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "WANDB_MODE": "offline", "WANDB_SILENT": "true",
    "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg",
}  # fmt: skip

Results = dict[str, dict[str, list[dict[str, float]] | str | None]]


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="where peers' environments and filled stores live")
    parser.add_argument("--peers", default=",".join(PEERS), help="which, with commas between them")
    parser.add_argument("--measures", default=",".join(MEASURED), help="which, with commas between them")
    parser.add_argument("--repeat", type=int, default=3, help="processes a measure; the median counts")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a tenth of the points and runs")
    parser.add_argument("--json", type=Path, help="write all single results to this file, too")
    options = parser.parse_args()
    peers, measures, cache = options.peers.split(","), options.measures.split(","), options.cache.resolve()
    pythons = {peer: python_of(peer, cache) for peer in peers}
    results: Results = {measure: {} for measure in measures}
    for measure in measures:
        for _ in range(options.repeat if measure not in ("kill", "file") else 1):
            for peer in peers:
                add(results[measure], peer, measured(pythons[peer], peer, measure, options.scale, cache))
    if options.json:
        everything = {"machine": machine(pythons), "results": results}
        options.json.write_text(json.dumps(everything, indent=1), encoding="utf-8")
    print(machine(pythons), end="\n\n")
    print(markdown(results, peers))


def python_of(peer: str, cache: Path) -> str:
    """The interpreter that a peer is measured with; its environment is made when there is none."""
    package = PACKAGES.get(peer)
    if package is None:
        return sys.executable
    python = cache / package / "bin" / "python"
    if not python.exists():
        print(f"making an environment for {package}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(cache / package)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", package, "pandas", "psutil", "ipykernel"]
        subprocess.run(install, check=True)
    return str(python)


def measured(python: str, peer: str, measure: str, scale: float, cache: Path) -> dict[str, float] | str | None:
    """One process, one measure: its result, what went wrong, or None where the peer does not offer this."""
    if measure in ("search", "frame"):
        return child(python, peer, measure, filled(python, peer, scale, cache), scale)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        return child(python, peer, measure, Path(folder) / "store", scale)


def filled(python: str, peer: str, scale: float, cache: Path) -> Path:
    """A folder with the many runs that searching needs; kept in the cache, except ours, which is always of today."""
    place = cache / "filled" / f"{peer}-{scale}"
    done = place.with_suffix(".done")
    stamp = str(os.getppid()) + str(os.getpid()) if peer == "ours" else peer
    if not done.exists() or done.read_text() != stamp:
        shutil.rmtree(place, ignore_errors=True)
        if isinstance(answer := child(python, peer, "fill", place, scale), str):
            raise SystemExit(f"{peer} could not be filled: {answer}")
        place.mkdir(parents=True, exist_ok=True)
        done.write_text(stamp)
    return place


def child(python: str, peer: str, measure: str, folder: Path, scale: float) -> dict[str, float] | str | None:
    """Run ``benchmarks.measures`` in a peer's environment."""
    command = [python, "-m", "benchmarks.measures", peer, measure, str(folder), str(scale)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_NB_")} | SILENT
    path = os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment | {"PATH": path}, capture_output=True, text=True, timeout=3600
        )
    except subprocess.TimeoutExpired:
        return "took over an hour"
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines() or ["no output"]
    print(f"{measure:10} {peer:14} {lines[-1][:150]}", file=sys.stderr, flush=True)
    if done.returncode:
        return lines[-1]
    answer: dict[str, float] | None = json.loads(lines[-1])
    return answer


def add(row: dict[str, Any], peer: str, result: dict[str, float] | str | None) -> None:
    """Collect the repetitions of a measure; an error stands for all of them."""
    if not isinstance(result, dict) or isinstance(row.get(peer), str):
        row[peer] = row[peer] if isinstance(row.get(peer), str) else result
    else:
        row.setdefault(peer, []).append(result)


def machine(pythons: dict[str, str]) -> str:
    """What was measured, on what."""
    named = {PACKAGES[peer]: python for peer, python in pythons.items() if peer in PACKAGES}
    versions = [f"{package} {version(python, package)}" for package, python in named.items()]
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    about = [f"Python {platform.python_version()}", f"{os.cpu_count()} cores", f"load average {load} at the end"]
    return ", ".join([*versions, *about])


def version(python: str, package: str) -> str:
    """The installed version of a package in an environment."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
