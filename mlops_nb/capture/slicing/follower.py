"""Follows a session: what each execution read and wrote, found by comparing the namespace before and after it."""

from __future__ import annotations

import builtins
import re
import sys
import time
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlops_nb.capture.slicing.endings import endings, has_endings, hooks_of, magic_functions, own_magics, streams_of
from mlops_nb.capture.slicing.fingerprint import Print, Probe
from mlops_nb.capture.slicing.history import add_history, read_history
from mlops_nb.capture.slicing.ledger import Execution, Ledger, SliceResult
from mlops_nb.capture.slicing.mentions import CellText
from mlops_nb.capture.slicing.reading import GIVEN, Reading, is_followed, read_names, sharing
from mlops_nb.capture.slicing.standing import standing
from mlops_nb.capture.slicing.syntax import read_cell
from mlops_nb.capture.slicing.world import View, World


@dataclass(slots=True)
class Token:
    """An execution that is under way: what was there before it."""

    entry: Execution
    text: CellText
    identities: dict[str, int] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    view: View = field(default_factory=View)
    beside: dict[str, set[str]] = field(default_factory=dict)
    started: float = 0.0
    overhead: float = 0.0
    nested: bool = False
    lost: bool = False


class Follower:
    """Attached to a namespace, finds for every execution which earlier ones it needs.

    Parameters
    ----------
    namespace : dict
        The session's globals (``shell.user_ns``); only ever read.
    base : float
        Seconds of CPU time that may be spent after each execution.
    share : float
        And what more may be spent, as a share of the execution's own time.
    history : sequence of (str, int or None, str or None)
        Source, execution count and cell id of what ran before; judged by its text alone.

    Examples
    --------
    >>> space = {"__name__": "__main__"}
    >>> follower = Follower(space)
    >>> for count, cell in enumerate(["a = [1]", "b = 2", "a.append(3)", "c = sum(a)"], 1):
    ...     token = follower.before(cell, cell, count, None)
    ...     exec(cell, space)
    ...     follower.after(token, None)
    >>> [e["execution_count"] for e in follower.slice_of(3).executions]
    [1, 3]
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        *,
        base: float = 0.05,
        share: float = 0.05,
        history: Sequence[tuple[str, int | None, str | None]] = (),
    ) -> None:
        self.namespace = namespace
        self.base = base
        self.share = share
        self.ledger = Ledger()
        self.taken: set[str] = set()
        self.prints: dict[str, Print] = {}
        self.kin: dict[str, set[str]] = {}
        self.refused: dict[int, float] = {}
        self.current: Token | None = None
        self.reloads = False
        for source, count, cell_id in history:
            add_history(self.ledger, source, count, cell_id)
        self.attached: dict[str, set[str]] = {}
        self.unexplained = {n for n in self._identities() if n not in self.ledger.writers}
        self.world = World(self.ledger)

    # -- the two calls

    def before(self, source: str, transformed: str, execution_count: int | None, cell_id: str | None) -> Token:
        """Look at the session just before a cell runs.

        Parameters
        ----------
        source, transformed : str
            The cell as typed, and as IPython will run it.
        execution_count : int or None
            The number that it will have.
        cell_id : str or None
            The notebook's id of the cell.

        Returns
        -------
        Token
            For `after`.
        """
        began = time.thread_time()
        if self.current is not None and _is_within_a_cell():
            return Token(self.current.entry, self.current.text, nested=True)  # what it does is the outer cell's doing
        text = read_cell(transformed)
        entry = self.ledger.open(source, transformed, execution_count, cell_id)
        entry.asks = text.asks
        if text.future:
            self.ledger.needed_by_all(entry)
        token = Token(entry, text)
        self.current = token
        try:
            self._look(token)
        except Exception as fault:  # a tracker's own fault must not reach the cell; the slice is then only bigger
            self._assume_everything(token, fault)
        token.overhead = time.thread_time() - began
        token.started = time.perf_counter()
        return token

    def after(
        self,
        token: Token,
        error: BaseException | None,
        files_read: Iterable[str] = (),
        files_written: Iterable[str] = (),
        execution_count: int | None = None,
    ) -> None:
        """Compare the session with what it was, once the cell has run.

        Parameters
        ----------
        token : Token
            From `before`.
        error : BaseException or None
            What the cell ended with.
        files_read, files_written : iterable of str
            Paths that someone else saw it open.
        execution_count : int, optional
            The number that the cell had, where `before` could not know it for sure.
        """
        if token.nested:
            return
        began = time.thread_time()
        entry = token.entry
        entry.seconds = time.perf_counter() - token.started
        if execution_count is not None:
            entry.execution_count = execution_count
        entry.error = type(error).__name__ if error is not None else ""
        self.current = None
        try:
            if token.lost:
                self._assume_everything(token, RuntimeError())  # once more, for names that are new
            else:
                self._settle(token, error is not None, files_read, files_written)
        except Exception as fault:  # as in `before`
            self._assume_everything(token, fault)
        entry.overhead = token.overhead + time.thread_time() - began

    def _look(self, token: Token) -> None:
        text = token.text
        left = [self.base]
        if self.reloads:  # %autoreload: whatever is used of a local module is as its file is now
            text.words.add("reload")
        self.reloads |= any(c.name == "autoreload" and c.line.strip() not in ("0", "off") for c in text.commands)

        def print_of(name: str) -> Print:
            return self._print(name, left)

        self._read_what_is_called(text)
        self._look_beside(token)
        if loaded := self.world.imports.loaded(text, str(self.namespace.get("__name__"))):
            marks = Print(0, 0, frozenset(map(id, loaded)))  # they are as those left them who used them
            text.reads.update({n: frozenset() for n in sharing(self.prints, self.prints, [marks]) - text.reads.keys()})
        if "collect" in text.words and has_endings(self.namespace):  # what was let go before ends now
            text.dynamic_all = True
        token.reading = read_names(text, self.namespace, print_of, self.taken)
        for name in token.reading.names & self.attached.keys():  # functions that an object in C keeps
            text.reads.update({inner: frozenset() for inner in self.attached[name] - text.reads.keys()})
            token.reading = read_names(text, self.namespace, print_of, self.taken)
        if late := self.world.patched_names(token.reading.packages):  # what patched libraries' functions load
            text.reads.update({name: frozenset() for name in late - text.reads.keys()})
            token.reading = read_names(text, self.namespace, print_of, self.taken)
        self._read_before(token)
        token.identities = self._identities()
        token.view = self.world.look(text, token.reading, self.namespace)

    def _read_what_is_called(self, text: CellText) -> None:
        """What runs without being named: finalisers of what the cell lets go, magics of the notebook's own."""
        hidden = list(endings(self.namespace, (text.stores | text.deletes) & self.namespace.keys()))
        hidden += [*streams_of(self.namespace), *hooks_of(self.namespace)]
        hidden += own_magics(text.commands, magic_functions(), self.namespace).values() if text.commands else ()
        for part in hidden:
            found = Probe(self.namespace, self.base).take(part)
            text.stores |= found.stores
            for name in found.names | sharing(list(self.prints), self.prints, [found]):
                text.reads.setdefault(name, frozenset())

    def _look_beside(self, token: Token) -> None:
        """What may run meanwhile, in threads and hooks: the names that it may change, and where it was set up."""
        for place, part in standing(self.namespace, self.ledger.writers):
            found = Probe(self.namespace, self.base).take(part)
            for name in found.names | found.stores | sharing(list(self.prints), self.prints, [found]):
                token.beside.setdefault(name, set()).update({place}, found.names)
        earlier = self.ledger.executions[token.entry.index - 1]
        plain = {name for name, known in self.prints.items() if not known.opaque}
        for name in token.beside.keys() & plain:  # what has changed since the last cell ended
            if earlier is not token.entry and self._compare(name, earlier, [self.base], {}, read=False):
                self.ledger.change(earlier, name)
                for place in token.beside[name]:
                    self.ledger.read(earlier, place)

    def _settle(self, token: Token, failed: bool, files_read: Iterable[str], files_written: Iterable[str]) -> None:
        entry, text, reading = token.entry, token.text, token.reading
        left = [self.base + self.share * entry.seconds]
        now = self._identities()
        rebound = {n for n, identity in now.items() if token.identities.get(n) != identity}
        if not failed:
            rebound |= text.sure & now.keys()
        self._take_names(token, now)
        changed = self._find_changes(token, now, rebound, left)
        for name in (changed | rebound) & token.beside.keys():
            for place in token.beside[name]:
                self.ledger.read(entry, place)
        self._record_names(token, now, rebound, changed, left)
        known = {n: p for n in changed | rebound if (p := self.prints.get(n)) is not None}
        opaque = {n for n, p in known.items() if p.opaque or p.hollow}
        self._attach(token, {n for n, p in known.items() if p.hollow})
        self.world.record_files(entry, text, reading, token.view, files_read, files_written, opaque)
        drawn = {n for n in reading.names if (p := self.prints.get(n)) and not p.reach.isdisjoint(token.view.figures)}
        self.world.record_resources(entry, text, reading, token.view, self.namespace, drawn=bool(drawn))
        new_names = {inner for n in rebound if n in self.prints for inner in self.prints[n].names}
        self.world.record_patches(entry, text, reading, token.view, self.namespace, new_names)

    def _take_names(self, token: Token, now: dict[str, int]) -> None:
        """IPython's own names that the cell gives another meaning to (``open``, ``Out``), and the last exit status."""
        bound = (token.text.stores | token.reading.stores) & self.namespace.keys() & GIVEN
        if any(command.kind == "shell" for command in token.text.commands):
            bound.add("_exit_code")
        self.taken |= bound
        for name in bound:
            self.ledger.bind(token.entry, name)

    def _attach(self, token: Token, names: Iterable[str]) -> None:
        """Functions that a cell may have handed to objects whose state nobody can read: these call them later."""
        text = token.text
        functions = {n for n in token.reading.names if type(self.namespace.get(n)) is types.FunctionType}
        if handed := (text.later | functions) - text.stores:
            for name in names:
                self.attached.setdefault(name, set()).update(handed)

    def _assume_everything(self, token: Token, fault: Exception) -> None:
        """Where following itself failed: the execution may have read and changed anything."""
        token.lost = True
        token.entry.over_budget.add(f"everything ({type(fault).__name__} while comparing)")
        for name in self._identities():
            self.ledger.read(token.entry, name)
            self.ledger.change(token.entry, name)
        self.prints.clear()

    # -- what others ask

    def slice_of(self, execution_index: int, *, restore_random: bool = False) -> SliceResult:
        """The least earlier executions that the one at `execution_index` of the log needs; see `Ledger.slice_of`."""
        return self.ledger.slice_of(execution_index, restore_random=restore_random)

    def session(self) -> list[dict[str, Any]]:
        """Every execution since following began, as JSON values, bounded in size."""
        return self.ledger.session()

    @property
    def last_index(self) -> int:
        """The index of the latest execution in the log, -1 if there is none."""
        return len(self.ledger.executions) - 1

    # -- names

    def _identities(self) -> dict[str, int]:
        for _ in range(5):
            try:
                return {
                    n: id(v)
                    for n, v in list(self.namespace.items())
                    if type(n) is str and (is_followed(n) or n in self.taken)
                }
            except RuntimeError:  # a thread added a name meanwhile
                continue
        return {}

    def _print(
        self, name: str, left: list[float], *, again: bool = False, buffers: dict[Any, int] | None = None
    ) -> Print:
        """The fingerprint of a name; the last one if it is still about the same object, unless `again`."""
        known = self.prints.get(name)
        value = self.namespace.get(name)
        if known is not None and known.identity == id(value) and not again:
            return known
        floor = self.refused.get(id(value), 0.0)
        seconds = max(left[0], 0.002)
        if floor > seconds / 2 and known is not None and known.identity == id(value):
            return known  # it was too big for as much time as there is now
        made = Probe(self.namespace, seconds, buffers).take(value)
        left[0] -= made.cost
        if made.complete:
            self.refused.pop(id(value), None)
        else:
            self.refused[id(value)] = seconds
            if known is not None and known.identity == id(value):  # what was seen below it before may still be there
                made = replace(made, reach=made.reach | known.reach, names=made.names | known.names)
        self.prints[name] = made
        return made

    def _read_before(self, token: Token) -> None:
        entry, reading, text = token.entry, token.reading, token.text
        for name in reading.names:
            self.ledger.read(entry, name)
            if name in self.unexplained and name not in self.ledger.writers:
                entry.undefined.add(name)
        for name in reading.missing:
            if name in self.ledger.writers:
                self.ledger.read(entry, name)  # deleted, and the cell may want it so
            elif not (name in text.stores or text.star or text.dynamic_all or hasattr(builtins, name)):
                entry.undefined.add(name)
        if text.dynamic_all:  # whoever looks at all names sees which are gone
            for name in [n for n in self.ledger.writers if not n.startswith("@") and n not in self.namespace]:
                self.ledger.read(entry, name)
        read_history(self.ledger, entry, text, reading)

    def _find_changes(self, token: Token, now: Mapping[str, int], rebound: set[str], left: list[float]) -> set[str]:
        """Names whose object was changed in place, or may have been."""
        entry, reading = token.entry, token.reading
        buffers: dict[Any, int] = {}
        beside = {n for n in token.beside if (known := self.prints.get(n)) is None or not known.opaque}
        maybe = (token.text.stores | reading.stores | beside) & now.keys()
        first = sorted(((reading.names | maybe) & now.keys()) - rebound, key=self._expected_cost)
        old = dict(self.prints)
        changed = {n for n in first if self._compare(n, entry, left, buffers, read=n in reading.names)}
        gone = token.identities.keys() - now.keys()
        touched = (*changed, *((rebound | gone) & reading.names))
        stirred = [known for n in touched for known in (old.get(n), self.prints.get(n)) if known is not None]
        if "pyplot" in reading.packages and token.view.figures:
            stirred.append(Print(0, 0, token.view.figures, opaque=True))
        others = (now.keys() - rebound) - set(first)
        linked = sharing(others, self.prints, stirred)
        for name in (*changed, *((rebound | gone) & reading.names), *reading.names):
            known = self.prints.get(name)
            if name in changed or (known is not None and (known.opaque or not known.complete)):
                linked |= self.kin.get(name, set()) & others
        changed |= {
            n for n in sorted(linked, key=self._expected_cost) if self._compare(n, entry, left, buffers, read=True)
        }
        return changed

    def _expected_cost(self, name: str) -> tuple[float, str]:
        known = self.prints.get(name)
        return (known.cost if known is not None else 0.0, name)

    def _compare(self, name: str, entry: Execution, left: list[float], buffers: dict[Any, int], *, read: bool) -> bool:
        old = self.prints.get(name)
        if old is not None and not old.may_change:
            return False
        new = self._print(name, left, again=True, buffers=buffers)
        if new.opaque and read:
            entry.opaque.add(name)
            return True
        if not new.complete or old is None or not old.complete:
            entry.over_budget.add(name)
            return True
        return new.digest != old.digest

    def _record_names(
        self, token: Token, now: Mapping[str, int], rebound: set[str], changed: set[str], left: list[float]
    ) -> None:
        entry, text = token.entry, token.text
        buffers: dict[Any, int] = {}
        came_by = {mark for n in token.reading.names if n in self.prints for mark in self.prints[n].reach}
        old = {n: p for n, p in self.prints.items() if n not in rebound}
        same: dict[int, Print] = {p.identity: p for n, p in old.items() if now.get(n) == p.identity}
        for name in sorted(rebound):
            kept = same.get(now[name])
            if kept is not None and (kept.complete or not kept.may_change):
                self.prints[name] = kept
            else:
                self.prints.pop(name, None)
                same[now[name]] = self._print(name, left, buffers=buffers)
        self._read_hidden(token, rebound, old, came_by)
        if any(chain[0] in ("Out", "_oh") for chain in text.changed):
            changed = changed | {name for name in now if re.fullmatch(r"_\d+", name)}
        for name in changed:
            self.ledger.change(entry, name)
        for name in rebound:
            self._bind(entry, text, name, token.identities.get(name) == now[name])
        for name in token.identities.keys() - now.keys():
            self.ledger.bind(entry, name)
            self.prints.pop(name, None)
        self._join_kin(token.reading.names | rebound)

    def _bind(self, entry: Execution, text: CellText, name: str, is_same: bool) -> None:
        """Note a new binding. A module bound again keeps those who imported parts of it."""
        self.unexplained.discard(name)
        value = self.namespace.get(name)
        if is_same and type(value) is types.ModuleType and text.aliases.get(name) == name:
            partly = tuple(
                w for w in self.ledger.writers.get(name, ())
                if re.search(rf"import\s+[^#\n]*\b{re.escape(name)}\.", self.ledger.executions[w].source)
            )  # fmt: skip
            self.ledger.bind(entry, name)
            self.ledger.writers[name] = (*partly, *(() if entry.index in partly else (entry.index,)))
            return
        self.ledger.bind(entry, name)

    def _read_hidden(self, token: Token, rebound: set[str], old: Mapping[str, Print], came_by: set[Any]) -> None:
        """A new value that shares an object with a name that was not read, and with none that was, came from it."""
        marks = {mark for n in rebound & token.text.stores if n in self.prints for mark in self.prints[n].reach}
        others = [n for n in old if n not in token.reading.names and not n.startswith("_")]
        hidden = frozenset(marks - came_by)
        for name in sharing(others, dict(old), [Print(0, 0, hidden)]):
            now = Probe(self.namespace, self.base).take(self.namespace.get(name))
            if not now.complete or not hidden.isdisjoint(now.reach):  # an identity may have been used again meanwhile
                self.ledger.read(token.entry, name)

    def _join_kin(self, involved: set[str]) -> None:
        """Names too big to walk may share objects with any changeable name that they met in an execution."""
        big = [n for n in involved if (p := self.prints.get(n)) is not None and not p.complete]
        if not big:
            return
        others = {n for n in involved if (p := self.prints.get(n)) is not None and p.may_change}
        for name in big:
            for other in others - {name}:
                self.kin.setdefault(name, set()).add(other)
                self.kin.setdefault(other, set()).add(name)


def _is_within_a_cell() -> bool:
    """Whether IPython is running a cell's code further up the stack (a cell that calls ``run_cell``)."""
    frame: types.FrameType | None = sys._getframe(1)
    for _ in range(500):
        if frame is None:
            return False
        if frame.f_code.co_name == "run_code" and "IPython" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return True
