"""Every execution is followed, tracked or not: what it read and wrote, its files, its random numbers."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.capture.slicing import Follower, SessionLog, SliceResult, Token, restart_run_all, slice_cells
from mlops_nb.capture.slicing.definitions import carriers

if TYPE_CHECKING:
    from mlops_nb.capture.data import Access
    from mlops_nb.capture.randomness import EntropyLog


_OWN_LINES = re.compile(r"^([ \t]*)(%(?:(?:re)?load_ext[ \t]+mlops_nb|track|mlops)\b)", re.MULTILINE)
"""Lines that only mean something to us: a slice runs where mlops_nb is not installed."""

_OWN_TAGS = re.compile(r" -t '?mlops_nb\.[^\s']+'?")
"""What a rerun says of itself in its first line, which is no part of its code."""


SMALL_BYTES = 2 << 20
"""Bytes that are digested at once after an execution, 4 ms; what is larger is digested in the background."""


@dataclass(slots=True)
class Followed:
    """One execution that is, or was, followed.

    `overrides` holds what a ``%%track`` line changed of the code: ``params`` put in the place of literals, ``seed``.
    """

    token: Token
    index: int
    source: str
    state: dict[str, Any] = field(default_factory=dict)
    drawn: list[str] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    digests: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Touched:
    """Data that a slice touched: whether the tracked cell itself did, and its digest if that is known already."""

    access: Access
    own: bool
    digest: Any = None


class Following:
    """Follows a shell's executions from the moment the extension is loaded.

    Parameters
    ----------
    namespace : dict
        The user's names.
    root : Path
        The project: files below it are named relative to it.
    ignored : sequence of Path
        Folders whose files are ours.
    history : sequence of (source, execution count, cell id)
        What ran before, from IPython's history.
    ignored_urls : sequence of str
        Databases that are ours.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        root: Path,
        ignored: Sequence[Path] = (),
        history: Sequence[tuple[str, int | None, str | None]] = (),
        ignored_urls: Sequence[str] = (),
    ) -> None:
        self.namespace = namespace
        self.follower = Follower(namespace, history=history)
        self.log: dict[int, Followed] = {}
        self._root, self._ignored = root, ignored
        self._ignored_urls = frozenset(ignored_urls)
        self._watch: Any = None
        self._entropy: EntropyLog | None = None
        self._last_state: dict[str, Any] = {}
        self._marks: tuple[dict[str, Any], dict[str, str]] | None = None
        self._log = SessionLog()
        self._cells: tuple[Any, list[dict[str, Any]] | None] = (None, None)
        self._ran: dict[str, tuple[float, str]] = {}

    def start(self) -> None:
        """Install the hooks on files and on NumPy's entropy."""
        from mlops_nb.capture.data import DataWatch
        from mlops_nb.capture.randomness import EntropyLog

        self._watch = DataWatch(self._root, self._ignored)
        self._watch.start()
        self._entropy = EntropyLog()
        self._entropy.install()

    def stop(self) -> None:
        """Take the watch back."""
        if self._watch is not None:
            self._watch.stop()

    def begin(self, source: str, transformed: str, count: int | None, cell_id: str | None) -> Followed:
        """An execution begins."""
        from mlops_nb.capture.randomness import snapshot

        token = self.follower.before(source, transformed, count, cell_id)
        followed = Followed(token, self.follower.last_index, source, nested=token.nested)
        if followed.nested:
            return followed
        if cell_id:
            self._ran.pop(cell_id, None)  # the last one stands last
            self._ran[cell_id] = (time.time(), source)
        followed.state = self._shared(snapshot(self.namespace))
        if self._entropy is not None:
            self._entropy.begin()
        if self._watch is not None:
            self._watch.begin(id(followed), source)
        return followed

    def end(self, followed: Followed, error: BaseException | None, count: int | None = None) -> None:
        """The execution has ended; only now its count is known for sure."""
        if followed.nested:
            return
        if self._watch is not None:
            followed.accesses = [access for access in self._watch.end(id(followed)) if not self._is_ours(access)]
            followed.digests = _digest_small(followed.accesses)
        if self._entropy is not None:
            followed.drawn = self._entropy.end()
        files = [access for access in followed.accesses if access.kind in ("file", "folder", "database", "code")]
        self.follower.after(
            followed.token,
            error,
            [access.path for access in files if access.mode == "read"],
            [access.path for access in files if access.mode == "write"],
            count,
        )
        from mlops_nb.capture.randomness import complete

        followed.state = complete(followed.state)
        self.log[followed.index] = followed

    def _with_overrides(self, result: SliceResult) -> SliceResult:
        """The least code behind an execution, with what ``%%track`` lines changed of it written in."""
        return replace(
            result,
            target=self._effective(result.target),
            executions=[self._effective(part) for part in result.executions],
        )

    def session(self) -> SessionLog:
        """Every execution as plain data; those that are over do not change any more, and are kept."""
        for entry in self.follower.ledger.executions[len(self._log) :]:
            self._log.note(entry.plain())
        return self._log

    def cells_of(self, notebook: Path) -> list[Mapping[str, Any]] | None:
        """The notebook's code cells as they stand now, as far as that is known: as it was saved, and what has run since
        with the text that it had then. None if the file cannot be read."""
        try:
            state = notebook.stat()
        except OSError:
            return None
        version = (notebook, state.st_mtime_ns, state.st_size)
        if self._cells[0] != version:
            self._cells = (version, read_cells(notebook))
        cells = self._cells[1]
        return None if cells is None else with_unsaved(cells, state.st_mtime, self._ran)

    def facts(self, followed: Followed, cells: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
        """What is recorded of a tracked execution: slice, badge, randomness."""
        raw = self.follower.slice_of(followed.index)
        result = self._with_overrides(raw)
        parts = [*result.executions, result.target]
        badge = restart_run_all(
            self.session(), cells, raw, {"unseeded": self._is_unseeded(raw), "files_changed": self._changed_files(raw)}
        )
        return {
            "slice": [{**cell, "index": part["index"]} for cell, part in zip(slice_cells(result), parts, strict=True)],
            "slice_info": {
                "notes": result.notes,
                "outputs": sorted(result.outputs),
                "random": result.random,
                "total": result.total,
            },
            "restart_run_all": badge,
            "randomness": self._randomness(parts),
        }

    def accesses_of(self, followed: Followed) -> list[Touched]:
        """What the slice of an execution read and wrote."""
        return self._touched(self.follower.slice_of(followed.index))

    # -- parts

    def _touched(self, result: SliceResult) -> list[Touched]:
        found: dict[tuple[str, str], Touched] = {}
        made: dict[str, bool] = {}
        for part in [*result.executions, result.target]:
            followed = self.log.get(part["index"])
            for access in followed.accesses if followed is not None else ():
                known = followed.digests.get(access.path) if followed is not None else None
                first = made.setdefault(access.path, access.made)  # what the slice did first decides
                access = replace(access, made=first and access.mode == "write")
                found[access.path, access.mode] = Touched(access, part is result.target, known)
        return list(found.values())

    def _is_ours(self, access: Access) -> bool:
        """Our own store, read or written by our own calls, is nobody's data."""
        path = access.path.partition("://")[2] if access.kind == "sql" else access.path
        return any(str(folder) in path for folder in self._ignored) or access.path in self._ignored_urls

    def _shared(self, state: dict[str, Any]) -> dict[str, Any]:
        """The same state as before is kept once: most cells draw nothing."""
        if state == self._last_state:
            return self._last_state
        self._last_state = state
        return state

    def _effective(self, part: dict[str, Any]) -> dict[str, Any]:
        followed = self.log.get(part["index"])
        overrides = followed.overrides if followed is not None else {}
        source = with_overrides(part["source"], overrides) if overrides else part["source"]
        source = _OWN_TAGS.sub("", source) if source.startswith("%%track") else source
        return {**part, "source": _OWN_LINES.sub(r"\1# \2", source)}

    def _is_unseeded(self, result: SliceResult) -> bool:
        """A random number beside an import that is needed is in no result: what only defines does not count."""
        executions = self.follower.ledger.executions
        parts = [*result.executions, result.target]
        related = carriers(executions, result.target["index"], {part["index"] for part in parts})
        for part in parts:
            if part["index"] not in related:
                continue
            entry = executions[part["index"]]
            followed = self.log.get(part["index"])
            if followed is not None and "seed" in followed.overrides:
                continue
            if (
                entry.unseeded
                or (followed is not None and getattr(followed.drawn, "fresh", False))
                or _unpinnable(part["source"])
            ):
                return True
        return False

    def _changed_files(self, result: SliceResult) -> list[str]:
        touched = [each.access for each in self._touched(result)]
        written = {access.path for access in touched if access.mode == "write"}
        return [
            access.relative or access.path
            for access in touched
            if access.mode == "read" and access.path not in written and (access.changed or _is_changed(access))
        ]

    def _randomness(self, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """States before each execution of the slice, each once, what the last one left, and entropy that was drawn."""
        from mlops_nb.capture.randomness import process_facts

        states: list[dict[str, Any]] = []
        before: dict[str, int] = {}
        entropy: dict[str, list[str]] = {}
        lost: list[str] = []
        for part in parts:
            followed = self.log.get(part["index"])
            if followed is None:
                continue
            place = next((i for i, state in enumerate(states) if state is followed.state), None)
            if place is None:
                place = len(states)
                states.append(followed.state)
            before[str(part["index"])] = place
            if followed.drawn:
                entropy[str(part["index"])] = followed.drawn
            lost += [name for name in _unpinnable(part["source"]) if name not in lost]
        return {
            "states": states,
            "before": before,
            "after": self._marks_now(),
            "entropy": entropy,
            "unpinnable": lost,
            "process": process_facts(),
        }

    def _marks_now(self) -> dict[str, str]:
        """Digests of the random generators' states as they are now; worked out anew when these are others."""
        from mlops_nb.capture.randomness import marks, snapshot

        state = self._shared(snapshot(self.namespace))
        if self._marks is None or self._marks[0] is not state:
            self._marks = state, marks(state)
        return dict(self._marks[1])


@functools.lru_cache(maxsize=1024)
def _unpinnable(source: str) -> list[str]:
    """Randomness in a cell that cannot be given back; remembered, since every later result asks again."""
    from mlops_nb.capture.randomness import unpinnable

    return unpinnable(source)


def with_overrides(source: str, overrides: Mapping[str, Any]) -> str:
    """A cell as it really ran: ``-p`` values in the place of the literals, ``--seed`` as code; the line as a comment.

    Examples
    --------
    >>> print(with_overrides("%%track -p lr=0.5\\nlr = 0.1", {"params": {"lr": 0.5}}))
    # %%track -p lr=0.5
    lr = 0.5
    """
    from mlops_nb.capture.replacement import replace_in_text
    from mlops_nb.capture.slicing.script import without_tracking

    lines = without_tracking(source).split("\n")
    place = next((i for i, line in enumerate(lines) if line.lstrip().startswith("# %%track")), -1)
    body = "\n".join(lines[place + 1 :])
    body, done = replace_in_text(body, overrides.get("params", {}))
    added = [f"{name} = {value!r}" for name, value in overrides.get("params", {}).items() if name not in done]
    if overrides.get("seed") is not None:
        added.insert(0, seed_line(overrides["seed"], overrides.get("libraries", ())))
    return "\n".join([*lines[: place + 1], *added, body])


def seed_line(seed: int, libraries: Sequence[str]) -> str:
    """Code that seeds as ``--seed`` did; it leaves no name behind.

    Examples
    --------
    >>> seed_line(7, ["numpy"])
    "__import__('random').seed(7); __import__('numpy').random.seed(7)"
    """
    calls = [f"__import__('random').seed({seed})"]
    if "numpy" in libraries:
        calls.append(f"__import__('numpy').random.seed({seed})")
    if "torch" in libraries:
        calls.append(f"__import__('torch').manual_seed({seed})")
    return "; ".join(calls)


def _digest_small(accesses: Sequence[Access]) -> dict[str, Any]:
    """Digests of small files as they are right after they were used: they may be other ones a moment later."""
    from mlops_nb.capture.data.digests import digest

    left = SMALL_BYTES
    found: dict[str, Any] = {}
    for access in accesses:
        if access.kind in ("file", "code") and not access.gone and access.size <= left:
            left -= access.size
            found[access.path] = digest(access.path, expected_mtime_ns=access.mtime_ns or None)
    return found


def with_unsaved(
    cells: Sequence[Mapping[str, Any]], saved: float, ran: Mapping[str, tuple[float, str]]
) -> list[Mapping[str, Any]]:
    """Cells of a file, with what ran after it was saved: an editor that is not saved yet is ahead of its file.

    A cell that the file does not have is put behind the one that ran before it.

    Examples
    --------
    >>> cells = [{"id": "a", "source": "x = 1"}, {"id": "b", "source": "x"}]
    >>> with_unsaved(cells, 10.0, {"a": (9.0, "x = 0"), "b": (11.0, "x + 1"), "c": (12.0, "x + 2")})
    [{'id': 'a', 'source': 'x = 1'}, {'id': 'b', 'source': 'x + 1'}, {'id': 'c', 'source': 'x + 2'}]
    """
    found: list[Mapping[str, Any]] = list(cells)
    places: dict[Any, int] = {cell["id"]: place for place, cell in reversed(list(enumerate(found)))}
    behind = {place - 1: place for place in range(len(found))}
    last = -1
    for cell_id, (time_ran, source) in ran.items():
        at = places.get(cell_id)
        if time_ran <= saved:
            last = last if at is None else at
            continue
        if at is None:
            at = places[cell_id] = len(found)
            found.append({})
            if last in behind:
                behind[at] = behind[last]
            behind[last] = at
        found[at] = {"id": cell_id, "source": source}
        last = at
    order, at = [], -1
    while at in behind:
        at = behind[at]
        order.append(found[at])
    return order


def read_cells(notebook: Path) -> list[dict[str, Any]] | None:
    """The code cells of a notebook file as it was saved last; None if it cannot be read."""
    import json

    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
        return [
            {"id": cell.get("id"), "source": _joined(cell.get("source", ""))}
            for cell in content["cells"]
            if cell.get("cell_type") == "code"
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


def _is_changed(access: Access) -> bool:
    try:
        return access.kind == "file" and Path(access.path).stat().st_mtime_ns != access.mtime_ns
    except OSError:
        return True
