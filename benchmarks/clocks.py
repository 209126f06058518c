"""What a measure reads: processor time of everything that it set going, and bytes on disk."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import psutil


def cpu_seconds() -> float:
    """Processor time (user and system) of this process, all its threads, and all its children, living or ended."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total + sum(process_cpu(child) for child in psutil.Process().children(recursive=True))


def process_cpu(process: psutil.Process) -> float:
    """Processor time of a process and of those of its children that have ended; 0 for one that is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def tree_cpu(pid: int) -> float:
    """Processor time of a process and all below it."""
    process = psutil.Process(pid)
    return process_cpu(process) + sum(process_cpu(child) for child in process.children(recursive=True))


def timed(call: Callable[[], object], count: int = 1) -> dict[str, float]:
    """Processor and wall seconds for each of `count` calls in a row."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    for _ in range(count):
        call()
    return {"cpu": (cpu_seconds() - cpu) / count, "wall": (time.perf_counter() - wall) / count}


def median_of(call: Callable[[], object], count: int) -> dict[str, float]:
    """Median processor and wall seconds of `count` calls."""
    times = [timed(call) for _ in range(count)]
    return {key: statistics.median(each[key] for each in times) for key in ("cpu", "wall")}


def bytes_on_disk(folder: Path) -> int:
    """What the files below the folder take on disk, a file that has several names once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            stat = path.stat()
            seen[stat.st_dev, stat.st_ino] = stat.st_blocks * 512
    return sum(seen.values())
