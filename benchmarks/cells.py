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
    """Seconds that the tracked cell takes beyond the plain one, for the first time and then.

    What a peer does behind the user's back after the cell counts as processor time of the cells that it is for.
    """
    setup, plain, tracked = peer.CELL
    run(setup.format(folder=str(folder)))
    for _ in range(3):
        run(plain)
    count = max(10, int(60 * scale))
    first = _each(run, tracked, 1, cpu)
    _wait_for_quiet(cpu)
    bare = _each(run, plain, count, cpu)
    then = _each(run, tracked, count, cpu)
    return {
        "cpu": then["cpu"] - bare["cpu"],
        "wall": then["wall"] - bare["wall"],
        "first": first["answered"] - bare["cpu"],
        "first_wall": first["wall"] - bare["wall"],
    }


def _each(run: Run, source: str, count: int, cpu: Callable[[], float]) -> dict[str, float]:
    """The median of wall seconds; processor seconds on average (a kernel's are in ticks) till answered, and in all."""
    begin = cpu()
    walls = []
    for _ in range(count):
        start = time.perf_counter()
        run(source)
        walls.append(time.perf_counter() - start)
    answered = cpu() - begin
    _wait_for_quiet(cpu)
    return {"cpu": (cpu() - begin) / count, "answered": answered / count, "wall": statistics.median(walls)}


def _wait_for_quiet(cpu: Callable[[], float]) -> None:
    """Until next to no processor time is used for half a second; half a minute at most."""
    for _ in range(60):
        before = cpu()
        time.sleep(0.5)
        if cpu() - before < 0.015:
            return
