"""Memory that only loading needed, given back: pages of libraries that a process has read and hardly reads again.

Importing pandas, Arrow and SciPy touches most of their code once, to set it up; of 220 MB that are resident then, 80
are such pages, which the file they come from holds just as well. What is needed after all comes back by itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import re
from collections.abc import Iterator
from pathlib import Path

_MAP = Path("/proc/self/smaps")
_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ +(/.*)")
_FACT = re.compile(r"(\w+): +(\d+) kB")
_OWN = ("Anonymous", "Private_Dirty", "Shared_Dirty", "Swap")


def give_back() -> int:
    """Let go of the pages of files that this process has mapped, can only read, and has not changed.

    Returns
    -------
    int
        Bytes that were resident and no longer are; 0 where the system does not tell (only Linux does).

    Examples
    --------
    >>> give_back() >= 0
    True
    """
    freed = 0
    with contextlib.suppress(OSError, AttributeError, ValueError):
        advise = ctypes.CDLL(None, use_errno=True).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end, resident in list(_clean_maps(_MAP.read_text(encoding="utf-8", errors="replace"))):
            if advise(start, end - start, mmap.MADV_DONTNEED) == 0:
                freed += resident
    return freed


def memory_of(pid: int | None = None) -> int:
    """Resident memory of a process, in bytes; of this one by default.

    Examples
    --------
    >>> memory_of() > 1_000_000
    True
    """
    import psutil

    return int(psutil.Process(pid).memory_info().rss)


def _clean_maps(text: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and resident bytes of private maps of files that are read-only and hold nothing of our own.

    Examples
    --------
    >>> facts = "Rss: 8 kB\\nShared_Dirty: 0 kB\\nPrivate_Dirty: {} kB\\nAnonymous: 0 kB\\nSwap: 0 kB\\n"
    >>> head = "1000-3000 r-xp 00000000 fe:00 77    /lib/a b.so\\n"
    >>> list(_clean_maps(head + facts.format(0))), list(_clean_maps(head + facts.format(4)))
    ([(4096, 12288, 8192)], [])
    """
    head: re.Match[str] | None = None
    facts: dict[str, int] = {}
    for line in [*text.splitlines(), "0-0 end"]:
        if fact := _FACT.match(line):
            facts[fact[1]] = int(fact[2])
        elif "-" in line.partition(" ")[0]:
            if head is not None and facts.get("Rss") and not any(facts.get(name, 1) for name in _OWN):
                yield int(head[1], 16), int(head[2], 16), facts["Rss"] * 1024
            head, facts = _HEAD.match(line), {}
            if head is not None and ("w" in head[3] or not head[3].endswith("p")):
                head = None
