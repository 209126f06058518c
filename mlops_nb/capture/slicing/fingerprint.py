"""A bounded fingerprint of what a name holds: the whole graph of objects behind it, without running any of their code.

Two fingerprints of one object are equal if nothing reachable from it changed in between. A walk that its budget cut
short says so, and is equal to nothing.
"""

from __future__ import annotations

import gc
import marshal
import time
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import xxhash

from mlops_nb.capture.slicing.buffers import Describe, describer_of
from mlops_nb.capture.slicing.bytecode import CodeNames, names_of
from mlops_nb.capture.slicing.callables import CODE, describe_artist, describe_class, describe_module, is_artist
from mlops_nb.capture.slicing.containers import NATIVE_STATE, VALUES
from mlops_nb.capture.slicing.layout import ATOMS, Layout, layout_of, module_name

_MARKS = 200_000  # identities kept per name; more than these are not compared for sharing
_PACE = 256  # objects between two looks at the clock
_BYTES_PER_SECOND = 5e9  # what hashing does at least


@dataclass(frozen=True, slots=True)
class Print:
    """What is known of the object behind a name.

    `reach` are identities of mutable objects and buffers below it; `names` globals that the functions below it load;
    `stores` globals that they bind; `words` all that their code mentions; `packages` where its types come from; `hints`
    words of texts that it may run as code.
    `codes` what that code says, for its dotted uses. `complete` is False where the budget ended; `opaque` says that
    state in C is part of it, which nothing can read, `hollow` that something in C may keep functions to call.
    """

    identity: int
    digest: int
    reach: frozenset[Any]
    names: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    hints: frozenset[str] = frozenset()
    codes: frozenset[CodeNames] = frozenset()
    opaque: bool = False
    hollow: bool = False
    complete: bool = True
    cost: float = 0.0

    @property
    def may_change(self) -> bool:
        """Whether anything below the name can be changed in place."""
        return bool(self.reach) or self.opaque or not self.complete


class Probe:
    """Takes one fingerprint. Describers call `put`, `push`, `reach`, `mark`, `buffer`.

    Parameters
    ----------
    namespace : dict
        The globals of notebook functions.
    seconds : float
        CPU seconds of this thread that the walk may take.
    buffers : dict, optional
        Digests of buffers that the same sweep has hashed already, by address and size.
    """

    def __init__(self, namespace: dict[str, Any], seconds: float, buffers: dict[Any, int] | None = None) -> None:
        self.namespace = namespace
        self.main = str(namespace.get("__name__", "__main__"))
        self.started = time.thread_time()
        self.deadline = self.started + seconds
        self.buffers = {} if buffers is None else buffers
        self.hash = xxhash.xxh3_64()
        self.out: list[Any] = []
        self.stack: list[Any] = []
        self.kept: list[Any] = []  # temporaries stay alive, so that no identity is used twice
        self.seen: dict[int, int] = {}
        self.marks: set[Any] = set()
        self.names: set[str] = set()
        self.stores: set[str] = set()
        self.words: set[str] = set()
        self.packages: set[str] = set()
        self.hints: set[str] = set()
        self.codes: set[CodeNames] = set()
        self.opaque = False
        self.hollow = False
        self.complete = True

    def take(self, value: object) -> Print:
        """Walk everything below `value`.

        Parameters
        ----------
        value : object
            Anything.

        Returns
        -------
        Print

        Examples
        --------
        >>> values = [1, {"a": 2}]
        >>> first = Probe({}, 1.0).take(values)
        >>> values[1]["a"] = 3
        >>> Probe({}, 1.0).take(values).digest == first.digest
        False
        """
        self.stack.append(value)
        try:
            self._walk()
        except (RuntimeError, MemoryError, RecursionError):  # another thread changed a container under the walk
            self.complete = False
        self._flush()
        return Print(
            identity=id(value),
            digest=self.hash.intdigest(),
            reach=frozenset(self.marks),
            names=frozenset(self.names),
            stores=frozenset(self.stores),
            words=frozenset(self.words),
            packages=frozenset(self.packages),
            hints=frozenset(self.hints),
            codes=frozenset(self.codes),
            opaque=self.opaque,
            hollow=self.hollow,
            complete=self.complete,
            cost=time.thread_time() - self.started,
        )

    # -- what describers call

    def put(self, token: Any) -> None:
        """Add a plain value to the fingerprint."""
        self.out.append(token)

    def push(self, value: object) -> None:
        """Have `value` walked too."""
        self.kept.append(value)
        self.stack.append(value)

    def reach(self, value: object) -> None:
        """Note a mutable object below the name."""
        self.marks.add(id(value))

    def mark(self, key: Any) -> None:
        """Note memory below the name that other objects may share."""
        self.marks.add(key)

    def affords(self, size: int) -> bool:
        """Whether hashing `size` bytes fits into what is left; if not, the fingerprint is incomplete."""
        if size < 65536 or size / _BYTES_PER_SECOND < self.deadline - time.thread_time():
            return True
        self.complete = False
        return False

    def buffer(self, view: memoryview, address: int) -> None:
        """Add the bytes of a contiguous buffer, which starts at `address`."""
        key = (address, view.nbytes)
        known = self.buffers.get(key)
        if known is None and self.affords(view.nbytes):
            known = self.buffers[key] = xxhash.xxh3_64(view).intdigest()
            self.kept.append(view)
        self.out.append(known)

    # -- the walk

    def _walk(self) -> None:
        stack, out, seen = self.stack, self.out, self.seen
        steps = 0
        while stack:
            value = stack.pop()
            kind = type(value)
            if id(kind) in ATOMS:
                if kind in (str, bytes) and len(value) > 4096:  # the kind too: a text and its bytes hash alike
                    out.append((kind is str, len(value), hash(value)))
                else:
                    out.append(value)
                continue
            order = seen.get(id(value))
            if order is not None:
                out.append(("again", order))
                continue
            seen[id(value)] = len(seen)
            handler = _EXACT.get(id(kind))
            if handler is not None:
                handler(self, value)
            else:
                self._object(value, kind)
            steps += 1
            if not steps % _PACE and not self._goes_on():
                return

    def _goes_on(self) -> bool:
        self._flush()
        if time.thread_time() > self.deadline or len(self.marks) > _MARKS:
            self.complete = False
            self.stack.clear()
            return False
        return True

    def _flush(self) -> None:
        if self.out:
            try:
                self.hash.update(marshal.dumps(self.out, 2))
            except ValueError:  # a describer put something that is no plain value
                self.hash.update(repr([t if id(type(t)) in ATOMS else type(t).__name__ for t in self.out]).encode())
                self.opaque = True
            self.out.clear()

    def _object(self, value: Any, kind: type) -> None:
        if issubclass(kind, type):
            describe_class(self, value)
            return
        describe, draws = _role_of(kind)
        if describe is not None:
            try:
                describe(self, value)
            except Exception:  # a library that changed its private parts: assume nothing of the object
                self.opaque = True
            self.packages.add(module_name(kind).partition(".")[0])
            return
        if draws:
            describe_artist(self, value)
            return
        layout = layout_of(kind, self.main)
        self.out.append(("object", layout.serial))
        if layout.package:
            self.packages.add(layout.package)
        self.hollow |= layout.hollow
        if layout.outside:
            self.marks.add(f"outside {layout.package}")  # what one end writes the other one reads
            self.opaque = True
        if layout.frozen:
            self.out.append(id(value))
            return
        self._instance(value, kind, layout)

    def _instance(self, value: Any, kind: type, layout: Layout) -> None:
        self.marks.add(id(value))
        if layout.native is not None:
            _NATIVE[layout.native](self, value)
        if layout.dict_of is not None:
            own = layout.dict_of(value)
            if type(own) is dict:
                self._attributes(own, layout)
        for number, slot in enumerate(layout.slots):
            try:
                part = slot.__get__(value, kind)
            except Exception:  # a slot that is not set; C members may raise their own kinds
                self.out.append(("unset", number))
                continue
            self.kept.append(part)
            self.stack.append(part)
        if layout.user:
            self.stack.append(kind)
        if layout.opaque:
            self.opaque = self.hollow = True
            self.links(value)

    def _attributes(self, own: dict[Any, Any], layout: Layout) -> None:
        cached = () if layout.user else ("_cache",)
        for key, part in list(own.items()):
            if key.__class__ is str and (key in layout.transient or key in cached):
                continue
            self.out.append(key if type(key) is str else "key")
            self.stack.append(part)

    def links(self, value: object) -> None:
        """Walk what a C object says that it refers to."""
        for part in gc.get_referents(value):
            if issubclass(type(part), type | types.ModuleType) or part is self.namespace:
                continue
            if type(part) is dict and "__builtins__" in part:
                continue  # some module's globals
            self.kept.append(part)
            self.stack.append(part)

    def code(self, code: types.CodeType) -> None:
        """Note what a code object of the notebook's may touch."""
        found = names_of(code)
        self.names |= found.loads
        self.stores |= found.stores
        self.words |= found.words
        self.hints |= found.hints
        self.codes.add(found)
        self.out.append((id(code), hash(code.co_code)))


_roles: dict[int, tuple[weakref.ref[type], tuple[Describe | None, bool]]] = {}


def _role_of(kind: type) -> tuple[Describe | None, bool]:
    """How objects of a type are described, and whether they belong to a figure: found once for as long as it lives."""
    kept = _roles.get(id(kind))
    if kept is not None and kept[0]() is kind:
        return kept[1]
    found = describer_of(kind), is_artist(kind)
    _roles[id(kind)] = (weakref.ref(kind), found)
    return found


_EXACT: dict[int, Callable[[Probe, Any], None]] = {**VALUES, **CODE}
_NATIVE: dict[type, Callable[[Probe, Any], None]] = {**NATIVE_STATE, types.ModuleType: describe_module}
