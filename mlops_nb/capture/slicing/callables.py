"""Functions, classes, modules, generators: what the notebook's own code is made of; and what is drawn."""

from __future__ import annotations

import functools
import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

from mlops_nb.capture.slicing.bytecode import names_of
from mlops_nb.capture.slicing.layout import ATOMS, bases_of, is_heap_type, is_local, members_of, module_name, type_name

_abc: Any = importlib.import_module("_abc")


def describe_module(probe: Any, value: types.ModuleType) -> None:
    """A library is what it is; a file beside the notebook has state that belongs to the session.

    Examples
    --------
    >>> from mlops_nb.capture.slicing.fingerprint import Probe
    >>> import json
    >>> Probe({}, 1.0).take(json).may_change
    False
    """
    own = types.ModuleType.__getattribute__(value, "__dict__")
    name = own.get("__name__")
    probe.out.append(("module", id(value)))
    if type(name) is str and is_local(name, probe.main) and own is not probe.namespace:
        probe.marks.add(id(value))
        for key, part in list(own.items()):
            if type(key) is str and key not in _MODULE_PLUMBING:
                probe.out.append(key)
                probe.stack.append(part)
    elif type(name) is str:
        probe.packages.add(name.partition(".")[0])
        if name == "matplotlib.pyplot":
            probe.packages.add("pyplot")


_MODULE_PLUMBING = frozenset(
    {"__name__", "__loader__", "__spec__", "__package__", "__builtins__", "__cached__", "__file__", "__path__"}
)


def _describe_function(probe: Any, value: types.FunctionType) -> None:
    space = value.__globals__
    home = space.get("__name__")
    own = value.__dict__
    probe.out.append(("function", id(value), value.__name__, id(value.__doc__)))
    if space is probe.namespace:
        probe.code(value.__code__)
    elif type(home) is str and is_local(home, probe.main):
        probe.out.append((id(value.__code__), hash(value.__code__.co_code)))
        probe.words |= names_of(value.__code__).words
        module = _module_with(space, home)
        if module is not None:
            probe.stack.append(module)
    elif type(home) is str:
        probe.packages.add(home.partition(".")[0])
        if home == "matplotlib.pyplot":
            probe.packages.add("pyplot")
        plain = all(id(type(part)) in ATOMS for part in value.__defaults__ or ())
        if value.__closure__ is None and not own and plain:
            return
    else:
        probe.code(value.__code__)
    probe.marks.add(id(value))
    if sys.version_info < (3, 14):  # since then to ask for them may run code
        probe.out.append(tuple((key, id(part)) for key, part in value.__annotations__.items() if type(key) is str))
    for part in (value.__defaults__, value.__kwdefaults__, own or None, value.__closure__):
        if part is not None:
            probe.stack.append(part)


def _module_with(space: dict[str, Any], name: str) -> types.ModuleType | None:
    module = sys.modules.get(name)
    return module if type(module) is types.ModuleType and module.__dict__ is space else None


def _describe_cell(probe: Any, value: Any) -> None:
    probe.marks.add(id(value))
    try:
        probe.push(value.cell_contents)
    except ValueError:
        probe.out.append("empty")


def _describe_builtin(probe: Any, value: Any) -> None:
    owner = types.BuiltinFunctionType.__dict__["__self__"].__get__(value)
    probe.out.append(("builtin", types.BuiltinFunctionType.__dict__["__name__"].__get__(value)))
    if owner is not None and not issubclass(type(owner), types.ModuleType):
        probe.push(owner)
    elif type(home := types.BuiltinFunctionType.__dict__["__module__"].__get__(value)) is str:
        probe.packages.add(home.partition(".")[0].removeprefix("_"))


def _describe_links(probe: Any, value: Any) -> None:
    """Types of C whose whole state is what they refer to: bound methods, partials, properties, views."""
    probe.out.append(type(value).__name__)
    probe.marks.add(id(value))
    probe.links(value)


def _describe_cached(probe: Any, value: Any) -> None:
    """Also how often it was asked: that is for everybody to see."""
    probe.out.append(tuple(functools._lru_cache_wrapper.cache_info(value)))
    _describe_links(probe, value)


def _describe_running(probe: Any, value: Any) -> None:
    """Generators and coroutines: where they stand cannot be read in full, so reading one counts as moving it."""
    probe.marks.add(id(value))
    probe.opaque = True
    kind = type(value)
    code = next((getattr(value, name) for name in ("gi_code", "cr_code", "ag_code") if hasattr(kind, name)), None)
    frame = next((getattr(value, name) for name in ("gi_frame", "cr_frame", "ag_frame") if hasattr(kind, name)), None)
    if code is not None and (frame is None or frame.f_globals is probe.namespace):  # a library's names are its own
        probe.code(code)
    probe.links(value)


def describe_class(probe: Any, value: type) -> None:
    """A class of the notebook's by its members; a library's is what it is.

    Examples
    --------
    >>> from mlops_nb.capture.slicing.fingerprint import Probe
    >>> Probe({}, 1.0).take(dict).may_change
    False
    """
    name = module_name(value)
    if not is_local(name, probe.main) or not is_heap_type(value):
        probe.out.append(("class", id(value)))
        if name:
            probe.packages.add(name.partition(".")[0])
        return
    probe.out.append(("class", id(value), type_name(value)))
    probe.marks.add(id(value))
    for key, part in list(members_of(value).items()):
        if key not in _CLASS_PLUMBING and id(type(part)) not in _DESCRIPTORS:
            probe.out.append(key if type(key) is str else "key")
            probe.stack.append(part)
    if "_abc_impl" in members_of(value):
        probe.out.append(registered(value))
    probe.stack.extend(bases_of(value)[1:])
    if is_local(module_name(maker := type(value)), probe.main):  # a metaclass of the notebook's
        probe.stack.append(maker)


def registered(value: type) -> tuple[int, ...]:
    """The classes that an abstract class was told to take for its own.

    Examples
    --------
    >>> registered(dict)
    ()
    """
    if "_abc_impl" not in members_of(value):
        return ()
    registry = _abc._get_dump(value)[0]  # `abc` itself asks it; there is no public way
    return tuple(sorted(id(one) for one in (reference() for reference in registry) if one is not None))


_DESCRIPTORS = frozenset(map(id, (types.GetSetDescriptorType, types.MemberDescriptorType)))
_CLASS_PLUMBING = frozenset({"__dict__", "__weakref__", "_abc_impl", "__slotnames__", "__annotations_cache__"})
"""Also what Python itself notes in a class when it is pickled or copied."""


def is_artist(kind: type) -> bool:
    """Whether a type is something of matplotlib's that is drawn, or draws.

    Examples
    --------
    >>> is_artist(dict)
    False
    """
    names = ("Artist", "FigureCanvasBase", "FigureManagerBase")
    return any(type_name(base) in names and module_name(base).startswith("matplotlib") for base in bases_of(kind))


def describe_artist(probe: Any, value: Any) -> None:
    """Anything drawn belongs to its figure, and touching it is taken as drawing.

    Examples
    --------
    >>> describe_artist.__name__  # called by fingerprints with what matplotlib draws
    'describe_artist'
    """
    probe.packages.add("matplotlib")
    probe.opaque = True
    probe.marks.add(id(value))
    seen = 0
    while value is not None and seen < 20:  # axes, subfigures, figure
        own = object.__getattribute__(value, "__dict__")
        above = own.get("_parent_figure", own.get("figure"))
        if above is None or above is value:
            probe.mark(("figure", id(value)))
            return
        value, seen = above, seen + 1


_LINKED: tuple[type, ...] = (
    types.MethodType, property, staticmethod, classmethod, types.MappingProxyType, type({}.keys()), type({}.values()),
    type({}.items()), functools.partial, memoryview, functools.partialmethod,
)  # fmt: skip

CODE: dict[int, Callable[[Any, Any], None]] = {
    id(types.FunctionType): _describe_function,
    id(types.BuiltinFunctionType): _describe_builtin,
    id(types.CellType): _describe_cell,
    id(types.ModuleType): describe_module,
    id(types.GeneratorType): _describe_running,
    id(types.CoroutineType): _describe_running,
    id(types.AsyncGeneratorType): _describe_running,
    id(type): describe_class,
    **{id(kind): _describe_links for kind in _LINKED},
    id(functools._lru_cache_wrapper): _describe_cached,
}
"""Describers by the identity of the exact type."""
