"""What an execution reads: its text's names, resolved through the live functions and classes that they reach."""

from __future__ import annotations

import builtins
import functools
import re
import sys
import types
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from mlops_nb.capture.slicing.bytecode import CodeNames, names_of
from mlops_nb.capture.slicing.fingerprint import Print
from mlops_nb.capture.slicing.layout import layout_of, members_of, module_name, type_name
from mlops_nb.capture.slicing.mentions import CellText

_HIDDEN = re.compile(
    r"^(__(name|doc|package|loader|spec|file|builtins?|vsc_ipynb_file|IPYTHON)__|_i\d*|_ii|_iii|_ih|_oh|_dh|In|Out"
    r"|exit|quit|get_ipython|_exit_code|open|display)$"
)
GIVEN = frozenset(
    "In Out _dh open display exit quit get_ipython __file__ __doc__ __name__ __package__ __spec__ __loader__".split()
)
"""Names that IPython or Python give a meaning to, and a notebook may give another."""

_OUTPUT = re.compile(r"^_\d+$")
_PICKLED = re.compile(rb"[A-Za-z_]\w*")
_PATH = re.compile(r"^[\w.~-]*/[\w./~ -]+$|^[\w-]+(\.\w{1,8}){1,2}$")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(slots=True)
class Reading:
    """What one execution may read: names, and what all code that it may call mentions.

    `names` are followed names that exist; `missing` are names that do not. `stores` are globals that functions within
    reach bind; `codes` what these functions say; `texts` short strings (constants and values read) that may be paths;
    `folders` values that are paths.
    """

    names: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    codes: set[CodeNames] = field(default_factory=set)
    named_by_pickles: bool = False

    def chains(self, text: CellText) -> set[tuple[str, ...]]:
        """Dotted uses of globals in the cell and in the functions that it may call, and the names themselves."""
        found = {(name,) for name in self.names} | text.chains
        for code in self.codes:
            found |= code.chains
        return found


@functools.lru_cache(maxsize=16_384)
def is_followed(name: str) -> bool:
    """Whether a name of the namespace is the session's, and not IPython's own.

    Examples
    --------
    >>> is_followed("df"), is_followed("_3"), is_followed("_i3"), is_followed("__name__")
    (True, True, False, False)
    """
    return not _HIDDEN.match(name)


def read_names(
    text: CellText,
    namespace: dict[str, Any],
    print_of: Callable[[str], Print],
    taken: Collection[str] = (),
) -> Reading:
    """Resolve what a cell's text reads against the namespace as it is before the cell runs.

    Parameters
    ----------
    text : CellText
        The cell.
    namespace : dict
        Of the session.
    print_of : callable
        Gives the fingerprint of a name.
    taken : collection of str
        Names of IPython's own that the notebook has bound itself.

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
    while waiting or (waiting := [(n, _NOTHING) for n in _unpickled(found, namespace) - found.names]):
        name, surely = waiting.pop()
        if name in found.names or not (is_followed(name) or name in taken):
            continue
        if name not in namespace:
            found.missing.add(name)
            replaced = vars(builtins).get(name)  # by a function of the notebook's
            if type(replaced) is types.FunctionType and replaced.__globals__ is namespace:
                waiting.extend((inner, surely) for inner in names_of(replaced.__code__).loads if inner != name)
            continue
        found.names.add(name)
        behind = print_of(name)
        found.stores |= behind.stores
        found.words |= behind.words
        found.packages |= behind.packages
        found.codes |= behind.codes
        found.texts.update(each for code in behind.codes for each in code.texts if _PATH.match(each))
        _note_text(namespace.get(name), found)
        if "reload" in text.words:
            found.texts.add(_file_of(namespace.get(name)))
        waiting.extend((inner, surely) for inner in _by_name(namespace.get(name), found, namespace))
        inside = behind.names | (behind.hints & namespace.keys())
        if not _HISTORIES.isdisjoint(inside):  # a function that looks into Out, or In
            text.all_inputs |= not inside.isdisjoint(("In", "_ih"))
            inside |= {each for each in namespace if _OUTPUT.match(each)}
        waiting.extend((inner, surely) for inner in inside if inner not in surely and inner not in found.names)
    return found


_NOTHING: frozenset[str] = frozenset()
_HISTORIES = frozenset({"Out", "_oh", "In", "_ih"})
_UNPICKLERS = frozenset({"pickle", "joblib", "cloudpickle", "dill", "shelve", "torch", "pandas"})


def _unpickled(found: Reading, namespace: dict[str, Any]) -> set[str]:
    """The notebook's classes, where something is unpickled of which nobody can say which of them it names."""
    if _UNPICKLERS.isdisjoint(found.packages) or found.named_by_pickles:
        return set()
    if not ({"load", "loads", "read_pickle"} & found.words or ("shelve" in found.packages and "open" in found.words)):
        return set()
    found.named_by_pickles = True
    return {
        name for name, value in list(namespace.items()) if issubclass(type(value), type) and _is_own(value, namespace)
    }


def _by_name(value: object, found: Reading, namespace: dict[str, Any]) -> list[str]:
    """What is looked up by its name when a pickle is read, or hints are, or a class's subclasses."""
    if type(value) is bytes and value[:1] == b"\x80" and {"loads", "load"} & found.words:
        named = {word.decode("ascii") for word in _PICKLED.findall(value[:100_000])}
        found.named_by_pickles = True
    elif "__subclasses__" in found.words and issubclass(type(value), type):
        named = set(namespace)
    elif _RESOLVING & found.words:
        named = {word for hint in _hints_of(value) for word in _WORD.findall(hint)}
    else:
        return []
    return [name for name in named if _is_own(namespace.get(name), namespace)]


_RESOLVING = frozenset({"get_type_hints", "model_rebuild", "update_forward_refs", "resolve_types"})


def _hints_of(value: object) -> list[str]:
    """Annotations that are texts, of a function or a class: names of classes."""
    if sys.version_info >= (3, 14):  # to ask for them may run code
        return []
    if type(value) is types.FunctionType:
        hints = value.__annotations__
    else:
        hints = members_of(value).get("__annotations__", {}) if issubclass(type(value), type) else {}  # type: ignore[arg-type]
    return [hint for hint in hints.values() if type(hint) is str] if type(hints) is dict else []


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
    if _uses_back_door(text, namespace):
        wanted |= text.words | {word for each in text.texts if len(each) < 200 for word in _WORD.findall(each)}
    if any(type(namespace.get(name)) not in (str, types.CodeType) for name in text.evaluated):
        text.dynamic_all = True  # what is run is known only when it runs
    for name in wanted:
        if name in namespace:
            named.setdefault(name, nothing)
    if text.all_outputs:
        named.update({name: nothing for name in list(namespace) if _OUTPUT.match(name)})
    if text.dynamic_all:
        named.update({name: nothing for name in list(namespace) if type(name) is str and not name.startswith("_")})
    return named


_BACK_DOORS = frozenset({"user_ns", "user_global_ns", "user_module", "f_globals", "__globals__"})


def _uses_back_door(text: CellText, namespace: dict[str, Any]) -> bool:
    """Whether the cell may reach names as attributes or items of something: ``__main__.x``, ``ip.user_ns["x"]``."""
    if _BACK_DOORS & text.words or "__main__" in text.imports or ("sys", "modules") in text.chains:
        return True
    held = [value for name in text.reads if type(value := namespace.get(name)) is types.ModuleType]
    return any(module.__dict__ is namespace for module in held)


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
    else:
        for part in _parts(value):
            if type(part) is str and len(part) < 300:
                found.texts.add(part)


def _parts(value: Any) -> list[object]:
    """Items of a short list or dictionary, attributes of an object of the notebook's: some are paths."""
    kind = type(value)
    if kind is dict or kind is list or kind is tuple:
        return list(value.values() if kind is dict else value) if len(value) < 50 else []
    layout = layout_of(kind)
    if layout.user and layout.dict_of is not None:
        own = layout.dict_of(value)
        return list(own.values())[:50] if type(own) is dict else []
    return []


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
