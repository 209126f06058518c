"""How the state of an object of a type can be reached without running a line of its class's code."""

from __future__ import annotations

import functools
import re
import sys
import threading
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.capture.installed import is_installed

_type_dict = type.__dict__["__dict__"].__get__
_type_mro = type.__dict__["__mro__"].__get__
_type_name = type.__dict__["__name__"].__get__
_type_flags = type.__dict__["__flags__"].__get__
_type_size = type.__dict__["__basicsize__"].__get__
_type_items = type.__dict__["__itemsize__"].__get__
_type_dict_place = type.__dict__["__dictoffset__"].__get__
_type_weak_place = type.__dict__["__weakrefoffset__"].__get__
_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: the class was made at run time
_HEADER = 16  # reference count and type pointer
_POINTER = 8

ATOMS = frozenset(map(id, (int, float, str, bytes, bool, type(None), complex)))
"""Identities of the types whose objects are plain values."""

NATIVE: tuple[type, ...] = (
    OrderedDict, defaultdict, dict, list, tuple, set, frozenset, deque, bytearray,
    int, float, complex, str, bytes, BaseException, types.ModuleType, threading.local,
)  # fmt: skip
"""Built-in types whose state is read with their own methods, also in subclasses; the more special first."""


@dataclass(slots=True)
class Layout:
    """What the objects of one type are made of.

    `native` is the built-in type that holds part of the state; `opaque` says that there is state in C that nothing here
    can read; `user` that the class was written in the notebook or in a local file; `frozen` that objects of the type
    are
    taken as values (identity tells all); `transient` are attributes that only cache what can be computed again.
    """

    serial: int
    package: str
    user: bool
    native: type | None
    opaque: bool
    frozen: bool
    hollow: bool = False
    outside: bool = False
    dict_of: Any = None
    slots: tuple[Any, ...] = ()
    transient: frozenset[str] = field(default_factory=frozenset)
    names: frozenset[str] = field(default_factory=frozenset)


_layouts: dict[int, tuple[weakref.ref[type], Layout]] = {}


def layout_of(kind: type, main: str = "__main__") -> Layout:
    """The layout of a type, cached for as long as the type lives.

    Parameters
    ----------
    kind : type
        Any class, also with a metaclass of the user's.
    main : str
        The module name of classes that are written in the notebook.

    Returns
    -------
    Layout

    Examples
    --------
    >>> class Point:
    ...     __slots__ = ("x", "y")
    >>> layout_of(Point).opaque, len(layout_of(Point).slots)
    (False, 2)
    """
    kept = _layouts.get(id(kind))
    if kept is not None and kept[0]() is kind:
        return kept[1]
    made = _make(kind, main)
    _layouts[id(kind)] = (weakref.ref(kind), made)
    return made


def members_of(kind: type) -> types.MappingProxyType[str, Any]:
    """A class's own ``__dict__``, whatever its metaclass overrides.

    Examples
    --------
    >>> "split" in members_of(str)
    True
    """
    found: types.MappingProxyType[str, Any] = _type_dict(kind)
    return found


def bases_of(kind: type) -> tuple[type, ...]:
    """A class's method resolution order, whatever its metaclass overrides.

    Examples
    --------
    >>> bases_of(bool)[1].__name__
    'int'
    """
    found: tuple[type, ...] = _type_mro(kind)
    return found


def type_name(kind: type) -> str:
    """A class's name, whatever its metaclass overrides.

    Examples
    --------
    >>> type_name(bool)
    'bool'
    """
    found: str = _type_name(kind)
    return found


def is_heap_type(kind: type) -> bool:
    """Whether a class was made at run time, as all classes written in Python are.

    Examples
    --------
    >>> is_heap_type(dict)
    False
    """
    return bool(_type_flags(kind) & _HEAP)


def module_name(kind: type) -> str:
    """The module that a class says it was made in, or an empty string.

    Examples
    --------
    >>> module_name(OrderedDict)
    'collections'
    """
    if not is_heap_type(kind):  # a static type of C: its name is in the type itself
        name = type.__dict__["__module__"].__get__(kind)
    else:
        name = members_of(kind).get("__module__")
    return name if type(name) is str else ""


@functools.lru_cache(maxsize=4096)
def _is_local_file(name: str, path: str) -> bool:
    if not path or path.startswith("<") or name.partition(".")[0] == "mlops_nb":
        return False
    return not is_installed(path)


def is_local(name: str, main: str = "__main__") -> bool:
    """Whether a module is the notebook's own or a file beside it, so that its state belongs to the session.

    Examples
    --------
    >>> is_local("__main__"), is_local("json")
    (True, False)
    """
    if name in (main, "__main__"):
        return True
    module = sys.modules.get(name)
    if module is None or type(module) is not types.ModuleType:
        return False
    path = module.__dict__.get("__file__")
    return type(path) is str and _is_local_file(name, path)


def _make(kind: type, main: str) -> Layout:
    mro = bases_of(kind)
    name = module_name(kind)
    user = is_local(name, main)
    native = next((base for base in NATIVE if any(one is base for one in mro)), None)
    package = "" if user else name.partition(".")[0]
    made = Layout(len(_layouts) + 1, package, user, native, False, not user and _is_frozen(mro))
    made.hollow = any((module_name(base), type_name(base)) in _HOLLOW for base in mro)
    made.outside = any(_OUTSIDE.match(module_name(base)) for base in mro)
    slots: list[Any] = []
    transient: set[str] = set()
    for one in mro:
        for key, member in members_of(one).items():
            if key == "__dict__" and type(member) in _DESCRIPTORS and made.dict_of is None:
                made.dict_of = member.__get__
            elif type(member) is types.MemberDescriptorType and type(key) is str:
                slots.append(member)
            elif not user and type(key) is str and _is_cache(member):
                transient.add(key)
        transient |= _TRANSIENT.get((module_name(one), type_name(one)), set())
    made.slots, made.transient = tuple(slots), frozenset(transient)
    made.opaque = not made.frozen and (
        _is_stateful(kind, name, user) or _has_hidden_state(kind, native, len(slots), made.dict_of is not None)
    )
    return made


_DESCRIPTORS = (types.GetSetDescriptorType, types.MemberDescriptorType)

_TRANSIENT = {
    ("threading", "Thread"): {"_stderr", "_invoke_excepthook"},  # for its traceback: they lead to the whole kernel
    ("threading", "Condition"): {"_waiters"},
}
"""Attributes of objects of Python's own that say nothing of the session."""


def _is_stateful(kind: type, module: str, user: bool) -> bool:
    """Whether a library's class keeps its state where its instances do not show it: in C, or in a function's cells."""
    qualified = type.__dict__["__qualname__"].__get__(kind)
    made_in_function = not user and type(qualified) is str and "<locals>" in qualified
    return (module, type_name(kind)) in _STATEFUL or made_in_function


def _is_cache(member: object) -> bool:
    kind = type(member)
    return kind is functools.cached_property or type_name(kind) in ("CachedAttribute", "cache_readonly")


def _is_frozen(mro: tuple[type, ...]) -> bool:
    """Enumerations, locks and loggers are shared by all; compiled trees and type objects of libraries never change."""
    return any((module_name(base), type_name(base)) in _FROZEN for base in mro)


_FROZEN = frozenset(
    {
        ("enum", "Enum"), ("logging", "Manager"), ("_thread", "lock"), ("_thread", "RLock"), ("pathlib", "PurePath"),
        ("pathlib._local", "PurePath"), ("uuid", "UUID"),
        ("sklearn.tree._tree", "Tree"), ("sklearn.neighbors._kd_tree", "KDTree"),
        ("sklearn.neighbors._ball_tree", "BallTree"),
        ("sklearn._loss._loss", "CyLossFunction"), ("re", "Pattern"), ("re", "Match"), ("datetime", "date"),
        ("datetime", "time"), ("datetime", "timedelta"), ("datetime", "tzinfo"), ("decimal", "Decimal"),
        ("fractions", "Fraction"), ("builtins", "range"), ("builtins", "slice"), ("builtins", "code"),
        ("numpy", "generic"), ("numpy", "ufunc"), ("ipykernel.iostream", "OutStream"),
        ("pandas._libs.tslibs.timedeltas", "Timedelta"), ("pandas._libs.interval", "Interval"),
        ("pandas._libs.tslibs.period", "_Period"), ("pandas._libs.tslibs.offsets", "BaseOffset"),
        ("pandas.core.dtypes.base", "ExtensionDtype"), ("pandas.api.extensions", "ExtensionDtype"),
        ("polars.expr.expr", "Expr"), ("polars.lazyframe.frame", "LazyFrame"),
        ("polars.datatypes.classes", "DataType"), ("typing", "_Final"), ("types", "GenericAlias"),
        ("operator", "itemgetter"), ("operator", "attrgetter"), ("operator", "methodcaller"), ("builtins", "ellipsis"),
        ("builtins", "wrapper_descriptor"), ("builtins", "method_descriptor"), ("builtins", "getset_descriptor"),
        ("builtins", "member_descriptor"), ("builtins", "classmethod_descriptor"), ("builtins", "NotImplementedType"),
        ("typing", "TypeVar"), ("_struct", "Struct"), ("builtins", "method-wrapper"), ("zoneinfo", "ZoneInfo"),
        ("builtins", "weakref"), ("builtins", "traceback"), ("builtins", "frame"),
        ("IPython.core.interactiveshell", "InteractiveShell"),
        ("numpy", "ndarray_flags"), ("_abc", "_abc_data"), ("types", "UnionType"), ("collections", "_tuplegetter"),
        ("_collections", "_tuplegetter"), ("torch", "device"), ("torch", "dtype"), ("torch", "layout"),
        ("torch", "memory_format"), ("pydantic_core._pydantic_core", "SchemaValidator"),
        ("pydantic_core._pydantic_core", "SchemaSerializer"),
        ("sympy.core.basic", "Basic"), ("ipykernel.kernelbase", "Kernel"), ("comm.base_comm", "BaseComm"),
        ("comm.base_comm", "CommManager"), ("functools", "_lru_list_elem"),
        ("sqlalchemy.util._immutabledict_cy", "immutabledict"),
    }
)  # fmt: skip


_HOLLOW = frozenset(
    {("polars.expr.expr", "Expr"), ("polars.lazyframe.frame", "LazyFrame"), ("numpy", "ufunc"), ("ctypes", "CDLL")}
)
"""Frozen themselves, but they may call functions that nobody can see in them."""

_STATEFUL = frozenset({("ctypes", "CDLL")})
"""Written in Python, with state behind it that is not."""

_OUTSIDE = re.compile(
    r"^(_socket|socket|multiprocessing\.(connection|managers|shared_memory)|(h5py|tables|netCDF4|_?duckdb|zmq|psycopg2?"
    r"|pymongo|redis)(\.|$)|sqlalchemy\.(engine\.(base|create)|orm\.(session|scoping)|ext\.asyncio)(\.|$))"
)
"""Ends of pipes, sockets, open databases: the state is somewhere else, and several objects show it."""


def _has_hidden_state(kind: type, native: type | None, slots: int, has_dict: bool) -> bool:
    """Whether instances are bigger than what slots, `native` and the object header account for."""
    base = _type_size(native) if native is not None else _HEADER
    room = base + _POINTER * slots
    for offset in (_type_dict_place(kind), _type_weak_place(kind)):  # where they are inline
        room += _POINTER if offset not in (0, -1) else 0
    if native is None and not has_dict and not is_heap_type(kind):
        return kind is not object
    return bool(_type_size(kind) > room or (native is None and _type_items(kind)))
