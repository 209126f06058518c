"""What a cell uses without naming it: finalisers of objects that it lets go, magics of its own, replaced streams."""

from __future__ import annotations

import io
import sys
import types
import weakref
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlops_nb.capture.slicing.commands import Command
from mlops_nb.capture.slicing.layout import bases_of, is_local, members_of, module_name


def endings(namespace: Mapping[str, Any], names: Iterable[str]) -> Iterator[object]:
    """What may run when these names no longer hold their objects: ``__del__`` of the notebook's classes, finalisers.

    Parameters
    ----------
    namespace : mapping
        Of the session, before the names are bound anew or deleted.
    names : iterable of str
        Of the namespace.

    Yields
    ------
    object
        Functions, and arguments that they will get.

    Examples
    --------
    >>> log = []
    >>> class Noisy:
    ...     def __del__(self): log.append("gone")
    >>> [part.__name__ for part in endings({"__name__": __name__, "x": Noisy()}, ["x"])]
    ['__del__']
    """
    main = str(namespace.get("__name__", "__main__"))
    registered = [info for info in list(_finalisers().values()) if getattr(info, "weakref", None) is not None]
    for name in names:
        value = namespace.get(name)
        for base in bases_of(type(value)):
            if "__del__" in members_of(base) and is_local(module_name(base), main):
                yield members_of(base)["__del__"]
        for info in registered:
            if info.weakref() is value:
                yield (info.func, info.args, info.kwargs)
        own = is_local(module_name(type(value)), main)
        for reference in _references_to(value):
            if own or reference.__callback__ is not None:  # somebody may see that it is gone
                yield (reference, reference.__callback__)
        if not _FINISHED.isdisjoint(map(id, bases_of(type(value)))):
            yield value


def has_endings(namespace: Mapping[str, Any]) -> bool:
    """Whether a class of the notebook's has a ``__del__``.

    Examples
    --------
    >>> has_endings({"x": 1})
    False
    """
    kinds = [value for value in list(namespace.values()) if issubclass(type(value), type)]
    return any("__del__" in members_of(kind) for kind in kinds)


_FINISHED = frozenset(
    map(
        id,
        (
            *(types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),  # run their ``finally`` when they go
            *(io.IOBase, io.RawIOBase, io.BufferedIOBase, io.TextIOBase, io.TextIOWrapper, io.BufferedWriter),
            *(io.BufferedRandom, io.FileIO, zipfile.ZipFile),  # are written to their file then
        ),
    )
)


def _references_to(value: object) -> list[weakref.ref[Any]]:
    try:
        return [each for each in weakref.getweakrefs(value) if issubclass(type(each), weakref.ref)]
    except TypeError:  # no weak references to such
        return []


def hooks_of(namespace: Mapping[str, Any]) -> list[object]:
    """The notebook's own functions that IPython calls before and after each cell (``events.register``).

    Examples
    --------
    >>> hooks_of({})
    []
    """
    shell = _shell()
    callbacks = getattr(getattr(shell, "events", None), "callbacks", None)
    if type(callbacks) is not dict:
        return []
    return [each for known in callbacks.values() for each in list(known) if _is_own(each, namespace)]


def _is_own(function: object, namespace: Mapping[str, Any]) -> bool:
    inner = function.__func__ if type(function) is types.MethodType else function
    return type(inner) is types.FunctionType and inner.__globals__ is namespace


def finalisers_of(namespace: Mapping[str, Any]) -> tuple[int, ...]:
    """Marks of what `weakref.finalize` is to call: of objects of the notebook's classes, or functions of its own.

    Examples
    --------
    >>> finalisers_of({})
    ()
    """
    fresh: dict[int, tuple[object, bool]] = {}
    for key, info in list(_finalisers().items()):
        known = _judged.get(id(key))
        fresh[id(key)] = known if known is not None and known[0] is key else (key, _is_followed(info, namespace))
    _judged.clear()
    _judged.update(fresh)
    return tuple(number for number, (_, followed) in fresh.items() if followed)


_judged: dict[int, tuple[object, bool]] = {}
"""Finalisers that were looked at before: libraries keep some hundred, and each cell asks twice."""


def _is_followed(info: object, namespace: Mapping[str, Any]) -> bool:
    reference, function = getattr(info, "weakref", None), getattr(info, "func", None)
    value = reference() if reference is not None else None
    main = str(namespace.get("__name__", "__main__"))
    return _is_own(function, namespace) or is_local(module_name(type(value)), main)


def streams_of(namespace: Mapping[str, Any]) -> list[object]:
    """What the notebook has put in the place of standard output and error: whatever is printed changes it.

    Examples
    --------
    >>> streams_of({})
    []
    """
    main = str(namespace.get("__name__", "__main__"))
    return [
        stream
        for stream in (sys.stdout, sys.stderr)
        if type(stream) is io.StringIO or is_local(module_name(type(stream)), main)
    ]


def _finalisers() -> Mapping[Any, Any]:
    """What `weakref.finalize` has registered: private, so that it may be somewhere else one day."""
    found = getattr(weakref.finalize, "_registry", None)
    return found if type(found) is dict else {}


def magic_functions() -> dict[str, dict[str, Any]]:
    """Every magic that the shell has now, by ``line`` or ``cell`` and its name.

    Examples
    --------
    >>> isinstance(magic_functions(), dict)
    True
    """
    manager = getattr(_shell(), "magics_manager", None)
    kinds = getattr(manager, "magics", None)
    if type(kinds) is not dict:
        return {}
    return {kind: dict(known) for kind, known in kinds.items()}


def _shell() -> Any:
    home = sys.modules.get("IPython.core.interactiveshell")
    return getattr(getattr(home, "InteractiveShell", None), "_instance", None)


def own_magics(
    commands: Iterable[Command], magics: Mapping[str, Mapping[str, Any]], namespace: Mapping[str, Any]
) -> dict[str, Any]:
    """The functions behind those commands of a cell that the notebook itself has registered, by mark and name.

    Parameters
    ----------
    commands : iterable of Command
        Of the cell.
    magics : mapping
        Of `magic_functions`.
    namespace : mapping
        Of the session.

    Examples
    --------
    >>> own_magics([], {}, {})
    {}
    """
    main = str(namespace.get("__name__", "__main__"))
    found: dict[str, Any] = {}
    for command in commands:
        mark = f"{command.kind}:{command.name}"
        function = magics.get(command.kind, {}).get(command.name)
        inner = function.__func__ if type(function) is types.MethodType else function
        if type(inner) is types.FunctionType and is_local(str(inner.__globals__.get("__name__")), main):
            found[mark] = function
    return found
