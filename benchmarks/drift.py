"""The drift report on a large log: time and memory of ``mlops-nb monitor``, beside the floor of only reading the log.

    python -m benchmarks.drift                     # 1,000,000 rows, 30 columns
    python -m benchmarks.drift --peer evidently    # and Evidently's report on the same columns, in its own environment

Each is a process of its own; time is wall and processor time of the whole process, memory its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NUMBERS, WORDS = 22, 8
CITIES = ["Bern", "Basel", "Chur", "Genf", "Zug", "Biel", "Thun", "Olten"]

PEER = """
import sys, pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
reference, current = pd.read_parquet(sys.argv[1]), pd.read_parquet(sys.argv[2])
report = Report([DataDriftPreset()]).run(current, reference)
report.save_html(sys.argv[3])
"""


def main() -> None:
    """Make the data, measure, print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer", choices=["evidently"], help="measure it as well")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "mlops_nb-benchmarks")
    parser.add_argument("--child", choices=["make", "monitor", "read"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        {"make": lambda: make(asked.rows), "monitor": look, "read": read}[asked.child]()
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        environment = {**os.environ, "MLOPS_NB_STORE": f"{folder}/store", "MLOPS_NB_USER_FOLDER": f"{folder}/user"}
        ours = [sys.executable, "-m", "benchmarks.drift", "--rows", str(asked.rows), "--child"]
        run([*ours, "make"], folder, environment)
        results = {
            "the log, only read": run([*ours, "read"], folder, environment),
            "mlops-nb monitor, first": run([*ours, "monitor"], folder, environment),
            "mlops-nb monitor": run([*ours, "monitor"], folder, environment),
        }
        if asked.peer:
            command = [peer_python(asked.cache), "-c", PEER, "reference.parquet", "current.parquet", "report.html"]
            results[asked.peer] = run(command, folder, environment)
    print(f"{asked.rows:,} rows, {NUMBERS + WORDS} columns; load {os.getloadavg()[0]:.1f}")
    for name, (wall, processor, memory) in results.items():
        print(f"{name:<24} {wall:6.1f} s wall  {processor:6.1f} s processor  {memory:6.0f} MB")


def run(command: list[str], folder: str, environment: dict[str, str]) -> tuple[float, float, float]:
    """Wall and processor time in seconds, and peak memory in MB, of a process."""
    begun = time.perf_counter()
    here = {**environment, "PYTHONPATH": str(Path(__file__).parent.parent)}
    here.pop("PYTHONDONTWRITEBYTECODE", None)  # as a user has it: what is imported was compiled before
    process = subprocess.Popen(command, cwd=folder, env=here, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status not in ((0, 256) if "benchmarks.drift" in command else (0,)):  # ours: drift is status 1
        raise SystemExit(f"{command} failed with {status}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def frame_of(rows: int, *, moved: bool, seed: int):
    """Numbers of several shapes, and words; some columns moved."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    columns = {}
    for number in range(NUMBERS):
        values = rng.normal(0.5 if moved and number % 7 == 0 else 0, 1, rows)
        columns[f"n{number}"] = np.exp(values) if number % 3 == 0 else values
    for number in range(WORDS):
        weights = np.ones(8) + (np.arange(8) if moved and number % 4 == 0 else 0)
        columns[f"w{number}"] = rng.choice(CITIES, rows, p=weights / weights.sum())
    return pd.DataFrame(columns)


def make(rows: int) -> None:
    """A registered model, and a log of its answers in files of 50,000 rows, as serving writes them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    import mlops_nb
    from mlops_nb import workspace
    from mlops_nb.registry import promote
    from mlops_nb.serving import log_folder

    reference = frame_of(100_000, moved=False, seed=0)
    with mlops_nb.start_run() as made:
        mlops_nb.log_model(lambda asked: asked["n1"], "model", reference=reference, input_example=reference,
                           requirements=[])  # fmt: skip
    mlops_nb.register_model(f"runs:/{made.run_id}/model", "large")
    promote("large", 1, "champion")
    now = frame_of(rows, moved=True, seed=1)
    reference.to_parquet("reference.parquet")
    now.to_parquet("current.parquet")
    folder = log_folder("large", workspace.current().root)
    folder.mkdir(parents=True)
    times = np.linspace(time.time() - 86_400, time.time() - 60, rows)
    for number, start in enumerate(range(0, rows, 50_000)):
        part = now.iloc[start : start + 50_000]
        count = len(part)
        columns = {
            "request_id": [f"{start + row:032x}" for row in range(count)], "row": np.zeros(count, dtype="i8"),
            "time": pa.array((times[start : start + count] * 1e6).astype("i8")).cast(pa.timestamp("us", tz="UTC")),
            "model": ["large"] * count, "version": ["1"] * count, "run_id": [""] * count, "role": ["champion"] * count,
            "latency_ms": np.random.default_rng(number).lognormal(0, 0.5, count), "status": np.full(count, 200),
            "error": pa.nulls(count, pa.string()), "output.prediction": part["n1"].to_numpy(),
        }  # fmt: skip
        columns |= {f"input.{name}": part[name].to_numpy() for name in part}
        pq.write_table(pa.table(columns), folder / f"answers-20260101T{number:012d}-1-{number}.parquet")


def look() -> None:
    """The command, as a user gives it; what it said goes to nowhere."""
    from mlops_nb.cli import main as command

    status = command(["monitor", "models:/large@champion"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"status": status, "peak": peak}))
    sys.exit(status)


def read() -> None:
    """The floor: every column of the log read and thrown away."""
    from mlops_nb import workspace
    from mlops_nb.serving import log_folder, read_answers

    for _ in read_answers(log_folder("large", workspace.current().root)):
        pass


def peer_python(cache: Path) -> str:
    """The interpreter of Evidently's own environment, made on first use."""
    python = cache / "evidently" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(cache / "evidently")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "evidently", "pyarrow", "pandas<3"], check=True)
    return str(python)


if __name__ == "__main__":
    main()
