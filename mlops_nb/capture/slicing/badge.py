"""Would Restart and Run All of the notebook give this result? ``clean``, or the reasons why not."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_nb.capture.slicing.commands import translate
from mlops_nb.capture.slicing.ledger import SliceResult
from mlops_nb.capture.slicing.mentions import CellText
from mlops_nb.capture.slicing.syntax import read_cell

CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class _Place:
    """An execution of the slice, and where its cell stands in the notebook now (None: nowhere)."""

    part: dict[str, Any]
    position: int | None
    edited: bool


class SessionLog(list[Mapping[str, Any]]):
    """A session's executions, read once each: a badge costs the same however long the session is.

    Examples
    --------
    >>> log = SessionLog(); log.note({"index": 0, "cell_id": "a", "source": "x = 1"})
    >>> log.note({"index": 1, "cell_id": "a", "source": "x = 2"})
    >>> len(log), log.first["a"], log.last["a"]["source"]
    (2, 0, 'x = 2')
    """

    def __init__(self, executions: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__()
        self.first: dict[str, int] = {}
        self.last: dict[str, Mapping[str, Any]] = {}
        self.by_index: dict[int, Mapping[str, Any]] = {}
        for run in executions:
            self.note(run)

    def note(self, run: Mapping[str, Any]) -> None:
        """Add an execution that is over."""
        self.append(run)
        identity = _identity(run)
        self.first.setdefault(identity, len(self.first))
        self.last[identity] = run
        self.by_index[run["index"]] = run

    def before(self, identity: str | None, index: int) -> Mapping[str, Any] | None:
        """The latest execution of a cell before another one."""
        run = self.last.get(identity or "")
        if run is None or run["index"] < index:
            return run
        return next((each for each in reversed(self) if each["index"] < index and _identity(each) == identity), None)


def restart_run_all(
    executions: Sequence[Mapping[str, Any]],
    notebook_cells: Sequence[Mapping[str, Any]] | None,
    slice: SliceResult,
    flags: Mapping[str, Any] | None = None,
) -> str | list[str]:
    """Judge a result by what running the notebook from the top would do.

    Parameters
    ----------
    executions : sequence of mapping
        `Follower.session`: every execution of the session.
    notebook_cells : sequence of mapping or None
        The code cells as they stand now, ``{"id": ..., "source": ...}``, in order; None if they are not known (then
        less is said: only what the executions themselves show).
    slice : SliceResult
        Of the result.
    flags : mapping, optional
        Known from outside: ``unseeded`` (bool), ``files_changed`` (list of paths, or bool).

    Returns
    -------
    str or list of str
        ``"clean"``, or reasons, each beginning with ``out of order``, ``edited since``, ``deleted cell``,
        ``ran N times``, ``reads a name that no cell defines``, ``unseeded randomness`` or ``file changed since``.

    Examples
    --------
    >>> one = {"index": 0, "execution_count": 1, "cell_id": "a", "source": "x = 1", "error": ""}
    >>> two = {**one, "index": 1, "execution_count": 2, "cell_id": "b", "source": "x"}
    >>> cells = [{"id": "a", "source": "x = 1"}, {"id": "b", "source": "x"}]
    >>> restart_run_all([one, two], cells, SliceResult(two, [one]))
    'clean'
    >>> restart_run_all([one, two], cells[1:], SliceResult(two, [one]))
    ['deleted cell: In [1] is no longer in the notebook']
    """
    parts = [*slice.executions, slice.target]
    log = executions if isinstance(executions, SessionLog) else SessionLog(executions)
    if notebook_cells is None:
        reasons = _from_executions(log, parts)
    else:
        reasons = _from_notebook(log, notebook_cells, parts)
    reasons += _repeated(parts)
    reasons += _undefined(log, parts, notebook_cells)
    given = flags or {}
    if given.get("unseeded"):
        reasons.append("unseeded randomness: it draws random numbers that no cell has seeded")
    changed = given.get("files_changed")
    if changed:
        names = ", ".join(map(str, changed)) if not isinstance(changed, bool) else "a file that it read"
        reasons.append(f"file changed since: {names}")
    return reasons or CLEAN


def _mark(part: Mapping[str, Any]) -> str:
    count = part["execution_count"]
    return f"In [{' ' if count is None else count}]"


def _same(one: str, other: str) -> bool:
    return one.strip() == other.strip()


def _identity(part: Mapping[str, Any]) -> str:
    return str(part["cell_id"] or part["source"].strip())


def _repeated(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    runs: dict[str, list[str]] = {}
    for part in parts:
        runs.setdefault(_identity(part), []).append(_mark(part))
    return [f"ran {len(marks)} times: {', '.join(marks)}" for marks in runs.values() if len(marks) > 1]


def _undefined(
    log: SessionLog, parts: Sequence[Mapping[str, Any]], notebook_cells: Sequence[Mapping[str, Any]] | None
) -> list[str]:
    runs = [run for part in parts if (run := log.by_index.get(part["index"])) is not None]
    names = {name for run in runs for name in run.get("undefined", ())}
    for cell in (notebook_cells or ()) if names else ():
        names -= _text(cell["source"]).stores
    return [f"reads a name that no cell defines: {', '.join(sorted(names))}"] if names else []


def _from_executions(log: SessionLog, parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Without the notebook: a cell's place is that of its first run, and a later text of it is an edit."""
    edited = [
        _mark(part)
        for part in parts
        if part["cell_id"] and not _same(log.last.get(_identity(part), part)["source"], part["source"])
    ]
    reasons = [f"edited since: {', '.join(edited)}"] if edited else []
    order = [log.first[_identity(part)] for part in parts if _identity(part) in log.first]
    if order != sorted(order):
        reasons.append("out of order: cells that it needs were run again after later ones")
    return reasons


def _from_notebook(log: SessionLog, cells: Sequence[Mapping[str, Any]], parts: Sequence[dict[str, Any]]) -> list[str]:
    ids: dict[Any, int] = {}
    for position, cell in enumerate(cells):
        ids.setdefault(cell["id"], position)
    places = [_find(part, cells, ids) for part in parts]
    reasons = []
    gone = [_mark(place.part) for place in places if place.position is None]
    if gone:
        reasons.append(f"deleted cell: {', '.join(gone)} {'is' if len(gone) == 1 else 'are'} no longer in the notebook")
    edited = [_mark(place.part) for place in places if place.edited]
    if edited:
        reasons.append(f"edited since: {', '.join(edited)}")
    known = [place for place in places if place.position is not None]
    late = [
        f"{_mark(second.part)} ran after {_mark(first.part)} and stands before it"
        for first, second in itertools.pairwise(known)
        if first.position is not None and second.position is not None and second.position < first.position
    ]
    if late:
        reasons.append(f"out of order: {'; '.join(late)}")
    elif not gone and not edited:
        reasons += _intruders(log, cells, known)
    return reasons


def _find(part: dict[str, Any], cells: Sequence[Mapping[str, Any]], ids: Mapping[Any, int]) -> _Place:
    """By id; without one, or where ids are the front end's own, by text."""
    by_id = ids.get(part["cell_id"]) if part["cell_id"] else None
    if by_id is not None:
        return _Place(part, by_id, not _same(cells[by_id]["source"], part["source"]))
    if part["cell_id"]:
        return _Place(part, None, edited=False)
    by_text = next((i for i, cell in enumerate(cells) if _same(cell["source"], part["source"])), None)
    return _Place(part, by_text, edited=False)


def _intruders(log: SessionLog, cells: Sequence[Mapping[str, Any]], places: Sequence[_Place]) -> list[str]:
    """Cells above the result that did not run before it, or ran elsewhere in the order, and bind what it reads."""
    target = places[-1]
    end = target.part["index"]
    positions = [place.position or 0 for place in places]  # they stand in the order in which they ran
    inside = set(positions)
    reasons = []
    for position, cell in enumerate(cells[: target.position]):
        if position in inside:
            continue
        ran = log.before(cell["id"], end) or log.before(cell["source"].strip(), end)
        here = bisect.bisect(positions, position)
        if ran is not None and _same(ran["source"], cell["source"]):
            after = here == 0 or places[here - 1].part["index"] < ran["index"]
            if after and ran["index"] < places[here].part["index"]:
                continue
        touched = _touched(_text(cell["source"]))
        wanted = {name for place in places[here:] for name in _text(place.part["source"]).reads}
        if hit := touched & wanted:
            reasons.append(
                f"out of order: a cell above it that did not run before it binds or uses {', '.join(sorted(hit))}"
            )
    return reasons


def _touched(text: CellText) -> set[str]:
    """Names that a cell may give another value: those that it binds, and those on which it calls or stores."""
    changed = {chain[0] for chain in (*text.changed, *text.called) if len(chain) > 1 or chain in text.changed}
    return (text.stores | changed) - set(text.aliases)


@functools.lru_cache(maxsize=2048)
def _text(source: str) -> CellText:
    return read_cell(translate(source))
