"""One measure of one peer, in its own environment: ``python -m benchmarks.measures PEER MEASURE FOLDER SCALE``.

A peer is a module of ``benchmarks.peers``. It offers what it can of: ``connect(folder)``, ``tiny_run(index)``,
``open_run()``, ``log_point(step, value)``, ``log_many(values)``, ``settle()`` (returns when all that was logged is
stored), ``close_run()`` (settles, too), ``stored_points()``, ``read_history()``, ``fill(runs)``, ``search()``,
``frame()``, ``log_file(path)``, the sources ``IMPORT`` and ``CELL`` (set-up, plain cell, tracked cell), and ``SLOWER``
(how many times fewer calls it gets, so that a slow one ends too). What loads at first use is loaded before the clock
starts, except in the measure of importing and of the first tracked cell.
The result is printed as one line of JSON; ``null`` says that the peer does not offer this.
"""

from __future__ import annotations

import importlib
import json
import math
import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import cells
from benchmarks.clocks import bytes_on_disk, cpu_seconds, median_of, timed

ROOT = Path(__file__).parent.parent

Result = dict[str, float] | None


def measure_import(peer: ModuleType, folder: Path, scale: float) -> Result:
    """What loading costs in a process that has IPython already. `peer` is not loaded yet: see `main`."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_cell("pass")
    return timed(lambda: shell.run_cell(peer.IMPORT).raise_error())


def measure_tiny(peer: ModuleType, folder: Path, scale: float) -> Result:
    """Start, 5 params, 5 metrics, end: for each of many runs, until all is stored."""
    count = _scaled(300, peer, scale)
    for index in range(3):
        peer.tiny_run(index)
    peer.settle()
    cpu, wall = cpu_seconds(), time.perf_counter()
    for index in range(count):
        peer.tiny_run(3 + index)
    caller = time.perf_counter() - wall
    peer.settle()
    return {"cpu": (cpu_seconds() - cpu) / count, "wall": caller / count}


def measure_point(peer: ModuleType, folder: Path, scale: float) -> Result:
    """One `log_metric` after another: the caller's median; processor time of all threads until all is stored."""
    count = _scaled(50_000, peer, scale)
    peer.open_run()
    for step in range(20):
        peer.log_point(step, 0.5)
    peer.settle()
    calls = [0] * count
    clock = time.perf_counter_ns
    cpu = cpu_seconds()
    for step in range(count):
        begin = clock()
        peer.log_point(20 + step, step * 0.5)
        calls[step] = clock() - begin
    peer.close_run()
    spent = cpu_seconds() - cpu
    calls.sort()
    return {"p50": calls[count // 2] / 1e9, "p99": calls[-max(1, count // 100)] / 1e9, "cpu": spent / count}


def measure_kill(peer: ModuleType, folder: Path, scale: float) -> Result:
    """Points that a call had acknowledged and that are nowhere after ``kill -9`` in the middle of a loop."""
    acknowledged = folder / "acknowledged"
    acknowledged.write_bytes(bytes(8))
    child = _spawn(peer, "log-until-killed", folder)
    with acknowledged.open("r+b") as file, mmap.mmap(file.fileno(), 8) as counter:
        deadline = time.monotonic() + 60
        while counter[:8] == bytes(8) and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.05)
        time.sleep(max(0.5, 2 * scale))
        child.send_signal(signal.SIGKILL)
        child.wait()
        count = int.from_bytes(counter[:8], "little")
    if not count:
        raise RuntimeError(f"{peer.__name__} logged nothing before it was killed")
    time.sleep(3)  # what runs on in another process of the peer's may finish
    done = subprocess.run(_command(peer, "count", folder), capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(done.stderr[-500:])
    return {"acknowledged": count, "lost": max(0, count - int(json.loads(done.stdout.splitlines()[-1])["points"]))}


def log_until_killed(peer: ModuleType, folder: Path, scale: float) -> Result:
    """The child of `measure_kill`: count each acknowledged call in a file that outlives the process."""
    peer.open_run()
    with (folder / "acknowledged").open("r+b") as file, mmap.mmap(file.fileno(), 8) as counter:
        step = 0
        while True:
            peer.log_point(step, 0.5)
            step += 1
            counter[:8] = step.to_bytes(8, "little")


def count_points(peer: ModuleType, folder: Path, scale: float) -> Result:
    """The other child of `measure_kill`: what a new process finds."""
    return {"points": float(peer.stored_points())}


def measure_batch(peer: ModuleType, folder: Path, scale: float) -> Result:
    """A million points through the call for many, and what they take on disk."""
    count = _scaled(1_000_000, peer, scale)
    values = [math.sin(index) for index in range(count)]
    peer.open_run()
    peer.settle()
    before = bytes_on_disk(folder)
    cpu, wall = cpu_seconds(), time.perf_counter()
    peer.log_many(values)
    peer.close_run()
    cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    return {"per_second": count / cpu, "per_wall": count / wall, "bytes": (bytes_on_disk(folder) - before) / count}


def measure_history(peer: ModuleType, folder: Path, scale: float) -> Result:
    """A history of 100,000 points into pandas."""
    import pandas

    count = _scaled(100_000, None, scale)
    peer.open_run()
    peer.log_many([math.sin(index) for index in range(count)])
    peer.close_run()
    rows = len(pandas.DataFrame(peer.read_history()))
    if rows != count:
        raise RuntimeError(f"{peer.__name__} gave {rows} of {count} points")
    return median_of(lambda: pandas.DataFrame(peer.read_history()), 5)


def fill(peer: ModuleType, folder: Path, scale: float) -> Result:
    """The set-up of the two next ones: 10,000 runs with 10 params and 10 metrics each."""
    return timed(lambda: peer.fill(_scaled(10_000, None, scale)))


def measure_search(peer: ModuleType, folder: Path, scale: float) -> Result:
    """Filter, order, the first 100."""
    if (found := len(peer.search())) != 100 and scale >= 1:
        raise RuntimeError(f"{peer.__name__} found {found} runs, not 100")
    return median_of(peer.search, 15)


def measure_frame(peer: ModuleType, folder: Path, scale: float) -> Result:
    """All runs with all params and metrics as a DataFrame."""
    frame = peer.frame()
    if len(frame) != _scaled(10_000, None, scale) or len(frame.columns) < 20:
        raise RuntimeError(f"{peer.__name__} gave a frame of {frame.shape}")
    return median_of(peer.frame, 3)


def measure_processes(peer: ModuleType, folder: Path, scale: float) -> Result:
    """Four processes at once, each its own run, point by point: all points of all, per second of wall time."""
    points = _scaled(40_000, peer, scale)
    children = [_spawn(peer, "log-some", folder, str(points)) for _ in range(4)]
    try:
        deadline = time.monotonic() + 120
        while len(list(folder.glob("ready-*"))) < len(children):
            if time.monotonic() > deadline or any(child.poll() is not None for child in children):
                raise RuntimeError(f"a process of {peer.__name__} did not start")
            time.sleep(0.01)
        begin = time.perf_counter()
        (folder / "go").touch()
        failures = sum(child.wait() != 0 for child in children)
        return {"per_wall": 4 * points / (time.perf_counter() - begin), "failures": failures}
    finally:
        for child in children:
            child.kill()


def log_some(peer: ModuleType, folder: Path, points: float) -> Result:
    """The children of `measure_processes`."""
    peer.open_run()
    peer.settle()
    (folder / f"ready-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.002)
    for step in range(int(points)):
        peer.log_point(step, 0.5)
    peer.close_run()
    return {}


def measure_file(peer: ModuleType, folder: Path, scale: float) -> Result:
    """A 500 MB file into one run, then the same content into another."""
    megabytes = max(1, int(500 * scale))
    source = folder.with_suffix(".source")
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    result: dict[str, float] = {"megabytes": megabytes}
    try:
        for which in ("first", "again"):
            before = bytes_on_disk(folder)
            peer.open_run()
            times = timed(lambda: (peer.log_file(source), peer.close_run()))
            result[which] = times["cpu"]
            result[f"{which}_wall"] = times["wall"]
            result[f"{which}_disk"] = (bytes_on_disk(folder) - before) / (1 << 20)
    finally:
        source.unlink()
    return result


def _scaled(count: int, peer: ModuleType | None, scale: float) -> int:
    return max(20, int(count * scale / getattr(peer, "SLOWER", 1)))


def _command(peer: ModuleType, measure: str, folder: Path, scale: str = "1") -> list[str]:
    name = peer.__name__.rsplit(".", 1)[-1]
    return [sys.executable, "-m", "benchmarks.measures", name, measure, str(folder), scale]


def _spawn(peer: ModuleType, measure: str, folder: Path, scale: str = "1") -> subprocess.Popen[bytes]:
    return subprocess.Popen(_command(peer, measure, folder, scale), stdout=subprocess.DEVNULL, cwd=ROOT)


MEASURES: dict[str, tuple[Any, str]] = {  # what is called, and what the peer must offer for it
    "import": (measure_import, "IMPORT"),
    "tiny": (measure_tiny, "tiny_run"),
    "point": (measure_point, "log_point"),
    "kill": (measure_kill, "stored_points"),
    "log-until-killed": (log_until_killed, "log_point"),
    "count": (count_points, "stored_points"),
    "batch": (measure_batch, "log_many"),
    "history": (measure_history, "read_history"),
    "fill": (fill, "fill"),
    "search": (measure_search, "search"),
    "frame": (measure_frame, "frame"),
    "cell": (cells.measure_cell, "CELL"),
    "kernel": (cells.measure_kernel, "CELL"),
    "processes": (measure_processes, "log_point"),
    "log-some": (log_some, "log_point"),
    "file": (measure_file, "log_file"),
}


def main(name: str, measure: str, folder: str, scale: str) -> None:
    """Run one measure and print its result."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    peer = importlib.import_module(f"benchmarks.peers.{name}")
    call, needed = MEASURES[measure]
    if not hasattr(peer, needed):
        print("null")
        return
    if measure != "import" and call not in (cells.measure_cell, cells.measure_kernel):
        peer.connect(place)
    print(json.dumps(call(peer, place, float(scale))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
