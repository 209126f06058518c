"""Which process holds a run, and whether it is still there."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path
from typing import Any

from mlops_nb.entities import Lease

START_TOLERANCE = 2.0
"""Seconds by which two readings of one process's start time may differ (clock steps move the computed boot time)."""


@functools.cache
def _host_and_boot() -> tuple[str, str]:
    boot = ""
    for name in ("/proc/sys/kernel/random/boot_id",):
        try:
            boot = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue  # not Linux: the start time of the process has to do
    try:
        # Two containers of one machine share the boot id but not their process ids.
        boot += ":" + os.readlink("/proc/self/ns/pid")
    except OSError:
        pass  # no such name spaces here
    return platform.node(), boot


def _started(pid: int) -> float | None:
    import psutil  # 50 ms: not on the way of `import mlops_nb`

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return None
    except psutil.AccessDenied:
        return -1.0  # there, but not ours to look at


@functools.lru_cache(maxsize=8)
def _lease_of(pid: int) -> Lease:
    host, boot = _host_and_boot()
    return Lease(pid=pid, started=_started(pid) or 0.0, host=host, boot=boot)


def own_lease() -> Lease:
    """The lease of this process.

    Examples
    --------
    >>> own_lease().pid == os.getpid()
    True
    """
    return _lease_of(os.getpid())


def lease_fields(lease: Lease) -> dict[str, Any]:
    """A lease as plain JSON.

    Examples
    --------
    >>> Lease(**lease_fields(own_lease())) == own_lease()
    True
    """
    return {"pid": lease.pid, "started": lease.started, "host": lease.host, "boot": lease.boot}


def is_alive(lease: Lease, *, idle_seconds: float, patience: float = 900.0) -> bool:
    """Whether the process of a lease still runs.

    Parameters
    ----------
    lease : Lease
        As it was written when the run started.
    idle_seconds : float
        Seconds since the process last gave a sign (its journal's or heartbeat's age). Counts only for another host,
        whose processes cannot be looked at: a process that can be seen is never declared dead for being slow.
    patience : float, default 900
        Seconds of silence after which a process on another host counts as dead.

    Returns
    -------
    bool
        False only if the process is gone for sure, or silent on another host for longer than `patience`.

    Examples
    --------
    >>> is_alive(own_lease(), idle_seconds=1e9)
    True
    """
    host, boot = _host_and_boot()
    if lease.host != host:
        return idle_seconds < patience
    if lease.boot != boot:
        same_machine = lease.boot.split(":")[0] == boot.split(":")[0]
        return same_machine and idle_seconds < patience  # another container: not visible from here
    started = _started(lease.pid)
    if started is None:
        return False
    return started < 0 or lease.started == 0.0 or abs(started - lease.started) <= START_TOLERANCE
