"""What a tracked trivial cell costs beyond the cell: in a bare IPython shell, and in a real kernel."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from benchmarks.clocks import cpu_seconds, tree_cpu

Run = Callable[[str], None]


def measure_cell(peer: ModuleType, folder: Path, scale: float) -> dict[str, float]:
    """In an `InteractiveShell` in this process."""
    from IPython.core.interactiveshell import InteractiveShell

    os.chdir(folder)
    shell = InteractiveShell.instance()

    def run(source: str) -> None:
        shell.run_cell(source, store_history=True).raise_error()

    return _compare(peer, folder, scale, run, cpu_seconds)


def measure_kernel(peer: ModuleType, folder: Path, scale: float) -> dict[str, float]:
    """In an ipykernel, asked as a front end asks."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    try:
        pid = manager.provisioner.process.pid

        def run(source: str) -> None:
            reply = client.execute_interactive(source, output_hook=lambda message: None, timeout=120)
            if reply["content"]["status"] != "ok":
                raise RuntimeError("\n".join(reply["content"]["traceback"]))

        return _compare(peer, folder, scale, run, lambda: tree_cpu(pid))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _compare(peer: ModuleType, folder: Path, scale: float, run: Run, cpu: Callable[[], float]) -> dict[str, float]:
    """Seconds that the tracked cell takes beyond the plain one, for the first time and then."""
    setup, plain, tracked = peer.CELL
    run(setup.format(folder=str(folder)))
    for _ in range(3):
        run(plain)
    count = max(10, int(60 * scale))
    first = _each(run, tracked, 1, cpu)
    bare = _each(run, plain, count, cpu)
    then = _each(run, tracked, count, cpu)
    return {
        "cpu": then["cpu"] - bare["cpu"],
        "wall": then["wall"] - bare["wall"],
        "first": first["cpu"] - bare["cpu"],
        "first_wall": first["wall"] - bare["wall"],
    }


def _each(run: Run, source: str, count: int, cpu: Callable[[], float]) -> dict[str, float]:
    """Processor seconds on average (a kernel's are counted in ticks) and the median of wall seconds."""
    begin = cpu()
    walls = []
    for _ in range(count):
        start = time.perf_counter()
        run(source)
        walls.append(time.perf_counter() - start)
    return {"cpu": (cpu() - begin) / count, "wall": statistics.median(walls)}
