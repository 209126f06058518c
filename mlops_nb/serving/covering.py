"""What the names of the request log's files say: when they were written, by whom, and which others they stand for.

A file of a process that replaces others of it is named after the time that it covers,
``answers-<last stamp>-<pid>-<first stamp>~<n>.parquet``; from the moment that it is there, readers leave out what it
covers. The covered files are deleted later, so that who is reading them just now reads on. A crash between the two
loses nothing and doubles nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE = 600.0
"""Seconds that covered files stay for those who are reading them."""

COVERS = "~"


@dataclass(frozen=True, slots=True)
class Named:
    """What the name of a file of the log says."""

    path: Path
    kind: str
    stamp: str
    pid: str
    first: str

    @property
    def covers(self) -> bool:
        """Whether it stands for others."""
        return bool(self.first)


def read_name(path: Path) -> Named:
    """Take a file's name apart; what is named otherwise has empty parts.

    Examples
    --------
    >>> read_name(Path("answers-20261128T03-77-20261128T02~1.parquet")).first
    '20261128T02'
    >>> read_name(Path("answers-20261128T03-77-1.parquet")).covers
    False
    """
    parts = path.name.removesuffix(path.suffix).split("-")
    kind, stamp, pid, rest = (*parts, "", "", "", "")[:4]
    first, mark, _ = rest.partition(COVERS)
    return Named(path, kind, stamp, pid, first if mark else "")


def uncovered(paths: Sequence[Path]) -> list[Path]:
    """Those of a folder's files that no other one stands for.

    Examples
    --------
    >>> names = ["answers-2-77-1.parquet", "answers-3-77-1~3.parquet", "answers-2-8-1.parquet"]
    >>> [path.name for path in uncovered([Path(name) for name in names])]
    ['answers-3-77-1~3.parquet', 'answers-2-8-1.parquet']
    """
    named = [read_name(path) for path in paths]
    spans: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for each in named:
        if each.covers:
            spans.setdefault((each.kind, each.pid), []).append((each.first, each.stamp))
    if not spans:
        return list(paths)
    return [each.path for each in named if not _is_covered(each, spans)]


def _is_covered(each: Named, spans: dict[tuple[str, str], list[tuple[str, str]]]) -> bool:
    found = spans.get((each.kind, each.pid), ())
    return not each.covers and any(first <= each.stamp <= last for first, last in found)


def clear_covered(paths: Sequence[Path], now: float | None = None) -> list[Path]:
    """Delete files that others have stood for long enough; returns which."""
    kept = set(uncovered(paths))
    covered = [path for path in paths if path not in kept]
    if not covered:
        return []
    now = time.time() if now is None else now
    spans: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for each in map(read_name, kept):
        if each.covers and _age(each.path, now) > GRACE:
            spans.setdefault((each.kind, each.pid), []).append((each.first, each.stamp))
    gone = [path for path in covered if _is_covered(read_name(path), spans)]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
