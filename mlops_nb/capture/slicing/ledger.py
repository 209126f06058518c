"""Who made the present state of each name and resource, and from that the least executions that make a result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MAX_SOURCE = 200_000  # characters of one cell that are kept for the record
MAX_SESSION = 20_000_000


@dataclass(slots=True)
class Execution:
    """One run of a cell.

    `needs` are executions that made what it read; `random_needs` those it needs only for the state of random
    generators;
    `weak` are (location, executions): they are needed only if an earlier writer of the location is in the slice.
    `links` are the places by which it needs an execution, where they are known; `defines` names that it bound to what
    no number that it draws can be in.
    `origin` is ``live``, or ``history`` for what ran before following began.
    """

    index: int
    execution_count: int | None
    cell_id: str | None
    source: str
    transformed: str = ""
    error: str = ""
    origin: str = "live"
    needs: set[int] = field(default_factory=set)
    random_needs: set[int] = field(default_factory=set)
    weak: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    undefined: set[str] = field(default_factory=set)
    over_budget: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)
    outputs_read: set[int] = field(default_factory=set)
    random: bool = False
    unseeded: bool = False
    asks: bool = False
    links: dict[int, set[str]] = field(default_factory=dict)
    defines: set[str] = field(default_factory=set)
    seconds: float = 0.0
    overhead: float = 0.0

    def plain(self) -> dict[str, Any]:
        """The execution as a JSON value."""
        return {
            "index": self.index,
            "execution_count": self.execution_count,
            "cell_id": self.cell_id,
            "source": self.source[:MAX_SOURCE],
            "error": self.error,
            "origin": self.origin,
            "needs": sorted(self.needs | self.random_needs),
            "reads": sorted(self.reads),
            "writes": sorted(self.writes),
            "undefined": sorted(self.undefined),
            "over_budget": sorted(self.over_budget),
            "opaque": sorted(self.opaque),
            "random": self.random,
            "unseeded": self.unseeded,
        }


@dataclass(frozen=True, slots=True)
class SliceResult:
    """The least earlier code that an execution needs.

    Attributes
    ----------
    target : dict
        The execution itself: ``index, execution_count, source, cell_id, error``.
    executions : list of dict
        What has to run before it, in the order in which it ran; the same keys.
    notes : list of str
        What makes the slice less certain or bigger than it could be, as sentences.
    outputs : frozenset of int
        Execution counts whose output (``Out[n]``, ``_n``, ``_``) the slice reads.
    random : list of int
        Execution counts of the slice (and the target) that drew from the process's random generators.
    total : int
        How many earlier executions there are in all.
    """

    target: dict[str, Any]
    executions: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)
    outputs: frozenset[int] = frozenset()
    random: list[int | None] = field(default_factory=list)
    total: int = 0


class Ledger:
    """The log of executions and, for each location, those that made its present state."""

    def __init__(self) -> None:
        self.executions: list[Execution] = []
        self.futures: list[int] = []
        self.writers: dict[str, tuple[int, ...]] = {}

    def open(self, source: str, transformed: str, execution_count: int | None, cell_id: str | None) -> Execution:
        """Add an execution to the end of the log."""
        entry = Execution(len(self.executions), execution_count, cell_id, source[:MAX_SOURCE], transformed[:MAX_SOURCE])
        self.executions.append(entry)
        return entry

    def read(self, entry: Execution, place: str, *, weak: bool = False) -> None:
        """Make `entry` depend on whoever made the present state of `place`."""
        writers = self.writers.get(place, ())
        entry.reads.add(place)
        if weak and writers:
            entry.weak.append((place, writers))
        else:
            for writer in writers:
                if writer != entry.index:
                    entry.needs.add(writer)
                    entry.links.setdefault(writer, set()).add(place)

    def needed_by_all(self, entry: Execution) -> None:
        """What comes after `entry` means something else because of it (``from __future__ import ...``)."""
        self.futures.append(entry.index)

    def bind(self, entry: Execution, place: str) -> None:
        """`place` has a new value, which owes nothing to the old one."""
        self.writers[place] = (entry.index,)
        entry.writes.add(place)

    def change(self, entry: Execution, place: str) -> None:
        """`place` was changed in place: earlier writers still matter."""
        writers = self.writers.get(place, ())
        if entry.index not in writers:
            self.writers[place] = (*writers, entry.index)
        entry.writes.add(place)

    def last_with_count(self, count: int) -> int | None:
        """The index of the latest execution with this counter."""
        return next((e.index for e in reversed(self.executions) if e.execution_count == count), None)

    def slice_of(self, index: int, *, restore_random: bool = False) -> SliceResult:
        """The least executions before `index` that it needs.

        Parameters
        ----------
        index : int
            Of the target in the log.
        restore_random : bool
            The one who replays restores the state of random generators before each execution, so that executions that
            only drew random numbers are not needed.

        Returns
        -------
        SliceResult

        Examples
        --------
        >>> ledger = Ledger()
        >>> for source in ("a = 1", "b = 2", "a"):
        ...     entry = ledger.open(source, source, None, None)
        ...     ledger.bind(entry, source[0]) if "=" in source else ledger.read(entry, "a")
        >>> [e["source"] for e in ledger.slice_of(2).executions]
        ['a = 1']
        """
        needed = self._close({index}, restore_random)
        while more := self._weakly_needed(needed):
            needed = self._close(needed | more, restore_random)
        chosen = [self.executions[i] for i in sorted(needed)]
        earlier = [e for e in chosen if e.index != index]
        return SliceResult(
            target=_brief(self.executions[index]),
            executions=[_brief(e) for e in earlier],
            notes=_notes(chosen),
            outputs=frozenset(n for e in chosen for n in e.outputs_read),
            random=[e.execution_count for e in chosen if e.random],
            total=index,
        )

    def _close(self, wanted: set[int], restore_random: bool) -> set[int]:
        needed: set[int] = set()
        waiting = list(wanted)
        last = max(wanted)
        while waiting:
            index = waiting.pop()
            if index in needed:
                continue
            needed.add(index)
            entry = self.executions[index]
            waiting.extend(entry.needs)
            if not restore_random:
                waiting.extend(entry.random_needs)
        needed.update(index for index in self.futures if index < last)
        return needed

    def _weakly_needed(self, needed: set[int]) -> set[int]:
        found: set[int] = set()
        for index in needed:
            for place, writers in self.executions[index].weak:
                last = max(writers)
                if any(i < last and place in self.executions[i].writes for i in needed):
                    found.update(writers)
        return found - needed

    def session(self) -> list[dict[str, Any]]:
        """The whole log as JSON values; the oldest sources are left empty where it would be too big."""
        entries = [entry.plain() for entry in self.executions]
        size = sum(len(entry["source"]) for entry in entries)
        for entry in entries:
            if size <= MAX_SESSION:
                break
            size -= len(entry["source"])
            entry["source"], entry["cut"] = "", True
        return entries


def _brief(entry: Execution) -> dict[str, Any]:
    return {
        "index": entry.index,
        "execution_count": entry.execution_count,
        "cell_id": entry.cell_id,
        "source": entry.source,
        "transformed": entry.transformed,
        "error": entry.error,
    }


def _notes(chosen: Iterable[Execution]) -> list[str]:
    notes: list[str] = []
    for entry in chosen:
        mark = f"In [{entry.execution_count if entry.execution_count is not None else ' '}]"
        if entry.over_budget:
            names = ", ".join(sorted(entry.over_budget))
            notes.append(f"{mark}: too big to compare in the time allowed, so taken as changed by being read: {names}.")
        if entry.opaque:
            names = ", ".join(sorted(entry.opaque))
            notes.append(f"{mark}: state that cannot be read, so taken as changed by being read: {names}.")
        if entry.undefined:
            notes.append(f"{mark}: reads names that no followed cell defines: {', '.join(sorted(entry.undefined))}.")
        if entry.origin == "history":
            notes.append(f"{mark}: ran before mlops_nb was loaded; what it touched is judged from its text alone.")
        if entry.unseeded:
            notes.append(f"{mark}: draws random numbers that no cell has seeded.")
        if entry.asks:
            notes.append(f"{mark}: asks for input; give the same answer.")
        if entry.error:
            notes.append(f"{mark}: ended with {entry.error}; it is kept because it changed something first.")
    return notes
