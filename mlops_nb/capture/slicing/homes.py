"""Library modules and classes that an execution names, before and after it: what was patched in them, by whom."""

from __future__ import annotations

import operator
import sys
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_nb.capture.slicing.bytecode import names_of
from mlops_nb.capture.slicing.callables import registered
from mlops_nb.capture.slicing.layout import is_heap_type, is_local, members_of, module_name, type_name

_MOST = 200
_PASSING = frozenset({"__warningregistry__", "__annotations__", "__signature__", "__doc__", "__cached__"})
_FRONT_END = frozenset({"IPython", "ipykernel", "matplotlib_inline", "mlops_nb"})
"""With the first figure, these put themselves into pyplot."""


@dataclass(slots=True, eq=False)
class Home:
    """A library's module or class, with what it held when it was looked at."""

    package: str
    value: Any
    members: dict[str, Any]
    classes: tuple[int, ...] = ()


def homes(
    chains: Iterable[tuple[str, ...]],
    namespace: Mapping[str, Any],
    aliases: Mapping[str, str],
    besides: Iterable[Any] = (),
) -> list[Home]:
    """What an execution could patch: the library modules and classes on the way of its dotted uses.

    Parameters
    ----------
    chains : iterable of tuple of str
        Dotted uses of globals, ``("json", "JSONEncoder", "default")``.
    namespace : mapping
        Of the session.
    aliases : mapping
        What the cell itself imports, by the name that it gets.
    besides : iterable
        Modules and classes that were patched before: they may be put back.

    Returns
    -------
    list of Home

    Examples
    --------
    >>> import json
    >>> [home.value.__name__ for home in homes([("json", "JSONEncoder", "default")], {"json": json}, {})]
    ['json', 'JSONEncoder']
    """
    found: dict[int, Home] = {}
    main = str(namespace.get("__name__", "__main__"))
    for value in besides:
        if (home := _home(value, main)) is not None:
            found[id(value)] = home
    for chain in chains:
        value = namespace.get(chain[0])
        if value is None:
            value = sys.modules.get(aliases.get(chain[0], ""))
        for part in (*chain[1:], ""):
            kind = value if type(value) is types.ModuleType or issubclass(type(value), type) else type(value)
            if id(kind) not in found and (home := _home(kind, main)) is not None:
                found[id(kind)] = home
            value = _part(value, part)
            if value is None:
                break
        if len(found) > _MOST:
            break
    return list(found.values())


def _part(value: Any, name: str) -> Any:
    if type(value) is types.ModuleType:
        return value.__dict__.get(name)
    if issubclass(type(value), type):
        return members_of(value).get(name)
    return type(value) if name == "__class__" else None


def _home(value: Any, main: str) -> Home | None:
    is_module = type(value) is types.ModuleType
    name = value.__dict__.get("__name__") if is_module else module_name(value)
    if type(name) is not str or not name or is_local(name, main) or not (is_module or is_heap_type(value)):
        return None
    package = name.partition(".")[0]
    if is_module:
        return Home(package, value, value.__dict__.copy())
    return Home(package, value, dict(members_of(value)), registered(value))


def patched(before: Iterable[Home], namespace: Mapping[str, Any], said: frozenset[str]) -> dict[Home, set[str]]:
    """Those in which something is not as it was, each with the globals that what was put there loads.

    Libraries also change themselves, as caches do: what counts is what the code names, or what is not the library's.

    Parameters
    ----------
    before : iterable of Home
        Of `homes`, before the execution.
    namespace : mapping
        Of the session.
    said : frozenset of str
        Words of the code, and of its texts; ``*`` for code that could name anything.

    Returns
    -------
    dict

    Examples
    --------
    >>> import json
    >>> looked = homes([("json", "dumps")], {"json": json}, {})
    >>> json.answer = 42
    >>> [home.package for home in patched(looked, {}, frozenset({"answer"}))], patched(looked, {}, frozenset())
    (['json'], {})
    >>> del json.answer
    """
    found: dict[Home, set[str]] = {}
    for home in before:
        is_module = type(home.value) is types.ModuleType
        now: Mapping[str, Any] = home.value.__dict__ if is_module else members_of(home.value)
        if home.classes and registered(home.value) != home.classes:
            found.setdefault(home, set())
        if not is_module and not home.classes and registered(home.value):
            found.setdefault(home, set())
        if len(now) == len(home.members) and all(map(operator.is_, now.values(), home.members.values())):
            continue
        for name, value in list(now.items()):
            if home.members.get(name) is not value and _counts(name, value, home, namespace, said):
                found.setdefault(home, set()).update(_loads(value, namespace))
        if home.members.keys() - now.keys() - _PASSING:
            found.setdefault(home, set())
    return found


def _counts(name: str, value: Any, home: Home, namespace: Mapping[str, Any], said: frozenset[str]) -> bool:
    if name in _PASSING or type(value) is types.ModuleType:
        return False
    if _came_late(name, value, home):
        return False
    if name in said or "*" in said:
        return True
    inner = _function(value)
    if type(inner) is types.FunctionType:
        made = str(inner.__globals__.get("__name__", "")).partition(".")[0]
        return inner.__globals__ is namespace or (made != home.package and made not in _FRONT_END)
    return is_local(module_name(type(value)), str(namespace.get("__name__", "__main__")))


def _came_late(name: str, value: Any, home: Home) -> bool:
    """Whether a module has only loaded a part of itself, as those do that have a ``__getattr__``."""
    if name in home.members or "__getattr__" not in home.members:
        return False
    if type(value) is types.FunctionType:
        made, called = str(value.__globals__.get("__name__", "")), value.__name__
    elif issubclass(type(value), type):
        made, called = module_name(value), type_name(value)
    else:
        return False
    return called == name and made.partition(".")[0] == home.package


def _function(value: Any) -> Any:
    if type(value) is property:
        return value.fget
    return value.__func__ if type(value) in (staticmethod, classmethod, types.MethodType) else value


def _loads(value: Any, namespace: Mapping[str, Any]) -> frozenset[str]:
    """The notebook's globals that a function of the notebook's loads."""
    inner = _function(value)
    is_own = type(inner) is types.FunctionType and inner.__globals__ is namespace
    return names_of(inner.__code__).loads if is_own else frozenset()
