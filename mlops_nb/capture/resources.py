"""What a cell used: wall and processor time, memory, the memory of a GPU."""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

try:
    import resource as _rusage
except ImportError:  # Windows has no getrusage: memory is then told by psutil alone
    _rusage = None  # type: ignore[assignment]

_INTERVAL = 0.1
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Meter:
    """Measures from `start` to `stop`; both cost some microseconds.

    Peak memory is the largest that was seen: by the operating system, where the process has never been larger before,
    and else by a thread that looks ten times a second.

    Examples
    --------
    >>> meter = Meter()
    >>> meter.start()
    >>> sorted(meter.stop())[:3]
    ['children_cpu_seconds', 'cpu_seconds', 'memory_bytes']
    """

    def start(self) -> None:
        """Begin, or begin anew."""
        self._gpu = _GpuMemory()
        self._memory, self._highest = _memory_and_peak()
        _sampler.begin(self)
        self.peak = self._memory
        self._children = _children_seconds()
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def stop(self) -> dict[str, Any]:
        """What was used since `start`.

        Returns
        -------
        dict
            ``wall_seconds``, ``cpu_seconds`` (all threads), ``children_cpu_seconds`` (processes that have ended),
            ``memory_bytes`` (now), ``memory_peak_bytes``, ``memory_change_bytes``, and ``gpu_memory_peak_bytes``
            where torch uses one.

        Examples
        --------
        >>> meter = Meter(); meter.start(); meter.stop()["wall_seconds"] >= 0
        True
        """
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        _sampler.end(self)
        memory, highest = _memory_and_peak()
        peak = max(self.peak, memory, highest if highest > self._highest else 0)
        used: dict[str, Any] = {
            "wall_seconds": wall,
            "cpu_seconds": cpu,
            "children_cpu_seconds": _children_seconds() - self._children,
        }
        if memory:
            used["memory_bytes"] = memory
            used["memory_peak_bytes"] = peak
            used["memory_change_bytes"] = memory - self._memory
        gpu = self._gpu.peak()
        if gpu is not None:
            used["gpu_memory_peak_bytes"] = gpu
        return used


class _Sampler:
    """One thread a process that notes how much memory is in use while a meter runs, and sleeps while none does."""

    def __init__(self) -> None:
        self._meters: set[Meter] = set()
        self._wanted = threading.Event()
        self._pid = 0

    def begin(self, meter: Meter) -> None:
        self._meters.add(meter)
        if self._pid != os.getpid():  # the first time, or in a forked child, which inherits no threads
            self._pid = os.getpid()
            self._meters = {meter}
            self._wanted = threading.Event()
            threading.Thread(target=self._watch, name="mlops_nb-memory", daemon=True).start()
        self._wanted.set()

    def end(self, meter: Meter) -> None:
        self._meters.discard(meter)
        if not self._meters:
            self._wanted.clear()

    def _watch(self) -> None:
        wanted = self._wanted
        while True:
            wanted.wait()
            time.sleep(_INTERVAL)
            memory = memory_in_use() if self._meters else 0
            for meter in tuple(self._meters):
                meter.peak = max(meter.peak, memory)


_sampler = _Sampler()


def memory_in_use() -> int:
    """Resident memory of this process.

    Returns
    -------
    int
        Bytes; 0 if it cannot be told.

    Examples
    --------
    >>> memory_in_use() > 1_000_000
    True
    """
    return _reader()


def _from_proc() -> int:
    with open("/proc/self/statm", "rb", buffering=0) as file:  # noqa: PTH123 - ten times cheaper than through Path
        return int(file.read(100).split()[1]) * _PAGE


def _from_psutil() -> int:
    try:
        import psutil  # only where /proc is missing
    except ImportError:
        return 0
    return int(psutil.Process().memory_info().rss)


def _choose_reader() -> Callable[[], int]:
    with suppress(OSError, ValueError, IndexError):
        _from_proc()
        return _from_proc
    return _from_psutil


_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_reader = _choose_reader()


def _memory_and_peak() -> tuple[int, int]:
    """Resident memory now, and the most that it ever was.

    Not by getrusage where there is /proc: across exec that inherits the record of the process which started this one.
    """
    if _reader is _from_proc:
        text = os.pread(_status_file(os.getpid()), 4096, 0)
        now, most = (text.find(field) for field in (b"VmRSS:", b"VmHWM:"))
        if now >= 0 and most >= 0:
            return int(text[now + 6 : now + 40].split()[0]) * 1024, int(text[most + 6 : most + 40].split()[0]) * 1024
    peak = 0 if _rusage is None else _rusage.getrusage(_rusage.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
    return memory_in_use(), peak


@functools.lru_cache(maxsize=1)
def _status_file(pid: int) -> int:
    """Kept open, which halves the cost; a forked child has a file of its own."""
    return os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)


def _children_seconds() -> float:
    if _rusage is None:
        return 0.0
    usage = _rusage.getrusage(_rusage.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _GpuMemory:
    """The peak of torch's allocator; other processes' memory is not this cell's, and nothing is initialised for it."""

    def __init__(self) -> None:
        self._cuda = self._in_use()
        if self._cuda is not None:
            with suppress(Exception):  # a device that is gone: the figure is left out
                for device in range(self._cuda.device_count()):
                    self._cuda.reset_peak_memory_stats(device)

    @staticmethod
    def _in_use() -> Any:
        torch = sys.modules.get("torch")
        cuda = getattr(torch, "cuda", None)
        with suppress(Exception):  # torch half imported, or broken
            return cuda if cuda is not None and cuda.is_initialized() else None
        return None

    def peak(self) -> int | None:
        cuda = self._cuda or self._in_use()
        if cuda is None:
            return None
        with suppress(Exception):  # see above
            return sum(int(cuda.max_memory_allocated(device)) for device in range(cuda.device_count()))
        return None
