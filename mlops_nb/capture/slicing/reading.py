"""What an execution reads: its text's names, resolved through the live functions and classes that they reach."""

from __future__ import annotations

import builtins
import functools
import re
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from mlops_nb.capture.slicing.bytecode import names_of
from mlops_nb.capture.slicing.fingerprint import Print
from mlops_nb.capture.slicing.layout import module_name, type_name
from mlops_nb.capture.slicing.mentions import CellText

_HIDDEN = re.compile(
    r"^(__(name|doc|package|loader|spec|file|builtins?|vsc_ipynb_file|IPYTHON)__|_i\d*|_ii|_iii|_ih|_oh|_dh|In|Out"
    r"|exit|quit|get_ipython|_exit_code|open|display)$"
)
_OUTPUT = re.compile(r"^_\d+$")
_PICKLED = re.compile(rb"[A-Za-z_]\w*")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(slots=True)
class Reading:
    """What one execution may read: names, and what all code that it may call mentions.

    `names` are followed names that exist; `missing` are names that do not. `stores` are globals that functions within
    reach bind; `texts` short strings (constants and values read) that may be paths; `folders` values that are paths.
    """

    names: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)


@functools.lru_cache(maxsize=16_384)
def is_followed(name: str) -> bool:
    """Whether a name of the namespace is the session's, and not IPython's own.

    Examples
    --------
    >>> is_followed("df"), is_followed("_3"), is_followed("_i3"), is_followed("__name__")
    (True, True, False, False)
    """
    return not _HIDDEN.match(name)


def read_names(text: CellText, namespace: dict[str, Any], print_of: Callable[[str], Print]) -> Reading:
    """Resolve what a cell's text reads against the namespace as it is before the cell runs.

    Parameters
    ----------
    text : CellText
        The cell.
    namespace : dict
        Of the session.
    print_of : callable
        Gives the fingerprint of a name.

    Returns
    -------
    Reading

    Examples
    --------
    >>> from mlops_nb.capture.slicing.fingerprint import Probe
    >>> from mlops_nb.capture.slicing.syntax import read_cell
    >>> space = {"__name__": "__main__"}
    >>> exec("k = 2\\ndef f(): return k", space)
    >>> found = read_names(read_cell("y = f()"), space, lambda n: Probe(space, 1.0).take(space[n]))
    >>> sorted(found.names)
    ['f', 'k']
    """
    found = Reading(words=set(text.words), texts=set(text.texts))
    waiting = [(name, surely) for name, surely in _named(text, namespace).items()]
    while waiting:
        name, surely = waiting.pop()
        if name in found.names or not is_followed(name):
            continue
        if name not in namespace:
            if not hasattr(builtins, name):
                found.missing.add(name)
            continue
        found.names.add(name)
        behind = print_of(name)
        found.stores |= behind.stores
        found.words |= behind.words
        found.packages |= behind.packages
        _note_text(namespace.get(name), found)
        if "reload" in text.words:
            found.texts.add(_file_of(namespace.get(name)))
        waiting.extend((inner, surely) for inner in _by_name(namespace.get(name), found.words, namespace))
        inside = behind.names | (behind.hints & namespace.keys())
        waiting.extend((inner, surely) for inner in inside if inner not in surely and inner not in found.names)
    return found


def _by_name(value: object, words: set[str], namespace: dict[str, Any]) -> list[str]:
    """Classes and functions that are looked up by their name when a pickle is read, or a class's subclasses."""
    if type(value) is bytes and value[:1] == b"\x80" and {"loads", "load"} & words:
        named = {word.decode("ascii") for word in _PICKLED.findall(value[:100_000])}
    elif "__subclasses__" in words and isinstance(value, type):
        named = set(namespace)
    else:
        return []
    return [name for name in named if _is_own(namespace.get(name), namespace)]


def _is_own(value: object, namespace: dict[str, Any]) -> bool:
    if type(value) is types.FunctionType:
        return value.__globals__ is namespace
    return issubclass(type(value), type) and module_name(value) == namespace.get("__name__")  # type: ignore[arg-type]


def _named(text: CellText, namespace: dict[str, Any]) -> dict[str, frozenset[str]]:
    nothing: frozenset[str] = frozenset()
    named = dict(text.reads)
    for number in text.outputs:
        named[f"_{number}"] = nothing
    wanted = set(text.dynamic_words)
    for name in text.dynamic:
        value = namespace.get(name)
        if type(value) is str:
            wanted.update(_WORD.findall(value[:100_000]))
        elif type(value) is types.CodeType:
            wanted |= names_of(value).loads
    for name in wanted:
        if name in namespace:
            named.setdefault(name, nothing)
    if text.all_outputs:
        named.update({name: nothing for name in list(namespace) if _OUTPUT.match(name)})
    if text.dynamic_all:
        named.update({name: nothing for name in list(namespace) if type(name) is str and not name.startswith("_")})
    return named


def _file_of(value: object) -> str:
    """The file of a module, or of the one that a function, a class or an object is from; empty if there is none."""
    kind = type(value)
    if kind is types.ModuleType:
        own = value.__dict__
    elif kind is types.FunctionType:
        own = value.__globals__  # type: ignore[attr-defined]
    else:
        home = sys.modules.get(module_name(value if issubclass(kind, type) else kind))  # type: ignore[arg-type]
        own = home.__dict__ if type(home) is types.ModuleType else {}
    path = own.get("__file__")
    return path if type(path) is str else ""


def _note_text(value: object, found: Reading) -> None:
    kind = type(value)
    if kind is str and len(value) < 300:  # type: ignore[arg-type]
        found.texts.add(value)  # type: ignore[arg-type]
    elif issubclass(kind, PurePath) and type_name(kind) in ("PosixPath", "WindowsPath", "PurePosixPath"):
        found.texts.add(str(value))
        found.folders.add(str(value))
    elif (kind is list or kind is tuple) and len(value) < 50:  # type: ignore[arg-type]
        for part in list(value):  # type: ignore[call-overload]
            if type(part) is str and len(part) < 300:
                found.texts.add(part)


def sharing(names: Iterable[str], prints: dict[str, Print], of: Iterable[Print]) -> set[str]:
    """Which of `names` reach a mutable object that one of the fingerprints `of` reaches too.

    Examples
    --------
    >>> one = Print(1, 0, frozenset({7})); two = Print(2, 0, frozenset({7, 8})); other = Print(3, 0, frozenset({9}))
    >>> sorted(sharing(["two", "other"], {"two": two, "other": other}, [one]))
    ['two']
    """
    marks: set[Any] = set()
    for one in of:
        marks |= one.reach
    if not marks:
        return set()
    return {name for name in names if (known := prints.get(name)) is not None and not marks.isdisjoint(known.reach)}
